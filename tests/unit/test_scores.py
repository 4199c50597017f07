"""Scores of a model against data: closed forms, coverage, calibration, and wrong models that must fail."""

import math

import numpy as np
import pytest
from binomial import binomial_rule
from test_compare import LEVEL, NO_FACTORS, compared, made

from homeoanalysis.compare import Measured
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.numerics.effects import hedges_g, standardised
from homeoanalysis.numerics.predictive import predictive_p
from homeoanalysis.provenance import rng_for

Floats = np.ndarray

# ---- effect sizes


def subjects(n: int, mean: float, deviation: float, rng: np.random.Generator, units: int = 6) -> list[Floats]:
    """Units around each subject, half of whose variance is the subject's own; their means have the given deviation."""
    own = deviation / math.sqrt(0.5 + 0.5 / units)
    return list(mean + own * math.sqrt(0.5) * (rng.normal(size=(n, 1)) + rng.normal(size=(n, units))))


def test_hedges_g_of_known_numbers() -> None:
    """Means 2 and 4, variance 1 and 4 of 3 and 5 subjects: s^2 = (2 + 16) / 6 = 3, J = 1 - 3 / 23."""
    first = [np.array([v]) for v in (1.0, 2.0, 3.0)]
    second = [np.array([4 + math.sqrt(8) * v]) for v in (-1.0, 0.0, 0.0, 0.0, 1.0)]
    assert standardised(first, second) == pytest.approx((1 - 3 / 23) * 2 / math.sqrt(3), rel=1e-12)
    assert standardised(second, first) == -standardised(first, second)
    assert np.isnan(standardised(first[:1], second))


SIZES = [pytest.param(400, marks=pytest.mark.slow, id="ci"), pytest.param(2000, marks=pytest.mark.nightly, id="nightly")]


@pytest.mark.parametrize("draws", SIZES)
@pytest.mark.parametrize(("n", "effect", "deviation"), [((10, 10), 0.0, 1.0), ((10, 10), 2.0, 1.0), ((20, 12), 1.0, 0.5)])
def test_hedges_g_covers_where_units_as_subjects_do_not(n: tuple[int, int], effect: float, deviation: float, draws: int) -> None:
    """The control takes each unit for a subject of its own, as is often done."""
    ours, naive = [], []
    pooled = math.sqrt(((n[0] - 1) + (n[1] - 1) * deviation**2) / (sum(n) - 2))
    for draw in range(draws):
        rng = rng_for(1, "hedges", *n, str(effect), draw)
        first, second = subjects(n[0], 0.0, 1.0, rng), subjects(n[1], effect * pooled, deviation, rng)
        found = hedges_g(first, second)
        ours.append(found.low <= effect <= found.high)
        units = hedges_g(*([np.array([v]) for s in part for v in s] for part in (first, second)))
        naive.append(units.low <= effect <= units.high)
    assert not binomial_rule(ours, 0.95)
    assert binomial_rule(naive, 0.95)


@pytest.mark.slow
def test_with_four_subjects_hedges_g_covers() -> None:
    found = []
    for draw in range(400):
        rng = rng_for(1, "hedges, few", draw)
        effect = hedges_g(subjects(4, 0.0, 1.0, rng), subjects(4, 1.0, 1.0, rng))
        found.append(effect.low <= 1 <= effect.high)
    assert not binomial_rule(found, 0.95)


@pytest.mark.slow
def test_hedges_g_has_no_small_sample_bias() -> None:
    """Without J it is 1 / J = 1.15 times as large with 3 and 5 subjects (df = 6)."""
    rng = rng_for(1, "bias")
    found = np.array([standardised(subjects(3, 0.0, 1.0, rng), subjects(5, 1.0, 1.0, rng)) for _ in range(4000)])
    error = found.std() / math.sqrt(found.size)
    assert abs(found.mean() - 1) < 3 * error
    assert abs(found.mean() / (1 - 3 / 23) - 1) > 5 * error


# ---- predictive p


def mean(means: list[Floats]) -> Floats:
    return means[0]


def ratio(means: list[Floats]) -> Floats:
    return means[1] / means[0] - 1


def test_of_one_recording_it_is_the_rank_among_the_realisations() -> None:
    made_of = np.arange(19.0)
    rng = rng_for(1, "rank")
    for value, p in ((-1.0, 0.1), (0.5, 0.2), (8.5, 1.0), (18.5, 0.1)):
        found = predictive_p([np.array([value])], [made_of], mean, rng)
        assert found.p == pytest.approx(p, abs=1e-12)
        assert found.least == pytest.approx(0.1, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "realisations"), [((1,), (39,)), ((6,), (5,)), ((30,), (10,)), ((8, 6), (4, 5))])
def test_predictive_p_is_uniform_under_the_model(n: tuple[int, ...], realisations: tuple[int, ...]) -> None:
    """The control ranks the mean among means of resampled realisations, as if these were the model: too often too small."""
    ours, naive = [], []
    for draw in range(400):
        rng = rng_for(1, "uniform", *n, *realisations, draw)
        observed, simulated = ([np.exp(rng.normal(size=k)) for k in sizes] for sizes in (n, realisations))
        ours.append(predictive_p(observed, simulated, mean if len(n) == 1 else ratio, rng).p)
        resampled = rng.choice(simulated[0], (400, n[0])).mean(axis=1)
        naive.append(2 * min(np.mean(resampled >= observed[0].mean()), np.mean(resampled <= observed[0].mean())))
    for level in (0.05, 0.2, 0.5):
        assert not binomial_rule(np.array(ours) <= level + 1e-12, level)
    if n[0] > 1:
        assert binomial_rule(np.array(naive) <= 0.05, 0.05)


def test_a_wrong_model_is_surprised() -> None:
    rng = rng_for(1, "wrong")
    found = predictive_p([rng.normal(3.0, 1.0, 8)], [rng.normal(0.0, 1.0, 8)], mean, rng)
    assert found.p < 0.001
    assert found.least == pytest.approx(2 / 10_000, abs=1e-12)


# ---- in a comparison


def animals(source: str, n: int, median: float) -> Measured:
    rng = rng_for(1, "animals", source)
    rates = median * np.exp(0.3 * rng.normal(size=n))
    return made(source, {str(k): (f"s{k}", NO_FACTORS, [[1.0, rate]]) for k, rate in enumerate(rates)})


def test_scores_stand_beside_the_verdict() -> None:
    target, model = animals("rec", 6, 5.0), animals("model", 4, 10.0)
    found = compared({"rec": target, "model": model}, LEVEL).sel(candidate="model")
    effect = hedges_g(*([np.array([v]) for v in m.estimate.firing_rate.values[:, 1]] for m in (target, model)))
    assert [found[name].item() for name in ("hedges_g", "hedges_g_low", "hedges_g_high")] == pytest.approx(
        list(effect), rel=1e-12
    )
    assert found.predictive_p_least == pytest.approx(2 / math.comb(10, 4), rel=1e-12)
    assert found.predictive_p_least <= found.predictive_p <= 1


def test_without_a_difference_there_are_no_scores() -> None:
    absent = Contrast(metrics=["firing_rate"], epoch="never")
    found = compared({"rec": animals("rec", 6, 5.0), "model": animals("model", 4, 5.0)}, absent).sel(candidate="model")
    assert np.isnan([found.hedges_g, found.predictive_p]).all()
