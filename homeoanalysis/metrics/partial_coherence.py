"""Partial coherence: what two channels share beyond what all the others explain."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.statistics import phase_rotation as rotation
from homeoanalysis.units import Hertz, Second

_CORRELATION = np.array([[1, 0.7, 0.6], [0.7, 1, 0.65], [0.6, 0.65, 1]])


def _truth(rng: np.random.Generator) -> Truth:
    """Three autoregressive signals of one spectrum with these correlations at all frequencies."""
    noise = np.linalg.cholesky(_CORRELATION) @ rng.normal(size=(3, 64 * 250 + 200))
    activity = synthetic.with_signal([np.linspace(1, 63, 100)], synthetic.autoregressive(noise), 250.0)
    inverse = np.linalg.inv(_CORRELATION)
    known = inverse**2 / np.outer(np.diag(inverse), np.diag(inverse))
    return Truth(activity, known[np.triu_indices(3, 1)][:, None, None], {"segment": 1.024})


def _partial(pairs: np.ndarray, n_channels: int) -> Any:
    """Sums of all pairs -> partial coherence of each. The inverse of the matrix of each frequency holds them all."""

    def squared(part: cs.Sums) -> np.ndarray:
        full = np.zeros((*part.cross.shape[:-1], n_channels, n_channels), complex)
        scale = np.sqrt(part.first * part.second)
        with np.errstate(invalid="ignore", divide="ignore"):
            full[..., pairs[:, 0], pairs[:, 1]] = part.cross / scale
        full += np.conj(np.swapaxes(full, -1, -2)) + np.eye(n_channels)
        defined = np.isfinite(full).all(axis=(-1, -2))
        inverse = np.full(full.shape, np.nan, complex)
        inverse[defined] = np.linalg.inv(full[defined])
        own = np.diagonal(inverse, axis1=-2, axis2=-1).real
        found = np.abs(inverse[..., pairs[:, 0], pairs[:, 1]]) ** 2 / (own[..., pairs[:, 0]] * own[..., pairs[:, 1]])
        return np.asarray(np.minimum(found, 1))

    return squared


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (0, 1)),
        "p": Companion("1", "Probability of a value as large where nothing is shared beyond the others", (0, 1)),
        "q": pair_metrics.discovery("pairs and frequencies"),
        "segments": pair_metrics.SEGMENTS,
        "df": Companion("1", "Independent estimates less the channels that are held fixed", (1, np.inf)),
    },
    source="|G_ij|^2 / (G_ii G_jj), G the inverse of the spectral matrix: Brillinger 1981, Time Series, chapter 8; bias "
    "and p are those of the coherence of the residuals, of which whole segments are turned by random phases",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    not_inside=multitaper.NOT_INSIDE,
)
def partial_coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Partial coherence (magnitude-squared, bias-corrected), given all other channels of the kinds in `between`.

    activity: activity/1 with what `between` names; the parameters are those of `coherence`.
    Returns (pair, epoch, frequency), [1]; NaN with the reason in the coordinate `reason`. A channel
    that cannot be measured is not held fixed for the others. p holds where the channels share a
    gain, states or spindles, as that of `coherence`; it is NaN under the same conditions. What a
    channel outside `between` drives is not held fixed: p cannot tell it.
    Raises NotApplicable without what `between` names, or with fewer than 8 estimates more than
    channels; DataError beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        usable = np.flatnonzero(pieces.reason == "")
        if usable.size < 2:
            raise NotApplicable("fewer than two channels can be measured")
        every = np.stack(np.triu_indices(usable.size, 1), axis=1)
        spectra = cs.cross_spectra(pieces, usable[every], time_half_bandwidth=time_half_bandwidth, highest=highest)
        n = spectra.n - (usable.size - 2)
        cs.enough(n)
        place = {tuple(pair): k for k, pair in enumerate(every.tolist())}
        index = {int(c): k for k, c in enumerate(usable)}
        at = np.array([place[tuple(sorted((index[a], index[b])))] if a in index and b in index else 0 for a, b in pairs.tolist()])
        statistic = _partial(every, usable.size)
        raw = pair_metrics.blanked(statistic(cs.sums(spectra)).T[at], reasons)
        rest = cs.subtract_others(spectra)
        less = cs.count_estimates(rest, usable.size - 2).T[at]
        null = cs.describe_null(rest, usable.size - 2)
        p = pair_metrics.blanked(
            rotation.measure_rotation_p(cs.squared(cs.sums(rest)) * cs.multiply_powers(rest), null).T[at], reasons
        )
        segments = pair_metrics.blanked(null.segments.T[at], reasons)

        @functools.cache
        def ends() -> tuple[np.ndarray, np.ndarray]:
            z, error = cs.jackknife(spectra, lambda part: cs.stabilise_variance(statistic(part)), is_joint=True)
            return cs.interval_of(raw, z[at], error[at], less, spectra.weight)

        return {
            "": multitaper.subtract_bias(raw, less),
            "low": lambda: ends()[0],
            "high": lambda: ends()[1],
            "p": p,
            "q": discoveries(p),
            "segments": segments,
            "df": n,
            "reason": cs.explain_missing(segments, reasons),
        }, {"frequency": pair_metrics.hertz(spectra.frequency)}

    return pair_metrics.of_pairs(activity, partial_coherence.name, between, measured, segment=segment, bin_size=bin_size)
