"""Neuron models against closed forms."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from homeoanalysis.numerics.traces import levels
from homeoanalysis.simulate.verb import Simulation


def test_rate_of_the_current_neuron_is_the_analytic_one(single, spikes):
    """ISI = refractory + tau ln(drive / (drive - threshold)), up to the grid: exactly the next step."""
    n, dt, tau, refractory = 50, 1e-4, 0.02, 0.002
    model = single(n=n, v_threshold="-50 mV", drive="15 mV", refractory="2 ms", duration="5 s")
    simulation = Simulation(model)
    drive = np.linspace(0.0101, 0.04, n)
    simulation.network.populations["cell"].state.drive[:n] = drive
    simulation.advance(round(model.duration / dt))
    step, unit = spikes(simulation)["cell"]
    for i in range(n):
        interval = np.diff(step[unit == i])
        exact = tau * math.log(drive[i] / (drive[i] - 0.01))
        # A spike is emitted at the end of its step, so that the first free step is the last refractory one.
        assert np.all(interval == round(refractory / dt) + math.ceil(exact / dt) - 1)
        assert abs(interval[0] * dt - (refractory + exact)) <= dt
    below = Simulation(single(v_threshold="-50 mV", drive="9.99 mV"))
    below.advance(10_000)
    assert spikes(below)["cell"].size == 0


@pytest.mark.parametrize("tau_excitatory", ["5 ms", "20 ms", "20.0001 ms", "50 ms"])
def test_response_to_a_current_is_exact(single, tau_excitatory):
    """The double exponential of a current that decays, at any step, also where both time constants are equal."""
    simulation = Simulation(single(tau_excitatory=tau_excitatory, capacitance="200 pF"))
    cell = simulation.network.populations["cell"]
    weight, tau_m, tau_s = 3e-10, 0.02, float(tau_excitatory.split()[0]) / 1e3
    cell.state.v[0] = -0.06
    cell.channels[0].trace.value[0] = weight
    for steps in (1, 10, 989):
        simulation.advance(steps)
        t = simulation.step * 1e-4
        if tau_s == tau_m:
            shape = t * math.exp(-t / tau_m)
        else:
            shape = (math.exp(-t / tau_s) - math.exp(-t / tau_m)) * tau_m * tau_s / (tau_s - tau_m)
        assert cell.state.v[0] + 0.06 == pytest.approx(weight / 200e-12 * shape, rel=1e-7 if tau_s != tau_m else 1e-11)


def test_inhibitory_current_lowers_the_potential(single):
    simulation = Simulation(single())
    cell = simulation.network.populations["cell"]
    cell.state.v[0] = -0.06
    cell.channels[1].trace.value[0] = 1e-10
    simulation.advance(100)
    t, tau_m, tau_s = 0.01, 0.02, 0.01
    expected = -1e-10 / 200e-12 * (math.exp(-t / tau_s) - math.exp(-t / tau_m)) * tau_m * tau_s / (tau_s - tau_m)
    assert cell.state.v[0] + 0.06 == pytest.approx(expected, rel=1e-11)


def _voltage_after(single, dt: str, seconds: float) -> float:
    simulation = Simulation(single("lif_conductance", dt=dt))
    cell = simulation.network.populations["cell"]
    cell.state.v[0] = -0.055
    cell.channels[0].trace.value[0], cell.channels[1].trace.value[0] = 5e-9, 8e-9
    simulation.advance(round(seconds / simulation.network.grid.dt))
    return float(cell.state.v[0])


def test_conductance_neuron_converges_to_the_differential_equation(single):
    """Forward Euler: the error is first order in dt, and below 0.1 mV at 0.1 ms."""

    def slope(t, v):
        excitatory, inhibitory = 5e-9 * np.exp(-t / 0.005), 8e-9 * np.exp(-t / 0.01)
        return ((-0.06 - v) / 0.02) + (excitatory * (0 - v) + inhibitory * (-0.08 - v)) / 200e-12

    exact = solve_ivp(slope, (0, 0.02), [-0.055], rtol=1e-11, atol=1e-14).y[0, -1]
    error = [_voltage_after(single, dt, 0.02) - exact for dt in ("0.1 ms", "0.05 ms", "0.025 ms")]
    assert abs(error[0]) < 1e-4
    assert error[0] / error[1] == pytest.approx(2, rel=0.1)
    assert error[1] / error[2] == pytest.approx(2, rel=0.05)


def test_conductance_decays_exactly_over_many_renormalisations(single):
    simulation = Simulation(single("lif_conductance"))
    trace = simulation.network.populations["cell"].channels[0].trace
    trace.value[0] = 1e-9
    for steps in (1, 399, 1, 1234):
        simulation.advance(steps)
        assert levels(trace, simulation.step)[0] / 1e-9 == pytest.approx(math.exp(-simulation.step * 1e-4 / 0.005), rel=1e-12)


@pytest.mark.parametrize("neuron", ["lif_current", "lif_conductance"])
def test_noise_has_the_analytic_variance_and_correlation_time(single, neuron):
    """Stationary standard deviation sigma and autocorrelation exp(-lag / tau); tolerance: four standard errors."""
    n = 4000
    simulation = Simulation(single(neuron, n=n, sigma="3 mV"))
    v = simulation.network.populations["cell"].state.v
    simulation.advance(3000)  # 15 time constants
    first = v[:n].copy() + 0.06
    simulation.advance(100)
    second = v[:n].copy() + 0.06
    error = math.sqrt(2 / n)
    assert first.var() / 0.003**2 == pytest.approx(1, abs=4 * error)
    assert second.var() / 0.003**2 == pytest.approx(1, abs=4 * error)
    assert abs(first.mean()) < 4 * 0.003 / math.sqrt(n)
    assert np.corrcoef(first, second)[0, 1] == pytest.approx(math.exp(-0.01 / 0.02), abs=4 / math.sqrt(n))
    # Neighbours share a pair of deviates; they must be independent all the same.
    assert abs(np.corrcoef(first[::2], first[1::2])[0, 1]) < 4 / math.sqrt(n / 2)
