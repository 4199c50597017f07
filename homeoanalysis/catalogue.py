"""The directory is the registry: `load("metrics", "firing_rate")` returns the object that file defines.

A catalogue file holds exactly one public object: a function, a NamedTuple class, or a metric.
"""

import difflib
import functools
import importlib
import inspect
import json
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, create_model

FOLDERS = ("readers", "fixes", "neurons", "synapses", "topologies", "protocols", "plasticity", "systems", "metrics", "figures")
_ROOT = Path(__file__).parent


def names(folder: str) -> list[str]:
    """The names that a catalogue folder offers, sorted."""
    return list(_names(folder))


@functools.cache  # a config asks some thousand times, and the folder stays as it is
def _names(folder: str) -> tuple[str, ...]:
    return tuple(sorted(p.stem for p in (_ROOT / folder).glob("*.py") if not p.stem.startswith("_")))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of an error message about an unknown name."""
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return (f"did you mean {close[0]!r}? " if close else "") + f"known: {', '.join(known) or 'none'}"


@functools.cache
def load(folder: str, name: str) -> Any:
    """The only public object of the catalogue file `folder/name.py`.

    Raises LookupError for an unknown name, naming the nearest known one.
    """
    if name not in names(folder):
        raise LookupError(f"unknown name {name!r} in {folder}; {did_you_mean(name, names(folder))}")
    module = importlib.import_module(f"homeoanalysis.{folder}.{name}")
    public = [
        value
        for key, value in vars(module).items()
        if not key.startswith("_") and not inspect.ismodule(value) and getattr(value, "__module__", None) == module.__name__
    ]
    if len(public) != 1:
        raise TypeError(f"{folder}/{name}.py must define exactly one public object, not {len(public)}")
    return public[0]


def source_files(folder: str, name: str) -> list[Path]:
    """The files that define a catalogue entry: its own; what it imports is found by `provenance.code_digest`."""
    return [_ROOT / folder / f"{name}.py"]


@functools.cache
def parameters(folder: str, name: str) -> type[BaseModel]:
    """The schema of an entry's parameters: the fields of its NamedTuple, or its keyword-only arguments."""
    thing = load(folder, name)
    strict = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
    if isinstance(thing, type) and issubclass(thing, tuple):
        hints = get_type_hints(thing, include_extras=True)
        defaults: dict[str, Any] = getattr(thing, "_field_defaults", {})
        fields = {key: (hints[key], defaults.get(key, ...)) for key in thing._fields}  # type: ignore[attr-defined]
    else:
        function = inspect.unwrap(getattr(thing, "function", thing))
        keywords = {key: p for key, p in inspect.signature(function).parameters.items() if p.kind is p.KEYWORD_ONLY}
        # Theirs alone: the types of the other arguments may be of libraries that only a type checker imports at the top.
        annotated = SimpleNamespace(__annotations__={key: p.annotation for key, p in keywords.items()})
        hints = get_type_hints(annotated, function.__globals__, include_extras=True)
        fields = {key: (hints[key], ... if p.default is p.empty else p.default) for key, p in keywords.items()}
    model: type[BaseModel] = create_model(name, __config__=strict, **fields)  # type: ignore[call-overload]
    return model


@functools.cache
def epoch_parameters(metric: str) -> frozenset[str]:
    """The parameters of a metric that name an epoch, or several."""
    properties = parameters("metrics", metric).model_json_schema().get("properties", {})
    return frozenset(key for key, field in properties.items() if '"format": "epoch"' in json.dumps(field))


@functools.cache
def unit(folder: str, name: str, parameter: str) -> str | None:
    """The SI unit that a parameter is written in; None if it is no quantity."""
    field = parameters(folder, name).model_json_schema()["properties"][parameter]
    units = {choice.get("unit") for choice in field.get("anyOf", [field])} - {None}
    return units.pop() if units else None
