"""A study as an RO-Crate: every job of the workflow has its words, and the config that a study is made of is held."""

import json
import re
import shutil
from pathlib import Path

import netCDF4
import pytest

from homeoanalysis.cli.crate import _WHAT, crate
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import DataError
from homeoanalysis.files import damaged, seal
from homeoanalysis.identity import file_hash
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


def make_result(path: Path) -> None:
    """An empty file in its place; a result is a sealed netCDF file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix != ".nc":
        path.write_text(str(path))
        return
    netCDF4.Dataset(path, "w").close()
    seal(path)


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
            if path.endswith(".nc"):
                assert damaged(tmp_path / path) == f"delete it and run rule {job.rule} again: snakemake --cores 2 {path}"
            make_result(tmp_path / path)
    assert "is written" in "".join(crate(tmp_path / "config", study, tmp_path / "crate"))
    entities = json.loads((tmp_path / "crate/ro-crate-metadata.json").read_text())["@graph"]
    held = {e["@id"] for e in entities if "sha256" in e}
    settings = {place for place in held if place.startswith("config/")}
    models = {place for place in settings if place.startswith("config/models/")} - {"config/models/balanced.yaml"}
    assert settings - models == {f"config/{path}" for path in config}
    assert {f"results/{study}/{path}" for path in results} <= held
    comparison = tmp_path / "results" / study / "comparison.nc"
    netCDF4.Dataset(comparison, "r+").close()
    with pytest.raises(DataError, match=rf"run rule compare again: snakemake --cores 2 results/{study}/comparison.nc"):
        list(crate(tmp_path / "config", study, tmp_path / "other"))
    assert not (tmp_path / "other").exists()


WIRED = """\
title: Two neurons
duration: 1 s
populations: {E: {n: 2, neuron: lif_conductance}}
projections:
  near: {source: E, target: E, channel: excitatory, weight: 1 nS, delay: 1 ms, topology: {explicit: {file: wires/near.csv}}}
  far: {source: E, target: E, channel: excitatory, weight: 1 nS, delay: 1 ms, topology: {explicit: {file: FAR}}}
"""


def test_lists_of_synapses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One inside the project is put into the crate; one outside is named, without the folders of a machine."""
    pytest.importorskip("rocrate")
    project, far = tmp_path / "project", tmp_path / "far.csv"
    files = {
        "config/config.yaml": "{seed: 1, studies: [one]}",
        "config/models/wired.yaml": WIRED.replace("FAR", str(far)),
        "config/studies/one.yaml": "{title: A list, question: Is it held?, models: [wired], metrics: {firing_rate: {}}}",
        "wires/near.csv": "source,target\n0,1\n",
        far: "source,target\n1,0\n",
    }
    for path, text in files.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    monkeypatch.chdir(project)
    for job in Plan(load_config(Path("config"))).jobs("one"):
        for path in job.outputs:
            make_result(Path(path))
    list(crate(Path("config"), "one", tmp_path / "crate"))
    entities = {e["@id"]: e for e in json.loads((tmp_path / "crate/ro-crate-metadata.json").read_text())["@graph"]}
    assert entities["wires/near.csv"]["description"] == "a list of synapses"
    assert (tmp_path / "crate/wires/near.csv").read_text() == files["wires/near.csv"]
    assert entities["#far.csv"]["sha256"] == file_hash(far)
    assert {"wires/near.csv", "#far.csv"} <= {one["@id"] for one in entities["#run"]["object"]}
    assert str(tmp_path) not in (tmp_path / "crate/ro-crate-metadata.json").read_text()
