"""Whether strengths were multiplied: power and controls of the test, and what it says of weights in a model."""

from collections.abc import Callable

import numpy as np
import pytest

from homeoanalysis import catalogue
from homeoanalysis.measure import measure
from homeoanalysis.numerics import scaling, synthetic
from homeoanalysis.provenance import rng_for

MEAN, SIGMA, NOISE, THRESHOLD = 13.0, 0.7, 1.0, 5.0  # pA
MU = np.log(MEAN) - SIGMA**2 / 2
POWER = 1.92 * MEAN / np.exp(1.3 * MU + (1.3 * SIGMA) ** 2 / 2)
CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "multiplied": lambda w: 1.92 * w,
    "added": lambda w: w + 0.92 * MEAN,
    "divergent": lambda w: POWER * w**1.3,  # mean x 1.92 too
}
EXPERIMENTS = 80


def cells(change: Callable[[np.ndarray], np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
    """40 cells of 30 events above 5 pA, with a noise of 1 pA."""
    found = []
    for _ in range(40):
        size = change(rng.lognormal(MU, SIGMA, 120)) + rng.normal(0, NOISE, 120)
        found.append(size[size >= THRESHOLD][:30])
    return found


@pytest.fixture(scope="module")
def experiments() -> dict[str, list[scaling.Scaling]]:
    found: dict[str, list[scaling.Scaling]] = {kind: [] for kind in CHANGES}
    for kind, change in CHANGES.items():
        for k in range(EXPERIMENTS):
            rng = rng_for(10, kind, k)
            found[kind].append(scaling.multiplied(cells(lambda w: w, rng), cells(change, rng), THRESHOLD, rng, draws=300))
    return found


def passes(found: list[scaling.Scaling]) -> float:
    return float(np.mean([one.p > 0.05 for one in found]))


def contains_nothing(found: list[scaling.Scaling]) -> float:
    return float(np.mean([one.low <= 0 <= one.high for one in found]))


@pytest.mark.slow
def test_what_was_multiplied_passes_both_tests(experiments: dict[str, list[scaling.Scaling]]) -> None:
    """Factor within 5 % of 1.92, likeness in 90 % or more, slope interval over 0 in 88 % or more of 80 experiments."""
    found = experiments["multiplied"]
    assert np.mean([one.factor for one in found]) == pytest.approx(1.92, rel=0.05)
    assert passes(found) >= 0.9
    assert contains_nothing(found) >= 0.88


@pytest.mark.slow
def test_what_was_added_fails_both_tests(experiments: dict[str, list[scaling.Scaling]]) -> None:
    assert passes(experiments["added"]) <= 0.05
    assert contains_nothing(experiments["added"]) <= 0.05


@pytest.mark.slow
def test_a_power_of_the_strength_is_seen_by_the_slope_and_not_by_the_likeness(
    experiments: dict[str, list[scaling.Scaling]],
) -> None:
    """a w^1.3 of the same mean: rejected by the slope in 90 % or more; Kolmogorov and Smirnov cannot see it."""
    assert contains_nothing(experiments["divergent"]) <= 0.1
    assert passes(experiments["divergent"]) >= 0.8


@pytest.mark.parametrize(
    ("change", "slope"), [(lambda w: 3 * w, 0.0), (lambda w: w**1.3 * 1e3, 0.3), (lambda w: np.sqrt(w), -0.5)]
)
def test_the_slope_is_the_power_of_the_weight_less_one(change: Callable[[np.ndarray], np.ndarray], slope: float) -> None:
    one = synthetic.weights(40, 50, change, rng_for(10, "slope", slope))
    found = measure([one], "weight_scaling")
    assert found.weight_scaling.item() == pytest.approx(slope, abs=1e-6)
    assert found.weight_scaling_rank.item() == pytest.approx(1.0)
    if slope:
        assert not found.weight_scaling_low <= 0 <= found.weight_scaling_high
    else:
        assert found.weight_scaling_factor.item() == pytest.approx(3.0, rel=0.01)
        assert found.weight_scaling_likeness.item() == pytest.approx(1.0)


def test_shuffled_weights_keep_their_distribution_and_lose_their_ranks() -> None:
    """The test of samples cannot see it, the ranks of synapses do."""
    rng = rng_for(10, "shuffled")
    one = synthetic.weights(40, 50, lambda w: rng.permutation(2 * w), rng)
    found = measure([one], "weight_scaling")
    assert found.weight_scaling_likeness > 0.05
    assert abs(found.weight_scaling_rank) < 0.1


def test_gini_by_hand_and_under_a_factor() -> None:
    """1, 1, 2: mean absolute difference of all nine pairs 4/9, over twice the mean."""
    one = synthetic.weights(1, 3, lambda w: 7 * w, rng_for(10, "gini"))
    hand = one.assign(weight=(("snapshot", "synapse"), np.array([[1.0, 1.0, 2.0], [0.0, 0.0, 5.0]]), {"units": "A"}))
    gini = catalogue.load("metrics", "weight_gini")
    np.testing.assert_allclose(gini(hand).weight_gini, [4 / 9 / (2 * 4 / 3), 2 / 3])
    np.testing.assert_allclose(gini(one).weight_gini[0], gini(one).weight_gini[1])


def test_without_enough_weights_the_reason_is_given() -> None:
    one = synthetic.weights(3, 20, lambda w: 2 * w, rng_for(10, "few"))
    assert np.isnan(measure([one], "weight_scaling").weight_scaling)
    assert "one moment" in measure([one.isel(snapshot=[0])], "weight_scaling").attrs["not_applicable"]
    negative = one.assign(weight=-one.weight.assign_attrs(units="A")).assign(weight=lambda d: d.weight.assign_attrs(units="A"))
    assert "below 0" in measure([negative], "weight_gini").attrs["not_applicable"]
