"""Bursts of a unit, by how unlikely their intervals are by chance."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric, surrogate_of
from homeoanalysis.numerics import bursts, resampling, synthetic


def _truth(rng: np.random.Generator) -> Truth:
    """Bursts of 15 spikes, 2 ms apart, every 8 s on average, among 10 Hz; chance adds few at this significance."""
    trains = [synthetic.bursting_train(synthetic.onsets(1.0, 8.0, 400.0, rng), 15, 0.002, 10.0, 400.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 400.0), np.full((4, 1), 0.125), {"significance": 1e-5})


@metric(
    units="Hz",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions=bursts.COMPANIONS,
    source="Gourevitch & Eggermont 2007, doi:10.1016/j.jneumeth.2006.09.023; bursts of 3 to 1001 spikes; 0 for a unit without "
    "bursts and for one with fewer than 10 intervals",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def rank_surprise_burst_rate(
    activity: xr.Dataset,
    *,
    significance: Annotated[float, Field(gt=0, lt=1)] = 0.01,
    quantile: Annotated[float, Field(gt=0, le=1)] = 0.75,
) -> Mapping[str, Any]:
    """Bursts per observed time, found by the ranks of their intervals.

    activity: activity/1 with spikes.
    significance: the probability below which a run of intervals is a burst. quantile: of the unit's intervals, those above it
    are in no burst.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed. A burst never bridges a gap. Runs are tested one by
    one: at the default values a Poisson train has bursts too.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    limits = {"significance": significance, "quantile": quantile}
    return bursts.measured("rank_surprise_burst_rate", activity, lambda t, slack: bursts.rank_surprise(t, slack, **limits))
