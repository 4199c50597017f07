"""The samples of a signal as they are, stretch by stretch: nothing is resampled, and no gap is bridged."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable

Floats = NDArray[np.float64]


class Stretch(NamedTuple):
    """What was recorded in one segment."""

    time: Floats  # (sample) [s] from the first observed moment on
    values: Floats  # (channel, sample)


def stretches(activity: xr.Dataset, signal: str) -> list[Stretch]:
    """The signal in each segment in which it was recorded. Raises NotApplicable where there is none."""
    if signal not in activity:
        raise NotApplicable(f"no signal: {signal}")
    step = 1 / float(activity[signal].attrs["sampling_rate"])
    begin = float(activity.segment_start.values[0])
    book = (activity[f"{signal}_{key}"].values for key in ("first_sample", "sample_count", "t_start"))
    found = []
    for first, count, t_start in zip(*book, strict=True):
        if count:
            values = activity[signal][:, int(first) : int(first + count)].values.astype(float)
            found.append(Stretch(t_start - begin + step * np.arange(count), values))
    return found
