"""One neuron before its inputs compete: Song, Miller & Abbott 2000 (SCIENCE.md, F03); the study `song2000` has the rest."""

from typing import Any

import pytest
from spiketrains import trains


def _variant(rate: float, *, asymmetry: float | None = 1.05) -> dict[str, Any]:
    """asymmetry: None for fixed weights."""
    rules = [] if asymmetry is None else [{"pair_stdp": {"learning_rate": 0.005, "asymmetry": asymmetry}}]
    return {
        "projections": {"plastic": {"plasticity": rules}},
        "protocols": {"excitation": {"poisson_input": {"rate": f"{rate} Hz"}}},
    }


@pytest.mark.slow
@pytest.mark.parametrize(("rate", "plastic", "fixed"), [(10.0, 180, 194), (20.0, 502, 539), (40.0, 990, 1198)])
def test_the_first_second_has_the_golden_rates(ready, rate, plastic, fixed):
    """All weights at their bound; depression lowers the rate within the second. With fixed weights it does not."""
    found = []
    for asymmetry in (1.05, None):
        simulation = ready("song2000", _variant(rate, asymmetry=asymmetry))
        simulation.advance(10_000)
        found.append(trains(simulation, "cell")[0].size)
    assert found == pytest.approx([plastic, fixed], rel=0.1)


def test_with_fixed_weights_the_output_follows_the_input(ready):
    """Negative control of the regulation: a ratio of 6.2 (1198 / 194 Hz) for a fourfold input."""
    found = []
    for rate in (10.0, 40.0):
        simulation = ready("song2000", _variant(rate, asymmetry=None))
        simulation.advance(30_000)
        found.append(trains(simulation, "cell", 1.0)[0].size / 2)
    assert found[1] / found[0] == pytest.approx(6.2, rel=0.05)
