"""Files that want more than to be read: none runs code, opens another file, or takes memory that it does not fill."""

import datetime
import io
import json
import os
import pickle
import re
import resource
import struct
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import neo
import netCDF4
import numpy as np
import pynwb
import pytest
import quantities as pq
import scipy.io
import scipy.sparse
from hdmf.backends.hdf5 import H5DataIO
from running import list_all_code

from homeoanalysis.config import yaml
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import open_dataset
from homeoanalysis.contracts.storage import groups
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.files import is_sealed, seal
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.arrays import LARGEST, read_npz
from homeoanalysis.numerics.declared import check_declared
from homeoanalysis.numerics.mat import read_mat
from homeoanalysis.numerics.mechanism import Ends
from homeoanalysis.topologies.explicit import explicit

pytestmark = pytest.mark.recorded(code=list_all_code())

MANY = 10**12
MEMORY = 2_000_000_000  # bytes that a test may allocate beside what is there


def read(files: dict[str, Path], reader: Any) -> Any:
    listed = {role: {"name": path.name} for role, path in files.items()}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": reader}
    recording = Recording.model_validate({**base, "replicates": {"r": {"subject": "s", "files": listed}}})
    return ingest(recording, name="x", replicate="r", files=files)


def npy(path: Path, count: int) -> Path:
    """A header that declares `count` numbers, and ten of them."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "<f8", "fortran_order": False, "shape": (count,)})
    path.write_bytes(stream.getvalue() + bytes(80))
    return path


def npz(path: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return path


def hdf5(path: Path, count: int = MANY, **datasets: Any) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("spikes", (count,), "f8", chunks=(1024,), compression="gzip")
        file["sCount"], file["recordingtime"] = [count], [0.0, 1e9]
    return path


def nwb(path: Path) -> Path:
    """Two spikes of a unit, and ten samples of a signal, in datasets that may grow."""
    day = datetime.datetime(2000, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(session_description="d", identifier="i", session_start_time=day)
    file.add_unit(spike_times=[0.5, 1.5], obs_intervals=[[0.0, 1e12]])
    file.units.spike_times.set_data_io(H5DataIO, {"maxshape": (None,)})
    values = H5DataIO(np.zeros(10), maxshape=(None,))
    file.add_acquisition(pynwb.TimeSeries(name="lfp", data=values, unit="volts", rate=5.0, starting_time=0.0))
    with pynwb.NWBHDF5IO(str(path), "w") as io:
        io.write(file, cache_spec=False)
    return path


def nix(path: Path) -> Path:
    """The same."""
    block, segment = neo.Block(), neo.Segment()
    segment.spiketrains.append(neo.SpikeTrain([0.5, 1.5] * pq.s, t_stop=2.0))
    segment.analogsignals.append(neo.AnalogSignal(np.zeros((10, 1)), units="V", sampling_rate=5 * pq.Hz, name="lfp"))
    block.segments.append(segment)
    io = neo.NixIO(str(path), "ow")
    io.write_block(block)
    io.close()
    return path


def swollen(path: Path, part: str) -> Path:
    """The file, whose only dataset at a path that ends so declares 10^12 numbers; where spikes of NWB end is told beside them."""
    names: list[str] = []
    with h5py.File(path, "r+") as file:
        file.visit(names.append)
        (name,) = (name for name in names if name.endswith(part))
        file[name].resize((MANY,))
        if (index := f"{name}_index") in file:
            told = dict(file[index].attrs)
            del file[index]
            file[index] = np.array([MANY], np.uint64)
            file[index].attrs.update(told)
    return path


def mat(path: Path, declared: int) -> Path:
    """A compressed variable whose tag declares more bytes than deflate can pack."""
    inner = zlib.compress(struct.pack("<II", 14, declared) + bytes(56))
    head = b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM"
    path.write_bytes(head + struct.pack("<II", 15, len(inner)) + inner)
    return path


SIGNAL = {"numpy_signal": {"sampling_rate": "1 kHz", "scale": "1 mV"}}
LIST = {"spike_list": {"time_step": "1 s", "duration": "10 s"}}
PHY = {"phy": {"duration": "10 s"}}
NWB = {"nwb_units": {"lfp": ["lfp"]}}
NIX = {"any_neo": {"io": "NixIO", "lfp": ["lfp"]}}
MAT = {"rozenfeld_mat": {"values": "count", "odours": "a", "variables": "{odour}"}}


def _phy(folder: Path) -> dict[str, Path]:
    (folder / "params.py").write_text("sample_rate = 30000.\n")
    return {
        "spike_times": npy(folder / "t.npy", MANY),
        "spike_clusters": npy(folder / "c.npy", MANY),
        "params": folder / "params.py",
    }


DECLARED: dict[str, tuple[Any, Callable[[Path], dict[str, Path]]]] = {
    "numpy_signal": (SIGNAL, lambda f: {"lfp": npy(f / "a.npy", MANY)}),
    "phy": (PHY, _phy),
    "spike_list": (LIST, lambda f: {"recording": npz(f / "a.npz", a=npy(f / "a.npy", MANY).read_bytes())}),
    "mea_hdf5": ("mea_hdf5", lambda f: {"recording": hdf5(f / "a.h5")}),
    "nwb_units": (NWB, lambda f: {"recording": swollen(nwb(f / "a.nwb"), "/spike_times")}),
    "nwb_series": (NWB, lambda f: {"recording": swollen(nwb(f / "a.nwb"), "/lfp/data")}),
    "nix_spikes": (NIX, lambda f: {"recording": swollen(nix(f / "a.nix"), ".times/data")}),
    "nix_signal": (NIX, lambda f: {"recording": swollen(nix(f / "a.nix"), ".0/data")}),
    "rozenfeld_mat": (MAT, lambda f: {"recording": mat(f / "a.mat", 2**31)}),
    "matclust": ("matclust", lambda f: {"spikes": mat(f / "a.mat", 2**31)}),
}


@pytest.fixture
def little_memory() -> Any:
    """An allocation of what is declared fails here."""
    used = 1024 * int(next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmData" in x).split()[1])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (used + MEMORY, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.parametrize("name", DECLARED)
def test_declared_samples_are_not_allocated(name: str, tmp_path: Path, little_memory: None) -> None:
    """A small file that declares 10^12 samples (a MAT file: 2 GB, since its lengths have 32 bits)."""
    reader, make = DECLARED[name]
    files = make(tmp_path)
    assert all(path.stat().st_size < 100_000 for path in files.values())
    with pytest.raises(DataError) as error:
        read(files, reader)
    assert "declare" in str(error.value) or "is no readable array" in str(error.value)
    assert "memory" not in str(error.value)


def test_an_honest_file_of_each_kind_is_read(tmp_path: Path) -> None:
    """The control of the test above."""
    assert read({"lfp": npy(tmp_path / "a.npy", 10)}, SIGNAL).sizes["lfp_sample"] == 10
    assert read({"recording": npz(tmp_path / "a.npz", a=npy(tmp_path / "b.npy", 10).read_bytes())}, LIST).sizes["unit"] == 1
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes"], file["sCount"], file["recordingtime"] = [0.5, 1.5], [2], [0.0, 2.0]
    assert read({"recording": tmp_path / "a.h5"}, "mea_hdf5").sizes["spike"] == 2
    for reader, path in ((NWB, nwb(tmp_path / "a.nwb")), (NIX, nix(tmp_path / "a.nix"))):
        one = read({"recording": path}, reader)
        assert (one.sizes["spike"], one.sizes["lfp_sample"]) == (2, 10)


@pytest.mark.parametrize("name", ["nwb_units", "nwb_series", "nix_spikes", "nix_signal"])
def test_unchecked_they_would_be_allocated(
    name: str, tmp_path: Path, little_memory: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control: these files are what their libraries read, and take at their word."""
    for module in ("readers.nwb_units", "numerics.neo_io"):
        monkeypatch.setattr(f"homeoanalysis.{module}.check_hdf5", lambda path: None)
    reader, make = DECLARED[name]
    with pytest.raises(DataError, match=r"Unable to allocate|memory"):
        read(make(tmp_path), reader)


