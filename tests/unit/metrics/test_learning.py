"""Retention, forgetting, savings and transfer: closed forms, what must not be found, and mistakes of a user."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue, simulate
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.measure import measure
from homeoanalysis.metrics.retention_half_life import _fitted
from homeoanalysis.numerics import performance, resampling, synthetic
from homeoanalysis.numerics.population_trials import Population
from homeoanalysis.provenance import rng_for

ASKED = performance.Asked(0.0, 0.1, None, None, None, None)


def measured(name: str, one: xr.Dataset, **given):  # type: ignore[no-untyped-def]
    found = catalogue.load("metrics", name)(one, **{"end": 0.1} | given)
    values = {key.removeprefix(name).lstrip("_"): value.values for key, value in found.data_vars.items()}
    return {key: float(value) if value.ndim == 0 else value for key, value in values.items()} | {
        "reason": str(found.reason.values)
    }


def mean_of(name: str, share: dict[str, np.ndarray], draws: int = 30, **given):  # type: ignore[no-untyped-def]
    """Mean over activities in which so much is remembered, and four standard errors of it."""
    each = [measured(name, synthetic.remembered(share, rng_for(1, name, k)), **given)[""] for k in range(draws)]
    return np.mean(each), 4 * np.std(each) / np.sqrt(draws)


# ---- performance


def poisson(mean: np.ndarray, trials: int, rng: np.random.Generator) -> Population:
    """Counts of mean (stimulus, unit)."""
    label = rng.permutation(np.repeat(np.arange(len(mean)), trials))
    spikes = rng.poisson(mean[label])[:, :, None]
    return Population(spikes, label, [f"s{k}" for k in range(len(mean))], np.arange(mean.shape[1]), 0)


def test_decoding_is_that_of_the_metric_with_its_interval() -> None:
    one = synthetic.in_two_epochs(synthetic.stimulated(np.array([2.0, 3.0]), 80, rng_for(1, "same")))
    found = performance.in_epochs(one, ["recovery"], ASKED)["recovery"]
    expected = catalogue.load("metrics", "decoding_accuracy")(one, end=0.1).sel(epoch="recovery")
    assert found.value == float(expected.decoding_accuracy)
    # 200 shuffles instead of 1000: their spread is known to a twentieth.
    assert found.ends[1] == pytest.approx(float(expected.decoding_accuracy_low), abs=0.02)


def test_recall_is_the_share_of_pairs_of_trials_in_the_right_order() -> None:
    """By hand, pair by pair; the same whatever the gain of a unit and of all."""
    rng = rng_for(1, "pairs")
    shown, cued = poisson(rng.uniform(1, 9, (3, 5)), 20, rng), poisson(rng.uniform(1, 9, (3, 5)), 8, rng)
    whole, part = performance.responses(shown), performance.responses(cued)
    means = np.stack([whole[shown.stimulus == k].mean(axis=0) for k in range(3)])
    spread = np.sqrt(np.mean((whole - means[shown.stimulus]) ** 2, axis=0))
    shares = []
    for k in range(3):
        score = (part / spread) @ ((means[k] - means.mean(axis=0)) / spread)
        pairs = [(a > b) + (a == b) / 2 for a in score[cued.stimulus == k] for b in score[cued.stimulus != k]]
        shares.append(np.mean(pairs))
    found = performance.recall(shown, cued)
    assert found.value == pytest.approx(np.mean(shares))
    louder = performance.recall(shown, cued._replace(spikes=3 * cued.spikes))
    assert louder.value == pytest.approx(found.value)


def test_recall_is_worth_as_many_trials_as_it_scatters() -> None:
    rng = rng_for(1, "worth")
    shown = poisson(np.array([[2.0, 4, 3], [4, 2, 3]]), 200, rng)
    every = [performance.recall(shown, poisson(np.array([[2.6, 3.4, 3], [3.4, 2.6, 3]]), 40, rng)) for _ in range(400)]
    value, worth = np.mean([e.value for e in every]), np.mean([1 / e.trials for e in every])
    assert np.var([e.value for e in every]) == pytest.approx(value * (1 - value) * worth, rel=4 * np.sqrt(2 / 400))


def test_a_cue_is_completed_only_where_the_rest_of_the_assembly_answers() -> None:
    """Units of the region `cued` follow the cue, those of `rest` complete it, or do not: then the cue alone tells the pattern."""
    rng = rng_for(1, "cue")
    whole = np.array([[12.0, 12, 2, 2, 12, 12, 2, 2], [2, 2, 12, 12, 2, 2, 12, 12]])
    silent = np.where(np.arange(8) < 4, whole, 5.0)
    for mean, is_completed in ((np.where(np.arange(8) < 4, whole, 0.5 * whole + 2), True), (silent, False)):
        label = np.concatenate([rng.permutation(np.repeat([0, 1], 40)) for _ in range(3)])
        count = rng.poisson(np.stack([whole, mean, mean])[np.repeat([0, 1, 2], 80), label])
        one = synthetic.counted(count, [f"pattern{k}" for k in label], rng)
        one = synthetic.with_epochs(one, 0.128 * 80 * np.arange(4), ["shown", "learnt", "later"])
        one = one.assign(region=("unit", ["cued"] * 4 + ["rest"] * 4))
        every = measured("forgetting", one, shown="shown")
        rest = measured("forgetting", one, shown="shown", region="rest")
        assert every["later"] > 0.99  # the cue is in it
        assert (rest["later"] > 0.9) is is_completed
        assert rest["low"] < 0 < rest["high"]
        if not is_completed:
            assert rest["later"] == pytest.approx(0.5, abs=0.2)
            assert np.isnan(rest["retained"])


def test_what_a_user_can_get_wrong() -> None:
    one = synthetic.remembered({"learnt": np.ones(40), "later": np.ones(40)}, rng_for(1, "wrong"))
    with pytest.raises(DataError, match="`shown` is 'learnt', where recall is tested too"):
        measured("forgetting", one, shown="learnt")
    with pytest.raises(NotApplicable, match="no unit is of the region 'CA1'"):
        measured("forgetting", one, region="CA1")
    with pytest.raises(NotApplicable, match="no such epoch: afterwards"):
        measured("forgetting", one, later="afterwards")
    with pytest.raises(NotApplicable, match="no trial has the stimulus 'stimulus 3'"):
        measured("transfer", one, naive="learnt", trained="later", stimuli=["stimulus 3"])
    few = synthetic.remembered({"learnt": np.ones(40), "later": np.ones(4)}, rng_for(1, "few"))
    assert measured("forgetting", few)["reason"] == "2 trials of a stimulus, and 5 parts"
    assert "too few trials of one" in measured("savings", few, first="learnt", second="later")["reason"]
    with pytest.raises(ValueError, match="at least 5 items"):
        catalogue.parameters("metrics", "retention_half_life").model_validate({"end": "1 s", "epochs": ["a", "b"]})
    tests = {f"t{k}": np.ones(40 if k else 4) for k in range(5)}
    found = measure([synthetic.remembered(tests, rng_for(1, "five"))], "retention_half_life", end=0.1, epochs=list(tests))
    assert "4 of 5 epochs have a performance" in found.not_applicable


# ---- closed forms


@pytest.mark.slow
def test_errors_that_learning_makes_are_its_time_constant() -> None:
    """Twice as fast is half of it saved; slower is negative. The first takes its time constant, less what is cut off."""
    trial = np.arange(480)
    slow, fast = (1 - np.exp(-trial / tau) for tau in (120.0, 60.0))
    for first, second, expected in ((slow, fast, 0.5), (fast, slow, -1.0)):
        kept = 1 - np.mean(1 - second) / np.mean(1 - first)
        assert kept == pytest.approx(expected, abs=0.05)
        value, error = mean_of("savings", {"learning": first, "relearning": second, "learnt": np.ones(480)})
        assert value == pytest.approx(kept, abs=error + 0.02)
    one = synthetic.remembered({"learning": slow, "relearning": fast, "learnt": np.ones(480)}, rng_for(1, "time constant"))
    assert measured("savings", one)["first"] == pytest.approx(np.sum(1 - slow), rel=0.25)


def test_nothing_can_be_saved_of_what_was_not_learnt() -> None:
    """Known from the first trial on: not told from none, so no value. Never known: the decoder has learnt nothing."""
    epochs = ("learning", "relearning", "learnt")
    known = synthetic.remembered({epoch: np.ones(240) for epoch in epochs}, rng_for(1, "known"))
    assert np.isnan(measured("savings", known)[""])
    assert measured("savings", known)["first"] == pytest.approx(0, abs=15)
    never = synthetic.remembered({epoch: np.zeros(240) for epoch in epochs}, rng_for(1, "no"))
    assert measured("savings", never)["learnt"] == pytest.approx(0.5, abs=0.15)
    silent = measured("savings", resampling.with_spikes(never, np.zeros(0), np.zeros(3, int)))
    assert np.isnan([silent["first"], silent["second"]]).all()
    assert silent["reason"] == "in the end the stimuli are told no better than by chance"


def test_the_share_of_hits_has_the_error_of_its_trials_though_hits_become_more() -> None:
    """Of a probability that rises from 0 to 1: one third less than a binomial share's."""
    from homeoanalysis.metrics.savings import _share

    p, label = np.linspace(0, 1, 400), np.tile([0, 1], 200)
    each = np.array([_share(rng_for(1, "rising", k).uniform(size=400) < p, label) for k in range(300)])
    assert np.mean(each[:, 1] ** 2) == pytest.approx(np.var(each[:, 0]), rel=4 * np.sqrt(2 / 300))
    assert np.mean(each[:, 1] ** 2) == pytest.approx(np.mean(p * (1 - p)) / 400, rel=0.05)


