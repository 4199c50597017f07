"""Power of signals and spike trains in named bands of frequencies."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import bands as named
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import densities, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import BANDS, Bands, Kind, Pieces, Spans, TimeHalfBandwidth, recorded_kind
from homeoanalysis.units import Second

_BANDS = {"alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """The mean of the closed form of an autoregressive signal over the frequencies of each band."""
    frequency = np.fft.rfftfreq(256, 1 / 250)[3:-3]
    z = np.exp(-2j * np.pi * frequency / 250)
    density = 2 / 250 / np.abs(1 - 1.2 * z + 0.7 * z**2) ** 2
    value = [density[(frequency >= low) & (frequency <= high)].mean() for low, high in _BANDS.values()]
    return Truth(synthetic.autoregressive_signal(2, 64.0, 250.0, rng), value, {"segment": 1.024, "bands": _BANDS})


def _null(rng: np.random.Generator) -> Truth:
    """White noise of unit variance."""
    activity = synthetic.with_signal([np.linspace(1, 63, 100)], rng.normal(size=(2, 64 * 250)), 250.0)
    return Truth(activity, 2 / 250, {"segment": 1.024, "bands": _BANDS})


@metric(
    units="1/Hz",
    dims=("channel", "epoch", "band"),
    bounds=(0, np.inf),
    companions={
        **pair_metrics.ends("1/Hz", (0, np.inf), "jackknife of the logarithm over groups of pieces"),
        "error": Companion("1", "Standard error of the natural logarithm", (0, np.inf)),
    },
    source="mean of the multitaper density over the band; interval: Thomson & Chave 1991, in Haykin (ed.), Advances in Spectrum "
    "Analysis, chapter 2",
    family="spectra",
    scale="relative",
    truth=_truth,
    surrogate=surrogate.shuffled_samples,
    null=_null,
    derived_from=("power_spectrum",),
)
def band_power(
    activity: xr.Dataset,
    *,
    of: Kind = "lfp",
    bands: Bands = BANDS,
    exclude: Spans = (),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Power spectral density, averaged over each band.

    activity: activity/1 with what `of` names; those parameters are of `power_spectrum`. bands, exclude: as of `band_coherence`.
    Returns (channel, epoch, band), in the unit of `power_spectrum`; NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `of` names or with fewer than 8 independent estimates.
    """

    of = recorded_kind(activity, of)

    def measured(pieces: Pieces) -> Any:
        spectra = cs.cross_spectra(pieces, densities.NO_PAIRS, time_half_bandwidth=time_half_bandwidth, highest=None)
        inside, empty = named.members(spectra.frequency, bands, exclude)
        value, deleted = (named.averaged(v, inside) for v in densities.densities(pieces, spectra, of))
        value = pair_metrics.blanked(value.T, pieces.reason)
        error = functools.cache(lambda: densities.log_error(value, deleted, spectra.weight))
        return {
            "": value,
            "low": lambda: value * np.exp(-cs.half_width(error(), spectra.weight)),
            "high": lambda: value * np.exp(cs.half_width(error(), spectra.weight)),
            "error": error,
            "reason": named.noted(pieces.reason, empty),
        }, {"band": list(bands)}

    found = pair_metrics.of_channels(activity, band_power.name, of, measured, segment=segment, bin_size=bin_size)
    return pair_metrics.in_units(found, densities.unit_of(activity, of), band_power)
