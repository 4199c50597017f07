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
_SAMPLES = 2**20  # of each channel that are read at once
_BASES = ("V", "A", "m", "s", "Hz", "S", "1")


def any_neo(
    files: Mapping[str, Path],
    *,
    io: _Io,
    covariates: list[str] | None = None,
    lfp: list[str] | None = None,
    membrane_potential: list[str] | None = None,
    current: list[str] | None = None,
    block: Annotated[int, Field(ge=0)] | None = None,
) -> "neo.Block":
    """One file, or the files of one folder, of a format that neo reads.

    files: role "recording" is the file that neo is given; a format of several files (a header and its data, or
    a folder) has each of them under a role of its own, so that nothing is read that the YAML does not list.
    io: class of neo.io. covariates, lfp, membrane_potential, current: names of the channels or signals that are stimulus or
    behaviour, local field potential, ... block: which one, where a file holds several.
    Spikes, events and marked signals are loaded, piece by piece; the other signals stay proxies, so that no raw data fill the
    memory.
    Raises DataError for files that are missing, unlisted, damaged or of another format, and for unknown channels.
    """
    path = _checked(files, check_io(io))
    blocks = read_blocks(path, io)
    if not blocks or (block is None and len(blocks) > 1) or (block is not None and block >= len(blocks)):
        end = (
            f"choose one of 0 to {len(blocks) - 1} with the reader's parameter block" if blocks else "nothing can be read from it"
        )
        raise DataError(f"{path.name} holds {len(blocks)} blocks, and block is {block}; {end}")
    chosen = blocks[block or 0]
    kinds = {"covariate": covariates, "lfp": lfp, "membrane_potential": membrane_potential, "current": current}
    wanted = [(name, kind) for kind, names in kinds.items() for name in names or []]
    twice = sorted({name for name, _ in wanted if [n for n, _ in wanted].count(name) > 1})
    if twice:
        raise DataError(f"the channel {twice[0]!r} is named twice among {', '.join(kinds)}; it is one of them")
    with told(path, io):
        return _loaded(chosen, dict(wanted), path)


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


def _loaded(block: "neo.Block", wanted: Mapping[str, str], path: Path) -> "neo.Block":
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
        new.analogsignals.extend(_signals(old.analogsignals, wanted, path))
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


def _signals(signals: Sequence[Any], wanted: Mapping[str, str], path: Path) -> list[Any]:
    """The marked channels, one signal each and in the order of `wanted`, then the signals with channels that are left."""
    found: dict[str, Any] = {}
    left = []
    known: list[str] = []
    for signal in signals:
        names = channel_names(signal)
        known += names
        mine = [k for k, name in enumerate(names) if name in wanted]
        if mine:
            found |= _marked(signal, {k: names[k] for k in mine}, wanted, path)
        if len(mine) < len(names):
            left.append(signal)
    absent = [name for name in wanted if name not in found]
    if absent:
        what = "covariates" if wanted[absent[0]] == "covariate" else wanted[absent[0]]
        raise DataError(f"{path.name} has no channel {absent[0]!r}, which {what} names; {did_you_mean(absent[0], known)}")
    return [*(found[name] for name in wanted), *left]


def _marked(signal: Any, channels: Mapping[int, str], wanted: Mapping[str, str], path: Path) -> dict[str, "neo.AnalogSignal"]:
    """Channels of one signal in SI, read in pieces, so that the other channels of the file are never in memory as a whole."""
    import neo
    import quantities as pq

    n, rate, start = int(signal.shape[0]), signal.sampling_rate, signal.t_start
    hertz, zero = float(rate.rescale("Hz")), start.rescale("s")
    factor, base = _si(signal, next(iter(channels.values())), path)
    values = np.empty((n, len(channels)))
    for first in range(0, n, _SAMPLES):
        last = min(first + _SAMPLES, n)
        if hasattr(signal, "load"):
            # neo rounds both to whole samples; None as the first of the two fails there.
            edges = tuple(zero + k / hertz * pq.s for k in (first, last))
            piece = signal.load(time_slice=edges, channel_indexes=list(channels), strict_slicing=False)
        else:
            piece = signal[first:last, list(channels)]
        if piece.shape[0] != last - first:
            raise DataError(
                f"{path.name} declares {n} samples of {signal.name}, but {last - first} of them are {piece.shape[0]}; "
                "it is truncated: compare its size with the original"
            )
        values[first:last] = np.asarray(piece.magnitude, float) * factor
    unit = "dimensionless" if base == "1" else base
    return {
        name: neo.AnalogSignal(
            values[:, [k]],
            units=unit,
            sampling_rate=rate,
            t_start=start,
            name=name,
            **{**signal.annotations, "role": wanted[name], "unit_name": base},
        )
        for k, name in enumerate(channels.values())
    }


def _si(signal: Any, name: str, path: Path) -> tuple[float, str]:
    """What one unit of the signal is in SI, and in which unit that is."""
    written = signal.units.dimensionality.string if hasattr(signal, "units") else signal.dimensionality.string
    try:
        factor, exponents = units.unit("1" if written == "dimensionless" else written)
        return factor, next(b for b in _BASES if units.unit(b)[1] == exponents)
    except (ValueError, StopIteration):
        raise DataError(
            f"{path.name}: the channel {name!r} is in {written!r}, a unit that is not known here; write a reader"
        ) from None
