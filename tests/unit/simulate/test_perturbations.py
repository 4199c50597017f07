"""What protocols change during a run, against networks that are built so from the start, and against closed forms."""

import math
import re
from typing import Any

import numpy as np
import pytest
from bench import instance, written
from pydantic import ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config.fields import explain
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.simulate.verb import simulate

_BASE: dict[str, Any] = {
    "title": "two populations, plastic inhibition, intrinsic plasticity",
    "duration": "2 s",
    "populations": {
        "E": {
            "n": 60,
            "neuron": "lif_conductance",
            "plasticity": [{"intrinsic_drive": {"target_rate": "8 Hz", "gain": "0.2 mV"}}],
        },
        "I": {"n": 20, "neuron": "lif_conductance"},
    },
    "projections": {
        "E_to_I": {
            "source": "E",
            "target": "I",
            "channel": "excitatory",
            "topology": {"fixed_probability": {"probability": 0.3}},
            "weight": "1 nS",
            "delay": "1 ms",
        },
        "I_to_E": {
            "source": "I",
            "target": "E",
            "channel": "inhibitory",
            "topology": {"fixed_probability": {"probability": 0.5}},
            "weight": "2 nS",
            "weight_max": "40 nS",
            "delay": "1 ms",
            "plasticity": [
                {"inhibitory_stdp": {"target_rate": "5 Hz", "learning_rate": "0.3 nS"}},
                {"synaptic_scaling": {"target_rate": "6 Hz", "proportional": "0.05 1/s"}},
            ],
        },
    },
    "protocols": {
        "to_E": {"poisson_input": {"population": "E", "channel": "excitatory", "rate": "600 Hz", "weight": "4 nS"}},
        "to_I": {
            "correlated_input": {
                "population": "I",
                "channel": "excitatory",
                "rate": "500 Hz",
                "weight": "4 nS",
                "correlation": 0.3,
            }
        },
    },
}


def _model(change: dict[str, Any] | None = None, **override: Any) -> Model:
    content = merge(_BASE, override)
    return Model.model_validate(merge(content, {"protocols": {"change": change}}) if change else content)


def _run(model: Model, steps: int = 20_000) -> Simulation:
    simulation = Simulation(model)
    simulation.advance(steps)
    return simulation


def _spikes(simulation: Simulation, population: str) -> np.ndarray:
    return np.concatenate(simulation.spikes[population], axis=1)


def _weights(simulation: Simulation, projection: str = "I_to_E") -> np.ndarray:
    return weights(simulation.network.parts[0].projections[projection])


def _is_same(a: Simulation, b: Simulation) -> bool:
    """Every spike; the weights up to rounding, since a rule of speed 0 still has the debts of others paid in every window."""
    return all(np.array_equal(_spikes(a, key), _spikes(b, key)) for key in a.spikes) and np.allclose(
        _weights(a), _weights(b), rtol=1e-13, atol=0
    )


@pytest.fixture(scope="module")
def plain() -> Simulation:
    return _run(_model())