@pytest.mark.slow
def test_interference_is_negative_transfer_and_help_is_positive() -> None:
    for naive, trained in ((0.8, 0.3), (0.3, 0.8)):
        share = {"naive": np.full(240, naive), "trained": np.full(240, trained)}
        value, error = mean_of("transfer", share, draws=20)
        expected = 1 - (1 - trained * synthetic.REMEMBERED) / (1 - naive * synthetic.REMEMBERED)
        assert value == pytest.approx(expected, abs=error + 0.02 * abs(expected))
        assert (value > 0) == (trained > naive)


def course(share: np.ndarray, trials: float = 400.0, seed: str = ""):  # type: ignore[no-untyped-def]
    """The fit of shares above chance, of tests 10 s apart."""
    n = share.size
    right = rng_for(1, "course", seed).binomial(int(trials), (1 + share) / 2) / trials
    return _fitted(10.0 * np.arange(n), 2 * right - 1, np.full(n, 0.5), np.full(n, trials))[0]


def test_half_lives_that_cannot_be_told_are_not() -> None:
    """A line, what is observed for too short, what does not decay: censored, with the reason. What decays to a level has one."""
    time = 10.0 * np.arange(10)
    assert course(0.9 - 0.006 * time)["why"] == "a straight line is as good"
    flat = course(np.full(10, 0.8))
    assert np.isnan(flat[""])
    assert flat["_low"] > 0
    assert np.isinf(flat["_high"])
    growing = course(0.9 - 0.7 * 2 ** (-time / 15.0), trials=4000)
    assert growing["why"]
    short = course(0.9 * 2 ** (-time / 300.0))
    assert short["_censored"] == 1
    assert short["_low"] <= 300
    kept = course(0.3 + 0.6 * 2 ** (-time / 15.0), trials=4000)
    assert kept["_kept"] == pytest.approx(1 / 3, abs=0.05)
    assert kept["_low"] < 15.0 < kept["_high"] < 20
    gone = course(0.9 * 2 ** (-time / 25.0))
    assert gone["_kept"] == 0
    assert gone["_low"] < 25.0 < gone["_high"] < 35


