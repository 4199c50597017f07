"""Homeostatic growth connects neurons that were stimulated together: Gallinaro & Rotter 2018 (SCIENCE.md, F14)."""

from typing import Any

import numpy as np
import pytest
from spiketrains import trains

from homeoanalysis.simulate.projections import pairs

TARGET = 39.6  # [Hz]


def _run(ready, seed: int = 1, **stimulus: Any) -> tuple[dict[str, float], dict[str, float]]:
    """Gamma, and the rate of the stimulated neurons, after growth, stimulation and rest of 20 s each."""
    simulation = ready("gallinaro2018", {"protocols": {"stimulus": {"patterns": stimulus}}}, seed=seed)
    chosen = simulation.network.parts[0].inputs["stimulus"].share[-1] > 0
    gamma, rate = {}, {}
    for k, phase in enumerate(("growth", "stimulation", "rest")):
        simulation.advance(200_000)
        synapses = np.zeros((chosen.size, chosen.size))
        np.add.at(synapses, pairs(simulation.network.parts[0].projections["E_to_E"]), 1)
        gamma[phase] = float(synapses[np.ix_(chosen, chosen)].mean() / synapses[np.ix_(~chosen, ~chosen)].mean())
        _, unit = trains(simulation, "E", 20.0 * (k + 1) - 2)
        rate[phase] = float(np.bincount(unit, minlength=chosen.size)[chosen].mean() / 2)
    return gamma, rate


def _is_published(gamma: dict[str, float], rate: dict[str, float]) -> bool:
    is_on_target = all(abs(r / TARGET - 1) < 0.03 for r in rate.values())
    return 0.8 < gamma["growth"] < 1.2 and gamma["stimulation"] < 0.1 and gamma["rest"] >= 2.5 and is_on_target


@pytest.mark.slow
def test_stimulated_neurons_connect_to_each_other_after_the_stimulus(ready):
    """Four of five seeds, since Gamma of some 100 synapses scatters by 15 %: seen after growth 0.74, 1.03, 1.19, 1.04, 0.96,
    after rest 4.06, 4.13, 4.18, 3.66, 3.94. Elsewhere Gamma was 0.90, 0.00 and 4.15."""
    found = [_run(ready, seed) for seed in range(1, 6)]
    assert sum(_is_published(*one) for one in found) >= 4
    assert min(gamma["rest"] for gamma, _ in found) >= 2.5


@pytest.mark.slow
def test_without_a_lasting_group_there_is_no_memory(ready):
    """Negative control: another tenth of the neurons every 2 s, ten times; Gamma of the last of them. Elsewhere: 0.91."""
    gamma, _ = _run(ready, stimuli=10, trial="2 s")
    assert gamma["rest"] < 1.2


@pytest.mark.nightly
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_the_memory_fades_slowly(ready, seed):
    """100 s: the rate of all excitatory neurons is on target at 20, 40 and 60 s, and Gamma falls to 0.5 to 0.95 of its value
    40 s later."""
    simulation = ready("gallinaro2018", {"duration": "100 s"}, seed=seed)
    chosen = simulation.network.parts[0].inputs["stimulus"].share[-1] > 0
    gamma = {}
    for second in (20, 40, 60, 100):
        simulation.advance(round((second - simulation.step * 1e-4) * 1e4))
        synapses = np.zeros((chosen.size, chosen.size))
        np.add.at(synapses, pairs(simulation.network.parts[0].projections["E_to_E"]), 1)
        gamma[second] = synapses[np.ix_(chosen, chosen)].mean() / synapses[np.ix_(~chosen, ~chosen)].mean()
        rate = np.bincount(trains(simulation, "E", second - 2.0)[1], minlength=chosen.size) / 2
        for group in (chosen, ~chosen):
            assert rate[group].mean() == pytest.approx(TARGET, rel=0.03)
    assert gamma[60] >= 2.5
    assert 0.5 <= gamma[100] / gamma[60] <= 0.95
