"""A project of a second, and its jobs as the rules of the workflow make them."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.config.loading import load_config
from homeoanalysis.plan import Plan
from homeoanalysis.provenance import rng_for

ROOT = Path(__file__).parents[2]
MANY = 60  # seeds of a random fault
RECORDING = """
title: Two short recordings
citation: none
licence: none
source: {folder: mine}
reader: {spike_text: {time_step: 1 ms, duration: 4 s}}
duration: 4 s
epochs: {whole: [0 s, 4 s]}
replicates:
  a: {subject: one, files: {spikes: {name: a.txt}}}
  b: {subject: two, files: {spikes: {name: b.txt}}}
"""
MODEL = """
title: Two neurons
duration: 4 s
checkpoint_every: 500 ms
replicates: 2
batch: 2
populations:
  cell: {n: 2, neuron: {lif_current: {tau_membrane: 10 ms, v_rest: -60 mV, v_threshold: -50 mV, v_reset: -60 mV, drive: 12 mV}}}
epochs: {whole: [0 s, 4 s]}
"""
STUDY = """
title: Small
question: Does it stand a fault?
recordings: [mine]
models: [cells]
metrics: {firing_rate: {}}
targets: {mine: []}
contrasts: {level: {metrics: [firing_rate], epoch: whole}}
resampling: {draws: 0}
figures: [differences]
sweeps:
  drive: {model: cells, design: grid, parameters: {cell.lif_current.drive: [11 mV, 12 mV]}, replicates: 1, points_per_job: 1}
published:
  one:
    title: A rate
    citation: none
    quantities:
      rate:
        {title: rate, metric: firing_rate, contrast: level, source: mine, published: {value: 30, where: none}, at_least: 1,
         control: {title: the model, source: cells}}
"""

# What the study of a claim has beside: judged here on the same comparison.
CLAIM: dict[str, Any] = {
    "name": "fires",
    "statement": "The neurons fire",
    "statistics": {"rate": {"title": "rate", "metric": "firing_rate", "contrast": "level", "source": "cells", "at_least": 1}},
    "violations": {"recorded": {"title": "the recording in its place", "sources": {"cells": "mine"}}},
}


def jump(rng: np.random.Generator) -> float:
    """How far a clock jumps [s]: a second to three years, to or fro."""
    return float(rng.choice([-1, 1]) * 10 ** rng.uniform(0, 8))


def write_project(folder: Path) -> Path:
    (folder / "mine").mkdir(parents=True)
    for name in "ab":
        np.savetxt(folder / "mine" / f"{name}.txt", np.sort(rng_for(1, name).choice(4000, 120, replace=False)), "%d")
    for path, text in (
        ("config.yaml", "seed: 1\nstudies: [small]\n"),
        ("recordings/mine.yaml", RECORDING),
        ("models/cells.yaml", MODEL),
        ("studies/small.yaml", STUDY),
    ):
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    return folder


def job(rule: str, outputs: Any, given: Any, wildcards: dict[str, str], **params: Any) -> dict[str, Any]:
    """What a rule gives its script; `outputs`: all files that it makes."""
    listed = list(outputs.values()) if isinstance(outputs, dict) else outputs
    return {"rule": rule, "output": outputs, "input": given, "wildcards": wildcards, "params": params, "outputs": listed}


def drawn(name: str) -> dict[str, str]:
    return {kind: f"results/small/figures/{name}.{kind}" for kind in ("png", "pdf")}


def jobs_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Every job of the project in order, by what it makes, with what the rules in workflow/rules give it."""
    with contextlib.chdir(folder):
        plan = Plan(load_config(Path("config")))
        jobs = [*_sources(plan), *_swept(plan), *_compared(plan)]
    for number, one in enumerate(jobs):
        one["log"] = f"results/logs/{number}.log"
    return {one["outputs"][0]: one for one in jobs}


def _sources(plan: Plan) -> Iterator[dict[str, Any]]:
    for batch in plan.recorded("mine"):
        where = {"recording": "mine", "batch": batch}
        about = {"recording": plan.raw_batch("mine", batch)}
        yield job("ingest", [f"results/activity/mine/{batch}.nc"], plan.batch_files("mine", batch), where, **about)
    where = {"model": "cells.ci", "batch": "0"}
    about = dict(model=plan.raw_model("cells.ci"), stream=plan.config.streams["cells"], realisations=[0, 1], seed=1)
    yield job("simulate", ["results/activity/cells.ci/0.nc"], {"stimulus": [], "lists": []}, where, **about)


def _swept(plan: Plan) -> Iterator[dict[str, Any]]:
    of, source = ("small", "drive"), plan.sweep_source("small", "drive")
    about = dict(model=plan.raw_model(source), source=source, stream=plan.config.streams["cells"], realisations=[0], seed=1)
    about |= dict(metrics=plan.sweep_metrics(*of), blindness={}, order=plan.order(source, "small"))
    parts = {part: f"results/small/sweeps/drive/{part}.nc" for part in plan.sweep_parts(*of)}
    where = {"study": "small", "sweep": "drive"}
    for part, path in parts.items():
        given = {"stimulus": [], "lists": [], "like": []}
        yield job("sweep_part", [path], given, where | {"part": part}, **about, points=plan.sweep_part(*of, part))
    made = {"nc": "results/small/sweeps/drive.nc", **drawn("sweep.drive")}
    yield job("sweep", made, list(parts.values()), where, metrics=plan.sweep_metrics(*of), design="grid")


