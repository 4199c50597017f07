"""HDF5 files whose damage makes the HDF5 library loop for ever, which no exception handler catches."""

import mmap
import struct
from pathlib import Path

from homeoanalysis.errors import DataError

_LARGEST = 2**30  # bytes; of a larger file a second reading takes long, and its SHA-256 says whether it is damaged
_SIGNATURE, _AT = b"\x89HDF\r\n\x1a\n", (0, 512, 1024, 2048)  # where a superblock may be
# A collection of texts of any length: its mark with the version, its size; then objects of an index, a count and a size each.
# Source: HDF5 File Format Specification 3.0, III.E, "Disk Format: Level 1E - Global Heap".
_COLLECTION, _OBJECT = b"GCOL\x01\x00\x00\x00", struct.Struct("<HH4xQ")


def check_hdf5(path: Path) -> None:
    """Raises DataError for a file whose texts the library would read for ever (seen: where a hole of zeros cuts a collection).

    The library steps from object to object by the size of each; one that takes no space, it meets again. Other files pass, and
    what else is wrong with them the library says itself. Reads files of up to 1 GB once.
    """
    if not path.is_file() or not len(_SIGNATURE) <= path.stat().st_size <= _LARGEST:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
        if not any(content[at : at + len(_SIGNATURE)] == _SIGNATURE for at in _AT):
            return
        at = content.find(_COLLECTION)
        while at >= 0:
            end = min(at + int.from_bytes(content[at + 8 : at + 16], "little"), len(content))
            here = at + 16
            while here + _OBJECT.size <= end:
                index, _, size = _OBJECT.unpack(content[here : here + _OBJECT.size])
                if index == 0 and size < _OBJECT.size:
                    raise DataError(
                        f"{path.name}: the texts from byte {at} on have a hole at byte {here}, which the HDF5 library would read "
                        "for ever; the file is damaged: compare its size with the original, or fetch it again"
                    )
                here += size if index == 0 else _OBJECT.size + (size + 7) // 8 * 8
            at = content.find(_COLLECTION, at + 8)
