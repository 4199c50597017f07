"""Coherence of each unit's response with the stimulus."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import multitaper, resampling, synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import TimeHalfBandwidth
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.units import Second


def _truth(rng: np.random.Generator) -> Truth:
    """Poisson encoder, G = 200 * 0.3^2 / (2 * 60) = 0.15: coherence 0.1304 at all frequencies but within W of the cut-off."""
    activity = synthetic.poisson_encoder(200.0, 0.3, 60.0, 40.0, rng)
    frequency = np.fft.rfftfreq(256, 1e-3)[1:]
    flat = np.where((frequency > 12) & (frequency < 60 - 12), 0.15 / 1.15, np.nan)
    return Truth(activity, flat[frequency <= 60], {"bin_size": 1e-3, "segment": 0.256})


@metric(
    units="1",
    dims=("unit", "epoch", "frequency"),
    bounds=(-1, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over tapers and segments)", (0, 1)),
        "high": Companion("1", "95 % interval (jackknife over tapers and segments)", (0, 1)),
        "uncorrected": Companion("1", "Coherence with its bias", (0, 1)),
        "threshold": Companion("1", "Uncorrected coherence that independent signals exceed with probability 0.05", (0, 1)),
        "q": Companion("1", "False discovery rate over units and frequencies at which it is found", (0, 1)),
        "df": Companion("1", "Independent estimates L: tapers x segments", (1, np.inf)),
    },
    source="magnitude-squared, multitaper; bias gamma^2 - (1 - gamma^2)^2 / L; interval: Jarvis & Mitra 2001, "
    "doi:10.1162/089976601300014312",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    not_inside=multitaper.NOT_INSIDE,
    # At zero coherence the jackknife covers 83 %, not 95 %, since the estimate lies at the edge: the threshold is the test there.
    rejects=lambda found: found.stimulus_coherence_uncorrected > found.stimulus_coherence_threshold,
    each_epoch=True,
)
def stimulus_coherence(
    activity: xr.Dataset,
    *,
    bin_size: Second = 1e-3,
    segment: Second = 0.256,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
) -> Mapping[str, Any]:
    """Stimulus-response coherence (magnitude-squared, bias-corrected).

    activity: activity/1 with spikes and a covariate.
    bin_size, segment: [s]; half-bandwidth W = time_half_bandwidth / segment.
    Returns (unit, epoch, frequency), [1], from above 0 to the stimulus' highest frequency; its mean is 0 for an unrelated
    stimulus, so that single values can be negative (>= -1/L). NaN with fewer than 20 spikes.
    Raises NotApplicable without spikes or stimulus.
    """
    cut = pieces(activity, bin_size=bin_size, segment=segment)
    windows = multitaper.tapers(cut.stimulus.shape[1], time_half_bandwidth)
    frequency = np.fft.rfftfreq(cut.stimulus.shape[1], bin_size)
    kept = (frequency > 0) & (frequency <= cut.cutoff * (1 + 1e-9))
    stimulus = multitaper.eigencoefficients(cut.stimulus, windows)[:, kept]
    n = stimulus.shape[0]
    spiking = cut.response.sum(axis=(1, 2)) >= 20
    responses = [
        multitaper.eigencoefficients(r, windows)[:, kept] if s else None for r, s in zip(cut.response, spiking, strict=True)
    ]
    undefined = np.full(int(kept.sum()), np.nan)
    raw = np.stack([undefined if r is None else multitaper.magnitude_squared(stimulus, r) for r in responses])

    def end(side: int) -> np.ndarray:
        return np.stack([undefined if r is None else multitaper.coherence_interval(stimulus, r)[side] for r in responses])

    return {
        "stimulus_coherence": multitaper.subtract_bias(raw, n),
        "stimulus_coherence_low": lambda: end(0),
        "stimulus_coherence_high": lambda: end(1),
        "stimulus_coherence_uncorrected": raw,
        "stimulus_coherence_threshold": (("unit",), np.full(spiking.size, multitaper.threshold(n))),
        "stimulus_coherence_q": discoveries(multitaper.null_probability(raw, n)),
        "stimulus_coherence_df": (("unit",), np.full(spiking.size, n)),
        "coords": {"unit": activity.unit.values, "frequency": ("frequency", frequency[kept], {"units": "Hz"})},
    }
