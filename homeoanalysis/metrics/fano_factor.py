"""Variability of spike counts."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, resampling, synthetic
from homeoanalysis.units import Second

_FEWEST = 20


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson counts of mean m = 10 whose rate is drawn afresh in each window, of variance m^2 / 2: 1 + m / 2."""
    window, duration = 0.5, 200.0
    trains = []
    for _ in range(4):
        count = rng.poisson(10 * rng.gamma(2, 0.5, round(duration / window)))
        at = np.repeat(window * np.arange(count.size), count)
        trains.append(at + rng.uniform(0.01 * window, 0.99 * window, at.size))
    return Truth(synthetic.activity(trains, duration), np.full((4, 1), 6.0), {"window": window})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={"windows": Companion("1", "Windows that the counts are of", (0, np.inf))},
    source="variance (divisor n - 1) / mean of counts in windows; elephant.statistics.fanofactor divides by n; "
    "undefined below 20 windows and for a silent unit",
    scale="relative",
    truth=_truth,
    surrogate=resampling.clockwork,
    null=surrogate_of(_truth, resampling.scattered_trains, 1.0),
)
def fano_factor(activity: xr.Dataset, *, window: Second = 0.5) -> Mapping[str, Any]:
    """Fano factor of spike counts: 1 for a Poisson process of any constant rate.

    activity: activity/1 with spikes.
    window: [s], laid from the start of each observed segment on; what is left of a segment at its end is not used.
    Returns (unit, epoch), [1], >= 0; NaN with fewer than 20 windows in which the unit was isolated, or without a spike.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    seen = observed.seen(activity)
    values = np.full((2, activity.sizes["unit"], len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        part = observed.restrict(seen, np.array([start]), np.array([stop]))
        begin, end = observed.segments(part)
        n = np.floor((end - begin) / window + observed.EDGE).astype(np.int64)
        segment = np.repeat(np.arange(n.size), n)  # of each window
        isolated = observed.isolated(part)
        for u, train in enumerate(observed.spike_trains(part)):
            of = np.searchsorted(begin, train, side="right") - 1
            index = np.floor((train - begin[of]) / window + observed.EDGE).astype(np.int64)
            inside = index < n[of]
            count = np.bincount((np.cumsum(n) - n)[of][inside] + index[inside], minlength=n.sum())
            count = count[isolated[u, segment] > 0]
            values[1, u, e] = count.size
            if count.size >= _FEWEST and count.any():
                values[0, u, e] = count.var(ddof=1) / count.mean()
    coordinates = {"unit": activity.unit.values, "epoch": list(labels)}
    return {"fano_factor": values[0], "fano_factor_windows": values[1], "coords": coordinates}
