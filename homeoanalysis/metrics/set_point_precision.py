"""How closely single units come back to their set points."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import intervals, rates, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.lost_units import find_lost_units
from homeoanalysis.statistics.unit_drift import is_drift_told, measure_variances, tabulate_changes
from homeoanalysis.units import Hertz

_EPOCHS = {"control": (0.0, 40.0), "baseline": (40.0, 80.0), "recovery": (120.0, 160.0)}
_SPANS = {"control": (0.0, 40.0), "baseline": (40.0, 80.0), "gap": (80.0, 120.0), "recovery": (120.0, 160.0)}
_SWAPS = 999


def _drifted(spread: float, rng: np.random.Generator) -> xr.Dataset:
    """Units whose log rate drifts by 0.2 from control to baseline, and by `spread` from there to recovery."""
    log = rng.normal(3, 0.5, (80, 1)) + np.cumsum(rng.normal(0, [[0, 0.2, 0, spread]], (80, 4)), axis=1)
    made = synthetic.stepped(np.exp(log), _SPANS, rng)
    start, stop = np.array(list(_EPOCHS.values())).T
    edges = {"epoch_start": ("epoch", start, {"units": "s"}), "epoch_stop": ("epoch", stop, {"units": "s"})}
    return made.drop_dims("epoch").assign(edges).assign_coords(epoch=list(_EPOCHS))


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_drifted(0.4, rng), 2.0, {}, {"spread": 0.4, "drift": 0.2})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_drifted(0.2, rng), 1.0, {})


def _index(means: NDArray[np.float64]) -> NDArray[np.float64]:
    drift, spread = measure_variances(means)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(drift > 0, np.sqrt(np.maximum(spread, 0) / drift), np.nan))


def _p(before: NDArray[np.float64], after: NDArray[np.float64]) -> float:
    """Of so much more spread after than before. Time run backwards swaps the two with their signs, for each unit."""
    order = np.lexsort((before, after))
    pair = np.stack([before[order] - before.mean(), -(after[order] - after.mean())])
    swap = rng_for(0, "swaps", order.size).random((_SWAPS, order.size)) < 0.5
    first, second = np.where(swap, pair[1], pair[0]), np.where(swap, pair[0], pair[1])
    seen = pair[1].var() - pair[0].var()
    return float((1 + np.sum(second.var(axis=1) - first.var(axis=1) >= seen)) / (1 + _SWAPS))


@metric(
    units="1",
    dims=(),
    bounds=(0, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)", (0, np.inf)),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)", (0, np.inf)),
        "spread": Companion("1", "Standard deviation over units of ln(r_end / r_0), less counting noise", (0, np.inf)),
        "drift": Companion("1", "The same of the baseline against the control epoch", (0, np.inf)),
        "robust": Companion("1", "1.4826 x median absolute deviation of ln(r_end / r_0), counting noise included", (0, np.inf)),
        "p": Companion("1", "Probability of so much more spread if it were the drift of the baseline", (0, 1)),
        "units": Companion("1", "Units with a set point that are not left out", (0, np.inf)),
        "lost": Companion("1", "Units left out: silent in an epoch, or silent for good within one", (0, np.inf)),
    },
    source="SD_i ln(r_end / r_0) over SD_i ln(r_0 / r_control); counting noise of variance 1/n is subtracted; "
    "undefined where drift is not told from counting noise",
    scale="relative",
    truth=_truth,
    surrogate=resampling.swapped_units,
    not_inside=intervals.NOT_INSIDE,
    null=_null,
)
def set_point_precision(
    activity: xr.Dataset,
    *,
    control: EpochName = "control",
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
    only_steady: bool = False,
) -> Mapping[str, Any]:
    """Set-point precision index: 1, units are as far from their set points as drift alone brings them; 2, twice as far.

    activity: activity/1 with spikes and the three named epochs. `control` precedes the baseline by as much as the recovery
    follows it, so that both differences span the same time.
    least_rate: [Hz]; units below it in the baseline have no set point.
    only_steady: leave out units that are silent in a fifth of the baseline, or have a trend in it (`rate_trend`).
    Units that are silent in an epoch are left out (`lost`). So are those that are silent from the
    start of the control epoch, or to the end of the recovery, for longer than chance leaves: a lost
    unit would pass for one far from its set point.
    Returns a scalar [1], >= 0; NaN, with a `reason`, with fewer than 4 units, or where drift over
    the baseline is not told from counting noise (p < 0.001). `p` is NaN where the observed times of
    control and recovery differ by more than a tenth: then the two are not exchangeable.
    Interval and p take units to fluctuate independently, but for a factor that all share.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    binned = rates.bin_epochs(activity, (baseline, control, recovery), cell_type, least_rate, only_steady)
    is_lost = find_lost_units([binned[1], binned[0], binned[2]])
    middle, first, last = (rates.sum_bins(rates.Rates(epoch.spikes[~is_lost], epoch.time[~is_lost])) for epoch in binned)
    columns = tabulate_changes(first, middle, last)
    before, after = columns[:, 0], columns[:, 3]
    n = before.size
    drift = spread = np.nan
    if n >= 4:  # unbiased variances; the bootstrap sees the plain ones, whose factor cancels in the ratio
        plain = np.array(measure_variances(columns.mean(axis=0)))
        drift, spread = plain + columns[:, [0, 3]].var(axis=0) / (n - 1)
    reason = _withhold(first, middle, drift)
    is_alike = bool(np.all(np.abs(first.time / last.time - 1) <= 0.1))

    def end(side: int) -> float:
        return intervals.bca_interval(columns, _index)[side] if not reason else np.nan

    return {
        "set_point_precision": float(np.sqrt(max(spread, 0) / drift)) if not reason else np.nan,
        "set_point_precision_low": lambda: end(0),
        "set_point_precision_high": lambda: end(1),
        "set_point_precision_spread": float(np.sqrt(max(spread, 0))) if n >= 4 else np.nan,
        "set_point_precision_drift": float(np.sqrt(max(drift, 0))) if n >= 4 else np.nan,
        "set_point_precision_robust": float(1.4826 * np.median(np.abs(after - np.median(after)))) if n else np.nan,
        "set_point_precision_p": lambda: _p(before, after) if n >= 4 and is_alike else np.nan,
        "set_point_precision_units": float(n),
        "set_point_precision_lost": float(is_lost.sum()),
        "coords": {"reason": reason},
    }


def _withhold(control: rates.Rates, baseline: rates.Rates, drift: float) -> str:
    """Why there is no ratio of spread to drift; empty if there is one."""
    if control.spikes.size < 4:
        return f"{control.spikes.size} units fire throughout the epochs; 4 are needed"
    if not (drift > 0 and is_drift_told(control, baseline)):
        return "drift is not told from counting noise between control and baseline"
    return ""
