"""What a few lines of a study stand for when everything is combined: refused by its number, before anything is made."""

import time
from typing import Any

import pytest

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.study import Study
from homeoanalysis.errors import ConfigError

S = "studies/demo.yaml"
SECONDS = 5  # of CPU time, for what is refused in less than one


def refused(folder: Any) -> str:
    """The one line that comes out."""
    began = time.process_time()
    with pytest.raises(ConfigError) as caught:
        load_config(folder.path)
    assert time.process_time() - began < SECONDS
    (line,) = caught.value.violations
    return line


def mechanisms(n: int) -> str:
    return "".join(f"    m{k}: {{populations: {{E: {{n: {k + 1}}}}}}}\n" for k in range(n))


def test_mechanisms_of_which_there_are_too_many_combinations(folder: Any) -> None:
    """2^n variants of a model: 40 would take some million years."""
    folder.replace(S, "variants:\n", f"mechanisms:\n  net:\n{mechanisms(40)}variants:\n")
    assert refused(folder) == (
        f"config/{S}: mechanisms.net has 40 mechanisms, more than 10, and each combination of them is a variant (2^40); "
        "leave some out, or write the variants that matter under variants"
    )


def test_ten_mechanisms_are_taken() -> None:
    """The control of the test above; planning them took time with the square of their combinations."""
    content: dict[str, Any] = {"title": "t", "question": "q", "models": ["net"], "metrics": {"firing_rate": {}}}
    study = Study.model_validate({**content, "mechanisms": {"net": {f"m{k}": {} for k in range(10)}}})
    assert len(study.sources()) == 2**10


def test_variants_are_combined_as_often_whatever_their_number(folder: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """They were for each source again: 10 mechanisms took 18 s to plan, and 11 took 72 s."""
    folder.replace(S, "variants:\n", f"mechanisms:\n  net:\n{mechanisms(5)}variants:\n")
    config, calls = load_config(folder.path), 0
    made = Study.all_variants

    def counted(study: Study) -> Any:
        nonlocal calls
        calls += 1
        return made(study)

    monkeypatch.setattr(Study, "all_variants", counted)
    assert len(config.variants()) == 2**5 + 1
    assert calls < 5


def levels(n: int, of: int) -> str:
    each = ", ".join(f"f{k}: [{', '.join(map(str, range(of)))}]" for k in range(n))
    return f"{{metrics: [firing_rate], epoch: after, each: {{{each}}}}}"


@pytest.mark.parametrize(("factors", "number"), [(5, "100002"), (200, "more than 1000000000000")])
def test_contrasts_of_which_there_are_too_many_combinations(folder: Any, factors: int, number: str) -> None:
    folder.replace(S, "contrasts:\n", f"contrasts:\n  big: {levels(factors, 10)}\n")
    assert refused(folder) == (
        f"config/{S}: contrasts are {number} with every combination of `each`, the largest part of big, and a study has 10000 "
        "at most; name fewer levels, or fewer factors"
    )


def test_contrasts_of_which_many_are_some(folder: Any) -> None:
    """Each is within the limit."""
    folder.replace(S, "contrasts:\n", "contrasts:\n" + "".join(f"  c{k}: {levels(3, 20)}\n" for k in range(2)))
    assert "contrasts are 16002 with every combination of `each`, the largest part of c0" in refused(folder)


def test_sweeps_that_have_too_many_points_together(folder: Any) -> None:
    """Each is within the limit of one."""
    axis = "parameters: {I.lif_conductance.tau_membrane: {low: 10 ms, high: 30 ms, steps: 20000}}"
    sweeps = "".join(f"  s{k}: {{model: net, design: grid, {axis}}}\n" for k in range(6))
    folder.write(S, (folder.path / S).read_text() + f"sweeps:\n{sweeps}")
    assert refused(folder) == (
        f"config/{S}: sweeps have 120000 points together, more than 100000; take fewer, or make several studies of them"
    )


def test_sources_and_metrics_that_make_too_many_measures(folder: Any) -> None:
    variants = "".join(f"    v{k}: {{duration: {k + 30} s}}\n" for k in range(1000))
    metrics = "".join(f"  firing_rate.m{k}: {{}}\n" for k in range(1000))
    folder.replace(S, "    static: {duration: 20 s}\n", variants + "    static: {duration: 20 s}\n")
    folder.replace(S, "metrics:\n", f"metrics:\n{metrics}")
    assert refused(folder) == (
        f"config/{S}: sources x metrics is 1005006, more than 1000000 measures; make several studies of it"
    )
