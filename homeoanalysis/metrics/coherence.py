"""Coherence of pairs of signals, of spikes with signals, and of pairs of units."""

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.statistics import phase_rotation as rotation
from homeoanalysis.units import Hertz, Second


def _truth(rng: np.random.Generator) -> Truth:
    """Two autoregressive signals of order 2 with the same spectrum, y = sqrt(0.4) x + sqrt(0.6) n: coherence 0.4."""
    return Truth(synthetic.related_pair(0.4, 64.0, 250.0, rng), 0.4, {"segment": 1.024})


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (0, 1)),
        "uncorrected": Companion("1", "Coherence with its bias", (0, 1)),
        "threshold": Companion("1", "Uncorrected coherence that independent signals exceed with probability 0.05", (0, np.inf)),
        "segments": pair_metrics.SEGMENTS,
        "q": pair_metrics.discovery("pairs and frequencies"),
        "df": pair_metrics.DF,
    },
    source="magnitude-squared, multitaper; bias gamma^2 - (1 - gamma^2)^2 / L, L from the jackknife variance of the coherency; "
    "interval: Jarvis & Mitra 2001, doi:10.1162/089976601300014312; threshold: whole segments turned by random phases, their "
    "amplitudes kept",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    not_inside=multitaper.NOT_INSIDE,
    rejects=lambda found: found.coherence_uncorrected > found.coherence_threshold,
)
def coherence(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Coherence (magnitude-squared, bias-corrected).

    activity: activity/1 with what `between` names: spikes or signals. Of one kind, each two
    channels are a pair; of two kinds, each of the first with each of the second, so that spikes
    with lfp is the spike-field coherence. field_potential is the lfp of a recording and the
    lfp_proxy of a model, so that both can share a label.
    segment: [s] of the pieces, which never bridge a gap; half-bandwidth W = time_half_bandwidth /
    segment. bin_size: [s],
    by default the step of the signals, 1 ms for spikes alone. highest: [Hz], by default W below
    Nyquist.
    Returns (pair, epoch, frequency), [1], from W on; its mean is 0 for independent channels, so
    that single values can be negative. NaN, with the reason in the coordinate `reason`, for a train
    of fewer than 20 spikes or a flat signal.
    The threshold holds where both channels share a gain, states or spindles, and where rhythms
    outlast a segment. It is NaN where a single segment makes nearly all of it (below 1.5 effective
    ones), at the frequency of a line, and below 4 pieces. A field that both channels pick up, a
    line, or a stimulus that evokes both, makes them coherent: no test can tell.
    Raises NotApplicable without what `between` names, with a single channel, or fewer than 8
    independent estimates;
    DataError beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=highest)
        raw = pair_metrics.blanked(cs.squared(cs.sums(spectra)).T, reasons)
        n = cs.count_estimates(spectra).T
        null = cs.describe_null(spectra)
        scale = cs.multiply_powers(spectra)
        ends = functools.cache(lambda: cs.interval_of(raw, *cs.jackknife(spectra, cs.stabilised), n, spectra.weight))
        segments = pair_metrics.blanked(null.segments.T, reasons)
        return {
            "": multitaper.subtract_bias(raw, n),
            "low": lambda: ends()[0],
            "high": lambda: ends()[1],
            "uncorrected": raw,
            "threshold": lambda: pair_metrics.blanked((rotation.find_rotation_threshold(null) / scale).T, reasons),
            "segments": segments,
            "q": lambda: discoveries(rotation.measure_rotation_p(raw.T * scale, null).T),
            "df": spectra.n,
            "reason": cs.explain_missing(segments, reasons),
        }, {"frequency": pair_metrics.hertz(spectra.frequency)}

    return pair_metrics.of_pairs(activity, coherence.name, between, measured, segment=segment, bin_size=bin_size)
