"""Files that were cut: what a format declares is compared with what is there, and a format that declares nothing says so."""

import json
import shutil
import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import neo
import neo.io
import numpy as np
import pytest
import quantities as pq
from spike_files import IN_ORDER, SAMPLES, TICKS, blackrock, neuralynx, neuroexplorer, nix, plexon

from homeoanalysis import catalogue
from homeoanalysis.cli.inspect import inspect
from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.identity import file_hash
from homeoanalysis.ingest import examine
from homeoanalysis.numerics.declared import check_declared
from homeoanalysis.numerics.findings import UNTOLD_END
from homeoanalysis.numerics.neo_io import read_blocks
from homeoanalysis.provenance import rng_for

Recorded = Callable[[str], Path]
any_neo = catalogue.load("readers", "any_neo")


def counted_plexon(folder: Path) -> Path:
    """As the maker's software writes it: the header counts spikes of each channel and unit."""
    path = plexon(folder)
    content = bytearray(path.read_bytes())
    for unit, ticks in TICKS.items():
        struct.pack_into("<i", content, 256 + 4 * (5 + unit), ticks.size)
    path.write_bytes(content)
    return path


def sampled_blackrock(folder: Path) -> Path:
    """NSx 2.3: a header of 314 bytes, 66 for each channel, packets that say how many samples they hold."""
    when = (2020, 1, 3, 1, 12, 0, 0, 0)
    head = struct.pack("<8sBBI16s256sII8HI", b"NEURALCD", 2, 3, 314 + 66, b"1 kS/s", b"", 30, 30000, *when, 1)
    channel = struct.pack("<2sH16sBBhhhh16sIIHIIH", b"CC", 1, b"elec1", 1, 1, -8191, 8191, -8191, 8191, b"uV", *(0,) * 6)
    packets = b"".join(struct.pack("<BII", 1, t, 500) + bytes(1000) for t in (0, 30000))
    path = folder / "a.ns2"
    path.write_bytes(head + channel + packets)
    return path


def winedr(folder: Path) -> Path:
    lines = {"VER": 6.4, "NC": 1, "NR": 1, "NBH": 2048, "ADCMAX": 32767, "AD": 10.0, "DT": 0.001, "NP": 1000}
    lines |= {"YN0": "Vm", "YU0": "mV", "YCF0": 1.0, "YAG0": 1.0, "YZ0": 0, "YO0": 0}
    path = folder / "a.edr"
    path.write_bytes("".join(f"{k}={v}\r\n" for k, v in lines.items()).encode().ljust(2048, b" ") + bytes(2000))
    return path


def matlab(folder: Path) -> Path:
    block, segment = neo.Block(), neo.Segment()
    segment.analogsignals.append(neo.AnalogSignal(np.arange(1000.0)[:, None], units="mV", sampling_rate=1 * pq.kHz))
    block.segments.append(segment)
    neo.io.NeoMatlabIO(str(folder / "a.mat")).write_block(block)
    return folder / "a.mat"


def biocam3(path: Path, *, frames: int = 50, channels: int = 4, volts: tuple[float, float] = (-4, 4), **more: Any) -> Path:
    """BRW 3 of 50 frames of 4 channels, one sample after the other; more: the samples, and the version of the layout."""
    with h5py.File(path, "w") as file:
        about = {"BitDepth": np.uint8(12), "MinVolt": volts[0], "MaxVolt": volts[1], "NRecFrames": frames}
        for name, value in (about | {"SamplingRate": 1000.0, "SignalInversion": 1}).items():
            file[f"3BRecInfo/3BRecVars/{name}"] = [value]
        file["3BData/Raw"] = more.get("raw", np.arange(200, dtype=np.uint16))
        file["3BData"].attrs["Version"] = more.get("version", 101)
        file["3BRecInfo/3BMeaStreams/Raw/Chs"] = np.array([(1, k) for k in range(channels)], [("Row", "i2"), ("Col", "i2")])
    return path


def biocam4(path: Path, *, toc: Any = ((0, 25), (25, 50)), n_samples: int = 200, wells: int = 1) -> Path:
    """BRW 4 of 50 frames of 4 channels."""
    said = {"MaxAnalogValue": 4.0, "MinAnalogValue": -4.0, "MaxDigitalValue": 4095, "MinDigitalValue": 0, "ScaleFactor": 1.0}
    with h5py.File(path, "w") as file:
        file["ExperimentSettings"] = [json.dumps({"ValueConverter": said, "TimeConverter": {"FrameRate": 1000.0}}).encode()]
        file["TOC"] = np.array(toc)
        for k in range(wells):
            file[f"Well_A{k + 1}/StoredChIdxs"] = np.arange(4)
            file[f"Well_A{k + 1}/Raw"] = np.arange(n_samples, dtype=np.uint16)
    return path