def test_many_datasets_that_declare_a_little_each(tmp_path: Path, little_memory: None) -> None:
    """4 GB in a hundred: each alone is less than a file may leave out; one alone is read."""
    for name, count in (("one", 1), ("many", 100)):
        with h5py.File(nix(tmp_path / name), "r+") as file:
            for k in range(count):
                file.create_dataset(f"x/{k}", (5_000_000,), "f8", chunks=(1024,))
    assert (tmp_path / "many").stat().st_size < 200_000
    assert read({"recording": tmp_path / "one"}, NIX).sizes["spike"] == 2
    with pytest.raises(DataError, match="declares 40000000 bytes and holds 0"):
        read({"recording": tmp_path / "many"}, NIX)


@pytest.mark.slow
def test_archives_that_unpack_to_too_much(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Many times what they take: in an .npz, in a zip with a video, and in a MAT file."""
    zeros = io.BytesIO()
    np.save(zeros, np.zeros(10**6))
    bomb = npz(tmp_path / "a.npz", **{f"a{k}": zeros.getvalue() for k in range(9)})
    assert bomb.stat().st_size < 10**5
    assert len(read_npz(bomb)) == 9
    scipy.io.savemat(tmp_path / "a.mat", {f"a{k}": np.zeros(10**6) for k in range(9)}, do_compression=True)
    monkeypatch.setattr("homeoanalysis.numerics.arrays.LARGEST", 7 * 10**7)
    monkeypatch.setattr("homeoanalysis.numerics.mat._LARGEST", 7 * 10**7)
    with pytest.raises(ValueError, match="it unpacks to 7200"):
        read_npz(bomb)
    with pytest.raises(DataError, match="unpacks to more than"):
        read({"recording": tmp_path / "a.mat"}, MAT)
    assert LARGEST > 10**9


def test_a_list_of_synapses_that_declares_too_much(tmp_path: Path, little_memory: None) -> None:
    path = npz(tmp_path / "a.npz", source=npy(tmp_path / "a.npy", MANY).read_bytes())
    with pytest.raises(DataError, match=r"declares 8000000000000 bytes of numbers and holds"):
        list(explicit(np.random.default_rng(0), Ends(*[1] * len(Ends._fields)), file=str(path)))


def leading(kind: str, path: Path, userblock_size: int = 0) -> Path:
    """Spikes that lie in another file."""
    folder = path.parent
    (folder / "secret").write_bytes(bytes(80))
    with h5py.File(folder / "other.h5", "w") as file:
        file["spikes"] = np.zeros(10)
    with h5py.File(path, "w", userblock_size=userblock_size) as file:
        file["sCount"], file["recordingtime"] = [10], [0.0, 2.0]
        if kind == "link":
            file["spikes"] = h5py.ExternalLink(str(folder / "other.h5"), "spikes")
        elif kind == "raw":
            file.create_dataset("spikes", (10,), "f8", external=[(str(folder / "secret"), 0, 80)])
        else:
            layout = h5py.VirtualLayout((10,), "f8")
            layout[:] = h5py.VirtualSource(str(folder / "other.h5"), "spikes", (10,))
            file.create_virtual_dataset("spikes", layout)
    return path


@pytest.mark.parametrize("userblock_size", [0, 2048, 4096, 2**20])
@pytest.mark.parametrize("kind", ["link", "raw", "virtual"])
def test_hdf5_opens_no_other_file(kind: str, userblock_size: int, tmp_path: Path) -> None:
    """Wherever the library finds the file's beginning: behind a block of any size."""
    with pytest.raises(DataError, match="copy the data into one file"):
        read({"recording": leading(kind, tmp_path / "a.h5", userblock_size)}, "mea_hdf5")


def test_a_dataset_of_an_odd_type_hides_nothing(tmp_path: Path) -> None:
    """Of a type that h5py has no name for; a file with such a one and nothing else is read."""
    for name in ("plain", "hostile"):
        (tmp_path / name).mkdir()
    with h5py.File(tmp_path / "plain" / "a.h5", "w") as file:
        file["spikes"], file["sCount"], file["recordingtime"] = [0.5, 1.5], [2], [0.0, 2.0]
    for path in (tmp_path / "plain" / "a.h5", leading("raw", tmp_path / "hostile" / "a.h5")):
        with h5py.File(path, "r+") as file:
            h5py.h5d.create(file.id, b"a_time", h5py.h5t.UNIX_D32LE, h5py.h5s.create_simple((4,)))
            with pytest.raises(TypeError):
                _ = file["a_time"].dtype
    assert read({"recording": tmp_path / "plain" / "a.h5"}, "mea_hdf5").sizes["spike"] == 2
    with pytest.raises(DataError, match="copy the data into one file"):
        read({"recording": tmp_path / "hostile" / "a.h5"}, "mea_hdf5")


def test_what_cannot_be_looked_through_is_refused(tmp_path: Path) -> None:
    """The header of one dataset is damaged, which nothing that the reader wants needs."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["spikes"], file["sCount"], file["recordingtime"] = [0.5, 1.5], [2], [0.0, 2.0]
        file["other"] = [1.0]
        at = h5py.h5o.get_info(file["other"].id).addr
    with (tmp_path / "a.h5").open("r+b") as stream:
        stream.seek(at)
        stream.write(bytes(16))
    with pytest.raises(DataError, match=r"a\.h5: HDF5 cannot look through it .*it is damaged: .*fetch it again"):
        read({"recording": tmp_path / "a.h5"}, "mea_hdf5")
    # What was sealed is whole: then the library lacked something while it looked.
    seal(tmp_path / "a.h5")
    with pytest.raises(DataError, match=r"HDF5 cannot look through it .*the memory or the number of open files may be used up"):
        read({"recording": tmp_path / "a.h5"}, "mea_hdf5")


@pytest.mark.parametrize("kind", ["link", "raw", "virtual"])
def test_a_seal_vouches_for_nothing(kind: str, tmp_path: Path) -> None:
    """A checksum is what anybody can compute: a result with one is looked through as any other file."""
    path = leading(kind, tmp_path / "a.nc")
    seal(path)
    assert is_sealed(path)
    with pytest.raises(DataError, match="copy the data into one file"):
        open_dataset(path)
    with pytest.raises(DataError, match="copy the data into one file"):
        groups(path)


def test_a_sealed_result_that_declares_too_much(tmp_path: Path, little_memory: None) -> None:
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("draw", MANY)
        file.createVariable("value", "f8", ("draw",), chunksizes=(1024,), zlib=True)
    seal(tmp_path / "a.nc")
    assert (tmp_path / "a.nc").stat().st_size < 100_000
    with pytest.raises(DataError, match=r"value declares 8000000000000 bytes and holds 0"):
        open_dataset(tmp_path / "a.nc")


def test_a_long_dimension_declares_nothing(tmp_path: Path) -> None:
    """netCDF keeps a dimension without coordinates as a dataset of its length, which is never written nor read."""
    with netCDF4.Dataset(tmp_path / "a.nc", "w") as file:
        file.createDimension("spike", 10**9)
    seal(tmp_path / "a.nc")
    assert groups(tmp_path / "a.nc") == [""]


class Runs:
    """What makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return open, (str(self.mark), "w")


def test_nothing_that_is_opened_runs(tmp_path: Path) -> None:
    """Pickles in arrays and archives, Python in params.py and in YAML: an error or nothing, and the mark is never made."""
    mark = tmp_path / "ran"
    objects = np.array([Runs(mark)], dtype=object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", a=objects)
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(Runs(mark)))
    (tmp_path / "params.py").write_text(f"sample_rate = 30000.\nopen({str(mark)!r}, 'w')\n")
    np.save(tmp_path / "t.npy", np.array([1, 2]))
    phy = {"spike_times": tmp_path / "t.npy", "spike_clusters": tmp_path / "t.npy", "params": tmp_path / "params.py"}
    for files, reader in (
        ({"lfp": tmp_path / "a.npy"}, SIGNAL),
        ({"recording": tmp_path / "a.npz"}, LIST),
        ({"recording": tmp_path / "a.pkl"}, "any_neo"),
        ({"spike_times": tmp_path / "a.npy", **{k: v for k, v in phy.items() if k != "spike_times"}}, PHY),
    ):
        with pytest.raises(DataError):
            read(files, reader)
    assert read(phy, PHY).sizes["unit"] == 2
    for text in (f"a: !!python/object/apply:builtins.open [{mark}, w]", f"a: !!python/object/new:open [{mark}, w]"):
        with pytest.raises(ConfigError):
            yaml.parse(text, "x.yaml")
    assert not mark.exists()
    with (tmp_path / "a.pkl").open("rb") as stream:
        pickle.load(stream).close()
    assert mark.exists(), "the control: unpickled, it runs"


def test_the_library_never_asks_for_what_runs_code() -> None:
    """No pickle but that of its own compiled code, no eval, exec, shell, or unsafe YAML in the whole package and the workflow."""
    words = ["eval(", "exec(", "os.system", "shell=True", "pickle", "yaml.load(", "extractall", "unpack_archive"]
    allowed = {("kept.py", "pickle"), ("neo_io.py", "pickle"), ("yaml.py", "yaml.load(")}
    allowed |= {("composition.py", "exec(")}  # of text about how many hooks there are, in which no name of a user stands
    root = Path(__file__).parents[2]
    files = [*(root / "homeoanalysis").rglob("*.py"), *(root / "workflow").rglob("*.py"), *(root / "workflow").rglob("*.smk")]
    assert len(files) > 300
    for path in files:
        text = path.read_text().replace("allow_pickle=False", "")
        found = {(path.name, word) for word in words if word in text}
        assert found <= allowed, path


def test_a_long_params_of_phy_is_read_in_linear_time(tmp_path: Path) -> None:
    """Of 300,000 empty lines, which took minutes; one of more than any sorter writes is refused unread."""
    np.save(tmp_path / "t.npy", np.array([1, 2]))
    files = {"spike_times": tmp_path / "t.npy", "spike_clusters": tmp_path / "t.npy"}
    files["params"] = tmp_path / "params.py"
    files["params"].write_text("sample_rate = 30000.\nn = 1" + "\n" * 300_000)
    begun = time.process_time()
    assert read(files, PHY).sizes["unit"] == 2
    assert time.process_time() - begun < 10
    files["params"].write_text("sample_rate = 30000.\n".ljust(1_000_001, "#"))
    with pytest.raises(DataError, match=r"params\.py has more than 1000000 bytes; keep its line"):
        read(files, PHY)


@pytest.mark.slow
def test_names_from_a_config_reach_no_shell(tmp_path: Path) -> None:
    """A fetched file whose name is a command: it is copied under that name, and nothing runs."""
    name = "a'; touch ran; echo '$(touch ran) `touch ran`.txt"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / name).write_text("1\n2\n3\n")
    for path, text in (
        ("config.yaml", "seed: 1\nstudies: [s]\n"),
        ("studies/s.yaml", "title: s\nquestion: q\nrecordings: [r]\nmetrics: {firing_rate: {}}\nresampling: {draws: 0}\n"),
        (
            "recordings/r.yaml",
            "title: t\ncitation: c\nlicence: l\nsource: {folder: mine}\nduration: 4 s\n"
            "reader: {spike_text: {time_step: 1 ms, duration: 4 s}}\n"
            f"replicates: {{a: {{subject: s, files: {{spikes: {{name: {json.dumps(name)}}}}}}}}}\n",
        ),
    ):
        (tmp_path / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "config" / path).write_text(text)
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "snakemake", "-s", str(root / "Snakefile"), "--cores", "1", "results/activity/r/a.nc"]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(tmp_path.rglob("ran"))


