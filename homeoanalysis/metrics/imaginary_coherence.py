"""Imaginary part of the coherency: what of a relation cannot be of one source that both channels see at once."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.statistics import phase_rotation as rotation
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """Noise, and the same a sample later with other noise: -sqrt(c) sin(2 pi f d)."""
    frequency = np.fft.rfftfreq(256, 1 / 250)[3:-3]
    value = -np.sqrt(0.4) * np.sin(2 * np.pi * frequency / 250)
    return Truth(synthetic.delayed_pair(1, 0.4, 64.0, 250.0, rng), value, {"segment": 1.024})


def _imaginary(part: cs.Sums) -> np.ndarray:
    return np.asarray(-cs.coherency(part).imag)


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (-1, 1)),
        "p": Companion("1", "Probability of a value as far from 0 of channels without a lag", (0, 1)),
        "q": pair_metrics.discovery("pairs and frequencies"),
        "df": pair_metrics.DF,
    },
    source="Im S / sqrt(S_xx S_yy): Nolte et al. 2004, doi:10.1016/j.clinph.2004.04.029; p: the sign of the "
    "imaginary part of each whole segment turned at random, its size kept",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
)
def imaginary_coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Imaginary coherence; negative where the second channel lags by less than half a period.

    activity: activity/1 with what `between` names; the parameters are those of `coherence`.
    Returns (pair, epoch, frequency), [1]; NaN with the reason in the coordinate `reason`.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates;
    DataError beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=highest)
        value = pair_metrics.blanked(_imaginary(cs.sums(spectra)).T, reasons)
        p = pair_metrics.blanked(rotation.measure_sign_p(cs.sum_segments(spectra).imag, cs.measure_inflation(spectra)).T, reasons)

        @functools.cache
        def ends() -> tuple[np.ndarray, np.ndarray]:
            z, error = cs.jackknife(spectra, lambda part: np.arctanh(np.clip(_imaginary(part), -1 + 1e-12, 1 - 1e-12)))
            width = cs.half_width(error, spectra.weight)
            low, high = (pair_metrics.blanked(np.tanh(z + sign * width), reasons) for sign in (-1, 1))
            return low, high

        return {
            "": value,
            "low": lambda: ends()[0],
            "high": lambda: ends()[1],
            "p": p,
            "q": discoveries(p),
            "df": spectra.n,
        }, {"frequency": pair_metrics.hertz(spectra.frequency)}

    return pair_metrics.of_pairs(activity, imaginary_coherence.name, between, measured, segment=segment, bin_size=bin_size)
