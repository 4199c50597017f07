"""Readers of formats that neo lacks, on files that the tests write: what is read, and what each fault says."""

import io as streams
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import scipy.io
import scipy.sparse
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import write
from homeoanalysis.errors import DataError
from homeoanalysis.export import export
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.tracking import resampled

HEAD: dict[str, Any] = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}}


def read(reader: Any, files: dict[str, Path], **more: Any) -> xr.Dataset:
    one = {"subject": "s", "files": {role: {"name": path.name} for role, path in files.items()}}
    return ingest(
        Recording.model_validate({**HEAD, "reader": reader, "replicates": {"r": one}, **more}),
        name="rec",
        replicate="r",
        files=files,
    )


def book(activity: xr.Dataset) -> Any:
    return json.loads(activity.attrs["bookkeeping"])


def trains(activity: xr.Dataset) -> dict[str, list[float]]:
    return {str(u): t.tolist() for u, t in zip(activity.unit.values, observed.spike_trains(activity), strict=True)}


# ---- tables and archives

LIST: dict[str, Any] = {"time_step": "1 ms", "duration": "10 s"}


def test_a_table_of_spikes(tmp_path: Path) -> None:
    for name, mark in (("a.csv", ","), ("b.tsv", "\t"), ("c.csv", ";")):
        path = tmp_path / name
        path.write_text("unit,depth,time\n10,5,250\n9,5,100\n\n10,5,4000\n".replace(",", mark))
        one = read({"spike_list": LIST}, {"recording": path})
        assert trains(one) == {"9": [0.1], "10": [0.25, 4.0]}
        assert one.spike_time.attrs["tick"] == 1e-3
    silent = read({"spike_list": {**LIST, "names": ["9", "10", "11"]}}, {"recording": tmp_path / "a.csv"})
    assert silent.spike_count.values.tolist() == [1, 2, 0]
    with pytest.raises(DataError, match=r"has spikes of '10', which names does not list; .*known: 9"):
        read({"spike_list": {**LIST, "names": ["9"]}}, {"recording": tmp_path / "a.csv"})


def test_a_hole_of_zeros_in_a_table(tmp_path: Path) -> None:
    """Found by damaging 2000 copies: arrays of text end at a zero, so that this name was another's."""
    (tmp_path / "a.csv").write_bytes(b"time,unit\n1,0\n2,0\0\0\0")
    with pytest.raises(DataError, match=r"a unit has the name '0\\x00\\x00\\x00', with zero bytes in it; the file is damaged"):
        read({"spike_list": LIST}, {"recording": tmp_path / "a.csv"})


def test_an_archive_of_spikes(tmp_path: Path) -> None:
    np.savez(tmp_path / "pairs.npz", time=[100.0, 250, 4000], unit=[9, 10, 10])
    np.savez(tmp_path / "each.npz", **{"9": np.array([100]), "10": np.array([250, 4000])})
    for name in ("pairs.npz", "each.npz"):
        assert trains(read({"spike_list": LIST}, {"recording": tmp_path / name})) == {"9": [0.1], "10": [0.25, 4.0]}


