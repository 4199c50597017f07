"""Claims that hold do not hold with a fault planted: a module silently off, the perturbation absent (SCIENCE.md, section 5)."""

import pytest
from panels import judge_claim

from homeoanalysis.contracts.claims import FAILS, HOLDS

STUDIES = ("c02_time_scales", "c03_relative_weights")
NETWORKS = ("c01_runaway", "c04_metaplasticity", "c07_precision", "c10_compensation", "c19_sustained")


@pytest.mark.parametrize(
    "study",
    [
        *(pytest.param(s, marks=pytest.mark.slow) for s in STUDIES),
        *(pytest.param(s, marks=pytest.mark.nightly) for s in NETWORKS),
    ],
)
def test_a_planted_violation_turns_the_verdict(outcomes_of, study):
    judged = outcomes_of(judge_claim, study)
    assert judged["verdict"] == HOLDS
    assert judged["violations"]
    assert set(judged["violations"].values()) == {FAILS}, judged["violations"]
