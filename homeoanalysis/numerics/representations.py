"""How alike the responses of a population to the same stimuli are at two times, and how many dimensions they have."""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import t_quantile

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
RESAMPLES = 100  # bootstrap samples of trials, that an error is taken from
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


class Moments(NamedTuple):
    """Means of x, y, x y, x^2 and y^2."""

    x: Floats
    y: Floats
    product: Floats
    x_square: Floats
    y_square: Floats


def vector_moments(column: Floats) -> Moments:
    """Over units and stimuli, of mean responses at two times; of means over units of `drift_columns`."""
    return Moments(*(column[..., k] for k in range(5)))


def rate_moments(column: Floats) -> Moments:
    """The same over units, of the mean over stimuli."""
    return Moments(*(column[..., k] for k in (0, 1, 5, 6, 7)))


def tuning_moments(column: Floats) -> Moments:
    """The same over stimuli, of what each unit has beside its mean over stimuli."""
    zero = np.zeros(column.shape[:-1])
    return Moments(zero, zero, *(column[..., k] - column[..., k + 3] for k in (2, 3, 4)))


def correlation(moments: Moments) -> Floats:
    """Corrected for reliability, where the moments are those without noise; NaN where there is no more than that."""
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = _variances(moments)
        return np.asarray(np.where(variance > 0, (moments.product - moments.x * moments.y) / np.sqrt(variance), np.nan))


def _variances(moments: Moments) -> Floats:
    """Their product."""
    return np.maximum(moments.x_square - moments.x**2, 0) * np.maximum(moments.y_square - moments.y**2, 0)


