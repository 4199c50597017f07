"""How much the mean of an epoch varies when the rate fluctuates slowly.

The deviations from the mean of an epoch are decomposed into cosines: slow fluctuations are large in
the first few. Their spectrum is a constant (independent spikes) plus an Ornstein-Uhlenbeck process
of any size and time constant, or plus 1/f noise of any size. Each of these models counts by its
likelihood. Where an epoch has 20 to 50 time constants, means of batches of the length of Politis &
White cover 85 to 90 %; the weighted models cover 95 to 97 %.
Source: cosines and Student's t: Lazarus, Lewis, Stock & Watson 2018,
doi:10.1080/07350015.2018.1506926; likelihood of a spectrum: Whittle 1953, doi:10.1007/BF02590998.
"""

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

N_BINS = 128  # of an epoch
N_COSINES = 48  # that the spectrum is fitted to
LEAST_BLOCKS = 4.0  # independent blocks of an epoch, below which no interval is given
_N_SLOWEST, _N_FASTEST = 4, 24  # cosines
# 99 % quantiles of the slowest power over the expected, chi2(4) / 4, and over the fastest, F(4, 24)
_LARGEST_BY_CHANCE = 3.32, 4.22
# Probability that there are so many blocks. With 0.7 the epochs that are left are those that look
# fast by chance: 86 % cover.
_CONFIDENCE = 0.3
_INDEPENDENT = 0.2  # prior probability that there is no slow fluctuation
_TURNS = 0.1, 30.0  # of the cosine at which a spectrum turns from flat to falling
_N_TIMES, _N_SCALE_FREE = 16, 8  # prior weights of Ornstein-Uhlenbeck processes and of 1/f noise
# Variance of the sum of 1/f noise over its power at the first cosine: the integral over u = f T of
# sinc^2(u) / u from 0.05 on, and of a constant below, since the spectrum is flat under a tenth of
# the first cosine.
_SCALE_FREE_MEAN = 3.1
# Of a fluctuation, at the first cosine, relative to independent spikes.
_SIZES = np.geomspace(0.25, 300, 14)


class LongRun(NamedTuple):
    """What epochs tell of the variance of their sums.

    The axis `model` runs over time constants and sizes. variance: (series, epoch). df: (series,
    epoch), of Student's t. blocks: (series, epoch), the number of independent blocks that the epoch
    holds at least, with a probability of 30 %.
    """

    variance: Floats
    df: Floats
    blocks: Floats
    weight: Floats  # (series, epoch, model)
    shape: Floats  # (epoch, model, cosine)
    factor: Floats  # (epoch, model): variance of the sum in units of the shape
    scale: Floats  # (series, epoch, model): of the shape; variance of the independent part
    tau: Floats  # (epoch, model): time constant of the fluctuation, in epochs
    plateau: Floats  # (epoch, model): variance of a fast fluctuation of this size, over the scale

    def extrapolate(
        self, first: Floats, power: Floats, relative: Floats, duration: Floats
    ) -> Floats:
        """(epoch,): variance of the mean over epochs.

        The first epoch tells of slow fluctuations. first: (1, 1, cosine), of the first epoch;
        power: (epoch, cosine), of all, of which only the fastest cosines count. relative: (epoch,),
        mean over that of the first. duration: (epoch,).
        """
        scale = np.einsum("emj,sej->m", 1 / self.shape, first) / first.shape[-1]
        tau = self.tau[0, :, None] * duration[0] / duration
        of_mean = 1 - (1 - np.exp(-1 / tau)) * tau
        slow = (scale * self.plateau[0])[:, None] * of_mean * duration[0] / duration * relative**2
        fast = np.where(
            np.arange(duration.size) > 0, power[:, -_N_FASTEST:].mean(axis=-1), scale[:, None]
        )
        return np.asarray(
            _divide(1.0, (self.weight[0, 0, :, None] * _divide(1.0, slow + fast)).sum(axis=0))
        )


def take_cosines(deviation: Floats) -> Floats:
    """(..., bin) -> (..., cosine): powers of the first cosines.

    Each has the variance of the sum over bins.
    """
    from scipy import fft

    first = fft.dct(deviation, type=2, axis=-1, norm="ortho")[..., 1 : N_COSINES + 1]
    return np.asarray(deviation.shape[-1] * first**2)


