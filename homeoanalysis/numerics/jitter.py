"""How precisely spikes return from trial to trial: differences of spike times in different trials of the same stimulus.

If each spike lies at a time that all trials share, moved by a Gaussian of standard deviation sigma, differences between
two trials are Gaussian of sqrt(2) sigma around 0, beside those of spikes that share nothing, which are spread evenly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.observed import EDGE

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
_BINS = 60
_GROUPS = 20  # of trials, that the jackknife leaves out
_STEPS, _SURE = 60, 1e-9  # of the maximisation over the share, and how well that is known


class Spikes(NamedTuple):
    """Of one unit, (spike): time [s] since the begin of the window, trial, and the stimulus of the trial."""

    time: Floats
    trial: Labels
    stimulus: Labels


class Jitter(NamedTuple):
    """sigma [s] with its 95 % interval, and how many times more coincidences at no lag there are than at large ones."""

    sigma: float
    low: float
    high: float
    peak: float


def differences(spikes: Spikes, largest: float) -> tuple[Floats, Labels, Labels]:
    """|difference| (pair) up to `largest` [s] of spikes in different trials of the same stimulus, and the trials of both."""
    order = np.lexsort((spikes.time, spikes.stimulus))
    time, trial, stimulus = (x[order] for x in spikes)
    apart = float(np.ptp(time)) + 2 * largest if time.size else 0.0
    clock = time + apart * np.unique(stimulus, return_inverse=True)[1]
    n = np.searchsorted(clock, clock + largest * (1 + EDGE), side="right") - np.arange(time.size) - 1
    first = np.repeat(np.arange(time.size), n)
    second = first + 1 + np.arange(first.size) - np.repeat(np.cumsum(n) - n, n)
    other = trial[first] != trial[second]
    first, second = first[other], second[other]
    return time[second] - time[first], trial[first], trial[second]


def fit(spikes: Spikes, largest: float) -> Jitter:
    """The likeliest jitter; its interval from leaving out a twentieth of the trials at a time. NaN where there is no peak."""
    lag, first, second = differences(spikes, largest)
    trials = np.unique(spikes.trial)
    if lag.size < 10 or trials.size < 8:
        return Jitter(*[np.nan] * 4)
    groups = min(_GROUPS, trials.size)
    group = np.searchsorted(trials, np.stack([first, second])) * groups // trials.size
    at = np.minimum((lag / largest * _BINS + EDGE).astype(np.intp), _BINS - 1)
    without = np.zeros((groups + 1, _BINS))
    without[:] = np.bincount(at, minlength=_BINS)
    for g in range(groups):
        without[g + 1] -= np.bincount(at[(group == g).any(axis=0)], minlength=_BINS)
    sigma, share = _likeliest(without, largest)
    if not np.isfinite(sigma).all():
        return Jitter(*[np.nan] * 4)
    log = np.log(sigma)
    width = t_quantile(0.95, groups - 1) * float(np.sqrt((groups - 1) * log[1:].var()))
    peak = 1 + share[0] / (1 - share[0]) * largest / (np.sqrt(np.pi) * sigma[0]) if share[0] < 1 - 1e-6 else np.inf
    return Jitter(float(sigma[0]), float(np.exp(log[0] - width)), float(np.exp(log[0] + width)), float(peak))


def _likeliest(count: Floats, largest: float) -> tuple[Floats, Floats]:
    """(histogram): sigma and the share of pairs in the peak, of counts (histogram, bin); NaN at the ends of what can be told."""
    from scipy import special

    grid = np.geomspace(largest / _BINS / 2, largest / 3, 80)
    edge = np.linspace(0, largest, _BINS + 1)
    inside = special.erf(edge / (2 * grid[:, None]))  # of |difference|: the Gaussian has sqrt(2) sigma
    peak = np.diff(inside) / inside[:, -1:]  # (sigma, bin)
    share = _share(count, peak)
    likely = np.einsum("hb,hsb->hs", count, np.log(share[..., None] * peak + (1 - share[..., None]) / _BINS))
    best = np.argmax(likely, axis=1)
    row = np.arange(len(count))
    is_inside = (best > 0) & (best < grid.size - 1)
    mid = np.clip(best, 1, grid.size - 2)
    left, here, right = (likely[row, mid + k] for k in (-1, 0, 1))
    bend = left - 2 * here + right
    with np.errstate(invalid="ignore", divide="ignore"):
        shift = np.where(bend < 0, (left - right) / (2 * bend), 0.0)  # of a parabola in the logarithm of sigma
    step = np.log(grid[1] / grid[0])
    return np.where(is_inside, grid[mid] * np.exp(shift * step), np.nan), share[row, best]


def _share(count: Floats, peak: Floats) -> Floats:
    """(histogram, sigma): the share of pairs in the peak that makes each histogram likeliest, by Newton's method.

    The likelihood is concave in the share, so that where its slope changes sign lies always between two known shares.
    """
    excess = _BINS * peak - 1  # over the even base
    share = np.empty((len(count), len(peak)))

    def slopes(share: Floats, count: Floats, excess: Floats) -> tuple[Floats, Floats]:
        part = excess / (1 + share[:, None] * excess)
        weighted = count * part
        return weighted.sum(axis=1), -np.einsum("pb,pb->p", weighted, part)

    for own, shares in zip(count, share, strict=True):
        every = np.broadcast_to(own, excess.shape)
        rises, falls = (slopes(np.full(len(excess), end), every, excess)[0] for end in (_SURE, 1 - _SURE))
        shares[:] = np.where(rises <= 0, _SURE, 1 - _SURE)
        at = np.flatnonzero((rises > 0) & (falls < 0))
        low, high = np.full(at.size, _SURE), np.full(at.size, 1 - _SURE)
        now = np.full(at.size, 0.5)
        for _ in range(_STEPS):
            slope, bend = slopes(now, every[at], excess[at])
            low, high = np.where(slope > 0, now, low), np.where(slope > 0, high, now)
            new = now - slope / bend
            new = np.where((new >= low) & (new <= high), new, (low + high) / 2)
            moved, now = np.abs(new - now).max(initial=0), new
            if moved < _SURE:
                break
        shares[at] = now
    return share


def coincidences(spikes: Spikes, largest: float) -> int:
    """How many pairs of spikes in different trials of the same stimulus are at most so far apart [s]."""
    n = spikes.time.size
    if not n:
        return 0
    # Pairs of the same stimulus less those of the same trial; on one clock, the kinds of which are far apart.
    kind = np.concatenate([spikes.stimulus, spikes.stimulus.max() + 1 + spikes.trial])
    clock = np.sort(np.tile(spikes.time, 2) + (float(np.ptp(spikes.time)) + 2 * largest) * kind)
    after = clock.searchsorted(clock + largest * (1 + EDGE), side="right")
    return int(after[:n].sum() - after[n:].sum()) + n * n


def moved(spikes: Spikes, length: float, stop: float, rng: np.random.Generator) -> Spikes:
    """Each spike anywhere in its interval of `length` [s], the same for all trials: rates that change more slowly stay.

    Intervals end where the window of the trials does, at 0 and `stop`: spikes that left it would be coincidences lost.
    """
    begin = length * rng.uniform()
    at = np.floor((spikes.time + begin) / length)
    low, high = np.maximum(at * length - begin, 0.0), np.minimum((at + 1) * length - begin, stop)
    return spikes._replace(time=low + rng.uniform(size=at.size) * (high - low))
