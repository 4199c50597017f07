"""MATLAB files, of which only numbers are read."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeoanalysis.errors import DataError

_COMPRESSED, _HEADER = 15, 128
_HDF5 = 2  # the major version of MAT files from 7.3 on
_RATIO, _LARGEST = 1032, 2**33  # of deflate; bytes that a file may unpack to


def read_mat(path: Path, names: list[str] | None) -> dict[str, Any]:
    """The variables of a MAT file (before version 7.3) by name; names: only these, of those that there are.

    Structures are numpy records, cells arrays of objects. Nothing in the file is executed.
    Raises DataError for a damaged file, and for one that holds function handles or objects of classes.
    """
    import scipy.io
    from scipy.io import matlab

    _check_declared(path)
    try:
        is_hdf5 = matlab.matfile_version(str(path), appendmat=False)[0] == _HDF5
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


def _check_declared(path: Path) -> None:
    """Raises DataError where compressed variables would unpack to more than they can hold, or all together to too much.

    Source: MAT-File Format, MathWorks, "Level 5 MAT-File Format": elements of a type and a length, 4 bytes each.
    """
    try:
        content = list(_declared(path))
    except (OSError, struct.error, zlib.error):
        return  # the parser says what is wrong
    for held, unpacked in content:
        if unpacked > _RATIO * held + 1024:
            raise DataError(f"{path.name}: a variable declares {unpacked} bytes in {held}; it is damaged: fetch it again")
    if sum(unpacked for _, unpacked in content) > _LARGEST:
        raise DataError(f"{path.name} unpacks to more than {_LARGEST} bytes; save fewer variables in a file")


def _declared(path: Path) -> Iterator[tuple[int, int]]:
    """Bytes that each compressed variable takes, and that it declares to unpack to."""
    with path.open("rb") as stream:
        order = "<" if stream.read(_HEADER)[126:128] == b"IM" else ">"
        while len(tag := stream.read(8)) == 8:
            kind, size = struct.unpack(f"{order}II", tag)
            if kind == _COMPRESSED:
                inner = zlib.decompressobj().decompress(stream.read(min(size, 4096)), 8)
                yield size, struct.unpack(f"{order}II", inner)[1]
                stream.seek(max(0, size - 4096), 1)
            else:
                stream.seek(size, 1)
