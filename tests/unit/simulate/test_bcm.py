"""The sliding threshold of the spiking BCM rule: dense re-derivation, mean field, and what a fixed threshold does."""

import numpy as np
import pytest
from replay import Decays, dense, forced, matrix, model, poisson, raster

from homeoanalysis.simulate.simulation import Simulation

TARGET, TAU_RATE = 3.0, 2.0
A, TAU_PLUS, TAU_MINUS, TAU_Y = 1e-6, 0.0168, 0.0337, 0.114
SLIDING = {"bcm": {"a_plus": A, "tau_rate": f"{TAU_RATE} s", "weight_reference": "1 mV"}}


@pytest.mark.slow
@pytest.mark.reference("plasticity/bcm", against="dense matrices that change at every spike", within="1e-9")
def test_a_dense_re_derivation_gives_the_same_weights():
    rng, steps = np.random.default_rng(1), 2000
    arriving = [1 + train for train in poisson(rng, 3, 40, steps - 1)]
    post = poisson(rng, 4, 20, steps)
    rule = {"a_plus": 0.05, "tau_rate": "0.5 s", "target_rate": "15 Hz", "weight_reference": "1 mV"}
    simulation = forced(model({"synapses": [{"bcm": rule}]}, 3, 4), arriving, post)
    simulation.advance(steps)
    rate = Decays(4, 0.5, 1e-3)
    rate.now = 15 * 0.5 / rate.keep + rate.now  # it decays before it is read
    expected = dense(
        raster(arriving, steps),
        raster(post, steps),
        np.ones((3, 4)),
        2.0,
        lambda w, x: -0.05 * TAU_PLUS * TAU_Y / (TAU_MINUS * 15) * x["o1"] * (x["rate"] / 0.5) ** 2,
        lambda w, x: 0.05 * x["r1"] * x["o2"],
        r1=("pre", Decays(3, TAU_PLUS, 1e-3)),
        o1=("post", Decays(4, TAU_MINUS, 1e-3)),
        o2=("post", Decays(4, TAU_Y, 1e-3)),
        rate=("post", rate),
    )
    assert expected.std() > 0.02
    assert matrix(simulation, "synapses") == pytest.approx(1e-3 * expected, rel=1e-9)


def _drift(rule, rate, seconds=150.0, n=100):
    """Mean change of weight a second in mV, and its standard error over target neurons; measured rates."""
    inputs = {
        name: {"poisson_input": {"population": name, "channel": "excitatory", "rate": f"{r} Hz", "weight": "1 V"}}
        for name, r in (("pre", 20.0), ("post", rate))
    }
    simulation = Simulation(model({"synapses": [rule]}, n, n, dt="0.5 ms", seconds=seconds, protocols=inputs))
    simulation.network.scale_transmission("synapses", 0.0)
    warm = round(5 * TAU_RATE / 5e-4)
    simulation.advance(warm)
    before = matrix(simulation, "synapses")
    spikes = simulation.advance(round(seconds / 5e-4) - warm)
    grown = (matrix(simulation, "synapses") - before).mean(axis=0) * 1e3 / (seconds - 5 * TAU_RATE)
    rates = (spikes[name] / (seconds - 5 * TAU_RATE) for name in ("pre", "post"))
    return grown.mean(), grown.std(ddof=1) / np.sqrt(n), *rates


def _expected(pre, post):
    """Mean field with the correlation of o1 and the squared rate: E[o1 rate^2] of shot noise, by its cumulants."""
    a, b = TAU_MINUS, TAU_RATE
    moment = post * a * (post**2 + post / (2 * b)) + 2 * post * post * a / (a + b) + post / b**2 * a * b / (b + 2 * a)
    return A * TAU_PLUS * TAU_Y * pre * (post**2 - moment / (TAU_MINUS * TARGET))


@pytest.mark.slow
@pytest.mark.parametrize("rate", [1.0, 6.0])
def test_poisson_trains_change_weights_by_the_mean_field(rate):
    found, error, *rates = _drift(SLIDING, rate)
    expected = _expected(*rates)
    assert abs(found - expected) < 3 * error + 0.02 * abs(expected)
    assert found * (TARGET - rate) > 5 * error  # potentiation below the target rate, depression above


@pytest.mark.slow
def test_a_fixed_threshold_potentiates_above_the_target_rate():
    """Negative control: the same rule with its threshold at the target rate runs away from it."""
    loss = A * TAU_PLUS * TAU_Y / TAU_MINUS * TARGET
    fixed = {"triplet_stdp": {"a2_plus": 0.0, "a3_plus": A, "a2_minus": loss, "a3_minus": 0.0, "tau_y": "114 ms"}}
    fixed["triplet_stdp"]["weight_reference"] = "1 mV"
    found, error, *_ = _drift(fixed, 6.0)
    assert found > 5 * error
