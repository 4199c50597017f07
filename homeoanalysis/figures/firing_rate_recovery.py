"""Firing-rate homeostasis: the course of the rate, the rate in each condition, and how much of it comes back."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import by_subject, summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def firing_rate_recovery(
    measures: Measures,
    comparison: xr.Dataset,
    *,
    firing_rate: str = "firing_rate",
    population_rate: str = "population_rate",
    recovery_fraction: str = "recovery_fraction",
) -> Drawn:
    """Population rate in time, firing rate per condition, and recovery fraction; a panel without values is left out.

    firing_rate, population_rate, recovery_fraction: the labels of the metrics.
    """
    recovered = _with_values(measures.get(recovery_fraction, {}))
    courses = {s: e for s, e in _with_values(measures.get(population_rate, {})).items() if s in recovered}
    rates = _with_values(measures.get(firing_rate, {}))
    panels = {"course": (courses, 2.4), "rates": (rates, 1.6), "recovery": (recovered, 1.3)}
    kept = {name: width for name, (shown, width) in panels.items() if shown}
    if not kept:
        return drawing.nothing(f"no source has a value of {firing_rate}, {population_rate} or {recovery_fraction}")
    figure = drawing.new_figure(7, 3.3)
    axes = dict(zip(kept, np.ravel(figure.subplots(1, len(kept), width_ratios=list(kept.values()))), strict=True))
    style = drawing.styles(measures)
    notes = []
    if "course" in axes:
        notes.append(_course(axes["course"], courses, style))
        left = [f"{s} ({_no_recovery(measures, recovery_fraction, s)})" for s in measures[population_rate] if s not in courses]
        notes += [f"Not drawn in time, for want of a recovery fraction: {'; '.join(left)}."] if left else []
    if "rates" in axes:
        counts = drawing.condition_panel(axes["rates"], measures, comparison, firing_rate)
        drawing.label(axes["rates"], "", "Firing rate (Hz)")
        axes["rates"].set_ylim(bottom=0)
        notes.append(f"Firing rate: mean over units, then replicates, with its 95 % interval. {'; '.join(counts)}.")
    if "recovery" in axes:
        notes.append(_recovery(axes["recovery"], recovered, style))
    drawing.legend(figure, measures)
    return Drawn(figure, " ".join(notes))


def _with_values(by_source: Any) -> dict[str, xr.Dataset]:
    return {s: e for s, e in by_source.items() if bool(e[e.attrs["metric"]].notnull().any())}


def _no_recovery(measures: Measures, label: str, source: str) -> str:
    estimate = measures.get(label, {}).get(source)
    return "not measured" if estimate is None else drawing.without_value(estimate)


def _course(axes: "Axes", courses: dict[str, xr.Dataset], style: dict[str, dict[str, Any]]) -> str:
    """Mean and standard deviation over replicates in time, over the shaded epochs."""
    counts = []
    for source, estimate in courses.items():
        summary = summarise(estimate, estimate.replicate.values.tolist())
        colour = style[source]["color"]
        axes.plot(summary.mean.time, summary.mean, color=colour, linewidth=1.2, label=source, zorder=3)
        low, high = summary.mean - summary.spread, summary.mean + summary.spread
        axes.fill_between(summary.mean.time, low, high, color=colour, alpha=0.25, linewidth=0, zorder=2)
        counts.append(f"{source}: n = {summary.n_subjects}")
    drawing.shade_epochs(axes, courses.values())
    axes.set_ylim(bottom=0)
    drawing.label(axes, "Time (s)", f"{_population(courses)} (Hz)")
    what = f"{_population(courses)} in time: mean, band: standard deviation over replicates"
    return f"{what} ({'; '.join(counts)}); shaded: epochs."


def _population(courses: dict[str, xr.Dataset]) -> str:
    """The axis' quantity, with the cell type if the metric was restricted to one."""
    kinds = set()
    for estimate in courses.values():
        asked = json.loads(estimate.attrs.get("parameters", "{}")).get("metric", {})
        kinds |= {parameters.get("cell_type", "all") for parameters in asked.values()}
    (kind,) = kinds if len(kinds) == 1 else ("all",)
    return "Population rate" if kind == "all" else f"Population rate of {kind} units"


def _recovery(axes: "Axes", recovered: dict[str, xr.Dataset], style: dict[str, dict[str, Any]]) -> str:
    """Each subject as a point, beside the mean and its interval."""
    notes = []
    for at, (source, estimate) in enumerate(recovered.items()):
        replicates = estimate.replicate.values.tolist()
        each = by_subject(estimate, replicates).values
        spread = np.linspace(-0.12, 0.12, each.size) if each.size > 1 else np.zeros(1)
        axes.plot(at - 0.2 + spread, each, linestyle="none", markersize=3, alpha=0.5, markeredgewidth=0, **style[source])
        summary = summarise(estimate, replicates)
        drawing.errorbar(axes, [at + 0.15], summary.mean, summary.low, summary.high, label=source, **style[source])
        notes.append(drawing.counted(source, estimate, [summary]))
    axes.axhline(0, label=drawing.NULL_LABEL, **drawing.NULL)
    axes.set_xticks(range(len(recovered)), [s.replace(".", "\n") for s in recovered])
    axes.set_xlim(-0.6, len(recovered) - 0.4)
    drawing.label(axes, "", "Recovery fraction (1)")
    what = "Recovery fraction: small, each subject; large, mean and 95 % interval; grey dashes: nothing came back."
    return f"{what} {'; '.join(notes)}."
