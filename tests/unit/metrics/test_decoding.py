"""Decoding: against scikit-learn, by hand, and of what must not be decodable. Each guard is shown to matter without it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import stats
from scipy.signal import lfilter
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from homeoanalysis import catalogue
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import decoding, discrimination, synthetic
from homeoanalysis.provenance import rng_for

accuracy_of = catalogue.load("metrics", "decoding_accuracy")


@pytest.mark.slow
def test_the_decoder_is_that_of_scikit_learn_at_every_shrinkage() -> None:
    """With the same shrunk covariance; and of many labellings each is decoded as it is alone."""
    rng = rng_for(1, "sklearn")
    label = np.repeat(np.arange(4), 30)
    train = rng.normal(size=(120, 10)) + 0.7 * rng.normal(size=(4, 10))[label]
    test = rng.normal(size=(300, 10))
    labellings = np.stack([label, rng.permutation(label), rng.permutation(label)])
    mean = np.stack([[train[one == k].mean(axis=0) for k in range(4)] for one in labellings])
    ours = decoding.Decoder(train, test).predict(mean, np.full(4, 30.0))
    x, y = ((each - train.mean(axis=0)) / train.std(axis=0) for each in (train, test))
    for p, one in enumerate(labellings):
        within = sum(np.cov(x[one == k].T, bias=True) for k in range(4)) / 4
        for r, ridge in enumerate(decoding._RIDGES):
            odds = ridge * 10 / np.trace(within)
            theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=odds / (1 + odds)).fit(x, one).predict(y)
            np.testing.assert_array_equal(ours[r, p], theirs)


@pytest.mark.slow
def test_more_features_than_trials_and_features_that_do_not_vary() -> None:
    rng = rng_for(1, "wide")
    label = np.tile([0, 1], 30)
    wide = np.concatenate([rng.normal(size=(60, 200)), 3.0 + np.zeros((60, 5))], axis=1)
    wide[:, :20] += label[:, None]
    fold = decoding.folds(label, "time").fold
    assert decoding.accuracy(wide, label[None], fold)[0] > 0.9
    assert decoding.accuracy(np.zeros((60, 3)), label[None], fold)[0] == pytest.approx(0.5)


def test_accuracy_is_balanced() -> None:
    """Nine trials in ten are of one stimulus: to say always that one is worth 1/2."""
    rng = rng_for(1, "balanced")
    label = np.tile([0] * 9 + [1], 40)
    noise = [decoding.accuracy(rng.normal(size=(400, 3)), label[None], decoding.folds(label, "time").fold)[0] for _ in range(30)]
    assert np.mean(noise) == pytest.approx(0.5, abs=4 * np.std(noise) / np.sqrt(30))


def rejected(response: np.ndarray, label: np.ndarray, fold: np.ndarray, shuffles: np.ndarray) -> bool:
    """Whether p is at most 5 % (5 of 100 draws, the true one with them)."""
    found = decoding.accuracy(response, np.concatenate([label[None], shuffles]), fold)
    return bool(np.count_nonzero(found[1:] >= found[0] - 1e-12) < 5)


@pytest.mark.slow
def test_shuffled_labels_are_decoded_at_chance() -> None:
    hits = []
    for draw in range(500):
        rng = rng_for(1, "chance", draw)
        label = rng.permutation(np.repeat(np.arange(3), 20))
        fold = decoding.folds(label, "time").fold
        if decoding.folds(label, "time").reason:
            continue
        hits.append(rejected(rng.poisson(3.0, (60, 8)).astype(float), label, fold, decoding.shuffled(label, fold, 99, rng)))
    fault = binomial_rule(hits, 0.05)
    assert len(hits) > 450
    assert not fault, fault


@pytest.mark.slow
def test_what_is_in_the_test_fold_alone_is_not_decoded() -> None:
    """Responses of one fifth of the session follow the stimulus, all others nothing. Folds at random do decode that."""
    in_time, at_random = [], []
    for draw in range(200):
        rng = rng_for(1, "one fold", draw)
        label = np.tile([0, 1], 50)
        fold = decoding.folds(label, "time").fold
        response = rng.normal(size=(100, 4)) + 6.0 * ((fold == draw % 5) * label)[:, None]
        in_time.append(decoding.accuracy(response, label[None], fold)[0])
        at_random.append(decoding.accuracy(response, label[None], rng.permutation(fold))[0])
    assert np.mean(in_time) < 0.5 + 4 * np.std(in_time) / np.sqrt(200)
    assert np.mean(at_random) > 0.53


@pytest.mark.slow
def test_slow_drift_is_not_decoded() -> None:
    """Stimuli in runs of five, and responses that only drift. Every fifth trial as a fold, shuffled singly, decodes the drift."""
    in_time, naive = [], []
    for draw in range(300):
        rng = rng_for(1, "drift", draw)
        label = np.repeat(rng.permuted(np.tile([0, 1], (20, 1)), axis=1).ravel(), 5)
        response = lfilter([1], [1, -0.9], rng.normal(size=(250, 10)), axis=0)[50:]
        fold = decoding.folds(label, "time").fold
        in_time.append(rejected(response, label, fold, decoding.shuffled(label, fold, 99, rng)))
        single = rng.permuted(np.tile(label, (99, 1)), axis=1)
        if draw < 100:
            naive.append(rejected(response, label, np.arange(200) % 5, balanced(single, label, np.arange(200) % 5)))
    fault = binomial_rule(in_time, 0.05, at_most=True)
    assert not fault, fault
    assert np.mean(naive) > 0.3


def balanced(shuffles: np.ndarray, label: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Labels shuffled over all trials, then within folds, so that each fold has as many of each as it had."""
    found = np.empty_like(shuffles)
    rng = rng_for(1, "balanced shuffles")
    for f in np.unique(fold):
        found[:, fold == f] = rng.permuted(np.tile(label[fold == f], (len(shuffles), 1)), axis=1)
    return found


