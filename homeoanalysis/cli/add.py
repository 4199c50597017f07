"""add: the YAML of a recording, written from its files and tried before it is shown."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from homeoanalysis.cli.inspect import read
from homeoanalysis.cli.text import count, some
from homeoanalysis.config import Recording, load_config
from homeoanalysis.config.fields import check_name, explain
from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import ConfigError, ContractError, DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.neo_io import FORMATS, channel_names, check_readable, members
from homeoanalysis.provenance import file_hash

_NOTHING = "holds nothing that can be measured, such as spike trains; see what it holds with `inspect`"
_HEADER = """\
# Replace every 'unknown'. Replicates with the same subject are not independent. More keys: docs/configuration.md.
"""


def add(files: Sequence[Path], *, config: Path, name: str | None, io: str | None, is_written: bool) -> Iterator[str]:
    """The YAML, line by line, or with `is_written` the path of the new file.

    Raises DataError if a file cannot be ingested, ConfigError if the name is taken or no name.
    """
    name = _slug(files[0].stem if files[0].suffix else files[0].name) if name is None else name
    try:
        check_name(name)
    except ValueError as error:
        raise ConfigError(f"--name {error}") from None
    _check_free(name, config)
    raw, notes = _recording(files, io)
    text = (
        _HEADER + "".join(f"# {note}\n" for note in notes) + yaml.safe_dump(raw, sort_keys=False, allow_unicode=True, width=120)
    )
    if not is_written:
        yield from text.splitlines()
        return
    path = config / "recordings" / f"{name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); choose another --name, or mend the folder") from None
    yield f"{path} is written; replace every 'unknown' in it, and put its name under `recordings:` of a study"


def _check_free(name: str, config: Path) -> None:
    if not config.is_dir():
        return
    loaded = load_config(config)
    taken = next((n for n in (*loaded.recordings, *loaded.raw_models) if n.lower() == name.lower()), None)
    if taken is not None:
        raise ConfigError(f"there is a recording or model {taken!r} in {config} already; choose another name with --name")


def _slug(text: str) -> str:
    """A name of the config from any text."""
    kept = re.sub(r"[^A-Za-z0-9_-]+", "_", text).strip("_")[:60]
    return kept if re.match("[A-Za-z]", kept) else f"r_{kept}".rstrip("_")


def _recording(files: Sequence[Path], io: str | None) -> tuple[dict[str, Any], list[str]]:
    """The content of the YAML file, tried on the files, and what to know about it."""
    for file in files:
        check_readable(file)
    found = {file: read(file, io) for file in files}
    readers = sorted({reader for reader, _ in found.values()})
    if len(readers) > 1:
        raise DataError(f"the files need different readers ({', '.join(readers)}); add them as separate recordings")
    (reader,) = readers
    several = [file.name for file, (_, blocks) in found.items() if len(blocks) > 1]
    options: dict[str, Any] = {"io": reader} | ({"block": 0} if several else {})
    listed = {file: _parts(file, reader) for file in files}
    folder = Path(os.path.commonpath([p.absolute().parent for parts in listed.values() for p in parts]))
    raw: dict[str, Any] = {
        "title": "unknown",
        "citation": "unknown",
        "licence": "unknown",
        "source": {"folder": str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)},
        "reader": {"any_neo": options} if reader in FORMATS else reader,
        "replicates": {},
    }
    for file, parts in listed.items():
        label = _unused(_slug(file.stem), raw["replicates"])
        raw["replicates"][label] = {"subject": "unknown", "files": _files(parts, folder)}
    _try(raw, dict(zip(raw["replicates"], listed.values(), strict=True)))
    notes = [f"{name} holds several blocks; each needs a recording of its own." for name in several]
    signals = [s for _, blocks in found.values() for s in (blocks[0].segments[0].analogsignals if blocks[0].segments else [])]
    if signals and reader in FORMATS:
        names, more = some(list(dict.fromkeys(n for s in signals for n in channel_names(s))), 8)
        notes.append(
            f"Signals are left out; name those that are stimulus or behaviour under covariates: {', '.join(names)}{more}"
        )
    return raw, notes


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


def _files(parts: Sequence[Path], folder: Path) -> dict[str, Any]:
    roles = ["recording", *(f"part{k}" for k in range(2, len(parts) + 1))]
    return {
        role: {"name": part.absolute().relative_to(folder).as_posix(), "sha256": file_hash(part)}
        for role, part in zip(roles, parts, strict=True)
    }


def _try(raw: dict[str, Any], listed: dict[str, list[Path]]) -> None:
    """Ingest every replicate as the workflow will, and put the observed time that comes out into the YAML."""
    recording = _valid(raw)
    for label, parts in listed.items():
        files = dict(zip(raw["replicates"][label]["files"], parts, strict=True))
        try:
            activity = ingest(recording, name="new", replicate=label, files=files)
        except ContractError as error:
            raise DataError(f"{parts[0].name} {_NOTHING} ({error.violations[0]})") from error
        if not activity.sizes.get("unit") and not any(signal in activity for signal in SIGNALS):
            raise DataError(f"{parts[0].name} {_NOTHING}")
        seconds = float((activity.segment_stop - activity.segment_start).sum())
        raw["replicates"][label]["duration"] = f"{seconds:.9g} s"
        units, spikes = count(activity.sizes["unit"], "unit"), count(activity.sizes["spike"], "spike")
        print(f"{parts[0].name}: {units}, {spikes} in {seconds:.6g} s", file=sys.stderr)
    _valid(raw)


def _valid(raw: dict[str, Any]) -> Recording:
    try:
        return Recording.model_validate(raw)
    except ValidationError as error:
        raise ConfigError(*explain(error, Recording)) from None