LIST_FAULTS: dict[str, tuple[str, bytes | str, str]] = {
    "no such column": ("a.csv", "t,unit\n1,2\n", "has 0 columns 'time' in its first line; .*known: t, unit"),
    "no number": ("a.csv", "time,unit\n1,2\nx,3\n", "line 3 is 'x,3', which has no number and unit"),
    "no unit": ("a.csv", "time,unit\n1,\n", "line 2 names no unit"),
    "ragged": ("a.csv", "time,unit\n1\n", "line 2 is '1', which has no number and unit"),
    "decimal commas": ("a.csv", "time,unit\n0,5,a\n1,2,a\n2,7,a\n", "line 2 is '0,5,a', 3 cells for 2 columns; write decimals"),
    "one more cell": ("a.csv", "time,unit\n1,a\n2,a,\n", "line 3 is '2,a,', 3 cells for 2 columns"),
    "decimal commas between semicolons": ("a.csv", "time;unit\n0,5;a\n", "line 2 is '0,5,a', which .*; write decimals"),
    "one unit in two ways": ("a.csv", "unit,time,x\n1,2,5\n1,2,05\n1.0,3,0", "units '1' and '1.0', which are one"),
    "units that differ in a space": ("a.csv", "time,unit\n1,a\n2,a \n", "units 'a' and 'a ', which differ in spaces alone"),
    "units that differ in an unbroken space": (
        "a.csv",
        "time,unit\n1,a\n2,\xa0a\n",
        "'a' and '\\\\xa0a', which differ in",
    ),
    "decimal commas in the place of units": ("a.csv", "time,unit,x\n0,5,a\n0,05,a\n", "units '5' and '05', which are one"),
    "exchanged columns": ("a.csv", "time,unit\n1,0.25\n1,0.5\n2,4.0005\n", "for each spike, the first '0.25'; exchange"),
    "a line cut off": ("a.csv", "unit,time\n1,2\n1\n", "line 3 is '1', which has no number and unit; mend or remove it"),
    "an underscore": ("a.csv", "time,unit\n1_0,2\n", "line 2 is '1_0,2', which has no number and unit"),
    "digits of another script": ("a.csv", "time,unit\n\uff11,2\n", "which has no number and unit"),
    "not finite": ("a.csv", "time,unit\nnan,2\n", "unit 2: 1 spike times are not finite"),
    "outside": ("a.csv", "time,unit\n10001.5,2\n", "1 of 1 spikes lie outside the recording"),
    "empty": ("a.csv", "", "has 0 columns 'time'"),
    "no spike": ("a.csv", "time,unit\n", "holds no spike; if all units were silent"),
    "binary": ("a.csv", bytes(range(256)), "no readable table"),
    "no archive": ("a.npz", b"PK not", "no readable archive of numbers"),
}


@pytest.mark.parametrize("fault", LIST_FAULTS)
def test_faults_in_lists(fault: str, tmp_path: Path) -> None:
    name, content, message = LIST_FAULTS[fault]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(DataError, match=message):
        read({"spike_list": LIST}, {"recording": tmp_path / name})


def test_units_of_a_channel_are_no_times(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,unit\n1,12.1\n2,12.1\n3,12.10\n")
    assert trains(read({"spike_list": LIST}, {"recording": tmp_path / "a.csv"})) == {"12.1": [0.001, 0.002], "12.10": [0.003]}


def test_spikes_of_no_unit_in_an_archive(tmp_path: Path) -> None:
    """NaN is not equal to itself, so that these spikes were lost."""
    np.savez(tmp_path / "a.npz", time=[1.0, 2.0, 3.0], unit=[1.0, np.nan, np.nan])
    with pytest.raises(DataError, match=r"a\.npz: 2 entries of unit are no number; mend or remove them"):
        read({"spike_list": LIST}, {"recording": tmp_path / "a.npz"})


def test_objects_in_archives_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", a=np.array([[1], [1, 2]], dtype=object))
    with pytest.raises(DataError, match=r"no readable archive of numbers .*without objects"):
        read({"spike_list": LIST}, {"recording": tmp_path / "a.npz"})
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object))
    with pytest.raises(DataError, match=r"no readable array of numbers .*Python objects"):
        read({"numpy_signal": {"sampling_rate": "1 kHz", "scale": "1 V"}}, {"A": tmp_path / "a.npy"})


# ---- phy

GROUPS = "cluster_id\tgroup\n0\tgood\n1\tnoise\n2\tmua\n"