def test_a_mat_file_of_hdf5_is_told_by_its_version(tmp_path: Path) -> None:
    """Version 7.3: HDF5 behind a header of 512 bytes, of which the last ones say so; and HDF5 that only has the name."""
    path = tmp_path / "day1.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file["spikes"] = np.arange(3.0)
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")
    with pytest.raises(DataError, match=r"day1\.mat is a MAT file of version 7\.3; save it again with save"):
        read_mat(path, None)
    with h5py.File(tmp_path / "plain.mat", "w") as file:
        file["spikes"] = np.arange(3.0)
    with pytest.raises(DataError, match=r"plain\.mat is no readable MAT file"):
        read_mat(tmp_path / "plain.mat", None)


def _nested(path: Path, levels: int, name: bytes = b"a") -> Path:
    """Groups, each in the one before; the root counts as one of them."""
    with h5py.File(path, "w", libver="latest") as file:
        file["sCount"], file["recordingtime"], file["spikes"] = [2], [0.0, 2.0], [0.5, 1.5]
        group = file.id
        for _ in range(levels - 1):
            group = h5py.h5g.create(group, name)
    return path


def _linked(path: Path) -> Path:
    """By links alone: all groups lie in the root, and each holds a link to the one before."""
    _nested(path, 1)
    with h5py.File(path, "r+") as file:
        for k in range(101):
            file.create_group(f"g{k:03}")
        for k in range(100):
            file[f"g{k + 1:03}/n"] = file[f"g{k:03}"]
    return path


