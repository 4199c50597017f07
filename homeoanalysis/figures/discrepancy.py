"""Overview of a comparison: how far each candidate is from its target, in units of the best attainable."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.contracts.schemas import NOT_ASKED
from homeoanalysis.drawing import Drawn, Measures

if TYPE_CHECKING:  # the config check loads every figure, and need not pay for matplotlib
    from matplotlib.axes import Axes

_REFERENCES = ("null", "data")
_DATA: dict[str, Any] = {"color": "black", "marker": "o"}
_DATA_LABEL = "data (against itself)"


def discrepancy(measures: Measures, comparison: xr.Dataset) -> Drawn:
    """Discrepancy of every candidate, one row for each contrast and metric, one panel for each target."""
    if not set(comparison.candidate.values.tolist()) - set(_REFERENCES):
        return drawing.nothing("the study judges no candidate")
    style = drawing.styles(measures)
    arbitrary = {label: next(iter(by.values())).attrs["no_worst_case"] for label, by in measures.items() if by}
    arbitrary = {label: what for label, what in arbitrary.items() if what}
    rows = {str(t): _rows(comparison.sel(target=t)) for t in comparison.target.values}
    rows = {target: listed for target, listed in rows.items() if listed}
    refused = _refused(comparison)
    if not rows:
        return drawing.nothing(f"nothing could be compared. {refused}".rstrip(". "))
    heights = [len(listed) + 1.2 for listed in rows.values()]
    # Long names of many candidates stand one below the other in the legend, which must not eat the panels.
    figure = drawing.new_figure(7, 0.9 + _pitch(comparison) * sum(heights) + 0.17 * max(len(style) - 3, 0))
    axes = np.ravel(figure.subplots(len(rows), 1, sharex=True, height_ratios=heights))
    used: dict[str, None] = {}
    reach = [0.5, 2.0]
    for one, (target, listed) in zip(axes, rows.items(), strict=True):
        used |= dict.fromkeys(_panel(one, comparison.sel(target=target), listed, style, arbitrary, reach))
        one.set_title(f"Target: {target}", loc="left")
    axes[-1].set_xscale("log")
    axes[-1].set_xlim(0.7 * min(reach), 1.4 * max(reach))
    drawing.plain_numbers(axes[-1].xaxis)
    axes[-1].set_xlabel("Discrepancy / best attainable, left is better (1)")
    axes[int(np.argmax(heights))].set_ylabel("Contrast (metric)")  # a panel of one row is lower than the label is long
    drawing.place_legend(figure, _legend(used, style, has_fitted=bool(comparison.fitted.any())))
    return Drawn(
        figure,
        "Discrepancy of each candidate from its target, divided by the best attainable: the 95th percentile of the distance "
        "between random halves of the target. In the grey band a candidate matches. Black: data, one half of the target against "
        "the other. Grey dashes: worst case, the surrogate of the target; a model may be worse, and where the dashes lie in the "
        f"band, the comparison decides nothing. {''.join(_without_dashes(arbitrary))}"
        "Error bars: 95 % interval over the draws of halves, within the recording. Hollow: was fitted to this target, gets no "
        "verdict. "
        f"n (subjects or realisations): {_counts(comparison)}. {refused}".strip(),
    )


def _pitch(comparison: xr.Dataset) -> float:
    """How high a row is [inch], so that the marks of many candidates do not lie upon each other."""
    most = int(comparison.comparable.sum("candidate").max())
    return max(0.3, 0.075 * most)


def _without_dashes(arbitrary: dict[str, str]) -> list[str]:
    return [f"No worst case for {label.replace('_', ' ')}: its surrogate is {what}. " for label, what in arbitrary.items()]


def _legend(used: dict[str, None], style: dict[str, dict[str, Any]], *, has_fitted: bool) -> dict[str, Any]:
    """Label -> handle: the data, the candidates that were drawn, the references."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    looks = {_DATA_LABEL: _DATA, **{c: style[c] for c in used}}
    entries: dict[str, Any] = {c: Line2D([], [], **{"linestyle": "none", "markersize": 5, **look}) for c, look in looks.items()}
    if has_fitted:
        entries["fitted (hollow)"] = Line2D([], [], linestyle="none", marker="o", color="#444444", markerfacecolor="white")
    return entries | {drawing.NULL_LABEL: Line2D([], [], **drawing.NULL), drawing.CEILING_LABEL: Patch(**drawing.CEILING)}


