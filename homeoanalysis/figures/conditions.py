"""A metric in each condition and epoch, one panel for each source, beside what it is where nothing is to be found."""

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import Summary, epochs_of, levels_of, of_replicate, summarise
from homeoanalysis.numerics.summaries import conditions as conditions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_INCH, _LETTERS = 0.55, 8  # of one condition, and of its name in a line


class _Group(NamedTuple):
    """One condition in one epoch."""

    words: list[str]
    summary: Summary
    floor: float


def conditions(
    measures: Measures,
    comparison: xr.Dataset,
    *,
    metric: str = "firing_rate",
    floor: str = "",
    floor_label: str = "nothing found",
) -> Drawn:
    """Mean and interval of a metric in each condition of each source; where the metric has no value, nothing is drawn.

    metric: its label. floor: the companion of it that says what is found where there is nothing, drawn as dashes (`chance` of
    decoding_accuracy, `shuffled` of position_error), and floor_label what the legend calls it.
    """
    by_source = {s: (e, list(_groups(e, floor))) for s, e in measures.get(metric, {}).items()}
    left = [f"{s} is not drawn: {drawing.without_value(e)}" for s, (e, groups) in by_source.items() if not groups]
    drawn = {s: pair for s, pair in by_source.items() if pair[1]}
    if not drawn:
        return drawing.nothing(f"no source has one value of {metric} in a condition")
    sizes = [len(groups) for _, groups in drawn.values()]
    figure = drawing.new_figure(min(7.0, max(3.5, len(sizes) + _INCH * sum(sizes))), 3 + 0.15 * len(sizes))
    units = {str(e[e.attrs["metric"]].attrs["units"]) for e, _ in drawn.values()}
    panels = np.ravel(figure.subplots(1, len(drawn), sharey=len(units) == 1, width_ratios=sizes, squeeze=False))
    style, notes = drawing.styles(measures), []
    for axes, (source, (estimate, groups)) in zip(panels, drawn.items(), strict=True):
        _panel(axes, groups, floor_label, {**style[source], "label": source})
        if axes is panels[0] or len(units) > 1:
            values = estimate[estimate.attrs["metric"]]
            axes.set_ylabel("\n".join(textwrap.wrap(f"{values.attrs['long_name']} ({values.attrs['units']})", 36)))
        axes.set_xlabel(f"Condition ({_factors(estimate)})")
        bounds = estimate[estimate.attrs["metric"]].attrs
        if bounds.get("valid_min") == 0 and "valid_max" not in bounds:  # a quantity whose ratio to the dashes can be seen
            axes.set_ylim(bottom=0)
        notes.append(drawing.counted(source, estimate, [group.summary for group in groups]))
    drawing.legend(figure, measures)
    told = f"Grey dashes: {floor_label}. " if floor else ""
    return Drawn(
        figure,
        f"{values.attrs['long_name']}, one panel for each source. Markers: mean of units, then replicates, then subjects; error "
        f"bars: 95 % interval. {told}{'; '.join([*notes, *left])}.",
    )


def _groups(estimate: xr.Dataset, floor: str) -> Iterator[_Group]:
    """The conditions and epochs in which there is one number."""
    name, epochs = estimate.attrs["metric"], epochs_of(estimate)
    for replicates in conditions_of(estimate).values():
        for epoch in epochs:
            summary = summarise(estimate, replicates, epoch=epoch)
            if summary.mean.dims or not np.isfinite(float(summary.mean)):
                continue
            nothing = np.nan
            if floor:
                part = estimate if epoch is None else estimate.sel(epoch=epoch)
                each = [of_replicate(part, f"{name}_{floor}", r).values for r in replicates]
                nothing = float(np.nanmean(np.concatenate([np.ravel(x) for x in each])))
            levels = [str(level) for _, level in sorted(levels_of(estimate, replicates[0]).items())]
            words = [*levels, *([epoch] if epoch is not None and len(epochs) > 1 else [])] or ["all"]
            yield _Group(words, summary, nothing)


def _panel(axes: "Axes", groups: list[_Group], floor_label: str, style: dict[str, object]) -> None:
    for at, (_, summary, floor) in enumerate(groups):
        looks = {**style, "label": style["label"] if at == 0 else None}
        drawing.errorbar(axes, [at], summary.mean, summary.low, summary.high, **looks)
        if np.isfinite(floor):
            axes.plot([at - 0.4, at + 0.4], [floor, floor], label=floor_label if at == 0 else None, **drawing.NULL)
    axes.set_xticks(range(len(groups)), ["\n".join(line for w in g.words for line in _lines(w)) for g in groups])
    axes.set_xlim(-0.6, len(groups) - 0.4)


def _lines(word: str) -> list[str]:
    """A name in lines that do not reach into those of its neighbours; a name has no spaces to wrap at."""
    return textwrap.wrap(word.replace("_", "_ "), _LETTERS) or [word]


def _factors(estimate: xr.Dataset) -> str:
    """What the names of the conditions are levels of."""
    names = sorted(levels_of(estimate, str(estimate.replicate.values[0])))
    return ", ".join([*names, *(["epoch"] if len(epochs_of(estimate)) > 1 else [])]) or "all"
