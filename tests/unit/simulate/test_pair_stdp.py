"""Pair rules: dense re-derivations, and the distributions of weights that additive and weight-dependent STDP settle at."""

from typing import Any

import numpy as np
import pytest
from replay import Decays, dense, forced, matrix, model, poisson, raster
from scipy.integrate import quad
from scipy.stats import kurtosis, skew

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import weights
from homeoanalysis.simulate.simulation import Simulation


@pytest.mark.slow
@pytest.mark.reference("plasticity/pair_stdp", against="dense matrices that change at every spike", within="1e-9")
@pytest.mark.parametrize(
    "rule",
    [
        {},
        {"pairing": "nearest"},
        {"mu_minus": 1.0},
        {"mu_plus": 1.0, "mu_minus": 1.0},
        {"mu_plus": 0.3, "mu_minus": 0.7, "pairing": "nearest"},
    ],
    ids=["additive", "nearest", "van_rossum", "multiplicative", "power_law"],
)
def test_a_dense_re_derivation_gives_the_same_weights(rule: dict[str, Any]):
    rng, steps = np.random.default_rng(1), 1000
    arriving = [1 + train for train in poisson(rng, 3, 40, steps - 1)]
    post = poisson(rng, 4, 40, steps)
    rule = {"learning_rate": 0.02, "asymmetry": 1.2, "tau_plus": "15 ms", "tau_minus": "25 ms", **rule}
    simulation = forced(model({"synapses": [{"pair_stdp": rule}]}, 3, 4), arriving, post)
    simulation.advance(steps)
    near, plus, minus = rule.get("pairing") == "nearest", rule.get("mu_plus", 0.0), rule.get("mu_minus", 0.0)
    expected = dense(
        raster(arriving, steps),
        raster(post, steps),
        np.ones((3, 4)),
        2.0,
        lambda w, x: -1.2 * 0.02 * 2 * (w / 2) ** minus * x["y"],
        lambda w, x: 0.02 * 2 * (1 - w / 2) ** plus * x["x"],
        x=("pre", Decays(3, 0.015, 1e-3, nearest=near)),
        y=("post", Decays(4, 0.025, 1e-3, nearest=near)),
    )
    assert expected.std() > 0.05
    assert matrix(simulation, "synapses") == pytest.approx(1e-3 * expected, rel=1e-9)


def _bimodality(w: np.ndarray) -> float:
    """Sarle's coefficient: 0.33 for a Gaussian, 0.56 for a uniform distribution, 1 for two points."""
    return float((skew(w) ** 2 + 1) / kurtosis(w, fisher=False))


def _stationary(c_plus: float, c_minus: float, sigma: float) -> tuple[float, float, float]:
    """Mean, CV and skewness of P ~ 1/B exp(integral of 2 A / B).

    A = c_plus - c_minus w, B = c_plus^2 + (c_minus^2 + 2 sigma^2) w^2.
    Source: SCIENCE.md F03, from the Fokker-Planck equation of van Rossum et al. 2000.
    """
    s = c_minus**2 + 2 * sigma**2

    def density(w: float) -> float:
        drift = 2 * np.sqrt(1 / s) * np.arctan(np.sqrt(s) * w / c_plus) - c_minus / s * np.log(c_plus**2 + s * w**2)
        return float(np.exp(drift - peak) / (c_plus**2 + s * w**2))

    peak = 0.0
    peak = np.log(density(c_plus / c_minus))
    moment = [quad(lambda w, n=n: w**n * density(w), 0, 10 * c_plus / c_minus, limit=500)[0] for n in range(4)]
    mean, second, third = (m / moment[0] for m in moment[1:])
    sd = np.sqrt(second - mean**2)
    return mean, sd / mean, (third - 3 * mean * second + 2 * mean**3) / sd**3


def _settled(rule: dict[str, Any], seconds: float = 150.0) -> np.ndarray:
    """The weights after independent Poisson trains of the same rate on both sides, in units of w_ref."""
    rate = {"channel": "excitatory", "rate": "20 Hz", "weight": "1 V"}
    inputs = {name: {"poisson_input": {"population": name, **rate}} for name in ("pre", "post")}
    made = model({"synapses": [rule]}, 40, 40, weight="333 mV", weight_max="10 V", seconds=seconds, protocols=inputs)
    simulation = Simulation(made)
    simulation.network.scale_transmission("synapses", 0.0)
    simulation.advance(round(seconds * 1000))
    return matrix(simulation, "synapses").ravel() / 1e-3


VAN_ROSSUM = {"c_plus": 1.0, "tau_plus": "1e6 s", "tau_minus": "1e6 s", "pairing": "nearest", "weight_reference": "1 mV"}


