"""How much of a unit's response is the same in every trial of a stimulus."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import repeats, resampling, synthetic, trials
from homeoanalysis.units import Second

_MEANS = np.array([[1.0, 1, 6, 9, 5, 3, 2, 2, 1, 1], [1.0, 1, 1, 1, 4, 8, 8, 4, 1, 1]])


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson counts m in 10 bins: var(m) over var(m) + 9/10 mean(m), both summed over two stimuli."""
    common, noise = _MEANS.var(axis=1).sum(), 0.9 * _MEANS.mean(axis=1).sum()
    value = common / (common + noise)
    return Truth(synthetic.stimulated(_MEANS, 40, rng), value, {"end": 0.1, "bin_size": 0.01})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over trials)"),
        "high": Companion("1", "95 % interval (jackknife over trials)"),
        "pearson": Companion("1", "Mean correlation of two trials; 0 for a pair with one that does not vary", (-1, 1)),
        "silent": Companion("1", "Part of the trials without a spike", (0, 1)),
        "trials": Companion("1", "Fewest trials of a stimulus", (0, np.inf)),
    },
    source="covariance over time of two trials of a stimulus / variance of one, both averaged over all trials: the share of the "
    "variance that is repeated; pearson: as Schreiber et al. 2003, doi:10.1016/S0925-2312(02)00838-X, of counts in bins, less "
    "their mean",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.scattered_trains, 0.0, "the jackknife of a square is too wide where it is 0"),
    each_epoch=True,
)
def trial_reliability(activity: xr.Dataset, *, begin: Second = 0.0, end: Second, bin_size: Second = 0.05) -> Mapping[str, Any]:
    """Trial-to-trial reliability of the time course of the response.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s], the precision that is asked for.
    Returns (unit, epoch), [1]; 1 where all trials are alike, and its mean is 0 where nothing is repeated. Trials without spikes
    count: to leave them out would make a unit that often fails look reliable. NaN for a silent unit, and without two trials of a
    stimulus.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    found = trials.counts(activity, begin, end, bin_size)
    size = found.seen.shape[0]
    values, pearson, silent = np.full((3, size), np.nan)
    fewest = np.zeros(size)
    firing: dict[int, tuple[repeats.Counts, repeats.Labels]] = {}
    for u, (spikes, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        seen = seen.copy()
        seen[seen] = repeats.repeated(found.stimulus[seen])
        stimulus, spikes = found.stimulus[seen], spikes[seen]
        if not spikes.any():
            continue
        fewest[u] = np.unique(stimulus, return_counts=True)[1].min()
        values[u] = repeats.reliability(spikes, stimulus)
        firing[u] = spikes, stimulus
        pearson[u] = repeats.pearson(spikes, stimulus)
        silent[u] = np.mean(~spikes.any(axis=1))

    @functools.cache
    def ends() -> np.ndarray:
        interval = np.full((2, size), np.nan)
        for u, (spikes, stimulus) in firing.items():
            interval[:, u] = repeats.interval(spikes, stimulus)
        return interval

    return {
        "trial_reliability": values,
        "trial_reliability_low": lambda: ends()[0],
        "trial_reliability_high": lambda: ends()[1],
        "trial_reliability_pearson": pearson,
        "trial_reliability_silent": silent,
        "trial_reliability_trials": fewest,
        "coords": {"unit": activity.unit.values},
    }
