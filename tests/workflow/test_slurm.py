"""The workflow on a real Slurm of one node, of which everything is killed once: the same bytes as without it."""

import os
import re
import runpy
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from loopback_slurm import Slurm, why_not
from test_workflow import ROOT, snakemake, without_times, write_project

from homeoanalysis.config.loading import load_config
from homeoanalysis.plan import Plan

pytestmark = [pytest.mark.slurm, pytest.mark.slow]
RUNS = 200
MANY = """
title: A neuron that becomes selective, many times
system: {{bcm1982: {{n_patterns: 2, presentations: 1000, is_averaged: false}}}}
replicates: {runs}
batch: {batch}
"""
STUDY = "title: m\nquestion: q\nmodels: [many]\nmetrics: {population_rate: {bin_size: 1 s}}\n"
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


def _project(folder: Path, batch: int) -> Path:
    write_project(folder)
    (folder / "config/models/many.yaml").write_text(MANY.format(runs=RUNS, batch=batch))
    (folder / "config/studies/many.yaml").write_text(STUDY)
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


def _undisturbed(project: Path) -> None:
    """The same jobs one after the other in this process, by the same script."""
    config = load_config(project / "config")
    plan = Plan(config)
    for batch, realisations in plan.realisations("many.ci").items():
        params = SimpleNamespace(
            model=plan.raw_model("many.ci"), stream=config.streams["many"], realisations=realisations, seed=config.main.seed
        )
        output, log = project / "results/activity/many.ci" / f"{batch}.nc", project / "log"
        job = SimpleNamespace(params=params, wildcards=SimpleNamespace(model="many.ci"), input=[], output=[output], log=[log])
        runpy.run_path(str(ROOT / "workflow/scripts/simulate.py"), {"snakemake": SimpleNamespace(**vars(job), threads=1)})


@pytest.mark.parametrize(
    ("jobs", "together"),
    [(10, 3), pytest.param(RUNS, 10, marks=pytest.mark.nightly)],
    ids=["200 runs of a model in 10 jobs", "200 jobs"],
)
def test_whatever_is_killed_the_results_have_the_same_bytes(jobs: int, together: int, slurm: Slurm, tmp_path: Path) -> None:
    """Seen on two busy cores: 10 jobs 550 s (load 7), 20 jobs 362 s (load 3.5); 200 jobs 667 s (load 5)."""
    project, alone = (_project(tmp_path / name, batch=RUNS // jobs) for name in ("cluster", "alone"))
    targets = ["small", *(f"results/activity/many.ci/{k}.nc" for k in range(jobs))]
    grouped = [*targets, "--group-components", f"simulate={together}", "measure=20", "ingest=20"]

    def made() -> int:
        return len(list((project / "results/activity/many.ci").glob("*.nc")))

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
    assert len(re.findall("has been submitted with SLURM jobid", second.said())) > jobs // together
    again = snakemake(project, "--cores", "1", *targets)
    assert "Nothing to be done" in again.stdout + again.stderr

    done = snakemake(alone, "--cores", "2", "small")
    assert done.returncode == 0, done.stderr
    _undisturbed(alone)
    assert _same_files(project, alone) > jobs + 8


@pytest.mark.nightly
def test_the_tour_has_the_bytes_of_one_machine(slurm: Slurm, tmp_path: Path) -> None:
    """Seen on two busy cores: 1186 s (load 6), much of it waiting."""
    project, alone = tmp_path / "cluster", tmp_path / "alone"
    for folder in (project, alone):
        shutil.copytree(ROOT / "config", folder / "config")
    run = Run(project, "tour")
    run.end()
    assert "has been submitted with SLURM jobid" in run.said()
    done = snakemake(alone, "--cores", "2", "tour", timeout=3600)
    assert done.returncode == 0, done.stderr
    assert _same_files(project, alone) > 50


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
