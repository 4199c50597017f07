"""Linear reconstruction of a stimulus from the spikes of units, tested on time that the filter was not made from.

The filter K(f) = S_sr(f) / S_rr(f) (with several units a matrix, and a ridge) comes from tapered windows of training pieces; its
impulse response is as long as a window. A piece is two windows long, of which the middle is reconstructed, so that all
responses that a time needs lie in its piece.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import information_bound, multitaper
from homeoanalysis.numerics.stimulus_response import Pieces

Floats = NDArray[np.float64]
_FOLDS = 5
_TIME_HALF_BANDWIDTH = 1.5
_RIDGES = (0.0, *(10.0**k for k in range(-3, 2)))  # of the mean power of a unit


class Reconstruction(NamedTuple):
    """The middle of each piece, (piece, bin): the stimulus less its mean in training, and what is reconstructed of it."""

    stimulus: Floats
    found: Floats


def reconstructed(cut: Pieces, units: NDArray[np.intp], bin_size: float, *, is_ridged: bool) -> Reconstruction:
    """Reconstruct each piece with the filter of the others, five folds of neighbouring pieces, one piece between left out.

    is_ridged: choose the ridge that reconstructs the training pieces best, by the same folds among them.
    Raises NotApplicable with fewer than 15 pieces.
    """
    n = cut.stimulus.shape[0]
    if n < 3 * _FOLDS:
        raise NotApplicable(f"{n} pieces of stimulus, fewer than {3 * _FOLDS} that five folds with gaps need")
    stimulus, response = cut.stimulus, cut.response[units]
    coefficients = _coefficients(stimulus, response, cut.cutoff, bin_size)
    shown, found = np.zeros_like(_middle(stimulus)), np.zeros_like(_middle(stimulus))
    for test in np.array_split(np.arange(n), _FOLDS):
        train = _away_from(test, np.arange(n))
        ridge = _best_ridge(stimulus, response, train, coefficients) if is_ridged else 0.0
        kernels = _kernels(_spectra(coefficients, train), (ridge,))
        shown[test], (found[test],) = _reconstructions(stimulus, response, train, test, kernels)
    return Reconstruction(shown, found)


def coding_fraction(result: Reconstruction) -> float:
    """1 - mean squared error / variance of the stimulus around its mean in training; below 0 where the filter is worse."""
    return float(1 - np.sum((result.stimulus - result.found) ** 2) / np.sum(result.stimulus**2))


def interval(result: Reconstruction) -> tuple[float, float]:
    """95 % interval of the coding fraction, from leaving out one piece at a time (with the filters as they are)."""
    error = np.sum((result.stimulus - result.found) ** 2, axis=1)
    power = np.sum(result.stimulus**2, axis=1)
    deleted = 1 - (error.sum() - error) / (power.sum() - power)
    n = error.size
    width = multitaper.t_quantile(0.95, n - 1) * float(np.sqrt((n - 1) * deleted.var()))
    return coding_fraction(result) - width, coding_fraction(result) + width


def information_rate(result: Reconstruction, cutoff: float, bin_size: float) -> float:
    """Integral of log2(1 + SNR) [bit/s], SNR = c / (1 - c) of the coherence c of stimulus and reconstruction.

    Up to the cut-off, where the stimulus has more than 1 % of its peak power: where it has less, both are what leaks from there.
    """
    n_bins = result.stimulus.shape[1]
    windows = multitaper.tapers(n_bins, 2.5)
    x, y = (multitaper.eigencoefficients(part, windows) for part in result)
    power = np.mean(np.abs(x) ** 2, axis=0)
    kept, weight = information_bound.weights(n_bins, bin_size, cutoff)
    weight = weight * (power > 0.01 * power.max())[kept]
    coherence = multitaper.null_corrected(multitaper.magnitude_squared(x[:, kept], y[:, kept]), x.shape[0])
    return float(-np.log2(1 - np.minimum(coherence, 1 - 1e-9)) @ weight)


def _middle(values: Floats) -> Floats:
    """The half of a piece around its middle: (..., bin)."""
    quarter = values.shape[-1] // 4
    return values[..., quarter : values.shape[-1] - quarter]


def _away_from(test: NDArray[np.intp], pieces: NDArray[np.intp]) -> NDArray[np.intp]:
    """The pieces that are no neighbours of the test."""
    return pieces[(pieces < test[0] - 1) | (pieces > test[-1] + 1)]


class _Coefficients(NamedTuple):
    """Fourier transforms of all tapered windows up to the cut-off: (piece, window, frequency), (..., unit)."""

    stimulus: NDArray[np.complex128]
    response: NDArray[np.complex128]
    n_bins: int  # of a window


class _Spectra(NamedTuple):
    """Summed over training pieces, up to the cut-off: power of units (frequency, unit, unit), cross-spectra (frequency, unit)."""

    power: NDArray[np.complex128]
    cross: NDArray[np.complex128]
    n_bins: int  # of a window


def _coefficients(stimulus: Floats, response: Floats, cutoff: float, bin_size: float) -> _Coefficients:
    n = stimulus.shape[1] // 2
    windows = multitaper.tapers(n, _TIME_HALF_BANDWIDTH)
    used = np.fft.rfftfreq(n, bin_size) <= cutoff * (1 + 1e-9)
    # Half-overlapping windows: each taper would waste what lies at its ends.
    cuts = [slice(k, k + n) for k in range(0, stimulus.shape[1] - n + 1, n // 2)]

    def of(values: Floats) -> NDArray[np.complex128]:
        each = [multitaper.eigencoefficients(values[:, c], windows)[:, used] for c in cuts]
        return np.concatenate([x.reshape(len(values), -1, x.shape[-1]) for x in each], axis=1)

    return _Coefficients(of(stimulus), np.stack([of(one) for one in response], axis=-1), n)


def _spectra(coefficients: _Coefficients, train: NDArray[np.intp]) -> _Spectra:
    s, r = (x[train].reshape(-1, *x.shape[2:]) for x in coefficients[:2])
    by_frequency = np.moveaxis(r, 1, 0)  # (frequency, estimate, unit)
    conjugate = by_frequency.conj()
    cross = s.T[:, None] @ conjugate
    return _Spectra(np.swapaxes(by_frequency, 1, 2) @ conjugate, cross[:, 0], coefficients.n_bins)


def _kernels(spectra: _Spectra, ridges: Sequence[float]) -> Floats:
    """Impulse responses of each unit (ridge, unit, lag), lag 0 in the middle."""
    power, cross, n = spectra
    level = np.multiply.outer(ridges, np.mean(np.abs(np.einsum("fuu->fu", power)), axis=1))
    # s = sum_u K_u r_u: of the normal equations, those for each conjugate of r.
    normal = np.swapaxes(power, 1, 2) + level[..., None, None] * np.eye(cross.shape[1])
    transfer = np.zeros((len(ridges), cross.shape[1], n // 2 + 1), complex)
    transfer[..., : cross.shape[0]] = np.swapaxes(np.linalg.solve(normal, cross[..., None])[..., 0], 1, 2)
    return np.asarray(np.fft.fftshift(np.fft.irfft(transfer, n, axis=-1), axes=-1))


def _reconstructions(
    stimulus: Floats, response: Floats, train: NDArray[np.intp], test: NDArray[np.intp], kernels: Floats
) -> tuple[Floats, Floats]:
    """The middles of the test pieces, and what each kernel makes of the responses in them (ridge, piece, bin).

    The means of the training pieces are removed.
    """
    n_bins, n_lags = stimulus.shape[1], kernels.shape[2]
    size = n_bins + n_lags
    mean = response[:, train].mean(axis=(1, 2))[:, None, None]
    spectrum = np.fft.rfft(response[:, test] - mean, size)
    product = np.einsum("upf,ruf->rpf", spectrum, np.fft.rfft(kernels, size))
    whole = np.fft.irfft(product, size)[..., n_lags // 2 :][..., :n_bins]
    return _middle(stimulus[test] - stimulus[train].mean()), _middle(whole)


def _best_ridge(stimulus: Floats, response: Floats, train: NDArray[np.intp], coefficients: _Coefficients) -> float:
    error = np.zeros(len(_RIDGES))
    for fold in np.array_split(np.arange(train.size), _FOLDS):
        test, rest = train[fold], _away_from(train[fold], train)
        shown, found = _reconstructions(stimulus, response, rest, test, _kernels(_spectra(coefficients, rest), _RIDGES))
        error += np.sum((shown - found) ** 2, axis=(1, 2))
    return _RIDGES[int(error.argmin())]
