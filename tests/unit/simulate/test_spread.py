"""Values that differ between neurons and synapses: parameters, weights and delays that are drawn."""

import numpy as np
import pytest
from scipy import stats

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.projections import weights
from homeoanalysis.simulate.simulation import Simulation

SPREAD = {
    "tau_membrane": {"normal": {"mean": "20 ms", "sd": "3 ms", "low": "10 ms"}},
    "capacitance": {"lognormal": {"mean": "200 pF", "sd": "40 pF"}},
    "v_threshold": {"uniform": {"low": "-52 mV", "high": "-48 mV"}},
    "refractory": {"uniform": {"low": "1 ms", "high": "5 ms"}},
    "drive": {"normal": {"mean": "16 mV", "sd": "3 mV"}},
}


def _network(**projection) -> Model:
    wire = {"source": "A", "target": "B", "channel": "excitatory", "weight": "20 pA", "delay": "1 ms"}
    wire |= {"topology": {"fixed_probability": {"probability": 0.5}}}
    return Model.model_validate(
        {
            "title": "spread",
            "duration": "1 s",
            "populations": {
                "A": {"n": 60, "neuron": {"lif_current": {"drive": "14 mV"}}},
                "B": {"n": 70, "neuron": "lif_current"},
            },
            "projections": {"wire": wire | projection},
        }
    )


@pytest.mark.slow
@pytest.mark.parametrize("neuron", ["lif_current", "lif_conductance"])
def test_a_drawn_population_is_that_many_separate_neurons(single, spikes, reference, neuron):
    """Each neuron alone, with its drawn values written out: the same spikes under the same input."""
    model = single(neuron, n=3, **SPREAD)
    together = Simulation(model, code=reference)
    whole = together.network.neurons["cell"]
    drawn = {key: values[:3] for key, values in _drawn(together).items()}
    assert all(np.ptp(values) > 0 for values in drawn.values())
    alone = []
    for i in range(3):
        own = {key: f"{float(values[i])!r} {UNITS[key]}" for key, values in drawn.items()}
        simulation = Simulation(single(neuron, **own), code=reference)
        simulation.network.neurons["cell"].state.v[0] = whole.state.v[i]
        alone.append(simulation)
    weight = 1e-10 if neuron == "lif_current" else 3e-9
    for simulation, units in ((together, 3), *((s, 1) for s in alone)):
        for channel in simulation.network.parts[0].populations["cell"].channels:
            channel.terms[0].trace.value[:units] = weight
        simulation.advance(800)
    found = spikes(together)["cell"]
    assert np.bincount(found[1], minlength=3).min() >= 2
    for i, simulation in enumerate(alone):
        assert np.array_equal(found[0, found[1] == i], spikes(simulation)["cell"][0])


UNITS = {"tau_membrane": "s", "capacitance": "F", "v_threshold": "V", "refractory": "s", "drive": "V"}


def _drawn(simulation: Simulation) -> dict[str, np.ndarray]:
    """The values of the population, from its named streams."""
    make, parameters = simulation.network.make, simulation.model.populations["cell"].neuron.parameters
    n = simulation.model.populations["cell"].n
    return {key: parameters[key].draw(make.stream("parameters", "cell", key), n) for key in SPREAD}


def test_drawn_parameters_reach_the_neurons(single):
    model = single(n=70, **SPREAD)
    whole = Simulation(model, name="a").network.neurons["cell"]
    threshold = whole.kernel.v_threshold[:70]  # padding follows
    assert np.ptp(threshold) > 1e-3
    assert np.all((threshold >= -0.052) & (threshold <= -0.048))
    assert set(whole.cell.refractory) <= set(range(10, 51))
    assert np.std(whole.state.drive[:70]) == pytest.approx(0.003, rel=0.4)
    assert np.array_equal(whole.kernel.v_threshold, Simulation(model, name="a").network.neurons["cell"].kernel.v_threshold)
    other = Simulation(model, name="a", replicate=1).network.neurons["cell"]
    assert not np.array_equal(whole.kernel.v_threshold, other.kernel.v_threshold)


