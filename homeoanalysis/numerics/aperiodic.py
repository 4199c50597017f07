"""The aperiodic part of a spectrum, apart from its peaks."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_ROUNDS = 8
_PEAK = 2.5  # robust standard deviations above the fit, where a peak begins


class Aperiodic(NamedTuple):
    """log10 S = offset - log10(knee + f^exponent); knee is 0 without one."""

    offset: float
    exponent: float
    knee: float
    r2: float
    fitted: Floats  # log10, at each frequency
    kept: NDArray[np.bool_]  # the frequencies without a peak


def fit(frequency: Floats, log_power: Floats, *, has_knee: bool, without_peaks: NDArray[np.bool_] | None = None) -> Aperiodic:
    """Robust fit; peaks, with their flanks down to the fit, are left out, and found again after each fit.

    log_power: log10. without_peaks: frequencies to begin with, by default all. Source of the form:
    Donoghue et al. 2020, doi:10.1038/s41593-020-00744-x.
    """
    kept = np.ones(frequency.size, bool) if without_peaks is None else without_peaks
    found = _curve(frequency, log_power, kept, has_knee)
    for _ in range(_ROUNDS):
        rest = log_power - found[3]
        spread = 1.4826 * np.median(np.abs(rest[kept] - np.median(rest[kept])))
        new = ~_peaks(rest, _PEAK * spread)
        if new.sum() < max(6, frequency.size // 4) or np.array_equal(new, kept):
            break
        kept = new
        found = _curve(frequency, log_power, kept, has_knee)
    offset, slope, knee, curve = found
    rest, level = (log_power - curve)[kept], log_power[kept]
    total = np.sum((level - level.mean()) ** 2)
    return Aperiodic(offset, slope, knee, float(1 - np.sum(rest**2) / total) if total > 0 else np.nan, curve, kept)


def _peaks(rest: Floats, height: float) -> NDArray[np.bool_]:
    """Runs above the fit that reach the height."""
    above = rest > 0
    edges = np.flatnonzero(np.diff(np.concatenate([[False], above, [False]]).astype(int)))
    peaks = np.zeros(rest.size, bool)
    for a, b in zip(edges[::2], edges[1::2], strict=True):
        if rest[a:b].max() > height and b - a > 2:
            peaks[a:b] = True
    return peaks


def _curve(frequency: Floats, log_power: Floats, kept: NDArray[np.bool_], has_knee: bool) -> tuple[float, float, float, Floats]:
    x, y = np.log10(frequency), log_power
    slope, offset = _line(x[kept], y[kept])
    if not has_knee:
        return offset, -slope, 0.0, offset + slope * x
    from scipy import optimize

    def curve(p: Floats) -> Floats:
        # The knee as a frequency, by its logarithm: it stays above 0.
        return np.asarray(p[0] - np.log10(10 ** (p[2] * p[1]) + frequency ** p[1]))

    start = np.array(
        [y[kept][0] + 2 * np.log10(frequency[kept][0] + frequency[kept].mean() / 4), 2.0, np.log10(frequency.mean() / 4)]
    )
    bounds = ([-np.inf, 0.0, -2.0], [np.inf, 8.0, np.log10(frequency[-1])])

    def rest(p: Floats) -> Floats:
        return np.asarray((curve(p) - y)[kept])

    done = optimize.least_squares(rest, start, bounds=bounds, loss="soft_l1", f_scale=0.05)
    offset, bent, log_knee = done.x
    return float(offset), float(bent), float(10 ** (log_knee * bent)), curve(done.x)


def _line(x: Floats, y: Floats) -> tuple[float, float]:
    """Slope and offset by Huber's weights (1.345 robust standard deviations: 95 % efficient for Gaussian errors)."""
    weight = np.ones(x.size)
    for _ in range(20):
        total = weight.sum()
        centre = weight @ x / total
        slope = np.sum(weight * (x - centre) * y) / np.sum(weight * (x - centre) ** 2)
        offset = weight @ y / total - slope * centre
        rest = np.abs(y - offset - slope * x)
        limit = 1.345 * 1.4826 * np.median(rest)
        new = np.minimum(1, limit / np.maximum(rest, 1e-300)) if limit > 0 else weight
        if np.all(np.abs(new - weight) <= 1e-6 + 1e-5 * weight):
            break
        weight = new
    return float(slope), float(offset)
