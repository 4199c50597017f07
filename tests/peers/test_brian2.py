"""The same network in Brian2: identical spikes in double precision.

Run with `pytest -m peers tests/peers` where brian2 is installed (extra `peers`).
"""

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import weights
from homeoanalysis.simulate.verb import Simulation

# Brian2's own dependencies warn of deprecations.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

N_E, N_I, SECONDS, DELAY = 160, 40, 2.0, 8
TARGET, RATE, TOP = 10.0, 0.3e-9, 30e-9
WEIGHT = {"E_to_E": 0.5e-9, "E_to_I": 0.6e-9, "I_to_I": 2e-9, "I_to_E": 3e-9}


def _model() -> Model:
    def projection(name: str) -> dict:
        source, _, target = name.split("_")
        channel = "excitatory" if source == "E" else "inhibitory"
        wiring = {"fixed_probability": {"probability": 0.3}}
        return {
            "source": source,
            "target": target,
            "channel": channel,
            "topology": wiring,
            "weight": f"{WEIGHT[name]} S",
            "delay": "0.8 ms",
        }

    rule = {"inhibitory_stdp": {"target_rate": f"{TARGET} Hz", "learning_rate": f"{RATE} S", "tau": "20 ms"}}
    projections = {name: projection(name) for name in WEIGHT}
    projections["I_to_E"] |= {"plasticity": [rule], "weight_max": f"{TOP} S"}
    populations = {"E": {"n": N_E, "neuron": "lif_conductance"}, "I": {"n": N_I, "neuron": "lif_conductance"}}
    return Model.model_validate(
        {"title": "peer", "duration": f"{SECONDS} s", "populations": populations, "projections": projections}
    )


def _ours() -> tuple[Simulation, dict[str, np.ndarray]]:
    """No noise: every neuron has a drive of its own."""
    simulation = Simulation(_model(), name="peer")
    for p in simulation.network.populations.values():
        p.state.drive[: p.counts.size] = np.linspace(0.012, 0.02, p.counts.size)
    start = {key: p.state.v[: p.counts.size].copy() for key, p in simulation.network.populations.items()}
    simulation.advance(round(SECONDS / 1e-4))
    return simulation, start


def test_spikes_are_identical_to_brian2():
    """200 neurons, 2 s, inhibitory plasticity on: every spike of both, and the weights to 1e-9.

    Brian2's schedule is set to the order of our step: arrivals, integration, spikes, plasticity of those spikes.
    """
    import brian2 as b

    simulation, start = _ours()
    b.prefs.codegen.target = "numpy"
    b.start_scope()
    b.defaultclock.dt = 0.1 * b.ms
    names = {
        "decay_e": float(np.exp(-1e-4 / 0.005)),
        "decay_i": float(np.exp(-1e-4 / 0.01)),
        "keep": float(np.exp(-1e-4 / 0.02)),
        "gain": 1e-4 / 200e-12,
        "leak": 1e-4 / 0.02,
        "alpha": 2 * TARGET * 0.02,
        "rate": RATE,
        "top": TOP,
    }
    # Numbers without dimensions (V, S, s), and an explicit update: Brian2's own "euler" would decay g by Euler too.
    equations = """
    v : 1
    g_e : 1
    g_i : 1
    x : 1
    drive : 1
    """
    groups = {}
    for key, n in (("E", N_E), ("I", N_I)):
        group = b.NeuronGroup(
            n, equations, threshold="v > -0.05", reset="v = -0.06; x = x + 1", refractory=5 * b.ms, namespace=names
        )
        group.v, group.drive = start[key], np.linspace(0.012, 0.02, n)
        update = """
        v = v + int(not_refractory) * (leak * ((-0.06 - v) + drive) + gain * (g_e * (0.0 - v) + g_i * (-0.08 - v)))
        g_e = g_e * decay_e
        g_i = g_i * decay_i
        """
        group.run_regularly(update, dt=b.defaultclock.dt, when="groups", order=1)
        # The trace of arrivals decays before they come, that of emissions likewise: both are read at their own step.
        group.run_regularly("x = x * keep", dt=b.defaultclock.dt, when="start", order=-2)
        groups[key] = group
    synapses = []
    for key, projection in simulation.network.projections.items():
        source, _, target = key.split("_")
        channel = "g_e" if source == "E" else "g_i"
        if key == "I_to_E":
            on_pre = f"{channel}_post += w\nx_pre_arrived += 1\nw = clip(w + rate * (x_post - alpha), 0, top)"
            s = b.Synapses(
                groups[source],
                groups[target],
                "w : 1\nx_pre_arrived : 1",
                on_pre=on_pre,
                on_post="w = clip(w + rate * x_pre_arrived, 0, top)",
                namespace=names,
            )
            s.run_regularly("x_pre_arrived = x_pre_arrived * keep", dt=b.defaultclock.dt, when="start", order=-2)
            s.post.when, s.post.order = "end", 0
        else:
            s = b.Synapses(groups[source], groups[target], "w : 1", on_pre=f"{channel}_post += w", namespace=names)
        s.connect(i=np.repeat(np.arange(projection.first.size - 1), np.diff(projection.first)), j=projection.target.astype(int))
        s.w = WEIGHT[key]
        # Brian2 queues the spikes of the step before at the start of this one: one step less.
        s.pre.delay = (DELAY - 1) * b.defaultclock.dt
        s.pre.when, s.pre.order = "start", -1
        synapses.append(s)
    monitors = {key: b.SpikeMonitor(group) for key, group in groups.items()}
    network = b.Network(*groups.values(), *synapses, *monitors.values())
    network.run(SECONDS * b.second)

    total = 0
    for key, monitor in monitors.items():
        step = np.rint(np.asarray(monitor.t / b.second) / 1e-4).astype(int)
        unit = np.asarray(monitor.i)
        order = np.lexsort((unit, step))
        ours = np.concatenate(simulation.spikes[key], axis=1)
        total += step.size
        assert np.array_equal(ours, np.stack([step[order], unit[order]]))
    assert total > 2000
    found = weights(simulation.network.projections["I_to_E"])
    expected = np.asarray(synapses[list(WEIGHT).index("I_to_E")].w)
    assert np.abs(found - expected).max() < 1e-9 * TOP
    assert found.std() > 0.05 * found.mean()
