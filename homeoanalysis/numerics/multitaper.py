"""Multitaper spectra of segments, and coherence with its bias correction, interval and threshold.

Own code, not `elephant.spectral`: that one accumulates cross-spectra in complex64, leaves
the mean in, takes one gap-free stretch, and gives no delete-one values. On a gap-free stretch of
zero mean the two agree to single precision (a test).
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import t_quantile

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]


@cache
def tapers(n_samples: int, time_half_bandwidth: float) -> Floats:
    """The K = 2 NW - 1 orthonormal Slepian tapers (taper, sample). Source: Thomson 1982, doi:10.1109/PROC.1982.12433."""
    n_tapers = int(2 * time_half_bandwidth) - 1
    from scipy.signal import windows as scipy_windows  # half a second of import that the config check need not pay

    windows: Floats = scipy_windows.dpss(n_samples, time_half_bandwidth, n_tapers)
    windows.setflags(write=False)
    return windows


@cache
def sine_tapers(n_samples: int, time_half_bandwidth: float) -> Floats:
    """As many sine tapers (taper, sample), of the same half-bandwidth: wider lobes, but hardly any leakage from afar.

    The last Slepian taper of 2 NW - 1 does not vanish at the ends: of a density of 1 / f^2 it puts
    7 % too much at 70 to 100 Hz (4 s, NW 3). Source: Riedel & Sidorenko 1995,
    doi:10.1109/78.365298.
    """
    order = np.arange(1, int(2 * time_half_bandwidth))[:, None]
    windows = np.sqrt(2 / (n_samples + 1)) * np.sin(np.pi * order * np.arange(1, n_samples + 1) / (n_samples + 1))
    windows.setflags(write=False)
    return windows


def eigencoefficients(pieces: Floats, windows: Floats) -> Complex:
    """Fourier transforms of the tapered pieces: (piece, sample), (taper, sample) -> (piece x taper, frequency).

    The mean of each piece is removed first, else the level of a stimulus leaks into all frequencies
    below W.
    """
    centred = pieces - pieces.mean(axis=-1, keepdims=True)
    spectrum: Complex = np.fft.rfft(centred[:, None, :] * windows[None, :, :], axis=-1)
    return spectrum.reshape(-1, spectrum.shape[-1])


def magnitude_squared(x: Complex, y: Complex) -> Floats:
    """|S_xy|^2 / (S_xx S_yy) over the first axis; NaN where a signal has no power."""
    cross = np.abs(np.sum(x * np.conj(y), axis=0)) ** 2
    power = np.sum(np.abs(x) ** 2, axis=0) * np.sum(np.abs(y) ** 2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        value: Floats = np.where(power > 0, cross / power, np.nan)
    return np.minimum(value, 1.0)  # rounding can exceed 1 by 1e-16


# Near 0 an interval can begin above the coherence, and end below it at a line that one segment
# makes: at 13 of 11,850 frequencies of the battery.
NOT_INSIDE = "the bias is taken off the square, and for the interval off its transform"


def subtract_bias(uncorrected: Floats, n_estimates: Floats | float) -> Floats:
    """Coherence less its bias, gamma^2 - (1 - gamma^2)^2 / L: unbiased to order 1/L, may be negative where the truth is 0.

    n_estimates: L, one number or of the shape of the coherence, [1].
    Source: Benignus 1969, doi:10.1109/TAU.1969.1162034 (bias of the estimate under a Gaussian
    model).
    """
    return uncorrected - (1 - uncorrected) ** 2 / n_estimates


def null_corrected(uncorrected: Floats, n_estimates: int) -> Floats:
    """(L gamma^2 - 1) / (L - 1): mean zero for independent signals; used where it is integrated (information)."""
    return (n_estimates * uncorrected - 1) / (n_estimates - 1)


def null_probability(uncorrected: Floats, n_estimates: int) -> Floats:
    """Of independent signals: that their coherence, with its bias, is as large."""
    return np.asarray((1 - uncorrected) ** (n_estimates - 1))


def threshold(n_estimates: int, alpha: float = 0.05) -> float:
    """The uncorrected coherence that independent signals exceed with probability alpha: 1 - alpha^(1/(L-1))."""
    return float(1 - alpha ** (1 / (n_estimates - 1)))


def coherence_interval(x: Complex, y: Complex, confidence: float = 0.95) -> tuple[Floats, Floats]:
    """The jackknife interval of the coherence of two sets of eigencoefficients (estimate, frequency).

    The interval is of Q = sqrt(2L-2) atanh|gamma| - 1/sqrt(2L-2), whose variance does not depend on
    gamma, from the L delete-one values. Source: Jarvis & Mitra 2001,
    doi:10.1162/089976601300014312; Bokil et al. 2007, doi:10.1162/neco.2007.19.9.2271.
    """
    n = x.shape[0]
    raw = magnitude_squared(x, y)
    cross, xx, yy = x * np.conj(y), np.abs(x) ** 2, np.abs(y) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        left_out = np.abs(cross.sum(0) - cross) ** 2 / ((xx.sum(0) - xx) * (yy.sum(0) - yy))
    scale = np.sqrt(2 * n - 2)
    limit = 1 - 1e-12  # atanh(1) is infinite: a signal with itself
    deleted = scale * np.arctanh(np.sqrt(np.clip(left_out, 0, limit)))
    error = np.sqrt(n - 1) * deleted.std(axis=0)
    centre = scale * np.arctanh(np.sqrt(np.clip(raw, 0, limit))) - 1 / scale
    width = t_quantile(confidence, n - 1) * error
    low = np.tanh(np.maximum(centre - width, 0) / scale) ** 2
    high = np.tanh(np.maximum(centre + width, 0) / scale) ** 2
    return np.where(np.isnan(raw), np.nan, low), np.where(np.isnan(raw), np.nan, high)
