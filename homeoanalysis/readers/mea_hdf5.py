"""The HDF5 layout of the multi-electrode repositories of Eglen and co-workers.

Evidence: Eglen et al. 2014, doi:10.1186/2047-217X-3-3, the 82 files of Charlesworth et al. 2015, and the four of Hennig et al.
2011, whose `summary/duration` is the time from the first to the last spike, rounded up.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.hdf5 import check_hdf5
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.units import Duration, Second

if TYPE_CHECKING:
    import neo


def mea_hdf5(
    files: Mapping[str, Path], *, start: Second | None = None, duration: Annotated[Duration, Field(gt=0)] | None = None
) -> "neo.Block":
    """Spikes of a multi-electrode array, one unit per electrode (threshold crossings: multi-unit).

    files: role "recording". The file holds `spikes` [s], one electrode after the other, `sCount` (how many each),
    and may hold `names`, `epos` (2 x electrode, [um]) and `recordingtime` [s]; without the last, the observed time
    is `summary/duration` from `start` on.
    duration: observed time from `start` on, where what the file says of it is absent or wrong. start: by default where
    recordingtime begins, or 0; with recordingtime it needs a duration.
    Raises DataError if the file is no such HDF5, or its counts do not add up.
    """
    import h5py
    import neo

    if set(files) != {"recording"}:
        raise DataError(f"reader mea_hdf5 needs one file, 'recording', not {', '.join(sorted(files))}")
    path = files["recording"]
    try:
        check_hdf5(path)
        with h5py.File(path) as file:
            found = {
                k: file[k][()] for k in ("spikes", "sCount", "names", "epos", "recordingtime", "summary/duration") if k in file
            }
    except (OSError, KeyError, RuntimeError, TypeError) as error:
        raise DataError(f"{path.name} is no readable HDF5 file ({error}); fetch it again") from None
    absent = {"spikes", "sCount"} - set(found)
    if absent:
        raise DataError(f"{path.name} has no {', '.join(sorted(absent))}; it is not of the layout that mea_hdf5 reads")
    spikes, counted = (_numbers(path, key, found[key]) for key in ("spikes", "sCount"))
    count = np.maximum(np.nan_to_num(counted), 0).astype(np.int64)
    if np.any(count != counted) or count.sum() != spikes.size:
        raise DataError(f"{path.name}: sCount adds up to {counted.sum():g} in whole numbers, but there are {spikes.size} spikes")
    edges = np.zeros(0)
    if "recordingtime" in found:
        if start is not None and duration is None:
            raise DataError(f"{path.name} has a recordingtime, so that the reader's parameter start has no effect; remove it")
        edges = _numbers(path, "recordingtime", found["recordingtime"])
    elif "summary/duration" in found:
        edges = (start or 0.0) + np.concatenate([[0.0], _numbers(path, "summary/duration", found["summary/duration"])])
    elif duration is None:
        raise DataError(
            f"{path.name} has neither recordingtime nor summary/duration, so that the observed time is unknown; "
            "write it as the reader's parameter duration (`add`: --duration)"
        )
    is_said = edges.size == 2 and bool(np.all(np.isfinite(edges)) and edges[0] < edges[1])
    if duration is not None:
        first = start if start is not None else float(edges[0]) if is_said else 0.0
        edges = np.array([first, first + duration])
    elif not is_said:
        raise DataError(
            f"{path.name}: the recording is said to last over {edges.tolist()} s, which is no start and a later end; "
            "write the reader's parameter duration (`add`: --duration)"
        )
    first, last = edges
    names = [_text(n) for n in found["names"].ravel()] if "names" in found else [f"unit{k}" for k in range(count.size)]
    if len(names) != count.size or ("epos" in found and np.shape(found["epos"]) != (2, count.size)):
        raise DataError(f"{path.name}: names or epos are not those of {count.size} electrodes, as many as sCount has")
    segment = neo.Segment()
    for k, (name, times) in enumerate(zip(names, np.split(spikes, np.cumsum(count))[:-1], strict=True)):
        place = {"x": float(found["epos"][0, k]) * 1e-6, "y": float(found["epos"][1, k]) * 1e-6} if "epos" in found else {}
        segment.spiketrains.append(spike_train(times, first, last, name=name, file=path.name, unit_kind="multi", **place))
    block = neo.Block()
    block.segments.append(segment)
    return block


def _numbers(path: Path, key: str, value: Any) -> NDArray[np.float64]:
    try:
        return np.asarray(np.ravel(value).astype(float))
    except (TypeError, ValueError):
        raise DataError(f"{path.name}: {key} holds no numbers; it is not of the layout that mea_hdf5 reads") from None


def _text(name: Any) -> str:
    return name.decode("utf-8", errors="replace") if isinstance(name, bytes) else str(name)
