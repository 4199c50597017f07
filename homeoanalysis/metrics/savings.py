"""How much faster something is learnt for the second time."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import decoding, observed, performance, population_trials, synthetic
from homeoanalysis.numerics.intervals import correlated_ratio_interval
from homeoanalysis.units import Second

_TRIALS, _TAU, _LEFT = 480, 120.0, 0.5
_DF = 60  # of normal intervals, as good as


def _of(left: float, rng: np.random.Generator) -> Truth:
    trial = np.arange(_TRIALS)
    course = {"learning": 0.0, "relearning": left}
    share = {epoch: 1 - (1 - b) * np.exp(-trial / _TAU) for epoch, b in course.items()}
    one = synthetic.remembered({**share, "learnt": np.ones(_TRIALS)}, rng)
    return Truth(one, left, {"end": 0.1})


def _truth(rng: np.random.Generator) -> Truth:
    """Learning approaches what is known in the end exponentially, from chance, then from half of the way."""
    return _of(_LEFT, rng)


def _never_again(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the second learning the labels are in another order: it comes to nothing."""
    start, stop = observed.epoch(activity, "relearning")
    mine = np.flatnonzero((activity.trial_start.values >= start) & (activity.trial_start.values < stop))
    labels = activity.stimulus.values.copy()
    labels[mine] = labels[rng.permutation(mine)]
    return activity.assign(stimulus=("trial", labels, activity.stimulus.attrs))


def _null(rng: np.random.Generator) -> Truth:
    """Both times from chance."""
    return _of(0.0, rng)


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over trials, the decoder given (Fieller)"),
        "high": Companion("1", "95 % interval over trials, the decoder given (Fieller)"),
        "first": Companion("1", "Trials that the first learning took, as if of none something and then all were known"),
        "second": Companion("1", "Trials that the second learning took"),
        "learnt": Companion("1", "Accuracy when it was learnt", (0, 1)),
    },
    source="1 - second / first of what learning took, after Ebbinghaus 1885 (Memory, chapter 7), who took time; here errors more "
    "than when it was learnt, of as many trials; interval: Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=_never_again,
    null=_null,
)
def savings(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    stimuli: list[str] | None = None,
    region: str | None = None,
    first: EpochName = "learning",
    second: EpochName = "relearning",
    learnt: EpochName = "learnt",
) -> Mapping[str, Any]:
    """Part of the learning that a second learning does not need.

    activity: activity/1 with trials of two stimuli or more in the named epochs, and spikes or counts in bins of trials.
    begin, end, bin_size, stimuli, region: as in forgetting. first, second: the epochs of learning; the same number of trials of
    either counts, from its start on. learnt: an epoch in which the code is as it becomes; the decoder learns there, and tells
    the trials of the others.
    Returns a scalar [1]: 1, nothing had to be learnt again; 0 by chance, below 0 where it takes longer. Learning that approaches
    its end exponentially takes its time constant, times what is to be learnt. NaN where the first learning is not told from
    none, and, with the reason in the coordinate `reason`, where there are too few trials, or where nothing is known in the end.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    asked = performance.Asked(begin, end, bin_size, stimuli, region, None)
    found = performance.populations(activity, [learnt, first, second], asked)
    names = np.unique(found[learnt].stimulus)
    keys = ("", "_low", "_high", "_first", "_second", "_learnt")
    values, why = dict.fromkeys(keys, np.nan), _why_not(found[learnt], found[first], found[second])
    if not why:
        n = min(found[first].stimulus.size, found[second].stimulus.size)
        label = np.searchsorted(names, found[learnt].stimulus)
        fold = decoding.folds(label, "time").fold
        response = performance.responses(found[learnt])
        in_the_end, error = _share(decoding.told(response, label, fold) == label, label)
        each = []
        for epoch in (first, second):
            true = np.searchsorted(names, found[epoch].stimulus[:n])
            hit = decoding.transferred(response, label, fold, performance.responses(found[epoch])[:n]) == true
            share, of_share = _share(hit, true)
            each.append((in_the_end - share, of_share**2 + error**2))
        low, high = correlated_ratio_interval(each[0], each[1], error**2, _DF)
        if np.isfinite(low):
            values |= {"": 1 - each[1][0] / each[0][0], "_low": 1 - high, "_high": 1 - low}
        above = in_the_end - 1 / names.size
        values["_learnt"] = in_the_end
        if above > 0:
            values |= {"_first": n * each[0][0] / above, "_second": n * each[1][0] / above}
        else:
            why = "in the end the stimuli are told no better than by chance"
    return {f"savings{key}": value for key, value in values.items()} | {"coords": {"reason": why}}


def _why_not(learnt: population_trials.Population, *others: population_trials.Population) -> str:
    if not all(population_trials.are_alike(learnt, other) for other in others):
        return "the epochs have other stimuli, or too few trials of one"
    return decoding.folds(np.unique(learnt.stimulus, return_inverse=True)[1], "time").reason


def _share(hit: np.ndarray, label: np.ndarray) -> tuple[float, float]:
    """The balanced share of hits, and its standard error from successive trials of a stimulus, since hits become more."""
    shares, variance = [], 0.0
    for k in np.unique(label):
        mine = hit[label == k].astype(float)
        shares.append(mine.mean())
        variance += float(np.sum(np.diff(mine) ** 2)) / (2 * (mine.size - 1)) / mine.size
    return float(np.mean(shares)), float(np.sqrt(variance)) / len(shares)
