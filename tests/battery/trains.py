"""Spike trains of units with given rates.

Each function takes `rate` (unit, step) in Hz, constant within steps of `step` s, and returns the
sorted spike times of each unit. The expected number of spikes is the integral of the rate.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .rates import NONE, Course, Fluctuation, draw_course

Floats = NDArray[np.float64]


class Spiking(NamedTuple):
    """How units fire, given their rates."""

    kind: str = "poisson"  # poisson, refractory, gamma, doublets, unit_bursts or network_bursts
    dead_time: float = 0.003  # of refractory (s)
    order: int = 4  # of gamma: the squared CV of intervals is 1 / order
    share: float = 0.3  # of doublets: spikes that are followed by another
    burst_size: float = 4.0  # of unit_bursts: mean number of spikes, geometric
    network: "NetworkBursts | None" = None  # of network_bursts


class NetworkBursts(NamedTuple):
    """Bursts in which all units of a culture take part."""

    rate: float = 0.08  # Hz
    irregularity: float = 0.6  # coefficient of variation of the intervals between onsets
    duration: float = 0.4  # median (s)
    duration_sd: float = 0.4  # of the natural logarithm of the duration
    size_sd: float = 0.5  # of the natural logarithm of a factor of the spikes of all units
    share: float = 0.7  # of all spikes that lie in network bursts
    fluctuation: Fluctuation = NONE  # of the burst rate


POISSON = Spiking()


def split_by_unit(time: Floats, unit: NDArray[np.int64], n_units: int) -> list[Floats]:
    """Return the sorted times of each unit; `unit` says whose each time is."""
    order = np.argsort(unit, kind="stable")
    edges = np.searchsorted(unit[order], np.arange(1, n_units))
    return [np.sort(part) for part in np.split(time[order], edges)]


def draw_poisson(rate: Floats, step: float, rng: np.random.Generator) -> list[Floats]:
    """Draw inhomogeneous Poisson trains."""
    n_units, n_steps = rate.shape
    count = rng.poisson(rate * step)
    at = np.repeat(np.tile(np.arange(n_steps), n_units), count.ravel())
    time = np.minimum((at + rng.uniform(size=at.size)) * step, np.nextafter(n_steps * step, 0))
    edges = np.cumsum(count.sum(axis=1))[:-1]
    return [np.sort(part) for part in np.split(time, edges)]


def draw_refractory(
    rate: Floats, step: float, dead_time: float, rng: np.random.Generator
) -> list[Floats]:
    """Draw trains of which no interval is shorter than dead_time (s).

    The hazard after the dead time is rate / (1 - rate dead_time), so that the mean rate is `rate`
    where it changes little within a dead time.
    """
    trains = draw_poisson(rate / (1 - rate * dead_time), step, rng)
    return [_drop_refractory(train, dead_time) for train in trains]


def _drop_refractory(train: Floats, dead_time: float) -> Floats:
    """Drop each spike that follows a kept one too soon."""
    while train.size:
        is_early = np.diff(train, prepend=-np.inf) < dead_time
        # Surely dropped is an early spike whose predecessor is surely kept; the others next time.
        is_dropped = is_early & ~np.concatenate([[False], is_early[:-1]])
        if not is_dropped.any():
            break
        train = train[~is_dropped]
    return train


def draw_renewal(rate: Floats, step: float, order: float, rng: np.random.Generator) -> list[Floats]:
    """Draw gamma renewal trains, stationary in operational time (order 1: Poisson).

    Intervals in units of the cumulated rate are gamma distributed, mean 1, variance 1 / order.
    """
    n_units, n_steps = rate.shape
    edge = step * np.arange(n_steps + 1)
    cumulated = np.concatenate([np.zeros((n_units, 1)), np.cumsum(rate * step, axis=1)], axis=1)
    lead = 30.0  # intervals after which the start is forgotten
    trains = []
    for row in cumulated:
        expected = row[-1] + lead
        n = int(expected + 10 * np.sqrt(expected / order) + 20)
        operational = np.cumsum(rng.gamma(order, 1 / order, n)) - lead - rng.uniform(0, 1)
        inside = operational[(operational > 0) & (operational < row[-1])]
        trains.append(np.interp(inside, row, edge))
    return trains


def draw_doublets(
    rate: Floats, step: float, share: float, rng: np.random.Generator
) -> list[Floats]:
    """Draw trains in which a part `share` of Poisson spikes has a second one 3 to 8 ms later.

    Intervals of that length are those of complex-spike bursts in CA1
    (Ranck 1973, doi:10.1016/0014-4886(73)90290-2). Over long windows the variance of counts is
    (1 + 3 share) / (1 + share) of their mean.
    """
    duration = rate.shape[1] * step
    trains = []
    for first in draw_poisson(rate / (1 + share), step, rng):
        second = first[rng.uniform(size=first.size) < share]
        second = second + rng.uniform(0.003, 0.008, second.size)
        trains.append(_wrap(np.concatenate([first, second]), duration))
    return trains


def draw_unit_bursts(
    rate: Floats, step: float, mean_size: float, rng: np.random.Generator
) -> list[Floats]:
    """Draw trains of bursts of each unit's own, of geometric size, intervals of 4 to 10 ms.

    Over long windows the variance of counts is 2 mean_size - 1 times their mean.
    """
    duration = rate.shape[1] * step
    trains = []
    for onset in draw_poisson(rate / mean_size, step, rng):
        size = rng.geometric(1 / mean_size, onset.size)
        first = np.cumsum(size) - size
        interval = rng.uniform(0.004, 0.010, size.sum())
        elapsed = np.cumsum(interval)
        elapsed -= np.repeat(elapsed[first], size)
        trains.append(_wrap(np.repeat(onset, size) + elapsed, duration))
    return trains


def draw_burst_onsets(bursts: NetworkBursts, duration: float, rng: np.random.Generator) -> Floats:
    """Draw the onsets of network bursts: a gamma renewal process of fluctuating rate."""
    course = draw_course(bursts.fluctuation._replace(shared=1.0), 1, duration, rng)
    return draw_renewal(bursts.rate * course.gain, course.step, bursts.irregularity**-2, rng)[0]


def draw_network_bursts(
    rate: Floats, step: float, bursts: NetworkBursts, rng: np.random.Generator
) -> list[Floats]:
    """Draw trains of which a part lies in bursts shared by all units, the rest is Poisson.

    Each burst has a log-normal duration and a log-normal factor, mean 1, of the spikes of all
    units. A unit fires Poisson many spikes in it: its rate at the onset, times the share, over the
    mean burst rate. Within a burst the density rises fast and decays slowly.
    """
    n_units, n_steps = rate.shape
    duration = n_steps * step
    onset = draw_burst_onsets(bursts, duration, rng)
    length = bursts.duration * np.exp(bursts.duration_sd * rng.standard_normal(onset.size))
    size = np.exp(bursts.size_sd * rng.standard_normal(onset.size) - bursts.size_sd**2 / 2)
    at_onset = rate[:, np.minimum((onset / step).astype(int), n_steps - 1)]  # (unit, burst)
    count = rng.poisson(at_onset * size * (bursts.share / bursts.rate))
    burst = np.repeat(np.tile(np.arange(onset.size), n_units), count.ravel())
    unit = np.repeat(np.arange(n_units), count.sum(axis=1))
    time = onset[burst] + length[burst] * rng.beta(1.5, 4.0, burst.size)
    inside = split_by_unit(time, unit, n_units)
    between = draw_poisson(rate * (1 - bursts.share), step, rng)
    both = zip(inside, between, strict=True)
    return [_wrap(np.concatenate(pair), duration) for pair in both]


def _wrap(time: Floats, duration: float) -> Floats:
    """Sort, and move what lies behind the end to the start, so that no spike is lost."""
    return np.sort(np.where(time < duration, time, time - duration))


def draw_trains(
    spiking: Spiking, course: Course, base_rate: Floats, rng: np.random.Generator
) -> list[Floats]:
    """Draw the trains of units whose rates are base_rate (unit) times the gains of the course."""
    rate = base_rate[:, None] * course.gain
    if spiking.kind == "poisson":
        return draw_poisson(rate, course.step, rng)
    if spiking.kind == "refractory":
        return draw_refractory(rate, course.step, spiking.dead_time, rng)
    if spiking.kind == "gamma":
        return draw_renewal(rate, course.step, spiking.order, rng)
    if spiking.kind == "doublets":
        return draw_doublets(rate, course.step, spiking.share, rng)
    if spiking.kind == "unit_bursts":
        return draw_unit_bursts(rate, course.step, spiking.burst_size, rng)
    bursts = spiking.network or NetworkBursts()
    return draw_network_bursts(rate, course.step, bursts, rng)


def draw_base_rates(n_units: int, median: float, sd: float, rng: np.random.Generator) -> Floats:
    """Draw log-normal long-run rates (Hz); `sd` is that of their natural logarithm.

    Rates of principal cells in cortex and hippocampus are log-normal over three decades
    (Mizuseki & Buzsaki 2013, doi:10.1016/j.celrep.2013.07.039): sd = 1.4 has 99 % in 3.1 decades.
    """
    return median * np.exp(sd * rng.standard_normal(n_units))


def silence(train: Floats, start: float, stop: float) -> Floats:
    """Drop the spikes from start to stop (s)."""
    return train[(train < start) | (train >= stop)]
