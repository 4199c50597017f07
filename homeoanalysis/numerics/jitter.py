"""How precisely spikes return from trial to trial: differences of spike times in different trials of the same stimulus.

If each spike lies at a time that all trials share, moved by a Gaussian of standard deviation sigma, differences between
two trials are Gaussian of sqrt(2) sigma around 0, beside those of spikes that share nothing, which are spread evenly.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.compiled import compiled
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
    of_trial = np.zeros(trials[-1] + 1, np.intp)
    of_trial[trials] = np.arange(trials.size) * groups // trials.size
    group = of_trial[np.stack([first, second])]
    at = np.minimum((lag / largest * _BINS + EDGE).astype(np.intp), _BINS - 1)
    without = np.zeros((groups + 1, _BINS))
    without[:] = np.bincount(at, minlength=_BINS)
    cell, is_twice = group * _BINS + at, group[0] == group[1]
    for sign, mine in ((-1, cell[0]), (-1, cell[1]), (1, cell[0, is_twice])):
        without[1:] += sign * np.bincount(mine, minlength=groups * _BINS).reshape(groups, _BINS)
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
        shift = np.where(is_inside & (bend < 0), (left - right) / (2 * bend), 0.0)  # of a parabola in the logarithm of sigma
    step = np.log(grid[1] / grid[0])
    return np.where(is_inside, grid[mid] * np.exp(shift * step), np.nan), share[row, best]


def _share(count: Floats, peak: Floats) -> Floats:
    """(histogram, sigma): the share of pairs in the peak that makes each histogram likeliest, by Newton's method."""
    share = np.empty((len(count), len(peak)))
    _maximise(count, _BINS * peak - 1, share, _STEPS, _SURE)
    return share


@compiled
def _maximise(count, excess, share, steps, sure):  # type: ignore[no-untyped-def]
    """Fills in the share (histogram, sigma), of counts (histogram, bin) and the excess of a peak over the even base (sigma, bin).

    The likelihood is concave in the share, so that where its slope changes sign lies always between two known shares.
    """
    for h in range(count.shape[0]):
        for s in range(excess.shape[0]):
            rises, falls = 0.0, 0.0
            for b in range(excess.shape[1]):
                rises += count[h, b] * excess[s, b] / (1 + sure * excess[s, b])
                falls += count[h, b] * excess[s, b] / (1 + (1 - sure) * excess[s, b])
            low, high, now = sure, 1 - sure, 0.5
            if rises <= 0 or falls >= 0:
                low = high = now = sure if rises <= 0 else 1 - sure
            for _ in range(steps if low < high else 0):
                slope, bend = 0.0, 0.0
                for b in range(excess.shape[1]):
                    part = excess[s, b] / (1 + now * excess[s, b])
                    slope += count[h, b] * part
                    bend -= count[h, b] * part * part
                if slope > 0:
                    low = now
                else:
                    high = now
                new = now - slope / bend
                if not low <= new <= high:
                    new = (low + high) / 2
                moved, now = abs(new - now), new
                if moved < sure:
                    break
            share[h, s] = now


class Coincidences:
    """How many pairs of spikes in different trials of the same stimulus are at most `largest` [s] apart."""

    def __init__(self, spikes: Spikes, largest: float, stop: float) -> None:
        """stop: [s], the end of the window."""
        order = np.lexsort((spikes.time, spikes.trial))
        self.time, self.trial = spikes.time[order], spikes.trial[order]
        self.begin = np.unique(spikes.stimulus[order], return_inverse=True)[1] * (
            2 * stop + 2 * largest
        )  # stimuli on one clock, far apart
        self.reach, self.stop = largest * (1 + EDGE), stop

    def found(self) -> int:
        """Of the spikes as they are."""
        return self._of(self.time.copy())

    def moved(self, length: float, draws: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """(draw): each spike anywhere in its interval of `length` [s], that of all trials: rates that change more slowly stay.

        Intervals begin at random, but in all draws alike: given how many spikes each holds, spikes without precision are then one
        draw more. With intervals of their own, draws differ from each other by more than from the spikes, and 2 % reject.
        They end where the window of the trials does, at 0 and `stop`: spikes that left it would be coincidences lost.
        """
        begin, n = length * rng.uniform(), self.time.size
        drawn = [self._of(_moved(self.time, length, begin, self.stop, rng.uniform(size=n))) for _ in range(draws)]
        return np.array(drawn, np.int64)

    def _of(self, time: Floats) -> int:
        """Pairs of the same stimulus less those of the same trial."""
        _order_in_trials(time, self.trial)
        return int(_pairs(np.sort(time + self.begin), self.reach) - _pairs_in_trials(time, self.trial, self.reach))


@compiled
def _moved(time, length, begin, stop, share):  # type: ignore[no-untyped-def]
    """Times at these shares of their intervals, the first of which ends at length - begin."""
    found = np.empty_like(time)
    for k in range(time.size):
        at = np.floor((time[k] + begin) / length)
        low, high = max(at * length - begin, 0.0), min((at + 1) * length - begin, stop)
        found[k] = low + share[k] * (high - low)
    return found


@compiled
def _order_in_trials(time, trial):  # type: ignore[no-untyped-def]
    """Sorts the times of each trial in their place: what was moved within intervals has few to pass by."""
    for k in range(1, time.size):
        moving, at = time[k], k
        while at > 0 and trial[at - 1] == trial[k] and time[at - 1] > moving:
            time[at] = time[at - 1]
            at -= 1
        time[at] = moving


@compiled
def _pairs(time, reach):  # type: ignore[no-untyped-def]
    """Pairs of sorted times that are at most so far apart."""
    total, first = 0, 0
    for k in range(time.size):
        while time[k] > time[first] + reach:
            first += 1
        total += k - first
    return total


@compiled
def _pairs_in_trials(time, trial, reach):  # type: ignore[no-untyped-def]
    """The same in each trial."""
    total, first = 0, 0
    for k in range(time.size):
        while trial[first] != trial[k] or time[k] > time[first] + reach:
            first += 1
        total += k - first
    return total
