"""Additive STDP of the inputs of one neuron: Song, Miller & Abbott 2000 (SCIENCE.md, F03), at the size of the paper nightly."""

from typing import Any, NamedTuple

import numpy as np
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


class Settled(NamedTuple):
    """Over the last 20 s: rate [Hz] and irregularity. At the end: mean weight in units of the largest, bimodality."""

    rate: float
    cv: float
    weight: float
    bimodality: float


def _settled(ready, rate: float, asymmetry: float, seconds: float, seed: int = 1) -> Settled:
    simulation = ready("song2000", _variant(rate, asymmetry=asymmetry), seed=seed)
    simulation.advance(round(seconds * 1e4))
    w = weights(simulation.network.parts[0].projections["plastic"]) / 0.15e-9
    interval = np.diff(trains(simulation, "cell", seconds - 20)[0])
    bimodality = (skew(w) ** 2 + 1) / kurtosis(w, fisher=False)
    return Settled((interval.size + 1) / 20, interval.std() / interval.mean(), float(w.mean()), float(bimodality))


@pytest.mark.slow
def test_competition_takes_the_rate_down_and_parts_the_weights(ready):
    """40 Hz, 400 s: from 990 Hz to about 20 Hz (elsewhere 20.4 Hz after 1500 s), weights bimodal. Negative control: with more
    potentiation than depression all weights go to their bound and the rate stays."""
    found = _settled(ready, 40.0, 1.05, 400.0)
    assert 15 < found.rate < 27
    assert found.weight < 0.3
    assert found.bimodality > 0.7
    found = _settled(ready, 40.0, 0.95, 30.0)
    assert found.rate > 500
    assert found.weight > 0.9
    assert found.bimodality < 0.7


def _regulates(found: list[Settled]) -> bool:
    """The output rate at 40 Hz is at most twice that at 10 Hz."""
    return found[-1].rate <= 2 * found[0].rate


def _competes(found: list[Settled]) -> bool:
    return all(one.bimodality > 0.7 for one in found)


@pytest.mark.nightly
def test_the_output_hardly_follows_the_rate_of_the_inputs(ready):
    """F03 (a) to (d) at 10, 20 and 40 Hz, 1500 s each. Negative control: with more potentiation than depression (300 s) the
    output follows the input and the weights do not part; with fixed weights the ratio is 6.2.

    Seen, seed 1: 13.1, 15.9, 17.1 Hz (elsewhere 14.0, 15.2, 20.4), CV 0.85, 0.85, 0.80, bimodality 0.84, 0.93, 0.95, mean weight
    0.55, 0.28, 0.14 of the largest. Control: 188, 530, 1130 Hz, CV 0.18, 0.09, 0.06, bimodality 0.59, 0.62, 0.58, mean weight
    0.99, 0.98, 0.94. A CPU minute."""
    found = [_settled(ready, rate, 1.05, 1500.0) for rate in (10.0, 20.0, 40.0)]
    assert _regulates(found)
    assert _competes(found)
    assert found[0].weight > found[1].weight > found[2].weight
    assert all(one.cv >= 0.6 for one in found)
    control = [_settled(ready, rate, 0.95, 300.0) for rate in (10.0, 20.0, 40.0)]
    assert not _regulates(control)
    assert not _competes(control)
    assert all(one.weight > 0.9 and one.cv < 0.25 for one in control)
    assert all(one.rate >= 180 for one in control)


def test_with_fixed_weights_the_output_follows_the_input(ready):
    """Negative control of the regulation: a ratio of 6.2 (1198 / 194 Hz) for a fourfold input."""
    found = []
    for rate in (10.0, 40.0):
        simulation = ready("song2000", _variant(rate, asymmetry=None))
        simulation.advance(30_000)
        found.append(trains(simulation, "cell", 1.0)[0].size / 2)
    assert found[1] / found[0] == pytest.approx(6.2, rel=0.05)
