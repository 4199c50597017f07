"""Trials: from the files, or from events that the YAML names; and counts of spikes in bins, a trial each."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from homeoanalysis.config.timing import Events, Trials
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Piece, account, marked, role
from homeoanalysis.ingest.signals import BINNED
from homeoanalysis.ingest.spikes import labels
from homeoanalysis.numerics.neo_io import channel_names

Trial = tuple[float, float, str]


def events(pieces: Sequence[Piece], which: Events) -> list[float]:
    """The times of some events [s], in order. Raises DataError, naming those that there are, if there is none."""
    found, known = [], set()
    for piece in pieces:
        for event in (*piece.segment.events, *piece.segment.epochs):
            words = [str(label) for label in event.labels] if event.labels is not None else []
            words += [""] * (len(event) - len(words))
            for time, label in zip(event.times.rescale("s").magnitude, words, strict=False):
                known.add((str(event.name), label))
                if which.name in (None, str(event.name)) and which.label in (None, label):
                    found.append(float(time) + piece.offset)
    if not found:
        shown = "; ".join(f"name {name!r}, label {label!r}" for name, label in sorted(known)[:12]) or "none"
        asked = " and ".join(f"{k} {v!r}" for k, v in (("name", which.name), ("label", which.label)) if v is not None)
        raise DataError(f"there is no event with {asked}; the events of the files are: {shown}")
    return sorted(set(found))


def trials(pieces: Sequence[Piece], wanted: Trials | None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Variables and book-keeping of the trials; none where neither the files nor the YAML know any."""
    found = [trial for piece in pieces for trial in _marked(piece)]
    if wanted is not None:
        if found:
            raise DataError(f"the files mark {len(found)} trials themselves; remove `trials` from the YAML")
        found = _between(pieces, wanted) if wanted.start is not None else _around(pieces, wanted)
    if not found:
        return {}, {}
    unknown = sum(not np.isfinite([a, b]).all() for a, b, _ in found)
    backwards = sum(b <= a for a, b, _ in found if np.isfinite([a, b]).all())
    book = {"trials": account(len(found), {"begin or end unknown": unknown, "they end before they begin": backwards})}
    whole = sorted(trial for trial in found if -np.inf < trial[0] < trial[1] < np.inf)
    if not whole:
        raise DataError(f"none of {len(found)} trials has a begin and a later end; mend the file, or `trials` in the YAML")
    start, stop, stimulus = zip(*whole, strict=True)
    variables = {
        "trial_start": ("trial", np.array(start), {"units": "s", "long_name": "start of the trial"}),
        "trial_stop": ("trial", np.array(stop), {"units": "s", "long_name": "end of the trial"}),
        "stimulus": ("trial", list(stimulus), {"long_name": "label of the stimulus"}),
    }
    return variables, book


def _marked(piece: Piece) -> list[Trial]:
    found = []
    for epoch in piece.segment.epochs:
        if role(epoch) == "trial":
            start = epoch.times.rescale("s").magnitude + piece.offset
            stop = start + epoch.durations.rescale("s").magnitude
            found += [(float(a), float(b), str(c)) for a, b, c in zip(start, stop, epoch.labels, strict=True)]
    return found


def _between(pieces: Sequence[Piece], wanted: Trials) -> list[Trial]:
    assert wanted.start is not None
    starts = np.array(events(pieces, wanted.start))
    ends = sorted((time, stimulus) for stimulus, which in wanted.stop.items() for time in events(pieces, which))
    found: list[Trial] = []
    last = -np.inf
    for stop, stimulus in ends:
        between = starts[(starts > last) & (starts < stop)]
        if between.size == 0:
            raise DataError(f"the trial of {stimulus!r} that ends at {stop:.6f} s has no start after {last:.6f} s; mend `trials`")
        found.append((float(between[0]), stop, stimulus))
        last = stop
    return found


def _around(pieces: Sequence[Piece], wanted: Trials) -> list[Trial]:
    assert wanted.window is not None
    before, after = wanted.window
    return [(t + before, t + after, stimulus) for stimulus, which in wanted.at.items() for t in events(pieces, which)]


def binned(pieces: Sequence[Piece]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Variables, coordinates and book-keeping of published counts: a segment holds those of one trial."""
    parts = [p for p in marked(pieces, BINNED) if p]
    if not parts:
        return {}, {}, {}
    if any(len(p) > 1 for p in parts) or len(parts) != len(pieces):
        raise DataError("counts in bins need one signal in each segment, which is a trial; mend the reader")
    first = parts[0][0]
    if len({(s.shape, float(s.sampling_rate), tuple(channel_names(s))) for (s,) in parts}) > 1:
        raise DataError("trials differ in bins or units; read those that are alike as replicates of their own")
    size = 1 / float(first.sampling_rate.rescale("Hz"))
    names = channel_names(first)
    values = np.stack([np.asarray(s.magnitude).T for (s,) in parts])
    if np.any(values < 0) or np.any(values != np.rint(values)):
        raise DataError(
            f"counts in bins hold {values[values != np.rint(values)][:3].tolist()}, no whole numbers; check their unit"
        )
    attributes = {"units": "1", "long_name": "spikes in the bin", "bin_size": size}
    variables = {BINNED: (("trial", "unit", "bin"), values.astype(np.int32), attributes)}
    given = {key: list(first.array_annotations.get(key, [None] * len(names))) for key in ("unit_kind", "cell_type", "region")}
    variables |= labels({**given, "x": [None], "y": [None]})
    coordinates = {
        "unit": names,
        "bin": ("bin", size * np.arange(values.shape[2]), {"units": "s", "long_name": "start of the bin"}),
    }
    book = {"counted spikes": account(int(values.sum()), {}), "units": account(len(names), {})}
    return variables, coordinates, book
