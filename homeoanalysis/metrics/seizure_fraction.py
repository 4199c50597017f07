"""How much of the time a population spends in seizure-like activity."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.units import Second

_EPOCHS = {"baseline": (0.0, 50.0), "recovery": (50.0, 100.0)}
_UNITS, _VOLLEYS, _RATE = 40, 100, 4.0
_AT_BASELINE = resampling.at_rate_of("baseline", "recovery")


def _truth(rng: np.random.Generator) -> Truth:
    """From 50 s on all units fire in 100 of 1000 bins of 50 ms, besides 4 Hz throughout."""
    onset = 50 + 0.05 * np.sort(rng.choice(1000, _VOLLEYS, replace=False)) + 0.01
    burst = (onset[:, None] + 0.004 * np.arange(5)).ravel()
    trains = [np.sort(np.concatenate([synthetic.poisson_train(_RATE, 100.0, rng), burst])) for _ in range(_UNITS)]
    return Truth(synthetic.activity(trains, 100.0, epochs=_EPOCHS), _VOLLEYS / 1000, {})


@metric(
    units="1",
    dims=(),
    bounds=(0, 1),
    companions={
        "highest": Companion("1", "Rate of the highest bin over the median of the baseline", (0, np.inf)),
        "participation": Companion("1", "Largest part of the units that fire in one bin", (0, 1)),
    },
    source="part of the bins whose population rate is above `factor` times the median of the baseline's bins and in which more "
    "than `participation` of the units fire",
    scale="linear",
    truth=_truth,
    surrogate=_AT_BASELINE,
    null=surrogate_of(_truth, _AT_BASELINE, 0.0),
)
def seizure_fraction(
    activity: xr.Dataset,
    *,
    bin_size: Second = 0.05,
    factor: Annotated[float, Field(gt=1)] = 10.0,
    participation: Annotated[float, Field(gt=0, lt=1)] = 0.5,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Fraction of time in which a population fires fast and together: 0, never; 1, all the time.

    activity: activity/1 with spikes and the two named epochs. Tonic firing at a high rate counts, too: all units take part.
    bin_size: [s], from the start of each epoch on; only bins in which all of the units were observed throughout count.
    Returns a scalar [1], in [0, 1]; NaN where the median bin of the baseline is empty, or no bin was observed.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type, or with an epoch that is
    shorter than a bin.
    """
    before, _ = rates.of_whole_bins(activity, baseline, bin_size, cell_type)
    after, taking_part = rates.of_whole_bins(activity, recovery, bin_size, cell_type)
    median = np.median(before) if before.size else 0.0
    if not (median > 0 and after.size):
        return {f"seizure_fraction{key}": np.nan for key in ("", "_highest", "_participation")} | {"coords": {}}
    return {
        "seizure_fraction": float(np.mean((after > factor * median) & (taking_part > participation))),
        "seizure_fraction_highest": float(after.max() / median),
        "seizure_fraction_participation": float(taking_part.max()),
        "coords": {},
    }