def test_labels_that_follow_time_are_refused_or_not_significant() -> None:
    """One stimulus after the other: refused. Ever more of one: decoded from the drift, and so are its shuffles."""
    assert "cannot be told from the time" in decoding.folds(np.repeat(np.arange(7), 10), "time").reason
    rng = rng_for(1, "trend")
    for label in (np.repeat([0, 1], 100), (rng.uniform(size=200) < np.linspace(0.1, 0.9, 200)).astype(int)):
        fold = decoding.folds(label, "time").fold
        response = np.linspace(0, 4, 200)[:, None] + rng.normal(size=(200, 3))
        found = decoding.accuracy(response, np.concatenate([label[None], decoding.shuffled(label, fold, 199, rng)]), fold)
        assert found[0] > 0.6
        assert np.mean(found[1:] >= found[0] - 1e-12) > 0.05


def test_shuffles_keep_what_a_fold_holds_and_runs_together() -> None:
    label = np.array([0, 0, 0, 1, 1, 2] * 5)
    fold = decoding.folds(label, "time").fold
    for one in decoding.shuffled(label, fold, 50, rng_for(1, "runs")):
        for f in range(5):
            np.testing.assert_array_equal(np.sort(one[fold == f]), np.sort(label[fold == f]))
            assert np.count_nonzero(np.diff(one[fold == f])) == 2  # three runs


def test_folds_of_repeats_hold_the_same_repeats_of_all() -> None:
    fold = decoding.folds(np.repeat([0, 1, 2], 10), "repeats")
    assert fold.reason == ""
    np.testing.assert_array_equal(fold.fold, np.tile(np.repeat(np.arange(5), 2), 3))


@pytest.mark.slow
def test_conditions_are_made_equal() -> None:
    """Twice the units decode better; at equal units, trials and rates they do not. Less than is asked for is said."""
    means = np.array([2.0, 3.0])
    few, many = (synthetic.stimulated(means, n, rng_for(1, "equal", n), units=u) for n, u in ((60, 4), (120, 16)))
    as_they_are = [float(accuracy_of.estimate(one, end=0.1).values[0]) for one in (few, many)]
    equal = dict(end=0.1, units=4, trials_each=60, rate=20.0)
    same = [float(accuracy_of.estimate(one, **equal).values[0]) for one in (few, many)]
    assert as_they_are[1] > as_they_are[0] + 0.1
    assert abs(same[1] - same[0]) < 0.06
    for key, value, why in (("units", 5, "4 units"), ("trials_each", 70, "60 trials"), ("rate", 60.0, "spikes of a unit")):
        found = accuracy_of(few, end=0.1, **{key: value})
        assert np.isnan(found.decoding_accuracy[0])
        assert why in str(found.reason.values[0])


