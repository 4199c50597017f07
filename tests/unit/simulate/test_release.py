"""Short-term plasticity against golden numbers and recurrences, and the homeostasis of release."""

import math

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.mechanism import Grid, Site
from homeoanalysis.plasticity.tsodyks_markram import TsodyksMarkram
from homeoanalysis.simulate.projections.hooks import release
from homeoanalysis.simulate.simulation import Simulation

RATES = (5, 10, 20, 50, 100)  # [Hz]
DEPRESSING = TsodyksMarkram(0.5, 0.8, 0.0), (0.3623, 0.2103, 0.1143, 0.0482, 0.0245)
FACILITATING = TsodyksMarkram(0.03, 0.13, 0.53), (2.915, 4.490, 5.516, 4.060, 2.362)  # SCIENCE F12
DT = 1e-4


def _kernel(rule, dtype=float, n=1):
    grid = Grid(DT, 1000, np.dtype(dtype))
    return rule.build(Site(n, 1, 1, np.inf, "A", None, grid, np.uint64(0)))


def _steady(rule, rate):
    """The last release relative to the first, after >= 100 spikes and >= 10 time constants."""
    kernel, every = _kernel(rule), round(1 / rate / DT)
    n = max(100, math.ceil(10 * max(rule.tau_recovery, rule.tau_facilitation) * rate))
    found = [release((kernel,), 0, k * every, 1.0) for k in range(n)]
    return found[-1] / found[0]


@pytest.mark.parametrize(("rule", "golden"), [DEPRESSING, FACILITATING])
@pytest.mark.reference(
    "plasticity/tsodyks_markram", against="steady releases of Tsodyks, Pawelzik & Markram 1998 at 5 to 100 Hz", within="0.5 %"
)
def test_steady_release_has_the_golden_values(rule, golden):
    """F12 within 0.5 %; depression leaves one release for each tau_recovery; facilitation peaks between 15 and 30 Hz."""
    found = [_steady(rule, rate) for rate in RATES]
    assert np.allclose(found, golden, rtol=0.005, atol=0)
    if rule.tau_facilitation == 0:
        assert found[-1] * rule.utilisation * 100 == pytest.approx(1 / rule.tau_recovery, rel=0.03)
    else:
        curve = [_steady(rule, rate) for rate in range(5, 60, 5)]
        assert 15 <= 5 + 5 * int(np.argmax(curve)) <= 30


def _swapped(rule, times):
    """u relaxes to 0 and jumps after the release."""
    u, x, last, found = 0.0, 1.0, -math.inf, []
    for t in times:
        u *= math.exp((last - t) / rule.tau_facilitation)
        x = 1 - (1 - x) * math.exp((last - t) / rule.tau_recovery)
        found.append(u * x)
        x -= u * x
        u += rule.utilisation * (1 - u)
        last = t
    return np.array(found)


def _mongillo(rule, times):
    """u relaxes to U and jumps after the release."""
    u, x, last, found = rule.utilisation, 1.0, -math.inf, []
    for t in times:
        u = rule.utilisation + (u - rule.utilisation) * math.exp((last - t) / rule.tau_facilitation)
        x = 1 - (1 - x) * math.exp((last - t) / rule.tau_recovery)
        found.append(u * x)
        x -= u * x
        u += rule.utilisation * (1 - u)
        last = t
    return np.array(found)


@pytest.mark.reference("plasticity/tsodyks_markram", against="the recurrence of Mongillo, Barak & Tsodyks 2008", within="1e-12")
def test_the_order_of_a_jump_and_a_release_matters_and_the_two_conventions_agree():
    """Irregular spikes: relaxing to U with the jump after is the same; relaxing to 0 with the jump after is not: steady release
    31 % and 15.5 % low at 5 and 10 Hz (F12's failing control)."""
    rule, golden = FACILITATING
    steps = np.cumsum(np.random.default_rng(1).integers(50, 3000, 200))
    kernel = _kernel(rule)
    found = np.array([release((kernel,), 0, int(t), 1.0) for t in steps])
    assert np.allclose(found, _mongillo(rule, steps * DT), rtol=1e-12, atol=0)
    for rate, value, loss in ((5, golden[0], 0.31), (10, golden[1], 0.155)):
        swapped = _swapped(rule, np.arange(200) / rate)[-1] / rule.utilisation
        assert 1 - swapped / value == pytest.approx(loss, abs=0.01)


def test_without_plasticity_all_is_released():
    """U = 1 and fast recovery: the weight itself; what stands in `strength` is scaled."""
    kernel = _kernel(TsodyksMarkram(1.0, 1e-6, 0.0))
    assert [release((kernel,), 0, t, 3.0) for t in (5, 6, 100)] == pytest.approx([3, 3, 3])
    assert release((), 0, 5, 3.0) == 3


