"""Named bands of frequencies, and what independent channels look like in them."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError

Floats = NDArray[np.float64]
Spans = Mapping[str, tuple[float, float]]


def members(frequency: Floats, bands: Spans, exclude: Sequence[tuple[float, float]] = ()) -> tuple[NDArray[np.bool_], str]:
    """(band, frequency): which frequencies lie in each band and in no excluded span; and which bands are empty, and why.

    A band that reaches beyond the highest frequency holds none: a part of it is not the band.
    Raises DataError for a band whose ends are not in order.
    """
    found = np.zeros((len(bands), frequency.size), bool)
    told = []
    step = frequency[1] - frequency[0] if frequency.size > 1 else 0.0
    for k, (name, (low, high)) in enumerate(bands.items()):
        if not 0 <= low < high:
            raise DataError(f"band {name} is [{low:g} Hz, {high:g} Hz]; write the lower end first, from 0 Hz on")
        if high > frequency[-1] + step:
            told.append(f"{name} reaches beyond the highest frequency, {frequency[-1]:.4g} Hz")
            continue
        found[k] = (frequency >= low * (1 - 1e-9)) & (frequency <= high * (1 + 1e-9))
        for a, b in exclude:
            found[k] &= (frequency < a) | (frequency > b)
        if not found[k].any():
            told.append(f"{name} holds none of the frequencies, which begin at {frequency[0]:.4g} Hz, {step:.3g} Hz apart")
    return found, "; ".join(told)


def averaged(values: Floats, inside: NDArray[np.bool_]) -> Floats:
    """The mean over each band along the second to last axis: (..., frequency, thing) -> (..., band, thing)."""
    empty = np.full((*values.shape[:-2], values.shape[-1]), np.nan)
    return np.stack([values[..., row, :].mean(axis=-2) if row.any() else empty for row in inside], axis=-2)


def independent(windows: Floats, bins: NDArray[np.intp]) -> float:
    """How many independent frequencies the mean coherence over some bins of a multitaper spectrum is worth.

    The coherences of independent channels at two frequencies are correlated by (sum_kl |H_kl|^2 / K)^2, H_kl the overlap of
    tapers k and l moved against one another by the difference.
    """
    overlap = sum(np.abs(np.fft.rfft(windows * row, axis=1)) ** 2 for row in windows)
    correlation = (np.sum(overlap, axis=0) / windows.shape[0]) ** 2  # at each distance in bins
    return float(bins.size**2 / correlation[np.abs(bins[:, None] - bins[None, :])].sum())


def null_tail(mean: Floats, n_estimates: int, n_independent: float) -> Floats:
    """Probability of a mean coherence (with its bias) as large, of independent channels.

    The coherence of one frequency is beta distributed with 1 and L - 1; the mean has the same expectation, and the variance
    divided by the number of independent frequencies: the beta distribution with both.
    """
    from scipy import special

    expected = 1 / n_estimates
    variance = (n_estimates - 1) / (n_estimates**2 * (n_estimates + 1)) / n_independent
    both = expected * (1 - expected) / variance - 1
    return np.asarray(special.betaincc(expected * both, (1 - expected) * both, np.clip(mean, 0, 1)))


def null_quantile(alpha: float, n_estimates: int, n_independent: float) -> float:
    """The mean coherence that independent channels exceed with probability alpha."""
    from scipy import special

    expected = 1 / n_estimates
    variance = (n_estimates - 1) / (n_estimates**2 * (n_estimates + 1)) / n_independent
    both = expected * (1 - expected) / variance - 1
    return float(special.betainccinv(expected * both, (1 - expected) * both, alpha))


def noted(reasons: NDArray[np.object_], text: str) -> NDArray[np.object_]:
    """Reasons with a further one for all."""
    return np.array(["; ".join(filter(None, (why, text))) for why in reasons], dtype=object)
