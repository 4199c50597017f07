"""A study as an RO-Crate: what it was made from, by what, and what came out, for archives and for those who were not there.

Source: RO-Crate Metadata Specification 1.1, doi:10.5281/zenodo.4031327; its "Provenance of entities" for the action.
"""

import datetime
import mimetypes
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from homeoanalysis.errors import DataError
from homeoanalysis.files import replacing
from homeoanalysis.identity import file_hash
from homeoanalysis.provenance import version

_FORMATS = {".nc": "application/x-netcdf", ".yaml": "application/yaml"}


class Held(NamedTuple):
    """A file that is put into the crate."""

    path: Path
    place: str  # inside the crate
    what: str


class Given(NamedTuple):
    """A recorded file that is named, and not put into the crate: its licence is its own."""

    name: str
    sha256: str
    url: str | None


def write_crate(
    destination: Path,
    *,
    title: str,
    description: str,
    licence: str,
    config: Sequence[Held],
    inputs: Sequence[Given],
    outputs: Sequence[Held],
    versions: Mapping[str, str],
) -> None:
    """A new folder with `ro-crate-metadata.json` and the files, whole or not at all.

    licence: in words. versions: library -> version, of all that ran. The date is that of the newest output.
    Raises DataError if the folder exists, or the package rocrate is not installed.
    """
    try:
        from rocrate.model import ContextEntity
        from rocrate.rocrate import ROCrate
    except ImportError:
        install = f"{shlex.quote(sys.executable)} -m pip install rocrate"
        raise DataError(f"a crate needs the package rocrate, which is not installed; run: {install}") from None
    if destination.exists():
        raise DataError(f"{destination} exists; choose another name, or remove it")
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms["sha256"] = "https://schema.org/sha256"  # newer than the context of 1.1
    newest = max(held.path.stat().st_mtime for held in outputs)
    crate.name, crate.description, crate.license = title, description, licence
    crate.datePublished = datetime.datetime.fromtimestamp(newest, datetime.UTC).isoformat(timespec="seconds")

    def entity(key: str, kind: str, **properties: Any) -> Any:
        return crate.add(ContextEntity(crate, key, properties={"@type": kind, **properties}))

    def held(file: Held) -> Any:
        about = {"name": Path(file.place).name, "description": file.what, "sha256": file_hash(file.path)}
        about |= {"contentSize": str(file.path.stat().st_size), "encodingFormat": _format(file.path)}
        return crate.add_file(file.path, file.place, properties=about)

    software = entity("#homeoanalysis", "SoftwareApplication", name="homeoanalysis", version=version("homeoanalysis"))
    libraries = sorted((name, number) for name, number in versions.items() if name != "homeoanalysis")
    software["softwareRequirements"] = [
        entity(f"#{name}", "SoftwareApplication", name=name, version=number) for name, number in libraries
    ]
    given = [
        entity(one.url or f"#{one.name}", "DigitalDocument", name=one.name, sha256=one.sha256) for one in dict.fromkeys(inputs)
    ]
    settings, made = [held(file) for file in config], [held(file) for file in outputs]
    about = {"name": f"the study {title}"}
    crate.root_dataset["mentions"] = [
        crate.add_action(software, identifier="#run", object=[*given, *settings], result=made, properties=about)
    ]
    with replacing(destination) as part:
        crate.write(part)


def _format(path: Path) -> str:
    return _FORMATS.get(path.suffix) or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
