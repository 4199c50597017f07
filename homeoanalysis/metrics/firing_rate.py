"""Firing rate of each unit in each epoch, over observed time."""

import functools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, observed, rates, resampling, synthetic

Floats = NDArray[np.float64]


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson trains, and one whose spikes come in bursts of five, with a dispersion of 4.2."""
    trains = [synthetic.poisson_train(rate, 200.0, rng) for rate in (0.05, 5.0, 50.0)]
    onset = rng.uniform(-1, 200, rng.poisson(0.4 * 201))
    trains.append(synthetic.bursting_train(onset, 5, 0.01, 0.5, 200.0, rng))
    value = np.array([0.05, 5.0, 50.0, 2.5])[:, None]
    return Truth(synthetic.activity(trains, 200.0), value, {}, conservative="interval of a count, which is a whole number")


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
        "low": Companion("Hz", "95 % interval, from the dispersion of 20 batches or of a Poisson count", (0, np.inf)),
        "high": Companion("Hz", "95 % interval, from the dispersion of 20 batches or of a Poisson count", (0, np.inf)),
        "time": Companion("s", "Observed time", (0, np.inf)),
    },
    source="count / observed time; interval: Garwood 1936, doi:10.2307/2333958, at the dispersion of counts in 20 batches",
    scale="relative",
    truth=_truth,
    surrogate=_any_rate,
    no_worst_case="an arbitrary rate of a similar order",
)
def firing_rate(activity: xr.Dataset, *, interval: Literal["batches", "poisson"] = "batches") -> Mapping[str, Any]:
    """Firing rate.

    activity: activity/1 with spikes.
    interval: "batches" holds for any train whose correlations are shorter than a twentieth of the epoch; "poisson" is exact for a
    Poisson process alone: of bursts of five spikes it covers 60 %.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed in the epoch. On a gap-free stretch it
    equals `elephant.statistics.mean_firing_rate`, which takes one stretch at a time.
    Raises NotApplicable without spikes.
    """
    spans = observed.epochs(activity)
    labels = list(spans)
    count, time = observed.counts(activity, labels)

    @functools.cache
    def ends() -> tuple[Floats, Floats]:
        if interval == "poisson":
            return intervals.count_interval(count[..., None], time[..., None])
        inside = [observed.overlap(*observed.segments(activity), *np.array([span]).T) for span in spans.values()]
        each = [rates.batches(activity, *pieces) for pieces in inside]
        low, high = np.array([intervals.count_interval(batch.spikes, batch.time) for batch, _ in each]).transpose(1, 2, 0)
        return low, high

    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(time > 0, count / time, np.nan)
    return {
        "firing_rate": value,
        "firing_rate_low": lambda: ends()[0],
        "firing_rate_high": lambda: ends()[1],
        "firing_rate_time": time,
        "coords": {"unit": activity.unit.values, "epoch": labels},
    }
