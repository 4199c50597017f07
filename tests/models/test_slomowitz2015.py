"""What the study `slomowitz2015` does not ask: facilitation, and whether twenty networks can be told apart (SCIENCE.md, F08)."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import mannwhitneyu
from spiketrains import trains

ONSET, WINDOW, STOP = 300.0, 100.0, 900.0  # [s]
UNTOUCHED = {
    "release": {"release_change": {"scale": 1.0}},
    "inhibition": {"change_parameter": {"value": {"normal": {"mean": "20 mV", "sd": "0.001 mV"}}}},
}
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


def _paired_pulse(use: float) -> float:
    """Second release over first, 50 ms later, from rest (Tsodyks, Pawelzik & Markram 1998, with their order)."""
    second = use + use * np.exp(-0.05 / 0.3) * (1 - use)
    return float(second * (1 - use * np.exp(-0.05 / 0.2)) / use)


@pytest.mark.nightly
@pytest.mark.parametrize(("name", "changes"), [("slomowitz2015", True), ("slomowitz2015_local", False)])
def test_a_global_signal_weakens_facilitation_and_a_local_one_leaves_it(ready, name, changes):
    """By a tenth or more (SCIENCE.md). Seen, seeds 1 and 2: 1.22 -> 0.61 and 0.58; local: as it was."""
    simulation = ready(name, size="nightly")
    simulation.advance(round(STOP * 1e4))
    (rule,) = simulation.network.parts[0].projections["E_to_E"].release
    found = _paired_pulse(float(np.mean(rule.utilisation)))
    if changes:
        assert found <= 0.9 * _paired_pulse(0.3)
    else:
        assert found == pytest.approx(_paired_pulse(0.3))


def _ratios(ready, name: str, seed: int) -> tuple[float, float]:
    """Of a small network: dispersion with the perturbation over that without it; and, without it, over the second half of the
    time over that of the first, where nothing is to be seen.
    """

    def counts(variant: dict[str, Any], *edges: float) -> list[np.ndarray]:
        simulation = ready(name, SMALL | variant, "nightly", seed=seed)
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

    Seen: an area of 1.00; global 2.60 to 3.70 (median 2.99), local 0.71 to 1.18 (median 0.87), and 1.68 and 2.47 in two seeds;
    control 0.86 to 1.47 and 0.84 to 1.23 (area 0.69, p = 0.04). Of the whole network, seeds 1 to 4: 2.91 to 3.55, and 0.88 to
    0.92. Three to four CPU seconds a run, 80 runs.
    """
    over, own = (np.array([_ratios(ready, name, k) for k in range(1, 21)]).T for name in ("slomowitz2015", "slomowitz2015_local"))
    assert _area(over[0], own[0]) > 0.95
    assert mannwhitneyu(over[1], own[1]).pvalue > 0.01
