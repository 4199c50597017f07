"""How much each unit's response says about the stimulus, at least."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field
from scipy import stats

from homeoanalysis.errors import DataError
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import multitaper, resampling, synthetic
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second

_CEILING = 1 - 1e-9  # keeps the logarithm finite for a noiseless channel


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoder, G = 300 * 0.3^2 / (2 * 100) = 0.135: at least 100 log2(1.135) = 18.27 bit/s."""
    activity = synthetic.poisson_encoder(300.0, 0.3, 100.0, 60.0, rng)
    return Truth(activity, 100 * np.log2(1 + 0.135), {"segment": 0.5, "time_half_bandwidth": 2.0})


def _integral(cross: NDArray[Any], power: NDArray[Any], n: int, weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """-integral of log2(1 - coherence), from summed cross- and auto-spectra (..., frequency)."""
    coherence = multitaper.null_corrected(np.abs(cross) ** 2 / power, n)
    return np.asarray(-np.log2(1 - np.minimum(coherence, _CEILING)) @ weight)


@metric(
    units="bit/s",
    dims=("unit",),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("bit/s", "95 % interval (jackknife over segments)"),
        "high": Companion("bit/s", "95 % interval (jackknife over segments)"),
        "per_spike": Companion("bit", "Information per spike"),
        "cutoff": Companion("Hz", "Highest frequency of the integral", (0, np.inf)),
    },
    source="-integral of log2(1 - coherence) from 0 to the cut-off: Borst & Theunissen 1999, doi:10.1038/14731",
    scale="relative",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
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
    Returns (unit), [bit/s]; its mean is 0 for an unrelated stimulus. NaN with fewer than 20 spikes.
    The integral runs to the stimulus' highest frequency (or 1 / (2 bin_size)) and takes half of the bin at 0.
    Raises NotApplicable without spikes or stimulus; DataError if W is too wide.
    """
    cut = pieces(activity, bin_size=bin_size, segment=segment)
    half_bandwidth = time_half_bandwidth / segment
    if half_bandwidth > cut.cutoff / 10:
        raise DataError(
            f"half-bandwidth {half_bandwidth:.3g} Hz is more than a tenth of the stimulus' cut-off {cut.cutoff:.3g} Hz, so that "
            f"information leaks past it; make segment at least {10 * time_half_bandwidth / cut.cutoff:.3g} s"
        )
    n_pieces, n_bins = cut.stimulus.shape
    windows = multitaper.tapers(n_bins, time_half_bandwidth)
    frequency = np.fft.rfftfreq(n_bins, bin_size)
    weight = np.where(frequency <= cut.cutoff * (1 + 1e-9), frequency[1], 0.0)
    weight[0] /= 2
    kept = weight > 0
    weight = weight[kept]
    n_tapers = windows.shape[0]
    stimulus = multitaper.eigencoefficients(cut.stimulus, windows)[:, kept]
    spikes = cut.response.sum(axis=(1, 2))
    values = np.full((4, spikes.size), np.nan)
    for u in np.flatnonzero(spikes >= 20):
        response = multitaper.eigencoefficients(cut.response[u], windows)[:, kept]
        by_piece = (n_pieces, n_tapers, -1)
        cross = (stimulus * np.conj(response)).reshape(by_piece).sum(axis=1)
        xx = (np.abs(stimulus) ** 2).reshape(by_piece).sum(axis=1)
        yy = (np.abs(response) ** 2).reshape(by_piece).sum(axis=1)
        total = _integral(cross.sum(0), xx.sum(0) * yy.sum(0), n_pieces * n_tapers, weight)
        left = (n_pieces - 1) * n_tapers
        deleted = _integral(cross.sum(0) - cross, (xx.sum(0) - xx) * (yy.sum(0) - yy), left, weight)
        error = np.sqrt((n_pieces - 1) * deleted.var())
        width = stats.t.ppf(0.975, n_pieces - 1) * error if n_pieces > 1 else np.nan
        per_spike = total * n_pieces * n_bins * bin_size / spikes[u]
        values[:, u] = total, total - width, total + width, per_spike
    names = ("information_rate", "information_rate_low", "information_rate_high", "information_rate_per_spike")
    return {
        **dict(zip(names, values, strict=True)),
        "information_rate_cutoff": np.full(spikes.size, cut.cutoff),
        "coords": {"unit": activity.unit.values},
    }
