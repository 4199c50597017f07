"""How much the spike counts of a unit say about which stimulus was shown."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import discrete_information as discrete
from homeoanalysis.numerics import resampling, synthetic, trials
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_MEANS = np.arange(1.0, 9.0)
_DRAWS = 199  # permutations that p is from


def _truth(rng: np.random.Generator) -> Truth:
    """Eight stimuli, Poisson counts of mean 1 to 8: 0.607 bit."""
    from scipy import stats

    p = np.asarray(stats.poisson.pmf(np.arange(60), _MEANS[:, None]))
    value = np.sum(p * np.log2(p / np.mean(p, axis=0))) / 8
    return Truth(synthetic.stimulated(_MEANS, 200, rng), value, {"begin": 0.0, "end": 0.1})


@metric(
    units="bit",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "plug_in": Companion("bit", "The same from observed frequencies, with their bias", (0, np.inf)),
        "p": Companion("1", "Part of the permutations of labels with as much information", (0, 1)),
        "trials": Companion("1", "Fewest trials of a stimulus", (0, np.inf)),
    },
    source="H(R) - H(R|S); quadratic extrapolation: Strong et al. 1998, doi:10.1103/PhysRevLett.80.197; Panzeri & Treves 1996, "
    "doi:10.1088/0954-898X/7/1/006; shuffle: Panzeri et al. 2007, doi:10.1152/jn.00559.2007",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=surrogate_of(_truth, resampling.permuted_labels, 0.0),
    each_epoch=True,
)
def stimulus_information(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    correction: discrete.Correction = "quadratic",
) -> Mapping[str, Any]:
    """Mutual information of stimulus labels and responses, per trial.

    activity: activity/1 with trials of two stimuli or more, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s]; the response is the word of the counts in
    these bins, and without it the count of the whole window.
    correction: of the bias; "quadratic" and "shuffle" need 4 trials of each stimulus, "miller_madow" and "panzeri_treves"
    four times as many as there are responses.
    Returns (unit, epoch), [bit]; its mean is 0 for an unrelated response, so that it can be negative. NaN, with the reason in the
    coordinate `reason`, for a silent unit or too few trials.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    found = trials.counts(activity, begin, end, bin_size)
    size = found.seen.shape[0]
    values, raw = np.full((2, size), np.nan)
    fewest, reasons = np.zeros(size), np.full(size, "", object)
    for u, (count, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        label, words = found.stimulus[seen], count[seen]
        shown = np.bincount(label, minlength=len(found.labels))
        fewest[u] = min(shown[shown > 0], default=0)
        reasons[u] = "a single stimulus" if np.count_nonzero(shown) < 2 else "" if words.any() else "no spikes"
        if reasons[u]:
            continue
        # The same parts of the trials for each unit: the order of units does not matter.
        values[u] = discrete.information(label, words, correction, rng_for(0, "parts of trials", label.size))
        raw[u] = discrete.information(label, words, "none", rng_for(0))
        if np.isnan(values[u]):
            reasons[u] = f"{fewest[u]:.0f} trials of a stimulus, too few for the correction {correction}"

    def p() -> NDArray[np.float64]:
        each = zip(found.spikes, found.seen, reasons, strict=True)
        return np.array([np.nan if why else _p(found.stimulus[seen], count[seen]) for count, seen, why in each])

    return {
        "stimulus_information": values,
        "stimulus_information_plug_in": raw,
        "stimulus_information_p": p,
        "stimulus_information_trials": fewest,
        "coords": {"unit": activity.unit.values, "reason": ("unit", reasons.astype(str))},
    }


def _p(label: NDArray[np.intp], words: NDArray[np.int64]) -> float:
    """Part of the permutations of labels, the true one with them, that have as much plug-in information."""
    label = np.unique(label, return_inverse=True)[1]
    found, *drawn = discrete.plug_in(discrete.table(_permuted(label.tobytes()), discrete.coded(words)))
    return (1 + np.count_nonzero(np.array(drawn) >= found - 1e-12)) / (_DRAWS + 1)


@functools.lru_cache(maxsize=1)
def _permuted(labels: bytes) -> NDArray[np.intp]:
    """(1 + draw, trial): the labels, and permutations of them; kept for other units that were seen in the same trials."""
    label = np.frombuffer(labels, np.intp)
    rng = rng_for(0, "permuted labels", label.size)
    return np.array([label, *(rng.permutation(label) for _ in range(_DRAWS))])