def test_trials_in_which_a_unit_was_not_observed_are_left_out() -> None:
    one = synthetic.stimulated(np.array([2.0, 4.0]), 50, rng_for(1, "left out"))
    half = float(one.segment_stop[0]) / 2
    two = one.drop_dims("segment").assign(
        segment_start=("segment", [0.0, half], {"units": "s"}),
        segment_stop=("segment", [half, 2 * half], {"units": "s"}),
        observed=(("unit", "segment"), [[1, 1], [1, 1], [1, 0]], {"units": "1"}),
    )
    found = accuracy_of(two, end=0.1)
    assert found.decoding_accuracy_left_out[0] + 50 == 100
    assert found.decoding_accuracy_units[0] == 3


def test_d_prime_is_the_corrected_effect_size_by_hand() -> None:
    """Hedges' J is 1 - 3 / (4 df - 1) to its order; p is Welch's."""
    rng = rng_for(1, "d prime")
    first, second = rng.normal(0, 1, (20, 1)), rng.normal(1.2, 1.5, (20, 1))
    found = discrimination.d_prime(first, second)
    raw = (second.mean() - first.mean()) / np.sqrt((first.var(ddof=1) + second.var(ddof=1)) / 2)
    df = stats.ttest_ind(second, first, equal_var=False).df[0]
    assert found.value[0] == pytest.approx(raw * (1 - 3 / (4 * df - 1)), rel=1e-4)
    assert found.p[0] == pytest.approx(stats.ttest_ind(second, first, equal_var=False).pvalue[0], rel=1e-9)


def test_correlations_that_limit_information_are_seen() -> None:
    """Noise along the signal: information saturates, that of shuffled trials grows with units. Not corrected it is high."""
    values, plain = [], []
    for draw in range(30):
        rng = rng_for(1, "limiting", draw)
        both = [k * 0.5 + rng.normal(size=(100, 60)) + 0.5 * rng.normal(size=(100, 1)) for k in (0, 1)]
        found = discrimination.fisher_information(*both)
        values.append([float(found.value), discrimination.shuffled_fisher_information(*both)])
        difference = both[1].mean(axis=0) - both[0].mean(axis=0)
        plain.append(difference @ np.linalg.solve((np.cov(both[0].T) + np.cov(both[1].T)) / 2, difference))
    error = 4 * np.std(values, axis=0) / np.sqrt(30)
    expected = 0.25 * 60 / (1 + 0.25 * 60), 0.25 * 60 / 1.25
    np.testing.assert_array_less(np.abs(np.mean(values, axis=0) - expected), error)
    assert np.mean(plain) > expected[0] + 1


def test_which_two_stimuli_must_be_said() -> None:
    one = synthetic.stimulated(np.arange(1.0, 4.0), 20, rng_for(1, "three"))
    d = catalogue.load("metrics", "discriminability")
    with pytest.raises(DataError, match="name them in `stimuli`"):
        d(one, end=0.1)
    with pytest.raises(DataError, match="name two different ones"):
        d(one, end=0.1, stimuli=["stimulus 0", "stimulus 0"])
    written = catalogue.parameters("metrics", "discriminability").model_validate({"end": "1 s", "stimuli": ["a", "b"]})
    assert written.model_dump()["stimuli"] == ["a", "b"]
    with pytest.raises(NotApplicable, match="no trial has the stimulus 'stimulis 1'; did you mean"):
        d(one, end=0.1, stimuli=["stimulus 0", "stimulis 1"])
    up, down = (
        d(one, end=0.1, stimuli=s).discriminability.values for s in (["stimulus 0", "stimulus 2"], ["stimulus 2", "stimulus 0"])
    )
    np.testing.assert_allclose(up, -down)
    assert (up > 0).all()


