"""Every format that neo reads: the name of its class is the parameter `io`."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, WithJsonSchema

from homeoanalysis import units
from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_io import FORMATS, channel_names, check_io, members, read_blocks, told

if TYPE_CHECKING:
    import neo  # 0.3 s of import that the config check need not pay

_Io = Annotated[str, AfterValidator(check_io), WithJsonSchema({"type": "string", "enum": sorted(FORMATS)})]
_BASES = ("V", "A", "m", "s", "Hz", "S", "1")


def any_neo(
    files: Mapping[str, Path], *, io: _Io, covariates: list[str] | None = None, block: Annotated[int, Field(ge=0)] | None = None
) -> "neo.Block":
    """One file, or the files of one folder, of a format that neo reads.

    files: role "recording" is the file that neo is given; a format of several files (a header and its data, or
    a folder) has each of them under a role of its own, so that nothing is read that the YAML does not list.
    io: class of neo.io. covariates: channels or signals that are stimulus or behaviour. block: which one, where a
    file holds several.
    Spikes, events and marked signals are loaded; the other signals stay proxies, so that no raw data fill the memory.
    Raises DataError for files that are missing, unlisted, damaged or of another format, and for unknown covariates.
    """
    path = _checked(files, check_io(io))
    blocks = read_blocks(path, io)
    if not blocks or (block is None and len(blocks) > 1) or (block is not None and block >= len(blocks)):
        end = (
            f"choose one of 0 to {len(blocks) - 1} with the reader's parameter block" if blocks else "nothing can be read from it"
        )
        raise DataError(f"{path.name} holds {len(blocks)} blocks, and block is {block}; {end}")
    chosen = blocks[block or 0]
    with told(path, io):
        return _loaded(chosen, covariates or [], path)


def _checked(files: Mapping[str, Path], io: str) -> Path:
    if "recording" not in files:
        raise DataError(f"reader any_neo needs a file of the role 'recording', not only {', '.join(sorted(files)) or 'none'}")
    form, path = FORMATS[io], files["recording"]
    if not path.is_file():
        return path  # a folder, or nothing: neo_io says which
    if form.layout == "folder" and len(files) > 1:
        path = Path(os.path.commonpath([p.parent for p in files.values()]))
    listed = {p.absolute() for p in files.values()}
    extra = [p.name for p in members(path, io) if p.absolute() not in listed]
    alone = io == "NeuralynxIO" and len(files) == 1  # neo can be told to read this one file of the folder
    more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
    if extra and not alone:
        raise DataError(
            f"{io} also reads {', '.join(extra[:3])}{more} beside {path.name}, "
            "which the YAML does not list; list each under a role of its own, or move them away"
        )
    return path


def _loaded(block: "neo.Block", covariates: Sequence[str], path: Path) -> "neo.Block":
    import neo

    result = neo.Block(name=block.name, **block.annotations)
    for old in block.segments:
        new = neo.Segment(name=old.name, index=old.index, **old.annotations)
        for k, train in enumerate(old.spiketrains):
            loaded = _load(train, path)
            loaded.name = str(loaded.name) if loaded.name else f"unit{k}"
            new.spiketrains.append(loaded)
        # Lists: neo's `extend` checks the items first, which empties a generator.
        new.events.extend([_load(e, path) for e in old.events])
        new.epochs.extend([_load(e, path) for e in old.epochs])
        new.analogsignals.extend(_signals(old.analogsignals, covariates, path))
        result.segments.append(new)
    return result


def _load(thing: Any, path: Path) -> Any:
    """What a proxy stands for. neo cuts arrays at the end of a truncated file without a word: so they are counted."""
    if not hasattr(thing, "load"):
        return thing
    loaded = thing.load()
    if len(loaded) != thing.shape[0]:
        raise DataError(
            f"{path.name} declares {thing.shape[0]} times of {thing.name}, but holds {len(loaded)}; it is truncated: "
            "compare its size with the original"
        )
    return loaded


def _signals(signals: Sequence[Any], covariates: Sequence[str], path: Path) -> list[Any]:
    """The marked channels, one signal each and in the order of `covariates`, then the signals with channels that are left."""
    found: dict[str, Any] = {}
    left = []
    known: list[str] = []
    for signal in signals:
        names = channel_names(signal)
        known += names
        wanted = [k for k, name in enumerate(names) if name in covariates]
        if wanted:
            whole = signal.load(channel_indexes=wanted) if hasattr(signal, "load") else signal[:, wanted]
            found |= {names[k]: _covariate(whole[:, column], names[k], path) for column, k in enumerate(wanted)}
        if len(wanted) < len(names):
            left.append(signal)
    absent = [name for name in covariates if name not in found]
    if absent:
        raise DataError(f"{path.name} has no channel {absent[0]!r}, which covariates names; {did_you_mean(absent[0], known)}")
    return [*(found[name] for name in covariates), *left]


def _covariate(signal: "neo.AnalogSignal", name: str, path: Path) -> "neo.AnalogSignal":
    import neo

    written = signal.dimensionality.string
    try:
        factor, exponents = units.unit("1" if written == "dimensionless" else written)
        base = next(b for b in _BASES if units.unit(b)[1] == exponents)
    except (ValueError, StopIteration):
        raise DataError(
            f"{path.name}: the channel {name!r} is in {written!r}, a unit that is not known here; write a reader"
        ) from None
    values = np.asarray(signal.magnitude, float).ravel() * factor
    annotations = {**signal.annotations, "role": "covariate", "unit_name": base}
    rate, start = signal.sampling_rate, signal.t_start
    return neo.AnalogSignal(
        values, units="dimensionless" if base == "1" else base, sampling_rate=rate, t_start=start, name=name, **annotations
    )
