"""What `check` sees in the headers of a replicate's files, and what `ingest` sees in all of it."""

import json
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import xarray as xr

from homeoanalysis.config.recording import Recording
from homeoanalysis.ingest.pieces import Floats, Piece
from homeoanalysis.ingest.spikes import Units
from homeoanalysis.numerics import findings, observed
from homeoanalysis.numerics.findings import (
    UNTOLD_END,
    Finding,
    of_intervals,
    of_order,
    of_same_units,
    of_silence,
    of_spikes,
)


def of_header(recording: Recording, replicate: str, pieces: Sequence[Piece]) -> Iterator[Finding]:
    """Without the data: the order of segments, rates of signals, moments outside the recording."""
    files = recording.replicates[replicate].all_files().values()
    if any(file.sha256 is None for file in files) and not all(p.segment.annotations.get("tells_its_end", True) for p in pieces):
        yield UNTOLD_END
    yield from of_order([(p.start, p.stop) for p in sorted(pieces, key=lambda p: p.place)])
    rates: dict[str, set[float]] = {}
    for piece in pieces:
        for signal in piece.segment.analogsignals:
            rates.setdefault(str(signal.name), set()).add(round(float(signal.sampling_rate.rescale("Hz")), 6))
    for name, found in rates.items():
        if len(found) > 1:
            shown = ", ".join(f"{rate:g}" for rate in sorted(found))
            yield Finding("mismatched sampling rates", f"signal {name} has {shown} Hz in different segments; it cannot be joined")
    start, stop = pieces[0].start, pieces[-1].stop
    for name, moment in (recording.times | recording.replicates[replicate].times).items():
        if moment.at is not None and not start <= moment.at <= stop:
            yield Finding(
                "perturbations outside the recording",
                f"times.{name} is {moment.at:.6g} s, but the recording is from {start:.6g} s to {stop:.6g} s; check its clock",
            )


def of_units(units: Units, start: Floats, stop: Floats) -> Iterator[Finding]:
    """With the data: spikes."""
    seen = [bool(row.any()) for row in units.observed]
    counts = {name: times.size for (name, times), is_seen in zip(units.times.items(), seen, strict=True) if is_seen}
    yield from of_spikes(counts, units.unsorted, units.doubled)
    yield from of_same_units(units.times)
    yield from of_intervals(list(units.times.values()))
    ends = [t[[0, -1]] for t in units.times.values() if t.size]
    if ends and np.allclose([np.min(ends), np.max(ends)], [start[0], stop[-1]], rtol=0, atol=1e-9):
        text = "observed time is from the first spike to the last: the file does not say it, so that rates are too high"
        yield Finding("observed time", f"{text}; give it where the reader has a parameter duration")
    faults = [str(a["waveform_fault"]) for a in units.annotations.values() if "waveform_fault" in a]
    if faults:
        text = f"the waveforms of {len(faults)} units cannot be read ({faults[0]}), so that their width is unknown"
        yield Finding("waveforms that cannot be read", text)
    yield from of_silence(list(units.times.values()), start, stop)


def of_lost_units(activity: xr.Dataset) -> Iterator[Finding]:
    """With epochs: units that are not there in all of them."""
    if "observed" not in activity:
        return
    start, stop = observed.segments(activity)
    is_there = np.asarray(observed.isolated(activity) > 0)
    spans = observed.epochs(activity)
    seen = {label: np.any(is_there[:, (start < last) & (stop > first)], axis=1) for label, (first, last) in spans.items()}
    yield from findings.of_lost_units([str(name) for name in activity.unit.values], seen)


def stored(found: Iterable[Finding]) -> str:
    """As an attribute of an activity: JSON, each finding once."""
    return json.dumps([f._asdict() for f in dict.fromkeys(found)], ensure_ascii=False)
