"""Laws that every file of metrics/ obeys. A new metric is tested by being there; see also test_metric_statistics.py.

Laws that a wrong metric could pass unseen are functions of a metric, and are shown to fail on a metric made wrong.
"""

import functools
import json
from collections.abc import Callable
from typing import Annotated, Any, get_type_hints

import numpy as np
import pytest
import xarray as xr
from pydantic import Field, TypeAdapter
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.contracts import SIGNALS, check, open_dataset, write
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.metric import Metric, Truth, metric
from homeoanalysis.numerics import observed, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second, unit

NAMES = catalogue.names("metrics")
COMPARED = [name for name in NAMES if catalogue.load("metrics", name).scale is not None]


@functools.cache  # one activity for all laws, which must leave it as it is
def truth(name: str, draw: int = 0):  # type: ignore[no-untyped-def]
    return catalogue.load("metrics", name).truth(rng_for(1, "truth", name, draw))


def values(dataset: xr.Dataset, name: str) -> np.ndarray:
    return dataset[name].values


@pytest.mark.parametrize("name", NAMES)
def test_record_is_complete(name: str) -> None:
    metric = catalogue.load("metrics", name)
    assert metric.name == name
    assert metric.source
    assert metric.units
    assert metric.bounds[0] < metric.bounds[1]
    for section in ("activity: activity/1", "Returns", "Raises NotApplicable"):
        assert section in metric.function.__doc__


@pytest.mark.parametrize("name", NAMES)
def test_what_tells_bits_is_of_the_code_and_what_runs_over_frequency_of_the_spectrum(name: str) -> None:
    """Where the unit or the dimensions leave no choice of the question that a metric is about."""
    metric = catalogue.load("metrics", name)
    assert not metric.units.startswith("bit") or metric.family == "coding"
    assert not {"frequency", "band"} & set(metric.dims) or metric.family == "spectra"


