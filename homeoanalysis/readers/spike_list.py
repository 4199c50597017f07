"""Spike times of many units in one table or archive: CSV or TSV (a spike a line), or NPZ.

Evidence: the layouts that numpy.savez and spreadsheets write; there is no standard.
"""

import csv
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import read_npz
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.units import Duration, Second

if TYPE_CHECKING:
    import neo

Pairs = tuple[NDArray[np.float64], list[str]]  # time and unit of each spike


def spike_list(
    files: Mapping[str, Path],
    *,
    time_step: Annotated[Second, Field(gt=0)],
    duration: Annotated[Duration, Field(gt=0)],
    start: Second = 0.0,
    times: str = "time",
    units: str = "unit",
    names: list[str] | None = None,
) -> "neo.Block":
    """One segment, [start, start + duration].

    files: role "recording". A CSV or TSV has a line of column names, and then a spike a line: `times` and `units` name the two
    columns. An NPZ has two arrays of these names with an entry for each spike, or else an array of times for each unit.
    time_step: what the times count [s]; a column or array headed `time_ms` counts ms. Spaces around a unit's name are not part
    of it, and units of a table that differ in them alone are refused. names: all units, where some may be silent: a table cannot
    hold a unit without a spike.
    Raises DataError, naming the line, for what is no number and for more cells than names of columns; for one unit under
    two names, 5 and 05, or times in their place; and for units that are not among `names`.
    """
    import neo

    if set(files) != {"recording"}:
        raise DataError(f"reader spike_list needs one file, 'recording', not {', '.join(sorted(files))}")
    path = files["recording"]
    _check_step(path, times, time_step)
    found = _archive(path, times, units) if path.suffix.lower() == ".npz" else _table(path, times, units)
    _check_names(path, found)
    strange = [name for name in found if names is not None and name not in names]
    if strange:
        raise DataError(
            f"{path.name} has spikes of {strange[0]!r}, which names does not list; {did_you_mean(strange[0], names or [])}"
        )
    listed = {name: found.get(name, np.zeros(0)) for name in (names or sorted(found, key=_natural))}
    every = np.concatenate(list(listed.values())) if listed else np.zeros(0)
    if not listed or (every.size == 0 and names is None):
        raise DataError(f"{path.name} holds no spike; if all units were silent, name them under names")
    tick = time_step if np.all(np.isfinite(every)) and np.all(every == np.rint(every)) and start == 0 else None
    segment = neo.Segment(tells_its_end=path.suffix.lower() == ".npz")
    for name, values in listed.items():
        segment.spiketrains.append(spike_train(values * time_step, start, start + duration, name=name, file=path.name, tick=tick))
    block = neo.Block()
    block.segments.append(segment)
    return block


_HEADED = re.compile(r"(?:[ _]|[ _]?[(\[])(s|sec|seconds|ms|us|µs|min)[)\]]?$")
_STEPS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "min": 60.0}


def _check_step(path: Path, times: str, step: float) -> None:
    found = _HEADED.search(times)
    if found and not math.isclose(step, _STEPS[found[1]]):
        raise DataError(f"{path.name} has times in {found[1]}, as {times!r} says, and time_step is {step:g} s; write the same")


def _natural(name: str) -> tuple[int, float, str]:
    """Unit 10 comes after unit 9."""
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


def _check_names(path: Path, found: Mapping[str, Any]) -> None:
    """A whole number that is written in two ways is one unit, or no unit: of 0,05 and 0,5 a comma leaves 05 and 5."""
    first: dict[int, str] = {}
    for name in found:
        if whole := re.fullmatch(r"(\d+)(?:\.0*)?", name, re.ASCII):
            other = first.setdefault(int(whole[1]), name)
            if other != name:
                raise DataError(
                    f"{path.name} has the units {other!r} and {name!r}, which are one number; write it in one way, and decimals "
                    "with a point"
                )
    if len(found) > 1 and all(re.fullmatch(r"\d*\.\d*[1-9]\d*", name, re.ASCII) and t.size == 1 for name, t in found.items()):
        raise DataError(
            f"{path.name} has a unit of its own for each spike, the first {next(iter(found))!r}; "
            "exchange the names of its columns"
        )


