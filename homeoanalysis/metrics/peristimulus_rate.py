"""Firing rate in bins of trials: the peri-stimulus time histogram, and how much its counts vary."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, repeats, resampling, synthetic, trials
from homeoanalysis.units import Second

_MOMENTS = {"before": 0.02, "onset": 0.04, "later": 0.06}


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson counts in 5 bins of 20 ms, 60 trials of each of two stimuli, 0.128 s apart: mean and variance over both."""
    mean = np.array([[1.0, 1, 6, 3, 1], [1.0, 1, 2, 3, 1]])
    each = mean.mean(axis=0)[1:4]
    activity = synthetic.stimulated(mean, 60, rng)
    return Truth(activity, each / 0.02, {"moments": _MOMENTS, "bin_size": 0.02}, {"variance": each})


@metric(
    units="Hz",
    dims=("unit", "moment"),
    bounds=(0, np.inf),
    companions={"variance": Companion("1", "Variance (divisor n - 1) of the count over trials of a stimulus", (0, np.inf))},
    source="spikes of the trials in the bin / (trials x bin size)",
    scale=None,
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.scattered_trains, 10 / 0.128),
)
def peristimulus_rate(
    activity: xr.Dataset, *, moments: Annotated[dict[str, Second], Field(min_length=1)], bin_size: Second
) -> Mapping[str, Any]:
    """Firing rate in bins of the trials, mean over trials.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    moments: label -> [s] after the start of a trial, where the bin begins. bin_size: [s]; of counts, a multiple of theirs.
    Returns (unit, moment), [Hz], >= 0; NaN where the bin was observed in no trial. The variance is a mean over stimuli; NaN
    without two trials of one.
    Raises NotApplicable without spikes and counts, without trials, or where bins are no multiple of those of the counts.
    """
    if "binned_count" in activity:
        own = float(activity.binned_count.attrs["bin_size"])
        if abs(bin_size / own - max(round(bin_size / own), 1)) > observed.EDGE:
            raise NotApplicable(f"counts in bins of {own:g} s do not add up to bins of {bin_size:g} s")
    else:
        observed.need_spikes(activity)
    size = activity.sizes["unit"], len(moments)
    rate, variance = np.full(size, np.nan), np.full(size, np.nan)
    for k, begin in enumerate(moments.values()):
        found = trials.counts(activity, begin, begin + bin_size)
        for u, (spikes, seen) in enumerate(zip(found.spikes[..., 0], found.seen, strict=True)):
            count, stimulus = spikes[seen], found.stimulus[seen]
            if count.size:
                rate[u, k] = count.mean() / bin_size
            again = repeats.repeated(stimulus) if count.size else np.zeros(0, bool)
            if again.any():
                variance[u, k] = np.mean([count[stimulus == s].var(ddof=1) for s in np.unique(stimulus[again])])
    coordinates = {"unit": activity.unit.values, "moment": list(moments)}
    return {"peristimulus_rate": rate, "peristimulus_rate_variance": variance, "coords": coordinates}
