"""Pairwise phase consistency of spikes with the rhythm of a signal."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import pair_metrics, spike_phases
from homeoanalysis.numerics import signal_surrogates as surrogate
from homeoanalysis.numerics import synthetic_signals as synthetic
from homeoanalysis.numerics.pieces import BANDS, Bands, Signal
from homeoanalysis.units import Second

_BANDS = {"theta_hippocampal": (6.0, 10.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Spikes of the intensity 20 Hz (1 + 0.8 cos phase): vector strength 0.4, so 0.16 for each pair of spikes."""
    both = {"trial": 0.16, "equal_trial": 0.16}
    return Truth(synthetic.locked_spikes(20.0, 0.8, 64.0, 250.0, rng), 0.16, {"bands": _BANDS, "signal": "lfp"}, both)


def _pairs(total: np.ndarray, count: np.ndarray) -> float:
    """|sum|^2 less the spikes with themselves, over the number of pairs."""
    n = count.sum()
    return float((np.abs(total.sum()) ** 2 - n) / (n * (n - 1)))


@metric(
    units="1",
    dims=("pair", "epoch", "band"),
    bounds=(-1, 1),
    companions={
        **pair_metrics.ends("1", (-2, 2), "jackknife over groups of trials"),
        "trial": Companion("1", "PPC1: pairs of spikes of different trials only", (-2, 2)),
        "equal_trial": Companion("1", "PPC2: the same, all pairs of trials of equal weight", (-2, 2)),
        "p": Companion("1", "Probability of a value as large where spikes are turned round in time against the signal", (0, 1)),
        "q": pair_metrics.discovery("pairs and bands"),
        "spikes": Companion("1", "Spikes with a phase", (0, np.inf)),
    },
    source="PPC0: Vinck et al. 2010, doi:10.1016/j.neuroimage.2010.01.073; PPC1, PPC2: Vinck et al. 2012, "
    "doi:10.1007/s10827-011-0374-4; undefined below 50 spikes",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
)
def pairwise_phase_consistency(
    activity: xr.Dataset, *, signal: Signal = "lfp", bands: Bands = BANDS, trial: Second = 1.0
) -> Mapping[str, Any]:
    """Pairwise phase consistency (PPC0): 0 without locking whatever the number of spikes, 1 at one phase only.

    activity: activity/1 with spikes and the signal. bands: name: [low, high] in Hz, of a zero-phase filter. trial: [s] of the
    pieces that stand for trials, where the activity has none.
    Returns (pair, epoch, band), [1], of each unit with each channel; NaN with fewer than 50 spikes, with the reason in the
    coordinate `reason`. A signal from the electrode of the unit holds the spike itself: choose another.
    Raises NotApplicable without spikes, the signal, or a stretch of it that is long enough.
    """

    def measured(one: spike_phases.Locked) -> dict[str, Any]:
        total, count = spike_phases.groups(one)
        n, m, squares = one.spikes.sum(), one.spikes.size, np.abs(one.total) ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            value = _pairs(total, count)
            deleted = np.array([_pairs(np.delete(total, k), np.delete(count, k)) for k in range(count.size)])
            width = spike_phases.half_width(value, deleted, count)
            mean = one.total / one.spikes
            return {
                "": value,
                "low": value - width,
                "high": value + width,
                "trial": (np.abs(one.total.sum()) ** 2 - squares.sum()) / (n**2 - np.sum(one.spikes**2)),
                "equal_trial": (np.abs(mean.sum()) ** 2 - np.sum(np.abs(mean) ** 2)) / (m * (m - 1)) if m > 1 else np.nan,
            }

    return spike_phases.of_units(activity, pairwise_phase_consistency.name, signal, bands, trial, measured)
