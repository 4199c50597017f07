"""Overview of a comparison: how far each candidate is from its target, in units of how far the target is from itself."""

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures

_REFERENCES = ("null", "data")


def discrepancy(measures: Measures, comparison: xr.Dataset) -> Drawn:
    """Discrepancy of every candidate, one row for each contrast and metric, one panel for each target."""
    style = drawing.styles(measures)
    rows = {str(t): _rows(comparison.sel(target=t)) for t in comparison.target.values}
    rows = {target: listed for target, listed in rows.items() if listed}
    refused = _refused(comparison)
    if not rows:
        return drawing.nothing(f"nothing could be compared. {refused}".rstrip(". "))
    heights = [len(listed) + 1.2 for listed in rows.values()]
    figure = drawing.new_figure(7, 0.9 + 0.3 * sum(heights))
    axes = np.ravel(figure.subplots(len(rows), 1, sharex=True, height_ratios=heights))
    used: dict[str, None] = {}
    reach = [0.5, 2.0]
    for one, (target, listed) in zip(axes, rows.items(), strict=True):
        used |= dict.fromkeys(_panel(one, comparison.sel(target=target), listed, style, reach))
        one.set_title(f"Target: {target}", loc="left")
    axes[-1].set_xscale("log")
    axes[-1].set_xlim(0.7 * min(reach), 1.4 * max(reach))
    drawing.plain_numbers(axes[-1].xaxis)
    axes[-1].set_xlabel("Discrepancy / ceiling (1)")
    axes[int(np.argmax(heights))].set_ylabel("Contrast (metric)")  # a panel of one row is lower than the label is long
    entries: dict[str, Any] = {c: Line2D([], [], **{"linestyle": "none", "markersize": 5, **style[c]}) for c in used}
    if bool(comparison.fitted.any()):
        entries["fitted (hollow)"] = Line2D([], [], linestyle="none", marker="o", color="#444444", markerfacecolor="white")
    entries[drawing.NULL_LABEL] = Line2D([], [], **drawing.NULL)
    entries[drawing.CEILING_LABEL] = Patch(**drawing.CEILING)
    drawing.place_legend(figure, entries)
    return Drawn(
        figure,
        "Discrepancy of each candidate from its target, divided by the ceiling: the 95th percentile of the distance between "
        "random halves of the target. In the grey band a candidate matches. Grey dashes: null, the surrogates of the target; "
        "where they lie in the band, the comparison decides nothing. Error bars: 95 % interval over the draws of halves, within "
        "the recording. Hollow: was fitted to this target, gets no verdict. "
        f"n (subjects or realisations): {_counts(comparison)}. {refused}".strip(),
    )


def _rows(of_target: xr.Dataset) -> list[tuple[str, str]]:
    """The (contrast, metric) with a ceiling to divide by."""
    return [
        (str(c), str(m))
        for c in of_target.contrast.values
        for m in of_target.metric.values
        if float(of_target.ceiling.sel(contrast=c, metric=m)) > 0
    ]


def _panel(
    axes: Axes, of_target: xr.Dataset, rows: list[tuple[str, str]], style: dict[str, dict[str, Any]], reach: list[float]
) -> list[str]:
    """The rows of one target; returns the candidates that were drawn, and adds to `reach` where they lie."""
    drawn: list[str] = []
    axes.axvspan(1e-9, 1, **drawing.CEILING)
    candidates = [str(c) for c in of_target.candidate.values if c not in _REFERENCES]
    for y, (contrast, metric) in enumerate(rows):
        cells = of_target.sel(contrast=contrast, metric=metric)
        ceiling = float(cells.ceiling)
        floor = float(cells.discrepancy.sel(candidate="null")) / ceiling
        axes.plot([floor, floor], [y - 0.42, y + 0.42], **{**drawing.NULL, "linewidth": 1.5})
        reach.append(floor)
        here = [c for c in candidates if int(cells.comparable.sel(candidate=c))]
        for k, candidate in enumerate(here):
            cell = cells.sel(candidate=candidate)
            value, low, high = (float(cell[v]) / ceiling for v in ("discrepancy", "within_low", "within_high"))
            at = y + 0.5 * ((k + 0.5) / len(here) - 0.5)
            face = "white" if int(cell.fitted) else style[candidate]["color"]
            error = np.array([[max(value - low, 0)], [max(high - value, 0)]])
            looks = {"linestyle": "none", "capsize": 2, "markersize": 5, "markerfacecolor": face, **style[candidate]}
            axes.errorbar([value], [at], xerr=error, **looks)
            drawn.append(candidate)
            reach += [v for v in (value, high) if v > 0]
    axes.set_yticks(range(len(rows)), [f"{c} ({m.replace('_', ' ')})" for c, m in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    return drawn


def _counts(comparison: xr.Dataset) -> str:
    """Subjects behind each source: the most that any row has."""
    most = comparison.n_subjects.max([d for d in comparison.n_subjects.dims if d != "source"])
    return ", ".join(f"{s} {int(n)}" for s, n in zip(comparison.source.values, most.values, strict=True) if n)


def _refused(comparison: xr.Dataset) -> str:
    """What could not be compared, and why: one sentence for each reason."""
    found: dict[str, tuple[dict[str, None], dict[str, None]]] = {}
    cells = comparison.stack(cell=("target", "contrast", "metric", "candidate"))
    for (_, contrast, _, candidate), reason in zip(cells.cell.values, cells.reason.values, strict=True):
        structural = reason.startswith(("not a candidate", "the contrast does not ask"))
        if reason and not structural and candidate not in _REFERENCES:
            who, where = found.setdefault(reason, ({}, {}))
            who[candidate], where[contrast] = None, None
    listed = [f"{', '.join(who)} in {', '.join(where)} ({reason})" for reason, (who, where) in found.items()]
    return f"Not comparable: {'; '.join(listed)}." if listed else ""
