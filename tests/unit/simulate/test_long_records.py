"""Records that follow a run of days: distributions of all weights, rates in bins, chosen neurons."""

import json

import numpy as np
import pytest

from homeoanalysis.config.model import Model
from homeoanalysis.config.single import load_model
from homeoanalysis.contracts import check, open_dataset, write
from homeoanalysis.errors import ConfigError, ContractError
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.observed import spike_trains
from homeoanalysis.simulate import simulate
from homeoanalysis.simulate.compiler import REFERENCE
from homeoanalysis.simulate.simulation import Simulation

EDGES = ["0 nS", "0.5 nS", "6.1 nS", "7.9 nS", "8 nS"]


def _book(activity) -> dict:
    return json.loads(activity.attrs["bookkeeping"])


# ---- distributions of weights
@pytest.fixture(scope="module", params=["float64", "float32"])
def weighed(small, request):
    """Snapshots of all synapses and distributions at the same times; an upper bound that some of the weights reach."""
    listed = {"projections": ["I_to_E", "E_to_I"], "every": "500 ms"}
    record = {"weights": listed, "weight_distributions": listed | {"bins": EDGES}}
    model = small(precision=request.param, projections={"I_to_E": {"weight_max": "8 nS"}}, record=record)
    return check(simulate(model), "activity/1")


def _each(activity):
    """Snapshot and row of every projection at every time."""
    for j, name in enumerate(activity.weight_projection.values):
        found = activity.weight.values[:, activity.projection.values == name].astype(float)
        for k, weights in enumerate(found):
            yield weights, activity.isel(weight_moment=k, weight_projection=j)


def test_histograms_are_those_of_all_weights(weighed):
    """numpy's of a snapshot at the same time; every synapse is in a bin, or counted outside; other times differ (the control)."""
    assert np.array_equal(weighed.weight_time, weighed.snapshot_time)
    edges = np.append(weighed.weight_bin_low.values[0], weighed.weight_bin_high.values[0, -1])
    assert np.allclose(edges, np.array([0, 0.5, 6.1, 7.9, 8]) * 1e-9, rtol=1e-7, atol=0)
    for weights, row in _each(weighed):
        assert np.array_equal(row.weight_count, np.histogram(weights, edges)[0])
        assert row.weight_below == 0
        assert row.weight_above == (weights > edges[-1]).sum()
        assert row.weight_count.sum() + row.weight_above == row.weight_number == weights.size > 50
        assert (row.weight_count > 0).sum() >= (3 if row.weight_projection == "I_to_E" else 1)
    plastic = weighed.weight_count.values[:, 0]
    assert not np.array_equal(plastic[0], plastic[-1])
    assert weighed.weight_above.values.max() == 0  # a weight at its bound lies in the last bin, in float32 too
    book = _book(weighed)["weights in bins"]
    assert book == {"in": int(weighed.weight_number.sum()), "out": int(weighed.weight_count.sum()), "dropped": {}}


def test_summaries_are_those_of_all_weights(weighed):
    for weights, row in _each(weighed):
        assert float(row.weight_mean) == pytest.approx(weights.mean(), rel=1e-12)
        assert float(row.weight_sd) == pytest.approx(weights.std(), rel=1e-9, abs=1e-24)
        assert np.allclose(row.weight_quantile, np.quantile(weights, row.weight_probability), rtol=1e-12, atol=0)
        assert row.weight_at_zero == (weights == 0).mean()
        top = weights.max() if row.weight_projection == "I_to_E" else np.nan
        assert np.isnan(top) == bool(np.isnan(row.weight_at_max))
        assert np.isnan(top) or row.weight_at_max == (weights == top).mean() > 0.01


def test_what_is_outside_of_the_bins_is_counted(small):
    """Bins that hold some of the weights: the others are counted, on the right side."""
    record = {"weight_distributions": {"projections": ["I_to_E"], "every": "1 s", "bins": ["6 nS", "8 nS", "12 nS"]}}
    activity = check(simulate(small(record=record)), "activity/1")
    below, above, inside = (activity[f"weight_{key}"].sum() for key in ("below", "above", "count"))
    assert min(below, above, inside) > 0
    book = _book(activity)["weights in bins"]
    assert book["dropped"] == {"below the first bin": int(below), "above the last bin": int(above)}
    assert book["in"] == book["out"] + sum(book["dropped"].values()) == int(activity.weight_number.sum())
    lost = activity.assign(weight_below=activity.weight_below - 1)
    with pytest.raises(ContractError, match="do not add up to weight_number 2 times of 2"):
        check(lost, "activity/1")
    with pytest.raises(ContractError, match="weight_count needs weight_above"):
        check(activity.drop_vars("weight_above"), "activity/1")


