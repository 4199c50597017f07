"""Mutual information of labels and responses: a golden table, exact laws of the plug-in estimate, and words of many bins."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.numerics import discrete_information as discrete
from homeoanalysis.numerics import synthetic
from homeoanalysis.provenance import rng_for

# Eight stimuli, Poisson counts of mean 1 to 8, 0.607 bit; trials of each stimulus: plug-in, Miller-Madow, quadratic
# extrapolation and its standard deviation, re-derived independently with 1000 repeats (SCIENCE.md, 6.3.4).
GOLDEN = {10: (1.169, 0.951, 0.706, 0.175), 20: (0.918, 0.750, 0.627, 0.117), 50: (0.746, 0.655, 0.619, 0.059),
          200: (0.645, 0.616, 0.610, 0.025)}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("n", GOLDEN)
def test_the_golden_table(n: int) -> None:
    """Within 0.03; the plug-in value at 10 trials, uncorrected, is 0.56 bit off."""
    label = np.repeat(np.arange(8), n)
    found = []
    for draw in range(1000 if n == 10 else 300):
        rng = rng_for(1, "golden", n, draw)
        counts = rng.poisson(label + 1.0)[:, None]
        tabled = discrete.table(label, counts[:, 0])
        quadratic = discrete.information(label, counts, "quadratic", rng)
        found.append([float(discrete.plug_in(tabled)), discrete.miller_madow(tabled), quadratic, discrete.panzeri_treves(tabled)])
    mean, spread = np.mean(found, axis=0), np.std(found, axis=0)
    np.testing.assert_allclose(mean[:3], GOLDEN[n][:3], atol=0.03)
    assert spread[2] == pytest.approx(GOLDEN[n][3], abs=0.03)
    # Panzeri and Treves count the responses that were not seen: nearer to the truth than Miller and Madow.
    assert abs(mean[3] - 0.607) < abs(mean[1] - 0.607) < abs(mean[0] - 0.607)


def test_likely_responses_by_hand() -> None:
    """One response in four trials, two are possible: half of an unseen one would be expected, so that none is added to it.

    The prior gives an unseen response 1 - (4/5)^(1/4) = 0.0543; two would show 1.2 responses, further from 1 than the one.
    """
    assert discrete._likely_responses(np.array([4]), 2) == 1
    # Ten trials, each with another of twenty responses: all of them are likely.
    assert discrete._likely_responses(np.ones(10, int), 20) == 20


def test_processing_never_adds_information() -> None:
    """Exact for plug-in values: merged responses, and a part of a word, say no more than the whole."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        label = rng.integers(0, 4, 200)
        words = rng.poisson(1 + label[:, None] * rng.uniform(0, 1, 3))
        whole = discrete.plug_in(discrete.table(label, discrete.coded(words)))
        for less in (words.sum(axis=1, keepdims=True), words[:, :2], words // 2):
            assert discrete.plug_in(discrete.table(label, discrete.coded(less))) <= whole + 1e-12


def test_processing_adds_no_more_than_error_to_corrected_values() -> None:
    rng = np.random.default_rng(4)
    label = np.repeat(np.arange(4), 250)
    gain = []
    for _ in range(40):
        words = rng.poisson(0.3 + label[:, None] * np.array([0.5, 0.2]))
        value = [discrete.information(label, w, "quadratic", rng) for w in (words, words.sum(axis=1, keepdims=True))]
        gain.append(value[1] - value[0])
    assert np.mean(gain) < 3 * stats.sem(gain)


def test_information_about_oneself_is_entropy_and_labels_are_names() -> None:
    label = np.repeat(np.arange(4), 8)
    assert discrete.plug_in(discrete.table(label, label)) == pytest.approx(2.0)
    assert discrete.plug_in(discrete.table(label, label // 2)) == pytest.approx(1.0)
    assert discrete.plug_in(discrete.table(label, np.zeros(32, int))) == 0
    assert discrete.plug_in(np.array([[4, 24], [4, 24]])) >= 0  # rounding made it -9e-16, which breaks the metric's contract


@pytest.mark.slow
def test_shuffle_correction_of_long_words_is_nearer_than_extrapolation() -> None:
    """Words of six letters that depend on one another, 32 trials of each of two stimuli: true value from a million trials."""

    def words(label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        common = rng.uniform(size=(label.size, 1)) < 0.3
        own = rng.uniform(size=(label.size, 6)) < 0.25 + 0.35 * label[:, None] * (np.arange(6) % 2)
        return (own | (common & (rng.uniform(size=own.shape) < 0.5))).astype(int)

    rng = np.random.default_rng(5)
    many = np.repeat([0, 1], 500_000)
    truth = float(discrete.plug_in(discrete.table(many, discrete.coded(words(many, rng)))))
    label = np.repeat([0, 1], 32)
    off = {c: [] for c in ("none", "quadratic", "shuffle")}
    for _ in range(200):
        drawn = words(label, rng)
        for correction, each in off.items():
            each.append(discrete.information(label, drawn, correction, rng) - truth)  # type: ignore[arg-type]
    bias = {c: abs(np.mean(each)) for c, each in off.items()}
    assert bias["shuffle"] < 0.25 * bias["none"]
    assert bias["shuffle"] < bias["quadratic"]


def _measured(one: xr.Dataset, **parameters: object) -> xr.Dataset:
    return catalogue.load("metrics", "stimulus_information")(one, begin=0.0, end=0.1, **parameters)


def test_when_spikes_come_can_tell_what_their_number_cannot() -> None:
    """Two spikes early, or two late: nothing in the count, one bit in the word of two bins, less what mixes them up."""
    one = synthetic.stimulated(np.array([[4.0, 0.0], [0.0, 4.0]]), 200, np.random.default_rng(6))
    mixed_up = np.exp(-4.0)  # both are silent
    np.testing.assert_allclose(_measured(one).stimulus_information, 0, atol=0.05)
    np.testing.assert_allclose(_measured(one, bin_size=0.05).stimulus_information, 1 - mixed_up, atol=0.02)


def test_published_counts_are_as_good_as_spikes() -> None:
    one = synthetic.stimulated(np.array([1.0, 5.0]), 60, np.random.default_rng(7))
    bins = catalogue.load("metrics", "stimulus_information")
    count = np.stack([_count(one, u) for u in range(3)], axis=1)
    binned = one.drop_dims("spike").drop_vars("spike_count").assign(
        binned_count=(("trial", "unit", "bin"), count, {"units": "1", "bin_size": 0.05})
    ).assign_coords(bin=("bin", [0.0, 0.05], {"units": "s"}))  # fmt: skip
    for size in (None, 0.05):
        xr.testing.assert_allclose(bins(binned, begin=0.0, end=0.1, bin_size=size), bins(one, begin=0.0, end=0.1, bin_size=size))


def _count(one: xr.Dataset, u: int) -> np.ndarray:
    last = np.cumsum(one.spike_count.values)
    train = one.spike_time.values[last[u] - one.spike_count.values[u] : last[u]]
    start = one.trial_start.values[:, None] + np.array([0.0, 0.05])
    return np.searchsorted(train, start + 0.05) - np.searchsorted(train, start)


@pytest.mark.parametrize(
    ("correction", "trials", "why"),
    [("quadratic", 3, "3 trials of a stimulus"), ("miller_madow", 20, "too few for the correction miller_madow")],
)
def test_too_few_trials_give_the_reason(correction: str, trials: int, why: str) -> None:
    one = synthetic.stimulated(np.array([4.0, 8.0]), trials, np.random.default_rng(8))
    found = _measured(one, correction=correction)
    assert np.isnan(found.stimulus_information.values).all()
    assert all(why in reason for reason in found.reason.values.ravel())
