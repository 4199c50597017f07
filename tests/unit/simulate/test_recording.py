"""What a run writes down: traces, the field proxy, weights, and what a rig would not have seen."""

import json

import numpy as np
import pytest
from pydantic import ValidationError

from homeoanalysis.config.model import Model
from homeoanalysis.contracts import check
from homeoanalysis.simulate import simulate


@pytest.fixture(scope="module")
def decaying():
    """Conductance neurons without input, which start between reset and threshold and decay to rest."""

    def make(**record):
        return Model.model_validate(
            {
                "title": "decay",
                "duration": "100 ms",
                "populations": {"cell": {"n": 4, "neuron": "lif_conductance"}},
                "record": record,
            }
        )

    return make


@pytest.mark.slow
def test_a_trace_is_the_membrane_potential(decaying):
    """Without input v - v_rest shrinks by 1 - dt/tau_m in every step."""
    model = decaying(traces={"membrane": {"population": "cell", "variable": "v", "units": 3, "every": "1 ms"}})
    activity = check(simulate(model), "activity/1")
    v = activity.membrane_potential.values
    assert v.shape == (3, 100)
    assert activity.membrane_potential.attrs["sampling_rate"] == pytest.approx(1000)
    assert np.allclose(v[:, 1:] + 0.06, (v[:, :-1] + 0.06) * (1 - 0.1 / 20) ** 10, rtol=1e-9, atol=1e-12)
    assert np.ptp(v[:, 0]) > 1e-3
    assert activity.membrane_potential_t_start.values[0] == pytest.approx(1e-3)


@pytest.mark.slow
def test_a_conductance_is_the_weight_that_decays():
    """Shot noise of 1 nS at 2 kHz: mean and variance of a sum of exponentials that jump on the grid (Campbell)."""
    model = Model.model_validate(
        {
            "title": "shot noise",
            "duration": "20 s",
            "populations": {"cell": {"n": 20, "neuron": {"lif_conductance": {"v_threshold": "1 kV"}}}},
            "protocols": {
                "outside": {"poisson_input": {"population": "cell", "channel": "excitatory", "rate": "2 kHz", "weight": "1 nS"}}
            },
            "record": {"traces": {"g": {"population": "cell", "variable": "excitatory", "units": 20, "every": "5 ms"}}},
        }
    )
    g = simulate(model).state_variable.values[:, 20:]
    events, step = 2000 * 1e-4, 1e-4 / 0.005
    assert g.mean() == pytest.approx(events * 1e-9 / -np.expm1(-step), rel=0.005)
    assert g.var() == pytest.approx(events * 1e-18 / -np.expm1(-2 * step), rel=0.05)


