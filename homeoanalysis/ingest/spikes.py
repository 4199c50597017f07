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
    unsorted: dict[str, int] = {}  # spikes before the one in front of them in the file
    doubled: dict[str, int] = {}  # spikes at the time of another


def collect(pieces: Sequence[Piece], recording: Recording, replicate: str) -> Units:
    """Join the trains of each unit over the segments. The segments give their trains away: no spike is in memory twice."""
    naming = _naming(recording, replicate, pieces)
    trains: dict[str, list[Floats]] = {}
    annotations: dict[str, dict[str, Any]] = {}
    where: dict[str, set[int]] = {}
    unsorted, outside, ticks = Counter[str](), Counter[str](), set()
    refused = Counter[str]()
    for k, piece in enumerate(pieces):
        for reason, (n_units, n_spikes) in piece.segment.annotations.get("dropped_units", {}).items():
            refused[reason] += n_units
            outside[reason] += n_spikes
        named = [str(t.name) for t in piece.segment.spiketrains]
        twice = sorted(n for n, many in Counter(named).items() if many > 1)
        if twice:
            raise DataError(f"units have the same name: {', '.join(twice[:5])}; give them different names, or write a fix")
        if zero := next((n for n in named if "\0" in n), None):  # arrays of text end there: two names would be one
            raise DataError(
                f"a unit has the name {zero[:40]!r}, with zero bytes in it; the file is damaged, or of another format"
            )
        for local, train in zip(named, piece.segment.spiketrains, strict=True):
            unit = naming.get((piece.part, local), local)
            own = _seconds(train, piece, local)
            unsorted[unit] += int(np.sum(np.diff(own) < 0)) + int(train.annotations.get("unsorted", 0))
            trains.setdefault(unit, []).append(own)
            # The first segment has the word, but a unit that is silent there has its waveform from a later one.
            annotations[unit] = {**train.annotations, **annotations.get(unit, {})}
            where.setdefault(unit, set()).add(k)
            outside.update(train.annotations.get("dropped", {}))
            ticks.add(_tick(train.annotations.get("tick"), piece.offset))
        piece.segment.spiketrains = []
    n_in, doubled, times = outside.total(), Counter[str](), {}
    for name in list(trains):
        parts = trains.pop(name)
        every = _sorted(np.concatenate(parts) if len(parts) > 1 else parts[0])
        is_new = np.diff(every, prepend=-np.inf) > 0
        times[name] = every if is_new.all() else every[is_new]
        n_in += every.size
        doubled[name] = every.size - times[name].size
    observed = np.zeros((len(times), len(pieces)), np.int8)
    for row, segments in zip(observed, where.values(), strict=True):
        row[sorted(segments)] = 1
    dropped = {**outside, "at the same time as another of its unit": doubled.total()}
    book = {"spikes": account(n_in, dropped), "units": account(len(times) + refused.total(), refused)}
    (tick,) = ticks if len(ticks) == 1 else (None,)
    return Units(times, observed, annotations, tick, book, dict(unsorted), dict(doubled))


def _seconds(train: Any, piece: Piece, name: str) -> Floats:
    """The spike times on the clock of the replicate [s]. Raises DataError for those that are not finite."""
    # `rescale` copies even where there is nothing to change.
    own = np.asarray(train.magnitude if train.dimensionality.string == "s" else train.rescale("s").magnitude, float)
    if not np.all(np.isfinite(own)):
        raise DataError(f"unit {name} has {np.sum(~np.isfinite(own))} spike times that are not finite; mend the file")
    return own + piece.offset if piece.offset else own


def _sorted(times: Floats) -> Floats:
    return times if np.all(np.diff(times) >= 0) else np.sort(times)


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
    cut, lost = {}, 0
    for name, times in units.times.items():
        is_in = piece_of(times, start, stop, np.ones(start.size, bool)) >= 0
        cut[name] = times if is_in.all() else times[is_in]
        lost += times.size - cut[name].size
    spikes = units.book["spikes"]
    book = account(spikes["in"], {**spikes["dropped"], "outside of observed time": lost})
    return units._replace(times=cut, book={**units.book, "spikes": book})


def variables(units: Units, names: Sequence[str], cell_types: Sequence[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The variables of activity/1 that the chosen units make, and what the book-keeping says of their segments.

    The trains are taken out of `units` one by one, so that no more than one of them is in memory twice.
    """
    attributes: dict[str, Any] = {"units": "s", "long_name": "time of a spike"}
    if units.tick is not None:
        attributes["tick"] = float(units.tick)
    rows = units.observed[[list(units.times).index(n) for n in names]]
    count = np.array([units.times[n].size for n in names], np.int64)
    joined = np.empty(int(count.sum()))
    for name, n, end in zip(names, count, np.cumsum(count), strict=True):
        times = units.times.pop(name)
        joined[end - n : end] = times if units.tick is None else _whole(times, units.tick)
    annotated = {key: [units.annotations[n].get(key) for n in names] for key in _ANNOTATED}
    annotated["cell_type"] = list(cell_types)
    found: dict[str, Any] = {
        "spike_time": ("spike", joined, attributes),
        "spike_count": ("unit", count, _RAGGED),
        **labels(annotated),
    }
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


def _whole(times: Floats, tick: float) -> Floats:
    """The times as whole ticks of the source's clock."""
    whole = np.rint(times / tick)
    if np.any(np.abs(times / tick - whole) > 1e-3):
        raise DataError(f"spike times are no multiples of the clock's tick of {tick:g} s; mend the reader's time_step")
    return np.asarray(whole * tick)
