"""Snakemake itself is killed, or started twice: once started again, the results are the bytes of an undisturbed run."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import NamedTuple

import pytest
from jobs import MANY, jump, write_project
from running import end, list_workflow_code, start

from homeoanalysis.provenance import rng_for

pytestmark = [pytest.mark.slow, pytest.mark.recorded(code=[*list_workflow_code(), *Path(__file__).parent.glob("[cjw]*.*")])]
SEEDS = [pytest.param(range(1), id="few"), pytest.param(range(1, 1 + MANY), id="many", marks=pytest.mark.nightly)]


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


def killed(project: Path, seconds: float, *, alone: bool) -> None:
    """A run that is killed after this time: Snakemake alone, whose jobs end while the next run begins, or all of them."""
    process = start(project)
    assert process.stdout is not None
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    if is_early := process.poll() is None:
        (os.kill if alone else os.killpg)(process.pid, signal.SIGKILL)
        process.wait()
    process.stdout.close()
    if not is_early:  # other programs slowed down the undisturbed run, and have gone: once more, from nothing
        for folder in ("results", ".snakemake"):
            shutil.rmtree(project / folder)
        killed(project, 0.7 * seconds, alone=alone)


def kill(project: Path, whole: Whole, seed: int) -> int:
    """One run that is killed, and the next; returns how many results there were in between."""
    rng = rng_for(seed, "snakemake")
    killed(project, float(rng.uniform(0.2, 0.95) * whole.seconds), alone=rng.random() < 0.5)
    between = made(project)
    assert between.items() <= whole.made.items()
    end(start(project, "--unlock"))
    end(start(project))
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


def twice(project: Path, whole: Whole, seed: int) -> str:
    """A run, and at a random moment of it a second one; returns what became of that."""
    both, share = [start(project)], float(rng_for(seed, "twice").uniform(0, 1.1))
    if share < 1.0:
        time.sleep(share * whole.seconds)
    else:
        both[0].wait()
    both.append(start(project))
    said = [process.communicate(timeout=300)[0] for process in both]
    assert 0 in (both[0].returncode, both[1].returncode), said
    for process, text in zip(both, said, strict=True):
        assert process.returncode == 0 or "cannot be locked" in text, text
        assert "Traceback" not in text
    assert made(project) == whole.made
    assert list((project / "results").rglob(".part-*")) == []
    return "refused" if both[1].returncode else "nothing to be done" if "Nothing to be done" in said[1] else "worked"


@pytest.mark.parametrize("seeds", SEEDS)
def test_two_runs_at_once(whole: Whole, tmp_path: Path, seeds: range) -> None:
    """One is told that the folder is locked, or finds nothing to be done; the other does everything."""
    became = {twice(write_project(tmp_path / str(seed)), whole, seed) for seed in seeds}
    assert len(seeds) < MANY or {"refused", "nothing to be done"} <= became, "begun at several stages"


def again(project: Path, whole: Whole, *arguments: str, **environment: str) -> bool:
    """The workflow once more: the same bytes, or one message that clocks differ. Returns whether it came to its end."""
    process = start(project, *arguments, **environment)
    said, _ = process.communicate(timeout=300)
    assert "Traceback" not in said
    assert made(project).items() <= whole.made.items()
    assert process.returncode == 0 or "clock skew" in said, said
    assert process.returncode or made(project) == whole.made
    return process.returncode == 0


def elsewhere(project: Path, whole: Whole, seed: int) -> bool:
    """Half of all results and inputs are from other times; returns whether Snakemake came to its end."""
    rng = rng_for(seed, "elsewhere")
    shutil.copytree(whole.project, project)
    files = [project / "mine/a.txt", project / "mine/b.txt", *(project / path for path in made(project))]
    for path in files:
        if rng.random() < 0.5:
            then = time.time() + float(rng.choice([-1.4e9, jump(rng)]))  # 1982, or any time around
            os.utime(path, (then, then))
    ended = again(project, whole)
    for path in filter(Path.exists, files):  # what failed is removed
        path.touch()
    assert again(project, whole, *whole.made)
    return ended


@pytest.mark.parametrize("seeds", SEEDS)
def test_files_from_another_time(whole: Whole, tmp_path: Path, seeds: range) -> None:
    """What Snakemake makes again is the same, or it says that the clocks differ; when they do not, all is as it was."""
    ended = [elsewhere(tmp_path / str(seed), whole, seed) for seed in seeds]
    assert len(seeds) < MANY or 0 < sum(ended) < MANY


@pytest.mark.parametrize("seeds", SEEDS)
def test_a_clock_that_jumps(whole: Whole, clock: str, tmp_path: Path, seeds: range) -> None:
    """That of Snakemake and its jobs, at a random moment; files keep the time of the disk, as on a file server."""
    for seed in seeds:
        rng, project = rng_for(seed, "jump"), write_project(tmp_path / str(seed))
        at = time.time() + float(rng.uniform(0, 1) * whole.seconds)
        again(project, whole, LD_PRELOAD=clock, CLOCK_JUMP=f"{at} {jump(rng)}")
        assert again(project, whole, *whole.made)
