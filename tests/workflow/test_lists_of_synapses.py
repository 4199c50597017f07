"""A model wired by a list of the user: the workflow knows the file, as it knows those of recordings."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from running import list_workflow_code

from homeoanalysis import open_dataset

pytestmark = pytest.mark.recorded(code=list_workflow_code())

ROOT = Path(__file__).parents[2]
MADE = "results/activity/pair.ci/0.nc"
MODEL = """
title: A neuron that drives another
duration: 4 s
populations:
  cell: {n: 2, neuron: {lif_current: {tau_membrane: 10 ms, v_rest: -60 mV, v_threshold: -50 mV, v_reset: -60 mV, drive: 9 mV}}}
projections:
  listed: {source: cell, target: cell, channel: excitatory, weight: 50 pA, delay: 1 ms, topology: {explicit: {file: FILE}}}
protocols: {noise: {white_noise: {population: cell, sigma: 2 mV}}}
"""
STUDY = "{title: A list, question: Is it known?, models: [pair], metrics: {firing_rate: {}}}"


def project(folder: Path, file: str) -> Path:
    model = MODEL.replace("FILE", json.dumps(file))
    for path, text in (("config.yaml", "seed: 1\nstudies: [one]"), ("models/pair.yaml", model), ("studies/one.yaml", STUDY)):
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    how: dict[str, object] = dict(cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=300)
    return subprocess.run([sys.executable, "-m", *command], **how)  # type: ignore[call-overload, no-any-return]


def snakemake(folder: Path) -> subprocess.CompletedProcess[str]:
    return run(folder, "snakemake", "-s", str(ROOT / "Snakefile"), "--cores", "1", MADE)


@pytest.mark.slow
@pytest.mark.parametrize("file", ["wires/list.csv", "wires/a list 'of' 2.csv"])
def test_another_list_is_another_simulation(file: str, tmp_path: Path) -> None:
    """It runs again; the result names the list that it was made from, and diff says what differs."""
    path = project(tmp_path, file) / file
    path.parent.mkdir()
    path.write_text("source,target\n" + "0,1\n" * 30)
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stderr
    (before,) = json.loads(open_dataset(tmp_path / MADE, "0").history)
    assert set(before["inputs"]) == {file}
    (tmp_path / MADE).rename(tmp_path / "before.nc")
    assert snakemake(tmp_path).returncode == 0
    assert (tmp_path / MADE).read_bytes() == (tmp_path / "before.nc").read_bytes()
    path.write_text("source,target\n" + "1,0\n" * 30)
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stderr
    (after,) = json.loads(open_dataset(tmp_path / MADE, "0").history)
    assert after["inputs"] != before["inputs"]
    said = run(tmp_path, "homeoanalysis", "diff", "before.nc", MADE).stdout
    assert file in said


@pytest.mark.slow
def test_a_list_that_is_absent(tmp_path: Path) -> None:
    project(tmp_path, "list.csv")
    said = run(tmp_path, "homeoanalysis", "check")
    assert said.returncode == 1
    assert (
        "files of yours are missing: list.csv (config/models/pair.yaml: projections.listed.topology.explicit.file)" in said.stderr
    )
    done = snakemake(tmp_path)
    assert done.returncode
    assert "list.csv" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("file", "fault"),
    [("a {list}.csv", "is 'a {list}.csv'; Snakemake takes what stands in braces"), (" ", "is ' '; write the path")],
)
def test_a_list_that_snakemake_cannot_ask_for(file: str, fault: str, tmp_path: Path) -> None:
    said = run(project(tmp_path, file), "homeoanalysis", "check")
    assert said.stderr.startswith(f"ConfigError: config/models/pair.yaml: projections.listed.topology.explicit.file {fault}")
