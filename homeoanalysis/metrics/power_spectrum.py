"""Power spectrum of signals and of spike trains."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import densities, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Kind, Pieces
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
        "low": Companion("1/Hz", "95 % interval (jackknife of the logarithm over groups of pieces)", (0, np.inf)),
        "high": Companion("1/Hz", "95 % interval (jackknife of the logarithm over groups of pieces)", (0, np.inf)),
        "df": Companion("1", "Independent estimates L: tapers x pieces", (1, np.inf)),
    },
    source="multitaper: Thomson 1982, doi:10.1109/PROC.1982.12433; interval: Thomson & Chave 1991, in Haykin (ed.), Advances in "
    "Spectrum Analysis, chapter 2",
    scale=None,
    truth=_truth,
    surrogate=surrogate.shuffled_samples,
    null=_null,
    cost=0.02,
)
def power_spectrum(
    activity: xr.Dataset,
    *,
    of: Kind = "lfp",
    segment: Second = 4.0,
    time_half_bandwidth: Annotated[float, Field(ge=1, le=20)] = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Power spectral density.

    activity: activity/1 with what `of` names; the parameters are those of `coherence`.
    Returns (channel, epoch, frequency), in the signal's unit^2/Hz, one-sided: its integral is the variance; of spikes in Hz,
    two-sided, so that it is the rate of a Poisson train. NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `of` names or with fewer than 8 independent estimates; DataError beyond Nyquist.
    """
    frequency: list[np.ndarray] = []

    def measured(pieces: Pieces) -> Mapping[str, Any]:
        spectra = cs.cross_spectra(pieces, densities.NO_PAIRS, time_half_bandwidth=time_half_bandwidth, highest=highest)
        frequency[:] = [spectra.frequency]
        value, deleted = densities.densities(pieces, spectra, of)
        value = pair_metrics.blanked(value.T, pieces.reason)

        @functools.cache
        def width() -> np.ndarray:
            with np.errstate(divide="ignore", invalid="ignore"):
                error = cs.standard_error(np.log(value).T, np.log(deleted), spectra.weight)
            return cs.half_width(error, spectra.weight).T

        return {
            "power_spectrum": value,
            "power_spectrum_low": lambda: value * np.exp(-width()),
            "power_spectrum_high": lambda: value * np.exp(width()),
            "power_spectrum_df": np.full(len(pieces.names), float(spectra.n)),
            "reason": pieces.reason,
        }

    found, labels, reasons = pair_metrics.by_epoch(activity, (of,), measured, segment=segment, bin_size=bin_size)
    found["power_spectrum_df"] = (("channel", "epoch"), found["power_spectrum_df"])
    coords = pair_metrics.channel_coords(activity, of, reasons, labels) | {"frequency": pair_metrics.hertz(frequency[0])}
    units = densities.unit_of("1" if of == "spikes" else activity[of].attrs["units"], of)
    return {**pair_metrics.in_units(found, units, power_spectrum), "coords": coords}
