"""Intrinsic homeostasis in running networks: threshold and gain against closed forms."""

import numpy as np
import pytest
from scipy.signal import lfilter

from homeoanalysis.config.model import Model
from homeoanalysis.errors import SimulationError
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.simulation import Simulation

TAU, RESET, REFRACTORY = 0.02, -0.06, 0.002  # of lif_current


def _run(rules, *, n=8, seconds=4.0, drive="0 mV", protocols=None, extent="1 mm", threads=1, window="50 ms", code=None, **neuron):
    population = {"n": n, "extent": extent, "neuron": {"lif_current": {"drive": drive, **neuron}}, "plasticity": rules}
    model = {"title": "t", "duration": f"{seconds} s", "window": window, "populations": {"E": population}}
    simulation = Simulation(Model.model_validate({**model, "protocols": protocols or {}}), threads=threads, code=code)
    with np.errstate(over="ignore"):  # of random words, in plain Python
        simulation.advance(round(seconds * 1e4))
    return simulation


def _rates(simulation, start):
    """Rates [Hz] from `start` seconds on."""
    step, unit = np.concatenate(simulation.spikes["E"], axis=1)
    n = simulation.network.neurons["E"].n
    return np.bincount(unit[step >= start * 1e4], minlength=n) / (simulation.step * 1e-4 - start)


def _threshold(simulation):
    return simulation.network.neurons["E"].kernel.v_threshold[: simulation.network.neurons["E"].n]


@pytest.mark.slow
@pytest.mark.reference("plasticity/intrinsic_threshold", against="a straight line in time", within="1e-12")
def test_a_silent_neuron_lowers_its_threshold_linearly():
    """gain x time, down to the bound; without a gain it stays."""
    for change, expected in (({}, -0.054), ({"lowest": "-52 mV"}, -0.052), ({"gain": "0 V/s"}, -0.05)):
        rule = {"target_rate": "5 Hz", "gain": "20 mV/s", **change}
        found = _threshold(_run([{"intrinsic_threshold": rule}], seconds=0.2, code=REFERENCE))
        assert np.allclose(found, expected, rtol=1e-12, atol=0)


@pytest.mark.slow
@pytest.mark.reference("plasticity/intrinsic_threshold", against="the rate of a driven membrane in closed form", within="0.02 mV")
def test_a_neuron_with_a_constant_drive_finds_the_threshold_of_its_target():
    """1 / rate = refractory + tau ln(drive / (drive - (v_threshold - v_rest))), to the time step; not so without the rule."""
    rule = {"target_rate": "20 Hz", "gain": "2 mV/s", "tau_rate": "500 ms"}
    found = _run([{"intrinsic_threshold": rule}], drive="15 mV", seconds=40.0)
    drive = 0.015
    expected = RESET + drive * (1 - np.exp(-(1 / 20 - REFRACTORY) / TAU))
    assert np.allclose(_threshold(found), expected, atol=2e-5)
    assert np.allclose(_rates(found, 20), 20, rtol=0.01)
    assert abs(_rates(_run([], drive="15 mV", seconds=20.0), 10).mean() - 20) > 5


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signal", "is_equal"),
    [("local", True), ("global", False), ({"diffusing": {"diffusion": "1 m^2/s", "tau_decay": "500 ms"}}, False)],
)
def test_local_signals_make_rates_equal_and_global_ones_keep_them_apart(signal, is_equal):
    """The mean is at the target either way. Diffusion without end acts like the mean of the population."""
    rule = {"target_rate": "20 Hz", "gain": "4 mV/s", "signal": signal, "tau_rate": "500 ms"}
    drive = {"uniform": {"low": "13 mV", "high": "17 mV"}}
    rates = _rates(_run([{"intrinsic_threshold": rule}], n=40, seconds=60.0, drive=drive), 40)
    assert rates.mean() == pytest.approx(20, rel=0.02)
    assert rates.std() < 0.3 if is_equal else rates.std() > 3


