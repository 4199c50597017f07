"""How alike the responses of a population to the same stimuli are at two times, and how many dimensions they have."""

import functools
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
_SPLITS = 50
Sample = tuple[Floats, Labels]  # counts (trial, unit), and the stimulus of each trial


def means(count: Floats, stimulus: Labels) -> tuple[Floats, Floats]:
    """(stimulus, unit): mean counts (trial, unit) of each stimulus, and the variance of that mean."""
    each = [count[stimulus == k] for k in np.unique(stimulus)]
    return np.stack([x.mean(axis=0) for x in each]), np.stack([x.var(axis=0, ddof=1) / len(x) for x in each])


def drift_columns(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> Floats:
    """What `vector_correlation` and its parts are functions of, for each unit: sums over stimuli, less what noise adds."""
    (x, noise_x), (y, noise_y) = first, second
    n = x.shape[0]
    a, b = x.mean(axis=0), y.mean(axis=0)
    vector = [a, b, (x * y).mean(axis=0), (x**2 - noise_x).mean(axis=0), (y**2 - noise_y).mean(axis=0)]
    rate = [a * b, a**2 - noise_x.mean(axis=0) / n, b**2 - noise_y.mean(axis=0) / n]
    return np.stack([*vector, *rate], axis=1)


def vector_correlation(column: Floats) -> Floats:
    """Correlation over units and stimuli of mean responses at two times, corrected for their reliability."""
    return _correlation(column[..., 0], column[..., 1], column[..., 2], column[..., 3], column[..., 4])


def rate_correlation(column: Floats) -> Floats:
    """The same over units, of the mean over stimuli."""
    return _correlation(column[..., 0], column[..., 1], column[..., 5], column[..., 6], column[..., 7])


def tuning_correlation(column: Floats) -> Floats:
    """The same over stimuli, of what each unit has beside its mean over stimuli."""
    zero = np.zeros(column.shape[:-1])
    return _correlation(zero, zero, *(column[..., k] - column[..., k + 3] for k in (2, 3, 4)))


def _correlation(x: Floats, y: Floats, product: Floats, x_square: Floats, y_square: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(x_square - x**2, 0) * np.maximum(y_square - y**2, 0)
        return np.asarray(np.where(variance > 0, (product - x * y) / np.sqrt(variance), np.nan))


def hsic(k: Floats, other: Floats) -> float:
    """Unbiased Hilbert-Schmidt independence of two Gram matrices of n >= 4 samples (Song et al. 2012, JMLR 13:1393)."""
    n = len(k)
    is_pair = ~np.eye(n, dtype=bool)
    k, other = k * is_pair, other * is_pair
    a, b = k.sum(axis=0), other.sum(axis=0)
    return float((np.sum(k * other) + a.sum() * b.sum() / ((n - 1) * (n - 2)) - 2 * (a @ b) / (n - 2)) / (n * (n - 3)))


def cka(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> float:
    """Linear centred kernel alignment of two representations of the same samples, (sample, unit), without the bias of many units.

    Of each there are two measurements with independent noise, which so adds nothing: HSIC of the halves with one another.
    1 for the same but for rotation and scale. NaN where a representation is not reliable.
    """
    (a, b), (c, d) = (tuple(x @ x.T for x in halves) for halves in (first, second))
    own = hsic(a, b), hsic(c, d)
    if min(own) <= 0:
        return np.nan
    return sum(hsic(x, y) for x in (a, b) for y in (c, d)) / 4 / float(np.sqrt(own[0] * own[1]))


def crossnobis(count: Floats, stimulus: Labels) -> Floats:
    """Squared Mahalanobis distances of all pairs of stimuli, per unit, between halves of the trials: 0 where they are the same.

    The noise covariance is shrunk towards its diagonal by half. Pairs as of `numpy.triu_indices(stimuli, 1)`.
    """
    return crossnobis_of(count, stimulus, halves(count, stimulus))


def crossnobis_of(count: Floats, stimulus: Labels, means: tuple[Floats, Floats]) -> Floats:
    """The same, of the halves that are known already."""
    from scipy import linalg

    labels, index = np.unique(stimulus, return_inverse=True)
    noise = count - _group_means(count, index, labels.size)[index]
    shrunk = noise.T @ noise / (len(noise) - labels.size)
    kept = shrunk.diagonal() > 0
    own = shrunk.diagonal().copy()
    shrunk /= 2
    np.fill_diagonal(shrunk, own)
    odd, even = (mean[:, kept] for mean in means)
    root = linalg.cholesky(shrunk[np.ix_(kept, kept)], lower=True)
    odd, even = np.split(linalg.solve_triangular(root, np.concatenate([odd, even]).T, lower=True).T, 2)
    i, j = _pairs(labels.size)
    return np.asarray(np.sum((odd[i] - odd[j]) * (even[i] - even[j]), axis=1) / kept.sum())


@functools.cache
def _pairs(n: int) -> tuple[Labels, Labels]:
    """Indices of all pairs of n stimuli."""
    return np.triu_indices(n, 1)


def halves(count: Floats, stimulus: Labels) -> tuple[Floats, Floats]:
    """Mean responses (stimulus, unit) of the odd and of the even repeats."""
    labels, index = np.unique(stimulus, return_inverse=True)
    both = _group_means(count, 2 * index + _nth(index) % 2, 2 * labels.size)
    return both[::2], both[1::2]


def _group_means(count: Floats, group: Labels, groups: int) -> Floats:
    """(group, unit): the mean of the trials (trial, unit) of each group, of which none is empty."""
    member = group == np.arange(groups)[:, None]
    return np.asarray(member.astype(float) @ count / member.sum(axis=1, keepdims=True))


def _nth(index: Labels) -> Labels:
    """Which repeat of its stimulus each trial is, from 0 on."""
    order = np.argsort(index, kind="stable")
    size = np.bincount(index)
    nth = np.empty(index.size, np.intp)
    nth[order] = np.arange(index.size) - np.repeat(np.cumsum(size) - size, size)
    return nth


def participation(moments: Floats) -> float:
    """Participation ratio from sums over samples: (unit + 1, unit + 1), of products with one another and with 1, which is last.

    (sum of eigenvalues)^2 / sum of squares of the covariance, each without bias for Gaussian samples.
    """
    n = moments[-1, -1]
    covariance = (moments[:-1, :-1] - np.outer(moments[-1, :-1], moments[-1, :-1]) / n) / (n - 1)
    df = n - 1
    square, trace = float(np.sum(covariance**2)), float(np.trace(covariance)) ** 2
    square = df**2 / ((df - 1) * (df + 2)) * (square - trace / df)
    return (trace - 2 * square / df) / square if square > 0 else np.nan


def rank_correlation(first: Floats, second: Floats) -> float:
    """Spearman's, NaN where one is constant."""
    return float(_ranks(first) @ _ranks(second))


def _ranks(values: Floats) -> Floats:
    """Less their mean, of unit length; NaN where all are equal."""
    ordered = np.sort(values)
    centred = (ordered.searchsorted(values, "left") + ordered.searchsorted(values, "right") - values.size) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(centred / np.sqrt(np.sum(centred**2)))


def renamed_correlations(first: Floats, second: Floats, stimuli: int, draws: int, rng: np.random.Generator) -> Floats:
    """(draw): the rank correlation of distances of pairs as of `crossnobis`, the stimuli of the second in another order."""
    pairs = np.triu_indices(stimuli, 1)
    full = np.zeros((stimuli, stimuli))
    full[pairs] = _ranks(second)  # the ranks are those of any order
    full += full.T
    order = rng.permuted(np.tile(np.arange(stimuli), (draws, 1)), axis=1)
    return np.asarray(full[order[:, pairs[0]], order[:, pairs[1]]] @ _ranks(first))


def reliability(count: Floats, stimulus: Labels) -> float:
    """Rank correlation of the distances in the even pairs of repeats with those in the odd ones, stepped up (Spearman-Brown)."""
    nth = _nth(np.unique(stimulus, return_inverse=True)[1]) // 2 % 2
    half = rank_correlation(*(crossnobis(count[nth == k], stimulus[nth == k]) for k in (0, 1)))
    return 2 * half / (1 + half) if half > -1 else np.nan


def halved_error(
    statistic: Callable[[Sample, Sample], float | Floats], samples: tuple[Sample, Sample], rng: np.random.Generator
) -> Floats:
    """Standard error of a function of two independent samples of trials, from what it is in random halves of both.

    The halves of the repeats are independent, and each varies with twice the variance of all, so that the square of their
    difference is four times that, on average. A rank changes in steps that leaving out a single trial (a jackknife) misses.
    """
    squares = []
    for _ in range(_SPLITS):
        chosen = [_half(stimulus, rng) for _, stimulus in samples]
        both = zip(samples, chosen, strict=True)
        split = [[(count[mask == side], stimulus[mask == side]) for side in (True, False)] for (count, stimulus), mask in both]
        one, other = (statistic(*sides) for sides in zip(*split, strict=True))
        squares.append(np.subtract(one, other) ** 2)
    return np.asarray(np.sqrt(np.mean(squares, axis=0) / 4))


def _half(stimulus: Labels, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Half of the trials of each stimulus, at random."""
    chosen = np.zeros(stimulus.size, bool)
    for k in np.unique(stimulus):
        mine = rng.permutation(np.flatnonzero(stimulus == k))
        chosen[mine[: mine.size // 2]] = True
    return chosen