@pytest.fixture
def phy(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    def make(
        times: Any = (10, 20, 30, 40, 50), clusters: Any = (0, 1, 1, 2, 0), params: str = "sample_rate = 30000.\n"
    ) -> dict[str, Path]:
        files = {"spike_times": tmp_path / "spike_times.npy", "spike_clusters": tmp_path / "spike_clusters.npy"}
        for path, values in zip(files.values(), (times, clusters), strict=True):
            np.save(path, np.array(values))
        files |= {"params": tmp_path / "params.py", "groups": tmp_path / "cluster_group.tsv"}
        files["params"].write_text("dat_path = 'x.dat'\n" + params)
        files["groups"].write_text(GROUPS)
        return files

    return make


def test_a_sorted_folder(phy: Callable[..., dict[str, Path]]) -> None:
    one = read({"phy": {"duration": "1 s", "region": "V1"}}, phy())
    assert {k: (np.array(v) * 30_000).round(6).tolist() for k, v in trains(one).items()} == {"0": [10, 50], "2": [40]}
    assert one.unit_kind.values.tolist() == ["single", "multi"]
    assert book(one)["units"] == {"in": 3, "out": 2, "dropped": {"cluster of the group noise": 1}}
    assert book(one)["spikes"] == {"in": 5, "out": 3, "dropped": {"cluster of the group noise": 2}}
    files = phy()
    del files["groups"]
    assert read({"phy": {"duration": "1 s"}}, files).unit_kind.values.tolist() == ["multi"] * 3
    assert read({"phy": {"duration": "1 s", "keep": ["good"]}}, phy()).unit.values.tolist() == ["0"]


def test_what_the_sorter_says_can_screen_units(phy: Callable[..., dict[str, Path]]) -> None:
    files = phy()
    files["groups"].write_text("cluster_id\tgroup\tamp\n0\tgood\t80.5\n1\tnoise\t\n2\tmua\t20\n")
    one = read({"phy": {"duration": "1 s"}}, files, units={"isolation": {"amp": {"minimum": "50"}}})
    assert one.unit.values.tolist() == ["0"]
    assert book(one)["units"]["in"] == 3
    two = read({"phy": {"duration": "1 s"}}, files, units={"isolation": {"group": {"among": ["mua"]}}})
    assert two.unit.values.tolist() == ["2"]


def test_groups_of_phy(phy: Callable[..., dict[str, Path]], tmp_path: Path) -> None:
    """The first version wrote them with tabs into a .csv; a cluster of two groups has none."""
    files = phy()
    files["groups"] = files["groups"].rename(tmp_path / "cluster_groups.csv")
    assert read({"phy": {"duration": "1 s"}}, files).unit.values.tolist() == ["0", "2"]
    files["groups"].write_text(GROUPS.replace("\t", ","))
    assert read({"phy": {"duration": "1 s"}}, files).unit.values.tolist() == ["0", "2"]
    files["groups"].write_text(GROUPS + "0\tnoise\n")
    with pytest.raises(DataError, match=r"cluster_groups\.csv lists cluster 0 more than once; keep one line of each"):
        read({"phy": {"duration": "1 s"}}, files)


def test_parameters_of_phy_are_never_run(phy: Callable[..., dict[str, Path]], tmp_path: Path) -> None:
    code = f"open({str(tmp_path / 'ran')!r}, 'w')\nsample_rate = 20000  # Hz\n"
    one = read({"phy": {"duration": "1 s"}}, phy(params=code))
    assert trains(one)["2"] == [40 / 20_000]
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"params": "sample_rate = float(3)\n"}, r"params\.py: sample_rate is 'float\(3\)', not a finite"),
        ({"params": "sample_rate = 1.2.3\n"}, r"is '1\.2\.3', not a finite number above 0; write it in hertz"),
        ({"params": "sample_rate = .\n"}, r"sample_rate is '\.', not"),
        ({"params": "sample_rate = 1e400\n"}, r"sample_rate is '1e400', not"),
        ({"params": "sample_rate = 1e-320\n"}, r"sample_rate is '1e-320', not"),
        ({"params": "sample_rate = 0\n"}, r"sample_rate is '0', not"),
        ({"params": f"sample_rate = {'9' * 5000}\n"}, rf"sample_rate is '{'9' * 40}'\.\.\., not"),
        ({"params": "rate = 30000\n"}, r"has 0 lines `sample_rate = NUMBER`, not one"),
        ({"params": "sample_rate = 30000\n" * 2}, r"has 2 lines `sample_rate = NUMBER`, not one"),
        ({"times": [1, 2]}, "2 spike times, but 5 spikes in clusters"),
        ({"times": [0.5, 1, 2, 3, 4]}, "holds float64, not whole numbers"),
        ({"times": [1, 2, 3, 4, 40_000]}, r"1 of 2 spikes lie outside the recording of \[0 s, 1 s\]"),
    ],
)
def test_faults_in_phy(change: dict[str, Any], message: str, phy: Callable[..., dict[str, Path]]) -> None:
    with pytest.raises(DataError, match=message):
        read({"phy": {"duration": "1 s"}}, phy(**change))


# ---- NWB


