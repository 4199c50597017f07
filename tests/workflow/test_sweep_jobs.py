"""A sweep through the workflow: the same bytes with other points per job, stopped and resumed; nothing is done twice."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from running import list_workflow_code

from homeoanalysis import open_dataset

pytestmark = pytest.mark.recorded(code=list_workflow_code())

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
    assert (made.attrs["sweep"], made.attrs["design"]) == ("drive", "sobol")
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
    end(start(stopped, "results/one/sweeps/drive.nc"))
    assert first.stat().st_mtime_ns == times[first], "a finished part is not made again"
    for path in MADE:
        assert (whole / "results/one" / path).read_bytes() == (stopped / "results/one" / path).read_bytes(), path
    assert "Nothing to be done" in end(start(stopped, "results/one/sweeps/drive.nc"))
    study = stopped / "config/studies/one.yaml"
    study.write_text(study.read_text().replace("points: 8", "points: 16"))
    planned = end(start(stopped, "-n", "results/one/sweeps/drive.nc"))
    again = [k for k in range(4) if f"output: results/one/sweeps/drive/{k}.nc" in planned]
    assert again == [2, 3], "twice as many Sobol points begin with those that are done"


RECORDING = """
title: Two neurons that hear a stimulus, in two sessions
citation: none
licence: none
source: {folder: mine}
reader: {spike_text: {time_step: 1 ms, stimulus_unit: dB}}
duration: 4 s
replicates:
  a: {subject: one, stimulus_bandwidth: 100 Hz, factors: {age: 7}, files: {spikes: {name: a.txt}, stimulus: {name: s.txt}}}
  b: {subject: two, stimulus_bandwidth: 100 Hz, factors: {age: 14}, files: {spikes: {name: b.txt}, stimulus: {name: s.txt}}}
"""
SOUND = "sound: {recorded_stimulus: {population: cell, recording: mine, gain: 1 mV/dB, presentations_max: 2, tolerance: 0.9}}"
SESSIONS = "sessions: {early: {span: [0 s, 8 s], factors: {age: 7}}, late: {span: [10 s, 20 s], factors: {age: 14}}}\n"
MODELS = {
    "driven": MODEL.replace("duration: 20 s\n", "").replace("protocols: {", f"protocols: {{{SOUND}, "),
    "in_sessions": MODEL + SESSIONS,
    "blinded": MODEL + SESSIONS,
}
SWEEP = "{model: %s, design: grid, parameters: {cell.lif_current.drive: [12 mV, 15 mV]}}"
OF_ALL = f"""
title: Sweeps of models that recordings drive or blind
question: Are they the models that the workflow simulates?
recordings: [mine]
models: [{", ".join(MODELS)}]
blindness: {{blinded: mine}}
metrics: {{firing_rate: {{}}}}
resampling: {{draws: 0}}
sweeps: {{{", ".join(f"{name}: {SWEEP % name}" for name in MODELS)}}}
"""


@pytest.mark.slow
def test_a_point_at_the_values_of_the_model_is_what_the_workflow_makes_of_it(tmp_path: Path) -> None:
    """Driven by a recorded stimulus, in sessions, and seen as a recorder sees it. Negative control: the other point is not."""
    project = write_project(tmp_path, OF_ALL)
    for name, model in MODELS.items():
        (project / f"config/models/{name}.yaml").write_text(model + "replicates: 3\nbatch: 3\n")
    for folder in ("config/recordings", "mine"):
        (project / folder).mkdir()
    (project / "config/recordings/mine.yaml").write_text(RECORDING)
    rng = np.random.default_rng(0)
    for name in "ab":
        np.savetxt(project / "mine" / f"{name}.txt", np.sort(rng.choice(4000, 120, replace=False)), "%d")
    np.savetxt(project / "mine/s.txt", np.column_stack([np.arange(4000), rng.normal(size=4000)]), "%.6f")
    paths = {name: (f"results/one/measures/firing_rate/{name}.ci.nc", f"results/one/sweeps/{name}.nc") for name in MODELS}
    end(start(project, *(path for pair in paths.values() for path in pair)))
    units = {}
    for name, (measures, sweep) in paths.items():
        measured, swept = open_dataset(project / measures), open_dataset(project / sweep)
        units[name] = measured.sizes["unit"]
        assert measured.sizes["replicate"] == 6
        for replicate in measured.replicate:
            found = measured.firing_rate.values[measured.unit_replicate.values == replicate.item()].mean(axis=0)
            condition = f"age {json.loads(replicate.factors.item())['age']}"
            points = swept.firing_rate.sel(realisation=int(replicate.subject), condition=condition)
            assert found == pytest.approx(points.isel(point=0).values, rel=1e-12)
            assert np.all(np.abs(found / points.isel(point=1).values - 1) > 0.05)
    assert units == {"driven": 12, "in_sessions": 12, "blinded": 6}
