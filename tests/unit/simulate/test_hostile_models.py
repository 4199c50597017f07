"""What a careless or hostile user may write into a model: each is refused in one line, before anything large is allocated."""

import copy
import math
import resource
from pathlib import Path
from typing import Any

import pytest
from resident import forget_peak, resident

from homeoanalysis.config import yaml
from homeoanalysis.config.distribution import Distribution, distribution
from homeoanalysis.config.limits import memory
from homeoanalysis.config.single import load_model
from homeoanalysis.errors import ConfigError, DataError, SimulationError
from homeoanalysis.simulate import simulate
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.units import parse

BASE: dict[str, Any] = {
    "title": "a small plastic network",
    "duration": "1 s",
    "populations": {"E": {"n": 8, "neuron": {"lif_conductance": {"drive": "12 mV"}}}, "I": {"n": 4, "neuron": "lif_conductance"}},
    "projections": {
        "EE": {
            "source": "E",
            "target": "E",
            "channel": "excitatory",
            "topology": {"fixed_probability": {"probability": 0.5}},
            "weight": "1 nS",
            "weight_max": "10 nS",
            "delay": "1 ms",
            "plasticity": ["pair_stdp"],
        }
    },
    "protocols": {"drive": {"poisson_input": {"population": "E", "channel": "excitatory", "rate": "1 kHz", "weight": "1 nS"}}},
}
NAN, INF = math.nan, math.inf


def _content(override: dict[str, Any]) -> dict[str, Any]:
    """The small network, where the values at these dotted paths are other ones."""
    content = copy.deepcopy(BASE)
    for path, value in override.items():
        *way, last = path.split(".")
        held = content
        for key in way:
            held = held.setdefault(key, {})
        held[last] = value
    return content


def _neuron(**given: Any) -> dict[str, Any]:
    return {"populations.E.neuron": {"lif_conductance": given}}


def _rule(name: str, **given: Any) -> dict[str, Any]:
    return {"projections.EE.plasticity": [{name: given}]}


def _wire(name: str, **given: Any) -> dict[str, Any]:
    return {"projections.EE.topology": {name: given}}


def _drive(name: str, **given: Any) -> dict[str, Any]:
    common = {"population": "E", "channel": "excitatory", "weight": "1 nS"}
    return {"protocols.x": {name: {**(common if "rate" in given or "rates" in given else {}), **given}}}


def _trace(**given: Any) -> dict[str, Any]:
    return {"record": {"traces": {"a": {"population": "E", "variable": "v", "units": 1, "every": "1 ms"} | given}}}


