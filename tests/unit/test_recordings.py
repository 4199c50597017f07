"""The public recordings of the config: each is read without loss, and published numbers come out."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import neo
import neo.io
import numpy as np
import pytest
import scipy.io
import xarray as xr

from homeoanalysis.config.loading import Config, load_config
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


@pytest.mark.slow
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


@pytest.mark.slow
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
    assert int(read("rozenfeld2023_high_concentration_groups", "d2to4_control_IAA").binned_count.sum()) == 67_064


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


@pytest.mark.slow
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


# ---- every file of the mirror


FLIES = ["rozenfeld2023_drosophila_pn", "rozenfeld2023_rasters_s7", "rozenfeld2023_low_concentration",
         "rozenfeld2023_high_concentration", "rozenfeld2023_rescue"]  # fmt: skip


def _compare(name: str, replicates: list[str], read: Read, config: Config, recorded: Recorded) -> None:
    """What is ingested of some flies are the rows of the file, neither more nor less."""
    tables: dict[str, Any] = {}
    one = config.recordings[name]
    for replicate in replicates:
        (file,) = one.replicates[replicate].files.values()
        options = one.reader_of(replicate).parameters
        found = read(name, replicate)
        total = 0
        for odour in options["odours"].split():
            variable = options["variables"].replace("{odour}", odour)
            if variable not in tables:
                path = recorded(f"{one.source.mirror or name}/{file.name}")
                tables = {variable: scipy.io.loadmat(path, variable_names=[variable])[variable]}
            rows = tables[variable][10 * options["fly"] : 10 * options["fly"] + 10].astype(float)
            total += rows.sum() / (20 if options["values"] == "rate" else 1)
        what = "spikes" if options["values"] == "raster" else "counted spikes"
        assert book(found)[what] == {"in": total, "out": total, "dropped": {}}, replicate
        assert (found.sizes["spike"] if what == "spikes" else int(found.binned_count.sum())) == total


@pytest.mark.slow
@pytest.mark.parametrize("name", FLIES)
def test_some_flies_are_read_without_loss(name: str, read: Read, config: Config, recorded: Recorded) -> None:
    _compare(name, list(config.recordings[name].replicates)[7::45], read, config, recorded)


@pytest.mark.nightly
@pytest.mark.parametrize("name", FLIES)
def test_every_fly_is_read_without_loss(name: str, read: Read, config: Config, recorded: Recorded) -> None:
    _compare(name, list(config.recordings[name].replicates), read, config, recorded)


def test_one_variable_holds_counts_among_rates(read: Read) -> None:
    """Ethyl acetate of figure 6C, controls: whole numbers up to 7, where the others are multiples of 20 Hz."""
    found = read("rozenfeld2023_rescue", "fig6C_control_ethyl_acetate_03")
    assert int(found.binned_count.max()) in range(1, 8)


@pytest.mark.slow
def test_every_fly_of_the_files_is_a_replicate(config: Config, recorded: Recorded) -> None:
    """All variables of all files, but the controls that figure S7 repeats."""
    for name in FLIES:
        one = config.recordings[name]
        listed: dict[tuple[str, str], set[int]] = {}
        for replicate in one.replicates:
            (file,) = one.replicates[replicate].files.values()
            options = one.reader_of(replicate).parameters
            for odour in options["odours"].split():
                listed.setdefault((file.name, options["variables"].replace("{odour}", odour)), set()).add(options["fly"])
        held = {
            (file, variable): shape[0] // 10
            for file in {file for file, _ in listed}
            for variable, shape, _ in scipy.io.whosmat(str(recorded(f"rozenfeld2023_drosophila_pn/{file}")))
            if not (file == "FigS7.mat" and not variable.endswith("_RNAi"))
        }
        assert {key: len(flies) for key, flies in listed.items()} == held
        assert all(flies == set(range(len(flies))) for flies in listed.values())


def test_linear_track(read: Read, recorded: Recorded) -> None:
    """31 units of 41 to 7959 spikes; each has the mean rate that its file gives."""
    one = read("nelpy_linear_track", "rat")
    assert one.sizes["unit"] == 31
    assert (int(one.spike_count.min()), int(one.spike_count.max())) == (41, 7959)
    assert book(one)["spikes"]["in"] == one.sizes["spike"]
    cells = scipy.io.loadmat(recorded("nelpy_linear_track/spikes.mat"))["spikes"][0, 0][0, 0]
    rates = [c["meanrate"].item().item() for t in cells.ravel() for c in t.ravel() if c.dtype.names and c["time"].item().size]
    np.testing.assert_allclose(measure([one], "firing_rate").firing_rate.values.ravel(), rates, rtol=1e-4)
    x = one.covariate.values[0]
    assert (np.nanmin(x), np.nanmax(x)) == pytest.approx((133, 554), abs=3)
    assert np.isfinite(x).mean() > 0.98


def test_retina_of_a_neuroexplorer_file(read: Read) -> None:
    one = read("sjemea_retina_nex", "P7")
    assert book(one)["spikes"] == {"in": 63_393, "out": 63_393, "dropped": {}}
    assert one.sizes["unit"] == 71
    assert observed.observed_time(one) == pytest.approx(780.6, abs=0.1)


AXON = {  # segments, channels, samples in all, seconds between the starts of sweeps
    "axon_3": (5, ["VmRK"], 5 * 20_644, 90.0),
    "steps_17o05028": (16, ["IN 0"], 16 * 60_000, 3.0),
    "fast_spiking_2019_07_24": (17, ["IN 0"], 17 * 60_000, 3.0),
    "steps_171116sh": (17, ["IN 0"], 17 * 60_000, 3.0),
    "two_channels_190619B": (10, ["IN 0", "IN 2"], 10 * 30_640, 3.064),
}


@pytest.mark.parametrize("replicate", AXON)
def test_membrane_potentials_of_axon_files(replicate: str, read: Read, config: Config, recorded: Recorded) -> None:
    one = read("pyabf_axon_files", replicate)
    segments, channels, samples, step = AXON[replicate]
    assert one.sizes["segment"] == segments
    assert one.membrane_potential_channel.values.tolist() == channels
    assert one.sizes["membrane_potential_sample"] == samples
    np.testing.assert_allclose(np.diff(one.segment_start), step, rtol=1e-9)
    assert book(one)["signals"]["dropped"] == {}
    assert one.membrane_potential.attrs["units"] == "V"
    (file,) = config.recordings["pyabf_axon_files"].replicates[replicate].files.values()
    block = neo.io.AxonIO(str(recorded(f"pyabf_axon_files/{file.name}"))).read_block()
    values = np.concatenate([g.analogsignals[-1].magnitude[:, -1] for g in block.segments]).astype(float)
    np.testing.assert_allclose(one.membrane_potential.values[-1], values * 1e-3, rtol=1e-6)
    assert -0.2 < float(one.membrane_potential.min()) < -0.04  # volts, at rest or below
    assert float(one.membrane_potential.max()) < 0.1
