"""Both ways to know who is refractory say the same."""

import numpy as np
import pytest

from homeoanalysis.simulate.network import Network
from homeoanalysis.simulate.refractory import Common, Own, rest
from homeoanalysis.simulate.simulation import Simulation

N, REFRACTORY = 300, 20  # neurons; steps


def _simulation(single, reference, kind) -> Simulation:
    """Neurons that all are driven differently; some have a threshold below their reset, and fire in every step."""
    simulation = Simulation(
        single(n=N, refractory="2 ms", v_threshold={"uniform": {"low": "-55 mV", "high": "-50 mV"}}), code=reference
    )
    whole = simulation.network.neurons["cell"]
    whole.state.drive[:N] = np.linspace(0.0, 0.2, N)
    whole.kernel.v_threshold[[3, 200]] = -0.07
    simulation.network.replace("populations", "cell", lambda p: p._replace(rest=kind(p.rest)))
    return simulation


def _own(common: Common) -> Own:
    made = rest(common.last, N, np.full(common.last.size, common.refractory, np.int32))
    assert isinstance(made, Own)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("steps", [[400], [7, 150, 243]])
def test_bytes_and_steps_hold_the_same_neurons(single, spikes, reference, steps):
    found = []
    for kind in (_own, lambda common: common):
        simulation = _simulation(single, reference, kind)
        for some in steps:
            simulation.advance(some)
        found.append(spikes(simulation)["cell"])
    assert np.array_equal(found[0], found[1])
    per_neuron = np.bincount(found[0][1], minlength=N)
    assert per_neuron[[3, 200]].tolist() == [400, 400]
    assert 3 < np.delete(per_neuron, [3, 200]).max() <= 400 / REFRACTORY + 1
    assert per_neuron[0] == 0


def _longer(network: Network, t: int) -> None:
    network.set_parameter("cell", "lif_current", "refractory", "10 ms", t * network.grid.dt)


def _silent(network: Network, t: int) -> None:
    network.silence("cell", t * network.grid.dt)


@pytest.mark.slow
@pytest.mark.parametrize(("change", "held"), [(_longer, 100), (_silent, 10**6)])
def test_a_change_of_the_period_holds_those_that_have_just_fired(single, spikes, reference, change, held):
    simulation = _simulation(single, reference, lambda common: common)
    simulation.advance(200)
    change(simulation.network, 200)
    simulation.advance(200)
    step, unit = spikes(simulation)["cell"]
    for i in np.setdiff1d(unit[step >= 200], [3, 200]):
        before = step[(unit == i) & (step < 200)]
        assert before.size == 0 or step[(unit == i) & (step >= 200)][0] - before[-1] >= held
    if change is _silent:
        assert not set(unit[step >= 200]) - {3, 200}
