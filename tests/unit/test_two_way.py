"""Long-run variances against closed forms; intervals over units and time against shared fluctuations."""

import numpy as np
import pytest
from binomial import binomial_rule
from scipy.signal import lfilter

from homeoanalysis.metrics.residual_change import residual_change
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.intervals import bca_interval
from homeoanalysis.numerics.rates import Rates
from homeoanalysis.statistics.long_run_variance import N_BINS, estimate_long_run, take_cosines
from homeoanalysis.statistics.two_way import estimate_two_way


def draw_autoregressive(rho: float, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Stationary AR(1) of unit variance along the last axis."""
    noise = rng.standard_normal(shape) * np.sqrt(1 - rho**2)
    noise[..., 0] /= np.sqrt(1 - rho**2)
    return lfilter([1], [1, -rho], noise, axis=-1)


def cover(series: np.ndarray) -> tuple[float, float]:
    """How many intervals of the mean contain 0, and how many epochs have four independent blocks; (series, bin)."""
    power = take_cosines(series - series.mean(axis=1, keepdims=True))[:, None]
    found = estimate_long_run(power, np.ones(1))
    from scipy import stats

    width = stats.t.ppf(0.975, found.df[:, 0]) * np.sqrt(found.variance[:, 0])
    return float(np.mean(np.abs(series.sum(axis=1)) <= width)), float(np.mean(found.blocks[:, 0] >= 4))


def test_slow_fluctuations_are_covered_or_told() -> None:
    """20 time constants are covered, two are mostly told to be too few blocks; the control takes bins as independent."""
    rng = np.random.default_rng(3)
    slow = draw_autoregressive(np.exp(-20 / N_BINS), (400, N_BINS), rng)
    covered, _ = cover(slow)
    assert covered > 0.92
    naive = 2 * slow.std(axis=1, ddof=1) * np.sqrt(N_BINS)
    assert np.mean(np.abs(slow.sum(axis=1)) <= naive) < 0.6
    _, given = cover(draw_autoregressive(np.exp(-2 / N_BINS), (400, N_BINS), rng))
    assert given < 0.5
    covered, given = cover(rng.standard_normal((400, N_BINS)))
    assert covered > 0.93
    assert given > 0.88


def test_what_units_share_is_told_from_what_each_has() -> None:
    rng = np.random.default_rng(4)
    time = np.ones((30, N_BINS))

    def estimate_share(gain: np.ndarray) -> float:
        return float(estimate_two_way([Rates(rng.poisson(5.0 * gain, (30, N_BINS)), time)]).over_time.shared[0])

    shared = np.mean([[estimate_share(np.ones(N_BINS)), estimate_share(rng.gamma(2, 0.5, N_BINS))] for _ in range(20)], axis=0)
    assert shared[0] < 0.5 * 5 / 30 / N_BINS  # of the variance of the mean of independent units
    assert shared[1] == pytest.approx(5**2 / 2 / N_BINS, rel=0.5)


def test_a_course_that_recovers_is_no_fluctuation() -> None:
    """Fluctuations are those of the baseline. The control is the epoch of the recovery itself, which looks slow."""
    rng, time = np.random.default_rng(5), np.ones((30, N_BINS))
    course = 10 * (1 - 0.6 * np.exp(-np.arange(N_BINS) / 40))
    baseline, recovering = (Rates(rng.poisson(mean, (30, N_BINS)), time) for mean in (10.0, course))
    both = estimate_two_way([baseline, recovering, baseline])
    assert both.is_known
    alone = estimate_two_way([recovering, baseline, baseline])
    assert not alone.is_known
    of_poisson = 10 / 30 / N_BINS
    assert both.over_time.total[1] < 2 * of_poisson
    assert alone.over_time.total[0] > 10 * of_poisson


def burst_together(rng: np.random.Generator):  # type: ignore[no-untyped-def]
    """Units that fire 70 % of their spikes in shared bursts, 0.075 Hz, and nothing changes."""
    n, duration = 30, 1200
    bursts = rng.poisson(0.075, duration)
    mean = 3 * rng.lognormal(0, 0.5, n)[:, None] * (0.3 + 0.7 / 0.075 * bursts)
    trains = [np.repeat(np.arange(duration), counts) + rng.uniform(0, 1, counts.sum()) for counts in rng.poisson(mean)]
    return synthetic.activity(trains, duration, epochs={"baseline": (0.0, 600.0), "recovery": (600.0, 1200.0)})


@pytest.mark.slow
def test_shared_bursts_are_no_residual() -> None:
    """The control is the bootstrap over units, which takes shared bursts for a change of the rate."""
    given, covered, over_units = [], [], []
    for seed in range(60):
        activity = burst_together(np.random.default_rng(seed))
        found = residual_change(activity)
        low, high = float(found.residual_change_low), float(found.residual_change_high)
        given.append(np.isfinite(low))
        if given[-1]:
            covered.append(low <= 0 <= high)
        rate = np.array([[np.sum(t < 600), np.sum(t >= 600)] for t in observed.spike_trains(activity)]) / 600
        low, high = bca_interval(rate, lambda mean: mean[..., 1] / mean[..., 0] - 1, draws=400)
        over_units.append(low <= 0 <= high)
    assert np.mean(given) > 0.7
    assert not binomial_rule(covered, 0.95, at_least=True)
    assert np.mean(over_units) < 0.5
