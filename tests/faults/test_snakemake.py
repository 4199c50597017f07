"""Snakemake itself is killed, or started twice: once started again, the results are the bytes of an undisturbed run."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from jobs import MANY, write_project
from running import end, start

from homeoanalysis.provenance import rng_for

pytestmark = pytest.mark.slow


class Whole(NamedTuple):
    """A finished project, what it made, and how long that took [s]."""

    project: Path
    made: dict[str, bytes]
    seconds: float


def made(project: Path) -> dict[str, bytes]:
    """The results that look finished, but the report, which says how long the jobs took."""
    found = sorted(p for p in (project / "results").rglob("*") if p.suffix in (".nc", ".png", ".pdf", ".csv"))
    found = [p for p in found if not p.parent.name.startswith(".part-")]
    return {str(path.relative_to(project)): path.read_bytes() for path in found}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    """An undisturbed run."""
    project = write_project(tmp_path_factory.mktemp("undisturbed") / "project")
    end(start(project, "results/activity/cells.ci/0.nc"))  # compiles
    begin = time.monotonic()
    end(start(project))
    return Whole(project, made(project), time.monotonic() - begin)


def kill(project: Path, whole: Whole, seed: int) -> int:
    """One run that is killed, with its jobs or without them, and the next; returns how many results there were in between."""
    rng = rng_for(seed, "snakemake")
    process = start(project)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(float(rng.uniform(0.2, 0.95) * whole.seconds))
    if rng.random() < 0.5:
        os.kill(process.pid, signal.SIGKILL)  # its jobs live on, and end while the next run begins
    else:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()
    between = made(project)
    assert between.items() <= whole.made.items()
    end(start(project, "--unlock"))
    end(start(project, "--rerun-incomplete"))
    assert made(project) == whole.made
    assert (project / "results/small/report.html").stat().st_size > 10_000
    assert list((project / "results").rglob(".part-*")) == []
    return len(between)


def test_snakemake_is_killed(whole: Whole, tmp_path: Path) -> None:
    kill(write_project(tmp_path / "project"), whole, 0)


@pytest.mark.nightly
def test_snakemake_is_killed_often(whole: Whole, tmp_path: Path) -> None:
    between = [kill(write_project(tmp_path / str(seed)), whole, seed) for seed in range(1, 1 + MANY)]
    assert len(set(between)) > 4, "killed at several stages"


def test_two_runs_at_once(whole: Whole, tmp_path: Path) -> None:
    """One of them is told that the folder is locked, or finds nothing to be done; the other one does everything."""
    project = write_project(tmp_path / "project")
    both = [start(project), start(project)]
    said = [process.communicate(timeout=300)[0] for process in both]
    assert 0 in (both[0].returncode, both[1].returncode), said
    for process, text in zip(both, said, strict=True):
        assert process.returncode == 0 or "cannot be locked" in text, text
        assert "Traceback" not in text
    assert made(project) == whole.made


def test_a_clock_that_was_elsewhere(whole: Whole, tmp_path: Path) -> None:
    """Results from 1980 and from next year: what Snakemake makes again is the same, or it says that the clocks differ."""
    project = shutil.copytree(whole.project, tmp_path / "project")
    rng = rng_for(0, "clock")
    for path in made(project):
        then = time.time() + float(rng.choice([-1.4e9, 3e7]))
        os.utime(project / path, (then, then))
    again = start(project)
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0 or "clock skew" in said, said
    assert made(project).items() <= whole.made.items()
    assert again.returncode or made(project) == whole.made
