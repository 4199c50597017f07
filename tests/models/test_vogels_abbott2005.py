"""The self-sustained networks of Vogels & Abbott 2005 (SCIENCE.md, G11): rates and irregularity of a public benchmark."""

import pytest
from spiketrains import irregularity, rates, trains


def _run(ready, name: str, seconds: float, start: float, *, seed: int, variant=None) -> tuple[float, float]:
    """Mean rate [Hz] and irregularity of E from `start` on."""
    simulation = ready(name, variant, seed=seed)
    simulation.advance(round(seconds * 1e4))
    return float(rates(simulation, "E", start).mean()), irregularity(*trains(simulation, "E", start))


def _is_benchmark(rate: float, cv: float) -> bool:
    return 5.0 <= rate <= 6.5 and 0.6 <= cv <= 0.8


@pytest.mark.slow
def test_the_current_based_network_fires_at_the_published_rate(ready):
    """An independent run gave 5.72 Hz and 0.69. Seen, seeds 1 to 5: 5.0 to 5.8 Hz, 0.66 to 0.69."""
    found = [_run(ready, "vogels_abbott2005", 5.0, 1.0, seed=seed) for seed in range(1, 6)]
    assert sum(_is_benchmark(*one) for one in found) >= 4


@pytest.mark.parametrize("weight", ["45 pA", "180 pA"])
def test_the_rate_is_that_of_its_inhibition(ready, weight):
    """Negative control: with half or twice the inhibition the criterion fails (seen: 10.1 Hz and 0.38, 3.7 Hz and 0.75)."""
    inhibition = {"projections": {name: {"weight": weight} for name in ("I_to_E", "I_to_I")}}
    assert not _is_benchmark(*_run(ready, "vogels_abbott2005", 3.0, 1.0, seed=1, variant=inhibition))


def test_the_conductance_based_network_sustains_itself(ready):
    """Irregular bursts: an independent run gave 20.7 Hz and 1.78, from another initial state. Seen: 16 to 21 Hz, 1.6 to 1.7.

    Negative control: without the kick of 50 ms it never fires after the potentials of the start have decayed."""
    rate, cv = _run(ready, "vogels_abbott2005_coba", 2.0, 1.0, seed=1)
    assert 14 < rate < 27
    assert cv > 1.2
    silent = {"protocols": {name: {"poisson_rate": {"rates": [["0 s", "0 Hz"]]}} for name in ("kick_E", "kick_I")}}
    simulation = ready("vogels_abbott2005_coba", silent)
    simulation.advance(5000)
    assert rates(simulation, "E", 0.1).sum() == 0
