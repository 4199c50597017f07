"""Neuromodulators: time course, and the signs of plasticity that they set (C17, Seol et al. 2007)."""

from typing import Any

import numpy as np
import pytest
from bench import parameters

from homeoanalysis import catalogue
from homeoanalysis.config.model import Model
from homeoanalysis.errors import SimulationError
from homeoanalysis.protocols.neuromodulator import Neuromodulator
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.projections import weights
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.units import as_written, parse

RULE, LEARNING, TAU = "in.pair_stdp", 0.01, 0.02


def _simulation(protocols: dict[str, Any], **more: Any) -> Simulation:
    """One relay onto another; only what a test writes into their drive makes them fire."""
    relay = {"n": 1, "neuron": {"relay": {"v_threshold": "500 mV"}}}
    projection = {
        "source": "S",
        "target": "T",
        "channel": "excitatory",
        "topology": {"fixed_probability": {"probability": 1.0}},
        "weight": "5 mV",
        "weight_max": "10 mV",
        "delay": "0.1 ms",
        "plasticity": [{"pair_stdp": {"learning_rate": LEARNING, "asymmetry": 1.0}}],
    }
    model = {
        "title": "pairing",
        "duration": "10 s",
        "populations": {"S": relay, "T": relay},
        "projections": {"in": {**projection, **more.pop("projection", {})}},
        "protocols": {name: {"neuromodulator": given} for name, given in protocols.items()},
        **more,
    }
    return Simulation(Model.model_validate(model), code=REFERENCE)


def _pair(protocols: dict[str, Any], lag: int) -> float:
    """Relative change of the weight, in units of weight_max, by one pair; lag: steps from pre to post."""
    simulation = _simulation(protocols)
    arrival = 1  # step of delay
    spikes = sorted([("S", 10 + max(0, -lag) - arrival), ("T", 10 + max(0, lag))], key=lambda x: x[1])
    for name, at in spikes:
        simulation.advance(at - simulation.step)
        simulation.network.neurons[name].state.drive[0] = 1.0
        simulation.advance(1)
        simulation.network.neurons[name].state.drive[0] = 0.0
    simulation.advance(5)
    return float((weights(simulation.network.parts[0].projections["in"])[0] - 0.005) / 0.01)


SLICE = {"start": "0 s", "pre": {RULE: 0.0}, "post": {RULE: 0.0}}  # without agonists nothing changes
BETA = {"start": "0 s", "post": {RULE: 2.0}}
M_ONE = {"start": "0 s", "pre": {RULE: 2.0}}
NORADRENALINE = {"start": "0 s", "pre": {RULE: 0.5}, "post": {RULE: 1.5}}
ACETYLCHOLINE = {"start": "0 s", "pre": {RULE: 1.5}, "post": {RULE: 0.5}}


@pytest.mark.parametrize(
    ("present", "before", "after"),
    [
        ({}, 1.0, -1.0),  # control: bidirectional
        ({"slice": SLICE}, 0.0, 0.0),
        ({"slice": SLICE, "beta": BETA}, 1.0, 0.0),  # LTP only
        ({"slice": SLICE, "m_one": M_ONE}, 0.0, -1.0),  # LTD only
        ({"slice": SLICE, "beta": BETA, "m_one": M_ONE}, 1.0, -1.0),  # bidirectional
        ({"NA": NORADRENALINE}, 1.5, -0.5),
        ({"ACh": ACETYLCHOLINE}, 0.5, -1.5),
        ({"NA": NORADRENALINE, "ACh": ACETYLCHOLINE}, 1.0, -1.0),
        ({"gone": {**SLICE, "stop": "0.5 ms"}}, 1.0, -1.0),
    ],
)
@pytest.mark.reference(
    "protocols/neuromodulator", against="a table of signs and the exponential window of one pair", within="1e-9"
)
def test_modulators_set_the_signs_of_timing_dependent_plasticity(present, before, after):
    """dw at pre 10 ms before post and 10 ms after it, in units of the learning rate times exp(-10 / 20)."""
    unit = LEARNING * np.exp(-0.010 / TAU)
    assert _pair(present, 100) == pytest.approx(before * unit, rel=1e-9, abs=1e-12)
    assert _pair(present, -100) == pytest.approx(after * unit, rel=1e-9, abs=1e-12)


def test_a_level_rises_and_decays_exponentially():
    """1 - exp(-t / rise) until stop, then exp(-t / decay) of what was reached; 0 before and long after."""
    made = Neuromodulator(start=1.0, stop=3.0, rise=0.5, decay=2.0)
    for t, expected in ((0.99, 0), (1.0, 0), (1.5, 1 - np.exp(-1)), (2.9, 1 - np.exp(-3.8)), (5.0, (1 - np.exp(-4)) / np.e)):
        assert made.level(t) == pytest.approx(expected, abs=1e-12)
    assert made.level(3.0 + 16.0) == 0
    assert [Neuromodulator(start=1.0, stop=2.0).level(t) for t in (0.9, 1.0, 1.9, 2.0)] == [0, 1, 1, 0]
    assert Neuromodulator(start=1.0, rise=0.1).level(9.0) == 1
    assert Neuromodulator(start=1.0, stop=2.0).times() == [1.0, 2.0]
    times = made.times()
    assert times == sorted(times)
    assert made.level(times[-1]) == 0
    assert np.allclose(np.diff([t for t in times if t < 3]), 0.1)


