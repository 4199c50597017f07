"""add: the YAML of a recording, written from its files and tried before it is shown."""

import functools
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import xarray as xr
from pydantic import ValidationError

from homeoanalysis.cli import kinds
from homeoanalysis.cli.inspect import is_plain_text, read
from homeoanalysis.cli.text import count, printable, some
from homeoanalysis.config import yaml
from homeoanalysis.config.fields import check_name, explain
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.identity import file_hash
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.neo_io import FORMATS, channel_names, check_readable, members

_HEADER = """\
# Replace every 'unknown'. Replicates with the same subject are not independent. More keys: docs/configuration.md.
"""


def add(
    files: Sequence[Path], *, config: Path, name: str | None, io: str | None, text: Mapping[str, str | None], is_written: bool
) -> Iterator[str]:
    """The YAML, line by line, or with `is_written` the path of the new file.

    text: what the files do not say themselves (`kinds.OPTIONS`).
    Raises DataError if a file cannot be ingested, ConfigError if the name is taken or no name.
    """
    name = _slug(files[0].stem if files[0].suffix else files[0].name) if name is None else name
    try:
        check_name(name)
    except ValueError as error:
        raise ConfigError(f"--name {error}") from None
    _check_free(name, config)
    raw, notes = _recording(files, io, text)
    _try(raw, name)
    comment = _HEADER + "".join(f"# {note}\n" for note in notes)
    content = comment + yaml.dump(raw)
    if not is_written:
        yield from content.splitlines()
        return
    path = config / "recordings" / f"{name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); choose another --name, or mend the folder") from None
    yield f"{path} is written; replace every 'unknown' in it, and put its name under `recordings:` of a study"


def _check_free(name: str, config: Path) -> None:
    """By the names of the files alone: what is wrong inside them, `check` says."""
    files = [path for kind in ("recordings", "models") for path in sorted((config / kind).glob("*.y*ml"))]
    taken = next((path.stem for path in files if path.stem.lower() == name.lower()), None)
    if taken is not None:
        raise ConfigError(f"there is a recording or model {taken!r} in {config} already; choose another name with --name")


def _slug(text: str) -> str:
    """A name of the config from any text."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:60]
    return kept if re.match("[A-Za-z]", kept) else f"r_{kept}".rstrip("_")


def _recording(files: Sequence[Path], io: str | None, text: Mapping[str, str | None]) -> tuple[dict[str, Any], list[str]]:
    """The content of the YAML file, and what to know about it."""
    for file in files:
        check_readable(file)
    given = {key: value for key, value in text.items() if value is not None}
    known = [kinds.recognised(file, given) if io is None else None for file in files]
    if all(known):
        return _of_kinds(files, [k for k in known if k is not None], given)
    is_text = [io is None and found is None and is_plain_text(file) for file, found in zip(files, known, strict=True)]
    if all(is_text):
        return _of_text(files, given), []
    if any(is_text) or set(given) - {"signals"}:
        named = [f"--{key.replace('_', '-')}" for key in given if key != "signals"]
        if not any(is_text):
            read_by = f", read with {io}," if io is not None else ""
            raise DataError(
                f"for text and other files that do not say it themselves: {', '.join(named)}; {files[0].name}{read_by} does: "
                "remove it"
            )
        options = ", ".join(named) or "--time-step and --duration"
        raise DataError(f"plain text, and {options}, which are for it, go with no other files; add them apart")
    return _of_neo(files, io, given.get("signals"))


def _of_kinds(files: Sequence[Path], found: Sequence[kinds.Found], given: Mapping[str, str]) -> tuple[dict[str, Any], list[str]]:
    """Files that a reader of this project reads, and neo does not."""
    readers = {json.dumps([k.reader, k.parameters]): k for k in found}
    if len(readers) > 1:
        names = sorted({k.reader for k in found})
        raise DataError(f"the files need different readers or parameters ({', '.join(names)}); add them as separate recordings")
    entry: Any = {found[0].reader: found[0].parameters} if found[0].parameters else found[0].reader
    unused = sorted(set(given) - set(kinds.used(found[0])))
    if unused:
        option = f"--{unused[0].replace('_', '-')}"
        raise DataError(f"{option} is for other files than {files[0].name}, which {found[0].reader} reads; remove it")
    replicates = [(label, one) for k in found for label, one in k.replicates.items()]
    raw = _head(entry, [path for _, one in replicates for path in one.files.values()])
    for label, one in replicates:
        name = _unused(_slug(label), raw["replicates"])
        about = {"subject": one.subject} | ({"session": one.session} if one.session else {})
        own = {"parameters": one.parameters} if one.parameters else {}
        raw["replicates"][name] = about | own | {"files": _listed(one.files, raw["_folder"])}
    del raw["_folder"]
    return raw, list(dict.fromkeys(note for k in found for note in k.notes))


def _of_neo(files: Sequence[Path], io: str | None, signals: str | None) -> tuple[dict[str, Any], list[str]]:
    found = {file: read(file, io) for file in files}
    readers = sorted({reader for reader, _ in found.values()})
    if len(readers) > 1:
        raise DataError(f"the files need different readers ({', '.join(readers)}); add them as separate recordings")
    (reader,) = readers
    several = [file.name for file, (_, blocks) in found.items() if len(blocks) > 1]
    options: dict[str, Any] = {"io": reader} | ({"block": 0} if several else {})
    first = [s for _, blocks in found.values() for s in (blocks[0].segments[0].analogsignals if blocks[0].segments else [])]
    named = _channels(reader, first, signals) if reader in FORMATS else {}
    entry = {"any_neo": options | named} if reader in FORMATS else reader
    raw = _content(entry, {file: _parts(file, reader) for file in files}, "recording")
    notes = [f"{name} holds several blocks; each needs a recording of its own." for name in several]
    if not all(s.annotations.get("tells_its_end", True) for _, blocks in found.values() for b in blocks for s in b.segments):
        notes.append("The format does not say where a file ends: compare each sha256 with that of the original file.")
    taken = {name for names in named.values() for name in names}
    left = [n for n in dict.fromkeys(n for s in first for n in channel_names(s)) if n not in taken]
    if left and reader in FORMATS:
        names, more = some(left, 8)
        notes.append(
            f"Signals are left out; name those that are stimulus or behaviour under covariates: {', '.join(names)}{more}; "
            "others under lfp, membrane_potential or current"
        )
    return raw, notes


def _channels(io: str, signals: Sequence[Any], kind: str | None) -> dict[str, list[str]]:
    """The reader's parameters that say what the channels are: asked for, or, of a patch clamp, known by their unit."""
    names = {n: s.units.dimensionality.string for s in signals for n in channel_names(s)}
    if kind is not None:
        return {kinds.signals_key(kind): list(names)} if names else {}
    if io != "AxonIO":
        return {}
    found: dict[str, list[str]] = {}
    for name, unit in names.items():
        key = {"mV": "membrane_potential", "pA": "current", "nA": "current"}.get(unit)
        if key is not None:
            found.setdefault(key, []).append(name)
    return found