# What is the same network from the start: the change at 0 s, and the model without it.
_EQUAL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "less input": ({"scale_input": {"inputs": ["to_E"], "scale": 0.5, "start": "0 s"}}, {"to_E": 300.0}),
    "less correlation": (
        {"change_correlation": {"inputs": ["to_I"], "correlation": 0.1, "start": "0 s"}},
        {"protocols": {"to_I": {"correlated_input": {"correlation": 0.1}}}},
    ),
    "inhibition blocked": (
        {"receptor_block": {"populations": ["E"], "channel": "inhibitory", "start": "0 s"}},
        {"populations": {"E": {"neuron": {"lif_conductance": {"e_inhibitory": "-60 mV"}}}}},
    ),
    "half the release": (
        {"release_change": {"projections": ["E_to_I"], "scale": 0.5, "start": "0 s"}},
        {"projections": {"E_to_I": {"weight": "0.5 nS"}}},
    ),
    "slower rule": (
        {"switch_rule": {"rule": "E.intrinsic_drive", "scale": 0.25, "start": "0 s"}},
        {"populations": {"E": {"plasticity": [{"intrinsic_drive": {"target_rate": "8 Hz", "gain": "0.05 mV"}}]}}},
    ),
    "no slow rule": (
        {"switch_rule": {"rule": "I_to_E.synaptic_scaling", "start": "0 s"}},
        {"projections": {"I_to_E": {"plasticity": [_BASE["projections"]["I_to_E"]["plasticity"][0]]}}},
    ),
    "another target rate": (
        {"change_parameter": {"of": "I_to_E.inhibitory_stdp.target_rate", "value": "9 Hz", "start": "0 s"}},
        {
            "projections": {
                "I_to_E": {
                    "plasticity": [
                        {"inhibitory_stdp": {"target_rate": "9 Hz", "learning_rate": "0.3 nS"}},
                        _BASE["projections"]["I_to_E"]["plasticity"][1],
                    ]
                }
            }
        },
    ),
    "another drive": (
        {"change_parameter": {"of": "E.lif_conductance.drive", "value": "3 mV", "start": "0 s"}},
        {"populations": {"E": {"neuron": {"lif_conductance": {"drive": "3 mV"}}}}},
    ),
    "another capacitance": (
        {"change_parameter": {"of": "E.lif_conductance.capacitance", "value": "300 pF", "start": "0 s"}},
        {"populations": {"E": {"neuron": {"lif_conductance": {"capacitance": "300 pF"}}}}},
    ),
}


@pytest.mark.slow
@pytest.mark.reference(
    "protocols/receptor_block",
    "protocols/release_change",
    "protocols/switch_rule",
    "protocols/change_parameter",
    "protocols/change_correlation",
    against="the network that is built so from the start",
    within="every spike, and every weight to 1e-13",
)
@pytest.mark.parametrize("label", [k for k in _EQUAL if k not in ("less input", "inhibition blocked")])
def test_a_change_at_the_start_makes_the_network_that_is_built_so(plain, label):
    change, override = _EQUAL[label]
    changed, built = _run(_model(change)), _run(_model(None, **override))
    assert _is_same(changed, built)
    assert not _is_same(changed, plain)  # the change matters


def test_a_full_block_of_inhibition_is_a_network_without_it(plain):
    """Inhibitory conductances act on nobody: the spikes of a network whose inhibitory synapses transmit nothing."""
    blocked = _run(_model(_EQUAL["inhibition blocked"][0]))
    cut = _run(_model({"release_change": {"projections": ["I_to_E"], "scale": 0.0, "start": "0 s"}}))
    assert np.array_equal(_spikes(blocked, "E"), _spikes(cut, "E"))
    assert _spikes(blocked, "E").shape[1] > 1.2 * _spikes(plain, "E").shape[1]
    partly = _run(_model({"receptor_block": {"populations": ["E"], "channel": "inhibitory", "start": "0 s", "scale": 0.5}}))
    assert _spikes(plain, "E").shape[1] < _spikes(partly, "E").shape[1] < _spikes(blocked, "E").shape[1]


_WINDOW = {"start": "0.8 s", "stop": "1.2 s"}
_CHANGES: dict[str, dict[str, Any]] = {
    "scale_input": {"inputs": ["to_E"], "scale": 0.0},
    "change_correlation": {"inputs": ["to_I"], "correlation": 0.9},
    "ttx": {},
    "receptor_block": {"populations": ["E", "I"], "channel": "excitatory"},
    "release_change": {"projections": ["I_to_E"], "scale": 3.0},
    "switch_rule": {"rule": "I_to_E.inhibitory_stdp"},
    "change_parameter": {"of": "E.lif_conductance.v_threshold", "value": "-54 mV"},
}


