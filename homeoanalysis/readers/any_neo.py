"""Every format that neo reads: by the name of its class, or by asking neo."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field, WithJsonSchema

from homeoanalysis import units
from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_io import FORMATS, can_be_alone, channel_names, check_io, identified, members, told
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.numerics.waveforms import mean_waveform
from homeoanalysis.units import Duration

if TYPE_CHECKING:
    # What neo itself reads some formats with: it is imported here so that results tell its version, as of all that is imported.
    import dhn_med_py  # noqa: F401
    import igor2  # noqa: F401
    import neo  # 0.3 s of import that the config check need not pay
    import nixio  # noqa: F401
    import pyedflib  # noqa: F401
    import pynwb  # noqa: F401
    import sonpy  # noqa: F401
    import stfio  # noqa: F401

_Io = Annotated[str, AfterValidator(check_io), WithJsonSchema({"type": "string", "enum": sorted(FORMATS)})]
# The last number of a unit's name or id there, `ch1#0`, is the sorter's class: 0 was left unsorted, Blackrock's 255 is noise.
_CLASSED = ("BlackrockIO", "NeuralynxIO", "PlexonIO")
_CLASSES = {"0": "unsorted", "255": "noise"}
_BASES = ("V", "A", "m", "s", "Hz", "S", "1")


def any_neo(
    files: Mapping[str, Path],
    *,
    io: _Io | None = None,
    covariates: list[str] | None = None,
    lfp: list[str] | None = None,
    membrane_potential: list[str] | None = None,
    current: list[str] | None = None,
    block: Annotated[int, Field(ge=0)] | None = None,
    duration: Annotated[Duration, Field(gt=0)] | None = None,
) -> "neo.Block":
    """One file, or the files of one folder, of a format that neo reads.

    files: role "recording" is the file that neo is given; a format of several files (a header and its data, or
    a folder) has each of them under a role of its own, so that nothing is read that the YAML does not list.
    io: class of neo.io; without it the classes that read the file's ending are asked one after the other, as `inspect` does.
    covariates, lfp, membrane_potential, current: names of the channels or signals that are stimulus or
    behaviour, local field potential, ... block: which one, where a file holds several. duration: observed time from 0 s on, for
    files of spikes that do not say it: of a Blackrock `.nev` or a Neuralynx `.ntt` alone neo has it from the first spike
    to the last.
    Spikes and events are loaded, of waveforms their mean; signals stay on disk where neo can leave them there, so that no raw
    data fill the memory. Of Blackrock, Neuralynx and Plexon what is unsorted is multi-units, and the annotation `unit_class` says
    unit, unsorted or noise, for `units.isolation`.
    Raises DataError for files that are missing, unlisted, damaged or of another format, and for unknown channels.
    """
    if "recording" not in files:
        raise DataError(f"reader any_neo needs a file of the role 'recording', not only {', '.join(sorted(files)) or 'none'}")
    path, io, blocks = identified(files["recording"], io, lambda name: _checked(files, name), is_alone=len(files) == 1)
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
    if duration is not None and (len(chosen.segments) > 1 or any(s.analogsignals for s in chosen.segments)):
        raise DataError(f"{path.name} holds signals or several segments, which say what was observed; remove duration")
    with told(path, io):
        return _loaded(chosen, dict(wanted), path, duration, is_classed=io in _CLASSED)


def _checked(files: Mapping[str, Path], io: str) -> Path:
    """The path that the class is given. Raises DataError for files beside it that it also reads and the YAML does not list."""
    form, path = FORMATS[io], files["recording"]
    if not path.is_file():
        return path  # a folder, or nothing: neo_io says which
    if form.layout == "folder" and len(files) > 1:
        path = Path(os.path.commonpath([p.parent for p in files.values()]))
    listed = {p.absolute() for p in files.values()}
    extra = [p.name for p in members(path, io) if p.absolute() not in listed]
    more = f" and {len(extra) - 3} more" if len(extra) > 3 else ""
    if extra and not (len(files) == 1 and can_be_alone(path, io)):
        raise DataError(
            f"{io} also reads {', '.join(extra[:3])}{more} beside {path.name}, "
            "which the YAML does not list; list each under a role of its own, or move them away"
        )
    return path


def _loaded(
    block: "neo.Block", wanted: Mapping[str, str], path: Path, duration: float | None, *, is_classed: bool
) -> "neo.Block":
    import neo

    result = neo.Block(name=block.name, **block.annotations)
    for old in block.segments:
        new = neo.Segment(name=old.name, index=old.index, **old.annotations)
        new.spiketrains.extend(_units(old.spiketrains, path, duration, is_classed=is_classed))
        # Lists: neo's `extend` checks the items first, which empties a generator.
        new.events.extend([_load(e, path) for e in old.events])
        new.epochs.extend([_load(e, path) for e in old.epochs])
        new.analogsignals.extend(_signals(old.analogsignals, wanted, path))
        result.segments.append(new)
    return result


def _units(trains: Sequence[Any], path: Path, duration: float | None, *, is_classed: bool) -> list[Any]:
    """The trains with their mean waveforms, and what the sorter called them, each once.

    NeuroExplorer has the waveforms of a neuron as a variable of its own, `name_wf`, with the same times; neo gives a unit of a
    tetrode of Neuralynx once for each wire, `chTT1#0#2`, `chTT1#1#2`.
    """
    found: list[Any] = []
    first: dict[tuple[str, str], Any] = {}
    for k, train in enumerate(trains):
        loaded = _load(train, path)
        name, number = str(loaded.name) if loaded.name else f"unit{k}", ""
        waves = mean_waveform(train, np.asarray(loaded.rescale("s").magnitude))
        if is_classed:
            number = (name if "#" in name else str(train.annotations.get("id", ""))).rpartition("#")[2]
            name = name if "#" in name else f"{name}#{number}"  # Plexon's is that of the channel
            kind = _CLASSES.get(number, "unit")
            loaded.annotate(unit_class=kind, unit_kind="single" if kind == "unit" else "multi")
        place = (name.partition("#")[0], number) if is_classed else (name.removesuffix("_wf"), "")
        same = first.setdefault(place, loaded)
        if same is not loaded and (is_classed or name.endswith("_wf")) and np.array_equal(same, loaded):
            same.annotate(**waves)
            continue
        loaded.annotate(**waves)
        loaded.name, loaded.waveforms = name, None  # the mean is kept
        found.append(loaded)
    return [_observed(train, path, duration) for train in found]


def _observed(train: Any, path: Path, duration: float | None) -> Any:
    if duration is None:
        return train
    times = np.asarray(train.rescale("s").magnitude)
    return spike_train(times, 0.0, duration, file=path.name, name=train.name, **train.annotations)


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


def _marked(signal: Any, channels: Mapping[int, str], wanted: Mapping[str, str], path: Path) -> dict[str, Any]:
    """Channels of one signal: proxies of one channel each, or in SI what neo has in memory anyway."""
    import neo

    factor, base = _si(signal, next(iter(channels.values())), path)
    found = {}
    for k, name in channels.items():
        about = {"role": wanted[name], "unit_name": base}
        if hasattr(signal, "load"):
            found[name] = _channel(signal, k)
            found[name].name = name
            found[name].annotate(**about)
            continue
        found[name] = neo.AnalogSignal(
            np.asarray(signal.magnitude[:, [k]], float) * factor,
            units="dimensionless" if base == "1" else base,
            sampling_rate=signal.sampling_rate,
            t_start=signal.t_start,
            name=name,
            **{**signal.annotations, **about},
        )
    return found


def _channel(signal: Any, channel: int) -> Any:
    """The proxy of one channel of a proxy."""
    from neo.io.proxyobjects import AnalogSignalProxy

    own = np.arange(signal._nb_total_chann_in_stream)[signal._inner_stream_channels][[channel]]
    where = {"block_index": signal._block_index, "seg_index": signal._seg_index, "stream_index": signal._stream_index}
    return AnalogSignalProxy(signal._rawio, inner_stream_channels=own, **where)


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
