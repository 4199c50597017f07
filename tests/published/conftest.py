"""Studies with published figures and claims: what their plan says, and what their outcomes depend on."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import panels
import pytest
from evidence import Numbers

from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Recording
from homeoanalysis.plan import Plan
from homeoanalysis.provenance import code_of

ROOT = Path(__file__).parents[2]
CHAOS = 0.02  # another processor rounds otherwise, and a network may then take another course
SHOWN = ("title", "question", "figures")  # of a study, and decide no number


@functools.cache
def _plan(size: str) -> Plan:
    return Plan(load_config(ROOT / "config", {"size": size}))


def _task(name: str, size: str) -> panels.Task:
    plan = _plan(size)
    study = plan.config.studies[name]
    simulated = {short: source for short, source in plan.config.sources(name).items() if source in plan.simulated}
    models = {
        short: panels.Simulated(source, plan.model(source), plan.config.streams[plan.simulated[source][0]])
        for short, source in simulated.items()
    }
    return panels.Task(
        name=name,
        study=study,
        models=models,
        recordings={r: [Recording.model_validate(plan.raw_batch(r, b)) for b in plan.recorded(r)] for r in study.recordings},
        resampling={(label, r): plan.resampling(name, label, r) for label in study.metrics for r in study.recordings},
        fitted=plan.fitted(name),
        sizes=plan.sizes(name),
        seed=plan.config.main.seed,
    )


def _depends_on(name: str, size: str) -> dict[str, Any]:
    """The code and the inputs of a study's outcomes; of recordings, their files by hash as the config has them."""
    plan, task = _plan(size), _task(name, size)
    entries = {entry for one in task.models.values() for entry in one.model.entries()}
    entries |= {entry for recording in task.recordings for entry in plan.recording_entries(recording)}
    raw = {key: value for key, value in plan.config.raw_studies[name].items() if key not in SHOWN}
    batches = {r: [plan.raw_batch(r, b) for b in plan.recorded(r)] for r in task.recordings}
    models = {short: [plan.raw_model(one.source), one.stream] for short, one in task.models.items()}
    inputs = {"study": raw, "models": models, "recordings": batches, "seed": task.seed}
    return {"code": code_of("compare", *sorted(entries), *plan.metric_entries(name)), "inputs": inputs, "size": size}


@pytest.fixture
def outcomes_of(evidence) -> Callable[..., Numbers]:
    """What a function of panels.py makes of a study at a size; its other arguments are fixtures."""

    def obtain(measure: Callable[..., dict[str, Any]], study: str, size: str = "ci") -> Numbers:
        kind = "claims" if measure is panels.judge_claim else "published"
        subject, depends = f"{kind}/{study}", _depends_on(study, size)
        return evidence(measure, _task(study, size), subject=subject, **depends, rtol=CHAOS, atol=1e-12)

    return obtain
