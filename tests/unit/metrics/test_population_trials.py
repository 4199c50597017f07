"""What two populations, or one at two times, have in common: by hand, of causes told apart, and where the animal is."""

from collections.abc import Callable
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import stats
from scipy.signal import lfilter

from homeoanalysis import catalogue
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.ingest import ingest
from homeoanalysis.metrics.representational_drift import _slope as representation_slope
from homeoanalysis.numerics import representations, resampling, synthetic, trials
from homeoanalysis.numerics import trial_correlations as correlations
from homeoanalysis.numerics.intervals import median_interval
from homeoanalysis.provenance import rng_for

ROOT = Path(__file__).parents[3]


def in_two_epochs(first: np.ndarray, second: np.ndarray, trials: int, seed: str):  # type: ignore[no-untyped-def]
    """Poisson counts of mean (stimulus, unit) in two epochs."""
    rng = rng_for(1, seed)
    label = np.concatenate([rng.permutation(np.repeat(np.arange(len(first)), trials)) for _ in range(2)])
    count = rng.poisson(np.stack([first, second])[np.repeat([0, 1], label.size // 2), label])
    return synthetic.in_two_epochs(synthetic.counted(count, [f"s{k}" for k in label], rng))


def measured(name: str, one, **given):  # type: ignore[no-untyped-def]
    found = catalogue.load("metrics", name)(one, **{"end": 0.1} | given)
    return {key.removeprefix(name).lstrip("_"): float(value.values.ravel()[0]) for key, value in found.data_vars.items()}


# ---- noise and signal correlations


def test_correlations_of_residuals_by_hand() -> None:
    rng = rng_for(1, "by hand")
    stimulus, count = np.tile([0, 1], 60), rng.poisson(10.0, (120, 3)).astype(float)
    count[:, 1] += count[:, 0]
    z = correlations.residuals(count, stimulus)
    by_hand = [
        (count[stimulus == k, u] - count[stimulus == k, u].mean()) / count[stimulus == k, u].std(ddof=1)
        for k in (0, 1)
        for u in range(3)
    ]
    np.testing.assert_allclose(z[stimulus == 1, 2], by_hand[5])
    z = np.clip(z, -2, 2)  # no outliers, nor any if their limit were a fifth lower
    value, left_out = correlations.mean_of_pairs(z, 20)
    assert value == pytest.approx(np.corrcoef(z.T)[np.triu_indices(3, 1)].mean())
    assert left_out[3] == pytest.approx(np.corrcoef(np.delete(z, np.arange(18, 24), axis=0).T)[np.triu_indices(3, 1)].mean())


@pytest.mark.slow
def test_outliers_take_a_part_of_the_correlation_of_gaussian_numbers() -> None:
    """Of a small correlation as of the variance; of one of 0.3 as in a sample; nothing where nothing is left out."""
    small = float(synthetic.correlation_within(np.array(1e-4), 3.0))
    assert small == pytest.approx(1e-4 * stats.truncnorm.var(-3, 3), rel=1e-6)
    assert synthetic.correlation_within(np.array([0.3, -0.8]), 9.0) == pytest.approx([0.3, -0.8])
    z = rng_for(1, "two normal numbers").multivariate_normal([0, 0], [[1, 0.3], [0.3, 1]], 400_000)
    found, left_out = correlations.mean_of_pairs(z, 100)
    error = np.sqrt(99 * left_out.var())
    assert abs(found - synthetic.correlation_within(np.array(0.3), correlations.OUTLIER)) < 4 * error < 0.006


def test_slow_drift_is_no_noise_correlation() -> None:
    """Independent units that wax and wane together; an artefact in two trials is an outlier."""
    rng = rng_for(1, "common drift")
    mean = 20 + 8 * np.sin(np.arange(400) / 400 * 4 * np.pi)
    count = rng.poisson(mean[:, None], (400, 6))
    found = measured("noise_correlation", synthetic.counted(count, ["tone", "click"] * 200, rng))
    assert found["with_drift"] > 0.4
    assert found["low"] < 0 < found["high"] < 0.06
    count = rng.poisson(20.0, (400, 6))
    count[[100, 300]] = 120
    found = measured("noise_correlation", synthetic.counted(count, ["tone", "click"] * 200, rng))
    assert abs(found[""]) < 0.04
    assert np.corrcoef(count.T)[0, 1] > 0.3


def drift_together(tau: float, shared: float, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """160 trials of 8 stimuli; log gains of 20 Poisson units drift by 0.4 (OU, tau trials), of which units share a part."""
    kept = np.exp(-1 / tau)
    course = rng.standard_normal((160, 21))
    for k in range(1, 160):
        course[k] = kept * course[k - 1] + np.sqrt(1 - kept**2) * course[k]
    log_gain = 0.4 * (np.sqrt(shared) * course[:, :1] + np.sqrt(1 - shared) * course[:, 1:])
    label = rng.permutation(np.repeat(np.arange(8), 20))
    tuned = 1 + 4 * np.exp(2 * np.cos(2 * np.pi * label[:, None] / 8 - rng.uniform(0, 2 * np.pi, 20)) - 2)
    return synthetic.counted(rng.poisson(tuned * np.exp(log_gain)), [f"stimulus {k}" for k in label], rng)


def measure_drifting(tau: float, shared: float, draws: int = 40) -> tuple[float, int]:
    """The share of recordings whose interval is withheld, and how many of the others exclude 0."""
    found = [measured("noise_correlation", drift_together(tau, shared, rng_for(k, "drift", int(tau)))) for k in range(draws)]
    shown = [one for one in found if np.isfinite(one["low"])]
    return 1 - len(shown) / draws, sum(not one["low"] <= 0 <= one["high"] for one in shown)


@pytest.mark.slow
def test_a_shared_drift_is_taken_out_or_the_interval_is_withheld() -> None:
    """Over 60 trials it is taken out, within 5 trials it cannot be told from noise; a private one is no reason."""
    withheld, wrong = measure_drifting(60.0, 0.5)
    assert withheld < 0.6
    assert stats.binom.sf(wrong - 1, 40, 0.07) > 0.01
    assert measure_drifting(5.0, 0.5)[0] > 0.8
    assert measure_drifting(5.0, 0.0)[0] < 0.1
    made = drift_together(5.0, 0.5, rng_for(1, "drift", 5))
    reason = str(catalogue.load("metrics", "noise_correlation")(made, end=0.1).reason.values[0])
    assert "drift that changes from trial to trial" in reason


def test_what_a_random_walk_leaves_is_estimated() -> None:
    """(width + 1) / 6 of what its covariance loses from trial to trial: half of the variance of a step."""
    rng = rng_for(1, "walk")
    walk = np.cumsum(0.1 * rng.standard_normal(40_000))
    walk = walk[100:-100] - np.convolve(walk, np.full(201, 1 / 201), mode="valid")  # of a bounded size
    z = walk[:, None] + rng.standard_normal((walk.size, 30))
    z /= z.std(axis=0)
    known = 0.01 / 2 * (7 + 1) / 6 / (1 + walk.var())
    left = correlations.detrended(z, np.zeros(walk.size, np.intp), 7)
    assert np.cov(left.T)[np.triu_indices(30, 1)].mean() * 7 / 6 == pytest.approx(known, rel=0.2)
    assert correlations.drift_left(z, 7) == pytest.approx(known, rel=0.2)
    assert correlations.drift_left(rng.standard_normal(z.shape), 7) < known / 5


def profiled(name: str, one, edges: list[float]):  # type: ignore[no-untyped-def]
    found = catalogue.load("metrics", name)(one, end=0.1, edges=edges)
    return {key.removeprefix(name).lstrip("_"): value.values[0] for key, value in found.data_vars.items()}


def test_correlation_in_bins_is_the_mean_over_their_pairs_by_hand() -> None:
    """Every pair of residuals alone, by numpy; a pair on an edge belongs to the later bin, beyond the last to none."""
    rng = rng_for(1, "bins")
    x = np.array([0.0, 100, 200, 400]) * 1e-6
    count = rng.poisson(20.0, (120, 4)) + 3 * rng.poisson(4.0, (120, 1))
    one = synthetic.counted(count, ["tone", "click"] * 60, rng).assign(x=("unit", x, {"units": "m"}))
    z = np.clip(correlations.residuals(count.astype(float), np.tile([1, 0], 60)), -2.999, 2.999)
    assert np.abs(z).max() < 2.9  # no outliers
    each = np.corrcoef(z.T)
    found = profiled("noise_correlation_by_distance", one, [0.0, 200e-6, 400e-6])
    np.testing.assert_array_equal(found["pairs"], [2, 3])
    np.testing.assert_allclose(found["with_drift"], [(each[0, 1] + each[1, 2]) / 2, (each[0, 2] + each[2, 3] + each[1, 3]) / 3])
    unknown = one.assign(x=("unit", np.where(x > 3e-4, np.nan, x), {"units": "m"}))
    assert profiled("noise_correlation_by_distance", unknown, [0.0, 1e-3])["pairs"] == 3


def test_drift_is_told_from_noise_correlation_in_each_bin() -> None:
    """Units that wax and wane together: correlated at all rates with the drift, at none without it."""
    rng = rng_for(1, "drift in bins")
    mean = np.array([8.0, 10, 30, 40]) * (1 + 0.5 * np.sin(np.arange(400) / 400 * 4 * np.pi))[:, None]
    one = synthetic.counted(rng.poisson(mean), ["tone", "click"] * 200, rng)
    found = profiled("noise_correlation_by_rate", one, [0.0, 150.0, 320.0, 1000.0])
    np.testing.assert_array_equal(found["pairs"], [1, 4, 1])
    assert (found["with_drift_low"] > 0.2).all()
    assert (np.abs(found[""]) < 0.15).all()
    np.testing.assert_array_less(found["high"], found["with_drift_low"])


def test_edges_that_do_not_rise_and_units_without_a_place() -> None:
    one = synthetic.stimulated(np.array([2.0, 6.0]), 40, rng_for(1, "edges"))
    with pytest.raises(DataError, match="edges are 0, 5, 5; let each be larger than the one before"):
        profiled("noise_correlation_by_rate", one, [0.0, 5.0, 5.0])
    with pytest.raises(NotApplicable, match="no positions of units"):
        profiled("noise_correlation_by_distance", one, [0.0, 1e-3])


def test_shuffled_trials_keep_what_each_unit_does() -> None:
    rng = rng_for(1, "shuffled")
    one = synthetic.stimulated(np.array([2.0, 6.0]), 40, rng)
    other = resampling.shuffled_trials(one, rng)
    before, after = (trials.counts(x, 0.0, 0.1).spikes[:, :, 0] for x in (one, other))
    stimulus = trials.counts(one, 0.0, 0.1).stimulus
    for k in (0, 1):
        np.testing.assert_array_equal(np.sort(before[:, stimulus == k], axis=1), np.sort(after[:, stimulus == k], axis=1))
    assert not np.array_equal(before, after)


# ---- drift


def test_rate_drift_and_tuning_drift_are_told_apart() -> None:
    rng = rng_for(1, "apart")
    tuning, rate = rng.uniform(0, 10, (5, 40)), rng.uniform(5, 30, (2, 1, 40))
    rates = measured("population_vector_correlation", in_two_epochs(rate[0] + tuning, rate[1] + tuning, 40, "rates"))
    assert rates["tuning"] == pytest.approx(1.0, abs=0.03)
    assert abs(rates["rate"]) < 0.5
    other = rng.permuted(tuning, axis=0)
    tunings = measured("population_vector_correlation", in_two_epochs(rate[0] + tuning, rate[0] + other, 40, "tunings"))
    assert tunings["rate"] == pytest.approx(1.0, abs=0.03)
    assert abs(tunings["tuning"]) < 0.2


def test_the_drift_of_sessions_is_by_hand_and_of_what_drifts() -> None:
    """ln C falls by the lag, whatever the unit; with rates that drift alone, tuning does not. A step at once is no drift."""
    lag = np.array([1.0, 2, 1])
    slope, level = representation_slope(0.8 * np.exp(-0.3 * lag), lag)
    assert (slope, np.exp(level)) == pytest.approx((0.3, 0.8))
    rng = rng_for(1, "sessions")
    tuning, rate = rng.uniform(0, 8, (5, 60)), np.cumsum(4 * rng.normal(size=(4, 1, 60)), axis=0)
    found = drift_of([np.maximum(25 + tuning + r, 0) for r in rate])
    assert found["rate_low"] > 0
    assert found["tuning_low"] < 0.001
    assert abs(found["tuning"]) < found["rate"] / 5
    step = drift_of([25 + 8 * rng.uniform(-1, 1, (5, 60)) + 8 * tuning / 3 for _ in range(4)])
    assert abs(step["tuning"]) < 3e-3
    assert step["fast"] < 0.95


def drift_of(codes: list[np.ndarray]):  # type: ignore[no-untyped-def]
    """Of Poisson counts of mean (stimulus, unit) in each session, 24 trials of each stimulus."""
    rng = rng_for(1, "drift of", len(codes))
    n = 24 * len(codes[0])
    label = np.concatenate([rng.permutation(np.arange(n) % len(codes[0])) for _ in codes])
    count = rng.poisson(np.stack(codes)[np.repeat(np.arange(len(codes)), n), label])
    names = [f"day {k}" for k in range(len(codes))]
    made = synthetic.counted(count, [f"s{k}" for k in label], rng)
    one = synthetic.with_epochs(made, np.linspace(0, 0.128 * label.size, len(codes) + 1), names)
    found = catalogue.load("metrics", "representational_drift")(one, end=0.1, sessions=names)
    return {
        key.removeprefix("representational_drift").lstrip("_"): float(value)
        for key, value in found.data_vars.items()
        if not value.ndim
    }


def test_units_that_are_lost_are_counted_and_not_compared() -> None:
    """Ten units of sixty are not isolated in the last session, ten others not in the first."""
    rng = rng_for(1, "lost")
    n, code = 100, rng.uniform(10, 30, (5, 60))
    label = np.concatenate([rng.permutation(np.arange(n) % 5) for _ in range(3)])
    names = ["1", "2", "3"]
    made = synthetic.counted(rng.poisson(code[label]), [f"s{k}" for k in label], rng)
    edge = np.linspace(0, 0.128 * 300, 4)
    seen = np.ones((60, 3))
    seen[:10, 2] = seen[10:20, 0] = 0
    one = (
        synthetic.with_epochs(made, edge, names)
        .drop_dims("segment")
        .assign(
            segment_start=("segment", edge[:-1], {"units": "s"}),
            segment_stop=("segment", edge[1:], {"units": "s"}),
            observed=(("unit", "segment"), seen, {"units": "1"}),
        )
    )
    found = catalogue.load("metrics", "representational_drift")(one, end=0.1, sessions=names)
    assert float(found.representational_drift_units) == 50
    assert float(found.representational_drift_survival) == 0.8
    assert abs(float(found.representational_drift)) < 1e-3


def test_noise_is_no_drift() -> None:
    """Few trials of a code that does not change: uncorrected it seems to drift."""
    code = rng_for(1, "code").uniform(8, 12, (5, 60))
    found = [measured("population_vector_correlation", in_two_epochs(code, code, 5, f"noise {k}")) for k in range(10)]
    assert np.mean([f[""] for f in found]) == pytest.approx(1.0, abs=0.05)
    assert np.mean([f["uncorrected"] for f in found]) < 0.6


def test_a_code_that_turns_round_is_not_read_by_the_old_decoder() -> None:
    code = np.array([[3.0, 9, 3, 9], [9, 3, 9, 3]])
    found = measured("decoder_transfer", in_two_epochs(code, code[::-1], 40, "turned"))
    assert found["within"] > 0.95
    assert found[""] < 0.05
    with pytest.raises(NotApplicable, match="no such epoch: later"):
        measured("decoder_transfer", in_two_epochs(code, code, 40, "epochs"), recovery="later")


@pytest.mark.parametrize("trials", [10, 26, 29, 36, 44])  # of which 1 / n, added up, is more than 1
def test_all_that_is_told_is_no_more_than_all(trials: int) -> None:
    code = np.array([[3.0, 90, 3, 90], [90, 3, 90, 3]])
    found = measured("decoder_transfer", in_two_epochs(code, code, trials, "all"))
    assert 1 - 1e-9 < found[""] <= 1
    assert 1 - 1e-9 < found["within"] <= 1


# ---- dimensions


def test_dimensions_of_few_trials_are_not_underestimated() -> None:
    """30 independent units, 40 trials: the plug-in ratio finds half of them."""
    rng = rng_for(1, "few")
    plain, ours = [], []
    for _ in range(40):
        x = rng.normal(size=(40, 30))
        values = np.linalg.eigvalsh(np.cov(x.T))
        plain.append(values.sum() ** 2 / np.sum(values**2))
        x = np.concatenate([x, np.ones((40, 1))], axis=1)
        ours.append(representations.participation(x.T @ x))
    assert np.mean(plain) < 20
    assert np.mean(ours) == pytest.approx(30, abs=4 * np.std(ours) / np.sqrt(40) + 0.5)


# ---- places


def test_an_interval_of_a_median_knows_that_errors_depend_on_those_before() -> None:
    """Errors of correlation 0.8 from window to window: the interval of independent ones covers the median in two thirds."""
    ours, naive = [], []
    for draw in range(400):
        error = np.exp(lfilter([1], [1, -0.8], rng_for(1, "median", draw).normal(size=1050))[50:])
        low, high = median_interval(error, 20)
        ours.append(low <= 1 <= high)
        low, high = np.quantile(error, 0.5 + np.array([-1, 1]) * 1.96 * 0.5 / np.sqrt(error.size))
        naive.append(low <= 1 <= high)
    fault = binomial_rule(ours, 0.95)
    assert not fault, fault
    assert np.mean(naive) < 0.75


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "epoch", "error", "shuffled"),
    [("vandermeer_R050_ca1_tmaze", "task", 0.08, 0.6), ("nelpy_linear_track", "whole", 45.0, 120.0)],
)
def test_the_place_of_a_rat(name: str, epoch: str, error: float, shuffled: float, recorded: Callable[[str], Path]) -> None:
    """In metres on the maze, in pixels (421 from end to end) on the track. The control is turned in time."""
    one = load_config(ROOT / "config").recordings[name]
    ((replicate, entry),) = one.replicates.items()
    files = {role: recorded(f"{one.source.mirror or name}/{file.name}") for role, file in entry.all_files().items()}
    rat = ingest(one, name=name, replicate=replicate, files=files)
    if epoch != "whole":
        rat = rat.sel(epoch=[epoch])
    found = catalogue.load("metrics", "position_error")(rat)
    assert float(found.position_error[0]) < error
    assert float(found.position_error_shuffled[0]) > shuffled
    assert float(found.position_error_p[0]) == pytest.approx(1 / 101)


# ---- likeness


def twice(x: np.ndarray, noise: float, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two measurements of a representation."""
    first, second = x + noise * rng.normal(size=(2, *x.shape))
    return first, second


def test_alignment_is_one_but_for_rotation_and_scale_and_none_of_what_is_unrelated() -> None:
    """Ten samples of 500 units: the usual estimator finds more than 0.9 of anything with anything."""
    rng = rng_for(1, "alignment")
    x, q = rng.normal(size=(30, 40)), np.linalg.qr(rng.normal(size=(40, 40)))[0]
    assert representations.cka((x, x), (3 * x @ q + 7, 3 * x @ q + 7)) == pytest.approx(1.0)
    noisy = [representations.cka(twice(x, 0.5, rng), twice(2 * x @ q, 1.0, rng)) for _ in range(40)]
    assert np.mean(noisy) == pytest.approx(1.0, abs=4 * np.std(noisy) / np.sqrt(40) + 0.02)
    other, biased = [], []
    for _ in range(60):
        y, z = rng.normal(size=(2, 10, 500))
        other.append(representations.hsic(y @ y.T, z @ z.T))
        centre = np.eye(10) - 0.1
        k, m = (centre @ (w @ w.T) @ centre for w in (y, z))
        biased.append(np.sum(k * m) / np.sqrt(np.sum(k**2) * np.sum(m**2)))
    assert abs(np.mean(other)) < 4 * np.std(other) / np.sqrt(60)
    assert np.mean(biased) > 0.9


def test_unbiased_dependence_is_the_mean_over_quadruples() -> None:
    """The definition of Song et al.: over all ordered choices of four samples."""
    rng = rng_for(1, "quadruples")
    x, y = rng.normal(size=(2, 6, 3))
    k, m = x @ x.T, y @ y.T
    terms = [k[a, b] * (m[a, b] + m[c, d] - 2 * m[a, c]) for a, b, c, d in permutations(range(6), 4)]
    assert representations.hsic(k, m) == pytest.approx(np.mean(terms))


def test_distances_of_the_same_stimulus_are_zero_and_of_others_those_of_mahalanobis() -> None:
    rng = rng_for(1, "distances")
    mean, label = np.array([[10.0, 10], [10, 10], [16, 10]]), np.tile(np.arange(3), 20)
    found = np.array([representations.crossnobis(mean[label] + 2 * rng.normal(size=(60, 2)), label) for _ in range(200)])
    error = 4 * found.std(axis=0) / np.sqrt(200)
    np.testing.assert_array_less(np.abs(found.mean(axis=0) - [0, 4.5, 4.5]), error + 0.2)  # 36 / 4 / 2 units
    count = rng.normal(size=(60, 2))
    assert np.array_equal(representations.crossnobis(count, label.astype(np.uint8)), representations.crossnobis(count, label))


def test_similarity_falls_to_the_ceiling_by_noise_and_below_it_by_change() -> None:
    rng = rng_for(1, "similarity")
    code = 10 + 3 * rng.normal(size=(8, 20)).clip(-3, 3)
    name, seeds = "representational_similarity", range(6)
    same = [measured(name, in_two_epochs(code, code, 12, f"same {k}")) for k in seeds]
    other = [measured(name, in_two_epochs(code, code[rng.permutation(8)], 12, f"other {k}")) for k in seeds]
    assert np.mean([f[""] - f["ceiling"] for f in same]) == pytest.approx(0, abs=0.1)
    assert max(f["p"] for f in same) < 0.01
    assert np.mean([f["alignment"] for f in same]) == pytest.approx(1.0, abs=0.15)
    for key in ("", "alignment"):
        assert np.mean([f[key] for f in other]) < 0.5 * np.mean([f[key] for f in same])


def test_the_error_over_trials_is_that_of_a_mean_and_of_a_rank() -> None:
    """Of the difference of two means by hand; of a rank correlation what repeated experiments scatter around the code's own."""
    rng = rng_for(1, "resampled")
    x, y = rng.normal(0, 1, (40, 1)), rng.normal(0, 2, (60, 1))
    one = np.zeros(40, int), np.zeros(60, int)

    def difference(a: representations.Sample, b: representations.Sample) -> float:
        return float(a[0].mean() - b[0].mean())

    found = [representations.resampled(difference, ((x, one[0]), (y, one[1])), rng) for _ in range(40)]
    by_hand = sum(z[k::2].var(ddof=1) / z.size / 2 for z in (x, y) for k in (0, 1))
    assert np.var(found) == pytest.approx(by_hand, rel=4 * np.sqrt(2 / 4000))
    label, (i, j) = np.tile(np.arange(8), 24), np.triu_indices(8, 1)
    errors, squares = [], []
    for draw in range(100):
        code = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 20))
        own = np.sum((code[i] - code[j]) ** 2, axis=1)

        def similarity(a: representations.Sample, b: representations.Sample, own: np.ndarray = own) -> float:
            return representations.rank_correlation(representations.crossnobis(*a), own)

        sample = code[label] + rng.normal(size=(192, 20)), label
        errors.append(similarity(sample, sample) - 1)
        if draw % 5 == 0:
            squares.append(np.mean((representations.resampled(similarity, (sample, sample), rng) - errors[-1] - 1) ** 2))
    assert np.mean(squares) == pytest.approx(np.mean(np.square(errors)), rel=4 * np.sqrt(2 / 100))
