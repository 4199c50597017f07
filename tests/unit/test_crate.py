"""A study as an RO-Crate: every job of the workflow has its words, and the config that a study is made of is held."""

import json
import re
import shutil
from pathlib import Path

import pytest

from homeoanalysis.cli.crate import _WHAT, crate
from homeoanalysis.config.loading import load_config
from homeoanalysis.plan import Plan

ROOT = Path(__file__).parents[2]
OF_NO_STUDY = {"fetch", "figures", "overview", "page", "claims", "claims_overview"}  # downloads, and pages over all studies
SWEPT = """\
title: A sweep of a table
question: What does the drive do?
models: [balanced]
metrics: {firing_rate: {}}
sweeps:
  table: {model: balanced, design: {table: drive.csv}}
  grid: {model: balanced, design: grid, parameters: {populations.E.n: [100, 200]}}
"""


def test_every_rule_of_a_study_has_its_words() -> None:
    rules = {name for file in ROOT.glob("workflow/rules/*.smk") for name in re.findall(r"^rule (\w+):", file.read_text(), re.M)}
    assert rules - OF_NO_STUDY == set(_WHAT)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("study", "config", "results"),
    [
        (
            "swept",
            {"config.yaml", "studies/swept.yaml", "studies/drive.csv", "models/balanced.yaml"},
            {"sweeps/table/0.nc", "sweeps/table.nc", "sweeps/grid.nc", "figures/sweep.grid.pdf"},
        ),
        (
            "c02_time_scales",
            {"config.yaml", "claims.yaml", "robustness.yaml", "studies/claims/c02_time_scales.yaml"},
            {"claim.csv", "figures/claim.png", "figures/claim.pdf"},
        ),
    ],
)
def test_studies_with_sweeps_and_claims(study: str, config: set[str], results: set[str], tmp_path: Path) -> None:
    """The results are empty files here: what is asked is which of them the crate has."""
    pytest.importorskip("rocrate")
    shutil.copytree(ROOT / "config", tmp_path / "config")
    (tmp_path / "config/studies/swept.yaml").write_text(SWEPT)
    (tmp_path / "config/studies/drive.csv").write_text("populations.E.n\n100\n200\n")
    for job in Plan(load_config(tmp_path / "config")).jobs(study):
        for path in job.outputs:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(path)
    assert "is written" in "".join(crate(tmp_path / "config", study, tmp_path / "crate"))
    entities = json.loads((tmp_path / "crate/ro-crate-metadata.json").read_text())["@graph"]
    held = {e["@id"] for e in entities if "sha256" in e}
    settings = {place for place in held if place.startswith("config/")}
    models = {place for place in settings if place.startswith("config/models/")} - {"config/models/balanced.yaml"}
    assert settings - models == {f"config/{path}" for path in config}
    assert {f"results/{study}/{path}" for path in results} <= held
