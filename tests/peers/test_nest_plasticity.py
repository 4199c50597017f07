"""The same spikes through the same plastic synapses in NEST: weights and releases, where the definitions coincide.

NEST delays the postsynaptic spike that a synapse sees (a dendritic delay), ours the presynaptic one: the given spikes are
shifted so that both sides see the same. No two meet in one step, where the conventions part.
"""

from typing import Any, NamedTuple

import numpy as np
import pytest
from bench import GRID, TOP, Drive, Wiring, bench, instance, run

from homeoanalysis.numerics.mechanism import Membrane, Site
from homeoanalysis.simulate.projections.hooks import release

nest = pytest.importorskip("nest", reason="NEST is in the environment of the peers, on Linux on x86-64")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

DT, STEPS, N_PRE, N_POST, DELAY = 0.1, 20_000, 4, 3, 4  # ms, steps, neurons, neurons, steps
LEAD = 1.0  # from a generator to its parrot [ms]
START = 1000.0  # of what is given [ms]: to the nearest-neighbour synapse of NEST time 0 is a presynaptic spike
RATE = 0.005  # probability of a spike in a step: 50 Hz


class _Case(NamedTuple):
    """A rule of ours, and the synapse model of NEST with the same parameters; TOP has the weight 1 there."""

    rule: str
    ours: dict[str, Any]
    peer: str
    parameters: dict[str, float]
    post: dict[str, float]  # time constants that NEST keeps in the target neuron


_PAIR = {"learning_rate": 0.03, "asymmetry": 1.1, "tau_plus": "15 ms", "tau_minus": "30 ms"}
_PAIR_THERE = {"lambda": 0.03, "alpha": 1.1, "tau_plus": 15.0, "Wmax": 1.0}
_TRIPLET = {"a2_plus": 0.01, "a3_plus": 0.03, "a2_minus": 0.02, "a3_minus": 0.01}
CASES = {
    "pair, additive": _Case(
        "pair_stdp", _PAIR, "stdp_synapse", {**_PAIR_THERE, "mu_plus": 0.0, "mu_minus": 0.0}, {"tau_minus": 30.0}
    ),
    "pair, multiplicative": _Case(
        "pair_stdp",
        {**_PAIR, "mu_plus": 1.0, "mu_minus": 1.0},
        "stdp_synapse",
        {**_PAIR_THERE, "mu_plus": 1.0, "mu_minus": 1.0},
        {"tau_minus": 30.0},
    ),
    "pair, power law": _Case(
        "pair_stdp",
        {**_PAIR, "mu_plus": 0.4, "mu_minus": 0.7},
        "stdp_synapse",
        {**_PAIR_THERE, "mu_plus": 0.4, "mu_minus": 0.7},
        {"tau_minus": 30.0},
    ),
    "pair, nearest": _Case(
        "pair_stdp",
        {**_PAIR, "pairing": "nearest"},
        "stdp_nn_symm_synapse",
        {**_PAIR_THERE, "mu_plus": 0.0, "mu_minus": 0.0},
        {"tau_minus": 30.0},
    ),
    "triplet": _Case(
        "triplet_stdp",
        {**_TRIPLET, "tau_plus": "17 ms", "tau_minus": "34 ms", "tau_x": "100 ms", "tau_y": "125 ms"},
        "stdp_triplet_synapse",
        {"Aplus": 0.01, "Aplus_triplet": 0.03, "Aminus": 0.02, "Aminus_triplet": 0.01}
        | {"tau_plus": 17.0, "tau_plus_triplet": 100.0, "Wmax": 1.0},
        {"tau_minus": 34.0, "tau_minus_triplet": 125.0},
    ),
    "inhibitory": _Case(  # away from the bounds, which NEST applies between the two terms of a presynaptic spike
        "inhibitory_stdp",
        {"target_rate": "40 Hz", "learning_rate": f"{0.002 * TOP} S", "tau": "20 ms"},
        "vogels_sprekeler_synapse",
        {"eta": 0.002, "alpha": 2 * 40 * 0.02, "tau": 20.0, "Wmax": 1.0},
        {"tau_minus": 20.0},
    ),
}


def _given() -> tuple[Drive, np.ndarray, np.ndarray]:
    """Random spikes; arrivals at even steps and emissions at odd ones. Every source ends with a spike, where NEST pays up."""
    rng = np.random.default_rng(1)
    t = np.arange(STEPS)[:, None]
    arrive = (rng.random((STEPS, N_PRE)) < 2 * RATE) & (t % 2 == 0) & (t > 200) & (t < STEPS - 100)
    arrive[STEPS - 2] = True
    emit = (rng.random((STEPS, N_POST)) < 2 * RATE) & (t % 2 == 1) & (t > 200) & (t < STEPS - 100)
    sent = np.roll(arrive, -DELAY, axis=0)
    return Drive(sent, emit, np.zeros((STEPS, N_POST))), arrive, emit


