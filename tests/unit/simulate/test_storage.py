"""Storage forms of plastic synapses against each other and against a dense re-derivation."""

from typing import NamedTuple

import numpy as np
import pytest

from homeoanalysis.simulate import build
from homeoanalysis.simulate.projections import Event, Forward, Static, weights
from homeoanalysis.simulate.verb import Simulation

STEPS = 25_000  # 2.5 s
QUIET = {
    "protocols": {
        "drive_E": {"poisson_input": {"rate": "0 Hz"}},
        "drive_I": {"poisson_input": {"rate": "0 Hz"}},
        "deprivation": {"scale_input": {"start": "0 s"}},
    },
    "duration": "3 s",
}


class _Nothing(NamedTuple):
    """An event rule that changes nothing, and moves its projection to event storage."""

    form = "event"

    def build(self, n_post, grid):
        return _NothingKernel(grid.dtype.type(0))


class _NothingKernel(NamedTuple):
    zero: float

    @staticmethod
    def on_post(rule, i, t):
        return rule.zero

    @staticmethod
    def at_post(rule, armed, j, w):
        return armed * w


def _driven(model, run=None) -> Simulation:
    """No noise: every neuron has a drive of its own above threshold."""
    simulation = Simulation(model, run=run)
    for p in simulation.network.populations.values():
        n = p.counts.size
        p.state.drive[:n] = np.linspace(0.0115, 0.02, n)
    return simulation


def _as_event(simulation: Simulation, rule) -> None:
    forward = simulation.network.projections["I_to_E"]
    n = simulation.network.populations["E"].counts.size
    rows = [forward.target[a:b].astype(int) for a, b in zip(forward.first[:-1], forward.first[1:], strict=True)]
    simulation.network.projections["I_to_E"] = build.projection(
        simulation.network.grid,
        forward.source,
        forward.sink,
        forward.channel,
        rows,
        n_target=n,
        weight=float(forward.weight[0]),
        weight_max=float(forward.weight_max),
        delay=forward.delay,
        rules=[rule, _Nothing()],
    )


def _matrix(projection, n_source: int, n_target: int, values: np.ndarray) -> np.ndarray:
    dense = np.zeros((n_source, n_target))
    dense[np.repeat(np.arange(n_source), np.diff(projection.first)), projection.target] = values
    return dense


def _dense(model, simulation: Simulation, rule) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """The same network with dense matrices, traces that decay at every step, and weights that change at every spike."""
    dt = 1e-4
    sizes = {key: p.counts.size for key, p in simulation.network.populations.items()}
    v = {k: p.state.v[: sizes[k]].copy() for k, p in simulation.network.populations.items()}
    drive = {k: p.state.drive[: sizes[k]].copy() for k, p in simulation.network.populations.items()}
    conductance = {(k, c): np.zeros(n) for k, n in sizes.items() for c in ("excitatory", "inhibitory")}
    decay = {"excitatory": np.exp(-dt / 0.005), "inhibitory": np.exp(-dt / 0.01)}
    w, exists = {}, {}
    for key, p in simulation.network.projections.items():
        ends = (sizes[model.projections[key].source], sizes[model.projections[key].target])
        w[key] = _matrix(p, *ends, weights(p))
        exists[key] = _matrix(p, *ends, np.ones(p.target.size)) > 0
    x_pre, x_post = np.zeros(sizes["I"]), np.zeros(sizes["E"])
    keep, alpha = np.exp(-dt / rule.tau), 2 * rule.target_rate * rule.tau
    top = float(simulation.network.projections["I_to_E"].weight_max)
    last = {k: np.full(n, -1000) for k, n in sizes.items()}
    fired: dict[str, list[np.ndarray]] = {k: [] for k in sizes}
    for t in range(STEPS):
        x_pre *= keep
        x_post *= keep
        for key, p in model.projections.items():
            if t < 8:
                continue
            arrived = fired[p.source][t - 8]
            conductance[p.target, p.channel] += w[key][arrived].sum(axis=0)
            if key == "I_to_E" and arrived.any():
                x_pre[arrived] += 1
                change = rule.learning_rate * (x_post - alpha)
                w[key][arrived] = np.where(exists[key][arrived], np.clip(w[key][arrived] + change, 0, top), 0)
        for key in sizes:
            g_e, g_i = conductance[key, "excitatory"], conductance[key, "inhibitory"]
            current = (g_e * (0.0 - v[key]) + g_i * (-0.08 - v[key])) * dt / 200e-12
            v[key] = v[key] + (dt / 0.02) * ((-0.06 - v[key]) + drive[key]) + current
            v[key][t - last[key] < 50] = -0.06
            spike = v[key] > -0.05
            v[key][spike], last[key][spike] = -0.06, t
            fired[key].append(spike)
        post = fired["E"][t]
        if post.any():
            column = w["I_to_E"][:, post] + rule.learning_rate * x_pre[:, None]
            w["I_to_E"][:, post] = np.where(exists["I_to_E"][:, post], np.clip(column, 0, top), 0)
            x_post[post] += 1
        for channel in conductance:
            conductance[channel] *= decay[channel[1]]
    return {k: np.array(f) for k, f in fired.items()}, w["I_to_E"]


