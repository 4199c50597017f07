"""A simulation of the workflow that is killed in the middle, as by a power cut, and run again: the same bytes."""

import os
import re
import signal
import time
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


@pytest.mark.slow
def test_a_killed_job_goes_on_from_its_checkpoint_and_ends_with_the_same_bytes(tmp_path):
    whole, killed = _project(tmp_path / "whole"), _project(tmp_path / "killed")
    end(start(whole, TARGET, cores=1))  # it leaves the compiled loop for the other, too
    process = start(killed, TARGET, cores=1)
    deadline = time.monotonic() + 200
    while not (killed / STATE).exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    assert process.poll() is None
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
