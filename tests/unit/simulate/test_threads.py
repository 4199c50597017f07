"""A network in several parts: the same bits, whatever the number of threads."""

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate import build
from homeoanalysis.simulate.engine import Barrier
from homeoanalysis.simulate.projections import Bits, Event, Forward, Static, pairs, weights
from homeoanalysis.simulate.shares import balanced
from homeoanalysis.simulate.simulation import Simulation

_SPARSE = {"fixed_probability": {"probability": 0.02}}
N_E, N_I = 1700, 520  # of blocks of 256, so that a boundary between threads cuts the first in two unequal parts
STEPS = 4000


def _model(**override) -> Model:
    """All that may differ between parts: drawn parameters, delays and weights, every storage, noise, slow rules, few neurons."""
    spread = {"uniform": {"low": "0.5 ms", "high": "1.6 ms"}}

    def wire(source, target, weight, probability, **more):
        channel = "inhibitory" if source == "I" else "excitatory"
        topology = {"fixed_probability": {"probability": probability}}
        common = {"source": source, "target": target, "channel": channel, "topology": topology, "weight": weight}
        return common | {"delay": "0.8 ms"} | more

    def poisson(population, rate):
        return {"poisson_input": {"population": population, "channel": "excitatory", "rate": rate, "weight": "4 nS"}}

    scaling = {"synaptic_scaling": {"target_rate": "5 Hz", "proportional": "0.1 1/s", "tau_rate": "1 s"}}
    content = {
        "title": "threads",
        "duration": "1 s",
        "populations": {
            "E": {
                "n": N_E,
                "neuron": {"lif_conductance": {"tau_membrane": {"normal": {"mean": "20 ms", "sd": "2 ms"}}, "drive": "9 mV"}},
                "plasticity": [{"intrinsic_drive": {"target_rate": "5 Hz"}}],
            },
            "I": {"n": N_I, "neuron": "lif_conductance"},
            "few": {"n": 5, "neuron": {"lif_conductance": {"drive": "15 mV"}}},
        },
        "projections": {
            "E_to_E": wire("E", "E", "0.1 nS", 0.05, weight_max="1 nS", plasticity=["pair_stdp", scaling], delay=spread),
            "E_to_I": wire("E", "I", "0.05 nS", 0.2),  # bits
            "I_to_E": wire("I", "E", "1 nS", 0.05, weight_max="9 nS", plasticity=["weight_dependent_stdp"]),
            "I_to_I": wire("I", "I", {"lognormal": {"mean": "0.5 nS", "sd": "0.3 nS"}}, 0.05, delay=spread),
            "E_to_few": wire("E", "few", "0.1 nS", 0.5),
        },
        "protocols": {
            "drive_E": poisson("E", "300 Hz"),
            "drive_I": poisson("I", "3 kHz"),
            "noise": {"white_noise": {"population": "E", "sigma": "1 mV"}},
            "less": {"scale_input": {"inputs": ["drive_I"], "scale": 0.5, "start": "0.2 s"}},
        },
    }
    return Model.model_validate(content | override)


def _dense(simulation: Simulation, name: str) -> np.ndarray:
    """All weights of a projection."""
    m = simulation.model.projections[name]
    n_source, n_target = (simulation.network.neurons[key].n for key in (m.source, m.target))
    found = np.zeros((n_source, n_target))
    start = 0
    for part in simulation.network.parts:
        source, target = pairs(part.projections[name])
        found[source, start + target] = weights(part.projections[name])
        start += part.populations[m.target].counts.size
    return found


@pytest.fixture(scope="module")
def alone() -> Simulation:
    """The network run by one thread."""
    simulation = Simulation(_model())
    simulation.advance(STEPS)
    return simulation


