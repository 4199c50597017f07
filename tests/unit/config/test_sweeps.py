"""Sweeps of a study: which points follow from the YAML, and one clear line, with file and line, for each fault."""

import itertools
from typing import Any

import numpy as np
import pytest

from homeoanalysis.cli.check import check
from homeoanalysis.config.design import placed
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError
from homeoanalysis.plan import Plan

STUDY = "studies/demo.yaml"
RATE, TAU = "protocols.outside.poisson_input.rate", "I.lif_conductance.tau_membrane"
SWEEP = """\
sweeps:
  gain:
    model: net
    design: {design}
    {points}
    parameters:
      {parameters}
"""


def add(folder: Any, *parameters: str, design: str = "grid", points: str = "replicates: 2") -> Plan:
    """A sweep at the end of the study of `conftest`, whose line 17 is `gain:`."""
    text = SWEEP.format(design=design, points=points, parameters="\n      ".join(parameters))
    folder.write(STUDY, (folder.path / STUDY).read_text() + text)
    return Plan(load_config(folder.path))


def numbers(plan: Plan, path: str, unit: str) -> np.ndarray:
    """A parameter over the points, whose text ends with the unit."""
    return np.array([float(str(point[path]).removesuffix(f" {unit}")) for point in plan.sweep_points("demo", "gain")])


def test_a_grid_is_every_combination_in_the_order_of_the_yaml(folder: Any) -> None:
    plan = add(folder, f"{RATE}: {{low: 100 Hz, high: 400 Hz, steps: 3, scale: logarithmic}}", f"{TAU}: [10 ms, 30 ms]")
    points = plan.sweep_points("demo", "gain")
    assert [(p[RATE], p[TAU]) for p in points] == [*itertools.product(("100 Hz", "200 Hz", "400 Hz"), ("0.01 s", "0.03 s"))]
    assert plan.sweep_realisations("demo", "gain") == 2
    assert {k: list(v) for k, v in plan.sweep_parts("demo", "gain").items()} == {"0": [0, 1, 2, 3, 4, 5]}


def test_a_list_of_whole_numbers_may_fall(folder: Any) -> None:
    plan = add(folder, "populations.E.n: [300, 100]")
    assert [point["populations.E.n"] for point in plan.sweep_points("demo", "gain")] == [300, 100]


def test_a_latin_hypercube_has_one_point_in_each_slice_of_each_range(folder: Any) -> None:
    plan = add(
        folder,
        f"{RATE}: {{low: 100 Hz, high: 500 Hz}}",
        f"{TAU}: {{low: x0.5, high: x2}}",
        design="latin_hypercube",
        points="points: 20",
    )
    rate, tau = numbers(plan, RATE, "Hz"), numbers(plan, TAU, "s")
    assert np.array_equal(np.sort(np.floor((rate - 100) / 400 * 20)), np.arange(20))
    assert np.array_equal(np.sort(np.floor((tau - 0.01) / 0.03 * 20)), np.arange(20)), "x0.5 and x2 of the model's 20 ms"


def test_sobol_points_are_balanced_and_twice_as_many_begin_with_the_same(folder: Any) -> None:
    axes = f"{RATE}: {{low: 100 Hz, high: 500 Hz}}", f"{TAU}: {{low: 10 ms, high: 20 ms}}"
    plan = add(folder, *axes, design="sobol", points="points: 16")
    cells = {
        (int((r - 100) / 400 * 4), int((t - 0.01) / 0.01 * 4))
        for r, t in zip(numbers(plan, RATE, "Hz"), numbers(plan, TAU, "s"), strict=True)
    }
    assert len(cells) == 16, "one point in each of 4 x 4 cells"
    folder.replace(STUDY, "points: 16", "points: 64")
    plan = Plan(load_config(folder.path))
    folder.replace(STUDY, "points: 64", "points: 128")
    twice = Plan(load_config(folder.path))
    assert twice.sweep_points("demo", "gain")[:64] == plan.sweep_points("demo", "gain")
    assert twice.sweep_part("demo", "gain", "0") == plan.sweep_part("demo", "gain", "0"), "the first job has nothing to do again"
    assert [len(part) for part in twice.sweep_parts("demo", "gain").values()] == [64, 64]
    folder.replace(STUDY, "points: 128", "points: 128\n    points_per_job: 50")
    assert [len(part) for part in Plan(load_config(folder.path)).sweep_parts("demo", "gain").values()] == [50, 50, 28]