@pytest.mark.slow
@pytest.mark.reference("plasticity/weight_dependent_stdp", against="its Fokker-Planck equation", within="5 % of mean weight")
def test_noise_and_weight_dependence_settle_at_the_fokker_planck_distribution():
    """Traces that never decay: every spike changes the weight fully."""
    mean, cv, skewness = _stationary(1.0, 0.003, 0.015)
    assert (mean, cv, skewness) == pytest.approx((333, 0.291, 1.24), rel=0.01)
    found = _settled({"weight_dependent_stdp": VAN_ROSSUM})
    assert found.mean() == pytest.approx(mean, rel=0.05)
    assert found.std() / found.mean() == pytest.approx(cv, rel=0.1)
    assert skew(found) == pytest.approx(skewness, abs=0.35)
    assert _bimodality(found) < 0.555


def test_without_noise_the_weights_are_narrower():
    """Negative control of the distribution: the coefficient of variation is that of its own equation, and not 0.291.

    Within four standard errors of some 80 independent trains."""
    _, cv, _ = _stationary(1.0, 0.003, 0.0)
    found = _settled({"weight_dependent_stdp": {**VAN_ROSSUM, "sigma": 0.0}}, 75.0)
    assert found.std() / found.mean() == pytest.approx(cv, rel=0.3)
    assert found.std() / found.mean() < 0.5 * 0.291


def _song(rate: float, asymmetry: float, seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights in units of the largest, and spike times, of one neuron with 1000 plastic and 200 inhibitory inputs."""
    neuron = {"v_rest": "-70 mV", "v_threshold": "-54 mV", "v_reset": "-60 mV", "refractory": "0 s", "e_inhibitory": "-70 mV"}
    channels = {name: {"exponential": {"tau": "5 ms"}} for name in ("excitatory", "inhibitory")}
    every = {"target": "cell", "topology": {"fixed_probability": {"probability": 1.0}}, "delay": "0.1 ms"}
    rule = {"pair_stdp": {"learning_rate": 0.005, "asymmetry": asymmetry}}
    plastic = {"weight": "0.15 nS", "weight_max": "0.15 nS", "plasticity": [rule]}  # leak: 10 nS
    made = Model.model_validate(
        {
            "title": "Song, Miller & Abbott 2000",
            "duration": f"{seconds} s",
            "populations": {
                "excitatory": {"n": 1000, "neuron": "relay"},
                "inhibitory": {"n": 200, "neuron": "relay"},
                "cell": {"n": 1, "neuron": {"lif_conductance": neuron}, "channels": channels},
            },
            "projections": {
                "plastic": {"source": "excitatory", "channel": "excitatory", **every, **plastic},
                "fixed": {"source": "inhibitory", "channel": "inhibitory", **every, "weight": "0.5 nS"},
            },
            "protocols": {
                name: {"poisson_input": {"population": name, "channel": "excitatory", "rate": f"{r} Hz", "weight": "1 V"}}
                for name, r in (("excitatory", rate), ("inhibitory", 10.0))
            },
        }
    )
    simulation = Simulation(made)
    simulation.advance(round(seconds * 1e4))
    times = np.concatenate(simulation.spikes["cell"], axis=1)[0] * 1e-4
    return weights(simulation.network.parts[0].projections["plastic"]) / 0.15e-9, times[times > 0.8 * seconds]


@pytest.mark.slow
@pytest.mark.reference(
    "plasticity/pair_stdp", against="Song, Miller & Abbott 2000, rates and bimodal weights", within="criteria of F03"
)
def test_additive_stdp_of_a_neuron_competes_and_regulates_its_rate():
    """A fourfold input changes the output by a factor of at most 2; weights are bimodal; with more potentiation neither holds."""
    found = []
    for rate, asymmetry, seconds in ((10.0, 1.05, 1500.0), (40.0, 1.05, 400.0), (10.0, 0.95, 200.0)):
        w, times = _song(rate, asymmetry, seconds)
        isi = np.diff(times)
        found.append(
            (times.size / (0.2 * seconds), isi.std() / isi.mean(), _bimodality(w), w.mean(), (w < 0.1).mean(), (w > 0.9).mean())
        )
    low, high, control = found
    assert high[0] / low[0] <= 2
    assert min(low[2], high[2]) > 0.7
    assert high[3] < low[3]
    assert min(low[1], high[1]) >= 0.6
    assert control[0] >= 150  # negative control: all weights at their bound
    assert control[1] < 0.25
    assert control[2] < 0.7
