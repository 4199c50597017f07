"""The difference of two sources, its verdict, and how often that is wrong."""

from typing import Any

import numpy as np
import pytest
from battery.catalogue import COMPARISONS
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.differences import (
    AGREES,
    CANNOT_TELL,
    DIFFERS,
    compute_power,
    decide,
    estimate_difference,
    estimate_margin,
    find_needed_subjects,
    find_needed_time,
    take_logarithms,
)

MARGIN = (-0.2, 0.2)


def draw_pair(n: int, m: int, shift: float, *key: object, deviation: float = 0.3) -> tuple[np.ndarray, np.ndarray]:
    """Members of a target around 0, and of a candidate around `shift`."""
    rng = rng_for(1, "differences", n, m, *map(str, key))
    return rng.normal(0, deviation, n), rng.normal(shift, deviation, m)


def test_large_groups_are_compared_by_welch_and_small_ones_by_student() -> None:
    target, candidate = draw_pair(7, 5, 0.1, "scipy")
    for n, equal in ((7, False), (2, True), (1, True)):
        found = estimate_difference([target[:n]], [candidate])
        if n > 1:
            expected = stats.ttest_ind(candidate, target[:n], equal_var=equal).confidence_interval(0.95)
        else:
            width = stats.t.ppf(0.975, 4) * candidate.std(ddof=1) * np.sqrt(1 + 1 / 5)
            expected = candidate.mean() - target[0] + width * np.array([-1, 1])
        np.testing.assert_allclose(found.interval(0.95), expected, rtol=1e-9)
    assert np.isnan(estimate_difference([target[:2]], [candidate[:2]]).error)
    assert decide(estimate_difference([target[:2]], [candidate[:2]]), MARGIN) == CANNOT_TELL


def test_a_difference_of_changes_has_the_errors_of_four_groups() -> None:
    groups = [draw_pair(6 + k, 8, 0.0, "groups", k)[k % 2] for k in range(4)]
    found = estimate_difference(groups[:2], groups[2:])
    value = (groups[3].mean() - groups[2].mean()) - (groups[1].mean() - groups[0].mean())
    assert found.value == pytest.approx(value, rel=1e-12)
    assert found.error == pytest.approx(np.sqrt(sum(stats.sem(g) ** 2 for g in groups)), rel=1e-12)


def test_the_error_of_one_recording_bounds_that_of_the_difference() -> None:
    target, candidate = np.array([0.0]), np.array([0.5, 0.501, 0.499, 0.5, 0.5])
    assert decide(estimate_difference([target], [candidate]), MARGIN) == DIFFERS
    bounded = estimate_difference([target], [candidate], target_error=0.4)
    assert bounded.error == pytest.approx(0.4, rel=1e-9)
    assert decide(bounded, MARGIN) == CANNOT_TELL
    both = estimate_difference([target], [candidate[:1]], target_error=0.3, candidate_error=0.4)
    assert (both.error, both.df) == (pytest.approx(0.5), np.inf)


def test_values_without_a_logarithm_stand_around_their_mean() -> None:
    values = np.array([0.0, 1.0, 2.0, 5.0])
    stood = take_logarithms(values, is_exact=False)
    assert stood is not None
    assert stood.mean() == pytest.approx(np.log(2.0))
    assert stood.std() == pytest.approx(values.std() / 2)
    assert take_logarithms(-values, is_exact=False) is None


@pytest.mark.parametrize(("n", "m"), [(1, 10), (3, 10), (5, 5), (10, 10), (40, 4)])
def test_the_generator_differs_in_one_of_twenty_and_what_is_at_the_margin_agrees_as_often(n: int, m: int) -> None:
    """The control, which takes the errors of a normal distribution, differs too often where members are few."""
    differs, agrees, naive = [], [], []
    for draw in range(2000):
        target, candidate = draw_pair(n, m, 0.0, "null", draw)
        found = estimate_difference([target], [candidate])
        differs.append(decide(found, (np.nan, np.nan)) == DIFFERS)
        agrees.append(decide(found._replace(value=found.value + MARGIN[1]), MARGIN) == AGREES)
        naive.append(abs(found.value) > 1.96 * found.error)
    assert not binomial_rule(differs, 0.05)
    assert not binomial_rule(agrees, 0.05, at_most=True)
    if min(n, m) < 10:
        assert binomial_rule(naive, 0.05)


@pytest.mark.slow
@pytest.mark.parametrize("n", [4, 6, 10, 40])
def test_what_is_off_by_the_default_margin_agrees_in_one_of_twenty_at_most(n: int) -> None:
    """The margin is half of a standard deviation that is estimated, too; its error is in the decision."""
    agrees = []
    for draw in range(4000):
        target, candidate = draw_pair(n, 4 * n, 0.5, "default margin", draw, deviation=1.0)
        margin, error = estimate_margin([target])
        agrees.append(decide(estimate_difference([target], [candidate]), (-margin, margin), error) == AGREES)
    assert np.mean(agrees) < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 4000)