def estimate_long_run(
    power: Floats, duration: Floats, target: tuple[float, ...] | None = None
) -> LongRun:
    """Variance of the sums over epochs, from the powers of their cosines.

    power: (series, epoch, cosine) from `take_cosines`; the epochs of a series share the time
    constant, not the sizes. duration: (epoch,) [s]. target: weights of the cosines whose variance
    is wanted instead; the first cosine then has no part in the likelihood, since a trend is in it.
    """
    shape, factor, blocks, prior, tau, plateau = _list_models(
        tuple(duration / duration.max()), target
    )
    skipped = 0 if target is None else 1
    kept, n = power[..., skipped:], N_COSINES - skipped
    is_constant = kept.sum(-1)[..., None, None] <= 0
    scale = np.einsum("emj,sej->sem", 1 / shape[..., skipped:], kept) / n
    with np.errstate(divide="ignore"):
        log = -n / 2 * np.log(scale) - np.log(shape[..., skipped:]).sum(-1) / 2
    log = log.reshape(*log.shape[:2], -1, prior.size)
    log = np.where(
        is_constant, np.append(0.0, np.full(prior.size - 1, -np.inf)), log
    )  # nothing fluctuates
    likelihood = np.exp(log - log.max(axis=(-2, -1), keepdims=True)) * prior
    of_time = likelihood.sum(-1, keepdims=True)  # (series, epoch, time constant, 1)
    with np.errstate(divide="ignore"):
        joint = np.log(of_time).sum(axis=1, keepdims=True)
    joint = np.exp(joint - joint.max(axis=2, keepdims=True))
    weight = (_divide(likelihood, of_time) * joint / joint.sum(axis=2, keepdims=True)).reshape(
        scale.shape
    )
    inverse = _divide(1.0, scale * factor)
    first, second = (weight * inverse).sum(-1), (weight * inverse**2 * (1 + 2 / n)).sum(-1)
    df = np.where(is_constant[..., 0, 0], n, _divide(2 * first**2, second - first**2))
    return LongRun(
        _divide(1.0, first),
        df,
        _find_quantile(blocks, weight),
        weight,
        shape,
        factor,
        scale,
        tau,
        plateau,
    )


def count_blocks(found: LongRun, power: Floats, expected: Floats) -> Floats:
    """(series, epoch): independent blocks.

    As many as cosines where no slow fluctuation is seen at all. power, expected: (series, epoch,
    cosine), of the series and of what has no slow fluctuation, as independent units or spikes. A
    fluctuation is slow if the slowest four cosines have more power than 99 of 100 such series, and
    more than the fastest 24 cosines have, since bursts have more power than independent spikes at
    all of them.
    """
    slowest, by_chance = (each[..., :_N_SLOWEST].mean(-1) for each in (power, expected))
    fastest = power[..., -_N_FASTEST:].mean(-1)
    is_slow = (slowest > _LARGEST_BY_CHANCE[0] * by_chance) & (
        slowest > _LARGEST_BY_CHANCE[1] * fastest
    )
    return np.where(is_slow, found.blocks, float(N_COSINES))


def _divide(first: Floats | float, second: Floats) -> Floats:
    """0 where the divisor is 0."""
    return np.divide(
        first,
        second,
        out=np.zeros(np.broadcast_shapes(np.shape(first), second.shape)),
        where=second > 0,
    )


def _find_quantile(blocks: Floats, weight: Floats) -> Floats:
    """The largest number of blocks that is reached with the wanted probability.

    blocks: (epoch, model). Returns (series, epoch).
    """
    order = np.argsort(blocks, axis=-1, kind="stable")
    below = np.cumsum(np.take_along_axis(weight, order[None], axis=-1), axis=-1)
    at = np.argmax(below > 1 - _CONFIDENCE, axis=-1)
    ordered = np.broadcast_to(np.take_along_axis(blocks, order, axis=-1), below.shape)
    return np.take_along_axis(ordered, at[..., None], axis=-1)[..., 0]


