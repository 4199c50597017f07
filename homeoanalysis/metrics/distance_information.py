"""What the times of spikes tell about the stimulus, and how precise they need to be."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import discrete_information as discrete
from homeoanalysis.numerics import resampling, synthetic, trials
from homeoanalysis.numerics import spike_train_distances as distances
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Hertz, Second

Floats = NDArray[np.float64]
_DRAWS = 39  # permutations that the bias and p are from
_EXPONENT = -2  # of distances to the trials of a stimulus, so that near ones count: Victor & Purpura 1996
_ROUNDING = 1e-9  # of a mean; those of equal trials differ by how the processor adds them up
_COSTS = (0.0, *(2.0**k for k in range(10)))


def _truth(rng: np.random.Generator) -> Truth:
    """Two spikes 40 ms apart, later by 20 ms for the other stimulus, jitter 1 ms: nothing in the count, 1 bit in the time."""
    label, start = rng.permutation(np.repeat([0, 1], 60)), 0.256 * np.arange(120, dtype=np.float64)
    at = start[:, None] + np.array([[0.05, 0.09], [0.07, 0.11]])[label]
    trains = [np.sort((at + rng.normal(0, 1e-3, at.shape)).ravel()) for _ in range(2)]
    one = synthetic.with_trials(synthetic.activity(trains, 0.256 * 120), start, 0.2, [f"stimulus {k}" for k in label])
    return Truth(one, np.array([0.0, 1.0]), {"end": 0.2, "costs": [0.0, 100.0]})


@metric(
    units="bit",
    dims=("unit", "epoch", "parameter"),
    bounds=(-np.inf, np.inf),
    companions={
        "best_cost": Companion(
            "Hz", "Highest cost at which most is told, within the spread of chance; NaN where nothing is", (0, np.inf)
        ),
        "precision": Companion("s", "2 / best cost; NaN where the number of spikes tells as much as their times", (0, np.inf)),
        "p": Companion("1", "Part of the permutations of labels that tell as much at any cost", (0, 1)),
    },
    source="transmitted information of trials that are told by their mean distance (exponent -2) to those of each stimulus, less "
    "that of permuted labels: Victor & Purpura 1996, doi:10.1152/jn.1996.76.2.1310; adjusted for chance as in "
    "Vinh, Epps & Bailey 2010, J. Mach. Learn. Res. 11:2837",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=surrogate_of(_truth, resampling.permuted_labels, 0.0),
    each_epoch=True,
)
def distance_information(
    activity: xr.Dataset,
    *,
    begin: Second = 0.0,
    end: Second,
    costs: list[Hertz] = list(_COSTS),  # noqa: B006
) -> Mapping[str, Any]:
    """Information that Victor-Purpura distances transmit about the stimulus.

    activity: activity/1 with spikes, and trials of two stimuli or more, several of each.
    begin, end: [s], of the window, after the start of each trial. costs: [Hz], of shifts; 0 is the number of spikes alone.
    Returns (unit, epoch, parameter), [bit], one for each cost; the mean is 0 for unrelated labels, so that it can be negative.
    NaN for a silent unit, and with less than two stimuli of two trials.
    Raises NotApplicable without spikes or trials.
    """
    found = trials.trains(activity, begin, end)
    values = np.full((len(found.times), len(costs)), np.nan)
    best, precision, p = np.full((3, len(found.times)), np.nan)
    for u, (times, seen) in enumerate(zip(found.times, found.seen, strict=True)):
        used = seen & (np.bincount(found.stimulus[seen], minlength=len(found.labels))[found.stimulus] > 1)
        label = np.unique(found.stimulus[used], return_inverse=True)[1]
        kept = [t for t, is_used in zip(times, used, strict=True) if is_used]
        if label.size == 0 or label.max() == 0 or not any(t.size for t in kept):
            continue
        nearness = [_nearness(distances.victor_purpura(kept, cost)) for cost in costs]
        told = np.array([_transmitted(near, label) for near in nearness])
        rng = rng_for(0, "permuted labels", label.size)
        permuted = np.array([rng.permutation(label) for _ in range(_DRAWS)])
        drawn = np.stack([_transmitted(near, permuted) for near in nearness], axis=1)
        # Scaled so that what is told in full stays that: from it, nothing is there by chance.
        chance, full = drawn.mean(axis=0), discrete.entropy(np.bincount(label))
        values[u] = (told - chance) / (1 - chance / full)
        p[u] = (1 + np.count_nonzero(drawn.max(axis=1) >= told.max() - 1e-12)) / (_DRAWS + 1)
        if p[u] > 0.05:
            continue
        # Of costs that tell as much, but for chance, the highest: a single spike is told by its time at any cost but 0.
        as_much = values[u] >= values[u].max() - drawn.std(axis=0)
        at = max(np.flatnonzero(as_much), key=lambda k: costs[k])
        best[u] = costs[at]
        # Without the correction: the chance that is taken off is not the same at each cost.
        if told[at] - told[int(np.argmin(costs))] > 2 * drawn[:, at].std():
            precision[u] = 2 / costs[at]
    return {
        "distance_information": values,
        "distance_information_best_cost": (("unit",), best),
        "distance_information_precision": (("unit",), precision),
        "distance_information_p": (("unit",), p),
        "coords": {"unit": activity.unit.values, "parameter": [f"cost {cost:g} Hz" for cost in costs]},
    }


def _nearness(distance: Floats) -> Floats:
    """distance^exponent (trial, trial); 0 of a trial with itself, which it must not be told by."""
    # A tiny distance, not none: one trial that is the same outweighs all others, and two weigh twice as much.
    near = np.asarray(np.maximum(distance, 1e-6) ** _EXPONENT)
    np.fill_diagonal(near, 0.0)
    return near


def _transmitted(near: Floats, label: NDArray[np.intp]) -> Floats:
    """Plug-in information of labels (..., trial) and those that trials are told to have [bit]; a tie is told in equal parts."""
    member = np.eye(int(label.max()) + 1)[label]
    others = member.sum(axis=-2, keepdims=True) - member  # trials of each stimulus, without this one
    mean = (near @ member) / others
    nearest = mean >= mean.max(axis=-1, keepdims=True) * (1 - _ROUNDING)
    return discrete.plug_in(np.swapaxes(member, -1, -2) @ (nearest / nearest.sum(axis=-1, keepdims=True)))
