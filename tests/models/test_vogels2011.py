"""Inhibitory plasticity brings excitatory neurons to its target rate: Vogels et al. 2011 (SCIENCE.md, F04, size ci)."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from spiketrains import irregularity, rates, trains

TARGETS = (3.0, 5.0, 10.0)  # [Hz]


class Found(NamedTuple):
    """Of the excitatory neurons over the last 50 s: mean and SD of the rates [Hz], irregularity, second over first half."""

    mean: float
    sd: float
    cv: float
    drift: float


def _run(ready, target: float, learning_rate: float, seconds: float) -> Found:
    rule: dict[str, Any] = {"target_rate": f"{target} Hz", "learning_rate": f"{learning_rate} nS", "tau": "20 ms"}
    variant = {"projections": {"I_to_E": {"plasticity": [{"inhibitory_stdp": rule}]}}}
    simulation = ready("vogels2011", variant)
    simulation.advance(round(seconds * 1e4))
    start = seconds - 50
    found, (time, unit) = rates(simulation, "E", start), trains(simulation, "E", start)
    late = int((time >= seconds - 25).sum())
    return Found(float(found.mean()), float(found.std()), irregularity(time, unit), late / (time.size - late))


@pytest.fixture(scope="module")
def settled(ready) -> dict[float, Found]:
    return {target: _run(ready, target, 0.02, 200.0) for target in TARGETS}


@pytest.mark.slow
@pytest.mark.parametrize("target", TARGETS)
def test_every_neuron_settles_at_one_irregular_rate(settled, target):
    found = settled[target]
    assert found.sd <= 0.7
    assert found.cv >= 0.7
    assert abs(found.drift - 1) < 0.05


@pytest.mark.slow
def test_the_rate_follows_the_target(settled):
    """With the offset that the covariance of inhibition and spikes makes in a network of this size."""
    mean = [settled[target].mean for target in TARGETS]
    slope, offset = np.polyfit(TARGETS, mean, 1)
    assert 0.9 <= slope <= 1.1
    assert all(-0.1 <= m - t <= 1.0 for m, t in zip(mean, TARGETS, strict=True)), offset


@pytest.mark.slow
def test_without_plasticity_rates_are_spread_and_know_no_target(ready):
    """Negative control: a learning rate of 0."""
    one, other = (_run(ready, target, 0.0, 60.0) for target in (3.0, 10.0))
    assert one.sd > 5
    assert one == other