def test_drive_follows_the_level_and_comes_back():
    """2 mV x c(t) on top of whatever else changes the drive."""
    given = {"start": "2 ms", "stop": "10 ms", "rise": "4 ms", "decay": "1 ms", "every": "1 ms", "drive": {"S": "2 mV"}}
    simulation = _simulation({"NA": given})
    drive = simulation.network.neurons["S"].state.drive
    found = []
    for _ in range(25):
        simulation.advance(10)
        found.append(drive[0])
    level = Neuromodulator(start=0.002, stop=0.010, rise=0.004, decay=0.001).level
    expected = [2e-3 * level(np.round((k + 1) * 1e-3 - 1e-3, 9)) for k in range(25)]  # changes come before the step
    assert np.allclose(found, expected, atol=1e-15)
    assert max(found) == pytest.approx(2e-3 * (1 - np.exp(-8 / 4)), rel=1e-9)
    assert abs(found[-1]) < 1e-17


@pytest.mark.slow
def test_homeostasis_and_transmission_are_scaled_while_it_is_there():
    """Silent target: the factor of scaling and of the intrinsic drive is half while c = 1; a spike transmits 0.7 w."""
    given = {
        "start": "100 ms",
        "stop": "200 ms",
        "speed": {"in.synaptic_scaling": 0.5, "T.intrinsic_drive": 0.0},
        "transmission": {"in": 0.7},
    }
    rules = [{"synaptic_scaling": {"target_rate": "5 Hz", "proportional": "0.5 1/s"}}]
    relay = {"n": 1, "neuron": {"relay": {"v_threshold": "500 mV"}}}
    target = {**relay, "plasticity": [{"intrinsic_drive": {"target_rate": "5 Hz", "gain": "1 mV"}}]}
    simulation = _simulation(
        {"ACh": given}, projection={"plasticity": rules}, populations={"S": relay, "T": target}, window="100 ms"
    )
    held, found, drives, jumps = simulation.network.neurons, [0.005], [0.0], []
    for _ in range(3):
        simulation.advance(500)
        held["S"].state.drive[0] = 1.0
        simulation.advance(1)
        held["S"].state.drive[0] = 0.0
        simulation.advance(1)
        jumps.append((held["T"].state.v[0] - drives[-1]) / found[-1])
        simulation.advance(498)
        found.append(weights(simulation.network.parts[0].projections["in"])[0])
        drives.append(held["T"].state.drive[0])
    assert np.allclose(np.array(found[1:]) / found[:-1], [1.05, 1.025, 1.05], rtol=1e-12)
    assert np.allclose(np.diff(drives), [0.5e-3, 0, 0.5e-3], atol=1e-15)
    assert np.allclose(jumps, [1, 0.7, 1], rtol=1e-9)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"pre": {"in.pair_stdo": 1.0}}, "did you mean 'pair_stdp'"),
        ({"post": {"pair_stdp": 1.0}}, "write owner.rule"),
        ({"speed": {RULE: 0.5}}, "under pre and post"),
        ({"transmission": {"inn": 0.5}}, "did you mean 'in'"),
        ({"drive": {"X": "1 mV"}}, "absent"),
        ({"pre": {RULE: -1.0}}, "greater than or equal to 0"),
        ({}, "no effect; write at least one of pre, post"),
        ({"rise": "100 s", "every": "1 ms", "gain": {"T": 1.2}}, r"every is 0.001 s, which makes 8e\+05 changes of a network"),
        ({"gain": {"X": 1.2}}, "gain names 'X', which is absent"),
        ({"scale": {"T.relay.v_treshold": 0.5}}, "did you mean 'v_threshold'"),
        ({"scale": {"T.relay.v_threshold": -0.5}}, "greater than or equal to 0"),
        ({"shift": {"T.relay.v_threshold": 0.001}}, "has no unit"),
        ({"shift": {"T.relay.v_threshold": "1 s"}}, "not a voltage"),
        ({"shift": {"T.relay.v_threshold": "-2 V"}}, "below the reset"),
        ({"shift": {"in.pair_stdp.asymmetry": "1 mV"}}, "plain number"),
        ({"shift": {"in.pair_stdp.asymmetry": -3.0}}, "greater than or equal to 0"),
        ({"scale": {"in.pair_stdp.pairing": 2.0}}, "not a number"),
        ({"scale": {"in.pair_stdp.tau_plus": 2.0}}, "which a running rule cannot change"),
    ],
)
def test_what_a_modulator_names_must_exist(wrong, message):
    with pytest.raises(ValueError, match=message):
        _simulation({"NA": {"start": "0 s", **wrong}})