def test_drawn_weights_follow_their_distribution_within_the_bounds():
    """A fixed projection; a plastic one is cut at its upper bound, and the wiring does not depend on the weights."""
    given = {"lognormal": {"mean": "20 pA", "sd": "20 pA"}}
    fixed = Simulation(_network(weight=given)).network.parts[0].projections["wire"]
    log_sd = np.sqrt(np.log(2))
    law = stats.lognorm(log_sd, scale=20e-12 / np.sqrt(2))
    assert stats.kstest(weights(fixed), law.cdf).pvalue > 1e-3
    model = _network(weight=given, weight_max="40 pA", plasticity=["pair_stdp"])
    plastic = Simulation(model).network.parts[0].projections["wire"]
    assert np.array_equal(plastic.rows.target, fixed.rows.target)
    assert np.allclose(plastic.weight, np.minimum(weights(fixed), 40e-12), rtol=1e-15)
    assert np.array_equal(Simulation(_network()).network.parts[0].projections["wire"].rows.target, fixed.rows.target)
    negative = {"normal": {"mean": "1 pA", "sd": "5 pA"}}
    found = weights(Simulation(_network(weight=negative)).network.parts[0].projections["wire"])
    assert found.min() == 0
    assert 0.3 < np.mean(found == 0) < 0.55  # Phi(-0.2) = 0.42


def test_a_drawn_weight_is_what_a_spike_transmits(reference):
    simulation = Simulation(_network(weight={"uniform": {"low": "10 pA", "high": "90 pA"}}), code=reference)
    (part,) = simulation.network.parts
    projection, populations = part.projections["wire"], part.populations
    populations["A"].state.v[:] = -0.06
    populations["A"].state.v[7] = 0.0  # above threshold: it fires at once, and arrives 10 steps later
    simulation.advance(11)
    row = slice(*projection.rows.first[7:9])
    expected = np.zeros(70)
    expected[projection.rows.target[row]] = weights(projection)[row]
    trace = populations["B"].channels[0].terms[0].trace
    assert np.allclose(trace.value[:70] * trace.down[10], expected, rtol=1e-12)


def test_drawn_delays_follow_their_distribution_and_are_kept(reference):
    """On the grid, within bounds; each synapse transmits every spike at its own delay."""
    given = {"normal": {"mean": "1.5 ms", "sd": "0.4 ms", "low": "0.8 ms", "high": "2.5 ms"}}
    simulation = Simulation(_network(delay=given), code=reference)
    (part,) = simulation.network.parts
    rows = part.projections["wire"].rows
    row = np.repeat(np.arange(rows.first.size - 1), np.diff(rows.first))
    delay, source = rows.delay[row % rows.delay.size], row // rows.delay.size
    assert (delay.min(), delay.max()) == (8, 25)
    edges = np.concatenate([[8], np.arange(8.5, 25), [25]])
    law = stats.truncnorm(-7 / 4, 10 / 4, loc=15, scale=4)
    expected = np.diff(law.cdf(edges)) * delay.size
    assert stats.chisquare(np.bincount(delay, minlength=26)[8:], expected).pvalue > 1e-3
    populations = part.populations
    populations["A"].state.v[:] = -0.06
    populations["A"].state.v[3] = 0.0
    trace = populations["B"].channels[0].terms[0].trace
    seen = np.full(70, -1)
    for step in range(40):
        simulation.advance(1)
        seen[(trace.value[:70] > 0) & (seen < 0)] = step
        populations["A"].state.v[:] = -0.06
    mine = source == 3
    assert mine.sum() > 20
    assert np.array_equal(seen[rows.target[mine]], delay[mine])
    assert np.sum(seen >= 0) == mine.sum()


def test_fixed_and_drawn_delays_share_the_wiring():
    targets = []
    for delay in ("1 ms", {"uniform": {"low": "0.5 ms", "high": "2 ms"}}):
        rows = Simulation(_network(delay=delay)).network.parts[0].projections["wire"].rows
        source = np.repeat(np.arange(rows.first.size - 1), np.diff(rows.first)) // rows.delay.size
        targets.append(set(zip(source.tolist(), rows.target.tolist(), strict=True)))
    assert targets[0] == targets[1]
