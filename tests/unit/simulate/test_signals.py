"""What homeostatic rules sense: diffusion against closed forms, its limits, and set points."""

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy.special import k0

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.numerics.signals import Diffusing, Signal, deposit, diffuse, pixel, relative, sensor

EXTENT = 1e-3  # [m]
GRID = Grid(1e-4, 1000, np.dtype(float))  # windows of 0.1 s
RNG = np.random.default_rng(3)


def _window(rate, t, position=None, seconds=0.1):
    rate = np.asarray(rate, float)
    return Window(t, seconds, rate, np.zeros(rate.size, int), None, None, position, EXTENT, lambda: (rate, rate))


def _spread(pixels, seconds, diffusion=1e-9, tau=10.0, at=(0, 0)):
    field = np.zeros((pixels, pixels))
    field[at] = 1
    diffuse(field, np.zeros_like(field), diffusion, tau, EXTENT, seconds)
    return field


def test_a_point_becomes_a_gaussian_and_decays():
    """Variance 2 D t along each axis (exact for the five-point Laplacian too), mass exp(-t / tau), the Gaussian within 1 %."""
    n, t, diffusion = 200, 4.0, 1e-9
    field = _spread(n, t, at=(n // 2, n // 2))
    x = (np.arange(n) - n // 2) * EXTENT / n
    mass = field.sum()
    assert mass == pytest.approx(np.exp(-t / 10), rel=1e-12)
    for axis in (0, 1):
        assert np.sum(field.sum(axis) * x**2) / mass == pytest.approx(2 * diffusion * t, rel=1e-6)
    exact = np.exp(-(x[:, None] ** 2 + x**2) / (4 * diffusion * t) - t / 10) / (4 * np.pi * diffusion * t) * (EXTENT / n) ** 2
    near = exact > 0.01 * exact.max()
    assert np.allclose(field[near], exact[near], rtol=0.01, atol=0)
    assert not np.allclose(_spread(n, 2 * t, at=(n // 2, n // 2))[near], exact[near], rtol=0.01, atol=0)


def test_the_torus_has_no_edge():
    """Moving the source moves the field; at an edge it goes on at the other side."""
    middle = _spread(40, 3.0, at=(20, 20))
    assert np.allclose(_spread(40, 3.0, at=(0, 39)), np.roll(middle, (-20, 19), (0, 1)), atol=1e-16)
    corner = _spread(40, 3.0)
    assert corner[0, 1] == pytest.approx(corner[0, 39], rel=1e-12)
    assert corner[0, 39] > 100 * corner[0, 20]


def test_the_field_equals_the_explicit_scheme_of_the_paper():
    """Five-point Euler steps of 1 ms, with a source that is on for one of two seconds."""
    n, diffusion, tau = 50, 1e-9, 10.0
    source = deposit(RNG.random(30), RNG.integers(0, n * n, 30), n)
    field, euler, dx = np.zeros((n, n)), np.zeros((n, n)), EXTENT / n
    for second in range(2):
        now = source * (second == 0)
        for _ in range(10):
            diffuse(field, now, diffusion, tau, EXTENT, 0.1)
        for _ in range(1000):
            sides = sum(np.roll(euler, shift, axis) for shift in (1, -1) for axis in (0, 1))
            euler = euler + 1e-3 * (diffusion * (sides - 4 * euler) / dx**2 + now - euler / tau)
        assert np.abs(field - euler).max() < 2e-3 * euler.max()
        assert field.min() >= 0


def test_a_small_spread_stays_positive():
    """What the eigenvalues of the continuous Laplacian would not give."""
    n, seconds, diffusion = 40, 0.1, 1e-9
    assert _spread(n, seconds).min() > -1e-15
    wave = (2 * np.pi * np.fft.fftfreq(n, EXTENT / n)) ** 2
    continuous = np.fft.ifft2(np.exp(-diffusion * seconds * (wave[:, None] + wave))).real
    assert continuous.min() < -1e-3


def test_the_steady_field_of_a_source_is_a_bessel_function():
    """K0(r / sqrt(D tau)) / (2 pi D) far from the pixel, on a torus of ten lengths."""
    n, diffusion, tau = 200, 1e-9, 10.0
    field, source = np.zeros((n, n)), np.zeros((n, n))
    source[0, 0] = 1
    diffuse(field, source, diffusion, tau, EXTENT, np.inf)
    x = np.arange(8, 40) * EXTENT / n
    exact = k0(x / np.sqrt(diffusion * tau)) / (2 * np.pi * diffusion) * (EXTENT / n) ** 2
    assert np.allclose(field[0, 8:40], exact, rtol=0.01, atol=0)
    assert field.sum() == pytest.approx(tau, rel=1e-12)


def test_without_diffusion_each_pixel_is_by_itself():
    """It decays with tau to source x tau, and no pixel gets anything from another; with a little diffusion it is nearly that."""
    tau, start, source = 10.0, 0.5 + RNG.random((20, 20)), np.zeros((20, 20))
    source[3, 4] = 0.5
    still, nearly = start.copy(), start.copy()
    for _ in range(30):
        diffuse(still, source, 0.0, tau, EXTENT, 0.1)
        diffuse(nearly, source, 1e-18, tau, EXTENT, 0.1)
    left = np.exp(-3 / tau)
    assert np.allclose(still, start * left + source * tau * (1 - left), rtol=1e-12, atol=0)
    assert np.allclose(nearly, still, rtol=1e-6, atol=0)


def _settled(signal, rate, position):
    held = sensor(signal, 1.0, 0.0, len(rate), GRID)
    for k in range(2000):
        found = relative(held, _window(rate, (k + 1) * 1000, position), None)
    return found


@pytest.mark.slow
def test_no_diffusion_is_local_and_fast_diffusion_is_global():
    """At the target of 1 Hz: the signal is the rate itself, the mean rate, and in between neither."""
    position = (np.arange(16)[:, None] * 0.06 + [[0.01, 0.02]]) * EXTENT
    rate = RNG.random(16) * 10
    assert np.allclose(_settled("local", rate, position), rate)
    assert np.allclose(_settled("global", rate, position), rate.mean())
    none, some, fast = (
        _settled(Diffusing(diffusion=d, pixels=50), rate, position) for d in ("0 m^2/s", "1e-9 m^2/s", "1e-3 m^2/s")
    )
    assert np.allclose(none, rate, rtol=1e-7)
    assert np.allclose(fast, rate.mean(), rtol=1e-4)
    assert rate.std() > some.std() > 10 * fast.std()
    assert not np.allclose(some, rate, rtol=0.1)
    assert not np.allclose(some, rate.mean(), rtol=0.1)


@pytest.mark.slow
def test_equal_rates_are_sensed_as_that_rate_on_average():
    position = RNG.random((300, 2)) * EXTENT
    assert _settled(Diffusing(), np.full(300, 7.0), position).mean() == pytest.approx(7.0, rel=1e-7)


def test_calcium_is_cubed_and_low_pass_filtered():
    """Constant calcium c = rate x tau_rate: y = c^3 / (c^3 + 1) (1 - exp(-t / tau_synthesis))."""
    held = sensor(Diffusing(diffusion="0 m^2/s", production="hill", tau_synthesis="0.5 s"), "measured", 10.0, 2, GRID)
    rate, position = np.array([150.0, 30.0]), np.array([[0.1, 0.1], [0.9, 0.9]]) * EXTENT
    for k in range(3):
        relative(held, _window(rate, (k + 1) * 1000, position), 0.01)
    c = rate * 0.01
    assert np.allclose(held.y, c**3 / (c**3 + 1) * (1 - np.exp(-0.3 / 0.5)), rtol=1e-12)


def test_a_measured_set_point_is_the_mean_of_the_second_half():
    """Until the calibration is over the signal says that all is well; a given set point acts at once."""
    held, given = sensor("local", "measured", 1.0, 2, GRID), sensor("local", 4.0, 0.0, 2, GRID)
    rates = RNG.random((12, 2)) * 10
    for k, rate in enumerate(rates):
        found = relative(held, _window(rate, (k + 1) * 1000), None)
        assert np.allclose(relative(given, _window(rate, (k + 1) * 1000), None), rate / 4)
        assert np.allclose(found, 1.0 if k < 10 else rate / rates[5:10].mean())


def test_a_neuron_may_have_a_set_point_of_its_own():
    """Its mean in the second half of the calibration; one that was silent has the rate of one spike in that time."""
    held = sensor("local", "own", 1.0, 3, GRID)
    rates = (3 + 10 * RNG.random((12, 3))) * [1, 1, 0]
    for k, rate in enumerate(rates):
        found = relative(held, _window(rate, (k + 1) * 1000), None)
    assert np.allclose(held.measured, [*rates[5:10, :2].mean(axis=0), 1 / 0.5])
    assert np.allclose(found, rates[11] / held.measured)


def test_what_cannot_be_sensed_is_refused():
    for wrong in ({"diffusing": {"diffusion": "3 m"}}, {"diffusing": {"speed": 1}}, "everywhere", 3):
        with pytest.raises(ValidationError, match="diffusing"):
            TypeAdapter(Signal).validate_python(wrong)
    with pytest.raises(ValueError, match="too short to measure"):
        sensor("local", "measured", 0.1, 2, GRID)
    with pytest.raises(ValueError, match="own, but the signal is not local"):
        sensor("global", "own", 1.0, 2, GRID)
    with pytest.raises(ValueError, match="no rate"):
        sensor(Diffusing(production="hill"), 5.0, 0.0, 2, GRID)
    with pytest.raises(ValueError, match="extent"):
        relative(sensor(Diffusing(), 5.0, 0.0, 2, GRID), _window([1, 2], 1000), None)


def test_a_position_lies_in_one_pixel():
    assert pixel(np.array([[0.0, 0.0], [0.999, 0.0], [0.0, 0.999], [1.0, 1.0]]) * EXTENT, EXTENT, 10).tolist() == [0, 90, 9, 0]
