"""diff: what differs between two results, and why."""

import json
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.cli.results import opened
from homeoanalysis.cli.text import count, number, printable, some
from homeoanalysis.provenance import PROVENANCE

_LISTED = 8  # differences of one kind that are named
_ABSENT = "absent"


def diff(first: Path, second: Path) -> Generator[str, None, int]:
    """The differences, line by line; returns 1 where there are any, as diff(1) does.

    Raises DataError or ContractError if one of the files is no result of this project.
    """
    lines = list(differences(opened(first)[1], opened(second)[1]))
    yield from lines or [f"{first} and {second} hold the same values, made the same way"]
    return int(bool(lines))


def differences(first: Mapping[str, xr.Dataset], second: Mapping[str, xr.Dataset]) -> Iterator[str]:
    """What differs in the values of two files (group -> dataset), and what in their provenance; nothing if nothing does."""
    values = [line for name in _either(first, second) for line in _group(name, first.get(name), second.get(name))]
    reasons = list(dict.fromkeys(line for name in first if name in second for line in why(first[name], second[name])))
    yield from values
    if reasons:
        yield "why:" if values else "the same values, but made otherwise:"
        shown, more = some(reasons, 5 * _LISTED)
        yield from (f"  {line}" for line in shown)
        yield from ([f"  {more.removeprefix(', ')}"] if more else [])
    elif values:
        yield "why: not told by what the files say of their making; one of them was changed, or a machine rounds otherwise"


def why(first: xr.Dataset, second: xr.Dataset) -> Iterator[str]:
    """What differs in how two datasets were made: data, parameters, points of a sweep, seed, code, versions."""
    before, after = (_made(dataset) for dataset in (first, second))
    for kind, key in _either(before, after):
        a, b = before.get((kind, key), _ABSENT), after.get((kind, key), _ABSENT)
        if a != b:
            yield f"{kind} {printable(key, 80)}: {printable(a, 100)} -> {printable(b, 100)}"


def _made(dataset: xr.Dataset) -> dict[tuple[str, str], Any]:
    """(kind, name) -> value, of everything that a result says of its making."""
    found: dict[tuple[str, str], Any] = {("seed", "of the config"): dataset.attrs.get("seed", _ABSENT)}
    for entry in _json(dataset, "history"):
        step = str(entry.get("step"))
        found |= {("data", name): f"sha256 {digest[:12]}" for name, digest in entry.get("inputs", {}).items()}
        found[("code", step)] = entry.get("code", _ABSENT)
        found |= {("version", f"{name} in {step}"): v for name, v in entry.get("versions", {}).items()}
    found |= {("parameter", key): value for key, value in _leaves(_json(dataset, "parameters"))}
    return found | {("swept", key): value for key, value in _swept(dataset)}


def _swept(dataset: xr.Dataset) -> Iterator[tuple[str, str]]:
    """Each parameter of a sweep with the values that its points have, all of them, for what differs may be far back."""
    for name in (n for n, c in dataset.coords.items() if dataset.attrs.get("schema") == "sweep/1" and n != "point"):
        if dataset[name].dims == ("point",):
            x, unit = dataset[name].values, dataset[name].attrs.get("units", "")
            between = f"{count(x.size, 'point')} from {number(x.min())} to {number(x.max())}{'' if unit == '1' else f' {unit}'}"
            yield str(name), f"{between}: {', '.join(map(str, x.tolist()))}"


def _json(dataset: xr.Dataset, key: str) -> Any:
    """What a text attribute says, whose form the contract has seen to; nothing where there is none."""
    return json.loads(dataset.attrs.get(key) or "{}")


def _leaves(content: Any, at: str = "") -> Iterator[tuple[str, Any]]:
    """Every value of nested mappings and lists, under its path."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from _leaves(value, f"{at}.{key}" if at else str(key))
    elif isinstance(content, list) and any(isinstance(value, dict | list) for value in content):
        for k, value in enumerate(content):
            yield from _leaves(value, f"{at}[{k}]")
    else:
        yield at, content


def _group(name: str, first: xr.Dataset | None, second: xr.Dataset | None) -> Iterator[str]:
    where = f"group {printable(name)}: " if name else ""
    if first is None or second is None:
        yield f"{where}only in the {'second' if first is None else 'first'} file"
        return
    for key in _either(first.attrs, second.attrs):
        a, b = (dataset.attrs.get(key, _ABSENT) for dataset in (first, second))
        if key not in PROVENANCE and not np.array_equal(a, b):
            yield f"{where}attribute {key}: {printable(a)} -> {printable(b)}"
    for key in _either(first.variables, second.variables):
        if key not in first.variables or key not in second.variables:
            yield f"{where}{key}: only in the {'second' if key not in first.variables else 'first'} file"
        else:
            yield from (f"{where}{key}: {line}" for line in _variable(first, second, str(key)))


def _variable(one: xr.Dataset, other: xr.Dataset, name: str) -> Iterator[str]:
    first, second = one[name], other[name]
    for key in _either(first.attrs, second.attrs):
        a, b = (x.attrs.get(key, _ABSENT) for x in (first, second))
        if not np.array_equal(a, b):
            yield f"its {key} is {printable(a)} -> {printable(b)}"
    if first.sizes != second.sizes:
        yield f"{_sizes(first)} -> {_sizes(second)}"
        return
    a, b = first.values, second.values
    is_number = a.dtype.kind in "iufb" and b.dtype.kind in "iufb"
    differ = ~((a == b) | (np.isnan(a) & np.isnan(b))) if is_number else a.astype(str) != b.astype(str)
    if not np.any(differ):
        return
    n = int(np.sum(differ))
    what = f"{n} of {count(a.size, 'value')} differ{'s' if n == 1 else ''}" if a.ndim else "differs"
    if not is_number:
        at = np.unravel_index(int(np.argmax(differ)), a.shape)
        yield f"{what}, first at {_place(first, at)}{printable(a[at])} -> {printable(b[at])}"
        return
    a, b = a.astype(float), b.astype(float)
    appeared = int(np.sum(np.isnan(a) != np.isnan(b)))
    distance = np.where(differ & ~np.isnan(a) & ~np.isnan(b), np.abs(b - a), -1.0)
    at = np.unravel_index(int(np.argmax(distance if distance.max() >= 0 else differ)), a.shape)
    largest = max(abs(a[at]), abs(b[at]))
    by = f" (by {number(abs(b[at] - a[at]) / largest)} of it)" if distance.max() >= 0 and 0 < largest < np.inf else ""
    unit = first.attrs.get("units", "")
    yield (
        f"{what}, most at {_place(first, at)}{a[at]:.9g} -> {b[at]:.9g} {unit}{by}"
        + (f"; {appeared} defined in one file only" if appeared else "")
    )


def _place(variable: xr.DataArray, at: tuple[Any, ...]) -> str:
    """ "unit c1/u3, epoch whole: " """
    labels = [
        f"{d} {printable(variable[d].values[k], 40) if d in variable.coords else int(k)}"
        for d, k in zip(variable.dims, at, strict=True)
    ]
    return f"{', '.join(labels)}: " if labels else ""


def _sizes(variable: xr.DataArray) -> str:
    return ", ".join(f"{d} {n}" for d, n in variable.sizes.items()) or "one value"


def _either(first: Any, second: Any) -> list[Any]:
    """The keys of both, in order."""
    return list(dict.fromkeys([*first, *second]))