def test_a_projection_without_synapses_has_an_empty_distribution(small):
    none = {"I_to_E": {"topology": {"fixed_probability": {"probability": 0.0}}}}
    record = {"weight_distributions": {"projections": ["I_to_E"], "every": "1 s", "bins": 3}}
    activity = check(simulate(small(projections=none, record=record)), "activity/1")
    assert not activity.weight_number.any()
    assert not activity.weight_count.any()
    assert np.isnan(activity.weight_mean).all()
    assert np.isnan(activity.weight_quantile).all()


def test_bins_without_edges_end_at_the_bound(small):
    record = {"weight_distributions": {"projections": ["I_to_E"], "every": "1 s", "bins": 4}}
    activity = simulate(small(record=record))
    assert np.allclose(activity.weight_bin_high.values[0], np.array([25, 50, 75, 100]) * 1e-9, rtol=1e-12)
    assert activity.weight_count.values[:, 0, 0].all()


@pytest.mark.slow
def test_a_structural_projection_has_its_number_of_synapses():
    """Synapses come and go; all have one weight, so that the mean is that weight, and the number is what changes."""
    listed = {"projections": ["wires"], "every": "50 ms"}
    rule = {"structural": {"target_rate": "8 Hz", "growth": "400 Hz", "tau_calcium": "10 ms"}}
    wires = {"source": "cell", "target": "cell", "channel": "excitatory", "weight": "1 nS", "delay": "1 ms"}
    model = Model.model_validate(
        {
            "title": "growth",
            "duration": "200 ms",
            "window": "10 ms",
            "populations": {"cell": {"n": 20, "neuron": {"lif_conductance": {"drive": "12 mV"}}}},
            "projections": {
                "wires": wires | {"topology": {"fixed_probability": {"probability": 0.1}}, "plasticity": [rule]},
            },
            "record": {"weights": listed, "weight_distributions": listed | {"bins": ["0 nS", "2 nS"]}},
        }
    )
    simulation = Simulation(model, code=REFERENCE)
    simulation.advance(2000)
    found, snapshots = simulation.logbook.weighings["wires"], simulation.logbook.snapshots["wires"]
    assert found.number.tolist() == [int(pairs.sum()) for pairs in snapshots]
    assert np.ptp(found.number) > 0
    assert found.in_bin[:, 0].tolist() == found.number.tolist()
    assert np.allclose(found.mean[found.number > 0], 1e-9, rtol=1e-12)


# ---- rates
RATES = {"population_rate": {"populations": ["I", "E"], "every": "70 ms"}, "unit_rate": {"populations": ["E"], "every": "300 ms"}}


@pytest.fixture(scope="module")
def rated(small):
    return check(simulate(small(record=RATES)), "activity/1")


def _counts(activity, every: float, bins: int) -> np.ndarray:
    """(unit, bin) from the spikes."""
    edges = np.round(np.arange(bins + 1) * every / 1e-4)
    return np.array([np.histogram(np.round(t / 1e-4), edges - 0.5)[0] for t in spike_trains(activity)])


