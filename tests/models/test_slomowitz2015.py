"""A population recovers and its neurons do not, if homeostasis senses the mean rate: Slomowitz et al. 2015 (SCIENCE.md, F08)."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
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
SMALL_N = 320
# A fifth of the neurons at the same number of inputs, so at the same rates.
SMALL = {
    "populations": {"E": {"n": SMALL_N}, "I": {"n": 80}},
    "projections": {
        name: {"topology": {"fixed_probability": {"probability": 0.5}}} for name in ("E_to_E", "E_to_I", "I_to_I", "I_to_E")
    },
}


def _dispersion(first: np.ndarray, second: np.ndarray) -> float:
    """SD over neurons of the logarithm of a ratio of counts; of those with five spikes or more in the first."""
    heard = first >= 5
    return float(np.std(np.log((second[heard] + 0.5) / (first[heard] + 0.5))))


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
    (rule,) = simulation.network.parts[0].projections["E_to_E"].release
    return Found(
        float((last - low) / (base - low)),
        _dispersion(before, end),
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


def _ratios(ready, name: str, seed: int) -> tuple[float, float]:
    """Of a small network: dispersion with the perturbation over that without it; and, without it, over the second half of the
    time over that of the first, where nothing is to be seen.
    """

    def counts(variant: dict[str, Any], *edges: float) -> list[np.ndarray]:
        simulation = ready(name, SMALL | variant, seed=seed)
        simulation.advance(round(STOP * 1e4))
        time, unit = trains(simulation, "E")
        return [np.bincount(unit[(time >= e - WINDOW) & (time < e)], minlength=SMALL_N) for e in edges]

    before, end = counts({}, ONSET, STOP)
    first, middle, last = counts({"protocols": UNTOUCHED}, ONSET, (ONSET + STOP) / 2, STOP)
    return _dispersion(before, end) / _dispersion(first, last), _dispersion(middle, last) / _dispersion(first, middle)


def _area(larger: list[float], smaller: list[float]) -> float:
    """Area under the curve: how often one of the first is above one of the second."""
    return float(np.mean(np.subtract.outer(larger, smaller) > 0))


@pytest.mark.nightly
def test_the_dispersion_of_neurons_tells_a_global_signal_from_a_local_one(ready):
    """Twenty seeds of each, small networks; SCIENCE.md asks for an area of 0.95. Negative control: networks to which nothing
    happened are not told apart by the same ratio (Mann-Whitney, 1 %).

    Seen, seeds 1 to 3 only: global 2.80 to 3.69, local 0.74 to 0.87; control 0.94 to 1.19 and 0.92 to 1.23. Of the whole network,
    seeds 1 to 4: 2.91 to 3.55, and 0.88 to 0.92. Three to four CPU seconds a run, 80 runs.
    """
    over, own = (np.array([_ratios(ready, name, k) for k in range(1, 21)]).T for name in ("slomowitz2015", "slomowitz2015_local"))
    assert _area(over[0], own[0]) > 0.95
    assert mannwhitneyu(over[1], own[1]).pvalue > 0.01
