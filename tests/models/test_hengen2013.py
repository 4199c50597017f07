"""Rates drop and come back under sustained deprivation: Hengen et al. 2013 (SCIENCE.md, F10), depth and recovery only.

The order of the neurons and the time of the minimum are not reproduced: config/models/hengen2013.yaml says why."""

from typing import Any

from spiketrains import trains


def _depth_and_recovery(ready, variant: dict[str, Any] | None = None) -> tuple[float, float]:
    """1 - lowest / baseline, and (end - lowest) / (baseline - lowest) of the mean rate of E; a model day is 50 s."""
    simulation = ready("hengen2013", variant)
    simulation.advance(4_500_000)
    time, _ = trains(simulation, "E")
    baseline, lowest, end = (((time >= a) & (time < b)).sum() / (b - a) for a, b in ((100, 200), (200, 210), (400, 450)))
    return float(1 - lowest / baseline), float((end - lowest) / (baseline - lowest))


def test_rates_drop_and_come_back(ready):
    depth, recovery = _depth_and_recovery(ready)
    assert 0.2 <= depth <= 0.6
    assert 0.8 <= recovery <= 1.2


def test_without_homeostasis_they_stay_down(ready):
    """Negative control."""
    depth, recovery = _depth_and_recovery(ready, {"projections": {k: {"plasticity": []} for k in ("E_to_E", "thalamus_to_E")}})
    assert depth >= 0.2
    assert recovery < 0.3