def _compared(plan: Plan) -> Iterator[dict[str, Any]]:
    study, raw, where = "small", plan.config.raw_studies["small"], {"study": "small"}
    labels = [list(key) for key in plan.measure_files(study)]
    measures, comparison = list(plan.measure_files(study).values()), f"results/{study}/comparison.nc"
    table, picture = plan.published_files(study)
    for (label, _), path in plan.measure_files(study).items():
        source = Path(path).stem
        how: dict[str, Any] = dict(resampling=plan.resampling(study, label, source), metric={label: raw["metrics"][label]})
        how |= dict(blindness={}, order=plan.order(source, study), seed=1)
        given = {"activities": plan.activity_files(source), "like": []}
        yield job("measure", [path], given, where | {"label": label, "source": source}, **how)
    targets, fitted = plan.config.studies[study].targets, plan.fitted(study)
    how = dict(measures=labels, contrasts=raw["contrasts"], targets=targets, fitted=fitted, seed=1)
    how |= dict(margin=plan.config.studies[study].margin)
    yield job("compare", [comparison], measures, where, **how)
    given = {"measures": measures, "comparison": comparison}
    figure = plan.raw_figure(study, "differences")
    yield job("draw", drawn("differences"), given, where | {"figure": "differences"}, measures=labels, figure=figure)
    made = {"csv": table, "png": picture, "pdf": picture.replace("png", "pdf")}
    yield job("reproduce", made, [comparison], where, published=raw["published"], sizes=plan.sizes(study))
    made = {"csv": f"results/{study}/claim.csv", **drawn("claim")}
    yield job("judge", made, [comparison], where, claim=CLAIM, sizes=plan.sizes(study))
    figures = [drawn("differences")["png"], drawn("sweep.drive")["png"]]
    pages = {"figures": figures, "tables": [table], "pictures": [picture], "template": f"{ROOT}/workflow/report/study.html.j2"}
    yield job("report", [f"results/{study}/report.html"], given | pages, where, study=raw, measures=labels, times={})


class End(NamedTuple):
    """How a job ended: its exit code (negative: the signal that ended it), what it said, and how long it took [s]."""

    code: int
    said: str
    seconds: float

    def is_clear(self) -> bool:
        """Whether it failed with one message that a user can read.

        Without memory, Python or a library may have crashed, and what it prints then nobody catches.
        """
        is_crash = self.code in (-signal.SIGABRT, -signal.SIGSEGV)
        is_told = self.code == 1 and "Traceback" not in self.said
        return (is_told or is_crash) and self.said.count("\nlog: ") == 1


class Worker:
    """A process whose forks run jobs."""

    def __init__(self, answers: Path, **environment: str) -> None:
        own = {**os.environ, "PYTHONPATH": str(ROOT), "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **environment}
        command = [sys.executable, str(Path(__file__).with_name("worker.py"))]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=own)
        self._answers, self._runs = answers, 0

    def run(self, folder: Path, job: dict[str, Any], *, killed_after: float | None = None, **fault: Any) -> End:
        """One job in a project; killed_after: s until it is killed as by a power cut."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        begin = time.monotonic()
        self._runs += 1
        said = self._answers / f"{self._runs}.txt"  # one each: what tells of a killed job may outlive it
        print(json.dumps({"folder": str(folder), "said": str(said), "job": job, **fault}), file=self._process.stdin)
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        timer = threading.Timer(killed_after or 0.0, os.kill, (child, signal.SIGKILL))
        if killed_after is not None:
            timer.start()
        code = int(self._process.stdout.readline())
        timer.cancel()
        seconds = time.monotonic() - begin
        while code < 0 and killed_after is None and "\nlog: " not in said.read_text() and time.monotonic() < begin + seconds + 10:
            time.sleep(0.01)
        return End(code, said.read_text() if said.exists() else "", seconds)

    def close(self) -> None:
        self._process.communicate()


class Project(NamedTuple):
    """A project whose jobs have all run undisturbed, and what they made."""

    folder: Path
    worker: Worker
    jobs: dict[str, dict[str, Any]]
    seconds: dict[str, float]  # of each job
    whole: dict[str, bytes]  # path -> what an undisturbed run made

    def forget(self, job: dict[str, Any]) -> None:
        """As before the job."""
        for path in job["outputs"]:
            (self.folder / path).unlink(missing_ok=True)
        shutil.rmtree(self.folder / "results/checkpoints", ignore_errors=True)

    def made(self, job: dict[str, Any]) -> list[str]:
        """The outputs that are there. Each is what an undisturbed run makes, or this fails."""
        found = [path for path in job["outputs"] if (self.folder / path).exists()]
        for path in found:
            assert (self.folder / path).read_bytes() == self.whole[path], path
        return found

    def parts(self) -> list[Path]:
        """What is left of files that were not finished."""
        return list((self.folder / "results").rglob(".part-*"))

    def mended(self, job: dict[str, Any]) -> None:
        """The job again, without a fault: the same bytes."""
        end = self.worker.run(self.folder, job)
        assert end.code == 0, end.said
        assert self.made(job) == job["outputs"]


@contextlib.contextmanager
def undisturbed(folder: Path, worker: Worker) -> Iterator[Project]:
    """A project that has run, in a folder that is empty."""
    jobs = jobs_of(write_project(folder))
    seconds, whole = {}, {}
    for name, job in jobs.items():
        if job["rule"] == "simulate":
            worker.run(folder, job)  # the second time nothing has to be compiled
        end = worker.run(folder, job)
        assert end.code == 0, end.said
        seconds[name] = end.seconds
        whole |= {path: (folder / path).read_bytes() for path in job["outputs"]}
    yield Project(folder, worker, jobs, seconds, whole)
