"""What a file declares to hold, against what is there: a file that was cut is refused, not read as a shorter one.

`check_declared` looks at the bytes before neo reads them, `check_buffers` at what neo has made of a header.
"""

import mmap
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.mat import check_mat

_MEND = "it is damaged or incomplete: compare its size with the original, or fetch it again"
# Formats whose bytes say where they end: a header that counts, or a container that knows its own length.
# Of the others a file that ends between two records looks whole.
_TELLING = {
    "AxonIO",
    "BiocamIO",
    "EDFIO",
    "NWBIO",
    "NeoMatlabIO",
    "NeuroExplorerIO",
    "NixIO",
    "SpikeGLXIO",
    "WinEdrIO",
    "WinWcpIO",
}
# Formats of which neo counts samples by the length of the file, and leaves out a part of a sample.
_BY_LENGTH = {"BrainVisionIO", "ElanIO", "MicromedIO", "NeuroScopeIO", "RawMCSIO"}


def tells_its_end(files: Sequence[Path], io: str) -> bool:
    """Whether a file of this format that was cut between two records would be noticed."""
    return io in _TELLING or (io == "PlexonIO" and all(any(_plexon_counts(_head(f, 7504))) for f in files))


def check_declared(files: Sequence[Path], io: str) -> None:
    """Raises DataError for a file that holds less than it declares, or that ends within a record."""
    check = _CHECKS.get(io)
    for path in files if check is not None else ():
        if path.is_file() and path.stat().st_size:
            assert check is not None
            fault = next(check(path), None)
            if fault is not None:
                raise DataError(f"{path.name} {fault}; {_MEND}")


def check_buffers(reader: Any, io: str) -> None:
    """The same of the arrays of samples that neo has found. reader: a class of neo.io that has read its header."""
    for segments in (getattr(reader, "_buffer_descriptions", None) or {}).values():
        for buffers in segments.values():
            for buffer in buffers.values():
                if buffer.get("type") == "raw":
                    _check_buffer(buffer, io)


def reach_last_spikes(reader: Any) -> None:
    """Move the ends of a Neuralynx recording by the last digit where neo's rounding leaves the spike out that lies there.

    neo compares whole microseconds with int(1e6 (end - start + start)), which is one too few in 1 to 2 % of files.
    """
    begin, ends = reader.global_t_start, reader._seg_t_stops
    for k, end in enumerate(ends):
        wanted = round(1e6 * end)
        while int((ends[k] - begin + begin) * 1e6) < wanted:
            ends[k] = np.nextafter(ends[k], np.inf)


def count_left_out(reader: Any) -> int:
    """Spikes of Neuralynx files that lie outside of the recorded segments, where neo drops them without a word.

    Raises DataError where that is so since records are not in order of time: without signals the first
    and the last record are the ends of the recording.
    """
    files = {str(data.filename): data["timestamp"] for data in reader._spike_memmap.values()}
    begins, ends = (np.rint(1e6 * np.asarray(x, float)) for x in (reader._seg_t_starts, reader._seg_t_stops))
    left = 0
    for name, times in files.items():
        inside = np.zeros(times.size, bool)
        for begin, end in zip(begins, ends, strict=True):
            inside |= (times >= begin) & (times <= end)
        if not inside.all() and np.any(np.diff(times.astype(np.int64)) < 0):
            raise DataError(
                f"{Path(name).name}: records are not in order of time, and {np.sum(~inside)} of {times.size} lie outside of the "
                "recording that the first and the last make; sort them, or fetch the original"
            )
        left += int(np.sum(~inside))
    return left


def _check_buffer(buffer: dict[str, Any], io: str) -> None:
    path, shape = Path(buffer["file_path"]), [int(n) for n in buffer["shape"]]
    size = np.dtype(buffer["dtype"]).itemsize
    held = path.stat().st_size - int(buffer["file_offset"])
    declared = prod(shape) * size
    if declared > held:
        raise DataError(f"{path.name} declares {declared} bytes of samples, but holds {max(held, 0)}; {_MEND}")
    if io in _BY_LENGTH and held > declared:
        raise DataError(f"{path.name} ends {held - declared} bytes into a sample of {prod(shape[1:]) * size}; {_MEND}")
    if io == "OpenEphysBinaryIO":
        for times in (p for n in ("sample_numbers.npy", "timestamps.npy") if (p := path.with_name(n)).is_file()):
            count = len(np.load(times, mmap_mode="r", allow_pickle=False))
            if count != shape[0]:
                raise DataError(f"{path.name} holds {shape[0]} samples, but {times.name} {count} times; {_MEND}")


