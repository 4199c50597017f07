"""How well the stimulus can be read from one unit by a linear filter."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import reconstruction, resampling, synthetic
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoders of smooth noise: the share snr / (1 + snr) of the density of the stimulus, log2(1 + snr) bits."""
    one, density, snr, step = synthetic.smooth_encoder(400.0, 0.3, 0.01, 60.0, rng)
    value = np.sum(density * snr / (1 + snr)) / np.sum(density)
    given = {"bin_size": 4e-3, "filter_length": 0.512}
    return Truth(one, value, given, {"information_rate": np.sum(np.log2(1 + snr)) * step})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(-np.inf, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over pieces)"),
        "high": Companion("1", "95 % interval (jackknife over pieces)"),
        "information_rate": Companion("bit/s", "Integral of log2(1 + SNR) of the reconstruction"),
        "pieces": Companion("1", "Pieces that were reconstructed", (0, np.inf)),
    },
    source="1 - mean squared error / variance of the stimulus, filter S_sr / S_rr, five folds in time: Rieke et al. 1997, "
    "Spikes, section 3.2; Borst & Theunissen 1999, doi:10.1038/14731",
    family="coding",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    no_worst_case="a filter of noise, which does a little worse than none",
    each_epoch=True,
)
def stimulus_reconstruction(activity: xr.Dataset, *, bin_size: Second = 1e-3, filter_length: Second = 0.128) -> Mapping[str, Any]:
    """Coding fraction: the part of the stimulus' variance that a linear filter of the spikes recovers, in time not used for it.

    activity: activity/1 with spikes and a covariate.
    bin_size: [s]. filter_length: [s], half before and half after; longer ones resolve finer spectra and need more time.
    Returns (unit, epoch), [1], at most 1; below 0 where the filter is worse than the mean, which is never cut off. NaN with fewer
    than 20 spikes.
    Raises NotApplicable without spikes or stimulus, or with fewer than 15 pieces of two filter lengths.
    """
    cut = pieces(activity, bin_size=bin_size, segment=2 * filter_length)
    values = np.full((4, activity.sizes["unit"]), np.nan)
    for u in np.flatnonzero(cut.response.sum(axis=(1, 2)) >= 20):
        result = reconstruction.reconstructed(cut, np.array([u]), bin_size, is_ridged=False)
        values[:, u] = (
            reconstruction.coding_fraction(result),
            *reconstruction.interval(result),
            reconstruction.information_rate(result, cut.cutoff, bin_size),
        )
    return {
        "stimulus_reconstruction": values[0],
        "stimulus_reconstruction_low": values[1],
        "stimulus_reconstruction_high": values[2],
        "stimulus_reconstruction_information_rate": values[3],
        "stimulus_reconstruction_pieces": np.full(activity.sizes["unit"], float(cut.stimulus.shape[0])),
        "coords": {"unit": activity.unit.values},
    }
