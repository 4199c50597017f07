"""Whether a population leaves the range of rates that it is to stay in."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.units import Second

_EPOCHS = {"baseline": (0.0, 40.0), "recovery": (40.0, 80.0)}
_AT_BASELINE = resampling.at_rate_of("baseline", "recovery")


def _truth(rng: np.random.Generator) -> Truth:
    """Units of 4 Hz whose rate becomes 100 Hz."""
    units = rng.lognormal(0, 0.3, (20, 1)) * np.array([4, 100])
    return Truth(synthetic.stepped(units, _EPOCHS, rng), 1.0, {"window": 2.0}, {"largest": np.nan})


@metric(
    units="1",
    dims=(),
    bounds=(0, 1),
    companions={
        "smallest": Companion("1", "Smallest rate of a window over that of the baseline", (0, np.inf)),
        "largest": Companion("1", "Largest rate of a window over that of the baseline", (0, np.inf)),
        "latency": Companion(
            "s", "Time from the start of the epoch to the first window outside; NaN if there is none", (0, np.inf)
        ),
    },
    source="1 if the population rate of any window is below `lowest` or above `highest` times that of the baseline, else 0",
    scale=None,  # yes or no: halves of one run are alike
    truth=_truth,
    surrogate=_AT_BASELINE,
    null=surrogate_of(_truth, _AT_BASELINE, 0.0),
)
def rate_escape(
    activity: xr.Dataset,
    *,
    window: Second,
    lowest: Annotated[float, Field(ge=0, lt=1)] = 0.1,
    highest: Annotated[float, Field(gt=1)] = 20.0,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Whether the population rate leaves a range around its baseline: 1, it runs away or falls silent; 0, it does not.

    activity: activity/1 with spikes and the two named epochs. Its mean over replicates is the fraction of them that leave.
    window: [s], over which the rate is averaged; one that is not wholly observed counts by its observed time.
    lowest, highest: the range, over the mean rate of the baseline.
    Returns a scalar [1], 0 or 1; NaN where nothing fired in the baseline.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type, or with an epoch that is
    shorter than the window.
    """
    before = rates.in_epochs(activity, (baseline,), cell_type).rate.mean()
    course, _ = rates.of_population(rates.in_bins(activity, recovery, window, cell_type))
    at = np.flatnonzero(np.isfinite(course))
    over = course[at] / before if before > 0 else np.full(0, np.nan)
    outside = at[(over < lowest) | (over > highest)] if over.size else at[:0]
    return {
        "rate_escape": float(outside.size > 0) if over.size else np.nan,
        "rate_escape_smallest": over.min() if over.size else np.nan,
        "rate_escape_largest": over.max() if over.size else np.nan,
        "rate_escape_latency": outside[0] * window if outside.size else np.nan,
        "coords": {},
    }
