"""Laws that every file of metrics/ obeys. A new metric is tested by being there."""

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.contracts import check, open_dataset, write
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.provenance import rng_for

NAMES = catalogue.names("metrics")
COMPARED = [name for name in NAMES if catalogue.load("metrics", name).scale is not None]
WITH_INTERVAL = [name for name in NAMES if {"low", "high"} <= set(catalogue.load("metrics", name).companions)]


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
def test_result_follows_the_contract_and_survives_the_disk(name: str, tmp_path) -> None:  # type: ignore[no-untyped-def]
    known = truth(name)
    result = measure([known.activity], name, **known.parameters)
    check(result, "measure/1")
    write(result, tmp_path / "m.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "m.nc"), result)


@pytest.mark.parametrize("name", NAMES)
def test_activity_is_not_changed(name: str) -> None:
    known = truth(name)
    before = known.activity.copy(deep=True)
    measure([known.activity], name, **known.parameters)
    catalogue.load("metrics", name).surrogate(known.activity, rng_for(1, "s"))
    xr.testing.assert_identical(known.activity, before)


@pytest.mark.parametrize("name", NAMES)
def test_a_million_seconds_later_nothing_changes(name: str) -> None:
    """Spikes on a grid of 2^-20 s, so that the shift itself is exact and any difference is the metric's."""
    known = truth(name)
    grid = np.round(known.activity.spike_time.values * 2.0**20) / 2.0**20
    known = known._replace(activity=known.activity.assign(spike_time=("spike", grid, {"units": "s"})))
    later = known.activity.copy(deep=True)
    times = [n for n in later.variables if later[n].attrs.get("units") == "s" and n != "time"]
    later = later.assign({n: later[n] + 1e6 for n in times})
    for n in times:
        later[n].attrs = known.activity[n].attrs
    here, there = (measure([a], name, **known.parameters) for a in (known.activity, later))
    for variable in here.data_vars:
        np.testing.assert_allclose(there[variable].values, here[variable].values, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_units_does_not_matter(name: str) -> None:
    known = truth(name)
    activity = known.activity
    order = np.arange(activity.sizes["unit"])[::-1]
    trains = observed.spike_trains(activity)
    swapped = activity.isel(unit=order).assign(spike_time=("spike", np.concatenate([trains[k] for k in order]), {"units": "s"}))
    a, b = measure([activity], name, **known.parameters), measure([swapped], name, **known.parameters)
    if "unit" in a[name].dims:
        b = b.sel(unit=a.unit.values)
    # Bootstrap intervals are drawn by position, so that only they may move, within their own noise.
    main = [v for v in a.data_vars if not (name == "recovery_fraction" and str(v).endswith(("_low", "_high")))]
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
    if "unit" in result[name].dims and name != "firing_rate":
        assert np.isnan(result[name].isel(unit=-1).values).all(), "a number for a unit that never fired"


@pytest.mark.parametrize("name", NAMES)
def test_no_spikes_at_all_gives_the_reason(name: str) -> None:
    known = truth(name)
    nothing = known.activity.drop_vars(["spike_time", "spike_count"]).drop_dims("spike", errors="ignore")
    result = measure([nothing], name, **known.parameters)
    assert np.isnan(values(result, name)).all()
    assert "no spike times" in result.attrs["not_applicable"]


@pytest.mark.parametrize("name", [n for n in NAMES if n != "population_rate"])  # its bins are fixed in time, see unit/
def test_a_gap_is_not_silence(name: str) -> None:
    """Two thirds of the time deleted, in blocks: the estimate stays within five standard errors of the truth."""
    metric = catalogue.load("metrics", name)
    estimates = []
    for draw in range(8):
        known = truth(name, draw)
        total = float(known.activity.segment_stop[-1])
        block = 1.024 if "stimulus" in name or "information" in name else 2.0
        start = np.arange(0, total - block, 3 * block)
        result = metric(observed.restrict(known.activity, start, start + block), **known.parameters)[name]
        estimates.append(_deviation(result.values, known.value))
    mean, error = np.mean(estimates), stats.sem(estimates)
    assert abs(mean) < 5 * error + 1e-12, f"biased by {mean:.3g} +- {error:.2g}"


def _deviation(found: np.ndarray, expected: object) -> float:
    """Mean deviation from the truth, over what is defined."""
    return float(np.nanmean(found - np.broadcast_to(np.asarray(expected, float), found.shape)))


@pytest.mark.parametrize("name", NAMES)
def test_truth_is_found_without_bias(name: str) -> None:
    """Mean over 40 draws within four standard errors, plus 1 % for what the formulas of the generators neglect."""
    deviations, size = [], 0.0
    for draw in range(40):
        known = truth(name, draw)
        found = catalogue.load("metrics", name)(known.activity, **known.parameters)[name].values
        deviations.append(_deviation(found, known.value))
        size = float(np.nanmean(np.abs(np.asarray(known.value, float))))
    assert abs(np.mean(deviations)) < 4 * stats.sem(deviations) + 0.01 * size


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_INTERVAL)
def test_intervals_cover(name: str) -> None:
    """500 draws: the exact 99.9 % binomial interval of the observed fraction contains the nominal 95 %."""
    inside = []
    for draw in range(500):
        known = truth(name, draw)
        result = catalogue.load("metrics", name)(known.activity, **known.parameters)
        low, high = (values(result, f"{name}_{side}") for side in ("low", "high"))
        expected = np.broadcast_to(np.asarray(known.value, float), low.shape)
        defined = np.flatnonzero(np.isfinite(expected.ravel()))
        pick = defined[draw % defined.size]  # one value of each draw: draws are independent, its values are not
        inside.append(low.ravel()[pick] <= expected.ravel()[pick] <= high.ravel()[pick])
    interval = stats.binomtest(sum(inside), len(inside)).proportion_ci(0.999, method="exact")
    # Exact (Garwood) and bias-corrected intervals of counts cover at least the nominal fraction.
    top = 1.0 if name == "firing_rate" else interval.high
    assert interval.low <= 0.95 <= max(top, interval.high), f"{np.mean(inside):.3f} of 500 intervals cover"


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


@pytest.mark.parametrize("name", COMPARED)
def test_draws_are_reproducible_and_differ(name: str) -> None:
    known = truth(name)
    one, two = (measure_draws([known.activity], name, draws=3, block=1.024, seed=5, **known.parameters) for _ in range(2))
    other = measure_draws([known.activity], name, draws=3, block=1.024, seed=6, **known.parameters)
    for kind in one:
        xr.testing.assert_identical(one[kind], two[kind])
        assert not one[kind].equals(other[kind])


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
