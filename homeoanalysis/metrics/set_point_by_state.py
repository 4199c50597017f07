"""Set points of each state, sleep and wake or stimulus on and off, apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, observed, rates, resampling, synthetic


def _truth(rng: np.random.Generator) -> Truth:
    """Two units that fire at other rates awake and asleep, in bouts of 10 s."""
    hertz = np.array([[2.0, 6.0], [10.0, 5.0]])
    spans = {k: (10.0 * k, 10.0 * k + 10) for k in range(12)}
    activity = synthetic.stepped(hertz[:, np.arange(12) % 2], {str(k): v for k, v in spans.items()}, rng).drop_dims("epoch")
    start, stop = np.array(list(spans.values())).T
    edges = {"state_start": ("state", start, {"units": "s"}), "state_stop": ("state", stop, {"units": "s"})}
    activity = activity.assign(edges).assign_coords(state=["wake", "sleep"] * 6)
    value = hertz[:, None, ::-1]  # states in the order of their names
    return Truth(activity, value, {}, conservative="interval of a count, which is a whole number")


def _any_rate(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """All units at the same random multiple of their mean rates, log-uniform from 1/10 to 10, in every state."""
    start, stop = observed.segments(activity)
    count = rng.poisson(activity.spike_count.values * 10 ** rng.uniform(-1, 1))
    return resampling.with_spikes(activity, resampling.sorted_uniform(count, start, stop, rng), count)


@metric(
    units="Hz",
    dims=("unit", "epoch", "state"),
    bounds=(0, np.inf),
    companions={
        "low": Companion("Hz", "95 % interval, from the dispersion of 20 batches of the state", (0, np.inf)),
        "high": Companion("Hz", "95 % interval, from the dispersion of 20 batches of the state", (0, np.inf)),
        "time": Companion("s", "Time observed in the state", (0, np.inf)),
    },
    source="count / observed time in all bouts of the state; interval as of firing_rate",
    scale="relative",
    truth=_truth,
    surrogate=_any_rate,
    no_worst_case="an arbitrary rate of a similar order",
)
def set_point_by_state(activity: xr.Dataset) -> Mapping[str, Any]:
    """Firing rate of each unit in each state, in each epoch.

    activity: activity/1 with spikes and states (`state_start`, `state_stop`, labels that may come back).
    Returns (unit, epoch, state), [Hz], >= 0, states in the order of their names; NaN where a unit was not observed in one.
    Raises NotApplicable without spikes, and without state labels, where no claim about states can be tested.
    """
    observed.need_spikes(activity)
    if "state_start" not in activity:
        raise NotApplicable("no state labels, so that claims about sleep and wake, or stimulus on and off, are untestable")
    epochs, labels = observed.epochs(activity), np.unique(activity.state.values.astype(str))
    shape = activity.sizes["unit"], len(epochs), labels.size
    values = np.full((3, *shape), np.nan)  # rate and its interval
    time = np.zeros(shape)
    for e, (first, end) in enumerate(epochs.values()):
        for s, label in enumerate(labels):
            bouts = activity.state.values.astype(str) == label
            start, stop = activity.state_start.values[bouts], activity.state_stop.values[bouts]
            order = np.argsort(start)
            inside = observed.overlap(start[order], stop[order], np.array([first]), np.array([end]))
            inside = observed.overlap(*observed.segments(activity), *inside)
            if inside[0].size:
                batches, _ = rates.batches(activity, *inside)
                time[:, e, s] = batches.time.sum(axis=1)
                with np.errstate(invalid="ignore"):
                    values[0, :, e, s] = batches.spikes.sum(axis=1) / time[:, e, s]
                values[1:, :, e, s] = intervals.count_interval(batches.spikes, batches.time)
    return {
        "set_point_by_state": values[0],
        "set_point_by_state_low": values[1],
        "set_point_by_state_high": values[2],
        "set_point_by_state_time": time,
        "coords": {"unit": activity.unit.values, "epoch": list(epochs), "state": labels.tolist()},
    }