@cache
def _list_models(
    relative: tuple[float, ...], target: tuple[float, ...] | None
) -> tuple[Floats, ...]:
    """The models that are weighted, with what each says of an epoch.

    Shapes (epoch, model, cosine), factors, blocks (epoch, model), prior of sizes (size), tau,
    plateau (epoch, model). relative: durations of the epochs over the longest. The sizes of a time
    constant follow one another, 0 first; 1/f noise comes last.
    """
    duration = np.array(relative)
    low, high = _TURNS
    turns = np.geomspace(
        low, high / duration.min(), _N_TIMES + round(3 * np.log(1 / duration.min()))
    )
    tau = (
        np.append(1 / (np.pi * turns), np.full(_N_SCALE_FREE, 1 / (np.pi * low)))
        / duration[:, None]
    )
    is_scale_free = np.arange(tau.shape[1]) >= turns.size
    cosine = np.arange(1, N_COSINES + 1)
    course = np.where(is_scale_free[:, None], 1 / cosine, describe_fluctuation(tau, cosine))
    size = np.append(0, _SIZES)
    of_mean = 1 - (1 - np.exp(-1 / tau)) * tau
    of_first = np.where(is_scale_free, of_mean / _SCALE_FREE_MEAN, course[..., 0])
    plateau = size / of_first[..., None]  # (epoch, time constant, size)
    shape = 1 + size[:, None] * (course / course[..., :1])[:, :, None]
    factor = 1 + plateau * of_mean[..., None] if target is None else shape @ np.array(target)
    blocks = np.where(is_scale_free, 0.0, 1 / (2 * tau))[..., None]
    blocks = np.minimum(np.where(size > 0, blocks, np.inf), float(N_COSINES))
    prior = np.append(_INDEPENDENT, np.full(_SIZES.size, (1 - _INDEPENDENT) / _SIZES.size))
    n = duration.size
    tau = np.broadcast_to(tau[..., None], plateau.shape)
    of_model = (each.reshape(n, -1) for each in (factor, blocks, tau, plateau))
    factor, blocks, tau, plateau = of_model
    return shape.reshape(n, -1, N_COSINES), factor, blocks, prior, tau, plateau


def draw_windows(
    found: LongRun, n_baseline: int, n_later: int, n: int, rng: np.random.Generator
) -> tuple[Floats, Floats]:
    """Windows of the first series as its first epoch tells of them.

    Returns (draw, window) of the epoch, and of the time after it. found: of deviations relative to
    the mean. n_baseline: windows that the epoch holds. n_later: windows after it. Size and time
    constant of the fluctuation are drawn by their likelihood, 1/f noise as the slowest of them. Its
    logarithm is normal.
    """
    weight = found.weight[0, 0]
    model = rng.choice(weight.size, n, p=weight / weight.sum())
    spread = N_COSINES / rng.chisquare(
        N_COSINES, n
    )  # of the scale, which is estimated from so many cosines
    scale, tau, width = found.scale[0, 0, model] * spread, found.tau[0, model], 1 / n_baseline
    kept = np.exp(-width / tau)
    of_window = (tau / width) ** 2 * (
        width / tau - 1 + kept
    )  # half the variance of the mean of a window of an OU process
    slow = np.sqrt(scale * found.plateau[0, model] / tau * of_window)
    course = np.empty((n_baseline + n_later, n))
    noise = rng.standard_normal(course.shape)
    course[0] = noise[0]
    for k in range(1, len(course)):
        course[k] = kept * course[k - 1] + np.sqrt(1 - kept**2) * noise[k]
    of_log = np.sqrt(np.log1p(slow**2))
    windows = (
        np.expm1(of_log * course - of_log**2 / 2)
        + np.sqrt(scale / width) * rng.standard_normal(course.shape)
    ).T
    return windows[:, :n_baseline], windows[:, n_baseline:]


def describe_fluctuation(tau: Floats, cosine: NDArray[np.int64]) -> Floats:
    """(..., cosine): powers of an Ornstein-Uhlenbeck process in the bins of an epoch.

    They are relative to those of the slowest cosines. tau: (...), in epochs. Exact but for the
    bins; the ends of the epoch cut the process off.
    """
    tau = tau[..., None]
    lorentzian = 1 / (1 + (np.pi * cosine * tau) ** 2)
    cut_off = 2 * tau * lorentzian * (1 - (-1.0) ** cosine * np.exp(-1 / tau))
    return np.asarray(lorentzian * (1 - cut_off) * np.sinc(cosine / (2 * N_BINS)) ** 2)
