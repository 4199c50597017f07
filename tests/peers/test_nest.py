"""The same networks in NEST: identical spikes where both are exact, elsewhere differences that shrink with the time step.

Run with `python3 run.py --with peers pytest -m peers tests/peers`; the package has wheels for Linux on x86-64 only.

Two conventions differ, and are translated here. NEST clamps a neuron for one step longer. Its currents and conductances jump
at the end of the step in which a spike arrives and ours at the start of it, so that the same spikes need a delay of one step
less there; jumps of the potential need the same delay.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import pairs
from homeoanalysis.simulate.simulation import Simulation

nest = pytest.importorskip("nest", reason="NEST is in the environment of the peers, on Linux on x86-64")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

MS = MV = 1e3
PA = PF = 1e12
NS = 1e9
DELAY = 1.5e-3  # [s]


def _kernel(dt: float, seed: int = 1) -> None:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.SetKernelStatus({"resolution": dt * MS, "rng_seed": seed})


class _Kind(NamedTuple):
    """A neuron model of ours, its name in NEST, and the same parameters there."""

    neuron: dict[str, Any]
    peer: str
    parameters: dict[str, Any]
    unit: float  # of the weights in NEST
    weight: dict[str, str]  # of the excitatory and the inhibitory projections
    drive: tuple[float, float]  # [V] from the first neuron to the last
    per_drive: float  # I_e for 1 V
    is_late: bool  # channels jump at the end of a step in NEST
    recovery: str = ""  # the second variable there


TAU, CAPACITANCE, REFRACTORY = 0.02, 200e-12, 0.002
_LEAKY = {"E_L": -60.0, "V_th": -50.0, "V_reset": -60.0, "C_m": CAPACITANCE * PF}
KINDS = {
    "delta": _Kind(
        {"lif_delta": {"v_rest": "-60 mV", "v_threshold": "-50 mV", "v_reset": "-60 mV"}},
        "iaf_psc_delta",
        {**_LEAKY, "tau_m": TAU * MS},
        MV,
        {"excitatory": "0.15 mV", "inhibitory": "0.9 mV"},
        (0.0105, 0.016),
        CAPACITANCE / TAU * PA,
        False,
    ),
    "current": _Kind(
        {"lif_current": {}},
        "iaf_psc_exp",
        {**_LEAKY, "tau_m": TAU * MS, "tau_syn_ex": 5.0, "tau_syn_in": 10.0},
        PA,
        {"excitatory": "8 pA", "inhibitory": "25 pA"},
        (0.0105, 0.016),
        CAPACITANCE / TAU * PA,
        True,
    ),
    "conductance": _Kind(
        {"lif_conductance": {"refractory": "2 ms"}},
        "iaf_cond_exp",
        {**_LEAKY, "g_L": CAPACITANCE / TAU * NS, "E_ex": 0.0, "E_in": -80.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0},
        NS,
        {"excitatory": "0.05 nS"},
        (0.012, 0.02),
        CAPACITANCE / TAU * PA,
        True,
    ),
    "adex": _Kind(
        {"adex": {}},
        "aeif_cond_exp",
        {"E_L": -70.6, "V_th": -50.4, "V_reset": -70.6, "C_m": 281.0, "g_L": 30.0, "Delta_T": 2.0, "V_peak": 20.0}
        | {"a": 4.0, "b": 80.5, "tau_w": 144.0, "E_ex": 0.0, "E_in": -80.0, "tau_syn_ex": 5.0, "tau_syn_in": 10.0},
        NS,
        {"excitatory": "0.12 nS"},
        (0.026, 0.05),
        30e-9 * PA,
        True,
        "w",
    ),
    "izhikevich": _Kind(
        {"izhikevich": {}},
        "izhikevich",
        {"a": 0.02, "b": 0.2, "c": -65.0, "d": 8.0, "V_th": 30.0},
        MV,
        {"excitatory": "0.05 mV"},
        (0.006, 0.016),
        1e3,
        False,
        "U_m",
    ),
}


def _built(kind: _Kind, wires: dict[str, tuple[str, str, str]], n: dict[str, int], dt: float, seconds: float) -> Simulation:
    """Ours: every neuron has a drive of its own, and there is no noise."""
    projections = {
        name: {"source": source, "target": target, "channel": channel, "weight": kind.weight[channel]}
        | {"delay": f"{DELAY} s", "topology": {"fixed_probability": {"probability": 0.2}}}
        for name, (source, target, channel) in wires.items()
    }
    populations = {key: {"n": size, "neuron": kind.neuron} for key, size in n.items()}
    content = {"title": "t", "dt": f"{dt} s", "duration": f"{seconds} s", "window": f"{dt} s", "populations": populations}
    simulation = Simulation(Model.model_validate(content | {"projections": projections}), name="peer")
    for p in simulation.network.neurons.values():
        p.state.drive[: p.n] = np.linspace(*kind.drive, p.n)
    return simulation


def _in_nest(kind: _Kind, wires: dict[str, tuple[str, str, str]], simulation: Simulation, dt: float) -> dict[str, Any]:
    """The recorder of each population."""
    _kernel(dt)
    groups, recorders = {}, {}
    for key, p in simulation.network.neurons.items():
        given = kind.parameters | {"V_m": p.state.v[: p.n] * MV, "I_e": p.state.drive[: p.n] * kind.per_drive}
        if "izhikevich" not in kind.neuron:
            given["t_ref"] = max(0.0, float(p.cell.refractory) - 1) * dt * MS
        if kind.recovery:
            given[kind.recovery] = getattr(p.state, "recovery" if kind.recovery == "U_m" else "adaptation")[: p.n]
        groups[key] = nest.Create(kind.peer, p.n, given)
        recorders[key] = nest.Create("spike_recorder")
        nest.Connect(groups[key], recorders[key])
    for name, (source, target, channel) in wires.items():
        i, j = pairs(simulation.network.parts[0].projections[name])
        sign = 1 if channel == "excitatory" else -1
        weight = sign * float(simulation.network.parts[0].projections[name].weight) * kind.unit
        delay = (DELAY - kind.is_late * dt) * MS
        ends = i + groups[source][0].global_id, j + groups[target][0].global_id
        nest.Connect(*ends, "one_to_one", {"weight": np.full(i.size, weight), "delay": np.full(i.size, delay)})
    return {"groups": groups, "recorders": recorders}


def _spikes_of(peer: dict[str, Any], key: str, dt: float) -> np.ndarray:
    """(step, unit) in our numbers: a spike of the step that begins at t has the time t + dt."""
    events = peer["recorders"][key].get("events")
    step = np.rint(np.asarray(events["times"]) / MS / dt).astype(int) - 1
    unit = np.asarray(events["senders"]) - peer["groups"][key][0].global_id
    order = np.lexsort((unit, step))
    return np.stack([step[order], unit[order]])


RECURRENT = {
    "EE": ("E", "E", "excitatory"),
    "EI": ("E", "I", "excitatory"),
    "IE": ("I", "E", "inhibitory"),
    "II": ("I", "I", "inhibitory"),
}


@pytest.mark.reference(
    "neurons/lif_delta", "synapses/delta", against="NEST iaf_psc_delta, a recurrent network", within="every spike of 2 s"
)
@pytest.mark.reference("neurons/lif_current", against="NEST iaf_psc_exp, a recurrent network", within="every spike of 2 s")
@pytest.mark.parametrize("kind", ["delta", "current"])
def test_exact_neurons_fire_the_spikes_of_nest(kind):
    """100 neurons, 2 s. Control: a delay of one step more in NEST."""
    dt, seconds = 1e-4, 2.0
    simulation = _built(KINDS[kind], RECURRENT, {"E": 80, "I": 20}, dt, seconds)
    found = []
    for late in (KINDS[kind].is_late, KINDS[kind].is_late - 1):
        peer = _in_nest(KINDS[kind]._replace(is_late=late), RECURRENT, simulation, dt)
        nest.Simulate(seconds * MS)
        found.append({key: _spikes_of(peer, key, dt) for key in simulation.spikes})
    simulation.advance(round(seconds / dt))
    for key, chunks in simulation.spikes.items():
        ours = np.concatenate(chunks, axis=1)
        assert ours.shape[1] > 400
        assert np.array_equal(ours, found[0][key])
        assert not np.array_equal(ours, found[1][key])


FORWARD = {"there": ("first", "second", "excitatory")}


def _difference(kind: _Kind, dt: float, seconds: float) -> float:
    """Mean distance of the spikes of both simulators [s], spike by spike; both layers have the same number to within one."""
    n = {"first": 80, "second": 80}
    simulation = _built(kind, FORWARD, n, dt, seconds)
    peer = _in_nest(kind, FORWARD, simulation, dt)
    simulation.advance(round(seconds / dt))
    nest.Simulate(seconds * MS)
    distances: list[float] = []
    for key in n:
        ours, theirs = np.concatenate(simulation.spikes[key], axis=1), _spikes_of(peer, key, dt)
        for i in range(80):
            a, b = (found[0][found[1] == i] for found in (ours, theirs))
            assert abs(a.size - b.size) <= 1
            distances += list(np.abs(a[: b.size] - b[: a.size]) * dt)
    assert len(distances) > 400
    return float(np.mean(distances))


@pytest.mark.reference(
    "neurons/lif_conductance",
    "neurons/adex",
    "neurons/izhikevich",
    against="NEST, which integrates otherwise, at three time steps",
    within="the mean distance of spikes halves with dt, to 30 %",
)
@pytest.mark.parametrize("kind", ["conductance", "adex", "izhikevich"])
def test_differences_from_nest_shrink_with_the_time_step(kind):
    """NEST integrates conductances adaptively, and Izhikevich's equations in one Euler step where ours takes two."""
    coarse, middle, fine = (_difference(KINDS[kind], dt, 0.3) for dt in (1e-4, 5e-5, 2.5e-5))
    assert 0.35 < middle / coarse < 0.65
    assert 0.35 < fine / middle < 0.65
