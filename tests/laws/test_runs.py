"""Laws of whole runs, for each file of neurons, synapses, plasticity, topologies and protocols.

A new file is tested by being there: it gets a small network that it is a part of, run in plain Python.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bench import written

from homeoanalysis import catalogue
from homeoanalysis.config.model import Model
from homeoanalysis.simulate import build
from homeoanalysis.simulate.compiler import REFERENCE, Code
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

FOLDERS = ("neurons", "synapses", "plasticity", "topologies", "protocols")
# A run that presents a recording has no duration, is short, and keeps no checkpoint.
ENTRIES = [(f, n) for f in FOLDERS for n in catalogue.names(f) if n != "recorded_stimulus"]
STEPS, CUT = 240, 110
THREADED = 75
# With which a rule has a state of its own that acts within milliseconds.
ACTIVE: dict[str, dict[str, Any]] = {
    "synaptic_scaling": {"proportional": "10 1/s", "integral_gain": "100 1/s^2", "tau_rate": "10 ms", "kind": "additive"},
    "structural": {"growth": "400 Hz", "tau_calcium": "10 ms"},
    "heterosynaptic": {"tau_consolidation": "10 ms"},
    "intrinsic_threshold": {"tau_rate": "10 ms"},
    "intrinsic_gain": {"tau": "100 ms", "tau_rate": "10 ms"},
    "release_homeostasis": {"tau": "100 ms", "tau_rate": "10 ms"},
    "voltage_stdp": {"u_reference": "8 mV"},
    "tsodyks_markram": {"tau_facilitation": "50 ms"},
}
WEIGHT = {"S": ("6 nS", "60 nS"), "A": ("300 pA", "3 nA"), "V": ("6 mV", "60 mV")}


def _model(folder: str, name: str, n: int = 8, probability: float = 0.5) -> Model:
    """Two populations with an input, and synapses from one to the other; slow rules act every 5 ms."""
    neuron, rules, intrinsic = "lif_conductance", ["pair_stdp", "three_factor_stdp"], ["intrinsic_drive"]
    wire: Any = {"fixed_probability": {"probability": probability}}
    channels, protocols = {}, {}
    entry = {name: written(folder, name) | ACTIVE.get(name, {})}
    if folder == "neurons":
        neuron, rules = name, ["pair_stdp"]
    elif folder == "synapses":
        neuron = "lif_delta" if name == "delta" else neuron
        channels, rules = {"excitatory": entry}, ["pair_stdp"]
    elif folder == "plasticity":
        form = catalogue.load(folder, name)(**catalogue.parameters(folder, name)(**written(folder, name)).__dict__).form
        intrinsic = [entry] if form == "intrinsic" else intrinsic
        rules = [entry] if form != "intrinsic" else rules
        rules = ["tsodyks_markram", entry] if form == "presynaptic" else rules
    elif folder == "topologies":
        wire = entry
    else:
        known = catalogue.parameters(folder, name).model_fields
        times = {key: at for key, at in (("start", "6 ms"), ("stop", "17 ms")) if key in known}  # before and after the cut
        protocols = {"x": {name: entry[name] | times}}
        if "pulses" in entry[name]:
            protocols["x"][name]["pulses"] = ["16 ms", "6 ms"]
    is_structural = name == "structural"
    drawn = {"uniform": {"low": "0.5 ms", "high": "1.2 ms"}}
    unit = catalogue.load("neurons", neuron).channels["excitatory"]
    weight, top = WEIGHT[unit]
    given = [{rule: written("plasticity", rule)} if isinstance(rule, str) else rule for rule in rules]
    own = [{rule: written("plasticity", rule)} if isinstance(rule, str) else rule for rule in intrinsic]
    cell = {"n": n, "neuron": neuron, "channels": channels, "extent": "1 mm"}
    synapses = {"source": "cell" if is_structural else "other", "target": "cell", "channel": "excitatory", "topology": wire}
    synapses |= {"weight": weight, "weight_max": top, "delay": "0.5 ms" if is_structural else drawn, "plasticity": given}
    drive = {"population": "cell", "channel": "excitatory", "rate": "3 kHz", "weight": weight, "correlation": 0.3}
    if name in ("explicit", "modular"):
        cell["n"] = max(n, 40)
    return Model.model_validate(
        {
            "title": "a network with one mechanism",
            "duration": f"{STEPS * 1e-4} s",
            "window": "5 ms",
            "checkpoint_every": f"{CUT * 1e-4} s",
            "populations": {"cell": cell | {"plasticity": own}, "other": cell},
            "projections": {"synapses": synapses},
            "protocols": {
                "drive": {"correlated_input": drive},
                "drive_other": {
                    "poisson_input": {key: v for key, v in drive.items() if key != "correlation"} | {"population": "other"}
                },
                **protocols,
            },
        }
    )


def _run(model: Model, pieces: list[int], checkpoint: Path | None = None) -> Simulation:
    simulation = Simulation(model, name="law", code=REFERENCE, checkpoint=checkpoint)
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
    model, path = _model(folder, name), tmp_path / "state.npz"
    whole = _run(model, [STEPS])
    _run(model, [1, 98, CUT - 98], path)
    assert path.exists()
    with np.errstate(over="ignore"):
        resumed = Simulation(model, name="law", code=REFERENCE, checkpoint=path)
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
    model, code = _model(folder, name, n=260, probability=0.03), Code(*(_quiet(function) for function in REFERENCE))
    alone, shared = (Simulation(model, name="law", code=code, threads=threads) for threads in (1, 3))
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