@pytest.mark.slow
def test_one_fifth_more_is_told_as_often_as_theory_allows() -> None:
    """Ten subjects and ten realisations of a coefficient of variation of 0.3, 20 % apart: the power of the t test."""
    deviation = np.sqrt(np.log1p(0.3**2))
    differs = []
    for draw in range(4000):
        target, candidate = draw_pair(10, 10, np.log(1.2), "power", draw, deviation=deviation)
        differs.append(decide(estimate_difference([target], [candidate]), (np.nan, np.nan)) == DIFFERS)
    t = np.log(1.2) / deviation / np.sqrt(2 / 10)
    edge = stats.t.ppf(0.975, 18)
    power = stats.nct.sf(edge, 18, t) + stats.nct.cdf(-edge, 18, t)
    assert np.mean(differs) == pytest.approx(power, rel=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("shift", [0.0, 0.4])
def test_as_many_subjects_as_are_needed_decide_in_four_of_five(shift: float) -> None:
    """Of a difference of 0 they agree, of 0.4 they differ. Half as many decide less often."""
    known = estimate_difference([np.array([-0.3, 0.3, -0.3, 0.3])], [shift + np.array([-0.3, 0.3, -0.3, 0.3])])
    known = known._replace(target_variance=0.09, candidate_variance=0.09)
    n = int(find_needed_subjects(known, MARGIN, 4, 4))
    right, decided = DIFFERS if shift else AGREES, {}
    for size in (n, n // 2):
        told = []
        for draw in range(1000):
            target, candidate = draw_pair(size, size, shift, "needed", draw)
            told.append(decide(estimate_difference([target], [candidate]), MARGIN) == right)
        decided[size] = np.mean(told)
    assert decided[n] == pytest.approx(0.8, abs=0.06)
    assert decided[n // 2] < 0.7


def test_what_lies_at_the_margin_without_any_spread_is_decided_by_its_value() -> None:
    none = np.zeros(1)
    assert compute_power(0.1, none, np.ones(1), MARGIN).item() == 1.0
    never = estimate_difference([np.zeros(4)], [np.zeros(4)])._replace(target_variance=1e9, candidate_variance=1e9)
    assert find_needed_subjects(never, MARGIN, 4, 4) == np.inf
    timed = estimate_difference([np.zeros(1)], [np.full(1, 0.3)], target_error=0.2, candidate_error=0.2)
    assert 1 < find_needed_time(timed, MARGIN) < 20


# ---- against the battery, which knows no verdict


def take_log_rates(cohort: Any) -> np.ndarray:
    """Logarithm of the mean rate over units of each recording."""
    return np.array([np.log(np.mean([t.size for t in r.trains]) / r.duration) for r in cohort.recordings])


def judge_rates(name: str, draws: int, margin: float) -> list[str]:
    """The verdicts on the rates of a model, in so many experiments."""
    verdicts = []
    for draw in range(draws):
        one = COMPARISONS[name].generate(rng_for(1, "battery", name, draw))
        difference = estimate_difference([take_log_rates(one.target)], [take_log_rates(one.candidate)])
        verdicts.append(decide(difference, (-margin, margin)))
    return verdicts


TRUE_MODELS = [name for name in COMPARISONS if name.startswith("true_model")]


@pytest.mark.slow
@pytest.mark.parametrize("name", TRUE_MODELS)
def test_the_generator_of_the_recordings_rarely_differs(name: str) -> None:
    """At every length, number of recordings, and kind of units; without a margin, so that it may not hide in one."""
    differs = [verdict == DIFFERS for verdict in judge_rates(name, 60, np.nan)]
    assert not binomial_rule(differs, 0.05, at_most=True)


@pytest.mark.slow
@pytest.mark.parametrize("n", [5, 10, 40])
def test_a_model_that_is_off_by_the_margin_rarely_agrees(n: int) -> None:
    """And one that is off by twice as much is found out, where there are subjects enough."""
    agrees = [verdict == AGREES for verdict in judge_rates(f"model_off_125_n{n}", 200, np.log(1.25))]
    assert not binomial_rule(agrees, 0.05, at_most=True)


@pytest.mark.slow
def test_a_model_that_is_far_off_differs() -> None:
    """The negative control of both tests above."""
    differs = [verdict == DIFFERS for verdict in judge_rates("model_off_200_n40", 60, np.log(1.25))]
    assert np.mean(differs) > 0.5
    assert binomial_rule(differs, 0.05, at_most=True)
