"""Debiased weighted phase-lag index: whether one channel consistently leads the other, whatever both see at once."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import pair_metrics
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Between, Pieces, TimeHalfBandwidth
from homeoanalysis.units import Hertz, Second

_LIMIT = 1 - 1e-12  # atanh(1) is infinite: a channel that always leads


def _truth(rng: np.random.Generator) -> Truth:
    """Of Gaussian channels of coherency r + im the index is 2 m s / (s^2 + m^2), s^2 = 1 - r^2; here those of a delay."""
    frequency = np.fft.rfftfreq(256, 1 / 250)[3:-3]
    r, m = (np.sqrt(0.4) * f(2 * np.pi * frequency / 250) for f in (np.cos, np.sin))
    s = np.sqrt(1 - r**2)
    return Truth(synthetic.delayed_pair(1, 0.4, 64.0, 250.0, rng), (2 * m * s / (s**2 + m**2)) ** 2, {"segment": 1.024})


def _signed(total: np.ndarray) -> np.ndarray:
    """The same -> atanh of the index with its sign, which is normal at 0 too, as its square is not."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.arctanh(np.clip(total[0] / total[1], -_LIMIT, _LIMIT)))


def _debiased(total: np.ndarray) -> np.ndarray:
    """Sums of Im, |Im| and Im^2 along the first axis -> the estimate."""
    plain, magnitude, square = total
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((plain**2 - square) / (magnitude**2 - square))


@metric(
    units="1",
    dims=("pair", "epoch", "frequency"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (-1, 1)),
        "p": Companion("1", "Probability of a lag as consistent where there is none (t test of the imaginary parts)", (0, 1)),
        "q": pair_metrics.discovery("pairs and frequencies"),
        "df": pair_metrics.DF,
    },
    source="debiased estimator of the squared index: Vinck et al. 2011, doi:10.1016/j.neuroimage.2011.01.055, eq. 23; interval: "
    "jackknife of atanh of the index with its sign, squared",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    null=surrogate_of(_truth, surrogate.shifted_channels, 0.0),
)
def weighted_phase_lag_index(
    activity: xr.Dataset,
    *,
    between: Between = ("lfp", "lfp"),
    segment: Second = 4.0,
    time_half_bandwidth: TimeHalfBandwidth = 3.0,
    bin_size: Second | None = None,
    highest: Hertz | None = None,
) -> Mapping[str, Any]:
    """Weighted phase-lag index, squared and debiased: 0 without a consistent lag, 1 where one channel always leads.

    activity: activity/1 with what `between` names; the parameters are those of `coherence`.
    Returns (pair, epoch, frequency), [1]; its mean is 0 without a lag, so that values can be negative. NaN with the reason in
    the coordinate `reason`.
    Raises NotApplicable without what `between` names or with fewer than 8 independent estimates; DataError beyond Nyquist.
    """
    from scipy import special

    def measured(pieces: Pieces, pairs: pair_metrics.Pairs, reasons: pair_metrics.Reasons) -> Any:
        every, kept = cs.frequencies(pieces, time_half_bandwidth, highest)
        n_tapers = int(2 * time_half_bandwidth) - 1
        n = pieces.kept.size * n_tapers
        cs.enough(n)
        group, n_groups = cs.groups_of(pieces.kept.size, n_tapers, 24.0 * kept.size * len(pairs))
        total = np.zeros((3, n_groups, kept.size, len(pairs)))
        done = 0
        for block, x in cs.coefficients(pieces, pieces.kept, time_half_bandwidth, kept):
            mine = group[done : done + block.size]
            done += block.size
            for k, (a, b) in enumerate(pairs):
                im = (x[a] * np.conj(x[b])).imag  # (piece, taper, frequency)
                for g in range(mine[0, 0], mine[-1, -1] + 1):
                    here = im[mine == g]
                    total[:, g, :, k] += here.sum(0), np.abs(here).sum(0), (here**2).sum(0)
        whole = total.sum(axis=1)
        weight = np.bincount(group.ravel()).astype(float)
        value = _debiased(whole)
        z = np.abs(_signed(whole))
        width = cs.half_width(cs.standard_error(_signed(whole), _signed(whole[:, None] - total), weight), weight)
        ends = np.tanh(np.maximum(z - width, 0)) ** 2, np.tanh(z + width) ** 2
        # An estimate below 0 is in its own interval, which starts there.
        low, high = (pair_metrics.blanked(end.T, reasons) for end in (np.fmin(ends[0], value), ends[1]))
        value = pair_metrics.blanked(value.T, reasons)
        with np.errstate(invalid="ignore", divide="ignore"):
            t = whole[0] / np.sqrt(np.maximum(whole[2] - whole[0] ** 2 / n, 0) * n / (n - 1))
        p = pair_metrics.blanked(2 * special.stdtr(n - 1, -np.abs(t)).T, reasons)
        return {
            "": np.clip(value, -1, 1),
            "low": low,
            "high": high,
            "p": p,
            "q": discoveries(p),
            "df": n,
        }, {"frequency": pair_metrics.hertz(every)}

    return pair_metrics.of_pairs(activity, weighted_phase_lag_index.name, between, measured, segment=segment, bin_size=bin_size)
