"""How much a population oscillates together."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import population_spectrum, resampling
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """1000 spikes a second, modulated by 0.3 at 50 Hz: a line of power (0.3 x 1000)^2 / 2 in 1.5 bins of 5 Hz, over 2 x 1000."""
    return Truth(population_spectrum.modulated(0.3, 50.0, 40.0, rng), 1 + 0.3**2 * 1000 / (4 * 1.5 * 5.0), {})


def _null(rng: np.random.Generator) -> Truth:
    """No modulation."""
    made = population_spectrum.modulated(0.0, 50.0, 10.0, rng)
    return Truth(made, np.nan, {}, conservative="neighbouring frequencies of a Hann window share a part of their power")


@metric(
    units="1",
    dims=("epoch",),
    bounds=(1, np.inf),
    companions={
        "p": Companion("1", "Probability of so high a peak if the spectrum was flat", (0, 1)),
        "windows": Companion("1", "Windows that the spectrum is a mean of", (0, np.inf)),
    },
    source="highest over median power of the counts of all units together, between two frequencies; Welch 1967, "
    "doi:10.1109/TAU.1967.1161901, Hann windows that overlap by half, less their mean",
    family="spectra",
    scale="relative",
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=_null,
)
def population_oscillation_index(
    activity: xr.Dataset, *, bin_size: Second = 0.0005, segment: Second = 0.2, lowest: Hertz = 5.0, highest: Hertz = 900.0
) -> Mapping[str, Any]:
    """Oscillation index of a population: 1, its spectrum is flat; 100, a peak is a hundred times the median.

    activity: activity/1 with spikes. bin_size: [s]. segment: [s], of the windows. lowest, highest: [Hz].
    It is of all units together and grows with their number and with the time of coherence: compare populations of one size.
    Returns (epoch), [1], >= 1; NaN with fewer than 4 windows, or where nothing fires.
    Raises NotApplicable without spikes or where no epoch has a value; DataError where the band holds fewer than 4 frequencies.
    """
    found = population_spectrum.of_epochs(activity, bin_size=bin_size, segment=segment, lowest=lowest, highest=highest)
    name = "population_oscillation_index"
    return {
        name: np.array([one.height for one in found.values()]),
        f"{name}_p": np.array([one.p for one in found.values()]),
        f"{name}_windows": np.array([one.windows for one in found.values()]),
        "coords": {"epoch": list(found)},
    }
