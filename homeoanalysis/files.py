"""Writing files whole or not at all, and seeing later that they still are."""

import errno
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from homeoanalysis.errors import ConfigError, DataError

_MARK = b"crc32:"
_PIECE = 2**24  # bytes that are read at once
_FULL = 10_000_000  # bytes; what may be left on a disk that counts as full


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A path to write to; when the body ends without an error, what is there takes the place of `path`.

    A job that is killed leaves a folder ".part-..." beside it, and never a file that looks finished.
    Raises DataError if it cannot be written.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
            part = Path(folder) / path.name
            try:
                yield part
                os.replace(part, path)
            except (OSError, RuntimeError) as error:  # the latter is netCDF's
                raise DataError(f"{path} cannot be written ({error}); {_mend(error, part.parent)}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}); {_mend(error, path.parent)}") from error


def write_text(text: str, path: Path | str) -> None:
    """Write a text as UTF-8, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def _mend(error: Exception, folder: Path) -> str:
    code = error.errno if isinstance(error, OSError) else None
    if code in (errno.ENOSPC, errno.EDQUOT) or (folder.is_dir() and shutil.disk_usage(folder).free < _FULL):
        return "the disk is full: free some space and run again"
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


def seal(path: Path) -> None:
    """Append the checksum of a file to it. HDF5 takes no notice of what stands behind its own end."""
    checksum = _checksum(path, path.stat().st_size)
    with path.open("ab") as stream:
        stream.write(_MARK + checksum)


def is_intact(path: Path) -> bool:
    """Whether a sealed file is what was written; True for one without a seal, which another program wrote.

    One wrong byte can make the HDF5 library loop for ever (seen), so that this is asked before.
    """
    with path.open("rb") as stream:
        length = stream.seek(0, os.SEEK_END)
        end = max(length - len(_MARK) - 8, 0)
        stream.seek(end)
        found = stream.read()
    return not found.startswith(_MARK) or found == _MARK + _checksum(path, end)


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
