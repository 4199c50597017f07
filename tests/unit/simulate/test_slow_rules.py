"""Slow rules of weights in running networks: scaling and normalisation against closed forms."""

import functools

import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.stats import spearmanr

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.plasticity.synaptic_scaling import SynapticScaling
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

close = functools.partial(np.allclose, atol=0)  # weights are far below its default
LOGNORMAL = {"lognormal": {"mean": "20 pA", "sd": "15 pA"}}


def _network(rules, *, rate=None, n_post=6, weight=LOGNORMAL, seconds=1.0, window="100 ms", threads=1, code=None):
    """60 Poisson sources onto a few neurons; `rules`: those of a projection, or some projections by name."""
    projections = rules if isinstance(rules, dict) else {"in": rules}
    given = {"source": "S", "target": "E", "channel": "excitatory", "delay": "1 ms", "weight": weight, "weight_max": "1 nA"}
    given["topology"] = {"fixed_probability": {"probability": 0.7}}
    model = {
        "title": "t",
        "duration": f"{seconds} s",
        "window": window,
        "populations": {"S": {"n": 60, "neuron": "relay"}, "E": {"n": n_post, "neuron": {"lif_current": {"refractory": "2 ms"}}}},
        "projections": {name: {**given, "plasticity": plasticity} for name, plasticity in projections.items()},
    }
    if rate is not None:
        drive = {"population": "S", "channel": "excitatory", "rate": rate, "weight": "1 V"}
        model["protocols"] = {"drive": {"poisson_input": drive}}
    return Simulation(Model.model_validate(model), threads=threads, code=code)


def _held(simulation, projection="in"):
    """Weight and target neuron of every synapse."""
    parts = [part.projections[projection] for part in simulation.network.parts]
    offsets = [int(part.populations["E"].spikes.start[part.populations["E"].part]) for part in simulation.network.parts]
    target = np.concatenate([pairs(p)[1] + offset for p, offset in zip(parts, offsets, strict=True)])
    return np.concatenate([weights(p) for p in parts]), target


def _gini(w):
    return np.abs(w[:, None] - w).mean() / (2 * w.mean())


def _rates(simulation, start):
    step, unit = np.concatenate(simulation.spikes["E"], axis=1)
    n = simulation.network.neurons["E"].n
    return np.bincount(unit[step >= start * 1e4], minlength=n) / (simulation.step * 1e-4 - start)


# ---- synaptic scaling
@pytest.mark.slow
@pytest.mark.reference(
    "plasticity/synaptic_scaling", against="exp(t / tau), ranks and Gini coefficient", within="3e-4 (Euler steps)"
)
def test_silence_scales_weights_up_exponentially_and_keeps_their_ratios():
    """Factor e^(t / tau) for rate 0 (F06); ranks and Gini coefficient stay. Additive control: the mean grows by t / tau, and
    the Gini coefficient falls."""
    found = {}
    for kind in ("multiplicative", "additive"):
        simulation = _network(
            [{"synaptic_scaling": {"target_rate": "5 Hz", "proportional": "2 1/s", "kind": kind}}], window="1 ms", code=REFERENCE
        )
        before, target = _held(simulation)
        simulation.advance(1000)
        after, _ = _held(simulation)
        found[kind] = after / before
        ginis = _gini(before), _gini(after)
        if kind == "multiplicative":
            assert close(found[kind], np.exp(0.2), rtol=3e-4)  # Euler: t window / (2 tau^2)
            assert spearmanr(before, after)[0] == pytest.approx(1)
            assert abs(ginis[0] - ginis[1]) < 1e-12
        else:
            mean = np.bincount(target, before) / np.bincount(target)
            assert close(after - before, 0.2 * mean[target], rtol=1e-9)
            assert ginis[1] < 0.9 * ginis[0]
            assert np.ptp(found[kind]) > 0.2


