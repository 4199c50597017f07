"""Mutual information between labels and discrete responses, from a table of counts, with corrections of its bias.

A table is (label, response), of how often each response followed each label. All values are in bits.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Correction = Literal["none", "miller_madow", "panzeri_treves", "quadratic", "shuffle"]


def coded(words: NDArray[np.integer]) -> NDArray[np.intp]:
    """The number of each word, from 0 on: (trial, letter) -> (trial)."""
    if words.shape[1] == 1:  # ten times as fast: rows are compared as records
        return np.unique(words[:, 0], return_inverse=True)[1]
    return np.unique(words, axis=0, return_inverse=True)[1].reshape(-1)


def table(label: NDArray[np.intp], response: NDArray[np.intp]) -> Counts:
    """(..., label, response): count labels (..., trial) and responses (trial), both numbered from 0 on."""
    shape = (*label.shape[:-1], int(label.max()) + 1, int(response.max()) + 1)
    first = shape[-2] * np.arange(label[..., 0].size).reshape(*shape[:-2], 1)  # label of each table
    cell = (first + label) * shape[-1] + response
    return np.bincount(cell.ravel(), minlength=int(np.prod(shape))).reshape(shape)


def entropy(counts: Counts) -> Floats:
    """Plug-in entropy of the last axis; 0 where nothing was counted."""
    n = counts.sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(counts > 0, counts * np.log2(counts), 0.0).sum(axis=-1)
        return np.where(n > 0, np.log2(n) - terms / n, 0.0)


def plug_in(counts: Counts) -> Floats:
    """Of tables (..., label, response): H(R) - H(R|S), with the observed frequencies; never below 0, to which it is rounded."""
    n = counts.sum(axis=-1)
    return np.maximum(entropy(counts.sum(axis=-2)) - (n * entropy(counts)).sum(axis=-1) / n.sum(axis=-1), 0.0)


def miller_madow(counts: Counts) -> float:
    """Less the bias of as many responses as were seen: Miller 1955; Panzeri & Treves 1996, doi:10.1088/0954-898X/7/1/006."""
    return float(plug_in(counts)) - _bias(np.count_nonzero(counts, axis=1), int(counts.any(axis=0).sum()), counts)


def panzeri_treves(counts: Counts) -> float:
    """The same, where a label may have responses that it was not seen with.

    Source: Panzeri & Treves 1996, doi:10.1088/0954-898X/7/1/006.
    """
    seen = counts.any(axis=0)
    likely = np.array([_likely_responses(row[row > 0], int(seen.sum())) for row in counts])
    return float(plug_in(counts)) - _bias(likely, int(seen.sum()), counts)


def _bias(of_labels: NDArray[np.int64], of_all: int, counts: Counts) -> float:
    return float((np.sum(of_labels - 1) - (of_all - 1)) / (2 * counts.sum() * np.log(2)))


def _likely_responses(count: Counts, most: int) -> int:
    """How many responses a label has, so that it would be expected to show as many as it did.

    The seen ones get the mean of their probability under a uniform prior; the rest of it is shared by the unseen ones.
    """
    n, found = int(count.sum()), count.size
    best, distance = found, abs(found - _shown(count / n, n))
    for unseen in range(1, most - found + 1):
        rest = unseen * (1 - (n / (n + found)) ** (1 / n))
        p = (1 - rest) / (n + found) * (count + 1)
        off = abs(found - _shown(p, n) - unseen * (1 - (1 - rest / unseen) ** n))
        if off >= distance:
            break
        best, distance = found + unseen, off
    return best


def _shown(p: Floats, n: int) -> float:
    """Responses that are expected to be seen at least once in n trials."""
    return float(np.sum(1 - (1 - p) ** n))


def parts(label: NDArray[np.intp], rng: np.random.Generator) -> list[list[NDArray[np.intp]]]:
    """The trials; two halves; four quarters, at random and disjoint, with equally many trials of a label in each."""
    shuffled = [rng.permutation(np.flatnonzero(label == k)) for k in np.unique(label)]
    found = [[np.arange(label.size)]]
    for n in (2, 4):
        found.append([np.concatenate([t[k * (t.size // n) : (k + 1) * (t.size // n)] for t in shuffled]) for k in range(n)])
    return found


def extrapolated(values: Floats, sizes: Floats) -> Floats:
    """Where a + b / size + c / size^2 of values (size, ...) ends. Source: Strong et al. 1998, doi:10.1103/PhysRevLett.80.197."""
    powers = (1 / np.asarray(sizes, float))[:, None] ** np.arange(3)
    return np.asarray(np.tensordot(np.linalg.inv(powers)[0], values, axes=1))


def information(label: NDArray[np.intp], words: NDArray[np.integer], correction: Correction, rng: np.random.Generator) -> float:
    """Mutual information of labels (trial) and responses (trial, letter), corrected.

    "quadratic" extrapolates from all trials, halves and quarters; NaN with fewer than 4 trials of a label. "shuffle" does so
    with H(R) - H_ind(R|S) + H_sh(R|S) - H(R|S), whose bias is far smaller where a word has many letters (Panzeri et al. 2007,
    doi:10.1152/jn.00559.2007). The other two need four times as many trials of each label as there are responses, else NaN.
    """
    label, response = np.unique(label, return_inverse=True)[1], coded(words)
    counts = table(label, response)
    if correction == "none":
        return float(plug_in(counts))
    fewest = int(counts.sum(axis=1).min())
    if correction in ("miller_madow", "panzeri_treves"):
        enough = fewest >= 4 * np.count_nonzero(counts.any(axis=0))
        return (miller_madow if correction == "miller_madow" else panzeri_treves)(counts) if enough else np.nan
    if fewest < 4:
        return np.nan
    mixed = _mixed(label, words, rng) if correction == "shuffle" else None
    means, sizes = [], []
    for subsets in parts(label, rng):
        sizes.append(subsets[0].size)
        each = [float(plug_in(table(label[k], response[k]))) for k in subsets]
        if mixed is not None:
            each = [i + _shuffled_excess(label[k], words[k], mixed[k]) for i, k in zip(each, subsets, strict=True)]
        means.append(np.mean(each))
    return float(extrapolated(np.array(means), np.array(sizes, float)))


def _mixed(label: NDArray[np.intp], words: NDArray[np.integer], rng: np.random.Generator) -> NDArray[np.integer]:
    """Each letter taken from another trial of the same label."""
    mixed = words.copy()
    for k in np.unique(label):
        mine = np.flatnonzero(label == k)
        for letter in range(words.shape[1]):
            mixed[mine, letter] = words[rng.permutation(mine), letter]
    return mixed


def _shuffled_excess(label: NDArray[np.intp], words: NDArray[np.integer], mixed: NDArray[np.integer]) -> float:
    """H_sh(R|S) - H_ind(R|S): 0 but for the bias, which is about that of H(R|S)."""
    n = np.bincount(label)

    def conditional(response: NDArray[np.intp]) -> float:
        return float(np.sum(n * entropy(table(label, response))) / n.sum())

    return conditional(coded(mixed)) - sum(conditional(coded(words[:, [k]])) for k in range(words.shape[1]))
