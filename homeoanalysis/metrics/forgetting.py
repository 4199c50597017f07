"""What is forgotten of what was learnt."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import performance, resampling, synthetic
from homeoanalysis.numerics.intervals import difference_interval, ratio_interval
from homeoanalysis.units import Second

_KNOWN, _LEFT = 0.95, 0.4
_CONSERVATIVE = "the intervals of the two accuracies are as wide as shuffled labels scatter, which what was learnt does not"


def _truth(rng: np.random.Generator) -> Truth:
    """95 % of what was shown is remembered, later 40 %: half of the difference is lost of the accuracy, 42 % is retained."""
    one = synthetic.remembered({"learnt": np.full(240, _KNOWN), "later": np.full(240, _LEFT)}, rng)
    value = (_KNOWN - _LEFT) / 2 * synthetic.REMEMBERED
    return Truth(one, value, {"end": 0.1}, {"retained": _LEFT / _KNOWN}, _CONSERVATIVE)


def _null(rng: np.random.Generator) -> Truth:
    """As much is remembered later."""
    one = synthetic.remembered({"learnt": np.full(240, _KNOWN), "later": np.full(240, _KNOWN)}, rng)
    return Truth(one, 0.0, {"end": 0.1}, {"retained": 1.0}, _CONSERVATIVE)


@metric(
    units="1",
    dims=(),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval over trials (Newcombe)", (-1, 1)),
        "high": Companion("1", "95 % interval over trials (Newcombe)", (-1, 1)),
        "retained": Companion("1", "Performance above chance later, over that when it was learnt"),
        "retained_low": Companion("1", "95 % interval over trials (ratio of two independent shares)"),
        "retained_high": Companion("1", "95 % interval over trials (ratio of two independent shares)"),
        "learnt": Companion("1", "Performance when it was learnt", (0, 1)),
        "later": Companion("1", "Performance later", (0, 1)),
    },
    source="performance when it was learnt less that later: Lopez-Paz & Ranzato 2017, arXiv:1706.08840 (backward transfer, with "
    "the other sign); retained: Ebbinghaus 1885, of what is above chance; intervals: Newcombe 1998, Donner & Zou 2012, "
    "doi:10.1177/0962280210383082",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=_null,
)
def forgetting(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    stimuli: list[str] | None = None,
    region: str | None = None,
    shown: str | None = None,
    learnt: EpochName = "learnt",
    later: EpochName = "later",
) -> Mapping[str, Any]:
    """Performance that was lost since it was learnt.

    activity: activity/1 with trials of two stimuli or more in the named epochs, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. bin_size: [s]; as in decoding_accuracy. stimuli: those that
    were learnt; by default all. region: of the units that are read; by default all. shown: performance is that of decoding within
    each epoch; with an epoch `shown`, in which the stimuli were shown whole, it is the AUC of recall by a cue, and region may
    leave out what the cue drives.
    learnt, later: the epochs; what was learnt in between is what interferes.
    Returns a scalar [1], -1 to 1: balanced accuracy (or AUC) lost; below 0 it has grown. `retained` is NaN where what was learnt
    is not told from chance; both are, with the reason in the coordinate `reason`, where an epoch has too few trials.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    asked = performance.Asked(begin, end, bin_size, stimuli, region, shown)
    first, second = performance.in_epochs(activity, [learnt, later], asked).values()
    low, high = difference_interval(second.ends, first.ends)
    above = [(a - one.chance, b - one.chance, c - one.chance) for one in (first, second) for a, b, c in [one.ends]]
    kept = ratio_interval(*above)
    is_told = np.isfinite(kept[0])
    values = {
        "": first.value - second.value,
        "_low": low,
        "_high": high,
        "_retained": above[1][0] / above[0][0] if is_told else np.nan,
        "_retained_low": kept[0],
        "_retained_high": kept[1],
        "_learnt": first.value,
        "_later": second.value,
    }
    return {f"forgetting{key}": value for key, value in values.items()} | {"coords": {"reason": first.reason or second.reason}}
