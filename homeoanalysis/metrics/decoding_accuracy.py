"""How well the stimulus of a single trial can be told from the population's response."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import decoding, population_trials, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Hertz, Second

_SHUFFLES = 1000
_SUBSETS = 100  # random parts of the data, where units, trials or rates are matched
_Z = 1.959964
_MEANS = np.array([2.0, 11 / 3])
_CONSERVATIVE = "the interval is as wide as the shuffled accuracies scatter, which a decoder that has learnt something does not"


def _truth(rng: np.random.Generator) -> Truth:
    """Three Poisson units, two stimuli: the sum, of mean 6 or 11, is told at 8.5."""
    from scipy import stats

    value = (stats.poisson.cdf(8, 6) + stats.poisson.sf(8, 11)) / 2
    return Truth(synthetic.stimulated(_MEANS, 120, rng), float(value), {"end": 0.1}, conservative=_CONSERVATIVE)


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, 1),
    companions={
        "low": Companion("1", "95 % interval (Wilson, of as many trials as the scatter of shuffled labels says)", (0, 1)),
        "high": Companion("1", "95 % interval (Wilson, of as many trials as the scatter of shuffled labels says)", (0, 1)),
        "p": Companion("1", "Part of 1000 shuffles of labels within folds that are decoded as well", (0, 1)),
        "chance": Companion("1", "Mean accuracy of shuffled labels", (0, 1)),
        "units": Companion("1", "Units decoded from", (0, np.inf)),
        "trials": Companion("1", "Trials of a stimulus, the fewest", (0, np.inf)),
        "left_out": Companion("1", "Trials in which not every unit was observed", (0, np.inf)),
    },
    source="linear discriminant analysis, shrunk (Friedman 1989, doi:10.2307/2289860), equal priors, shrinkage by nested "
    "cross-validation; balanced: Brodersen et al. 2010, doi:10.1109/ICPR.2010.764; p: Ojala & Garriga 2010, JMLR 11:1833",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=surrogate_of(_truth, resampling.permuted_labels, 0.5),
)
def decoding_accuracy(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    folds: decoding.FoldKind = "time",
    stimuli: list[str] | None = None,
    units: Annotated[int, Field(ge=1)] | None = None,
    trials_each: Annotated[int, Field(ge=decoding.FOLDS)] | None = None,
    rate: Hertz | None = None,
) -> Mapping[str, Any]:
    """Balanced accuracy of decoding the stimulus of single trials.

    activity: activity/1 with trials of two stimuli or more, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s]; the features of a trial are the counts of
    each unit in these bins, and without it those of the whole window.
    folds: "time", the trials are cut into five parts in the order of time, each decoded from the others; "repeats", each
    stimulus by itself, for trials whose order is not known or that were given stimulus by stimulus: what drifts in time is
    then decoded, too. stimuli: those that are told apart; by default all.
    units, trials_each (of each stimulus), rate ([Hz], of a unit in the window): what conditions are made equal in before they are
    compared; the mean of 100 random parts and thinnings. Interval and p are then of one part, so too wide and too high.
    Returns (epoch), [1], 0 to 1; 1 / stimuli by chance, and for silent units. Trials count in which every unit was observed
    that ever was. NaN, with the reason in the coordinate `reason`, where a stimulus has too few trials, or there is less than
    is to be matched.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end, bin_size)
    equal = population_trials.Equal(units, trials_each, None if rate is None else rate * (end - begin))
    populations = {label: population_trials.of_stimuli(one, stimuli) for label, one in populations.items()}
    found = [_Decoded(one, folds, equal) for one in populations.values()]
    return {
        "decoding_accuracy": np.array([one.value for one in found]),
        "decoding_accuracy_low": lambda: np.array([one.interval()[0] for one in found]),
        "decoding_accuracy_high": lambda: np.array([one.interval()[1] for one in found]),
        "decoding_accuracy_p": lambda: np.array([one.p() for one in found]),
        "decoding_accuracy_chance": lambda: np.array([one.shuffled.mean() for one in found]),
        "decoding_accuracy_units": np.array([one.spikes.shape[1] for one in populations.values()], float),
        "decoding_accuracy_trials": np.array([one.fewest for one in populations.values()], float),
        "decoding_accuracy_left_out": np.array([one.left_out for one in populations.values()], float),
        "coords": {"epoch": list(populations), "reason": ("epoch", [one.reason for one in found])},
    }


class _Decoded:
    """The accuracy in one epoch, and what is needed for its companions only where they are wanted."""

    def __init__(self, one: population_trials.Population, folds: decoding.FoldKind, equal: population_trials.Equal) -> None:
        names, label = np.unique(one.stimulus, return_inverse=True)
        one = one._replace(stimulus=label)
        self.is_part = equal != population_trials.Equal(None, None, None)
        self.reason = equal.is_met(one) if one.unit.size else "no unit was observed in a trial"
        # The same random numbers for the same data, whatever other epochs there are.
        self.rng = rng_for(0, "decoding", label.size, names.size)
        parts = [equal.part(one, self.rng) for _ in range(_SUBSETS)] if self.is_part and not self.reason else [one]
        folded = [decoding.folds(part.stimulus, folds) for part in parts]
        self.reason = self.reason or next((each.reason for each in folded if each.reason), "")
        self.first, self.fold, self.value = parts[0], folded[0].fold, np.nan
        if not self.reason:
            each = [_accuracy(part, f.fold, part.stimulus[None])[0] for part, f in zip(parts, folded, strict=True)]
            self.value = float(np.mean(each))

    @functools.cached_property
    def shuffled(self) -> NDArray[np.float64]:
        """Accuracies of shuffled labels of the first part."""
        if self.reason:
            return np.array([np.nan])
        return _accuracy(self.first, self.fold, decoding.shuffled(self.first.stimulus, self.fold, _SHUFFLES, self.rng))

    def p(self) -> float:
        """The accuracy itself is one of the draws."""
        return (1 + np.count_nonzero(self.shuffled >= self.value - 1e-12)) / (1 + _SHUFFLES) if not self.reason else np.nan

    def interval(self) -> tuple[float, float]:
        if self.reason:
            return np.nan, np.nan
        return decoding.wilson(self.value, decoding.worth(self.first.stimulus, self.shuffled), _Z)


def _accuracy(one: population_trials.Population, fold: decoding.Labels, label: decoding.Labels) -> NDArray[np.float64]:
    return decoding.accuracy(one.spikes.reshape(one.stimulus.size, -1).astype(float), label, fold)
