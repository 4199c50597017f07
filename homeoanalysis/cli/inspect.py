"""inspect: what is in a file, as neo (or a reader of this project) sees it."""

import os
import re
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import neo
import numpy as np

from homeoanalysis import catalogue
from homeoanalysis.cli import kinds
from homeoanalysis.cli.text import count, number, printable, some, typed
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.findings import UNTOLD_END
from homeoanalysis.numerics.neo_io import channel_names, check_readable, identified, told

_BLOCKS = 5
_SEGMENTS = 5
_UNITS = 10
_LINES = 20
_TEXT = {".txt", ".csv", ".tsv", ".asc", ".dat", ""}


def inspect(path: Path, io: str | None = None) -> Iterator[str]:
    """The report, line by line. Raises DataError if nothing here can read the file."""
    if path.suffix == ".nc":
        from homeoanalysis.cli.show import show

        yield from show(path)
        return
    check_readable(path)
    found = kinds.recognised(path, _ANY) if io is None else None
    if found is not None:
        yield from _kind(path, found)
        return
    if io is None and is_plain_text(path):
        yield from _text(path)
        return
    reader, blocks = read(path, io)
    lines = [f"{printable(path.name, 100)}: read with {reader}"]
    with told(path, reader):
        for k, block in enumerate(blocks[:_BLOCKS]):
            lines += [f"block {k} of {len(blocks)}"] if len(blocks) > 1 else []
            lines += _block(block)
    yield from lines
    if len(blocks) > _BLOCKS:
        yield f"... and {len(blocks) - _BLOCKS} more blocks"


_ANY = {
    "time_step": "1 s",
    "duration": "1 s",
    "sampling_rate": "1 Hz",
    "scale": "1 V",
}  # so that a kind is known by its files alone


def _kind(path: Path, found: kinds.Found) -> Iterator[str]:
    """A file or folder that a reader of this project reads."""
    yield f"{printable(path.name, 100)}: read with {found.reader}"
    if len(found.replicates) > 1:
        yield f"  {count(len(found.replicates), 'replicate')}, the first: {printable(next(iter(found.replicates)), 60)}"
    one = next(iter(found.replicates.values()))
    for role, file in list(one.files.items())[:_UNITS]:
        yield f"    file {role}: {printable(file.name, 60)}"
    yield from _more(len(one.files), "files")
    needs = " ".join(kinds.OPTIONS[key] for key in _ANY if key in kinds.used(found))
    if needs:
        yield "  it does not say all that is needed to read it; with your values:"
        yield "    " + typed(f"python -m homeoanalysis add FILE {needs}")
        return
    block = catalogue.load("readers", found.reader)(one.files, **(found.parameters | one.parameters))
    yield from _block(block)


def read(path: Path, io: str | None) -> tuple[str, list[neo.Block]]:
    """The neo class that can read the file, and what it holds. Raises DataError with what each one said."""
    check_readable(path)
    _limit_memory()
    try:
        _, name, blocks = identified(path, io)
    except ValueError as error:
        raise DataError(f"--io {error}") from None
    return name, blocks


def _limit_memory() -> None:
    """A damaged header may declare sizes without end: then an error, before the machine's memory is full."""
    if sys.platform == "linux":
        import resource

        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (total if hard == resource.RLIM_INFINITY else min(total, hard), hard))


def is_plain_text(path: Path) -> bool:
    """Whether a file is text by its ending and by its first bytes."""
    if path.suffix.lower() not in _TEXT or not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(4096)
    return b"\0" not in head and all(32 <= b < 127 or b in b"\t\r\n" or b > 127 for b in head)


def _text(path: Path) -> Iterator[str]:
    """Plain text says neither its units nor what its columns are: its size and first lines are shown."""
    yield f"{printable(path.name, 100)}: plain text, {path.stat().st_size} bytes"
    with path.open(encoding="utf-8", errors="replace") as stream:
        lines = [line.rstrip("\n") for line in islice(stream, _LINES)]
    numbers = [line for line in lines if re.fullmatch(r"[-+.\deE\s,;]+", line) and line.strip()]
    if numbers:
        columns = len(re.split(r"[\s,;]+", numbers[0].strip()))
        yield f"  columns of numbers: {columns}"
    yield from (f"  | {printable(line, 100)}" for line in lines[:8])
    yield "  plain text does not say its units; if it is spike times, one a line:"
    yield "    " + typed("python -m homeoanalysis add FILE --time-step '1 ms' --duration '600 s'")
    yield "  with a stimulus beside them: the reader spike_text, as in config/recordings/grasshopper.yaml"