@pytest.mark.parametrize("name", NAMES)
def test_result_follows_the_contract_and_survives_the_disk(name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    known = truth(name)
    result = measure([known.activity], name, **known.parameters)
    check(result, "measure/1")
    write(result, tmp_path / "m.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "m.nc"), result)


@pytest.mark.parametrize("name", NAMES)
def test_an_estimate_is_the_metric_without_its_companions(name: str) -> None:
    metric, known = catalogue.load("metrics", name), truth(name)
    whole = metric(known.activity, **known.parameters)[name]
    alone = metric.dataset(metric.estimate(known.activity, **known.parameters))
    assert list(alone.data_vars) == [name]
    xr.testing.assert_identical(alone[name], whole.drop_vars([c for c in whole.coords if c not in whole.dims]))


@pytest.mark.parametrize("name", NAMES)
def test_activity_is_not_changed(name: str) -> None:
    known = truth(name)
    before = known.activity.copy(deep=True)
    measure([known.activity], name, **known.parameters)
    catalogue.load("metrics", name).surrogate(known.activity, rng_for(1, "s"))
    xr.testing.assert_identical(known.activity, before)


def of_time(activity: xr.Dataset, change: Callable[[Any], Any]) -> xr.Dataset:
    """The activity with all its times changed."""
    times = [n for n in activity.variables if activity[n].attrs.get("units") == "s"]
    return activity.assign({n: (activity[n].dims, change(activity[n].values), activity[n].attrs) for n in times})


def shift_law(metric: Metric, known: Truth, by: float) -> None:
    """All times later, nothing else changes. Spikes on a grid of 2^-20 s: the shift is exact, any difference the metric's."""
    grid = np.round(known.activity.spike_time.values * 2.0**20) / 2.0**20
    activity = known.activity.assign(spike_time=("spike", grid, {"units": "s"}))
    here, there = (metric(a, **known.parameters) for a in (activity, of_time(activity, lambda t: t + by)))
    for variable in here.data_vars:
        np.testing.assert_allclose(there[variable].values, here[variable].values, rtol=1e-9, atol=1e-9)


SHIFTS = (1e6, round(12345.678901 * 2.0**20) / 2.0**20)  # the second is no multiple of any bin


@pytest.mark.parametrize("by", SHIFTS)
@pytest.mark.parametrize("name", NAMES)
def test_later_nothing_changes(name: str, by: float) -> None:
    shift_law(catalogue.load("metrics", name), truth(name), by)


def epoch_law(metric: Metric, known: Truth) -> None:
    """The value of each of two unlike epochs is that of a recording of this epoch alone; other metrics ignore epochs."""
    activity, end = known.activity, float(known.activity.segment_stop[-1])
    trains = [np.concatenate([t[t < end / 2][::3], t[t >= end / 2]]) for t in observed.spike_trains(activity)]
    activity = activity.assign(
        spike_time=("spike", np.concatenate(trains), {"units": "s"}), spike_count=("unit", [t.size for t in trains])
    )
    spans = {"first": (0.0, end / 2), "second": (end / 2, end)}
    if "epoch" not in metric.dims:
        more = with_epochs(activity, observed.epochs(activity) | spans)
        xr.testing.assert_equal(metric(more, **known.parameters), metric(activity, **known.parameters))
        return
    both = metric(with_epochs(activity, spans), **known.parameters)
    for label, (start, stop) in spans.items():
        alone = with_epochs(observed.restrict(activity, np.array([start]), np.array([stop])), {label: (start, stop)})
        mine = metric(alone, **known.parameters)
        for variable in mine.data_vars:
            np.testing.assert_allclose(both[variable].sel(epoch=[label]).values, mine[variable].values, rtol=1e-9)


def with_epochs(activity: xr.Dataset, spans: dict[str, tuple[float, float]]) -> xr.Dataset:
    """The activity with other epochs."""
    start, stop = np.array(list(spans.values())).T
    bare = activity.drop_dims("epoch", errors="ignore")
    edges = {"epoch_start": ("epoch", start, {"units": "s"}), "epoch_stop": ("epoch", stop, {"units": "s"})}
    return bare.assign(edges).assign_coords(epoch=list(spans))


@pytest.mark.parametrize("name", NAMES)
def test_an_epoch_is_measured_by_itself(name: str) -> None:
    epoch_law(catalogue.load("metrics", name), truth(name))


def parameter_schemas(metric: Metric) -> dict[str, dict[str, Any]]:
    """The JSON schema of each keyword."""
    hints = get_type_hints(metric.function, include_extras=True)
    return {key: TypeAdapter(hint).json_schema() for key, hint in hints.items() if key not in ("activity", "return")}


def unit_type_law(metric: Metric) -> None:
    """A number among the parameters has a unit type (Second, Hertz, ...), or bounds, which say that it has no unit."""
    for key, schema in parameter_schemas(metric).items():
        bounded = {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"} & set(schema)
        assert schema.get("type") != "number" or bounded, f"{key} is a plain float; annotate its unit, or bounds if it has none"


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_are_quantities_have_unit_types(name: str) -> None:
    unit_type_law(catalogue.load("metrics", name))


FIXED_TIMES = {"cv2_lvr"}  # its refractory period is a constant


def stretch_law(metric: Metric, known: Truth) -> None:
    """Everything twice as slow: a rate halves, a time doubles, what has no unit stays."""
    given = {**(metric.function.__kwdefaults__ or {}), **known.parameters}
    slower = {k: _slower(v, parameter_schemas(metric)[k]) for k, v in given.items()}
    activity = of_time(known.activity, lambda t: 2 * t)
    for n in [n for n in activity.variables if activity[n].attrs.get("units") == "Hz"]:
        activity[n] = (activity[n].dims, activity[n].values / 2, activity[n].attrs)
    for n in [n for n in activity.variables if "sampling_rate" in activity[n].attrs]:
        activity[n].attrs = activity[n].attrs | {"sampling_rate": activity[n].attrs["sampling_rate"] / 2}
    before, after = metric(known.activity, **given), metric(activity, **given | slower)
    for name in set(before.variables) - FIXED_TIMES:
        if before[name].dtype.kind == "f":
            expected = before[name].values * 2.0 ** _power(before[name].attrs["units"])
            np.testing.assert_allclose(after[name].values, expected, rtol=1e-6, atol=1e-12, err_msg=name)


def _slower(value: Any, schema: dict[str, Any]) -> Any:
    """A parameter of an activity that is twice as slow; it may be a list or a table of quantities, or may be left out."""
    schema = next(s for s in schema.get("anyOf", [schema]) if s.get("type") != "null")
    if isinstance(value, dict):
        return {k: _slower(v, schema["additionalProperties"]) for k, v in value.items()}
    if isinstance(value, list | tuple):
        each = schema.get("prefixItems") or [schema["items"]] * len(value)
        return type(value)(_slower(v, inner) for v, inner in zip(value, each, strict=True))
    return value * 2.0 ** _power(schema.get("unit", "1")) if _is_number(value) else value


def _is_number(value: object) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool)


def _power(units: str) -> int:
    """Of time, in a unit."""
    return unit(units)[1][0]


@pytest.mark.parametrize("name", NAMES)
def test_time_scales_as_the_units_say(name: str) -> None:
    stretch_law(catalogue.load("metrics", name), truth(name))


GAPS = ("duty cycle", "at random")


def gap_law(metric: Metric, gaps: str) -> None:
    """Two thirds of the time deleted, in blocks: the estimate stays within five standard errors of the truth."""
    estimates = []
    for draw in range(8):
        known = metric.truth(rng_for(1, "truth", metric.name, draw))
        total = float(known.activity.segment_stop[-1])
        block = 1.024 if "stimulus" in metric.name or "information" in metric.name else 2.0
        start = np.arange(0, total - block, 3 * block)  # as 20 min of every hour
        if gaps == "at random":
            every = block * np.arange(int(total / block))
            start = np.sort(rng_for(1, "gaps", metric.name, draw).permutation(every)[: every.size // 3])
        result = metric(observed.restrict(known.activity, start, start + block), **known.parameters)[metric.name]
        if np.isfinite(result.values).any():  # what can no longer be told is undefined
            estimates.append(_deviation(result.values, known.value))
    assert len(estimates) > 5
    mean, error = np.mean(estimates), stats.sem(estimates)
    assert abs(mean) < 5 * error + 1e-12, f"biased by {mean:.3g} +- {error:.2g}"


def _deviation(found: np.ndarray, expected: object) -> float:
    """Mean deviation from the truth, over what is defined."""
    return float(np.nanmean(found - np.broadcast_to(np.asarray(expected, float), found.shape)))


def fano_factor(fault: str = "") -> Metric:
    """A metric of counts in windows, right, or with one fault that the other laws do not see."""

    def a_truth(rng: np.random.Generator) -> Truth:
        trains = [synthetic.poisson_train(20.0, 100.0, rng) for _ in range(3)]
        return Truth(synthetic.activity(trains, 100.0), np.ones((3, 1)), {"window": 0.7})

    def fano(activity: xr.Dataset, *, window: Second = 0.5) -> dict[str, Any]:
        """Fano factor."""
        spans = observed.epochs(activity)
        values = np.full((activity.sizes["unit"], len(spans)), np.nan)
        for u, train in enumerate(observed.spike_trains(activity)):
            for e, (start, stop) in enumerate(spans.values()):
                a, b = (float(activity.segment_start[0]), float(activity.segment_stop[-1])) if fault == "epoch" else (start, stop)
                pieces = zip(*observed.overlap(*observed.segments(activity), np.array([a]), np.array([b])), strict=True)
                counts = []
                for first, end in [(a, b)] if fault in GAPS else pieces:  # the whole span, observed or not
                    first = np.ceil(first / window) * window if fault == "grid" else first
                    counts.append(observed.binned_counts(train, first, observed.n_whole(end - first, window), window))
                count = np.concatenate(counts)
                values[u, e] = count.var(ddof=1) / count.mean()
        return {"fano": values, "coords": {"unit": activity.unit.values, "epoch": list(spans)}}

    if fault == "type":
        fano.__annotations__["window"] = float
    record: dict[str, Any] = {"units": "Hz" if fault == "unit" else "1", "dims": ("unit", "epoch"), "bounds": (0, np.inf)}
    return metric(**record, companions={}, source="none", scale="linear", truth=a_truth, surrogate=lambda a, _: a)(fano)


LAWS: dict[str, Callable[[Metric, Truth], None]] = {
    "epoch": epoch_law,
    "grid": lambda metric, known: shift_law(metric, known, SHIFTS[1]),
    "type": lambda metric, _: unit_type_law(metric),
    "unit": stretch_law,
    **{gaps: lambda metric, _, gaps=gaps: gap_law(metric, gaps) for gaps in GAPS},
}


@pytest.mark.parametrize("law", LAWS)
def test_a_law_is_broken_by_a_wrong_metric_and_by_no_right_one(law: str) -> None:
    known = fano_factor().truth(rng_for(1, "fano"))
    LAWS[law](fano_factor(), known)
    with pytest.raises(AssertionError):
        LAWS[law](fano_factor(law), known)


def test_a_number_without_unit_says_so_by_its_bounds() -> None:
    right = fano_factor()
    right.function.__annotations__["window"] = Annotated[float, Field(ge=1)]
    unit_type_law(right)


BY_POSITION = ("recovery_fraction", "weight_scaling")  # their bootstrap draws


@pytest.mark.parametrize("name", NAMES)
def test_order_of_units_does_not_matter(name: str) -> None:
    known = truth(name)
    activity = known.activity
    order = np.arange(activity.sizes["unit"])[::-1]
    trains = observed.spike_trains(activity)
    swapped = activity.isel(unit=order).assign(spike_time=("spike", np.concatenate([trains[k] for k in order]), {"units": "s"}))
    for end in [end for end in ("pre", "post") if end in activity]:  # they number the units
        swapped[end] = (activity[end].dims, order.size - 1 - activity[end].values, activity[end].attrs)
    a, b = measure([activity], name, **known.parameters), measure([swapped], name, **known.parameters)
    if "unit" in a[name].dims:
        b = b.sel(unit=a.unit.values)
    # Bootstrap intervals are drawn by position, so that only they may move, within their own noise.
    main = [v for v in a.data_vars if not (name in BY_POSITION and str(v).endswith(("_low", "_high")))]
    for variable in main:
        np.testing.assert_allclose(b[variable].values, a[variable].values, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_a_silent_unit_is_no_error(name: str) -> None:
    known = truth(name)
    activity = known.activity
    trains = [*observed.spike_trains(activity), np.zeros(0)]
    silent = xr.concat(
        [activity.drop_vars("spike_time"), activity.drop_vars("spike_time").isel(unit=[0])], "unit", data_vars="minimal"
    )
    silent = silent.assign_coords(unit=[f"u{k}" for k in range(len(trains))]).assign(
        spike_time=("spike", np.concatenate(trains), {"units": "s"}),
        spike_count=("unit", [t.size for t in trains], {"units": "1"}),
    )
    result = measure([silent.assign_attrs(activity.attrs)], name, **known.parameters)
    check(result, "measure/1")
    if "unit" in result[name].dims and not name.endswith(("_rate", "_by_state")):  # a rate of 0 is what a silent unit has
        assert np.isnan(result[name].isel(unit=-1).values).all(), "a number for a unit that never fired"


@pytest.mark.parametrize("name", NAMES)
def test_no_spikes_at_all_gives_the_reason(name: str) -> None:
    known = truth(name)
    nothing = known.activity.drop_vars(["spike_time", "spike_count"]).drop_dims("spike", errors="ignore")
    nothing["rate"] = (("unit", "time"), np.ones((nothing.sizes["unit"], 1)), {"units": "Hz"})
    result = measure([nothing], name, **known.parameters)
    why = "no spike times"
    if np.isfinite(values(result, name)).any():  # it is a metric of signals
        signals = [k for k in SIGNALS if k in nothing]
        nothing = nothing.drop_dims([d for k in signals for d in (f"{k}_channel", f"{k}_sample")])
        nothing = nothing.drop_vars([v for v in nothing.data_vars if str(v).startswith(tuple(signals))])
        result, why = measure([nothing], name, **known.parameters), "no signal"
    if np.isfinite(values(result, name)).any():  # it is one of synapses
        nothing = nothing.drop_dims(["synapse", "snapshot"])
        result, why = measure([nothing], name, **known.parameters), "no weights"
    assert np.isnan(values(result, name)).all()
    assert why in result.attrs["not_applicable"]


@pytest.mark.parametrize("name", NAMES)
def test_a_recording_of_signals_alone_is_no_error(name: str) -> None:
    """It has no units at all: a metric of spikes says that there are none."""
    known = truth("band_coherence").activity
    signals = known.drop_vars([v for v in known.variables if {"unit", "spike"} & set(known[v].dims)])
    result = measure([signals], name, **truth(name).parameters)
    assert np.isfinite(values(result, name)).any() or json.loads(result.attrs["not_applicable"])


@pytest.mark.slow
@pytest.mark.parametrize("gaps", GAPS)
@pytest.mark.parametrize("name", [n for n in NAMES if n != "population_rate"])  # its bins are fixed in time, see unit/
def test_a_gap_is_not_silence(name: str, gaps: str) -> None:
    gap_law(catalogue.load("metrics", name), gaps)


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_surrogates_are_worse_than_halves(name: str) -> None:
    """The floor is a floor: surrogates are further from one half than the other half is. The control is the halves."""
    known = truth(name)
    drawn = measure_draws([known.activity], name, draws=30, block=1.024, seed=3, **known.parameters)
    a, b, null = (values(drawn[k], name) for k in ("half_a", "half_b", "null"))
    with np.errstate(invalid="ignore"):
        near = np.nanmedian(np.abs(b - a))
        far = np.nanmedian(np.abs(null - a))
    assert far > 2 * near


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPARED)
def test_draws_are_reproducible_and_differ(name: str) -> None:
    known = truth(name)
    one, two = (measure_draws([known.activity], name, draws=2, block=1.024, seed=5, **known.parameters) for _ in range(2))
    other = measure_draws([known.activity], name, draws=2, block=1.024, seed=6, **known.parameters)
    for kind in one:
        xr.testing.assert_identical(one[kind], two[kind])
        # Surrogates without an event are alike in all draws, and the counts of a clock hardly depend on when it starts.
        is_clock = catalogue.load("metrics", name).surrogate is resampling.clockwork
        is_alike = kind == "null" and (is_clock or not one[kind][name].any())
        assert is_alike or not one[kind].equals(other[kind])


def test_replicates_are_joined_in_order() -> None:
    activities = [
        synthetic.activity([np.arange(1, 1 + 10 * k) / 100.0], 1.0).assign_attrs(replicate=f"r{k}", subject=f"s{k}")
        for k in (3, 1, 2)
    ]
    result = measure(activities, "firing_rate")
    assert result.replicate.values.tolist() == ["r3", "r1", "r2"]
    assert result.firing_rate.values.ravel().tolist() == [30.0, 10.0, 20.0]
    assert result.unit_replicate.values.tolist() == ["r3", "r1", "r2"]
    assert result.subject.values.tolist() == ["s3", "s1", "s2"]
