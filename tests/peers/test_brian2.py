"""The same network in Brian2: identical spikes in double precision.

Run with `pytest -m peers tests/peers` where brian2 is installed (extra `peers`).
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation

# Brian2's own dependencies warn of deprecations.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

N_E, N_I, DELAY, WINDOW = 160, 40, 8, 1000
WEIGHT = {"E_to_E": 0.5e-9, "E_to_I": 0.6e-9, "I_to_I": 2e-9, "I_to_E": 3e-9}
TARGET = 10.0  # [Hz]
TOP = {"I_to_E": 30e-9, "E_to_E": 2e-9}
INHIBITORY_RATE = 0.3e-9
PAIR_RATE, ASYMMETRY, TAU_PLUS, TAU_MINUS = 0.02, 1.2, 0.015, 0.03
TAU_X, TAU_Y = 0.1, 0.125
TRIPLET = {"a2_plus": 0.01, "a3_plus": 0.02, "a2_minus": 0.02, "a3_minus": 0.01}
UTILISATION, TAU_RECOVERY, TAU_FACILITATION = 0.3, 0.2, 0.05
SCALING, GAIN = 2.0, 2e-4  # [1/s], [V]


class _There(NamedTuple):
    """What Brian2 does at a projection. Each trace of arrivals decays by a factor in each step, and jumps by 1."""

    arrival: str  # change of the weight, before the traces jump
    spike: str  # change of the weight at a postsynaptic spike, after the traces of the neuron have jumped
    traces: dict[str, str]


class _Case(NamedTuple):
    """Rules of a network: ours, and the same in Brian2."""

    ours: dict[str, list[dict[str, Any]]]  # of projections
    intrinsic: list[dict[str, Any]]  # of E
    brian: dict[str, _There]
    is_slow: bool
    seconds: float


_INHIBITORY_STDP = _Case(
    {"I_to_E": [{"inhibitory_stdp": {"target_rate": f"{TARGET} Hz", "learning_rate": f"{INHIBITORY_RATE} S", "tau": "20 ms"}}]},
    [],
    {"I_to_E": _There("rate * (x_post - alpha)", "rate * x_arrived", {"x_arrived": "keep"})},
    False,
    2.0,
)
_STDP = {"learning_rate": PAIR_RATE, "asymmetry": ASYMMETRY, "tau_plus": f"{TAU_PLUS} s", "tau_minus": f"{TAU_MINUS} s"}
_HOMEOSTASIS = _Case(
    {
        "E_to_E": [
            {"pair_stdp": _STDP},
            {"synaptic_scaling": {"target_rate": f"{TARGET} Hz", "proportional": f"{SCALING} 1/s"}},
        ],
        "I_to_E": _INHIBITORY_STDP.ours["I_to_E"],
    },
    [{"intrinsic_drive": {"target_rate": f"{TARGET} Hz", "gain": f"{GAIN} V"}}],
    {**_INHIBITORY_STDP.brian, "E_to_E": _There("-down * y_post", "up * x_arrived", {"x_arrived": "keep_plus"})},
    True,
    2.0,
)
_TIMES = {"tau_plus": TAU_PLUS, "tau_minus": TAU_MINUS, "tau_x": TAU_X, "tau_y": TAU_Y}
_SHORT_TERM = {"tau_recovery": f"{TAU_RECOVERY} s", "tau_facilitation": f"{TAU_FACILITATION} s", "utilisation": UTILISATION}
_TRIPLET = _Case(
    {
        "E_to_E": [{"triplet_stdp": {**TRIPLET, **{key: f"{tau} s" for key, tau in _TIMES.items()}}}],
        "E_to_I": [{"tsodyks_markram": _SHORT_TERM}],
    },
    [],
    {
        "E_to_E": _There(
            "-top * y_post * (a2_minus + a3_minus * r2)",
            "top * r1 * (a2_plus + a3_plus * (z_post - 1))",
            {"r1": "keep_plus", "r2": "keep_x"},
        )
    },
    False,
    2.0,
)
_RELEASE = """
used = used * exp(-(t_in_timesteps - last) * forgetting)
left = 1 - (1 - left) * exp(-(t_in_timesteps - last) * recovery)
used = used + utilisation * (1 - used)
g_e_post += w * used * left
left = left - used * left
last = t_in_timesteps
"""


def _model(case: _Case) -> Model:
    def projection(name: str) -> dict[str, Any]:
        source, _, target = name.split("_")
        found: dict[str, Any] = {
            "source": source,
            "target": target,
            "channel": "excitatory" if source == "E" else "inhibitory",
            "topology": {"fixed_probability": {"probability": 0.3}},
            "weight": f"{WEIGHT[name]} S",
            "delay": "0.8 ms",
        }
        if name in case.ours:
            found |= {"plasticity": case.ours[name]}
        if name in case.brian:
            found |= {"weight_max": f"{TOP[name]} S"}
        return found

    populations = {
        "E": {"n": N_E, "neuron": "lif_conductance", "plasticity": case.intrinsic},
        "I": {"n": N_I, "neuron": "lif_conductance"},
    }
    projections = {name: projection(name) for name in WEIGHT}
    return Model.model_validate(
        {"title": "peer", "duration": f"{case.seconds} s", "populations": populations, "projections": projections}
    )


def _ours(case: _Case) -> tuple[Simulation, dict[str, np.ndarray]]:
    """No noise: every neuron has a drive of its own."""
    simulation = Simulation(_model(case), name="peer")
    for p in simulation.network.neurons.values():
        p.state.drive[: p.n] = np.linspace(0.012, 0.02, p.n)
    start = {key: p.state.v[: p.n].copy() for key, p in simulation.network.neurons.items()}
    simulation.advance(round(case.seconds / 1e-4))
    return simulation, start


class _Peer(NamedTuple):
    """The network in Brian2."""

    network: Any
    groups: dict[str, Any]
    synapses: dict[str, Any]
    monitors: dict[str, Any]


def _in_brian(b: Any, case: _Case, simulation: Simulation, start: dict[str, np.ndarray]) -> _Peer:
    """Its schedule is set to the order of our step: arrivals, integration, spikes, plasticity of those spikes."""
    dt = b.defaultclock.dt
    names = {
        "decay_e": float(np.exp(-1e-4 / 0.005)),
        "decay_i": float(np.exp(-1e-4 / 0.01)),
        "keep": float(np.exp(-1e-4 / 0.02)),
        "keep_plus": float(np.exp(-1e-4 / TAU_PLUS)),
        "keep_minus": float(np.exp(-1e-4 / TAU_MINUS)),
        "gain": 1e-4 / 200e-12,
        "leak": 1e-4 / 0.02,
        "alpha": 2 * TARGET * 0.02,
        "rate": INHIBITORY_RATE,
        "up": PAIR_RATE * TOP["E_to_E"],
        "down": ASYMMETRY * PAIR_RATE * TOP["E_to_E"],
        "keep_x": float(np.exp(-1e-4 / TAU_X)),
        "keep_y": float(np.exp(-1e-4 / TAU_Y)),
        "utilisation": UTILISATION,
        "recovery": 1e-4 / TAU_RECOVERY,
        "forgetting": 1e-4 / TAU_FACILITATION,
        **TRIPLET,
    }
    # Numbers without dimensions (V, S, s), and an explicit update: Brian2's own "euler" would decay g by Euler too.
    equations = "v : 1\ng_e : 1\ng_i : 1\nx : 1\ny : 1\nz : 1\ndrive : 1"
    update = """
    v = v + int(not_refractory) * (leak * ((-0.06 - v) + drive) + gain * (g_e * (0.0 - v) + g_i * (-0.08 - v)))
    g_e = g_e * decay_e
    g_i = g_i * decay_i
    """
    groups, synapses = {}, {}
    for key, n in (("E", N_E), ("I", N_I)):
        reset = "v = -0.06; x = x + 1; y = y + 1; z = z + 1"
        group = b.NeuronGroup(n, equations, threshold="v > -0.05", reset=reset, refractory=5 * b.ms, namespace=names)
        group.v, group.drive = start[key], np.linspace(0.012, 0.02, n)
        group.run_regularly(update, dt=dt, when="groups", order=1)
        # The trace of arrivals decays before they come, that of emissions likewise: both are read at their own step.
        group.run_regularly("x = x * keep\ny = y * keep_minus\nz = z * keep_y", dt=dt, when="start", order=-2)
        groups[key] = group
    for key in WEIGHT:
        source, _, target = key.split("_")
        ends, send = (groups[source], groups[target]), f"{'g_e' if source == 'E' else 'g_i'}_post += w"
        if key in case.brian:
            there, own = case.brian[key], {**names, "top": TOP[key]}
            jumps = "\n".join(f"{trace} += 1" for trace in there.traces)
            decays = "\n".join(f"{trace} = {trace} * {keep}" for trace, keep in there.traces.items())
            on_pre = f"{send}\nw = clip(w + {there.arrival}, 0, top)\n{jumps}"
            on_post = f"w = clip(w + {there.spike}, 0, top)"
            variables = "\n".join(f"{variable} : 1" for variable in ("w", *there.traces))
            s = b.Synapses(*ends, variables, on_pre=on_pre, on_post=on_post, namespace=own)
            s.run_regularly(decays, dt=dt, when="start", order=-2)
            s.post.when, s.post.order = "end", 0
        elif key in case.ours:
            s = b.Synapses(*ends, "w : 1\nused : 1\nleft : 1\nlast : 1", on_pre=_RELEASE, namespace=names)
        else:
            s = b.Synapses(*ends, "w : 1", on_pre=send, namespace=names)
        i, j = pairs(simulation.network.parts[0].projections[key])
        s.connect(i=i, j=j)
        s.w = WEIGHT[key]
        if key in case.ours and key not in case.brian:
            s.left, s.last = 1, -(10**9)
        # Brian2 queues the spikes of the step before at the start of this one: one step less.
        s.pre.delay = (DELAY - 1) * dt
        s.pre.when, s.pre.order = "start", -1
        synapses[key] = s
    monitors = {key: b.SpikeMonitor(group) for key, group in groups.items()}
    return _Peer(b.Network(*groups.values(), *synapses.values(), *monitors.values()), groups, synapses, monitors)


def _run(b: Any, peer: _Peer, case: _Case) -> None:
    """Slow rules act at the end of the last step of a window. One run: Brian2 may shift a step where it starts anew."""
    before = np.zeros(N_E, int)

    def end_of_step(t: Any) -> None:
        if (round(float(t / b.second) / 1e-4) + 1) % WINDOW:
            return
        counts = np.array(peer.monitors["E"].count)
        rate = (counts - before) / (WINDOW * 1e-4)
        before[:] = counts
        s = peer.synapses["E_to_E"]
        factor = 1 + SCALING * WINDOW * 1e-4 * (1 - rate / TARGET)
        s.w = np.clip(np.asarray(s.w) * factor[np.asarray(s.j)], 0, TOP["E_to_E"])
        peer.groups["E"].drive = np.asarray(peer.groups["E"].drive) + GAIN * WINDOW * 1e-4 * (TARGET - rate)

    if case.is_slow:
        peer.network.add(b.NetworkOperation(end_of_step, dt=b.defaultclock.dt, when="end", order=1))
    peer.network.run(case.seconds * b.second)


@pytest.mark.reference(
    "neurons/lif_conductance",
    "synapses/exponential",
    "plasticity/inhibitory_stdp",
    against="Brian2 2.9",
    within="every spike of 2 s",
)
@pytest.mark.reference(
    "plasticity/pair_stdp",
    "plasticity/synaptic_scaling",
    "plasticity/intrinsic_drive",
    against="Brian2 2.9",
    within="every spike of 2 s",
)
@pytest.mark.reference("plasticity/triplet_stdp", "plasticity/tsodyks_markram", against="Brian2 2.9", within="every spike of 2 s")
@pytest.mark.parametrize(
    "case",
    [_INHIBITORY_STDP, _HOMEOSTASIS, _TRIPLET],
    ids=["inhibitory plasticity", "STDP, scaling, intrinsic", "triplet, short-term"],
)
def test_spikes_are_identical_to_brian2(case):
    """200 neurons, 2 s, plasticity on: every spike of both, and the weights to 1e-9."""
    import brian2 as b

    simulation, start = _ours(case)
    b.prefs.codegen.target = "numpy"
    b.start_scope()
    b.defaultclock.dt = 0.1 * b.ms
    peer = _in_brian(b, case, simulation, start)
    _run(b, peer, case)
    total = 0
    for key, monitor in peer.monitors.items():
        step = np.rint(np.asarray(monitor.t / b.second) / 1e-4).astype(int)
        unit = np.asarray(monitor.i)
        order = np.lexsort((unit, step))
        ours = np.concatenate(simulation.spikes[key], axis=1)
        total += step.size
        assert np.array_equal(ours, np.stack([step[order], unit[order]]))
    assert total > 2000
    for key in case.brian:
        found = weights(simulation.network.parts[0].projections[key])
        expected = np.asarray(peer.synapses[key].w)
        assert np.abs(found - expected).max() < 1e-9 * TOP[key]
        assert found.std() > 0.05 * found.mean()
    drive = simulation.network.neurons["E"].state.drive[:N_E]
    assert np.abs(drive - np.asarray(peer.groups["E"].drive)).max() < 1e-12
    assert np.array_equal(drive, np.linspace(0.012, 0.02, N_E)) != case.is_slow
