"""Minimum-phase factors of spectral matrices, and Granger's causality in frequency from them.

Own code, not elephant's: that one takes one stretch in complex64, gives no delete-one values, and misses the closed form of a
driven pair, with a negative instantaneous part (a test).
"""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
_ROUNDS, _CLOSE = 200, 1e-8


def factorised(spectrum: Complex) -> tuple[Floats, Complex]:
    """Noise covariance C (..., 2, 2) and transfer function H (..., frequency, 2, 2) with S = H C H*.

    spectrum: (..., frequency, channel, channel) at all frequencies, the negative ones too, in the order of the FFT.
    Raises NotApplicable if the iteration does not converge. Source: Wilson 1972, doi:10.1137/0123044.
    """
    n = spectrum.shape[-3]
    # Channels first: products of so small matrices are faster as those of their elements, and transforms run along the memory.
    s = np.ascontiguousarray(np.moveaxis(spectrum, (-2, -1), (0, 1)))
    lags = np.fft.ifft(spectrum, axis=-3)
    start = np.swapaxes(np.linalg.cholesky(lags[..., 0, :, :].real), -1, -2)
    psi = np.empty_like(s)
    psi[:] = np.moveaxis(start, (-2, -1), (0, 1))[..., None]
    for _ in range(_ROUNDS):
        inverse = _inverse(psi)
        g = _product(_product(inverse, s), inverse.conj().swapaxes(0, 1))
        g[0, 0] += 1
        g[1, 1] += 1
        g = np.fft.ifft(g, axis=-1)
        g[..., n // 2 + 1 :] = 0
        g[..., 0] *= 0.5
        g[1, 0, ..., 0] = 0  # upper triangular at no lag
        if n % 2 == 0:
            g[..., n // 2] *= 0.5
        new = _product(psi, np.fft.fft(g, axis=-1))
        moved = np.abs(new - psi).max() / np.abs(new).max()
        psi = new
        if moved < _CLOSE:
            break
    else:
        raise NotApplicable("the factorisation of the spectral matrix does not converge: channels are too much alike")
    psi = np.moveaxis(psi, (0, 1), (-2, -1))
    first = np.fft.ifft(psi, axis=-3)[..., 0, :, :].real
    return first @ np.swapaxes(first, -1, -2), psi @ np.linalg.inv(first)[..., None, :, :]


def _product(a: Complex, b: Complex) -> Complex:
    """Of matrices (2, 2, ...)."""
    found = np.empty_like(a)
    for i in (0, 1):
        for k in (0, 1):
            found[i, k] = a[i, 0] * b[0, k] + a[i, 1] * b[1, k]
    return found


def _inverse(a: Complex) -> Complex:
    """Of matrices (2, 2, ...)."""
    return np.array([[a[1, 1], -a[0, 1]], [-a[1, 0], a[0, 0]]]) / (a[0, 0] * a[1, 1] - a[0, 1] * a[1, 0])


def causality(spectrum: Complex) -> tuple[Floats, Floats]:
    """(..., frequency): from the first channel to the second, and the reverse. Source: Geweke 1982, doi:10.2307/2287238."""
    covariance, transfer = factorised(spectrum)
    c = covariance[..., None, :, :]
    found = []
    for a, b in ((0, 1), (1, 0)):  # onto b: what of the power of b is left without the noise of a
        own = transfer[..., b, b] + c[..., a, b] / c[..., b, b] * transfer[..., b, a]
        found.append(np.log(spectrum[..., b, b].real / (np.abs(own) ** 2 * c[..., b, b])))
    return found[0], found[1]