@pytest.mark.parametrize("name", _CHANGES)
def test_a_perturbation_acts_from_start_to_stop(plain, name):
    """Bit for bit the same before it, other spikes within it, and afterwards everything is as the model says."""
    simulation = _run(_model({name: _CHANGES[name] | _WINDOW}))
    before = [p[:, p[0] < 8000] for s in (simulation, plain) for p in (_spikes(s, "E"), _spikes(s, "I"))]
    assert np.array_equal(before[0], before[2])
    assert np.array_equal(before[1], before[3])
    assert not _is_same(simulation, plain)
    ours, theirs = simulation.network.parts[0], plain.network.parts[0]
    for key, p in ours.populations.items():
        other = theirs.populations[key]
        assert p.kernel == other.kernel
        assert p.rest.refractory == other.rest.refractory
        assert [t.gain for c in p.channels for t in c.terms] == [t.gain for c in other.channels for t in c.terms]
    for key in ("to_E", "to_I"):
        assert np.array_equal(ours.inputs[key].cumulative, theirs.inputs[key].cumulative)
    for key, projection in ours.projections.items():
        assert projection.strength == theirs.projections[key].strength
    (rule,), (other,) = ours.projections["I_to_E"].rules, theirs.projections["I_to_E"].rules
    assert (rule.scale_pre, rule.scale_post, rule.rule.offset) == (other.scale_pre, other.scale_post, other.rule.offset)
    short = _run(_model({name: _CHANGES[name] | {"start": "0.8 s"}}))
    inside = [
        np.concatenate([q[:, q[0] < 12_000] for q in (_spikes(s, "E"), _spikes(s, "I"))], axis=1) for s in (simulation, short)
    ]
    assert np.array_equal(*inside)  # until the stop it is the one that has none


@pytest.mark.parametrize("name", _CHANGES)
def test_a_perturbed_run_goes_on_from_a_checkpoint(name, tmp_path):
    """Written at 1 s, inside the perturbation, and read by a new process."""
    model = _model({name: _CHANGES[name] | _WINDOW}, checkpoint_every="1 s")
    whole = _run(model)
    Simulation(model, checkpoint=tmp_path / "state.npz").advance(11_000)
    resumed = Simulation(model, checkpoint=tmp_path / "state.npz")
    assert resumed.step == 10_000
    resumed.advance(10_000)
    assert _is_same(whole, resumed)


@pytest.mark.reference("protocols/ttx", against="no spike", within="exactly, from the step of start to that of stop")
def test_nothing_fires_under_tetrodotoxin(plain):
    simulation = _run(_model({"ttx": {"populations": ["E"], "inputs": ["to_E"], **_WINDOW}}))
    step = _spikes(simulation, "E")[0]
    assert not np.any((step >= 8000) & (step < 12_000))
    assert np.any((step >= 7800) & (step < 8000))
    assert np.any((step >= 12_000) & (step < 12_500))
    inhibitory = _spikes(simulation, "I")[0]
    assert np.any((inhibitory >= 8200) & (inhibitory < 12_000))  # only the named population
    inside = Simulation(_model({"ttx": {"inputs": ["to_E", "to_I"], **_WINDOW}}))
    inside.advance(10_000)
    assert np.all(inside.network.neurons["E"].state.v == -0.06)
    assert inside.network.parts[0].populations["E"].channels[0].terms[0].trace.value.max() < 1e-9  # no input either


def test_a_rule_that_is_switched_off_leaves_the_weights():
    change = {"switch_rule": {"rule": "I_to_E.inhibitory_stdp", "start": "0.5 s"}}
    simulation = Simulation(
        _model(change, projections={"I_to_E": {"plasticity": [_BASE["projections"]["I_to_E"]["plasticity"][0]]}})
    )
    simulation.advance(5000)
    before = _weights(simulation)
    simulation.advance(15_000)
    assert np.allclose(_weights(simulation), before, rtol=1e-12)
    assert before.std() > 1e-10