def _in_itself(path: Path) -> Path:
    with h5py.File(_nested(path, 3), "r+") as file:
        file["a/a/b"] = file["a"]
    return path


def _virtual(path: Path) -> Path:
    """Spikes that are those of this very dataset."""
    with h5py.File(path, "w") as file:
        file["sCount"], file["recordingtime"] = [10], [0.0, 2.0]
        layout = h5py.VirtualLayout((10,), "f8")
        layout[:] = h5py.VirtualSource(".", "spikes", (10,))
        file.create_virtual_dataset("spikes", layout)
    return path


ENDLESS: dict[str, tuple[Callable[[Path], Path], str]] = {
    "20,000 groups": (lambda path: _nested(path, 20_000), "nested more than 100 levels deep"),
    "10,000 groups": (lambda path: _nested(path, 10_000), "nested more than 100 levels deep"),
    "101 groups": (lambda path: _nested(path, 101), "nested more than 100 levels deep"),
    "101 groups by links": (_linked, "nested more than 100 levels deep"),
    "a group in itself": (_in_itself, "a/a/b is a group that lies in itself"),
    "a virtual dataset of itself": (_virtual, r"spikes is made of other datasets \(virtual\)"),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_hdf5_without_end(name: str, tmp_path: Path) -> None:
    """What the library or a reader would look through for ever, or till the stack is full."""
    make, message = ENDLESS[name]
    code = "from pathlib import Path; from homeoanalysis.numerics.hdf5 import check_hdf5"
    made = make(tmp_path / "a.h5")
    command = [sys.executable, "-c", f"{code}; check_hdf5(Path({str(made)!r}))"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "DataError: a.h5: " in done.stderr
    assert re.search(message, done.stderr)


def test_hdf5_of_many_levels_and_links_is_read(tmp_path: Path) -> None:
    """The control: as deep as may be, two names of one object, and links that lead nowhere."""
    with h5py.File(_nested(tmp_path / "a.h5", 100), "r+") as file:
        file["b"], file["c"], file["spikes2"] = file["a"], h5py.SoftLink("/d"), file["spikes"]
        file["d"], file["e"] = h5py.SoftLink("/c"), h5py.SoftLink("/nowhere")
    assert read({"recording": tmp_path / "a.h5"}, "mea_hdf5").sizes["spike"] == 2


def _element(kind: int, content: bytes) -> bytes:
    return struct.pack("<II", kind, len(content)) + content + bytes(-len(content) % 8)


def _cells(levels: int, is_structure: bool = False, do_lengths_lie: bool = False) -> bytes:
    """A variable of cells, or of structures of one field, each in the one before; a number is the last."""
    start = [_element(5, struct.pack("<2i", 1, 1)), _element(1, b"a")]  # shape and name
    number = _element(14, b"".join([_element(6, struct.pack("<II", 6, 0)), *start, _element(9, struct.pack("<d", 7))]))
    if is_structure:
        start += [struct.pack("<HHi", 5, 4, 8), _element(1, b"field".ljust(8, b"\0"))]
    head = b"".join([_element(6, struct.pack("<II", 2 if is_structure else 1, 0)), *start])
    sizes = [len(head) + len(number) + (8 + len(head)) * k for k in reversed(range(levels))]
    if do_lengths_lie:
        sizes[1:] = [8] * (levels - 1)
    return b"".join(struct.pack("<II", 14, size) + head for size in sizes) + number


def _mat(path: Path, *variables: bytes, is_compressed: bool = False) -> Path:
    if is_compressed:
        packed = [zlib.compress(v) for v in variables]
        variables = tuple(struct.pack("<II", 15, len(p)) + p for p in packed)
    path.write_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + struct.pack("<H", 0x0100) + b"IM" + b"".join(variables))
    return path


NESTED: dict[str, Callable[[Path, int], Path]] = {
    "cells": lambda path, n: _mat(path, _cells(n)),
    "compressed cells": lambda path, n: _mat(path, _cells(n), is_compressed=True),
    "structures": lambda path, n: _mat(path, _cells(n, is_structure=True)),
    "lengths that lie": lambda path, n: _mat(path, _cells(n, do_lengths_lie=True)),
    "behind a damaged variable": lambda path, n: _mat(path, _element(14, b"12345678"), _cells(n)),
}


@pytest.mark.parametrize("levels", [101, 20_000])
@pytest.mark.parametrize("kind", NESTED)
def test_mat_files_of_cells_in_cells(kind: str, levels: int, tmp_path: Path) -> None:
    """scipy's parser calls itself for each level, and ends the whole process."""
    made = NESTED[kind](tmp_path / "a.mat", levels)
    for check in (lambda: read_mat(made, None), lambda: check_declared([made], "NeoMatlabIO")):
        with pytest.raises(DataError, match=r"a\.mat: cells nested more than 100 levels deep; save them flat"):
            check()


@pytest.mark.parametrize("kind", list(NESTED)[:4])
def test_mat_files_of_many_levels_are_read(kind: str, tmp_path: Path) -> None:
    """The control: as deep as may be; the number in the last is found."""
    value = read_mat(NESTED[kind](tmp_path / "a.mat", 100), None)["a"]
    for _ in range(100):
        value = value[0, 0] if value.dtype == object else value["field"][0, 0]
    assert value == 7


def test_every_mat_file_of_scipy_and_matlab_is_walked_whole(tmp_path: Path) -> None:
    """All kinds of arrays before a nested one: a walk that lost its place would not find it."""
    kinds = {
        "text": "ab",
        "texts": np.array(["abc", "de"]),
        "complex": np.ones((3, 5)) * 1j,
        "sparse": scipy.sparse.csc_matrix(np.eye(4) * (1 + 2j)),
        "truth": np.array([True, False, True]),
        "small": np.arange(3, dtype=np.uint8),
        "large": np.zeros(50_000),
        "empty": np.zeros((0, 4)),
        "none": np.zeros((0, 0), object),
        "record": np.array([(1.0, "x"), (2.0, "y")], [("a", object), ("b", object)]),
    }
    cells = np.empty(len(kinds) + 1, object)
    cells[:-1] = list(kinds.values())
    cells[-1] = np.array([[1.5]])
    for _ in range(99):
        cells[-1], inner = np.empty(1, object), cells[-1]
        cells[-1][0] = inner
    for is_compressed in (True, False):
        path = tmp_path / f"{is_compressed}.mat"
        scipy.io.savemat(path, {"cells": cells}, do_compression=is_compressed)
        assert read_mat(path, None)["cells"].size == cells.size
        deeper = np.empty(1, object)
        deeper[0] = cells
        scipy.io.savemat(path, {**kinds, "cells": deeper}, do_compression=is_compressed)
        with pytest.raises(DataError, match="nested more than 100 levels deep"):
            read_mat(path, None)


def test_two_variables_of_one_name(tmp_path: Path) -> None:
    """scipy keeps the last, and warns."""
    made = _mat(tmp_path / "a.mat", _cells(1), _cells(2))
    with pytest.raises(DataError, match=r"a\.mat is no readable MAT file .*Duplicate variable name"):
        read_mat(made, None)
