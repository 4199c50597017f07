"""Synapses that a file lists."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import read_npz
from homeoanalysis.numerics.mechanism import Ends
from homeoanalysis.units import unit


def explicit(
    rng: np.random.Generator, ends: Ends, *, file: str, weight_unit: str | None = None
) -> Iterator[np.ndarray | tuple[np.ndarray, np.ndarray]]:
    """The pairs of a table: a CSV file with the columns source, target and perhaps weight, or an NPZ file with arrays of these
    names. Neurons are counted from 0; a pair that is listed twice has two synapses. `file` is a path, or one from the folder in
    which the workflow runs; another content runs the simulation again.

    `weight_unit` is the unit of the column weight, e.g. nS; those weights then replace the weight of the projection.
    Yields the sorted targets of each source neuron, with their weights where the file has some. Nothing is drawn.
    Source: the format of edge lists, Csardi & Nepusz 2006, InterJournal Complex Systems 1695.
    """
    table = _read(Path(file))
    if ("weight" in table) != (weight_unit is not None):
        has = "a column weight, so that it needs" if weight_unit is None else "no column weight: remove"
        raise DataError(f"{file}: it has {has} weight_unit; write e.g. weight_unit: nS")
    for end, n in (("source", ends.n_source), ("target", ends.n_target)):
        wrong = np.flatnonzero((table[end] < 0) | (table[end] >= n))
        if wrong.size:
            raise DataError(
                f"{file}: row {wrong[0] + 1} has the {end} {table[end][wrong[0]]}, but there are {n} neurons, 0 to {n - 1}; "
                f"{wrong.size} rows of {table[end].size} are out of range"
            )
    order = np.lexsort((table["target"], table["source"]))
    source, target = table["source"][order], table["target"][order]
    edges = np.searchsorted(source, np.arange(ends.n_source + 1))
    weight = None
    if weight_unit is not None:
        weight = table["weight"][order] * unit(weight_unit)[0]
        if not np.all(weight >= 0):
            raise DataError(f"{file}: it has weights below 0, or none; the channel sets the sign: remove the minus")
    for a, z in itertools.pairwise(edges):
        yield target[a:z] if weight is None else (target[a:z], weight[a:z])


def _read(path: Path) -> dict[str, Any]:
    try:
        if path.exists() and not path.is_file():
            raise OSError("it is no regular file")
        if path.suffix == ".npz":
            table: dict[str, Any] = dict(read_npz(path))
        else:
            head, *rows = path.read_text(encoding="utf-8").splitlines() or [""]
            names = head.strip().split(",")
            if not any(row.strip() for row in rows):
                raise ValueError("it has no rows")
            values = np.loadtxt(rows, delimiter=",", ndmin=2)
            table = dict(zip((name.strip() for name in names), values.T, strict=True))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: this list of synapses cannot be read ({error}); write a CSV file: source,target,weight"
        ) from None
    missing = {"source", "target"} - set(table)
    if missing:
        raise DataError(
            f"{path}: it has the columns {', '.join(table) or 'none'}, not {', '.join(sorted(missing))}; name them so"
        )
    for name, column in table.items():
        if column.dtype.kind not in "iuf":
            raise DataError(f"{path}: the column {name} is of the type {column.dtype}; write real numbers")
    for end in ("source", "target"):
        if not np.array_equal(table[end], np.round(table[end])):
            raise DataError(f"{path}: {end} has numbers that are not whole; neurons are counted 0, 1, 2, ...")
        table[end] = table[end].astype(np.int64)
    return table
