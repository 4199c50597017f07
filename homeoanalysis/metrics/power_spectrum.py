"""Power spectrum of signals and of spike trains."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import densities, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Kind, Pieces, TimeHalfBandwidth, recorded_kind
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """An autoregressive signal of order 2: 2 dt / |1 - a z - b z^2|^2, z = exp(-2 pi i f dt)."""
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(500, 1 / 250)[3:-3] / 250)
    value = 2 / 250 / np.abs(1 - 1.2 * z + 0.7 * z**2) ** 2
    return Truth(synthetic.autoregressive_signal(2, 64.0, 250.0, rng), value, {"segment": 2.0})


def _null(rng: np.random.Generator) -> Truth:
    """White noise of unit variance: 2 dt at all frequencies."""
    activity = synthetic.with_signal([np.linspace(1, 63, 100)], rng.normal(size=(2, 64 * 250)), 250.0)
    return Truth(activity, 2 / 250, {"segment": 2.0})


@metric(
    units="1/Hz",
    dims=("channel", "epoch", "frequency"),
    bounds=(0, np.inf),
    companions={
        **pair_metrics.ends("1/Hz", (0, np.inf), "jackknife of the logarithm over groups of pieces"),
        "df": pair_metrics.DF,
    },
    source="multitaper: Thomson 1982, doi:10.1109/PROC.1982.12433; interval: Thomson & Chave 1991, in Haykin (ed.), Advances in "
    "Spectrum Analysis, chapter 2",
    family="spectra",
    scale=None,
    truth=_truth,
    surrogate=surrogate.shuffled_samples,
    null=_null,
)
def power_spectrum(
    activity: xr.Dataset,
    *,
    of: Kind = "lfp",
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Power spectral density.

    activity: activity/1 with what `of` names; the parameters are those of `coherence`.
    Returns (channel, epoch, frequency), in the signal's unit^2/Hz, one-sided: its integral is the variance; of spikes in Hz,
    two-sided, so that it is the rate of a Poisson train. NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `of` names or with fewer than 8 independent estimates; DataError beyond Nyquist.
    """
    of = recorded_kind(activity, of)

    def measured(pieces: Pieces) -> Any:
        spectra = cs.cross_spectra(pieces, densities.NO_PAIRS, time_half_bandwidth=time_half_bandwidth, highest=highest)
        value, deleted = densities.densities(pieces, spectra, of)
        value = pair_metrics.blanked(value.T, pieces.reason)
        error = functools.cache(lambda: densities.log_error(value, deleted, spectra.weight))
        return {
            "": value,
            "low": lambda: value * np.exp(-cs.half_width(error(), spectra.weight)),
            "high": lambda: value * np.exp(cs.half_width(error(), spectra.weight)),
            "df": spectra.n,
        }, {"frequency": pair_metrics.hertz(spectra.frequency)}

    found = pair_metrics.of_channels(activity, power_spectrum.name, of, measured, segment=segment, bin_size=bin_size)
    return pair_metrics.in_units(found, densities.unit_of(activity, of), power_spectrum)
