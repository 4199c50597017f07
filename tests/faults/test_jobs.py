"""Jobs that are killed, starved or misled: no file of theirs is wrong, and the same job again makes the same bytes."""

import contextlib
import datetime
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from jobs import MANY, Project, jump
from running import list_workflow_code

from homeoanalysis.files import clear_parts
from homeoanalysis.provenance import history_of, rng_for

pytestmark = [pytest.mark.slow, pytest.mark.recorded(code=[*list_workflow_code(), *Path(__file__).parent.glob("[cjw]*.*")])]
SEEDS = [pytest.param(range(5), id="few"), pytest.param(range(5, 5 + MANY), id="many", marks=pytest.mark.nightly)]


def chosen(project: Project, rng: np.random.Generator, *, without: tuple[str, ...] = ()) -> dict:
    """A random job, before it has run."""
    job = project.jobs[rng.choice([name for name, one in project.jobs.items() if one["rule"] not in without])]
    project.forget(job)
    return job


def inputs_of(job: dict) -> list[str]:
    """The files of the project that a job reads."""
    given = job["input"].values() if isinstance(job["input"], dict) else job["input"]
    paths = [path for item in given for path in (item if isinstance(item, list) else [item])]
    return [path for path in paths if not Path(path).is_absolute()]


@pytest.mark.parametrize("seeds", SEEDS)
def test_a_killed_job(project: Project, seeds: range) -> None:
    """kill -9 at a random moment of a random job. What the killed have left of their files is removed by the next run."""
    unfinished = 0
    for seed in seeds:
        rng = rng_for(seed, "kill")
        job = chosen(project, rng)
        project.worker.run(project.folder, job, killed_after=float(rng.uniform(0, project.seconds[job["outputs"][0]])))
        unfinished += len(project.made(job)) < len(job["outputs"])
        project.mended(job)
    assert unfinished > len(seeds) / 6
    (project.folder / "results/.part-x").mkdir()
    clear_parts(project.folder / "results")
    assert project.parts() == []


@contextlib.contextmanager
def small_disk(project: Project) -> Iterator[Path]:
    """The results on a disk of 16 MB of their own."""
    results, kept = project.folder / "results", project.folder / "kept"
    shutil.copytree(results, kept)
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=16m", "tmpfs", str(results)], capture_output=True, text=True, check=False
    )
    try:
        if done.returncode:
            pytest.skip(f"a disk cannot be mounted here: {done.stderr.strip()}; run as root")
        try:
            shutil.copytree(kept, results, dirs_exist_ok=True)
            yield results
        finally:
            subprocess.run(["umount", "--lazy", str(results)], check=True)
    finally:
        shutil.rmtree(kept)


@pytest.mark.parametrize("seeds", SEEDS)
def test_a_full_disk(project: Project, seeds: range) -> None:
    """A random job with a random number of bytes left, from none to twice what it writes."""
    stopped = 0
    with small_disk(project) as disk:
        for seed in seeds:
            rng = rng_for(seed, "full")
            job = chosen(project, rng)
            size = sum(len(project.whole[path]) for path in job["outputs"])
            free = shutil.disk_usage(disk).free - int(rng.choice([0, rng.uniform(0, size), rng.uniform(size, 2 * size)]))
            (disk / "ballast").write_bytes(bytes(max(free, 0)))
            end = project.worker.run(project.folder, job)
            made = project.made(job)
            if end.code:
                assert end.is_clear(), end.said
                assert "the disk is full: free some space and run again" in end.said
                assert len(made) < len(job["outputs"])
                stopped += 1
            (disk / "ballast").unlink()
            project.mended(job)
        assert project.parts() == []
    assert stopped > len(seeds) / 6


def test_results_that_are_read_only(project: Project) -> None:
    with small_disk(project) as disk:
        for job in project.jobs.values():
            subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
            end = project.worker.run(project.folder, job)
            assert end.is_clear(), end.said
            assert "cannot be written" in end.said
            assert "Read-only file system" in end.said
            assert project.made(job) == job["outputs"]
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)


@pytest.mark.parametrize("seeds", SEEDS)
def test_memory_that_is_used_up(project: Project, seeds: range) -> None:
    """A random job that may allocate a random number of bytes more, from 0.1 to 30 MB."""
    stopped = 0
    for seed in seeds:
        rng = rng_for(seed, "memory")
        job = chosen(project, rng)
        end = project.worker.run(project.folder, job, memory=int(10 ** rng.uniform(5, 7.5)))
        made = project.made(job)
        if end.code:
            assert end.is_clear(), end.said
            assert "may be used up" in end.said or "is used up" in end.said, end.said
            assert len(made) < len(job["outputs"])
            stopped += 1
        project.mended(job)
    assert stopped > len(seeds) / 6


@pytest.mark.parametrize("seeds", SEEDS)
def test_a_clock_that_jumps(clocked: Project, seeds: range) -> None:
    """By a second to three years, to and fro, at a random moment of a random job; its inputs are from any time around."""
    for seed in seeds:
        rng = rng_for(seed, "clock")
        job = chosen(clocked, rng)
        for path in inputs_of(job):
            then = time.time() + jump(rng)
            os.utime(clocked.folder / path, (then, then))
        after = float(rng.uniform(0, clocked.seconds[job["outputs"][0]]))
        end = clocked.worker.run(clocked.folder, job, clock=[after, jump(rng)])
        assert end.code == 0, end.said
        assert clocked.made(job) == job["outputs"]


