"""Distributions of set points: the tests for paired units against scipy's for unpaired ones."""

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.metrics import set_point_change
from homeoanalysis.provenance import rng_for


def paired(factor: float, rng: np.random.Generator) -> np.ndarray:
    """Log rates of 60 units before and after, correlated by 0.9: (unit, epoch)."""
    first, own = rng.normal(size=(2, 60))
    return np.stack([first, factor * (0.9 * first + np.sqrt(1 - 0.81) * own)], axis=1)


def test_statistics_are_those_of_scipy() -> None:
    """With equal values too; Levene's of two equal samples is F, which grows with the difference of distances."""
    for draw in range(30):
        log = np.round(paired(1.3, rng_for(1, "statistics", draw)), draw % 3)
        assert set_point_change._kolmogorov(log) == pytest.approx(stats.ks_2samp(*log.T).statistic, abs=1e-12)
        distance = np.abs(log - np.median(log, axis=0))
        f = 60 * set_point_change._levene(log) ** 2 / 2 / distance.var(axis=0, ddof=1).mean()
        assert f == pytest.approx(stats.levene(*log.T).statistic, rel=1e-9)


@pytest.mark.slow
def test_paired_tests_keep_their_level_and_see_what_the_unpaired_miss(request: pytest.FixtureRequest) -> None:
    """Of 300: nothing changed, spread times 1.25. The unpaired tests are far below 5 % where nothing changed (control)."""
    found: dict[tuple[float, str], list[bool]] = {}
    for draw in range(300):
        for factor in (1.0, 1.25):
            log = paired(factor, rng_for(1, request.node.name, str(factor), draw))
            p = {
                "levene": set_point_change._p(log - np.median(log, axis=0), set_point_change._levene),
                "kolmogorov": set_point_change._p(log, set_point_change._kolmogorov),
                "plain levene": stats.levene(*log.T).pvalue,
                "plain kolmogorov": stats.ks_2samp(*log.T).pvalue,
            }
            for name, value in p.items():
                found.setdefault((factor, name), []).append(bool(value <= 0.05))
    for name in ("levene", "kolmogorov"):
        assert not binomial_rule(found[1.0, name], 0.05)
        assert binomial_rule(found[1.0, f"plain {name}"], 0.05)
    assert np.mean(found[1.25, "levene"]) > 0.5 > 0.35 > np.mean(found[1.25, "plain levene"])