def test_few_tests_have_no_second_level() -> None:
    """With five points Akaike's corrected criterion leaves none, so that a level that is kept is not told from a slow decay."""
    found = course(0.3 + 0.6 * 2 ** (-10.0 * np.arange(5) / 15.0), trials=4000)
    assert found["_kept"] == 0


# ---- a model


MODEL = """
title: Neurons that hear two patterns
citation: ""
dt: 0.1 ms
precision: float64
window: 100 ms
duration: 24 s
replicates: 1
batch: 1
populations:
  E: {n: 20, cell_type: E, neuron: lif_conductance}
protocols:
  heard:
    patterns:
      {population: E, channel: excitatory, weight: 20 nS, rate: 400 Hz, stimuli: 2, repeats: 80, trial: 100 ms, pause: 50 ms,
       fraction: 0.5}
epochs: {learnt: [0 s, 12 s], later: [12 s, 24 s]}
"""


@pytest.mark.slow
def test_a_network_that_does_not_change_forgets_nothing() -> None:
    """From the simulation of a model as from a recording; no rule is at work."""
    found = measure([simulate(MODEL, replicate=0, seed=1)], "forgetting", end=0.1)
    assert float(found.forgetting_learnt[0]) > 0.9
    assert float(found.forgetting_low[0]) < 0 < float(found.forgetting_high[0])
    assert float(found.forgetting_retained_low[0]) < 1 < float(found.forgetting_retained_high[0])
