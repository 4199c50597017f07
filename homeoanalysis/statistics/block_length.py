"""Length of the blocks in which a correlated series is resampled."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def estimate_block_length(series: Floats) -> float:
    """Block length of the circular block bootstrap of a mean, in samples.

    series: (sample,), evenly spaced, without NaN. Returns a length in [1, min(3 sqrt(n), n / 3)]; 1 for a constant series.
    Autocovariances are weighted by a flat-top window that ends at twice the last lag with a significant correlation.
    Raises ValueError below 9 samples.
    Source: Politis & White 2004, doi:10.1081/ETC-120028836, with the correction of Patton, Politis & White 2009,
    doi:10.1080/07474930802459016.
    """
    n = series.size
    if n < 9:
        raise ValueError(f"a block length needs at least 9 samples, not {n}")
    longest = np.ceil(min(3 * np.sqrt(n), n / 3))
    covariance = _autocovariance(series)
    if covariance[0] <= 0:
        return 1.0
    bandwidth = 2 * _last_correlated_lag(covariance / covariance[0], n)
    lag = np.arange(-bandwidth, bandwidth + 1)
    window = np.clip(2 * (1 - np.abs(lag) / max(bandwidth, 1)), 0, 1)  # flat to a half, then linear to 0
    weighted = window * covariance[np.abs(lag)]
    slope, level = float((np.abs(lag) * weighted).sum()), float(weighted.sum())
    if level <= 0:  # more regular than independent samples
        return 1.0
    length = (2 * slope**2 / (4 / 3 * level**2)) ** (1 / 3) * n ** (1 / 3)
    return float(np.clip(length, 1.0, longest))


def _autocovariance(series: Floats) -> Floats:
    """Lag 0 to n - 1, each divided by n."""
    n = series.size
    spectrum = np.fft.rfft(series - series.mean(), 2 * n)
    return np.asarray(np.fft.irfft(np.abs(spectrum) ** 2)[:n] / n)


def _last_correlated_lag(correlation: Floats, n: int) -> int:
    """The lag behind which a run of correlations is no larger than chance, 2 sqrt(log10(n) / n)."""
    run = max(5, int(np.sqrt(np.log10(n))))
    longest = min(int(np.ceil(np.sqrt(n))) + run, n - 1)
    is_large = np.abs(correlation[1 : longest + 1]) > 2 * np.sqrt(np.log10(n) / n)
    for lag in range(longest - run + 1):
        if not is_large[lag : lag + run].any():
            return max(lag, 1)
    return int(np.flatnonzero(is_large)[-1]) + 1
