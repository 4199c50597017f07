"""Recordings: `config/recordings/<name>.yaml`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config.fields import Entry, Factor, Name, Span, Strict, checked, entry
from homeoanalysis.config.selection import Signals, Units
from homeoanalysis.config.text import check_path
from homeoanalysis.config.timing import ENDS, Between, Instant, Moment, SameUnits, Trials, Windows
from homeoanalysis.units import Duration, Hertz, Second

if TYPE_CHECKING:
    Reader = Entry
    Fix = Entry
else:
    Reader = entry("readers")
    Fix = entry("fixes")


_PATH_MAX, _NAME_MAX = 1000, 255  # bytes


def _check_sha256(value: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{64}", value):
        raise ValueError(f"is {value!r}, not a SHA-256 of 64 hexadecimal digits; print it with: sha256sum FILE")
    return value


def _is_inside(value: str) -> bool:
    path = PurePosixPath(value)
    return bool(value) and value.isprintable() and not (path.is_absolute() or ".." in path.parts or "\\" in value)


def _check_inside(value: str) -> str:
    if not _is_inside(value):
        raise ValueError(f"is {value!r}; write a path below the source's folder, without '..' and not absolute")
    return _check_length(value)


def _check_length(value: str) -> str:
    """No system takes longer ones: 255 bytes a name, and two of these paths, one below the other, in 4096."""
    sizes = [len(part.encode(errors="surrogatepass")) for part in (value, *PurePosixPath(value).parts)]
    if sizes[0] > _PATH_MAX or max(sizes[1:], default=0) > _NAME_MAX:
        raise ValueError(
            f"is {value[:40]!r}... of {sizes[0]} bytes; a path has {_PATH_MAX} at most, {_NAME_MAX} between two '/': rename it"
        )
    return value


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.netloc:
        raise ValueError(f"is {value!r}; write the folder's address, https://host/folder/")
    return value if value.endswith("/") else value + "/"


Path = Annotated[str, AfterValidator(_check_inside), AfterValidator(check_path)]
Folder = Annotated[str, AfterValidator(_check_length), AfterValidator(check_path)]


def _check_package(value: str) -> str:
    if not all(part.isidentifier() for part in value.split(".")):
        raise ValueError(f"is {value!r}; write the name of an installed package, as it is imported: nitime or nitime.data")
    return value


class Source(Strict):
    """Where the files come from: an installed package, a public address, or a folder of yours."""

    package: Annotated[str, AfterValidator(_check_package)] | None = Field(
        default=None, description="an installed Python package that ships the files"
    )
    url: Annotated[str, AfterValidator(_check_url)] | None = Field(default=None, description="https address of the files' folder")
    folder: Folder | None = Field(default=None, description="a local folder; with package: the folder inside it")
    mirror: Name | None = Field(
        default=None, description="folder of the mirror that holds the files; by default the recording's name"
    )

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [k for k in ("package", "url") if getattr(self, k) is not None]
        if len(given) == 2 or (self.url and self.folder) or not (given or self.folder):
            kinds = [k for k in ("package", "url", "folder") if getattr(self, k)]
            found = f"has {' and '.join(kinds)}, which say two places" if kinds else "has nothing"
            raise ValueError(f"{found}; write one of package, url or folder (a package may have a folder inside it)")
        if self.package is not None and self.folder is not None and not _is_inside(self.folder):
            raise ValueError(f"has the folder {self.folder!r}, which is not in the package; write it without '..', not absolute")
        return self


class File(Strict):
    """One file of a recording."""

    name: Path
    sha256: Annotated[str, AfterValidator(_check_sha256)] | None = None
    remote: Path | None = Field(default=None, description="where it lies below the source's address, if not under its name")


class Part(Strict):
    """Files of a replicate with a clock of their own: one of several that were recorded one after the other."""

    files: dict[Name, File] = Field(min_length=1, description="role: file")
    start: Second = Field(description="what the replicate's clock says when the clock of these files says 0")


class Replicate(Strict):
    """One session of one subject: the unit that statistics count, never a channel or a unit."""

    files: dict[Name, File] = Field(default={}, description="role: file; the reader says which roles it needs")
    parts: dict[Name, Part] = Field(default={}, description="instead of files: several sets of files on one clock")
    same_units: SameUnits | None = Field(default=None, description="which units of the parts are the same")
    parameters: dict[str, Any] = Field(default={}, description="parameters of the reader for this replicate alone")
    subject: str = Field(description="animal or culture; wells of one plate are one subject, and so are sessions of one animal")
    session: str = ""
    factors: dict[Name, Factor] = Field(default={}, description="age, condition, genotype, dose...")
    duration: Duration | None = Field(default=None, description="observed time; checked when the file is read")
    stimulus_bandwidth: Hertz | None = Field(default=None, description="highest frequency of the stimulus")
    times: dict[Name, Moment] = Field(default={}, description="name: when something happened; put over those of the recording")

    def all_files(self) -> dict[str, File]:
        """Every file by its role, which for a part is `part.role`."""
        return self.files | {f"{key}.{role}": file for key, part in self.parts.items() for role, file in part.files.items()}


class CanBeTable:
    """The JSON schema of replicates, for editors: `load_config` reads the table that a YAML file names."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> dict[str, Any]:
        return {"anyOf": [handler(core_schema), {"type": "string", "examples": ["cultures.csv"]}]}


