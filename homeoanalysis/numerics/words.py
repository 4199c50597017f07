"""Entropy of words of spike counts in repeated trials, extrapolated to infinitely many trials and infinitely long words.

Source: Strong, Koberle, de Ruyter van Steveninck & Bialek 1998, doi:10.1103/PhysRevLett.80.197.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics import discrete_information as discrete
from homeoanalysis.numerics.compiled import compiled

Floats = NDArray[np.float64]


class Entropies(NamedTuple):
    """Total and noise entropy [bit] of words of each length (length), and trials over words seen at one time, at the longest."""

    total: Floats
    noise: Floats
    trials_per_word: float


def entropies(count: NDArray[np.int64], stimulus: NDArray[np.intp], longest: int, rng: np.random.Generator) -> Entropies:
    """Of words of 1 to `longest` bins: (trial, bin), and the stimulus of each trial; words may overlap.

    The total entropy is of the words at all times of all stimuli, the noise entropy of those at one time of one stimulus,
    averaged over times. Both are extrapolated from all trials, halves and quarters of each stimulus.
    """
    subsets = discrete.parts(stimulus, rng)
    sizes = np.array([parts[0].size for parts in subsets], float)
    grouped = [[_grouped(stimulus, k) for k in parts] for parts in subsets]
    found, at_one_time = np.zeros((2, longest)), 0.0
    for length in range(1, longest + 1):
        word = _numbered(count, length)
        each = [[_of_words(word, *one) for one in parts] for parts in grouped]
        found[:, length - 1] = discrete.extrapolated(np.array([np.mean(x, axis=0)[:2] for x in each]), sizes)
        at_one_time = each[0][0][2]
    return Entropies(found[0], found[1], stimulus.size / np.unique(stimulus).size / at_one_time)


def rate(found: Entropies, bin_size: float) -> Floats:
    """Total and noise entropy and their difference, the information, for each time [bit/s]: a line in 1 / length, at 0.

    Single letters are not in the line, where there are longer words, as they know nothing of what follows what.
    """
    length = np.arange(1, found.total.size + 1)
    used = length > 1 if found.total.size > 2 else length > 0
    each = np.stack([found.total, found.noise]) / (length * bin_size)
    if used.sum() == 1:
        total, noise = each[:, used][:, 0]
    else:
        design = np.stack([np.ones(used.sum()), 1 / length[used]], axis=1)
        total, noise = np.linalg.lstsq(design, each[:, used].T, rcond=None)[0][0]
    return np.array([total, noise, total - noise])


def plug_in(count: NDArray[np.int64], stimulus: NDArray[np.intp], length: int) -> float:
    """Information in words of `length` bins [bit], with observed frequencies."""
    total, noise, _ = _of_words(_numbered(count, length), *_grouped(stimulus, np.arange(stimulus.size)))
    return total - noise


def turned(count: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each trial turned round in time by a random number of bins: the same patterns, nothing at the same time."""
    found = np.empty_like(count)
    _turn(count, rng.integers(0, count.shape[1], size=count.shape[0]), found)
    return found


@compiled
def _turn(count, by, found):  # type: ignore[no-untyped-def]
    for trial in range(by.size):
        rest = count.shape[1] - by[trial]
        found[trial, :rest] = count[trial, by[trial] :]
        found[trial, rest:] = count[trial, : by[trial]]


def _numbered(count: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """The number of the word of `length` letters from each bin on (trial, time); there are not many more numbers than words."""
    base, n = int(count.max()) + 1, count.shape[1] - length + 1
    if base**length < 8 * count.size:
        word = np.zeros((count.shape[0], n), np.int64)
        for k in range(length):
            word += base**k * count[:, k : k + n]
        return word
    words = np.lib.stride_tricks.sliding_window_view(count, length, axis=1)
    return discrete.coded(words.reshape(-1, length)).reshape(words.shape[:2])


def _grouped(stimulus: NDArray[np.intp], trials: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """These trials in the order of their stimuli, and where those begin and end in it."""
    order = trials[np.argsort(stimulus[trials], kind="stable")]
    first = np.flatnonzero(np.diff(stimulus[order])) + 1
    return order, np.concatenate([[0], first, [order.size]])


@compiled
def _of_words(word, order, edge):  # type: ignore[no-untyped-def]
    """Plug-in entropy of all words; the mean of that at one time of one stimulus, over trials; and how many words it has then.

    word: (trial, time), numbers; order, edge: as of `_grouped`.
    """
    n_words, n = word.max() + 1, order.size * word.shape[1]
    all_times, one_time = np.zeros(n_words, np.int64), np.zeros(n_words, np.int64)
    log = np.log2(np.arange(1, order.size + 1))
    noise, seen = 0.0, 0
    for time in range(word.shape[1]):
        for stimulus in range(edge.size - 1):
            first, last = edge[stimulus], edge[stimulus + 1]
            for k in range(first, last):
                one_time[word[order[k], time]] += 1
            for k in range(first, last):
                number = word[order[k], time]
                times = one_time[number]
                if times > 0:
                    noise += times * (log[last - first - 1] - log[times - 1])
                    seen += 1
                    all_times[number] += times
                    one_time[number] = 0
    total = np.log2(n)
    for times in all_times:
        if times > 0:
            total -= times * np.log2(times) / n
    return total, noise / n, seen / (word.shape[1] * (edge.size - 1))
