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
from homeoanalysis.units import Second

_LIMIT = 1 - 1e-12  # atanh(1) is infinite: a signal with itself


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals of the coherence 0.4 at all frequencies, so in all bands."""
    bands = {"alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}
    return Truth(synthetic.related_pair(0.4, 64.0, 250.0, rng), 0.4, {"segment": 1.024, "bands": bands})


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
        "independent": Companion("1", "Independent frequencies in the band", (0, np.inf)),
    },
    source="mean over the band of the coherence less its bias; null: beta distribution of that mean, for the correlation of "
    "neighbouring frequencies that the tapers make",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
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

    activity: activity/1 with what `between` names; those parameters are of `coherence`. bands: name: [low, high], in Hz.
    exclude: spans that are left out, e.g. of line noise.
    Returns (pair, epoch, band), [1]; NaN with the reason in the coordinate `reason`, also of a band beyond Nyquist.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
        inside, empty = named.members(spectra.frequency, bands, exclude)
        n = spectra.n

        def mean(part: cs.Sums) -> np.ndarray:
            return named.averaged(cs.squared(part), inside)

        def less_bias(part: cs.Sums) -> np.ndarray:
            # Not Q, as of a single frequency: where the mean is near 0 and its error small, the bias of Q is larger than both.
            return np.asarray(np.arctanh(np.clip(multitaper.corrected(mean(part), n), -_LIMIT, _LIMIT)))

        raw = pair_metrics.blanked(mean(cs.sums(spectra)).T, reasons)

        @functools.cache
        def ends() -> tuple[np.ndarray, np.ndarray]:
            z, error = cs.jackknife(spectra, less_bias)
            width = cs.half_width(error, spectra.weight)
            low, high = (np.where(np.isnan(raw), np.nan, np.clip(np.tanh(z + sign * width), 0, 1)) for sign in (-1, 1))
            return low, high

        windows = multitaper.tapers(pieces.grid.n_bins, time_half_bandwidth)
        worth = np.array([named.independent(windows, np.flatnonzero(row)) if row.any() else np.nan for row in inside])
        p = np.stack([named.null_tail(raw[:, k], n, w) for k, w in enumerate(worth)], axis=1)
        limits = np.array([named.null_quantile(0.05, n, w) for w in worth])
        each = np.ones((len(pairs), 1))
        return {
            "": multitaper.corrected(raw, n),
            "low": lambda: ends()[0],
            "high": lambda: ends()[1],
            "threshold": each * multitaper.corrected(limits, n),
            "p": p,
            "q": discoveries(p),
            "df": n,
            "independent": each * worth,
            "reason": named.noted(reasons, empty),
        }, {"band": list(bands)}

    return pair_metrics.of_pairs(activity, band_coherence.name, between, measured, segment=segment, bin_size=bin_size)
