"""What a population knows of its stimuli in the epochs of a learning protocol: by decoding, or by completion of a cue.

Decoding: the balanced accuracy of a decoder that learns and is tested in the same epoch, in folds of time. Recall: the stimuli
were shown whole in one epoch, and cued (in part, weakly, in noise) in the others; the area under the curve (AUC) of how much
more a trial is like the mean response to its own stimulus, shown whole, than a trial of another stimulus is. A half by chance.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import decoding, observed, population_trials
from homeoanalysis.numerics.intervals import Ends
from homeoanalysis.numerics.population_trials import Population
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
_SHUFFLES = 200
_Z = 1.959964


class Asked(NamedTuple):
    """What is asked for: a window after the start of trials [s], bins of it, stimuli, a region; `shown` asks for recall."""

    begin: float
    end: float
    bin_size: float | None
    stimuli: list[str] | None
    region: str | None
    shown: str | None


class Performance(NamedTuple):
    """value: a share, or NaN for the reason; chance: what it is without knowledge; trials: independent ones that it is worth."""

    value: float
    chance: float
    trials: float
    reason: str = ""

    @property
    def ends(self) -> Ends:
        """The value and its 95 % interval (Wilson)."""
        if self.reason:
            return np.nan, np.nan, np.nan
        return (self.value, *decoding.wilson(self.value, self.trials, _Z))


def populations(activity: xr.Dataset, labels: Sequence[str], asked: Asked) -> dict[str, Population]:
    """The trials of the named epochs, of the units that were observed in all of them.

    Raises as `trials.counts`, NotApplicable without one of the epochs, stimuli or units of the region.
    """
    for label in labels:
        observed.epoch(activity, label)
    found = population_trials.in_epochs(activity, asked.begin, asked.end, asked.bin_size)
    kept = np.flatnonzero(_of_region(activity, asked.region))
    for label in labels:
        kept = np.intersect1d(kept, found[label].unit)
    chosen = {}
    for label in labels:
        one = found[label]
        one = one._replace(spikes=one.spikes[:, np.isin(one.unit, kept)], unit=kept)
        chosen[label] = population_trials.of_stimuli(one, asked.stimuli)
    return chosen


def _of_region(activity: xr.Dataset, region: str | None) -> NDArray[np.bool_]:
    if region is None:
        return np.ones(activity.sizes["unit"], bool)
    names = activity.region.values.astype(str) if "region" in activity else np.array([], str)
    if region not in names:
        raise NotApplicable(f"no unit is of the region {region!r}; {did_you_mean(region, sorted(set(names.tolist())))}")
    return np.asarray(names == region)


def in_epochs(activity: xr.Dataset, labels: Sequence[str], asked: Asked) -> dict[str, Performance]:
    """The performance in each of the named epochs. Raises as `populations`, and DataError for recall in the epoch `shown`."""
    if asked.shown is None:
        return {label: _decoded(one) for label, one in populations(activity, labels, asked).items()}
    if asked.shown in labels:
        raise DataError(
            f"`shown` is {asked.shown!r}, where recall is tested too; name the epoch in which stimuli were shown whole"
        )
    found = populations(activity, [asked.shown, *labels], asked)
    return {label: recall(found[asked.shown], found[label]) for label in labels}


def _decoded(one: Population) -> Performance:
    names, label = np.unique(one.stimulus, return_inverse=True)
    chance = 1 / max(names.size, 1)
    folded = decoding.folds(label, "time")
    if folded.reason or not one.unit.size:
        return Performance(np.nan, chance, np.nan, folded.reason or "no unit was observed in all epochs")
    response = responses(one)
    shuffles = decoding.shuffled(label, folded.fold, _SHUFFLES, rng_for(0, "performance", label.size, names.size))
    each = decoding.accuracy(response, np.concatenate([label[None], shuffles]), folded.fold)
    return Performance(float(each[0]), chance, decoding.worth(label, each[1:]))


def responses(one: Population) -> Floats:
    """(trial, feature)."""
    return one.spikes.reshape(one.stimulus.size, -1).astype(float)


def recall(shown: Population, cued: Population) -> Performance:
    """AUC of the trials of `cued`, mean over stimuli, by the mean responses in `shown`.

    Responses are counted in standard deviations within a stimulus; the score of a stimulus is the projection on how its mean
    differs from that of the others. Its worth is what its standard error says (DeLong et al. 1988, doi:10.2307/2531595).
    """
    names = np.unique(cued.stimulus)
    if names.size < 2 or not np.isin(names, shown.stimulus).all():
        return Performance(np.nan, 0.5, np.nan, "fewer than two stimuli that were shown whole, too")
    if min(cued.fewest, shown.fewest) < population_trials.FEWEST or not cued.unit.size:
        return Performance(np.nan, 0.5, np.nan, f"{min(cued.fewest, shown.fewest)} trials of a stimulus")
    whole, part = responses(shown), responses(cued)
    means = np.stack([whole[shown.stimulus == k].mean(axis=0) for k in names])
    known = np.isin(shown.stimulus, names)
    spread = (whole[known] - means[np.searchsorted(names, shown.stimulus[known])]).std(axis=0)
    scale = np.where(spread > 0, spread, 1.0)
    axes = (means - means.mean(axis=0)) / scale
    score = part / scale @ axes.T
    influence, value = np.zeros(len(part)), 0.0
    for k, name in enumerate(names):
        own = cued.stimulus == name
        above = (score[own, k][:, None] > score[~own, k]) + 0.5 * (score[own, k][:, None] == score[~own, k])
        value += above.mean() / names.size
        influence[own] += (above.mean(axis=1) - above.mean()) / (own.sum() * names.size)
        influence[~own] += (above.mean(axis=0) - above.mean()) / ((~own).sum() * names.size)
    variance = float(influence @ influence)
    n = float(len(part))
    return Performance(float(value), 0.5, min(n, value * (1 - value) / variance) if variance > 0 else n)
