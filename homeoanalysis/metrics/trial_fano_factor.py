"""Variability of the spike count over trials of the same stimulus."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import repeats, resampling, synthetic, trials
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Counts of mean m = 5 and 10, Poisson of a gain of variance 1/4 in each trial: (sum of m + m^2 / 4) / sum of m = 3.083."""
    label = np.repeat([0, 1], 150)
    start = 0.128 * np.arange(300, dtype=np.float64)
    trains = []
    for _ in range(3):
        count = rng.poisson(np.array([5.0, 10.0])[label] * rng.gamma(4, 0.25, 300))
        trains.append(np.repeat(start, count) + rng.uniform(0.001, 0.099, count.sum()))
    one = synthetic.with_trials(synthetic.activity(trains, 0.128 * 300), start, 0.1, [f"stimulus {k}" for k in label])
    return Truth(one, 1 + 125 / 4 / 15, {"end": 0.1})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={"trials": Companion("1", "Fewest trials of a stimulus", (0, np.inf))},
    source="variance (divisor n - 1) of the count over trials of a stimulus / mean, both summed over stimuli",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.scattered_trains, 1.0),
    each_epoch=True,
)
def trial_fano_factor(activity: xr.Dataset, *, begin: Second = 0.0, end: Second) -> Mapping[str, Any]:
    """Fano factor of the spike count over trials of a stimulus: 1 for a Poisson process that is the same in each trial.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial.
    Returns (unit, epoch), [1], >= 0; NaN for a silent unit, and without two trials of a stimulus.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    found = trials.counts(activity, begin, end)
    values, fewest = np.full(found.seen.shape[0], np.nan), np.zeros(found.seen.shape[0])
    for u, (spikes, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        seen = seen.copy()
        seen[seen] = repeats.repeated(found.stimulus[seen])
        if seen.any():
            values[u] = repeats.fano_factor(spikes[seen], found.stimulus[seen])
            fewest[u] = np.unique(found.stimulus[seen], return_counts=True)[1].min()
    return {
        "trial_fano_factor": values,
        "trial_fano_factor_trials": fewest,
        "coords": {"unit": activity.unit.values},
    }