class Recording(Strict):
    """A data set: where its files are, how they are read, what is known about them."""

    title: str
    citation: str
    licence: str
    source: Source
    reader: Reader = Field(description="what the files are read with; parameters that all replicates share")
    fixes: list[Fix] = Field(default=[], description="quirks of this data set, mended in this order")
    replicates: Annotated[dict[Name, Replicate], CanBeTable()] = Field(
        min_length=1, description="name: replicate; or the name of a CSV or TSV file beside this one, a line each"
    )
    files: dict[Name, File] = Field(default={}, description="with a table of replicates: files that its lines share")
    duration: Duration | None = Field(default=None, description="observed time of every replicate that does not say its own")
    clock: Span | None = Field(default=None, description="[from, to] of the recording's clock, where it does not start at 0")
    observed_windows: Windows | None = Field(default=None, description="when was observed, where the files do not say it")
    times: dict[Name, Moment] = Field(default={}, description="name: when something happened")
    epochs: dict[Name, Between] = Field(default={}, description="label: [from, to]: times, 'start', 'stop', or names of times")
    trials: Trials | None = Field(default=None, description="trials that the events of the files mark")
    same_units: SameUnits | None = Field(default=None, description="which units of the parts of a replicate are the same")
    units: Units = Units()
    signals: Signals = Field(default=Signals(), description="what is made of continuous voltage")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = ["files has no effect without a table of replicates; give each replicate its files"] if self.files else []
        for name, replicate in self.replicates.items():
            wrong += [f"replicates.{name}{fault}" for fault in self._replicate_faults(name, replicate)]
            wrong += self._epoch_faults(name, replicate)
        wrong += self._factor_faults()
        folded: dict[str, str] = {}
        for name in self.replicates:
            other = folded.setdefault(name.lower(), name)
            if other != name:
                wrong.append(
                    f"replicates.{name} differs from {other} only in case: some disks take both for one file; rename one"
                )
        seen: dict[str, str] = {}
        for name, replicate in self.replicates.items():
            names = sorted(f.name for f in replicate.all_files().values())
            other = seen.setdefault(repr((names, sorted(replicate.parameters.items(), key=repr))), name)
            if other != name:
                wrong.append(
                    f"replicates.{name}.files are the files of replicate {other}; statistics would count them twice, remove one"
                )
        if wrong:
            raise ValueError("\n".join(dict.fromkeys(wrong)))
        return self

    def _factor_faults(self) -> Iterator[str]:
        """Replicates that lack a factor which others have, or have one of their own: those with the rarer set."""
        sets = {name: frozenset(r.factors) for name, r in self.replicates.items()}
        usual = max(sets.values(), key=list(sets.values()).count)
        for name, own in sets.items():
            odd = [f"lacks {key}" for key in sorted(usual - own)] + [f"has {key}" for key in sorted(own - usual)]
            if odd:
                yield f"replicates.{name}.factors {' and '.join(odd)}, unlike most replicates; give every replicate the same"

    def _replicate_faults(self, name: str, replicate: Replicate) -> Iterator[str]:
        """What is wrong with one replicate; each starts with a key of it."""
        duration = self.observed(name)
        if duration is not None and duration <= 0:
            yield f".duration is {duration:g} s; an observed time is longer than nothing"
        if duration is None and any(not end.of for span in self.epochs.values() for end in span):
            yield ".duration is missing; epochs are checked against it, so give the observed time"
        if bool(replicate.files) == bool(replicate.parts):
            yield " has both files and parts; write one of them" if replicate.files else ".files is missing; name at least one"
        same = self.same_units if replicate.same_units is None else replicate.same_units
        if len(replicate.parts) > 1 and same is None:
            yield (
                " has several parts, but same_units is missing: write ids (units of the same name are one unit), none, or a table"
            )
        first_of: dict[tuple[str, ...], str] = {}
        for key, part in replicate.parts.items():
            first = first_of.setdefault(tuple(sorted(file.name for file in part.files.values())), key)
            if first != key:
                yield f".parts.{key}.files are the files of part {first}; they would count twice, remove one"
        for unit, places in same.items() if isinstance(same, dict) else ():
            for place in places:
                if place not in replicate.parts:
                    yield f": same_units.{unit} names the part {place!r}; {did_you_mean(place, replicate.parts)}"
        if self.source.folder is None or self.source.package is not None:
            for role, file in replicate.files.items():
                if file.sha256 is None:
                    yield f".files.{role}.sha256 is missing; files that are fetched need one"
            for key, part in replicate.parts.items():
                for role, file in part.files.items():
                    if file.sha256 is None:
                        yield f".parts.{key}.files.{role}.sha256 is missing; files that are fetched need one"
        if replicate.parameters:
            try:
                self.reader_of(name)
            except ValueError as error:
                yield from (f".parameters: {line}" for line in error.args)

    def _epoch_faults(self, name: str, replicate: Replicate) -> Iterator[str]:
        times = self.times | replicate.times
        for taken in sorted({*ENDS} & {*self.times, *replicate.times}):
            yield f"times.{taken} is the name of an end of observed time already; rename it"
        duration = self.observed(name)
        first, last = self.clock or (0.0, duration)
        is_whole = self.clock is not None or not (replicate.parts or self.observed_windows)
        for label, span in self.epochs.items():
            for end in span:
                if (end.of == "start" and end.after < 0) or (end.of == "stop" and end.after > 0):
                    side = "before the start" if end.after < 0 else "after the end"
                    where = f"{abs(end.after):g} s {side} of observed time"
                    yield f"epochs.{label} has an end {where}; write {end.of}, or a time inside"
                if end.of and end.of not in times and end.of not in ENDS:
                    yield f"epochs.{label} names {end.of!r}, which is no time; {did_you_mean(end.of, [*ENDS, *times])}"
            start, stop = (self._known(end, times) for end in span)
            if start is not None and stop is not None and start >= stop:
                yield f"epochs.{label} is [{start:g} s, {stop:g} s], which ends before it starts; write [from, to]"
            elif is_whole and last is not None and any(t is not None and not first <= t <= last for t in (start, stop)):
                whose = "" if replicate.duration is None else f" (replicate {name})"
                shown = ", ".join("?" if t is None else f"{t:g} s" for t in (start, stop))
                of = f"of {duration:g} s" if self.clock is None else f"from {first:g} s to {last:g} s"
                yield f"epochs.{label} is [{shown}], which is not inside the recording {of}{whose}; move it, or mend duration"

    @staticmethod
    def _known(end: Instant, times: Mapping[str, Moment]) -> float | None:
        """The time of an instant, where no file need be read to know it."""
        if not end.of:
            return end.after
        moment = times.get(end.of)
        return None if moment is None or moment.at is None else moment.at + end.after

    def spans(self, replicate: str) -> dict[str, tuple[float, float]]:
        """Label -> [from, to] of the epochs of a replicate whose ends are known before its files are read."""
        times = self.times | self.replicates[replicate].times
        known = {label: (self._known(a, times), self._known(b, times)) for label, (a, b) in self.epochs.items()}
        return {label: (a, b) for label, (a, b) in known.items() if a is not None and b is not None}

    def reader_of(self, replicate: str) -> Entry:
        """The reader with the parameters of a replicate. Raises ValueError if they are none of it."""
        own = self.replicates[replicate].parameters
        return checked(self.reader.folder, self.reader.name, self.reader.written | own) if own else self.reader

    def entries(self) -> list[tuple[str, str]]:
        """The catalogue entries (folder, name) that read the files."""
        return [(e.folder, e.name) for e in (self.reader, *self.fixes)]

    def observed(self, replicate: str) -> float | None:
        """The declared duration of a replicate [s], None if it is not declared."""
        own = self.replicates[replicate].duration
        return self.duration if own is None else own


def published(raw: Mapping[str, Any], replicate: str) -> dict[str, Any]:
    """The YAML of a recording as the activity of a replicate shows it: without the others, and without a folder of the user.

    The same files in another folder are the same recording; which files they are, is said by their names and hashes.
    """
    is_own = not any(raw["source"].get(key) for key in ("package", "url"))
    shown = {key: value for key, value in raw.items() if not (key == "source" and is_own)}
    return shown | {"replicates": {replicate: raw["replicates"][replicate]}}
