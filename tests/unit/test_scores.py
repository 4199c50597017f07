"""Scores of a model against data: closed forms, coverage, calibration, and wrong models that must fail."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats
from test_compare import BETWEEN, CHANGE, LEVEL, NO_FACTORS, Table, compared, made

from homeoanalysis.compare import Measured
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.numerics.distances import Sample, energy_distance, sample, wasserstein
from homeoanalysis.numerics.effects import Term, hedges_g, log_response_ratio, standardised
from homeoanalysis.numerics.predictive import predictive_p
from homeoanalysis.provenance import rng_for

Floats = np.ndarray

# ---- distances


def gaussian(mean: float, deviation: float, name: str, n: int = 100_000) -> Sample:
    return sample([rng_for(1, "gaussian", name).normal(mean, deviation, n)])


def absolute(mean: float, deviation: float) -> float:
    """E|Z| of a Gaussian."""
    return float(
        deviation * math.sqrt(2 / math.pi) * math.exp(-(mean**2) / 2 / deviation**2)
        + mean * math.erf(mean / deviation / math.sqrt(2))
    )


@pytest.mark.parametrize("shift", [0.3, 1.0, 4.0])
def test_wasserstein_of_shifted_gaussians_is_the_shift(shift: float) -> None:
    """The mean of 100 000 has a standard error of 0.0032, the difference of two 0.0045."""
    assert wasserstein(gaussian(0, 1, "one"), gaussian(shift, 1, "other")) == pytest.approx(shift, abs=4 * 0.0045)


def test_wasserstein_of_gaussians_of_other_spread() -> None:
    """Quantile by quantile: E|s Z - Z| = |s - 1| E|Z|."""
    assert wasserstein(gaussian(0, 1, "one"), gaussian(0, 3, "other")) == pytest.approx(2 * absolute(0, 1), abs=0.02)


@pytest.mark.parametrize(("shift", "deviation"), [(0.0, 3.0), (1.0, 1.0), (2.0, 0.5)])
def test_energy_distance_of_gaussians(shift: float, deviation: float) -> None:
    """2 E|N(d, 1 + s^2)| - E|N(0, 2)| - E|N(0, 2 s^2)|; the control, without the last two terms, is far off."""
    expected = 2 * absolute(shift, math.hypot(1, deviation)) - absolute(0, math.sqrt(2)) - absolute(0, math.sqrt(2) * deviation)
    found = energy_distance(gaussian(0, 1, "one"), gaussian(shift, deviation, "other"))
    assert found == pytest.approx(expected, abs=0.02)
    assert abs(found - 2 * absolute(shift, math.hypot(1, deviation))) > 0.5


def test_distances_with_weights_are_those_of_scipy() -> None:
    """Each member weighs alike, however many values it has; scipy's energy distance is the root."""
    rng = rng_for(1, "weights")
    one, other = ([rng.normal(size=n) for n in sizes] for sizes in ((3, 8), (1, 5, 2)))
    a, b = sample(one), sample(other)
    assert a.weight.tolist() == pytest.approx([1 / 6] * 3 + [1 / 16] * 8, rel=1e-15)
    given = dict(u_values=a.values, v_values=b.values, u_weights=a.weight, v_weights=b.weight)
    assert wasserstein(a, b) == pytest.approx(stats.wasserstein_distance(**given), rel=1e-12)
    assert energy_distance(a, b) == pytest.approx(stats.energy_distance(**given) ** 2, rel=1e-12)
    assert wasserstein(a, a) == energy_distance(b, b) == 0


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


@pytest.mark.parametrize("draws", SIZES)
def test_log_response_ratio_covers(draws: int) -> None:
    """Of 8 and 5 subjects around 10 and 20; and of the change between two groups, relative to another such change."""
    ratio, change = [], []
    for draw in range(draws):
        rng = rng_for(1, "ratio", draw)
        a, b, c, d = (subjects(n, mean, 0.2 * mean, rng) for n, mean in ((8, 10.0), (5, 20.0), (6, 5.0), (7, 40.0)))
        found = log_response_ratio([Term(-1, 0.0, a), Term(1, 0.0, b)])
        assert found.value == pytest.approx(np.log(np.mean(b) / np.mean(a)), rel=1e-9)
        ratio.append(found.low <= math.log(2) <= found.high)
        found = log_response_ratio([Term(1, 0.0, a), Term(-1, 0.0, b), Term(-1, 0.0, c), Term(1, 0.0, d)])
        change.append(found.low <= math.log(4) <= found.high)
    assert not binomial_rule(ratio, 0.95)
    assert not binomial_rule(change, 0.95)


def test_what_has_no_logarithm_has_no_ratio() -> None:
    found = log_response_ratio([Term(-1, 0.0, [np.zeros(3)]), Term(1, 0.0, [np.ones(3)])])
    assert np.isnan(found).all()


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