@pytest.mark.slow
def test_the_field_proxy_follows_its_formula():
    """v is clamped by a huge threshold and no leak drive: excitatory drive = R g (e - v), here from traces of v and g.
    A population has a channel of its own, which is zero without synaptic input."""
    outside = {"population": "cell", "rate": "2 kHz", "weight": "0.1 nS"}
    model = Model.model_validate(
        {
            "title": "field",
            "duration": "1 s",
            "populations": {k: {"n": 1, "neuron": {"lif_conductance": {"v_threshold": "1 kV"}}} for k in ("quiet", "cell")},
            "protocols": {
                "e": {"poisson_input": outside | {"channel": "excitatory"}},
                "i": {"poisson_input": outside | {"channel": "inhibitory"}},
            },
            "record": {
                "traces": {
                    "v": {"population": "cell", "variable": "v", "units": 1, "every": "1 ms"},
                    "e": {"population": "cell", "variable": "excitatory", "units": 1, "every": "1 ms"},
                    "i": {"population": "cell", "variable": "inhibitory", "units": 1, "every": "1 ms"},
                },
                "lfp_proxy": {"populations": ["cell", "quiet"], "every": "1 ms", "delay": "6 ms", "ratio": 1.65},
            },
        }
    )
    activity = check(simulate(model), "activity/1")
    v, (e, i) = activity.membrane_potential.values[0], activity.state_variable.values
    resistance = 0.02 / 200e-12
    excitatory, inhibitory = np.abs(resistance * e * (0 - v)), np.abs(resistance * i * (-0.08 - v))
    delayed = np.concatenate([np.zeros(6), excitatory[:-6]])
    assert activity.lfp_proxy_channel.values.tolist() == ["cell", "quiet"]
    assert not activity.lfp_proxy.values[1].any()
    assert np.allclose(activity.lfp_proxy.values[0], delayed + 1.65 * inhibitory, rtol=1e-9)
    assert not np.allclose(activity.lfp_proxy.values[0], excitatory + 1.65 * inhibitory, rtol=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("is_blocked", [True, False])
def test_the_field_proxy_follows_a_perturbation(is_blocked):
    """From the time of the block on there is no field, where there was one before; without it, it stays (the control)."""
    outside = {"population": "cell", "rate": "2 kHz", "weight": "0.1 nS", "channel": "excitatory"}
    protocols = {"e": {"poisson_input": outside}}
    if is_blocked:
        protocols["block"] = {"receptor_block": {"populations": ["cell"], "channel": "excitatory", "start": "0.5 s"}}
    model = Model.model_validate(
        {
            "title": "field",
            "duration": "1 s",
            "populations": {"cell": {"n": 3, "neuron": {"lif_conductance": {"v_threshold": "1 kV"}}}},
            "protocols": protocols,
            "record": {"lfp_proxy": {"populations": ["cell"], "every": "1 ms", "delay": "0 ms"}},
        }
    )
    before, after = np.split(simulate(model).lfp_proxy.values[0], 2)
    assert before[100:].min() > 0
    assert after[1:].any() != is_blocked


@pytest.mark.slow
def test_the_same_synapses_are_recorded_with_any_number_of_threads(small):
    """A sample is drawn of synapses in an order that no division of the network changes."""
    record = {"weights": {"projections": ["I_to_E", "E_to_I"], "every": "500 ms", "sample": 30}}
    wires = {"E_to_E": {"topology": {"fixed_probability": {"probability": 0.01}}}}
    model = small(n_e=600, n_i=300, record=record, projections=wires)
    alone, shared = (simulate(model, threads=threads) for threads in (1, 2))
    for name in ("pre", "post", "projection", "weight"):
        assert np.array_equal(alone[name], shared[name]), name
    assert alone.weight.values.std() > 0


def test_a_projection_without_synapses_has_no_weights(small):
    none = {"E_to_I": {"topology": {"fixed_probability": {"probability": 0.0}}}}
    record = {"weights": {"projections": ["E_to_I"], "every": "1 s"}}
    activity = check(simulate(small(projections=none, record=record)), "activity/1")
    assert activity.weight.shape == (2, 0)


def test_a_projection_is_recorded_once(small):
    record = {"weights": {"projections": ["I_to_E", "I_to_E"], "every": "1 s"}}
    with pytest.raises(ValidationError, match=r"record.weights.projections names a projection twice; name it once"):
        small(record=record)


@pytest.mark.slow
def test_snapshots_of_weights(small):
    """The static projection stays; the plastic one changes; a sample is a subset of all."""
    record = {"weights": {"projections": ["I_to_E", "E_to_I"], "every": "500 ms", "sample": 30}}
    activity = check(simulate(small(record=record)), "activity/1")
    assert activity.snapshot_time.values.tolist() == [0.5, 1.0, 1.5, 2.0]
    assert activity.weight.shape == (4, 60)
    weights = activity.weight.where(activity.projection == "E_to_I", drop=True)
    assert np.all(weights == weights[0, 0])
    plastic = activity.weight.where(activity.projection == "I_to_E", drop=True)
    assert plastic.values[0].std() > 0
    assert not np.array_equal(plastic.values[0], plastic.values[-1])
    units = activity.unit.values[activity.pre.values]
    assert all(name.startswith("I") == (p == "I_to_E") for name, p in zip(units, activity.projection.values, strict=True))


def _book(activity) -> dict:
    return json.loads(activity.attrs["bookkeeping"])["spikes"]


def test_spikes_that_are_not_recorded_are_counted(small):
    """in = out + dropped, for a sample of neurons and a blind rig; each loss has the size that was asked for."""
    whole = simulate(small())
    emitted = whole.sizes["spike"]
    sampled = check(simulate(small(record={"units": {"E": 10}})), "activity/1")
    assert sampled.sizes["unit"] == 20
    book = _book(sampled)
    assert book["in"] == emitted == book["out"] + sum(book["dropped"].values())
    for name in sampled.unit.values:  # the spikes of the recorded units are those of the whole run
        assert np.array_equal(_train(sampled, name), _train(whole, name))
    blind = {"missed": 0.2, "swapped": 0.1, "lost": 0.4, "session": "200 ms"}
    seen = check(simulate(small(record={"blindness": blind})), "activity/1")
    book = _book(seen)
    assert book["in"] == emitted == book["out"] + sum(book["dropped"].values())
    missed = book["dropped"]["below threshold"]
    assert abs(missed - 0.2 * emitted) < 4 * np.sqrt(0.16 * emitted)
    assert seen.sizes["segment"] == 10
    lost = (seen.observed.values == 0).any(axis=1)
    assert 5 <= lost.sum() <= 35
    for k in np.flatnonzero(lost):
        end = seen.segment_start.values[np.flatnonzero(seen.observed.values[k] == 0)[0]]
        assert not np.any(_train(seen, seen.unit.values[k]) > end)


def _train(activity, name: str) -> np.ndarray:
    k = activity.unit.values.tolist().index(name)
    stop = np.cumsum(activity.spike_count.values)
    return activity.spike_time.values[stop[k] - activity.spike_count.values[k] : stop[k]]


def test_electrodes_hear_the_neurons_near_them(small):
    """A fraction pi reach^2 / pitch^2 of the neurons is heard; unsorted, each electrode is one multi-unit."""
    extent = {"populations": {"E": {"extent": "1 mm", "n": 400}, "I": {"extent": "1 mm", "n": 100}}}
    electrodes = {"pitch": "100 um", "reach": "30 um"}
    quiet = {"duration": "1 s", "protocols": {"deprivation": {"scale_input": {"start": "0.9 s"}}}}
    model = small(n_e=400, n_i=100, **extent, **quiet, record={"blindness": {"electrodes": electrodes}})
    heard = check(simulate(model), "activity/1")
    expected = np.pi * 0.3**2
    assert abs(heard.sizes["unit"] / 500 - expected) < 4 * np.sqrt(expected * (1 - expected) / 500)
    distance = np.hypot(*(np.mod(c, 1e-4) - 5e-5 for c in (heard.x.values, heard.y.values)))
    assert distance.max() < 30e-6
    blind = {"blindness": {"electrodes": electrodes | {"is_sorted": False}}}
    merged = check(simulate(small(n_e=400, n_i=100, **extent, **quiet, record=blind)), "activity/1")
    assert set(merged.unit_kind.values) == {"multi"}
    assert merged.sizes["unit"] < heard.sizes["unit"]
    assert merged.sizes["spike"] == heard.sizes["spike"]


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"units": {"X": 3}}, "units.X is 'X', which is no population"),
        ({"traces": {"t": {"population": "cell", "variable": "w", "units": 1, "every": "1 ms"}}}, "traces.t.variable is 'w'"),
        (
            {"traces": {"t": {"population": "cell", "variable": "v", "units": 9, "every": "1 ms"}}},
            "traces.t.units is 9, more than",
        ),
        ({"traces": {"t": {"population": "cell", "variable": "v", "units": 1, "every": "0.15 ms"}}}, "no whole number"),
        ({"weights": {"projections": ["x"], "every": "1 s"}}, "weights.projections has 'x'"),
        ({"blindness": {"electrodes": {"pitch": "1 mm", "reach": "1 mm"}}}, "give every population an extent"),
        ({"blindness": {"lost": 0.1}}, "belong together"),
    ],
)
def test_what_cannot_be_recorded_is_refused(decaying, record, message):
    with pytest.raises(ValidationError, match=message):
        decaying(**record)
