"""Studies with published figures, run through the functions of the pipeline."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config import load_config
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.measure import measure
from homeoanalysis.plan import Plan
from homeoanalysis.reproduce import reproduce
from homeoanalysis.simulate import simulate

ROOT = Path(__file__).parents[2]
Judged = Mapping[str, Mapping[str, Outcome]]  # panel -> quantity -> outcome


@functools.cache
def _plan(size: str) -> Plan:
    return Plan(load_config(ROOT / "config", {"size": size}))


@functools.cache
def _judged(study: str, size: str = "ci") -> Judged:
    """simulate -> measure -> compare -> reproduce, of a study of models alone that makes no draws."""
    plan = _plan(size)
    asked, sources = plan.config.studies[study], plan.config.sources(study)
    assert not asked.recordings
    assert asked.resampling.draws == 0
    measures: dict[str, dict[str, Measured]] = {label: {} for label in asked.metrics}
    for short, source in sources.items():
        model, stream = plan.model(source), plan.config.streams[plan.simulated[source][0]]
        seed = plan.config.main.seed
        runs = [simulate(model, name=stream, replicate=k, seed=seed).assign_attrs(source=source) for k in range(model.replicates)]
        for label in asked.metrics:
            metric = asked.metric(label)
            measures[label][short] = Measured(measure(runs, metric.name, **metric.parameters), {})
    comparison = compare(
        measures,
        contrasts=asked.contrasts,
        targets=asked.targets,
        fitted=plan.fitted(study),
        study=study,
        seed=plan.config.main.seed,
    )
    found: dict[str, dict[str, Outcome]] = {}
    for outcome in reproduce(asked.published, comparison, plan.sizes(study)):
        found.setdefault(outcome.panel, {})[outcome.quantity] = outcome
    return found


@pytest.fixture(scope="session")
def judged() -> Callable[..., Judged]:
    """The outcomes of a study, at a size (ci), by panel and quantity."""
    return _judged
