"""Local field potentials from continuous voltage: low-pass and resampled, with no trace of the pieces it is computed in."""

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.raw import Raw

Floats = NDArray[np.float64]
_ATTENUATION = 80.0  # dB in the stop band: a ten-thousandth, less than a step of 12 bits
_TRANSITION = 0.25  # of the low-pass frequency
_LARGEST_RATIO = 20_000


class Resampler(NamedTuple):
    """x at the rate of the source -> y at that rate * up / down.

    y[j] = sum over i of x[i] taps[j down + delay - i up], so that sample j lies at j down / up samples of the source, without
    a shift in phase. Before its start and after its end the source is continued by its first and last value.
    """

    up: int
    down: int
    taps: Floats  # empty: y is x
    delay: int

    def n_out(self, n_in: int) -> int:
        """Samples of y that lie inside n_in samples of x."""
        return (n_in - 1) * self.up // self.down + 1

    @property
    def overshoot(self) -> float:
        """How much larger than the largest |x| any |y| can be."""
        return max(1.0, *(float(np.abs(self.taps[k :: self.up]).sum()) for k in range(self.up))) if self.taps.size else 1.0


def resampler(source: float, *, low_pass: float | None, sampling_rate: float | None) -> Resampler:
    """A linear-phase filter with a Kaiser window that passes up to `low_pass` and stops 80 dB from 1.25 low_pass on.

    source, low_pass, sampling_rate: [Hz]. The stop band begins at half the new rate at the latest, so that nothing is
    aliased into what is kept; low_pass is 0.4 of the new rate where it is not given. Without either, nothing is changed.
    Raises DataError for a rate that is above the source's or no ratio of whole numbers to it, and a band that does not fit.
    """
    from scipy import signal  # here, since to import it takes longer than most files to read

    rate = source if sampling_rate is None else sampling_rate
    ratio = Fraction(rate / source).limit_denominator(_LARGEST_RATIO)
    if ratio <= 0 or abs(float(ratio) * source - rate) > 1e-9 * rate:
        near = source / max(1, round(source / rate))
        raise DataError(
            f"sampling_rate {rate:.9g} Hz is no ratio of whole numbers to {source:.9g} Hz; write e.g. '{near:.9g} Hz'"
        )
    if ratio > 1:
        raise DataError(f"sampling_rate is {rate:g} Hz, but the signal has {source:g} Hz; write that, or less")
    if ratio == 1 and low_pass is None:
        return Resampler(1, 1, np.zeros(0), 0)
    edge = 0.4 * rate if low_pass is None else low_pass
    stop = min(rate / 2, (1 + _TRANSITION) * edge)
    if edge >= 0.95 * stop:
        raise DataError(
            f"low_pass is {edge:g} Hz, which does not fit below half of {rate:g} Hz; write at most {0.45 * rate:g} Hz"
        )
    half_rate = source * ratio.numerator / 2
    n, beta = signal.kaiserord(_ATTENUATION, (stop - edge) / half_rate)
    taps = signal.firwin(n + 1 - n % 2, (stop + edge) / 2, window=("kaiser", beta), fs=2 * half_rate) * ratio.numerator
    delay = (taps.size - 1) // 2
    ahead = -delay % ratio.denominator  # zeros in front, so that whole pieces of the source are whole pieces of y
    return Resampler(ratio.numerator, ratio.denominator, np.concatenate([np.zeros(ahead), taps]), delay + ahead)


def resample(raw: Raw, how: Resampler, start: int, stop: int, channels: list[int] | None = None) -> Floats:
    """Samples [start, stop) of y, (channel, sample), in steps of the raw signal (SI where it has none).

    Each sample is a sum over the same samples of the source in the same order, whatever start and stop are.
    """
    from scipy import signal

    if not how.taps.size:
        return np.asarray(raw.counts(start, stop, channels), float)
    first = (start * how.down + how.delay - how.taps.size + 1) // how.up  # of the source
    first -= first % how.down
    last = ((stop - 1) * how.down + how.delay) // how.up + 1
    inside = raw.counts(min(max(first, 0), raw.n_samples - 1), max(1, min(last, raw.n_samples)), channels)
    padded = np.pad(np.asarray(inside, float), ((0, 0), (max(0, -first), max(0, last - raw.n_samples))), mode="edge")
    found = signal.upfirdn(how.taps, padded, how.up, how.down, axis=1)
    skipped = start + (how.delay - first * how.up) // how.down
    return np.asarray(found[:, skipped : skipped + stop - start])
