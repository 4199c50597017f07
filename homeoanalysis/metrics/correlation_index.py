"""How much more often two units fire together than independent ones would."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import neighbours, observed, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Trains that share a part s of their spikes: of m common ones per second, 1 + 1 / (2 window m)."""
    rate, shared, window = 5.0, 0.3, 0.05
    trains = synthetic.copied_trains(6, rate, shared, 200.0, rng)
    return Truth(synthetic.activity(trains, 200.0), np.full((6, 1), 1 + shared / (2 * window * rate)), {"window": window})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={"pairs": Companion("1", "Other units that the mean is over", (0, np.inf))},
    source="Wong, Meister & Shatz 1993, doi:10.1016/0896-6273(93)90122-8: N_ab T / (N_a N_b 2 window), with 2 window T less "
    "what windows reach over the ends of segments; mean over the other units; undefined for a silent unit",
    family="spectra",
    scale="relative",
    truth=_truth,
    surrogate=resampling.turned_trains,
    null=surrogate_of(_truth, resampling.turned_trains, 1.0),
)
def correlation_index(activity: xr.Dataset, *, window: Second = 0.05) -> Mapping[str, Any]:
    """Correlation index of each unit, mean over all other units: 1 for independent trains; grows as rates fall.

    activity: activity/1 with spikes.
    window: [s], the largest distance of two spikes that count as coincident.
    Returns (unit, epoch), [1], >= 0; NaN for a unit that is silent or alone. Of two units only the segments count in which
    both were observed.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((2, activity.sizes["unit"], len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        a, b = observed.segments(part)
        together = observed.isolated(part)
        count = observed.segment_counts(part) @ together.T  # of a's spikes, seen with b
        length, reach = b - a, np.minimum(window, b - a)
        # Pairs of times of one segment that are at most a window apart, over all pairs of times seen of both units.
        with np.errstate(invalid="ignore", divide="ignore"):  # two units may never have been seen together
            near = ((together * (2 * reach * length - reach**2)) @ together.T) / ((together * length) @ together.T) ** 2
            index = neighbours.neighbours(part, window).pairs / (count * count.T * near)
        np.fill_diagonal(index, np.nan)
        n = np.isfinite(index).sum(axis=1)
        values[1, :, e] = n
        values[0, :, e] = np.where(n > 0, np.nansum(index, axis=1) / np.maximum(n, 1), np.nan)
    coordinates = {"unit": activity.unit.values, "epoch": list(labels)}
    return {"correlation_index": values[0], "correlation_index_pairs": values[1], "coords": coordinates}
