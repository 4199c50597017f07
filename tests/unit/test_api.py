"""The public API is functions, whatever is imported before, and one line of a notebook works without files."""

import importlib
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from running import list_all_code

import homeoanalysis
from homeoanalysis import measure
from homeoanalysis.config.model import Model
from homeoanalysis.contracts import check, write
from homeoanalysis.numerics import synthetic

pytestmark = pytest.mark.recorded(code=list_all_code())

ROOT = Path(__file__).parents[2]

MODEL: dict[str, Any] = {
    "title": "two neurons above threshold",
    "duration": "1 s",
    "populations": {"E": {"n": 2, "cell_type": "E", "neuron": {"lif_current": {"v_rest": "-40 mV"}}}},
}


def test_verbs_are_functions_even_after_their_modules_were_imported() -> None:
    for name in homeoanalysis.__all__:
        importlib.import_module(f"homeoanalysis.{homeoanalysis._HOME.get(name, name)}")
    from homeoanalysis import compare, draw, ingest, load_config, measure, open_dataset, simulate

    for function in (compare, draw, ingest, load_config, measure, open_dataset, simulate):
        assert inspect.isfunction(function)
    assert {f.__name__ for f in (compare, draw, ingest, load_config, measure, open_dataset, simulate)} == set(
        homeoanalysis.__all__
    )


def test_submodules_can_still_be_imported_by_path() -> None:
    from homeoanalysis.measure import DRAWS, measure

    assert homeoanalysis.measure is measure
    assert DRAWS[0] == "half_a"
    assert inspect.ismodule(sys.modules["homeoanalysis.measure"])


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'homeoanalysis' has no attribute 'dance'"):
        homeoanalysis.dance  # noqa: B018


def test_importing_the_package_imports_no_verb() -> None:
    """Command line and workflow import it often; xarray alone takes half a second."""
    program = "import sys, homeoanalysis; print(sorted({'xarray', 'numba', 'neo', 'pydantic', 'snakemake'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_line_of_the_notebook() -> None:
    from homeoanalysis import measure, simulate

    model = Model.model_validate(MODEL)
    result = measure([simulate(model, replicate=0, seed=1)], "firing_rate")
    check(result, "measure/1")
    assert result.unit.values.tolist() == ["0/E0", "0/E1"]
    assert np.all(result.firing_rate > 0)
    assert measure([simulate(model, replicate=0, seed=1)], "firing_rate").identical(result)


@pytest.mark.slow
def test_the_examples_of_the_readme_run_as_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a project whose study has run: its first example opens a result."""
    examples = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(examples) == 2
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "config", tmp_path / "config")
    stimulus = np.random.default_rng(0).normal(size=4000)
    train = np.arange(0.05, 3.95, 0.02)
    one = synthetic.activity([train], 4.0, covariate=stimulus, bandwidth=400.0)
    write(measure([one], "information_rate"), "results/tour/measures/information_rate/grasshopper.nc")
    for example in examples:
        exec(example, {})
