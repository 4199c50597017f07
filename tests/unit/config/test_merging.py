"""One YAML over another: keys are merged, a choice is replaced as a whole."""

from typing import Any

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.merging import merge
from homeoanalysis.plan import Plan


@pytest.mark.parametrize(
    ("base", "override", "expected"),
    [
        ({"a": {"x": 1, "y": 2}}, {"a": {"y": 3}}, {"a": {"x": 1, "y": 3}}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"a": {"x": 1}}, {"a": "text"}, {"a": "text"}),
        ({}, {"a": {"x": 1}}, {"a": {"x": 1}}),
        ({"E": {"n": 1}}, {"I": {"n": 2}}, {"E": {"n": 1}, "I": {"n": 2}}),
        (
            {"topology": {"fixed_probability": {"probability": 0.1}}},
            {"topology": {"small_world": {"neighbours": 4}}},
            {"topology": {"small_world": {"neighbours": 4}}},
        ),
        (
            {"neuron": {"adex": {"a": "1 nS"}}},
            {"neuron": {"adex": {"b": "1 pA"}}},
            {"neuron": {"adex": {"a": "1 nS", "b": "1 pA"}}},
        ),
        ({"weight": {"normal": {"sd": 1}}}, {"weight": {"lognormal": {"sd": 2}}}, {"weight": {"lognormal": {"sd": 2}}}),
        (
            {"protocols": {"drive": {"poisson_input": {"rate": "1 Hz"}}}},
            {"protocols": {"drive": {"white_noise": {"sigma": "1 mV"}}, "more": {"pulses": {}}}},
            {"protocols": {"drive": {"white_noise": {"sigma": "1 mV"}}, "more": {"pulses": {}}}},
        ),
    ],
)
def test_mappings_are_merged_and_choices_replaced(base: dict[str, Any], override: dict[str, Any], expected: Any) -> None:
    before = str(base)
    assert merge(base, override) == expected
    assert merge(merge(base, override), override) == expected
    assert str(base) == before


def test_a_variant_may_have_another_topology(folder: Any) -> None:
    changes = "{projections: {inhibition: {topology: {fixed_in_degree: {in_degree: 2}}}}}"
    text = (folder.path / "studies/demo.yaml").read_text()
    folder.write("studies/demo.yaml", text.replace("{duration: 20 s}", changes))
    plan = Plan(load_config(folder.path))
    source = plan.config.sources("demo")["net.static"]
    assert plan.model(source).projections["inhibition"].topology.name == "fixed_in_degree"
