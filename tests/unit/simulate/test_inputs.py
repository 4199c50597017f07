"""Random numbers, random input, wiring and distributions against what they should follow."""

import math

import numpy as np
import pytest
from bench import GRID
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.numerics.channels import Decaying
from homeoanalysis.numerics.counter import below, halves, normal_pair, random_key, subkey, uniform, word
from homeoanalysis.numerics.mechanism import Ends, Target
from homeoanalysis.numerics.traces import trace
from homeoanalysis.provenance import rng_for

MASK = 2**64 - 1
# The first outputs for the seed 1234567, as published with the reference implementation.
PUBLISHED = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


@pytest.fixture(autouse=True)
def _words_overflow():
    with np.errstate(over="ignore"):
        yield


def _splitmix(seed: int, n: int) -> list[int]:
    """SplitMix64 with its state, in the integers of Python."""
    found, state = [], seed
    for _ in range(n):
        state = (state + 0x9E3779B97F4A7C15) & MASK
        z = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & MASK
        found.append(z ^ (z >> 31))
    return found


@pytest.mark.parametrize("seed", [0, 1, 1234567, 2**63 + 5, MASK])
def test_random_words_are_those_of_the_published_generator(seed):
    assert _splitmix(1234567, 5) == PUBLISHED
    key, expected = np.uint64(seed), _splitmix(seed, 1000)
    assert [int(word(key, k)) for k in range(1000)] == expected
    assert int(subkey(key, 7)) == expected[7]
    assert [uniform(key, k) for k in range(1000)] == [(w >> 11) / 2**53 for w in expected]
    assert [int(below(key, k, 7)) for k in range(1000)] == [(w >> 32) * 7 >> 32 for w in expected]


@pytest.mark.parametrize("start", [0, 256, 2560])
def test_halves_of_words_use_each_word_once(start):
    """Word `start / 2 + i` gives element i of the first half and of the second."""
    out = np.zeros(256, np.uint32)
    largest = halves(np.uint64(99), start, out)
    words = _splitmix(99, start // 2 + 128)[start // 2 :]
    assert out.tolist() == [w & 0xFFFFFFFF for w in words] + [w >> 32 for w in words]
    assert largest == out.max()


def test_deviates_follow_their_distributions():
    key = random_key(rng_for(1, "deviates"))
    assert stats.kstest([uniform(key, k) for k in range(5000)], "uniform").pvalue > 1e-3
    normal = np.array([normal_pair(key, k) for k in range(5000)])
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(normal.T)[0, 1]) < 4 / math.sqrt(5000)
    assert stats.chisquare(np.bincount([below(key, k, 7) for k in range(7000)], minlength=7)).pvalue > 1e-3


def test_steps_and_keys_are_independent():
    """Successive steps, and keys that differ in one bit, give uncorrelated numbers."""
    n = 4000
    first = np.array([uniform(subkey(np.uint64(5), t), 0) for t in range(n)])
    others = [
        [uniform(subkey(np.uint64(5), t + 1), 0) for t in range(n)],
        [uniform(subkey(np.uint64(5), t), 1) for t in range(n)],
        [uniform(subkey(np.uint64(4), t), 0) for t in range(n)],
    ]
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert all(abs(np.corrcoef(first, other)[0, 1]) < 4 / math.sqrt(n) for other in others)


def _counts(rate: float, n: int, steps: int, scale: float | None = None) -> np.ndarray:
    """Events of each step and neuron, read from the channel."""
    channel = Decaying(trace(n, 0.005, GRID.dt, GRID.dtype), 1.0)
    protocol = catalogue.load("protocols", "poisson_input")("cell", "excitatory", rate, "1 nS")
    target = Target(n, 0, None, None, {"excitatory": (channel,)}, {"excitatory": "S"}, GRID, None)
    events = protocol.build(target, random_key(rng_for(1, "poisson", str(rate))))
    if scale is not None:
        events = protocol.scaled(events, scale)
    counts, value, up = np.zeros((steps, n)), channel.trace.value, channel.trace.up
    for t in range(steps):
        value[:] = 0
        type(events).arrive(events, t)
        counts[t] = value / up[t % up.size] / 1e-9
    assert np.allclose(counts, np.rint(counts), atol=1e-9)
    return np.rint(counts)


