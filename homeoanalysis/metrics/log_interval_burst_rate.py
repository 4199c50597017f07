"""Bursts of a unit, by the valley between its short and its long intervals."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric, surrogate_of
from homeoanalysis.numerics import bursts, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Bursts of 8 spikes, 10 ms apart, every 2 s on average."""
    trains = [synthetic.bursting_train(synthetic.onsets(1.0, 2.0, 200.0, rng), 8, 0.01, 0.1, 200.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 200.0), np.full((4, 1), 0.5), {})


@metric(
    units="Hz",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions=bursts.COMPANIONS,
    source="Pasquale, Martinoia & Chiappalone 2010, doi:10.1007/s10827-009-0175-1, with tricube weights over five bins; 0 for a "
    "unit without bursts",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def log_interval_burst_rate(
    activity: xr.Dataset,
    *,
    core: Second = 0.1,
    void: Annotated[float, Field(gt=0, lt=1)] = 0.7,
    spikes: Annotated[int, Field(ge=2)] = 3,
) -> Mapping[str, Any]:
    """Bursts per observed time, with a limit for each unit from its histogram of log intervals.

    activity: activity/1 with spikes.
    core: [s], the longest interval in the core of a burst, and the limit where the histogram has no valley. void: how deep a
    valley must be, from 0 to 1. spikes: bursts of fewer are left out.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed. A burst never bridges a gap.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    limits = {"core": core, "void": void, "spikes": spikes}
    return bursts.measured("log_interval_burst_rate", activity, lambda t, slack: bursts.log_interval(t, slack, **limits))