def test_rates_are_counts_of_spikes(rated):
    """Bins that do not fill the run: what is left is counted."""
    each, region = _counts(rated, 0.3, 6), rated.region.values
    assert np.allclose(rated.unit_rate.values, each[region == "E"] / 0.3, rtol=1e-12)
    assert each[region == "E"].max() > 1
    assert rated.unit_rate_channel.values.tolist() == rated.unit.values[region == "E"].tolist()
    fine = _counts(rated, 0.07, 28)
    of = {key: fine[region == key].mean(axis=0) / 0.07 for key in ("I", "E")}
    assert np.allclose(rated.population_rate.values, [of["I"], of["E"]], rtol=1e-12)
    assert rated.population_rate_channel.values.tolist() == ["I", "E"]
    assert rated.population_rate.attrs["sampling_rate"] == pytest.approx(1 / 0.07)
    assert rated.population_rate_t_start.values[0] == 0
    part = observed.restrict(rated, np.array([0.7]), np.array([1.4]))  # ten whole bins
    first, count = int(part.population_rate_first_sample[0]), int(part.population_rate_sample_count[0])
    here = part.population_rate.values[:, first : first + count]
    assert here.sum(axis=1) * 0.07 * [10, 40] == pytest.approx([part.spike_count.values[region == key].sum() for key in "IE"])
    book = _book(rated)
    left = rated.sizes["spike"] - fine.sum()
    expected = {"in": rated.sizes["spike"], "out": int(fine.sum()), "dropped": {"after the last whole bin": int(left)}}
    assert book["spikes in population_rate"] == expected
    assert left > 0
    assert book["spikes in unit_rate"]["in"] == (spikes := int(rated.spike_count.values[region == "E"].sum()))
    assert book["spikes in unit_rate"]["out"] == each[region == "E"].sum() < spikes


def test_rates_are_of_all_neurons_whatever_is_hidden(small, rated):
    """Spikes of 5 neurons of 40, and of none: the run keeps no others in memory; rates are those of the whole run."""
    model = small(record=RATES | {"units": {"E": 5, "I": 0}, "blindness": {"missed": 0.5, "lost": 0.4, "session": "500 ms"}})
    simulation = Simulation(model)
    simulation.advance(20_000)
    assert {key: sum(chunk.shape[1] for chunk in chunks) for key, chunks in simulation.spikes.items()}["I"] == 0
    assert np.unique(np.concatenate(simulation.spikes["E"], axis=1)[1]).size <= 5
    seen = check(simulate(model), "activity/1")
    assert seen.sizes["unit"] == 5
    for name in ("unit_rate", "population_rate"):
        assert np.array_equal(seen[name], rated[name])
    book = _book(seen)
    assert book["spikes"]["in"] == rated.sizes["spike"] == book["spikes"]["out"] + sum(book["spikes"]["dropped"].values())
    assert book["spikes"]["dropped"].keys() >= {"neuron not sampled", "below threshold"}
    assert seen.population_rate_first_sample.values.tolist() == [0, 8, 15, 22]  # whole bins of each session
    assert seen.population_rate_sample_count.values.tolist() == [7, 6, 6, 6]
    for name in ("unit_rate", "population_rate"):
        assert book[f"spikes in {name}"] == _book(rated)[f"spikes in {name}"]


def test_rates_and_distributions_survive_the_file(rated, weighed, tmp_path):
    """Rates of units are stored in 16 bits, as multiples of a spike in a bin."""
    for activity in (rated, weighed):
        named = activity.assign_attrs(source="law")
        write(named, tmp_path / "one.nc")
        assert open_dataset(tmp_path / "one.nc").identical(named)
    assert rated.unit_rate.attrs["step"] == pytest.approx(1 / 0.3)


# ---- traces
def _trace(variable: str, units, **more) -> dict:
    return {"population": "E", "variable": variable, "units": units, "every": "10 ms"} | more


@pytest.mark.slow
def test_chosen_neurons_are_rows_of_all(small):
    """And each channel says which neuron it is, and what it holds."""
    chosen = [0, 17, 39]
    record = {"traces": {"all": _trace("v", 40), "some": _trace("v", chosen), "g": _trace("excitatory", chosen)}}
    record["lfp_proxy"] = {"populations": ["I", "E"]}
    activity = check(simulate(small(record=record)), "activity/1")
    v = activity.membrane_potential.values
    assert np.array_equal(v[40:], v[chosen])
    assert not np.array_equal(v[40:], v[:3])
    names = activity.membrane_potential_channel.values[40:].tolist()
    assert names == ["some.E0.v", "some.E17.v", "some.E39.v"]
    assert set(activity.membrane_potential_formula.values) == {"v"}
    assert activity.state_variable_formula.values.tolist() == ["excitatory"] * 3
    field = activity.lfp_proxy_formula.values
    assert field[0] != field[1]
    assert [text.startswith(f"mean over {key} of") for text, key in zip(field, "IE", strict=True)] == [True, True]


