"""Rewards that the spikes of a pair earn: when they come, and that a run is the same in pieces."""

import numpy as np
import pytest
from replay import forced, model

from homeoanalysis.protocols.pair_reward import PairReward
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.simulation import Simulation

# Rules with eligibility and no decay of the modulator, so that its level counts the rewards; dt is 1 ms.
RULE = {"three_factor_stdp": {"tau_modulator": "1e9 s", "weight_reference": "1 mV"}}
REWARD = {"pair_reward": {"projection": "synapses", "projections": ["synapses"], "latest": "1.5 s"}}


def _level(simulation):
    return simulation.network.parts[0].projections["synapses"].rules[0].rule.tags.modulator.sum()


CASES = {  # spikes of source 0, source 1, target 0 and target 1 [ms]; which of target 0 are rewarded
    "in time": ([100], [], [120], [], [120]),
    "too late": ([100], [], [121], [], []),
    "target first": ([100], [], [90], [], []),
    "together": ([100], [], [100], [], []),
    "another target": ([100], [], [], [105], []),
    "another source": ([], [100], [105], [], []),
    "two": ([100, 500], [], [105, 510], [], [105, 510]),
    "a burst": ([100], [], [105, 110, 300], [], [105, 110]),
}


@pytest.mark.reference("protocols/pair_reward", against="pairs of spikes by hand", within="every reward")
@pytest.mark.parametrize("name", CASES)
def test_a_target_that_follows_its_source_is_rewarded(name):
    """Each reward comes 1 s later here."""
    first, second, post, other, rewarded = CASES[name]
    watch = PairReward("s", ["s"], latest=1.0).watch(_Ends(), np.uint64(7))
    spikes = {
        key: np.array([a + b, [0] * len(a) + [1] * len(b)], int).reshape(2, -1)
        for key, a, b in (("pre", first, second), ("post", post, other))
    }
    assert watch.times(spikes, 0) == pytest.approx([t / 1000 + 1 for t in rewarded])
    assert watch.times(spikes, 400) == pytest.approx([t / 1000 + 1 for t in rewarded if t >= 400])


@pytest.mark.slow
def test_the_modulator_jumps_where_the_reward_is_due():
    """A pair over the turn of a second (a source spike is emitted one step before it arrives); the weight starts at 0."""
    protocols = {"reward": REWARD}
    made = model({"synapses": [RULE]}, 2, 2, seconds=3.0, protocols=protocols)
    simulation = forced(made, [np.array([997]), np.array([], int)], [np.array([1005]), np.array([], int)])
    simulation.advance(2000)
    held = simulation.network.parts[0].projections["synapses"]
    assert held.weight[:4] == pytest.approx([0, 1e-3, 1e-3, 1e-3], abs=1e-5)
    assert _level(simulation) == 0
    simulation.advance(550)
    assert _level(simulation) == pytest.approx(0.5)


def test_delays_are_uniform():
    """10 000 pairs: mean 2 s and standard deviation 2 / sqrt(12) s, four standard errors; without a spread they are the same."""
    step = 100 * np.arange(10_000)
    spikes = {"pre": np.stack([step, 0 * step]), "post": np.stack([step + 5, 0 * step])}
    for latest, sd in ((3.0, 2 / np.sqrt(12)), (1.0, 0.0)):
        watch = PairReward("s", ["s"], latest=latest).watch(_Ends(), np.uint64(7))
        delay = np.array(watch.times(spikes, 0)) - (step + 5) * 1e-3
        assert delay.size == 10_000
        assert abs(delay.mean() - (1 + latest) / 2) <= 4 * sd / 100 + 1e-9
        assert delay.std() == pytest.approx(sd, rel=0.03, abs=1e-9)


class _Ends:
    """A network of two populations, and one synapse."""

    class grid:  # noqa: N801
        dt = 1e-3

    def ends(self, _):
        return "pre", "post"

    def first_pair(self, _):
        return 0, 0


def _network():
    noise = {"channel": "excitatory", "rate": "90 Hz", "weight": "30 mV"}
    protocols = {f"noise_{k}": {"poisson_input": {"population": k, **noise}} for k in ("pre", "post")}
    options = {"protocols": {**protocols, "reward": REWARD}, "checkpoint_every": "700 ms"}
    return model({"synapses": [RULE]}, 3, 3, seconds=3.0, **options)


@pytest.mark.slow
def test_a_run_in_pieces_has_the_same_rewards(tmp_path):
    """Split, and resumed from a checkpoint between a pair and its reward."""
    made = _network()
    whole = Simulation(made, code=REFERENCE)
    with np.errstate(over="ignore"):
        whole.advance(3000)
        split = Simulation(made, code=REFERENCE)
        for steps in (777, 1223, 1000):
            split.advance(steps)
        path = tmp_path / "state"
        Simulation(made, code=REFERENCE, checkpoint=path).advance(2300)
        resumed = Simulation(made, code=REFERENCE, checkpoint=path)
        assert resumed.step == 2100
        resumed.advance(900)
    weight, level = _weights(whole), _level(whole)
    assert level >= 1
    for other in (split, resumed):
        assert _level(other) == level
        assert np.array_equal(_weights(other), weight)


def _weights(simulation):
    return simulation.network.parts[0].projections["synapses"].weight
