"""The direct method: words by hand, against the lower bound of the same cell, and against what is not repeated."""

import numpy as np
import pytest
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.numerics import discrete_information as discrete
from homeoanalysis.numerics import synthetic, words
from homeoanalysis.provenance import rng_for


@pytest.mark.slow
def test_words_of_a_clock_have_only_noise_of_phase() -> None:
    """A spike in every other bin, in the phase of the stimulus: 1 bit a word of any length in all, none at one time."""
    count = np.tile([0, 1], 50)[None].repeat(8, axis=0)
    found = words.entropies(count, np.zeros(8, int), 3, np.random.default_rng(0))
    np.testing.assert_allclose(found.total[[0, 2]], 1.0, atol=1e-3)  # of 98 words of 3 bins as many begin with 0 as with 1
    np.testing.assert_allclose(found.noise, 0, atol=1e-9)
    total, noise, information = words.rate(found, 0.01)
    assert noise == pytest.approx(0, abs=1e-9)
    assert total == pytest.approx(information)
    assert abs(total) < 1.0  # it repeats for ever: the longer the words, the less each bin says


def test_entropy_of_independent_bins_is_theirs_at_any_length() -> None:
    p, n = 0.2, 40_000
    count = (np.random.default_rng(1).uniform(size=(8, n // 8)) < p).astype(int)
    found = words.entropies(count, np.zeros(8, int), 4, np.random.default_rng(2))
    np.testing.assert_allclose(found.total / np.arange(1, 5), -p * np.log2(p) - (1 - p) * np.log2(1 - p), rtol=5e-3)


def test_extrapolation_is_exact_for_a_bias_of_two_orders() -> None:
    sizes = np.array([40.0, 20.0, 10.0])
    np.testing.assert_allclose(discrete.extrapolated(3 - 2 / sizes + 7 / sizes**2, sizes), 3.0)


def test_long_words_are_numbered_as_short_ones() -> None:
    """Where there are more possible words than seen ones by far, they are told apart by looking at them."""
    count = np.random.default_rng(3).integers(0, 9, (6, 40))
    for length in (2, 14):
        word = np.lib.stride_tricks.sliding_window_view(count, length, axis=1)
        numbers = words._numbered(count, length)
        assert np.unique(numbers).size == np.unique(word.reshape(-1, length), axis=0).shape[0]


@pytest.mark.slow
def test_the_lower_bound_lies_below_the_direct_method() -> None:
    """A Poisson encoder of one frozen stimulus of 10 s, repeated 100 times; the closed form is below, too."""
    rate, depth, cutoff, repeats, length = 100.0, 0.3, 10.0, 100, 10.24
    difference = []
    for draw in range(4):
        rng = rng_for(1, "frozen", draw)
        stimulus = synthetic.band_limited_noise(length, 1000.0, cutoff, rng)
        trains = []
        for k in range(repeats):
            count = rng.poisson(np.maximum(rate * (1 + depth * stimulus), 0) * 1e-3)
            at = np.repeat(np.arange(stimulus.size), count) * 1e-3
            trains.append(length * k + np.sort(at + rng.uniform(0, 1e-3, at.size)))
        one = synthetic.activity(
            [np.concatenate(trains)], length * repeats, covariate=np.tile(stimulus, repeats), bandwidth=cutoff
        )
        one = synthetic.with_trials(one, length * np.arange(repeats), length, ["frozen"] * repeats)
        bound = catalogue.load("metrics", "information_rate")(one, segment=5.12, time_half_bandwidth=4.0)
        direct = catalogue.load("metrics", "direct_information_rate")(one, end=length, bin_size=8e-3, longest=2)
        difference.append(float(direct.direct_information_rate[0, 0] - bound.information_rate[0, 0]))
        assert float(direct.direct_information_rate_p[0, 0]) == 1 / 40
        assert float(direct.direct_information_rate_chance[0, 0]) < 0.5 * float(direct.direct_information_rate[0, 0])
    assert np.mean(difference) > -2 * stats.sem(difference)


def test_too_few_trials_give_the_reason() -> None:
    one = synthetic.stimulated(np.full((1, 20), 0.5), 6, np.random.default_rng(4))
    found = catalogue.load("metrics", "direct_information_rate")(one, end=0.1, bin_size=5e-3)
    assert np.isnan(found.direct_information_rate.values).all()
    assert all("trials for each word of 3 letters, fewer than 4" in reason for reason in found.reason.values.ravel())