# Each format with the bytes of a record, where a cut between two of them is a shorter file that is whole.
MAKERS: dict[str, tuple[str, Callable[[Path], Path], int]] = {
    "nev": ("BlackrockIO", blackrock, 8 + 2 * SAMPLES),
    "nsx": ("BlackrockIO", sampled_blackrock, 0),
    "ntt": ("NeuralynxIO", neuralynx, 304),
    "plx": ("PlexonIO", counted_plexon, 0),
    "nex": ("NeuroExplorerIO", neuroexplorer, 0),
    "nix": ("NixIO", nix, 0),
    "edr": ("WinEdrIO", winedr, 0),
    "mat": ("NeoMatlabIO", matlab, 0),
}


@pytest.mark.parametrize("name", MAKERS)
def test_a_cut_file_is_refused(name: str, tmp_path: Path) -> None:
    """At 10 to 90 % of its length, in the middle of a record: by its header too, before any data are read."""
    io, make, record = MAKERS[name]
    path = make(tmp_path)
    whole = path.read_bytes()
    read_blocks(path, io, is_alone=True)  # the control
    for tenth in range(1, 10):
        at = len(whole) * tenth // 10
        at += record > 0 and (len(whole) - at) % record == 0
        path.write_bytes(whole[:at])
        with pytest.raises(DataError, match=r"compare its size with the original|truncated"):
            read_blocks(path, io, is_alone=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (partial(biocam3, raw=np.zeros((50, 4), np.uint16), version=100), None),
        (biocam3, None),
        (partial(biocam3, frames=40), r"declares 40 frames .* of 4 channels .*, but holds 200 samples"),
        (partial(biocam3, frames=51), "declares 51 frames"),
        (partial(biocam3, channels=5), r"declares 50 frames .* of 5 channels"),
        (partial(biocam3, raw=np.zeros(196, np.uint16)), "but holds 196 samples"),
        (partial(biocam3, raw=np.zeros(0, np.uint16), frames=0), "but holds 0 samples"),
        (partial(biocam3, raw=np.zeros((50, 4), np.uint16)), "but holds 50 x 4 samples"),
        (partial(biocam3, raw=np.zeros((50, 5), np.uint16), version=100), "but holds 50 x 5 samples"),
        (partial(biocam3, volts=(4, 4)), "declares samples from 4 to 4 uV"),
        (biocam4, None),
        (partial(biocam4, n_samples=196), r"declares 50 frames \(TOC\) of 4 channels .*, but holds 196 samples"),
        (partial(biocam4, toc=((0, 25), (30, 55))), "has a gap from frame 25 to 30"),
        (partial(biocam4, wells=2), "holds 2 wells, of which neo reads Well_A1 alone"),
    ],
)
def test_biocam_files_that_contradict_themselves(make: Callable[[Path], Path], message: str | None, tmp_path: Path) -> None:
    path = make(tmp_path / "a.brw")
    if message is None:
        (signal,) = read_blocks(path, "BiocamIO")[0].segments[0].analogsignals
        assert signal.shape == (50, 4)
        return
    with pytest.raises(DataError, match=message):
        read_blocks(path, "BiocamIO")


@pytest.mark.parametrize("file", ["pyabf_axon_files/File_axon_3.abf", "pyabf_axon_files/17o05028_ic_steps.abf"])
def test_a_cut_patch_clamp_file_is_refused(file: str, recorded: Recorded, tmp_path: Path) -> None:
    path = Path(shutil.copy(recorded(file), tmp_path))
    whole = path.read_bytes()
    read_blocks(path, "AxonIO")
    for tenth in range(1, 10):
        path.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(DataError, match="compare its size"):
            read_blocks(path, "AxonIO")


