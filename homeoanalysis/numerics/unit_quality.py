"""How good a unit is: numbers of each, by which units may be left out."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_FINE = 20  # steps of the interpolated waveform in one sample


def presence_ratio(times: Floats, start: Floats, stop: Floats, bin_size: float) -> float:
    """The part of the bins of observed time in which a unit spikes at least once; NaN if no whole bin fits.

    start, stop: of the segments in which the unit was isolated [s]; each is cut into whole bins, and the rest of it is left out.
    """
    filled = total = 0
    for a, b in zip(start, stop, strict=True):
        n = int(np.floor((b - a) / bin_size + 1e-6))
        index = np.floor((times[(times >= a) & (times < b)] - a) / bin_size + 1e-6).astype(np.int64)
        filled += np.unique(index[index < n]).size
        total += n
    return filled / total if total else np.nan


def violations(times: Floats, start: Floats, refractory_period: float) -> float:
    """The part of the intervals between spikes that are shorter than the refractory period; NaN without an interval.

    start: of the segments [s]: an interval across a gap is none.
    """
    interval = np.diff(times)
    segment = np.searchsorted(start, times, side="right")
    inside = interval[segment[1:] == segment[:-1]]
    return float(np.mean(inside < refractory_period * (1 - 1e-9))) if inside.size else np.nan


def trough_to_peak(waveform: Floats, sampling_rate: float) -> float:
    """Width of a mean waveform (channel, sample): from its trough to the highest point after it [s], by cubic interpolation.

    The channel is that of the deepest trough. NaN where the trough is the last sample, or the waveform is flat.
    Source: Bartho et al. 2004, J Neurophysiol 92:600, doi:10.1152/jn.01170.2003, which splits cells by it.
    """
    from scipy import interpolate  # here, since to import it takes longer than most files to read

    waveform = np.atleast_2d(waveform)
    one = waveform[int(np.argmin(waveform.min(axis=1)))]
    if one.size < 4 or np.ptp(one) == 0 or not np.all(np.isfinite(one)):
        return np.nan
    fine = interpolate.CubicSpline(np.arange(one.size), one)(np.arange((one.size - 1) * _FINE + 1) / _FINE)
    trough = int(np.argmin(fine))
    if trough >= fine.size - 1:
        return np.nan
    return float(np.argmax(fine[trough:]) / _FINE / sampling_rate)


def width(annotations: dict[str, Any]) -> float:
    """Trough-to-peak width of a unit [s] from what its reader knows: `waveform` with `waveform_rate` [Hz]; else NaN."""
    waveform, rate = annotations.get("waveform"), annotations.get("waveform_rate")
    return np.nan if waveform is None or rate is None else trough_to_peak(np.asarray(waveform, float), float(rate))
