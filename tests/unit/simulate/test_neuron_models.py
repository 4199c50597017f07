"""AdEx, Izhikevich and relay neurons against quadrature, a fine integration, the published code and closed forms."""

import itertools
import math
from typing import Any

import numba
import numpy as np
import pytest
from scipy.integrate import quad, solve_ivp

from homeoanalysis.config.model import Model
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.numerics.exponential import exponential
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.simulation import Simulation

_LEAK, _TAU, _REST, _SOFT, _SLOPE = 30e-9, 281e-12 / 30e-9, -0.0706, -0.0504, 0.002
_STEPS = (1e-4, 5e-5, 2.5e-5)


def _run(
    neuron: dict[str, Any], drives: np.ndarray, *, dt: float = 1e-4, seconds: float = 1.0, **start: float
) -> list[np.ndarray]:
    """The steps of the spikes of one neuron for each drive [V]."""
    populations = {"cell": {"n": drives.size, "neuron": neuron}}
    model = Model.model_validate({"title": "t", "dt": f"{dt} s", "duration": f"{seconds} s", "populations": populations})
    simulation = Simulation(model)
    state = simulation.network.neurons["cell"].state
    state.drive[: drives.size] = drives
    for field, value in start.items():
        getattr(state, field)[: drives.size] = value
    simulation.advance(round(seconds / dt))
    step, unit = np.concatenate(simulation.spikes["cell"], axis=1)
    return [step[unit == i] for i in range(drives.size)]


# ---- the exponential
@pytest.mark.parametrize(("kind", "bound", "error"), [(np.float64, 707.0, 4e-16), (np.float32, 86.0, 2e-7)])
def test_the_exponential_has_the_stated_error(kind, bound, error):
    """Against long double; compiled and plain; what is not a number stays so, what is too large stays finite."""
    activate()

    @numba.njit(**OPTIONS)
    def apply(x, y):
        for i in range(x.size):
            y[i] = exponential(x[i])

    rng = np.random.default_rng(1)
    x = np.concatenate([rng.uniform(-bound, bound, 50_000), rng.uniform(-1, 1, 50_000)]).astype(kind)
    y = np.empty_like(x)
    apply(x, y)
    exact = np.exp(x.astype(np.longdouble))
    assert np.abs(y / exact - 1).max() < error
    assert all(abs(exponential(v) / np.exp(np.longdouble(v)) - 1) < error for v in x[:100])
    special = np.array([np.nan, np.inf, -np.inf, 1e4, -1e4, 0.0], kind)
    found = np.empty_like(special)
    apply(special, found)
    assert np.isnan(found[0])
    assert np.all(np.isfinite(found[1:]))
    assert found[-1] == 1
    assert np.allclose([exponential(v) for v in special[1:]], found[1:], rtol=1e-6)


# ---- adex
def _interval(drive: float) -> float:
    """From reset to peak of the exponential neuron without adaptation [s]."""
    points = np.linspace(_REST, 0.02, 60)
    slope = lambda v: ((_REST - v) + _SLOPE * math.exp((v - _SOFT) / _SLOPE) + drive) / _TAU  # noqa: E731
    return math.fsum(quad(lambda v: 1 / slope(v), a, b, epsrel=1e-10)[0] for a, b in itertools.pairwise(points))


def _lag(drive: float, dt: float) -> tuple[float, float]:
    """Least and greatest error of an interval in steps.

    Forward Euler is late by (dt / 2) ln(f(end) / f(start)) up to where its step reaches the time constant of the upstroke,
    tau dt = slope exp(), and takes two steps more at most from there; the spike lies on the grid.
    """
    end = _SLOPE * _TAU / dt
    return 0.0, 0.5 * math.log((end + 0.02) / drive) + 3


@pytest.mark.reference(
    "neurons/adex",
    against="quadrature of the exponential neuron's interval",
    within="the lag of Euler's upstroke: (dt/2) ln ratio + 3 steps",
)
@pytest.mark.parametrize("dt", _STEPS)
def test_rate_of_the_exponential_neuron_is_that_of_its_quadrature(dt):
    drives = np.linspace(0.021, 0.06, 12)
    neuron = {"adex": {"adaptation_conductance": "0 S", "adaptation_jump": "0 A"}}
    for drive, steps in zip(drives, _run(neuron, drives, dt=dt, seconds=0.5), strict=True):
        intervals, exact = np.diff(steps), _interval(drive)
        low, high = _lag(drive, dt)
        assert intervals.size >= 3
        assert np.ptp(intervals) == 0
        assert low <= intervals[0] - exact / dt <= high
        if exact / dt > 100:
            assert not low <= intervals[0] - 1.05 * exact / dt <= high  # the bound would see 5 %
    threshold = _SOFT - _REST - _SLOPE  # where the two fixed points meet: (v_rest - v) + slope + drive = 0 at v = v_threshold
    silent, firing = _run(neuron, np.array([threshold - 1e-5, threshold + 2e-4]), dt=dt, seconds=2.0)
    assert silent.size <= 1  # the initial potential may lie above the unstable fixed point
    assert firing.size > 2


