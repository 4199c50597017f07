"""Rates in windows of trials, from spikes and from published counts; the published loss and rescue of odour responses."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.loading import load_config
from homeoanalysis.ingest import ingest
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import observed, synthetic

ROOT = Path(__file__).parents[3]
ODOURS = ("IAA", "isobutyl_acetate", "linalool")


def with_trials(one: xr.Dataset, *start: float) -> xr.Dataset:
    return one.assign(
        trial_start=("trial", list(start), {"units": "s"}),
        trial_stop=("trial", [t + 2 for t in start], {"units": "s"}),
        stimulus=("trial", ["odour"] * len(start)),
    )


def counted(*start: float) -> xr.Dataset:
    """Counts 0 to 7 in bins of 0.25 s of each trial, of one unit."""
    counts = np.tile(np.arange(8), (len(start), 1, 1))
    one = with_trials(synthetic.activity([np.zeros(0)], 20.0), *start).drop_vars(["spike_time", "spike_count"])
    return one.assign(binned_count=(("trial", "unit", "bin"), counts, {"units": "1", "bin_size": 0.25})).assign_coords(
        bin=("bin", 0.25 * np.arange(8), {"units": "s"})
    )


def rate(one: xr.Dataset, **window: float) -> list[float]:
    return catalogue.load("metrics", "evoked_rate")(one, **window).evoked_rate.values.tolist()


def test_spikes_in_the_windows_over_their_time() -> None:
    """Windows 2.5 to 3.5 and 7.5 to 8.5 s: three spikes and one in 2 s; an end belongs to what follows."""
    one = with_trials(synthetic.activity([np.array([2.5, 3.0, 3.4, 3.5, 8.0, 12.0]), np.array([1.0])], 20.0), 2.0, 7.0)
    assert rate(one) == [2.0, 0.0]


def test_counts_in_the_bins_of_the_window() -> None:
    assert rate(counted(2.0, 7.0)) == [(2 + 3 + 4 + 5) / 1.0]
    assert rate(counted(2.0), begin=0.0, end=2.0) == [28 / 2.0]


@pytest.mark.parametrize("by", [1e6, 12345.678])
def test_bins_stay_in_the_window_at_any_time(by: float) -> None:
    one = counted(2.0, 7.0)
    times = [n for n in one.data_vars if one[n].attrs.get("units") == "s"]
    assert rate(one.assign({n: (one[n].dims, one[n].values + by, {"units": "s"}) for n in times})) == rate(one)


def test_what_was_not_observed_is_not_counted() -> None:
    """Only 2.0 to 3.0 s: two of the four bins, half of the window."""
    assert rate(observed.restrict(counted(2.0, 7.0), np.array([2.0]), np.array([3.0]))) == [(2 + 3) / 0.5]
    one = with_trials(synthetic.activity([np.array([2.6, 3.2])], 20.0), 2.0)
    assert rate(observed.restrict(one, np.array([2.0]), np.array([3.0]))) == [2.0]
    assert np.isnan(rate(observed.restrict(one, np.array([5.0]), np.array([6.0])))).all()


@pytest.mark.slow
def test_surrogates_of_counts_keep_them_and_lose_their_time() -> None:
    """Of 22 Hz from 1 to 2 s the mean of whole trials is left, 14 Hz; counts could not be drawn at all."""
    one = counted(2.0, 7.0, 12.0)
    before = one.binned_count.values.copy()
    drawn = measure_draws([one], "evoked_rate", draws=200, block=1.0, seed=1, begin=1.0, end=2.0)
    assert drawn["null"].evoked_rate.mean().item() == pytest.approx(28 / 2, abs=1.0)
    assert drawn["half_b"].evoked_rate.mean().item() == pytest.approx(22, abs=1.0)
    np.testing.assert_array_equal(one.binned_count.values, before)


def test_without_trials_the_reason_is_given() -> None:
    result = measure([synthetic.activity([np.array([1.0])], 5.0)], "evoked_rate")
    assert result.attrs["not_applicable"] == '{"0": "no trials"}'


@pytest.mark.slow
def test_the_published_loss_at_day_0_and_rescue_at_days_2_to_4(recorded: Callable[[str], Path]) -> None:
    """Rozenfeld et al. 2023, figures 2A and 4F, low concentration: evoked rate of knock-down over control 0.34, then 0.82."""
    name = "rozenfeld2023_low_concentration"
    recording = load_config(ROOT / "config").recordings[name]
    found: dict[tuple[int, str], list[float]] = {}
    for replicate, info in recording.replicates.items():
        files = {role: recorded(f"{recording.source.mirror}/{file.name}") for role, file in info.files.items()}
        one = ingest(recording, name=name, replicate=replicate, files=files)
        (value,) = measure([one], "evoked_rate").evoked_rate.values
        found.setdefault((int(info.factors["age"]), str(info.factors["genotype"])), []).append(float(value))
    mean = {key: np.mean(values) for key, values in found.items()}
    (knock_down,) = {genotype for _, genotype in found} - {"control"}
    assert mean[0, knock_down] / mean[0, "control"] == pytest.approx(0.34, abs=0.005)
    assert mean[3, knock_down] / mean[3, "control"] == pytest.approx(0.82, abs=0.005)