def test_two_changes_of_one_neuron_model_add_up():
    """A block, a parameter and another parameter: the end of one leaves the others."""

    def parameter(name: str, value: str, **when: str) -> dict[str, Any]:
        return {"change_parameter": {"of": f"E.lif_conductance.{name}", "value": value, "start": "0 s", **when}}

    override = {
        "block": {"receptor_block": {"populations": ["E"], "channel": "inhibitory", "start": "0 s", "scale": 0.5}},
        "first": parameter("v_rest", "-61 mV"),
        "second": parameter("capacitance", "400 pF", stop="0.1 s"),
    }
    simulation = Simulation(_model(None, protocols=override))
    simulation.advance(10)
    p = simulation.network.parts[0].populations["E"]
    assert p.kernel.v_rest == -0.061
    assert [c.terms[0].gain for c in p.channels] == pytest.approx([1e-4 / 400e-12, 0.5e-4 / 400e-12], rel=1e-12)
    simulation.advance(2000)
    p = simulation.network.parts[0].populations["E"]
    assert p.kernel.v_rest == -0.061
    assert [c.terms[0].gain for c in p.channels] == pytest.approx([1e-4 / 200e-12, 0.5e-4 / 200e-12], rel=1e-12)


def test_one_may_start_where_another_stops():
    """Named so that the alphabet would let the stop come last."""
    change = {"inputs": ["to_E"], "start": "0.1 s"}
    protocols = {
        "z": {"scale_input": change | {"scale": 0.5, "stop": "0.2 s"}},
        "a": {"scale_input": change | {"scale": 0.25, "start": "0.2 s"}},
    }
    simulation = _run(_model(None, protocols=protocols), 2010)
    made = simulation.network.parts[0].inputs["to_E"]
    expected = simulation.network.protocols["to_E"].scaled(made, 0.25)
    assert np.array_equal(made.cumulative, expected.cumulative)


# ---- correlated input
def _counts(correlation: float | None, change: dict[str, Any] | None = None, n: int = 20, seconds: float = 40.0) -> np.ndarray:
    """Events of relays in each step: (steps, neurons)."""
    given = {"population": "in", "channel": "excitatory", "rate": "50 Hz", "weight": "1 mV"}
    protocol = {"poisson_input": given} if correlation is None else {"correlated_input": given | {"correlation": correlation}}
    protocols = {"events": protocol} | ({"change": change} if change else {})
    populations = {"in": {"n": n, "neuron": "relay"}}
    model = {"title": "t", "dt": "1 ms", "duration": f"{seconds} s", "populations": populations, "protocols": protocols}
    simulation = Simulation(Model.model_validate(model))
    simulation.advance(round(seconds / 1e-3))
    step, unit = np.concatenate(simulation.spikes["in"], axis=1)
    counts = np.zeros((round(seconds / 1e-3), n))
    counts[step, unit] = 1
    return counts


def _spikes_of_events(correlation: float, mean: float) -> tuple[float, float]:
    """Probability of a spike in a step and correlation of two relays, from Poisson mothers of mean / correlation."""
    c, mother = correlation, mean / correlation
    silent, both_silent = math.exp(-mother * c), math.exp(-mother * (1 - (1 - c) ** 2))
    p = 1 - silent
    return p, (both_silent - silent**2) / (p * (1 - p))


@pytest.mark.slow
@pytest.mark.reference("protocols/correlated_input", against="mean and correlation in closed form", within="four standard errors")
@pytest.mark.parametrize("correlation", [0.05, 0.4, 1.0])
def test_correlated_inputs_have_their_rate_and_correlation(correlation):
    counts = _counts(correlation)
    p, expected = _spikes_of_events(correlation, 0.05)
    pairs = counts.shape[1] * (counts.shape[1] - 1) / 2
    # Neurons that share events are not independent samples: the mean has the variance of equally correlated ones.
    variance = p * (1 - p) * (1 + (counts.shape[1] - 1) * expected) / counts.size
    assert counts.mean() == pytest.approx(p, abs=4 * math.sqrt(variance))
    found = np.corrcoef(counts.T)[np.triu_indices(counts.shape[1], 1)]
    error = math.sqrt((1 - expected**2) ** 2 / counts.shape[0] * (1 / pairs + expected)) + 1e-12
    # Bernoulli variables of mean p: the sampling variance of a correlation is larger than that of normal ones by 1 / p.
    assert found.mean() == pytest.approx(expected, abs=4 * error / math.sqrt(p))
    assert np.corrcoef(counts[:-1, 0], counts[1:, 0])[0, 1] == pytest.approx(0, abs=4 / math.sqrt(counts.shape[0]))  # no memory


