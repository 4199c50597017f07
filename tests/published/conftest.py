"""Studies with published figures, run through the functions of the pipeline."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import pytest
import xarray as xr

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.claim import Claim
from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.fetch import local_path
from homeoanalysis.ingest import ingest_batch
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.plan import Plan
from homeoanalysis.reproduce import judge, reproduce
from homeoanalysis.simulate import sessions, simulate

ROOT = Path(__file__).parents[2]


class Claimed(NamedTuple):
    """A claim, and its statistics as they came out, also under its violations."""

    claim: Claim
    outcomes: list[Outcome]


Judged = Mapping[str, Mapping[str, Outcome]]  # panel -> quantity -> outcome


@functools.cache
def _plan(size: str) -> Plan:
    return Plan(load_config(ROOT / "config", {"size": size}))


@functools.cache
def _compared(study: str, size: str = "ci") -> xr.Dataset:
    """simulate -> measure -> compare, of the models of a study that makes no draws."""
    plan = _plan(size)
    asked, sources = plan.config.studies[study], plan.config.sources(study)
    assert asked.resampling.draws == 0
    measures: dict[str, dict[str, Measured]] = {label: {} for label in asked.metrics}
    for short, source in sources.items():
        if source not in plan.simulated:
            continue
        model, stream = plan.model(source), plan.config.streams[plan.simulated[source][0]]
        seed = plan.config.main.seed
        whole = [simulate(model, name=stream, replicate=k, seed=seed) for k in range(model.replicates)]
        runs = [part.assign_attrs(source=source) for run in whole for part in sessions(run, model.sessions)]
        for label in asked.metrics:
            metric = asked.metric(label)
            measures[label][short] = Measured(measure(runs, metric.name, **metric.parameters), {})
    return compare(
        measures,
        contrasts=asked.contrasts,
        targets={target: candidates for target, candidates in asked.targets.items() if target not in asked.recordings},
        fitted=plan.fitted(study),
        study=study,
        seed=plan.config.main.seed,
    )


def _activities(plan: Plan, name: str, recorded: Callable[[str], Path]) -> list[xr.Dataset]:
    """All replicates of a recording."""
    source = plan.config.recordings[name].source
    found = []
    for batch in plan.recorded(name):
        recording = Recording.model_validate(plan.raw_batch(name, batch))
        listed = next(iter(recording.replicates.values())).all_files().items()
        files = {
            r: local_path(source, f.name) if source.url is None else recorded(f"{source.mirror or name}/{f.name}")
            for r, f in listed
        }
        found += ingest_batch(recording, name=name, files=files)
    return found


def _of_recordings(study: str, recorded: Callable[[str], Path]) -> Judged:
    """ingest -> measure -> compare -> reproduce, of the recordings of a study and of what its published figures are about."""
    plan = _plan("ci")
    asked = plan.config.studies[study]
    cells = {c for panel in asked.published.values() for member in panel.members() for c in member.quantity.cells()}
    activities = {name: _activities(plan, name, recorded) for name in asked.recordings}
    measures: dict[str, dict[str, Measured]] = {label: {} for label in asked.metrics if label in {c.metric for c in cells}}
    for label, by_source in measures.items():
        metric = asked.metric(label)
        for name, every in activities.items():
            estimate = measure(every, metric.name, **metric.parameters)
            how = plan.resampling(study, label, name)
            by_source[name] = Measured(
                estimate, measure_draws(every, metric.name, **how, seed=plan.config.main.seed, **metric.parameters)
            )
    comparison = compare(
        measures,
        contrasts={name: contrast for name, contrast in asked.contrasts.items() if name in {c.contrast for c in cells}},
        targets={name: [] for name in asked.recordings},
        fitted={},
        study=study,
        seed=plan.config.main.seed,
    )
    return _by_panel(reproduce(asked.published, comparison, plan.sizes(study)))


def _by_panel(outcomes: list[Outcome]) -> Judged:
    found: dict[str, dict[str, Outcome]] = {}
    for outcome in outcomes:
        found.setdefault(outcome.panel, {})[outcome.quantity] = outcome
    return found


@functools.cache
def _judged(study: str, size: str = "ci") -> Judged:
    """The published figures of a study of models alone."""
    plan = _plan(size)
    asked = plan.config.studies[study]
    assert not asked.recordings
    return _by_panel(reproduce(asked.published, _compared(study, size), plan.sizes(study)))


@functools.cache
def _claimed(study: str) -> Claimed:
    """The claim of a study at size ci, without its recordings, and what came out."""
    plan = _plan("ci")
    claim = plan.config.studies[study].claim
    assert claim is not None
    claim = claim.model_copy(update={"recordings": {}})
    return Claimed(claim, judge(claim, _compared(study), plan.sizes(study)))


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judged]:
    """The outcomes of a study, at a size (ci), by panel and quantity."""
    return _judged


@pytest.fixture(scope="session")
def of_recordings(recorded: Callable[[str], Path]) -> Callable[[str], Judged]:
    """The outcomes of the recordings of a study, by panel and quantity."""
    return lambda study: _of_recordings(study, recorded)


@pytest.fixture(scope="session")
def claimed() -> Callable[[str], Claimed]:
    """A claim and what came out."""
    return _claimed
