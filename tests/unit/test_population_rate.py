"""The course of the population rate: bins, gaps, and units of one cell type."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed, rates, synthetic
from homeoanalysis.provenance import rng_for


def rate(one: xr.Dataset, **parameters: object) -> xr.DataArray:
    return measure([one], "population_rate", **parameters).population_rate.isel(replicate=0)


def small(duration: float = 4.0) -> xr.Dataset:
    """Two E units and one I unit."""
    trains = [np.array([0.5, 1.5, 1.75]), np.array([0.0, 3.5]), np.array([1.0, 1.0, 3.0, 4.0])]
    return synthetic.activity(trains, duration).assign(cell_type=("unit", ["E", "E", "I"]))


def test_counts_over_units_and_time() -> None:
    found = rate(small(), bin_size=1.0)
    np.testing.assert_allclose(found, [2 / 3, 4 / 3, 0, 3 / 3])  # the spike on the last instant belongs to the last bin
    assert found.time.values.tolist() == [0.5, 1.5, 2.5, 3.5]
    assert found.attrs["units"] == "Hz"


@pytest.mark.parametrize(
    ("cell_type", "expected"), [("E", [1.0, 1.0, 0.0, 0.5]), ("I", [0.0, 2.0, 0.0, 2.0]), ("all", [2 / 3, 4 / 3, 0.0, 1.0])]
)
def test_units_of_one_cell_type(cell_type: str, expected: list[float]) -> None:
    np.testing.assert_allclose(rate(small(), bin_size=1.0, cell_type=cell_type), expected)


def test_no_unit_of_the_cell_type_gives_the_reason() -> None:
    for one in (small().assign(cell_type=("unit", ["E"] * 3)), small().drop_vars("cell_type")):
        result = measure([one], "population_rate", bin_size=1.0, cell_type="I")
        assert np.isnan(result.population_rate).all()
        assert "no units of cell type I" in result.attrs["not_applicable"]


def test_a_bin_that_is_seen_in_part_is_divided_by_that_part() -> None:
    """3.5 s of observation: the last bin is half a second long."""
    one = observed.restrict(small(), np.array([0.0]), np.array([3.5]))
    np.testing.assert_allclose(rate(one, bin_size=1.0), [2 / 3, 4 / 3, 0, 1 / (3 * 0.5)])


def test_a_gap_is_missing_and_not_silent() -> None:
    trains = [np.arange(0.05, 10, 0.1)]  # 10 Hz, one spike in the middle of each tenth of a second
    one = observed.restrict(synthetic.activity(trains, 10.0), np.array([0.0, 5.5]), np.array([2.5, 10.0]))
    found = rate(one, bin_size=1.0).values
    assert np.flatnonzero(np.isnan(found)).tolist() == [3, 4]
    np.testing.assert_allclose(found[~np.isnan(found)], 10)


def test_mean_over_bins_weighted_by_time_is_the_mean_rate() -> None:
    rng = rng_for(8, "mean")
    one = synthetic.activity([synthetic.poisson_train(7.0, 33.0, rng) for _ in range(4)], 33.0)
    found = rate(one, bin_size=2.0)
    time = np.minimum(2.0, 33.0 - (found.time.values - 1.0))
    assert (found.values * time).sum() * 4 == pytest.approx(one.sizes["spike"])


@pytest.mark.parametrize("bin_size", [0.1, 0.3, 1.0])
def test_bins_of_an_inexact_size_lose_no_spike(bin_size: float) -> None:
    """0.1 and 0.3 s are no doubles; spikes on every edge, 30 s, at the origin and a million seconds later."""
    times = np.concatenate([bin_size * np.arange(round(30 / bin_size)), [30.0]])
    here = synthetic.activity([times], 30.0)
    later = here.assign(
        {k: (here[k].dims, here[k].values + 1e6, here[k].attrs) for k in ("spike_time", "segment_start", "segment_stop")}
    )
    for one in (here, later):
        found = rate(one, bin_size=bin_size)
        assert found.size == round(30 / bin_size)
        np.testing.assert_allclose(found[:-1] * bin_size, 1, rtol=1e-6)
        np.testing.assert_allclose(found[-1] * bin_size, 2, rtol=1e-6)  # its own, and the one at the very end


def test_a_spike_at_the_end_before_a_gap_is_not_lost() -> None:
    one = observed.restrict(synthetic.activity([np.array([1.0, 2.0, 5.0])], 6.0), np.array([0.0, 4.0]), np.array([3.0, 6.0]))
    ends = one.assign(segment_stop=("segment", [2.0, 6.0], {"units": "s"}))
    np.testing.assert_allclose(rate(ends, bin_size=1.0), [0, 2, np.nan, np.nan, 0, 1])


@pytest.mark.parametrize("shift", [0.0, 1e6])
def test_bins_that_all_units_were_seen_in_one_unit_after_the_other(shift: float) -> None:
    """As from the table of units and bins; with spikes on edges, gaps, touching segments and a unit that is lost for a while."""
    rng = rng_for(8, "whole bins")
    trains = [np.concatenate([0.25 * np.arange(80), synthetic.poisson_train(rate, 20.0, rng)]) for rate in (1.0, 4.0, 9.0)]
    one = observed.restrict(synthetic.activity(trains, 20.0), np.array([0.0, 9.1, 9.5, 12]), np.array([6.1, 9.5, 11, 20]))
    one = one.assign(observed=(("unit", "segment"), [[1, 1, 1, 1], [1, 1, 0, 1], [1, 1, 1, 1]], {"units": "1"}))
    one = one.assign(
        {k: (one[k].dims, one[k].values + shift, one[k].attrs) for k in ("spike_time", "segment_start", "segment_stop")}
    )
    units = rates.in_bins(one, "whole", 0.25)
    whole = np.all(units.time > 0.25 * (1 - 1e-6), axis=0)
    assert 0 < whole.sum() < whole.size
    spikes, part = rates.of_whole_bins(one, "whole", 0.25)
    np.testing.assert_array_equal(spikes, units.spikes[:, whole].sum(axis=0))
    np.testing.assert_array_equal(part, np.mean(units.spikes[:, whole] > 0, axis=0))


def test_observation_that_does_not_start_at_zero() -> None:
    one = observed.restrict(small(), np.array([1.25]), np.array([3.25]))
    found = rate(one, bin_size=1.0)
    assert found.time.values.tolist() == [1.75, 2.75]
    np.testing.assert_allclose(found, [2 / 3, 1 / 3])
