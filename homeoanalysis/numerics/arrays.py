"""numpy's files, of which nothing runs and nothing is allocated that is not there."""

import math
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

LARGEST = 2**33  # bytes that an archive may unpack to: 10 MB of zip can stand for 10 GB


def read_npy(path: Path) -> Any:
    """The array of an .npy file, mapped: one that declares more than the file holds is an error, and no allocation.

    Raises ValueError or OSError for what is no array of numbers, or holds more than the array.
    """
    try:
        array = np.load(path, allow_pickle=False, mmap_mode="r")
    except OverflowError:
        raise ValueError("its header declares a length below 0") from None
    if isinstance(array, np.memmap) and (left := path.stat().st_size - array.offset - array.nbytes):
        raise ValueError(f"{left} bytes stand behind the array that it declares")
    return array


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz archive. Raises ValueError for a damaged one, or one that declares more than it holds."""
    try:
        with path.open("rb") as stream:
            with zipfile.ZipFile(stream) as archive:
                check_archive(archive)
                names = archive.namelist()
                if len(set(names)) < len(names):
                    raise ValueError(f"it holds {max(names, key=names.count)} twice")
                for member in archive.infolist():
                    _check_member(archive, member)
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as saved:
                return {name: saved[name] for name in saved.files}
    except Exception as error:  # zip, zlib and numpy raise many kinds for damaged bytes
        raise ValueError(f"{type(error).__name__}: {' '.join(str(error).split())[:120]}") from None


def check_archive(archive: zipfile.ZipFile) -> None:
    """Raises ValueError for an archive that would unpack to more than any recording is."""
    size = sum(member.file_size for member in archive.infolist())
    if size > LARGEST:
        raise ValueError(f"it unpacks to {size} bytes, more than {LARGEST}; take the files out of the archive")


def _check_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """numpy makes room for the array that a header declares before it reads."""
    with archive.open(member) as stream:
        major, _ = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if major == 1 else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        needed = math.prod(shape) * dtype.itemsize
        held = member.file_size - stream.tell()
        if needed != held and not dtype.hasobject:  # objects are refused for what they are
            raise ValueError(f"{member.filename} declares {needed} bytes of numbers and holds {held}")
