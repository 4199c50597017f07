"""Firing rate of cultures as they age: the median electrode of each, and the quartiles around it."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import of_replicate

_LINES = ("-", "--", ":", "-.")


def development(
    measures: Measures,
    comparison: xr.Dataset,
    *,
    metric: str = "firing_rate",
    factor: str = "age",
    unit: str = "days in vitro",
    where: dict[str, str | int | float] | None = None,
) -> Drawn:
    """Median and quartiles over units of a metric against a numeric factor, one line for each subject.

    Of several sources a line has the looks of its source, and no quartiles, which would hide each other.

    metric: the label of the metric. factor, unit: the factor that is the horizontal axis, and its unit. where: only
    replicates whose factors have these levels.
    """
    figure = drawing.new_figure(4.5, 3.2)
    axes = figure.add_subplot()
    style, notes = drawing.styles(measures), []
    is_alone = len(measures.get(metric, {})) == 1
    for source, estimate in measures.get(metric, {}).items():
        values = estimate[estimate.attrs["metric"]]
        if "unit" not in values.dims:
            continue
        chosen = [r for r in estimate.replicate.values if _has(estimate, r, where or {})]
        subjects = _subjects(estimate, factor, chosen)
        for k, (subject, course) in enumerate(subjects.items()):
            at, middle, low, high = np.array(course).T
            shift = (
                min(0.012, 0.06 / len(subjects)) * np.ptp(at) * (k - (len(subjects) - 1) / 2)
            )  # so that the error bars do not hide each other
            if is_alone:
                looks = {"color": style[source]["color"], "marker": drawing.MARKERS[k % len(drawing.MARKERS)]}
                drawing.errorbar(axes, at + shift, middle, low, high, label=subject, linestyle=_LINES[k % len(_LINES)], **looks)
            else:
                axes.plot(at + shift, middle, label=source, linewidth=0.7, markersize=3.5, alpha=0.7, **style[source])
        if subjects:
            counts = [int(np.sum(estimate.unit_replicate.values == r)) for r in chosen]
            notes.append(
                f"{source}: n = {len(subjects)} subjects, {len(counts)} recordings with {min(counts)} to {max(counts)} units each"
            )
    if not notes:
        return drawing.nothing(f"no source has values of {metric} for units, and a numeric factor {factor}")
    axes.set_yscale("log", nonpositive="clip")
    drawing.plain_numbers(axes.yaxis)
    drawing.label(axes, f"{factor.capitalize()} ({unit})", f"{values.attrs['long_name']} ({values.attrs['units']})")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        f"{values.attrs['long_name']} against {factor}. Markers: median over the units of a recording; "
        f"{'error bars: quartiles over units; ' if is_alone else ''}one line for each subject (realisation of a model), moved "
        f"sideways so that they can be told apart. {'; '.join(notes)}.",
    )


def _has(estimate: xr.Dataset, replicate: str, where: Mapping[str, object]) -> bool:
    """Whether the factors of a replicate have these levels."""
    factors = json.loads(str(estimate.factors.sel(replicate=replicate).values))
    return all(factors.get(key) == level for key, level in where.items())


def _subjects(estimate: xr.Dataset, factor: str, chosen: Sequence[str]) -> dict[str, list[tuple[float, float, float, float]]]:
    """Subject -> (level, median, quartiles) in order of the level; units in their mean over epochs."""
    found: dict[str, list[tuple[float, float, float, float]]] = {}
    for replicate in chosen:
        here = estimate.sel(replicate=replicate)
        level = json.loads(str(here.factors.values)).get(factor)
        mine = of_replicate(estimate, estimate.attrs["metric"], replicate)
        mine = mine.mean([d for d in mine.dims if d != "unit"], skipna=True).dropna("unit")
        if isinstance(level, int | float) and mine.size:
            low, middle, high = np.quantile(mine.values, [0.25, 0.5, 0.75])
            found.setdefault(str(here.subject.values), []).append((float(level), middle, low, high))
    return {subject: sorted(course) for subject, course in found.items()}
