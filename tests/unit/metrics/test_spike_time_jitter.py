"""Jitter: pairs by hand, closed forms, and rates that change slowly, which are no precision."""

import numpy as np
import pytest
from binomial import binomial_rule

from homeoanalysis import catalogue
from homeoanalysis.numerics import jitter, synthetic
from homeoanalysis.provenance import rng_for


def random_spikes(n: int, trials: int, stimuli: int, rng: np.random.Generator) -> jitter.Spikes:
    trial = rng.integers(0, trials, n)
    return jitter.Spikes(rng.uniform(0, 1, n), trial, trial % stimuli)


def test_pairs_are_those_of_other_trials_of_the_same_stimulus_by_hand() -> None:
    spikes = random_spikes(120, 9, 2, rng_for(1, "by hand"))
    pairs = [
        (abs(spikes.time[i] - spikes.time[j]), *sorted((spikes.trial[i], spikes.trial[j])))
        for i in range(120)
        for j in range(i)
        if spikes.trial[i] != spikes.trial[j]
        and spikes.stimulus[i] == spikes.stimulus[j]
        and abs(spikes.time[i] - spikes.time[j]) <= 0.02
    ]
    lag, first, second = jitter.differences(spikes, 0.02)
    ours = zip(lag, np.minimum(first, second), np.maximum(first, second), strict=True)
    np.testing.assert_allclose(np.array(sorted(ours)), np.array(sorted(pairs)), atol=1e-12)
    assert jitter.Coincidences(spikes, 0.02, 1.0).found() == len(pairs)


@pytest.mark.parametrize("sigma", [0.5e-3, 1e-3, 4e-3])
def test_the_jitter_of_a_gaussian_is_found(sigma: float) -> None:
    """Of one event for each trial, which is the standard deviation of its times: n - 1 of n, as all pairs know it."""
    rng = rng_for(1, "gaussian", sigma)
    each = [jitter.fit(jitter.Spikes(sigma * rng.normal(size=60), np.arange(60), np.zeros(60, int)), 0.015) for _ in range(30)]
    found = np.array([one.sigma for one in each])
    assert found.mean() == pytest.approx(sigma, abs=4 * found.std() / np.sqrt(30))
    assert found.std() == pytest.approx(sigma / np.sqrt(2 * 59), rel=4 / np.sqrt(60))
    assert np.mean([one.low <= sigma <= one.high for one in each]) > 0.75


def test_moved_spikes_stay_in_their_interval_whatever_their_trial() -> None:
    spikes = random_spikes(500, 10, 1, rng_for(1, "moved"))
    rng = rng_for(1, "by")
    begin = 0.05 * rng.uniform()
    time = jitter._moved(spikes.time, 0.05, begin, 1.0, rng.uniform(size=500))
    assert np.abs(time - spikes.time).max() < 0.05
    assert 0 <= time.min() <= time.max() <= 1.0  # where spikes are lost, coincidences are, too
    np.testing.assert_array_equal(np.floor((time + begin) / 0.05), np.floor((spikes.time + begin) / 0.05))
    # What is counted are the pairs of those times, though moving puts spikes of a trial in another order.
    order = np.lexsort((spikes.time, spikes.trial))
    rng = rng_for(1, "by")
    begin = 0.05 * rng.uniform()
    moved = spikes._replace(
        time=jitter._moved(spikes.time[order], 0.05, begin, 1.0, rng.uniform(size=500)), trial=spikes.trial[order]
    )
    expected = jitter.differences(moved, 0.01)[0].size
    assert jitter.Coincidences(spikes, 0.01, 1.0).moved(0.05, 1, rng_for(1, "by")) == expected


@pytest.mark.slow
def test_a_rate_that_changes_slowly_is_no_precision() -> None:
    """Poisson spikes at 40 (1 + 0.8 sin(2 pi 3 t)) Hz: coincidences beyond chance, but not beyond that of moved spikes.

    The control is chance itself, spikes anywhere in the trial: it calls nearly all of these precise.
    """
    metric = catalogue.load("metrics", "spike_time_jitter")
    p, naive = [], []
    for draw in range(60):
        rng = rng_for(1, "slow", draw)
        start = 1.024 * np.arange(30, dtype=np.float64)
        time = np.sort(rng.uniform(0, 30.72, rng.poisson(72 * 30.72)))
        time = time[rng.uniform(size=time.size) < (1 + 0.8 * np.sin(2 * np.pi * 3 * (time % 1.024))) / 1.8]
        one = synthetic.with_trials(synthetic.activity([time], 30.72), start, 1.0, ["tone"] * 30)
        p.append(float(metric(one, end=1.0).spike_time_jitter_p[0, 0]) <= 0.05)
        trial = (time // 1.024).astype(int)
        spikes = jitter.Spikes(time % 1.024, trial, np.zeros(trial.size, int))
        drawn = [spikes._replace(time=rng.uniform(0, 1.024, trial.size)) for _ in range(39)]
        found, *anywhere = (jitter.Coincidences(one, 0.00375, 1.024).found() for one in (spikes, *drawn))
        naive.append(found > np.quantile(anywhere, 0.95))
    fault = binomial_rule(p, 0.05, at_most=True)
    assert not fault, fault
    assert np.mean(naive) > 0.9


def test_too_few_trials_and_silent_units_have_no_jitter() -> None:
    start = 1.024 * np.arange(5, dtype=np.float64)
    one = synthetic.activity([start + 0.5, np.zeros(0)], 5.12)
    found = catalogue.load("metrics", "spike_time_jitter")(synthetic.with_trials(one, start, 1.0, ["a"] * 5), end=1.0)
    assert np.isnan(found.spike_time_jitter).all()
    assert found.spike_time_jitter_trials.values.tolist() == [[5], [5]]