def _table(path: Path, times: str, units: str) -> dict[str, NDArray[np.float64]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            head = stream.readline()
            mark = "\t" if "\t" in head else ";" if ";" in head and "," not in head else ","
            columns = [c.strip() for c in next(csv.reader([head], delimiter=mark), [])]
            places = [_place(path, columns, name) for name in (times, units)]
            found: dict[str, list[float]] = {}
            for number, row in enumerate(csv.reader(stream, delimiter=mark, strict=True), 2):
                if any(cell.strip() for cell in row):
                    if len(row) > len(columns):
                        raise DataError(
                            f"{path.name}: line {number} is {_shown(row)}, {len(row)} cells for {len(columns)} columns; "
                            "write decimals with a point, or mend it"
                        )
                    time, unit = _cells(path, row, places, number)
                    found.setdefault(unit, []).append(time)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path.name} is no readable table ({error}); save it as CSV in UTF-8") from None
    return {name: np.array(values) for name, values in _stripped(path, found).items()}


def _stripped(path: Path, found: Mapping[str, list[float]]) -> dict[str, list[float]]:
    """Without the spaces around names. Of two names that differ in these alone nobody knows whether they are two units."""
    written: dict[str, str] = {}
    for name in found:
        other = written.setdefault(name.strip(), name)
        if other != name:
            raise DataError(f"{path.name} has the units {other!r} and {name!r}, which differ in spaces alone; rename one")
    return {name.strip(): values for name, values in found.items()}


def _place(path: Path, columns: list[str], name: str) -> int:
    if columns.count(name) != 1:
        raise DataError(
            f"{path.name} has {columns.count(name)} columns {name!r} in its first line; {did_you_mean(name, columns)}"
        )
    return columns.index(name)


def _shown(row: list[str]) -> str:
    return repr(",".join(row)[:40])


def _cells(path: Path, row: list[str], places: list[int], number: int) -> tuple[float, str]:
    try:
        time, unit = _number(row[places[0]]), row[places[1]]
    except (ValueError, IndexError):
        mend = "write decimals with a point" if any(re.search(r"\d,\d", cell) for cell in row) else "mend or remove it"
        raise DataError(f"{path.name}: line {number} is {_shown(row)}, which has no number and unit; {mend}") from None
    if not unit.strip():
        raise DataError(f"{path.name}: line {number} names no unit; mend or remove it")
    return time, unit


def _number(text: str) -> float:
    """Python takes 1_0 for 10, and digits of other scripts."""
    if "_" in text or not text.isascii():
        raise ValueError
    return float(text)


def _archive(path: Path, times: str, units: str) -> dict[str, NDArray[np.float64]]:
    try:
        arrays: dict[str, Any] = read_npz(path)
    except ValueError as error:
        raise DataError(
            f"{path.name} is no readable archive of numbers ({error}); save it with numpy.savez, without objects"
        ) from None
    if times in arrays and units in arrays:
        time, unit = np.ravel(arrays[times]), np.ravel(arrays[units])
        if time.shape != unit.shape:
            raise DataError(f"{path.name}: {times} has {time.size} entries, and {units} {unit.size}; they are of the same spikes")
        if unit.dtype.kind == "f" and not np.all(np.isfinite(unit)):
            raise DataError(f"{path.name}: {np.sum(~np.isfinite(unit))} entries of {units} are no number; mend or remove them")
        if unit.dtype.kind == "f" and np.all(unit == np.rint(unit)):
            unit = unit.astype(np.int64)
        names = np.unique(unit)
        shown = np.char.decode(names, "utf-8", "backslashreplace") if unit.dtype.kind == "S" else names
        arrays = {str(name): time[unit == each] for name, each in zip(shown, names, strict=True)}
    wrong = [name for name, values in arrays.items() if values.ndim != 1 or values.dtype.kind not in "iuf"]
    if wrong or not arrays:
        what = f"{wrong[0]} is {arrays[wrong[0]].dtype} {arrays[wrong[0]].shape}" if wrong else "it is empty"
        raise DataError(f"{path.name}: {what}; it needs {times} and {units} of each spike, or an array of times for each unit")
    return {name: values.astype(float) for name, values in arrays.items()}