@pytest.mark.slow
def test_the_test_of_correlation_sees_independent_inputs():
    """Negative control."""
    counts = _counts(None)
    found = np.corrcoef(counts.T)[np.triu_indices(20, 1)].mean()
    assert abs(found) < 4 / math.sqrt(counts.shape[0] * 190) / math.sqrt(0.05)
    assert abs(found - _spikes_of_events(0.05, 0.05)[1]) > 0.02


def test_a_change_of_correlation_keeps_the_rate():
    change = {"change_correlation": {"inputs": ["events"], "correlation": 0.05, "start": "20 s"}}
    counts = _counts(0.6, change)
    first, second = counts[:20_000], counts[20_000:]
    for part, correlation in ((first, 0.6), (second, 0.05)):
        p, expected = _spikes_of_events(correlation, 0.05)
        assert np.corrcoef(part.T)[np.triu_indices(20, 1)].mean() == pytest.approx(expected, abs=0.03)
        assert part.mean() == pytest.approx(p, abs=4 * math.sqrt(p * (1 + 19 * expected) / part.size))


# ---- what the config refuses
_REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"ttx": {"start": "3 s"}}, "change.start is 3 s, which is not inside the run of 2 s"),
    ({"ttx": {"start": "-1 s"}}, "change.start is -1 s, which is not inside the run"),
    ({"ttx": {"start": "1 s", "stop": "1 s"}}, "change.stop is 1 s, which is not after start, 1 s"),
    ({"ttx": {"start": "1 s", "stop": "3 s"}}, "change.stop is 3 s, after the end of the run of 2 s"),
    ({"ttx": {"start": "1 s", "populations": ["e"]}}, "populations names 'e', which is absent; known: E, I"),
    (
        {"ttx": {"start": "1 s", "inputs": ["to_e"]}},
        "inputs names 'to_e', which is no input of this model that can be scaled; did you mean",
    ),
    (
        {"receptor_block": {"populations": ["E"], "channel": "inhibitry", "start": "1 s"}},
        "channel is 'inhibitry', which the neurons of E do not have; did you mean 'inhibitory'",
    ),
    ({"receptor_block": {"populations": ["E"], "channel": "inhibitory", "start": "1 s", "scale": -1.0}}, "scale is -1.0"),
    ({"release_change": {"projections": ["I_to_e"], "scale": 0.5, "start": "1 s"}}, "projections names 'I_to_e'.*did you mean"),
    (
        {"change_correlation": {"inputs": ["to_E"], "correlation": 0.5, "start": "1 s"}},
        "inputs names 'to_E', which is no input of this model that can be correlated; did you mean 'to_I'",
    ),
    ({"switch_rule": {"rule": "inhibitory_stdp", "start": "1 s"}}, "rule is 'inhibitory_stdp'; write owner.rule"),
    ({"switch_rule": {"rule": "I_to_E.inhibitory", "start": "1 s"}}, "rule names 'inhibitory'.*did you mean 'inhibitory_stdp'"),
    ({"switch_rule": {"rule": "X.inhibitory_stdp", "start": "1 s"}}, "rule names 'X', which is no population or projection"),
    (
        {"change_parameter": {"of": "I_to_E.inhibitory_stdp.rate", "value": "5 Hz", "start": "1 s"}},
        "of names 'rate', which is no parameter of inhibitory_stdp; known",
    ),
    (
        {"change_parameter": {"of": "I_to_E.inhibitory_stdp.target_rate", "value": "5 mV", "start": "1 s"}},
        "value: inhibitory_stdp.target_rate is '5 mV', not a frequency",
    ),
    (
        {"change_parameter": {"of": "I_to_E.inhibitory_stdp.tau", "value": "5 ms", "start": "1 s"}},
        "of is 'I_to_E.inhibitory_stdp.tau', which a running rule cannot change",
    ),
    (
        {"change_parameter": {"of": "I_to_E.synaptic_scaling.tau_rate", "value": "5 s", "start": "1 s"}},
        "which a running rule cannot change",
    ),
    (
        {"change_parameter": {"of": "E.lif_current.drive", "value": "5 mV", "start": "1 s"}},
        "of names 'lif_current', which is no neuron model or rule of E; known",
    ),
    (
        {
            "change_parameter": {
                "of": "E.lif_conductance.drive",
                "value": {"normal": {"mean": "1 mV", "sd": "1 mV"}},
                "start": "1 s",
            }
        },
        "write a distribution where the model has one",
    ),
    (
        {"change_parameter": {"of": "E.lif_conductance.tau_membrane", "value": "0.01 ms", "start": "1 s"}},
        "tau_membrane is 1e-05 s, no longer than the time step",
    ),
    (
        {"change_parameter": {"of": "E.lif_conductance.v_threshold", "value": "-70 mV", "start": "1 s"}},
        "v_threshold is -0.07 V, below the reset",
    ),
    ({"release_change": {"projections": [], "scale": 0.5, "start": "1 s"}}, "projections is empty, so that nothing would change"),
    ({"ttx": {"populations": [], "start": "1 s"}}, "populations is empty, so that nothing would change"),
]


