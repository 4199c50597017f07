"""Stimuli that are shown again: which samples are new, what is left of the time, and what repeats would do to information."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.presented import new_time, origins
from homeoanalysis.numerics.resampling import shifted_stimulus

RATE = 250.0
PERIOD, FROZEN = 2.048, 1.024  # [s], 512 and 256 samples


def shown(periods: int, rng: np.random.Generator) -> np.ndarray:
    """Noise whose first half of each period is always the same."""
    stimulus = rng.normal(size=(periods, 512))
    stimulus[:, :256] = stimulus[0, :256]
    return stimulus


def heard(stimulus: np.ndarray, trains: list[np.ndarray]) -> xr.Dataset:
    one = synthetic.activity(trains, PERIOD * len(stimulus), covariate=stimulus.ravel(), sampling_rate=RATE)
    return synthetic.with_trials(one, PERIOD * np.arange(len(stimulus)), FROZEN, ["frozen"] * len(stimulus))


def example(periods: int = 4) -> xr.Dataset:
    rng = np.random.default_rng(1)
    return heard(shown(periods, rng), [synthetic.poisson_train(20.0, PERIOD * periods, rng)])


def test_a_sample_that_was_shown_before_has_the_first_as_its_origin() -> None:
    expected = np.arange(4 * 512).reshape(4, 512)
    expected[:, :256] = np.arange(256)
    np.testing.assert_array_equal(origins(example()), expected.ravel())
    assert origins(example().drop_vars(["trial_start", "trial_stop", "stimulus"])).tolist() == list(range(2048))


def test_only_new_time_is_left() -> None:
    one = new_time(example())
    np.testing.assert_allclose(one.segment_start, [0, PERIOD + FROZEN, 2 * PERIOD + FROZEN, 3 * PERIOD + FROZEN])
    np.testing.assert_allclose(one.segment_stop, [PERIOD, 2 * PERIOD, 3 * PERIOD, 4 * PERIOD])
    assert new_time(one) is one
    later = observed.restrict(example(), np.array([PERIOD]), np.array([4 * PERIOD]))  # an epoch has a first trial of its own
    np.testing.assert_allclose(new_time(later).segment_start, [PERIOD, 2 * PERIOD + FROZEN, 3 * PERIOD + FROZEN])


def test_a_trial_that_was_cut_counts_as_far_as_it_was_seen() -> None:
    """Of the first one only the second half was recorded: of the second trial that half is shown again, and no more."""
    part = observed.restrict(example(), np.array([FROZEN / 2]), np.array([4 * PERIOD]))
    again = np.flatnonzero(origins(part)[512:768] != np.arange(512, 768))
    assert again.tolist() == list(range(128, 256))


def test_what_is_not_the_same_or_does_not_vary_is_no_repeat() -> None:
    other = example()
    other = other.assign(covariate=(other.covariate.dims, np.random.default_rng(2).normal(size=(1, 2048)), other.covariate.attrs))
    assert new_time(other) is other
    level = other.assign(covariate=(other.covariate.dims, np.ones((1, 2048)), other.covariate.attrs))
    assert new_time(level) is level
    noisy = example()  # a recorded stimulus: the same but for noise of the converter
    noise = 0.05 * np.random.default_rng(3).normal(size=(1, 2048))
    noisy = noisy.assign(covariate=(noisy.covariate.dims, noisy.covariate.values + noise, noisy.covariate.attrs))
    np.testing.assert_array_equal(origins(noisy), origins(example()))


def test_a_surrogate_repeats_what_was_repeated() -> None:
    one = example()
    for draw in range(5):
        other = shifted_stimulus(one, np.random.default_rng(draw))
        np.testing.assert_array_equal(origins(other), origins(one))
        np.testing.assert_array_equal(*(np.sort(a.covariate.values[0, np.unique(origins(one))]) for a in (one, other)))


def fired(mean: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
    """A Poisson train with this mean count in each sample."""
    count = rng.poisson(mean)
    return [np.sort((np.repeat(np.arange(count.size), count) + rng.uniform(size=count.sum())) / RATE)]


@pytest.mark.slow
def test_repeats_would_be_told_as_information_that_is_not_there() -> None:
    """A unit that fires where |s| > 1.5, of which a linear filter tells nothing: less than 2 % of what a linear unit says.

    So it is against a shifted stimulus. If repeats counted as new (control), what the response has in common with the one frozen
    stimulus by chance would not average out: 2.5 bit/s, where the linear unit has 22 (20 draws).
    """
    information = catalogue.load("metrics", "information_rate")
    given = {"bin_size": 4e-3, "segment": 0.256, "time_half_bandwidth": 2.0}
    found: dict[str, list[float]] = {"linear": [], "even": [], "shifted": [], "repeats": []}
    for draw in range(20):
        rng = np.random.default_rng(draw)
        stimulus = shown(60, rng)
        even = heard(stimulus, fired(2.0 * (abs(stimulus.ravel()) > 1.5), rng))
        activities = {
            "linear": heard(stimulus, fired(np.maximum(0.2 * (1 + stimulus.ravel()), 0), rng)),
            "even": even,
            "shifted": shifted_stimulus(even, rng),
            "repeats": even.drop_vars(["trial_start", "trial_stop", "stimulus"]),
        }
        for name, one in activities.items():
            found[name].append(float(information(one, **given).information_rate[0, 0]))
    mean = {name: float(np.mean(values)) for name, values in found.items()}
    assert abs(mean["even"]) < 0.02 * mean["linear"]
    assert abs(mean["shifted"]) < 0.02 * mean["linear"]
    assert mean["repeats"] > 0.05 * mean["linear"]