@pytest.mark.slow
def test_diffusion_lies_between_local_and_global():
    """The spread of rates grows with the diffusion length sqrt(D tau_decay): 0, 0.1, 1 side of the torus."""
    drive = {"uniform": {"low": "13 mV", "high": "17 mV"}}
    spread = []
    for diffusion in ("0 m^2/s", "2e-9 m^2/s", "2e-7 m^2/s"):
        signal = {"diffusing": {"diffusion": diffusion, "tau_decay": "500 ms", "pixels": 200}}
        rule = {"target_rate": "20 Hz", "gain": "4 mV/s", "signal": signal, "tau_rate": "500 ms"}
        rates = _rates(_run([{"intrinsic_threshold": rule}], n=40, seconds=40.0, drive=drive), 30)
        spread.append(rates.std())
    assert spread[0] < 0.5
    assert spread[0] + 0.5 < spread[1] < spread[2] - 0.5


@pytest.mark.slow
def test_no_threshold_falls_below_the_reset():
    """Silenced by TTX, a neuron lowers its threshold to the reset and no further: below, it fired in every step of its rest."""
    protocols = {"x": {"ttx": {"start": "0.5 s"}}}
    for spread in ({}, {"v_reset": {"uniform": {"low": "-61 mV", "high": "-59 mV"}}}):
        rule = {"intrinsic_threshold": {"target_rate": "5 Hz", "gain": "100 mV/s", "lowest": "-100 mV"}}
        silent = _run([rule], n=4, seconds=1.5, drive="15 mV", protocols=protocols, **spread)
        assert not (np.concatenate(silent.spikes["E"], axis=1)[0] >= 5000).any()
        kernel = silent.network.neurons["E"].kernel
        assert np.array_equal(_threshold(silent), np.broadcast_to(kernel.v_reset, 64)[:4])
    rule = {"intrinsic_threshold": {"target_rate": "1 kHz", "gain": "10 mV/s"}}
    step, unit = np.concatenate(_run([rule], n=4, seconds=2.0, drive="15 mV").spikes["E"], axis=1)
    intervals = np.concatenate([np.diff(step[unit == k]) for k in range(4)])
    assert intervals.min() == round(REFRACTORY / 1e-4)


@pytest.mark.slow
def test_a_threshold_that_blows_up_stops_the_run():
    rule = {"intrinsic_threshold": {"target_rate": "1e-6 Hz", "gain": "1e305 V/s"}}
    with np.errstate(over="ignore"), pytest.raises(SimulationError, match="the v_threshold of unit E0 has become inf"):
        _run([rule], n=4, seconds=2.0, drive="15 mV")


def test_a_measured_target_holds_the_rate_that_it_found():
    """The rate doubles with the drive; a target measured before brings it back, and nothing changes in the calibration."""
    rule = {"target_rate": "measured", "calibration": "10 s", "gain": "4 mV/s", "signal": "global", "tau_rate": "500 ms"}
    simulation = _run([{"intrinsic_threshold": rule}], n=8, drive="15 mV", seconds=10.0)
    before = _rates(simulation, 5).mean()
    assert np.all(_threshold(simulation) == -0.05)
    held = simulation.network.neurons["E"]
    assert held.slow["intrinsic_threshold"].rule.sensor.measured[0] == pytest.approx(before, rel=0.02)
    held.state.drive[:8] += 0.01
    simulation.advance(10_000)
    assert _rates(simulation, 10).mean() > 1.5 * before
    simulation.advance(290_000)
    assert _rates(simulation, 30).mean() == pytest.approx(before, rel=0.02)


@pytest.mark.slow
@pytest.mark.reference("plasticity/intrinsic_gain", against="exp(t / tau)", within="1e-12")
def test_the_gain_of_a_silent_neuron_grows_exponentially():
    simulation = _run([{"intrinsic_gain": {"target_rate": "5 Hz", "tau": "100 ms"}}], seconds=0.2, code=REFERENCE)
    assert np.allclose(simulation.network.neurons["E"].input_gain[:8], np.exp(0.2 / 0.1), rtol=1e-12)


