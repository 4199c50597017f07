"""Recordings: `config/recordings/<name>.yaml`."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from homeoanalysis.config.fields import Entry, Factor, Name, Span, Strict, entry
from homeoanalysis.units import Hertz, Second

if TYPE_CHECKING:
    Reader = Entry
    Fix = Entry
else:
    Reader = entry("readers")
    Fix = entry("fixes")


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
    return value


def _check_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.netloc:
        raise ValueError(f"is {value!r}; write the folder's address, https://host/folder/")
    return value if value.endswith("/") else value + "/"


Path = Annotated[str, AfterValidator(_check_inside)]


class Source(Strict):
    """Where the files come from: an installed package, a public address, or a folder of yours."""

    package: str | None = Field(default=None, description="an installed Python package that ships the files")
    url: Annotated[str, AfterValidator(_check_url)] | None = Field(default=None, description="https address of the files' folder")
    folder: str | None = Field(default=None, description="a local folder; with package: the folder inside it")

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


class Replicate(Strict):
    """One session of one subject: the unit that statistics count, never a channel or a unit."""

    files: dict[Name, File] = Field(min_length=1, description="role: file; the reader says which roles it needs")
    subject: str = Field(description="animal or culture; replicates of one subject are not independent")
    session: str = ""
    factors: dict[Name, Factor] = Field(default={}, description="age, condition, genotype, dose...")
    duration: Second | None = Field(default=None, description="observed time; checked when the file is read")
    stimulus_bandwidth: Hertz | None = Field(default=None, description="highest frequency of the stimulus")


class Units(Strict):
    """Which units are kept. What is dropped is counted, with the reason."""

    minimum_rate: Hertz | None = Field(default=None, description="units below this rate are dropped")


class Recording(Strict):
    """A data set: where its files are, how they are read, what is known about them."""

    title: str
    citation: str
    licence: str
    source: Source
    reader: Reader
    fixes: list[Fix] = Field(default=[], description="quirks of this data set, mended in this order")
    replicates: dict[Name, Replicate] = Field(min_length=1)
    duration: Second | None = Field(default=None, description="observed time of every replicate that does not say its own")
    epochs: dict[Name, Span] = Field(default={}, description="label: [from, to]")
    units: Units = Units()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = []
        for name, replicate in self.replicates.items():
            duration = replicate.duration if replicate.duration is not None else self.duration
            if duration is not None and duration <= 0:
                wrong.append(f"replicates.{name}.duration is {duration:g} s; an observed time is longer than nothing")
            if self.epochs and duration is None:
                wrong.append(f"replicates.{name}.duration is missing; epochs are checked against it, so give the observed time")
            for label, (start, stop) in self.epochs.items():
                if start >= stop:
                    wrong.append(f"epochs.{label} is [{start:g} s, {stop:g} s], which ends before it starts; write [from, to]")
                elif duration is not None and not 0 <= start < stop <= duration:
                    whose = "" if replicate.duration is None else f" (replicate {name})"
                    wrong.append(
                        f"epochs.{label} is [{start:g} s, {stop:g} s], which is not inside the recording "
                        f"of {duration:g} s{whose}; move it, or mend duration"
                    )
            if self.source.folder is None or self.source.package is not None:
                for role, file in replicate.files.items():
                    if file.sha256 is None:
                        wrong.append(f"replicates.{name}.files.{role}.sha256 is missing; files that are fetched need one")
        factors = {name: sorted(r.factors) for name, r in self.replicates.items()}
        if len({tuple(f) for f in factors.values()}) > 1:
            wrong.append(f"replicates have different factors ({factors}); give every replicate the same ones")
        seen: dict[tuple[str, ...], str] = {}
        for name, replicate in self.replicates.items():
            other = seen.setdefault(tuple(sorted(f.name for f in replicate.files.values())), name)
            if other != name:
                wrong.append(
                    f"replicates.{name}.files are the files of replicate {other}; statistics would count them twice, remove one"
                )
        if wrong:
            raise ValueError("\n".join(dict.fromkeys(wrong)))
        return self

    def entries(self) -> list[tuple[str, str]]:
        """The catalogue entries (folder, name) that read the files."""
        return [(e.folder, e.name) for e in (self.reader, *self.fixes)]

    def observed(self, replicate: str) -> float | None:
        """The declared duration of a replicate [s], None if it is not declared."""
        own = self.replicates[replicate].duration
        return self.duration if own is None else own


def published(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML of a recording as its outputs show it: without a folder of the user.

    The same files in another folder are the same recording; which files they are, is said by their names and hashes.
    """
    is_own = not any(raw["source"].get(key) for key in ("package", "url"))
    return {key: value for key, value in raw.items() if not (key == "source" and is_own)}
