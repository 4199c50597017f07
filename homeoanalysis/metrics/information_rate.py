"""How much each unit's response says about the stimulus, at least."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import information_bound as bound
from homeoanalysis.numerics import multitaper, resampling, synthetic
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoder, G = 300 * 0.3^2 / (2 * 100) = 0.135: at least 100 log2(1.135) = 18.27 bit/s."""
    activity = synthetic.poisson_encoder(300.0, 0.3, 100.0, 60.0, rng)
    return Truth(activity, 100 * np.log2(1 + 0.135), {"segment": 0.5, "time_half_bandwidth": 2.0})


@metric(
    units="bit/s",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("bit/s", "95 % interval (jackknife over segments)"),
        "high": Companion("bit/s", "95 % interval (jackknife over segments)"),
        "per_spike": Companion("bit", "Information per spike"),
        "cutoff": Companion("Hz", "Highest frequency of the integral", (0, np.inf)),
    },
    source="-integral of log2(1 - coherence) from 0 to the cut-off: Borst & Theunissen 1999, doi:10.1038/14731",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    null=surrogate_of(_truth, resampling.shifted_stimulus, 0.0, "the jackknife of a square is too wide where it is 0"),
    derived_from=("stimulus_coherence",),
    each_epoch=True,
)
def information_rate(
    activity: xr.Dataset,
    *,
    bin_size: Second = 1e-3,
    segment: Second = 0.256,
    time_half_bandwidth: Annotated[float, Field(ge=1, le=20)] = 3.0,
) -> Mapping[str, Any]:
    """Lower bound of the information rate.

    activity: activity/1 with spikes and a covariate, which should be Gaussian (else it is no bound).
    bin_size, segment: [s]; half-bandwidth W = time_half_bandwidth / segment, at most a tenth of the cut-off.
    Returns (unit, epoch), [bit/s]; its mean is 0 for an unrelated stimulus. NaN with fewer than 20 spikes.
    A response that lags by 40 ms loses 57 % in segments of 0.4 s, 4 % in 2 s and 1 % in 4 s: choose segments of 100 lags.
    The interval knows excitability that fluctuates with time constants up to a twentieth of the epoch, where this has 64
    segments or more; it is NaN where an epoch has too few independent blocks.
    The integral runs to the stimulus' highest frequency (or 1 / (2 bin_size)) and takes half of the bin at 0.
    Raises NotApplicable without spikes or stimulus; DataError if W is too wide.
    """
    cut = pieces(activity, bin_size=bin_size, segment=segment)
    bound.check_half_bandwidth(cut.cutoff, segment, time_half_bandwidth)
    n_pieces, n_bins = cut.stimulus.shape
    windows = multitaper.tapers(n_bins, time_half_bandwidth)
    kept, weight = bound.weights(n_bins, bin_size, cut.cutoff)
    n_tapers = windows.shape[0]
    stimulus = multitaper.eigencoefficients(cut.stimulus, windows)[:, kept]
    spikes = cut.response.sum(axis=(1, 2))
    spectra = [
        bound.by_piece(stimulus, multitaper.eigencoefficients(r, windows)[:, kept], n_pieces) if n >= 20 else None
        for r, n in zip(cut.response, spikes, strict=True)
    ]
    total = np.array([np.nan if s is None else bound.total(s, n_tapers, weight) for s in spectra])

    def half_width() -> NDArray[np.float64]:
        return np.array([np.nan if s is None else bound.half_width(s, n_tapers, weight) for s in spectra])

    with np.errstate(divide="ignore"):
        per_spike = total * n_pieces * n_bins * bin_size / spikes
    return {
        "information_rate": total,
        "information_rate_low": lambda: total - half_width(),
        "information_rate_high": lambda: total + half_width(),
        "information_rate_per_spike": per_spike,
        "information_rate_cutoff": np.full(spikes.size, cut.cutoff),
        "coords": {"unit": activity.unit.values},
    }
