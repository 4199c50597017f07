"""Firing rate of each unit in each epoch, over observed time."""

import functools
from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, observed, rates, resampling, synthetic
from homeoanalysis.statistics.long_run_variance import (
    LEAST_BLOCKS,
    N_BINS,
    count_blocks,
    estimate_long_run,
    take_cosines,
)

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

    No surrogate in time can destroy a mean rate; this one knows nothing of it but the order of
    magnitude.
    """
    start, stop = observed.segments(activity)
    count = rng.poisson(activity.spike_count.values * 10 ** rng.uniform(-1, 1))
    return resampling.with_spikes(activity, resampling.sorted_uniform(count, start, stop, rng), count)


@metric(
    units="Hz",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={
        "low": Companion("Hz", "95 % interval, from the dispersion over time or of a Poisson count", (0, np.inf)),
        "high": Companion("Hz", "95 % interval, from the dispersion over time or of a Poisson count", (0, np.inf)),
        "independent_blocks": Companion("1", "Independent blocks of the epoch; below 4 no interval", (0, np.inf)),
        "time": Companion("s", "Observed time", (0, np.inf)),
    },
    source="count / observed time; interval: Garwood 1936, doi:10.2307/2333958, at the dispersion of the long-run variance",
    scale="relative",
    truth=_truth,
    surrogate=_any_rate,
    no_worst_case="an arbitrary rate of a similar order",
)
def firing_rate(activity: xr.Dataset, *, interval: Literal["long_run", "poisson"] = "long_run") -> Mapping[str, Any]:
    """Firing rate.

    activity: activity/1 with spikes.
    interval: "long_run" holds for stationary trains whose rate fluctuates with time constants up to
    a twentieth of the epoch, and is NaN where an epoch has too few independent blocks; "poisson" is
    exact for a Poisson process alone: of bursts of five spikes it covers 60 %.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed in the epoch. On a
    gap-free stretch it
    equals `elephant.statistics.mean_firing_rate`, which takes one stretch at a time.
    Raises NotApplicable without spikes.
    """
    labels = list(observed.epochs(activity))
    count, time = observed.counts(activity, labels)

    @functools.cache
    def measure_ends() -> tuple[Floats, Floats, Floats]:
        if interval == "poisson":
            return *intervals.count_interval(count[..., None], time[..., None]), np.full(count.shape, np.nan)
        ends = [_measure_epoch(activity, label, count[:, e], time[:, e]) for e, label in enumerate(labels)]
        low, high, blocks = np.array(ends).transpose(1, 2, 0)
        return low, high, blocks

    with np.errstate(invalid="ignore", divide="ignore"):
        value = np.where(time > 0, count / time, np.nan)
    return {
        "firing_rate": value,
        "firing_rate_low": lambda: measure_ends()[0],
        "firing_rate_high": lambda: measure_ends()[1],
        "firing_rate_independent_blocks": lambda: measure_ends()[2],
        "firing_rate_time": time,
        "coords": {"unit": activity.unit.values, "epoch": labels},
    }


def _measure_epoch(activity: xr.Dataset, label: str, count: NDArray[np.int64], time: Floats) -> tuple[Floats, Floats, Floats]:
    """Ends of the interval [Hz] and independent blocks, (unit,) each."""
    inside = observed.overlap(*observed.segments(activity), *np.array([observed.epoch(activity, label)]).T)
    units, _ = rates.batches(activity, *inside, n=N_BINS)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected = np.where(time > 0, count / time, 0.0)[:, None] * units.time
    power = take_cosines(units.spikes - expected)[:, None]
    found = estimate_long_run(power, np.ones(1))
    by_chance = np.broadcast_to(count[:, None, None].astype(float), power.shape)
    blocks = np.where(time > 0, count_blocks(found, power, by_chance)[:, 0], np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        ends = intervals.overdispersed_count_interval(count, time, found.variance[:, 0] / count, found.df[:, 0])
    low, high = (np.where(blocks >= LEAST_BLOCKS, end, np.nan) for end in ends)
    return low, high, blocks