def _adaptive(drive: float, seconds: float, jump: float) -> np.ndarray:
    """Spike times of the adaptive neuron by an adaptive solver: in time up to -45 mV, on the upstroke with v as the variable."""
    times, v, w, t = [], _REST, 0.0, 0.0

    def slope(t, y):
        current = -_LEAK * (y[0] - _REST) + _LEAK * _SLOPE * math.exp((y[0] - _SOFT) / _SLOPE) - y[1] + _LEAK * drive
        return np.array([current / 281e-12, (4e-9 * (y[0] - _REST) - y[1]) / 0.144])

    def upstroke(v, y):
        f, g = slope(y[0], (v, y[1]))
        return [1 / f, g / f]

    def passes(t, y):
        return y[0] + 0.045

    passes.terminal = True
    while True:
        found = solve_ivp(slope, (t, seconds), [v, w], events=passes, rtol=1e-9, atol=1e-15, max_step=1e-3)
        if not found.t_events[0].size:
            return np.array(times)
        start = [found.t_events[0][0], found.y_events[0][0][1]]
        t, w = solve_ivp(upstroke, (-0.045, 0.02), start, rtol=1e-9, atol=1e-15).y[:, -1]
        v, w = _REST, w + jump
        times.append(t)


@pytest.mark.reference(
    "neurons/adex", against="every spike of an adaptive solver, at three steps", within="4.6 steps for each interval before it"
)
@pytest.mark.parametrize("drive", [0.03, 0.06])
def test_spikes_of_the_adaptive_neuron_converge_to_those_of_the_differential_equation(drive):
    """Every spike of 0.5 s; the error is at most a few steps for each interval, at three step lengths. Control: b 20 % less."""
    exact, wrong = _adaptive(drive, 0.5, 80.5e-12), _adaptive(drive, 0.5, 64e-12)
    assert exact.size > 5
    assert np.diff(exact)[-1] > 1.3 * np.diff(exact)[0]  # it adapts
    for dt in _STEPS:
        (steps,) = _run({"adex": {}}, np.array([drive]), dt=dt, seconds=0.5, v=_REST)
        n = min(steps.size, exact.size)
        assert n >= exact.size - 1
        limit = _lag(drive, dt)[1] * np.arange(1, n + 1)
        assert np.all(np.abs((steps[:n] + 1) - exact[:n] / dt) <= limit)
        assert np.any(np.abs((steps[:n] + 1) - wrong[:n] / dt) > limit)


def test_a_conductance_moves_the_adaptive_neuron_as_the_equation_says():
    """1 nS that decays with 5 ms, far below threshold: Euler's error is first order in dt."""

    def slope(t, y):
        inward = 5e-9 * math.exp(-t / 0.005) * (0 - y[0]) + 8e-9 * math.exp(-t / 0.01) * (-0.08 - y[0])
        current = -_LEAK * (y[0] - _REST) + _LEAK * _SLOPE * math.exp((y[0] - _SOFT) / _SLOPE) - y[1] + inward
        return [current / 281e-12, (4e-9 * (y[0] - _REST) - y[1]) / 0.144]

    exact = solve_ivp(slope, (0, 0.02), [_REST, 0.0], rtol=1e-11, atol=1e-16).y[:, -1]
    error = []
    for dt in _STEPS:
        cells = {"cell": {"n": 1, "neuron": "adex"}}
        simulation = Simulation(Model.model_validate({"title": "t", "dt": f"{dt} s", "duration": "1 s", "populations": cells}))
        p = simulation.network.parts[0].populations["cell"]
        p.state.v[0] = _REST
        for channel, g in zip(p.channels, (5e-9, 8e-9), strict=True):
            channel.terms[0].trace.value[0] = g
        simulation.advance(round(0.02 / dt))
        error.append([p.state.v[0] - exact[0], p.state.adaptation[0] * _LEAK - exact[1]])
    ratio = np.array(error)[:-1] / np.array(error)[1:]
    assert np.all(np.abs(np.array(error)[0]) < [5e-5, 2e-13])
    assert np.allclose(ratio, 2, rtol=0.1)


