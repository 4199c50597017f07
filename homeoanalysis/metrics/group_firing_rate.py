"""Firing rate of units that belong to a group."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import groups, observed, resampling, synthetic


def _of(first: float, rng: np.random.Generator) -> xr.Dataset:
    """Of 40 units 10 fire at `first` [Hz], and are a group; 15, of which 5 are of those, are another; the rest fire at 4 Hz."""
    rates = np.where(np.arange(40) < 10, first, 4.0)
    one = synthetic.activity([synthetic.poisson_train(rate, 60.0, rng) for rate in rates], 60.0)
    return groups.with_groups(one, [np.arange(40) < 10, (np.arange(40) >= 5) & (np.arange(40) < 20)])


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_of(10.0, rng), (10 + (5 * 10 + 10 * 4) / 15) / 2, {}, {"others": (4 + (5 * 10 + 20 * 4) / 25) / 2})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_of(4.0, rng), 4.0, {}, {"others": 4.0})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={"others": Companion("Hz", "Of the units that are not in the group", (0, np.inf))},
    source="mean over groups of the mean rate of their units",
    scale="relative",
    truth=_truth,
    surrogate=resampling.equal_units,
    null=_null,
)
def group_firing_rate(activity: xr.Dataset) -> Mapping[str, Any]:
    """Firing rate of the units of a group, mean over groups.

    activity: activity/1 with spikes and groups.
    Returns (epoch), [Hz], >= 0; NaN where no group was observed.
    Raises NotApplicable without spikes, without groups, or where nothing was observed in an epoch.
    """
    labels = list(observed.epochs(activity))
    count, time = observed.counts(activity, labels)
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(time > 0, count / time, np.nan)
    member = groups.members(activity)
    inside, others = (_means(rate, chosen) for chosen in (member, ~member))
    return {"group_firing_rate": inside, "group_firing_rate_others": others, "coords": {"epoch": labels}}


def _means(rate: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(unit, epoch), (group, unit) -> (epoch): over the units of a group, then over groups; NaN where there is none."""
    weight = chosen.astype(float) @ np.isfinite(rate)
    with np.errstate(invalid="ignore", divide="ignore"):
        each = np.where(weight > 0, chosen.astype(float) @ np.nan_to_num(rate) / weight, np.nan)
    found = np.isfinite(each).sum(axis=0)
    return np.where(found > 0, np.nansum(each, axis=0) / np.maximum(found, 1), np.nan)