def _of_text(files: Sequence[Path], given: dict[str, str]) -> dict[str, Any]:
    if not {"time_step", "duration"} <= set(given):
        raise DataError(
            f"{files[0].name} is plain text, which says neither what its times count nor how long was observed; "
            "add both, e.g.: --time-step '1 ms' --duration '600 s'"
        )
    return _content({"spike_text": given}, {file: [file] for file in files}, "spikes")


def _head(reader: Any, paths: Sequence[Path]) -> dict[str, Any]:
    """The YAML without replicates; `_folder` is the absolute path of its folder."""
    folder = Path(os.path.commonpath([p.absolute().parent for p in paths]))
    return {
        "title": "unknown",
        "citation": "unknown",
        "licence": "unknown",
        "source": {"folder": str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)},
        "reader": reader,
        "replicates": {},
        "_folder": folder,
    }


def _content(reader: Any, listed: Mapping[Path, Sequence[Path]], role: str) -> dict[str, Any]:
    """The YAML. listed: the files of each replicate, of which the first has that role."""
    raw = _head(reader, [p for parts in listed.values() for p in parts])
    folder = raw.pop("_folder")
    for file, parts in listed.items():
        label = _unused(_slug(file.stem), raw["replicates"])
        roles = [role, *(f"part{k}" for k in range(2, len(parts) + 1))]
        raw["replicates"][label] = {"subject": "unknown", "files": _listed(dict(zip(roles, parts, strict=True)), folder)}
    return raw


def _parts(file: Path, reader: str) -> list[Path]:
    """The files of one replicate, the one that the reader is given first."""
    if reader not in FORMATS:
        return [file]
    parts = [file] if reader == "NeuralynxIO" and file.is_file() else members(file, reader)
    for part in parts:
        check_readable(part)
    return parts


def _unused(label: str, taken: dict[str, Any]) -> str:
    return next(name for k in range(1, len(taken) + 2) if (name := label if k == 1 else f"{label}_{k}") not in taken)


def _listed(files: Mapping[str, Path], folder: Path) -> dict[str, Any]:
    named = {role: path.absolute() for role, path in files.items()}
    return {
        role: {"name": path.relative_to(folder).as_posix(), "sha256": _hash(path, path.stat().st_mtime_ns)}
        for role, path in named.items()
    }


@functools.cache  # one file may hold hundreds of replicates
def _hash(path: Path, changed: int) -> str:
    return file_hash(path)


def _try(raw: dict[str, Any], name: str) -> None:
    """Ingest every replicate as the workflow will, and put the observed time that comes out into the YAML."""
    recording = _valid(raw)
    for label, replicate in recording.replicates.items():
        files = {role: Path(raw["source"]["folder"], file.name) for role, file in replicate.files.items()}
        activity = ingest(recording, name=name, replicate=label, files=files)
        seconds = float((activity.segment_stop - activity.segment_start).sum())
        raw["replicates"][label]["duration"] = f"{seconds:.9g} s"
        print(f"{next(iter(files.values())).name}: {_held(activity)} in {seconds:.6g} s", file=sys.stderr)
        for finding in json.loads(activity.attrs["warnings"]):
            print(f"  warning: {printable(finding['text'], 400)}", file=sys.stderr)
    _valid(raw)


def _held(activity: xr.Dataset) -> str:
    """What an activity holds, in words."""
    found = [count(activity.sizes["unit"], "unit")] if "unit" in activity.sizes else []
    found += [count(activity.sizes["spike"], "spike")] if "spike_time" in activity else []
    found += [f"{int(activity.binned_count.sum())} spikes in bins"] if "binned_count" in activity else []
    found += [f"{name} of {count(activity.sizes[f'{name}_channel'], 'channel')}" for name in SIGNALS if name in activity]
    found += [count(activity.sizes["trial"], "trial")] if "trial" in activity.sizes else []
    return ", ".join(found)


def _valid(raw: dict[str, Any]) -> Recording:
    try:
        return Recording.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(*explain(error, Recording)) from None
