"""How much a unit's spike train says about a repeated stimulus, without any model of the code."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import resampling, synthetic, trials, words
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_STEP, _BINS, _REPEATS = 4e-3, 120, 120
_DRAWS = 39  # turned trials that p is from


def _truth(rng: np.random.Generator) -> Truth:
    """A spike in a bin of 4 ms with a probability of 0.02 or 0.6, at random for each bin of a stimulus that is repeated."""
    p = np.where(rng.uniform(size=_BINS) < 0.5, 0.02, 0.6)
    value = (_entropy(0.31) - (_entropy(0.02) + _entropy(0.6)) / 2) / _STEP
    start = 0.512 * np.arange(_REPEATS, dtype=np.float64)
    trains = []
    for _ in range(2):
        trial, index = np.nonzero(rng.uniform(size=(_REPEATS, _BINS)) < p)
        trains.append(start[trial] + _STEP * (index + rng.uniform(0.01, 0.99, index.size)))
    one = synthetic.activity(trains, 0.512 * _REPEATS)
    given = {"begin": 0.0, "end": _STEP * _BINS, "bin_size": _STEP}
    return Truth(synthetic.with_trials(one, start, _STEP * _BINS, ["frozen"] * _REPEATS), value, given)


def _entropy(p: float) -> float:
    return float(-p * np.log2(p) - (1 - p) * np.log2(1 - p))


@metric(
    units="bit/s",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "total": Companion("bit/s", "Entropy rate of the spike train"),
        "noise": Companion("bit/s", "Entropy rate of the spike train given the stimulus"),
        "per_spike": Companion("bit", "Information per spike"),
        "chance": Companion("bit/s", "The same of trials that are turned in time, each by a random part of the window"),
        "p": Companion("1", "Part of such trials with as much information in their words, not extrapolated", (0, 1)),
        "trials_per_word": Companion("1", "Trials of a stimulus over the words seen at one time", (0, np.inf)),
    },
    source="total less noise entropy rate of words, extrapolated in the number of trials and the length of words: Strong et al. "
    "1998, doi:10.1103/PhysRevLett.80.197; undefined with fewer than 4 trials of a stimulus for each word seen at one time",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    each_epoch=True,
)
def direct_information_rate(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second = 4e-3,
    longest: Annotated[float, Field(ge=1, le=12)] = 3,
) -> Mapping[str, Any]:
    """Information rate by the direct method, of repeated stimuli.

    activity: activity/1 with trials, those of one label repeats of the same stimulus, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s], of a letter, which is the count of spikes in
    it: what differs within a bin is lost. longest: words have up to so many letters.
    Returns (unit, epoch), [bit/s]. The extrapolation leaves some bias of words that are seen about once: where nothing is
    repeated, the mean is `chance`, above 0, which falls as trials grow. NaN, with the reason in the coordinate `reason`, for a
    silent unit or with too few trials.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    found = trials.counts(activity, begin, end, bin_size)
    used: list[tuple[Any, Any] | None] = []
    size = found.seen.shape[0]
    values, enough, spikes = np.full((3, size), np.nan), np.full(size, np.nan), np.zeros(size)
    reasons = np.full(size, "", object)
    for u, (count, seen) in enumerate(zip(found.spikes, found.seen, strict=True)):
        stimulus = np.unique(found.stimulus[seen], return_inverse=True)[1]
        fewest = min(np.bincount(stimulus), default=0)
        count = count[seen]
        used.append(None)
        if fewest < 4 or not count.any():
            reasons[u] = f"{fewest} trials of a stimulus, fewer than 4" if fewest < 4 else "no spikes"
            continue
        drawn = words.entropies(count, stimulus, int(longest), rng_for(0, "parts of trials", stimulus.size))
        enough[u] = drawn.trials_per_word
        spikes[u] = count.mean() / bin_size
        if drawn.trials_per_word >= 4:
            values[:, u] = words.rate(drawn, bin_size)
            used[u] = count, stimulus
        else:
            reasons[u] = f"{drawn.trials_per_word:.1f} trials for each word of {longest:g} letters, fewer than 4"

    def chance() -> np.ndarray:
        return np.array([np.nan if given is None else _chance(*given, int(longest), bin_size) for given in used])

    def p() -> np.ndarray:
        return np.array([np.nan if given is None else _p(*given, int(longest)) for given in used])

    with np.errstate(divide="ignore", invalid="ignore"):
        per_spike = values[2] / spikes
    return {
        "direct_information_rate": values[2],
        "direct_information_rate_total": values[0],
        "direct_information_rate_noise": values[1],
        "direct_information_rate_per_spike": per_spike,
        "direct_information_rate_chance": chance,
        "direct_information_rate_p": p,
        "direct_information_rate_trials_per_word": enough,
        "coords": {"unit": activity.unit.values, "reason": ("unit", reasons.astype(str))},
    }


def _chance(count: np.ndarray, stimulus: np.ndarray, longest: int, bin_size: float) -> float:
    """Information rate of turned trials, mean of four draws."""
    rng = rng_for(0, "turned trials", *count.shape)
    drawn = [words.entropies(words.turned(count, rng), stimulus, longest, rng) for _ in range(4)]
    return float(np.mean([words.rate(each, bin_size)[2] for each in drawn]))


def _p(count: np.ndarray, stimulus: np.ndarray, longest: int) -> float:
    rng = rng_for(0, "turned trials", *count.shape, "p")
    found = words.plug_in(count, stimulus, longest)
    drawn = [words.plug_in(words.turned(count, rng), stimulus, longest) for _ in range(_DRAWS)]
    return (1 + np.count_nonzero(np.array(drawn) >= found)) / (_DRAWS + 1)
