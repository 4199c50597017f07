"""The table of claims and its studies: what is told in one line, and what a sweep is made of."""

from pathlib import Path
from typing import Any

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError
from homeoanalysis.plan import Plan

STUDY = """\
title: A claim
question: Does it hold?
models: [net]
variants:
  net:
    without: {projections: {inhibition: {plasticity: []}}}
    slow: {projections: {inhibition: {plasticity: [inhibitory_stdp: {target_rate: 3 Hz}]}}}
    eased:
      protocols:
        rest: {switch_rule: {rule: inhibition.inhibitory_stdp, start: 8 s}}
        ease: {neuromodulator: {start: 2 s, pre: {inhibition.inhibitory_stdp: 0.5}}}
metrics: {firing_rate: {}}
contrasts: {late: {metrics: [firing_rate], epoch: after}}
targets: {net: []}
resampling: {draws: 0}
figures: [locations]
claim:
  name: C1
  statement: It fires
  statistics: {rate: {title: rate, metric: firing_rate, contrast: late, source: net, at_least: 1.0}}
  violations: {without: {title: without the rule, sources: {net: net.without}}}
  robustness:
    shared: [size, pair]
    parameters:
      target: {paths: [projections.inhibition.plasticity.inhibitory_stdp.target_rate]}
      halt: {paths: [protocols.ease.neuromodulator.pre.inhibition.inhibitory_stdp], factors: [4]}
"""
SHARED = """\
parameters:
  size:
    paths: [populations.E.n, populations.I.n]
    inverse: [projections.inhibition.topology.fixed_probability.probability]
    factors: [2]
rules:
  pair: {inhibitory_stdp: {pair_stdp: {asymmetry: 0.7}}}
"""
AT = "studies/claims/c1.yaml"
SHARED_AT = "robustness.yaml"


@pytest.fixture
def claims(folder: Any) -> Any:
    """The folder with a claim that has a study, and one that has none."""
    folder.write("claims.yaml", "C1: Networks fire\nC2: They think\n")
    folder.write(AT, STUDY)
    folder.write("robustness.yaml", SHARED)
    return folder


def _faults(folder: Any) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as error:
        load_config(folder.path)
    return tuple(error.value.violations)


def test_every_claim_of_the_table_is_there_with_its_study_or_without(claims: Any) -> None:
    config = load_config(claims.path)
    assert config.tested() == {"C1": "c1", "C2": ""}
    plan = Plan(config)
    assert plan.tested() == {"C1": "c1"}
    assert [job.rule for job in plan.jobs("c1")][-2:] == ["judge", "report"]


def test_neither_all_nor_figures_run_a_claim(claims: Any) -> None:
    plan = Plan(load_config(claims.path))
    assert plan.config.main.studies == ["demo"]
    assert plan.with_published() == []


def test_at_ci_nothing_is_swept(claims: Any) -> None:
    config = load_config(claims.path)
    assert config.robustness == {}
    assert set(config.studies) == {"demo", "c1"}


