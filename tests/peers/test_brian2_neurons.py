"""AdEx and Izhikevich neurons in Brian2 under the same update: identical spikes in double precision.

Run with `pytest -m peers tests/peers` where brian2 is installed (extra `peers`).
"""

from typing import Any

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import pairs
from homeoanalysis.simulate.simulation import Simulation

# Brian2's own dependencies warn of deprecations.
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

N, SECONDS, DELAY = 60, 2.0, 15
DRIVE = {"adex": (0.022, 0.06), "izhikevich": (0.005, 0.02)}
WEIGHT = {"adex": 2e-9, "izhikevich": 2e-3}  # S, V
UPDATE = {
    "adex": """
        above = v + 0.0706
        upstroke = 0.002 * exp((v + 0.0504) / 0.002)
        fresh = v + (leak * ((upstroke - above) + (drive - w)) + gain * g * (0.0 - v))
        w = w + rate * (coupling * above - w)
        v = fresh
        g = g * keep
        """,
    "izhikevich": """
        fixed = 0.5 * 0.1 * (140 - w + 1e3 * drive) + 0.5 * g
        first = v + (0.5 * 0.1 * (0.04 * v + 5) * v + fixed)
        v = first + (0.5 * 0.1 * (0.04 * first + 5) * first + fixed)
        w = w + 0.1 * 0.02 * (0.2 * v - w)
        g = 0
        """,
}
RESET = {"adex": "v = -0.0706; w = w + jump", "izhikevich": "v = -65; w = w + 8"}
THRESHOLD = {"adex": "v > 0.02", "izhikevich": "v > 30"}


def _model(neuron: str) -> Model:
    """One layer drives another, so that rounding cannot grow in loops."""
    there: dict[str, Any] = {"source": "first", "target": "second", "channel": "excitatory", "delay": f"{DELAY / 10} ms"}
    there |= {"topology": {"fixed_probability": {"probability": 0.3}}, "weight": f"{WEIGHT[neuron]} {'SV'[neuron != 'adex']}"}
    populations = {key: {"n": N, "neuron": neuron} for key in ("first", "second")}
    content = {"title": "t", "duration": f"{SECONDS} s", "populations": populations, "projections": {"there": there}}
    return Model.model_validate(content)


@pytest.mark.reference("neurons/adex", "neurons/izhikevich", against="Brian2 under the same update", within="every spike")
@pytest.mark.parametrize("neuron", DRIVE)
def test_spikes_are_identical_to_brian2(neuron):
    import brian2 as b

    simulation = Simulation(_model(neuron))
    scale = 1.0 if neuron == "adex" else 1e3  # the paper's equations are in mV
    second = "adaptation" if neuron == "adex" else "recovery"
    start = {}
    for key, p in simulation.network.neurons.items():
        p.state.drive[:N] = np.linspace(*DRIVE[neuron], N) * (1.0 if key == "first" else 0.9)
        start[key] = (p.state.v[:N] * scale, getattr(p.state, second)[:N].copy(), p.state.drive[:N].copy())
    source, target = pairs(simulation.network.parts[0].projections["there"])
    simulation.advance(round(SECONDS / 1e-4))

    b.prefs.codegen.target = "numpy"
    b.start_scope()
    b.defaultclock.dt = 0.1 * b.ms
    tau, resistance = 281e-12 / 30e-9, 281e-12 / 30e-9 / 281e-12
    names = {"leak": 1e-4 / tau, "gain": 1e-4 / 281e-12, "rate": 1e-4 / 0.144, "keep": float(np.exp(-1e-4 / 0.005))}
    names |= {"coupling": resistance * 4e-9, "jump": resistance * 80.5e-12}
    groups = {}
    for key in start:
        equations = "v : 1\nw : 1\ng : 1\ndrive : 1"
        group = b.NeuronGroup(N, equations, threshold=THRESHOLD[neuron], reset=RESET[neuron], namespace=names)
        group.v, group.w, group.drive = start[key]
        group.run_regularly(UPDATE[neuron], dt=b.defaultclock.dt, when="groups")
        groups[key] = group
    synapses = b.Synapses(groups["first"], groups["second"], on_pre=f"g_post += {WEIGHT[neuron] * scale}")
    synapses.connect(i=source, j=target)
    # Brian2 queues the spikes of the step before at the start of this one: one step less.
    synapses.pre.delay = (DELAY - 1) * b.defaultclock.dt
    synapses.pre.when, synapses.pre.order = "start", -1
    monitors = {key: b.SpikeMonitor(group) for key, group in groups.items()}
    b.Network(*groups.values(), synapses, *monitors.values()).run(SECONDS * b.second)

    for key, monitor in monitors.items():
        step = np.rint(np.asarray(monitor.t / b.second) / 1e-4).astype(int)
        order = np.lexsort((np.asarray(monitor.i), step))
        found = np.concatenate(simulation.spikes[key], axis=1)
        assert found.shape[1] > 1000
        assert np.array_equal(found, np.stack([step[order], np.asarray(monitor.i)[order]]))
