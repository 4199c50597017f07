"""Continuous voltage that the YAML says what to make of: local field potentials, multi-units."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config.selection import Lfp, MultiUnits, Signals
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import continuous
from homeoanalysis.ingest.pieces import Floats, Piece, account, role
from homeoanalysis.ingest.spikes import Units
from homeoanalysis.numerics.crossings import Method, detect
from homeoanalysis.numerics.findings import Finding, glimpse, of_line, of_signal, survey
from homeoanalysis.numerics.lfp import Resampler, resampler
from homeoanalysis.numerics.neo_io import channel_names
from homeoanalysis.numerics.raw import Raw, join

_LOOKED = 4  # segments
_LONG = "local field potential"


class Made(NamedTuple):
    """What was made of voltage."""

    variables: dict[str, Any]
    coordinates: dict[str, Any]
    book: dict[str, Any]
    units: Units | None
    findings: list[Finding]
    used: set[int]  # ids of the signals behind it


def make(pieces: Sequence[Piece], wanted: Signals, still: Callable[[], None]) -> Made:
    """LFP and multi-units as the YAML wants them.

    still: raises DataError if the files have changed; asked whenever they are read later than now.
    Raises DataError where there is no such channel, where channels differ, and where sorted units are there already.
    """
    made = Made({}, {}, {}, None, [], set())
    if wanted.lfp is not None:
        raws = _raws(pieces, wanted.lfp.channels, "lfp")
        variables, channels, findings = _lfp(raws, pieces, wanted.lfp, still)
        made = made._replace(
            variables=variables, coordinates={"lfp_channel": channels}, findings=findings, used=made.used | _used(raws)
        )
    if wanted.multi_units is not None:
        sorted_units = {str(t.name) for p in pieces for t in p.segment.spiketrains}
        if sorted_units:
            raise DataError(
                f"signals.multi_units detects units, but the files hold {len(sorted_units)} sorted ones; remove one of the two"
            )
        raws = _raws(pieces, wanted.multi_units.channels, "multi_units")
        units, book, findings = _multi_units(raws, pieces, wanted.multi_units)
        told = {f.text for f in made.findings}
        more = [f for f in findings if f.text not in told]
        made = made._replace(units=units, book=made.book | book, findings=[*made.findings, *more], used=made.used | _used(raws))
    return made


def check_channels(pieces: Sequence[Piece], wanted: Signals) -> None:
    """Raises DataError for what can be known of `signals` without reading a sample: channels, clocks, rates, bands."""
    if wanted.lfp is not None:
        how = [_resampler(raw, wanted.lfp) for raw in _raws(pieces, wanted.lfp.channels, "lfp") if raw]
        assert how  # there is a channel
    if wanted.multi_units is not None:
        _raws(pieces, wanted.multi_units.channels, "multi_units")


def glimpses(pieces: Sequence[Piece], wanted: Signals, marked: Sequence[str]) -> Iterator[Finding]:
    """What a look at a few seconds of voltage shows, in at most four of the segments.

    marked: channels that the reader's parameters call local field potentials, where it has not marked them yet.
    """
    channels = [k.channels for k in (wanted.lfp, wanted.multi_units) if k is not None]
    for k in np.unique(np.linspace(0, len(pieces) - 1, min(_LOOKED, len(pieces))).astype(np.int64)):
        signals = pieces[k].segment.analogsignals
        lfp = {n for s in signals if role(s) == "lfp" for n in channel_names(s)} | {*marked}
        raws = [join(signals, names, lambda s: role(s) != "") for names in channels]
        raws += [join(signals, lfp, lambda s: role(s) not in ("", "lfp"))] if lfp else []
        yield from (finding for raw in raws if raw for finding in glimpse(raw))


def _raws(pieces: Sequence[Piece], channels: list[str] | None, key: str) -> list[Raw | None]:
    """The channels that are wanted in each piece, None where a piece has none of them."""
    found = [join(p.segment.analogsignals, channels, lambda s: role(s) != "") for p in pieces]
    known = sorted({n for p in pieces for s in p.segment.analogsignals if role(s) == "" for n in channel_names(s)})
    names = {n for raw in found if raw for n in raw.names}
    for name in channels or []:
        if name not in names:
            raise DataError(
                f"signals.{key}.channels names {name!r}, which is no channel that is left; {did_you_mean(name, known)}"
            )
    if not names:
        shown = ", ".join(known[:8]) or "none"
        raise DataError(f"signals.{key} is made of voltages, but the files hold none; channels there are: {shown}")
    if len({raw.names for raw in found if raw}) > 1 or len({raw.units for raw in found if raw}) > 1:
        raise DataError(
            f"the segments hold different channels for signals.{key}; name under channels those that all of them have"
        )
    if len({round(raw.sampling_rate, 6) for raw in found if raw}) > 1:
        rates = sorted({raw.sampling_rate for raw in found if raw})
        raise DataError(
            f"the segments have different sampling rates for signals.{key}: {rates} Hz; read them as separate replicates"
        )
    return found


def _used(raws: Sequence[Raw | None]) -> set[int]:
    return {id(signal) for raw in raws if raw for signal, _ in raw.signals}


def _resampler(raw: Raw, wanted: Lfp) -> Resampler:
    return resampler(raw.sampling_rate, low_pass=wanted.low_pass, sampling_rate=wanted.sampling_rate)


def _lfp(
    raws: Sequence[Raw | None], pieces: Sequence[Piece], wanted: Lfp, still: Callable[[], None]
) -> tuple[dict[str, Any], list[str], list[Finding]]:
    first = next(raw for raw in raws if raw)
    how = _resampler(first, wanted)
    surveys = [survey(raw) if raw else None for raw in raws]
    findings = [f for raw, s in zip(raws, surveys, strict=True) if raw and s for f in (*of_signal(raw, s), *of_line(raw))]
    bad = sum(int(s.not_finite.sum()) for s in surveys if s)
    if bad:
        raise DataError(f"signals.lfp: {bad} samples are not finite; mend the file, or leave those channels out under channels")
    variables = continuous.variables("lfp", raws, pieces, how, surveys, units=first.units, long_name=_LONG, still=still)
    return variables, list(first.names), findings


def _multi_units(
    raws: Sequence[Raw | None], pieces: Sequence[Piece], wanted: MultiUnits
) -> tuple[Units, dict[str, Any], list[Finding]]:
    first = next(raw for raw in raws if raw)
    method = Method(wanted.high_pass, wanted.low_pass, wanted.threshold, wanted.polarity, wanted.dead_time)
    times: dict[str, list[Floats]] = {name: [] for name in first.names}
    observed = np.zeros((len(first.names), len(pieces)), np.int8)
    lost = crossings = 0
    findings: list[Finding] = []
    for k, (raw, piece) in enumerate(zip(raws, pieces, strict=True)):
        if raw is None:
            continue
        findings += of_signal(raw, survey(raw))
        found = detect(raw, method)
        lost += int(found.in_dead_time.sum())
        crossings += int(found.in_dead_time.sum()) + sum(s.size for s in found.samples)
        for row, name in enumerate(first.names):
            if np.isfinite(found.threshold[row]):  # a channel without noise was not recorded then
                observed[row, k] = 1
                times[name].append(raw.t_start + piece.offset + found.samples[row] / raw.sampling_rate)
    joined = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in times.items()}
    known: dict[str, dict[str, Any]] = {name: {"unit_kind": "multi"} for name in first.names}
    n = sum(t.size for t in joined.values())
    book = {"spikes": account(n, {}), "units": account(len(joined), {})}
    detected = {"threshold crossings": account(crossings, {"within the dead time of another of its channel": lost})}
    return Units(joined, observed, known, None, book), detected, findings