def _rows(of_target: xr.Dataset) -> list[tuple[str, str]]:
    """The (contrast, metric) with a best attainable to divide by."""
    return [
        (str(c), str(m))
        for c in of_target.contrast.values
        for m in of_target.metric.values
        if float(of_target.ceiling.sel(contrast=c, metric=m)) > 0
    ]


def _panel(
    axes: "Axes",
    of_target: xr.Dataset,
    rows: list[tuple[str, str]],
    style: dict[str, dict[str, Any]],
    arbitrary: Collection[str],
    reach: list[float],
) -> list[str]:
    """The rows of one target; returns the candidates that were drawn, and adds to `reach` where they lie.

    arbitrary: metrics whose surrogate is no worst case.
    """
    drawn: list[str] = []
    axes.axvspan(1e-9, 1, **drawing.CEILING)
    candidates = [str(c) for c in of_target.candidate.values if c not in _REFERENCES]
    for y, (contrast, metric) in enumerate(rows):
        cells = of_target.sel(contrast=contrast, metric=metric)
        ceiling = float(cells.ceiling)
        if metric not in arbitrary:
            null = float(cells.discrepancy.sel(candidate="null")) / ceiling
            axes.plot([null, null], [y - 0.42, y + 0.42], **drawing.NULL)
            reach.append(null)
        here = ["data", *(c for c in candidates if int(cells.comparable.sel(candidate=c)))]
        for k, candidate in enumerate(here):
            cell = cells.sel(candidate=candidate)
            value, low, high = (float(cell[v]) / ceiling for v in ("discrepancy", "within_low", "within_high"))
            at = y + 0.6 * ((k + 0.5) / len(here) - 0.5)
            looks = _DATA if candidate == "data" else style[candidate]
            face = "white" if int(cell.fitted) else looks["color"]
            error = np.array([[max(value - low, 0)], [max(high - value, 0)]])
            axes.errorbar(
                [value], [at], xerr=error, linestyle="none", capsize=2, markersize=5, markerfacecolor=face, linewidth=1, **looks
            )
            reach += [v for v in (value, high) if v > 0]
        drawn += here[1:]
    axes.set_yticks(range(len(rows)), [f"{c} ({m.replace('_', ' ')})" for c, m in rows])
    axes.set_ylim(len(rows) - 0.4, -0.6)
    return drawn


def _counts(comparison: xr.Dataset) -> str:
    """Subjects behind each source: the most that any row has."""
    most = comparison.n_subjects.max([d for d in comparison.n_subjects.dims if d != "source"])
    return ", ".join(f"{s} {int(n)}" for s, n in zip(comparison.source.values, most.values, strict=True) if n)


def _refused(comparison: xr.Dataset) -> str:
    """What could not be compared, and why: one sentence for each reason; then what the study does not ask for."""
    refused: dict[str, tuple[dict[str, None], dict[str, None]]] = {}  # reason -> candidates, contrasts
    strangers: dict[str, dict[str, None]] = {}  # reason -> candidates
    unasked: dict[str, dict[str, None]] = {}  # contrast -> metrics
    cells = comparison.stack(cell=("target", "contrast", "metric", "candidate"))
    for (_, contrast, metric, candidate), reason in zip(cells.cell.values, cells.reason.values, strict=True):
        if reason.startswith(NOT_ASKED[0]):
            unasked.setdefault(contrast, {})[metric.replace("_", " ")] = None
        elif reason.startswith(NOT_ASKED):
            strangers.setdefault(reason, {})[candidate] = None
        elif reason and candidate not in _REFERENCES:
            who, where = refused.setdefault(reason, ({}, {}))
            who[candidate], where[contrast] = None, None
    of_metrics: dict[str, list[str]] = {}
    for contrast, metrics in unasked.items():
        of_metrics.setdefault(", ".join(metrics), []).append(contrast)
    listed = [f"{', '.join(who)} in {', '.join(where)} ({reason})" for reason, (who, where) in refused.items()]
    other = [
        f"{metrics} in {', '.join(where)} (the contrast does not ask for this metric)" for metrics, where in of_metrics.items()
    ]
    other += [f"{', '.join(who)} ({reason})" for reason, who in strangers.items()]
    told = (("Not comparable", listed), ("Not asked for", other))
    return " ".join(f"{title}: {'; '.join(lines)}." for title, lines in told if lines)
