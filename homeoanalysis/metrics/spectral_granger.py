"""Spectral Granger causality of pairs of channels, in both directions."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import factorisation, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.units import Hertz, Second

_GROUPS = 10


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals that drive one another, of known coefficients."""
    forth, back = synthetic.driven_pair_causality(0.5, 0.4, 2 * np.pi * np.fft.rfftfreq(256)[3:-3].astype(float))
    return Truth(synthetic.driven_pair(0.5, 0.4, 64.0, 250.0, rng), forth, {"segment": 1.024}, {"reverse": back})


def _matrices(cross: np.ndarray, first: np.ndarray, second: np.ndarray, lowest: int, n_bins: int) -> np.ndarray:
    """Sums at the frequencies 0 to Nyquist (..., frequency) -> spectral matrices at all frequencies.

    Below W, where removing the mean of a piece takes power away, the value at W stands.
    """
    half = np.stack([np.stack([first + 0j, cross], -1), np.stack([np.conj(cross), second + 0j], -1)], -2)
    half[..., :lowest, :, :] = half[..., lowest : lowest + 1, :, :].real
    mirrored = np.conj(half[..., 1 : (n_bins + 1) // 2, :, :])[..., ::-1, :, :]
    half[..., 0, :, :] = half[..., 0, :, :].real
    if n_bins % 2 == 0:
        half[..., -1, :, :] = half[..., -1, :, :].real
    return np.concatenate([half, mirrored], axis=-3)


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-np.inf, np.inf),
    companions={
        **pair_metrics.ends("1", (-np.inf, np.inf)),
        "reverse": Companion("1", "From the second channel to the first"),
        **pair_metrics.suffixed("reverse", pair_metrics.ends("1", (-np.inf, np.inf))),
    },
    source="Geweke 1982, doi:10.2307/2287238, from the factorised multitaper cross-spectrum: Dhamala et al. 2008, "
    "doi:10.1103/PhysRevLett.100.018701; less its bias of order 1/L by the jackknife",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    null=surrogate_of(_truth, surrogate.shifted_channels, 0.0, "the jackknife of what cannot be below 0 is too wide at 0"),
)
def spectral_granger(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Spectral Granger causality from the first channel to the second.

    activity: activity/1 with what `between` names; the parameters are those of `coherence`.
    Returns (pair, epoch, frequency), [1]; its mean is about 0 without any causality, so that values can be negative. NaN with the
    reason in the coordinate `reason`. A common source that reaches one channel earlier looks like a cause.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates; DataError beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        shown, kept = cs.frequencies(pieces, time_half_bandwidth, highest)
        n_bins = pieces.grid.n_bins
        every = np.arange(n_bins // 2 + 1)
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None, kept=every)
        # Fewer groups than of a coherence: each costs a factorisation.
        merged = np.arange(spectra.weight.size) * min(spectra.weight.size, _GROUPS) // spectra.weight.size
        first_of = np.flatnonzero(np.diff(merged, prepend=-1))
        weight = np.add.reduceat(spectra.weight, first_of)
        n = weight.size

        @functools.cache
        def of(p: int) -> np.ndarray:
            """(value or width, direction, frequency) of a pair."""
            a, b = pairs[p]
            each = (spectra.cross[:, :, p], spectra.power[:, :, a], spectra.power[:, :, b])
            cross, first, second = (np.add.reduceat(v, first_of, axis=0) for v in each)
            x, y, z = (np.concatenate([v.sum(0, keepdims=True), v.sum(0) - v]) for v in (cross, first, second))
            found = np.stack(factorisation.causality(_matrices(x, y, z, int(kept[0]), n_bins)), axis=1)[..., kept]
            whole, deleted = found[0], found[1:]
            width = cs.half_width(cs.standard_error(whole, deleted, weight), weight)
            share = (weight / weight.sum())[:, None, None]
            return np.stack([n * whole - np.sum((1 - share) * deleted, axis=0), width])

        shape = len(pairs), 2, 2, kept.size
        all_pairs = np.full(shape, np.nan)
        for p in np.flatnonzero(reasons == ""):
            all_pairs[p] = of(int(p))
        value, width = np.moveaxis(all_pairs, 1, 0)
        found = {"": value, "low": value - width, "high": value + width}
        both = {"_".join(filter(None, (way, k))): v[:, d] for d, way in enumerate(("", "reverse")) for k, v in found.items()}
        return both, {"frequency": pair_metrics.hertz(shown)}

    return pair_metrics.of_pairs(activity, spectral_granger.name, between, measured, segment=segment, bin_size=bin_size)