def animals(
    source: str, n: int, median: float, *, units: int = 10, spread: float = 0.5, seed: int = 1, null: float = 10.0, level: int = 0
) -> Measured:
    """Log-normal rates of units of n subjects, whose own medians differ, too. null: factor of the surrogates."""
    rng = rng_for(seed, "animals", source)
    table: Table = {}
    for k in range(n):
        rates = median * np.exp(0.3 * rng.normal() + spread * rng.normal(size=units))
        table[f"{level}{k}"] = (f"s{level}{k}", {"age": level}, np.stack([rates, 2 * rates], axis=1))
    return made(source, table, half=1.0, null=null)


def cell(sources: Mapping[str, Measured], contrast: Contrast = LEVEL, **given: Any) -> xr.Dataset:
    return compared(sources, contrast, **given).sel(candidate="model")


def test_scores_are_those_of_the_formulas() -> None:
    target, model = animals("rec", 6, 5.0), animals("model", 4, 10.0)
    found = cell({"rec": target, "model": model})
    rates = [m.estimate.firing_rate.values[:, 1].reshape(-1, 10) for m in (target, model)]
    effect = hedges_g(*(list(r) for r in rates))
    both = [Term(-1, 0.0, list(rates[0])), Term(1, 0.0, list(rates[1]))]
    for name, expected in (("hedges_g", effect), ("log_response_ratio", log_response_ratio(both))):
        values = [float(found[v].sel(score_name=name)) for v in ("score", "score_low", "score_high")]
        assert values == pytest.approx(list(expected), rel=1e-12)
    assert found.score.sel(score_name="log_response_ratio") == pytest.approx(np.log(rates[1].mean() / rates[0].mean()), rel=1e-12)
    first, second = (np.sort(np.log(r).ravel() / np.log(rates[0]).std()) for r in rates)
    assert found.score.sel(score_name="wasserstein") == pytest.approx(stats.wasserstein_distance(first, second), rel=0.2)
    assert found.score_over.item() == "subjects (n = 6)"
    assert found.predictive_p_least == pytest.approx(2 / math.comb(10, 4), rel=1e-12)
    assert found.score_verdict.sel(score_name="hedges_g") == ""


@pytest.mark.slow
@pytest.mark.parametrize("n", [1, 8])
def test_a_perfect_model_matches_in_its_distribution_and_a_wrong_one_does_not(n: int) -> None:
    """Of one recording the halves are of its units. A perfect model is refused in 1 of 20 at most, one of twice the rate, or of
    other units at the same mean, never."""
    matches: dict[str, list[bool]] = {"wasserstein": [], "energy_distance": []}
    for seed in range(24):
        spread = 0.3 if n == 1 else 0.0
        target, perfect = (animals(s, n, 5.0, units=40, spread=0.5 + spread, seed=seed) for s in ("rec", "model"))
        if n == 1:  # the same animal: only its units are another sample
            rng = rng_for(seed, "units")
            tables: list[Table] = [
                {"0": ("s", NO_FACTORS, np.exp(rng.normal(size=(40, 1)) + [0.0, math.log(5)]))} for _ in range(2)
            ]
            target, perfect = (made(s, t, null=10.0) for s, t in zip(("rec", "model"), tables, strict=True))
        found = cell({"rec": target, "model": perfect})
        for name, listed in matches.items():
            verdict = found.score_verdict.sel(score_name=name).item()
            assert verdict in ("matches", "differs")
            listed.append(verdict == "matches")
    for listed in matches.values():
        assert not binomial_rule(listed, 0.95, at_least=True)
    target = animals("rec", n, 5.0, units=40)
    for wrong in (animals("model", n, 20.0, units=40), animals("model", n, 2.2, units=40, spread=2.0)):
        verdicts = cell({"rec": target, "model": wrong}).score_verdict.sel(score_name=list(matches))
        assert (verdicts == "differs").all()


@pytest.mark.slow
def test_no_verdict_where_surrogates_are_as_near_and_none_of_what_was_fitted() -> None:
    target, model = animals("rec", 6, 5.0, null=1.0), animals("model", 4, 50.0)
    undecided = cell({"rec": target, "model": model})
    assert undecided.score_verdict.sel(score_name="wasserstein").item().startswith("undecided: the target's halves")
    fitted = cell({"rec": animals("rec", 6, 5.0), "model": model}, fitted={"model": ["firing_rate"]})
    assert fitted.score_verdict.sel(score_name="wasserstein").item() == fitted.inside.item() == "fitted"
    in_contrast = cell({"rec": animals("rec", 6, 5.0), "model": model}, fitted={"model": ["c"]})
    assert in_contrast.verdict.item() == in_contrast.inside.item() == "fitted"


def test_units_stand_for_subjects_where_these_are_too_few() -> None:
    found = cell({"rec": animals("rec", 1, 5.0), "model": animals("model", 3, 5.0)})
    assert found.score_over.item() == "units (n = 10) of n = 1"
    assert np.isfinite(found.score).all()
    assert found.predictive_p_least == pytest.approx(0.5, abs=1e-12)