# ---- izhikevich
# (a, b, c, d) of figure 2 of the paper
_CLASSES = {
    "regular spiking": (0.02, 0.2, -65, 8),
    "intrinsically bursting": (0.02, 0.2, -55, 4),
    "chattering": (0.02, 0.2, -50, 2),
    "fast spiking": (0.1, 0.2, -65, 2),
    "low-threshold spiking": (0.02, 0.25, -65, 2),
}


def _published(a: float, b: float, c: float, d: float, current: float, v: float, u: float) -> tuple[bool, float, float]:
    """One step of the paper's program, in mV and ms: input and integration, then what it does first in its next step."""
    v = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + current)
    v = v + 0.5 * (0.04 * v**2 + 5 * v + 140 - u + current)
    u = u + a * (b * v - u)
    return (True, c, u + d) if v >= 30 else (False, v, u)


def _izhikevich(label: str) -> dict[str, Any]:
    a, b, c, d = _CLASSES[label]
    values = {"recovery_rate": f"{a} 1/ms", "recovery_gain": f"{b} 1/ms", "v_reset": f"{c} mV", "recovery_jump": f"{d} mV/ms"}
    return {"izhikevich": values}


@pytest.mark.reference("neurons/izhikevich", against="each step of the published program, five classes", within="relative 1e-11")
@pytest.mark.parametrize("label", _CLASSES)
def test_every_step_of_an_izhikevich_neuron_is_that_of_the_published_program(label):
    """400 steps of 1 ms at I = 10, each from the state that the last has left: with long steps rounding grows by chaos."""
    content = {"title": "t", "dt": "1 ms", "duration": "1 s", "populations": {"cell": {"n": 1, "neuron": _izhikevich(label)}}}
    simulation = Simulation(Model.model_validate(content), code=REFERENCE)
    state = simulation.network.neurons["cell"].state
    state.drive[0] = 0.01
    assert (state.v[0], state.recovery[0]) == pytest.approx((_CLASSES[label][2] / 1e3, state.v[0] * _CLASSES[label][1] * 1e3))
    fired = 0
    for t in range(400):
        expected = _published(*_CLASSES[label], 10.0, state.v[0] * 1e3, state.recovery[0])
        simulation.advance(1)
        spikes = [s for s in simulation.spikes["cell"][-1][0] if s == t]
        assert len(spikes) == expected[0]
        assert (state.v[0] * 1e3, state.recovery[0]) == pytest.approx(expected[1:], rel=1e-11)
        fired += expected[0]
    assert fired > 5


@pytest.mark.reference(
    "neurons/izhikevich", against="firing patterns of figure 2", within="adaptation, bursts and rates in their order"
)
def test_izhikevich_neurons_have_the_published_patterns():
    """Figure 2 at I = 10: who adapts, who bursts, who fires fast."""
    found = {label: 0.1 * np.diff(_run(_izhikevich(label), np.array([0.01]))[0]) for label in _CLASSES}  # [ms]
    regular, fast, low = (found[k] for k in ("regular spiking", "fast spiking", "low-threshold spiking"))
    assert regular[0] < 0.6 * regular[-1]  # spike-frequency adaptation
    assert np.ptp(regular[-5:]) < 1
    assert fast[5:].min() > 0.9 * fast.max()  # hardly any
    assert fast.mean() < 0.25 * regular[-5:].mean()
    assert low[0] < 0.3 * low[-1]  # high frequency with strong adaptation
    assert low[-1] < 0.5 * regular[-1]
    bursting = found["intrinsically bursting"]
    assert bursting[0] < 5  # an initial burst, then single spikes
    assert bursting[1:].min() > 5 * bursting[0]
    chattering = found["chattering"]
    assert (chattering < 7).sum() > 3 * (chattering > 40).sum() > 30  # bursts of three and more go on, with gaps in between
    assert not np.any((chattering > 7) & (chattering < 40))


def test_a_low_threshold_neuron_fires_on_release_from_inhibition():
    """Rebound: it starts at rest under I = -20, which ends after 100 ms; regular spiking neurons stay silent."""
    for label, is_rebounding in (("low-threshold spiking", True), ("regular spiking", False)):
        model = {"title": "t", "dt": "1 ms", "duration": "1 s", "populations": {"cell": {"n": 1, "neuron": _izhikevich(label)}}}
        simulation = Simulation(Model.model_validate(model))
        drive = simulation.network.neurons["cell"].state.drive
        drive[0] = -0.02
        simulation.advance(100)
        drive[0] = 0.0
        simulation.advance(200)
        steps = np.concatenate(simulation.spikes["cell"], axis=1)[0]
        assert bool(np.any(steps >= 100)) == is_rebounding


