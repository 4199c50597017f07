"""What is left of a perturbation at the end."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, rates, resampling, synthetic

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
        "low": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "high": Companion("1", "95 % interval over units of this replicate (BCa bootstrap)"),
        "geometric": Companion("1", "The same from geometric mean rates"),
    },
    source="r_end / r_0 - 1 of population mean rates",
    scale="linear",
    truth=_truth,
    surrogate=resampling.at_rate_of("perturbation", "recovery"),
    null=_null,
)
def residual_change(
    activity: xr.Dataset, *, baseline: str = "baseline", recovery: str = "recovery", cell_type: rates.CellType = "all"
) -> Mapping[str, Any]:
    """Residual change of the population rate: 0, back at the baseline; -0.2, a fifth is missing.

    activity: activity/1 with spikes and the two named epochs. Whether a residual is small enough to be called a return is
    asked of subjects, by a contrast with `equivalence`.
    Returns a scalar [1]. The interval is over units of one replicate.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell type.
    """
    units = rates.in_epochs(activity, (baseline, recovery), cell_type)
    mean = units.rate.mean(axis=0)
    log = units.log.mean(axis=0)

    def end(side: int) -> float:
        return intervals.bca_interval(units.rate, _change)[side]

    return {
        "residual_change": float(_change(mean)),
        "residual_change_low": lambda: end(0),
        "residual_change_high": lambda: end(1),
        "residual_change_geometric": float(np.expm1(log[1] - log[0])),
        "coords": {},
    }