@pytest.mark.slow
def test_the_detector_sees_the_low_pass_rate_at_any_time_constant():
    """From the factor of one window, the rate of each of three detectors, against the filtered spikes."""
    taus = (0.05, 1.0, 30.0)
    rules = {
        f"in_{chr(97 + k)}": [{"synaptic_scaling": {"target_rate": "10 Hz", "proportional": "1e-6 1/s", "tau_rate": f"{tau} s"}}]
        for k, tau in enumerate(taus)
    }
    simulation = _network(rules, rate="40 Hz", seconds=3.0)
    simulation.advance(29_000)
    before = [_held(simulation, name) for name in rules]
    simulation.advance(1000)
    step, unit = np.concatenate(simulation.spikes["E"], axis=1)
    counts = np.zeros((30_000, 6))
    np.add.at(counts, (step, unit), 1)
    assert counts.sum() > 100
    for (old, target), name, tau in zip(before, rules, taus, strict=True):
        factor = _held(simulation, name)[0] / old
        rate = 10 * (1 - (factor - 1) / (0.1 * 1e-6))
        expected = lfilter([1], [1, -np.exp(-1e-4 / tau)], counts, axis=0)[-1] / tau
        assert np.allclose(rate, expected[target], rtol=0, atol=1e-5 * expected.max())


def _loop(parameters, drift):
    """A linear neuron, rate = 10 w Hz, whose weight something else lowers by `drift` w each second."""
    rule = SynapticScaling(target_rate=5.0, **parameters).build(1, Grid(1e-4, 1000, np.dtype(float)))
    w = 1.0
    for k in range(20_000):
        rate = np.array([10 * w])
        window = Window((k + 1) * 1000, 0.1, rate, rate, None, None, None, None, dict)  # nobody asks for the weights
        factor, term = rule.adapt(window)
        w = float((w * factor + term - 0.1 * drift * w)[0])
    return 10 * w


@pytest.mark.slow
@pytest.mark.reference("plasticity/synaptic_scaling", against="the offset of proportional control in closed form", within="1e-9")
def test_only_integral_control_reaches_the_goal_against_a_drift():
    """Proportional: rate = goal (1 - drift / proportional); with the integral: the goal."""
    assert _loop({"proportional": 0.1}, 0.03) == pytest.approx(5 * (1 - 0.3), rel=1e-9)
    assert _loop({"proportional": 0.1, "integral_gain": 1e-3}, 0.03) == pytest.approx(5, rel=1e-6)
    assert _loop({"proportional": 0.1}, 0.0) == pytest.approx(5, rel=1e-9)


@pytest.mark.slow
def test_integral_control_removes_the_offset_that_depression_leaves():
    """The same in a network: multiplicative depression lowers w by kappa rate w each second, kappa = asymmetry learning_rate
    tau rate_pre. Proportional control settles at p / (p / goal + kappa), integral control at the goal."""
    stdp = {"pair_stdp": {"learning_rate": 1e-6, "asymmetry": 6.25e4, "mu_minus": 1.0}}
    settled = []
    for integral in ("0 1/s^2", "0.05 1/s^2"):
        scaling = {"target_rate": "10 Hz", "proportional": "0.5 1/s", "integral_gain": integral, "tau_rate": "1 s"}
        simulation = _network([stdp, {"synaptic_scaling": scaling}], rate="20 Hz", n_post=30, seconds=60.0)
        simulation.advance(600_000)
        settled.append(_rates(simulation, 30.0).mean())
    kappa = 1e-6 * 6.25e4 * 0.02 * 20
    assert settled[0] == pytest.approx(0.5 / (0.5 / 10 + kappa), rel=0.05)
    assert settled[1] == pytest.approx(10, rel=0.02)


@pytest.mark.slow
@pytest.mark.parametrize(("signal", "is_equal"), [("local", True), ("global", False)])
def test_the_signal_of_scaling_may_be_the_mean_rate(signal, is_equal):
    """All weights scale by one factor with the global signal, and each neuron's by its own with the local one."""
    rule = {"target_rate": "10 Hz", "proportional": "0.5 1/s", "signal": signal, "tau_rate": "1 s"}
    simulation = _network([{"synaptic_scaling": rule}], rate="40 Hz", n_post=30, seconds=60.0)
    before, target = _held(simulation)
    simulation.advance(600_000)
    factor = _held(simulation)[0] / before
    assert _rates(simulation, 20.0).mean() == pytest.approx(10, rel=0.03)
    assert (factor.std() > 0.05) == is_equal
    assert (_rates(simulation, 20.0).std() < 1) == is_equal
    assert all(np.ptp(factor[target == i]) < 1e-9 for i in range(30))


