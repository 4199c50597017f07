"""Peak of the peri-stimulus time histogram."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import resampling, synthetic, trials
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson counts of a peak of 8 and one of 6 in bins of 20 ms, of which no other has more than 1."""
    activity = synthetic.stimulated(np.array([[1.0, 8, 1, 1, 1], [1.0, 1, 1, 6, 1]]), 60, rng)
    return Truth(activity, 7 / 0.02, {"begin": 0.0, "end": 0.1, "bin_size": 0.02})


@metric(
    units="Hz",
    dims=("unit",),
    bounds=(0, np.inf),
    companions={},
    source="highest bin of the mean over trials of a stimulus, mean over stimuli",
    scale=None,  # halves have fewer trials, whose noise is higher
    truth=_truth,
    surrogate=resampling.scattered_trains,
    no_worst_case="the peak that noise makes",
)
def peristimulus_peak_rate(
    activity: xr.Dataset, *, begin: Second = 0.5, end: Second = 1.5, bin_size: Second = 0.05
) -> Mapping[str, Any]:
    """Highest firing rate of the mean response to a stimulus, mean over stimuli.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s]; of counts, a multiple of theirs.
    The highest of bins of few trials is higher than the highest of their true rates, by about a standard error.
    Returns (unit), [Hz], >= 0; NaN where no trial was observed.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    found = trials.counts(activity, begin, end, bin_size)
    peak = np.full(found.seen.shape[0], np.nan)
    for u, (spikes, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        stimulus = found.stimulus[seen]
        if stimulus.size:
            peak[u] = np.mean([spikes[seen][stimulus == s].mean(axis=0).max() for s in np.unique(stimulus)]) / bin_size
    return {"peristimulus_peak_rate": peak, "coords": {"unit": activity.unit.values}}
