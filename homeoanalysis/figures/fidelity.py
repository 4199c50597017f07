"""Coding fidelity in each epoch: what units say about a stimulus, how well it is read, and how reliably they respond."""

from collections.abc import Mapping

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures


def fidelity(
    measures: Measures,
    comparison: xr.Dataset,
    *,
    firing_rate: str = "firing_rate",
    information_rate: str = "information_rate",
    reconstruction: str = "population_reconstruction",
    reliability: str = "trial_reliability",
) -> Drawn:
    """Firing rate, information, coding fraction and reliability of all sources side by side, epoch by epoch.

    firing_rate, information_rate, reconstruction, reliability: the labels of the metrics; one without values is left out.
    """
    panels = [
        (firing_rate, "", "Firing rate (Hz)", np.nan),
        (information_rate, "", "Information rate (bit/s)", 0.0),
        (information_rate, "_per_spike", "Information per spike (bit)", 0.0),
        (reconstruction, "", "Coding fraction (1)", 0.0),
        (reliability, "", "Reliability (1)", 0.0),
    ]
    kept = [(*panel, shown) for panel in panels if (shown := _shown(measures.get(panel[0], {}), panel[1]))]
    if not kept:
        return drawing.nothing(f"no source has a value of {', '.join(dict.fromkeys(label for label, *_ in panels))}")
    rows = -(-len(kept) // 2)
    figure = drawing.new_figure(7 if len(kept) > 1 else 4.5, 0.5 + 2.2 * rows)
    axes = np.ravel(figure.subplots(rows, min(2, len(kept))))
    for unused in axes[len(kept) :]:
        unused.remove()
    notes = []
    for one, (label, companion, name, null, shown) in zip(axes, kept, strict=False):
        key = label + companion
        counts = drawing.condition_panel(one, {**measures, key: shown}, comparison, key, null=null)
        drawing.label(one, "", name)
        low, high = min(0.0, one.get_ylim()[0]), one.get_ylim()[1]
        one.set_ylim(low, high)
        one.set_yticks([tick for tick in one.get_yticks() if low <= tick <= high])  # those beyond lie in the panel above
        notes.append(f"{name.partition(' (')[0]}: {'; '.join(counts)}.")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Markers: mean over units, then replicates; error bars: 95 % interval. Grey dashes: an unrelated stimulus (0). "
        f"{' '.join(notes)}",
    )


def _shown(by_source: Mapping[str, xr.Dataset], companion: str) -> dict[str, xr.Dataset]:
    """The measures with a companion in the place of the metric; none if no source has a value of it."""
    found = {}
    for source, estimate in by_source.items():
        name = estimate.attrs["metric"] + companion  # a source without any value has no companions
        found[source] = estimate.assign_attrs(metric=name) if name in estimate else estimate
    return found if any(bool(e[e.attrs["metric"]].notnull().any()) for e in found.values()) else {}
