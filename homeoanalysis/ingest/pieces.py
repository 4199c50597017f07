"""The segments of all files of a replicate, on one clock."""

import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import neo
import numpy as np
from numpy.typing import NDArray

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError

Floats = NDArray[np.float64]
_COMPLEX = "the files hold complex numbers where times or values belong; write real ones"


class Piece(NamedTuple):
    """A segment as its reader gives it."""

    segment: neo.Segment
    offset: float  # what the clock of the replicate says when that of the segment says 0 [s]
    part: str  # "" where the replicate has no parts
    start: float  # observed time, on the clock of the replicate [s]
    stop: float
    place: int  # among all segments, as the files have them


def read_pieces(
    recording: Recording, replicate: str, files: Mapping[str, Path], *, reader: Callable[..., Any] | None = None
) -> list[Piece]:
    """The segments in order of time, fixes done. Raises DataError if they overlap, or are no segments.

    reader: instead of the recording's own, which takes the same parameters; then no fixes are done.
    """
    info, named = recording.replicates[replicate], recording.reader_of(replicate)
    read = catalogue.load("readers", named.name) if reader is None else reader
    parts = {key: part.start for key, part in info.parts.items()} or {"": 0.0}
    found: list[Piece] = []
    for part, offset in parts.items():
        prefix = f"{part}." if part else ""
        own = {role.removeprefix(prefix): path for role, path in files.items() if role.startswith(prefix)}
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", np.exceptions.ComplexWarning)  # half of each number would be lost
                block = read(own, **named.parameters)
                for fix in recording.fixes if reader is None else ():
                    block = catalogue.load("fixes", fix.name)(block, **fix.parameters)
            if not block.segments:
                raise DataError("the files hold no segment")
            for segment in block.segments:
                if _is_complex(segment):
                    raise DataError(_COMPLEX)
                start, stop = edges(segment)
                found.append(Piece(segment, offset, part, start + offset, stop + offset, len(found)))
        except np.exceptions.ComplexWarning as error:
            raise DataError(_COMPLEX) from error
        except MemoryError as error:
            what = f"the files declare more than there is memory for ({error or 'no size given'})"
            raise DataError(f"{what}; compare their sizes with the originals, or give the job more memory") from error
        except DataError as error:
            raise DataError(f"part {part}: {error}" if part else str(error)) from error
    return _apart(sorted(found, key=lambda p: (p.start, p.stop)))


def _is_complex(segment: neo.Segment) -> bool:
    held = (*segment.spiketrains, *segment.analogsignals, *segment.events, *segment.epochs)
    return any(np.dtype(getattr(one, "dtype", float)).kind == "c" for one in held)


def edges(segment: neo.Segment) -> tuple[float, float]:
    """Start and stop of what a segment holds [s]."""
    parts = [*segment.spiketrains, *segment.analogsignals]
    if not parts:
        raise DataError("a segment holds neither spikes nor signals, so that its observed time is unknown")
    start, stop = min(float(p.t_start.rescale("s")) for p in parts), max(float(p.t_stop.rescale("s")) for p in parts)
    if not (np.isfinite([start, stop]).all() and start < stop):
        raise DataError(
            f"a segment is from {start:.9g} s to {stop:.9g} s, which is no observed time; the file is damaged, or does not say "
            "how long was observed: give it where the reader has a parameter duration"
        )
    return start, stop


def _apart(pieces: list[Piece]) -> list[Piece]:
    """One may run into the next by the error of its edges: it then stops there."""
    for k in range(len(pieces) - 1):
        this, after = pieces[k], pieces[k + 1]
        if this.stop > after.start + _resolution(this):
            raise DataError(
                f"segments overlap in time: one stops at {this.stop:.12g} s, the next starts at {after.start:.12g} s; "
                "check the files' clocks" + (", and start of the parts" if this.part != after.part else "")
            )
        pieces[k] = this._replace(stop=min(this.stop, after.start))
    return pieces


def _resolution(piece: Piece) -> float:
    """How exact the edge of a segment is [s]: to a sample of its signals, or to the rounding of numbers of that size."""
    samples = [1 / float(s.sampling_rate.rescale("Hz")) for s in piece.segment.analogsignals]
    return min(samples) if samples else 4 * float(np.spacing(abs(piece.stop)))


def account(n_in: int, dropped: Mapping[str, int]) -> dict[str, Any]:
    """A line of the book-keeping: what came in, what is left, and why the rest is not."""
    dropped = {reason: int(n) for reason, n in dropped.items() if n}
    return {"in": int(n_in), "out": int(n_in) - sum(dropped.values()), "dropped": dropped}


def role(thing: Any) -> str:
    """What a reader marks a signal or an epoch as; "" where it does not."""
    return str(thing.annotations.get("role", ""))


def marked(pieces: Sequence[Piece], name: str) -> list[list[Any]]:
    """The signals of one role, segment by segment."""
    return [[s for s in p.segment.analogsignals if role(s) == name] for p in pieces]
