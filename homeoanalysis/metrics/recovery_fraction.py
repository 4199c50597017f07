"""How far a population's rate comes back after a perturbation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.statistics.two_way import estimate_two_way

_EPOCHS = {"baseline": (0.0, 40.0), "perturbation": (40.0, 80.0), "recovery": (80.0, 120.0)}

_NO_RECOVERY = resampling.at_rate_of("perturbation", "recovery")


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 10 to 4 Hz and back to 8.2 Hz, a recovery of 0.7; their set points differ."""
    rates = rng.lognormal(0, 0.3, (40, 1)) * np.array([10, 4, 8.2])
    return Truth(synthetic.stepped(rates, _EPOCHS, rng), 0.7, {}, {"geometric": 0.7, "median": 0.7, "depth": 0.6})


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "high": Companion("1", "95 % interval over units and time of this replicate (Fieller)"),
        "independent_blocks": Companion("1", "Independent blocks of the epoch that has fewest; below 4 no interval", (0, np.inf)),
        "geometric": Companion("1", "The same from geometric mean rates"),
        "median": Companion("1", "Median over units of their own fractions"),
        "slope": Companion("1", "Slope of r_end - r_p on r_0 - r_p over units (Theil and Sen): large changes count more"),
        "depth": Companion("1", "Depth of the perturbation: 1 - rate / baseline rate"),
    },
    source="(r_end - r_p) / (r_0 - r_p) of population mean rates; undefined if the 95 % interval of r_0 - r_p holds 0; interval "
    "over units and time: Owen 2007, doi:10.1214/07-AOAS122; Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x",
    scale="linear",
    truth=_truth,
    surrogate=_NO_RECOVERY,
    null=surrogate_of(_truth, _NO_RECOVERY, 0.0),
)
def recovery_fraction(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Recovery fraction of the population rate: 0, nothing came back; 1, all; above 1, overshoot.

    activity: activity/1 with spikes and the three named epochs.
    Fractions of single units have no mean (their changes may be near 0): use the median or the
    slope.
    Returns a scalar [1]; NaN where the 95 % interval of the change by the perturbation, over units
    and time, holds 0.
    The interval is of one replicate: it says nothing about other networks or animals. It is NaN
    below 4 units, and where an epoch has too few independent blocks: then a recovery cannot be told
    from a slow fluctuation that all units share.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell
    type.
    """
    units = rates.bin_epochs(activity, (baseline, perturbation, recovery), cell_type)
    means = estimate_two_way(units)
    each, mean, defined = means.of_units, means.mean, means.is_changed(0, 1)
    low, high = means.measure_recovery() if defined else (np.nan, np.nan)
    time = np.stack([epoch.time.sum(axis=1) for epoch in units], axis=1)
    geometric = np.exp(np.log(each + 1 / time).mean(axis=0))  # one spike more: the logarithm of a silent unit
    return {
        "recovery_fraction": float(rates.recovered(mean)) if defined else np.nan,
        "recovery_fraction_low": low,
        "recovery_fraction_high": high,
        "recovery_fraction_independent_blocks": means.independent_blocks,
        "recovery_fraction_geometric": float(rates.recovered(geometric)) if defined else np.nan,
        "recovery_fraction_median": float(np.nanmedian(rates.recovered(each))) if defined else np.nan,
        "recovery_fraction_slope": lambda: _slope(each) if defined else np.nan,
        "recovery_fraction_depth": 1 - mean[1] / mean[0] if mean[0] > 0 else np.nan,
        "coords": {},
    }


def _slope(each: NDArray[np.float64]) -> float:
    from scipy import stats  # 0.8 s of import that few metrics pay

    return float(stats.theilslopes(each[:, 2] - each[:, 1], each[:, 0] - each[:, 1]).slope)
