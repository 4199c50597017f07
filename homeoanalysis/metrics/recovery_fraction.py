"""How far a population's rate comes back after a perturbation."""

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import intervals, observed, resampling, synthetic

_EPOCHS = {"baseline": (0.0, 40.0), "perturbation": (40.0, 80.0), "recovery": (80.0, 120.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 10 to 4 Hz and back to 8.2 Hz, a recovery of 0.7; their set points differ."""
    trains = []
    for factor in rng.lognormal(0, 0.3, 40):
        parts = [
            a + synthetic.poisson_train(factor * rate, b - a, rng)
            for rate, (a, b) in zip((10, 4, 8.2), _EPOCHS.values(), strict=True)
        ]
        trains.append(np.concatenate(parts))
    return Truth(synthetic.activity(trains, 120.0, epochs=_EPOCHS), 0.7, {}, {"geometric": 0.7, "depth": 0.6})


def _no_recovery(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the epoch "recovery" each unit fires at its rate of the epoch "perturbation": nothing came back."""
    spans = observed.epochs(activity)
    missing = [name for name in ("perturbation", "recovery") if name not in spans]
    if missing:
        raise NotApplicable(f"no surrogates without an epoch that is named {' and one named '.join(missing)}")
    count, time = (x[:, 0] for x in observed.counts(activity, ["perturbation"]))
    new_count = rng.poisson(count / time * (spans["recovery"][1] - spans["recovery"][0]))
    start, stop = (np.array([edge]) for edge in spans["recovery"])
    new = resampling.sorted_uniform(new_count, start, stop, rng)
    times, unit = activity.spike_time.values, observed.unit_of_spike(activity)
    kept = (times < start) | (times > stop)
    total = np.bincount(unit[kept], minlength=count.size)
    before = np.bincount(unit[times < start], minlength=count.size)
    place = np.cumsum(total) - total + before  # where, among the kept spikes, the unit's new ones belong
    return resampling.with_spikes(activity, np.insert(times[kept], np.repeat(place, new_count), new), total + new_count)


def _fraction(means: NDArray[np.float64]) -> NDArray[np.float64]:
    before, trough, after = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((after - trough) / (before - trough))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "geometric": Companion("1", "The same from geometric mean rates"),
        "depth": Companion("1", "Depth of the perturbation: 1 - rate / baseline rate"),
    },
    source="(r_end - r_p) / (r_0 - r_p) of population mean rates; undefined if |r_0 - r_p| < 2 standard errors",
    scale="linear",
    truth=_truth,
    surrogate=_no_recovery,
    null=surrogate_of(_truth, _no_recovery, 0.0),
)
def recovery_fraction(
    activity: xr.Dataset,
    *,
    baseline: str = "baseline",
    perturbation: str = "perturbation",
    recovery: str = "recovery",
    cell_type: Literal["E", "I", "all"] = "all",
) -> Mapping[str, Any]:
    """Recovery fraction of the population rate: 0, nothing came back; 1, all; above 1, overshoot.

    activity: activity/1 with spikes and the three named epochs.
    Returns a scalar [1]; NaN where the perturbation moved the rate by less than two standard errors over units.
    The interval is over units of one replicate: it says nothing about other networks or animals.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    count, time = observed.counts(activity, (baseline, perturbation, recovery))
    kept = np.all(time > 0, axis=1)
    if cell_type != "all":
        kept &= activity.cell_type.values == cell_type if "cell_type" in activity else False
    if not kept.any():
        raise NotApplicable(f"no units of cell type {cell_type} that were observed in all three epochs")
    rates = count[kept] / time[kept]
    floor = 1 / time[kept]  # one spike: keeps the logarithm of a silent unit finite
    change = rates[:, 0] - rates[:, 1]
    error = change.std(ddof=1) / np.sqrt(change.size) if change.size > 1 else np.inf
    defined = abs(change.mean()) >= 2 * error and change.mean() != 0

    def end(side: int) -> float:
        return intervals.bca_interval(rates, _fraction)[side] if defined else np.nan

    mean = rates.mean(axis=0)
    geometric = np.exp(np.log(rates + floor).mean(axis=0))
    return {
        "recovery_fraction": float(_fraction(mean)) if defined else np.nan,
        "recovery_fraction_low": lambda: end(0),
        "recovery_fraction_high": lambda: end(1),
        "recovery_fraction_geometric": float(_fraction(geometric)) if defined else np.nan,
        "recovery_fraction_depth": 1 - mean[1] / mean[0] if mean[0] > 0 else np.nan,
        "coords": {},
    }
