"""Spike times, names and sizes of any kind: an activity that is right, or one clear DataError."""

import gc
import io
import json
import math
import warnings
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.hdf5 import check_hdf5


def read(path: Path, reader: Any, role: str = "recording") -> xr.Dataset:
    one = {"subject": "s", "files": {role: {"name": "x"}}}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": reader}
    recording = Recording.model_validate({**base, "replicates": {"r": one}})
    return ingest(recording, name="rec", replicate="r", files={role: path})


def mea(path: Path, trains: list[Any], names: list[str] | None = None, stop: float = 10.0) -> Path:
    with h5py.File(path, "w") as file:
        file["spikes"] = np.concatenate([np.asarray(t, float) for t in trains]) if trains else np.zeros(0)
        file["sCount"] = np.array([len(t) for t in trains], np.int64)
        file["recordingtime"] = [0.0, stop]
        if names is not None:
            file["names"] = [n.encode() for n in names]
    return path


TIME = st.one_of(
    st.floats(0, 10, allow_subnormal=False),
    st.sampled_from([0.0, 10.0, 5.0, 5.0, -0.001, 10.001, math.nan, math.inf, -math.inf, 1e300, 5e-324]),
)


@pytest.mark.slow
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(trains=st.lists(st.lists(TIME, max_size=12), max_size=4))
def test_any_times(trains: list[list[float]], tmp_path: Path) -> None:
    """NaN, infinite, negative, late, doubled and unsorted times, no unit, one spike."""
    path = mea(tmp_path / "a.h5", trains)
    flat = [t for train in trains for t in train]
    is_right = bool(trains) and all(math.isfinite(t) and 0 <= t <= 10 for t in flat)
    if not is_right:
        with pytest.raises(DataError, match=r"recording rec, replicate r: .*(not finite|outside the recording|holds neither)"):
            read(path, "mea_hdf5")
        return
    one = read(path, "mea_hdf5")
    assert [t.tolist() for t in observed.spike_trains(one)] == [sorted(set(train)) for train in trains]
    book = json.loads(one.attrs["bookkeeping"])["spikes"]
    assert book["in"] == len(flat) == book["out"] + sum(book["dropped"].values())
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


NAME = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
HOSTILE = [
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "=1+1",
    "a\nb",
    "{{x}}",
    "%s",
    "$(rm -rf /)",
    "nul\tl",
    "ä µ 神経",
    "‮x",
]


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.lists(st.one_of(NAME, st.sampled_from(HOSTILE)), min_size=1, max_size=4))
def test_any_names(names: list[str], tmp_path: Path) -> None:
    path = mea(tmp_path / "a.h5", [[1.0]] * len(names), names)
    if len(set(names)) < len(names):
        with pytest.raises(DataError, match="units have the same name"):
            read(path, "mea_hdf5")
        return
    one = read(path, "mea_hdf5")
    assert one.unit.values.tolist() == names
    write(one, tmp_path / "one.nc")
    assert open_dataset(tmp_path / "one.nc").unit.values.tolist() == names


