"""Phases and amplitudes of a signal in a band of frequencies, and of spikes in it, over stretches without a gap."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.pieces import Signal, recorded_kind

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
_ORDER = 3
_EDGE = 2.0  # periods of the lower end of the band that are left out at each end of a stretch: the filter rings there


class Stretch(NamedTuple):
    """A stretch of a signal without a gap: the time of its first sample, and its analytic signals in some bands."""

    start: float
    rate: float
    analytic: list[Complex]  # of each band (sample,)


def stretches(
    activity: xr.Dataset, kind: Signal, channel: int, bands: Sequence[tuple[float, float]], span: tuple[float, float]
) -> Iterator[Stretch]:
    """The stretches of one channel in a span of time, all bands on the same samples, edges left out.

    A zero-phase Butterworth filter, then the Hilbert transform. A stretch ends at a gap in the samples; a flat one is none.
    Raises DataError for a band beyond Nyquist.
    """
    from scipy import fft, signal

    recorded_kind(activity, kind)
    rate = float(activity[kind].attrs["sampling_rate"])
    filters = []
    for low, high in bands:
        if not 0 < low < high < rate / 2:
            raise DataError(f"band [{low:g} Hz, {high:g} Hz] does not lie between 0 and the Nyquist frequency of {rate / 2:g} Hz")
        filters.append(signal.butter(_ORDER, [low, high], "bandpass", fs=rate, output="sos"))
    edge = int(np.ceil(_EDGE * rate / min(low for low, _ in bands)))
    start, stop = observed.segments(activity)
    a, b = observed.overlap(start, stop, np.array([span[0]]), np.array([span[1]]))
    for begin, end, k in zip(a, b, np.searchsorted(start, a, side="right") - 1, strict=True):
        first, count, at = (activity[f"{kind}_{v}"].values[k] for v in ("first_sample", "sample_count", "t_start"))
        skip = int(np.clip(np.ceil((begin - at) * rate - observed.EDGE), 0, count))
        last = int(np.clip(np.ceil((end - at) * rate - observed.EDGE), 0, count))
        values = activity[kind][channel, int(first) + skip : int(first) + last].values.astype(float)
        holes = np.flatnonzero(~np.isfinite(values))
        for i, j in zip(np.append(-1, holes) + 1, np.append(holes, values.size), strict=True):
            if j - i <= 3 * edge or np.ptp(values[i:j]) == 0:
                continue
            found = []
            for each in filters:
                filtered = signal.sosfiltfilt(each, values[i:j] - values[i:j].mean())
                n = fft.next_fast_len(filtered.size)
                found.append(signal.hilbert(filtered, n)[: filtered.size][edge:-edge])
            yield Stretch(at + (skip + i + edge) / rate, rate, found)


def spike_directions(times: Floats, stretch: Stretch, band: int) -> Complex:
    """The unit vectors of the phase at each spike inside the stretch; the angle is interpolated between samples."""
    place = (times - stretch.start) * stretch.rate
    place = place[(place >= 0) & (place < stretch.analytic[band].size - 1)]
    left = np.floor(place).astype(np.int64)
    share, z = place - left, stretch.analytic[band]
    a, b = z[left] / np.abs(z[left]), z[left + 1] / np.abs(z[left + 1])
    turn = np.angle(b * np.conj(a))
    return np.asarray(a * np.exp(1j * share * turn))


def shifted_sums(
    parts: Sequence[tuple[Floats, Complex]], rate: float, draws: int, least: float, rng: np.random.Generator
) -> Complex:
    """The sum of weight x vector where the weights of each stretch are turned round by a random time of at least `least` [s].

    parts: of each stretch, weights and vectors at its samples. Returns (draw,). All shifts at once, by Fourier transforms.
    """
    from scipy import fft

    total = np.zeros(draws, complex)
    for weight, vector in parts:
        n = weight.size
        gap = min(int(least * rate), n // 4)
        every = fft.ifft(fft.fft(vector) * np.conj(fft.fft(weight)))  # at each shift the sum of weight(t) vector(t + shift)
        total += every[rng.integers(gap, n - gap, draws)]
    return total
