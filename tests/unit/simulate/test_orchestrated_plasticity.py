"""The terms of Zenke, Agnes & Gerstner 2015: heterosynaptic, transmitter-induced, consolidation, and their sum."""

import numpy as np
import pytest
from replay import Decays, dense, forced, matrix, model, poisson, raster
from scipy.integrate import solve_ivp

HETEROSYNAPTIC = {"heterosynaptic": {"beta": 0.05, "weight_reference": "1 mV"}}
TRIPLET = {"a2_plus": 0.0, "a3_plus": 0.03, "a2_minus": 0.02, "a3_minus": 0.0, "weight_reference": "1 mV"}
TRIPLET |= {"tau_plus": "20 ms", "tau_minus": "20 ms", "tau_y": "100 ms"}
TRANSMITTER = {"transmitter_induced": {"delta": 0.02, "weight_reference": "1 mV"}}


@pytest.mark.slow
@pytest.mark.reference("plasticity/heterosynaptic", against="dense matrices that change at every spike", within="1e-9")
@pytest.mark.reference("plasticity/transmitter_induced", against="dense matrices that change at every spike", within="1e-9")
@pytest.mark.parametrize("terms", [(1, 0, 0), (0, 1, 0), (1, 1, 1)], ids=["heterosynaptic", "transmitter", "sum"])
def test_a_dense_re_derivation_gives_the_same_weights(terms):
    """Alone and with the triplet rule: a tuple of rules is the sum."""
    rng, steps = np.random.default_rng(1), 990
    arriving = [1 + train for train in poisson(rng, 3, 40, steps - 1)]
    post = poisson(rng, 4, 40, steps)
    rules = [r for r, is_on in zip((HETEROSYNAPTIC, TRANSMITTER, {"triplet_stdp": TRIPLET}), terms, strict=True) if is_on]
    simulation = forced(model({"synapses": rules}, 3, 4), arriving, post)
    simulation.advance(steps)
    beta, delta, a = 0.05 * terms[0], 0.02 * terms[1], terms[2]
    expected = dense(
        raster(arriving, steps),
        raster(post, steps),
        np.ones((3, 4)),
        2.0,
        lambda w, x: delta - a * 0.02 * x["o1"] + 0 * w,
        lambda w, x: a * 0.03 * x["r1"] * x["o2"] - beta * w * x["o1"] ** 3,
        r1=("pre", Decays(3, 0.02, 1e-3)),
        o1=("post", Decays(4, 0.02, 1e-3)),
        o2=("post", Decays(4, 0.1, 1e-3)),
    )
    assert expected.std() > 0.01
    assert matrix(simulation, "synapses") == pytest.approx(1e-3 * expected, rel=1e-9)


@pytest.mark.slow
def test_a_reference_follows_its_weight_over_the_barrier_or_not():
    """Against an ODE solver; Euler steps of 1 s are off by half a step in the 100 s of the time constant."""
    weights = np.array([0.05, 0.2, 0.6, 1.0])
    rule = {"heterosynaptic": {"tau_consolidation": "100 s", "weight_reference": "1 mV"}}
    made = model({"synapses": [rule]}, 4, 1, dt="100 ms", weight_max="2 mV")
    simulation = forced(made, [[]] * 4, [[]])
    projection = simulation.network.parts[0].projections["synapses"]
    projection.weight[:] = weights * 1e-3
    simulation.advance(2000)

    def slope(t, v):
        return ((weights - v) - 20 * v * (0.25 - v) * (0.5 - v)) / 100

    expected = solve_ivp(slope, (0, 200), np.zeros(4), rtol=1e-8, atol=1e-10).y[:, -1]
    found = projection.rules[0].rule.reference / 1e-3
    assert found == pytest.approx(expected, rel=0.01)
    assert found[0] < 0.05  # the barrier at 0.25 holds a weak synapse back,
    assert np.all(found[2:] > 0.5)  # a strong one is consolidated
    assert np.array_equal(projection.weight, weights * 1e-3)


@pytest.mark.slow
def test_bursts_of_a_consolidated_neuron_restore_its_weights():
    """With the reference at a weight, displaced weights come back to it; without consolidation they fall to 0."""
    burst = np.concatenate([100 * k + 5 * np.arange(4) for k in range(1, 9)])
    found = []
    for reference in (1e-3, 0.0):
        simulation = forced(model({"synapses": [HETEROSYNAPTIC]}, 2, 1), [[]] * 2, [burst])
        projection = simulation.network.parts[0].projections["synapses"]
        projection.weight[:] = 0.5e-3, 1.5e-3
        projection.rules[0].rule.reference[:] = reference
        simulation.advance(950)
        found.append(matrix(simulation, "synapses").ravel() / 1e-3)
    assert abs(found[0] - 1).max() < 0.02
    assert found[1].max() < 0.06