def test_blocks_of_plexon_that_are_whole_are_counted(tmp_path: Path) -> None:
    """Cut between two blocks: only the header's counts tell it."""
    path = counted_plexon(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[: -(16 + 2 * SAMPLES) * (len(IN_ORDER) // 2)])
    with pytest.raises(DataError, match=r"a\.plx declares \d+ spikes of unit \d on channel 1, but holds \d+; .*compare its size"):
        any_neo({"recording": path}, io="PlexonIO")


def test_spikeglx_says_how_long_its_samples_are(tmp_path: Path) -> None:
    meta = tmp_path / "a.ap.meta"
    meta.write_text("fileSizeBytes=100\n")
    meta.with_suffix(".bin").write_bytes(bytes(100))
    check_declared([meta], "SpikeGLXIO")
    meta.with_suffix(".bin").write_bytes(bytes(50))
    with pytest.raises(DataError, match=r"declares 100 bytes of a\.ap\.bin, which has 50"):
        check_declared([meta], "SpikeGLXIO")


def test_the_header_of_edf_says_how_many_records_there_are(tmp_path: Path) -> None:
    """By its bytes: the package that neo reads it with need not be installed."""
    head = f"{'0':184}{512:<8}{'':44}{10:<8}{1:<8}{1:<4}".encode() + b" " * 216 + f"{100:<8}".encode()
    path = tmp_path / "a.edf"
    path.write_bytes(head.ljust(512, b" ") + bytes(2000))
    check_declared([path], "EDFIO")
    for length in (100, 300, 500, 1000, 2511):
        path.write_bytes((head.ljust(512, b" ") + bytes(2000))[:length])
        with pytest.raises(DataError, match="compare its size"):
            check_declared([path], "EDFIO")


def findings(path: Path, reader: Any, role: str, sha256: str | None) -> list[Any]:
    listed = {role: {"name": path.name} | ({"sha256": sha256} if sha256 else {})}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": reader}
    recording = Recording.model_validate({**base, "replicates": {"r": {"subject": "s", "files": listed}}})
    return examine(recording, name="x", replicate="r", files={role: path})


TEXT = {"spike_text": {"time_step": "1 ms", "duration": "1 s"}}


@pytest.mark.parametrize("name", ["nev", "ntt", "plx without counts", "plx", "nex", "nix", "text"])
def test_a_format_that_cannot_tell_asks_for_a_checksum(name: str, tmp_path: Path) -> None:
    """Once for each recording, and not where the checksum of the files is known or the format tells."""
    if name == "text":
        path, reader, role = tmp_path / "a.txt", TEXT, "spikes"
        path.write_text("1\n2\n")
    else:
        make = plexon if name == "plx without counts" else MAKERS[name][1]
        path, reader, role = make(tmp_path), {"any_neo": {"duration": "60 s"}} if name == "nev" else "any_neo", "recording"
    is_said = name not in ("plx", "nex", "nix")
    assert findings(path, reader, role, None).count(UNTOLD_END) == is_said
    assert UNTOLD_END not in findings(path, reader, role, file_hash(path))
    if name != "text":
        assert (f"  {UNTOLD_END.text}" in list(inspect(path))) == is_said


def _neuralynx(folder: Path, times: list[int]) -> Path:
    """Records of one unit at these microseconds."""
    whole = neuralynx(folder).read_bytes()
    record = whole[2**14 : 2**14 + 304]
    path = folder / "TT1.ntt"
    path.write_bytes(whole[: 2**14] + b"".join(struct.pack("<Q", t) + record[8:] for t in times))
    return path


def test_records_of_neuralynx_out_of_order(tmp_path: Path) -> None:
    """neo takes the first and the last record for the ends of the recording, and drops what lies outside of them."""
    ordered = [1_000_000, 2_000_000, 3_000_000, 4_000_000]
    (block,) = read_blocks(_neuralynx(tmp_path, ordered), "NeuralynxIO")
    assert {train.shape[0] for train in block.segments[0].spiketrains} == {4}
    with pytest.raises(DataError, match=r"TT1\.ntt: records are not in order of time, and 1 of 4 lie outside"):
        read_blocks(_neuralynx(tmp_path, [*ordered[:2], ordered[3], ordered[2]]), "NeuralynxIO")


def test_the_last_spike_of_neuralynx(tmp_path: Path) -> None:
    """neo's rounding loses it in some recordings, by where they begin and end."""
    rng = rng_for(5, "neuralynx")
    pairs = [(a, a + int(rng.integers(10**6, 10**10))) for a in rng.integers(10**6, 10**11, 2000).tolist()]
    lost = [(a, b) for a, b in pairs if int((b / 1e6 - a / 1e6 + a / 1e6) * 1e6) < b]
    assert len(lost) > 5
    for begin, end in lost[:3]:
        (block,) = read_blocks(_neuralynx(tmp_path, [begin, begin + 1000, end]), "NeuralynxIO")
        assert {train.load().size for train in block.segments[0].spiketrains} == {3}