def _head(path: Path, count: int) -> bytes:
    with path.open("rb") as stream:
        return stream.read(count)


def _in_records(path: Path, header: int, record: int) -> Iterator[str]:
    """What is wrong with a file of records of one length behind a header."""
    body = path.stat().st_size - header
    if record <= 0 or header <= 0:
        return
    if body < 0:
        yield f"declares a header of {header} bytes, but is a file of {path.stat().st_size}"
    elif body % record:
        yield f"ends {body % record} bytes into a record of {record}"


def _blackrock(path: Path) -> Iterator[str]:
    """Source: Blackrock Microsystems, "File Formats" LB-0023 (NEV and NSx, versions 2.1 to 3.0)."""
    head = _head(path, 314)
    if head[:8] in (b"NEURALEV", b"BREVENTS") and len(head) >= 20:
        yield from _in_records(path, *struct.unpack_from("<II", head, 12))
    elif head[:8] == b"NEURALSG" and len(head) >= 32:
        (channels,) = struct.unpack_from("<I", head, 28)
        yield from _in_records(path, 32 + 4 * channels, 2 * channels)
    elif head[:8] in (b"NEURALCD", b"BRSMPGRP") and len(head) >= 314:
        (at,), (channels,) = struct.unpack_from("<I", head, 10), struct.unpack_from("<I", head, 310)
        yield from _sampled(path, at, channels, struct.Struct("<BQI" if head[8] >= 3 else "<BII"))


def _sampled(path: Path, at: int, channels: int, packet: struct.Struct) -> Iterator[str]:
    """Packets of samples; each declares how many it holds."""
    size = path.stat().st_size
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            head = stream.read(packet.size)
            count = packet.unpack(head)[2] if len(head) == packet.size else 0
            if len(head) < packet.size or at + packet.size + 2 * channels * count > size:
                yield f"declares {count} samples of {channels} channels from byte {at} on, but is a file of {size} bytes"
                return
            if count == 1:  # a packet for each sample: their number is not declared
                yield from _in_records(path, at, packet.size + 2 * channels)
            if count <= 1:
                return
            at += packet.size + 2 * channels * count


def _plexon_counts(head: bytes) -> list[int]:
    """Spikes of each channel and unit, events of each channel. Source: Plexon, "Plexon Data File Structures", PL_FileHeader."""
    return [n for at, count in ((256, 650), (5456, 300)) for n in struct.unpack_from(f"<{count}i", head.ljust(7504, b"\0"), at)]


