"""Pairwise phase consistency of spikes with the rhythm of a signal."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import observed, pair_metrics, spike_phases
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
        "low": Companion("1", "95 % interval (jackknife over groups of trials)", (-2, 2)),
        "high": Companion("1", "95 % interval (jackknife over groups of trials)", (-2, 2)),
        "trial": Companion("1", "PPC1: pairs of spikes of different trials only", (-2, 2)),
        "equal_trial": Companion("1", "PPC2: the same, all pairs of trials of equal weight", (-2, 2)),
        "p": Companion("1", "Probability of a value as large where spikes are turned round in time against the signal", (0, 1)),
        "spikes": Companion("1", "Spikes with a phase", (0, np.inf)),
    },
    source="PPC0: Vinck et al. 2010, doi:10.1016/j.neuroimage.2010.01.073; PPC1, PPC2: Vinck et al. 2012, "
    "doi:10.1007/s10827-011-0374-4; undefined below 50 spikes",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    cost=0.05,
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
    usable, why = spike_phases.usable(activity, signal, bands)

    def measured(label: str) -> dict[str, np.ndarray]:
        span = observed.epoch(activity, label)
        known = spike_phases.locked(activity, signal, list(usable.values()), span, trial)
        shape = activity.sizes["unit"], activity.sizes[f"{signal}_channel"], len(bands)
        found = {key: np.full(shape, np.nan) for key in ("", "low", "high", "trial", "equal_trial", "p", "spikes")}
        for (unit, channel, b), one in known.items():
            at = unit, channel, list(bands).index(list(usable)[b])
            n = one.spikes.sum()
            found["spikes"][at] = n
            if n < spike_phases.MINIMUM:
                continue
            total, count = spike_phases.groups(one)
            found[""][at] = value = _pairs(total, count)
            deleted = np.array([_pairs(np.delete(total, k), np.delete(count, k)) for k in range(count.size)])
            width = cs.half_width(cs.standard_error(np.asarray(value), deleted, count), count) if count.size > 1 else np.nan
            found["low"][at], found["high"][at] = value - width, value + width
            squares = np.abs(one.total) ** 2
            found["trial"][at] = (np.abs(one.total.sum()) ** 2 - squares.sum()) / (n**2 - np.sum(one.spikes**2))
            mean, m = one.total / one.spikes, one.spikes.size
            found["equal_trial"][at] = (np.abs(mean.sum()) ** 2 - np.sum(np.abs(mean) ** 2)) / (m * (m - 1)) if m > 1 else np.nan
            found["p"][at] = spike_phases.chance(one)
        reasons = spike_phases.reasons(activity, signal, found["spikes"], why)
        return {
            "_".join(filter(None, (pairwise_phase_consistency.name, key))): v.reshape(-1, len(bands)) for key, v in found.items()
        } | {"reason": reasons}

    found, labels, reasons = pair_metrics.over_epochs(activity, measured)
    coords = pair_metrics.pair_coords(activity, ("spikes", signal), reasons, labels) | {"band": list(bands)}
    return {**found, "coords": coords}
