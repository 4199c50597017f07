"""HDF5 files that must not be read: the library would crash, read for ever, or open other files."""

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
_LEVELS = 100  # of groups
_SHOWN = 150  # characters of a path in a message
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
    """Raises DataError for what declares more than is there, lies in other files, or has no end.

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
    from h5py import h5d, h5ds

    beyond = 0  # bytes that all datasets together declare and cannot hold
    for name, thing in _found(root):
        shown = name.decode(errors="replace")
        if isinstance(thing, str):
            yield f"{shown} {thing}"
        if not isinstance(thing, h5d.DatasetID):
            continue
        made = thing.get_create_plist()
        if made.get_external_count():
            yield f"{shown} lies in another file, and none is opened; copy the data into one file"
        if made.get_layout() == h5d.VIRTUAL:
            fault = "is made of other datasets (virtual), maybe of itself"
            yield f"{shown} {fault}; copy the data into one file"
        declared, held = math.prod(thing.shape or ()) * thing.get_type().get_size(), thing.get_storage_size()
        excess = max(declared - _RATIO * held, 0)
        if excess and with_netcdf and h5ds.is_scale(thing) and h5ds.get_scale_name(thing).startswith(_DIMENSION):
            continue
        beyond += excess
        if beyond > _SMALL:
            yield f"{shown} declares {declared} bytes and holds {held}; it is damaged, or was never written: fetch it again"


class _Group:
    """A group on the way from the root to what is looked at."""

    def __init__(self, group: Any, address: int, name: bytes) -> None:
        self.group, self.address, self.name = group, address, name
        self.below = 0  # levels of groups in it, as far as it was looked through
        links: list[tuple[bytes, int, int]] = []
        group.links.iterate(lambda name, link: links.append((name, link.type, link.u)), info=True)
        self.links = iter(links)


def _found(root: Any) -> Iterator[tuple[bytes, Any]]:
    """Path of each object that is no group, and the object; path of what must not be read, and why.

    What the library has for this calls itself at each level, till the stack is full, and so do
    readers. So the levels of a group count wherever it is linked, and none may lie in itself.
    """
    from h5py import h5g, h5l, h5o

    below: dict[int, int] = {}  # address: levels of groups in it, -1 of what is none
    way = [_Group(root, h5o.get_info(root).addr, b"")]
    while way:
        here = way[-1]
        name, kind, address = next(here.links, (b"", None, 0))
        if kind is None:
            below[here.address] = here.below
            way.pop()
            if way:
                way[-1].below = max(way[-1].below, here.below + 1)
        elif kind == h5l.TYPE_EXTERNAL:
            other = here.group.links.get_val(name)[0].decode(errors="replace")
            fault = f"lies in the file {other!r}, and no other file is opened"
            yield _path(way, name), f"{fault}; copy the data into one file"
        elif kind == h5l.TYPE_HARD:  # what a soft link leads to has a hard one
            if any(group.address == address for group in way):
                yield _path(way, name), "is a group that lies in itself; fetch the file again"
            if address in below:
                here.below = max(here.below, below[address] + 1)
            elif isinstance(thing := h5o.open(here.group, name), h5g.GroupID):
                way.append(_Group(thing, address, name))
            else:
                below[address] = -1
                yield _path(way, name), thing
            if len(way) + way[-1].below > _LEVELS:
                fault = f"is nested more than {_LEVELS} levels deep; fetch the file again"
                yield _path(way[:-1], way[-1].name), fault


def _path(way: list[_Group], name: bytes) -> bytes:
    path = b"/".join([*(group.name for group in way[1:]), name])
    return path if len(path) <= _SHOWN else path[:_SHOWN] + b"..."


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