def test_a_point_of_the_sweep_is_the_study_with_models_of_its_own(claims: Any) -> None:
    config = load_config(claims.path, {"size": "nightly"})
    points = {f"{name}": f"c1-{name}" for name in ("size_x2", "target_x0_5", "target_x2", "halt_x4", "pair")}
    assert config.robustness == {"c1": points}
    assert config.tested() == {"C1": "c1", "C2": ""}

    def rule(source: str) -> Any:
        return Plan(config).raw_model(source)["projections"]["inhibition"]["plasticity"]

    assert rule("net.nightly") == [{"inhibitory_stdp": {"target_rate": "5 Hz"}}]
    assert rule("net-target_x0_5.nightly") == [{"inhibitory_stdp": {"target_rate": "2.5 Hz"}}]
    assert rule("net-target_x2.slow.nightly") == [{"inhibitory_stdp": {"target_rate": "6 Hz"}}]  # a variant's own, too
    assert rule("net-target_x2.without.nightly") == rule("net-pair.without.nightly") == []
    assert rule("net-pair.nightly") == rule("net-pair.slow.nightly") == [{"pair_stdp": {"asymmetry": 0.7}}]
    eased = Plan(config).raw_model("net-pair.eased.nightly")["protocols"]  # what names the rule
    assert eased["rest"] == {"switch_rule": {"rule": "inhibition.pair_stdp", "start": "8 s"}}
    assert eased["ease"]["neuromodulator"]["pre"] == {"inhibition.pair_stdp": 0.5}
    stronger = Plan(config).raw_model("net-halt_x4.eased.nightly")["protocols"]["ease"]["neuromodulator"]
    assert stronger["pre"] == {"inhibition.inhibitory_stdp": 2.0}  # a key with a dot in it
    large = config.raw_models["net-size_x2"]
    assert (large["populations"]["E"]["n"], large["populations"]["I"]["n"]) == (20, 10)
    assert large["projections"]["inhibition"]["topology"]["fixed_probability"]["probability"] == 0.1
    assert config.streams["net-size_x2"] == config.streams["net"]  # the same seeds
    claim = config.studies["c1-size_x2"].claim
    assert claim is not None
    assert claim.statistics["rate"].source == "net-size_x2"
    assert claim.violations["without"].sources == {"net-size_x2": "net-size_x2.without"}
    assert claim.robustness is None
    assert config.studies["c1-size_x2"].figures == []


@pytest.mark.parametrize(
    ("file", "old", "new", "told"),
    [
        (AT, "name: C1", "name: C3", f"config/{AT}: claim.name is 'C3', which config/claims.yaml has not; known: C1, C2"),
        (AT, "name: C1", "name: C1 <b>", f"config/{AT}: claim.name is 'C1 <b>'; a name starts with a letter"),
        (
            SHARED_AT,
            "populations.E.n,",
            "populations.E.m,",
            f"config/{AT}: claim.robustness has 'populations.E.m' (size_x2), which is no number, and no rule, of its models",
        ),
        (
            SHARED_AT,
            "{inhibitory_stdp: {",
            "{inhibitory: {",
            f"config/{AT}: claim.robustness has 'inhibitory' (pair), which is no number, and no rule",
        ),
        (SHARED_AT, "factors: [2]", "factors: [0]", f"config/{SHARED_AT}: parameters.size.factors.0"),
        (SHARED_AT, "rules:", "rule:", f"config/{SHARED_AT}: rule is not a key that is known here"),
        (SHARED_AT, "{pair_stdp: {asymmetry: 0.7}}", "{}", f"config/{SHARED_AT}: rules.pair.inhibitory_stdp"),
        (
            AT,
            "shared: [size,",
            "shared: [sizes,",
            f"config/{AT}: claim.robustness.shared has 'sizes', which config/{SHARED_AT} has not; did you mean 'size'",
        ),
        (
            AT,
            "shared: [size, pair]",
            "shared: [size, target]",
            f"config/{AT}: claim.robustness has target twice; once is enough",
        ),
        (AT, "targets: {net: []}", "targets: {}", f"config/{AT}: has a claim but no targets"),
        (
            AT,
            "source: net,",
            "source: nett,",
            f"config/{AT}: claim violations.without.sources has 'net', of which no",
        ),
        ("claims.yaml", "C1: Networks fire", "C1: 3", "config/claims.yaml: C1 is 3; write in words what is claimed"),
        ("claims.yaml", "C2:", "../C2:", "config/claims.yaml: the name of a claim is '../C2'; a name starts with a letter"),
    ],
)
def test_a_fault_is_one_line(claims: Any, file: str, old: str, new: str, told: str) -> None:
    claims.replace(file, old, new)
    faults = _faults(claims)
    assert [line for line in faults if line.startswith(told)], faults


def test_a_claim_has_one_study(claims: Any) -> None:
    claims.write("studies/claims/again.yaml", STUDY)
    (line,) = _faults(claims)
    assert "claim.name is 'C1', which again tests already; a claim has one study" in line


def test_claims_have_a_folder_of_their_own(claims: Any) -> None:
    (claims.path / AT).rename(claims.path / "studies/c1.yaml")
    (line,) = _faults(claims)
    assert line.startswith("config/studies/c1.yaml: has a claim; move the file to config/studies/claims/")


