"""Writing files whole or not at all, and seeing later that they still are."""

import errno
import os
import re
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from homeoanalysis.errors import ConfigError, DataError

_PART = ".part-"
_MARK = b"crc32:"
_PIECE = 2**24  # bytes that are read at once
_FULL = 10_000_000  # bytes; what may be left on a disk that counts as full


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A path to write to; when the body ends without an error, what is there takes the place of `path`.

    A job that is killed leaves a folder ".part-..." beside it (see `clear_parts`), and never a file that looks finished.
    Raises DataError if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=_PART) as folder:
            part = Path(folder) / path.name
            try:
                yield part
                os.replace(part, path)
            except (OSError, RuntimeError) as error:  # the latter is netCDF's
                raise DataError(f"{path} cannot be written ({error}); {mend(error, part.parent)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}); {mend(error, path.parent)}") from error


def write_text(text: str, path: Path | str) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


MORE_MEMORY = "give the job more, or run fewer at once"
_MENDS = {
    errno.ENOSPC: "the disk is full: free some space and run again",
    errno.EDQUOT: "the disk is full: free some space and run again",
    errno.ENOMEM: f"the memory is used up: {MORE_MEMORY}",
    errno.EROFS: "the disk is read-only: name a folder elsewhere",
    errno.ENOENT: "there is no such folder, and none can be made there: name another",
    errno.ENOTDIR: "a file lies where a folder is needed: name another, or move it away",
    errno.EEXIST: "a file lies where a folder is needed: name another, or move it away",
    errno.EISDIR: "it is a folder: name a file in it",
    errno.ENAMETOOLONG: "the name is too long: choose a shorter one",
}


def mend(error: Exception, folder: Path) -> str:
    """What to do about a file that could not be written into a folder."""
    code = error.errno if isinstance(error, OSError) else None
    if code in _MENDS:
        return _MENDS[code]
    # HDF5 does not say what it lacked, and netCDF calls it a matter of permissions; a disk of no size is none.
    usage = shutil.disk_usage(folder) if folder.is_dir() else None
    if usage is not None and usage.total > 0 and usage.free < _FULL:
        return _MENDS[errno.ENOSPC]
    if code is None or code < 0:  # not the system's word but netCDF's
        return "the memory may be used up: give the job more; else mend the folder or its permissions, and run again"
    return "mend the folder or its permissions, and run again"


def refuse_read_only(*folders: Path) -> None:
    """Raises ConfigError where a folder, or the one that it would be made in, cannot be written to."""
    for folder in folders:
        nearest = next(f for f in (folder, *folder.parents) if f.exists())
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise ConfigError(
                f"{folder}: {nearest.absolute()} cannot be written to; change its permissions, "
                f"or copy config/ to a folder of your own and run with --directory"
            )


def refuse_full_temporary_folder() -> None:
    """Raises ConfigError where what plans the jobs could not write its plan; it would end with a traceback."""
    named = next(((n, Path(f)) for n in ("TMPDIR", "TEMP", "TMP") if (f := os.environ.get(n))), None)
    if named is not None and named[1].is_dir():
        try:
            with tempfile.TemporaryFile(dir=named[1]) as stream:
                stream.write(bytes(2**16))
        except OSError as error:
            name, folder = named
            raise ConfigError(
                f"{folder}, the folder of temporary files, cannot be written to ({error.strerror}); "
                f"free some space there, or set {name} to another folder"
            ) from None


def clear_parts(*folders: Path) -> None:
    """Remove what jobs that were killed have left of their files; no job may be writing there."""
    for folder in folders:
        for part in folder.rglob(f"{_PART}*"):
            shutil.rmtree(part, ignore_errors=True)


def seal(path: Path) -> None:
    """Append the checksum of a file to it. HDF5 takes no notice of what stands behind its own end."""
    checksum = _checksum(path, path.stat().st_size)
    with path.open("ab") as stream:
        stream.write(_MARK + checksum)


def is_sealed(path: Path) -> bool:
    """Whether a file has a seal, and is what was sealed. HDF5 drops the seal of a file that it was given to write to."""
    with path.open("rb") as stream:
        length = stream.seek(0, os.SEEK_END)
        end = max(length - len(_MARK) - 8, 0)
        stream.seek(end)
        found = stream.read()
    return found.startswith(_MARK) and found == _MARK + _checksum(path, end)


# The rule that makes a result, by its place in the project; a model's name has its size, behind a dot.
_RULES = {
    r"activity/[^/.]+/[^/]+": "ingest",
    r"activity/[^/]+/[^/]+": "simulate",
    r"[^/]+/measures/[^/]+/[^/]+": "measure",
    r"[^/]+/comparison": "compare",
    r"[^/]+/sweeps/[^/]+/[^/]+": "sweep_part",
    r"[^/]+/sweeps/[^/]+": "sweep",
    r"claims/claims": "claims_overview",
}


def damaged(path: Path | str) -> str:
    """What to do about a netCDF file that cannot be read: only a result of the workflow can be made again."""
    path = Path(path)
    is_whole = False
    with suppress(OSError):
        is_whole = is_sealed(path)
    if is_whole:  # HDF5 does not say what it lacked
        return "it is whole, as its checksum says, so that the memory or the number of open files may be used up: run again"
    for place, rule in _RULES.items():
        if found := re.search(rf"(?<=/)results/{place}\.nc$", path.absolute().as_posix()):
            return f"delete it and run rule {rule} again: snakemake --cores 2 {found.group()}"
    return "it was damaged or edited, or is no result of this project; files of other programs are read as recordings"


def watch(paths: Iterable[Path]) -> Callable[[], None]:
    """A function that raises DataError if one of the files is no longer what it was when this was called."""
    before = {path: _state(path) for path in paths}

    def still() -> None:
        for path, state in before.items():
            if _state(path) != state:
                raise DataError(f"{path.name} changed while it was read; wait until it is written, and run again")

    return still


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _checksum(path: Path, length: int) -> bytes:
    """CRC-32 of the first bytes of a file, read in pieces: a file may be larger than the memory."""
    value = 0
    with path.open("rb") as stream:
        while length > 0 and (piece := stream.read(min(length, _PIECE))):
            value = zlib.crc32(piece, value)
            length -= len(piece)
    return b"%08x" % value
