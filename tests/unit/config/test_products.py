"""What a few lines of a study stand for when everything is combined: refused by its number, before anything is made."""

import time
from typing import Any

import pytest

from homeoanalysis.config.contrast import expanded
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


def test_contrasts_of_which_there_are_too_many_combinations(folder: Any) -> None:
    """10^7 of them; the control is of as many as there may be."""
    each = {f"f{k}": list(range(10)) for k in range(7)}
    written = ", ".join(f"{factor}: {levels}" for factor, levels in each.items())
    folder.replace(S, "contrasts:\n", f"contrasts:\n  big: {{metrics: [firing_rate], epoch: after, each: {{{written}}}}}\n")
    assert refused(folder).endswith("big.each makes 1e+07 contrasts, more than 1000; name fewer levels, or fewer factors")
    assert len(expanded({"big": {"each": {factor: each[factor] for factor in ("f0", "f1", "f2")}}})) == 1000