def test_what_claims_nothing_lies_elsewhere(claims: Any) -> None:
    claims.write("studies/claims/other.yaml", STUDY[: STUDY.index("claim:")])
    (line,) = _faults(claims)
    assert line.startswith("config/studies/claims/other.yaml: has no claim")


def test_a_study_has_one_name(claims: Any) -> None:
    claims.write("studies/c1.yaml", STUDY[: STUDY.index("claim:")])
    (line,) = _faults(claims)
    assert "c1.yaml: the file's name is that of a study in studies/ too; results are kept by name, rename one" in line


def test_the_point_that_makes_no_model_is_told(claims: Any) -> None:
    claims.replace(SHARED_AT, "factors: [2]", "factors: [0.001]")
    assert load_config(claims.path).robustness == {}  # not run at ci
    with pytest.raises(ConfigError) as error:
        load_config(claims.path, {"size": "full"})
    assert any("claim.robustness, size_x0_001: net-size_x0_001: " in line for line in error.value.violations)


def test_a_variant_that_makes_no_model_at_a_point_is_told(claims: Any) -> None:
    claims.replace(SHARED_AT, "pair_stdp: {asymmetry: 0.7}", "synaptic_scaling: {target_rate: 7 Hz}")
    with pytest.raises(ConfigError) as error:
        load_config(claims.path, {"size": "nightly"})
    told = "claim.robustness, pair: net-pair.eased: protocols.ease.pre names 'inhibition.synaptic_scaling', which acts slowly"
    assert any(told in line for line in error.value.violations), error.value.violations


def test_what_has_the_name_of_a_model_and_is_none_stays(claims: Any) -> None:
    """A system of equations may be called as the model that is made of it."""
    claims.write("models/harnack2015.yaml", "title: A loop\nsystem: {harnack2015: {recurrence: 0.0, length: 60 s}}\n")
    replaced = (
        STUDY.replace("epoch: after", "epoch: stimulus")
        .replace("net.without", "harnack2015.apart")
        .replace("net:", "harnack2015:")
        .replace("[net]", "[harnack2015]")
    )
    study, _, _ = replaced.replace("source: net", "source: harnack2015").partition("  robustness:")
    begin, end = study.index("    without:"), study.index("metrics:")
    variants = "    apart: {system: {harnack2015: {recurrence: 0.5}}}\n"
    swept = "  robustness: {parameters: {length: {paths: [system.harnack2015.length]}}}\n"
    claims.write(AT, study[:begin] + variants + study[end:] + swept)
    config = load_config(claims.path, {"size": "nightly"})
    model = Plan(config).raw_model("harnack2015-length_x2.apart.nightly")
    assert model["system"] == {"harnack2015": {"recurrence": 0.5, "length": "120 s"}}


@pytest.mark.slow
def test_every_claim_that_is_judged_is_swept() -> None:
    """Of the project's own: in parameters, in its size or its rule, and none silently left out."""
    config = load_config(Path(__file__).parents[3] / "config", {"size": "nightly"})
    judged = {study for claim, study in config.tested().items() if config.studies[study].claim.of_table}
    assert judged == set(config.robustness)


def test_a_sweep_of_too_many_models(claims: Any) -> None:
    """Each point has a model for each source: refused by the number, before one is made."""
    claims.replace(AT, "factors: [4]", f"factors: {[*range(1, 2501)]}")
    (line,) = _faults(claims)
    assert line == f"config/{AT}: claim.robustness: points x models is 10016, more than 10000; take fewer points"


def test_too_many_planted_violations_of_statistics(claims: Any) -> None:
    """Every statistic is judged under every violation."""
    more = "".join(f", v{k}: {{title: v, sources: {{net: net.without}}}}" for k in range(10_000))
    claims.replace(AT, "{net: net.without}}}", f"{{net: net.without}}}}{more}}}")
    (line,) = _faults(claims)
    assert line == f"config/{AT}: claim violations x statistics is 10001, more than 10000; name fewer"
