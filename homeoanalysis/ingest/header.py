"""Looking into the files of a replicate without reading what is large: what `check` tells before any job runs."""

from collections.abc import Mapping
from pathlib import Path

from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import curation, epochs, spikes, trials, voltage, warnings
from homeoanalysis.ingest.pieces import Piece, read_pieces
from homeoanalysis.ingest.windows import check_duration, observed_time
from homeoanalysis.numerics.findings import Finding, of_spikes
from homeoanalysis.numerics.neo_io import identified

SMALL = 20_000_000  # bytes; what is read at once


_ON_DISK = {"any_neo": None, "neuroscope": "signal"}  # what these readers leave on disk: all, or a role


def examine(recording: Recording, *, name: str, replicate: str, files: Mapping[str, Path]) -> list[Finding]:
    """What is wrong with a replicate, as far as can be seen fast.

    Small files are read. Of large ones that neo opens the headers are, and of voltage a few seconds.
    Raises DataError for what will stop `ingest` too.
    """
    try:
        return _examined(recording, replicate, files)
    except DataError as error:
        raise DataError(f"recording {name}, replicate {replicate}: {error}") from error


def _examined(recording: Recording, replicate: str, files: Mapping[str, Path]) -> list[Finding]:
    reader = recording.reader_of(replicate)
    on_disk = _ON_DISK.get(reader.name, "")
    size = sum(path.stat().st_size for path in files.values())
    # Voltage stays on disk with these, however much it is.
    read = sum(path.stat().st_size for role, path in files.items() if role.rpartition(".")[2] != on_disk)
    is_lazy = size > SMALL and on_disk is None
    if read > SMALL and not is_lazy:
        return [Finding("not looked at", f"files of {size / 1e6:.0f} MB are left to the job that reads them")]
    if is_lazy:
        pieces = read_pieces(recording, replicate, files, reader=_headers)
        counts: dict[str, int] = {}
        for piece in pieces:
            for train in piece.segment.spiketrains:
                counts[str(train.name)] = counts.get(str(train.name), 0) + int(train.shape[0])
        found = list(of_spikes(counts, {}, {}))
    else:
        pieces = read_pieces(recording, replicate, files)
        found = _of_spikes(recording, replicate, pieces)
    voltage.check_channels(pieces, recording.signals)
    found += voltage.glimpses(pieces, recording.signals, reader.parameters.get("lfp") or [])
    return [*warnings.of_header(recording, replicate, pieces), *found]


def _of_spikes(recording: Recording, replicate: str, pieces: list[Piece]) -> list[Finding]:
    """Reads what `ingest` does of spikes and epochs, where units need not be detected first."""
    start, stop, of = observed_time(pieces, recording.observed_windows)
    check_duration(start, stop, recording.observed(replicate))
    units = spikes.inside(spikes.collect(pieces, recording, replicate), start, stop)
    if recording.signals.multi_units is None:
        names, _, _ = curation.curate(units, recording.units, start, stop, of)
        epochs.epochs(recording, replicate, pieces, [units.times[n] for n in names], start, stop)
    trials.trials(pieces, recording.trials)
    return list(warnings.of_units(units, start, stop))


def _headers(files: Mapping[str, Path], *, io: str | None = None, block: int | None = None, **_: object) -> object:
    """As the reader any_neo, but without loading a spike."""
    return identified(files["recording"], io, is_alone=len(files) == 1)[2][block or 0]
