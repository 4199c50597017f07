"""What a study says of mechanisms and blindness, and a model of sessions."""

from typing import Any

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError
from homeoanalysis.plan import Plan

STUDY, NET = "studies/demo.yaml", "models/net.yaml"
MECHANISMS = """\
mechanisms:
  net:
    scaling: {protocols: {no_scaling: {switch_rule: {rule: inhibition.inhibitory_stdp, start: 0 s}}}}
    intrinsic: {populations: {E: {n: 20}}}
blindness: {net: culture}
fitted: {net: [ages]}
"""
TARGETS = "  culture: [net, net.static]\n"


def faults(folder: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        load_config(folder.path)
    return list(error.value.violations)


def test_every_combination_of_mechanisms_is_a_variant(folder: Any) -> None:
    """The model has both; what is not left is taken away, and `static` stays a variant of the model with both."""
    folder.replace(STUDY, TARGETS, TARGETS.replace("]", ", net.none, net.scaling, net.intrinsic]") + MECHANISMS)
    config = load_config(folder.path)
    assert config.studies["demo"].combinations("net") == {"none": [], "scaling": ["scaling"], "intrinsic": ["intrinsic"]}
    assert set(config.sources("demo")) == {"culture", "net", "net.static", "net.none", "net.scaling", "net.intrinsic"}
    plan = Plan(config)
    found = {name: (m.populations["E"].n, "no_scaling" in m.protocols) for name in plan.simulated for m in [plan.model(name)]}
    assert found == {
        "net.ci": (10, False),
        "net.static.ci": (10, False),
        "net.none.ci": (20, True),
        "net.scaling.ci": (20, False),
        "net.intrinsic.ci": (10, True),
    }
    assert plan.blindness("demo", "net.none.ci") == {"recording": "culture", "minimum_rate": 0.0}
    assert plan.blindness_files("demo", "net.none.ci") == plan.activity_files("culture")
    assert plan.blindness("demo", "culture") == {}
    assert plan.fitted("demo")["net.none"] == ["firing_rate", "ages"]  # of the model, and of the study


def test_halves_are_drawn_of_targets_where_a_study_asks_for_them(folder: Any) -> None:
    """In the epochs that are named; of no candidate, of no metric without a contrast, and by default of nothing."""
    assert Plan(load_config(folder.path)).resampling("demo", "firing_rate", "culture")["draws"] == 0
    folder.replace(STUDY, "targets:", "resampling: {draws: 20}\ntargets:")
    drawn = Plan(load_config(folder.path)).resampling
    target = drawn("demo", "firing_rate", "culture")
    assert (target["draws"], target["only_epochs"]) == (20, ["after", "before"])
    assert drawn("demo", "firing_rate", "net.static.ci")["draws"] == 0


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "  net:\n    scaling",
            "  nte:\n    scaling",
            "mechanisms names 'nte', which the study does not use; did you mean 'net'",
        ),
        ("    intrinsic:", "    in-trinsic:", "is 'in-trinsic'; the name of a mechanism has no '-'"),
        (
            "    static: {duration: 20 s}",
            "    none: {duration: 20 s}",
            "variants.net.none has the name of a combination of mechanisms",
        ),
        ("E: {n: 20}", "E: {m: 20}", "variants.net.none: populations.E.m"),
        ("{net: culture}", "{net: cultrue}", "blindness names 'cultrue', which the study does not use; did you mean 'culture'"),
        ("{net: [ages]}", "{net: [age]}", "fitted.net names 'age', which the study does not use; did you mean 'ages'"),
        ("{net: culture}", "{ne: culture}", "blindness names 'ne', which the study does not use"),
    ],
)
def test_faults_of_mechanisms_and_blindness(old: str, new: str, told: str, folder: Any) -> None:
    folder.replace(STUDY, TARGETS, "  culture: [net]\n" + MECHANISMS)
    folder.replace(STUDY, old, new)
    assert any(told in line for line in faults(folder))


@pytest.mark.parametrize(
    ("sessions", "told"),
    [
        (
            "{young: {span: [0 s, 20 s], factors: {age: 7}}}",
            "sessions.young.span is [0 s, 20 s], which is not inside the run of 10 s",
        ),
        ("{young: {span: [0 s, 5 s], factors: {}}}", "sessions.young.factors"),
        ("{young: {span: [0 s, 5 s], factors: {age: 7}}}", "has epochs and sessions"),
    ],
)
def test_faults_of_sessions(sessions: str, told: str, folder: Any) -> None:
    folder.replace(NET, "duration: 10 s\n", f"duration: 10 s\nsessions: {sessions}\n")
    assert any(told in line for line in faults(folder))


def test_a_study_of_models_alone_takes_factors_from_their_sessions(folder: Any) -> None:
    folder.replace(NET, "duration: 10 s\n", "duration: 10 s\nsessions: {young: {span: [0 s, 4 s], factors: {age: 7}}}\n")
    folder.replace(NET, "epochs:\n  before: [0 s, 4 s]\n  after: [6 s, 10 s]\n", "")
    folder.replace(STUDY, "recordings: [culture]\n", "")
    folder.replace(STUDY, "  culture: [net, net.static]\n", "  net: [net.static]\n")
    folder.replace(STUDY, "epoch: after, reference: before", "epoch: whole, where: {age: 7}")
    folder.replace(STUDY, "  ages: {metrics: [firing_rate], epoch: after, between: {factor: age, levels: [7, 14]}}\n", "")
    load_config(folder.path)
    folder.replace(STUDY, "where: {age: 7}", "where: {aeg: 7}")
    assert "where names the factor 'aeg', which no session of a model has; did you mean 'age'" in faults(folder)[0]
