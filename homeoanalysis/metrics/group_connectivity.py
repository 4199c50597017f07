"""Whether units of a group are connected with each other more than other units are."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import groups, observed, synthetic
from homeoanalysis.numerics.snapshots import weights_of

_N, _MEMBERS, _EPOCHS = 120, 30, {"early": (0.0, 5.0), "late": (5.0, 10.0)}


def _wired(inside: float, rng: np.random.Generator) -> xr.Dataset:
    """120 neurons; a pair has a synapse with the probability 0.1, both of a group of 30: 0.1 at 5 s, `inside` at 10 s."""
    trains = [synthetic.poisson_train(1.0, 10.0, rng) for _ in range(_N)]
    one = synthetic.activity(trains, 10.0, epochs=_EPOCHS)
    pre, post = np.divmod(np.arange(_N * _N), _N)
    pre, post = pre[pre != post], post[pre != post]
    both = (pre < _MEMBERS) & (post < _MEMBERS)
    weight = [1e-4 * (rng.random(pre.size) < np.where(both, p, 0.1)) for p in (0.1, inside)]
    kept = np.any(weight, axis=0)
    one = one.assign(
        weight=(("snapshot", "synapse"), np.array(weight)[:, kept], {"units": "V"}),
        snapshot_time=("snapshot", [5.0, 10.0], {"units": "s"}),
        pre=("synapse", pre[kept], {"units": "1"}),
        post=("synapse", post[kept], {"units": "1"}),
        projection=("synapse", np.full(int(kept.sum()), "E_to_E")),
    )
    return groups.with_groups(one, [np.arange(_N) < _MEMBERS])


def _truth(rng: np.random.Generator) -> Truth:
    """0.3 inside the group over 0.1 outside."""
    return Truth(_wired(0.3, rng), np.array([1.0, 3.0]), {})


def _shuffled(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Other units are the members."""
    member = rng.permuted(activity.group_member.values, axis=1)
    return activity.assign(group_member=(activity.group_member.dims, member, activity.group_member.attrs))


def _null(rng: np.random.Generator) -> Truth:
    """0.1 everywhere."""
    return Truth(_wired(0.1, rng), 1.0, {})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={"spread": Companion("1", "Standard deviation over groups", (0, np.inf))},
    source="weight per pair of units inside the group over weight per pair of which neither is in it; both of the populations "
    "that the recorded synapses join",
    scale=None,  # halves of time hold the same weights
    truth=_truth,
    surrogate=_shuffled,
    null=_null,
)
def group_connectivity(activity: xr.Dataset) -> Mapping[str, Any]:
    """Connectivity within a group over that among the units outside of it, mean over groups: 1, a group is like any other.

    activity: activity/1 with weights and groups; pairs without a synapse count as 0. It is of the last snapshot that was taken in
    the epoch, its end included.
    Returns (epoch), [1], >= 0; NaN without a snapshot, or where units outside have no synapses.
    Raises NotApplicable without weights, without groups, or where no group has two units with synapses.
    """
    weights = weights_of(activity)
    pre, post = activity.pre.values, activity.post.values
    n = activity.sizes["unit"]
    sends, receives = (
        (np.isin(activity.region.values, np.unique(activity.region.values[end])) for end in (pre, post))
        if ("region" in activity)
        else (np.ones(n, bool), np.ones(n, bool))
    )
    chosen = [mine for mine in groups.members(activity) if (mine & sends).sum() > 1 and (mine & receives).sum() > 1]
    if not chosen:
        raise NotApplicable("no group with two units that have synapses")
    labels = observed.epochs(activity)
    values = np.full((len(chosen), len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        slack = observed.EDGE * (stop - start)
        inside = (activity.snapshot_time.values > start + slack) & (activity.snapshot_time.values <= stop + slack)
        if inside.any():
            weight = weights[np.flatnonzero(inside)[-1]]
            for g, mine in enumerate(chosen):
                within, outside = (_density(weight, pre, post, m & sends, m & receives) for m in (mine, ~mine))
                values[g, e] = within / outside if outside > 0 else np.nan
    spread = values.std(axis=0)
    return {"group_connectivity": values.mean(axis=0), "group_connectivity_spread": spread, "coords": {"epoch": list(labels)}}


def _density(weight: np.ndarray, pre: np.ndarray, post: np.ndarray, sends: np.ndarray, receives: np.ndarray) -> float:
    """Weight per pair of two units."""
    pairs = sends.sum() * receives.sum() - (sends & receives).sum()
    return float(weight[sends[pre] & receives[post]].sum() / pairs) if pairs > 0 else np.nan
