"""The position of an animal, from frames at uneven times to samples at even ones."""

import numpy as np
from numpy.typing import NDArray

_GAP = 3.0  # samples: across a longer gap between frames nothing is known


def resampled(
    time: NDArray[np.float64], place: NDArray[np.float64], start: float, stop: float, rate: float
) -> NDArray[np.float64]:
    """Linear interpolation at `start`, `start` + 1/rate, ... up to `stop`.

    time: of each frame, increasing [s]. place: (frame, axis); NaN where it is not known.
    Returns (sample, axis); NaN outside of the frames, next to a frame with NaN, and in gaps of more than 3 samples.
    """
    at = start + np.arange(int(np.floor((stop - start) * rate + 1e-6))) / rate
    after = np.clip(np.searchsorted(time, at, side="left"), 1, time.size - 1)
    before = after - 1
    step = time[after] - time[before]
    share = ((at - time[before]) / step)[:, None]
    values = np.where(
        share <= 0, place[before], np.where(share >= 1, place[after], place[before] * (1 - share) + place[after] * share)
    )
    is_between = (share[:, 0] > 0) & (share[:, 0] < 1)
    unknown = (at < time[0]) | (at > time[-1]) | (is_between & (step > _GAP / rate))
    values[unknown] = np.nan
    return np.asarray(values)
