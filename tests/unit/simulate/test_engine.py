"""The loop: compiled against plain Python, reproducible, unchanged by how it is cut up; it loses no spike."""

import logging

import numpy as np
import pytest

from homeoanalysis.errors import SimulationError
from homeoanalysis.simulate import build, simulate
from homeoanalysis.simulate import simulation as running
from homeoanalysis.simulate.projections import making, weights
from homeoanalysis.simulate.simulation import Simulation


def _same(a: dict, b: dict) -> bool:
    return all(np.array_equal(a[key], b[key]) for key in a)


def _run(model, spikes, steps: int, **options) -> dict[str, np.ndarray]:
    simulation = Simulation(model, **options)
    simulation.advance(steps)
    return spikes(simulation)


@pytest.mark.slow
def test_compiled_network_equals_plain_python(small, spikes, reference):
    """Every spike of 0.15 s; the weights have changed, and agree to rounding."""
    model = small(n_e=24, n_i=8, protocols={"drive_E": {"poisson_input": {"rate": "600 Hz"}}})
    model = model.model_copy(update={"window": 0.05})
    compiled, reference = Simulation(model), Simulation(model, code=reference)
    compiled.advance(1500)
    reference.advance(1500)
    assert spikes(compiled)["E"].shape[1] > 30
    assert spikes(compiled)["I"].shape[1] > 5
    assert _same(spikes(compiled), spikes(reference))
    found, expected = (weights(s.network.parts[0].projections["I_to_E"]) for s in (compiled, reference))
    assert np.allclose(found, expected, rtol=1e-12)
    assert found.std() > 0


@pytest.mark.slow
def test_compiled_receptors_equal_plain_python(load, spikes, reference, stimulus):
    model = load("receptor").model_copy(update={"window": 0.02})
    compiled = _run(model, spikes, 2500, stimulus=stimulus())
    assert compiled["receptor"].shape[1] > 20
    assert _same(compiled, _run(model, spikes, 2500, stimulus=stimulus(), code=reference))


def test_same_seed_same_bits_and_other_streams_differ(small, spikes):
    model = small()
    first = _run(model, spikes, 3000, name="a", replicate=0, seed=1)
    assert _same(first, _run(model, spikes, 3000, name="a", replicate=0, seed=1))
    for other in ({"name": "b"}, {"replicate": 1}, {"seed": 2}):
        assert not _same(first, _run(model, spikes, 3000, **{"name": "a", "replicate": 0, "seed": 1, **other}))


def test_cutting_a_run_changes_nothing(small, spikes):
    model = small()
    whole = _run(model, spikes, 15_000)
    pieces = Simulation(model)
    for steps in (1, 999, 8, 5992, 8000):
        pieces.advance(steps)
    assert _same(whole, spikes(pieces))


def test_a_full_log_stops_the_loop_and_loses_no_spike(small, spikes, monkeypatch):
    model = small()
    whole = _run(model, spikes, 15_000)
    monkeypatch.setattr(build, "LOG", 1)
    tight = Simulation(model)
    assert (
        tight.network.parts[0].populations["E"].log.shape[1] == 2 * 8 * 40
    )  # it must hold what all fire within a delay of 8 steps
    tight.advance(15_000)
    assert len(tight.spikes["E"]) > 5  # it stopped often
    assert _same(whole, spikes(tight))
    emitted = {key: int(p.logged[1]) for key, p in tight.network.parts[0].populations.items()}
    assert emitted == {key: s.shape[1] for key, s in whole.items()}


@pytest.mark.slow
def test_streams_belong_to_names(small, spikes):
    """Order and company of the parts change no stream: wiring, initial state and input are keyed by name."""
    model = small()
    order = {
        "populations": dict(reversed(model.populations.items())),
        "projections": dict(reversed(model.projections.items())),
        "protocols": dict(reversed(model.protocols.items())),
    }
    plain, permuted = Simulation(model), Simulation(model.model_copy(update=order))
    company = {**model.populations, "X": model.populations["I"]}
    larger = Simulation(model.model_copy(update={"populations": company}))
    (part,), (same,), (more,) = (s.network.parts for s in (plain, permuted, larger))
    for key, p in part.projections.items():
        assert np.array_equal(p.rows.target, same.projections[key].rows.target)
        assert np.array_equal(p.rows.target, more.projections[key].rows.target)
    for key, p in part.populations.items():
        assert np.array_equal(p.state.v, same.populations[key].state.v)
        assert np.array_equal(p.state.v, more.populations[key].state.v)
    assert len({int(events.key) for events in part.inputs.values()}) == 2
    for key, events in part.inputs.items():
        assert events.key == same.inputs[key].key == more.inputs[key].key
    first = _run(model, spikes, 3000)
    larger.advance(3000)
    assert _same(first, {key: s for key, s in spikes(larger).items() if key != "X"})


