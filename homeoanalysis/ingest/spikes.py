"""Spike trains of all segments -> units."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Floats, Piece, account
from homeoanalysis.numerics.observed import piece_of

_RAGGED = {"units": "1", "long_name": "spikes of the unit", "sample_dimension": "spike"}
_ANNOTATED = ("unit_kind", "cell_type", "region", "x", "y")


class Units(NamedTuple):
    """The units of a replicate, before any of them is left out."""

    times: dict[str, Floats]  # sorted, each time once
    observed: NDArray[np.int8]  # (unit, segment)
    annotations: dict[str, dict[str, Any]]
    tick: float | None
    book: dict[str, Any]


def collect(pieces: Sequence[Piece], recording: Recording, replicate: str) -> Units:
    """Join the trains of each unit over the segments."""
    naming = _naming(recording, replicate, pieces)
    trains: dict[str, list[Floats]] = {}
    annotations: dict[str, dict[str, Any]] = {}
    where: dict[str, set[int]] = {}
    outside, ticks = Counter[str](), set()
    for k, piece in enumerate(pieces):
        named = [str(t.name) for t in piece.segment.spiketrains]
        twice = sorted(n for n, many in Counter(named).items() if many > 1)
        if twice:
            raise DataError(f"units have the same name: {', '.join(twice[:5])}; give them different names, or write a fix")
        for local, train in zip(named, piece.segment.spiketrains, strict=True):
            unit = naming.get((piece.part, local), local)
            own = np.sort(train.rescale("s").magnitude.astype(float)) + piece.offset
            if not np.all(np.isfinite(own)):
                raise DataError(f"unit {local} has spike times that are not finite")
            trains.setdefault(unit, []).append(own)
            annotations.setdefault(unit, dict(train.annotations))
            where.setdefault(unit, set()).add(k)
            outside.update(train.annotations.get("dropped", {}))
            ticks.add(_tick(train.annotations.get("tick"), piece.offset))
    every = {name: np.sort(np.concatenate(parts)) for name, parts in trains.items()}
    times = {name: np.unique(t) for name, t in every.items()}
    observed = np.zeros((len(times), len(pieces)), np.int8)
    for row, segments in zip(observed, where.values(), strict=True):
        row[sorted(segments)] = 1
    dropped = {**outside, "at the same time as another of its unit": sum(every[n].size - times[n].size for n in times)}
    book = {"spikes": account(sum(t.size for t in every.values()) + outside.total(), dropped), "units": account(len(times), {})}
    (tick,) = ticks if len(ticks) == 1 else (None,)
    return Units(times, observed, annotations, tick, book)


def _tick(tick: float | None, offset: float) -> float | None:
    """The tick of a clock that was moved: none, unless by whole ticks."""
    return tick if tick is None or abs(offset / tick - np.rint(offset / tick)) < 1e-3 else None


def _naming(recording: Recording, replicate: str, pieces: Sequence[Piece]) -> dict[tuple[str, str], str]:
    """(part, name of the unit there) -> name of the unit, where they differ."""
    info = recording.replicates[replicate]
    same = recording.same_units if info.same_units is None else info.same_units
    if not info.parts or same in (None, "ids"):
        return {}
    locals_ = {(p.part, str(t.name)) for p in pieces for t in p.segment.spiketrains}
    alone = {(part, name): f"{part}:{name}" for part, name in locals_}
    if not isinstance(same, dict):
        return alone
    table: dict[tuple[str, str], str] = {}
    for unit, places in same.items():
        for place in places.items():
            if place not in locals_:
                known = sorted(name for part, name in locals_ if part == place[0])
                raise DataError(
                    f"same_units says that {unit} is {place[1]!r} in part {place[0]}, which has no such unit; "
                    f"it has: {', '.join(known[:8])}"
                )
            if place in table:
                raise DataError(
                    f"same_units names {place[1]!r} of part {place[0]} twice, for {table[place]} and {unit}; remove one"
                )
            table[place] = unit
    return alone | table


def inside(units: Units, start: Floats, stop: Floats) -> Units:
    """Without the spikes outside of observed time, which the YAML may make shorter than the files have it."""
    cut = {n: t[piece_of(t, start, stop, np.ones(start.size, bool)) >= 0] for n, t in units.times.items()}
    lost = sum(t.size for t in units.times.values()) - sum(t.size for t in cut.values())
    spikes = units.book["spikes"]
    book = account(spikes["in"], {**spikes["dropped"], "outside of observed time": lost})
    return units._replace(times=cut, book={**units.book, "spikes": book})


def kept(units: Units, minimum: float | None, duration: NDArray[np.float64]) -> tuple[list[str], dict[str, Any]]:
    """The units at or above the minimum rate in the time in which they were observed, and the book-keeping."""
    time = dict(zip(units.times, units.observed @ duration, strict=True))
    unseen = [n for n in units.times if time[n] == 0]
    low = [n for n, t in units.times.items() if time[n] > 0 and minimum is not None and t.size / time[n] < minimum]
    names = [n for n in units.times if n not in {*unseen, *low}]
    spikes, of, reason = units.book["spikes"], units.book["units"], f"unit below the minimum rate of {minimum} Hz"
    more = account(spikes["in"], {**spikes["dropped"], reason: sum(units.times[n].size for n in low)})
    if low and not names:
        raise DataError(f"all {len(units.times)} units are below units.minimum_rate; lower it, or remove the replicate")
    lost = {**of["dropped"], reason: len(low), "unit isolated in no observed time": len(unseen)}
    return names, {"spikes": more, "units": account(of["in"], lost)}


def variables(units: Units, names: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of activity/1 that the chosen units make, and what the book-keeping says of their segments."""
    attributes: dict[str, Any] = {"units": "s", "long_name": "time of a spike"}
    times = [units.times[n] for n in names]
    if units.tick is not None:
        attributes["tick"] = float(units.tick)
        times = _whole(times, units.tick)
    annotated = {key: [units.annotations[n].get(key) for n in names] for key in _ANNOTATED}
    found: dict[str, Any] = {
        "spike_time": ("spike", np.concatenate(times) if times else np.zeros(0), attributes),
        "spike_count": ("unit", np.array([t.size for t in times], np.int64), _RAGGED),
        **labels(annotated),
    }
    rows = units.observed[[list(units.times).index(n) for n in names]]
    if rows.all():
        return found, {}
    found["observed"] = (("unit", "segment"), rows, {"units": "1", "long_name": "1: the unit was isolated in the segment"})
    return found, {"units x segments": account(rows.size, {"unit not isolated in the segment": int(rows.size - rows.sum())})}


def labels(annotated: dict[str, list[Any]]) -> dict[str, Any]:
    """The variables that say what units are, and where."""
    found: dict[str, Any] = {
        "unit_kind": ("unit", [k or "single" for k in annotated["unit_kind"]]),
        "cell_type": ("unit", [k or "unknown" for k in annotated["cell_type"]]),
        "region": ("unit", [k or "" for k in annotated["region"]]),
    }
    for axis in ("x", "y"):
        if any(v is not None for v in annotated[axis]):
            values = [np.nan if v is None else float(v) for v in annotated[axis]]
            found[axis] = ("unit", values, {"units": "m", "long_name": "position of the unit"})
    return found


def _whole(trains: list[Floats], tick: float) -> list[Floats]:
    """The times as whole ticks of the source's clock."""
    whole = [np.rint(t / tick) for t in trains]
    if any(np.any(np.abs(t / tick - w) > 1e-3) for t, w in zip(trains, whole, strict=True)):
        raise DataError(f"spike times are no multiples of the clock's tick of {tick:g} s; mend the reader's time_step")
    return [w * tick for w in whole]
