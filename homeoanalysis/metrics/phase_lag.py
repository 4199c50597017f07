"""Phase lag between two channels, where they are coherent."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import multitaper, pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.units import Hertz, Second

_ENOUGH = 10.0  # L gamma^2, below which the interval of a phase is wrong


def _truth(rng: np.random.Generator) -> Truth:
    """Noise, and the same a sample (4 ms) later with other noise: -2 pi f d."""
    frequency = np.fft.rfftfreq(256, 1 / 250)[3:-3]
    return Truth(synthetic.delayed_pair(1, 0.4, 64.0, 250.0, rng), -2 * np.pi * frequency / 250, {"segment": 1.024})


def _null(rng: np.random.Generator) -> Truth:
    """Related signals without any delay."""
    return Truth(synthetic.related_pair(0.4, 64.0, 250.0, rng), 0.0, {"segment": 1.024})


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-np.pi, np.pi),
    companions={
        "low": Companion("1", "95 % interval, not folded back at pi", (-2 * np.pi, 2 * np.pi)),
        "high": Companion("1", "95 % interval, not folded back at pi", (-2 * np.pi, 2 * np.pi)),
        "df": pair_metrics.DF,
    },
    source="phase of the cross-spectrum, with elephant's sign; interval 1.96 sqrt((1 - c) / (2 L c)), c the coherence less its "
    "bias: Bendat & Piersol 2010, Random Data, chapter 9; undefined below L gamma^2 = 10",
    family="spectra",
    scale=None,
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    null=_null,
)
def phase_lag(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Phase lag [radian]: -2 pi f d where the second channel is the first delayed by d.

    activity: activity/1 with what `between` names; the parameters are those of `coherence`.
    Returns (pair, epoch, frequency), from -pi to pi; NaN where the channels are not coherent, L gamma^2 < 10, and with the
    reason in the coordinate `reason` where nothing could be measured.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates; DataError beyond Nyquist.
    """

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        spectra = cs.cross_spectra(pieces, pairs, time_half_bandwidth=time_half_bandwidth, highest=highest)
        total, n = cs.sums(spectra), spectra.n
        raw = cs.squared(total).T
        value = pair_metrics.blanked(-np.angle(total.cross).T, reasons)
        value[~(raw * n >= _ENOUGH)] = np.nan
        c = np.maximum(multitaper.subtract_bias(raw, n), 1e-12)
        width = np.minimum(1.96 * np.sqrt((1 - c) / (2 * n * c)), np.pi)
        found = {"": value, "low": value - width, "high": value + width, "df": n}
        return found, {"frequency": pair_metrics.hertz(spectra.frequency)}

    return pair_metrics.of_pairs(activity, phase_lag.name, between, measured, segment=segment, bin_size=bin_size)
