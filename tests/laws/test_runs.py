"""Laws of whole runs, for each file of neurons, synapses, plasticity, topologies and protocols.

A new file is tested by being there: it gets a small network that it is a part of, run in plain Python.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import stimulus
from small_networks import CUT, ENTRIES, STEPS, network

from homeoanalysis.config.model import Model
from homeoanalysis.simulate import build
from homeoanalysis.simulate.compiler import REFERENCE, Code
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

THREADED = 75


def _run(model: Model, pieces: list[int], checkpoint: Path | None = None) -> Simulation:
    simulation = Simulation(model, name="law", code=REFERENCE, checkpoint=checkpoint, stimulus=stimulus())
    with np.errstate(over="ignore"):  # words of the random generator
        for steps in pieces:
            simulation.advance(steps)
    return simulation


def _arrays(item: Any, where: str) -> Iterator[tuple[str, np.ndarray]]:
    """Every array of a network, whoever holds it."""
    if isinstance(item, np.ndarray):
        yield where, item
    elif isinstance(item, dict):
        for key, value in item.items():
            yield from _arrays(value, f"{where}/{key}")
    elif isinstance(item, tuple | list):
        for key, value in zip(getattr(item, "_fields", range(len(item))), item, strict=True):
            yield from _arrays(value, f"{where}/{key}")


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_a_run_that_is_cut_saved_and_resumed_is_the_whole_run(folder, name, tmp_path, monkeypatch):
    """Every array that a run holds, every spike, bit for bit."""
    monkeypatch.setattr(build, "FLUSH", 0.01)  # deferred changes are paid every 10 ms
    model, path = network(folder, name), tmp_path / "state.npz"
    whole = _run(model, [STEPS])
    _run(model, [1, 98, CUT - 98], path)
    assert path.exists()
    with np.errstate(over="ignore"):
        resumed = Simulation(model, name="law", code=REFERENCE, checkpoint=path, stimulus=stimulus())
        assert resumed.step == CUT
        resumed.advance(STEPS - CUT)
    expected, found = dict(_arrays(whole.network, "")), dict(_arrays(resumed.network, ""))
    assert expected.keys() == found.keys()
    for key, values in expected.items():
        if not key.endswith("/log"):  # what is left of spikes that were taken out
            assert np.array_equal(values, found[key], equal_nan=True), key
    for key in whole.spikes:
        spikes = np.concatenate(whole.spikes[key], axis=1)
        assert np.array_equal(spikes, np.concatenate(resumed.spikes[key], axis=1))
        assert spikes.shape[1] > 5 or name == "ttx"


def _quiet(function: Any) -> Any:
    """What a thread calls: numpy's error state belongs to the thread."""

    def call(*arguments: Any) -> Any:
        with np.errstate(over="ignore"):
            return function(*arguments)

    return call


def _weights(simulation: Simulation) -> dict[tuple[int, int], list[float]]:
    """The weights of each pair."""
    found: dict[tuple[int, int], list[float]] = {}
    start = 0
    for part in simulation.network.parts:
        projection = part.projections["synapses"]
        source, target = pairs(projection)
        for j, i, w in zip(source, target + start, np.broadcast_to(weights(projection), source.shape), strict=True):
            found.setdefault((int(j), int(i)), []).append(float(w))
        start += part.populations["cell"].counts.size
    return {pair: sorted(values) for pair, values in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_threads_change_no_bit(folder, name):
    """260 neurons in parts of 256 and 4, and their sources in a third: spikes, states, weights."""
    model, code = network(folder, name, n=260, probability=0.03), Code(*(_quiet(function) for function in REFERENCE))
    alone, shared = (Simulation(model, name="law", code=code, threads=threads, stimulus=stimulus()) for threads in (1, 3))
    assert [p.populations["cell"].counts.size for p in shared.network.parts] == [256, 4, 0]
    for simulation in (alone, shared):
        simulation.advance(THREADED)
    for key, whole in alone.network.neurons.items():
        spikes = np.concatenate(alone.spikes[key], axis=1)
        assert np.array_equal(spikes[:, np.lexsort(spikes[::-1])], np.concatenate(shared.spikes[key], axis=1))
        assert spikes.shape[1] > 20 or name == "ttx"
        for field, values in zip(type(whole.state)._fields, whole.state, strict=True):
            assert np.array_equal(values, getattr(shared.network.neurons[key].state, field)), field
    assert _weights(alone) == _weights(shared)
