"""The tour and a sweep on a real Slurm of one node, of which everything is killed once: the same bytes as without it."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xarray as xr
from loopback_slurm import Slurm, why_not
from running import list_workflow_code
from test_workflow import ROOT, snakemake, without_times

pytestmark = [pytest.mark.slurm, pytest.mark.slow, pytest.mark.recorded(code=list_workflow_code())]
POINTS = 200
# Of config/, what the tour reads: each Snakemake of a cluster's job reads all that there is. The nightly test has all.
TOUR = ("config.yaml", "studies/tour", "recordings/grasshopper", "models/receptor", "models/receptor_frozen", "models/balanced")
MODEL = """
title: A neuron that becomes selective
system: {bcm1982: {n_patterns: 2, presentations: 1000, is_averaged: false}}
"""
SWEEP = """
title: A neuron that becomes selective, with inputs of many sizes
question: Do all of them come?
models: [neuron]
metrics: {{state_value: {{moments: {{end: 1000 s}}}}}}
resampling: {{draws: 0}}
sweeps:
  inputs:
    model: neuron
    design: latin_hypercube
    points: {points}
    points_per_job: {each}
    parameters: {{system.bcm1982.input_scale: {{low: 0.5, high: 2.0}}}}
"""
# Short waits, since all is over soon.
FAST = ["--latency-wait", "10", "--slurm-init-seconds-before-status-checks", "1", "--seconds-between-status-checks", "1"]


@pytest.fixture(scope="module")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    if reason := why_not():
        pytest.skip(reason)
    cluster = Slurm(tmp_path_factory.mktemp("slurm"))
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()


def _project(folder: Path, each: int) -> Path:
    if each == 1:
        shutil.copytree(ROOT / "config", folder / "config")
    else:
        for path in (Path("config", name).with_suffix(".yaml") for name in TOUR):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, folder / path)
    (folder / "config/models/neuron.yaml").write_text(MODEL)
    (folder / "config/studies/many.yaml").write_text(SWEEP.format(points=POINTS, each=each))
    return folder


class Run:
    """A Snakemake that sends its jobs to Slurm; what it says goes to a file."""

    def __init__(self, project: Path, *arguments: str) -> None:
        self._log = project / "said"
        command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(project)]
        with self._log.open("w") as stream:
            self._process = subprocess.Popen(
                [*command, "--profile", str(ROOT / "profiles/slurm"), *FAST, *arguments],
                cwd=project,
                env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])},
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self, condition: Callable[[], bool]) -> None:
        """Till the condition holds, while the run goes on."""
        deadline = time.monotonic() + 3600
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                pytest.fail(f"it did not come so far:\n{self.said()[-5000:]}")
            time.sleep(0.1)

    def kill(self) -> None:
        """kill -9 of Snakemake; the jobs of the cluster go on."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def end(self) -> None:
        """Wait for the end, which must be a good one."""
        assert self._process.wait(timeout=3600) == 0, self.said()[-5000:]

    def said(self) -> str:
        return self._log.read_text()


@pytest.mark.parametrize(
    "jobs",
    [10, pytest.param(POINTS, marks=pytest.mark.nightly)],
    ids=["200 points of a sweep in 10 jobs", "200 jobs"],
)
def test_whatever_is_killed_the_results_have_the_same_bytes(jobs: int, slurm: Slurm, tmp_path: Path) -> None:
    project, alone = (_project(tmp_path / name, each=POINTS // jobs) for name in ("cluster", "alone"))
    targets = ["tour", "many"]
    # Nightly as the profile has it; 20 simulations in one job were all of the tour's here.
    grouped = [*targets, *(["--group-components", "simulate=3", "measure=20", "ingest=20"] if jobs < POINTS else [])]

    def made() -> int:
        return len(list((project / "results/many/sweeps/inputs").glob("*.nc")))

    first = Run(project, *grouped)
    first.wait(lambda: made() >= jobs // 10)
    first.kill()
    assert slurm.running()
    (run,) = re.findall(r"SLURM run ID: (\S+)", first.said())
    slurm.call("scancel", "--name", run)  # as docs/cluster.md says
    unlocked = snakemake(project, "--unlock")
    assert unlocked.returncode == 0, unlocked.stderr

    second = Run(project, *grouped)
    second.wait(lambda: made() >= jobs // 4 and bool(slurm.running()))
    slurm.call("scancel", slurm.running()[0])  # one job
    second.wait(lambda: made() >= jobs // 2 and bool(slurm.running()))
    slurm.kill_controller()
    time.sleep(1)
    slurm.start_controller()
    assert slurm.running()
    slurm.kill_worker()
    time.sleep(1)
    slurm.start_worker()
    second.end()
    assert len(re.findall("has been submitted with SLURM jobid", second.said())) > jobs // 2
    again = snakemake(project, "--cores", "1", *targets)
    assert "Nothing to be done" in again.stdout + again.stderr

    done = snakemake(alone, "--cores", "2", *targets, timeout=3600)
    assert done.returncode == 0, done.stderr
    assert xr.open_dataset(alone / "results/many/sweeps/inputs.nc").sizes["point"] == POINTS
    assert _same_files(project, alone) > jobs + 50


def _same_files(project: Path, alone: Path) -> int:
    """How many results there are, which are the same in both folders, byte for byte."""
    suffixes = {".nc", ".png", ".pdf", ".html", ".csv"}
    files = [
        # What a job that was killed in the middle of a file has left, until the next run with something to do clears it away.
        {p.relative_to(f) for p in (f / "results").rglob("*") if p.suffix in suffixes and not p.parent.name.startswith(".part-")}
        for f in (project, alone)
    ]
    assert files[0] == files[1]
    for path in files[0]:
        assert without_times((project / path).read_bytes()) == without_times((alone / path).read_bytes()), path
    return len(files[0])
