"""How precise in time the spikes of a response are from trial to trial."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import jitter, observed, resampling, synthetic, trials
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_MOVES = 200
_SIGMA, _EVENTS, _TRIALS, _LENGTH, _PERIOD = 2e-3, 5, 160, 0.25, 0.256


def _truth(rng: np.random.Generator) -> Truth:
    """Three units that fire at 5 fixed times, 45 ms apart, in 70 % of 160 trials, jittered by 2 ms, and at 4 Hz."""
    start = _PERIOD * np.arange(_TRIALS, dtype=np.float64)
    trains = []
    for _ in range(3):
        event = 0.045 * np.arange(_EVENTS) + rng.uniform(0.03, 0.05)
        fired = rng.uniform(size=(_TRIALS, _EVENTS)) < 0.7
        locked = (start[:, None] + event + _SIGMA * rng.normal(size=fired.shape))[fired]
        trains.append(np.sort(np.concatenate([locked, synthetic.poisson_train(4.0, _PERIOD * _TRIALS, rng)])))
    one = synthetic.with_trials(synthetic.activity(trains, _PERIOD * _TRIALS), start, _LENGTH, ["frozen"] * _TRIALS)
    return Truth(one, _SIGMA, {"end": _LENGTH})


def _null(rng: np.random.Generator) -> Truth:
    """The same number of spikes, anywhere."""
    known = _truth(rng)
    return Truth(resampling.scattered_trains(known.activity, rng), np.nan, known.parameters)


def _jittered(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every spike moved by up to a tenth of its unit's mean interval."""
    if "spike_count" not in activity:
        return activity
    count = activity.spike_count.values
    reach = 0.1 * observed.observed_time(activity) / np.maximum(count, 1)
    unit = np.repeat(np.arange(count.size), count)
    times = activity.spike_time.values + reach[unit] * rng.uniform(-1, 1, unit.size)
    times = np.clip(times, activity.segment_start.values[0], activity.segment_stop.values[-1])
    return resampling.with_spikes(activity, times[np.lexsort((times, unit))], count)


@metric(
    units="s",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={
        "low": Companion("s", "95 % interval (jackknife over groups of trials, of the logarithm)", (0, np.inf)),
        "high": Companion("s", "95 % interval (jackknife over groups of trials, of the logarithm)", (0, np.inf)),
        "p": Companion("1", "Part of 200 sets of spikes, each moved within `window`, with as many coincidences", (0, 1)),
        "peak": Companion("1", "Coincidences at no lag over those at large ones", (0, np.inf)),
        "trials": Companion("1", "Trials with another one of their stimulus", (0, np.inf)),
    },
    source="differences of spike times in different trials of a stimulus (shuffled autocorrelogram: Joris et al. 2006, "
    "doi:10.1016/j.heares.2006.02.002), Gaussian peak and even base by maximum likelihood; p by interval jitter: Amarasingham et "
    "al. 2012, doi:10.1152/jn.00633.2011",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=_jittered,
    null=_null,
    no_worst_case="the same spikes, moved by up to a tenth of their mean interval",
    each_epoch=True,
)
def spike_time_jitter(activity: xr.Dataset, *, begin: Second = 0.0, end: Second, window: Second = 0.015) -> Mapping[str, Any]:
    """Trial-to-trial jitter of spike times.

    activity: activity/1 with spikes and trials, those of one label repeats of the same stimulus.
    begin, end: [s], of the part of each trial. window: [s], the largest difference that is looked at; events that are closer
    are taken for one, and jitter above a third of it is not told.
    Returns (unit, epoch), [s], the standard deviation of a spike around the time that all trials share; p says whether there is
    any time that they share better than `window`. NaN with fewer than 8 trials, where there is no peak, and for a silent unit.
    Raises NotApplicable without spikes, or without trials.
    """
    found = trials.trains(activity, begin, end)
    values = np.full((6, len(found.times)), np.nan)
    for u, (times, seen) in enumerate(zip(found.times, found.seen, strict=True)):
        count = np.bincount(found.stimulus[seen], minlength=len(found.labels))
        kept = np.flatnonzero(seen & (count[found.stimulus] > 1))
        values[5, u] = kept.size
        n = [times[k].size for k in kept]
        if sum(n) < 2:
            continue
        trial = np.repeat(kept, n)
        spikes = jitter.Spikes(np.concatenate([times[k] for k in kept]), trial, found.stimulus[trial])
        one = jitter.fit(spikes, window)
        values[:3, u], values[4, u] = one[:3], one.peak
        rng = rng_for(0, "moved spikes", len(spikes.time))
        near = jitter.Coincidences(spikes, window / 4, end - begin)
        values[3, u] = (1 + np.count_nonzero(near.moved(window, _MOVES - 1, rng) >= near.found())) / _MOVES
    keys = ("", "_low", "_high", "_p", "_peak", "_trials")
    named = {f"spike_time_jitter{key}": row for key, row in zip(keys, values, strict=True)}
    return named | {"coords": {"unit": activity.unit.values}}
