"""Population against units: the point of a network in the plane of recovery and precision."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import intervals, rates, resampling, synthetic
from homeoanalysis.statistics.lost_units import find_lost_units
from homeoanalysis.statistics.two_way import estimate_two_way
from homeoanalysis.statistics.unit_drift import N_COLUMNS, is_drift_told, measure_variances, tabulate_changes
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


def _precision(means: Floats) -> Floats:
    """ln of the precision index, from the means of `tabulate_changes`."""
    drift, spread = measure_variances(means)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((drift > 0) & (spread > 0), np.log(spread / drift) / 2, np.nan))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "recovery": Companion("1", "Recovery fraction of the population, of units with a set point"),
        "recovery_low": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "recovery_high": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "error": Companion("1", "Standard error of the value (bootstrap over units)", (0, np.inf)),
        "recovery_error": Companion("1", "Standard error of the recovery fraction: its interval over 3.92", (0, np.inf)),
        "correlation": Companion("1", "Correlation of the two errors (bootstrap over units)", (-1, 1)),
        "lost": Companion("1", "Units left out of the index: silent in an epoch, or for good within one", (0, np.inf)),
    },
    source="ln of SD_i ln(r_end / r_0) over SD_i ln(r_0 / r_control), counting noise subtracted, beside "
    "(r_end - r_p) / (r_0 - r_p): the quadrants of Slomowitz et al. 2015, doi:10.7554/eLife.04378; undefined where drift "
    "is not told from counting noise, or the 95 % interval of r_0 - r_p, over units and time, holds 0",
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
    Units that are silent in an epoch, the perturbation apart, or silent for good within one, have
    no part in the index (`lost`, see `set_point_precision`). They have one in the recovery.
    Returns a scalar [1]; NaN, with a `reason`, with fewer than 4 units, where drift is not told from
    counting noise, or if the population was not moved. The recovery then is NaN in the last case
    alone. Its interval and error are NaN below 4 units or where an epoch has too few independent
    blocks, as those of `recovery_fraction`.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    labels = (baseline, perturbation, recovery, control)
    binned = rates.bin_epochs(activity, labels, cell_type, least_rate, only_steady)
    means = estimate_two_way(binned[:3])
    is_lost = find_lost_units([binned[k] for k in (3, 0, 2)])
    judged = [rates.sum_bins(rates.Rates(binned[k].spikes[~is_lost], binned[k].time[~is_lost])) for k in (3, 0, 2)]
    changes = tabulate_changes(*judged)
    is_moved = means.is_changed(0, 1)
    reason = _withhold(is_moved, judged[0], judged[1], changes)
    low, high = means.measure_recovery() if is_moved else (np.nan, np.nan)
    recovery_error = (high - low) / 3.92

    def error() -> float:
        return float(np.sqrt(_bootstrap(means.of_units, is_lost, changes)[1, 1])) if not reason else np.nan

    def correlation() -> float:
        if reason or not np.isfinite(recovery_error):
            return np.nan
        covariance = _bootstrap(means.of_units, is_lost, changes)
        return float(covariance[0, 1] / (recovery_error * np.sqrt(covariance[1, 1])))

    def end(side: int) -> float:
        return intervals.bca_interval(changes, _precision)[side] if not reason else np.nan

    return {
        "unit_stability": float(_precision(changes.mean(axis=0))) if not reason else np.nan,
        "unit_stability_low": lambda: end(0),
        "unit_stability_high": lambda: end(1),
        "unit_stability_recovery": float(rates.recovered(means.mean)) if is_moved else np.nan,
        "unit_stability_recovery_low": low,
        "unit_stability_recovery_high": high,
        "unit_stability_error": error,
        "unit_stability_recovery_error": recovery_error,
        "unit_stability_correlation": correlation,
        "unit_stability_lost": float(is_lost.sum()),
        "coords": {"reason": reason},
    }


def _withhold(is_moved: bool, control: rates.Rates, baseline: rates.Rates, changes: Floats) -> str:
    """Why there is no index; empty if there is one."""
    if not is_moved:
        return "the perturbation did not move the rate of the population"
    if len(changes) < 4:
        return f"{len(changes)} units fire throughout the epochs; 4 are needed"
    if not is_drift_told(control, baseline):
        return "drift is not told from counting noise between control and baseline"
    return "" if np.isfinite(_precision(changes.mean(axis=0))) else "units change less than counting noise does"


def _bootstrap(rate: Floats, is_lost: NDArray[np.bool_], changes: Floats) -> Floats:
    """(2, 2): covariance of recovery and index over resamples of all units.

    rate: (unit, 3), of baseline, perturbation and recovery; changes: (unit, 6), without lost units.
    """
    columns = np.zeros((len(rate), 4 + N_COLUMNS))
    columns[:, :3], columns[:, 3], columns[~is_lost, 4:] = rate, ~is_lost, changes
    columns = columns[np.lexsort(columns.T)]  # the same draws whatever the order of units
    means = intervals.resamples(len(columns), _DRAWS) @ columns / len(columns)
    with np.errstate(invalid="ignore", divide="ignore"):
        both = np.stack([rates.recovered(means[:, :3]), _precision(means[:, 4:] / means[:, 3:4])])
    return np.asarray(np.cov(both[:, np.isfinite(both).all(axis=0)]))
