"""Whether units keep their order."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import intervals, observed, rates, resampling, synthetic
from homeoanalysis.statistics.lost_units import find_lost_units
from homeoanalysis.statistics.unit_drift import are_rates_slow
from homeoanalysis.units import Hertz, Second

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 40.0), "recovery": (40.0, 80.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Log rates with a correlation of 0.7 between the epochs; Spearman's is 6 / pi asin(r / 2)."""
    first, second = rng.normal(size=(2, 60))
    log = 1 + 0.6 * np.stack([first, 0.7 * first + np.sqrt(1 - 0.49) * second], axis=1)
    return Truth(synthetic.stepped(np.exp(log), _EPOCHS, rng), 6 / np.pi * np.arcsin(0.35), {"bin_size": 0.5})


def _reliability(halves: Floats) -> Floats:
    """Spearman-Brown of the odd and even bins of one epoch: (2, ..., unit)."""
    half = rates.spearman(halves[0], halves[1])
    return np.asarray(2 * half / (1 + half))


def _corrected(sample: Floats) -> Floats:
    """Spearman's correlation over the root of the reliabilities, at most 1: (epoch, half, ..., unit)."""
    with np.errstate(invalid="ignore"):
        root = np.sqrt(_reliability(sample[0]) * _reliability(sample[1]))
        return np.asarray(np.minimum(rates.spearman(sample[0].sum(axis=0), sample[1].sum(axis=0)) / root, 1.0))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, 1),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)", (-np.inf, 1)),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)", (-np.inf, 1)),
        "drift": Companion("1", "The same of the control epoch and the baseline: what slow fluctuations leave", (-np.inf, 1)),
        "spearman": Companion("1", "Spearman's correlation of the rates, as it is", (-1, 1)),
        "kendall": Companion("1", "Kendall's tau-b of the rates, as it is", (-1, 1)),
        "reliability_baseline": Companion("1", "Reliability of the baseline's ranks (Spearman-Brown of odd and even bins)"),
        "reliability_recovery": Companion("1", "Reliability of the recovery's ranks (Spearman-Brown of odd and even bins)"),
        "units": Companion("1", "Units with a set point that are not left out", (0, np.inf)),
        "lost": Companion("1", "Units left out: silent in an epoch, or silent for good within one", (0, np.inf)),
    },
    source="Spearman's correlation of r_0 and r_end over the root of their reliabilities (Spearman 1904), at most 1; to be held "
    "against the same of two epochs of the baseline, not against 0",
    scale="linear",
    truth=_truth,
    surrogate=resampling.swapped_units,
    not_inside=intervals.NOT_INSIDE,
    null=surrogate_of(_truth, resampling.swapped_units, 0.0),
)
def rank_preservation(
    activity: xr.Dataset,
    *,
    bin_size: Second,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    control: EpochName = "control",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
) -> Mapping[str, Any]:
    """Rank preservation, corrected for the reliability of ranks: 1, units keep their order; 0, it is a new one.

    A description of the rates in two epochs. Slow fluctuations around unchanged set points bring it
    below 1. Where units fluctuate slowly within the epochs (p < 0.001) it has no interval, and the
    coordinate `reason` says so. Compare it with `drift`: the same of the control epoch and the
    baseline. Fluctuations that are slower than an epoch cannot be told from a lost order.
    Lost units are left out (`lost`), as of `set_point_precision`.
    activity: activity/1 with spikes and the two named epochs. `control`, if there is one, precedes the baseline by as much as the
    recovery follows it; without it `drift` is NaN.
    bin_size: [s]; odd and even bins of each epoch are the halves that tell how reliable its ranks are.
    least_rate: [Hz]; units below it in the baseline have no set point.
    Returns a scalar [1], <= 1; NaN with fewer than 4 units, or where a reliability is not above 0.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    units = rates.in_epochs(activity, (baseline, recovery), cell_type, least_rate)
    before, after = (rates.in_bins(activity, label, bin_size, cell_type) for label in (baseline, recovery))
    is_lost = find_lost_units([before, after])
    kept = np.all([x.time.sum(axis=1) > 0 for x in (before, after)], axis=0) & ~is_lost
    with np.errstate(invalid="ignore", divide="ignore"):
        kept &= ~(before.spikes.sum(axis=1) / before.time.sum(axis=1) < least_rate)
    sample = np.stack([_halves(x, kept) for x in (before, after)])
    n = int(kept.sum())
    is_defined = n >= 4 and bool(np.isfinite(_corrected(sample)))
    is_slow = n >= 4 and are_rates_slow([rates.Rates(x.spikes[kept], x.time[kept]) for x in (before, after)])

    @functools.cache
    def ends() -> tuple[float, float]:
        return intervals.bca_of_units(sample, _corrected) if is_defined and not is_slow else (np.nan, np.nan)

    return {
        "rank_preservation": float(_corrected(sample)) if is_defined else np.nan,
        "rank_preservation_low": lambda: ends()[0],
        "rank_preservation_high": lambda: ends()[1],
        "rank_preservation_drift": _drift(activity, control, before, kept, bin_size, cell_type),
        "rank_preservation_spearman": float(rates.spearman(units.rate[:, 0], units.rate[:, 1])) if n >= 4 else np.nan,
        "rank_preservation_kendall": lambda: _kendall(units.rate) if n >= 4 else np.nan,
        "rank_preservation_reliability_baseline": float(_reliability(sample[0])) if n >= 4 else np.nan,
        "rank_preservation_reliability_recovery": float(_reliability(sample[1])) if n >= 4 else np.nan,
        "rank_preservation_units": float(n),
        "rank_preservation_lost": float(is_lost.sum()),
        "coords": {"reason": "rates fluctuate slowly within the epochs, and with them their order" if is_slow else ""},
    }


def _drift(
    activity: xr.Dataset, control: str, baseline: rates.Rates, kept: NDArray[np.bool_], bin_size: float, cell_type: rates.CellType
) -> float:
    """Corrected rank correlation of control and baseline; NaN without a control epoch, or with fewer than 4 units."""
    if control not in observed.epochs(activity):
        return np.nan
    earlier = rates.in_bins(activity, control, bin_size, cell_type)
    kept = kept & (earlier.spikes.sum(axis=1) > 0)
    return float(_corrected(np.stack([_halves(x, kept) for x in (earlier, baseline)]))) if kept.sum() >= 4 else np.nan


def _kendall(rate: Floats) -> float:
    from scipy import stats

    return float(stats.kendalltau(rate[:, 0], rate[:, 1]).statistic)


def _halves(units: rates.Rates, kept: NDArray[np.bool_]) -> Floats:
    """(2, unit): rate in the odd and in the even bins."""
    spikes, time = (np.stack([x[kept][:, k::2].sum(axis=1) for k in (0, 1)]) for x in (units.spikes, units.time))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where(time > 0, spikes / time, 0.0))
