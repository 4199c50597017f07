"""Every mistake in a model's YAML is named, with what to write."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from homeoanalysis.config import yaml
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
        ({"projections": {"I_to_E": {"weight_max": "1 nS"}}}, r"weight is '3.65 nS', above weight_max, '1 nS'"),
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
    with pytest.raises(ValidationError, match="epochs are set, but a run without a duration gets them from its protocol"):
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
                Model.model_validate(yaml.merge(content, size))
