"""add: the YAML of a recording, written from its files and tried before it is shown."""

import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from homeoanalysis.cli.inspect import is_plain_text, read
from homeoanalysis.cli.text import count, some
from homeoanalysis.config import Recording
from homeoanalysis.config.fields import check_name, explain
from homeoanalysis.errors import ConfigError, DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.neo_io import FORMATS, channel_names, check_readable, members
from homeoanalysis.provenance import file_hash

_HEADER = """\
# Replace every 'unknown'. Replicates with the same subject are not independent. More keys: docs/configuration.md.
"""


def add(
    files: Sequence[Path], *, config: Path, name: str | None, io: str | None, text: Mapping[str, str | None], is_written: bool
) -> Iterator[str]:
    """The YAML, line by line, or with `is_written` the path of the new file.

    text: `time_step` and `duration` of files that are plain text.
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
    content = comment + yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=120)
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
    is_text = [io is None and is_plain_text(file) for file in files]
    given = {key: value for key, value in text.items() if value is not None}
    if all(is_text):
        return _of_text(files, given), []
    if any(is_text) or given:
        raise DataError("plain text, and --time-step and --duration, which are for it, go with no other files; add them apart")
    found = {file: read(file, io) for file in files}
    readers = sorted({reader for reader, _ in found.values()})
    if len(readers) > 1:
        raise DataError(f"the files need different readers ({', '.join(readers)}); add them as separate recordings")
    (reader,) = readers
    several = [file.name for file, (_, blocks) in found.items() if len(blocks) > 1]
    options: dict[str, Any] = {"io": reader} | ({"block": 0} if several else {})
    entry = {"any_neo": options} if reader in FORMATS else reader
    raw = _content(entry, {file: _parts(file, reader) for file in files}, "recording")
    notes = [f"{name} holds several blocks; each needs a recording of its own." for name in several]
    signals = [s for _, blocks in found.values() for s in (blocks[0].segments[0].analogsignals if blocks[0].segments else [])]
    if signals and reader in FORMATS:
        names, more = some(list(dict.fromkeys(n for s in signals for n in channel_names(s))), 8)
        notes.append(
            f"Signals are left out; name those that are stimulus or behaviour under covariates: {', '.join(names)}{more}"
        )
    return raw, notes


def _of_text(files: Sequence[Path], given: dict[str, str]) -> dict[str, Any]:
    if len(given) < 2:
        raise DataError(
            f"{files[0].name} is plain text, which says neither what its times count nor how long was observed; "
            "add both, e.g.: --time-step '1 ms' --duration '600 s'"
        )
    return _content({"spike_text": given}, {file: [file] for file in files}, "spikes")


def _content(reader: Any, listed: Mapping[Path, Sequence[Path]], role: str) -> dict[str, Any]:
    """The YAML. listed: the files of each replicate, of which the first has that role."""
    folder = Path(os.path.commonpath([p.absolute().parent for parts in listed.values() for p in parts]))
    raw: dict[str, Any] = {
        "title": "unknown",
        "citation": "unknown",
        "licence": "unknown",
        "source": {"folder": str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)},
        "reader": reader,
        "replicates": {},
    }
    for file, parts in listed.items():
        label = _unused(_slug(file.stem), raw["replicates"])
        raw["replicates"][label] = {"subject": "unknown", "files": _files(parts, folder, role)}
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


def _files(parts: Sequence[Path], folder: Path, role: str) -> dict[str, Any]:
    roles = [role, *(f"part{k}" for k in range(2, len(parts) + 1))]
    return {
        name: {"name": part.absolute().relative_to(folder).as_posix(), "sha256": file_hash(part)}
        for name, part in zip(roles, parts, strict=True)
    }


def _try(raw: dict[str, Any], name: str) -> None:
    """Ingest every replicate as the workflow will, and put the observed time that comes out into the YAML."""
    recording = _valid(raw)
    for label, replicate in recording.replicates.items():
        files = {role: Path(raw["source"]["folder"], file.name) for role, file in replicate.files.items()}
        activity = ingest(recording, name=name, replicate=label, files=files)
        seconds = float((activity.segment_stop - activity.segment_start).sum())
        raw["replicates"][label]["duration"] = f"{seconds:.9g} s"
        units, spikes = count(activity.sizes["unit"], "unit"), count(activity.sizes["spike"], "spike")
        print(f"{next(iter(files.values())).name}: {units}, {spikes} in {seconds:.6g} s", file=sys.stderr)
    _valid(raw)


def _valid(raw: dict[str, Any]) -> Recording:
    try:
        return Recording.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(*explain(error, Recording)) from None
