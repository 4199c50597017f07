"""Which file it is: by its SHA-256. Apart from `provenance`, whose libraries a job that only fetches a file need not load."""

import hashlib
from pathlib import Path

from homeoanalysis.errors import DataError


def file_hash(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def check_file(path: Path, sha256: str | None, *, shown: str | None = None) -> None:
    """Raises DataError unless `path` is a file that can be read, with that SHA-256 if one is given.

    shown: where it comes from, for messages; by default the path.
    """
    shown = shown or str(path)
    try:
        if not path.exists():
            raise DataError(f"{shown} does not exist; mend its name or source in the YAML")
        if not path.is_file():
            what = "a folder" if path.is_dir() else "neither a file nor a folder"
            raise DataError(f"{shown} is {what}; a file is needed: mend its name in the YAML")
        found = None if sha256 is None else file_hash(path)
    except OSError as error:
        raise DataError(f"{shown} cannot be read ({error.strerror}); mend its permissions") from None
    if found != sha256:
        raise DataError(
            f"{shown} has the SHA-256 {found}, but the YAML says {sha256}; the file is damaged or another version: replace it"
        )
