"""What the workflow costs beside the work itself: a sweep of many points, and many recordings. Prints JSON.

python benchmarks/workflow.py --sweep 1000 --recordings 1 100 --plan 10000 --folder /somewhere
"""

import argparse
import csv
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from machine import description

from homeoanalysis import simulate

ROOT = Path(__file__).parents[1]
MODEL = """\
title: A hundred neurons
duration: {duration} s
populations:
  cell: {{n: 100, neuron: {{lif_conductance: {{drive: 9 mV}}}}}}
projections:
  recurrent:
    source: cell
    target: cell
    channel: inhibitory
    topology: {{fixed_probability: {{probability: 0.1}}}}
    weight: 1 nS
    delay: 1 ms
protocols: {{noise: {{white_noise: {{population: cell, sigma: 2 mV}}}}}}
"""
SWEEP = """\
title: A sweep
question: What does it cost?
models: [net]
metrics: {{firing_rate: {{}}}}
resampling: {{draws: 0}}
sweeps:
  both:
    model: net
    design: latin_hypercube
    points: {points}
    points_per_job: {each}
    parameters:
      cell.lif_conductance.drive: {{low: 8 mV, high: 12 mV}}
      projections.recurrent.weight: {{low: x0.5, high: x2}}
"""
RECORDING = """\
title: Twenty units for a minute
citation: none
licence: none
source: {folder: files}
reader: {spike_list: {time_step: 1 ms, duration: 60 s, times: time}}
duration: 60 s
epochs: {first: [0 s, 30 s], second: [30 s, 60 s]}
replicates: many.csv
"""
STUDY = """\
title: Many recordings
question: What do they cost?
recordings: [many]
metrics: {firing_rate: {}, coefficient_of_variation: {}}
contrasts:
  level: {metrics: [firing_rate, coefficient_of_variation], epoch: second}
targets: {many: []}
resampling: {draws: 100, block: 1 s}
"""


def write(project: Path, files: dict[str, str]) -> None:
    """A config, and what else the files say."""
    for name, text in files.items():
        path = project / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def snakemake(project: Path, *arguments: str) -> dict[str, float]:
    """Run it, and say how long it took: wall and CPU time [s]."""
    command = [sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(project), "--cores", "1"]
    before, began = _cpu(), time.monotonic()
    done = subprocess.run([*command, *arguments], check=False, capture_output=True, text=True, env=_environment())
    if done.returncode:
        raise SystemExit(done.stderr)
    return {"wall": round(time.monotonic() - began, 2), "cpu": round(_cpu() - before, 2)}


def _environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}  # it costs each job 0.15 s
    return {**kept, "PYTHONPATH": str(ROOT)}


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def jobs(project: Path, folder: str) -> list[dict[str, float]]:
    """Of the jobs below a folder of results: CPU time, wall time and memory."""
    found = []
    for path in sorted((project / "results/benchmarks" / folder).rglob("*.tsv")):
        with path.open(newline="") as stream:
            row = next(csv.DictReader(stream, delimiter="\t"))
        values = {"wall": row["s"], "cpu": row["cpu_time"], "mb": row["max_rss"]}
        found.append({key: float(v) if v not in ("-", "NA") else 0.0 for key, v in values.items()})
    return found


def on_disk(project: Path) -> dict[str, float]:
    """Files of results and of Snakemake's own book-keeping, and their size."""
    listed = {part: [p for p in (project / part).rglob("*") if p.is_file()] for part in ("results", ".snakemake")}
    counted = {f"files_{part.strip('.')}": float(len(paths)) for part, paths in listed.items()}
    blocks = sum(p.stat().st_blocks * 512 for paths in listed.values() for p in paths)
    return {**counted, "megabytes": round(blocks / 1e6, 2)}


def simulation(duration: float) -> float:
    """CPU time [s] of one simulation in a warm process."""
    text = MODEL.format(duration=duration)
    simulate(text)
    began = time.process_time()
    simulate(text)
    return time.process_time() - began


