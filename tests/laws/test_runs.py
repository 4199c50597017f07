"""Laws of whole runs, for each file of neurons, synapses, plasticity, topologies and protocols.

A new file is tested by being there: it gets a small network that it is a part of, run in plain Python.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import stimulus
from small_networks import CUT, ENTRIES, STEPS, network

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.traces import LINE
from homeoanalysis.simulate import build
from homeoanalysis.simulate.compiler import REFERENCE, Code
from homeoanalysis.simulate.probes import take
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

THREADED = 75
_OF = {"projections": ["synapses"]}
# All that is written down besides spikes; the last bins are not whole, and no interval but that of weights ends at the cut.
RECORD: dict[str, Any] = {
    "population_rate": {"populations": ["cell", "other"], "every": "1.7 ms"},
    "unit_rate": {"populations": ["cell"], "every": "5 ms"},
    "weights": _OF | {"every": "5.5 ms", "sample": 9},
    "weight_distributions": _OF | {"every": "3 ms", "bins": 7},
    "traces": {"some": {"population": "cell", "variable": "v", "units": [1, 7], "every": "0.3 ms"}},
}


def _network(folder: str, name: str, n: int = 8, probability: float = 0.5) -> Model:
    """With records, where the run has a duration; spikes of all other neurons but one."""
    sampled = {} if name == "recorded_stimulus" else RECORD
    return network(folder, name, n, probability, record=sampled | {"units": {"other": n - 1}})


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
    model, path = _network(folder, name), tmp_path / "state.npz"
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
    written_down = whole.logbook.arrays()
    _equal(written_down, resumed.logbook.arrays())
    assert all(written_down[f"spikes/{key}"].shape[1] > 5 for key in whole.spikes) or name == "ttx"
    if name != "recorded_stimulus":
        assert written_down["unit_rate/cell"].any() or name == "ttx"
        assert written_down["weighings/synapses/number"][0] > 0


def _equal(expected: dict[str, np.ndarray], found: dict[str, np.ndarray]) -> None:
    assert expected.keys() == found.keys()
    for key, values in expected.items():
        assert np.array_equal(values, found[key], equal_nan=values.dtype.kind == "f"), key


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


def _held(part: Any) -> dict[str, np.ndarray]:
    """The arrays of a part, but for spikes, which parts leave for each other."""
    return {key: values for key, values in _arrays(part, "") if not re.search("/(spikes|source|sink)/", key)}


def _lines(values: np.ndarray) -> set[int]:
    """The lines of the cache that an array lies on."""
    start = values.ctypes.data
    return set(range(start // LINE, (start + values.nbytes - 1) // LINE + 1)) if values.nbytes else set()


def _assert_lines_are_apart(before: list[dict[str, np.ndarray]], copies: list[dict[str, np.ndarray]]) -> None:
    """What a thread has written lies on no line on which another has anything: one of the two would wait for it."""
    for k, (mine, old) in enumerate(zip(before, copies, strict=True)):
        changed = {key: _lines(values) for key, values in mine.items() if not np.array_equal(values, old[key], equal_nan=True)}
        others = set().union(*(_lines(values) for j, part in enumerate(before) if j != k for values in part.values()))
        assert changed
        assert not {key for key, lines in changed.items() if lines & others}


@pytest.mark.slow
@pytest.mark.parametrize(("folder", "name"), ENTRIES)
def test_threads_change_no_bit(folder, name):
    """260 neurons in parts of 256 and 4, and their sources in a third: spikes, states, weights."""
    model, code = _network(folder, name, n=260, probability=0.03), Code(*(_quiet(function) for function in REFERENCE))
    alone, shared = (Simulation(model, name="law", code=code, threads=threads, stimulus=stimulus()) for threads in (1, 3))
    assert [p.populations["cell"].counts.size for p in shared.network.parts] == [256, 4, 0]
    before = [_held(part) for part in shared.network.parts]
    copies = [{key: values.copy() for key, values in held.items()} for held in before]
    for simulation in (alone, shared):
        simulation.advance(THREADED)
    _assert_lines_are_apart(before, copies)
    written_down = alone.logbook.arrays()
    for key, whole in alone.network.neurons.items():
        spikes = written_down[f"spikes/{key}"]
        written_down[f"spikes/{key}"] = spikes[:, np.lexsort(spikes[::-1])]
        assert spikes.shape[1] > 20 or name == "ttx"
        for field, values in zip(type(whole.state)._fields, whole.state, strict=True):
            assert np.array_equal(values, getattr(shared.network.neurons[key].state, field)), field
    _equal(written_down, shared.logbook.arrays())
    for key in model.record.traces:
        assert np.array_equal(*(take(one.network, model, THREADED)[key] for one in (alone, shared)))
    assert _weights(alone) == _weights(shared)
