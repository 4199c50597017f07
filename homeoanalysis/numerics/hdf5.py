"""HDF5 files that must not be read: the library would loop for ever, allocate what is not there, or open other files."""

import math
import mmap
import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from homeoanalysis.errors import DataError
from homeoanalysis.files import damaged, is_sealed

_SIGNATURE, _BLOCK = b"\x89HDF\r\n\x1a\n", 512  # bytes; a superblock is at 0, at this, or at a doubling of it
_LARGEST = 2**30  # bytes; of a larger file a second reading takes long, and its SHA-256 says whether it is damaged
# A collection of texts of any length: its mark with the version, its size; then objects of an index, a count and a size each.
# Source: HDF5 File Format Specification 3.0, III.E, "Disk Format: Level 1E - Global Heap".
_COLLECTION, _OBJECT = b"GCOL\x01\x00\x00\x00", struct.Struct("<HH4xQ")
_RATIO, _SMALL = 1100, 2**26  # deflate packs 1032 to 1; bytes that a file may declare and not hold
# How netCDF calls a dataset that it makes for a dimension alone: of its length, empty, and never read by netCDF.
# Source: NetCDF Users Guide, "File Format Specifications", "The NetCDF-4 Format".
_DIMENSION = b"This is a netCDF dimension but not a netCDF variable."


def check_hdf5(path: Path) -> None:
    """Raises DataError for an HDF5 file that must not be read, or that cannot be looked through. Others pass.

    So does a file that cannot be opened: its reader says how it is damaged.
    """
    if path.is_file() and _is_hdf5(path):
        _check_texts(path)
        with suppress(OSError):
            check_content(path)


def _is_hdf5(path: Path) -> bool:
    """Whether the HDF5 library finds a superblock in a file, maybe behind a block of the user's own.

    Source: HDF5 File Format Specification 3.0, II.A, "Disk Format: Level 0A - Format Signature and Superblock".
    """
    at, size = 0, path.stat().st_size
    with path.open("rb") as stream:
        while at < size:
            stream.seek(at)
            if stream.read(len(_SIGNATURE)) == _SIGNATURE:
                return True
            at = max(_BLOCK, 2 * at)
    return False


def check_content(path: Path, *, with_netcdf: bool = False) -> None:
    """Raises DataError for a dataset that declares much more than the file holds, and for what lies in other files.

    with_netcdf: it is netCDF that will read the file.
    By h5py's functions of the library, which know datasets of every type and take a third of the time of its objects (1 to 5 ms
    for 20 to 70 datasets). Raises DataError too for a file that cannot be looked through, OSError for one that cannot be opened.
    """
    from h5py import h5f, h5g

    file = h5f.open(os.fsencode(path), h5f.ACC_RDONLY)
    try:
        fault = next(_faults(h5g.open(file, b"/"), with_netcdf), None)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, SystemError) as error:
        fault = f"HDF5 cannot look through it ({error}); {_mend(path, str(error))}"
    finally:
        file.close()
    if fault is not None:
        raise DataError(f"{path.name}: {fault}")


def _mend(path: Path, said: str) -> str:
    if is_sealed(path):
        return damaged(path)
    cause = "it is damaged, or the memory is used up" if "alloc" in said else "it is damaged"
    return f"{cause}: compare its size with the original, or fetch it again"


def _faults(root: Any, with_netcdf: bool) -> Iterator[str]:
    from h5py import h5d, h5ds, h5l, h5o

    links: list[tuple[bytes, int]] = []
    root.links.visit(lambda name, link: links.append((name, link.type)), info=True)
    beyond = 0  # bytes that all datasets together declare and cannot hold
    for name, kind in links:
        shown = name.decode(errors="replace")
        if kind == h5l.TYPE_EXTERNAL:
            other = root.links.get_val(name)[0].decode(errors="replace")
            yield f"{shown} lies in the file {other!r}, and no other file is opened; copy the data into one file"
        thing = h5o.open(root, name) if kind == h5l.TYPE_HARD else None  # what a soft link leads to has a hard one
        if not isinstance(thing, h5d.DatasetID):
            continue
        made = thing.get_create_plist()
        is_virtual = made.get_layout() == h5d.VIRTUAL
        if made.get_external_count() or (
            is_virtual and any(made.get_virtual_filename(k) != "." for k in range(made.get_virtual_count()))
        ):
            yield f"{shown} lies in another file, and none is opened; copy the data into one file"
        declared, held = math.prod(thing.shape or ()) * thing.get_type().get_size(), thing.get_storage_size()
        excess = max(declared - _RATIO * held, 0)
        if excess and with_netcdf and h5ds.is_scale(thing) and h5ds.get_scale_name(thing).startswith(_DIMENSION):
            continue
        beyond += excess
        if beyond > _SMALL:
            yield f"{shown} declares {declared} bytes and holds {held}; it is damaged, or was never written: fetch it again"


def _check_texts(path: Path) -> None:
    """Raises DataError for a file whose texts the library would read for ever (seen: where a hole of zeros cuts a collection).

    The library steps from object to object by the size of each; one that takes no space, it meets again. Other files pass, and
    what else is wrong with them the library says itself. Reads files of up to 1 GB once.
    """
    if path.stat().st_size > _LARGEST:
        return
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
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
