"""The verb: read, join, count."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr

from homeoanalysis.config.recording import Part, Recording
from homeoanalysis.contracts import check
from homeoanalysis.contracts.schemas import CONTENT
from homeoanalysis.errors import DataError
from homeoanalysis.files import watch
from homeoanalysis.identity import check_file, file_hash
from homeoanalysis.ingest import curation, epochs, signals, spikes, trials, voltage, warnings
from homeoanalysis.ingest.pieces import Piece, read_pieces
from homeoanalysis.ingest.windows import check_duration, observed_time
from homeoanalysis.numerics.observed import restrict

_log = logging.getLogger(__name__)
_SHOWN = 5  # replicates that a message names


def ingest(recording: Recording, *, name: str, replicate: str, files: Mapping[str, Path]) -> xr.Dataset:
    """Read one replicate.

    files: role -> path, as the recording's reader wants them; in a replicate of several parts, `part.role`.
    name: the recording's name, for `source`.
    Returns activity/1; its attribute `bookkeeping` (JSON) says for spikes, units, signals and trials how many came in, how
    many are in the result, and for what reason the others were dropped.
    Raises DataError if a file is not what the YAML says: its SHA-256, where one is given, before anything is read.
    """
    try:
        return _ingest(recording, name, replicate, files)
    except DataError as error:
        raise DataError(f"recording {name}, replicate {replicate}: {error}") from error


def ingest_batch(recording: Recording, *, name: str, files: Mapping[str, Path]) -> list[xr.Dataset]:
    """Read every replicate of a recording, all of them from the same files.

    name, files: as of `ingest`. Returns activity/1 of each, in order.
    Raises a DataError about all that cannot be read: each reason, and whose it is.
    """
    found: list[xr.Dataset] = []
    wrong: dict[str, list[str]] = {}
    for replicate in recording.replicates:
        try:
            found.append(_ingest(recording, name, replicate, files))
        except DataError as error:
            wrong.setdefault(str(error), []).append(replicate)
    if wrong:
        raise DataError("\n".join(f"recording {name}, {_whose(names)}: {reason}" for reason, names in wrong.items()))
    return found


def _whose(replicates: Sequence[str]) -> str:
    shown = ", ".join(replicates[:_SHOWN]) + (f" and {len(replicates) - _SHOWN} more" if len(replicates) > _SHOWN else "")
    return f"replicate{'s' if len(replicates) > 1 else ''} {shown}"


def _ingest(recording: Recording, name: str, replicate: str, files: Mapping[str, Path]) -> xr.Dataset:
    info = recording.replicates[replicate]
    listed = info.all_files()
    for role, path in files.items():
        check_file(path, listed[role].sha256 if role in listed else None)
    activity = _activity(recording, replicate, files)
    activity.attrs |= {
        "schema": "activity/1",
        "source": name,
        "source_kind": "recording",
        "replicate": replicate,
        "subject": info.subject,
        "session": info.session,
        "factors": json.dumps(info.factors, sort_keys=True),
        "citation": recording.citation,
        "licence": recording.licence,
    }
    book = json.loads(activity.attrs["bookkeeping"])
    for what, counts in book.items():
        _log.info("%s %s: %d %s in, %d out, dropped: %s", name, replicate, counts["in"], what, counts["out"], counts["dropped"])
    return check(activity, "activity/1")


def _refuse_copies(pieces: Sequence[Piece], parts: Mapping[str, Part], files: Mapping[str, Path]) -> None:
    """Raises DataError where two parts are files of the same bytes. Files of silence may be alike."""
    spiking = {p.part for p in pieces if any(map(len, p.segment.spiketrains)) or p.segment.analogsignals}
    paths = {key: [files[f"{key}.{role}"] for role in sorted(parts[key].files)] for key in parts if key in spiking}
    of_size: dict[tuple[int, ...], list[str]] = {}
    for key, own in paths.items():
        of_size.setdefault(tuple(path.stat().st_size for path in own), []).append(key)
    first_of: dict[tuple[str, ...], str] = {}
    for key in (key for alike in of_size.values() if len(alike) > 1 for key in alike):
        first = first_of.setdefault(tuple(file_hash(path) for path in paths[key]), key)
        if first != key:
            raise DataError(
                f"parts {first} and {key} were read from files of the same content "
                f"({paths[first][0].name}, {paths[key][0].name}): they would count twice; remove one, or name the right file"
            )


def _activity(recording: Recording, replicate: str, files: Mapping[str, Path]) -> xr.Dataset:
    still = watch(files.values())
    pieces = read_pieces(recording, replicate, files)
    _refuse_copies(pieces, recording.replicates[replicate].parts, files)
    found = list(warnings.of_header(recording, replicate, pieces))
    start, stop, of = observed_time(pieces, recording.observed_windows)
    check_duration(start, stop, recording.observed(replicate))
    made = voltage.make(pieces, recording.signals, still)
    collected = made.units if made.units is not None else spikes.collect(pieces, recording, replicate)
    units = spikes.inside(collected, start, stop)
    bandwidth = recording.replicates[replicate].stimulus_bandwidth
    variables, coordinates, of_signals, of_marked = signals.signals(pieces, bandwidth, still, made.used)
    found += [*made.findings, *of_marked, *warnings.of_units(units, start, stop)]
    names, table, book = curation.curate(units, recording.units, start, stop, of)
    variables, coordinates, book = variables | made.variables, coordinates | made.coordinates, book | of_signals | made.book
    spans, labels = epochs.epochs(recording, replicate, pieces, [units.times[n] for n in names], start, stop)
    if units.times:
        more, of_segments = spikes.variables(units, names, curation.cell_types(units, names, recording.units.fast_spiking_width))
        variables |= more
        coordinates |= {"unit": names, "curated": table.pop("curated")}
        variables |= table
        book |= of_segments
    counted, places, of_counts = trials.binned(pieces)
    variables, coordinates, book = variables | counted, coordinates | places, book | of_counts
    of_trials, counted_trials = trials.trials(pieces, recording.trials)
    variables, book = variables | of_trials, book | counted_trials
    if not set(CONTENT) & set(variables):
        n = book["signals"]["in"]
        raise DataError(
            f"the files hold {n} signals, none of which is marked as what it is, and no spikes; name channels under the reader's "
            "parameters (lfp, membrane_potential, current), say under `signals` what to make of them, or read spikes beside them"
        )
    variables |= spans
    coordinates |= {"epoch": labels} if labels else {}
    variables["segment_start"] = ("segment", [p.start for p in pieces], {"units": "s", "long_name": "start of observed time"})
    variables["segment_stop"] = ("segment", [p.stop for p in pieces], {"units": "s", "long_name": "end of observed time"})
    activity = xr.Dataset(variables, coords=coordinates)
    if recording.observed_windows is not None:
        activity = restrict(activity, start, stop)
    still()
    found += warnings.of_lost_units(activity)
    return activity.assign_attrs(bookkeeping=json.dumps(book, sort_keys=True), warnings=warnings.stored(found))
