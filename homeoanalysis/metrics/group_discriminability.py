"""How far apart the rates of the units of two groups are, as two inputs of other strength leave them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Truth, metric, surrogate_of
from homeoanalysis.numerics import discrimination, groups, observed, synthetic

_DURATION, _MEMBERS = 100.0, 40
_MEANS, _SDS = np.array([10.0, 16.0]), np.array([2.0, 3.0])  # [Hz]
_FEWEST = 4  # units of a group that a variance is taken from


def _truth(rng: np.random.Generator) -> Truth:
    """Two groups of 40 units with Gaussian rates; 10 more units are in both, and 10 in none. Counting adds mean / time."""
    each = np.concatenate([*(rng.normal(m, s, _MEMBERS) for m, s in zip(_MEANS, _SDS, strict=True)), np.full(20, 30.0)])
    one = synthetic.activity([synthetic.poisson_train(rate, _DURATION, rng) for rate in each], _DURATION)
    k = np.arange(each.size)
    is_in_both = (k >= 2 * _MEMBERS) & (k < 2 * _MEMBERS + 10)
    one = groups.with_groups(one, [(k < _MEMBERS) | is_in_both, ((k >= _MEMBERS) & (k < 2 * _MEMBERS)) | is_in_both])
    value = (_MEANS[1] - _MEANS[0]) / np.sqrt((_SDS**2 + _MEANS / _DURATION).mean())
    return Truth(one, value, {})


def _shuffled(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Other units are the members."""
    member = rng.permuted(activity.group_member.values, axis=1)
    return activity.assign(group_member=(activity.group_member.dims, member, activity.group_member.attrs))


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-np.inf, np.inf),
    companions={},
    source="difference of the groups' mean rates over the root of the mean variance over their units (Green & Swets 1966, ISBN "
    "0-932146-23-6), less the bias of few units: Hedges 1981, doi:10.3102/10769986006002107",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=_shuffled,
    null=surrogate_of(_truth, _shuffled, 0.0),
)
def group_discriminability(activity: xr.Dataset) -> Mapping[str, Any]:
    """d' of the firing rates of two groups of units, above 0 where those of the second, in the order of the alphabet, are higher.

    activity: activity/1 with spikes and two groups. Units of both groups, or of none, do not count. Counting noise is part of the
    spread: epochs of other lengths have another d'.
    Returns (epoch), [1]; NaN where fewer than 4 units of a group were observed, or none differs from another.
    Raises NotApplicable without spikes, or without exactly two groups.
    """
    labels = list(observed.epochs(activity))
    count, time = observed.counts(activity, labels)
    member = groups.members(activity)
    if len(member) != 2:
        raise NotApplicable(f"{len(member)} groups of units, where d' is of two")
    first, second = member[np.argsort(activity.group.values)] & (member.sum(axis=0) == 1)
    values = np.full(len(labels), np.nan)
    for e in range(len(labels)):
        each = [count[mine, e] / time[mine, e] for mine in (kept & (time[:, e] > 0) for kept in (first, second))]
        if min(rates.size for rates in each) >= _FEWEST:
            values[e] = discrimination.d_prime(*(rates[:, None] for rates in each)).value[0]
    return {"group_discriminability": values, "coords": {"epoch": labels}}