@pytest.mark.slow
def test_a_gain_scales_what_the_membrane_gets():
    """Free membranes with the same input: g times the deflection of twins with gain 1."""
    inputs = {"in": {"poisson_input": {"population": "E", "channel": "excitatory", "rate": "500 Hz", "weight": "1 pA"}}}
    # The rule hardly acts within 0.2 s, so that the gain is what is put there.
    rule = {"intrinsic_gain": {"target_rate": "5 Hz", "tau": "1000 d"}}
    deflection = []
    for gain in (1.0, 3.0):
        simulation = _run([rule], seconds=0.01, v_threshold="1 V", protocols=inputs, code=REFERENCE, window="10 ms")
        held = simulation.network.neurons["E"]
        held.state.v[:] = RESET
        for part in simulation.network.parts:
            for channel in part.populations["E"].channels:
                for term in channel.terms:
                    term.trace.value[:] = 0
        held.input_gain[:] = gain
        with np.errstate(over="ignore"):
            simulation.advance(1000)
        deflection.append(held.state.v[:8] - RESET)
    assert np.all(deflection[0] > 0)
    assert np.allclose(deflection[1], 3 * deflection[0], rtol=1e-6, atol=0)


@pytest.mark.slow
def test_a_protocol_may_move_the_set_point():
    change = {"change_parameter": {"of": "E.intrinsic_threshold.target_rate", "value": "8 Hz", "start": "50 ms"}}
    found = []
    for target in ({"target_rate": "4 Hz"}, {"target_rate": "4 Hz", "signal": "diffusing"}):
        rule = {"intrinsic_threshold": {**target, "lowest": "-60 mV"}}
        simulation = _run([rule], seconds=0.1, protocols={"change": change}, window="10 ms", code=REFERENCE)
        found.append(simulation.network.neurons["E"].slow["intrinsic_threshold"].rule.sensor.given)
    assert found == [8, 8]


@pytest.mark.slow
def test_two_threads_give_the_same_bits():
    """Threshold, gain and field are of the whole population, whichever thread runs its neurons."""
    rules = [
        {"intrinsic_threshold": {"target_rate": "5 Hz", "gain": "20 mV/s", "signal": "diffusing"}},
        {"intrinsic_gain": {"target_rate": "5 Hz", "tau": "1 s", "signal": "global"}},
    ]
    inputs = {"in": {"poisson_input": {"population": "E", "channel": "excitatory", "rate": "500 Hz", "weight": "60 pA"}}}
    one, two = (_run(rules, n=520, seconds=1.0, protocols=inputs, threads=k) for k in (1, 2))
    assert np.array_equal(_threshold(one), _threshold(two))
    assert np.array_equal(*(np.concatenate(s.spikes["E"], axis=1) for s in (one, two)))
    assert np.array_equal(one.network.neurons["E"].input_gain, two.network.neurons["E"].input_gain)
    assert _rates(one, 0).mean() > 1


@pytest.mark.slow
@pytest.mark.reference(
    "plasticity/intrinsic_gain", against="the mean and the variance that two set points fix (Cannon & Miller 2017)", within="5 %"
)
def test_two_rules_hold_mean_and_variance_of_the_rate():
    """G08: with drive (mean) and gain (root mean square) both moments are the same for two inputs; with the drive alone the
    variance follows the input."""
    spread = {}
    for name in ("dual", "single"):
        found = []
        for weight in ("60 pA", "100 pA"):
            inputs = {"population": "E", "channel": "excitatory", "rate": "300 Hz", "weight": weight}
            rules = [{"intrinsic_drive": {"target_rate": "10 Hz", "gain": "0.3 mV"}}]
            if name == "dual":
                rules += [{"intrinsic_gain": {"target_rate": "12 Hz", "power": 2.0, "tau": "3 s", "tau_rate": "100 ms"}}]
            simulation = _run(
                rules, n=32, seconds=200.0, drive="5 mV", protocols={"in": {"poisson_input": inputs}}, window="100 ms"
            )
            step, unit = np.concatenate(simulation.spikes["E"], axis=1)
            late = step >= 1_000_000
            counts = np.zeros((1_000_000, 32))
            np.add.at(counts, (step[late] - 1_000_000, unit[late]), 1)
            rate = lfilter([1], [1, -np.exp(-1e-4 / 0.1)], counts, axis=0)[5000::100] / 0.1
            found.append((rate.mean(), rate.std()))
        spread[name] = np.array(found)
    assert np.allclose(spread["dual"], (10, np.sqrt(12**2 - 10**2)), rtol=0.05)
    assert np.allclose(spread["single"][:, 0], 10, rtol=0.02)
    assert np.diff(spread["single"][:, 1]) > 0.1 * spread["single"][0, 1]
