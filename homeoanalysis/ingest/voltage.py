"""Continuous voltage that the YAML says what to make of: local field potentials, multi-units."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from xarray.backends import BackendArray
from xarray.core import indexing

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config.selection import Lfp, MultiUnits, Signals
from homeoanalysis.contracts.blocks import is_large
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Floats, Piece, account, role
from homeoanalysis.ingest.spikes import Units
from homeoanalysis.numerics.crossings import Method, detect
from homeoanalysis.numerics.findings import Finding, of_line, of_signal, survey
from homeoanalysis.numerics.lfp import Resampler, resample, resampler
from homeoanalysis.numerics.neo_io import channel_names
from homeoanalysis.numerics.raw import Raw, join

_INT16 = 32767


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


def of_marked(pieces: Sequence[Piece]) -> Iterator[Finding]:
    """What is wrong with local field potentials that their reader marks as such."""
    for piece in pieces:
        raw = join(piece.segment.analogsignals, None, lambda s: role(s) != "lfp")
        if raw is not None:
            yield from of_signal(raw, survey(raw))
            yield from of_line(raw)


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
    largest = max(float(np.max(np.abs([s.lowest, s.highest]))) for s in surveys if s)
    gains = {raw.gain for raw in raws if raw}
    step = _step(gains.pop() if len(gains) == 1 else None, largest, how)
    counts = np.array([how.n_out(raw.n_samples) if raw else 0 for raw in raws], np.int64)
    lazy = _Lfp([raw for raw in raws if raw], how, step, still)
    variable = xr.Variable(("lfp_channel", "lfp_sample"), indexing.LazilyIndexedArray(lazy))
    variable.attrs = {"units": first.units, "sampling_rate": _rate(first, how), "long_name": "local field potential"}
    if step is not None:
        variable.attrs["step"] = step
    if not is_large(variable):
        variable = variable.copy(data=variable.values)
    start = [raw.t_start + p.offset if raw else p.start for raw, p in zip(raws, pieces, strict=True)]
    return (
        {
            "lfp": variable,
            "lfp_first_sample": ("segment", np.cumsum(counts) - counts, {"units": "1"}),
            "lfp_sample_count": ("segment", counts, {"units": "1"}),
            "lfp_t_start": ("segment", start, {"units": "s"}),
        },
        list(first.names),
        findings,
    )


def _rate(raw: Raw, how: Resampler) -> float:
    return raw.sampling_rate * how.up / how.down


def _step(gain: float | None, largest: float, how: Resampler) -> float | None:
    """The step in which 16 bits hold whatever comes out: that of the file, or a multiple where the filter may overshoot.

    None where the file has no step, or more bits.
    """
    if gain is None:
        return None
    bound = largest * how.overshoot
    if not how.taps.size and largest <= _INT16 + 1:  # the file's own numbers
        return gain
    multiple = max(1, int(np.ceil(bound / _INT16)))
    return gain * multiple if multiple <= 2 * how.overshoot else None


class _Lfp(BackendArray):
    """The signal of all segments, computed where it is looked at; the same bits in whatever pieces that is."""

    def __init__(self, raws: Sequence[Raw], how: Resampler, step: float | None, still: Callable[[], None]) -> None:
        self._raws, self._how, self._step, self._still = raws, how, step, still
        self._stops = np.cumsum([how.n_out(raw.n_samples) for raw in raws])
        self.shape = len(raws[0].names), int(self._stops[-1])
        self.dtype = np.dtype(float)

    def __getitem__(self, key: Any) -> Any:
        return indexing.explicit_indexing_adapter(key, self.shape, indexing.IndexingSupport.BASIC, self._read)

    def _read(self, key: tuple[Any, ...]) -> Any:
        rows, columns = (slice(k, k + 1) if isinstance(k, int | np.integer) else k for k in key)
        a, b, stride = columns.indices(self.shape[1])
        if stride < 0:  # as slices of python: the same samples, from the other end
            a, b = (a + stride * ((a - b - 1) // -stride), a + 1) if a > b else (0, 0)
        values = self._samples(a, max(a, b), list(range(self.shape[0]))[rows])[:, :: abs(stride)]
        values = values[:, ::-1] if stride < 0 else values
        return values[tuple(0 if isinstance(k, int | np.integer) else slice(None) for k in key)]

    def _samples(self, start: int, stop: int, channels: list[int]) -> Floats:
        found = np.empty((len(channels), stop - start))
        for raw, end, begin in zip(self._raws, self._stops, np.concatenate([[0], self._stops[:-1]]), strict=True):
            a, b = max(start, int(begin)), min(stop, int(end))
            if a < b and channels:
                self._still()
                part = resample(raw, self._how, a - int(begin), b - int(begin), channels)
                if self._step is not None and raw.gain is not None:
                    part = np.rint(part / round(self._step / raw.gain)) * self._step + 0.0  # no -0.0, which disk has not
                elif raw.gain is not None:
                    part = part * raw.gain
                found[:, a - start : b - start] = part
        return found


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
