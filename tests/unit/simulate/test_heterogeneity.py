"""Parameters that differ between neurons, weights and delays that differ between synapses: `{normal: {mean, sd}}`."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.config.fields import explain
from homeoanalysis.config.model import Model
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.projections import pairs, weights
from homeoanalysis.simulate.simulation import Simulation
from homeoanalysis.units import written

_N = 20_000


def _model(neuron: str, parameters: dict[str, Any], n: int = 5, **other: Any) -> Model:
    populations = {"cell": {"n": n, "neuron": {neuron: parameters}}}
    return Model.model_validate({"title": "t", "duration": "1 s", "populations": populations, **other})


@pytest.mark.parametrize(
    ("kind", "arguments", "law"),
    [
        ("uniform", {"low": 1.0, "high": 4.0}, stats.uniform(1, 3)),
        ("normal", {"mean": 2.0, "sd": 0.5}, stats.norm(2, 0.5)),
        ("normal", {"mean": 2.0, "sd": 0.5, "low": 1.6, "high": 3.0}, stats.truncnorm(-0.8, 2, 2, 0.5)),
        # mean 2 and sd 1.5 of the value itself: sigma^2 = ln(1 + 0.75^2), exp(mu) = 2 / 1.25
        ("lognormal", {"mean": 2.0, "sd": 1.5}, stats.lognorm(math.sqrt(math.log(1.5625)), scale=1.6)),
    ],
)
def test_values_follow_their_distribution(kind, arguments, law):
    values = Distribution(kind, arguments).draw(rng_for(1, kind), _N)
    assert stats.kstest(values, law.cdf).pvalue > 1e-3
    assert values.mean() == pytest.approx(law.mean(), abs=4 * law.std() / math.sqrt(_N))
    assert stats.kstest(values, stats.norm(2, 0.7).cdf).pvalue < 1e-6  # control: another law


_NUMERIC = [
    (neuron, key, kind)
    for neuron in catalogue.names("neurons")
    for key, field in catalogue.parameters("neurons", neuron).model_fields.items()
    for kind in ("uniform", "normal", "lognormal")
    if isinstance(field.default, float) and (kind != "lognormal" or field.default >= 0)  # a lognormal variable is positive
]


def _unit(neuron: str, key: str) -> str:
    """The unit of a parameter, from its schema."""
    described = catalogue.parameters("neurons", neuron).model_json_schema()["properties"][key]
    return str(next(o["unit"] for o in (described, *described.get("anyOf", [])) if "unit" in o))


def _spread(neuron: str, key: str, kind: str) -> tuple[dict[str, Any], str]:
    """A distribution of a parameter around its default."""
    unit = _unit(neuron, key)
    default = catalogue.parameters("neurons", neuron).model_fields[key].default
    width = 0.02 * abs(default) or {"V": 1e-3, "s": 1e-3}[unit]
    # Times are not negative, and a threshold is not below the reset (that of a relay is 0).
    low = default if default == 0 and (unit == "s" or key == "v_threshold") else default - width
    high = default + 2 * width
    if kind == "uniform":
        return {"uniform": {"low": written(low, unit), "high": written(high, unit)}}, unit
    if kind == "lognormal":
        return {"lognormal": {"mean": written(abs(default) or width, unit), "sd": written(width, unit)}}, unit
    return {"normal": {"mean": written((low + high) / 2, unit), "sd": written(width, unit), "low": written(low, unit)}}, unit


@pytest.mark.slow
@pytest.mark.parametrize(("neuron", "key", "kind"), _NUMERIC)
def test_each_neuron_with_a_value_of_its_own_is_the_neuron_of_that_value(neuron, key, kind):
    """Every parameter of every neuron model: kernel, gains, refractory period and state are those of single models."""
    distribution, unit = _spread(neuron, key, kind)
    simulation = Simulation(_model(neuron, {key: distribution}))
    whole, p = simulation.network.neurons["cell"], simulation.network.parts[0].populations["cell"]
    drawn = simulation.network.make.stream("parameters", "cell", key)
    values = Distribution(kind, Model.model_validate(simulation.model).populations["cell"].neuron.parameters[key].arguments).draw(
        drawn, 5
    )
    assert np.unique(values).size == 5
    differs = False
    for i, value in enumerate(values):
        alone = Simulation(_model(neuron, {key: written(value, unit)}, n=1))
        own, q = alone.network.neurons["cell"], alone.network.parts[0].populations["cell"]
        for field in own.kernel._fields:
            ours, theirs = np.broadcast_to(getattr(whole.kernel, field), 64)[i], np.ravel(getattr(own.kernel, field))[0]
            assert ours == pytest.approx(theirs, rel=1e-12), field
            differs |= bool(ours != np.broadcast_to(getattr(whole.kernel, field), 64)[(i + 1) % 5])
        assert np.broadcast_to(p.rest.refractory, 64)[i] == np.ravel(q.rest.refractory)[0]
        assert whole.state.drive[i] == pytest.approx(own.state.drive[0], rel=1e-12)
        for a, b in zip(p.channels, q.channels, strict=True):
            for s, t in zip(a.terms, b.terms, strict=True):
                assert np.broadcast_to(s.gain, 64)[i] == pytest.approx(np.ravel(t.gain)[0], rel=1e-12)
                differs |= bool(np.ndim(s.gain))
    assert differs or np.unique(p.rest.refractory).size > 1 or np.unique(whole.state.drive[:5]).size == 5


@pytest.mark.slow
@pytest.mark.parametrize("neuron", ["adex", "izhikevich", "lif_conductance"])
def test_different_neurons_fire_as_they_do_alone(neuron):
    """Drive and two more parameters differ: every spike of five neurons in one population and of five populations."""
    spread = {
        "adex": {
            "slope": ("uniform", 1e-3, 3e-3, "V"),
            "adaptation_jump": ("uniform", 2e-11, 1e-10, "A"),
            "drive": (25e-3, 40e-3),
        },
        "izhikevich": {
            "v_reset": ("uniform", -0.065, -0.05, "V"),
            "recovery_rate": ("uniform", 20.0, 90.0, "1/s"),
            "drive": (8e-3, 20e-3),
        },
        "lif_conductance": {
            "v_threshold": ("uniform", -0.052, -0.048, "V"),
            "refractory": ("uniform", 0.0, 9e-3, "s"),
            "drive": (15e-3, 30e-3),
        },
    }[neuron]
    spread["drive"] = ("uniform", *spread["drive"], "V")
    given = {key: {kind: {"low": written(a, u), "high": written(z, u)}} for key, (kind, a, z, u) in spread.items()}
    together = Simulation(_model(neuron, given))
    start = together.network.neurons["cell"].state.v[:5].copy()
    make = together.network.make
    drawn = {
        key: Distribution(kind, {"low": a, "high": z}).draw(make.stream("parameters", "cell", key), 5)
        for key, (kind, a, z, _) in spread.items()
    }
    together.advance(10_000)
    step, unit = np.concatenate(together.spikes["cell"], axis=1)
    counts = []
    for i in range(5):
        alone = Simulation(_model(neuron, {key: f"{float(values[i])!r} {spread[key][3]}" for key, values in drawn.items()}, n=1))
        alone.network.neurons["cell"].state.v[0] = start[i]
        alone.advance(10_000)
        found = np.concatenate(alone.spikes["cell"], axis=1)[0]
        assert np.array_equal(step[unit == i], found)
        counts.append(found.size)
    assert min(counts) > 3
    assert len(set(counts)) > 2


def _projected(weight: Any, delay: Any) -> Simulation:
    projection = {
        "source": "cell",
        "target": "cell",
        "channel": "excitatory",
        "topology": {"fixed_probability": {"probability": 0.5}},
        "weight": weight,
        "delay": delay,
    }
    return Simulation(_model("lif_conductance", {}, 200, projections={"there": projection}))


def test_weights_and_delays_differ_between_synapses():
    """Lognormal weights, truncated normal delays on the grid; every synapse has one of each."""
    delay = {"normal": {"mean": "2 ms", "sd": "0.5 ms", "low": "1 ms", "high": "3 ms"}}
    simulation = _projected({"lognormal": {"mean": "1 nS", "sd": "0.8 nS"}}, delay)
    projection = simulation.network.parts[0].projections["there"]
    found = weights(projection)
    law = stats.lognorm(math.sqrt(math.log1p(0.64)), scale=1 / math.sqrt(1.64))
    assert found.size == pairs(projection)[0].size > 19_000
    assert stats.kstest(found * 1e9, law.cdf).pvalue > 1e-3
    rows = projection.rows
    assert np.array_equal(rows.delay, np.arange(10, 31))
    number = np.diff(rows.first).reshape(-1, rows.delay.size).sum(axis=0)
    cdf = stats.truncnorm(-2, 2, 2, 0.5).cdf(np.clip((np.arange(9.5, 31) / 10), 1, 3))
    assert stats.chisquare(number, number.sum() * np.diff(cdf)).pvalue > 1e-3


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (
            {"gaussian": {"mean": "20 ms", "sd": "2 ms"}},
            "is 'gaussian', which is no distribution; known: lognormal, normal, uniform",
        ),
        ({"normal": {"mean": "20 ms"}}, "it takes high, low, mean, sd"),
        ({"normal": {"mean": "20 ms", "sd": "-2 ms"}}, "tau_membrane is '-2 ms'; input should be greater than 0"),
        ({"normal": {"mean": "20 ms", "sd": "2 mV"}}, "'2 mV', not a time"),
        ({"uniform": {"low": "20 ms", "high": "10 ms"}}, "low must be below high"),
        ({"lognormal": {"mean": "0 ms", "sd": "2 ms"}}, "tau_membrane is '0 ms'; input should be greater than 0"),
        ({"normal": {"mean": "20 ms", "sd": "2 ms", "low": "30 ms"}}, "outside of its bounds"),
    ],
)
def test_a_wrong_distribution_is_refused(value, message):
    with pytest.raises(ValidationError) as caught:
        _model("lif_conductance", {"tau_membrane": value})
    assert any(message in line for line in explain(caught.value, Model)), explain(caught.value, Model)
