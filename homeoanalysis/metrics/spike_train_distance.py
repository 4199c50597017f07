"""How far the spike trains of two trials of the same stimulus are from each other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import resampling, synthetic, trials
from homeoanalysis.numerics import spike_train_distances as distances
from homeoanalysis.units import Hertz, Second

# Exact in binary numbers, so that the same spike of two trials has the same time after the start of its trial.
_EVENTS = np.array([[8.0, 18.0, 28.0, 38.0], [13.0, 23.0, 33.0, 43.0]]) / 256


def _jittered(jitter: float, rng: np.random.Generator) -> xr.Dataset:
    """Two stimuli, 20 trials of each: four spikes 39 ms apart, each with a Gaussian jitter [s]."""
    label, start = rng.permutation(np.repeat([0, 1], 20)), 0.25 * np.arange(40, dtype=np.float64)
    at = start[:, None] + _EVENTS[label]
    trains = [np.sort((at + rng.normal(0, jitter, at.shape)).ravel()) for _ in range(3)]
    one = synthetic.activity(trains, 0.25 * 40)
    return synthetic.with_trials(one, start, 0.2, [f"stimulus {k}" for k in label])


def _truth(rng: np.random.Generator) -> Truth:
    """The mean difference of two Gaussian numbers is 2 sigma / sqrt(pi): four spikes x 50 Hz x 2.257 ms = 0.4514."""
    return Truth(_jittered(2e-3, rng), 4 * 50 * 2 * 2e-3 / np.sqrt(np.pi), {"end": 0.2, "cost": 50.0})


def _null(rng: np.random.Generator) -> Truth:
    """All trials of a stimulus are alike."""
    nothing = {"van_rossum": 0.0, "isi": 0.0, "spike": 0.0}
    return Truth(_jittered(0.0, rng), 0.0, {"end": 0.2, "cost": 50.0}, nothing)


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions={
        "van_rossum": Companion("1", "Van Rossum distance; 1 between no spike and one", (0, np.inf)),
        "isi": Companion("1", "ISI distance", (0, 1)),
        "spike": Companion("1", "SPIKE distance", (0, 1)),
        "pairs": Companion("1", "Pairs of trials of a stimulus", (0, np.inf)),
    },
    source="mean over all pairs of trials of a stimulus: Victor & Purpura 1996, doi:10.1152/jn.1996.76.2.1310; van Rossum 2001, "
    "doi:10.1162/089976601300014321, as elephant; Kreuz et al. 2007, doi:10.1016/j.jneumeth.2007.05.031, and 2013, "
    "doi:10.1152/jn.00873.2012, as PySpike",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
    each_epoch=True,
)
def spike_train_distance(
    activity: xr.Dataset, *, begin: Second = 0.0, end: Second, cost: Hertz = 50.0, tau: Second = 0.02
) -> Mapping[str, Any]:
    """Victor-Purpura distance of two trials of a stimulus, and three others.

    activity: activity/1 with spikes and trials, those of one label repeats of the same stimulus.
    begin, end: [s], of the window, after the start of each trial. cost: [Hz], of a shift; one by more than 2 / cost is a spike
    taken and another added. tau: [s], of the van Rossum distance. The two others have no scale of time.
    Returns (unit, epoch), [1], >= 0; NaN for a silent unit, and without two trials of a stimulus.
    Raises NotApplicable without spikes or trials.
    """
    found = trials.trains(activity, begin, end)
    values = np.full((4, len(found.times)), np.nan)
    pairs = np.zeros(len(found.times))
    for u, (times, seen) in enumerate(zip(found.times, found.seen, strict=True)):
        sums = np.zeros(4)
        for k in range(len(found.labels)):
            same = [t for t, s, is_seen in zip(times, found.stimulus, seen, strict=True) if is_seen and s == k]
            pairs[u] += len(same) * (len(same) - 1) / 2
            each = (
                distances.victor_purpura(same, cost),
                distances.van_rossum(same, tau),
                distances.isi(same, 0.0, end - begin),
                distances.spike(same, 0.0, end - begin),
            )
            sums += [d.sum() / 2 for d in each]
        if pairs[u] and any(t.size for t in times):
            values[:, u] = sums / pairs[u]
    return {
        "spike_train_distance": values[0],
        "spike_train_distance_van_rossum": values[1],
        "spike_train_distance_isi": values[2],
        "spike_train_distance_spike": values[3],
        "spike_train_distance_pairs": pairs,
        "coords": {"unit": activity.unit.values},
    }
