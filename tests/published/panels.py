"""What the functions of the pipeline make of a study: outcomes of its published figures and of its claim, as numbers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.claim import STATISTICS, VIOLATION, Claim
from homeoanalysis.config.model import Model
from homeoanalysis.config.recording import Recording
from homeoanalysis.config.study import Study
from homeoanalysis.contracts.outcomes import Outcome, panel_verdict
from homeoanalysis.fetch import local_path
from homeoanalysis.ingest import ingest_batch
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.reproduce import judge, reproduce
from homeoanalysis.reproduce.claim import as_it_stands
from homeoanalysis.simulate import sessions, simulate


class Simulated(NamedTuple):
    """A model of a study."""

    source: str
    model: Model
    stream: str  # of its random numbers


class Task(NamedTuple):
    """A study at a size, and what its plan says of it."""

    name: str
    study: Study
    models: Mapping[str, Simulated]  # by the name that the study gives it
    recordings: Mapping[str, Sequence[Recording]]  # the batches of each
    resampling: Mapping[tuple[str, str], Mapping[str, Any]]  # of a metric's label and a recording
    fitted: Mapping[str, list[str]]
    sizes: Mapping[str, str]
    seed: int


def reproduce_models(task: Task) -> dict[str, Any]:
    """The outcomes of the published figures of a study of models alone, by panel."""
    assert not task.study.recordings
    return describe(reproduce(task.study.published, _compare_models(task), task.sizes))


def judge_claim(task: Task) -> dict[str, Any]:
    """What became of the claim of a study, without its recordings, and of each of its planted violations."""
    assert task.study.claim is not None
    claim: Claim = task.study.claim.model_copy(update={"recordings": {}})
    outcomes = judge(claim, _compare_models(task), task.sizes)
    planted = {
        name: [o._replace(panel=STATISTICS) for o in outcomes if o.panel == f"{VIOLATION}{name}"] for name in claim.violations
    }
    return {
        "verdict": as_it_stands(outcomes)[0],
        "violations": {name: as_it_stands(of_one)[0] for name, of_one in planted.items()},
        "outcomes": describe(outcomes),
    }


def reproduce_recordings(task: Task, recorded: Callable[[str], Path]) -> dict[str, Any]:
    """The outcomes of the recordings of a study, of what its published figures are about, by panel."""
    cells = {c for panel in task.study.published.values() for member in panel.members() for c in member.quantity.cells()}
    activities = {name: _ingest(batches, name, recorded) for name, batches in task.recordings.items()}
    measures: dict[str, dict[str, Measured]] = {label: {} for label in task.study.metrics if label in {c.metric for c in cells}}
    for label, by_source in measures.items():
        metric = task.study.metric(label)
        for name, every in activities.items():
            estimate = measure(every, metric.name, **metric.parameters)
            how = task.resampling[label, name]
            by_source[name] = Measured(estimate, measure_draws(every, metric.name, **how, seed=task.seed, **metric.parameters))
    comparison = compare(
        measures,
        contrasts={name: c for name, c in task.study.contrasts.items() if name in {c.contrast for c in cells}},
        targets={name: [] for name in task.recordings},
        fitted={},
        study=task.name,
        seed=task.seed,
    )
    return describe(reproduce(task.study.published, comparison, task.sizes))


def describe(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Panel -> its verdict, and each quantity with value, interval and n."""
    panels: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        panels.setdefault(outcome.panel, []).append(outcome)
    return {
        panel: {"verdict": panel_verdict(of_one), **{o.quantity: _describe(o) for o in of_one}}
        for panel, of_one in panels.items()
    }


def _describe(outcome: Outcome) -> dict[str, Any]:
    numbers = {"value": outcome.ours, "low": outcome.ours_low, "high": outcome.ours_high, "control": outcome.control}
    finite = {key: number for key, number in numbers.items() if np.isfinite(number)}
    return {**finite, "n": outcome.n, "verdict": outcome.verdict}


def _compare_models(task: Task) -> xr.Dataset:
    """simulate -> measure -> compare, of the models of a study that makes no draws."""
    assert task.study.resampling.draws == 0
    measures: dict[str, dict[str, Measured]] = {label: {} for label in task.study.metrics}
    for short, one in task.models.items():
        whole = [simulate(one.model, name=one.stream, replicate=k, seed=task.seed) for k in range(one.model.replicates)]
        runs = [part.assign_attrs(source=one.source) for run in whole for part in sessions(run, one.model.sessions)]
        for label in task.study.metrics:
            metric = task.study.metric(label)
            measures[label][short] = Measured(measure(runs, metric.name, **metric.parameters), {})
    targets = {target: candidates for target, candidates in task.study.targets.items() if target not in task.study.recordings}
    return compare(
        measures,
        contrasts=task.study.contrasts,
        targets=targets,
        fitted=task.fitted,
        study=task.name,
        seed=task.seed,
    )


def _ingest(batches: Sequence[Recording], name: str, recorded: Callable[[str], Path]) -> list[xr.Dataset]:
    """All replicates of a recording."""
    activities = []
    for batch in batches:
        source = batch.source
        listed = next(iter(batch.replicates.values())).all_files().items()
        files = {
            role: local_path(source, f.name) if source.url is None else recorded(f"{source.mirror or name}/{f.name}")
            for role, f in listed
        }
        activities += ingest_batch(batch, name=name, files=files)
    return activities
