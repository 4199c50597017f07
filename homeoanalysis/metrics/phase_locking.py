"""How strongly spikes are locked to the rhythm of a signal, and the phase that they prefer."""

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
    """Spikes of the intensity 20 Hz (1 + 0.8 cos phase): vector strength 0.4 at the phase 0."""
    activity = synthetic.locked_spikes(20.0, 0.8, 64.0, 250.0, rng)
    return Truth(activity, 0.4, {"bands": _BANDS, "signal": "lfp"}, {"preferred": 0.0})


@metric(
    units="1",
    dims=("pair", "epoch", "band"),
    bounds=(0, 1),
    companions={
        "low": Companion("1", "95 % interval (jackknife over groups of trials)", (-1, 2)),
        "high": Companion("1", "95 % interval (jackknife over groups of trials)", (-1, 2)),
        "preferred": Companion("1", "Preferred phase [radian]: 0 is the peak of the signal", (-np.pi, np.pi)),
        "preferred_low": Companion("1", "95 % interval of it (jackknife), not folded back at pi", (-3 * np.pi, 3 * np.pi)),
        "preferred_high": Companion("1", "95 % interval of it (jackknife), not folded back at pi", (-3 * np.pi, 3 * np.pi)),
        "p": Companion("1", "Probability of a value as large where spikes are turned round in time against the signal", (0, 1)),
        "spikes": Companion("1", "Spikes with a phase", (0, np.inf)),
    },
    source="length and direction of the mean vector of the spikes' phases: Mardia & Jupp 2000, Directional Statistics, section "
    "2.3; the length reads sqrt(R^2 + 1/n), so compare few spikes by pairwise_phase_consistency; undefined below 50 spikes",
    scale="linear",
    truth=_truth,
    surrogate=surrogate.shifted_channels,
    cost=0.05,
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
    usable, why = spike_phases.usable(activity, signal, bands)
    keys = ("", "low", "high", "preferred", "preferred_low", "preferred_high", "p", "spikes")

    def measured(label: str) -> dict[str, np.ndarray]:
        known = spike_phases.locked(activity, signal, list(usable.values()), observed.epoch(activity, label), trial)
        shape = activity.sizes["unit"], activity.sizes[f"{signal}_channel"], len(bands)
        found = {key: np.full(shape, np.nan) for key in keys}
        for (unit, channel, b), one in known.items():
            at = unit, channel, list(bands).index(list(usable)[b])
            found["spikes"][at] = one.spikes.sum()
            if one.spikes.sum() < spike_phases.MINIMUM:
                continue
            total, count = spike_phases.groups(one)
            mean = total.sum() / count.sum()
            without = (total.sum() - total) / (count.sum() - count)
            width, turn = (
                cs.half_width(cs.standard_error(np.asarray(value), deleted, count), count) if count.size > 1 else np.nan
                for value, deleted in ((np.abs(mean), np.abs(without)), (0.0, np.angle(without * np.conj(mean))))
            )
            values = np.abs(mean) + np.array([0, -width, width]), np.angle(mean) + np.array([0, -1, 1]) * min(turn, 2 * np.pi)
            for key, value in zip(keys, [*values[0], *values[1]], strict=False):
                found[key][at] = value
            found["p"][at] = spike_phases.chance(one)
        reasons = spike_phases.reasons(activity, signal, found["spikes"], why)
        named = {"_".join(filter(None, ("phase_locking", key))): v.reshape(-1, len(bands)) for key, v in found.items()}
        return {**named, "reason": reasons}

    found, labels, reasons = pair_metrics.over_epochs(activity, measured)
    coords = pair_metrics.pair_coords(activity, ("spikes", signal), reasons, labels) | {"band": list(bands)}
    return {**found, "coords": coords}
