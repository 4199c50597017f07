"""Units sorted with MClust, with the events and the video tracking of a Neuralynx system.

Evidence: A. D. Redish's MClust 3.5 (header of the files: "Time of spiking stored in timestamps (tenths of msecs) as unsigned
integer"): after the line %%ENDHEADER big-endian integers of 4 bytes. Neuralynx's "Neuralynx Data File Formats": a header of 16384
bytes, then records, little-endian: 184 bytes in an .nev, 1828 in an .nvt, with the time [us] in bytes 6 to 13 of each.
And the 128 clusters, events and video of config/recordings/vandermeer_R050_ca1_tmaze.yaml.
"""

import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import check_archive
from homeoanalysis.numerics.neo_io import read_blocks, told
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.numerics.tracking import resampled
from homeoanalysis.units import Duration, Metre, SamplingRate

if TYPE_CHECKING:
    import neo

_TICK = 1e-4  # s
_HEADER = 16384
_NEV = np.dtype([("_", "V6"), ("time", "<u8"), ("__", "V170")])
_NVT = np.dtype([("_", "V6"), ("time", "<u8"), ("__", "V1602"), ("x", "<i4"), ("y", "<i4"), ("___", "V204")])
_EDGES = ("Starting Recording", "Stopping Recording")


def mclust(
    files: Mapping[str, Path],
    *,
    pixel_x: Annotated[Metre, Field(gt=0)] | None = None,
    pixel_y: Annotated[Metre, Field(gt=0)] | None = None,
    frame_rate: Annotated[SamplingRate, Field(gt=0)] = 30.0,
    region: str = "",
    duration: Annotated[Duration, Field(gt=0)] | None = None,
) -> "neo.Block":
    """One unit for each cluster file, on the clock of the acquisition system.

    files: role "events", an .nev, whose events of starting and stopping give the observed segments; "video", an .nvt or a
    zip that holds one; any other role is a unit, a .t (single), or ._t (of lower quality: multi) file.
    pixel_x, pixel_y: size of a pixel of the video. frame_rate: of the position, which becomes the covariate x, y [m]; NaN
    where the animal was not tracked. region: of all units. duration: observed time, from 0 s on, without events.
    Raises DataError for files that are damaged or of another format, and for spikes outside of the segments.
    """
    import neo
    import quantities as pq

    clusters = {role: path for role, path in files.items() if role not in ("events", "video")}
    if not clusters or ("events" in files) == (duration is not None):
        raise DataError("reader mclust needs cluster files, and either the role 'events' or the parameter duration")
    block = neo.Block()
    events = _events(files["events"]) if "events" in files else []
    spans = _spans(files["events"], events) if duration is None else [(0.0, duration)]
    for start, stop in spans:
        block.segments.append(neo.Segment(index=len(block.segments), tells_its_end=False))
        for event in events:
            inside = (event.times >= start * pq.s) & (event.times <= stop * pq.s)
            block.segments[-1].events.append(event[inside])
    for role, path in clusters.items():
        times, edges = _cluster(path) * _TICK, np.array(spans)
        where = np.searchsorted(edges[:, 0] - _TICK, times, side="right") - 1
        if np.any(where < 0) or np.any(times > edges[np.maximum(where, 0), 1] + _TICK):
            lost = times[(where < 0) | (times > edges[np.maximum(where, 0), 1] + _TICK)]
            raise DataError(
                f"{path.name}: {lost.size} of {times.size} spikes are outside of the segments, the first at {lost[0]:.4f} s"
            )
        kind = "multi" if path.suffix == "._t" else "single"
        for k, (start, stop) in enumerate(spans):
            first = _TICK * np.floor(start / _TICK)  # the clock of the spikes is coarser than that of the events
            about: dict[str, Any] = dict(name=role, file=path.name, tick=_TICK, unit_kind=kind, region=region)
            train = spike_train(times[where == k], first, stop, **about)
            block.segments[k].spiketrains.append(train)
    if "video" in files:
        if pixel_x is None or pixel_y is None:
            raise DataError("reader mclust needs pixel_x and pixel_y, the size of a pixel, to read the video")
        _add_position(block, spans, files["video"], (pixel_x, pixel_y), frame_rate)
    return block