@pytest.mark.slow
@pytest.mark.reference("protocols/poisson_input", against="the Poisson distribution (scipy)", within="4 standard errors")
@pytest.mark.parametrize(("rate", "n"), [(300.0, 20), (2400.0, 70), (5000.0, 5), (20_000.0, 5)])
def test_poisson_input_has_poisson_counts(rate, n):
    """Mean, variance and independence of neurons, also where a neuron gets 2 events a step. Four standard errors."""
    steps = 6000 if n < 50 or rate < 2500 else 2000
    counts = _counts(rate, n, steps)
    mean = rate * 1e-4
    assert np.all(np.abs(counts.mean(axis=0) - mean) < 4.5 * math.sqrt(mean / steps))
    error = math.sqrt((mean + 2 * mean**2) / (steps * n))  # of the variance of Poisson counts
    assert counts.var() == pytest.approx(mean, abs=4 * error)
    total = counts.sum(axis=1)
    assert total.var() == pytest.approx(n * mean, abs=4 * math.sqrt((n * mean + 2 * (n * mean) ** 2) / steps))
    top = int(n * mean + 4 * math.sqrt(n * mean)) + 7
    expected = stats.poisson.pmf(np.arange(top + 1), n * mean) * steps
    expected[-1] += steps - expected.sum()
    found = np.bincount(np.minimum(total, top).astype(int), minlength=top + 1)
    keep = expected > 5
    assert stats.chisquare(found[keep], expected[keep] * found[keep].sum() / expected[keep].sum()).pvalue > 1e-3


@pytest.mark.slow
@pytest.mark.reference("protocols/scale_input", against="the mean of the scaled Poisson process", within="4 standard errors")
@pytest.mark.parametrize("rate", [2000.0, 5000.0])
def test_scaled_input_has_the_scaled_rate(rate):
    """With few and with many events; twice as many too, and none."""
    for scale in (0.5, 2.0):
        counts = _counts(rate, 10, 4000, scale=scale)
        mean = rate * 1e-4 * scale
        assert counts.mean() == pytest.approx(mean, abs=4 * math.sqrt(mean / counts.size))
    assert _counts(rate, 10, 100, scale=0.0).sum() == 0


@pytest.mark.reference("topologies/fixed_probability", against="binomial degrees", within="4 standard errors")
def test_fixed_probability_has_binomial_degrees():
    """Mean and variance of in- and out-degrees within four standard errors, no neuron connects to itself."""
    wire = catalogue.load("topologies", "fixed_probability")
    n, probability = 500, 0.2
    matrix = np.zeros((n, n))
    ends = Ends(n, n, True, None, None, None)
    for j, row in enumerate(wire(rng_for(1, "wiring"), ends, probability=probability)):
        assert np.all(np.diff(row) > 0)
        matrix[j, row] = 1
    assert np.trace(matrix) == 0
    variance = (n - 1) * probability * (1 - probability)
    for degree in (matrix.sum(axis=0), matrix.sum(axis=1)):
        assert degree.mean() == pytest.approx((n - 1) * probability, abs=4 * math.sqrt(variance / n))
        assert degree.var() == pytest.approx(variance, abs=4 * variance * math.sqrt(2 / n))
    rows = list(wire(rng_for(1, "wiring"), Ends(50, 50, False, None, None, None), probability=1.0))
    assert len(rows) == 50
    assert all(np.array_equal(row, np.arange(50)) for row in rows)


@pytest.mark.parametrize(
    ("distribution", "law"),
    [
        (Distribution("uniform", {"low": -1.0, "high": 3.0}), stats.uniform(-1, 4)),
        (Distribution("normal", {"mean": 2.0, "sd": 0.5}), stats.norm(2, 0.5)),
        (
            Distribution("normal", {"mean": 2.0, "sd": 1.0, "low": 1.5, "high": 4.0}),
            stats.truncnorm(-0.5, 2, loc=2, scale=1),
        ),
        # Of a lognormal value of mean m and standard deviation s: log has the variance ln(1 + (s/m)^2).
        (
            Distribution("lognormal", {"mean": 3.0, "sd": 4.0}),
            stats.lognorm(math.sqrt(math.log(1 + 16 / 9)), scale=3 / math.sqrt(1 + 16 / 9)),
        ),
    ],
)
def test_drawn_values_follow_their_distribution(distribution, law):
    values = distribution.draw(rng_for(1, "draw"), 20_000)
    assert stats.kstest(values, law.cdf).pvalue > 1e-3
    assert law.mean() == pytest.approx(values.mean(), abs=4 * law.std() / math.sqrt(20_000))
    if distribution.kind == "lognormal":
        assert (law.mean(), law.std()) == pytest.approx((3.0, 4.0))
