"""Entropy of words of spike counts in repeated trials, extrapolated to infinitely many trials and infinitely long words.

Source: Strong, Koberle, de Ruyter van Steveninck & Bialek 1998, doi:10.1103/PhysRevLett.80.197.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics import discrete_information as discrete

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
    found, at_one_time = np.zeros((2, longest)), 0.0
    for length in range(1, longest + 1):
        word = _numbered(np.lib.stride_tricks.sliding_window_view(count, length, axis=1))
        values = [np.mean([_of_words(word[k], stimulus[k]) for k in parts], axis=0) for parts in subsets]
        found[:, length - 1] = discrete.extrapolated(np.array(values), sizes)
        at_one_time = _tally(_moment(word, stimulus) * (word.max() + 1) + word)[0].size / (
            np.unique(stimulus).size * word.shape[1]
        )
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
    word = _numbered(np.lib.stride_tricks.sliding_window_view(count, length, axis=1))
    total, noise = _of_words(word, stimulus)
    return total - noise


def turned(count: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Each trial turned round in time by a random number of bins: the same patterns, nothing at the same time."""
    by = rng.integers(0, count.shape[1], size=(count.shape[0], 1))
    return np.take_along_axis(count, (np.arange(count.shape[1]) + by) % count.shape[1], axis=1)


def _numbered(words: NDArray[np.int64]) -> NDArray[np.int64]:
    """The number of each word: (trial, time, letter) -> (trial, time)."""
    base = int(words.max()) + 1
    if base ** words.shape[-1] < 2**40:
        return np.asarray(words @ base ** np.arange(words.shape[-1]))
    return discrete.coded(words.reshape(-1, words.shape[-1])).reshape(words.shape[:2])


def _moment(word: NDArray[np.int64], stimulus: NDArray[np.intp]) -> NDArray[np.int64]:
    """The number of the stimulus and time of each word."""
    return stimulus[:, None] * word.shape[1] + np.arange(word.shape[1])


def _tally(number: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The numbers (0 or more) that there are, in their order, and how often each: few enough are counted without being sorted."""
    if number.max() >= 8 * number.size:
        return np.unique(number, return_counts=True)
    count = np.bincount(number.ravel())
    at = np.flatnonzero(count)
    return at, count[at]


def _of_words(word: NDArray[np.int64], stimulus: NDArray[np.intp]) -> tuple[float, float]:
    """Plug-in entropy of all words, and the mean of that at one time of one stimulus, over trials."""
    moment = _moment(word, stimulus)
    _, of_all = _tally(word)
    at, of_each = _tally(moment * (word.max() + 1) + word)
    trials = np.bincount(moment.ravel())
    n = trials[at // (word.max() + 1)]
    noise = np.sum(of_each * np.log2(n / of_each)) / word.size
    return float(discrete.entropy(of_all)), float(noise)
