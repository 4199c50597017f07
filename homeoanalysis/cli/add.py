"""add: the YAML of a recording, written from its files and tried before it is shown."""

import functools
import itertools
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

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
from homeoanalysis.numerics.neo_io import channel_names, check_readable, members, told

_K = TypeVar("_K")
_V = TypeVar("_V")
_HEADER = """\
# Replace every 'unknown'. Statistics count subjects: sessions of one animal are one subject, and wells of one plate too.
# More keys: docs/configuration.md.
"""


def add(
    files: Sequence[Path], *, config: Path, name: str | None, io: str | None, text: Mapping[str, str | None], is_written: bool
) -> Iterator[str]:
    """The YAML, line by line, or with `is_written` the path of the new file.

    text: what the files do not say themselves (`kinds.OPTIONS`).
    Raises DataError at the end, with the reasons, if files are left out since they cannot be
    ingested; ConfigError if the name is taken or no name.
    """
    name = _slug(files[0].stem if files[0].suffix else files[0].name) if name is None else name
    try:
        check_name(name)
    except ValueError as error:
        raise ConfigError(f"--name {error}") from None
    _check_free(name, config)
    given = {key: value for key, value in text.items() if value is not None}
    refused: list[str] = []
    found = list(_take(files, lambda file: _found(file, io, given), refused))
    readers = sorted({f.parameters.get("io", f.reader) for f in found})
    if len(readers) > 1:
        raise DataError(f"the files need different readers ({', '.join(readers)}); add them as separate recordings")
    _check_used(found, given)
    raw = _content(found)
    raw["replicates"] = dict(_take(raw["replicates"], functools.partial(_try, _valid(raw), raw, name), refused))
    _valid(raw)
    comment = _HEADER + "".join(f"# {note}\n" for note in dict.fromkeys(note for f in found for note in f.notes))
    content = comment + yaml.dump(raw)
    if not is_written:
        yield from content.splitlines()
    else:
        yield _write(content, config, name)
    if refused:
        raise DataError("\n  ".join([f"{count(len(refused), 'input')} left out of {name}:", *refused]))


def _take(each: Iterable[_K], look: Callable[[_K], _V], refused: list[str]) -> Iterator[_V]:
    """What can be taken; the reasons of what cannot go to `refused`. Raises DataError if nothing can."""
    faults: list[DataError] = []
    n_taken = 0
    for one in each:
        try:
            taken = look(one)
        except DataError as error:
            faults.append(error)
            continue
        n_taken += 1
        yield taken
    refused += map(str, faults)
    if not n_taken:
        raise faults[0] if len(faults) == 1 else DataError("\n  ".join(["nothing can be added:", *refused]))


def _write(content: str, config: Path, name: str) -> str:
    path = config / "recordings" / f"{name}.yaml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as stream:
            stream.write(content)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written ({error.strerror}); choose another --name, or mend the folder") from None
    return f"{path} is written; replace every 'unknown' in it, and put its name under `recordings:` of a study"


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


def _found(file: Path, io: str | None, given: Mapping[str, str]) -> kinds.Found:
    """What one file or folder is read with. Raises DataError."""
    check_readable(file)
    found = kinds.recognised(file, given) if io is None else None
    if found is None and io is None and is_plain_text(file):
        return _of_text(file, given)
    return found or _of_neo(file, io, given)


def _of_text(file: Path, given: Mapping[str, str]) -> kinds.Found:
    if not {"time_step", "duration"} <= set(given):
        raise DataError(
            f"{file.name} is plain text, which says neither what its times count nor how long was observed; "
            "add both, e.g.: --time-step '1 ms' --duration '600 s'"
        )
    parameters = {key: given[key] for key in ("time_step", "duration")}
    return kinds.Found("spike_text", parameters, {file.stem: kinds.Replicate({"spikes": file}, {}, "unknown", "")})