def test_izhikevich_rate_converges_with_shorter_steps():
    """The regular spiking neuron at I = 10 against an adaptive solver: the tenth spike, first order in dt."""

    def slope(t, y):
        return [0.04 * y[0] ** 2 + 5 * y[0] + 140 - y[1] + 10, 0.02 * (0.2 * y[0] - y[1])]

    def peak(t, y):
        return y[0] - 30

    peak.terminal = True
    y, t = [-65.0, -13.0], 0.0
    for _ in range(10):
        found = solve_ivp(slope, (t, 1000.0), y, method="LSODA", events=peak, rtol=1e-10, atol=1e-10)
        t, y = float(found.t_events[0][0]), [-65.0, float(found.y_events[0][0][1]) + 8]
    error = []
    for dt in (1e-4, 5e-5, 2.5e-5):
        (steps,) = _run({"izhikevich": {}}, np.array([0.01]), dt=dt, seconds=0.6)
        error.append(abs((steps[9] + 1) * dt - t * 1e-3) / dt)
    assert max(error) < 10 * 4  # steps late: at most four for each interval
    assert error[2] * 2.5e-5 < error[0] * 1e-4


# ---- relay
def _relays(**changes: Any) -> Model:
    content = {
        "title": "t",
        "duration": "20 s",
        "populations": {"in": {"n": 100, "neuron": "relay"}, "out": {"n": 100, "neuron": {"relay": {}}}},
        "projections": {
            "forth": {
                "source": "in",
                "target": "out",
                "channel": "excitatory",
                "topology": {"fixed_probability": {"probability": 0.02}},
                "weight": "1 mV",
                "delay": "1.5 ms",
            }
        },
        "protocols": {
            "events": {"poisson_input": {"population": "in", "channel": "excitatory", "rate": "50 Hz", "weight": "1 mV"}}
        },
    }
    return Model.model_validate(content | changes)


@pytest.mark.slow
@pytest.mark.reference(
    "neurons/relay", against="Poisson rate and intervals; arrivals by hand", within="four standard errors; exact"
)
def test_relays_are_poisson_neurons_that_projections_see():
    """Rate, Poisson intervals, and every spike is passed on exactly 15 steps later."""
    simulation = Simulation(_relays())
    simulation.advance(200_000)
    step, unit = np.concatenate(simulation.spikes["in"], axis=1)
    p = -math.expm1(-50 * 1e-4)
    assert step.size == pytest.approx(100 * 200_000 * p, abs=4 * math.sqrt(100 * 200_000 * p))
    intervals = np.concatenate([np.diff(step[unit == i]) for i in range(100)])
    assert intervals.min() == 1  # no refractory period
    assert intervals.std() / intervals.mean() == pytest.approx(1, abs=4 / math.sqrt(intervals.size))
    projection = simulation.network.parts[0].projections["forth"]
    expected = {
        (t + 15, int(i))
        for t, j in zip(step, unit, strict=True)
        for i in projection.rows.target[projection.rows.first[j] : projection.rows.first[j + 1]]
        if t + 15 < 200_000
    }
    assert set(zip(*np.concatenate(simulation.spikes["out"], axis=1).tolist(), strict=True)) == expected


def test_a_relay_forgets_and_can_ask_for_coincidence():
    """Two events of 1 mV in one step pass 1.5 mV; one does not, however many came before."""
    populations = {"in": {"n": 100, "neuron": {"relay": {"v_threshold": "1.5 mV"}}}, "out": {"n": 100, "neuron": "relay"}}
    simulation = Simulation(_relays(populations=populations))
    simulation.advance(200_000)
    mean = 50 * 1e-4
    p = 1 - math.exp(-mean) * (1 + mean)
    found = np.concatenate(simulation.spikes["in"], axis=1).shape[1]
    assert found == pytest.approx(100 * 200_000 * p, abs=4 * math.sqrt(100 * 200_000 * p))


def test_white_noise_cannot_move_a_relay():
    protocols = {"noise": {"white_noise": {"population": "in", "sigma": "1 mV"}}}
    with pytest.raises(SimulationError, match="white_noise drives 'in', whose neurons forget"):
        Simulation(_relays(protocols=protocols))
