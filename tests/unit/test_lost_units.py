"""Units that are lost are told from units that change their set point, and drift from counting noise."""

import numpy as np
import pytest
from binomial import binomial_rule

from homeoanalysis import catalogue
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.rates import Rates
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.lost_units import find_lost_units
from homeoanalysis.statistics.unit_drift import is_drift_told

N_BINS = 128
SPANS = {"control": (0.0, 200.0), "baseline": (200.0, 400.0), "recovery": (400.0, 600.0)}


def fire(expected: np.ndarray, rng: np.random.Generator) -> list[Rates]:
    """Three epochs of 128 bins of 1 s; expected: (unit, 384) spikes."""
    time = np.ones((len(expected), N_BINS))
    return [Rates(rng.poisson(part), time) for part in np.split(expected, 3, axis=1)]


def test_only_what_is_silent_for_good_is_lost() -> None:
    bins = np.arange(3 * N_BINS)
    kinds = {
        "steady": (np.full(bins.size, 2.0), False),
        "lost": (2.0 * (bins < 300), True),
        "lost before the last epoch": (2.0 * (bins < 200), True),
        "found": (2.0 * (bins >= 60), True),
        "silent in the second": (2.0 * (bins // N_BINS != 1), True),
        "slow": (np.full(bins.size, 0.05), False),
        "falls to a fifth": (np.where(bins < 300, 2.0, 0.4), False),
        "pauses now and then": (2.0 * (bins // 40 % 2 == 0), False),
    }
    for name, (expected, is_lost) in kinds.items():
        rng = rng_for(1, "lost", name)
        epochs = fire(np.tile(expected, (50, 1)), rng)
        assert np.mean(find_lost_units(epochs) == is_lost) >= 0.94, name
        backwards = [Rates(one.spikes[:, ::-1], one.time) for one in epochs[::-1]]
        assert np.array_equal(find_lost_units(backwards), find_lost_units(epochs))


def test_what_was_not_observed_is_no_silence() -> None:
    """A loss that the recording declares leaves no silence."""
    bins = np.arange(3 * N_BINS)
    epochs = fire(np.tile(2.0 * (bins < 300), (10, 1)), rng_for(1, "declared"))
    assert find_lost_units(epochs).all()
    seen = (bins < 300)[2 * N_BINS :].astype(float)
    epochs[2] = Rates(epochs[2].spikes, np.tile(seen, (10, 1)))
    assert not find_lost_units(epochs).any()


def test_drift_is_told_from_counting_noise() -> None:
    """Poisson units of unlike rates, which all change alike: one of 1000 may pass; a drift of 0.3 does."""
    rng = rng_for(1, "told")
    time = np.full(40, 100.0)
    rate = rng.lognormal(0, 1, 40)

    def is_told(drift: float) -> bool:
        moved = 0.7 * rate * np.exp(drift * rng.standard_normal(40))
        return is_drift_told(*(Rates(rng.poisson(one * time), time) for one in (rate, moved)))

    assert sum(is_told(0.0) for _ in range(1000)) <= 5
    assert all(is_told(0.3) for _ in range(50))


def perform(scatter: float, n_lost: int, rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """40 units that drift by 0.2 from epoch to epoch, and by `scatter` more to the last, in which some are lost."""
    log = rng.normal(1, 0.5, (40, 1)) + np.cumsum(rng.normal(0, [[0, 0.2, np.hypot(0.2, scatter)]], (40, 3)), axis=1)
    trains = [
        np.concatenate(
            [
                start + synthetic.poisson_train(rate, stop - start, rng)
                for rate, (start, stop) in zip(row, SPANS.values(), strict=True)
            ]
        )
        for row in np.exp(log)
    ]
    for unit in range(n_lost):
        trains[unit] = trains[unit][trains[unit] < rng.uniform(400, 600)]
    return catalogue.load("metrics", "set_point_precision")(synthetic.activity(trains, 600.0, epochs=SPANS))


@pytest.mark.parametrize("n_lost", [0, 8])
def test_lost_units_do_not_pass_for_changed_set_points(n_lost: int) -> None:
    """The control: units that do change their set points are found, with or without lost ones."""
    unchanged = [perform(0.0, n_lost, rng_for(1, "unchanged", n_lost, k)) for k in range(60)]
    assert not binomial_rule([float(one.set_point_precision_p) <= 0.05 for one in unchanged], 0.05, at_most=True)
    inside = [float(one.set_point_precision_low) <= 1 <= float(one.set_point_precision_high) for one in unchanged]
    assert not binomial_rule(inside, 0.95)
    lost = np.array([float(one.set_point_precision_lost) for one in unchanged])
    assert abs(lost.mean() - n_lost) < 0.2
    assert all(float(one.set_point_precision_units + one.set_point_precision_lost) == 40 for one in unchanged)
    changed = [perform(0.5, n_lost, rng_for(1, "changed", n_lost, k)) for k in range(10)]
    assert np.mean([float(one.set_point_precision_p) <= 0.05 for one in changed]) > 0.8


def test_without_drift_there_is_no_ratio_and_a_reason() -> None:
    rng = rng_for(1, "no drift")
    trains = [synthetic.poisson_train(rate, 600.0, rng) for rate in rng.lognormal(1, 0.5, 40)]
    found = catalogue.load("metrics", "set_point_precision")(synthetic.activity(trains, 600.0, epochs=SPANS))
    assert np.isnan(found.set_point_precision)
    assert np.isnan(found.set_point_precision_high)
    assert "counting noise" in str(found.reason.values)
