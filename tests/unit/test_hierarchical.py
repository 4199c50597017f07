"""Inference over animals: intervals cover with few of them, where the plain bootstrap does not; many tests at once."""

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.numerics.hierarchical import bootstrap, hierarchical_interval
from homeoanalysis.numerics.multiple import discoveries, holm
from homeoanalysis.provenance import rng_for

UNITS = 8


def animals(n: int, correlation: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Units of animals with this intraclass correlation, mean 10 and unit variance, (unit, 1) each."""
    shared, own = np.sqrt(correlation) * rng.normal(size=(n, 1)), np.sqrt(1 - correlation) * rng.normal(size=(n, UNITS))
    return list((10 + shared + own)[..., None])


def plain_percentiles(subjects: list[np.ndarray], rng: np.random.Generator) -> tuple[float, float]:
    """Of the means of resampled animals."""
    means = np.array([s.mean() for s in subjects])
    low, high = np.quantile(means[rng.integers(0, means.size, (1000, means.size))].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)


def mean(columns: np.ndarray) -> np.ndarray:
    return columns[..., 0]


SIZES = [pytest.param(500, marks=pytest.mark.slow, id="ci"), pytest.param(2000, marks=pytest.mark.nightly, id="nightly")]


@pytest.mark.parametrize("draws", SIZES)
@pytest.mark.parametrize("correlation", [0.0, 0.5])
@pytest.mark.parametrize("n", [4, 6, 10])
def test_intervals_over_animals_cover_where_plain_percentiles_do_not(
    n: int, correlation: float, draws: int, request: pytest.FixtureRequest
) -> None:
    """The control covers 81, 86 and 90 % with 4, 6 and 10 animals."""
    ours, plain = [], []
    for draw in range(draws):
        rng = rng_for(1, request.node.name, draw)
        subjects = animals(n, correlation, rng)
        found = hierarchical_interval(subjects, mean, draws=1000)
        ours.append(found.low <= 10 <= found.high)
        low, high = plain_percentiles(subjects, rng)
        plain.append(low <= 10 <= high)
    assert not binomial_rule(ours, 0.95)
    assert binomial_rule(plain, 0.95)
    assert not binomial_rule(plain, {4: 0.81, 6: 0.86, 10: 0.90}[n])


def test_of_a_mean_it_is_the_t_interval_of_the_animals() -> None:
    """Whatever the spread of units: the standard error is 1 % uncertain with 10 000 draws."""
    for correlation in (0.0, 0.3, 0.9):
        subjects = animals(6, correlation, rng_for(1, "mean", str(correlation)))
        each = np.array([s.mean() for s in subjects])
        low, high = stats.t.interval(0.95, 5, each.mean(), stats.sem(each))
        found = hierarchical_interval(subjects, mean)
        np.testing.assert_allclose([found.low, found.high], [low, high], atol=0.04 * (high - low))


def test_of_a_mean_draws_have_the_spread_that_it_is_given_without_them() -> None:
    """The standard error of 10 000 draws is 0.7 % uncertain; the control is the spread of a tenth less."""
    for n, units in ((6, 8), (6, 2), (3, 8), (1, 40)):
        subjects = [s[:units] for s in animals(n, 0.3, rng_for(1, "spread"))] if units <= UNITS else [np.arange(40.0)[:, None]]
        drawn, exact = bootstrap(subjects, mean), bootstrap(subjects)
        assert drawn.over == exact.over
        np.testing.assert_allclose([drawn.estimate, drawn.df], [exact.estimate, exact.df], rtol=1e-9)
        assert drawn.error == pytest.approx(exact.error, rel=0.03)
        assert drawn.error != pytest.approx(0.9 * exact.error, rel=0.03)


def test_a_level_of_fewer_than_four_is_not_resampled_and_that_is_said() -> None:
    """Three animals: the interval of these three, from their units, and far narrower than theirs would be."""
    subjects = animals(3, 0.9, rng_for(1, "three"))
    found = hierarchical_interval(subjects, mean)
    assert found.over == "over units (n = 8 in each); not resampled, with fewer than 4: subjects (n = 3)"
    error = np.sqrt(np.sum([s.var(ddof=1) / UNITS for s in subjects])) / 3
    assert found.high - found.low == pytest.approx(2 * stats.t.ppf(0.975, 19) * error, rel=0.1)
    few = hierarchical_interval([s[:3] for s in subjects], mean)
    assert np.isnan(few.low)
    assert few.over == "none; not resampled, with fewer than 4: subjects (n = 3) and units (n = 3 in each)"
    more = hierarchical_interval([s[:2] for s in animals(5, 0.5, rng_for(1, "five"))], mean)
    assert more.over == "over subjects (n = 5); not resampled, with fewer than 4: units (n = 2 in each)"
    assert np.isfinite(more.low)


def recovered(columns: np.ndarray) -> np.ndarray:
    return (columns[..., 2] - columns[..., 1]) / (columns[..., 0] - columns[..., 1])


def recoveries(n: int, correlation: float, rng: np.random.Generator) -> list[np.ndarray]:
    """Units of animals, counted for a minute: from some 10 Hz to 40 % of it, and 0.7 of the way back on average.

    The recovery fractions of units have a standard deviation of 0.3 and this intraclass correlation.
    """
    shared, own = np.sqrt(correlation) * rng.normal(size=(n, 1)), np.sqrt(1 - correlation) * rng.normal(size=(n, UNITS))
    back = 0.4 + 0.6 * (0.7 + 0.3 * (shared + own))
    steps = np.stack([np.ones_like(back), np.full_like(back, 0.4), np.maximum(back, 0)], axis=-1)
    return list(rng.poisson(600 * rng.lognormal(0, 0.4, (n, UNITS, 1)) * steps) / 60)


@pytest.mark.slow
@pytest.mark.parametrize("correlation", [0.0, 0.5])
@pytest.mark.parametrize("n", [4, 6, 10])
def test_a_recovery_fraction_over_animals_is_covered(n: int, correlation: float, request: pytest.FixtureRequest) -> None:
    """A ratio of differences of means, 500 draws. The control, percentiles of resampled animals, covers too rarely."""
    ours, plain = [], []
    for draw in range(500):
        rng = rng_for(1, request.node.name, draw)
        subjects = recoveries(n, correlation, rng)
        found = hierarchical_interval(subjects, recovered, draws=1000)
        ours.append(found.low <= 0.7 <= found.high)
        means = np.array([s.mean(axis=0) for s in subjects])
        low, high = np.quantile(recovered(means[rng.integers(0, n, (1000, n))].mean(axis=1)), [0.025, 0.975])
        plain.append(low <= 0.7 <= high)
    assert not binomial_rule(ours, 0.95)
    assert binomial_rule(plain, 0.95)


def test_many_tests_at_once() -> None:
    """By hand, after Holm's and Benjamini and Hochberg's papers; a missing test does not count."""
    p = np.array([0.01, 0.04, np.nan, 0.03, 0.005])
    np.testing.assert_allclose(holm(p), [0.03, 0.06, np.nan, 0.06, 0.02])
    np.testing.assert_allclose(discoveries(p), [0.02, 0.04, np.nan, 0.04, 0.02])


@pytest.mark.slow
def test_the_adjusted_tests_err_as_often_as_they_say() -> None:
    """Ten true nulls: some test is significant in 40 % of draws as it is, in 5 % after Holm."""
    p = rng_for(1, "family").uniform(size=(2000, 10))
    assert not binomial_rule([bool(np.any(row <= 0.05)) for row in p], 1 - 0.95**10)
    assert not binomial_rule([bool(np.any(holm(row) <= 0.05)) for row in p], 0.05)
