"""How many units are silent."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import rates, resampling, synthetic
from homeoanalysis.units import Hertz


def _truth(rng: np.random.Generator) -> Truth:
    """Of 60 units 20 fire at 0.1 Hz, the others at 5 Hz: counts in 400 s are below 40 as Poisson's law says."""
    from scipy import special  # here, since the config check need not pay

    each = np.where(np.arange(60) < 20, 0.1, 5.0)
    trains = [synthetic.poisson_train(rate, 400.0, rng) for rate in each]
    return Truth(synthetic.activity(trains, 400.0), float(special.pdtr(39, 40)) / 3, {})


def _null(rng: np.random.Generator) -> Truth:
    """All at 5 Hz."""
    return Truth(synthetic.activity([synthetic.poisson_train(5.0, 400.0, rng) for _ in range(60)], 400.0), 0.0, {})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, 1),
    companions={},
    source="part of the units whose count / observed time is below a rate",
    scale="linear",
    truth=_truth,
    surrogate=resampling.equal_units,
    null=_null,
)
def silent_fraction(
    activity: xr.Dataset, *, least_rate: Annotated[Hertz, Field(gt=0)] = 0.1, cell_type: rates.CellType = "all"
) -> Mapping[str, Any]:
    """Fraction of the units that fire at less than a rate.

    activity: activity/1 with spikes. least_rate: [Hz]; an epoch must be some times as long as 1 / least_rate, or units without a
    spike are silent by chance.
    Returns (epoch), [1], in [0, 1].
    Raises NotApplicable without spikes, or without units of the cell type in an epoch.
    """
    every = rates.in_each_epoch(activity, cell_type)
    return {"silent_fraction": [float(np.mean(e.rate < least_rate)) for e in every.values()], "coords": {"epoch": list(every)}}
