"""Firing rate of each unit in each epoch, over observed time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, observed, resampling, synthetic


def _truth(rng: np.random.Generator) -> Truth:
    rates = np.array([0.5, 5.0, 50.0])
    trains = [synthetic.poisson_train(rate, 20.0, rng) for rate in rates]
    return Truth(synthetic.activity(trains, 20.0), rates[:, None], {}, conservative="exact interval of a count")


def _any_rate(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All units at the same random multiple of their rates, log-uniform from 1/10 to 10, as Poisson trains.

    No surrogate in time can destroy a mean rate; this one knows nothing of it but the order of magnitude.
    """
    start, stop = observed.segments(activity)
    count = rng.poisson(activity.spike_count.values * 10 ** rng.uniform(-1, 1))
    return resampling.with_spikes(activity, resampling.sorted_uniform(count, start, stop, rng), count)


@metric(
    units="Hz",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={
        "low": Companion("Hz", "95 % interval, exact for a Poisson count", (0, np.inf)),
        "high": Companion("Hz", "95 % interval, exact for a Poisson count", (0, np.inf)),
        "time": Companion("s", "Observed time", (0, np.inf)),
    },
    source="count / observed time; interval: Garwood 1936, doi:10.2307/2333958",
    scale="relative",
    truth=_truth,
    surrogate=_any_rate,
    no_worst_case="an arbitrary rate of a similar order",
)
def firing_rate(activity: xr.Dataset) -> Mapping[str, Any]:
    """Firing rate.

    activity: activity/1 with spikes.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed in the epoch. On a gap-free stretch it
    equals `elephant.statistics.mean_firing_rate`, which takes one stretch at a time.
    Raises NotApplicable without spikes.
    """
    labels = list(observed.epochs(activity))
    count, time = observed.counts(activity, labels)

    def per_time(number: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(time > 0, number / time, np.nan)

    return {
        "firing_rate": per_time(count),
        "firing_rate_low": lambda: per_time(intervals.poisson_interval(count)[0]),
        "firing_rate_high": lambda: per_time(intervals.poisson_interval(count)[1]),
        "firing_rate_time": time,
        "coords": {"unit": activity.unit.values, "epoch": labels},
    }
