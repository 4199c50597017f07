"""Which units are kept, and by which rule the others are not."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from homeoanalysis.config.selection import Isolation
from homeoanalysis.config.selection import Units as Rules
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Floats, account
from homeoanalysis.ingest.spikes import Units
from homeoanalysis.numerics.unit_quality import presence_ratio, violations, width

_UNSEEN = "unit isolated in no observed time"


def curate(
    units: Units, rules: Rules, start: Floats, stop: Floats, of: np.ndarray
) -> tuple[list[str], dict[str, Any], dict[str, Any]]:
    """The units that are kept, the curation table (variables over `curated`), and the book-keeping.

    start, stop: of observed segments [s]; of: the piece that each of them is from. A unit is dropped by the first rule that it
    breaks. Raises DataError if none is left, or if a rule asks for a number that no unit has.
    """
    _check_known(units, rules)
    rows = {}
    for unit, seen in zip(units.times, units.observed, strict=True):
        isolated = seen[of] == 1
        rows[unit] = _row(unit, units, rules, start[isolated], stop[isolated])
    dropped = {unit: str(row["rule"]) for unit, row in rows.items() if row["rule"]}
    names = [unit for unit in units.times if unit not in dropped]
    if dropped and not names and set(dropped.values()) != {_UNSEEN}:
        first = next(iter(dropped.values()))
        raise DataError(
            f"all {len(units.times)} units are dropped, the first because: {first}; change `units`, or remove the replicate"
        )
    spikes, counted = units.book["spikes"], units.book["units"]
    by_rule = {rule: [u for u, r in dropped.items() if r == rule] for rule in dict.fromkeys(dropped.values())}
    lost = {rule: sum(units.times[u].size for u in whose) for rule, whose in by_rule.items()}
    book = {
        "spikes": account(spikes["in"], {**spikes["dropped"], **lost}),
        "units": account(counted["in"], {**counted["dropped"], **{rule: len(whose) for rule, whose in by_rule.items()}}),
    }
    return names, _table(rows), book


def cell_types(units: Units, names: list[str], threshold: float | None) -> list[str]:
    """E or I by the width of the waveform, where the files do not say it. threshold: [s]."""
    known = [str(units.annotations[n].get("cell_type") or "unknown") for n in names]
    if threshold is None:
        return known
    widths = [width(units.annotations[n]) for n in names]
    return [k if k != "unknown" or np.isnan(w) else "I" if w < threshold else "E" for k, w in zip(known, widths, strict=True)]


def _row(unit: str, units: Units, rules: Rules, start: Floats, stop: Floats) -> dict[str, Any]:
    times, time = units.times[unit], float(np.sum(stop - start))
    row = {
        "spikes": times.size,
        "rate": times.size / time if time > 0 else np.nan,
        "presence": presence_ratio(times, start, stop, rules.presence_bin),
        "violations": violations(times, start, rules.refractory_period),
        "width": width(units.annotations[unit]),
    }
    return row | {"rule": next(_broken(row, units.annotations[unit], rules, time), "")}


def _broken(row: dict[str, Any], annotations: dict[str, Any], rules: Rules, time: float) -> Iterator[str]:
    """The rules that a unit breaks, in order. A number that is not known breaks none."""
    if time == 0:
        yield _UNSEEN
    if rules.minimum_rate is not None and row["rate"] < rules.minimum_rate:
        yield f"unit below the minimum rate of {rules.minimum_rate} Hz"
    if rules.minimum_presence is not None and row["presence"] < rules.minimum_presence:
        yield f"unit present in less than {100 * rules.minimum_presence:g} % of bins of {rules.presence_bin:g} s"
    if rules.maximum_violations is not None and row["violations"] > rules.maximum_violations:
        yield f"unit with more than {100 * rules.maximum_violations:g} % of intervals below {1000 * rules.refractory_period:g} ms"
    for name, bound in rules.isolation.items():
        if name in annotations:
            yield from (f"unit with {name} {what}" for what in _outside(annotations[name], bound, name))


def _outside(value: Any, bound: Isolation, name: str) -> Iterator[str]:
    if bound.among is not None:
        if str(value) not in bound.among:
            yield f"not among {', '.join(bound.among)}"
        return
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise DataError(
            f"units.isolation.{name} has a bound, but a unit has {str(value)!r}; for labels write among: [...]"
        ) from None
    if bound.minimum is not None and number < bound.minimum:
        yield f"below {bound.minimum:g}"
    if bound.maximum is not None and number > bound.maximum:
        yield f"above {bound.maximum:g}"


def _check_known(units: Units, rules: Rules) -> None:
    known = sorted({str(key) for a in units.annotations.values() for key in a})
    absent = [name for name in rules.isolation if units.times and name not in known]
    if absent:
        raise DataError(
            f"units.isolation names {absent[0]!r}, which no unit has; the reader knows: {', '.join(known[:12]) or 'nothing'}"
        )
    if rules.fast_spiking_width is not None and units.times and not any("waveform" in a for a in units.annotations.values()):
        raise DataError("units.fast_spiking_width splits units by their waveforms, but the reader gives none; remove it")


_NUMBERS = {
    "spikes": ("1", "spikes of a unit that came in"),
    "rate": ("Hz", "its rate in the time in which it was isolated"),
    "presence": ("1", "part of the bins of that time in which it spikes"),
    "violations": ("1", "part of its intervals that are shorter than the refractory period"),
    "width": ("s", "from trough to peak of its waveform; NaN if it is not known"),
}


def _table(rows: dict[str, dict[str, Any]]) -> dict[str, Any]:
    if not rows:
        return {}
    found: dict[str, Any] = {
        f"curated_{key}": ("curated", [row[key] for row in rows.values()], {"units": units, "long_name": words})
        for key, (units, words) in _NUMBERS.items()
    }
    found["curated_rule"] = ("curated", [row["rule"] for row in rows.values()], {"long_name": "rule that dropped it"})
    return found | {"curated": ("curated", list(rows))}
