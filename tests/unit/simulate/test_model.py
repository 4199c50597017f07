"""Every mistake in a model's YAML is named, with what to write."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from homeoanalysis.config import yaml
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.config.merging import merge
from homeoanalysis.config.model import Model

RULE = {"inhibitory_stdp": {}}
INTRINSIC = {"intrinsic_drive": {"target_rate": "5 Hz"}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ({"dt": "0.3 ms"}, r"window is 0.1 s, which is no whole number of time steps of 0.0003 s"),
        ({"projections": {"E_to_E": {"delay": "0.85 ms"}}}, r"projections.E_to_E.delay is 0.00085 s, which is no whole number"),
        ({"projections": {"E_to_E": {"delay": "0.01 ms"}}}, r"projections.E_to_E.delay is 1e-05 s, which is no whole number"),
        ({"duration": None}, r"duration is missing, and no protocol sets it; write e.g. duration: '100 s'"),
        ({"duration": "300000 s"}, r"duration is 300000 s, more than \d+ steps"),
        ({"epochs": {"baseline": ["150 s", "170 s"]}}, r"epochs.baseline is \[150 s, 170 s\], which is not inside the run"),
        ({"populations": {"E2": {"n": 2, "neuron": "lif_current"}}}, r"populations.E2 ends with a digit"),
        ({"populations": {"E": {"plasticity": [RULE]}}}, r"inhibitory_stdp, which changes weights: write it under a projection"),
        ({"populations": {"E": {"plasticity": [{"intrinsic_drive": {"target_rate": "recorded"}}]}}}, r"no protocol presents"),
        (
            {"projections": {"I_to_E": {"plasticity": [INTRINSIC]}}},
            r"intrinsic_drive, which changes a neuron: write it under a pop",
        ),
        ({"projections": {"I_to_E": {"weight": "-1 nS"}}}, r"I_to_E.weight is '-1 nS'; a weight is not negative"),
        ({"projections": {"I_to_E": {"weight": "1 pA"}}}, r"I_to_E.weight is '1 pA', not a conductance; write e.g. '3 nS'"),
        ({"projections": {"I_to_E": {"channel": "inhibitroy"}}}, r"did you mean 'inhibitory'\?"),
        ({"projections": {"I_to_E": {"weight_max": None}}}, r"weight_max is missing; plastic synapses need an upper bound"),
        ({"projections": {"I_to_E": {"weight_max": "0.5 nS"}}}, r"weight is '1.2 nS', above weight_max, '0.5 nS'"),
        ({"projections": {"I_to_E": {"target": "e"}}}, r"target is 'e', which is no population of this model"),
        (
            {"protocols": {"drive_E": {"poisson_input": {"population": "A"}}}},
            r"protocols.drive_E.population is 'A', which is absent",
        ),
        ({"protocols": {"drive_E": {"poisson_input": {"channel": "x"}}}}, r"protocols.drive_E.channel is 'x'"),
        ({"protocols": {"drive_E": {"poisson_input": {"weight": "5"}}}}, r"protocols.drive_E.weight is '5', not a conductance"),
        ({"protocols": {"drive_E": {"poisson_input": {"rate": "-5 Hz"}}}}, r"poisson_input.rate is .*greater than or equal to 0"),
        (
            {"protocols": {"deprivation": {"scale_input": {"inputs": ["drive_EE"]}}}},
            r"inputs names 'drive_EE'.* did you mean 'drive_E'",
        ),
        (
            {"protocols": {"deprivation": {"scale_input": {"start": "200 s"}}}},
            r"deprivation.start is 200 s, which is not inside the run",
        ),
    ],
)
def test_a_mistake_is_named(load, override, message):
    with pytest.raises(ValidationError, match=message):
        load("balanced", **override)


def test_a_presented_recording_sets_the_duration(load):
    with pytest.raises(ValidationError, match="duration is set, but the stimulus of grasshopper sets it; remove it"):
        load("receptor", duration="10 s")
    with pytest.raises(ValidationError, match="epochs are set, but a run without a duration gets its parts from its protocol"):
        load("receptor", epochs={"late": ["1 s", "2 s"]})
    twice = {"again": {"recorded_stimulus": {"population": "receptor", "recording": "locust", "gain": "1 mV/dB"}}}
    with pytest.raises(ValidationError, match="2 protocols present a recording"):
        load("receptor", protocols=twice)
    assert load("receptor").stimulus_recordings() == ["grasshopper"]


def test_all_sizes_of_the_models_are_valid():
    for path in (Path(__file__).parents[3] / "config" / "models").glob("*.yaml"):
        content = yaml.read(path, path.name)
        if "base" not in content:
            for size in [{}, *content.pop("sizes", {}).values()]:
                Model.model_validate(merge(content, size))


def _neuron(**parameters):
    return {"populations": {"E": {"neuron": {"lif_conductance": parameters}}}}


def _channels(**channels):
    return {"populations": {"E": {"channels": channels}}}


def _weight(weight):
    return {"projections": {"I_to_E": {"weight": weight}}}


def _delay(delay):
    return {"projections": {"I_to_E": {"delay": delay}}}


SPREAD = {"tau_membrane": {"normal": {"mean": "20 ms", "sd": "2 ms"}}}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        # distributions
        (
            _neuron(tau_membrane={"norml": {"mean": "20 ms"}}),
            r"tau_membrane is 'norml', which is no distribution; did you mean 'normal'",
        ),
        (
            _neuron(tau_membrane={"normal": {"mean": "20 ms"}}),
            r"tau_membrane is normal with .*it takes high, low, mean, sd; write e.g.",
        ),
        (_neuron(tau_membrane={"normal": {"mean": "20 mV", "sd": "2 ms"}}), r"tau_membrane is '20 mV', not a time"),
        (_neuron(drive={"normal": {"mean": "20 mV", "sd": "-2 mV"}}), r"drive is normal with the sd '-2 mV'"),
        (_neuron(tau_membrane={"uniform": {"low": "3 ms", "high": "2 ms"}}), r"from '3 ms' to '2 ms'; low must be below high"),
        (
            _neuron(drive={"lognormal": {"mean": "0 V", "sd": "2 mV"}}),
            r"lognormal with the mean '0 V'; it must be above 0",
        ),
        (
            _neuron(tau_membrane={"normal": {"mean": "1 ms", "sd": "1 ms", "low": "5 ms"}}),
            r"outside of its bounds; move one of them",
        ),
        (_neuron(tau_membrane={"normal": {}, "uniform": {}}), r"tau_membrane is {'normal': .*write a time, e.g. '20 ms'"),
        (_weight({"normal": {"mean": "1 mV", "sd": "1 nS"}}), r"I_to_E.weight is '1 mV', not a conductance"),
        (_weight({"normal": "1 nS"}), r"I_to_E.weight is normal with '1 nS'; it takes"),
        (_weight({"uniform": {"low": "1 nS", "high": "1 nS"}}), r"I_to_E.weight is uniform from '1 nS' to '1 nS'; low must be"),
        # delays
        (
            _delay({"normal": {"mean": "1 ms", "sd": "1 ms"}}),
            r"delay\n.* is .*delays need bounds: write e.g. \{uniform: \{low: 0.5 ms",
        ),
        (_delay({"uniform": {"low": "0 ms", "high": "2 ms"}}), r"delay\n.* is .*the shortest delay must be greater than 0"),
        (
            _delay({"uniform": {"low": "1 ms", "high": "2.05 ms"}}),
            r"delay.high is 0.00205 s, which is no whole number of time steps",
        ),
        (_delay({"uniform": {"low": "1.05 ms", "high": "2 ms"}}), r"I_to_E.delay is 0.00105 s, which is no whole number"),
        (_delay("0 ms"), r"delay\n.* is '0 ms'; the shortest delay must be greater than 0"),
        # channels
        (_channels(excitatry="delta"), r"channels.excitatry is no channel of lif_conductance; did you mean 'excitatory'"),
        (
            _channels(excitatory="delta"),
            r"excitatory is delta, but the channel of lif_conductance has a weight in S: it cannot take delta",
        ),
        (_channels(excitatory={"exponental": {}}), r"is 'exponental', which is not in synapses/; did you mean 'exponential'"),
        (_channels(excitatory={"exponential": {"tau": "0 s"}}), r"exponential.tau is '0 s'; input should be greater than 0"),
        (_channels(excitatory="exponential"), r"exponential.tau is missing; add it"),
        (
            _channels(excitatory={"double_exponential": {"tau_rise": "5 ms", "tau_decay": "5 ms"}}),
            r"excitatory.tau_rise is 0.005 s, not below tau_decay, 0.005 s; swap them or change one",
        ),
        (
            {"populations": {"E": {"neuron": {"lif_delta": {}}, "channels": {"excitatory": {"exponential": {"tau": "5 ms"}}}}}},
            r"excitatory is exponential, but the channel of lif_delta has jumps in potential: it takes delta",
        ),
    ],
)
def test_a_mistake_in_what_is_drawn_or_shaped_is_named(load, override, message):
    with pytest.raises(ValidationError, match=message):
        load("balanced", **override)


def test_what_may_be_drawn(load):
    """Parameters, weights and delays; a channel of its own for one population."""
    model = load("balanced", **_neuron(**SPREAD), **_delay({"uniform": {"low": "0.5 ms", "high": "2 ms"}}))
    assert model.populations["E"].neuron.parameters["tau_membrane"] == Distribution("normal", {"mean": 0.02, "sd": 0.002})
    assert (model.projections["I_to_E"].shortest_delay, model.projections["I_to_E"].longest_delay) == (0.0005, 0.002)
    model = load("balanced", **_channels(excitatory={"exponential": {"tau": "3 ms"}}))
    assert model.populations["E"].synapses()["excitatory"].parameters == {"tau": 0.003}
    assert model.populations["E"].synapses()["inhibitory"].parameters == {"tau": 0.01}
    assert model.populations["I"].synapses()["excitatory"].parameters == {"tau": 0.005}
