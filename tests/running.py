"""Snakemake as a process of its own, which a test may kill."""

import os
import subprocess
import sys
from pathlib import Path

from homeoanalysis import catalogue

ROOT = Path(__file__).parents[1]
STEPS = ("cli", "compare", "config", "export", "ingest", "report", "reproduce", "simulate", "sweep")
METRICS = ("evoked_rate", "firing_rate", "state_value", "stimulus_coherence")  # of the small projects of tests


def list_workflow_code() -> list[Path]:
    """What a workflow depends on, but for metrics: whether a run can be stopped and taken up does not depend on those."""
    package = ROOT / "homeoanalysis"
    code = [*package.glob("*.py"), *(path for step in STEPS for path in (package / step).rglob("*.py"))]
    entries = [(folder, name) for folder in catalogue.FOLDERS if folder != "metrics" for name in catalogue.names(folder)]
    entries += [("metrics", name) for name in METRICS]
    code += [path for entry in entries for path in catalogue.source_files(*entry)]
    return [*code, ROOT / "Snakefile", *_list_files("workflow"), *_list_files("profiles")]


def list_all_code() -> list[Path]:
    """The whole package, the workflow and the config of the project."""
    return [*list_workflow_code(), *(ROOT / "homeoanalysis").rglob("*.py"), *_list_files("config")]


def _list_files(folder: str) -> list[Path]:
    return [path for path in (ROOT / folder).rglob("*.*") if "__pycache__" not in path.parts]


def start(project: Path, *arguments: str, cores: int = 2, **environment: str) -> subprocess.Popen[str]:
    """The workflow in a project's folder, with these variables of the environment."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(project)]
    return subprocess.Popen(
        [*command, "--cores", str(cores), *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str]) -> str:
    """What it said; fails if it did."""
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said