def _model(rules, *, delay="1 ms", drive="15 mV", duration=1.0, protocols=None, weight="1 mV", n=4, v_threshold="1 V"):
    """Regular sources onto membranes that sum what arrives."""
    return Model.model_validate(
        {
            "title": "t",
            "duration": f"{duration} s",
            "window": "50 ms",
            "populations": {
                "S": {"n": n, "neuron": {"lif_delta": {"v_threshold": "10 mV", "v_reset": "0 mV", "drive": drive}}},
                "E": {"n": 3, "neuron": {"lif_delta": {"v_threshold": v_threshold, "v_reset": "0 mV"}}},
            },
            "projections": {
                "in": {
                    "source": "S",
                    "target": "E",
                    "channel": "excitatory",
                    "topology": {"fixed_probability": {"probability": 1.0}},
                    "weight": weight,
                    "delay": delay,
                    "plasticity": rules,
                }
            },
            "protocols": protocols or {},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("delay", ["1 ms", {"uniform": {"low": "1 ms", "high": "3 ms"}}])
def test_membranes_get_what_is_released(delay):
    """The potential of a target from the recorded spikes, the recurrence above and the delay of each synapse."""
    rule = {"utilisation": 0.4, "tau_recovery": "500 ms", "tau_facilitation": "300 ms"}
    simulation = Simulation(_model([{"tsodyks_markram": rule}], delay=delay))
    simulation.network.neurons["E"].state.v[:] = 0
    simulation.advance(10_000)
    step, unit = np.concatenate(simulation.spikes["S"], axis=1)
    rows = simulation.network.parts[0].projections["in"].rows
    expected, constant = np.zeros(3), np.zeros(3)
    for j in range(4):
        times = step[unit == j] * DT
        assert times.size > 20
        released = _mongillo(TsodyksMarkram(0.4, 0.5, 0.3), times)
        for d, steps in enumerate(rows.delay):
            row = j * rows.delay.size + d
            arrived = times + steps * DT < 1.0
            decay = np.exp(-(1.0 - DT - times - steps * DT) / 0.02)[arrived]
            for i in rows.target[rows.first[row] : rows.first[row + 1]]:
                expected[i] += 1e-3 * np.sum(released[arrived] * decay)
                constant[i] += 1e-3 * np.sum(0.4 * decay)
    found = simulation.network.neurons["E"].state.v[:3]
    assert np.allclose(found, expected, rtol=1e-9, atol=0)
    assert not np.allclose(found, constant, rtol=0.2, atol=0)


@pytest.mark.slow
@pytest.mark.reference("plasticity/release_homeostasis", against="the logistic function", within="1e-12")
def test_silent_targets_raise_the_release_along_a_logistic_curve():
    """ln(U / (1 - U)) grows by t / tau; with several delays every end of a source has the same U."""
    rules = ["tsodyks_markram", {"release_homeostasis": {"target_rate": "5 Hz", "tau": "1 s"}}]
    simulation = Simulation(_model(rules, delay={"uniform": {"low": "1 ms", "high": "2 ms"}}))
    simulation.advance(10_000)
    held = simulation.network.parts[0].projections["in"].release[0].utilisation
    assert held.size == 4 * 11
    assert np.allclose(held, 1 / (1 + np.exp(-1.0)), rtol=1e-12, atol=0)


def _closed(rules, extra=()):
    inputs = {"population": "E", "channel": "excitatory", "rate": "2.5 kHz", "weight": "0.2 mV"}
    model = _model([{"tsodyks_markram": {"utilisation": 0.3, "tau_recovery": "20 ms"}}, *rules], n=20, weight="1.5 mV",
                   duration=60.0, v_threshold="20 mV", protocols={"noise": {"poisson_input": inputs}})  # fmt: skip
    simulation = Simulation(model)
    simulation.advance(600_000)
    late = sum(int((s[0] >= 300_000).sum()) for s in simulation.spikes["E"])
    held = simulation.network.parts[0].projections["in"].release[0]
    # Paired pulses 10 ms apart from rest: second over first = 1 - U exp(-10 / 20) without facilitation.
    return late / 30 / 3, 1 - held.utilisation[0] * np.exp(-0.5)


@pytest.mark.slow
def test_release_brings_the_targets_to_their_rate_and_moves_the_paired_pulse_ratio():
    """Without the rule neither: the rate is far off, and the ratio is that of U."""
    off, ratio = _closed([])
    on, moved = _closed([{"release_homeostasis": {"target_rate": "10 Hz", "tau": "3 s", "tau_rate": "1 s", "signal": "global"}}])
    assert abs(off - 10) > 3
    assert ratio == pytest.approx(1 - 0.3 * np.exp(-0.5), rel=1e-12)
    assert on == pytest.approx(10, rel=0.05)
    assert abs(moved - ratio) > 0.05


def test_each_source_follows_its_own_targets():
    """Local: only sources of a silent neuron release more. Global: all alike."""
    source, target = np.array([0, 0, 1, 2]), np.array([0, 1, 1, 2])
    change = []
    for signal in ("local", "global"):
        rules = ["tsodyks_markram", {"release_homeostasis": {"target_rate": "20 Hz", "tau": "1 s", "signal": signal}}]
        simulation = Simulation(_model(rules))
        rule = simulation.network.slow["in"]["release_homeostasis"]
        window = simulation._window("E", rule, "in")
        wiring = window.wiring._replace(synapses=lambda: (source, target))
        rule.rule.adapt(window._replace(rate=np.array([0.0, 20.0, 40.0]), seconds=1.0, t=1000, wiring=wiring))
        u = simulation.network.parts[0].projections["in"].release[0].utilisation
        change.append(np.log(u / (1 - u)))
    assert np.allclose(change[0], [0.5, 0, -1, 0], atol=1e-12)  # the last source has no synapse
    assert np.allclose(change[1], [0, 0, 0, 0], atol=1e-12)


def test_a_homeostasis_of_release_needs_something_to_change():
    with pytest.raises(ValueError, match="no rule of short-term plasticity"):
        _model([{"release_homeostasis": {"target_rate": "5 Hz"}}])
