"""Recoveries of known set point and time constant: intervals cover, and what does not come back has no finite time."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metrics.recovery_time import recovery_time
from homeoanalysis.numerics import relaxation, synthetic
from homeoanalysis.provenance import rng_for

BASELINE, LENGTH = 60.0, 200.0
COURSES: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float, bool]] = {
    "exponential": (lambda t: 10 - 6 * np.exp(-t / 40), 40.0, False),
    "elevated": (lambda t: 5 + 6 * np.exp(-t / 30), 30.0, False),
    "under-damped": (lambda t: 10 - 6 * np.exp(-t / 60) * np.cos(2 * np.pi * t / 80), 60.0, False),
    "never": (lambda t: np.full_like(t, 4.0), np.inf, True),
    "to another level": (lambda t: 6 - 2 * np.exp(-t / 20), np.inf, True),
    "too slow to see": (lambda t: 10 - 6 * np.exp(-t / 800), 800.0, True),
}


def simulated(name: str, rng: np.random.Generator, n_units: int = 30) -> xr.Dataset:
    """Poisson units with unlike set points; 10 Hz (elevated: 5 Hz) in the baseline, then the course."""
    rate, start = COURSES[name][0], 5.0 if name == "elevated" else 10.0
    trains = []
    for factor in rng.lognormal(0, 0.5, n_units):
        more = synthetic.poisson_train(16 * factor, LENGTH, rng)
        kept = more[rng.uniform(0, 16, more.size) < rate(more)]
        trains.append(np.concatenate([synthetic.poisson_train(start * factor, BASELINE, rng), BASELINE + kept]))
    spans = {"baseline": (0.0, BASELINE), "course": (BASELINE, BASELINE + LENGTH)}
    return synthetic.activity(trains, BASELINE + LENGTH, epochs=spans)


def value(found: Mapping[Any, Any], companion: str) -> float:
    return float(found[f"recovery_time_{companion}"])


SIZES = [pytest.param(500, marks=pytest.mark.slow, id="ci"), pytest.param(2000, marks=pytest.mark.nightly, id="nightly")]


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("name", COURSES)
def test_intervals_cover_whatever_the_course(name: str, n: int, request: pytest.FixtureRequest) -> None:
    """What never comes back, or too slowly, has no finite time and no finite interval in any draw.

    Without the bootstrap over units, which takes most of the time and has its own draws (conformance tests).
    """
    _, tau, is_censored = COURSES[name]
    inside = []
    for draw in range(n):
        found = recovery_time.function(simulated(name, rng_for(1, request.node.name, draw)), bin_size=4.0)
        inside.append(value(found, "low") <= tau <= value(found, "high"))
        if is_censored:
            assert np.isnan(found["recovery_time"])
            assert value(found, "censored") == 1
            assert value(found, "high") == np.inf
            assert value(found, "low") > 0.1 * LENGTH
    fault = binomial_rule(inside, 0.95, at_least=is_censored)
    assert not fault, fault


def test_a_naive_fit_gives_a_time_to_what_never_comes_back() -> None:
    """The control: the best exponential through a flat course has a finite time constant."""
    activity = simulated("never", rng_for(1, "naive"))
    time = 4.0 * (np.arange(50) + 0.5)
    course = recovery_time(activity, bin_size=4.0).recovery_time_course.values
    family = relaxation.exponential(time, np.geomspace(2, 2000, 48), np.linspace(0, 100, 21))
    assert relaxation.Solver(family, np.ones(50)).fit(course).tau < 2000
    assert np.isnan(float(recovery_time(activity, bin_size=4.0).recovery_time))


def test_the_order_is_told() -> None:
    """A swing of 80 s is seen as one; an exponential is not taken for one."""
    swing = recovery_time(simulated("under-damped", rng_for(1, "order")), bin_size=4.0)
    assert value(swing, "order") == 2
    assert value(swing, "period") == pytest.approx(80, rel=0.1)
    assert value(swing, "set_point") == pytest.approx(float(swing.recovery_time_course[-10:].mean()), rel=0.1)
    plain = recovery_time(simulated("exponential", rng_for(1, "order")), bin_size=4.0)
    assert np.isnan(value(plain, "period"))


def test_a_noiseless_course_is_found_exactly() -> None:
    """Grid, levels and curve of each family against its own formula."""
    time = np.arange(100) + 0.5
    tau = np.array([5.0, 20.0, 80.0])
    for family, course, other in (
        (relaxation.exponential(time, tau, np.array([0.0, 10.0])), 7 - 3 * np.exp(-np.maximum(time - 10, 0) / 20), 10.0),
        (relaxation.over_damped(time, tau, tau), 7 - 3 * np.exp(-time / 80) + 2 * np.exp(-time / 5), 5.0),
        (
            relaxation.under_damped(time, tau, np.array([30.0, 60.0])),
            7 - 3 * np.exp(-time / 20) * np.cos(np.pi * time / 30),
            60.0,
        ),
    ):
        fit = relaxation.Solver(family, np.ones(100)).fit(course)
        assert fit.other == other
        np.testing.assert_allclose(fit.curve, course, atol=1e-8)
        assert fit.levels[0] == pytest.approx(7)


def test_too_few_bins_are_refused() -> None:
    with pytest.raises(NotApplicable, match="epoch course has fewer than 12 observed bins of 20 s"):
        recovery_time(simulated("never", rng_for(1, "few")), bin_size=20.0)
