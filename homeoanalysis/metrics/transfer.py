"""What of one thing that was learnt helps with another."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import performance, resampling, synthetic
from homeoanalysis.numerics.intervals import ratio_interval
from homeoanalysis.units import Second

_NAIVE, _HELPED = 0.3, 0.8
_CONSERVATIVE = "the intervals of the two accuracies are as wide as shuffled labels scatter, which what was learnt does not"


def _of(before: float, after: float, rng: np.random.Generator) -> Truth:
    one = synthetic.remembered({"naive": np.full(240, before), "trained": np.full(240, after)}, rng)
    value = 1 - (1 - synthetic.REMEMBERED * after) / (1 - synthetic.REMEMBERED * before)
    return Truth(one, value, {"end": 0.1}, conservative=_CONSERVATIVE)


def _truth(rng: np.random.Generator) -> Truth:
    """30 % of what is shown is told before the other was learnt, 80 % after: of the errors 68 % are gone."""
    return _of(_NAIVE, _HELPED, rng)


def _null(rng: np.random.Generator) -> Truth:
    """The other is of no help."""
    return _of(_NAIVE, _NAIVE, rng)


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, 1),
    companions={
        "low": Companion("1", "95 % interval over trials (ratio of two independent shares)", (-np.inf, 1)),
        "high": Companion("1", "95 % interval over trials (ratio of two independent shares)", (-np.inf, 1)),
        "naive": Companion("1", "Performance before the other was learnt", (0, 1)),
        "trained": Companion("1", "Performance after it", (0, 1)),
    },
    source="gain over the most that could be gained: Gagne, Foster & Crowley 1948, doi:10.1037/h0061154; interval: Donner & Zou "
    "2012, doi:10.1177/0962280210383082",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=_null,
)
def transfer(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    bin_size: Second | None = None,
    stimuli: list[str] | None = None,
    region: str | None = None,
    shown: str | None = None,
    naive: EpochName = "naive",
    trained: EpochName = "trained",
) -> Mapping[str, Any]:
    """Relative gain with some stimuli by what was learnt of others.

    activity: activity/1 with trials of two stimuli or more in both named epochs, and spikes or counts in bins of trials.
    begin, end, bin_size, stimuli, region, shown: as in forgetting; `stimuli` are those that are helped, not those that were
    learnt. naive, trained: the epochs before and after the others were learnt.
    Returns a scalar [1], at most 1: the part of the errors that is gone; 0 by chance, below 0 where what was learnt interferes.
    NaN without an error before, and, with the reason in the coordinate `reason`, where an epoch has too few trials. What trials
    of the stimuli themselves teach is counted, too: give as many in a control without the others.
    Raises NotApplicable without spikes and counts, without trials, or without one of the epochs.
    """
    asked = performance.Asked(begin, end, bin_size, stimuli, region, shown)
    before, after = performance.in_epochs(activity, [naive, trained], asked).values()
    errors = [(1 - one.ends[0], 1 - one.ends[2], 1 - one.ends[1]) for one in (before, after)]
    low, high = ratio_interval(*errors)
    values = {
        "": 1 - errors[1][0] / errors[0][0] if errors[0][0] > 0 else np.nan,
        "_low": 1 - high,
        "_high": 1 - low,
        "_naive": before.value,
        "_trained": after.value,
    }
    return {f"transfer{key}": value for key, value in values.items()} | {"coords": {"reason": before.reason or after.reason}}