@pytest.mark.parametrize("window", ["100 ms", "700 ms"])
def test_deferred_event_and_dense_plasticity_agree(small, spikes, uncached, window):
    """Identical spikes for 2.5 s and weights to 1e-9, with weights at both bounds; a long window has many live epochs."""
    fast = {"inhibitory_stdp": {"target_rate": "20 Hz", "learning_rate": "2 nS", "tau": "20 ms"}}
    model = small(**QUIET, window=window, projections={"I_to_E": {"weight": "3 nS", "weight_max": "12 nS", "plasticity": [fast]}})
    rule = build.instance(model.projections["I_to_E"].plasticity[0])
    forward, event = _driven(model), _driven(model, run=uncached)
    _as_event(event, rule)
    assert isinstance(forward.network.projections["I_to_E"], Forward)
    assert isinstance(event.network.projections["I_to_E"], Event)
    assert isinstance(forward.network.projections["E_to_E"], Static)
    dense_spikes, dense_weights = _dense(model, forward, rule)
    forward.advance(STEPS)
    event.advance(STEPS)
    total = 0
    for key, raster in dense_spikes.items():
        step, unit = np.nonzero(raster)
        total += step.size
        for simulation in (forward, event):
            assert np.array_equal(spikes(simulation)[key], np.stack([step, unit]))
    assert total > 1500
    exists = dense_weights.nonzero()
    found = [_matrix(p, 10, 40, weights(p)) for p in (s.network.projections["I_to_E"] for s in (forward, event))]
    for matrix in found:
        assert np.abs(matrix - dense_weights).max() < 1e-9 * dense_weights.max()
    values = dense_weights[exists]
    assert values.max() == pytest.approx(12e-9)  # the upper bound was reached,
    assert values.std() > 1e-9  # and weights differ


def test_a_rule_that_needs_the_weight_gets_it_at_the_postsynaptic_spike(small, spikes, uncached):
    """Event form: a decay at every postsynaptic spike makes each weight w0 (1 - rate)^(spikes of its target)."""

    class _Decay(NamedTuple):
        form = "event"

        def build(self, n_post, grid):
            return _DecayKernel(grid.dtype.type(0.01))

    model = small(**QUIET)
    simulation = _driven(model, run=uncached)
    forward = simulation.network.projections["I_to_E"]
    _as_event(simulation, build.instance(model.projections["I_to_E"].plasticity[0]))
    event = simulation.network.projections["I_to_E"]
    simulation.network.projections["I_to_E"] = event._replace(rules=(_Decay().build(40, simulation.network.grid),))
    simulation.advance(10_000)
    counts = np.bincount(spikes(simulation)["E"][1], minlength=40)
    assert counts.max() > counts.min() > 0
    found = weights(simulation.network.projections["I_to_E"])
    assert np.allclose(found, 3.65e-9 * 0.99 ** counts[forward.target], rtol=1e-12)


class _DecayKernel(NamedTuple):
    rate: float

    @staticmethod
    def on_post(rule, i, t):
        return rule.rate

    @staticmethod
    def at_post(rule, armed, j, w):
        return -armed * w
