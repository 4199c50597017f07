"""Claims that hold do not hold with a fault planted: a module silently off, the perturbation absent (SCIENCE.md, section 5)."""

import pytest

from homeoanalysis.config.claim import STATISTICS, VIOLATION
from homeoanalysis.contracts.claims import FAILS, HOLDS
from homeoanalysis.reproduce.claim import as_it_stands

STUDIES = ("c02_time_scales", "c03_relative_weights")
NETWORKS = ("c01_runaway", "c04_metaplasticity", "c07_precision", "c10_compensation", "c19_sustained")


@pytest.mark.parametrize(
    "study",
    [
        *(pytest.param(s, marks=pytest.mark.slow) for s in STUDIES),
        *(pytest.param(s, marks=pytest.mark.nightly) for s in NETWORKS),
    ],
)
def test_a_planted_violation_turns_the_verdict(claimed, study):
    claim, outcomes = claimed(study)
    assert as_it_stands(outcomes) == (HOLDS, "")
    assert claim.violations
    for name in claim.violations:
        planted = [o._replace(panel=STATISTICS) for o in outcomes if o.panel == f"{VIOLATION}{name}"]
        assert as_it_stands(planted)[0] == FAILS, name
