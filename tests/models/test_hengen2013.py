"""Rates drop for two days and come back under sustained deprivation: Hengen et al. 2013 (SCIENCE.md, F10)."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from scipy.stats import spearmanr
from spiketrains import trains

DAY, ONSET = 200.0, 200.0  # [s]
WITHOUT = {
    "projections": {
        "E_to_E": {"plasticity": []},
        "thalamus_to_E": {"plasticity": [{"triplet_stdp": {"a2_plus": 0.0, "a3_plus": 0.0, "a2_minus": 2e-4, "a3_minus": 0.0,
                                                           "weight_reference": "1 nS"}}]},
    }
}  # fmt: skip
ONE_FOR_ALL: dict[str, Any] = {
    "synaptic_scaling": {"target_rate": "measured", "calibration": "100 s", "proportional": "0.001 1/s", "tau_rate": "5 s"}
}


class Found(NamedTuple):
    """Depth and day of the lowest half day, recovery fraction and rank correlation with the baseline at day 5."""

    depth: float
    day: float
    recovery: float
    rank: float


def _found(ready, seed: int = 1, variant: dict[str, Any] | None = None) -> Found:
    """Of the rates of E over the last 100 s before deprivation, half a day each after it, and days 4.5 to 5.5."""
    simulation = ready("hengen2013", variant, seed=seed)
    simulation.advance(13_000_000)
    time, unit = trains(simulation, "E")

    def rates(start: float, stop: float) -> np.ndarray:
        return np.bincount(unit[(time >= start) & (time < stop)], minlength=400) / (stop - start)

    before, end = rates(ONSET - 100, ONSET), rates(ONSET + 4.5 * DAY, ONSET + 5.5 * DAY)
    course = [rates(ONSET + k * DAY / 2, ONSET + (k + 1) * DAY / 2).mean() for k in range(11)]
    k, base = int(np.argmin(course)), before.mean()
    recovery = (end.mean() - course[k]) / (base - course[k])
    return Found(float(1 - course[k] / base), (k + 0.5) / 2, float(recovery), float(spearmanr(before, end)[0]))


def _is_published(found: Found) -> bool:
    return 0.2 <= found.depth <= 0.6 and 0.5 <= found.day <= 3 and 0.8 <= found.recovery <= 1.2 and found.rank >= 0.8


@pytest.mark.slow
def test_rates_drop_for_two_days_and_come_back_each_to_its_own(ready):
    assert _is_published(_found(ready))


@pytest.mark.slow
def test_without_homeostasis_they_stay_down(ready):
    """Negative control."""
    found = _found(ready, variant=WITHOUT)
    assert found.depth >= 0.2
    assert found.recovery < 0.3


@pytest.mark.nightly
def test_four_of_five_networks_come_back(ready):
    """Seeds 1 to 5. Negative controls: no homeostasis; one set point for all, which brings back the mean and not the order."""
    assert sum(_is_published(_found(ready, seed)) for seed in range(1, 6)) >= 4
    assert all(_found(ready, seed, WITHOUT).recovery < 0.3 for seed in range(1, 6))
    alike = {name: {"plasticity": [ONE_FOR_ALL, *rules["plasticity"]]} for name, rules in WITHOUT["projections"].items()}
    for seed in (1, 2):
        found = _found(ready, seed, {"projections": alike})
        assert found.recovery >= 0.8
        assert found.rank < 0.5
