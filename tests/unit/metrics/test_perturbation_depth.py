"""The extremum of a course in noise: how much further it lies depends on how steep the course is, and how noise grows."""

import importlib

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.extremum import extremum
from homeoanalysis.provenance import rng_for

depths = importlib.import_module("homeoanalysis.metrics.perturbation_depth")
EPOCHS = {"baseline": (0.0, 1200.0), "perturbation": (1200.0, 1500.0)}
WINDOW = 50.0


def perturb(tau: float, rng: np.random.Generator, sd: float = 0.0) -> tuple[xr.Dataset, float]:
    """30 units whose rates drop by 60 % and return with a time constant; and the depth of the first window.

    sd: of a log rate that all units share for 10 s.
    """
    time = np.arange(0.5, 1500.0)
    factor = np.where(time < 1200.0, 1.0, 1 - 0.6 * np.exp((1200.0 - time) / tau))
    shared = np.exp(sd * np.repeat(rng.standard_normal(150), 10) - sd**2 / 2)
    count = rng.poisson(rng.lognormal(1, 0.3, (30, 1)) * factor * shared)
    trains = [np.sort(np.repeat(time, n) + rng.uniform(-0.5, 0.5, n.sum())) for n in count]
    return synthetic.activity(trains, 1500.0, epochs=EPOCHS), 1 - factor[(time > 1200.0) & (time < 1200.0 + WINDOW)].mean()


@pytest.mark.slow
@pytest.mark.parametrize(("tau", "sd", "left"), [(200.0, 0.0, 0.05), (200.0, 0.4, 0.7), (np.inf, 0.4, 0.05)])
def test_the_depth_is_right_of_steep_and_of_flat_courses(tau: float, sd: float, left: float) -> None:
    """Of 40: the mean is right within four standard errors, and a part of what noise adds to a flat course.

    In noise as large as what comes back, a steep course is hardly told from a flat one; the interval knows. The control: of
    a steep course, what a flat one would need is far too much.
    """
    metric = catalogue.load("metrics", "perturbation_depth")
    errors, covered, flat = [], 0, []
    for draw in range(40):
        one, true = perturb(tau, rng_for(1, "depth", str(tau), str(sd), draw), sd)
        found = metric(one, window=WINDOW)
        errors.append(float(found.perturbation_depth) - true)
        covered += bool(found.perturbation_depth_low <= true <= found.perturbation_depth_high)
        seen = extremum(one, "baseline", "perturbation", WINDOW, "all")
        assert seen is not None
        noise = depths._measure_fluctuation(seen.before, seen.start, seen.during.time.shape[1])
        flat.append(float(noise.measure_bias(np.full(seen.moving.size, 1 - true), seen.sign)))
    error = np.std(errors) / np.sqrt(len(errors))
    assert abs(np.mean(errors)) < 4 * error + left * abs(np.mean(flat))
    assert covered >= 33  # of 95 %, one in a thousand has fewer
    if sd == 0:
        assert abs(np.mean(errors) + np.mean(flat)) > 4 * error


def test_noise_grows_with_the_rate_but_counting_with_its_root() -> None:
    counting = depths._Fluctuation(np.zeros((1, 5)), 0.01, 0.0, 20.0)
    changing = depths._Fluctuation(np.zeros((1, 5)), 0.0, 0.01, 20.0)
    both = depths._Fluctuation(np.zeros((1, 5)), 0.01, 0.01, 20.0)
    level = np.array([0.25, 1.0, 4.0])
    assert counting.scale(level) == pytest.approx([0.5, 1, 2])
    assert changing.scale(level) == pytest.approx([0.25, 1, 4])
    assert both.scale(level) == pytest.approx(np.sqrt([(0.25 + 0.0625) / 2, 1, 10]))


def test_segments_of_the_baseline_are_whole_and_as_long_as_the_perturbation() -> None:
    """A course of period 40 bins stays one; a perturbation longer than the baseline takes several; gaps stay gaps."""
    course = 100 + 50 * np.sin(np.arange(160) / 40 * 2 * np.pi)
    units = depths.rates.Rates(np.round(course * 40).astype(np.int64)[None], np.full((1, 160), 40.0))
    noise = depths._measure_fluctuation(units, 100.0, 43)
    assert noise.courses.shape == (160, 40)
    period = noise.courses[:, :1] + noise.courses[:, 20:21]
    assert np.abs(period).max() < 0.01
    assert depths._measure_fluctuation(units, 100.0, 400).courses.shape == (160, 397)
    hidden = units._replace(time=np.where(np.arange(160) < 80, units.time, 0.0), spikes=units.spikes * (np.arange(160) < 80))
    gaps = depths._measure_fluctuation(hidden, 100.0, 43)
    assert np.isnan(gaps.courses).any()
    assert np.isfinite(gaps.measure_bias(np.full(40, 0.4), -1.0))
