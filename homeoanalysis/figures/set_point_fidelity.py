"""Coding fidelity against the distance of the rate from its set point, and the course of both."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.summaries import MINIMUM, of_replicate, summarise

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
_BINS = 6  # of distance, with as many windows of units in each


def set_point_fidelity(measures: Measures, comparison: xr.Dataset, *, metric: str = "set_point_fidelity") -> Drawn:
    """Distance from the set point and information rate in time, and the one against the other, of each source.

    metric: the label of the metric.
    """
    found = measures.get(metric, {})
    shown = {s: e for s, e in found.items() if f"{e.attrs['metric']}_distance" in e}
    if not shown:
        return drawing.nothing(f"no source has a course of {metric}")
    figure = drawing.new_figure(7, 4)
    grid = figure.add_gridspec(2, 2, width_ratios=[1.6, 1])
    distance = figure.add_subplot(grid[0, 0])
    information = figure.add_subplot(grid[1, 0], sharex=distance)
    against = figure.add_subplot(grid[:, 1])
    style = drawing.styles(measures)
    for axes, companion in ((distance, "distance"), (information, "information_rate")):
        for source, estimate in shown.items():
            _course(axes, estimate, companion, {**style[source], "label": source})
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    drawing.shade_epochs(distance, shown.values())
    drawing.shade_epochs(information, shown.values(), is_named=False)
    distance.tick_params(labelbottom=False)
    drawing.label(distance, "", "Distance |ln rate ratio| (1)")
    drawing.label(information, "Time (s)", "Information rate (bit/s)")
    every = np.concatenate([_pairs(e, r)[0] for e in shown.values() for r in e.replicate.values])
    edges = np.quantile(every, np.linspace(0, 1, _BINS + 1))
    notes = []
    for k, (source, estimate) in enumerate(shown.items()):
        offset = 0.012 * (k - (len(shown) - 1) / 2) * (edges[-1] - edges[0])
        n = _against(against, estimate, edges, offset, {**style[source], "label": source})
        slope = summarise(estimate, estimate.replicate.values.tolist())
        ends = f" [{float(slope.low):.2g}, {float(slope.high):.2g}]" if np.isfinite(slope.low) else ""
        notes.append(f"{source}: slope {float(slope.mean):.2g}{ends} bit/s, {n} windows of units, n = {slope.n_subjects}")
    drawing.label(against, "Distance |ln rate ratio| (1)", "Information rate (bit/s)")
    against.set_ylim(bottom=min(0.0, against.get_ylim()[0]))
    drawing.legend(figure, measures)
    notes += [f"{s} is not drawn: {drawing.without_value(e)}" for s, e in found.items() if s not in shown]
    return Drawn(
        figure,
        "Distance of the rate from that of the baseline and lower bound of the information rate, in windows: mean over units, "
        "then replicates; bands: standard deviation over replicates; shaded: epochs. Right: information rate of units in windows "
        f"of like distance ({_BINS} bins with as many windows in each), mean over replicates with its 95 % interval. "
        f"Slope: mean over units, then replicates, with its interval. {'; '.join(notes)}.",
    )


def _course(axes: "Axes", estimate: xr.Dataset, companion: str, style: dict[str, Any]) -> None:
    of_companion = estimate.assign_attrs(metric=f"{estimate.attrs['metric']}_{companion}")
    summary = summarise(of_companion, estimate.replicate.values.tolist())
    middle = summary.mean.time.values + float(np.median(np.diff(summary.mean.time.values))) / 2
    axes.plot(middle, summary.mean, color=style["color"], linewidth=1.2, zorder=3, label=style["label"])
    low, high = summary.mean - summary.spread, summary.mean + summary.spread
    axes.fill_between(middle, low, high, color=style["color"], alpha=0.25, linewidth=0, zorder=2)


def _pairs(estimate: xr.Dataset, replicate: str) -> tuple[Floats, Floats]:
    """Distance and information rate of all windows of all units that have both."""
    name = estimate.attrs["metric"]
    x, y = (of_replicate(estimate, f"{name}_{k}", replicate).values.ravel() for k in ("distance", "information_rate"))
    known = np.isfinite(x) & np.isfinite(y)
    return x[known], y[known]


def _against(axes: "Axes", estimate: xr.Dataset, edges: Floats, offset: float, style: dict[str, Any]) -> int:
    """Mean information of each bin of distance, over replicates, and how many windows of units there are."""
    each = [_pairs(estimate, str(r)) for r in estimate.replicate.values]
    bins = [np.minimum(np.searchsorted(edges, x, side="right") - 1, edges.size - 2) for x, _ in each]
    for b in range(edges.size - 1):
        mine = np.array(
            [(x[at == b].mean(), y[at == b].mean()) for (x, y), at in zip(each, bins, strict=True) if np.any(at == b)]
        )
        if mine.size:
            n, (centre, mean) = len(mine), mine.mean(axis=0)
            width = t_quantile(0.95, n - 1) * mine[:, 1].std(ddof=1) / np.sqrt(n) if n >= MINIMUM else np.nan
            drawing.errorbar(axes, [centre + offset], mean, mean - width, mean + width, **style)
    return sum(x.size for x, _ in each)
