"""HDF5 files that must not be read: the library would loop for ever, allocate what is not there, or open other files."""

import math
import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from homeoanalysis.errors import DataError

_LARGEST = 2**30  # bytes; of a larger file a second reading takes long, and its SHA-256 says whether it is damaged
_SIGNATURE, _AT = b"\x89HDF\r\n\x1a\n", (0, 512, 1024, 2048)  # where a superblock may be
# A collection of texts of any length: its mark with the version, its size; then objects of an index, a count and a size each.
# Source: HDF5 File Format Specification 3.0, III.E, "Disk Format: Level 1E - Global Heap".
_COLLECTION, _OBJECT = b"GCOL\x01\x00\x00\x00", struct.Struct("<HH4xQ")
_RATIO, _SMALL = 1100, 2**26  # deflate packs 1032 to 1; bytes that a file may declare and not hold


def check_hdf5(path: Path) -> None:
    """Raises DataError for an HDF5 file that must not be read. Others pass, and what is wrong with them their library says."""
    if not path.is_file():
        return
    _check_texts(path)
    with path.open("rb") as stream:
        head = stream.read(_AT[-1] + len(_SIGNATURE))
    if any(head[at : at + len(_SIGNATURE)] == _SIGNATURE for at in _AT):
        _check_content(path)


def _check_content(path: Path) -> None:
    """Raises DataError for a dataset that declares much more than the file holds, and for what lies in other files."""
    import h5py

    try:
        with h5py.File(path) as file:
            found = list(_faults(file))
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError):
        return  # damaged: who reads it says how; SystemError is what h5py makes of a fault inside a visit
    if found:
        raise DataError(f"{path.name}: {found[0]}")


def _faults(file: Any) -> Iterator[str]:
    import h5py

    links: dict[str, Any] = {}
    file.visititems_links(links.__setitem__)
    for name, link in links.items():
        if isinstance(link, h5py.ExternalLink):
            yield f"{name} lies in the file {link.filename!r}, and no other file is opened; copy the data into one file"
    things: dict[str, Any] = {}
    beyond = 0  # bytes that all of them together declare and cannot hold
    file.visititems(things.__setitem__)
    for name, thing in things.items():
        if not isinstance(thing, h5py.Dataset) or thing.shape is None:
            continue
        if thing.external or (thing.is_virtual and any(source.file_name != "." for source in thing.virtual_sources())):
            yield f"{name} lies in another file, and none is opened; copy the data into one file"
        declared, held = math.prod(thing.shape) * thing.dtype.itemsize, thing.id.get_storage_size()
        beyond += max(declared - _RATIO * held, 0)
        if beyond > _SMALL:
            yield f"{name} declares {declared} bytes and holds {held}; it is damaged, or was never written: fetch it again"


def _check_texts(path: Path) -> None:
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
