"""How well the stimulus can be read from all units together by linear filters."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import reconstruction, resampling, synthetic
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoders of smooth noise: the share snr / (1 + snr) of the density of the stimulus, log2(1 + snr) bits."""
    one, density, snr, step = synthetic.smooth_encoder(200.0, 0.3, 0.01, 96.0, rng, 4)
    value = np.sum(density * snr / (1 + snr)) / np.sum(density)
    given = {"bin_size": 4e-3, "filter_length": 0.512}
    return Truth(one, value, given, {"information_rate": np.sum(np.log2(1 + snr)) * step})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(-np.inf, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over pieces)"),
        "high": Companion("1", "95 % interval (jackknife over pieces)"),
        "information_rate": Companion("bit/s", "Integral of log2(1 + SNR) of the reconstruction"),
        "pieces": Companion("1", "Pieces that were reconstructed", (0, np.inf)),
    },
    source="1 - mean squared error / variance of the stimulus, filters of all units with a ridge that is chosen within training, "
    "five folds in time: Rieke et al. 1997, Spikes, section 3.2; Borst & Theunissen 1999, doi:10.1038/14731",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    no_worst_case="filters of noise, which do a little worse than none",
    each_epoch=True,
)
def population_reconstruction(
    activity: xr.Dataset, *, bin_size: Second = 1e-3, filter_length: Second = 0.128
) -> Mapping[str, Any]:
    """Coding fraction of all units together, in time that was not used for their filters.

    activity: activity/1 with spikes and a covariate.
    bin_size: [s]. filter_length: [s], half before and half after.
    Returns (epoch), [1], at most 1; below 0 where the filters are worse than the mean, which is never cut off. Units with
    fewer than 20 spikes are left out.
    Raises NotApplicable without spikes or stimulus, with fewer than 15 pieces of two filter lengths, or without a unit of 20
    spikes.
    """
    cut = pieces(activity, bin_size=bin_size, segment=2 * filter_length)
    units = np.flatnonzero(cut.response.sum(axis=(1, 2)) >= 20)
    if units.size == 0:
        raise NotApplicable("no unit with 20 spikes while the stimulus was on")
    units = np.array(sorted(units, key=lambda u: cut.response[u].ravel().tolist()))  # the same rounding in any order of units
    result = reconstruction.reconstructed(cut, units, bin_size, is_ridged=True)
    low, high = reconstruction.interval(result)
    return {
        "population_reconstruction": reconstruction.coding_fraction(result),
        "population_reconstruction_low": low,
        "population_reconstruction_high": high,
        "population_reconstruction_information_rate": reconstruction.information_rate(result, cut.cutoff, bin_size),
        "population_reconstruction_pieces": float(cut.stimulus.shape[0]),
        "coords": {},
    }
