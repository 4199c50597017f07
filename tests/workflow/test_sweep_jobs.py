"""A sweep through the workflow: the same bytes with other points per job, stopped and resumed; nothing is done twice."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from homeoanalysis import open_dataset

ROOT = Path(__file__).parents[2]
MADE = ("sweeps/drive.nc", "figures/sweep.drive.png", "figures/sweep.drive.pdf")
MODEL = """
title: A neuron
duration: 20 s
populations:
  cell: {n: 2, neuron: {lif_current: {tau_membrane: 10 ms, v_rest: -60 mV, v_threshold: -50 mV, v_reset: -60 mV, drive: 12 mV}}}
protocols: {noise: {white_noise: {population: cell, sigma: 1 mV}}}
"""
STUDY = """
title: A sweep
question: What does the drive do?
models: [cell]
metrics: {firing_rate: {}}
resampling: {draws: 0}
sweeps:
  drive: {model: cell, design: sobol, points: 8, parameters: {cell.lif_current.drive: {low: x0.5, high: x2}}, points_per_job: 4}
"""


def write_project(folder: Path, study: str = STUDY) -> Path:
    for path, text in (("config.yaml", "seed: 1\nstudies: [one]\n"), ("models/cell.yaml", MODEL), ("studies/one.yaml", study)):
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    return folder


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(project), "--cores", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    how: dict[str, object] = dict(cwd=project, env=environment, text=True, start_new_session=True)
    return subprocess.Popen([*command, *arguments], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **how)  # type: ignore[call-overload]


def end(process: subprocess.Popen[str]) -> str:
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_the_same_bytes_with_other_points_per_job_and_after_a_stop(tmp_path: Path) -> None:
    whole = write_project(tmp_path / "whole", STUDY.replace("points_per_job: 4", "points_per_job: 5"))
    end(start(whole))
    made = open_dataset(whole / "results/one/sweeps/drive.nc")
    assert made.sizes["point"] == 8
    assert "sweep.drive" in (whole / "results/one/report.html").read_text()
    stopped = write_project(tmp_path / "stopped")
    process, parts = start(stopped, "results/one/sweeps/drive.nc"), stopped / "results/one/sweeps/drive"
    deadline = time.monotonic() + 120
    while len([*parts.glob("*.nc")]) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    assert not (stopped / "results/one/sweeps/drive.nc").exists()
    times = {path: path.stat().st_mtime_ns for path in parts.glob("*.nc")}
    first = min(times, key=times.__getitem__)  # the second is there, but nobody may have noticed before the stop
    end(start(stopped, "--unlock"))
    end(start(stopped, "--rerun-incomplete", "results/one/sweeps/drive.nc"))
    assert first.stat().st_mtime_ns == times[first], "a finished part is not made again"
    for path in MADE:
        assert (whole / "results/one" / path).read_bytes() == (stopped / "results/one" / path).read_bytes(), path
    assert "Nothing to be done" in end(start(stopped, "results/one/sweeps/drive.nc"))
    study = stopped / "config/studies/one.yaml"
    study.write_text(study.read_text().replace("points: 8", "points: 16"))
    planned = end(start(stopped, "-n", "results/one/sweeps/drive.nc"))
    again = [k for k in range(4) if f"output: results/one/sweeps/drive/{k}.nc" in planned]
    assert again == [2, 3], "twice as many Sobol points begin with those that are done"
