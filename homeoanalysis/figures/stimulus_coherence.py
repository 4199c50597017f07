"""Stimulus-response coherence against frequency, of recordings and models, one panel for each condition and epoch."""

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.multitaper import subtract_bias
from homeoanalysis.numerics.summaries import conditions, epochs_of, of_replicate, summarise

_MARKERS = 20  # of the data, in each panel: the estimates of neighbouring frequencies overlap

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def stimulus_coherence(measures: Measures, comparison: xr.Dataset, *, metric: str = "stimulus_coherence") -> Drawn:
    """Coherence of each source in each condition and epoch of the recordings.

    metric: the label of the metric.
    """
    found = {s: e for s, e in measures.get(metric, {}).items() if "frequency" in e[e.attrs["metric"]].dims}
    shown = [e for e in found.values() if drawing.is_recording(e)] or list(found.values())
    panels = list(dict.fromkeys((c, epoch) for e in shown for c in conditions(e) for epoch in epochs_of(e)))
    if not panels:
        return drawing.nothing(f"no source has a value of {metric}")
    n_columns = min(3, len(panels))
    n_rows = -(-len(panels) // n_columns)
    figure = drawing.new_figure(7 if n_columns > 1 else 4.5, 0.6 + 2.4 * n_rows)
    axes = np.ravel(figure.subplots(n_rows, n_columns, sharey=True))
    for unused in axes[len(panels) :]:
        unused.remove()
    notes: dict[str, str] = {}
    several = len({epoch for _, epoch in panels}) > 1
    for one, (condition, epoch) in zip(axes, panels, strict=False):
        for source in found:
            if condition in conditions(found[source]) and epoch in epochs_of(found[source]):
                notes[source] = _draw(one, measures, metric, source, condition, epoch)
        one.set_title(", ".join(filter(None, (condition, epoch if several else ""))))
        one.set_ylim(bottom=-0.05)  # the estimate scatters around 0
        drawing.label(one, "Frequency (Hz)", "Coherence (1)")
    drawing.legend(figure, measures)
    left = [
        f"{s} is not drawn: {'its conditions and epochs are not those drawn' if s in found else drawing.without_value(e)}"
        for s, e in measures[metric].items()
        if s not in notes
    ]
    return Drawn(
        figure,
        "Stimulus-response coherence, less its bias. Recordings: black, error bars 95 % interval, every few frequencies. Models: "
        "mean over units, band standard deviation over realisations. Grey dashes: what independent signals exceed with "
        f"probability 0.05. {'; '.join([*notes.values(), *left])}.",
    )


def _draw(axes: "Axes", measures: Measures, metric: str, source: str, condition: str, epoch: str | None) -> str:
    """One source in one panel; returns its counts for the caption."""
    estimate = measures[metric][source]
    replicates = conditions(estimate)[condition]
    summary = summarise(estimate, replicates, epoch=epoch)
    kept = summary.mean.notnull()
    if not bool(kept.any()):
        return f"{source}: n = 0"
    mean, spread, low, high = (getattr(summary, k)[kept.values] for k in ("mean", "spread", "low", "high"))
    frequency, style = mean.frequency.values, drawing.styles(measures)[source]
    if not drawing.is_recording(estimate):
        axes.plot(frequency, mean, color=style["color"], linewidth=1.2, label=source, zorder=3)
        axes.fill_between(frequency, mean - spread, mean + spread, color=style["color"], alpha=0.25, linewidth=0, zorder=2)
        return drawing.counted(source, estimate, [summary]).partition(", interval")[0]
    axes.plot(frequency, mean, color="black", linewidth=0.6, zorder=4)
    few = slice(None, None, max(1, round(frequency.size / _MARKERS)))
    drawing.errorbar(axes, frequency[few], mean[few], low[few], high[few], label=source, zorder=4, **{**style, "markersize": 3})
    null = float(np.nanmean([_null(estimate.sel(epoch=epoch), r) for r in replicates]))
    drawing.draw_null(axes, frequency, null)
    return drawing.counted(source, estimate, [summary])


def _null(estimate: xr.Dataset, replicate: str) -> float:
    """The threshold of the replicate's coherence, less the bias as the coherence itself."""
    name = estimate.attrs["metric"]
    threshold, df = (of_replicate(estimate, f"{name}_{k}", replicate).values for k in ("threshold", "df"))
    return float(np.mean([subtract_bias(one, n) for one, n in zip(threshold, df, strict=True)]))
