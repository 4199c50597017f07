"""The spectrum of the activity of a whole population, and its highest peak."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed, population, synthetic

Floats = NDArray[np.float64]
FEWEST = 4  # windows
_OVERLAP = 0.5
# Of two Hann windows that overlap by half, the squared correlation of the powers of white noise (Welch 1967): (1/6)^2.
_SHARED = 2 / 36


class Peak(NamedTuple):
    """The highest peak of a spectrum."""

    frequency: float  # [Hz], between those of the spectrum
    height: float  # over the median of the spectrum
    p: float  # of so high a peak in a flat spectrum
    windows: float


def peak(activity: xr.Dataset, label: str, *, bin_size: float, segment: float, lowest: float, highest: float) -> Peak:
    """Welch's method: Hann windows of `segment` [s], half overlapping, less their mean, on the counts of all units in bins.

    A window lies in one piece of observed time. NaN with fewer than 4 windows, or where nothing fires. Raises DataError where
    the band holds fewer than 4 frequencies. Source: Welch 1967, doi:10.1109/TAU.1967.1161901.
    """
    n = observed.n_whole(segment, bin_size)
    frequency = np.fft.rfftfreq(n, bin_size)
    slack = observed.EDGE / segment
    band = (frequency >= lowest - slack) & (frequency <= highest + slack) & (frequency > 0)
    if band.sum() < 4:
        raise DataError(
            f"the band from {lowest:g} to {highest:g} Hz holds {band.sum()} frequencies of windows of {segment:g} s in bins of "
            f"{bin_size:g} s; make the window longer, or the band wider"
        )
    begin, end = observed.epoch(activity, label)
    counts = population.counts(observed.restrict(activity, np.array([begin]), np.array([end])), bin_size)
    starts = np.cumsum(counts.size) - counts.size
    first = [at + np.arange(0, size - n + 1, round(n * _OVERLAP)) for at, size in zip(starts, counts.size, strict=True)]
    windows = np.concatenate(first)
    if windows.size < FEWEST:
        return Peak(np.nan, np.nan, np.nan, float(windows.size))
    power = np.zeros(band.sum())
    taper = np.hanning(n + 1)[:-1]
    for at in windows:
        piece = counts.spikes[at : at + n]
        power += np.abs(np.fft.rfft(taper * (piece - piece.mean()))[band]) ** 2
    middle = float(np.median(power))
    if not middle > 0:
        return Peak(np.nan, np.nan, np.nan, float(windows.size))
    k = int(power.argmax())
    at = frequency[band][k] + _offset(power, k) * frequency[1]
    return Peak(float(at), float(power[k]) / middle, _p(power, windows.size), float(windows.size))


def _offset(power: Floats, k: int) -> float:
    """Of the top of the parabola through the logarithms of the highest power and its neighbours, in steps of the frequency."""
    if k in (0, power.size - 1):
        return 0.0
    below, top, above = np.log(np.maximum(power[k - 1 : k + 2], 1e-300))
    return float((below - above) / 2 / (below - 2 * top + above)) if below + above < 2 * top else 0.0


def _p(power: Floats, windows: int) -> float:
    """The highest of gamma distributed means of exponential powers. Neighbours share a part of theirs: an upper bound."""
    from scipy import special  # here, since the config check need not pay

    shape = windows / (1 + _SHARED * (1 - 1 / windows))
    return float(-np.expm1(power.size * np.log1p(-special.gammaincc(shape, shape * power.max() / power.mean()))))


def of_epochs(activity: xr.Dataset, **how: float) -> dict[str, Peak]:
    """The peak of each epoch. Raises NotApplicable without spikes, or where no epoch has one."""
    observed.need_spikes(activity)
    found = {label: peak(activity, label, **how) for label in observed.epochs(activity)}
    if all(np.isnan(one.height) for one in found.values()):
        raise NotApplicable(f"fewer than {FEWEST} windows in any epoch, or no spikes in them")
    return found


def modulated(depth: float, frequency: float, duration: float, rng: np.random.Generator) -> xr.Dataset:
    """Ten Poisson units, 1000 spikes a second together, whose rate is 1 + depth cos(2 pi frequency t) times its mean."""
    trains = []
    for _ in range(10):
        times = synthetic.poisson_train(100.0 * (1 + depth), duration, rng)
        kept = rng.uniform(0, 1 + depth, times.size) < 1 + depth * np.cos(2 * np.pi * frequency * times)
        trains.append(times[kept])
    return synthetic.activity(trains, duration)