def nwb(path: Path, *, intervals: bool = True, trials: bool = False) -> Path:
    import datetime

    import pynwb

    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(
        session_description="d",
        identifier="i",
        session_start_time=day,
        session_id="day3",
        subject=pynwb.file.Subject(subject_id="mouse7"),
    )
    for name in ("unit_name", "cell_type", "quality", "location"):
        file.add_unit_column(name, name)
    known = [("a", "E", "good", "V1"), ("b", "I", "mua", "CA1")]
    seen = [[[0.0, 10.0], [20.0, 30.0]], [[20.0, 30.0]]]
    for about, spans, times in zip(known, seen, ([1.0, 25.0], [21.0, 22.0]), strict=True):
        more = {"obs_intervals": np.array(spans)} if intervals else {}
        file.add_unit(
            spike_times=times, **dict(zip(("unit_name", "cell_type", "quality", "location"), about, strict=True)), **more
        )
    if trials:
        file.add_trial_column("orientation", "of the grating")
        for k in range(3):
            file.add_trial(start_time=1.0 + k, stop_time=1.5 + k, orientation=f"{90 * k}")
    series = pynwb.TimeSeries(name="running", data=np.arange(60.0), unit="m", rate=2.0, starting_time=0.0, conversion=0.01)
    file.add_acquisition(series)
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    return path


def test_a_units_table_with_what_is_known_of_units(tmp_path: Path) -> None:
    one = read("nwb_units", {"recording": nwb(tmp_path / "a.nwb")})
    assert trains(one) == {"a": [1.0, 25.0], "b": [21.0, 22.0]}
    assert one.cell_type.values.tolist() == ["E", "I"]
    assert one.unit_kind.values.tolist() == ["single", "multi"]
    assert one.region.values.tolist() == ["V1", "CA1"]
    assert one.segment_start.values.tolist() == [0, 20]
    assert one.observed.values.tolist() == [[1, 1], [0, 1]]
    assert book(one)["spikes"] == {"in": 4, "out": 4, "dropped": {}}
    good = read("nwb_units", {"recording": tmp_path / "a.nwb"}, units={"isolation": {"quality": {"among": ["good"]}}})
    assert good.unit.values.tolist() == ["a"]


def test_waveforms_of_nwb_tell_fast_spiking_units(tmp_path: Path) -> None:
    import datetime

    import pynwb

    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(session_description="d", identifier="i", session_start_time=day)
    file.units = pynwb.misc.Units(name="units", description="sorted", waveform_rate=30_000.0)
    for width in (6, 18):  # samples from trough to peak: 0.2 ms and 0.6 ms
        wave = np.zeros((40, 2))
        wave[[10, 10 + width], 1] = -1.0, 0.5
        file.add_unit(spike_times=[1.0, 2.0], obs_intervals=[[0.0, 10.0]], waveform_mean=wave)
    with pynwb.NWBHDF5IO(str(tmp_path / "w.nwb"), "w") as io:
        io.write(file)
    one = read("nwb_units", {"recording": tmp_path / "w.nwb"}, units={"fast_spiking_width": "0.4 ms"})
    assert one.cell_type.values.tolist() == ["I", "E"]
    np.testing.assert_allclose(one.curated_width, [2e-4, 6e-4], rtol=0.2)


def test_trials_and_series_of_nwb(tmp_path: Path) -> None:
    path = nwb(tmp_path / "a.nwb", intervals=False, trials=True)
    with pytest.raises(DataError, match=r"does not say when its units were observed .* write the reader's parameter duration"):
        read("nwb_units", {"recording": path})
    options = {"duration": "30 s", "stimulus": "orientation", "covariates": ["running"]}
    one = read({"nwb_units": options}, {"recording": path})
    assert one.stimulus.values.tolist() == ["0", "90", "180"]
    assert one.trial_start.values.tolist() == [1, 2, 3]
    np.testing.assert_allclose(one.covariate.values[0], np.arange(60) * 0.01)
    assert one.covariate.attrs["units"] == "m"
    with pytest.raises(DataError, match="no time series 'runing'; did you mean 'running'"):
        read({"nwb_units": {**options, "covariates": ["runing"]}}, {"recording": path})
    with pytest.raises(DataError, match="trials have no column 'angle', which stimulus names"):
        read({"nwb_units": {**options, "stimulus": "angle"}}, {"recording": path})
    with pytest.raises(DataError, match=r"unit a: 1 of 2 spikes lie outside of observed time, the first at 25 s"):
        read({"nwb_units": {"duration": "23 s"}}, {"recording": path})


def _set(path: Path, name: str, values: Any) -> None:
    with h5py.File(path, "r+") as file:
        file[name][...] = values