def test_points_follow_from_the_seed_and_the_study(folder: Any) -> None:
    """Another sweep of the study, of a variant over the same range, has the same points."""
    plan = add(folder, f"{RATE}: {{low: 100 Hz, high: 500 Hz}}", design="latin_hypercube", points="points: 8")
    same, other = (Plan(load_config(folder.path, {"seed": seed})) for seed in (1, 2))
    assert plan.sweep_points("demo", "gain") == same.sweep_points("demo", "gain") != other.sweep_points("demo", "gain")
    text = (folder.path / STUDY).read_text()
    folder.write(
        STUDY, text + text[text.index("  gain:") :].replace("gain:", "without:").replace("model: net", "model: net.static")
    )
    both = Plan(load_config(folder.path))
    assert both.sweep_points("demo", "gain") == both.sweep_points("demo", "without")
    assert both.sweep_source("demo", "without") == "net.static.ci"


def test_whole_numbers_stay_whole(folder: Any) -> None:
    """Also where the range is written in multiples; probabilities between 0 and 1 do not become 0 and 1."""
    axes = (
        "populations.E.n: {low: x0.5, high: x1.5}",
        "projections.inhibition.topology.fixed_probability.probability: {low: 0, high: 1}",
    )
    plan = add(folder, *axes, design="latin_hypercube", points="points: 44")
    n, chance = zip(*(point.values() for point in plan.sweep_points("demo", "gain")), strict=True)
    assert {type(k) for k in n} == {int}
    assert np.array_equal(np.bincount(n)[5:], np.full(11, 4)), "all of 5 to 15 alike"
    assert 0 < min(chance) < 0.05 < 0.95 < max(chance) < 1


def test_whole_numbers_of_a_tenth_and_of_a_logarithmic_range(folder: Any) -> None:
    """0.1 x 30 is 3.0000000000000004 to a computer; each of 1 to 15 has its share of a logarithmic range, log16((n + 1) / n)."""
    folder.replace("models/net.yaml", "E: {n: 10,", "E: {n: 30,")
    plan = add(folder, "populations.E.n: [x0.1, x1]", "populations.I.n: {low: 1, high: 100, steps: 3, scale: logarithmic}")
    assert [tuple(p.values()) for p in plan.sweep_points("demo", "gain")] == [*itertools.product((3, 30), (1, 10, 100))]
    folder.replace(STUDY, "populations.E.n: [x0.1, x1]", "populations.E.n: {low: 1, high: 15, scale: logarithmic}")
    folder.replace(STUDY, "populations.I.n: {low: 1, high: 100, steps: 3,", "populations.I.n: {low: 1, high: 100,")
    folder.replace(STUDY, "design: grid", "design: latin_hypercube\n    points: 400")
    n = [point["populations.E.n"] for point in Plan(load_config(folder.path)).sweep_points("demo", "gain")]
    shares = 400 * np.diff(np.log(np.arange(1, 17))) / np.log(16)
    assert np.all(np.abs(np.bincount(n, minlength=16)[1:] - shares) < 2), "a point in each of 400 slices"


