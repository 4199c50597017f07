"""MATLAB files, of which only numbers are read."""

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from homeoanalysis.errors import DataError

_MATRIX, _COMPRESSED, _HEADER = 14, 15, 128  # types of elements; bytes before the first
_CELL, _STRUCTURE, _OBJECT, _SPARSE, _FUNCTION, _OPAQUE = 1, 2, 3, 5, 16, 17  # classes of arrays
_HOLDERS = (_CELL, _STRUCTURE, _OBJECT, _FUNCTION, _OPAQUE)  # of other arrays
_LEVELS = 100  # of cells in cells: scipy's parser calls itself for each, until the stack is full
_HDF5 = 2  # the major version of MAT files from 7.3 on
_RATIO, _LARGEST = 1032, 2**33  # of deflate; bytes that a file may unpack to


def read_mat(path: Path, names: list[str] | None) -> dict[str, Any]:
    """The variables of a MAT file (before version 7.3) by name; names: only these, of those that there are.

    Structures are numpy records, cells arrays of objects. Nothing in the file is executed.
    Raises DataError for a damaged file, and for one that holds function handles or objects of classes.
    """
    import scipy.io
    from scipy.io import matlab

    check_mat(path)
    try:
        is_hdf5 = matlab.matfile_version(str(path), appendmat=False)[0] == _HDF5
        with warnings.catch_warnings(action="error"):  # of two variables of one name, and one that cannot be read
            found = {} if is_hdf5 else scipy.io.loadmat(path, variable_names=names, mat_dtype=False)
    except Exception as error:  # scipy's parser checks little: damaged bytes surface as any exception
        raise DataError(
            f"{path.name} is no readable MAT file ({type(error).__name__}: {' '.join(str(error).split())[:100]}); fetch it again"
        ) from None
    if is_hdf5:
        raise DataError(f"{path.name} is a MAT file of version 7.3; save it again with save(..., '-v7')")
    for name, value in found.items():
        if isinstance(value, matlab.MatlabFunction | matlab.MatlabOpaque):
            raise DataError(f"{path.name}: {name} is a function handle or object, which is code; save it as plain arrays")
    return {name: value for name, value in found.items() if not name.startswith("__")}


def check_mat(path: Path) -> None:
    """Raises DataError where a parser would take memory or stack that the file does not fill.

    That is where compressed variables would unpack to more than they can hold, or together to too
    much, or where cells or structures hold one another more than 100 levels deep.
    Source: MathWorks, "MAT-File Format", Level 5: elements of a type and a length, 4 bytes each.
    """
    total = 0
    try:
        file = path.open("rb")
    except OSError:
        return  # the parser says why
    with file as stream:
        order = "<" if stream.read(_HEADER)[126:128] == b"IM" else ">"
        for kind, held in _tags(stream, order):
            after = stream.tell() + held
            variable: _Stream = _Inflated(stream) if kind == _COMPRESSED else stream
            try:
                if kind == _COMPRESSED:
                    declared = struct.unpack(f"{order}II", variable.read(8))[1]
                    if declared > _RATIO * held + 1024:
                        raise DataError(
                            f"{path.name}: a variable declares {declared} bytes in {held}; it is damaged: fetch it again"
                        )
                    total += declared
                if not _is_flat(variable, order):
                    raise DataError(f"{path.name}: cells nested more than {_LEVELS} levels deep; save them flat")
            except (struct.error, zlib.error):
                pass  # the parser says what is wrong, and may go on to the next variable
            stream.seek(after)
    if total > _LARGEST:
        raise DataError(f"{path.name} unpacks to more than {_LARGEST} bytes; save fewer variables in a file")


class _Stream(Protocol):
    def read(self, count: int, /) -> bytes: ...
    def seek(self, offset: int, whence: int, /) -> int: ...


class _Inflated:
    """A compressed variable, read from its beginning without holding it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._inflate = stream, zlib.decompressobj()

    def read(self, count: int, /) -> bytes:
        content = b""
        while len(content) < count and not self._inflate.eof:
            packed = self._inflate.unconsumed_tail or self._stream.read(2**14)
            if not packed:
                break
            content += self._inflate.decompress(packed, count - len(content))
        return content

    def seek(self, offset: int, whence: int, /) -> int:
        """Go forward alone, from where we are."""
        for skipped in range(0, offset, 2**20):
            self.read(min(2**20, offset - skipped))
        return whence


def _tags(stream: _Stream, order: str) -> Iterator[tuple[int, int]]:
    """Types and lengths of elements, each from where the one before has left the stream."""
    while len(tag := stream.read(8)) == 8:
        kind, size = struct.unpack(f"{order}II", tag)
        yield kind, size


def _is_flat(stream: _Stream, order: str) -> bool:
    """Whether arrays hold one another at most `_LEVELS` deep. stream: behind the tag of a variable.

    Goes by the numbers of arrays, as scipy's parser does, and not by lengths, which may lie.
    """
    left = [_children(stream, order, is_variable=True)]  # arrays to come, of each level
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        kind, size = next(_tags(stream, order), (0, 0))
        if kind != _MATRIX:
            return True  # the parser stops here as well
        if size and (children := _children(stream, order)):
            left.append(children)
            if len(left) > _LEVELS:
                return False
    return True


def _children(stream: _Stream, order: str, is_variable: bool = False) -> int:
    """How many arrays the array holds whose tag was read; goes to the first, or behind its numbers."""
    flags = struct.unpack(f"{order}4I", stream.read(16))[2]
    holds, parts = flags & 255, 1 + (flags >> 11 & 1)  # parts: a complex array has two
    if is_variable and holds not in _HOLDERS:
        return 0
    if holds == _OPAQUE:
        for _ in range(3):
            _element(stream, order)
        return 1
    shape, _ = _element(stream, order), _element(stream, order)
    count = math.prod(struct.unpack(f"{order}{len(shape) // 4}i", shape))
    if holds == _FUNCTION:
        return 1
    if holds == _OBJECT:
        _element(stream, order)
    if holds in (_STRUCTURE, _OBJECT):
        (width,) = struct.unpack(f"{order}i", _element(stream, order))
        count *= len(_element(stream, order)) // max(width, 1)
    if holds in _HOLDERS:
        return max(count, 0)
    for _ in range(parts + 2 * (holds == _SPARSE)):
        _element(stream, order)
    return 0


def _element(stream: _Stream, order: str) -> bytes:
    """The content of an element, without what lies behind its first 64 KiB."""
    tag = stream.read(8)
    kind, size = struct.unpack(f"{order}II", tag)
    if kind >> 16:  # a small element: its length and its content stand in the tag
        return tag[4 : 4 + min(kind >> 16, 4)]
    content = stream.read(min(size, 2**16))
    stream.seek(size - len(content) + -size % 8, 1)
    return content