def _with_threshold(protocols: dict[str, Any], **target: Any) -> Simulation:
    relay = {"n": 1, "neuron": {"relay": {"v_threshold": "500 mV"}}}
    return _simulation(protocols, populations={"S": relay, "T": {"n": 3, "neuron": {"lif_conductance": {}}, **target}},
                       projection={"weight": "5 nS", "weight_max": "10 nS"})  # fmt: skip


def _thresholds(simulation: Simulation) -> np.ndarray:
    """Of the three neurons; arrays go on with padding."""
    return np.array(np.broadcast_to(simulation.network.neurons["T"].kernel.v_threshold, 64)[:3])


def test_thresholds_shift_and_spread_ones_too():
    """-1 mV x c(t), on a threshold that all share, that is drawn, or that a rule moves; afterwards it is what it was."""
    given = {"start": "1 ms", "stop": "3 ms", "shift": {"T.lif_conductance.v_threshold": "-1 mV"}}
    drawn = {"neuron": {"lif_conductance": {"v_threshold": {"normal": {"mean": "-50 mV", "sd": "1 mV"}}}}}
    moved = {"plasticity": [{"intrinsic_threshold": {"target_rate": "5 Hz"}}]}
    for target in ({}, drawn, moved):
        simulation = _with_threshold({"ACh": given}, **target)
        found = []
        for _ in range(4):
            found.append(_thresholds(simulation))
            simulation.advance(10)
        assert np.allclose(found[1] - found[0], 0, atol=1e-18)
        assert np.allclose(found[2] - found[0], -1e-3, rtol=1e-9)  # what changes at 1 ms acts from that step on
        simulation.advance(1)
        assert np.allclose(_thresholds(simulation), found[0], rtol=1e-15)


def test_shifts_of_several_modulators_add_up_and_scales_are_about_one():
    """Threshold: half a level of each of two; the parameter of a rule: 3 x (1 + (0.5 - 1) + (1.5 - 1)) = 3."""
    tau = 1 / np.log(2)  # after 1 s the level is a half
    rise = {"start": "0 s", "rise": f"{tau} s", "every": "0.5 s"}
    first = {**rise, "shift": {"T.lif_conductance.v_threshold": "-1 mV"}, "scale": {"in.pair_stdp.asymmetry": 0.5}}
    second = {**rise, "shift": {"T.lif_conductance.v_threshold": "-3 mV"}, "scale": {"in.pair_stdp.asymmetry": 1.5}}
    simulation = _with_threshold({"ACh": first, "NA": second})
    simulation.network.protocols["ACh"].change(simulation.network, 2)
    assert float(simulation.network.neurons["T"].kernel.v_threshold) == pytest.approx(-0.052, rel=1e-12)
    assert simulation.network.make.instance("in", "pair_stdp").asymmetry == 1.0
    alone = _with_threshold({"ACh": first})
    alone.network.protocols["ACh"].change(alone.network, 2)
    assert alone.network.make.instance("in", "pair_stdp").asymmetry == pytest.approx(0.75, rel=1e-12)


def test_modulators_that_are_too_strong_together_stop_the_run():
    given = {"start": "0 s", "scale": {"T.lif_conductance.tau_membrane": 0.4}}
    with pytest.raises(SimulationError, match=r"T: neuromodulators together are too strong, .*tau_membrane.*weaken one of them"):
        _with_threshold({"ACh": given, "NA": given}).advance(1)


def test_a_gain_scales_all_input_beside_a_blocked_receptor():
    """dt / C for each siemens; 1.2 times and half of it while both are there, and neither end ends the other."""
    simulation = _with_threshold({"NA": {"start": "1 ms", "stop": "3 ms", "gain": {"T": 1.2}}})
    found = []
    for scale in (1.0, 0.5, 0.5, 1.0):
        simulation.network.scale_channel("T", "excitatory", scale)
        simulation.advance(11)
        found.append([float(channel.terms[0].gain) for channel in simulation.network.parts[0].populations["T"].channels])
    unit = 1e-4 / 200e-12
    assert np.allclose(found, np.array([[1.2, 1.2], [0.6, 1.2], [0.5, 1.0], [1.0, 1.0]]) * unit, rtol=1e-12)


def test_every_number_of_the_catalogue_can_be_shifted():
    """In its unit: one that is a number by itself has none, all others have one that units.py knows."""
    for folder in ("neurons", "plasticity"):
        for name in catalogue.names(folder):
            for key, value in parameters(folder, name).items():
                unit = catalogue.unit(folder, name, key)
                if unit is not None:
                    assert parse(as_written(0.5, unit), unit) == 0.5
                elif isinstance(value, float):
                    fields = catalogue.parameters(folder, name).model_json_schema()["properties"][key]
                    assert fields["type"] == "number", f"{folder}/{name}.{key} does not say its unit in its schema"
