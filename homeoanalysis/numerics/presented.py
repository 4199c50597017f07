"""What of a stimulus is new, and what is shown again: trials of one label whose covariate is the same, sample by sample.

Repeats of a stimulus are no new evidence about how a response depends on it: what the response has in common with it by chance is
the same each time, so that spectra of repeats would have a bias that more repeats do not take away, and a filter would be
tested on the stimulus that it was made from. So the first presentation counts, in whatever is related to the covariate.
"""

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]
_SAME = 0.01  # of the variance of the stimulus: what two recordings of the same one may differ by


def origins(activity: xr.Dataset) -> NDArray[np.int64]:
    """For each sample of the covariate the one that first showed the same, which is itself where it is new.

    activity: activity/1 with a covariate, whose first channel is looked at. Trials that are cut off by the end of a segment count
    as far as they were observed. Of a stimulus that does not vary in a trial nothing is said to be shown again.
    """
    values = observed.array(activity, "covariate")[0]
    origin = np.arange(values.size)
    if "trial_start" not in activity:
        return origin
    rate = float(activity.variables["covariate"].attrs["sampling_rate"])
    names = ("covariate_first_sample", "covariate_sample_count", "covariate_t_start")
    first, count, t_start = (observed.array(activity, name) for name in names)
    start, stop = observed.array(activity, "trial_start"), observed.array(activity, "trial_stop")
    length = np.round((stop - start) * rate).astype(np.int64)
    stimulus = observed.array(activity, "stimulus").astype(str)
    for label in np.unique(stimulus):
        mine = np.flatnonzero(stimulus == label)
        shown = np.full(length[mine].max(initial=0), -1)  # the sample that first showed each moment of the trial
        for trial in mine[np.argsort(start[mine], kind="stable")]:
            overlapping = np.flatnonzero((t_start < stop[trial]) & (t_start + count / rate > start[trial]))
            for a, n, t in zip(first[overlapping], count[overlapping], t_start[overlapping], strict=True):
                begin = int(a) + int(np.round((start[trial] - t) * rate))  # where the trial begins, if the segment went that far
                samples = np.arange(max(begin, int(a)), min(begin + int(length[trial]), int(a) + int(n)))
                _look(values, samples, samples - begin, shown, origin)
    return origin


def _look(
    values: Floats, samples: NDArray[np.int64], moment: NDArray[np.int64], shown: NDArray[np.int64], origin: NDArray[np.int64]
) -> None:
    """Samples of one trial: those that were shown before get their origin, and the others are noted in `shown`."""
    before = shown[moment] >= 0
    if before.any():
        now, then = values[samples[before]], values[shown[moment[before]]]
        power = np.var(then)
        if not power > 0 or np.mean((now - then) ** 2) > _SAME * power:
            return
        origin[samples[before]] = shown[moment[before]]
    shown[moment[~before]] = samples[~before]


def new_time(activity: xr.Dataset) -> xr.Dataset:
    """The activity as if only the time had been observed in which the stimulus was new; itself if it always was."""
    if "trial_start" not in activity:
        return activity
    origin = origins(activity)
    is_new = origin == np.arange(origin.size)
    if is_new.all():
        return activity
    rate = float(activity.variables["covariate"].attrs["sampling_rate"])
    start: list[float] = []
    stop: list[float] = []
    for k, (begin, end) in enumerate(zip(*observed.segments(activity), strict=True)):
        a, n = int(activity.covariate_first_sample[k]), int(activity.covariate_sample_count[k])
        edge = np.flatnonzero(np.diff(np.concatenate([[True], is_new[a : a + n], [True]]).astype(int)))
        times = float(activity.covariate_t_start[k]) + edge / rate
        start += [begin, *times[1::2]]
        stop += [*times[::2], end]
    kept = np.array(stop) > np.array(start)
    return observed.restrict(activity, np.array(start)[kept], np.array(stop)[kept])
