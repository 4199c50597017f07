"""Population against units: the point of a network in the plane of recovery and precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import intervals, rates, resampling, synthetic
from homeoanalysis.statistics.two_way import estimate_two_way
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_SPANS = {"control": (0.0, 40.0), "baseline": (40.0, 80.0), "perturbation": (80.0, 120.0), "recovery": (120.0, 160.0)}
_DRAWS = 1000


def _changed(spread: float, back: float, rng: np.random.Generator) -> xr.Dataset:
    """Log rates that drift by 0.2 before the perturbation and by `spread` after; the population comes back to `back`."""
    log = rng.normal(3, 0.4, (80, 1)) + np.array([0, 0, np.log(0.4), np.log(back)])
    log[:, 1:] += rng.normal(0, 0.2, (80, 1))
    log[:, 3] += rng.normal(-(spread**2) / 2, spread, 80)
    return synthetic.stepped(np.exp(log), _SPANS, rng)


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_changed(0.4, 1.0, rng), np.log(2.0), {}, {"recovery": 1.0})


def _null(rng: np.random.Generator) -> Truth:
    """Units are as far from their set points as the drift of the baseline brings them."""
    return Truth(_changed(0.2, 1.0, rng), 0.0, {})


def _variance(means: Floats) -> Floats:
    """Of log ratios, less counting noise, from the means of (d, d^2, noise)."""
    return np.asarray(means[..., 1] - means[..., 0] ** 2 - means[..., 2])


def _precision(means: Floats) -> Floats:
    """ln of the precision index."""
    drift, spread = _variance(means[..., 3:6]), _variance(means[..., 6:9])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((drift > 0) & (spread > 0), np.log(spread / drift) / 2, np.nan))


def _recovery(means: Floats) -> Floats:
    return rates.recovered(means[..., :3])


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "recovery": Companion("1", "Recovery fraction of the population, of units with a set point"),
        "recovery_low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "recovery_high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "error": Companion("1", "Standard error of the value (bootstrap over units)", (0, np.inf)),
        "recovery_error": Companion("1", "Standard error of the recovery fraction (bootstrap over units)", (0, np.inf)),
        "correlation": Companion("1", "Correlation of the two errors", (-1, 1)),
    },
    source="ln of SD_i ln(r_end / r_0) over SD_i ln(r_0 / r_control), counting noise subtracted, beside "
    "(r_end - r_p) / (r_0 - r_p): the quadrants of Slomowitz et al. 2015, doi:10.7554/eLife.04378; undefined without drift, or "
    "if the 95 % interval of r_0 - r_p, over units and time, holds 0",
    scale="linear",
    truth=_truth,
    surrogate=resampling.swapped_units,
    not_inside=intervals.NOT_INSIDE,
    null=_null,
)
def unit_stability(
    activity: xr.Dataset,
    *,
    control: EpochName = "control",
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
    only_steady: bool = False,
) -> Mapping[str, Any]:
    """Precision index of units, in the logarithm, beside the recovery of their population, with the errors of both.

    activity: activity/1 with spikes and the four named epochs; `control` precedes the baseline by as much as the recovery
    follows it. Near 0 with a recovery of 1: local homeostasis; above 0 with a recovery of 1: only the population is stable.
    least_rate: [Hz]; units below it in the baseline have no set point.
    only_steady: leave out units that are silent in a fifth of the baseline, or have a trend in it (`rate_trend`).
    Returns a scalar [1]; NaN with fewer than 4 units, without drift, or if the population was not moved.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    labels = (baseline, perturbation, recovery, control)
    binned = rates.bin_epochs(activity, labels, cell_type, least_rate, only_steady)
    units = rates.in_epochs(activity, labels, cell_type, least_rate, only_steady)
    each, log, noise = units.rate, units.log, 1 / (units.spikes + 0.5)
    before, after = log[:, 0] - log[:, 3], log[:, 2] - log[:, 0]
    rest = [before, before**2, noise[:, 0] + noise[:, 3], after, after**2, noise[:, 0] + noise[:, 2]]
    columns = np.concatenate([each[:, :3], np.stack(rest, axis=1)], axis=1)
    columns = columns[np.lexsort(columns.T)]  # the same draws whatever the order of units
    mean = columns.mean(axis=0)
    value, back = float(_precision(mean)), float(_recovery(mean))
    defined = len(columns) >= 4 and estimate_two_way(binned).is_changed(0, 1) and np.isfinite(value)
    boot: list[Floats] = []

    def errors() -> Floats:
        """(2, 2): covariance of recovery and value."""
        if not boot:
            means = intervals.resamples(len(columns), _DRAWS) @ columns / len(columns)
            both = np.stack([_recovery(means), _precision(means)])
            boot.append(np.cov(both[:, np.isfinite(both).all(axis=0)]))
        return boot[0]

    def end(statistic: Any, side: int) -> float:
        return intervals.bca_interval(columns, statistic)[side] if defined else np.nan

    def error(k: int) -> float:
        return float(np.sqrt(errors()[k, k])) if defined else np.nan

    return {
        "unit_stability": value if defined else np.nan,
        "unit_stability_low": lambda: end(_precision, 0),
        "unit_stability_high": lambda: end(_precision, 1),
        "unit_stability_recovery": back if defined else np.nan,
        "unit_stability_recovery_low": lambda: end(_recovery, 0),
        "unit_stability_recovery_high": lambda: end(_recovery, 1),
        "unit_stability_error": lambda: error(1),
        "unit_stability_recovery_error": lambda: error(0),
        "unit_stability_correlation": lambda: float(errors()[0, 1] / (error(0) * error(1))) if defined else np.nan,
        "coords": {},
    }
