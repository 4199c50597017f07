"""Slow rates of units are told from fast ones by how far halves of an epoch lie apart."""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.rates import Rates
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.unit_drift import are_rates_slow

N_UNITS, N_BINS, N_DRAWS = 40, 60, 200


def share_slow(rate: NDArray[np.float64], clump: int, name: str) -> float:
    """Of so many draws; rate: [Hz] (draw, unit, bin) of 60 s, spikes in clumps of so many."""
    spikes = clump * rng_for(1, name).poisson(60 * rate / clump)
    time = np.full(spikes.shape[1:], 60.0)
    return float(np.mean([are_rates_slow([Rates(one, time)]) for one in spikes]))


def test_slow_rates_are_told_and_fast_ones_are_not() -> None:
    noise = rng_for(1, "rates").normal(0, 0.5, (N_DRAWS, N_UNITS, N_BINS))
    steady = np.full(noise.shape, 1.0)
    slow = np.exp(np.repeat(noise[..., :2], N_BINS // 2, axis=-1))
    trend = np.broadcast_to(np.exp(np.linspace(0, 1, N_BINS)), noise.shape)
    assert share_slow(slow, 1, "slow") == 1
    for name, rate, clump in (
        ("steady", steady, 1),
        ("bursts", steady, 20),
        ("from bin to bin", np.exp(noise), 1),
        ("a trend of all", trend, 1),
    ):
        assert share_slow(rate, clump, name) <= 0.02, name  # 0.001: of 200 at most 4, with a probability above 99.99 %


def test_spikes_without_any_scatter_are_not_slow() -> None:
    same = np.ones((4, 4))
    assert not are_rates_slow([Rates(same.astype(np.int64), same)])
