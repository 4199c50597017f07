"""A simulation of the workflow that is stopped in the middle, by a power cut or Ctrl-C, and run again: the same bytes."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from running import end, list_workflow_code, start

pytestmark = pytest.mark.recorded(code=list_workflow_code())

TARGET = "results/activity/plastic.ci/0.nc"
STATE = "results/checkpoints/plastic.ci/0.npz"
MODEL = """
title: Fifty plastic neurons
duration: 400 s
checkpoint_every: 20 s
window: 1 s
populations:
  cell:
    n: 50
    neuron: {lif_conductance: {drive: 9 mV}}
    plasticity: [{intrinsic_drive: {target_rate: 5 Hz}}]
projections:
  recurrent:
    source: cell
    target: cell
    channel: excitatory
    topology: {fixed_probability: {probability: 0.3}}
    weight: 0.3 nS
    weight_max: 1 nS
    delay: 1 ms
    plasticity: [triplet_stdp, {synaptic_scaling: {target_rate: 5 Hz}}]
protocols:
  noise: {white_noise: {population: cell, sigma: 2 mV}}
  less: {change_parameter: {of: recurrent.triplet_stdp.a3_plus, value: 0.001, start: 100 s}}
record: {weights: {projections: [recurrent], every: 50 s}}
"""
STUDY = "title: s\nquestion: q\nmodels: [plastic]\nmetrics: {firing_rate: {}}\n"


def _project(folder: Path) -> Path:
    for path, text in (
        ("config.yaml", "seed: 1\nstudies: [one]\n"),
        ("models/plastic.yaml", MODEL),
        ("studies/one.yaml", STUDY),
    ):
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    return folder


def _start_until_checkpoint(project: Path) -> subprocess.Popen[str]:
    """A run that is in the middle of its simulation."""
    process = start(project, TARGET, cores=1)
    deadline = time.monotonic() + 200
    while not (project / STATE).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None
    return process


@pytest.mark.slow
def test_a_killed_job_goes_on_from_its_checkpoint_and_ends_with_the_same_bytes(tmp_path):
    whole, killed = _project(tmp_path / "whole"), _project(tmp_path / "killed")
    end(start(whole, TARGET, cores=1))  # it leaves the compiled loop for the other, too
    process = _start_until_checkpoint(killed)
    os.killpg(process.pid, signal.SIGKILL)  # snakemake and its job: no chance to clean up
    process.communicate()
    assert (killed / STATE).exists()
    assert not (killed / TARGET).exists()
    end(start(killed, "--unlock", cores=1))
    end(start(killed, TARGET, cores=1))
    log = (killed / "results/logs/simulate/plastic.ci/0.log").read_text()
    (since,) = re.findall(r"goes on from (\d+) s", log)
    assert 20 <= int(since) < 400
    assert not (killed / STATE).exists()
    assert (killed / TARGET).read_bytes() == (whole / TARGET).read_bytes()
    assert (killed / TARGET).stat().st_size > 100_000


@pytest.mark.slow
@pytest.mark.parametrize("stop", [os.kill, os.killpg], ids=["Snakemake", "Snakemake and its job, as Ctrl-C does"])
def test_an_interrupted_run_is_taken_up_without_an_option(stop: Callable[[int, int], None], tmp_path: Path) -> None:
    """Snakemake takes what a job was making for incomplete, whole as it may be, and would ask for --rerun-incomplete."""
    project = _project(tmp_path)
    process = _start_until_checkpoint(project)
    stop(process.pid, signal.SIGINT)
    process.communicate(timeout=300)
    assert process.returncode != 0
    assert list((project / ".snakemake/incomplete").iterdir())
    end(start(project, TARGET, cores=1))
    assert (project / TARGET).stat().st_size > 100_000
    assert not (project / STATE).exists()