def test_without_members_to_split_there_is_a_reason() -> None:
    found = cell({"rec": animals("rec", 1, 5.0, units=3), "model": animals("model", 3, 5.0, units=3)})
    assert found.score_reason.item().endswith("too few for random halves, which need 4")
    assert np.isnan(found.score.sel(score_name="wasserstein"))
    assert np.isnan(found.score_ceiling).all()


def test_silent_units_are_counted_and_not_lost() -> None:
    """They have no logarithm, but count for the effect sizes."""
    target = animals("rec", 6, 5.0)
    silent = made("model", {str(k): (str(k), NO_FACTORS, [[1.0, 0.0], [1.0, 8.0 + k]]) for k in range(4)}, half=1.0)
    found = cell({"rec": target, "model": silent})
    assert found.n_no_logarithm == 4
    expected = math.log(np.mean([4.0, 4.5, 5.0, 5.5]) / target.estimate.firing_rate.values[:, 1].mean())
    assert found.score.sel(score_name="log_response_ratio") == pytest.approx(expected, rel=1e-12)


@pytest.mark.slow
def test_a_change_between_groups_of_others_has_a_ratio_and_a_p_and_no_distribution() -> None:
    def both(source: str, n: int, factor: float) -> Measured:
        rng = rng_for(1, "both", source)
        table: Table = {
            f"{age}_{k}": (f"{age}_{k}", {"age": age}, [[1.0, level * float(np.exp(0.2 * rng.normal()))]])
            for age, level in ((7, 10.0), (21, 10.0 * factor))
            for k in range(n)
        }
        return made(source, table, half=1.0)

    target, like, unlike = both("rec", 8, 0.3), both("model", 5, 0.3), both("model", 5, 0.9)
    for model, is_surprised in ((like, False), (unlike, True)):
        found = cell({"rec": target, "model": model}, BETWEEN)
        assert found.score_reason.item() == "a change between levels of other subjects has no value of a subject"
        assert np.isnan(found.score.sel(score_name=["hedges_g", "wasserstein", "energy_distance"])).all()
        change = [float(found.location.sel(source=s)) for s in ("rec", "model")]
        value = found.score.sel(score_name="log_response_ratio")
        assert value == pytest.approx(math.log((1 + change[1]) / (1 + change[0])), rel=1e-9)
        assert (found.predictive_p.item() < 0.01) == is_surprised
        low, high = (float(found[f"score_{side}"].sel(score_name="log_response_ratio")) for side in ("low", "high"))
        assert (low > 0) == is_surprised
        assert high > 0


def test_a_change_of_each_subject_has_scores_of_subjects() -> None:
    """Twice the rate in each: a change of 1 everywhere, so that there is no spread to measure in."""
    found = cell({"rec": animals("rec", 6, 5.0), "model": animals("model", 4, 10.0)}, CHANGE)
    assert found.score.sel(score_name="log_response_ratio") == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(found.score.sel(score_name=["hedges_g", "wasserstein"])).all()
    assert found.score_verdict.sel(score_name="wasserstein").item() == "not comparable"


@pytest.mark.parametrize(
    ("rate", "told"),
    [(10.0, "inside"), (20.0, "outside"), (11.9, "undecided: the interval of model is in part inside")],
)
def test_inside_is_the_whole_interval_over_realisations(rate: float, told: str) -> None:
    """The target: 8 subjects, 10 +- 2 Hz, 95 % interval 8.3 to 11.7."""
    target = made("rec", {str(k): (str(k), NO_FACTORS, [[1.0, 8.0 + 4.0 * (k % 2)]]) for k in range(8)}, half=1.0)
    model = made("model", {str(k): (str(k), NO_FACTORS, [[1.0, rate + 0.4 * k - 0.6]]) for k in range(4)}, half=1.0)
    assert cell({"rec": target, "model": model}).inside.item() == told


def test_inside_needs_intervals() -> None:
    target, one = animals("rec", 6, 5.0), made("model", {"0": ("0", NO_FACTORS, [[1.0, 10.0]])}, half=1.0)
    assert cell({"rec": target, "model": one}).inside.item() == "undecided: model has no interval"
    single = made("rec", {"0": ("0", NO_FACTORS, [[1.0, 10.0]])}, half=1.0)
    assert cell({"rec": single, "model": animals("model", 6, 5.0)}).inside.item() == "undecided: rec has no interval"


def test_what_is_not_comparable_has_the_same_reason_for_scores() -> None:
    absent = Contrast(metrics=["firing_rate"], epoch="never")
    found = cell({"rec": animals("rec", 6, 5.0), "model": animals("model", 4, 5.0)}, absent)
    assert found.score_reason.item() == found.reason.item() != ""
    assert np.isnan(found.score).all()
    assert found.inside.item() == ""