@pytest.mark.parametrize(("change", "message"), _REFUSED)
def test_the_config_refuses_what_cannot_be(change, message):
    with pytest.raises(ValidationError) as caught:
        _model(change)
    lines = explain(caught.value, Model)
    assert len(lines) == 1
    assert re.search(message, lines[0]), lines


def test_two_perturbations_of_one_thing_may_not_overlap():
    def scale(start: str, **stop: str) -> dict[str, Any]:
        return {"scale_input": {"inputs": ["to_E"], "scale": 0.5, "start": start, **stop}}

    with pytest.raises(ValidationError, match=r"protocols\.b overlaps with a: both change input to_E"):
        _model(None, protocols={"a": scale("0.5 s", stop="1 s"), "b": scale("0.8 s", stop="1.5 s")})
    with pytest.raises(ValidationError, match="overlaps"):
        _model(None, protocols={"a": scale("0.5 s"), "b": {"ttx": {"start": "0.8 s", "stop": "1 s", "inputs": ["to_E"]}}})
    _model(None, protocols={"a": scale("0.5 s", stop="1 s"), "b": scale("1 s", stop="1.5 s")})
    _model(None, protocols={"a": scale("0.5 s"), "b": scale("1 s")})  # steps of a staircase: nothing ends


# ---- they are epochs
def _epochs(seconds: str = "60 ms", **protocols: Any) -> dict[str, tuple[float, float]]:
    model = _model(None, duration=seconds, window="10 ms", protocols=protocols)
    dataset = simulate(model)
    if "epoch" not in dataset.dims:
        return {}
    spans = zip(dataset.epoch_start.values.tolist(), dataset.epoch_stop.values.tolist(), strict=True)
    return dict(zip(dataset.epoch.values.tolist(), spans, strict=True))


