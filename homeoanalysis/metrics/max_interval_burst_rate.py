"""Bursts of a unit, by the intervals between its spikes."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import bursts, resampling, synthetic
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Bursts of 8 spikes, 10 ms apart, every 2 s on average."""
    trains = [synthetic.bursting_train(synthetic.onsets(1.0, 2.0, 200.0, rng), 8, 0.01, 0.1, 200.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 200.0), np.full((4, 1), 0.5), {})


def _null(rng: np.random.Generator) -> Truth:
    """Poisson trains of 0.3 Hz: six spikes in less than 0.1 + 4 x 0.25 s are there once in 1e5 s."""
    return Truth(synthetic.activity([synthetic.poisson_train(0.3, 100.0, rng) for _ in range(4)], 100.0), 0.0, {"merge": 0.25})


@metric(
    units="Hz",
    dims=("unit", "epoch"),
    bounds=(0, np.inf),
    companions=bursts.COMPANIONS,
    source="the max interval method, as in Cotterill et al. 2016, doi:10.1152/jn.00093.2016; default values of Charlesworth et "
    "al. 2015, doi:10.1186/s13064-014-0028-0; 0 for a unit without bursts",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def max_interval_burst_rate(
    activity: xr.Dataset,
    *,
    begin: Second = 0.1,
    end: Second = 0.25,
    merge: Second = 0.8,
    duration: Second = 0.05,
    spikes: Annotated[int, Field(ge=2)] = 6,
) -> Mapping[str, Any]:
    """Bursts per observed time, found by the max interval method.

    activity: activity/1 with spikes.
    begin: a burst begins with an interval shorter than this; end: it ends before an interval longer than this; merge: bursts
    closer than this are one [s]. duration [s], spikes: bursts shorter or of fewer spikes are left out.
    Returns (unit, epoch), [Hz], >= 0; NaN where the unit was not observed. A burst never bridges a gap.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    limits = {"begin": begin, "end": end, "merge": merge, "duration": duration, "spikes": spikes}
    return bursts.measured("max_interval_burst_rate", activity, lambda t, slack: bursts.max_interval(t, slack, **limits))