def _of_neo(file: Path, io: str | None, given: Mapping[str, str]) -> kinds.Found:
    name, blocks = read(file, io)
    segments = blocks[0].segments
    signals = [*segments[0].analogsignals] if segments else []
    named = _channels(name, signals, given.get("signals"))
    parameters: dict[str, Any] = {"io": name, **({"block": 0} if len(blocks) > 1 else {}), **named}
    with told(file, name):
        if "duration" in given and not signals and len(segments) == 1 and not _says_observed_time(segments[0].spiketrains):
            parameters["duration"] = given["duration"]
    notes = [f"{file.name} holds several blocks; each needs a recording of its own."] if len(blocks) > 1 else []
    if not all(segment.annotations.get("tells_its_end", True) for block in blocks for segment in block.segments):
        notes.append("The format does not say where a file ends: compare each sha256 with that of the original file.")
    left = [n for n in dict.fromkeys(n for s in signals for n in channel_names(s)) if n not in itertools.chain(*named.values())]
    if left:
        names, more = some(left, 8)
        if not (named or any(s.spiketrains for s in segments)):
            raise DataError(
                f"{file.name} holds signals alone ({', '.join(names)}{more}), and not what they are; add it, e.g.: --signals lfp"
            )
        notes.append(
            f"Signals are left out; name those that are stimulus or behaviour under covariates: {', '.join(names)}{more}; "
            "others under lfp, membrane_potential or current"
        )
    parts = _parts(file, name)
    roles = ["recording", *(f"part{k}" for k in range(2, len(parts) + 1))]
    one = kinds.Replicate(dict(zip(roles, parts, strict=True)), {}, "unknown", "")
    return kinds.Found("any_neo", parameters, {file.stem: one}, tuple(notes))


def _says_observed_time(trains: Sequence[Any]) -> bool:
    """Not where it is from the first spike to the last, which neo takes in its place."""
    loaded = [train.load() if hasattr(train, "load") else train for train in trains]
    times = [float(t.rescale("s")) for train in loaded if len(train) for t in (train.min(), train.max())]
    edges = [float(t.rescale("s")) for train in loaded for t in (train.t_start, train.t_stop)]
    return bool(times) and (min(edges) < min(times) or max(times) < max(edges))


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


def _check_used(found: Sequence[kinds.Found], given: Mapping[str, str]) -> None:
    """Raises DataError for an option that is of no use for any of the files."""
    unused = [key for key in given if not any(key in kinds.used(f) for f in found)]
    if unused:
        file = next(iter(next(iter(found[0].replicates.values())).files.values()))
        raise DataError(
            f"--{unused[0].replace('_', '-')} is for other files than {file.name}, which {found[0].reader} reads; remove it"
        )


def _content(found: Sequence[kinds.Found]) -> dict[str, Any]:
    """The YAML: what all files share is the reader's, what else there is stands in the replicates."""
    paths = [path.absolute() for f in found for one in f.replicates.values() for path in one.files.values()]
    folder = Path(os.path.commonpath([p.parent for p in paths]))
    reader, first = found[0].reader, found[0].parameters
    shared = {key: value for key, value in first.items() if all(key in f.parameters for f in found)}
    replicates: dict[str, Any] = {}
    for f in found:
        for label, one in f.replicates.items():
            own = {k: v for k, v in (f.parameters | one.parameters).items() if k not in shared or v != shared[k]}
            about: dict[str, Any] = {"subject": one.subject} | ({"session": one.session} if one.session else {})
            about |= {"parameters": own} if own else {}
            replicates[_unused(_slug(label), replicates)] = about | {"files": _listed(one.files, folder)}
    return {
        "title": "unknown",
        "citation": "unknown",
        "licence": "unknown",
        "source": {"folder": str(folder.relative_to(Path.cwd()) if folder.is_relative_to(Path.cwd()) else folder)},
        "reader": {reader: shared} if shared else reader,
        "replicates": replicates,
    }


def _parts(file: Path, reader: str) -> list[Path]:
    """The files of one replicate, the one that the reader is given first."""
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


def _try(recording: Recording, raw: dict[str, Any], name: str, label: str) -> tuple[str, dict[str, Any]]:
    """Ingest a replicate as the workflow will. Returns it with the observed time that comes out."""
    files = {role: Path(raw["source"]["folder"], file.name) for role, file in recording.replicates[label].files.items()}
    activity = ingest(recording, name=name, replicate=label, files=files)
    seconds = float((activity.segment_stop - activity.segment_start).sum())
    print(f"{next(iter(files.values())).name}: {_held(activity)} in {seconds:.6g} s", file=sys.stderr)
    for finding in json.loads(activity.attrs["warnings"]):
        print(f"  warning: {printable(finding['text'], 400)}", file=sys.stderr)
    return label, raw["replicates"][label] | {"duration": f"{seconds:.9g} s"}


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