def test_points_from_a_table(folder: Any) -> None:
    folder.write("studies/gain.csv", f"{RATE},populations.E.n\n100 Hz,10\n\n0.2 kHz,12\n")
    folder.write(STUDY, (folder.path / STUDY).read_text() + "sweeps:\n  gain: {model: net.static, design: {table: gain.csv}}\n")
    plan = Plan(load_config(folder.path))
    assert plan.sweep_points("demo", "gain") == [{RATE: "100 Hz", "populations.E.n": 10}, {RATE: "200 Hz", "populations.E.n": 12}]
    assert plan.raw_model(plan.sweep_source("demo", "gain"))["duration"] == "20 s", "the variant is swept"


def test_paths_reach_every_place_of_a_model(folder: Any) -> None:
    content = load_config(folder.path).raw_models["net"]
    for path, place in {
        "E.lif_conductance.tau_membrane": ("populations", "E", "neuron", "lif_conductance", "tau_membrane"),
        "populations.E.neuron.lif_conductance.tau_membrane": ("populations", "E", "neuron", "lif_conductance", "tau_membrane"),
        "inhibition.inhibitory_stdp.target_rate": (
            "projections",
            "inhibition",
            "plasticity",
            0,
            "inhibitory_stdp",
            "target_rate",
        ),
        "projections.inhibition.weight": ("projections", "inhibition", "weight"),
        "duration": ("duration",),
    }.items():
        changed: Any = placed(content, path, "new")
        for key in place:
            changed = changed[key]
        assert changed == "new"
    assert content == load_config(folder.path).raw_models["net"], "the model itself is not changed"


