"""What repeats of the same stimulus have in common: of the counts of one unit, (trial, bin), and the stimulus of each trial."""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import t_quantile

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Labels = NDArray[np.intp]


def repeated(stimulus: Labels) -> NDArray[np.bool_]:
    """Which trials have another one of the same stimulus."""
    return np.asarray(np.bincount(stimulus)[stimulus] > 1)


def reliability(spikes: Counts, stimulus: Labels) -> float:
    """Mean covariance over time of two trials of a stimulus, over the mean variance of one; NaN where that is 0."""
    centred = spikes - spikes.mean(axis=1, keepdims=True)
    common = variance = 0.0
    for k in np.unique(stimulus):
        mine = centred[stimulus == k]
        n, power = mine.shape[0], float(np.sum(mine**2))
        common += (float(np.sum(mine.sum(axis=0) ** 2)) - power) / (n - 1)
        variance += power
    return common / variance if variance > 0 else np.nan


def pearson(spikes: Counts, stimulus: Labels) -> float:
    """Mean correlation of two trials of a stimulus; 0 for a pair one of which does not vary. NaN where none does."""
    centred = spikes - spikes.mean(axis=1, keepdims=True)
    size = np.sqrt(np.sum(centred**2, axis=1, keepdims=True))
    if not size.any():
        return np.nan
    unit = np.divide(centred, size, out=np.zeros(centred.shape), where=size > 0)
    same = stimulus[:, None] == stimulus
    np.fill_diagonal(same, False)
    return min(float((unit @ unit.T)[same].mean()), 1.0)  # rounding can exceed 1 by 1e-16


def fano_factor(spikes: Counts, stimulus: Labels) -> float:
    """Variance (divisor n - 1) of the count over trials, over its mean, both summed over stimuli; NaN without a spike."""
    count = spikes.sum(axis=1)
    each = [count[stimulus == k] for k in np.unique(stimulus)]
    mean = sum(float(x.mean()) for x in each)
    return sum(float(x.var(ddof=1)) for x in each) / mean if mean > 0 else np.nan


def _reliability_without_each(spikes: Counts, stimulus: Labels) -> Floats:
    """(trial): the reliability of all other trials; of each stimulus there are 3 or more."""
    centred = spikes - spikes.mean(axis=1, keepdims=True)
    power = np.sum(centred**2, axis=1)
    common, change = 0.0, np.zeros(stimulus.size)
    for k in np.unique(stimulus):
        mine = stimulus == k
        n, total, total_power = np.count_nonzero(mine), centred[mine].sum(axis=0), power[mine].sum()
        whole = (np.sum(total**2) - total_power) / (n - 1)
        rest = (np.sum((total - centred[mine]) ** 2, axis=1) - (total_power - power[mine])) / (n - 2)
        common += whole
        change[mine] = rest - whole
    variance = power.sum() - power
    return np.divide(common + change, variance, out=np.full(variance.shape, np.nan), where=variance > 0)


def interval(spikes: Counts, stimulus: Labels) -> tuple[float, float]:
    """95 % interval of the reliability from leaving out one trial at a time; NaN where a stimulus has fewer than 3."""
    n = stimulus.size
    if np.bincount(stimulus)[stimulus].min(initial=n) < 3:
        return np.nan, np.nan
    left_out = _reliability_without_each(spikes, stimulus)
    # The values of trials of one stimulus vary around their own mean; the degrees of freedom are theirs.
    groups = np.unique(stimulus)
    variance = 0.0
    for k in groups:
        mine = left_out[stimulus == k]
        variance += (mine.size - 1) * float(mine.var())
    width = t_quantile(0.95, n - groups.size) * np.sqrt(variance)
    value = reliability(spikes, stimulus)
    return value - width, value + width