@pytest.mark.slow
def test_without_the_rule_the_twin_has_the_same_noise(small, spikes):
    """Paired ablation: the key of the random words of every input is the same, wiring and first spikes too."""
    model = small()
    twin = small(projections={"I_to_E": {"plasticity": []}})
    with_rule, without = Simulation(model), Simulation(twin)
    for simulation in (with_rule, without):
        simulation.advance(20_000)
    (part,), (other,) = with_rule.network.parts, without.network.parts
    for key, events in part.inputs.items():
        assert events.key == other.inputs[key].key
    assert np.array_equal(part.projections["I_to_E"].rows.target, other.projections["I_to_E"].rows.target)
    assert np.all(weights(other.projections["I_to_E"]) == 3.65e-9)
    a, b = spikes(with_rule)["E"], spikes(without)["E"]
    assert np.array_equal(a[:, :5], b[:, :5])
    assert not np.array_equal(a, b)


@pytest.mark.slow
def test_single_precision_has_the_same_statistics(small, spikes):
    """Rates of E over eight pairs of replicates agree within three standard errors of the paired difference."""
    difference = []
    for replicate in range(8):
        rate = {
            precision: _run(small(precision=precision), spikes, 10_000, replicate=replicate)["E"].shape[1] / 40
            for precision in ("float64", "float32")
        }
        difference.append(rate["float32"] - rate["float64"])
    assert Simulation(small(precision="float32")).network.parts[0].populations["E"].state.v.dtype == np.float32
    assert abs(np.mean(difference)) <= max(3 * np.std(difference, ddof=1) / np.sqrt(8), 0.02)


FORWARD = """
title: Spikes that are paid late
citation: none
dt: 0.1 ms
duration: 3 s
precision: {precision}
populations:
  pre: {{n: 1, neuron: {{lif_delta: {{refractory: {gap}}}}}}}
  post: {{n: 1, neuron: {{lif_delta: {{refractory: 5 ms}}}}}}
projections:
  synapses:
    source: pre
    target: post
    channel: excitatory
    topology: {{fixed_probability: {{probability: 1.0}}}}
    weight: 0 mV
    weight_max: 1 mV
    delay: 1 ms
    plasticity:
      - triplet_stdp: {{a2_plus: 0.001, a3_plus: 6.2e-3, a2_minus: 7.0e-3, a3_minus: 2.3e-4, weight_reference: 1 mV}}
protocols:
  first: {{current_steps: {{population: pre, drives: [[0 ms, 1000 V]]}}}}
  second: {{current_steps: {{population: post, drives: [[0 ms, 1000 V]]}}}}
record: {{weights: {{projections: [synapses], every: 10 ms}}}}
"""


@pytest.mark.slow
def test_single_precision_keeps_weights_that_are_owed_a_change_for_long(monkeypatch):
    """To 1e-4 of their bound, whatever the gap between presynaptic spikes; not with the periods of double precision."""

    def lost(gap: str) -> float:
        double, single = (simulate(FORWARD.format(precision=p, gap=gap)) for p in ("float64", "float32"))
        assert np.array_equal(double.spike_time, single.spike_time)
        assert double.weight.max() > 0.5e-3
        return float(np.abs(double.weight - single.weight).max()) / 1e-3

    assert max(map(lost, ("100 ms", "200 ms", "300 ms"))) < 1e-4
    monkeypatch.setattr(making, "PERIODS_SINGLE", making.PERIODS)
    assert lost("300 ms") > 1e-3


def test_a_change_of_input_takes_effect_at_its_time(small, spikes):
    """Twins with and without the perturbation are identical before it and differ after it."""
    early = small(protocols={"deprivation": {"scale_input": {"start": "0.7 s", "scale": 0.0}}})
    late = small(protocols={"deprivation": {"scale_input": {"start": "1.9 s"}}})
    a, b = _run(early, spikes, 15_000)["E"], _run(late, spikes, 15_000)["E"]
    before = [s[:, s[0] < 7000] for s in (a, b)]
    assert np.array_equal(*before)
    assert np.sum(a[0] > 7500) < 0.5 * np.sum(b[0] > 7500)


def test_a_blow_up_names_time_unit_and_value(small):
    model = small(projections={"E_to_E": {"weight": "1 S"}}, protocols={"drive_E": {"poisson_input": {"rate": "2 kHz"}}})
    with pytest.raises(SimulationError, match=r"m replicate 3: by 1 s the synaptic input .* of unit E0 has become \d"):
        Simulation(model, name="m", replicate=3).advance(20_000)


@pytest.mark.parametrize("quantity", ["v", "drive"])
def test_a_state_that_is_not_finite_stops_the_run(small, quantity):
    simulation = Simulation(small())
    getattr(simulation.network.parts[0].populations["E"].state, quantity)[5] = np.nan
    with pytest.raises(SimulationError, match=r"by 0.0001 s the .* of unit E5 has become nan"):
        simulation.advance(1)


def test_weights_that_are_not_finite_stop_the_run(small):
    simulation = Simulation(small())
    simulation.network.parts[0].projections["I_to_E"].weight[7] = np.nan
    with pytest.raises(SimulationError, match=r"weight of projection I_to_E, synapse 7 has become nan"):
        simulation.advance(1)


def test_progress_is_logged(small, monkeypatch, caplog):
    monkeypatch.setattr(running, "_PROGRESS", 0.0)
    with caplog.at_level(logging.INFO):
        Simulation(small(), name="m").advance(20_000)
    assert "m replicate 0: 1 s of 2 s" in caplog.text
