"""What is left of a perturbation at the end."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.statistics.two_way import estimate_two_way

_EPOCHS = {"baseline": (0.0, 40.0), "perturbation": (40.0, 80.0), "recovery": (80.0, 120.0)}


def _stepped(end: float, rng: np.random.Generator) -> xr.Dataset:
    """Units from 10 to 4 Hz and to `end`; their set points differ."""
    return synthetic.stepped(rng.lognormal(0, 0.3, (40, 1)) * np.array([10, 4, end]), _EPOCHS, rng)


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_stepped(8.2, rng), -0.18, {}, {"geometric": -0.18})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_stepped(10.0, rng), 0.0, {})


def _change(means: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(means[..., 1] / means[..., 0] - 1)


@metric(
    units="1",
    dims=(),
    bounds=(-1, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)", (-1, np.inf)),
        "high": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)", (-1, np.inf)),
        "independent_blocks": Companion("1", "Independent blocks of the epoch that has fewest; below 4 no interval", (0, np.inf)),
        "geometric": Companion("1", "The same from geometric mean rates"),
    },
    source="r_end / r_0 - 1 of population mean rates; interval of ln r_end - ln r_0 over units and time: Owen 2007, "
    "doi:10.1214/07-AOAS122",
    scale="linear",
    truth=_truth,
    surrogate=resampling.at_rate_of("perturbation", "recovery"),
    null=_null,
)
def residual_change(
    activity: xr.Dataset, *, baseline: EpochName = "baseline", recovery: EpochName = "recovery", cell_type: rates.CellType = "all"
) -> Mapping[str, Any]:
    """Residual change of the population rate: 0, back at the baseline; -0.2, a fifth is missing.

    activity: activity/1 with spikes and the two named epochs. Whether a residual is small enough to
    be called a return is asked of subjects, by a contrast with `equivalence`.
    Returns a scalar [1]. The interval is of one replicate. It is NaN below 4 units, and where an
    epoch has too few independent blocks: then a residual cannot be told from a slow fluctuation
    that all units share.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell
    type.
    """
    binned = rates.bin_epochs(activity, (baseline, recovery), cell_type)
    means = estimate_two_way(binned)
    low, high = np.expm1(means.measure_log_ratio(0, 1))
    log = np.stack([rates.sum_bins(epoch).log for epoch in binned]).mean(axis=1)
    return {
        "residual_change": float(_change(means.mean)),
        "residual_change_low": float(low),
        "residual_change_high": float(high),
        "residual_change_independent_blocks": means.independent_blocks,
        "residual_change_geometric": float(np.expm1(log[1] - log[0])),
        "coords": {},
    }