REFUSED: list[tuple[dict[str, Any], str]] = [
    # time
    (_neuron(refractory="0.04 ms"), "refractory is 4e-05 s, less than half a time step"),
    ({"populations.E.neuron": {"adex": {"tau_adaptation": "1e-300 s"}}}, "tau_adaptation is 1e-300 s, but a time step has"),
    (
        {"populations.E.plasticity": [{"intrinsic_threshold": {"target_rate": "5 Hz", "lowest": "-40 mV", "highest": "-50 mV"}}]},
        "lowest is -0.04, not below highest",
    ),
    ({"dt": NAN}, "dt is nan, which has no unit"),
    ({"dt": "nan s"}, "dt is 'nan s', not a time"),
    ({"dt": "1e999 s"}, "dt is '1e999 s', which is too large"),
    ({"dt": "0 s"}, "dt is '0 s'; input should be greater than 0"),
    ({"dt": "-1 ms"}, "dt is '-1 ms'; input should be greater than 0"),
    ({"dt": "1e-300 s"}, "duration is 1 s, more than"),
    ({"dt": "1e-20 s", "duration": "1e-19 s", "window": "1e-20 s", "projections": {}}, "refractory is 0.005 s, more than"),
    ({"dt": "100 ms", "projections": {}}, "tau_membrane is 0.02 s, no longer than the time step, 0.1 s; lower dt"),
    ({"dt": "1 ms", "populations.E.channels": {"excitatory": {"exponential": {"tau": "10 us"}}}}, "nothing of it would be left"),
    ({"duration": "0 s"}, "duration is '0 s'; input should be greater than 0"),
    ({"duration": -1}, "duration is -1, which has no unit"),
    ({"duration": "1e300 s"}, "duration is 1e\\+300 s, more than"),
    ({"window": "0 s"}, "window is '0 s'"),
    ({"window": "0.01 ms"}, "window is 1e-05 s, which is no whole number"),
    ({"window": "10 s", **_rule("synaptic_scaling", target_rate="5 Hz")}, "window is 10 s, longer than the run of 1 s"),
    ({"checkpoint_every": "1e-9 s"}, "checkpoint_every is 1e-09 s, less than a time step"),
    ({"epochs": {"a": ["0.5 s", "0.2 s"]}}, "epochs.a is \\[0.5 s, 0.2 s\\]"),
    ({"epochs": {"a": ["nan s", "1 s"]}}, "epochs.a.0 is 'nan s'"),
    # populations
    ({"populations": {}}, "populations is missing"),
    ({"populations.E.n": 0}, "n is 0; input should be greater"),
    ({"populations.E.n": -5}, "n is -5; input should be greater"),
    ({"populations.E.n": NAN}, "n is nan, not a whole number"),
    ({"populations.E.n": 10**9}, "n is 1000000000; input should be less"),
    ({"populations.E.n": True}, "n is True, not a whole number"),
    ({"populations.E.neuron": None}, "neuron is None; write one name"),
    ({"populations.E.neuron": {"lif_delta": {}, "adex": {}}}, "write one name of neurons/"),
    ({"populations.E; rm": {"n": 1, "neuron": "relay"}}, "a name starts with a letter"),
    (_neuron(tau_membrane="0 s"), "tau_membrane is '0 s'; input should be greater than 0"),
    (_neuron(tau_membrane="-20 ms"), "tau_membrane is '-20 ms'; input should be greater"),
    (_neuron(tau_membrane="1 ps"), "tau_membrane is 1e-12 s, no longer than the time step"),
    (_neuron(capacitance="0 F"), "capacitance is '0 F'; input should be greater"),
    (_neuron(capacitance="-1 pF"), "capacitance is '-1 pF'"),
    (_neuron(v_reset="-40 mV"), "v_threshold is -0.05 V, below the reset, -0.04 V: the neuron would fire"),
    (_neuron(refractory="-1 ms"), "refractory is '-1 ms'"),
    (_neuron(refractory="1e300 s"), "refractory is 1e\\+300 s, more than"),
    (_neuron(tau_membrane={"uniform": {"low": "-1 ms", "high": "1 ms"}}), "tau_membrane is '-1 ms'; input should be greater"),
    (_neuron(capacitance={"lognormal": {"mean": "200 pF", "sd": "1e300 F"}}), "more than 1000 times its mean"),
    ({"populations.E.neuron": {"adex": {"v_peak": "-80 mV"}}}, "v_threshold is -0.08 V, below the reset, -0.0706 V"),
    ({"populations.I.neuron": {"relay": {"v_threshold": "-1 V"}}}, "v_threshold is -1 V, below the reset, 0 V"),
    # projections
    ({"projections.EE.delay": "0.01 ms"}, "delay is 1e-05 s, which is no whole number"),
    ({"projections.EE.delay": "-1 ms"}, "the shortest delay must be greater than 0"),
    ({"projections.EE.delay": "1000 s"}, "delay is 1000 s, more than 100000 steps"),
    ({"projections.EE.delay": {"uniform": {"low": "1 ms", "high": "100 s"}}}, "delay is 100 s, more than 100000 steps"),
    (
        {"projections.EE.delay": {"normal": {"mean": "1 ms", "sd": "1000 s", "low": "0.9 ms", "high": "1.1 ms"}}},
        "bounds that leave less than 0.01 of it",
    ),
    (
        {"projections.EE.weight": {"normal": {"mean": "1 nS", "sd": "1 S", "low": "0.9 nS", "high": "1.1 nS"}}},
        "bounds that leave less than 0.01 of it",
    ),
    ({"projections.EE.weight": {"normal": {"mean": "-5 nS", "sd": "1 nS"}}}, "weight is normal from -5e-09 S; a weight is not"),
    ({"projections.EE.weight": {"uniform": {"low": "-5 nS", "high": "1 nS"}}}, "weight is uniform from -5e-09 S"),
    ({"projections.EE.weight": {"uniform": {"low": "5 nS", "high": "30 nS"}}}, "up to 3e-08 S, above weight_max, 1e-08 S"),
    ({"projections.EE.weight": "nan nS"}, "weight is 'nan nS', not a conductance"),
    ({"projections.EE.weight_max": "-1 nS"}, "a weight is not negative"),
    (_wire("fixed_probability", probability=2.0), "probability is 2.0"),
    (_wire("fixed_probability", probability=NAN), "probability is nan; input should be"),
    (_wire("fixed_in_degree", in_degree=10**30), "in_degree is 1000000000000000000000000000000; input should be less"),
    (_wire("small_world", neighbours=3, rewiring=0.1), "neighbours is 3; input should be a multiple of 2"),
    ({"projections.EE.topology": "../neurons/adex"}, "which is not in topologies/"),
    ({"projections.EE.plasticity": ["pair_stdp", "pair_stdp"]}, "plasticity has pair_stdp 2 times; rules are known by their"),
    ({"projections.EE.plasticity": [None]}, "is None; write one name of plasticity/"),
    (_rule("pair_stdp", tau_plus="0 s"), "tau_plus is '0 s'; input should be greater"),
    (_rule("pair_stdp", tau_minus="-5 ms"), "tau_minus is '-5 ms'"),
    (_rule("pair_stdp", tau_plus="1 ns"), "tau_plus is 1e-09 s, but a time step"),
    (_rule("pair_stdp", tau_plus="1e9 s"), "presynaptic trace of 1e\\+09 s, more than"),
    (_rule("pair_stdp", learning_rate=INF), "learning_rate is inf; input should be a finite number"),
    (_rule("pair_stdp", mu_plus=NAN), "mu_plus is nan"),
    (_rule("inhibitory_stdp", tau="0 s"), "tau is '0 s'"),
    (_rule("inhibitory_stdp", target_rate="-5 Hz"), "target_rate is '-5 Hz'"),
    (_rule("triplet_stdp", weight_reference="1 mV"), "weight_reference is '1 mV', not a conductance"),
    (_rule("triplet_stdp", weight_reference="-1 nS"), "weight_reference is '-1 nS'; it must not be negative"),
    (_rule("synaptic_scaling", target_rate="5 Hz", tau_rate="0 s"), "tau_rate is '0 s'"),
    (_rule("synaptic_scaling", target_rate="measured"), "calibration is 0 s, too short to measure"),
    (_rule("synaptic_scaling", target_rate="measured", calibration="9 s"), "calibration is 9 s, but the run has 1 s"),
    (_rule("synaptic_scaling", target_rate="5 Hz", signal="diffusing"), "signal diffuses, but the neurons have no positions"),
    (_rule("voltage_stdp", delay="1000 s"), "delay is 1000 s, more than 100000 steps"),
    # protocols
    (_drive("poisson_input", rate="1e12 Hz"), "rate brings 1e\\+08 events to a neuron in each step"),
    (_drive("poisson_rate", rates=[["0 s", "1 Hz"], ["0.5 s", "1e300 Hz"]]), "rate brings 1e\\+296 events"),
    (_drive("oscillating_input", rate="1 kHz", frequency="5 Hz", phase=NAN), "phase is nan; input should be a finite number"),
    (_drive("scale_input", inputs=["drive"], scale=1e300, start="0.5 s"), "scale brings 1e\\+299 events to a neuron of drive"),
    (_drive("scale_input", inputs=["drive"], scale=INF, start="0.5 s"), "scale is inf; input should be a finite number"),
    (_drive("scale_input", inputs=[], scale=0.5, start="0.5 s"), "inputs is empty, so that nothing would change"),
    (_drive("patterns", rate="1 kHz", stimuli=3, repeats=2_000_000, trial="10 ms"), "stimuli x repeats is 6000000, more than"),
    (_drive("frozen_noise", population="E", sigma="1 mV", period="1 ns"), "period is 1e-09 s, so that there are more than"),
    (_drive("modulator_pulses", projection="EE", pulses=["0.5 s"]), "has no rule with eligibility traces"),
    ({**_rule("three_factor_stdp"), **_drive("modulator_pulses", projection="EE", pulses=["-1 s"])}, "pulses has -1 s, which"),
    (
        _drive("change_parameter", of="E.lif_conductance.tau_membrane", value="-5 ms", start="0.5 s"),
        "value: lif_conductance.tau_membrane is '-5 ms'",
    ),
    # what is recorded
    ({"record": {"units": {"E": -3}}}, "units.E is -3; input should be greater"),
    ({"record": {"units": {"E": 10**9}}}, "units.E is 1000000000, more than the 8 neurons"),
    (_trace(every="0 s"), "every is '0 s'"),
    (_trace(every="10 s"), "traces.a.every is 10 s, longer than the run of 1 s"),
    (
        {"record": {"lfp_proxy": {"populations": ["E", "E"]}}},
        "lfp_proxy.populations names a population twice",
    ),
    (
        {"record": {"lfp_proxy": {"populations": ["E"], "delay": "0.5 ms"}}},
        "lfp_proxy.delay is 0.0005 s, no whole number of samples",
    ),
    ({"record": {"blindness": {"missed": NAN}}}, "missed is nan"),
    ({"record": {"blindness": {"lost": 0.5, "session": "1 ns"}}}, "session is 1e-09 s, which makes more than"),
    (
        {
            "populations.E.extent": "1 mm",
            "populations.I.extent": "1 mm",
            "record": {"blindness": {"electrodes": {"pitch": "1 nm", "reach": "1 m"}}},
        },
        "pitch is 1e-09 m, which makes 1000000000000 electrodes",
    ),
    # the whole
    ({"system": "bcm1982"}, "system is set, and populations"),
    ({"populatons": {}}, "did you mean 'populations'"),
    ({"base": "balanced"}, "base is 'balanced', but there is no file beside which it could lie; pass a path"),
    ({"title": None}, "title is empty"),
    ({"replicates": 10**9}, "replicates is 1000000000"),
]


