"""Coherence of pairs in named bands of frequencies."""

import functools
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import bands as named
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multiple, multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import BANDS, Bands, Between, Pieces, Spans
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals of the coherence 0.4 at all frequencies, so in all bands."""
    bands = {"alpha": (8.0, 13.0), "beta": (13.0, 30.0), "gamma": (30.0, 80.0)}
    return Truth(synthetic.related_pair(0.4, 64.0, 250.0, rng), 0.4, {"segment": 1.024, "bands": bands})


@metric(
    units="1",
    dims=("pair", "epoch", "band"),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over groups of pieces)", (0, 1)),
        "high": Companion("1", "95 % interval (jackknife over groups of pieces)", (0, 1)),
        "threshold": Companion("1", "Coherence that independent channels exceed with probability 0.05, less its bias", (-1, 1)),
        "p": Companion("1", "Probability of a value as large of independent channels", (0, 1)),
        "q": Companion("1", "False discovery rate over pairs and bands of the epoch at which it is found", (0, 1)),
        "df": Companion("1", "Independent estimates L: tapers x pieces", (1, np.inf)),
        "independent": Companion("1", "Independent frequencies in the band", (0, np.inf)),
    },
    source="mean over the band of the coherence less its bias; null: beta distribution of that mean, for the correlation of "
    "neighbouring frequencies that the tapers make",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    rejects=lambda found: found.band_coherence > found.band_coherence_threshold,
    derived_from=("coherence",),
    cost=0.03,
)
def band_coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    bands: Bands = BANDS,
    exclude: Spans = (),
    segment: Second = 4.0,
    time_half_bandwidth: Annotated[float, Field(ge=1, le=20)] = 3.0,
    bin_size: Second | None = None,
) -> Mapping[str, Any]:
    """Coherence in bands (mean magnitude-squared, bias-corrected).

    activity: activity/1 with what `between` names; those parameters are of `coherence`. bands: name: [low, high], in Hz.
    exclude: spans that are left out, e.g. of line noise.
    Returns (pair, epoch, band), [1]; NaN with the reason in the coordinate `reason`, also of a band beyond Nyquist.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates.
    """

    def measured(pieces: Pieces) -> Mapping[str, Any]:
        pairs, reasons = pair_metrics.pairs_of(pieces, between)
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=None)
        inside, empty = named.members(spectra.frequency, bands, exclude)
        n, scale, limit = spectra.n, np.sqrt(2 * spectra.n - 2), 1 - 1e-12
        raw = pair_metrics.blanked(named.averaged(cs.squared(cs.sums(spectra)), inside).T, reasons)

        def stabilised(part: cs.Sums) -> np.ndarray:
            return np.asarray(scale * np.arctanh(np.sqrt(np.clip(named.averaged(cs.squared(part), inside), 0, limit))))

        @functools.cache
        def ends() -> tuple[np.ndarray, np.ndarray]:
            return cs.interval_of(raw, *cs.jackknife(spectra, stabilised), n, spectra.weight)

        windows = multitaper.tapers(pieces.grid.n_bins, time_half_bandwidth)
        worth = np.array([named.independent(windows, np.flatnonzero(row)) if row.any() else np.nan for row in inside])
        p = np.stack([named.null_tail(raw[:, k], n, w) for k, w in enumerate(worth)], axis=1)
        limits = np.array([named.null_quantile(0.05, n, w) for w in worth])
        each = np.ones((len(pairs), 1))
        return {
            "band_coherence": multitaper.corrected(raw, n),
            "band_coherence_low": lambda: ends()[0],
            "band_coherence_high": lambda: ends()[1],
            "band_coherence_threshold": each * multitaper.corrected(limits, n),
            "band_coherence_p": p,
            "band_coherence_q": multiple.discoveries(p),
            "band_coherence_df": each[:, 0] * n,
            "band_coherence_independent": each * worth,
            "reason": named.noted(reasons, empty),
        }

    found, labels, reasons = pair_metrics.by_epoch(activity, between, measured, segment=segment, bin_size=bin_size)
    found["band_coherence_df"] = (("pair", "epoch"), found["band_coherence_df"])
    return {**found, "coords": pair_metrics.pair_coords(activity, between, reasons, labels) | {"band": list(bands)}}