def _plexon(path: Path) -> Iterator[str]:
    """Every block with its samples, and as many of spikes and events as the header counts."""
    head = _head(path, 7504)
    if len(head) < 7504 or head[:4] != b"PLEX":
        return  # of another format, as neo says
    spikes, events, slow = struct.unpack_from("<i", head, 140)[0], *struct.unpack_from("<ii", head, 144)
    at = 7504 + 1020 * spikes + 296 * events + 296 * slow
    block = struct.Struct("<HHIHHHH")
    found: Counter[tuple[int, int, int]] = Counter()
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        size = len(content)
        while at + block.size <= size:
            kind, _, _, channel, unit, waves, words = block.unpack_from(content, at)
            at += block.size + 2 * waves * words
            if kind in (1, 4):
                found[kind, channel, unit if kind == 1 else 0] += 1
    if at != size:
        yield f"ends within a block, of which the end would be byte {at}, but is a file of {size} bytes"
        return
    counts = _plexon_counts(head)
    for k, declared in enumerate(counts):
        key = (1, k // 5, k % 5) if k < 650 else (4, k - 650, 0)
        if declared > found[key]:
            what = f"spikes of unit {key[2]} on channel {key[1]}" if k < 650 else f"events of channel {key[1]}"
            yield f"declares {declared} {what}, but holds {found[key]}"


def _neuroexplorer(path: Path) -> Iterator[str]:
    """Source: NeuroExplorer, "NEX file structure"; the layout of a variable as in neo.rawio.neuroexplorerrawio."""
    from neo.rawio import neuroexplorerrawio as layout

    head, row = _head(path, 544), np.dtype(layout.EntityHeader).itemsize
    if len(head) < 544 or head[:4] != b"NEX1":
        return  # of another format, as neo says
    (count,) = struct.unpack_from("<i", head, 280)
    size = path.stat().st_size
    if count < 0 or 544 + count * row > size:
        yield f"declares {count} variables, but is a file of {size} bytes"
        return
    with path.open("rb") as stream:
        stream.seek(544)
        entities = np.frombuffer(stream.read(count * row), layout.EntityHeader)
    for one in entities:
        n, points, at = int(one["n"]), int(one["NPointsWave"]), int(one["offset"])
        marks = int(one["NMarkers"]) * (64 + n * int(one["MarkerLength"]))
        needed = {2: 8 * n, 3: (4 + 2 * points) * n, 4: 8 * n, 5: 8 * n + 2 * points, 6: 4 * n + marks}
        end = at + needed.get(int(one["type"]), 4 * n)
        if n < 0 or end > size:
            name = one["name"].decode(errors="replace")
            yield f"declares {n} entries of {name} up to byte {end}, but is a file of {size} bytes"


# Tables of an ABF2 header: where the header says how many rows there are, and bytes of a row.
# Source: neo.rawio.axonrawio, section index (from byte 76 on, 16 bytes each) and row descriptions; a row may be longer.
_ABF2 = {"ADC": (92, 128), "DAC": (108, 256), "epoch": (124, 32), "epoch per DAC": (156, 48), "data": (236, 2), "tag": (252, 64)}


def _axon(path: Path) -> Iterator[str]:
    """A table of ABF2, or the samples of ABF1, that are longer than the file: neo would read rows for minutes (seen)."""
    head, size = _head(path, 268), path.stat().st_size
    if head[:4] == b"ABF2" and len(head) >= 268:
        for name, (at, smallest) in _ABF2.items():
            block, row, n = struct.unpack_from("<IIq", head, at)
            if n and (n < 0 or row < smallest or 512 * block + row * n > size):
                yield f"declares {n} rows of {row} bytes in its {name} table, but is a file of {size} bytes"
    elif head[:4] == b"ABF " and len(head) >= 102:
        (n,), (block,), (form,) = (struct.unpack_from(f"<{f}", head, at) for at, f in ((10, "i"), (40, "i"), (100, "h")))
        if n < 0 or 512 * block + (4 if form == 1 else 2) * n > size:
            yield f"declares {n} samples from byte {512 * block} on, but is a file of {size} bytes"


_NEURALYNX = {".ncs": 1044, ".nse": 112, ".ntt": 304, ".nev": 184, ".nvt": 1828}
_NEURALYNX_HEADER = 2**14


def _neuralynx(path: Path) -> Iterator[str]:
    """Source: Neuralynx, "Data File Formats"; `-RecordSize` of the header, where it stands, is the file's own."""
    record = _NEURALYNX.get(path.suffix.lower())
    if record is not None:
        own = re.search(rb"-RecordSize\s+(\d{1,6})\s", _head(path, _NEURALYNX_HEADER))
        yield from _in_records(path, _NEURALYNX_HEADER, int(own[1]) if own else record)


def _openephys(path: Path) -> Iterator[str]:
    """Source: Open Ephys, "Open Ephys data format": a header of 1024 bytes, blocks of 1024 samples."""
    record = {".continuous": 2070, ".events": 16}.get(path.suffix.lower())
    if record is not None:
        yield from _in_records(path, 1024, record)


def _spikeglx(path: Path) -> Iterator[str]:
    """Source: SpikeGLX, "Metadata Guide": fileSizeBytes."""
    if path.suffix != ".meta" or not (data := path.with_suffix(".bin")).is_file():
        return
    found = re.search(r"^fileSizeBytes\s*=\s*(\d{1,18})\s*$", path.read_text("utf-8", "replace"), re.MULTILINE)
    if found and int(found[1]) > data.stat().st_size:
        yield f"declares {found[1]} bytes of {data.name}, which has {data.stat().st_size}"


def _matlab(path: Path) -> Iterator[str]:
    """Source: MAT-File Format, MathWorks, "Level 5 MAT-File Format": elements of a type and a length."""
    head, size = _head(path, 128), path.stat().st_size
    if head[:10] != b"MATLAB 5.0":
        return
    check_mat(path)
    order, at = "<" if head[126:128] == b"IM" else ">", 128
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            tag = stream.read(8)
            length = struct.unpack(f"{order}II", tag)[1] if len(tag) == 8 else 0
            if len(tag) < 8 or at + 8 + length > size:
                yield f"declares a variable of {length} bytes at byte {at}, but is a file of {size} bytes"
                return
            at += 8 + length


def _edf(path: Path) -> Iterator[str]:
    """Source: Kemp et al. 1992, Electroencephalogr Clin Neurophysiol 82:391, the header; three bytes a sample where it is BDF."""
    with path.open("rb") as stream:
        head = stream.read(256)
        try:
            start, records, channels = int(head[184:192]), int(head[236:244]), int(head[252:256])
            stream.seek(256 + 216 * channels)
            samples = sum(int(stream.read(8)) for _ in range(channels))
        except (ValueError, OSError):
            yield "has no whole header"
            return
    end = start + records * samples * (3 if head[:1] == b"\xff" else 2)
    if end > path.stat().st_size:
        yield f"declares {records} records up to byte {end}, but is a file of {path.stat().st_size} bytes"


def _tdt(path: Path) -> Iterator[str]:
    """Records of 40 bytes that say where their samples lie in the .tev file. Layout as in neo.rawio.tdtrawio."""
    if path.suffix.lower() != ".tsq":
        return
    fault = next(_in_records(path, 40, 40), None)
    if fault is not None:
        yield fault
        return
    form = [("size", "<i4"), ("kind", "<i4"), ("rest", "V16"), ("at", "<i8"), ("more", "V8")]
    records, data = np.fromfile(path, np.dtype(form)), path.with_suffix(".tev")
    stored = records[np.isin(records["kind"], (0x8101, 0x8201))]
    if stored.size and data.is_file():
        end = int((stored["at"] + 4 * (stored["size"].astype(np.int64) - 10)).max())
        if end > data.stat().st_size:
            yield f"declares {end} bytes of {data.name}, which has {data.stat().st_size}"


def _biocam(path: Path) -> Iterator[str]:
    """3Brain, BRW 3 and 4: neo counts channels by the length of the samples. Layout as in neo.rawio.biocamrawio."""
    import h5py

    with h5py.File(path) as file:
        if "3BRecInfo" in file:
            yield from _brw3(file)
        elif "TOC" in file:
            yield from _brw4(file)


def _brw3(file: Any) -> Iterator[str]:
    about, raw = file["3BRecInfo/3BRecVars"], file["3BData/Raw"]
    frames, channels = int(about["NRecFrames"][0]), len(file["3BRecInfo/3BMeaStreams/Raw/Chs"])
    is_table = file["3BData"].attrs.get("Version") == 100
    wanted = (frames, channels) if is_table else (frames * channels,)
    if raw.shape != wanted or not raw.size:
        held = " x ".join(map(str, raw.shape))
        yield f"declares {frames} frames (NRecFrames) of {channels} channels (Chs), but holds {held} samples (Raw)"
    low, high = (float(about[name][0]) for name in ("MinVolt", "MaxVolt"))
    if not low < high:
        yield f"declares samples from {low:g} to {high:g} uV (MinVolt, MaxVolt), which is no range"


def _brw4(file: Any) -> Iterator[str]:
    wells = [name for name in file if name.startswith("Well_")]
    if len(wells) > 1:
        raise DataError(
            f"{Path(file.filename).name} holds {len(wells)} wells, of which neo reads {wells[0]} alone; export each alone"
        )
    start, stop = np.asarray(file["TOC"][:], np.int64).reshape(-1, file["TOC"].shape[-1])[:, [0, -1]].T
    gaps = np.flatnonzero(start[1:] > stop[:-1] + 1)
    if gaps.size:
        k = gaps[0]
        raise DataError(
            f"{Path(file.filename).name} has a gap from frame {stop[k]} to {start[k + 1]}, of which neo knows nothing; "
            "export each stretch to its own file"
        )
    if wells and {"Raw", "StoredChIdxs"} <= set(file[wells[0]]):
        raw, channels, frames = file[wells[0]]["Raw"], len(file[wells[0]]["StoredChIdxs"]), int((stop - start).sum())
        if raw.size < frames * channels or not raw.size:
            yield f"declares {frames} frames (TOC) of {channels} channels (StoredChIdxs), but holds {raw.size} samples (Raw)"


_CHECKS: dict[str, Callable[[Path], Iterator[str]]] = {
    "AxonIO": _axon,
    "BiocamIO": _biocam,
    "BlackrockIO": _blackrock,
    "EDFIO": _edf,
    "NeoMatlabIO": _matlab,
    "NeuralynxIO": _neuralynx,
    "NeuroExplorerIO": _neuroexplorer,
    "OpenEphysIO": _openephys,
    "PlexonIO": _plexon,
    "SpikeGLXIO": _spikeglx,
    "TdtIO": _tdt,
}