@pytest.mark.parametrize(("override", "message"), REFUSED, ids=[message[:60] for _, message in REFUSED])
def test_nonsense_is_refused_in_one_line(override, message):
    with pytest.raises(ConfigError, match=message) as refused:
        load_model(_content(override))
    for line in refused.value.violations:
        assert "\n" not in line
        assert line.startswith("the model: ")
        assert len(line) < 1000


def test_the_network_that_the_cases_spoil_is_valid():
    model = load_model(BASE).model
    assert model.populations["E"].n == 8
    assert sum(memory(model).values()) < 1e6


LARGE: list[tuple[dict[str, Any], str]] = [
    ({"populations.E.n": 1_000_000}, r"5e\+03 GB of them for projections.EE"),
    ({"populations.E.n": 100_000, **_wire("fixed_in_degree", in_degree=1_000_000)}, "GB of them for projections.EE"),
    ({"duration": "200000 s", **_trace(units=8, every="0.1 ms")}, "GB of them for record.traces.a"),
    ({"duration": "200000 s", "record": {"lfp_proxy": {"populations": ["E"], "every": "0.1 ms"}}}, "for record.lfp_proxy"),
    ({"duration": "200000 s", "record": {"weights": {"projections": ["EE"], "every": "0.1 ms"}}}, "for record.weights of EE"),
    (_drive("patterns", rate="1 kHz", stimuli=900_000, repeats=1, trial="10 ms"), "for protocols.x"),
]


