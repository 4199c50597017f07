"""The course of a recovery with its fit, and how long it takes."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import of_replicate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST = 6  # courses that are drawn; more would hide one another


def recovery_course(measures: Measures, comparison: xr.Dataset, *, recovery_time: str = "recovery_time") -> Drawn:
    """Population rate and fitted course of each replicate, and the time constants with their intervals.

    recovery_time: the label of the metric. A replicate that had not come back has an arrow from what tau is at least.
    """
    by_source = measures.get(recovery_time, {})
    shown = [(s, e, str(r)) for s, e in by_source.items() for r in _measured(e)]
    if not shown:
        reasons = "; ".join(f"{s}: {drawing.without_value(e)}" for s, e in by_source.items())
        return drawing.nothing(f"no source has a course of {recovery_time}" + (f" ({reasons})" if reasons else ""))
    from matplotlib.ticker import LogLocator

    figure = drawing.new_figure(7, 3.2)
    course, times = figure.subplots(1, 2, width_ratios=[2.2, 1])
    style = drawing.styles(measures)
    for source, estimate, replicate in shown[:_MOST]:
        _course(course, estimate, replicate, {**style[source], "label": source})
    course.set_ylim(bottom=0)
    drawing.label(course, "Time in the epoch (s)", "Population rate (Hz)")
    for at, (source, estimate, replicate) in enumerate(shown):
        _time(times, at, estimate, replicate, style[source])
    times.set_xticks(range(len(shown)), _names(shown), rotation=45, rotation_mode="anchor", ha="right")
    times.set_yscale("log")
    times.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    drawing.plain_numbers(times.yaxis)
    drawing.label(times, "", "Recovery time (s)")
    drawing.legend(figure, measures)
    late = [_number(e, "low", r) > 0 for _, e, r in shown if _number(e, "censored", r) == 1]
    none = f"; of {late.count(False)} any time is possible, and nothing is drawn" if not all(late) else ""
    left = f" Of {len(shown)} courses the first {_MOST} are drawn." if len(shown) > _MOST else ""
    n = min(len(shown), _MOST)
    return Drawn(
        figure,
        f"Population rate in bins (markers) and the fitted course (line) of n = {n} replicates.{left} Right: time constant of "
        f"each replicate with its 95 % interval (profile likelihood), n = {len(shown)}; an arrow begins at what it is at least, "
        f"where the rate had not come back by the end or the time is not identifiable ({late.count(True)} of "
        f"{len(shown)}{none}).",
    )


def _names(shown: list[tuple[str, xr.Dataset, str]]) -> list[str]:
    """What each place of the axis is: of several sources the part of the name that tells the source, of several replicates the
    replicate.
    """
    if len({source for source, *_ in shown}) == 1:
        return [replicate for *_, replicate in shown]
    are_many = len({replicate for *_, replicate in shown}) > 1
    return [source.rpartition(".")[2] + (f" {replicate}" if are_many else "") for source, _, replicate in shown]


def _measured(estimate: xr.Dataset) -> list[str]:
    missing = json.loads(estimate.attrs["not_applicable"])
    name = f"{estimate.attrs['metric']}_low"
    kept = [r for r in estimate.replicate.values.tolist() if r not in missing and name in estimate]
    return [str(r) for r in kept if np.isfinite(_number(estimate, "low", str(r)))]


def _number(estimate: xr.Dataset, companion: str, replicate: str) -> float:
    return float(of_replicate(estimate, f"{estimate.attrs['metric']}_{companion}", replicate))


def _course(axes: "Axes", estimate: xr.Dataset, replicate: str, style: dict[str, Any]) -> None:
    rate, curve = (of_replicate(estimate, f"{estimate.attrs['metric']}_{k}", replicate) for k in ("course", "curve"))
    kept = np.isfinite(rate.values)
    step = float(np.median(np.diff(rate.time.values)))
    time = rate.time.values - rate.time.values[kept][0] + step / 2
    axes.plot(time[kept], rate.values[kept], linestyle="none", markersize=2.5, alpha=0.5, zorder=2, **style)
    axes.plot(time, curve.values, color=style["color"], linewidth=1.4, zorder=3)


def _time(axes: "Axes", at: int, estimate: xr.Dataset, replicate: str, style: dict[str, Any]) -> None:
    tau = float(of_replicate(estimate, estimate.attrs["metric"], replicate))
    low, high = (_number(estimate, k, replicate) for k in ("low", "high"))
    if np.isfinite(tau):
        drawing.errorbar(axes, [at], tau, low, high, **style)
        return
    if low == 0:  # an axis of logarithms has no place for it
        return
    axes.plot([at], [low], markerfacecolor="white", **style)
    axes.annotate("", (at, 3 * low), (at, low), arrowprops={"arrowstyle": "->", "color": style["color"]})
    axes.plot([at], [4 * low], alpha=0)  # the axis makes room for the arrow
