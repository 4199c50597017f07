"""Whether what was learnt of a population's code at one time still reads it at another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import decoding, population_trials, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_SHUFFLES = 1000
_Z = 1.959964


def _truth(rng: np.random.Generator) -> Truth:
    """Three Poisson units that do not change, two stimuli: their sum, of mean 6 or 11, is told at 8.5."""
    from scipy import stats

    one = synthetic.stimulated(np.array([2.0, 11 / 3]), 120, rng)
    return Truth(synthetic.in_two_epochs(one), float(stats.poisson.cdf(8, 6) + stats.poisson.sf(8, 11)) / 2, {"end": 0.1})


@metric(
    units="1",
    dims=(),
    bounds=(0, 1),
    companions={
        "low": Companion("1", "95 % interval over trials of the second epoch, the decoder given (Wilson)", (0, 1)),
        "high": Companion("1", "95 % interval over trials of the second epoch, the decoder given (Wilson)", (0, 1)),
        "p": Companion("1", "Part of 1000 shuffles of the second epoch's labels that are told as well", (0, 1)),
        "within": Companion("1", "Accuracy of decoders that learn and are tested in the second epoch", (0, 1)),
        "units": Companion("1", "Units observed in both epochs", (0, np.inf)),
    },
    source="as decoding_accuracy, which says what the decoder is; learnt in one epoch and tested in another",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=surrogate_of(_truth, resampling.permuted_labels, 0.5),
)
def decoder_transfer(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
) -> Mapping[str, Any]:
    """Balanced accuracy in one epoch of a decoder that has learnt in another.

    activity: activity/1 with trials of two stimuli or more in both named epochs, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s]; as in decoding_accuracy.
    baseline: where it learns; recovery: where it is tested.
    Returns a scalar [1], 0 to 1; 1 / stimuli by chance. What drift takes is `within` less this. NaN, with the reason in the
    coordinate `reason`, for other stimuli in either epoch, or too few trials.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    before, after, _ = population_trials.of_both(activity, begin, end, baseline, recovery, bin_size)
    values = dict.fromkeys(("", "_low", "_high", "_p", "_within"), np.nan) | {"_units": float(before.unit.size)}
    why = "" if population_trials.are_alike(before, after) else "the epochs have other stimuli, or too few trials of one"
    (first, label), (second, true) = (_of(one) for one in (before, after))
    folds = [decoding.folds(each, "time") for each in (label, true)]
    why = why or folds[0].reason or folds[1].reason
    if not why:
        told = decoding.transferred(first, label, folds[0].fold, second)
        count = np.bincount(true)
        share = 1 / (count.size * count)
        shuffled = decoding.shuffled(true, folds[1].fold, _SHUFFLES, rng_for(0, "transfer", true.size))
        value = min(float(np.sum(share[true][told == true])), 1.0)  # the shares of all add up to 1 but for rounding
        chance = np.sum(np.where(shuffled == told, share[shuffled], 0.0), axis=1)
        low, high = decoding.wilson(value, count.size**2 / float(np.sum(1 / count)), _Z)
        p = (1 + np.count_nonzero(chance >= value - 1e-12)) / (1 + _SHUFFLES)
        within = float(decoding.accuracy(second, true[None], folds[1].fold)[0])
        values |= {"": value, "_low": low, "_high": high, "_p": p, "_within": within}
    named = {f"decoder_transfer{key}": value for key, value in values.items()}
    return named | {"coords": {"reason": why}}


def _of(one: population_trials.Population) -> tuple[decoding.Floats, decoding.Labels]:
    """Responses (trial, feature), and labels from 0 on."""
    label = np.unique(one.stimulus, return_inverse=True)[1]
    return one.spikes.reshape(label.size, -1).astype(float), label