def test_a_result_that_holds_the_clock_is_another(clocked: Project) -> None:
    """Negative control: a job that writes the day into its result, under a clock that has jumped by a year."""
    job = clocked.jobs["results/activity/mine/a.nc"]
    clocked.forget(job)
    assert clocked.worker.run(clocked.folder, job, clock=[0, 3.2e7], dated=True).code == 0
    with pytest.raises(AssertionError, match=r"mine/a\.nc"):
        clocked.made(job)
    (entry,) = history_of(clocked.folder / job["outputs"][0])
    day = datetime.date.fromisoformat(entry["versions"]["homeoanalysis"])
    assert 369 <= (day - datetime.date.today()).days <= 371
    clocked.mended(job)


DATES = """
import datetime, time, h5py
with h5py.File("dates.h5", "w", driver="core", backing_store=False) as file:
    made = file.create_dataset("x", data=1.0, track_times=True)
    print(datetime.datetime.now().timestamp(), time.time(), time.time_ns() / 1e9, h5py.h5g.get_objinfo(made.id).mtime)
"""


@pytest.mark.parametrize("by", [0.0, -1e8, 1e8])
def test_the_clock_of_all_libraries_jumps(clock: str, by: float) -> None:
    """The control of the fault: Python's clocks, and the one of HDF5, which asks the C library itself."""
    environment = {**os.environ, "LD_PRELOAD": clock, "CLOCK_JUMP": f"0 {by}"}
    done = subprocess.run([sys.executable, "-c", DATES], env=environment, capture_output=True, text=True, check=True)
    np.testing.assert_allclose(np.array(done.stdout.split(), float) - time.time(), by, atol=60)


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """A cut, a flipped bit, zeros from somewhere on or in between, or other bytes behind the end."""
    at = int(rng.integers(1, len(content)))
    flipped = bytearray(content)
    flipped[at] ^= 1 << int(rng.integers(8))
    middle = min(at + int(rng.integers(1, 4096)), len(content))
    return [
        content[:at],
        bytes(flipped),
        content[:at] + bytes(len(content) - at),
        content[:at] + bytes(middle - at) + content[middle:],
        content[:-at] + bytes(at),
        content + b"\0",
    ][int(rng.integers(6))]


@pytest.mark.parametrize("seeds", SEEDS)
def test_damaged_intermediate_files(project: Project, seeds: range) -> None:
    """The job that reads one names it and stops; made again, it is used."""
    for seed in seeds:
        rng = rng_for(seed, "damage")
        job = chosen(project, rng, without=("ingest", "simulate", "sweep_part"))
        path = project.folder / str(rng.choice([path for path in inputs_of(job) if path.endswith(".nc")]))
        whole = path.read_bytes()
        content = damaged(whole, rng)
        path.write_bytes(content)
        end = project.worker.run(project.folder, job)
        if content != whole:
            assert end.is_clear(), end.said
            assert f"{path.relative_to(project.folder)} cannot be read" in end.said
            assert f"again: snakemake --cores 2 {path.relative_to(project.folder)}" in end.said
            assert project.made(job) == []
        path.unlink()  # what HDF5 knows of a file stays with its inode
        path.write_bytes(whole)
        project.mended(job)


def edited(path: Path) -> None:
    """Its first number a tenth larger, as h5py writes it."""
    with h5py.File(path, "r+") as file:
        named: list[str] = []
        file.visit(named.append)
        numbers = [n for n in named if isinstance(file[n], h5py.Dataset) and file[n].dtype.kind == "f" and file[n].size]
        file[numbers[0]][...] *= 1.1


@pytest.mark.parametrize("edit", [edited, lambda path: os.truncate(path, path.stat().st_size - 14)])
def test_edited_results(project: Project, edit: Callable[[Path], None]) -> None:
    """Every job that reads a result refuses it, and says which rule makes it again."""
    makers = {path: job["rule"] for job in project.jobs.values() for path in job["outputs"]}
    readers = [(job, path) for job in project.jobs.values() for path in inputs_of(job) if path.endswith(".nc")]
    assert {job["rule"] for job, _ in readers} == {"measure", "sweep", "compare", "draw", "reproduce", "judge", "report"}
    for job, path in readers:
        edit(project.folder / path)
        project.forget(job)
        end = project.worker.run(project.folder, job)
        assert end.is_clear(), end.said
        assert f"run rule {makers[path]} again: snakemake --cores 2 {path}" in end.said
        assert project.made(job) == []
        (project.folder / path).unlink()  # what HDF5 knows of a file stays with its inode
        project.mended(project.jobs[path])
        project.mended(job)


@pytest.mark.parametrize("library", ["numpy", "xarray"])
def test_a_worker_with_another_library(project: Project, library: str) -> None:
    """What it made is not put together with what others made."""
    other = {library: "0.1.2"}
    for path, reader in (
        ("results/activity/mine/a.nc", "results/small/measures/firing_rate/mine.nc"),
        ("results/small/measures/firing_rate/cells.ci.nc", "results/small/comparison.nc"),
    ):
        made, job = project.jobs[path], project.jobs[reader]
        project.forget(job)
        assert project.worker.run(project.folder, made, versions=other).code == 0
        end = project.worker.run(project.folder, job)
        assert end.is_clear(), end.said
        assert f"ran with {library} 0.1.2" in end.said or f"with {library} 0.1.2; give all workers" in end.said
        assert project.made(job) == []
        project.mended(made)
        project.mended(job)