def swept(folder: Path, points: int, each: int, duration: float) -> dict[str, Any]:
    """A sweep from nothing: a dry run, all of it, a run with nothing to do, and what jobs cost beside the simulations."""
    project = folder / f"sweep_{points}_{each}"
    study = SWEEP.format(points=points, each=each)
    files = {"config/config.yaml": "seed: 1\nstudies: [costs]\n", "config/models/net.yaml": MODEL.format(duration=duration)}
    write(project, files | {"config/studies/costs.yaml": study})
    target = "results/costs/sweeps/both.nc"
    result: dict[str, Any] = {"points": points, "points_per_job": each, "plan": snakemake(project, "-n", target)}
    result["run"] = snakemake(project, target)
    result["nothing_to_do"] = snakemake(project, target)
    parts, alone = jobs(project, "costs/sweeps/both"), simulation(duration)
    busy = statistics.median(job["cpu"] for job in parts)
    result |= {"jobs": len(parts), "cpu_of_a_job": busy, "mb_of_a_job": max(job["mb"] for job in parts), **on_disk(project)}
    result |= {"cpu_of_a_simulation": round(alone, 3), "beside_simulations": round(1 - each * alone / busy, 3)}
    shutil.rmtree(project)
    return result


def recorded(folder: Path, n: int, *, is_one_file: bool, is_run: bool) -> dict[str, Any]:
    """So many recordings, in files of their own or in one: a job each, or one for all."""
    project = folder / f"recordings_{n}_{is_one_file}"
    rng = np.random.default_rng(0)
    units, times = np.repeat(np.arange(20), 300), rng.integers(0, 60_000, 6000) / 1000
    columns = [f"unit{k}" for k in range(n if is_one_file else 1)]
    spikes = ",".join(["time", *columns]) + "\n"
    spikes += "".join(f"{t:.3f}{f',u{u}' * len(columns)}\n" for u, t in zip(units, times, strict=True))
    names = ["all.csv"] * n if is_one_file else [f"{k}.csv" for k in range(n)]
    table = "replicate,path,subject,parameter.units\n"
    table += "".join(f"r{k},{name},s{k},{columns[k % len(columns)]}\n" for k, name in enumerate(names))
    files = {"config/config.yaml": "seed: 1\nstudies: [costs]\n", "config/studies/costs.yaml": STUDY}
    files |= {"config/recordings/many.yaml": RECORDING, "config/recordings/many.csv": table}
    write(project, files | {f"files/{name}": spikes for name in dict.fromkeys(names)})
    result: dict[str, Any] = {"recordings": n, "files": len(set(names)), "plan": snakemake(project, "-n")}
    if is_run:
        result["run"] = snakemake(project)
        result["nothing_to_do"] = snakemake(project)
        for name, where in {"ingest": "activity", "measure": "costs/measures"}.items():
            done = jobs(project, where)
            result[name] = {"jobs": len(done), "cpu": round(sum(j["cpu"] for j in done), 1), "mb": max(j["mb"] for j in done)}
        result |= on_disk(project)
    shutil.rmtree(project)
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweep", type=int, nargs="*", default=[], help="points of sweeps of short simulations")
    parser.add_argument("--points-per-job", type=int, default=16)
    parser.add_argument(
        "--long", type=float, default=0.0, help="duration [s] of the simulations of a sweep of 8 points in 2 jobs"
    )
    parser.add_argument("--recordings", type=int, nargs="*", default=[], help="numbers of recordings that are run")
    parser.add_argument("--one-file", type=int, nargs="*", default=[], help="the same, all in one file")
    parser.add_argument("--plan", type=int, nargs="*", default=[], help="numbers of recordings that are only planned")
    parser.add_argument("--folder", type=Path, default=None)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        told: dict[str, Any] = {"machine": description(), "load": os.getloadavg()[0]}
        told["sweeps"] = [swept(folder, n, given.points_per_job, 0.1) for n in given.sweep]
        told["sweeps"] += [swept(folder, 8, 4, given.long)] if given.long else []
        told["recordings"] = [recorded(folder, n, is_one_file=False, is_run=True) for n in given.recordings]
        told["recordings"] += [recorded(folder, n, is_one_file=True, is_run=True) for n in given.one_file]
        told["recordings"] += [recorded(folder, n, is_one_file=False, is_run=False) for n in given.plan]
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
