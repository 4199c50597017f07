"""At which frequency a population oscillates together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import population_spectrum, resampling
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """Modulated by 0.3 at 50 Hz."""
    return Truth(population_spectrum.modulated(0.3, 50.0, 40.0, rng), 50.0, {})


def _null(rng: np.random.Generator) -> Truth:
    """No modulation: anywhere between 5 and 900 Hz."""
    return Truth(population_spectrum.modulated(0.0, 50.0, 10.0, rng), 452.5, {})


@metric(
    units="Hz",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={},
    source="where the spectrum of `population_oscillation_index` is highest, by a parabola through three logarithms",
    family="spectra",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def population_oscillation_frequency(
    activity: xr.Dataset, *, bin_size: Second = 0.0005, segment: Second = 0.2, lowest: Hertz = 5.0, highest: Hertz = 900.0
) -> Mapping[str, Any]:
    """Frequency of the highest peak of the spectrum of a population.

    activity: activity/1 with spikes; the parameters are those of `population_oscillation_index`, which tells whether there is
    an oscillation: a flat spectrum has a highest place, too.
    Returns (epoch), [Hz], two peaks less than 2 / segment apart are one; NaN with fewer than 4 windows, or where nothing fires.
    Raises NotApplicable without spikes or where no epoch has a value; DataError where the band holds fewer than 4 frequencies.
    """
    found = population_spectrum.of_epochs(activity, bin_size=bin_size, segment=segment, lowest=lowest, highest=highest)
    values = np.array([one.frequency for one in found.values()])
    return {"population_oscillation_frequency": values, "coords": {"epoch": list(found)}}
