"""The lower bound of the information rate, -integral of log2(1 - coherence). Borst & Theunissen 1999, doi:10.1038/14731."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics import multitaper
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.statistics import long_run_variance as long_run

_LEAST_PIECES = 64  # of which 48 cosines can be taken
_SLOWEST = 8  # of these, whose mean power is the variance where nothing slow is seen: Lazarus et al. 2018
_CEILING = 1 - 1e-9  # keeps the logarithm finite for a noiseless channel
Spectra = tuple[NDArray[np.complex128], NDArray[np.float64], NDArray[np.float64]]


def by_piece(x: NDArray[np.complex128], y: NDArray[np.complex128], n_pieces: int) -> Spectra:
    """Cross- and auto-spectra (piece, frequency), summed over tapers."""
    terms = (x * np.conj(y), np.abs(x) ** 2, np.abs(y) ** 2)
    cross, xx, yy = (term.reshape(n_pieces, -1, x.shape[-1]).sum(axis=1) for term in terms)
    return cross, xx, yy


def integral(cross: NDArray[Any], power: NDArray[Any], n: int, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """-integral of log2(1 - coherence), from summed cross- and auto-spectra (..., frequency)."""
    coherence = multitaper.null_corrected(np.abs(cross) ** 2 / power, n)
    return np.asarray(-np.log2(1 - np.minimum(coherence, _CEILING)) @ weight)


def total(spectra: Spectra, n_tapers: int, weight: NDArray[np.float64]) -> float:
    """The lower bound [bit/s] from spectra of pieces."""
    cross, xx, yy = (s.sum(axis=0) for s in spectra)
    return float(integral(cross, xx * yy, spectra[0].shape[0] * n_tapers, weight))


def half_width(spectra: Spectra, n_tapers: int, weight: NDArray[np.float64]) -> float:
    """Half of the 95 % interval, from leaving out one piece at a time.

    Excitability that fluctuates slowly changes what many pieces in a row tell. Of 64 pieces or more the
    variance is that of slow cosines, with Student's t (Lazarus, Lewis, Stock & Watson 2018,
    doi:10.1080/07350015.2018.1506926), and where a slow fluctuation is seen the long-run variance;
    NaN where there are too few independent blocks. Fewer pieces are taken to be independent.
    """
    n = spectra[0].shape[0]
    if n < 3:
        return np.nan
    cross, xx, yy = (s.sum(axis=0) - s for s in spectra)
    deleted = integral(cross, xx * yy, (n - 1) * n_tapers, weight)
    if n < _LEAST_PIECES:
        return t_quantile(0.95, n - 1) * float(np.sqrt((n - 1) * deleted.var()))
    power = long_run.take_cosines((n - 1) * (deleted.mean() - deleted))[None, None]
    found = long_run.estimate_long_run(power, np.ones(1))
    by_chance = np.full_like(power, power[..., long_run.N_COSINES // 2 :].mean())
    blocks = long_run.count_blocks(found, power, by_chance).item()
    if blocks == long_run.N_COSINES:  # nothing slow is seen
        variance, df = power[..., :_SLOWEST].mean(), float(_SLOWEST)
    else:
        variance, df = found.variance.item(), found.df.item()
    return t_quantile(0.95, df) * float(np.sqrt(variance)) / n if blocks >= long_run.LEAST_BLOCKS else np.nan


def check_half_bandwidth(cutoff: float, segment: float, time_half_bandwidth: float) -> None:
    """Raise DataError if the half-bandwidth is more than a tenth of the cut-off."""
    half_bandwidth = time_half_bandwidth / segment
    if half_bandwidth > cutoff / 10:
        raise DataError(
            f"half-bandwidth {half_bandwidth:.3g} Hz is more than a tenth of the stimulus' cut-off {cutoff:.3g} Hz, so that "
            f"information leaks past it; make segment at least {10 * time_half_bandwidth / cutoff:.3g} s"
        )


def weights(n_bins: int, bin_size: float, cutoff: float) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Which frequencies are integrated, and the step [Hz] of each of those: up to the cut-off, and half of the bin at 0."""
    frequency = np.fft.rfftfreq(n_bins, bin_size)
    weight = np.where(frequency <= cutoff * (1 + 1e-9), frequency[1], 0.0)
    weight[0] /= 2
    kept = weight > 0
    return kept, weight[kept]
