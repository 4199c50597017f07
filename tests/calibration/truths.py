"""What is true of a recording of the battery, in the terms of a metric.

`find_NAME` finds the truth that a case calls NAME. It takes the recording, the condition that it is
of, and what the metric gave. It returns what broadcasts against the metric's variable: NaN where
there is no truth, masked values that are not judged. None: the quantity is not judged on this
condition. Of tests and claims it returns whether there is nothing to find.
"""

from typing import Any

import numpy as np
import xarray as xr

from battery.catalogue import Condition
from battery.fields import DURATION, RATE
from battery.recording import Recording


def find_rate_of_unit(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Long-run rate (unit, epoch) in Hz."""
    rates = [one.truth["unit_epoch_factor"][label] for label in result.epoch.values]
    return one.truth["unit_rate"][:, None] * np.stack(rates, axis=1)


def find_zero(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """No change, no trend, no lag."""
    return 0.0


def find_residual(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Change of the population's long-run rate; of a random walk, of expectations."""
    return one.truth["epoch_factor"]["recovery"] - 1


def find_recovered(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Recovery fraction; NaN where nothing was done."""
    return one.truth["recovery_fraction"]


def find_tau(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Time constant (s), infinite where rates stay down; not judged where nothing was done."""
    return None if np.isnan(one.truth["tau"]) else one.truth["tau"]


def find_never_recovers(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Nothing recovers: rates stay down, or nothing was done."""
    return not np.isfinite(one.truth["tau"])


def find_no_overshoot(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Rates end at or below the baseline."""
    return one.truth["overshoot"] == 0


def find_nothing(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """What the test looks for is in no recording of the conditions."""
    return True


def find_deepest(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Depth in the first of the windows, a 72nd of the recording; the drop is at its onset."""
    end, depth, rest = one.truth["end_factor"], one.truth["depth"], one.truth["tau"]
    window = one.duration / 72 / rest
    kept = -np.expm1(-window) / window if np.isfinite(rest) else 1.0
    return 1 - end - (1 - depth - end) * kept if one.truth["is_changed"] else 0.0


def _has_drift(one: Recording) -> bool:
    """Whether units drift apart by more than Poisson spikes do."""
    slow, spiking = one.truth["fluctuation"], one.truth["spiking"]
    return (slow.kind != "none" and slow.shared < 1) or spiking.kind != "poisson"


def find_precision(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Spread over drift: 1 of a fluctuation that has no direction in time, NaN without drift."""
    return 1.0 if _has_drift(one) else np.nan


def find_log_precision(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """The logarithm of the same."""
    return 0.0 if _has_drift(one) else np.nan


def find_ranks(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Spearman's correlation of long-run rates."""
    return one.truth["rank_correlation"]


def find_branching(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Branching parameter, of branching networks alone."""
    return one.truth["branching_parameter"] if one.truth["is_branching"] else None


def find_no_branching(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """No spike causes another."""
    return not one.truth["is_branching"]


def find_noise(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Correlation of counts in infinitely many trials, without slow gain."""
    return one.truth["noise_correlation"]


def find_information(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Lower bound of the information rate (unit, epoch) in bit/s."""
    known = one.truth["information_rate"]
    return np.stack([known[label] for label in result.epoch.values], axis=1)


def find_coherence(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Magnitude-squared coherence at all frequencies but those of a line; artefacts: not judged."""
    if "artefact_start" in one.truth:
        return None
    known = np.ma.array(np.full(result.sizes.get("frequency", 1), one.truth["coherence"]))
    if "frequency" in result.dims:
        for low, high in one.truth["excluded_frequencies"]:
            known[(result.frequency >= low) & (result.frequency <= high)] = np.ma.masked
    return known


def find_incoherent(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """The same where it is 0: whether there is nothing to find."""
    known = find_coherence(one, condition, result)
    return None if known is None else known == 0


def find_no_lag(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Channels share what they share without delay; a line is not judged, nor are artefacts."""
    known = find_coherence(one, condition, result)
    return None if known is None else known * 0 == 0


def find_no_imaginary(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Imaginary part of the coherency, 0 for the same reason."""
    known = find_coherence(one, condition, result)
    return None if known is None else known * 0


def find_power(one: Recording, condition: Condition, result: xr.Dataset) -> Any:
    """Density (V^2/Hz) of unit variance in mV: 1/f^e above 1 Hz, flat below, without 0 Hz."""
    exponent = condition.generate.args[0] if "independent" in condition.name else 2.0
    every = np.fft.rfftfreq(round(DURATION * RATE) * 6 // 5, 1 / RATE)
    shape = np.maximum(every, 1.0) ** -exponent
    total = shape[1:].sum() * every[1]
    return np.maximum(result.frequency.values, 1.0) ** -exponent / total * 1e-6
