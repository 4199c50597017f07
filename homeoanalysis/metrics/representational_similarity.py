"""Whether the same stimuli are alike, and the same unlike, to a population as before."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, representations, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_SHUFFLES = 1000
_FEWEST = 4  # stimuli, of which there are six pairs


def _truth(rng: np.random.Generator) -> Truth:
    """Five stimuli along a line, at marks whose ten distances all differ, that stay where they are: 1, and alignment 1."""
    mean = 45 + 0.85 * np.array([[0], [1], [4], [9], [11]]) * np.tile([1, -1], 15)
    label = np.concatenate([rng.permutation(np.repeat(np.arange(5), 48)) for _ in range(2)])
    made = synthetic.counted(rng.poisson(mean[label]), [f"stimulus {k}" for k in label], rng)
    return Truth(synthetic.in_two_epochs(made), 1.0, {"end": 0.1}, {"alignment": 1.0})


def _other_stimuli(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the last half of the trials the stimuli have each other's names."""
    names, index = np.unique(activity.stimulus.values.astype(str), return_inverse=True)
    late = np.argsort(np.argsort(activity.trial_start.values)) >= index.size / 2
    swapped = np.where(late, rng.permutation(names)[index], names[index])
    return activity.assign(stimulus=("trial", swapped, activity.stimulus.attrs))


@metric(
    units="1",
    dims=(),
    bounds=(-1, 1),
    companions={
        "p": Companion("1", "Part of 1000 renamings of the stimuli that are as similar", (0, 1)),
        "ceiling": Companion("1", "Similarity of what does not change, as noise lets it be found", (-1, 1)),
        "alignment": Companion("1", "Linear centred kernel alignment of the mean responses, unbiased"),
        "units": Companion("1", "Units observed in both epochs", (0, np.inf)),
    },
    source="Spearman correlation of crossnobis distances of all pairs of stimuli: Walther et al. 2016, "
    "doi:10.1016/j.neuroimage.2015.12.012; alignment: Kornblith et al. 2019, arXiv:1905.00414, with the unbiased estimator of "
    "Song et al. 2012, JMLR 13:1393",
    scale="linear",
    truth=_truth,
    surrogate=_other_stimuli,
    null=surrogate_of(_truth, _other_stimuli),
    cost=0.05,
)
def representational_similarity(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    baseline: str = "baseline",
    recovery: str = "recovery",
) -> Mapping[str, Any]:
    """Similarity of the geometry of responses in two epochs.

    activity: activity/1 with trials of four stimuli or more in both named epochs, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial.
    Returns a scalar [1], which noise lowers: to be held against `ceiling`, the geometric mean of the similarities of the two
    halves of the trials within either epoch, each stepped up to all trials (Spearman-Brown). `alignment` needs no such
    correction: it is 1 for what differs by rotation and scale only. NaN with fewer than two units, four stimuli, or four
    trials of one.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    before, after, _ = population_trials.of_both(activity, begin, end, baseline, recovery)
    values = dict.fromkeys(("", "_p", "_ceiling", "_alignment"), np.nan) | {"_units": float(before.unit.size)}
    stimuli = np.unique(before.stimulus).size
    if before.unit.size > 1 and stimuli >= _FEWEST and population_trials.are_alike(before, after):
        both = [(one.spikes.sum(axis=2).astype(float), one.stimulus) for one in (before, after)]
        first, second = (representations.crossnobis(*one) for one in both)
        values[""] = representations.rank_correlation(first, second)
        drawn = representations.renamed_correlations(first, second, stimuli, _SHUFFLES, rng_for(0, "renamings", stimuli))
        values["_p"] = (1 + np.count_nonzero(drawn >= values[""] - 1e-12)) / (1 + _SHUFFLES)
        values["_ceiling"] = float(np.sqrt(np.prod([max(representations.reliability(*one), 0.0) for one in both])))
        values["_alignment"] = representations.cka(*(representations.halves(*one) for one in both))
    return {f"representational_similarity{key}": value for key, value in values.items()} | {"coords": {}}