# ---- heterosynaptic normalisation
def _disturbed(parameters, **options):
    """Every weight times its own factor, then one window; before, after and target."""
    simulation = _network([{"heterosynaptic_normalisation": parameters}], code=REFERENCE, **options)
    first, target = _held(simulation)
    start = 0
    for part in simulation.network.parts:
        weight = part.projections["in"].weight
        weight *= 1 + 0.3 * np.random.default_rng(start).random(weight.size)
        start += weight.size
    disturbed, _ = _held(simulation)
    simulation.advance(200)
    return first, disturbed, _held(simulation)[0], target


def _sums(w, target):
    return np.bincount(target, w)


@pytest.mark.parametrize("kind", ["subtractive", "multiplicative"])
@pytest.mark.reference(
    "plasticity/heterosynaptic_normalisation", against="conserved sums, differences and ratios", within="1e-12"
)
def test_sums_are_restored_and_differences_or_ratios_kept(kind):
    first, disturbed, after, target = _disturbed({"kind": kind}, window="20 ms", weight="20 pA")
    assert not close(_sums(disturbed, target), _sums(first, target), rtol=0.05)
    assert close(_sums(after, target), _sums(first, target), rtol=1e-13)
    for i in range(6):
        ratio, difference = (after / disturbed)[target == i], (after - disturbed)[target == i]
        kept, other = (difference, ratio) if kind == "subtractive" else (ratio, difference)
        assert np.ptp(kept) < 1e-12 * abs(kept).max()
        assert np.ptp(other) > 1e-3 * abs(other).max()


@pytest.mark.reference("plasticity/heterosynaptic_normalisation", against="exp(-window / tau)", within="1e-9")
def test_a_slow_normalisation_goes_part_of_the_way():
    """What is left of the deviation after a window: exp(-window / tau)."""
    first, disturbed, after, target = _disturbed({"tau": "50 ms"}, window="20 ms", weight="20 pA")
    left = (_sums(after, target) - _sums(first, target)) / (_sums(disturbed, target) - _sums(first, target))
    assert close(left, np.exp(-20 / 50), rtol=1e-9)


@pytest.mark.slow
def test_sums_stay_while_spikes_change_the_weights():
    """Additive STDP moves every sum; with normalisation, at the end of each window, none moves. Two threads: the same bits."""
    stdp = {"pair_stdp": {"learning_rate": 1e-4, "asymmetry": 1.2}}
    options = {"rate": "40 Hz", "window": "20 ms", "weight": {"uniform": {"low": "40 pA", "high": "60 pA"}}, "n_post": 300}
    first, target = _held(_network([stdp], **options))
    moved = []
    for rules, threads in (
        ([stdp], 1),
        ([stdp, {"heterosynaptic_normalisation": {}}], 1),
        ([stdp, {"heterosynaptic_normalisation": {}}], 2),
    ):
        simulation = _network(rules, **options, threads=threads)
        simulation.advance(5000)
        now, where = _held(simulation)
        moved.append(_sums(now, where) / _sums(first, target) - 1)
        assert now.min() > 0
        assert np.abs(np.sort(now) - np.sort(first)).max() > 1e-12
    assert np.abs(moved[0]).max() > 0.01
    assert np.abs(moved[1]).max() < 1e-12
    assert np.array_equal(moved[1], moved[2])


@pytest.mark.slow
def test_a_normalisation_after_scaling_sees_what_scaling_does():
    """Both at the end of one window: the sum is the first one still."""
    rules = [{"synaptic_scaling": {"target_rate": "5 Hz", "proportional": "1 1/s"}}, {"heterosynaptic_normalisation": {}}]
    simulation = _network(rules, code=REFERENCE, window="20 ms")
    first, target = _held(simulation)
    simulation.advance(600)
    assert close(_sums(_held(simulation)[0], target), _sums(first, target), rtol=1e-13)
