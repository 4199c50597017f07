"""The noise of a recovery: its likelihood and correlation against direct calculations, and what it is needed for."""

import itertools
from functools import partial

import numpy as np
import pytest
from binomial import binomial_rule
from scipy import integrate, stats

from homeoanalysis.numerics import relaxation
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics import correlated_noise
from homeoanalysis.statistics.correlated_noise import CorrelatedNoise
from homeoanalysis.statistics.recovery_course import Course, fit_recovery, join_bins

WIDTH, N_BEFORE, N_AFTER, TAU = 240.0, 30, 60, 3600.0  # [s], bins of 2 h and 4 h, [s]
TIME = WIDTH * (np.arange(-N_BEFORE, N_AFTER) + 0.5)
OBSERVED = np.full(TIME.size, 30 * WIDTH)  # unit-seconds


def compute_mean(tau: float = TAU) -> np.ndarray:
    """1 Hz in the baseline, then from 0.4 Hz back to 1 Hz."""
    return np.where(TIME > 0, 1 - 0.6 * np.exp(-np.maximum(TIME, 0) / tau), 1.0)


def draw_course(sd: float, tau_noise: float, rng: np.random.Generator, *, recovers: bool = True) -> Course:
    """A recovery, or a fall without one, with counting noise and an Ornstein-Uhlenbeck gain of that standard deviation."""
    correlation = correlated_noise.average_correlation(TIME, tau_noise, WIDTH)
    gain = 1 + sd * rng.multivariate_normal(np.zeros(TIME.size), correlation, method="cholesky")
    mean = compute_mean() if recovers else np.where(TIME > 0, 0.4, 1.0)
    rate = rng.poisson(np.maximum(mean * gain, 0) * OBSERVED) / OBSERVED
    return Course(TIME, rate, OBSERVED, WIDTH, N_AFTER * WIDTH)


@pytest.mark.parametrize("lag", [0, 1, 5])
@pytest.mark.parametrize("tau", [20.0, 240.0, 5000.0])
def test_the_correlation_of_means_is_the_integral_of_the_process(lag: int, tau: float) -> None:
    """The mean over both bins of exp(-|s - t| / tau), by quadrature; the kernel without averaging differs."""
    found = correlated_noise.average_correlation(TIME[: lag + 1], tau, WIDTH)[0, -1]
    start = lag * WIDTH

    def average_from(s: float) -> float:
        parts = sorted({start, min(max(s, start), start + WIDTH), start + WIDTH})
        pairs = itertools.pairwise(parts)
        return sum(integrate.quad(lambda t: np.exp(-abs(s - t) / tau), *pair)[0] for pair in pairs)

    expected = integrate.quad(average_from, 0, WIDTH)[0] / WIDTH**2
    assert found == pytest.approx(expected, rel=1e-6)
    assert abs(np.exp(-start / tau) - expected) > 1e-4 * expected


def test_noise_of_equal_octaves_has_a_spectrum_of_one_over_f() -> None:
    """The power of 1/f noise falls with slope -1 within a tenth, that of an Ornstein-Uhlenbeck process with -2."""
    time = WIDTH * (np.arange(512) + 0.5)
    slopes = []
    for correlation in (
        correlated_noise.correlate_one_over_f(time, WIDTH),
        correlated_noise.average_correlation(time, 1e5, WIDTH),
    ):
        frequency = np.arange(6, 40)
        wave = np.exp(2j * np.pi * np.outer(frequency, np.arange(512)) / 512) * np.hanning(512)
        power = np.real(np.einsum("fi,ij,fj->f", wave, correlation, wave.conj()))
        slopes.append(np.polyfit(np.log(frequency), np.log(power), 1)[0])
    assert slopes[0] == pytest.approx(-1, abs=0.1)
    assert slopes[1] == pytest.approx(-2, abs=0.1)


