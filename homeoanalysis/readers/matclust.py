"""Units sorted with MatClust, in the nested cells of the Frank laboratory, with the video tracking of its Trodes/NSpike systems.

Evidence: the two files of config/recordings/nelpy_linear_track.yaml. `spikes{day}{epoch}{tetrode}{cell}` is a structure of `time`
and `timerange` [s] and `meanrate`, or empty where there is no such cell. The video file is a text header up to
"<End settings>", which names the clock's rate and the fields, then little-endian records of them.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.mat import read_mat
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.numerics.tracking import resampled
from homeoanalysis.units import SamplingRate

if TYPE_CHECKING:
    import neo

_END = b"<End settings>\n"
_TYPES = {"uint8": "<u1", "uint16": "<u2", "uint32": "<u4", "uint64": "<u8", "int32": "<i4", "double": "<f8"}


def matclust(
    files: Mapping[str, Path],
    *,
    day: Annotated[int, Field(ge=1)] = 1,
    epoch: Annotated[int, Field(ge=1)] = 1,
    clock_rate: Annotated[SamplingRate, Field(gt=0)] = 30_000.0,
    frame_rate: Annotated[SamplingRate, Field(gt=0)] = 30.0,
    region: str = "",
) -> "neo.Block":
    """One segment, over the time range that the file gives.

    files: role "spikes", a MAT file; "position", which may be absent, a .videoPositionTracking file.
    day, epoch: which cells of the file, from 1 on, as in MATLAB. clock_rate: of the spikes; times are whole ticks of it.
    frame_rate: of the position, the covariate x, y [pixel]. region: of all units.
    Units are named by tetrode and cell, T01_02. Cells without a spike time are left out: they stand for no unit.
    Raises DataError for files of another layout, and for units of different time ranges.
    """
    import neo
    import quantities as pq

    if "spikes" not in files or set(files) - {"spikes", "position"}:
        raise DataError(f"reader matclust needs the file 'spikes', and may have 'position'; given: {', '.join(sorted(files))}")
    path = files["spikes"]
    units = _units(path, day, epoch)
    ranges = {tuple(np.ravel(u["timerange"]).tolist()) for u in units.values()}
    if len(ranges) != 1 or len(span := ranges.pop()) != 2:
        raise DataError(f"{path.name}: units have {len(ranges) + 1} different time ranges, so that observed time is not known")
    start, stop = span
    segment, tick = neo.Segment(), 1 / clock_rate
    first, last = tick * np.floor(start / tick), tick * np.ceil(stop / tick)
    for name, unit in units.items():
        times = tick * np.rint(np.ravel(unit["time"]).astype(float) / tick)
        if np.any(np.abs(times - np.ravel(unit["time"])) > 1e-3 * tick + 1e-8):
            raise DataError(
                f"{path.name}: unit {name} has times that are no ticks of a clock of {clock_rate:g} Hz; mend clock_rate"
            )
        segment.spiketrains.append(spike_train(times, first, last, name=name, file=path.name, tick=tick, region=region))
    if "position" in files:
        time, place = _position(files["position"])
        for axis, column in zip("xy", resampled(time, place, first, last, frame_rate).T, strict=True):
            where = dict(sampling_rate=frame_rate * pq.Hz, t_start=first * pq.s, name=axis, role="covariate", unit_name="1")
            segment.analogsignals.append(neo.AnalogSignal(column[:, None], units="dimensionless", **where))
    block = neo.Block()
    block.segments.append(segment)
    return block


def _units(path: Path, day: int, epoch: int) -> dict[str, dict[str, Any]]:
    cells: Any = read_mat(path, ["spikes"]).get("spikes")
    try:
        for index in (day, epoch):
            cells = np.ravel(cells)[index - 1]
        found = {
            f"T{t:02d}_{c:02d}": {key: cell[key].ravel()[0] for key in ("time", "timerange")}
            for t, tetrode in enumerate(np.ravel(cells), 1)
            for c, cell in enumerate(np.ravel(tetrode), 1)
            if np.size(cell)  # no unit was given this number
        }
    except (IndexError, ValueError, TypeError) as error:
        raise DataError(f"{path.name} has no spikes{{{day}}}{{{epoch}}} of cells with time and timerange ({error})") from None
    for name, unit in found.items():
        for key, value in unit.items():
            shape = np.shape(value)
            is_column = isinstance(value, np.ndarray) and np.size(value) <= max(shape, default=1)
            if not is_column or value.dtype.kind not in "iuf":
                raise DataError(f"{path.name}: {key} of unit {name} is no column of numbers, but of shape {shape}; mend the file")
    found = {name: unit for name, unit in found.items() if np.size(unit["time"])}
    if not found:
        raise DataError(f"{path.name}: spikes{{{day}}}{{{epoch}}} holds no unit with a spike; choose another day or epoch")
    return found


def _position(path: Path) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Time [s] of each frame, each once, and x, y of the first light [pixel]; NaN where it was not seen."""
    head, mark, body = path.read_bytes().partition(_END)
    rate = re.search(rb"^clockrate: (\d+)", head, re.MULTILINE)
    fields = re.findall(r"<(\w+) (\w+)>", (re.search(rb"^Fields: (.*)$", head, re.MULTILINE) or [b"", b""])[1].decode("latin-1"))
    if (
        not mark
        or rate is None
        or [name for name, _ in fields[:3]] != ["time", "xloc", "yloc"]
        or {t for _, t in fields} - set(_TYPES)
    ):
        raise DataError(f"{path.name} is no video tracking with the fields time, xloc and yloc; check which file has which role")
    dtype = np.dtype([(name, _TYPES[kind]) for name, kind in fields])
    if not body or len(body) % dtype.itemsize:
        raise DataError(f"{path.name} ends within a record; it is truncated: copy it again")
    records = np.frombuffer(body, dtype)
    time, index = np.unique(records["time"] / int(rate[1]), return_index=True)
    if np.any(np.diff(index) < 0):
        raise DataError(f"{path.name}: frames are not in order of time; mend the file")
    place = np.stack([records["xloc"], records["yloc"]], axis=1).astype(float)[index]
    place[(place == 0).all(axis=1)] = np.nan
    return time, place