@pytest.mark.slow
def test_formulas_are_those_of_their_channels(small):
    traces = {"g": _trace("excitatory", 1), "h": _trace("inhibitory", 2), "drive": _trace("drive", 1)}
    activity = simulate(small(record={"traces": traces}))
    found = dict(zip(activity.state_variable_channel.values, activity.state_variable_formula.values, strict=True))
    wanted = {"g.E0.excitatory": "excitatory", "h.E0.inhibitory": "inhibitory", "h.E1.inhibitory": "inhibitory"}
    assert found == wanted | {"drive.E0.drive": "drive"}


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_rate_that_a_rule_sees_is_that_of_the_spikes(small, precision):
    """A detector is a sum of exponentials over the spikes so far, divided by its time constant; and what the rule changes.

    To record it changes nothing: the spikes are those of a run without records.
    """
    rule = {"intrinsic_threshold": {"target_rate": "1 Hz", "gain": "1 mV/s", "tau_rate": "200 ms"}}
    changed = {"E": {"plasticity": [rule]}}
    scaling = {"synaptic_scaling": {"target_rate": "2 Hz", "tau_rate": "50 ms"}}
    rules = {"I_to_E": {"plasticity": [{"inhibitory_stdp": {}}, scaling]}}
    traces = {
        "own": _trace("intrinsic_threshold.rate", [3, 39]),
        "scaled": _trace("I_to_E.synaptic_scaling.rate", [3, 39]),
        "threshold": _trace("v_threshold", [3, 39]),
    }
    base = {"populations": changed, "projections": rules, "precision": precision}
    activity, plain = simulate(small(record={"traces": traces}, **base)), simulate(small(**base))
    assert np.array_equal(activity.spike_time, plain.spike_time)
    trains = dict(zip(activity.unit.values, spike_trains(activity), strict=True))
    found = dict(zip(activity.state_variable_channel.values, activity.state_variable.values, strict=True))
    at = np.arange(1, 201) * 0.01 - 1e-4  # a sample is what a step has left
    for unit in (3, 39):
        for key, tau in ((f"own.E{unit}.intrinsic_threshold.rate", 0.2), (f"scaled.E{unit}.I_to_E.synaptic_scaling.rate", 0.05)):
            gap = at[:, None] - trains[f"E{unit}"][None, :]
            expected = np.where(gap > -1e-6, np.exp(-np.maximum(gap, 0) / tau), 0).sum(axis=1) / tau
            assert np.allclose(found[key], expected, rtol=1e-9 if precision == "float64" else 1e-4, atol=1e-9)
            assert expected.max() > 5
        threshold = found[f"threshold.E{unit}.v_threshold"]
        rate = found[f"own.E{unit}.intrinsic_threshold.rate"][9::10]  # at the ends of the windows
        moved = np.diff(threshold[10::10])
        assert np.allclose(moved, 0.1 * 1e-3 * (rate[1:-1] / 1.0 - 1), rtol=1e-3, atol=1e-7)
    formula = activity.state_variable_formula.values
    assert formula[0] == "spikes filtered with 0.2 s, as intrinsic_threshold sees them [Hz]"


@pytest.mark.slow
def test_records_are_the_same_with_two_threads(small):
    record = RATES | {
        "units": {"E": 50},
        "weight_distributions": {"projections": ["I_to_E"], "every": "500 ms", "bins": 20},
        "traces": {"some": _trace("v", [1, 299, 599])},
    }
    wires = {"E_to_E": {"topology": {"fixed_probability": {"probability": 0.01}}}}
    model = small(n_e=600, n_i=300, record=record, projections=wires)
    alone, shared = (simulate(model, threads=threads) for threads in (1, 2))
    assert alone.identical(shared)
    assert float(alone.weight_sd.min()) > 0


