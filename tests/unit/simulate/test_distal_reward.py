"""The distal reward problem: of 80 000 synapses, the one whose pairing is rewarded seconds later grows."""

import functools
from typing import NamedTuple

import numpy as np
import pytest
from replay import uncached

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.composition import kernel
from homeoanalysis.numerics.counter import subkey, uniform
from homeoanalysis.simulate.compiler import Code
from homeoanalysis.simulate.projections import pairs
from homeoanalysis.simulate.simulation import Simulation

CHUNK = 500  # ms: rewards come 1 to 3 s after what they reward


@kernel
def _draw(drive, key, width):
    for i in range(drive.size):
        drive[i] = width * (uniform(key, i) - 0.5)


class _Uniform(NamedTuple):
    """Input I = 13 (U - 1/2) of each neuron in each millisecond."""

    drive: np.ndarray
    key: np.uint64

    @staticmethod
    def arrive(item, t):
        _draw(item.drive, subkey(item.key, t), 0.013)


@functools.cache
def _code() -> Code:
    return uncached()


def _network(seed: int, seconds: float) -> Simulation:
    """Izhikevich 2007 and daspnet.m (ModelDB 84167): 1000 neurons, about 100 synapses each, steps and delays of 1 ms."""

    def wire(source: str, target: str, probability: float, **other: object) -> dict[str, object]:
        topology = {"fixed_probability": {"probability": probability}}
        channel = "excitatory" if source == "E" else "inhibitory"
        ends = {"source": source, "target": target, "channel": channel, "topology": topology}
        return {**ends, "weight": "1 mV", "delay": "1 ms", **other}

    plastic = {"weight_max": "4 mV", "plasticity": [{"three_factor_stdp": {"weight_reference": "1 mV"}}]}
    fast = {"recovery_rate": "100 1/s", "recovery_jump": "2 V/s"}
    made = Model.model_validate(
        {
            "title": "distal reward",
            "dt": "1 ms",
            "duration": f"{seconds} s",
            "populations": {"E": {"n": 800, "neuron": "izhikevich"}, "I": {"n": 200, "neuron": {"izhikevich": fast}}},
            "projections": {
                "E_to_E": wire("E", "E", 0.1, **plastic),
                "E_to_I": wire("E", "I", 0.1, **plastic),
                "I_to_E": wire("I", "E", 0.125),
            },
        }
    )
    simulation = Simulation(made, seed=seed, code=_code())
    part = simulation.network.parts[0]
    for k, (name, population) in enumerate(part.populations.items()):
        part.inputs[name] = _Uniform(population.state.drive[: population.counts.size], np.uint64(1000 * seed + k))
    return simulation


def _learned(seed: int, seconds: float, rewards: list[int] | None = None) -> tuple[np.ndarray, float, list[int]]:
    """The rewarded weight [mV] every 500 ms, the fraction of all at or above 3.8 mV at the end, and when rewards came.

    A reward comes 1 to 3 s after the target fires at most 20 ms after the source; or at the times that are given.
    """
    simulation, rng = _network(seed, seconds), np.random.default_rng(seed)
    projection = simulation.network.parts[0].projections["E_to_E"]
    source, target = pairs(projection)
    projection.weight[0] = 0
    pending, given, history, last = list(rewards or []), [], [], -1000
    while simulation.step < seconds * 1000:
        stop = simulation.step + CHUNK
        for at in sorted(t for t in pending if simulation.step <= t < stop):
            simulation.advance(at - simulation.step)
            for name in ("E_to_E", "E_to_I"):
                simulation.network.modulate(name, 0.5)
            given.append(at)
        simulation.advance(stop - simulation.step)
        history.append(projection.weight[0] / 1e-3)
        recent = simulation.spikes["E"]
        spikes = np.concatenate(recent, axis=1)
        recent.clear()
        for step, unit in spikes.T:
            if unit == target[0] and step - last < 20 and rewards is None:
                pending.append(int(step) + 1000 + int(rng.integers(1, 2001)))
            if unit == source[0]:
                last = step
    return np.array(history), float(np.mean(projection.weight >= 3.8e-3)), given


@pytest.mark.slow
@pytest.mark.reference(
    "plasticity/three_factor_stdp", against="Izhikevich 2007: the rewarded synapse, and rewards at random", within="3.8 of 4 mV"
)
def test_reward_finds_the_synapse_that_earned_it():
    """A regression test of 1500 s and one seed; negative control: as many rewards at random times.

    In 3600 s the weight reached 3.8 mV with all of seeds 1 to 5, after 835 to 2331 s, and was 3.70 to 3.92 mV over the last
    600 s (0.06 to 2.25 in the control); but at the very end only three were above 3.8, and three controls below 2.5.
    """
    weight, strong, rewards = _learned(1, 1500.0)
    assert weight.max() >= 3.8
    assert strong < 0.05
    rng = np.random.default_rng(2)
    shuffled = sorted(int(t) for t in rng.integers(1000, 1_500_000, len(rewards)))
    weight, _, given = _learned(1, 1500.0, shuffled)
    assert len(given) == len(rewards)
    assert weight.max() < 2.5
