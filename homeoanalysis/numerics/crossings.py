"""Multi-units from continuous voltage: each channel's crossings of a multiple of its noise.

Source of the estimate of noise: Quian Quiroga, Nadasdy & Ben-Shaul 2004, Neural Comput 16:1661, doi:10.1162/089976604774201631,
p. 1665: median(|x|) / 0.6745 of the filtered signal, which spikes hardly change.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.raw import Raw, blocks

Floats = NDArray[np.float64]
_ROUNDING = 1e-9
_NORMAL = 0.6745  # median of |x| of a normal x of unit variance
_WINDOWS, _WINDOW, _WARM = 60, 1.0, 0.1  # pieces for the noise, their length [s], and what is left out at their start [s]


class Method(NamedTuple):
    """How spikes are detected; frequencies [Hz], dead_time [s], factor: threshold over noise."""

    high_pass: float
    low_pass: float | None
    factor: float
    polarity: Literal["negative", "positive", "both"]
    dead_time: float


class Detected(NamedTuple):
    """Of each channel: the samples of its spikes, crossings that fell into a dead time, threshold in SI."""

    samples: list[NDArray[np.int64]]
    in_dead_time: NDArray[np.int64]
    threshold: Floats


def detect(raw: Raw, method: Method) -> Detected:
    """Crossings of each channel: the first sample beyond the threshold after one that is not.

    The signal passes a causal Butterworth filter of third order (zero-frequency state from the first sample). A crossing less
    than dead_time after the last spike is none. Noise: the median over up to 60 windows of one second, evenly spread, of
    median(|x|) / 0.6745. A channel without noise has no spikes and the threshold NaN.
    Raises DataError for a band that the sampling rate does not hold.
    """
    from scipy import signal  # here, since to import it takes longer than most files to read

    sos = _filter(raw.sampling_rate, method)
    threshold = method.factor * noise(raw, method)
    threshold[threshold == 0] = np.nan
    sign = {"negative": -1.0, "positive": 1.0, "both": 1.0}[method.polarity]
    dead = int(np.ceil(method.dead_time * raw.sampling_rate - 1e-6))
    n = len(raw.names)
    found: list[list[NDArray[np.int64]]] = [[] for _ in range(n)]
    last, was_beyond, lost = np.full(n, -dead - 1), np.zeros(n, bool), np.zeros(n, np.int64)
    state = None
    for start, stop in blocks(raw):
        x = raw.values(start, stop)
        state = signal.sosfilt_zi(sos)[:, None, :] * x[None, :, :1] if state is None else state
        y, state = signal.sosfilt(sos, x, axis=1, zi=state)
        beyond = (np.abs(y) if method.polarity == "both" else sign * y) >= threshold[:, None]
        rises = beyond & ~np.concatenate([was_beyond[:, None], beyond[:, :-1]], axis=1)
        was_beyond = beyond[:, -1].copy()
        for k in np.flatnonzero(rises.any(axis=1)):
            crossed = np.flatnonzero(rises[k]) + start
            kept = _apart(crossed, dead, int(last[k]))
            lost[k] += crossed.size - kept.size
            if kept.size:
                found[k].append(kept)
                last[k] = kept[-1]
    return Detected([np.concatenate(f) if f else np.zeros(0, np.int64) for f in found], lost, threshold)


def noise(raw: Raw, method: Method) -> Floats:
    """The noise of each channel in SI."""
    from scipy import signal

    sos = _filter(raw.sampling_rate, method)
    length = min(raw.n_samples, max(1, round((_WINDOW + _WARM) * raw.sampling_rate)))
    warm = min(length - 1, round(_WARM * raw.sampling_rate))
    count = int(np.clip(raw.n_samples // length, 1, _WINDOWS))
    levels = []
    for start in np.linspace(0, raw.n_samples - length, count).astype(np.int64):
        x = raw.values(int(start), int(start) + length)
        y, _ = signal.sosfilt(sos, x, axis=1, zi=signal.sosfilt_zi(sos)[:, None, :] * x[None, :, :1])
        level = np.median(np.abs(y[:, warm:]), axis=1) / _NORMAL
        level[level <= _ROUNDING * np.abs(x).max(axis=1)] = 0.0  # what rounding leaves of a constant
        levels.append(level)
    return np.asarray(np.median(levels, axis=0))


def _filter(rate: float, method: Method) -> Floats:
    from scipy import signal

    high = method.low_pass
    if method.high_pass >= rate / 2 or (high is not None and not method.high_pass < high < rate / 2):
        band = f"{method.high_pass:g} Hz" + (f" to {high:g} Hz" if high is not None else "")
        raise DataError(f"the band from {band} does not fit below half of the sampling rate of {rate:g} Hz; lower it")
    if high is None:
        return np.asarray(signal.butter(3, method.high_pass, "highpass", fs=rate, output="sos"))
    return np.asarray(signal.butter(3, (method.high_pass, high), "bandpass", fs=rate, output="sos"))


def _apart(crossed: NDArray[np.int64], dead: int, last: int) -> NDArray[np.int64]:
    """Those at least `dead` samples after the one that was kept before."""
    kept, k = [], int(np.searchsorted(crossed, last + dead))
    while k < crossed.size:
        kept.append(crossed[k])
        k = int(np.searchsorted(crossed, crossed[k] + max(dead, 1)))
    return np.array(kept, np.int64)