def _cut(path: Path, name: str, count: int) -> None:
    with h5py.File(path, "r+") as file:
        kept, told = file[name][:count], dict(file[name].attrs)
        del file[name]
        file[name] = kept
        file[name].attrs.update(told)


def _in_milliseconds(path: Path) -> None:
    with h5py.File(path, "r+") as file:
        file["units/spike_times"].attrs["unit"] = "milliseconds"


DAMAGED: dict[str, tuple[Callable[[Path], None], str]] = {
    "spikes are missing": (
        lambda p: _cut(p, "units/spike_times", 3),
        "does not divide its 3 values between 2 units: it ends at 4",
    ),
    "spikes are left": (lambda p: _set(p, "units/spike_times_index", [1, 3]), "its 4 values between 2 units: it ends at 3"),
    "units overlap": (lambda p: _set(p, "units/spike_times_index", [4, 2]), r"it ends at 2, and units end at \[4, 2\]"),
    "intervals are missing": (lambda p: _cut(p, "units/obs_intervals", 2), "obs_intervals_index does not divide its 2 values"),
    "another unit": (_in_milliseconds, "units/spike_times are in 'milliseconds', and NWB has them in seconds"),
    "no gain": (lambda p: _attribute(p, "acquisition/running/data", "conversion", np.nan), "running has conversion nan"),
}


def _attribute(path: Path, name: str, key: str, value: Any) -> None:
    with h5py.File(path, "r+") as file:
        file[name].attrs[key] = value


@pytest.mark.parametrize("kind", DAMAGED)
def test_nwb_files_that_contradict_themselves(kind: str, tmp_path: Path) -> None:
    path = nwb(tmp_path / "a.nwb")
    damage, message = DAMAGED[kind]
    damage(path)
    with pytest.raises(DataError, match=message):
        read({"nwb_units": {"covariates": ["running"]}}, {"recording": path})


def test_samples_and_trials_that_are_left_out_are_counted(tmp_path: Path) -> None:
    path = nwb(tmp_path / "a.nwb", trials=True)
    one = read({"nwb_units": {"covariates": ["running"]}}, {"recording": path})
    assert book(one)["samples"] == {"in": 60, "out": 40, "dropped": {"outside of observed time": 20}}
    assert one.sizes["covariate_sample"] == 40
    assert book(one)["trials"] == {"in": 3, "out": 3, "dropped": {}}
    _set(path, "intervals/trials/stop_time", [np.nan, 1.9, 3.5])
    one = read("nwb_units", {"recording": path})
    assert book(one)["trials"] == {"in": 3, "out": 1, "dropped": {"begin or end unknown": 1, "they end before they begin": 1}}
    assert one.trial_start.values.tolist() == [3]
    _set(path, "intervals/trials/start_time", [np.nan] * 3)
    with pytest.raises(DataError, match="none of 3 trials has a begin and a later end"):
        read("nwb_units", {"recording": path})


@pytest.mark.parametrize("kind", ["lfp", "membrane_potential", "current", "covariates"])
def test_samples_that_are_no_numbers(kind: str, tmp_path: Path) -> None:
    """What an animal did may be unknown for a while; a voltage may not."""
    path = nwb(tmp_path / "a.nwb")
    _set(path, "acquisition/running/data", [np.nan] * 2 + [1.0] * 58)
    if kind == "covariates":
        assert read({"nwb_units": {kind: ["running"]}}, {"recording": path}).covariate.isnull().sum() == 2
    else:
        with pytest.raises(DataError, match=f"2 samples of the kind {kind} are not finite"):
            read({"nwb_units": {kind: ["running"]}}, {"recording": path})


def test_what_is_exported_to_nwb_is_read_again(tmp_path: Path) -> None:
    one = read("nwb_units", {"recording": nwb(tmp_path / "a.nwb")}).assign_attrs(history="[]")
    write(one, tmp_path / "one.nc")
    export(tmp_path / "one.nc", tmp_path / "again.nwb", to="nwb", replicate=None)
    again = read("nwb_units", {"recording": tmp_path / "again.nwb"})
    for name in ("spike_time", "spike_count", "segment_start", "segment_stop", "cell_type", "region", "observed", "unit_kind"):
        np.testing.assert_array_equal(again[name], one[name])
    with h5py.File(tmp_path / "again.nwb") as file:  # the curation table, which the format has no place for
        table = json.loads(file["general/notes"][()])["curated"]
    assert table["curated"] == ["a", "b"]
    assert table["curated_spikes"] == one.curated_spikes.values.tolist()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_nwb(share: float, tmp_path: Path) -> None:
    whole = nwb(tmp_path / "a.nwb").read_bytes()
    (tmp_path / "b.nwb").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"b\.nwb cannot be read with pynwb"):
        read("nwb_units", {"recording": tmp_path / "b.nwb"})


