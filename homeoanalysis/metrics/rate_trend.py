"""Whether a unit's rate drifts within an epoch, and whether the unit is there throughout."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import observed, rates, resampling, synthetic

_SLOPES, _DURATION = (0.004, -0.004), 200.0
_REASON = "slow fluctuations that may be there are part of the error"


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson units of 10 Hz on average, whose rate grows, or falls, by 40 % of it in 100 s."""
    trains = []
    for slope in _SLOPES:
        times = synthetic.poisson_train(10 * (1 + abs(slope) * _DURATION / 2), _DURATION, rng)
        rate = 1 + slope * (times - _DURATION / 2)
        trains.append(times[rng.uniform(0, 1 + abs(slope) * _DURATION / 2, times.size) < rate])
    return Truth(synthetic.activity(trains, _DURATION), np.array(_SLOPES)[:, None], {}, conservative=_REASON)


def _null(rng: np.random.Generator) -> Truth:
    """Bursts of five without a trend."""
    onset = (rng.uniform(-1, _DURATION, rng.poisson(1.0 * (_DURATION + 1))) for _ in _SLOPES)
    trains = [synthetic.bursting_train(o, 5, 0.01, 0.5, _DURATION, rng) for o in onset]
    return Truth(synthetic.activity(trains, _DURATION), 0.0, {}, conservative=_REASON)


@metric(
    units="1/s",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1/s", "95 % interval, from the spectrum of the residuals"),
        "high": Companion("1/s", "95 % interval, from the spectrum of the residuals"),
        "presence": Companion("1", "Part of the batches in which the unit fires", (0, 1)),
        "steady": Companion("1", "1: fires in 80 % of the batches, without a trend above 25 % a day that is told from 0", (0, 1)),
    },
    source="slope of the least-squares line through the rates of 20 batches of observed time, over the mean rate; undefined for "
    "a silent unit and below 6 observed batches; no interval where the residuals have too few independent blocks",
    scale="linear",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def rate_trend(activity: xr.Dataset) -> Mapping[str, Any]:
    """Trend of the firing rate, relative to its mean.

    activity: activity/1 with spikes. A unit that is not `steady` in the baseline has no set point
    there that it could come back to: metrics of set points leave such units out where `only_steady`
    is set, which shows how much they matter.
    Returns (unit, epoch), [1/s]; -2.9e-6 is a fall by 25 % a day. The interval is NaN where a trend
    cannot be told from a slow fluctuation: the residuals hold fewer than 4 independent blocks.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    labels = list(observed.epochs(activity))
    observed.counts(activity, labels)
    each = [rates.trend(activity, label) for label in labels]
    slope, low, high, presence = np.array(each).transpose(1, 2, 0)
    return {
        "rate_trend": slope,
        "rate_trend_low": low,
        "rate_trend_high": high,
        "rate_trend_presence": presence,
        "rate_trend_steady": np.array([found.is_steady for found in each], float).T,
        "coords": {"unit": activity.unit.values, "epoch": labels},
    }
