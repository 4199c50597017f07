"""Tests of cross-spectra against independent channels that keep their amplitudes.

Independent channels whose amplitudes rise and fall together (a common gain, up and down states,
spindles) are coherent by chance more often than steady ones, since few segments make most of the
sum. The null rotates the phase of each whole
segment at random and keeps its amplitude. The first two moments of the rotated sums have a closed
form, so that nothing is drawn.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
# Effective segments. With fewer, one of them makes nearly all of the sum: nothing can be compared.
FEWEST = 1.5
FEWEST_SEGMENTS = 4  # with fewer no rotation is rarer than 5 %


class RotationNull(NamedTuple):
    """The squared length of a cross-spectrum whose segments have random phases.

    Each field has the shape of the cross-spectrum. expected: its mean. longest: its largest value,
    all phases equal. variance: over the squared mean. segments: effective number of segments, as
    many of equal amplitude that are independent of one another would vary as much. Both are NaN
    where these are fewer than 1.5, so that nothing follows from them.
    """

    expected: Floats
    longest: Floats
    variance: Floats
    segments: Floats


def describe_rotations(cross: Complex, inflation: Floats | float = 1.0) -> RotationNull:
    """The null of the sum of `cross` (segment, ...) over segments, each turned by a random phase.

    inflation: the variance of the sum over that of independent segments, (...), from
    `estimate_inflation`.
    """
    length = np.abs(cross)
    total = np.sum(length**2, axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        segments = total**2 / np.sum(length**4, axis=0) / inflation
    segments = _withhold_few(segments, cross.shape[0])
    return RotationNull(
        np.asarray(total * inflation), length.sum(axis=0) ** 2, 1 - 1 / segments, segments
    )


def measure_rotation_p(squared_length: Floats, null: RotationNull) -> Floats:
    """Probability of a squared length as large in the null.

    NaN with fewer than 1.5 effective segments. The squared length is a beta variable between 0 and
    its largest value, with the mean and the variance of a random walk: E|S|^2 = sum a^2, E|S|^4 = 2
    (sum a^2)^2 - sum a^4. Of 4 to 32 segments whose amplitudes are equal or spread by a log-normal
    factor of 1.5, 3.4 to 5.4 % lie below 5 %. Source of the moments: Mardia & Jupp 2000,
    Directional
    Statistics, section 4.8.
    """
    from scipy import special

    a, b = _fit_beta(null)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(special.betaincc(a, b, np.clip(squared_length / null.longest, 0, 1)))


def find_rotation_threshold(null: RotationNull, alpha: float = 0.05) -> Floats:
    """The squared length that the null exceeds with probability alpha.

    NaN with fewer than 1.5 effective segments.
    """
    from scipy import special

    return np.asarray(special.betainccinv(*_fit_beta(null), alpha) * null.longest)


def _fit_beta(null: RotationNull) -> tuple[Floats, Floats]:
    """Shapes of the beta distribution of the squared length over the longest.

    They follow from its mean and variance.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = null.expected / null.longest
        both = (1 / mean - 1) / null.variance - 1
    return mean * both, (1 - mean) * both


def _withhold_few(segments: Floats, n: int) -> Floats:
    """NaN where there are too few."""
    return np.where((segments >= FEWEST) & (n >= FEWEST_SEGMENTS), segments, np.nan)


def estimate_inflation(
    first: Complex, second: Complex, n_segments: int, n_groups: int, noise: float
) -> Floats:
    """How much more a cross-spectrum varies than independent groups say, at least 1.

    Variance for independent channels over that of independent groups of segments. first, second:
    (lag, ...) correlation of each channel's coefficients with those 1, 2, ... segments later. A
    rhythm that outlasts a segment, or a line, keeps its phase in both channels; then their
    cross-spectrum is correlated as well, by the product. Lags count up to the first at which one of
    both is within its noise, which is given; if none is, the last one stands for all later ones.
    n_groups: contiguous groups of segments, whose sums are taken as independent.
    """
    is_seen = np.cumprod((np.abs(first) > noise) & (np.abs(second) > noise), axis=0).astype(bool)
    both = np.where(is_seen, (first * np.conj(second)).real, 0.0)
    lags = both.shape[0]

    def variance(n: float) -> Floats:
        """Of the sum over n segments, in units of that of one."""
        near = sum(2 * max(n - h, 0) * both[h - 1] for h in range(1, lags + 1))
        return np.asarray(
            n + near + max(n - lags - 1, 0) * max(n - lags, 0) * np.maximum(both[-1], 0)
        )

    return np.maximum(
        variance(n_segments) / (n_groups * np.maximum(variance(n_segments / n_groups), 1e-9)), 1.0
    )


def describe_mean_rotations(cross: Complex, scale: Floats, inflation: Floats) -> RotationNull:
    """The null of the mean over frequencies of |sum of cross|^2 / scale: each a single number.

    cross: (segment, frequency) of one pair; scale, inflation: (frequency,). A segment is turned by
    one phase at all frequencies, so that what the tapers and the amplitudes make frequencies share
    stays. Mean and variance are exact: Cov(|S_f|^2, |S_g|^2) = |sum C_f conj(C_g)|^2 - sum |C_f|^2
    |C_g|^2.
    """
    weighted = cross * np.sqrt(inflation / scale)
    square = weighted.real**2 + weighted.imag**2
    shared = np.conj(weighted).T @ weighted
    of_segment = square.sum(axis=1)
    n = scale.size
    mean = of_segment.sum() / n
    variance = (np.sum(shared.real**2 + shared.imag**2) - np.sum(of_segment**2)) / n**2
    segments = _withhold_few(
        of_segment.sum() ** 2 / np.sum(of_segment**2) / inflation.mean(), cross.shape[0]
    )
    longest = np.mean(np.abs(cross).sum(axis=0) ** 2 / scale)
    return RotationNull(
        mean, longest, np.where(np.isnan(segments), np.nan, variance / mean**2), segments
    )


def measure_sign_p(parts: Floats, inflation: Floats | float = 1.0) -> Floats:
    """Probability of a sum of `parts` (segment, ...) as far from 0 if each had either sign.

    NaN with too few segments. The squared sum is a beta variable between 0 and its largest value,
    all signs equal, with the mean and the variance of random signs: E S^2 = sum b^2, E S^4 = 3 (sum
    b^2)^2 - 2 sum b^4.
    """
    square = parts**2
    total, longest = square.sum(axis=0), np.abs(parts).sum(axis=0) ** 2
    with np.errstate(invalid="ignore", divide="ignore"):
        # Of fewer than 8 segments all signs are equal too often for a smooth distribution.
        n = parts.shape[0] if parts.shape[0] >= 8 else 0
        segments = _withhold_few(total**2 / np.sum(square**2, axis=0) / inflation, n)
    null = RotationNull(np.asarray(total * inflation), longest, 2 - 2 / segments, segments)
    return measure_rotation_p(parts.sum(axis=0) ** 2, null)
