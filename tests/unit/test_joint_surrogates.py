"""Surrogates and permutations that keep what units share, or how slowly they fluctuate."""

import numpy as np
import pytest
from binomial import binomial_rule

from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics import exchanged_epochs, joint_surrogates

BLOCKS, STEP = 40, 60.0
AT = STEP * (np.arange(BLOCKS) + 0.5)
LATER = np.array([3600.0, 10_800.0])  # [s], beyond the baseline of 2400 s


def draw_shared(tau: float, rng: np.random.Generator) -> np.ndarray:
    """A course of standard deviation 0.3 at the blocks of the baseline and later."""
    time = np.concatenate([AT, LATER])
    shape = 0.09 * np.exp(-np.abs(np.subtract.outer(time, time)) / tau)
    return np.asarray(rng.multivariate_normal(np.zeros(time.size), shape, method="cholesky"))


@pytest.mark.slow
def test_the_shared_course_is_predicted_with_its_uncertainty() -> None:
    """Later values lie below the 5 % quantile of the draws in at most 5 % of 300 courses; below that of noise alone in more."""
    below, control = [], []
    for draw in range(300):
        rng = rng_for(1, "shared course", draw)
        course = draw_shared(300.0, rng)
        seen = course[:BLOCKS] + 0.1 * rng.standard_normal(BLOCKS)
        shared = joint_surrogates.SharedCourse(seen, 0.01, AT)
        drawn = joint_surrogates.draw_shared_courses(shared, LATER, 199)[:, 1]
        below.append(bool(course[-1] < np.quantile(drawn, 0.05)))
        control.append(bool(course[-1] < -1.645 * 0.1))
    assert not binomial_rule(below, 0.05, at_most=True)
    assert binomial_rule(control, 0.05, at_most=True)


def test_a_steady_baseline_predicts_a_steady_course() -> None:
    """Without fluctuation the later course is known to a few per cent soon after; it is less sure long after."""
    noise = 0.02 * rng_for(1, "steady").standard_normal(BLOCKS)
    drawn = joint_surrogates.draw_shared_courses(joint_surrogates.SharedCourse(noise, 4e-4, AT), LATER, 199)
    near, far = np.quantile(np.abs(drawn), 0.5, axis=0)
    assert near < 0.03
    assert near <= far


@pytest.mark.slow
def test_steadiness_keeps_its_level_where_rates_differ_by_decades() -> None:
    """Independent units: p <= 0.05 in 5 % of 300 populations; where the sum is held, in more than half (control)."""
    free, held = [], []
    for draw in range(300):
        rng = rng_for(1, "steadiness", draw)
        rate = np.exp(rng.normal(0, 1.4, (60, 1)) + rng.normal(0, 0.4, (60, 2)))
        free.append(exchanged_epochs.measure_steadiness_p(rate) <= 0.05)
        rate[:, 1] *= rate[:, 0].sum() / rate[:, 1].sum()
        held.append(exchanged_epochs.measure_steadiness_p(rate) <= 0.05)
    assert not binomial_rule(free, 0.05)
    assert np.mean(held) > 0.5