def _block(block: neo.Block) -> Iterator[str]:
    if block.annotations:
        shown, more = some([f"{k}={printable(v, 40)}" for k, v in block.annotations.items()], 6)
        yield f"  annotations: {printable(', '.join(shown) + more, 200)}"
    trains = [t for s in block.segments for t in s.spiketrains]
    names = {str(t.name) for t in trains}
    yield f"  {count(len(block.segments), 'segment')}, {count(len(names), 'unit')}, {count(sum(map(_size, trains)), 'spike')}"
    if not all(s.annotations.get("tells_its_end", True) for s in block.segments):
        yield f"  {UNTOLD_END.text}"
    for k, segment in enumerate(block.segments[:_SEGMENTS]):
        yield from _segment(k, segment)
    if len(block.segments) > _SEGMENTS:
        start, stop = _edges(block.segments[-1])
        yield f"  ... and {len(block.segments) - _SEGMENTS} more segments, the last from {start} to {stop}"


def _size(thing: Any) -> int:
    return int(thing.shape[0]) if thing.shape else 0


def _seconds(value: Any) -> float:
    return float(value.rescale("s"))


def _edges(segment: neo.Segment) -> tuple[str, str]:
    parts = [*segment.spiketrains, *segment.analogsignals, *segment.events, *segment.epochs]
    starts = [_seconds(p.t_start) for p in parts if getattr(p, "t_start", None) is not None]
    stops = [_seconds(p.t_stop) for p in parts if getattr(p, "t_stop", None) is not None]
    return (f"{min(starts):.6g} s", f"{max(stops):.6g} s") if starts and stops else ("unknown", "unknown")


def _segment(k: int, segment: neo.Segment) -> Iterator[str]:
    start, stop = _edges(segment)
    yield f"  segment {k}{f' {printable(segment.name)}' if segment.name else ''}: from {start} to {stop}"
    if segment.spiketrains:
        yield from _trains(segment.spiketrains)
    for signal in [*segment.analogsignals, *segment.irregularlysampledsignals][:_UNITS]:
        yield f"    signal {_signal(signal)}"
    yield from _more(len(segment.analogsignals) + len(segment.irregularlysampledsignals), "signals")
    for kind, things in (("event", segment.events), ("epoch", segment.epochs)):
        for thing in things[:_UNITS]:
            yield f"    {kind} {printable(thing.name)!r}: {_size(thing)}{_labels(thing)}"
        yield from _more(len(things), f"{kind}s")


def _more(n: int, what: str) -> Iterator[str]:
    if n > _UNITS:
        yield f"    ... and {n - _UNITS} more {what}"


def _trains(trains: Any) -> Iterator[str]:
    rates = np.array([_size(t) / max(_seconds(t.t_stop) - _seconds(t.t_start), 1e-12) for t in trains])
    low, median, high = rates.min(), np.median(rates), rates.max()
    yield (
        f"    spike trains: {len(trains)}, {count(sum(map(_size, trains)), 'spike')}, "
        f"rates {number(low)} to {number(high)} Hz, median {number(median)} Hz"
    )
    for train, rate in list(zip(trains, rates, strict=True))[:_UNITS]:
        yield f"      {printable(train.name)}: {count(_size(train), 'spike')}, {number(rate)} Hz"
    if len(trains) > _UNITS:
        yield f"      ... and {len(trains) - _UNITS} more"


def _signal(signal: Any) -> str:
    names, more = some(channel_names(signal), 6)
    start, stop = _seconds(signal.t_start), _seconds(signal.t_stop)
    rate = getattr(signal, "sampling_rate", None)
    every = f"{float(rate.rescale('Hz')):g} Hz" if rate is not None else "sampled irregularly"
    channels = f"{printable(', '.join(names), 100)}{more}"
    unit = signal.units.dimensionality.string
    return f"{printable(signal.name)!r}: {_size(signal)} samples of {channels} [{unit}], {every}, {stop - start:.6g} s"


def _labels(thing: Any) -> str:
    loaded = thing.load() if hasattr(thing, "load") else thing
    labels = list(dict.fromkeys(str(label) for label in islice(loaded.labels, 1000))) if loaded.labels is not None else []
    shown, more = some(labels, 5)
    return f", labels {printable(', '.join(shown), 120)}{more}" if any(labels) else ""