def correlation_interval(
    moments: Callable[[Floats], Moments], first: tuple[Floats, Floats], second: tuple[Floats, Floats]
) -> tuple[float, float]:
    """95 % interval of a correlation over units, corrected for reliability, from leaving out one unit at a time.

    It is one of Fisher's z of the correlation with its noise, which cannot exceed 1, of a reliability that is taken as known:
    there it is nearly normal. Of 12 to 100 units 93 % and more cover, where those of a BCa bootstrap fall to 88 %.
    """
    columns = drift_columns(first, second)
    noisy = drift_columns(*((mean, np.zeros_like(noise)) for mean, noise in (first, second)))
    reliability = np.sqrt(_variances(moments(columns.mean(axis=0))) / _variances(moments(noisy.mean(axis=0))))
    n = len(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        z = np.arctanh(reliability * correlation(moments(columns.mean(axis=0))))
        left_out = np.arctanh(reliability * correlation(moments((columns.sum(axis=0) - columns) / (n - 1))))
    width = t_quantile(0.95, n - 1) * np.sqrt((n - 1) * left_out.var())
    low, high = np.tanh([z - width, z + width]) / reliability
    return float(low), float(high)


def hsic(k: Floats, other: Floats) -> float:
    """Unbiased Hilbert-Schmidt independence of two Gram matrices of n >= 4 samples (Song et al. 2012, JMLR 13:1393)."""
    return float(_hsic(np.stack([k, other]))[0, 1])


def _hsic(gram: Floats) -> Floats:
    """(matrix, matrix): the same of each with each, of (matrix, sample, sample)."""
    n = gram.shape[-1]
    gram = gram * ~np.eye(n, dtype=bool)
    flat, sums = gram.reshape(len(gram), -1), gram.sum(axis=1)
    total = sums.sum(axis=1)
    products = flat @ flat.T + np.outer(total, total) / ((n - 1) * (n - 2)) - 2 * (sums @ sums.T) / (n - 2)
    return np.asarray(products / (n * (n - 3)))


def cka(first: tuple[Floats, Floats], second: tuple[Floats, Floats]) -> float:
    """Linear centred kernel alignment of two representations of the same samples, (sample, unit), without the bias of many units.

    Of each there are two measurements with independent noise, which so adds nothing: HSIC of the halves with one another.
    1 for the same but for rotation and scale. NaN where a representation is not reliable.
    """
    found = _hsic(np.stack([x @ x.T for halves in (first, second) for x in halves]))
    own = found[0, 1], found[2, 3]
    return float(found[:2, 2:].mean() / np.sqrt(own[0] * own[1])) if min(own) > 0 else np.nan


def crossnobis(count: Floats, stimulus: Labels) -> Floats:
    """Squared Mahalanobis distances of all pairs of stimuli, per unit, between halves of the trials: 0 where they are the same.

    The noise covariance is shrunk towards its diagonal by half. Pairs as of `numpy.triu_indices(stimuli, 1)`.
    """
    return crossnobis_of(count, stimulus, halves(count, stimulus))


def crossnobis_of(count: Floats, stimulus: Labels, means: tuple[Floats, Floats]) -> Floats:
    """The same, of the halves that are known already."""
    of_trial, _, number = _layout(stimulus.astype(np.intp).tobytes())
    n = number[::2] + number[1::2]
    odd, even = means
    noise = count - ((odd * number[::2] + even * number[1::2]) / n)[of_trial]
    shrunk = noise.T @ noise / (len(noise) - len(n))
    own = shrunk.diagonal().copy()
    kept = np.flatnonzero(own > 0)
    shrunk /= 2
    np.fill_diagonal(shrunk, own)
    products = odd[:, kept] @ np.linalg.solve(shrunk[kept[:, None], kept], even[:, kept].T)
    i, j = _pairs(len(n))
    return np.asarray((products[i, i] + products[j, j] - products[i, j] - products[j, i]) / kept.size)


def _index(stimulus: Labels) -> Labels:
    """The number of the stimulus of each trial among those that there are."""
    return (np.cumsum(np.bincount(stimulus) > 0) - 1)[stimulus]


@functools.cache
def _pairs(n: int) -> tuple[Labels, Labels]:
    """Indices of all pairs of n stimuli."""
    return np.triu_indices(n, 1)


def halves(count: Floats, stimulus: Labels) -> tuple[Floats, Floats]:
    """Mean responses (stimulus, unit) of the odd and of the even repeats."""
    _, is_in_half, number = _layout(stimulus.astype(np.intp).tobytes())
    both = is_in_half @ count / number
    return both[::2], both[1::2]


class _Layout(NamedTuple):
    """`_index` of trials; 1 where a trial is in a half of a stimulus (half, trial), odd and even in turn; trials (half, 1)."""

    of_trial: Labels
    is_in_half: Floats
    number: Labels


@functools.lru_cache(maxsize=2)
def _layout(stimulus: bytes) -> _Layout:
    """Of the stimuli of trials; bootstrap samples of a recording have one."""
    index = _index(np.frombuffer(stimulus, np.intp))
    half = 2 * index + _nth(index) % 2
    number = np.bincount(half, minlength=2 * index.max() + 2)[:, None]
    return _Layout(index, (half == np.arange(number.size)[:, None]).astype(float), number)


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
    nth = _nth(_index(stimulus)) // 2 % 2
    half = rank_correlation(*(crossnobis(count[nth == k], stimulus[nth == k]) for k in (0, 1)))
    return 2 * half / (1 + half) if half > -1 else np.nan


def resampled(
    statistic: Callable[[Sample, Sample], float | Floats], samples: tuple[Sample, Sample], rng: np.random.Generator
) -> Floats:
    """(draw, ...): a function of two independent samples of trials, of bootstrap samples of both.

    The odd and the even repeats of each stimulus are drawn among themselves, so that halves share no trial; of either one less
    than there are, so that a mean varies as it does (McCarthy & Snowden 1985, Vital Health Stat 2(95)).
    """
    cells = [_cells(stimulus) for _, stimulus in samples]
    found = []
    for _ in range(RESAMPLES):
        chosen = [order[start + (rng.random(start.size) * size).astype(np.intp)] for order, start, size in cells]
        found.append(statistic(*((count[mine], stimulus[mine]) for (count, stimulus), mine in zip(samples, chosen, strict=True))))
    return np.asarray(found)


def _cells(stimulus: Labels) -> tuple[Labels, Labels, Labels]:
    """Trials in the order of stimulus and half; of each to draw, odd and even in turn, where its half begins and its size."""
    index = _index(stimulus)
    nth = _nth(index)
    half = 2 * index + nth % 2
    size = np.bincount(half)
    drawn = np.flatnonzero(nth // 2 < size[half] - 1)
    drawn = drawn[np.lexsort((nth[drawn], index[drawn]))]
    return np.argsort(half, kind="stable"), (np.cumsum(size) - size)[half[drawn]], size[half[drawn]]
