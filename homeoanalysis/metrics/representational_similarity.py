"""Whether the same stimuli are alike, and the same unlike, to a population as before."""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import population_trials, representations, synthetic
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_SHUFFLES = 1000
_FEWEST = 4  # stimuli, of which there are six pairs


def _truth(rng: np.random.Generator) -> Truth:
    """Ten stimuli whose places in a plane change in part, read by 30 Poisson units; so far apart that noise moves few ranks."""
    place, other, axes = rng.uniform(-1, 1, (10, 2)), rng.uniform(-1, 1, (10, 2)), rng.uniform(-14, 14, (2, 30))
    mean, after = 45 + place @ axes, 45 + (0.8 * place + 0.6 * other) @ axes
    label = np.concatenate([rng.permutation(np.repeat(np.arange(10), 48)) for _ in range(2)])
    count = rng.poisson(np.stack([mean, after])[np.repeat([0, 1], 480), label])
    made = synthetic.counted(count, [f"stimulus {k}" for k in label], rng)
    i, j = np.triu_indices(10, 1)
    distances = [np.sum((x[i] - x[j]) ** 2 / x.mean(axis=0), axis=1) for x in (mean, after)]
    value = representations.rank_correlation(*distances)
    alignment = representations.cka((mean, mean), (after, after))
    return Truth(synthetic.in_two_epochs(made), value, {"end": 0.1}, {"alignment": alignment})


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
        "low": Companion("1", "95 % interval over trials (bootstrap), of what noise lets be found", (-1, 1)),
        "high": Companion("1", "95 % interval over trials (bootstrap), of what noise lets be found", (-1, 1)),
        "p": Companion("1", "Part of 1000 renamings of the stimuli that are as similar", (0, 1)),
        "ceiling": Companion("1", "Similarity of what does not change, as noise lets it be found", (-1, 1)),
        "alignment": Companion("1", "Linear centred kernel alignment of the mean responses, unbiased"),
        "alignment_low": Companion("1", "95 % interval over trials (bootstrap)"),
        "alignment_high": Companion("1", "95 % interval over trials (bootstrap)"),
        "units": Companion("1", "Units observed in both epochs", (0, np.inf)),
    },
    source="Spearman correlation of crossnobis distances of all pairs of stimuli: Walther et al. 2016, "
    "doi:10.1016/j.neuroimage.2015.12.012; alignment: Kornblith et al. 2019, arXiv:1905.00414, with the unbiased estimator of "
    "Song et al. 2012, JMLR 13:1393",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=_other_stimuli,
    null=surrogate_of(_truth, _other_stimuli),
)
def representational_similarity(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
) -> Mapping[str, Any]:
    """Similarity of the geometry of responses in two epochs.

    activity: activity/1 with trials of four stimuli or more in both named epochs, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial.
    Returns a scalar [1], which noise lowers: to be held against `ceiling`, the geometric mean of the similarities of the two
    halves of the trials within either epoch, each stepped up to all trials (Spearman-Brown). `alignment` needs no such
    correction: it is 1 for what differs by rotation and scale only. NaN with fewer than two units, four stimuli, or four
    trials of one; intervals, of the same stimuli and units, with fewer than eight.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    before, after, _ = population_trials.of_both(activity, begin, end, baseline, recovery)
    keys = ("", "_low", "_high", "_p", "_ceiling", "_alignment", "_alignment_low", "_alignment_high")
    values: dict[str, Any] = dict.fromkeys(keys, np.nan) | {"_units": float(before.unit.size)}
    stimuli = np.unique(before.stimulus).size
    if before.unit.size > 1 and stimuli >= _FEWEST and population_trials.are_alike(before, after):
        first, second = ((one.spikes.sum(axis=2).astype(float), one.stimulus) for one in (before, after))
        distances = representations.crossnobis(*first), representations.crossnobis(*second)
        values[""] = representations.rank_correlation(*distances)
        drawn = representations.renamed_correlations(*distances, stimuli, _SHUFFLES, rng_for(0, "renamings", stimuli))
        values["_p"] = (1 + np.count_nonzero(drawn >= values[""] - 1e-12)) / (1 + _SHUFFLES)
        reliable = [max(representations.reliability(*one), 0.0) for one in (first, second)]
        values["_ceiling"] = float(np.sqrt(np.prod(reliable)))
        values["_alignment"] = representations.cka(*(representations.halves(*one) for one in (first, second)))
        if min(before.fewest, after.fewest) >= 2 * population_trials.FEWEST:
            found = np.array([values[""], values["_alignment"]])
            widths = functools.cache(functools.partial(_widths, (first, second), found))
            for k, (key, bound) in enumerate((("", 1.0), ("_alignment", np.inf))):
                values[f"{key}_low"] = functools.partial(_end, values[key], widths, k, -1.0, bound)
                values[f"{key}_high"] = functools.partial(_end, values[key], widths, k, 1.0, bound)
    return {f"representational_similarity{key}": value for key, value in values.items()} | {"coords": {}}


def _widths(samples: tuple[representations.Sample, representations.Sample], found: np.ndarray) -> Any:
    """Of t intervals, from the mean square of what bootstrap samples are from what was found.

    Noise orders distances that are nearly equal, and so moves a rank correlation to one side, by a third of what trials scatter:
    that is in the square about what was found, and not in the variance of the samples.
    """
    rng = rng_for(0, "resampled trials", samples[0][1].size)
    squares = np.mean((representations.resampled(_both, samples, rng) - found) ** 2, axis=0)
    return t_quantile(0.95, representations.RESAMPLES) * np.sqrt(squares)


def _end(value: float, widths: Callable[[], Any], which: int, side: float, bound: float) -> float:
    return float(np.clip(value + side * widths()[which], -bound, bound))


def _both(first: representations.Sample, second: representations.Sample) -> np.ndarray:
    """Similarity and alignment."""
    halves = [representations.halves(*one) for one in (first, second)]
    distances = [representations.crossnobis_of(*one, means) for one, means in zip((first, second), halves, strict=True)]
    return np.array([representations.rank_correlation(*distances), representations.cka(*halves)])