# ---- what is refused
_WEIGHTS = {"projections": ["I_to_E"], "every": "1 s"}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (
            {"traces": {"t": _trace("v", [1, 40])}},
            r"traces.t.units has 40, but the 40 neurons are numbered from 0 to 39; remove it",
        ),
        (
            {"traces": {"t": _trace("v", [3, 1])}},
            r"units is \[3, 1\]; number neurons from 0 on, each once and in ascending order",
        ),
        ({"traces": {"t": _trace("v", [1, 1])}}, r"units is \[1, 1\]; number neurons"),
        ({"traces": {"t": _trace("v", [-1])}}, r"units is \[-1\]; number neurons"),
        ({"traces": {"t": _trace("v", [])}}, r"units is \[\]; number neurons"),
        ({"traces": {"t": _trace("v", 0)}}, r"units is 0; write how many neurons, e.g. 3, or which, e.g. \[0, 17, 399\]"),
        ({"traces": {"t": _trace("v", "all")}}, r"units is 'all'; write how many neurons"),
        ({"traces": {"t": _trace("v", True)}}, r"units is True; write how many neurons"),
        ({"traces": {"t": _trace("synaptic_scaling.rate", 1)}}, r"traces.t.variable is 'synaptic_scaling.rate'; known"),
        ({"population_rate": {"populations": ["X"], "every": "1 s"}}, r"population_rate.populations has 'X', which is no popul"),
        ({"population_rate": {"populations": [], "every": "1 s"}}, r"population_rate.populations is \[\]; name at least one"),
        ({"unit_rate": {"populations": ["E", "E"], "every": "1 s"}}, r"unit_rate.populations names a population twice"),
        ({"unit_rate": {"populations": ["E"], "every": "0.15 ms"}}, r"unit_rate.every is 0.00015 s, which is no whole number of"),
        ({"unit_rate": {"populations": ["E"], "every": "3 s"}}, r"unit_rate.every is 3 s, longer than the run of 2 s"),
        ({"unit_rate": {"populations": ["E"], "every": "0 s"}}, r"unit_rate.every is '0 s'; input should be greater than 0"),
        ({"unit_rate": {"populations": ["E"]}}, r"unit_rate.every is missing"),
        (
            {"weight_distributions": _WEIGHTS | {"projections": ["I_to_I"]}},
            r"for I_to_I, is 50, but weight_max is '0 nS', so that",
        ),
        (
            {"weight_distributions": _WEIGHTS | {"projections": ["x"]}},
            r"weight_distributions.projections has 'x', which is no proj",
        ),
        (
            {"weight_distributions": _WEIGHTS | {"projections": ["E_to_I"]}},
            r"for E_to_I, is 50, but .* no weight_max .* their edges",
        ),
        (
            {"weight_distributions": _WEIGHTS | {"bins": 0}},
            r"bins is 0; write how many bins there are from 0 to weight_max, 1 to",
        ),
        ({"weight_distributions": _WEIGHTS | {"bins": 2.5}}, r"bins is 2.5; write how many bins"),
        ({"weight_distributions": _WEIGHTS | {"bins": ["0 nS"]}}, r"bins is \['0 nS'\]; write two edges or more"),
        (
            {"weight_distributions": _WEIGHTS | {"bins": ["0 nS", "2 nS", "1 nS"]}},
            r"bins, for I_to_E, is \[0 nS, 2 nS, 1 nS\]; edges inc",
        ),
        ({"weight_distributions": _WEIGHTS | {"bins": ["0 nS", "0 nS"]}}, r"bins, for I_to_E, is \[0 nS, 0 nS\]; edges increase"),
        ({"weight_distributions": _WEIGHTS | {"bins": [0, 1]}}, r"bins is 0, which has no unit; write a quantity with its unit"),
        ({"weight_distributions": _WEIGHTS | {"bins": ["0 V", "1 V"]}}, r"bins, for I_to_E, is '0 V', not a conductance"),
        ({"weight_distributions": _WEIGHTS | {"every": "1 min"}}, r"weight_distributions.every is 60 s, longer than the run"),
        ({"weight_distributions": _WEIGHTS | {"sample": 3}}, r"sample"),
    ],
)
def test_what_cannot_be_recorded_is_refused(record, message):
    wire = {"topology": {"fixed_probability": {"probability": 0.1}}, "weight": "1 nS", "delay": "1 ms"}
    learned = {"weight_max": "2 nS", "plasticity": ["inhibitory_stdp"]}
    model = {
        "title": "records",
        "duration": "2 s",
        "populations": {key: {"n": n, "neuron": "lif_conductance"} for key, n in (("E", 40), ("I", 10))},
        "projections": {
            "I_to_E": {"source": "I", "target": "E", "channel": "inhibitory", **wire, **learned},
            "E_to_I": {"source": "E", "target": "I", "channel": "excitatory", **wire},
            "I_to_I": {"source": "I", "target": "I", "channel": "inhibitory", **wire, "weight_max": "0 nS"},
        },
        "record": record,
    }
    with pytest.raises(ConfigError, match=message):
        load_model(model)
