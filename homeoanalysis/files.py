"""Writing files whole or not at all, and seeing later that they still are."""

import os
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_MARK = b"crc32:"


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A path to write to; when the body ends without an error, what is there takes the place of `path`.

    A job that is killed leaves a folder ".part-..." beside it, and never a file that looks finished.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".part-") as folder:
        part = Path(folder) / path.name
        yield part
        os.replace(part, path)


def seal(path: Path) -> None:
    """Append the checksum of a file to it. HDF5 takes no notice of what stands behind its own end."""
    content = path.read_bytes()
    path.write_bytes(content + _MARK + b"%08x" % zlib.crc32(content))


def is_intact(path: Path) -> bool:
    """Whether a sealed file is what was written; True for one without a seal, which another program wrote.

    One wrong byte can make the HDF5 library loop for ever (seen), so that this is asked before.
    """
    content = memoryview(path.read_bytes())
    end = max(len(content) - len(_MARK) - 8, 0)
    found = bytes(content[end:])
    return not found.startswith(_MARK) or found == _MARK + b"%08x" % zlib.crc32(content[:end])