@pytest.mark.parametrize(("override", "message"), LARGE, ids=[message for _, message in LARGE])
def test_what_does_not_fit_is_refused_before_it_is_allocated(override, message, monkeypatch):
    """On a machine of 50 MB for patterns, 10 GB else; the process grows by less than 50 MB."""
    pages = (50e6 if "protocols.x" in override else 10e9) / resource.getpagesize()
    monkeypatch.setattr("os.sysconf", lambda name: resource.getpagesize() if name == "SC_PAGE_SIZE" else int(pages))
    forget_peak()
    before = resident("VmRSS")
    with pytest.raises(SimulationError, match=message):
        simulate(_content(override))
    assert resident("VmHWM") - before < 50e6


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"tau_membrane": {"normal": {"mean": "20 ms", "sd": "20 ms"}}}, "drawn from its distribution, .*tau_membrane is '-"),
        ({"refractory": {"normal": {"mean": "2 ms", "sd": "20 ms"}}}, "drawn from its distribution, .*refractory is '-"),
        ({"v_threshold": {"normal": {"mean": "-50 mV", "sd": "30 mV"}}}, "neurons whose v_reset is above their threshold"),
    ],
)
def test_drawn_values_keep_the_bounds_of_plain_ones(given, message):
    with pytest.raises(SimulationError, match=message):
        Simulation(load_model(_content({"populations.E.n": 200, **_neuron(**given)})).model)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "it has no rows"),
        ("source,target\n", "it has no rows"),
        ("source,target\n1,a\n", "could not convert"),
        (None, "regular"),
    ],
)
def test_a_list_of_synapses_is_a_file_with_rows(content, message, tmp_path):
    path = tmp_path / "pairs.csv"
    path.mkdir() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=message):
        Simulation(load_model(_content(_wire("explicit", file=str(path)))).model)