@pytest.mark.slow
def test_odours_are_decoded_as_published(recorded: Callable[[str], Path]) -> None:
    """Rozenfeld et al. 2023, low concentration: lost at 0 days, back at 2 to 4 days. Isoamyl acetate or linalool, one neuron.

    The file does not say in which order trials were given: repeats are the folds. Half of the accuracy is chance.
    """

    name = "rozenfeld2023_low_concentration"
    one = load_config(Path(__file__).parents[3] / "config").recordings[name]
    found: dict[tuple[str, str], list[float]] = {}
    for replicate, entry in one.replicates.items():
        files = {role: recorded(f"{one.source.mirror}/{file.name}") for role, file in entry.all_files().items()}
        fly = ingest(one, name=name, replicate=replicate, files=files)
        if {"IAA", "linalool"} <= set(fly.stimulus.values):
            factors = json.loads(fly.attrs["factors"])
            told = accuracy_of.estimate(
                fly, begin=0.5, end=1.5, bin_size=0.05, folds="repeats", stimuli=["IAA", "linalool"]
            ).values
            found.setdefault((str(factors["age"]), factors["genotype"]), []).append(float(told[0]))
    assert {key: len(x) for key, x in found.items()} == {
        ("3", "control"): 46, ("3", "cac_RNAi"): 50, ("0", "control"): 50, ("0", "cac_RNAi"): 50
    }  # fmt: skip
    assert {key: round(float(np.mean(x)), 3) for key, x in found.items()} == {
        ("3", "control"): 0.798, ("3", "cac_RNAi"): 0.812, ("0", "control"): 0.893, ("0", "cac_RNAi"): 0.707
    }  # fmt: skip
    low, high = zip(*(interval(found[age, "cac_RNAi"], found[age, "control"]) for age in "03"), strict=True)
    assert high[0] < -0.1
    assert low[1] < 0 < high[1] < 0.1


@pytest.mark.slow
def test_what_some_flies_tell_of_odours_others_tell_too(recorded: Callable[[str], Path]) -> None:
    """Rozenfeld et al. 2023, 45 flies one after the other, so that each fifth is nine whole flies. Control and knock-down.

    At the low concentration lost at 0 days and back at 2 to 4 days, at the high one at chance at both ages. Control: folds of
    trials at random, which know the flies, read more.
    """
    found, known = {}, {}
    for dose in ("low", "high"):
        name = f"rozenfeld2023_{dose}_concentration_pooled"
        one = load_config(Path(__file__).parents[3] / "config").recordings[name]
        for replicate, entry in one.replicates.items():
            files = {role: recorded(f"{one.source.mirror}/{file.name}") for role, file in entry.all_files().items()}
            flies = ingest(one, name=name, replicate=replicate, files=files)
            told = accuracy_of.estimate(flies, begin=0.5, end=1.5, bin_size=0.05, folds="repeats").values
            found[dose, replicate] = round(float(told[0]), 3)
            response = flies.binned_count.values[:, 0, 10:30].astype(float)
            label = np.unique(flies.stimulus.values.astype(str), return_inverse=True)[1]
            fold = rng_for(1, "flies", replicate).permutation(np.arange(label.size) % 5)
            known[dose, replicate] = decoding.accuracy(response, label[None], fold)[0]
    assert found == {
        ("low", "d0_control"): 0.614, ("low", "d0_cac_RNAi"): 0.546,
        ("low", "d2to4_control"): 0.597, ("low", "d2to4_cac_RNAi"): 0.62,
        ("high", "d0_control"): 0.712, ("high", "d0_cac_RNAi"): 0.519,
        ("high", "d2to4_control"): 0.662, ("high", "d2to4_cac_RNAi"): 0.52,
    }  # fmt: skip
    assert np.mean(list(known.values())) > np.mean(list(found.values())) + 0.02


def interval(x: list[float], y: list[float]) -> tuple[float, float]:
    """Welch's interval of the difference of two means."""
    found = stats.ttest_ind(x, y, equal_var=False).confidence_interval()
    return float(found.low), float(found.high)
