"""Neuron models against closed forms."""

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.traces import levels
from homeoanalysis.simulate.simulation import Simulation


def test_rate_of_the_current_neuron_is_the_analytic_one(single, spikes):
    """ISI = refractory + tau ln(drive / (drive - threshold)), up to the grid: exactly the next step."""
    n, dt, tau, refractory = 50, 1e-4, 0.02, 0.002
    model = single(n=n, v_threshold="-50 mV", drive="15 mV", refractory="2 ms", duration="5 s")
    simulation = Simulation(model)
    drive = np.linspace(0.0101, 0.04, n)
    simulation.network.parts[0].populations["cell"].state.drive[:n] = drive
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
    simulation = Simulation(single(channels={"excitatory": {"exponential": {"tau": tau_excitatory}}}, capacitance="200 pF"))
    cell = simulation.network.parts[0].populations["cell"]
    weight, tau_m, tau_s = 3e-10, 0.02, float(tau_excitatory.split()[0]) / 1e3
    cell.state.v[0] = -0.06
    cell.channels[0].terms[0].trace.value[0] = weight
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
    cell = simulation.network.parts[0].populations["cell"]
    cell.state.v[0] = -0.06
    cell.channels[1].terms[0].trace.value[0] = 1e-10
    simulation.advance(100)
    t, tau_m, tau_s = 0.01, 0.02, 0.01
    expected = -1e-10 / 200e-12 * (math.exp(-t / tau_s) - math.exp(-t / tau_m)) * tau_m * tau_s / (tau_s - tau_m)
    assert cell.state.v[0] + 0.06 == pytest.approx(expected, rel=1e-11)


def _voltage_after(single, dt: str, seconds: float) -> float:
    simulation = Simulation(single("lif_conductance", dt=dt))
    cell = simulation.network.parts[0].populations["cell"]
    cell.state.v[0] = -0.055
    cell.channels[0].terms[0].trace.value[0], cell.channels[1].terms[0].trace.value[0] = 5e-9, 8e-9
    simulation.advance(round(seconds / simulation.network.grid.dt))
    return float(cell.state.v[0])


@pytest.mark.slow
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
    trace = simulation.network.parts[0].populations["cell"].channels[0].terms[0].trace
    trace.value[0] = 1e-9
    for steps in (1, 399, 1, 1234):
        simulation.advance(steps)
        assert levels(trace, simulation.step)[0] / 1e-9 == pytest.approx(math.exp(-simulation.step * 1e-4 / 0.005), rel=1e-12)


@pytest.mark.reference("protocols/white_noise", against="the Ornstein-Uhlenbeck process", within="4 standard errors")
@pytest.mark.parametrize("neuron", ["lif_current", "lif_conductance"])
def test_noise_has_the_analytic_variance_and_correlation_time(single, neuron):
    """Stationary standard deviation sigma and autocorrelation exp(-lag / tau); tolerance: four standard errors."""
    n = 4000
    simulation = Simulation(single(neuron, n=n, sigma="3 mV"))
    v = simulation.network.parts[0].populations["cell"].state.v
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


@pytest.mark.reference("neurons/lif_current", "synapses/double_exponential", against="the differential equations", within="1e-8")
@pytest.mark.reference("synapses/nmda_like", against="the differential equations", within="1e-8")
@pytest.mark.parametrize("synapse", ["double_exponential", "nmda_like"])
def test_response_to_a_shaped_current_is_that_of_the_differential_equations(single, reference, synapse):
    """A current with a rise, or with a slow tail, through the membrane; the terms of the sum share one spike."""
    weight, tau_m, capacitance = 3e-10, 0.02, 200e-12
    if synapse == "double_exponential":
        entry, peak = {synapse: {"tau_rise": "2 ms", "tau_decay": "8 ms"}}, 0.008 * 0.002 / 0.006 * math.log(4)
        size = 1 / (math.exp(-peak / 0.008) - math.exp(-peak / 0.002))

        def slopes(_, y):
            decay, rise, v = y
            return [-decay / 0.008, -rise / 0.002, -v / tau_m + size * (decay - rise) / capacitance]
    else:
        entry = {synapse: {"tau_fast": "3 ms", "tau_slow": "30 ms", "slow_fraction": 0.7}}

        def slopes(_, y):
            fast, slow, v = y
            return [-fast / 0.003, (fast - slow) / 0.03, -v / tau_m + (0.3 * fast + 0.7 * slow) / capacitance]

    simulation = Simulation(single(channels={"excitatory": entry}), code=reference)
    cell = simulation.network.parts[0].populations["cell"]
    cell.state.v[0] = -0.06
    for term in cell.channels[0].terms:
        term.trace.value[0] = weight
    start = [weight, weight if synapse == "double_exponential" else 0.0, 0.0]
    exact = solve_ivp(slopes, (0, 0.05), start, t_eval=[0.002, 0.05], rtol=1e-11, atol=1e-22).y[2]
    for steps, expected in zip((20, 480), exact, strict=True):
        simulation.advance(steps)
        assert cell.state.v[0] + 0.06 == pytest.approx(expected, rel=1e-8, abs=1e-15)


@pytest.mark.reference("neurons/lif_delta", "synapses/delta", against="the closed form of jumps that decay", within="1e-12")
def test_jumps_of_a_delta_neuron_decay_and_are_lost_while_it_is_refractory(spikes, reference):
    """v = sum of w exp(-(t - t_k) / tau) from the step of each arrival; a spike, 2 ms at reset, and free decay from there."""
    tau, times = 0.02, {10: 4e-3, 25: -1.5e-3, 60: 7e-3, 90: 15e-3, 100: 9e-3}
    model = Model.model_validate({"title": "x", "duration": "1 s", "populations": {"cell": {"n": 1, "neuron": "lif_delta"}}})
    simulation = Simulation(model, code=reference)
    cell = simulation.network.parts[0].populations["cell"]
    cell.state.v[0] = 0.0
    found, expected, v, last = [], [], 0.0, -1000
    for t in range(200):
        jump = times.get(t, 0.0)
        cell.channels[0 if jump > 0 else 1].terms[0].value[0] = abs(jump)
        simulation.advance(1)
        found.append(cell.state.v[0])
        v = v * math.exp(-1e-4 / tau) + jump
        if t - last < 20:
            v = 0.01
        if v > 0.02:
            v, last = 0.01, t
        expected.append(v)
    assert np.allclose(found, expected, rtol=1e-12, atol=1e-18)
    assert spikes(simulation)["cell"][0].tolist() == [last] == [90]
    assert max(found[:90]) == pytest.approx(4e-3 * math.exp(-0.25) - 1.5e-3 * math.exp(-0.175) + 7e-3, rel=1e-12)
