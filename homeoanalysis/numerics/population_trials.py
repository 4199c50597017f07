"""Responses of a population in single trials, epoch by epoch, and parts of them in which conditions are equal."""

from collections.abc import Sequence
from typing import Annotated, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed, trials

Floats = NDArray[np.float64]
Labels = NDArray[np.intp]
Two = Annotated[list[str], Field(min_length=2, max_length=2)]
FEWEST = 4  # trials of a stimulus that a variance is taken from


class Population(NamedTuple):
    """Trials in the order of time.

    spikes: (trial, unit, bin) counts. stimulus: (trial), index into the names of the stimuli of all epochs. unit: (unit), index.
    left_out: how many trials in which not every unit was observed.
    """

    spikes: NDArray[np.int64]
    stimulus: Labels
    stimuli: list[str]
    unit: Labels
    left_out: int

    @property
    def fewest(self) -> int:
        """Trials of the stimulus that has the fewest."""
        count = np.bincount(self.stimulus)
        return int(count[count > 0].min(initial=self.stimulus.size))


def in_epochs(activity: xr.Dataset, begin: float, end: float, bin_size: float | None = None) -> dict[str, Population]:
    """The trials whose windows lie in each epoch, and in which every unit was observed that ever was in it.

    Raises as `trials.counts`.
    """
    found = trials.counts(activity, begin, end, bin_size)
    at = observed.array(activity, "trial_start")
    order = np.argsort(at, kind="stable")
    slack = observed.EDGE * (end - begin)
    populations = {}
    for label, (start, stop) in observed.epochs(activity).items():
        mine = order[(at[order] + begin >= start - slack) & (at[order] + end <= stop + slack)]
        unit = np.flatnonzero(found.seen[:, mine].any(axis=1))
        kept = found.seen[np.ix_(unit, mine)].all(axis=0) & (unit.size > 0)
        spikes = found.spikes[np.ix_(unit, mine[kept])].transpose(1, 0, 2)
        is_partly = found.seen[:, mine].any(axis=0) & ~kept
        populations[label] = Population(spikes, found.stimulus[mine[kept]], found.labels, unit, int(is_partly.sum()))
    return populations


def of_both(
    activity: xr.Dataset, begin: float, end: float, first: str, second: str, bin_size: float | None = None
) -> tuple[Population, Population, int]:
    """The trials of two epochs, with the units that were observed in both, and how many are in the first only.

    Raises as `trials.counts`, and NotApplicable without one of the epochs.
    """
    for label in (first, second):
        observed.epoch(activity, label)
    found = in_epochs(activity, begin, end, bin_size)
    units = np.intersect1d(found[first].unit, found[second].unit)
    before, after = (
        one._replace(spikes=one.spikes[:, np.isin(one.unit, units)], unit=units) for one in (found[first], found[second])
    )
    return before, after, found[first].unit.size - units.size


def are_alike(first: Population, second: Population) -> bool:
    """Whether both have the same two stimuli or more, and enough trials of each."""
    names = np.unique(first.stimulus)
    is_same = np.array_equal(names, np.unique(second.stimulus))
    return bool(is_same and names.size > 1 and min(first.fewest, second.fewest) >= FEWEST)


def of_stimuli(one: Population, stimuli: Sequence[str] | None) -> Population:
    """The trials of some stimuli. Raises NotApplicable without trials of one: another replicate may have them."""
    if stimuli is None:
        return one
    for name in stimuli:
        if name not in one.stimuli:
            raise NotApplicable(f"no trial has the stimulus {name!r}; {did_you_mean(name, one.stimuli)}")
    kept = np.isin(one.stimulus, [one.stimuli.index(name) for name in stimuli])
    return one._replace(spikes=one.spikes[kept], stimulus=one.stimulus[kept])


def of_two(one: Population, stimuli: Two | None) -> tuple[tuple[Floats, Floats], str]:
    """Counts (trial, unit) of either stimulus, by default of the two that there are, and why there are none, else empty.

    Raises as `of_stimuli`, and DataError if there are more than two and none are named, or twice the same.
    """
    names = one.stimuli
    if stimuli is None and len(names) > 2:
        raise DataError(f"trials of {len(names)} stimuli ({', '.join(names)}), but two are compared; name them in `stimuli`")
    if stimuli is not None and (len(stimuli) != 2 or stimuli[0] == stimuli[1]):
        raise DataError(f"`stimuli` is {', '.join(stimuli)}; name two different ones")
    one = of_stimuli(one, stimuli)
    count = one.spikes.sum(axis=2).astype(float)
    first, second = (count[one.stimulus == names.index(name)] for name in (stimuli or names * 2)[:2])
    few = min(len(first), len(second)) if len(names) > 1 else 0
    return (first, second), "" if few >= FEWEST else f"{few} trials of a stimulus; {FEWEST} are needed"


class Equal(NamedTuple):
    """What conditions are made equal in: units, trials of each stimulus, mean count of a unit in a trial; None: as it is."""

    units: int | None
    trials: int | None
    mean_count: float | None

    def is_met(self, one: Population) -> str:
        """Why there is less than that; empty if there is not."""
        if self.units is not None and one.spikes.shape[1] < self.units:
            return f"{one.spikes.shape[1]} units, {self.units} asked for"
        if self.trials is not None and one.fewest < self.trials:
            return f"{one.fewest} trials of a stimulus, {self.trials} asked for"
        if self.mean_count is not None and one.spikes.sum(axis=2).mean() < self.mean_count:
            return f"{one.spikes.sum(axis=2).mean():.3g} spikes of a unit in a trial, {self.mean_count:.3g} asked for"
        return ""

    def part(self, one: Population, rng: np.random.Generator) -> Population:
        """A random part with that many units and trials of each stimulus, thinned to that mean count; trials stay in order."""
        if self.trials is not None:
            drawn = [rng.permutation(np.flatnonzero(one.stimulus == k))[: self.trials] for k in np.unique(one.stimulus)]
            kept = np.sort(np.concatenate(drawn))
            one = one._replace(spikes=one.spikes[kept], stimulus=one.stimulus[kept])
        if self.units is not None:
            chosen = np.sort(rng.permutation(one.unit.size)[: self.units])
            one = one._replace(spikes=one.spikes[:, chosen], unit=one.unit[chosen])
        if self.mean_count is not None:
            share = min(self.mean_count / max(float(one.spikes.sum(axis=2).mean()), self.mean_count), 1.0)
            one = one._replace(spikes=rng.binomial(one.spikes, share))
        return one