@pytest.mark.slow
def test_ten_million_spikes(tmp_path: Path) -> None:
    n = 10_000_000
    times = np.arange(n) * 1e-4
    one = read(mea(tmp_path / "a.h5", [times[: n // 2], times[n // 2 :]], stop=1000.0), "mea_hdf5")
    assert one.sizes["spike"] == n
    write(one, tmp_path / "one.nc")
    back = open_dataset(tmp_path / "one.nc")
    assert back.spike_count.values.tolist() == [n // 2, n // 2]
    assert np.array_equal(back.spike_time.values, times)


def test_hostile_names_of_files(tmp_path: Path) -> None:
    for name in ("ä µ 神経.txt", "a b'\"$(x).txt", "-rf.txt", "{x}.txt", "a\nb.txt"):
        path = tmp_path / name
        path.write_text("500\n")
        one = read(path, {"spike_text": {"time_step": "1 ms", "duration": "1 s"}}, "spikes")
        assert one.spike_time.values.tolist() == [0.5]


@pytest.mark.slow
@pytest.mark.parametrize(
    "content", [b"", b"\0" * 100, b"\x89HDF\r\n\x1a\n", b"PK\x03\x04", b"# nothing\n", bytes(range(256)) * 9]
)
@pytest.mark.parametrize(
    "reader",
    [
        "mea_hdf5",
        "nwb_units",
        {"spike_list": {"time_step": "1 s", "duration": "1 s"}},
        *({"any_neo": {"io": io}} for io in ("AxonIO", "NeuroExplorerIO", "NixIO", "PlexonIO", "Spike2IO", "NeoMatlabIO")),
    ],
)
def test_other_bytes(reader: Any, content: bytes, tmp_path: Path) -> None:
    """Empty, zeros, the first bytes of another format, text, all bytes: under the name that the format has."""
    endings = {
        "AxonIO": "abf",
        "NeuroExplorerIO": "nex",
        "NixIO": "nix",
        "PlexonIO": "plx",
        "Spike2IO": "smr",
        "NeoMatlabIO": "mat",
    }
    kind = reader["any_neo"]["io"] if isinstance(reader, dict) and "any_neo" in reader else ""
    path = tmp_path / f"a.{endings.get(kind, 'npz' if isinstance(reader, dict) else 'h5')}"
    path.write_bytes(content)
    with pytest.raises(DataError) as error:
        read(path, reader)
    assert str(error.value).startswith("recording rec, replicate r: ")
    assert "Traceback" not in str(error.value)
    gc.collect()  # numpy and neo leave files open that they could not read


def test_a_file_that_may_not_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mea(tmp_path / "a.h5", [[1.0]])
    original = Path.open

    def refused(self: Path, *arguments: Any, **options: Any) -> Any:
        if self == path:
            raise PermissionError(13, "Permission denied", str(self))
        return original(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", refused)
    one = {"subject": "s", "files": {"recording": {"name": "x", "sha256": "0" * 64}}}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": "mea_hdf5"}
    recording = Recording.model_validate({**base, "replicates": {"r": one}})
    with pytest.raises(DataError, match="cannot be read"):
        ingest(recording, name="rec", replicate="r", files={"recording": path})


def test_a_file_that_grows_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = mea(tmp_path / "a.h5", [[1.0, 2.0]])
    original = catalogue.load

    def growing(folder: str, name: str) -> Any:
        def call(files: Any, **parameters: Any) -> Any:
            block = original(folder, name)(files, **parameters)
            with path.open("ab") as stream:
                stream.write(b"more")
            return block

        return call

    monkeypatch.setattr(catalogue, "load", growing)
    with pytest.raises(DataError, match=r"a\.h5 changed while it was read; wait until it is written, and run again"):
        read(path, "mea_hdf5")


@pytest.mark.parametrize("reader", ["mea_hdf5", "nwb_units", {"any_neo": {"io": "NixIO"}}])
def test_texts_that_hdf5_would_read_for_ever(reader: Any, tmp_path: Path) -> None:
    """A hole of zeros in a collection of texts: found by damaging 2000 copies, one of which never came back."""
    path = tmp_path / f"a.{'nix' if isinstance(reader, dict) else 'nwb' if reader == 'nwb_units' else 'h5'}"
    with h5py.File(path, "w") as file:
        file["spikes"], file["sCount"], file["names"] = [1.0, 2.0], [1, 1], ["ch_a", "ch_b"]
        file["recordingtime"] = [0.0, 10.0]
    content = bytearray(path.read_bytes())
    at = content.find(b"GCOL")
    assert at > 0
    whole = bytes(content)
    content[at + 16 + 24 : at + 4096] = bytes(4096 - 40)  # all but its first text
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.\w+: the texts from byte \d+ on have a hole at byte \d+, which the HDF5 library"):
        catalogue.load("readers", reader if isinstance(reader, str) else "any_neo")(
            {"recording": path}, **({} if isinstance(reader, str) else reader["any_neo"])
        )
    path.write_bytes(whole)
    check_hdf5(path)


def _write_complex(path: Path, reader: str) -> None:
    times = np.array([0.5 + 1j, 1.5 + 0j])
    if reader == "mea_hdf5":
        with h5py.File(path, "w") as file:
            file["spikes"], file["sCount"], file["recordingtime"] = times, [2], [0.0, 10.0]
    elif reader == "spike_list":
        np.savez(path, time=times, unit=["a", "a"])
    else:
        np.save(path, times)


@pytest.mark.parametrize(
    ("reader", "name", "role"),
    [
        ({"mea_hdf5": {}}, "a.h5", "recording"),
        ({"spike_list": {"duration": "10 s", "time_step": "1 s"}}, "a.npz", "recording"),
        ({"numpy_signal": {"sampling_rate": "1 Hz", "scale": "1 mV"}}, "a.npy", "signal"),
    ],
    ids=["mea_hdf5", "spike_list", "numpy_signal"],
)
def test_complex_numbers_lose_no_half(reader: Any, name: str, role: str, tmp_path: Path) -> None:
    _write_complex(tmp_path / name, next(iter(reader)))
    with pytest.raises(DataError, match=r"complex|no array of numbers"):
        read(tmp_path / name, reader, role)


LIST = {"spike_list": {"duration": "10 s", "time_step": "1 s"}}
SIGNAL = {"numpy_signal": {"sampling_rate": "1 Hz", "scale": "1 mV"}}


def _twice(path: Path) -> None:
    with path.open("wb") as stream:
        np.save(stream, np.arange(5.0))
        np.save(stream, np.arange(5.0))


def _below_zero(path: Path) -> None:
    with path.open("wb") as stream:
        np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (-300,)})
        stream.write(bytes(40))


def _archive(path: Path, *members: tuple[str, bytes]) -> None:
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings(action="ignore"):
        for name, content in members:
            archive.writestr(name, content)


def _bytes(values: Any) -> bytes:
    np.save(stream := io.BytesIO(), np.asarray(values))
    return stream.getvalue()


LONGER: dict[str, tuple[str, Any, str, Any, str]] = {
    "two arrays": ("a.npy", SIGNAL, "signal", _twice, "168 bytes stand behind the array that it declares"),
    "a length below 0": ("a.npy", SIGNAL, "signal", _below_zero, "its header declares a length below 0"),
    "an archive's two arrays": (
        "a.npz",
        LIST,
        "recording",
        lambda p: _archive(p, ("a.npy", _bytes([0.5, 1]) + bytes(8))),
        "a.npy declares 16 bytes of numbers and holds 24",
    ),
    "one name twice": (
        "a.npz",
        LIST,
        "recording",
        lambda p: _archive(p, ("a.npy", _bytes([0.5, 1])), ("a.npy", _bytes([2.5, 3]))),
        "it holds a.npy twice",
    ),
}


@pytest.mark.parametrize("kind", LONGER)
def test_arrays_that_hold_more_than_they_declare(kind: str, tmp_path: Path) -> None:
    name, reader, role, make, message = LONGER[kind]
    make(tmp_path / name)
    with pytest.raises(DataError, match=message):
        read(tmp_path / name, reader, role)


def test_units_of_an_archive_have_the_names_that_they_had(tmp_path: Path) -> None:
    """Bytes are text, and whole numbers whole, as MATLAB writes them."""
    for units, names in ((np.array([b"a", "µ".encode()]), ["a", "µ"]), (np.array([2.0, 10.0]), ["2", "10"])):
        np.savez(tmp_path / "a.npz", time=[0.5, 1.5], unit=units)
        assert read(tmp_path / "a.npz", LIST).unit.values.tolist() == names


@pytest.mark.parametrize(
    ("head", "step", "is_right"),
    [
        ("time_ms", "1 s", False),
        ("time (ms)", "1 s", False),
        ("t [s]", "1 ms", False),
        ("spike_times_us", "1 ms", False),
        ("time_ms", "1 ms", True),
        ("time (us)", "0.001 ms", True),
        ("spikes", "1 ms", True),
        ("times", "1 ms", True),
    ],
)
def test_times_count_what_their_column_says(head: str, step: str, is_right: bool, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(f"{head},unit\n5,a\n7,a\n")
    reader = {"spike_list": {"duration": "10 s", "time_step": step, "times": head}}
    if is_right:
        assert read(tmp_path / "a.csv", reader).sizes["spike"] == 2
    else:
        with pytest.raises(DataError, match=r"a\.csv has times in (ms|s|us), as .* says, and time_step is"):
            read(tmp_path / "a.csv", reader)
