"""How well one trial of a unit tells two stimuli apart."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import discrimination, population_trials, resampling, synthetic
from homeoanalysis.units import Second

_MEANS = np.array([[30.0, 40, 50], [36.0, 49, 50]])
_SD = np.array([[4.0, 5, 5], [5.0, 4, 5]])


def _truth(rng: np.random.Generator) -> Truth:
    """Gaussian counts of other means and spreads for two stimuli; a whole number has 1/12 of variance more."""
    label = rng.permutation(np.repeat([0, 1], 40))
    count = np.rint(_MEANS[label] + _SD[label] * rng.normal(size=(80, 3))).astype(np.int64)
    value = (_MEANS[1] - _MEANS[0]) / np.sqrt((_SD**2).mean(axis=0) + 1 / 12)
    return Truth(synthetic.counted(count, [f"stimulus {k}" for k in label], rng), value[:, None], {"end": 0.1})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval (noncentral t)"),
        "high": Companion("1", "95 % interval (noncentral t)"),
        "p": Companion("1", "Welch's test of equal means, two-sided", (0, 1)),
    },
    source="difference of means over the root of the mean variance (Green & Swets 1966, ISBN 0-932146-23-6), less the bias of "
    "few trials: Hedges 1981, doi:10.3102/10769986006002107; interval: Satterthwaite 1946, doi:10.2307/3002019",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.permuted_labels,
    null=surrogate_of(_truth, resampling.permuted_labels, 0.0),
)
def discriminability(
    activity: xr.Dataset, *, begin: Second = 0.0, end: Second, stimuli: population_trials.Two | None = None
) -> Mapping[str, Any]:
    """d' of the spike counts of two stimuli, above 0 where the second evokes more.

    activity: activity/1 with trials, and spikes or counts in bins of trials.
    begin, end: [s], of the window, after the start of each trial. stimuli: the first and the second; by default, of two
    in the order of the alphabet.
    Returns (unit, epoch), [1]; NaN for a unit whose counts do not vary, and below 4 trials of a stimulus. Trials count in which
    every unit was observed that ever was.
    Raises NotApplicable without spikes and counts, or without trials.
    """
    populations = population_trials.in_epochs(activity, begin, end)
    keys = ("discriminability", *(f"discriminability_{k}" for k in ("low", "high", "p")))
    values = {key: np.full((activity.sizes["unit"], len(populations)), np.nan) for key in keys}
    for e, one in enumerate(populations.values()):
        two, why = population_trials.of_two(one, stimuli)
        if not why:
            for key, found in zip(keys, discrimination.d_prime(*two), strict=True):
                values[key][one.unit, e] = found
    return values | {"coords": {"unit": activity.unit.values, "epoch": list(populations)}}
