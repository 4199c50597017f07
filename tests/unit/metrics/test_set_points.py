"""Distributions of set points: the tests for paired units against scipy's for unpaired ones."""

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.errors import DataError
from homeoanalysis.measure import measure
from homeoanalysis.metrics import set_point_change
from homeoanalysis.numerics import rates, synthetic
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
                "levene": set_point_change._levene_p(log),
                "kolmogorov": set_point_change._kolmogorov_p(log, 0.0, 59.0),
                "plain levene": stats.levene(*log.T).pvalue,
                "plain kolmogorov": stats.ks_2samp(*log.T).pvalue,
            }
            for name, value in p.items():
                found.setdefault((factor, name), []).append(bool(value <= 0.05))
    for name in ("levene", "kolmogorov"):
        assert not binomial_rule(found[1.0, name], 0.05)
        assert binomial_rule(found[1.0, f"plain {name}"], 0.05)
    assert np.mean(found[1.25, "levene"]) > 0.5 > 0.35 > np.mean(found[1.25, "plain levene"])


@pytest.mark.slow
def test_a_shift_that_units_share_is_no_other_distribution(request: pytest.FixtureRequest) -> None:
    """Of 200 each: p keeps its level if it knows the size of the shift, and not if it takes units as independent (control).

    A shift far beyond its size is found.
    """
    known, unknown, far = [], [], []
    for draw in range(200):
        rng = rng_for(1, request.node.name, draw)
        log, shift = paired(1.0, rng), 0.3 * rng.normal()
        moved = log + [0, shift]
        known.append(set_point_change._kolmogorov_p(moved, 0.3, 100.0) <= 0.05)
        unknown.append(set_point_change._kolmogorov_p(moved, 0.0, 100.0) <= 0.05)
        far.append(set_point_change._kolmogorov_p(log + [0, 1.5], 0.3, 100.0) <= 0.05)
    assert not binomial_rule(known, 0.05)
    assert binomial_rule(unknown, 0.05)
    assert np.mean(far) > 0.9


def bursting(late: float, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """30 units that fire in common bursts of 20 s on average; in the recovery `late` times as much."""
    epochs = {"baseline": (0.0, 1200.0), "recovery": (1200.0, 2400.0)}
    onsets = np.sort(rng.uniform(0, 2400.0, rng.poisson(120)))
    sizes = rng.lognormal(0, 0.8, onsets.size) * np.where(onsets < 1200.0, 1.0, late)
    trains = []
    for rate in rng.lognormal(2, 0.7, 30):
        n = rng.poisson(rate * sizes)
        trains.append(np.sort(np.minimum(np.repeat(onsets, n) + rng.uniform(0, 0.5, n.sum()), 2400.0)))
    return synthetic.activity(trains, 2400.0, epochs=epochs)


@pytest.mark.slow
def test_bursts_that_units_share_change_no_set_points() -> None:
    """Nothing changed: p at its level. Swapping units alone found a change in most. Three times the rate is found."""
    metric = catalogue.load("metrics", "set_point_change")
    p, alone = [], []
    for draw in range(60):
        one = bursting(1.0, rng_for(1, "bursting", draw))
        p.append(float(metric(one).set_point_change_kolmogorov_p))
        log = rates.in_epochs(one, ("baseline", "recovery")).log
        alone.append(set_point_change._kolmogorov_p(log, 0.0, 29.0) <= 0.05)
    shown = [bool(value <= 0.05) for value in p if np.isfinite(value)]
    assert len(shown) > 40
    assert stats.binom.sf(sum(shown) - 1, len(shown), 0.05) > 0.001
    assert np.mean(alone) > 0.3
    assert metric(bursting(3.0, rng_for(1, "bursting", 0))).set_point_change_kolmogorov_p < 0.05


def test_an_epoch_of_few_independent_blocks_has_no_median_and_says_so() -> None:
    """All units rise and fall together, by the hour; the spread is known none the less."""
    rng = rng_for(1, "walk")
    course = np.exp(0.15 * np.cumsum(rng.normal(size=240)))
    trains = [
        np.concatenate([10 * k + synthetic.poisson_train(rate * x, 10.0, rng) for k, x in enumerate(course)])
        for rate in rng.lognormal(0, 0.5, 20)
    ]
    epochs = {"baseline": (0.0, 1200.0), "recovery": (1200.0, 2400.0)}
    found = catalogue.load("metrics", "set_point_change")(synthetic.activity(trains, 2400.0, epochs=epochs))
    assert np.isnan(found.set_point_change_kolmogorov_p)
    assert np.isnan(found.set_point_change_median_low)
    assert np.isfinite(found.set_point_change_levene_p)
    assert "too slow" in str(found.reason.values)


def test_units_without_a_set_point_are_left_out_if_asked() -> None:
    """Of five steady units, one that comes late and one that grows, five are left; a trend that takes years is none."""
    rng = rng_for(1, "steady")
    trains = [synthetic.poisson_train(5.0, 400.0, rng) for _ in range(5)]
    grown = synthetic.poisson_train(10.0, 200.0, rng)
    trains += [70 + synthetic.poisson_train(5.0, 330.0, rng), np.append(grown[rng.uniform(0, 200, grown.size) < grown], 300.0)]
    one = synthetic.activity(trains, 400.0, epochs={"baseline": (0.0, 200.0), "recovery": (200.0, 400.0)})
    found = catalogue.load("metrics", "rate_trend")(one)
    assert found.rate_trend_steady.sel(epoch="baseline").values.tolist() == [1, 1, 1, 1, 1, 0, 0]
    assert found.rate_trend_presence.values[5, 0] == pytest.approx(0.65)
    changed = catalogue.load("metrics", "macro_stability")
    assert [int(changed(one, only_steady=only).macro_stability_units) for only in (False, True)] == [7, 5]
    slow = one.assign(
        {n: (one[n].dims, one[n].values * 1e6, {"units": "s"}) for n in one.variables if one[n].attrs.get("units") == "s"}
    )
    found = catalogue.load("metrics", "rate_trend")(slow)
    assert found.rate_trend_steady.sel(epoch="baseline").values.tolist() == [1, 1, 1, 1, 1, 0, 1]


def test_fractions_of_single_units_have_a_median_and_no_mean() -> None:
    """Units that hardly changed have fractions of any size: the mean is thrown off, the median and the slope are not."""
    rng = rng_for(1, "single units")
    moved = rng.lognormal(2, 0.5, (60, 1)) * np.array([1, 0.4, 0.82])
    still = rng.lognormal(2, 0.5, (20, 1)) * np.ones(3)
    epochs = {"baseline": (0.0, 40.0), "perturbation": (40.0, 80.0), "recovery": (80.0, 120.0)}
    one = synthetic.stepped(np.concatenate([moved, still]), epochs, rng)
    found = catalogue.load("metrics", "recovery_fraction")(one)
    each = rates.recovered(rates.in_epochs(one, list(epochs)).rate)
    assert float(found.recovery_fraction_median) == pytest.approx(0.7, abs=0.1)
    assert float(found.recovery_fraction_slope) == pytest.approx(0.7, abs=0.07)
    assert abs(np.mean(each[np.isfinite(each)]) - 0.7) > 0.1


def test_bounds_of_thresholds_that_leave_no_range_are_refused() -> None:
    known = catalogue.load("metrics", "threshold_saturation").truth(rng_for(1, "bounds"))
    assert measure([known.activity], "threshold_saturation", lowest=-0.058, highest=-0.040).threshold_saturation.size == 1
    with pytest.raises(DataError, match="leave no range"):
        measure([known.activity], "threshold_saturation", lowest=-0.040, highest=-0.058)
