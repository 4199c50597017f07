"""Epochs: where each of their ends comes from, and when it was."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from homeoanalysis.config.recording import Recording
from homeoanalysis.config.timing import ChangePoint, Instant, Moment, OneEvent
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Floats, Piece
from homeoanalysis.ingest.trials import events
from homeoanalysis.numerics.change_points import change_points

Found = tuple[float, str]  # when [s], and where that is from


def epochs(
    recording: Recording, replicate: str, pieces: Sequence[Piece], trains: Sequence[Floats], start: Floats, stop: Floats
) -> tuple[dict[str, Any], list[str]]:
    """The variables of the epochs, and their labels. start, stop: of observed time."""
    if not recording.epochs:
        return {}, []
    moments = recording.times | recording.replicates[replicate].times
    used = {end.of for span in recording.epochs.values() for end in span}
    known: dict[str, Found] = {
        "start": (float(start[0]), "start of observed time"),
        "stop": (float(stop[-1]), "end of observed time"),
    }
    known |= {name: _moment(name, m, pieces, trains, (start, stop)) for name, m in moments.items() if name in used}
    spans = {}
    for label, (first, last) in recording.epochs.items():
        (a, said_a), (b, said_b) = _resolve(first, known), _resolve(last, known)
        if not a < b:
            raise DataError(f"epoch {label} is from {a:.6g} s ({said_a}) to {b:.6g} s ({said_b}), which is no time; mend epochs")
        if not np.any((start < b) & (stop > a)):
            raise DataError(
                f"nothing was observed in epoch {label}, from {a:.6g} s ({said_a}) to {b:.6g} s ({said_b}): "
                f"the recording is from {start[0]:.6g} s to {stop[-1]:.6g} s; move it"
            )
        spans[label] = (a, b, f"from {said_a} to {said_b}")
    return {
        "epoch_start": ("epoch", [s[0] for s in spans.values()], {"units": "s", "long_name": "start of the epoch"}),
        "epoch_stop": ("epoch", [s[1] for s in spans.values()], {"units": "s", "long_name": "end of the epoch"}),
        "epoch_origin": ("epoch", [s[2] for s in spans.values()], {"long_name": "where the ends of the epoch come from"}),
    }, list(spans)


def _resolve(end: Instant, known: Mapping[str, Found]) -> Found:
    if not end.of:
        return end.after, "the YAML"
    time, said = known[end.of]
    return (time + end.after, f"{end.after:+.9g} s from {said}") if end.after else (time, said)


def _moment(
    name: str, moment: Moment, pieces: Sequence[Piece], trains: Sequence[Floats], observed: tuple[Floats, Floats]
) -> Found:
    try:
        if moment.event is not None:
            return _event(moment.event, pieces)
        if moment.change_point is not None:
            return _detected(moment.change_point, trains, *observed)
    except DataError as error:
        raise DataError(f"times.{name}: {error}") from error
    assert moment.at is not None  # one of the three is given
    return moment.at, f"{name} of the YAML"


def _event(wanted: OneEvent, pieces: Sequence[Piece]) -> Found:
    found = events(pieces, wanted)
    what = " ".join(repr(v) for v in (wanted.name, wanted.label) if v is not None)
    return _pick(found, wanted.occurrence, f"events {what}"), f"event {what} number {wanted.occurrence} of {len(found)}"


def _detected(wanted: ChangePoint, trains: Sequence[Floats], start: Floats, stop: Floats) -> Found:
    if start.size > 1:
        raise DataError(f"change points are sought in one segment without gaps, but there are {start.size}; write times instead")
    found = change_points(
        np.sort(np.concatenate(trains)) if trains else np.zeros(0),
        float(start[0]),
        float(stop[0]),
        windows=wanted.windows,
        significance=wanted.significance,
    )
    said = f"change point number {wanted.occurrence} of {len(found)} (multiple filter test at {wanted.significance:g})"
    return _pick(found, wanted.occurrence, "detected change points"), said


def _pick(found: Sequence[float], occurrence: int, what: str) -> float:
    if len(found) < abs(occurrence):
        raise DataError(f"occurrence is {occurrence}, but there are {len(found)} {what}; mend occurrence, or write a time")
    return found[occurrence - 1 if occurrence > 0 else occurrence]
