"""The public recordings of the config: each is read without loss, and published numbers come out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import xarray as xr

from homeoanalysis.config import load_config
from homeoanalysis.config.loading import Config
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.ingest import ingest
from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed

ROOT = Path(__file__).parents[2]
Recorded = Callable[[str], Path]
Read = Callable[[str, str], xr.Dataset]


@pytest.fixture(scope="module")
def config() -> Config:
    return load_config(ROOT / "config")


@pytest.fixture(scope="module")
def read(config: Config, recorded: Recorded) -> Read:
    """A replicate of a recording of the config."""
    known: dict[tuple[str, str], xr.Dataset] = {}

    def call(name: str, replicate: str) -> xr.Dataset:
        if (name, replicate) not in known:
            one = config.recordings[name]
            folder = one.source.mirror or name
            files = {role: recorded(f"{folder}/{f.name}") for role, f in one.replicates[replicate].all_files().items()}
            known[name, replicate] = ingest(one, name=name, replicate=replicate, files=files)
        return known[name, replicate]

    return call


def book(activity: xr.Dataset) -> Any:
    return json.loads(activity.attrs["bookkeeping"])


HENNIG = "hennig2011_retina_bicuculline"


@pytest.mark.parametrize(
    ("replicate", "rate"),
    [("P5_control", 0.317), ("P5_bicuculline", 0.552), ("P5_wash", 0.450), ("P9_control", 0.277)],
)
def test_retina_under_bicuculline(replicate: str, rate: float, read: Read, config: Config, recorded: Recorded) -> None:
    """The observed time is summary/duration; rates as the data set's description has them."""
    one = read(HENNIG, replicate)
    (file,) = config.recordings[HENNIG].replicates[replicate].files.values()
    with h5py.File(recorded(f"{HENNIG}/{file.name}")) as source:
        assert observed.observed_time(one) == source["summary/duration"][()]
        assert one.sizes["spike"] == source["spikes"].size == book(one)["spikes"]["in"]
    assert float(measure([one], "firing_rate").firing_rate.mean()) == pytest.approx(rate, abs=5e-4)


def test_two_local_field_potentials(read: Read, tmp_path: Path) -> None:
    one = read("hc3_lfp_ca1_ec3", "rat")
    assert one.lfp_channel.values.tolist() == ["CA1", "EC3"]
    assert one.lfp.shape == (2, 75_000)
    assert one.lfp.attrs["units"] == "V"
    assert observed.observed_time(one) == 60.0
    assert "spike_time" not in one
    assert json.loads(measure([one], "firing_rate").attrs["not_applicable"]) == {"rat": "no spike times"}
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


ODOURS = "rozenfeld2023_drosophila_pn"


def test_projection_neurons(read: Read, config: Config, recorded: Recorded, tmp_path: Path) -> None:
    one = read(ODOURS, "control_IAA_03")
    raster = scipy.io.loadmat(recorded(f"{ODOURS}/FigS1.mat"), variable_names=["sorted_all_flies_IAA"])["sorted_all_flies_IAA"]
    assert one.stimulus.values.tolist() == ["IAA"] * 10
    for k, row in enumerate(raster[20:30]):
        inside = one.spike_time[(one.spike_time >= one.trial_start[k]) & (one.spike_time <= one.trial_stop[k])]
        np.testing.assert_allclose(inside - one.trial_start[k], np.flatnonzero(row) / 20_000, rtol=0, atol=1e-9)
    assert observed.observed_time(one) == pytest.approx(10 * 80_001 / 20_000)
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


@pytest.mark.slow
def test_spikes_of_rasters_are_those_of_the_published_counts(read: Read, config: Config) -> None:
    """67064 spikes of the controls under isoamyl acetate, as spikes (figure S1) and in bins of 50 ms (figure 1C)."""
    spikes = [r for r in config.recordings[ODOURS].replicates if r.startswith("control_IAA_")]
    counts = [r for r in config.recordings["rozenfeld2023_high_concentration"].replicates if r.startswith("d2to4_control_IAA_")]
    assert len(spikes) == len(counts) == 72
    assert sum(read(ODOURS, r).sizes["spike"] for r in spikes) == 67_064
    assert sum(int(read("rozenfeld2023_high_concentration", r).binned_count.sum()) for r in counts) == 67_064


def test_counts_of_one_fly_under_three_odours(read: Read) -> None:
    one = read("rozenfeld2023_low_concentration", "d2to4_control_all_01")
    assert one.binned_count.dims == ("trial", "unit", "bin")
    assert one.binned_count.shape == (30, 1, 80)
    assert one.binned_count.attrs["bin_size"] == pytest.approx(0.05)
    assert dict(zip(*np.unique(one.stimulus, return_counts=True), strict=True)) == {
        "IAA": 10,
        "isobutyl_acetate": 10,
        "linalool": 10,
    }
    assert book(one)["counted spikes"]["in"] == int(one.binned_count.sum())


def test_hippocampus_on_a_maze(read: Read, tmp_path: Path) -> None:
    """Units, spikes, rest and task as the session's keys file has them; 20 trials, of which 10, 15 and 18 were forced right."""
    one = read("vandermeer_R050_ca1_tmaze", "R050_2014_04_02")
    assert one.sizes["unit"] == 128
    assert book(one)["spikes"] == {"in": 319_267, "out": 319_267, "dropped": {}}
    epochs = observed.epochs(one)
    expected = {
        "rest_before": (4371.442104, 5872.369604),
        "task": (5879.163104, 8056.698604),
        "rest_after": (8062.073104, 8976.760604),
    }
    for label, span in expected.items():
        np.testing.assert_allclose(epochs[label], span, atol=0.25)  # of the keys file; the stops are by hand
    assert one.sizes["trial"] == 20
    assert np.flatnonzero(one.stimulus.values == "water_right").tolist() == [0, 5, 9, 14, 17]
    assert np.all(one.trial_stop > one.trial_start)
    assert one.covariate_channel.values.tolist() == ["x", "y"]
    tracked = np.isfinite(one.covariate.values).all(axis=0).mean()
    assert tracked == pytest.approx(0.968, abs=0.005)  # of the frames
    assert one.epoch_origin.values[1] == (
        "from event 'Starting Recording' number 2 of 3 to event 'Stopping Recording' number 2 of 3"
    )
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


def test_the_arm_of_the_maze_is_that_of_the_reward(read: Read) -> None:
    """Position against events, which come from different files: the two agree in time and place."""
    one = read("vandermeer_R050_ca1_tmaze", "R050_2014_04_02")
    rate, first = one.covariate.attrs["sampling_rate"], int(one.covariate_first_sample[1])
    at = first + np.rint((one.trial_stop.values - float(one.covariate_t_start[1])) * rate).astype(int)
    x = one.covariate.values[0, at]
    right = one.stimulus.values == "water_right"
    assert x[right].min() > 1.8
    assert x[~right].max() < 0.7
