"""Delay between two channels in a band, from the slope of their phase."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import bands as named
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import BANDS, Bands, Between, Pieces, TimeHalfBandwidth
from homeoanalysis.statistics import phase_rotation as rotation
from homeoanalysis.units import Second

_FEWEST = 5  # significant frequencies that a slope is taken of
_BANDS = {"alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Noise, and the same two samples (8 ms) later with other noise."""
    return Truth(synthetic.delayed_pair(2, 0.5, 64.0, 250.0, rng), 0.008, {"segment": 1.024, "bands": _BANDS})


def _null(rng: np.random.Generator) -> Truth:
    """Related signals without any delay."""
    return Truth(synthetic.related_pair(0.5, 64.0, 250.0, rng), 0.0, {"segment": 1.024, "bands": _BANDS})


def _slope(phase: np.ndarray, frequency: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Of the phase (..., frequency) against the angular frequency."""
    x = 2 * np.pi * (frequency - np.average(frequency, weights=weight))
    return np.asarray((phase * weight * x).sum(axis=-1) / (weight * x**2).sum())


@metric(
    units="s",
    dims=("pair", "epoch", "band"),
    bounds=(-np.inf, np.inf),
    companions={
        **pair_metrics.ends("s", (-np.inf, np.inf)),
        "frequencies": Companion("1", "Significant frequencies that it is taken of", (0, np.inf)),
    },
    source="minus the slope of the phase against the angular frequency, weighted by c / (1 - c), c the coherence, over the "
    "frequencies of the band where the coherence is significant (5 % false discoveries over the pairs and frequencies of all "
    "bands); undefined below 5 of them",
    family="spectra",
    scale=None,
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    null=_null,
)
def group_delay(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    bands: Bands = BANDS,
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Group delay: above 0 where the second channel lags behind the first.

    activity: activity/1 with what `between` names; the parameters are those of `band_coherence`.
    Returns (pair, epoch, band), [s]; NaN with fewer than 5 significant frequencies, and with the reason in the coordinate
    `reason`. The phase is unwrapped inside the band only: a delay of more than half a period of the spacing of frequencies,
    segment / 2, would be folded.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
        inside, empty = named.members(spectra.frequency, bands)
        total = cs.sums(spectra)
        raw, null, n = cs.squared(total), cs.describe_null(spectra), spectra.n
        is_tested = np.asarray(inside.any(axis=0))[:, None] & (reasons == "")
        tested = np.where(is_tested, rotation.measure_rotation_p(raw * cs.multiply_powers(spectra), null), np.nan)
        significant = discoveries(tested) <= pair_metrics.ALPHA
        value, error, used = (np.full((len(pairs), len(bands)), np.nan) for _ in range(3))
        for p in range(len(pairs)):
            left = total.cross[:, p] - spectra.cross[:, :, p]
            for b, row in enumerate(inside):
                at = np.flatnonzero(row & significant[:, p])
                used[p, b] = at.size
                if at.size < _FEWEST:
                    continue
                phase = np.unwrap(np.angle(total.cross[at, p]))
                without = phase + np.angle(left[:, at] * np.exp(-1j * phase))
                c = np.clip(multitaper.subtract_bias(raw[at, p], n), 1e-3, 1 - 1e-9)
                slopes = (_slope(x, spectra.frequency[at], c / (1 - c)) for x in (phase, without))
                value[p, b], deleted = slopes
                error[p, b] = cs.standard_error(value[p, b], deleted, spectra.weight)
        width = cs.half_width(error, spectra.weight)
        return {
            "": value,
            "low": value - width,
            "high": value + width,
            "frequencies": used,
            "reason": named.noted(reasons, empty),
        }, {"band": list(bands)}

    return pair_metrics.of_pairs(activity, group_delay.name, between, measured, segment=segment, bin_size=bin_size)