def _cluster(path: Path) -> NDArray[np.float64]:
    content = path.read_bytes()
    head, mark, body = content.partition(b"%%ENDHEADER\n")
    if not mark or b"MClust" not in head or len(body) % 4:
        raise DataError(f"{path.name} is no whole cluster file of MClust (its header, then 4 bytes a spike); copy it again")
    if b"as unsigned integer" not in head:
        raise DataError(f"{path.name} stores its times in another way than as 'unsigned integer'; save it again with MClust 3.5")
    return np.frombuffer(body, ">u4").astype(float)


def _events(path: Path) -> "list[neo.Event]":
    """The events as neo has them, on the clock of the system: neo counts from the first record on."""
    import neo
    import quantities as pq

    size = path.stat().st_size - _HEADER
    if size <= 0 or size % _NEV.itemsize:
        raise DataError(f"{path.name} is no whole file of Neuralynx events ({size} bytes behind its header); copy it again")
    when = np.fromfile(path, _NEV, offset=_HEADER)["time"].astype(np.int64)
    if np.any(np.diff(when) < 0):  # neo drops what is not between the first record and the last
        raise DataError(f"{path.name}: {np.sum(np.diff(when) < 0)} records are earlier than the one before; sort or remove them")
    (block,) = read_blocks(path, "NeuralynxIO")
    with told(path, "NeuralynxIO"):
        loaded = [e.load() for s in block.segments for e in s.events]
    first = when[0] * 1e-6
    earliest = min(float(e.times.min()) for e in loaded if len(e))
    return [neo.Event(e.times + (first - earliest) * pq.s, labels=e.labels, name=e.name) for e in loaded]


def _spans(path: Path, events: "list[neo.Event]") -> list[tuple[float, float]]:
    """When was recorded, by the events of starting and stopping."""
    found = sorted(
        (float(t), str(label)) for e in events for t, label in zip(e.times, e.labels, strict=True) if str(label) in _EDGES
    )
    labels = [label for _, label in found]
    if not found or labels != list(_EDGES) * (len(found) // 2):
        raise DataError(
            f"{path.name}: recording does not start and stop in turn ({', '.join(labels[:6])}); give duration instead"
        )
    return [(found[k][0], found[k + 1][0]) for k in range(0, len(found), 2)]


def _add_position(
    block: "neo.Block", spans: list[tuple[float, float]], path: Path, pixel: tuple[float, float], rate: float
) -> None:
    import neo
    import quantities as pq

    time, place = _video(path)
    place = place * pixel
    place[(place == 0).all(axis=1)] = np.nan  # where the system found no light
    for segment, (start, stop) in zip(block.segments, spans, strict=True):
        values = resampled(time, place, start, stop, rate)
        for axis, column in zip("xy", values.T, strict=True):
            where = dict(sampling_rate=rate * pq.Hz, t_start=start * pq.s, name=axis, role="covariate", unit_name="m")
            segment.analogsignals.append(neo.AnalogSignal(column[:, None], units="m", **where))


def _video(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Time [s] of each frame, and where the animal was, (frame, 2) [pixel]; (0, 0) where that is not known."""
    times, places = [], []
    with _opened(path) as stream:
        head = stream.read(_HEADER)
        if not head.startswith(b"######## Neuralynx"):
            raise DataError(f"{path.name} is no video file of Neuralynx; check which file has which role")
        while piece := stream.read(_NVT.itemsize * 4096):
            if len(piece) % _NVT.itemsize:
                raise DataError(f"{path.name} ends within a record; it is truncated: copy it again")
            records = np.frombuffer(piece, _NVT)
            times.append(records["time"] * 1e-6)
            places.append(np.stack([records["x"], records["y"]], axis=1).astype(float))
    if not times:
        raise DataError(f"{path.name} holds no frame; copy it again")
    time = np.concatenate(times)
    if np.any(np.diff(time) <= 0):
        raise DataError(f"{path.name}: {np.sum(np.diff(time) <= 0)} frames are not later than the one before; mend the file")
    return time, np.concatenate(places)


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes] | Any]:
    """The file, or the only .nvt inside a zip, which is read piece by piece and never unpacked."""
    if path.suffix.lower() != ".zip":
        with path.open("rb") as stream:
            yield stream
        return
    try:
        with zipfile.ZipFile(path) as archive:
            check_archive(archive)
            names = [n for n in archive.namelist() if n.lower().endswith(".nvt")]
            if len(names) != 1:
                raise DataError(f"{path.name} holds {len(names)} .nvt files, not one; take it out of the archive")
            with archive.open(names[0]) as inside:
                yield inside
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, RuntimeError, ValueError, zlib.error) as error:
        raise DataError(f"{path.name} is no readable zip archive ({error}); copy it again") from None
