"""Coherence of pairs in named bands of frequencies."""

import functools
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
from homeoanalysis.numerics.pieces import BANDS, Bands, Between, Pieces, Spans, TimeHalfBandwidth
from homeoanalysis.statistics import phase_rotation as rotation
from homeoanalysis.units import Second

_LIMIT = 1 - 1e-12  # atanh(1) is infinite: a signal with itself


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals of the coherence 0.4 at all frequencies, so in all bands."""
    bands = {"alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}
    return Truth(synthetic.related_pair(0.4, 64.0, 250.0, rng), 0.4, {"segment": 1.024, "bands": bands})


def _describe_null(spectra: cs.Spectra, inside: np.ndarray, scale: np.ndarray) -> rotation.RotationNull:
    """The null of the mean over each band: (pair, band)."""
    segments, inflation = cs.sum_segments(spectra), cs.measure_inflation(spectra)
    found = np.full((4, len(spectra.pairs), len(inside)), np.nan)
    for p in range(len(spectra.pairs)):
        for b in np.flatnonzero(inside.any(axis=1)):
            row = inside[b]
            found[:, p, b] = rotation.describe_mean_rotations(segments[:, row, p], scale[row, p], inflation[row, p])
    return rotation.RotationNull(*found)


@metric(
    units="1",
    dims=("pair", "epoch", "band"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (0, 1)),
        "threshold": Companion("1", "Coherence that independent channels exceed with probability 0.05, less its bias", (-1, 1)),
        "p": Companion("1", "Probability of a value as large of independent channels", (0, 1)),
        "q": pair_metrics.discovery("pairs and bands"),
        "df": pair_metrics.DF,
        "segments": pair_metrics.SEGMENTS,
    },
    source="mean over the band of the coherence less its bias; null: that of `coherence`, a segment turned by one phase at all "
    "frequencies, by the beta distribution with its mean and variance",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    not_inside=multitaper.NOT_INSIDE,
    rejects=lambda found: found.band_coherence > found.band_coherence_threshold,
    derived_from=("coherence",),
)
def band_coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    bands: Bands = BANDS,
    exclude: Spans = (),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Coherence in bands (mean magnitude-squared, bias-corrected).

    activity: activity/1 with what `between` names; those parameters are of `coherence`. bands:
    name: [low, high], in Hz. exclude: spans that are left out, e.g. of line noise.
    Returns (pair, epoch, band), [1]; NaN with the reason in the coordinate `reason`, also of a band
    beyond Nyquist.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
        inside, empty = named.members(spectra.frequency, bands, exclude)
        scale, less = cs.multiply_powers(spectra), cs.count_estimates(spectra)

        def mean(part: cs.Sums) -> np.ndarray:
            # Of values less their bias, whose L is that of all groups: it hardly changes where one
            # is left out.
            return named.averaged(multitaper.subtract_bias(cs.squared(part), less), inside)

        least = named.averaged(1 / (2 * less), inside)

        def stable(part: cs.Sums) -> np.ndarray:
            # Not atanh |gamma|, as of a single frequency: where the mean is near 0, its bias is
            # larger than its error. A
            # coherence c less its bias varies as 2 c + 1 / L, so that this scale, from c = -1 / (2
            # L) to 1, makes it even.
            share = np.clip((mean(part) + least) / (1 + least), 0, _LIMIT)
            return np.asarray(np.arctanh(np.sqrt(share)))

        value = pair_metrics.blanked(mean(cs.sums(spectra)).T, reasons)
        raw = pair_metrics.blanked(named.averaged(cs.squared(cs.sums(spectra)), inside).T, reasons)

        @functools.cache
        def ends() -> tuple[np.ndarray, np.ndarray]:
            z, error = cs.jackknife(spectra, stable, is_joint=True)
            width = cs.half_width(error, spectra.weight)
            share = (np.tanh(np.maximum(z + sign * width, 0)) ** 2 for sign in (-1, 1))
            low, high = (np.clip(x * (1 + least.T) - least.T, 0, 1) for x in share)
            return np.where(np.isnan(value), np.nan, low), np.where(np.isnan(value), np.nan, high)

        null = _describe_null(spectra, inside, scale)
        p = rotation.measure_rotation_p(raw, null)
        limits = rotation.find_rotation_threshold(null)
        segments = pair_metrics.blanked(null.segments, reasons)
        told = cs.explain_missing(np.where(np.isnan(raw), 1.0, segments), reasons, "bands")
        return {
            "": value,
            "low": lambda: ends()[0],
            "high": lambda: ends()[1],
            "threshold": pair_metrics.blanked(limits, reasons) - (raw - value),
            "p": p,
            "q": discoveries(p),
            "df": spectra.n,
            "segments": segments,
            "reason": named.noted(told, empty),
        }, {"band": list(bands)}

    return pair_metrics.of_pairs(activity, band_coherence.name, between, measured, segment=segment, bin_size=bin_size)