# ---- MClust and Neuralynx


def cluster(path: Path, ticks: list[int], *, end: bytes = b"") -> Path:
    head = "%%BEGINHEADER\n% MClust version: 3.5\n% Output from MClust'Time of spiking stored in timestamps (tenths of msecs)\n"
    path.write_bytes((head + "% as unsigned integer\n%%ENDHEADER\n").encode() + np.array(ticks, ">u4").tobytes() + end)
    return path


def test_clusters_without_events(tmp_path: Path) -> None:
    files = {"TT1": cluster(tmp_path / "a.t", [10, 20_000]), "TT2": cluster(tmp_path / "b._t", [])}
    one = read({"mclust": {"duration": "3 s"}}, files)
    assert trains(one) == {"TT1": [0.001, 2.0], "TT2": []}
    assert one.unit_kind.values.tolist() == ["single", "multi"]
    with pytest.raises(DataError, match=r"a\.t: 1 of 2 spikes are outside of the segments, the first at 2\.0000 s"):
        read({"mclust": {"duration": "1 s"}}, files)
    with pytest.raises(DataError, match="either the role 'events' or the parameter duration"):
        read("mclust", files)


@pytest.mark.parametrize("content", [b"", b"\0" * 400, b"%%ENDHEADER\n1234"])
def test_what_is_no_cluster(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.t").write_bytes(content)
    with pytest.raises(DataError, match=r"a\.t is no whole cluster file of MClust"):
        read({"mclust": {"duration": "1 s"}}, {"TT1": tmp_path / "a.t"})
    with pytest.raises(DataError, match="no whole cluster file"):
        read({"mclust": {"duration": "1 s"}}, {"TT1": cluster(tmp_path / "b.t", [1], end=b"12")})


def test_events_out_of_order(tmp_path: Path) -> None:
    """neo drops what is not between the first record and the last."""
    head = b"######## Neuralynx Data File Header".ljust(16384, b"\0")
    records = [struct.pack("<6xQ170x", t) for t in (10_000_000, 20_000_000, 15_000_000)]
    (tmp_path / "e.nev").write_bytes(head + b"".join(records))
    with pytest.raises(DataError, match=r"e\.nev: 1 records are earlier than the one before; sort or remove them"):
        read("mclust", {"TT1": cluster(tmp_path / "a.t", [1]), "events": tmp_path / "e.nev"})


def video(frames: list[tuple[int, int, int]]) -> bytes:
    records = b"".join(struct.pack("<6xQ1602xii204x", *frame) for frame in frames)
    return b"######## Neuralynx Data File Header".ljust(16384, b"\0") + records


def test_position_from_a_video_in_a_zip(tmp_path: Path) -> None:
    frames = [(round(1e6 * k / 30), 0 if k == 15 else 100 + k, 0 if k == 15 else 50) for k in range(31)]
    with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
        archive.writestr("VT1.nvt", video(frames))
    files = {"TT1": cluster(tmp_path / "a.t", [1]), "video": tmp_path / "v.zip"}
    one = read({"mclust": {"duration": "1 s", "pixel_x": "10 mm", "pixel_y": "20 mm"}}, files)
    x, y = one.covariate.values
    assert x.size == 30
    expected = 1.0 + 0.01 * np.arange(30)
    known = np.isfinite(x)
    np.testing.assert_allclose(x[known], expected[known], atol=1e-6)
    np.testing.assert_allclose(y[known], 1.0)
    assert 15 in np.flatnonzero(~known)
    assert known.sum() >= 27
    for content in (video(frames)[:-1], b"", video([]), video([(5, 1, 1), (4, 1, 1)])):
        (tmp_path / "bad.nvt").write_bytes(content)
        with pytest.raises(DataError, match=r"bad\.nvt"):
            read(
                {"mclust": {"duration": "1 s", "pixel_x": "10 mm", "pixel_y": "20 mm"}}, {**files, "video": tmp_path / "bad.nvt"}
            )


def test_positions_are_not_made_up_across_gaps() -> None:
    time = np.array([0.0, 0.1, 0.2, 1.0, 1.1])
    found = resampled(time, time[:, None] * 2, 0.0, 1.2, 10.0)[:, 0]
    np.testing.assert_allclose(found[[0, 1, 2, 10, 11]], [0, 0.2, 0.4, 2.0, 2.2], atol=1e-12)
    assert np.isnan(found[3:10]).all()


# ---- MATLAB


def test_rasters_and_counts_are_what_they_say(tmp_path: Path) -> None:
    raster = np.zeros((20, 80_001), np.uint8)
    raster[13, [0, 40_000, 80_000]] = 1
    scipy.io.savemat(
        tmp_path / "a.mat",
        {
            "x_flies_A": raster,
            "x_flies_B": raster,
            "bins": raster[:, :80] + 0.5,
            "endless": np.full((20, 8), np.inf),
            "text": "hello",
        },
    )
    options = {"values": "raster", "variables": "x_flies_{odour}", "odours": "A"}
    one = read({"rozenfeld_mat": {**options, "fly": 1}}, {"recording": tmp_path / "a.mat"})
    np.testing.assert_allclose(one.spike_time, [15.0, 17.0, 19.0])
    both = read({"rozenfeld_mat": {**options, "odours": "A B", "flies": 2}}, {"recording": tmp_path / "a.mat"})
    assert both.sizes["trial"] == 40
    np.testing.assert_allclose(both.spike_time, [115.0, 117.0, 119.0, 165.0, 167.0, 169.0])  # fly 0 twice, then fly 1 twice
    for change, message in (
        ({"fly": 1, "flies": 2}, "has 2 flies, and fly is 2; they count from 0 on"),
        ({"fly": 2}, "has 2 flies, and fly is 2; they count from 0 on"),
        ({"variables": "y_flies_{odour}"}, "no variable 'y_flies_A'; did you mean 'x_flies_A'"),
        ({"values": "count", "variables": "bins"}, "no whole counts of spikes"),
        ({"variables": "bins"}, "but a raster is 0 and 1"),
        ({"variables": "text"}, "not 10 rows of numbers for each fly"),
        ({"odours": ""}, "needs odours"),
        ({"odours": "A A"}, "odours names 'A' twice, whose trials would count twice"),
        ({"values": "count", "variables": "endless"}, "no whole counts of spikes"),
    ):
        with pytest.raises(DataError, match=message):
            read({"rozenfeld_mat": {**options, **change}}, {"recording": tmp_path / "a.mat"})


def test_damaged_mat_files(tmp_path: Path) -> None:
    buffer = streams.BytesIO()
    scipy.io.savemat(buffer, {"x_flies_A": np.ones((10, 80))}, do_compression=True)
    for content in (b"", b"hello", buffer.getvalue()[:200], buffer.getvalue()[:-20]):
        (tmp_path / "a.mat").write_bytes(content)
        with pytest.raises(DataError, match=r"a\.mat (is no readable MAT file|has no variable)"):
            read(
                {"rozenfeld_mat": {"values": "count", "variables": "x_flies_A", "odours": "A"}}, {"recording": tmp_path / "a.mat"}
            )
        with pytest.raises(DataError, match=r"a\.mat"):
            read("matclust", {"spikes": tmp_path / "a.mat"})


def test_function_handles_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = scipy.io.matlab.MatlabFunction(np.zeros((1, 1)))
    scipy.io.savemat(tmp_path / "a.mat", {"x_flies_A": np.zeros((1, 1))})  # nothing here writes a handle, so that one is put in
    monkeypatch.setattr(scipy.io, "loadmat", lambda *_, **__: {"x_flies_A": handle})
    with pytest.raises(DataError, match="x_flies_A is a function handle or object, which is code; save it as plain arrays"):
        read({"rozenfeld_mat": {"values": "count", "variables": "x_flies_A", "odours": "A"}}, {"recording": tmp_path / "a.mat"})


def _struct(**fields: Any) -> np.ndarray:
    record = np.empty((1, 1), [(name, object) for name in fields])
    for name, value in fields.items():
        record[name][0, 0] = value
    return record


def _nest(*cells: Any) -> np.ndarray:
    """spikes{1}{1}{1}{cell}."""
    found = np.empty(len(cells), object)
    found[:] = cells
    for _ in range(3):
        outer = np.empty(1, object)
        outer[0], found = found, outer
    return found


WHOLE = np.array([[0.5], [1.0]])
RANGE = np.array([[0.0, 2.0]])
CELLS: dict[str, tuple[Any, str]] = {
    "two columns": (_struct(time=np.ones((2, 2)), timerange=RANGE), r"time of unit T01_02 is no column of numbers, .*\(2, 2\)"),
    "text": (_struct(time="0.5", timerange=RANGE), "time of unit T01_02 is no column of numbers"),
    "sparse": (_struct(time=scipy.sparse.csc_matrix(WHOLE), timerange=RANGE), "time of unit T01_02 is no column of numbers"),
    "cells": (_struct(time=_nest(1.0), timerange=RANGE), "time of unit T01_02 is no column of numbers"),
    "complex": (_struct(time=WHOLE * 1j, timerange=RANGE), "time of unit T01_02 is no column of numbers"),
    "no structure": (WHOLE, "of cells with time and timerange"),
}


@pytest.mark.parametrize("kind", CELLS)
def test_a_unit_of_another_layout_is_not_left_out(kind: str, tmp_path: Path) -> None:
    cell, message = CELLS[kind]
    whole = _struct(time=WHOLE, timerange=RANGE)
    scipy.io.savemat(tmp_path / "a.mat", {"spikes": _nest(whole, cell)})
    with pytest.raises(DataError, match=message):
        read("matclust", {"spikes": tmp_path / "a.mat"})
    scipy.io.savemat(tmp_path / "a.mat", {"spikes": _nest(whole, np.zeros((0, 0)), whole)})  # the control
    one = read("matclust", {"spikes": tmp_path / "a.mat"})
    assert one.unit.values.tolist() == ["T01_01", "T01_03"]
    assert one.sizes["spike"] == 4


def test_cells_of_another_layout(tmp_path: Path) -> None:
    scipy.io.savemat(tmp_path / "a.mat", {"spikes": np.ones((3, 3))})
    with pytest.raises(DataError, match=r"has no spikes\{1\}\{1\} of cells with time and timerange|holds no unit with a spike"):
        read("matclust", {"spikes": tmp_path / "a.mat"})


# ---- arrays


def test_signals_in_si_units(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.arange(1000, dtype=np.int16))
    one = read({"numpy_signal": {"sampling_rate": "1 kHz", "scale": "0.195 uV"}}, {"A": tmp_path / "a.npy"})
    np.testing.assert_allclose(one.lfp.values[0], np.arange(1000) * 0.195e-6)
    np.save(tmp_path / "b.npy", np.arange(2000.0).reshape(1000, 2))
    options = {"sampling_rate": "1 kHz", "scale": "1 pA", "kind": "current", "channels": ["x", "y"]}
    two = read({"numpy_signal": options}, {"recording": tmp_path / "b.npy"})
    assert two.current_channel.values.tolist() == ["x", "y"]
    assert two.current.attrs["units"] == "A"
    for change, files, message in (
        *(
            ({"scale": scale}, {"A": "a.npy"}, f"scale is '{scale}'; write what 1 in the file stands for")
            for scale in ("1 furlong", "nan mV", "inf mV", "1e400 mV", "0 mV")
        ),
        ({}, {"A": "b.npy"}, "each needs one dimension"),
        ({}, {"A": "a.npy", "B": "c.npy"}, "all the same length"),
        ({}, {"A": "d.npy"}, "2 samples are not finite"),
        ({"channels": ["x"]}, {"recording": "b.npy"}, "one array 'recording'"),
    ):
        np.save(tmp_path / "c.npy", np.arange(999.0))
        np.save(tmp_path / "d.npy", np.array([1.0, np.nan, np.inf]))
        with pytest.raises(DataError, match=message):
            read(
                {"numpy_signal": {"sampling_rate": "1 kHz", "scale": "1 V", **change}},
                {k: tmp_path / v for k, v in files.items()},
            )


def test_every_reader_gives_evidence() -> None:
    for name in catalogue.names("readers"):
        if name not in ("any_neo", "spike_text"):
            text = catalogue.source_files("readers", name)[0].read_text()
            assert "Evidence: " in text.split('"""')[1], name