@pytest.mark.slow
@pytest.mark.parametrize("threads", [2, 3])
def test_threads_change_no_bit(alone, spikes, threads):
    """Spikes, weights, membranes, drives. Three threads on two processors wait for each other; some have no `I`."""
    shared = Simulation(_model(), threads=threads)
    kinds = [[type(part.projections[name]) for name in shared.network.parts[0].projections] for part in shared.network.parts]
    assert kinds == [[Forward, Bits, Event, Static, Static]] * threads
    sizes = np.array([[p.counts.size for p in part.populations.values()] for part in shared.network.parts])
    assert sizes.sum(axis=0).tolist() == [N_E, N_I, 5]
    assert (sizes[:, 0] > 0).sum() == 2
    assert (sizes == 0).any()
    shared.advance(STEPS)
    found, expected = spikes(shared), spikes(alone)
    assert all(expected[key].shape[1] > 10 for key in expected)
    for key, both in expected.items():
        order = np.lexsort(both[::-1])
        assert np.array_equal(found[key], both[:, order])
    for name in shared.model.projections:
        assert np.array_equal(_dense(shared, name), _dense(alone, name))
    for name in ("E_to_E", "I_to_E"):
        assert _dense(shared, name).std() > 0
    for key, neurons in shared.network.neurons.items():
        assert np.array_equal(neurons.state.v, alone.network.neurons[key].state.v)
        assert np.array_equal(neurons.state.drive, alone.network.neurons[key].state.drive)


def test_threads_do_less_than_with_a_slice_of_each_population():
    """A source costs each thread with targets of it a tenth of a target; a boundary cuts at most one population."""
    wires = {
        f"{a}_to_{b}": {"source": a, "target": b, "channel": "excitatory", "weight": "1 nS", "delay": "1 ms", "topology": _SPARSE}
        for a in "EI"
        for b in "EI"
    }
    sizes = {"E": 8000, "I": 2000}
    populations = {key: {"n": n, "neuron": "lif_conductance"} for key, n in sizes.items()}
    model = Model.model_validate({"title": "A", "duration": "1 s", "populations": populations, "projections": wires})
    for threads in (1, 2, 3, 4, 7):
        bounds = balanced(model, threads)
        found = np.stack([np.diff(np.minimum(bounds[key], n)) for key, n in sizes.items()])
        assert found.sum(axis=1).tolist() == list(sizes.values())
        assert (found > 0).sum() <= threads + 1
        cost = (found + 1000 * (found > 0)).sum(axis=0)
        assert cost.max() <= 10_000 / threads + 2000
    assert balanced(model, 2)["E"].tolist() == [0, 5376, 8000]


@pytest.mark.slow
def test_a_full_log_stops_all_threads_together(alone, spikes, monkeypatch):
    monkeypatch.setattr(build, "LOG", 1)
    tight = Simulation(_model(), threads=2)
    tight.advance(2000)
    assert len(tight.spikes["E"]) > 5  # it stopped often
    for key, both in spikes(tight).items():
        early = spikes(alone)[key]
        early = early[:, early[0] < 2000]
        assert np.array_equal(both, early[:, np.lexsort(early[::-1])])


@pytest.mark.slow
def test_a_large_population_has_parts_whose_targets_are_small_numbers(monkeypatch, spikes, reference):
    """The limit lowered to 256: three parts for one thread, and the same spikes."""
    wire = {"source": "E", "target": "E", "channel": "excitatory", "weight": "0.2 nS", "delay": "0.8 ms"}
    wire |= {"topology": {"fixed_probability": {"probability": 0.02}}}
    model = Model.model_validate(
        {
            "title": "large",
            "duration": "1 s",
            "populations": {"E": {"n": 600, "neuron": {"lif_conductance": {"drive": "15 mV"}}}},
            "projections": {"wire": wire},
        }
    )
    whole = Simulation(model, code=reference)
    monkeypatch.setattr(build, "LARGEST", 256)
    cut = Simulation(model, code=reference)
    assert [p.populations["E"].counts.size for p in cut.network.parts] == [256, 256, 88]
    assert all(p.projections["wire"].rows.target.max(initial=0) < 256 for p in cut.network.parts)
    for simulation in (whole, cut):
        simulation.advance(150)
    assert spikes(whole)["E"].shape[1] > 300
    assert np.array_equal(spikes(whole)["E"], spikes(cut)["E"])


def test_a_thread_waits_at_the_barrier_and_hears_of_full_logs():
    """In plain Python, one thread after the other: the last to come sees all flags, and the next round has rows of its own."""
    arrived, full = np.zeros(1, np.int64), np.zeros((2, 2), np.int64)
    barriers = [Barrier(arrived, np.zeros(1, np.int64), full, k) for k in (0, 1)]
    arrived[0] = 1  # as if the other had come
    full[0, 1] = 1
    assert Barrier.meet(barriers[0], 0) == 1
    arrived[0] = 3
    full[1, 1] = 0
    assert Barrier.meet(barriers[0], 0) == 0
    assert barriers[0].round[0] == 2
    assert arrived[0] == 4
