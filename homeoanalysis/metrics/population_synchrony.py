"""How much the units of a population fire together, of all pairs at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import observed, pair_metrics, resampling, synthetic
from homeoanalysis.numerics.pieces import MINIMUM_SPIKES, Pieces
from homeoanalysis.units import Second

_GROUPS = 32


def _truth(rng: np.random.Generator) -> Truth:
    """Trains that copy each spike of a common train with the probability 0.3: correlation 0.3 of the counts in any bin."""
    trains = synthetic.copied_trains(6, 10.0, 0.3, 60.0, rng)
    return Truth(synthetic.activity(trains, 60.0), 0.3, {"bin_size": 0.02, "segment": 1.0})


def _independent(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """Every spike at a random place of observed time."""
    start, stop = observed.segments(activity)
    count = activity.spike_count.values
    return resampling.with_spikes(activity, resampling.sorted_uniform(count, start, stop, rng), count)


def _null(rng: np.random.Generator) -> Truth:
    """Independent trains."""
    known = _truth(rng)
    return Truth(_independent(known.activity, rng), 0.0, known.parameters)


def _shared(total: np.ndarray) -> np.ndarray:
    """(..., moment, unit and pool) sums of n, x, x^2 -> mean covariance of two units over their mean variance."""
    n, first, second = total[..., 0, :], total[..., 1, :], total[..., 2, :]
    variance = second / n - (first / n) ** 2
    own, pooled = variance[..., :-1].sum(axis=-1), variance[..., -1]
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((pooled - own) / (own * (total.shape[-1] - 2)))


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over groups of pieces)", (-3, 3)),
        "high": Companion("1", "95 % interval (jackknife over groups of pieces)", (-3, 3)),
        "chi": Companion("1", "Golomb's chi: root of the variance of the mean over the mean variance", (0, 1)),
        "fano": Companion("1", "Variance over mean of the counts of all units together", (0, np.inf)),
        "units": Companion("1", "Units with at least 20 spikes", (0, np.inf)),
    },
    source="mean covariance over mean variance of counts; chi: Golomb & Rinzel 1994, doi:10.1016/0167-2789(94)90214-3, which is "
    "1 / sqrt(units) for independent units, and so is not compared",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=_independent,
    null=_null,
)
def population_synchrony(activity: xr.Dataset, *, bin_size: Second = 0.01, segment: Second = 1.0) -> Mapping[str, Any]:
    """Population synchrony: 0 for independent units, whatever their number, 1 for copies of one.

    activity: activity/1 with spikes. bin_size: [s] of the counts. segment: [s] of the pieces that the interval is over.
    Returns (epoch), [1]; NaN where fewer than two units have 20 spikes.
    Raises NotApplicable without spikes or without two such units in any epoch.
    """

    def measured(label: str) -> dict[str, np.ndarray]:
        span = observed.epoch(activity, label)
        pieces = Pieces(activity, ("spikes",), segment=segment, bin_size=bin_size, span=span)
        usable = np.flatnonzero(pieces.reason == "")
        if usable.size < 2:
            raise NotApplicable(f"{usable.size} units have {MINIMUM_SPIKES} spikes; synchrony is of two or more")
        n = pieces.kept.size
        group = np.arange(n) * min(n, _GROUPS) // n
        total = np.zeros((min(n, _GROUPS), 3, usable.size + 1))
        for g in range(len(total)):
            x = pieces.read(pieces.kept[group == g])[usable].reshape(usable.size, -1)
            x = np.concatenate([x, x.sum(axis=0, keepdims=True)])
            total[g] = np.full(len(x), x.shape[1]), x.sum(axis=1), (x**2).sum(axis=1)
        whole = total.sum(axis=0)
        value, weight = _shared(whole), total[:, 0, 0]
        width = cs.half_width(cs.standard_error(value, _shared(whole - total), weight), weight) if n > 1 else np.nan
        mean = whole[1] / whole[0]
        variance = whole[2] / whole[0] - mean**2
        values = (value, value - width, value + width)
        more = np.sqrt(variance[-1] / variance[:-1].sum() / usable.size), variance[-1] / mean[-1], usable.size
        keys = ("population_synchrony", *(f"population_synchrony_{k}" for k in ("low", "high", "chi", "fano", "units")))
        return {key: np.array([v], float) for key, v in zip(keys, (*values, *more), strict=True)} | {
            "reason": np.array([""], object)
        }

    found, labels, _ = pair_metrics.over_epochs(activity, measured)
    return {name: values[0] for name, values in found.items()} | {"coords": {"epoch": labels}}