def test_a_cut_distribution_is_drawn_in_reasonable_time():
    """The least that bounds may leave is a hundredth: some hundred draws for each value."""
    value = {"normal": {"mean": "0 V", "sd": "1 V", "low": "-13 mV", "high": "13 mV"}}
    drawn = distribution(value, lambda text: parse(text, "V"))
    assert isinstance(drawn, Distribution)
    with pytest.raises(ValueError, match=r"leave less than 0\.01"):
        distribution({"normal": {**value["normal"], "low": "-10 mV", "high": "10 mV"}}, lambda text: parse(text, "V"))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (5, "the model is int; pass a dict, a YAML text, or the path of a YAML file"),
        ("no_such.yaml", "no_such.yaml: the file is missing"),
        ("title: x\ntitle: y\n", "the YAML: line 2 is not valid: the key 'title' stands twice"),
        ("- 1\n- 2\n", "the YAML: holds list, not 'key: value' lines"),
        ("title: !!python/object:os.system\n", "the YAML: line 1 is not valid"),
        ({1: 2}, "Keys should be strings|keys"),
    ],
)
def test_what_is_no_model_is_named(source, message):
    with pytest.raises(ConfigError, match=message):
        simulate(source)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"threads": 0}, "threads is 0; write a whole number from 1 to 256"),
        ({"threads": 100_000}, "threads is 100000"),
        ({"threads": 2.5}, "threads is 2.5"),
        ({"seed": -1}, "seed is -1; write a whole number from 0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": True}, "seed is True"),
        ({"replicate": "a"}, "replicate is 'a'"),
        ({"stimulus": 5}, "stimulus is int; pass the activity dataset"),
        ({"checkpoint": 5}, "checkpoint is int; pass the path"),
        ({"checkpoint": "."}, "checkpoint is '.', a folder"),
        (
            {"checkpoint": f"{__file__}/state.npz"},
            "checkpoint is '.*state.npz', but .*test_hostile_models.py is a file, no folder",
        ),
        ({"name": 3}, "name is 3; write the name of the base model, e.g. 'balanced', or leave it out"),
        ({"name": ""}, "name is ''; write the name"),
    ],
)
def test_arguments_of_the_verb_are_checked(given, message):
    with pytest.raises(ConfigError, match=message):
        simulate(BASE, **given)


def test_a_model_that_holds_itself_is_refused():
    content = copy.deepcopy(BASE)
    content["populations"]["E"]["neuron"]["lif_conductance"]["drive"] = content
    with pytest.raises(ConfigError, match="the model: "):
        load_model(content)


def test_a_chain_of_files_ends(tmp_path):
    for name, base in (("a", "b"), ("b", "c"), ("c", "a"), ("d", "e"), ("f", "5")):
        (tmp_path / f"{name}.yaml").write_text(f"base: {base}\ntitle: t\n")
    with pytest.raises(ConfigError, match=r"base leads in a circle: a -> b -> c -> a; remove one"):
        load_model(tmp_path / "a.yaml")
    with pytest.raises(ConfigError, match=r"base is 'e', which is no model beside it"):
        load_model(tmp_path / "d.yaml")
    with pytest.raises(ConfigError, match=r"base is 5, which is no model beside it"):
        load_model(tmp_path / "f.yaml")


def test_a_file_is_loaded_as_the_workflow_does():
    """With its base and the size, and keyed by the name at the end of the chain."""
    folder = Path(__file__).parents[3] / "config" / "models"
    single = load_model(folder / "zenke2013_slow.yaml")
    assert single.stream == "zenke2013"
    full = load_model(folder / "balanced.yaml", size="full").model
    sizes = yaml.read(folder / "balanced.yaml", "balanced")["sizes"]
    assert full.populations["E"].n == sizes.get("full", {}).get("populations", {}).get("E", {}).get("n", full.populations["E"].n)


@pytest.mark.slow
def test_a_dict_a_text_and_a_file_give_the_same_run(tmp_path):
    text = """
title: neurons with noise
duration: 200 ms
populations: {cell: {n: 5, neuron: {lif_current: {drive: 12 mV}}}}
protocols: {noise: {white_noise: {population: cell, sigma: 2 mV}}}
"""
    path = tmp_path / "noisy.yaml"
    path.write_text(text)
    first = simulate(text)
    assert first.sizes["spike"] > 20
    assert first.identical(simulate(yaml.parse(text, "text")))
    assert first.identical(simulate(path, name="model"))
    assert first.identical(simulate(str(path), name="model"))
    assert not first.identical(simulate(path))  # its streams are keyed by `noisy`
