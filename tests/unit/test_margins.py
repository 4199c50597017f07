"""One-sided p-values and intervals against a margin: by hand, against scipy, and how often they err."""

import numpy as np
import pytest
from scipy import stats

from homeoanalysis.numerics.margins import Sample

NOTHING = np.empty(0)
A = np.array([2.1, 1.7, 2.6, 2.2, 1.9])
B = np.array([1.0, 0.8, 1.4, 1.3, 0.7])


def test_of_one_group_it_is_that_of_t():
    found = Sample(A, NOTHING)
    assert found.p(1.9, None) == pytest.approx(stats.ttest_1samp(A, 1.9, alternative="greater").pvalue)
    assert found.p(None, 2.4) == pytest.approx(stats.ttest_1samp(A, 2.4, alternative="less").pvalue)
    assert found.interval() == pytest.approx(tuple(stats.ttest_1samp(A, 0).confidence_interval(0.95)))


def test_of_a_band_it_is_the_larger_of_the_two():
    found = Sample(A, NOTHING)
    assert found.p(1.8, 2.5) == max(found.p(1.8, None), found.p(None, 2.5))


def test_the_same_subjects_are_compared_with_themselves():
    paired, apart = Sample(A, B, is_paired=True), Sample(A, B)
    assert paired.p(0.9, None) == pytest.approx(stats.ttest_rel(A - 0.9, B, alternative="greater").pvalue)
    assert apart.p(0.9, None) == pytest.approx(stats.ttest_ind(A - 0.9, B, equal_var=False, alternative="greater").pvalue)
    assert np.ptp(paired.interval()) < np.ptp(apart.interval())


def test_an_end_of_the_interval_of_a_ratio_has_a_p_of_one_in_forty():
    found = Sample(np.tile(A, 4), np.tile(B, 4), is_ratio=True, is_paired=True)
    low, high = found.interval()
    assert found.p(low, None) == pytest.approx(0.025, rel=1e-6)
    assert found.p(None, high) == pytest.approx(0.025, rel=1e-6)


def test_a_ratio_to_what_is_negative_turns_the_side():
    found = Sample(A, -B, is_ratio=True, is_paired=True)
    assert found.p(-10.0, None) == pytest.approx(Sample(A, B, is_ratio=True, is_paired=True).p(None, 10.0))


def test_of_a_share_it_is_the_binomial_one():
    found = Sample(np.array([1.0] * 9 + [0.0]), NOTHING, is_share=True)
    exact = stats.binomtest(9, 10, 0.5)
    assert found.p(0.5, None) == pytest.approx(stats.binomtest(9, 10, 0.5, alternative="greater").pvalue)
    assert found.p(None, 0.95) == pytest.approx(stats.binomtest(9, 10, 0.95, alternative="less").pvalue)
    assert found.interval() == pytest.approx(tuple(exact.proportion_ci(0.95, "exact")))
    everyone = Sample(np.ones(10), NOTHING, is_share=True)
    assert everyone.p(0.8, None) == pytest.approx(0.8**10)
    assert everyone.interval() == pytest.approx(tuple(stats.binomtest(10, 10).proportion_ci(0.95, "exact")))


def test_subjects_without_spread_prove_no_more_than_coins():
    assert Sample(np.full(5, 2.0), NOTHING).p(1.0, None) == 0.5**5
    assert Sample(np.full(5, 2.0), NOTHING).p(2.0, None) == 1.0
    assert Sample(np.full(5, 2.0), NOTHING).p(3.0, None) == 1.0
    assert Sample(np.full(4, 2.0), np.full(4, 1.0)).p(0.5, None) == 1 / 70


def test_three_subjects_say_nothing():
    few = Sample(A[:3], NOTHING)
    assert np.isnan(few.p(0.0, None))
    assert np.isnan(few.interval()).all()


@pytest.mark.parametrize("is_paired", [True, False])
@pytest.mark.parametrize("is_ratio", [True, False])
def test_at_the_margin_it_errs_as_often_as_it_says(is_paired, is_ratio):
    """2000 draws at the margin: 5 % within three standard errors."""
    rng = np.random.default_rng(1)
    n, draws = 8, 2000
    seed = rng.normal(0, 1, (draws, n)) if is_paired else np.zeros((draws, n))
    first, second = 20 + seed + rng.normal(0, 1, (draws, n)), 10 + seed + rng.normal(0, 1, (draws, n))
    margin = 2.0 if is_ratio else 10.0
    p = [Sample(a, b, is_ratio, is_paired).p(margin, None) for a, b in zip(first, second, strict=True)]
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=3 * np.sqrt(0.05 * 0.95 / draws))