FAULTS = {
    "unknown parameter": ((f"{RATE}s: [1 Hz, 2 Hz]",), {}, 22, "rates is not a key that is known here; did you mean 'rate'"),
    "unknown owner": (
        ("protocols.outsid.poisson_input.rate: [1 Hz]",),
        {},
        22,
        "leads to 'outsid', which protocols does not have; did you mean 'outside'",
    ),
    "unknown rule": (
        ("inhibition.stdp.target_rate: [1 Hz]",),
        {},
        22,
        "leads to 'stdp', which plasticity does not list; known: inhibitory_stdp",
    ),
    "wrong unit": ((f"{RATE}: [1 Hz, 2 Hz]", f"{TAU}: [1 mV, 2 mV]"), {}, 23, "tau_membrane is '1 mV', not a time"),
    "two units": (
        (f"{TAU}: {{low: 1 ms, high: 2 mV, steps: 3}}",),
        {},
        22,
        "has '1 ms' and '2 mV', which are of different kinds",
    ),
    "no unit": ((f"{TAU}: [1, 2]",), {}, 22, "tau_membrane is 1"),
    "reversed": (
        (f"{TAU}: {{low: 20 ms, high: 10 ms, steps: 3}}",),
        {},
        22,
        "is from '20 ms' to '10 ms'; low must be below high: exchange them",
    ),
    "logarithmic from 0": (
        (f"{RATE}: {{low: 0 Hz, high: 1 Hz, scale: logarithmic, steps: 2}}",),
        {},
        22,
        "is logarithmic from '0 Hz' on",
    ),
    "multiple of a default": (
        ("E.lif_conductance.tau_membrane: [x0.5, x2]",),
        {},
        22,
        "a multiple of what the model says, but that leaves it to its default",
    ),
    "a value out of bounds": (
        ("projections.inhibition.topology.fixed_probability.probability: [0.1, 1.2]",),
        {},
        22,
        "probability is 1.2; ",
    ),
    "no steps": ((f"{TAU}: {{low: 1 ms, high: 2 ms}}",), {}, 17, f"sweeps.gain parameters.{TAU} has no steps"),
    "the same twice": (
        (f"{TAU}: [10 ms, 20 ms]", "populations.I.neuron.lif_conductance.tau_membrane: [10 ms]"),
        {},
        23,
        f"is the same parameter as {TAU}",
    ),
    "no parameter of the run": (("replicates: [1, 2]",), {}, 22, "is no parameter of what is simulated"),
    "between whole numbers": (
        ("populations.E.n: [2, 1.5, 3]",),
        {},
        22,
        "populations.E.n is 1.5, but the model takes whole numbers only: write 1 or 2",
    ),
    "a range between whole numbers": (
        ("populations.E.n: {low: 1.2, high: 1.8}",),
        {"design": "sobol", "points": "points: 4"},
        22,
        "populations.E.n is 1.2, but the model takes whole numbers only: write 1 or 2",
    ),
    "a multiple between whole numbers": (
        ("populations.E.n: [x1, x0.25]",),
        {},
        22,
        "is 'x0.25' (2.5), but the model takes whole numbers only: write 2 or 3",
    ),
    "more steps than whole numbers": (
        ("populations.E.n: {low: 1, high: 3, steps: 5}",),
        {},
        22,
        "has steps: 5, of which only 3 are different whole numbers; write fewer steps",
    ),
    "more points than whole numbers": (
        ("populations.E.n: {low: 1, high: 3}",),
        {"design": "sobol", "points": "points: 4"},
        22,
        "populations.E.n has 3 different values in whole numbers, but points is 4; write fewer points, or a grid",
    ),
    "more points than pairs of whole numbers": (
        ("populations.E.n: {low: 1, high: 3}", "populations.I.n: {low: 1, high: 2}"),
        {"design": "latin_hypercube", "points": "points: 7"},
        22,
        "populations.E.n and the other parameters have 6 different values in whole numbers, but points is 7",
    ),
    "a value twice": ((f"{TAU}: [10 ms, 20 ms, 10 ms]",), {}, 22, "has '10 ms' twice; remove one"),
    "a value twice, in two units": (
        (f"{TAU}: [10 ms, 0.01 s]",),
        {},
        22,
        "has '10 ms' and '0.01 s', which are the same; remove one",
    ),
    "a title": (
        ("title: {low: 1 mV, high: 2 mV}",),
        {"design": "sobol", "points": "points: 4"},
        22,
        "title takes any text, as a title does; sweep a number or a quantity",
    ),
    "not a number": (("populations.E.n: [1, .nan]",), {}, 22, "is nan; write a finite number"),
    "infinite": ((f"{TAU}: {{low: 1 ms, high: -.inf, steps: 2}}",), {}, 22, "high is -inf; write a finite number"),
    "too large": ((f"populations.E.n: [1, {10**400}]",), {}, 22, "is too large; write a finite number"),
    "an exponent that is text": (
        ("populations.E.n: {low: 1, high: '1e300', steps: 2}",),
        {},
        22,
        "high is '1e300', a number that YAML takes as text; write 1.0e+300 without quotes",
    ),
    "a number in quotes": (("populations.E.n: [1, '5']",), {}, 22, "is '5', a number that YAML takes as text; write 5 without"),
    "many parameters": (
        [f"populations.E{k}.n: {{low: 1, high: 2}}" for k in range(101)],
        {"design": "latin_hypercube", "points": "points: 4"},
        17,
        "parameters has 101, more than 100; take fewer",
    ),
    "text": (("precision: [float32]",), {}, 22, "is 'float32', no quantity with a unit"),
    "not a power of two": (
        (f"{TAU}: {{low: 1 ms, high: 2 ms}}",),
        {"design": "sobol", "points": "points: 100"},
        17,
        "points is 100, but Sobol points are balanced in powers of two; write 64 or 128",
    ),
    "no points": ((f"{TAU}: {{low: 1 ms, high: 2 ms}}",), {"design": "latin_hypercube"}, 17, "points is missing"),
    "list in a sample": (
        (f"{TAU}: [1 ms, 2 ms]",),
        {"design": "latin_hypercube", "points": "points: 4"},
        17,
        "has a list, but a latin_hypercube draws from a range",
    ),
    "unknown design": (
        (f"{TAU}: [1 ms]",),
        {"design": "random"},
        19,
        "design is 'random'; write one of grid, latin_hypercube, sobol, or {table: file.csv}",
    ),
    "one end": ((f"{TAU}: {{low: 1 ms}}",), {}, 22, "has no high; a range needs both ends"),
    "unknown metric": (
        (f"{TAU}: [1 ms]",),
        {"points": "metrics: [firing_rat]"},
        20,
        "which the study does not measure; did you mean 'firing_rate'",
    ),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_is_one_line_with_file_and_line(case: str, folder: Any) -> None:
    parameters, how, line, expected = FAULTS[case]
    with pytest.raises(ConfigError) as error:
        add(folder, *parameters, **how)
    (said,) = error.value.violations
    assert said.startswith(f"config/studies/demo.yaml: line {line}: sweeps.gain"), said
    assert expected in said


TABLES = {
    "wrong column": (f"{RATE},populations.E.m\n1 Hz,2\n", "line 2: populations.E.m ", "m is not a key that is known here"),
    "wrong place": ("protocols.outsid.rate\n1 Hz\n", "line 1: protocols.outsid.rate ", "leads to 'outsid'"),
    "wrong unit in a line": (f"{RATE}\n1 Hz\n2 Hz\n3 mV\n", "line 1: ", "has '1 Hz' and '3 mV', which are of different kinds"),
    "no number": (f"{RATE}\n1 Hz\nfast\n", "line 3: ", "is 'fast', no quantity with a unit"),
    "out of bounds": (f"{RATE}\n1 Hz\n-2 Hz\n3 Hz\n", "line 3: ", "rate is '-2 Hz'"),
    "short line": (f"{RATE},{TAU}\n1 Hz,1 ms\n2 Hz\n", "line 3 ", "has 1 cells, not 2"),
    "between whole numbers": (
        "populations.E.n\n1\n2.5\n3.5\n",
        "line 3: ",
        "is 2.5, but the model takes whole numbers only: write 2 or 3",
    ),
    "equal lines": (
        f"populations.E.n,{TAU}\n1,1 ms\n\n1,2 ms\n1.0,0.002 s\n",
        "line 5: ",
        "is the same point as line 4; remove one",
    ),
    "underscore": ("populations.E.n\n3\n1_0\n", "line 3: ", "is '1_0', no quantity"),
    "other digits": ("populations.E.n\n4\n٣\n", "line 3: ", "is '٣', no quantity with a unit"),
    "infinite": ("populations.E.n\n4\n1e400\n", "line 3: ", "is inf; write a finite number"),
    "many digits": (f"populations.E.n\n4\n{'7' * 5000}\n", "line 3: ", "has 5000 characters; write a number"),
    "many columns": (
        ",".join(f"populations.E{k}.n" for k in range(20_000)) + "\n" + ",".join("1" * 20_000) + "\n",
        "has 20000 columns",
        "more than 100 parameters of a sweep; take fewer",
    ),
    "empty": (f"{RATE}\n", "has no line of values", ""),
}


@pytest.mark.parametrize("case", TABLES)
def test_a_fault_of_a_table_names_its_line(case: str, folder: Any) -> None:
    text, place, expected = TABLES[case]
    folder.write("studies/gain.csv", text)
    folder.write(STUDY, (folder.path / STUDY).read_text() + "sweeps:\n  gain: {model: net, design: {table: gain.csv}}\n")
    with pytest.raises(ConfigError) as error:
        load_config(folder.path)
    (said,) = error.value.violations
    assert said.startswith(f"config/studies/gain.csv: {place}"), said
    assert expected in said


def test_check_looks_at_every_point(folder: Any) -> None:
    """A delay between the ends that is no whole number of time steps is seen by `check`, before a run leaves it out."""
    add(folder, "projections.inhibition.delay: [1 ms, 1.23 ms, 2 ms]")
    with pytest.raises(
        ConfigError, match=r"line 17: sweeps.gain: point 1 \(projections.inhibition.delay = 0.00123 s\): .*no whole number"
    ):
        list(check(folder.path, []))
