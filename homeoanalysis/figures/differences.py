"""How far each candidate is from its target, with the margin that matters and the verdict."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.contracts.schemas import NOT_ASKED
from homeoanalysis.drawing import Drawn, Measures

if TYPE_CHECKING:  # the config check loads every figure, and need not pay for matplotlib
    from matplotlib.axes import Axes

_RATIO = "log ratio"
_MARGIN_LABEL = "margin: differences that do not matter"


class _Line(NamedTuple):
    """One candidate in one contrast and metric."""

    row: str
    candidate: str
    value: float
    interval: tuple[float, float]
    margin: tuple[float, float]
    verdict: str


def differences(measures: Measures, comparison: xr.Dataset) -> Drawn:
    """The difference of every candidate with its 95 % interval, a panel for each target and unit."""
    panels = _collect_panels(comparison)
    if not panels:
        refused = " ".join(_list_refusals(comparison))
        return drawing.nothing(refused or "the study judges no candidate")
    style = drawing.styles(measures)
    heights = [_measure_height(lines) for lines in panels.values()]
    candidates = list(dict.fromkeys(line.candidate for lines in panels.values() for line in lines))
    inches = sum(heights) + 0.7 * len(heights) + 0.17 * len(candidates)
    figure = drawing.new_figure(7, inches)
    axes = figure.subplots(len(panels), 1, squeeze=False, height_ratios=[h + 0.3 for h in heights])
    for one, ((target, unit), lines) in zip(axes[:, 0], panels.items(), strict=True):
        _draw_panel(one, lines, style, 1.0 if unit == _RATIO else 0.0)
        one.set_title(f"Target: {target}", loc="left")
        if unit == _RATIO:
            one.set_xscale("log")
            drawing.plain_numbers(one.xaxis)
        told = f"Candidate / {target} (1)" if unit == _RATIO else f"Candidate less {target} ({unit})"
        drawing.label(one, told, "Contrast (metric)")
    drawing.place_legend(figure, _make_legend(candidates, style))
    return Drawn(
        figure,
        "Difference of each candidate from its target with its 95 % interval over subjects and realisations; ratios where the "
        "metric is relative. Grey band: the margin, within which a difference does not matter. A candidate agrees where its "
        "90 % interval lies within the band, differs where its 95 % interval excludes no difference, and else it cannot be "
        f"told. Hollow: was fitted to this target, gets no verdict. n: {_count_members(comparison)}. "
        f"{' '.join(_list_refusals(comparison))}".strip(),
    )


def _collect_panels(comparison: xr.Dataset) -> dict[tuple[str, str], list[_Line]]:
    """(target, unit) -> its lines; a ratio stands as such, not as its logarithm."""
    panels: dict[tuple[str, str], list[_Line]] = {}
    for target in comparison.target.values.tolist():
        for contrast in comparison.contrast.values.tolist():
            for metric in comparison.metric.values.tolist():
                for candidate in comparison.candidate.values.tolist():
                    at = dict(target=target, contrast=contrast, metric=metric, candidate=candidate)
                    cell = comparison.sel(at)
                    if int(cell.comparable):
                        unit = str(cell.difference_unit.values)
                        names = ("difference", "difference_low", "difference_high", "margin_low", "margin_high")
                        value, *ends = (float(cell[name]) for name in names)
                        if unit == _RATIO:
                            value, *ends = map(float, np.exp([value, *ends]))
                        row = f"{contrast} ({metric.replace('_', ' ')})"
                        verdict = str(cell.verdict.values)
                        line = _Line(row, candidate, value, (ends[0], ends[1]), (ends[2], ends[3]), verdict)
                        panels.setdefault((target, unit), []).append(line)
    return panels


def _measure_height(lines: list[_Line]) -> float:
    """Of a panel [inch]: a line of text for each candidate, and a gap between rows."""
    return 0.17 * len(lines) + 0.12 * len({line.row for line in lines}) + 0.25


def _draw_panel(axes: "Axes", lines: list[_Line], style: dict[str, dict[str, Any]], nothing: float) -> None:
    """nothing: where there is no difference."""
    y, ticks = 0.0, {}
    for row in dict.fromkeys(line.row for line in lines):
        mine = [line for line in lines if line.row == row]
        middle = y + (len(mine) - 1) / 2
        ticks[row] = middle
        for line in mine:
            if np.isfinite(line.margin).all():
                axes.fill_betweenx([y - 0.5, y + 0.5], *line.margin, **drawing.BAND)
            low, high = line.interval
            axes.plot([low, high], [y, y], color=style[line.candidate]["color"], linewidth=1)
            face = "white" if line.verdict == "fitted" else style[line.candidate]["color"]
            axes.plot(line.value, y, markersize=5, linestyle="none", markerfacecolor=face, **style[line.candidate])
            axes.annotate(line.verdict, (1.01, y), xycoords=axes.get_yaxis_transform(), va="center", fontsize=8)
            y += 1
        y += 0.7
    axes.axvline(nothing, **drawing.NULL)
    axes.set_yticks(list(ticks.values()), list(ticks))
    axes.set_ylim(y - 0.9, -0.8)


def _make_legend(candidates: list[str], style: dict[str, dict[str, Any]]) -> dict[str, Any]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries: dict[str, Any] = {c: Line2D([], [], **{"linestyle": "none", "markersize": 5, **style[c]}) for c in candidates}
    return entries | {_MARGIN_LABEL: Patch(**drawing.BAND)}


def _count_members(comparison: xr.Dataset) -> str:
    """Subjects behind each source: the most that any row has."""
    most = comparison.n_subjects.max([d for d in comparison.n_subjects.dims if d != "source"])
    return ", ".join(f"{s} {int(n)}" for s, n in zip(comparison.source.values, most.values, strict=True) if n)


def _list_refusals(comparison: xr.Dataset) -> Iterator[str]:
    """What could not be compared, and why: a sentence for each reason."""
    refused: dict[str, dict[str, None]] = {}
    for index in np.ndindex(comparison.comparable.shape):
        cell = comparison.comparable[index]
        reason = str(comparison.reason.values[index])
        if not int(cell) and not reason.startswith(NOT_ASKED):
            name = f"{cell.candidate.values} in {cell.contrast.values} ({cell.metric.values})"
            refused.setdefault(reason, {})[name.replace("_", " ")] = None
    for reason, names in refused.items():
        yield f"Not compared: {', '.join(names)}: {reason}."