@pytest.mark.slow
def test_every_perturbation_is_an_epoch_of_the_activity():
    """With what is before the first and after the last; what lasts the whole run perturbs nothing."""
    drug = {"receptor_block": {"populations": ["E"], "channel": "inhibitory", "start": "20 ms", "stop": "40 ms"}}
    weaker = {"release_change": {"projections": ["E_to_I"], "scale": 0.5, "start": "30 ms", "stop": "50 ms"}}
    knock_out = {"switch_rule": {"rule": "I_to_E.synaptic_scaling", "start": "0 s"}}
    assert _epochs() == _epochs(knock_out=knock_out) == {}
    assert _epochs(drug=drug, weaker=weaker, knock_out=knock_out) == {
        "baseline": (0.0, 0.02),
        "drug": (0.02, 0.04),
        "weaker": (0.03, 0.05),
        "recovery": (0.05, 0.06),
    }
    late = {"switch_rule": {"rule": "I_to_E.synaptic_scaling", "start": "10 ms"}}
    assert _epochs(late=late) == {"baseline": (0.0, 0.01), "late": (0.01, 0.06)}
    early = {"ttx": {"start": "0 s", "stop": "10 ms"}}
    assert _epochs(early=early) == {"early": (0.0, 0.01), "recovery": (0.01, 0.06)}


def test_epochs_and_sessions_that_are_written_rule():
    drug = {"ttx": {"start": "1 s"}}
    assert _model(drug).spans() == {"baseline": (0.0, 1.0), "change": (1.0, 2.0)}
    assert _model(drug, epochs={"late": ["1.5 s", "2 s"]}).spans() == {"late": (1.5, 2.0)}
    assert _model(drug, sessions={"a": {"span": ["0 s", "1 s"], "factors": {"day": 1}}}).spans() == {}


# ---- every rule can be switched off
def _with_rule(name: str, change: dict[str, Any], seconds: float = 0.1) -> Simulation:
    """Twelve neurons that excite each other, with one rule, which acts every 20 ms if it is slow."""
    entry: list[Any] = [{name: written("plasticity", name)}]
    is_intrinsic = _form(name) == "intrinsic"
    cells = {"n": 12, "neuron": "lif_conductance", "extent": "1 mm", "plasticity": entry if is_intrinsic else []}
    loop = {"source": "E", "target": "E", "channel": "excitatory", "weight": "2 nS", "weight_max": "20 nS", "delay": "1 ms"}
    loop |= {"topology": {"fixed_probability": {"probability": 0.4}}}
    loop["plasticity"] = [] if is_intrinsic else entry + (["tsodyks_markram"] if "release" in name else [])
    content = {"title": "t", "duration": "1 s", "window": "20 ms", "populations": {"E": cells}, "projections": {"loop": loop}}
    to_e = _BASE["protocols"]["to_E"]
    simulation = Simulation(Model.model_validate({**content, "protocols": {"to_E": to_e, **change}}), code=REFERENCE)
    with np.errstate(over="ignore"):
        simulation.advance(round(seconds / 1e-4))
    return simulation


def _form(name: str) -> str:
    return str(instance("plasticity", name).form)


def _left(simulation: Simulation) -> np.ndarray:
    """Everything that a rule may change."""
    whole = simulation.network.neurons["E"]
    kernel = [np.ravel(np.broadcast_to(x, whole.state.v.shape)) for x in whole.kernel]
    gain = np.ones(1) if whole.input_gain is None else whole.input_gain
    projection = simulation.network.parts[0].projections["loop"]
    return np.concatenate([_weights(simulation, "loop"), *kernel, whole.state.drive, gain, *pairs(projection)])


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in catalogue.names("plasticity") if _form(n) != "release"])
def test_a_rule_that_is_off_changes_nothing(name):
    rule = f"{'E' if _form(name) == 'intrinsic' else 'loop'}.{name}"
    off = _with_rule(name, {"change": {"switch_rule": {"rule": rule, "start": "0 s"}}})
    start = _left(_with_rule(name, {}, seconds=0.0))
    assert off.emitted() > 20
    assert np.allclose(_left(off), start, rtol=1e-12, atol=0)
    if name not in ("release_homeostasis", "heterosynaptic_normalisation"):  # changes no weight, has nothing to undo
        on = _left(_with_rule(name, {}))  # control
        assert on.size != start.size or not np.allclose(on, start, rtol=1e-9, atol=0)