def test_the_likelihood_is_that_of_a_multivariate_normal() -> None:
    """Differences of the log likelihood between noises and curves, levels and size of the noise maximised."""
    course = draw_course(0.2, 600.0, rng_for(1, "likelihood"))
    expected = compute_mean()
    noise = CorrelatedNoise(TIME, WIDTH, expected, OBSERVED)
    family = relaxation.exponential(TIME[TIME > 0], np.array([1200.0, 3600.0]), np.zeros(1), width=WIDTH)
    shapes = course.extend(family)
    found = noise.fit(course.rate, course.constants, shapes).log_likelihood.reshape(*noise.weight.shape[:2], 2)
    longest = 2 * N_AFTER * WIDTH * 1.5
    taus = np.geomspace(WIDTH, longest, round(np.log2(longest / WIDTH)) + 1)
    matrices = [correlated_noise.average_correlation(TIME, tau, WIDTH) for tau in taus]
    matrices.append(correlated_noise.correlate_one_over_f(TIME, WIDTH))
    assert len(matrices) == len(found)
    direct = []
    for k, ratio, curve in ((0, 0, 0), (2, 4, 1), (5, 8, 0), (len(matrices) - 1, 6, 1)):
        scale = expected * np.sqrt(OBSERVED / expected)
        scale /= np.sqrt(np.mean(scale**2))
        inner = np.eye(TIME.size) + correlated_noise._RATIOS[ratio] * scale[:, None] * matrices[k] * scale
        root = np.sqrt(expected / OBSERVED)
        covariance = root[:, None] * inner * root
        columns = np.column_stack([course.constants, shapes[0, :, curve]])
        inverse = np.linalg.inv(covariance)
        levels = np.linalg.solve(columns.T @ inverse @ columns, columns.T @ inverse @ course.rate)
        residual = course.rate - columns @ levels
        size = residual @ inverse @ residual / TIME.size
        value = stats.multivariate_normal(np.zeros(TIME.size), size * covariance).logpdf(residual)
        direct.append((float(value), float(found[k, ratio, curve])))
    values, ours = np.array(direct).T
    np.testing.assert_allclose(np.diff(ours), np.diff(values), atol=1e-6)
    assert np.ptp(values) > 10


def test_a_test_inverts_to_its_own_interval() -> None:
    """Student's interval of a normal mean on a grid; where nothing is rejected the interval has no ends."""
    values = np.geomspace(0.01, 100, 4001)
    p = 2 * stats.t.sf(np.abs(np.log(values)) / 0.3, 20)
    low, high = correlated_noise.invert_test(values, p)
    reach = 0.3 * stats.t.ppf(0.975, 20)
    assert (np.log(low), np.log(high)) == pytest.approx((-reach, reach), abs=1e-4)
    assert correlated_noise.invert_test(values, np.full(values.size, 0.2)) == (0.0, np.inf)


def test_joined_bins_keep_all_spikes() -> None:
    course = draw_course(0.2, 600.0, rng_for(1, "joined"))
    joined = join_bins(course, 45)
    assert joined.time.size == 45
    assert joined.rate @ joined.observed == pytest.approx(course.rate @ course.observed)
    assert joined.is_recovery.sum() == N_AFTER / 2
    assert join_bins(course, 90) is course


def cover_by_counts(course: Course) -> bool:
    """Whether the interval of an exponential covers if all noise is taken for noise of counts, of any size."""
    at = course.is_recovery
    taus = np.geomspace(WIDTH / 2, 10 * course.length, 400)
    make = partial(relaxation.exponential, course.time[at], width=WIDTH)
    solver = relaxation.Solver(make(taus, np.zeros(1)), course.observed[at] / compute_mean()[at])
    df = int(at.sum()) - 3
    level = stats.t.ppf(0.975, df) ** 2
    low, high = relaxation.profile_interval(taus, solver.squares(course.rate[at]), df, level)
    return bool(low <= TAU <= high)


@pytest.mark.slow
@pytest.mark.parametrize("tau_noise", [600.0, 3600.0])
def test_slow_noise_is_covered_and_counting_noise_alone_does_not(tau_noise: float) -> None:
    """40 recoveries: the interval covers 95 % or more; the control, without correlated noise, covers less than 80 %."""
    inside, control = [], []
    for draw in range(40):
        course = draw_course(0.2, tau_noise, rng_for(1, "slow noise", tau_noise, draw))
        fit = fit_recovery(course, 0.5)
        inside.append(bool(fit.low <= TAU <= fit.high))
        control.append(cover_by_counts(course))
    fault = binomial_rule(inside, 0.95, at_least=True)
    assert not fault, fault
    assert np.mean(control) < 0.8
    assert binomial_rule(control, 0.95, at_least=True)


def test_a_fall_without_a_return_has_not_recovered() -> None:
    """The probability of a return is near 0 without one, and near 1 with one where fluctuations are small."""
    without = fit_recovery(draw_course(0.05, 600.0, rng_for(1, "without"), recovers=False), 0.5)
    returning = fit_recovery(draw_course(0.02, 600.0, rng_for(1, "returning")), 0.5)
    assert without.p_recovered < 0.01
    assert returning.p_recovered > 0.99
    assert returning.delay == 0
    assert returning.low <= TAU <= returning.high < 3 * N_AFTER * WIDTH
