"""Snakemake as a process of its own, which a test may kill."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


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
