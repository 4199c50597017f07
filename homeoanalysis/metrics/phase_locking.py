"""How strongly spikes are locked to the rhythm of a signal, and the phase that they prefer."""

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
    """Spikes of the intensity 20 Hz (1 + 0.8 cos phase): vector strength 0.4 at the phase 0."""
    activity = synthetic.locked_spikes(20.0, 0.8, 64.0, 250.0, rng)
    return Truth(activity, 0.4, {"bands": _BANDS, "signal": "lfp"}, {"preferred": 0.0})


@metric(
    units="1",
    dims=("pair", "epoch", "band"),
    bounds=(0, 1),
    companions={
        **pair_metrics.ends("1", (-1, 2), "jackknife over groups of trials"),
        "preferred": Companion("1", "Preferred phase [radian]: 0 is the peak of the signal", (-np.pi, np.pi)),
        "preferred_low": Companion("1", "95 % interval of it (jackknife), not folded back at pi", (-3 * np.pi, 3 * np.pi)),
        "preferred_high": Companion("1", "95 % interval of it (jackknife), not folded back at pi", (-3 * np.pi, 3 * np.pi)),
        "p": Companion("1", "Probability of a value as large where spikes are turned round in time against the signal", (0, 1)),
        "q": pair_metrics.discovery("pairs and bands"),
        "spikes": Companion("1", "Spikes with a phase", (0, np.inf)),
    },
    source="length and direction of the mean vector of the spikes' phases: Mardia & Jupp 2000, Directional Statistics, section "
    "2.3; the length reads sqrt(R^2 + 1/n), so compare few spikes by pairwise_phase_consistency; undefined below 50 spikes",
    family="spectra",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
)
def phase_locking(
    activity: xr.Dataset, *, signal: Signal = "lfp", bands: Bands = BANDS, trial: Second = 1.0
) -> Mapping[str, Any]:
    """Phase locking of spikes (vector strength).

    activity: activity/1 with spikes and the signal; the parameters are those of `pairwise_phase_consistency`.
    Returns (pair, epoch, band), [1], of each unit with each channel; NaN with fewer than 50 spikes, with the reason in the
    coordinate `reason`. The preferred phase means something where p is small.
    Raises NotApplicable without spikes, the signal, or a stretch of it that is long enough.
    """

    def measured(one: spike_phases.Locked) -> dict[str, Any]:
        total, count = spike_phases.groups(one)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean, without = total.sum() / count.sum(), (total.sum() - total) / (count.sum() - count)
            width = spike_phases.half_width(np.abs(mean), np.abs(without), count)
            turn = min(spike_phases.half_width(0.0, np.angle(without * np.conj(mean)), count), 2 * np.pi)
        length, phase = np.abs(mean), np.angle(mean)
        found = {"": length, "low": length - width, "high": length + width}
        return {**found, "preferred": phase, "preferred_low": phase - turn, "preferred_high": phase + turn}

    return spike_phases.of_units(activity, phase_locking.name, signal, bands, trial, measured)
