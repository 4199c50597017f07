"""Additive STDP of the inputs of one neuron: Song, Miller & Abbott 2000 (SCIENCE.md, F03). What its weights settle at after
1500 s is in tests/unit/simulate/test_pair_stdp.py; here are the start, the fall of the rate, and the model file itself."""

from typing import Any

import pytest
from scipy.stats import kurtosis, skew
from spiketrains import trains

from homeoanalysis.simulate.projections import weights


def _variant(rate: float, *, asymmetry: float | None = 1.05) -> dict[str, Any]:
    """asymmetry: None for fixed weights."""
    rules = [] if asymmetry is None else [{"pair_stdp": {"learning_rate": 0.005, "asymmetry": asymmetry}}]
    return {
        "projections": {"plastic": {"plasticity": rules}},
        "protocols": {"excitation": {"poisson_input": {"rate": f"{rate} Hz"}}},
    }


@pytest.mark.parametrize(("rate", "plastic", "fixed"), [(10.0, 180, 194), (20.0, 502, 539), (40.0, 990, 1198)])
def test_the_first_second_has_the_golden_rates(ready, rate, plastic, fixed):
    """All weights at their bound; depression lowers the rate within the second. With fixed weights it does not."""
    found = []
    for asymmetry in (1.05, None):
        simulation = ready("song2000", _variant(rate, asymmetry=asymmetry))
        simulation.advance(10_000)
        found.append(trains(simulation, "cell")[0].size)
    assert found == pytest.approx([plastic, fixed], rel=0.1)


def _settled(ready, rate: float, asymmetry: float, seconds: float) -> tuple[float, float, float]:
    """Rate over the last 20 s [Hz], mean weight in units of the largest, bimodality."""
    simulation = ready("song2000", _variant(rate, asymmetry=asymmetry))
    simulation.advance(round(seconds * 1e4))
    w = weights(simulation.network.parts[0].projections["plastic"]) / 0.15e-9
    bimodality = (skew(w) ** 2 + 1) / kurtosis(w, fisher=False)
    return trains(simulation, "cell", seconds - 20)[0].size / 20, float(w.mean()), float(bimodality)


@pytest.mark.slow
def test_competition_takes_the_rate_down_and_parts_the_weights(ready):
    """40 Hz, 400 s: from 990 Hz to about 20 Hz (elsewhere 20.4 Hz after 1500 s), weights bimodal. Negative control: with more
    potentiation than depression all weights go to their bound and the rate stays."""
    rate, mean, bimodality = _settled(ready, 40.0, 1.05, 400.0)
    assert 15 < rate < 27
    assert mean < 0.3
    assert bimodality > 0.7
    rate, mean, bimodality = _settled(ready, 40.0, 0.95, 30.0)
    assert rate > 500
    assert mean > 0.9
    assert bimodality < 0.7
