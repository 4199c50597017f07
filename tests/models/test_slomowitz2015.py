"""A population recovers and its neurons do not, if homeostasis senses the mean rate: Slomowitz et al. 2015 (SCIENCE.md, F08)."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import t as student
from spiketrains import trains

ONSET, WINDOW, STOP = 300.0, 100.0, 900.0  # [s]
STP: dict[str, Any] = {"tsodyks_markram": {"utilisation": 0.3, "tau_recovery": "200 ms", "tau_facilitation": "300 ms"}}
NONE = {"projections": {"E_to_E": {"plasticity": [STP]}}}
UNTOUCHED = {
    "release": {"release_change": {"scale": 1.0}},
    "inhibition": {"change_parameter": {"value": {"normal": {"mean": "20 mV", "sd": "0.001 mV"}}}},
}
SEEDS = range(1, 6)


class Found(NamedTuple):
    """Recovery fraction of the mean rate; SD of the logarithm of end over baseline rate; paired pulses at 20 Hz."""

    recovery: float
    dispersion: float
    paired_pulse: float


def _paired_pulse(use: float) -> float:
    """Second release over first, 50 ms later, from rest (Tsodyks, Pawelzik & Markram 1998, with their order)."""
    second = use + use * np.exp(-0.05 / 0.3) * (1 - use)
    return float(second * (1 - use * np.exp(-0.05 / 0.2)) / use)


def _found(ready, name: str, seed: int, variant: dict[str, Any] | None = None) -> Found:
    """Of the neurons with five spikes or more in the 100 s of the baseline."""
    simulation = ready(name, variant, seed=seed)
    simulation.advance(round(STOP * 1e4))
    time, unit = trains(simulation, "E")

    def counts(start: float, stop: float) -> np.ndarray:
        return np.bincount(unit[(time >= start) & (time < stop)], minlength=1600)

    before, end = counts(ONSET - WINDOW, ONSET), counts(STOP - WINDOW, STOP)
    base, low, last = before.mean() / WINDOW, counts(ONSET, ONSET + 10).mean() / 10, end.mean() / WINDOW
    heard = before >= 5
    (rule,) = simulation.network.parts[0].projections["E_to_E"].release
    return Found(
        float((last - low) / (base - low)),
        float(np.std(np.log((end[heard] + 0.5) / (before[heard] + 0.5)))),
        _paired_pulse(float(np.mean(rule.utilisation))),
    )


def _against_drift(ready, name: str, seed: int) -> Found:
    """The dispersion in units of that of the same network without the perturbation, over the same time."""
    found, untouched = _found(ready, name, seed), _found(ready, name, seed, {"protocols": UNTOUCHED})
    return found._replace(dispersion=found.dispersion / untouched.dispersion)


def _is_equivalent(values: list[float], low: float, high: float) -> bool:
    """Two one-sided t tests at 5 %: the 90 % interval of the mean lies between the bounds."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) * student.ppf(0.95, len(values) - 1)
    return bool(low <= np.mean(values) - error and np.mean(values) + error <= high)


@pytest.mark.nightly
def test_a_global_signal_brings_back_the_population_and_a_local_one_its_neurons(ready):
    """Five seeds each; the area under the curve of the dispersion, global against local, is 1. Negative control: without
    homeostasis the rate stays down.

    Seen, seeds 1 and 2: global 1.06 and 1.05 back, dispersion 3.27 and 2.93 x drift, paired pulses 1.22 -> 0.61 and 0.58; local
    0.99 and 1.00 back, 0.88 and 0.91 x drift; none 0.001 and -0.006.
    A CPU minute for each seed."""
    over = [_against_drift(ready, "slomowitz2015", seed) for seed in SEEDS]
    own = [_against_drift(ready, "slomowitz2015_local", seed) for seed in SEEDS]
    assert _is_equivalent([one.recovery for one in over], 0.85, 1.15)
    assert _is_equivalent([one.recovery for one in own], 0.85, 1.15)
    assert sum(one.dispersion >= 2 for one in over) >= 4
    assert sum(one.dispersion <= 1.3 for one in own) >= 4
    assert min(one.dispersion for one in over) > max(one.dispersion for one in own)
    assert all(one.paired_pulse <= 0.9 * _paired_pulse(0.3) for one in over)
    assert all(one.paired_pulse == pytest.approx(_paired_pulse(0.3)) for one in own)
    assert all(_found(ready, "slomowitz2015", seed, NONE).recovery < 0.3 for seed in SEEDS)
