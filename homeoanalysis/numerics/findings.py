"""What is wrong with a recording: each finding in one sentence, with what to do about it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.raw import Raw, blocks

Floats = NDArray[np.float64]
_SHOWN = 5
_SATURATED, _SATURATED_SAMPLES = 1e-3, 10  # part of the samples at the very largest or smallest value, and how many at least
_FLAT = 0.01  # of the seconds
_LINES = 50.0, 60.0  # Hz
_LINE_RATIO = 10.0  # power at the line over that beside it
_LINE_WINDOWS, _LINE_WINDOW = 16, 4.0  # how many, and their length [s]
_GLIMPSES = 4  # windows of `_LINE_WINDOW` in each of at most so many segments that `glimpse` looks at
_GLIMPSED = 2**23  # values that it reads of a segment at most; of more channels it takes some, evenly spread
_BEGINNING = 0.05  # of the observed time
_MANY_INTERVALS, _SHORT_INTERVAL, _LONG_INTERVAL = 1000, 1e-3, 0.05  # s
_SILENT_FOR, _SILENT_SPIKES, _SILENT_RATIO = 60.0, 50.0, 5.0


class Finding(NamedTuple):
    """A warning: the rule that found it, and what it found."""

    rule: str
    text: str


UNTOLD_END = Finding(
    "files that may be cut",
    "the format does not say where a file ends, so that one that was cut may look whole; write the sha256 of the original files",
)


def listed(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def of_spikes(counts: Mapping[str, int], unsorted: Mapping[str, int], doubled: Mapping[str, int]) -> Iterator[Finding]:
    """counts, unsorted, doubled: spikes of each unit, those before the one in front of them, those at the time of another."""
    silent = [name for name, n in counts.items() if n == 0]
    if silent:
        yield Finding("units with no spikes", f"{len(silent)} of {len(counts)} units have no spikes: {listed(silent)}")
    for rule, found, what in (
        ("unsorted spikes", unsorted, "spikes stand after a later one in the file and were sorted"),
        ("duplicate spikes", doubled, "spikes are at the same time as another of their unit and were dropped"),
    ):
        units = [name for name, n in found.items() if n]
        if units:
            yield Finding(
                rule, f"{sum(found.values())} {what}, in {len(units)} units: {listed(units)}; check how they were exported"
            )


def of_same_units(trains: Mapping[str, Floats]) -> Iterator[Finding]:
    """Units whose spikes are all those of another."""
    seen: dict[tuple[int, bytes], str] = {}
    for name, times in trains.items():
        if times.size < 2:
            continue
        key = times.size, np.concatenate([times[:1000], times[-1000:]]).tobytes()
        other = seen.setdefault(key, name)
        if other != name and np.array_equal(trains[other], times):
            text = f"units {other} and {name} have the same {times.size} spikes; they would count twice: check the export"
            yield Finding("units that are the same", text)


def of_intervals(trains: Sequence[Floats]) -> Iterator[Finding]:
    """Intervals that no neuron has, as where seconds are taken for minutes, or milliseconds for seconds.

    Of 1000 spikes of neurons or cultures some are within 50 ms of another of their unit: the
    shortest intervals of the project's recordings are 0.2 to 6 ms.
    """
    intervals = [np.diff(times) for times in trains if times.size > 1]
    if sum(one.size for one in intervals) < _MANY_INTERVALS:
        return
    shortest, typical = min(float(one.min()) for one in intervals), float(np.median(np.concatenate(intervals)))
    if shortest > _LONG_INTERVAL:
        text = f"no two spikes of a unit are closer than {shortest:.3g} s"
    elif typical < _SHORT_INTERVAL:
        text = f"half of all intervals are shorter than {typical:.3g} s"
    else:
        return
    yield Finding("times in a wrong unit", f"{text}, as of no neuron; check the unit of the times, or the time step")


def of_lost_units(names: Sequence[str], seen: Mapping[str, NDArray[np.bool_]]) -> Iterator[Finding]:
    """seen: in each epoch, which units were observed. An epoch in which nothing was observed has lost nobody."""
    table = {label: units for label, units in seen.items() if units.any()}
    there = np.array(list(table.values()), bool).reshape(len(table), len(names))
    somewhere, everywhere = there.any(axis=0), there.all(axis=0)
    lost = [str(name) for name in np.array(names)[somewhere & ~everywhere]]
    if lost:
        shown = ", ".join(f"{label}: {units.sum()} of {somewhere.sum()}" for label, units in table.items())
        text = f"{len(lost)} of {somewhere.sum()} units are not observed in every epoch ({shown}): {listed(lost)}"
        mend = "what compares epochs is of the others: unit_survival tells whether loss went by rate, and bounds what it hides"
        yield Finding("units that are not observed in every epoch", f"{text}; {mend}")


def of_order(edges: Sequence[tuple[float, float]]) -> Iterator[Finding]:
    """edges: start and stop of the segments [s], as the files have them."""
    back = [k for k in range(1, len(edges)) if edges[k][0] < edges[k - 1][0]]
    if back:
        k = back[0]
        yield Finding(
            "clock jumps",
            f"{len(back)} segments start before the one in front of them in the file, the first at {edges[k][0]:.6g} s after "
            f"{edges[k - 1][0]:.6g} s; they were put in order of time: check the clock",
        )


def of_silence(trains: Sequence[Floats], start: Floats, stop: Floats) -> Iterator[Finding]:
    """A time in which no unit of all spikes, far longer than any other: the clock may have jumped, or nothing was recorded.

    It is told from 60 s on, if 50 spikes were to be expected in it, and if it is five times as long as the next.
    If all of 100 spikes or more lie in the first 5 % of observed time, their times are told to be wrong instead.
    start, stop: of the segments [s].
    """
    total = sum(t.size for t in trains)
    if total < 2 * _SILENT_SPIKES:
        return
    last = max(float(t[-1]) for t in trains if t.size)
    part = float(np.clip(last - start, 0.0, stop - start).sum() / np.sum(stop - start))
    if part < _BEGINNING:
        text = (
            f"all {total} spikes lie in the first {100 * part:.2g} % of the observed time; check the time step, or the duration"
        )
        yield Finding("spikes at the beginning only", text)
        return
    longest: list[tuple[float, float]] = []  # (seconds, from)
    for a, b in zip(start, stop, strict=True):
        filled = _seconds(trains, a, b)
        ends = np.minimum(np.concatenate([[0], filled + 1]), b - a)
        gaps = np.concatenate([filled, [b - a]]) - ends
        longest += [(float(gaps[k]), float(a + ends[k])) for k in np.argsort(gaps)[-2:]]
    (second, _), (seconds, at) = sorted(longest)[-2:] if len(longest) > 1 else [(0.0, 0.0), *longest]
    rate = total / max(1.0, float(np.sum(stop - start)) - seconds)
    if seconds >= _SILENT_FOR and rate * seconds >= _SILENT_SPIKES and seconds >= _SILENT_RATIO * max(second, 1.0):
        yield Finding(
            "clock jumps",
            f"no unit spikes for {seconds:.0f} s from {at:.0f} s on, and the next longest silence is {second:.0f} s; if the "
            "clock jumped or the rig was off, it is no observed time: declare the gap",
        )


def _seconds(trains: Sequence[Floats], start: float, stop: float) -> NDArray[np.int64]:
    """The seconds since `start` in which a unit spikes, in order: as few as the spikes, however long the segment."""
    found = []
    for times in trains:
        first, last = np.searchsorted(times, [start, stop], side="left")
        whole = (times[first:last] - start).astype(np.int64)
        found.append(whole[np.diff(whole, prepend=-1) > 0])
    return np.unique(np.concatenate(found))


class Survey(NamedTuple):
    """Of each channel: its extremes [in steps, or SI], how often it is there, and whole seconds in which it is constant."""

    lowest: Floats
    highest: Floats
    at_lowest: NDArray[np.int64]
    at_highest: NDArray[np.int64]
    flat: NDArray[np.int64]
    seconds: int
    samples: int
    not_finite: NDArray[np.int64]


def survey(raw: Raw, spans: Sequence[tuple[int, int]] | None = None) -> Survey:
    """One pass over all samples, or over those from [start, stop) on."""
    n = len(raw.names)
    second = max(2, round(min(raw.sampling_rate, raw.n_samples + 1)))  # a file may declare any rate
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    at_low, at_high, flat, bad = (np.zeros(n, np.int64) for _ in range(4))
    seconds = samples = 0
    for start, stop in blocks(raw, second) if spans is None else spans:
        x = raw.counts(start, stop)
        if x.dtype.kind == "f":
            wrong = ~np.isfinite(x)
            bad += wrong.sum(axis=1)
            x = np.where(wrong, 0.0, x)
        lows, highs = x.min(axis=1), x.max(axis=1)
        at_low = np.where(lows < low, 0, at_low) + np.where(lows <= low, (x == lows[:, None]).sum(axis=1), 0)
        at_high = np.where(highs > high, 0, at_high) + np.where(highs >= high, (x == highs[:, None]).sum(axis=1), 0)
        low, high = np.minimum(low, lows), np.maximum(high, highs)
        whole = x[:, : x.shape[1] // second * second].reshape(n, -1, second)
        seconds, samples = seconds + whole.shape[1], samples + stop - start
        flat += (whole.max(axis=2) == whole.min(axis=2)).sum(axis=1) if whole.size else 0
    return Survey(low, high, at_low, at_high, flat, seconds, samples, bad)


def of_signal(raw: Raw, found: Survey) -> Iterator[Finding]:
    """Flat and saturated channels."""
    is_flat = found.lowest == found.highest
    if is_flat.any():
        names = [name for name, k in zip(raw.names, is_flat, strict=True) if k]
        yield Finding("flat channels", f"{len(names)} channels hold one value throughout: {listed(names)}; leave them out")
    part = found.flat / max(1, found.seconds)
    some = np.flatnonzero((part > _FLAT) & ~is_flat)
    if some.size:
        told = [f"{raw.names[k]} ({found.flat[k]} of {found.seconds} s)" for k in some]
        yield Finding(
            "flat channels", f"channels are constant for whole seconds: {listed(told)}; the signal was lost, or clipped"
        )
    at_end = np.maximum(found.at_lowest, found.at_highest)  # of any signal one sample is the largest
    clipped = at_end / max(1, found.samples)
    worst = np.flatnonzero((clipped > _SATURATED) & (at_end >= _SATURATED_SAMPLES) & ~is_flat)
    if worst.size:
        told = [f"{raw.names[k]} ({100 * clipped[k]:.2g} %)" for k in worst]
        yield Finding(
            "saturation", f"samples lie at the largest or smallest value of their channel: {listed(told)}; it is clipped"
        )


def glimpse(raw: Raw) -> Iterator[Finding]:
    """The same and line noise, as far as 16 s of it show them: of a long file in a moment. Less than 8 s are read whole.

    Clipping that is rare, and a channel that is lost for a while, are seen by a survey of all samples only.
    """
    length = max(1, round(_LINE_WINDOW * raw.sampling_rate))
    n = min(len(raw.names), max(1, _GLIMPSED // (_GLIMPSES * length)))
    some = np.unique(np.linspace(0, len(raw.names) - 1, n).astype(np.int64)).tolist()
    chosen = raw if n == len(raw.names) else raw.only(some)
    count = min(_GLIMPSES, raw.n_samples // length)
    spans = [(int(a), int(a) + length) for a in np.linspace(0, raw.n_samples - length, count)] if count > 1 else None
    if spans is None and raw.n_samples > 2 * length:
        spans = [(0, 2 * length)]
    looked = f"in {sum(b - a for a, b in spans) / raw.sampling_rate:.3g} s that were looked at" if spans else "in a segment"
    whose = "" if n == len(raw.names) else f" of {n} of {len(raw.names)} channels"
    for finding in (*of_signal(chosen, survey(chosen, spans)), *of_line(chosen, _GLIMPSES)):
        yield Finding(finding.rule, f"{looked}{whose}: {finding.text}")


def of_line(raw: Raw, windows: int = _LINE_WINDOWS) -> Iterator[Finding]:
    """Channels whose power at 50 or 60 Hz is ten times that from 2 to 8 Hz beside it, over windows of 4 s evenly spread."""
    from scipy import signal  # here, since to import it takes longer than most files to read

    length = round(_LINE_WINDOW * raw.sampling_rate)
    count = min(windows, raw.n_samples // length) if length else 0
    if count == 0 or raw.sampling_rate < 2.5 * max(_LINES):
        return
    power: Floats | float = 0.0
    for start in np.linspace(0, raw.n_samples - length, count).astype(np.int64):
        x = raw.values(int(start), int(start) + length)
        frequency, one = signal.periodogram(np.nan_to_num(x), raw.sampling_rate, "hann", axis=1)
        power = power + one / count
    assert isinstance(power, np.ndarray)
    for line in _LINES:
        away = np.abs(frequency - line)
        at, beside = power[:, away <= 0.5].max(axis=1), np.median(power[:, (away >= 2) & (away <= 8)], axis=1)
        ratio = np.divide(at, beside, out=np.zeros_like(at), where=beside > 0)
        noisy = np.flatnonzero(ratio > _LINE_RATIO)
        if noisy.size:
            told = [f"{raw.names[k]} ({ratio[k]:.3g})" for k in noisy]
            text = f"the power at {line:g} Hz is many times that beside it: {listed(told)}; mind spectra there"
            yield Finding("line noise", text)
