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
    lags = np.fft.ifft(spectrum, axis=-3)
    start = np.swapaxes(np.linalg.cholesky(lags[..., 0, :, :].real), -1, -2)
    psi = np.broadcast_to(start[..., None, :, :], spectrum.shape).astype(complex)
    identity = np.eye(spectrum.shape[-1])
    for _ in range(_ROUNDS):
        inverse = np.linalg.inv(psi)
        g = np.fft.ifft(inverse @ spectrum @ np.conj(np.swapaxes(inverse, -1, -2)) + identity, axis=-3)
        half = 0.5 * g[..., 0, :, :]
        g[..., n // 2 + 1 :, :, :] = 0
        g[..., 0, :, :] = np.triu(half)
        if n % 2 == 0:
            g[..., n // 2, :, :] *= 0.5
        new = psi @ np.fft.fft(g, axis=-3)
        moved = np.abs(new - psi).max() / np.abs(new).max()
        psi = new
        if moved < _CLOSE:
            break
    else:
        raise NotApplicable("the factorisation of the spectral matrix does not converge: channels are too much alike")
    first = np.fft.ifft(psi, axis=-3)[..., 0, :, :].real
    return first @ np.swapaxes(first, -1, -2), psi @ np.linalg.inv(first)[..., None, :, :]


def causality(spectrum: Complex) -> tuple[Floats, Floats]:
    """(..., frequency): from the first channel to the second, and the reverse. Source: Geweke 1982, doi:10.2307/2287238."""
    covariance, transfer = factorised(spectrum)
    c = covariance[..., None, :, :]
    found = []
    for a, b in ((0, 1), (1, 0)):  # onto b: what of the power of b is left without the noise of a
        own = transfer[..., b, b] + c[..., a, b] / c[..., b, b] * transfer[..., b, a]
        found.append(np.log(spectrum[..., b, b].real / (np.abs(own) ** 2 * c[..., b, b])))
    return found[0], found[1]
