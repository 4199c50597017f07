"""Renumbered units, for each file of neurons, synapses, plasticity, topologies and protocols.

A new file is tested by being there. Random numbers are those of a unit's index: what draws some for each unit cannot be
permuted, and is named here. The laws of single rules are in test_rules.py.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import stimulus
from small_networks import ENTRIES, STEPS, network

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

# Both populations get the same events, each neuron all of them.
_SHARED = {"correlated_input": {"correlation": 1.0, "rate": "300 Hz"}}
# What draws random numbers for the number of a neuron, or, as pair_reward, looks at the first synapse by the numbers of its ends.
_BY_INDEX = {
    "change_correlation",
    "correlated_input",
    "frozen_noise",
    "oscillating_input",
    "pair_reward",
    "patterns",
    "poisson_input",
    "poisson_rate",
    "structural",
    "weight_dependent_stdp",
    "white_noise",
}


def _model(folder: str, name: str, synapses: Path | None = None) -> Model:
    """With synapses of one delay and inputs that all neurons share; synapses: a file that lists them."""
    plain = network(folder, name)
    to_other = plain.protocols["drive"].written | _SHARED["correlated_input"] | {"population": "other"}
    override: dict[str, Any] = {
        "projections": {"synapses": {"delay": "0.5 ms"}},
        "protocols": {"drive": _SHARED, "drive_other": {"correlated_input": to_other}},
    }
    if synapses is not None:
        override["projections"]["synapses"]["topology"] = {"explicit": {"file": str(synapses)}}
    return network(folder, name, **override)


def _built(model: Model, orders: dict[str, np.ndarray] | None = None) -> Simulation:
    """A network whose potentials and drives differ; orders: the number that each neuron of the plain one has in this one."""
    simulation, rng = Simulation(model, name="law", code=REFERENCE, stimulus=stimulus()), np.random.default_rng(3)
    for key, whole in simulation.network.neurons.items():
        low, high = (float(np.ravel(x)[0]) for x in (whole.kernel.v_reset, whole.kernel.v_threshold))
        span = (high - low) or 1e-3
        order = np.arange(whole.n) if orders is None else orders[key]
        whole.state.v[order] = low + span * rng.random(whole.n)
        whole.state.drive[order] = span * rng.uniform(0.0, 1.4, whole.n)
    return simulation


def _spikes(simulation: Simulation, orders: dict[str, np.ndarray]) -> dict[str, list[tuple[int, int]]]:
    """Step and neuron, by the number that it has there."""
    found = {}
    for key, chunks in simulation.spikes.items():
        step, unit = np.concatenate(chunks, axis=1)
        found[key] = sorted(zip(step.tolist(), orders[key][unit].tolist(), strict=True))
    return found


def _synapses(simulation: Simulation, orders: dict[str, np.ndarray]) -> np.ndarray:
    """(synapses, 3) source and target, by the numbers that they have there, and weight."""
    ends, projection = simulation.model.projections["synapses"], simulation.network.parts[0].projections["synapses"]
    source, target = pairs(projection)
    weight = np.broadcast_to(weights(projection), source.shape)
    table = np.stack([orders[ends.source][source], orders[ends.target][target], weight], axis=1)
    return table[np.lexsort(table.T[::-1])]


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_renumbered_neurons_do_the_same(folder, name, tmp_path):
    """Every spike; every weight to rounding, since inputs are added in another order."""
    plain, rng = _built(_model(folder, name)), np.random.default_rng(7)
    same = {key: np.arange(whole.n) for key, whole in plain.network.neurons.items()}
    orders = {key: rng.permutation(whole.n) for key, whole in plain.network.neurons.items()}
    path = tmp_path / "synapses.csv"
    listed = _synapses(plain, orders)[:, :2].astype(int)
    path.write_text("source,target\n" + "".join(f"{j},{i}\n" for j, i in listed))
    permuted = _built(_model(folder, name, path), orders)
    with np.errstate(over="ignore"):  # words of the random generator
        for simulation in (plain, permuted):
            simulation.advance(STEPS)
    expected, found = _synapses(plain, orders), _synapses(permuted, same)
    is_same = _spikes(permuted, same) == _spikes(plain, orders) and np.allclose(found, expected, rtol=1e-9, atol=0)
    assert is_same != (name in _BY_INDEX)
    assert all(_spikes(plain, same).values()) or name == "ttx"
