"""Random input and wiring against their distributions."""

import math

import numpy as np
import pytest
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.numerics.mechanism import Grid, Target
from homeoanalysis.numerics.traces import trace
from homeoanalysis.numerics.xoshiro import below, bits, normal_pair, random_state, uniform
from homeoanalysis.provenance import rng_for


@pytest.fixture(autouse=True)
def _words_overflow():
    with np.errstate(over="ignore"):
        yield


def test_random_words_are_those_of_the_published_generator():
    """The sequence from the state 1, 2, 3, 4, computed with the integers of Python."""
    mask = 2**64 - 1

    def rotate(x, k):
        return ((x << k) | (x >> (64 - k))) & mask

    s = [1, 2, 3, 4]
    state = np.array(s, np.uint64)
    assert int(bits(state.copy())) == 41943041
    for _ in range(1000):
        expected = (rotate((s[0] + s[3]) & mask, 23) + s[0]) & mask
        shifted = (s[1] << 17) & mask
        s[2] ^= s[0]
        s[3] ^= s[1]
        s[1] ^= s[2]
        s[0] ^= s[3]
        s[2] ^= shifted
        s[3] = rotate(s[3], 45)
        assert int(bits(state)) == expected


def test_deviates_follow_their_distributions():
    state = random_state(rng_for(1, "deviates"))
    assert stats.kstest([uniform(state) for _ in range(5000)], "uniform").pvalue > 1e-3
    normal = np.array([normal_pair(state) for _ in range(5000)])
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(normal.T)[0, 1]) < 4 / math.sqrt(5000)
    assert stats.chisquare(np.bincount([below(state, 7) for _ in range(7000)], minlength=7)).pvalue > 1e-3


def _counts(rate: float, n: int, steps: int, scale: float | None = None) -> np.ndarray:
    """Events of each step and neuron, read from the channel."""
    grid = Grid(1e-4, 1000, np.dtype(float))
    channel = trace(n, 0.005, grid.dt, grid.dtype)
    protocol = catalogue.load("protocols", "poisson_input")("cell", "excitatory", rate, "1 nS")
    target = Target(n, None, None, {"excitatory": channel}, {"excitatory": "S"}, grid, None)
    events = protocol.build(target, rng_for(1, "poisson", str(rate)))
    if scale is not None:
        events = protocol.scaled(events, scale)
    counts = np.zeros((steps, n))
    for t in range(steps):
        channel.value[:] = 0
        type(events).arrive(events, t)
        counts[t] = channel.value / channel.up[t % channel.up.size] / 1e-9
    assert np.allclose(counts, np.rint(counts), atol=1e-9)
    return np.rint(counts)


@pytest.mark.parametrize(("rate", "n"), [(300.0, 20), (5000.0, 5)])
def test_poisson_input_has_poisson_counts(rate, n):
    """Mean, variance and independence of neurons, also where a neuron gets 0.5 events a step. Four standard errors."""
    steps = 6000
    counts = _counts(rate, n, steps)
    mean = rate * 1e-4
    assert np.all(np.abs(counts.mean(axis=0) - mean) < 4.5 * math.sqrt(mean / steps))
    error = math.sqrt((mean + 2 * mean**2) / (steps * n))  # of the variance of Poisson counts
    assert counts.var() == pytest.approx(mean, abs=4 * error)
    total = counts.sum(axis=1)
    assert total.var() == pytest.approx(n * mean, abs=4 * math.sqrt((n * mean + 2 * (n * mean) ** 2) / steps))
    expected = stats.poisson.pmf(np.arange(8), n * mean) * steps
    expected[-1] += steps - expected.sum()
    found = np.bincount(np.minimum(total, 7).astype(int), minlength=8)
    keep = expected > 5
    assert stats.chisquare(found[keep], expected[keep] * found[keep].sum() / expected[keep].sum()).pvalue > 1e-3


def test_scaled_input_has_the_scaled_rate():
    counts = _counts(2000.0, 10, 4000, scale=0.5)
    assert counts.mean() == pytest.approx(0.1, abs=4 * math.sqrt(0.1 / counts.size))
    assert _counts(2000.0, 10, 100, scale=0.0).sum() == 0


def test_fixed_probability_has_binomial_degrees():
    """Mean and variance of in- and out-degrees within four standard errors, no neuron connects to itself."""
    wire = catalogue.load("topologies", "fixed_probability")
    n, probability = 500, 0.2
    matrix = np.zeros((n, n))
    for j, row in enumerate(wire(rng_for(1, "wiring"), n, n, True, probability=probability)):
        assert np.all(np.diff(row) > 0)
        matrix[j, row] = 1
    assert np.trace(matrix) == 0
    variance = (n - 1) * probability * (1 - probability)
    for degree in (matrix.sum(axis=0), matrix.sum(axis=1)):
        assert degree.mean() == pytest.approx((n - 1) * probability, abs=4 * math.sqrt(variance / n))
        assert degree.var() == pytest.approx(variance, abs=4 * variance * math.sqrt(2 / n))
    rows = wire(rng_for(1, "wiring"), 50, 50, False, probability=1.0)
    assert all(np.array_equal(row, np.arange(50)) for row in rows)