def _parrots(spikes: np.ndarray, shift: float, parameters: dict[str, float]) -> Any:
    """Neurons that spike at these steps [ms after the start, with `shift`]."""
    group = nest.Create("parrot_neuron", spikes.shape[1], parameters)
    for i, parrot in enumerate(group):
        times = np.round(np.flatnonzero(spikes[:, i]) * DT + shift, 6)
        nest.Connect(nest.Create("spike_generator", params={"spike_times": times}), parrot, syn_spec={"delay": LEAD})
    return group


def _kernel() -> None:
    nest.ResetKernel()
    nest.verbosity = nest.VerbosityLevel.ERROR
    nest.SetKernelStatus({"resolution": DT})


def _weights_there(case: _Case, arrive: np.ndarray, emit: np.ndarray, start: np.ndarray) -> np.ndarray:
    """(sources, targets), of TOP."""
    _kernel()
    pre, post = _parrots(arrive, START, {}), _parrots(emit, START - DT, case.post)
    nest.CopyModel(case.peer, "plastic", case.parameters)
    source, target = (x.ravel() for x in np.meshgrid(range(N_PRE), range(N_POST), indexing="ij"))
    # The second port: parrots do not repeat what arrives there.
    given = {
        "synapse_model": "plastic",
        "weight": start.ravel(),
        "delay": np.full(source.size, DT),
        "receptor_type": np.ones(source.size, int),
    }
    nest.Connect(source + pre[0].global_id, target + post[0].global_id, "one_to_one", given)
    nest.Simulate(START + STEPS * DT + 20)
    made = nest.GetConnections(synapse_model="plastic")
    found = np.zeros((N_PRE, N_POST))
    found[np.array(list(made.sources())) - pre[0].global_id, np.array(list(made.targets())) - post[0].global_id] = made.get(
        "weight"
    )
    return found


@pytest.mark.reference("plasticity/pair_stdp", against="NEST stdp_synapse and stdp_nn_symm_synapse", within="1e-9 of the bound")
@pytest.mark.reference("plasticity/triplet_stdp", against="NEST stdp_triplet_synapse", within="1e-9 of the bound")
@pytest.mark.reference("plasticity/inhibitory_stdp", against="NEST vogels_sprekeler_synapse", within="1e-9 of the bound")
@pytest.mark.parametrize("case", CASES)
def test_weights_are_those_of_nest(case):
    """2 s at 50 Hz on both sides, 12 synapses, some of which reach a bound. Control: the other side comes two steps late."""
    driven, arrive, emit = _given()
    start = np.random.default_rng(2).uniform(0.2, 0.8, (N_PRE, N_POST))
    wired = Wiring(np.ones((N_PRE, N_POST), bool), np.zeros((N_PRE, N_POST), int), TOP * start, (DELAY,))
    made = bench([instance("plasticity", CASES[case].rule, **CASES[case].ours)], wired)
    run(made, driven)
    found = made.matrix() / TOP
    assert np.abs(found - start).max() > 0.05
    assert np.allclose(found, _weights_there(CASES[case], arrive, emit, start), rtol=0, atol=1e-9)
    late = np.roll(emit, 2, axis=0)
    assert not np.allclose(found, _weights_there(CASES[case], arrive, late, start), rtol=0, atol=1e-4)


@pytest.mark.reference("plasticity/tsodyks_markram", against="NEST tsodyks2_synapse", within="1e-9 of the weight")
@pytest.mark.parametrize(("tau_facilitation", "utilisation"), [(0.0, 0.5), (0.6, 0.1), (0.05, 0.9)])
def test_releases_are_those_of_nest(tau_facilitation, utilisation):
    """Every jump of the potential of a neuron that only collects."""
    _, arrive, _ = _given()
    given = {"utilisation": utilisation, "tau_recovery": "200 ms", "tau_facilitation": f"{tau_facilitation} s"}
    rule = instance("plasticity", "tsodyks_markram", **given)
    kernel = rule.build(Site(N_PRE, 1, N_PRE, TOP, "S", Membrane(np.zeros(1), np.zeros(1)), GRID, np.uint64(1)))
    found = [sum(release((kernel,), j, t, 1.0) for j in np.flatnonzero(row)) for t, row in enumerate(arrive) if row.any()]

    _kernel()
    pre = _parrots(arrive, START, {})
    post = nest.Create("iaf_psc_delta", 1, {"tau_m": 1e12, "V_th": 1e12, "V_m": 0.0, "E_L": 0.0})
    parameters = {"U": utilisation, "u": utilisation, "x": 1.0, "tau_rec": 200.0, "tau_fac": 1e3 * tau_facilitation}
    nest.Connect(pre, post, "all_to_all", {"synapse_model": "tsodyks2_synapse", "weight": 1.0, "delay": DT, **parameters})
    meter = nest.Create("multimeter", params={"record_from": ["V_m"], "interval": DT})
    nest.Connect(meter, post)
    nest.Simulate(START + STEPS * DT + 20)
    jumps = np.diff(meter.get("events")["V_m"])
    expected = jumps[jumps > 1e-9]
    assert len(found) == expected.size > 300
    assert np.ptp(found) > 0.1
    assert np.allclose(found, expected, rtol=0, atol=1e-9)
