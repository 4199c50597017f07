"""A random network in NEST: the same rate, irregularity and correlation, up to the standard error over realisations.

The two draw their own wiring, initial state and input: only the distributions are the same.
"""

from typing import Any

import numpy as np
import pytest
from scipy import stats

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.simulation import Simulation

nest = pytest.importorskip("nest", reason="NEST is in the environment of the peers, on Linux on x86-64")
pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore")]

N, IN_DEGREE = {"E": 400, "I": 100}, {"E": 80, "I": 20}
JUMP, RELATIVE, DELAY, REFRACTORY = 0.5e-3, 6.0, 1.5e-3, 2e-3  # V, times the excitatory jump, s, s
RATE = 2500.0  # of the outside input of each neuron [Hz]
WARM, SECONDS, DT, REALISATIONS = 0.2, 1.2, 1e-4, 12


def _statistics(step: np.ndarray, unit: np.ndarray) -> tuple[float, float, float]:
    """Rate [Hz], mean CV of the intervals, and mean correlation of the counts in 5 ms, of the excitatory neurons."""
    late = step >= round(WARM / DT)
    step, unit = step[late] - round(WARM / DT), unit[late]
    bins = round((SECONDS - WARM) / 5e-3)
    counts = np.zeros((bins, N["E"]))
    np.add.at(counts, (np.minimum(step // 50, bins - 1), unit), 1)
    intervals = [np.diff(np.sort(step[unit == i])) for i in range(N["E"])]
    cv = np.mean([x.std() / x.mean() for x in intervals if x.size > 4])
    single = counts.var(axis=0).sum()
    return step.size / N["E"] / (SECONDS - WARM), float(cv), (counts.sum(axis=1).var() - single) / (single * (N["E"] - 1))


def _model() -> Model:
    def wire(source: str, target: str) -> dict[str, Any]:
        kind, jump = ("excitatory", JUMP) if source == "E" else ("inhibitory", RELATIVE * JUMP)
        topology = {"fixed_in_degree": {"in_degree": IN_DEGREE[source]}}
        ends = {"source": source, "target": target, "channel": kind}
        return ends | {"topology": topology, "weight": f"{jump} V", "delay": f"{DELAY} s"}

    def outside(population: str) -> dict[str, Any]:
        return {"poisson_input": {"population": population, "channel": "excitatory", "rate": f"{RATE} Hz", "weight": f"{JUMP} V"}}

    return Model.model_validate(
        {
            "title": "a random network",
            "duration": f"{SECONDS} s",
            "populations": {key: {"n": n, "neuron": "lif_delta"} for key, n in N.items()},
            "projections": {f"{a}_to_{b}": wire(a, b) for a in N for b in N},
            "protocols": {f"outside_{key}": outside(key) for key in N},
        }
    )


def _ours() -> np.ndarray:
    found = []
    for replicate in range(REALISATIONS):
        simulation = Simulation(_model(), name="statistics", replicate=replicate)
        simulation.advance(round(SECONDS / DT))
        found.append(_statistics(*np.concatenate(simulation.spikes["E"], axis=1)))
    return np.array(found)


def _theirs(relative: float) -> np.ndarray:
    found = []
    for seed in range(1, 1 + REALISATIONS):
        nest.ResetKernel()
        nest.verbosity = nest.VerbosityLevel.ERROR
        nest.SetKernelStatus({"resolution": DT * 1e3, "rng_seed": seed})
        given = {"tau_m": 20.0, "C_m": 1.0, "E_L": 0.0, "V_th": 20.0, "V_reset": 10.0, "t_ref": (REFRACTORY - DT) * 1e3}
        groups = {key: nest.Create("iaf_psc_delta", n, given) for key, n in N.items()}
        for group in groups.values():
            group.V_m = nest.random.uniform(10.0, 20.0)
        source = nest.Create("poisson_generator", params={"rate": RATE})
        recorder = nest.Create("spike_recorder")
        for a, group in groups.items():
            nest.Connect(source, group, syn_spec={"weight": JUMP * 1e3, "delay": DT * 1e3})
            for other in groups.values():
                rule = {"rule": "fixed_indegree", "indegree": IN_DEGREE[a], "allow_autapses": False}
                weight = 1e3 * JUMP * (1 if a == "E" else -relative)
                nest.Connect(group, other, rule, {"weight": weight, "delay": DELAY * 1e3})
        nest.Connect(groups["E"], recorder)
        nest.Simulate(SECONDS * 1e3)
        events = recorder.get("events")
        step = np.rint(np.asarray(events["times"]) / 1e3 / DT).astype(int) - 1
        found.append(_statistics(step, np.asarray(events["senders"]) - groups["E"][0].global_id))
    return np.array(found)


def _distance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Difference of the means in standard errors."""
    return (a.mean(axis=0) - b.mean(axis=0)) / np.sqrt((a.var(axis=0, ddof=1) + b.var(axis=0, ddof=1)) / REALISATIONS)


@pytest.mark.reference(
    "protocols/poisson_input",
    "topologies/fixed_in_degree",
    "neurons/lif_delta",
    against="NEST: rate, CV and correlation of a random network",
    within="the 99.9 % quantile of Student's t over 12 realisations each",
)
def test_a_random_network_has_the_statistics_of_nest():
    """Control: inhibition that is 20 % stronger is seen in all three."""
    limit = stats.t.ppf(1 - 0.001 / 2 / 3, 2 * REALISATIONS - 2)
    ours, theirs, other = _ours(), _theirs(RELATIVE), _theirs(1.2 * RELATIVE)
    rate, cv, correlation = ours.mean(axis=0)
    assert 5 < rate < 60
    assert cv > 0.4
    assert abs(correlation) > 1e-4
    assert np.all(np.abs(_distance(ours, theirs)) < limit)
    assert np.all(np.abs(_distance(ours, other)) > limit)
