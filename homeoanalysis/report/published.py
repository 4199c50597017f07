"""Published figures as the report tells of them."""

import itertools
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from homeoanalysis.contracts.claims import Row
from homeoanalysis.contracts.outcomes import Outcome, panel_verdict
from homeoanalysis.report.text import interval, number

PUBLISHED = "published"  # the figure


class Line(NamedTuple):
    """One quantity."""

    title: str
    unit: str
    source: str
    published: str
    scaled: str
    ours: str
    band: str
    control: str
    verdict: str
    reason: str
    trace: str


class Shown(NamedTuple):
    """One published figure."""

    name: str
    title: str
    citation: str
    verdict: str
    lines: list[Line]

    @property
    def reasons(self) -> str:
        """Why quantities do not come out, the first three of them."""
        told = [f"{line.title}: {line.reason}" for line in self.lines if line.reason]
        return "; ".join(told[:3]) + (f"; and {len(told) - 3} more" if len(told) > 3 else "")


def published(outcomes: Sequence[Outcome]) -> Iterator[Shown]:
    """Every published figure with its quantities."""
    for name, group in itertools.groupby(outcomes, key=lambda o: o.panel):
        listed = list(group)
        lines = [_line(o) for o in listed]
        yield Shown(name, listed[0].panel_title, listed[0].citation, panel_verdict(listed), lines)


def _line(o: Outcome) -> Line:
    size = "" if o.size == "recording" else f", size {o.size}"
    return Line(
        title=o.title,
        unit=o.unit,
        source=f"{o.source}{size}",
        published=_known(o.published, o.published_low, o.published_high, o.published_where, is_remembered=o.is_remembered),
        scaled=_known(o.scaled_model, np.nan, np.nan, o.scaled_where),
        ours=f"{number(o.ours)}{_range(o.ours_low, o.ours_high)}, n = {o.n}" if np.isfinite(o.ours) else "–",
        band=band(o),
        control=f"{o.control_title}: {number(o.control)}{_range(o.control_low, o.control_high)}" if o.control_title else "–",
        verdict=o.verdict,
        reason=o.reason,
        trace=f"published.csv [{o.panel}, {o.quantity}]",
    )


def band(outcome: Outcome | Row) -> str:
    """What ours must be, and whether with its whole interval."""
    # A digit more than ours, which may lie on an edge.
    low, high = (f"{edge:.4g}" if np.isfinite(edge) else "" for edge in (outcome.at_least, outcome.at_most))
    if not low and not high:
        return "no band"
    if low and high:
        told = f"between {low} and {high}" if outcome.is_strict else f"{low} to {high}"
    else:
        words = ("more than", "less than") if outcome.is_strict else ("at least", "at most")
        told = f"{words[0]} {low}" if low else f"{words[1]} {high}"
    return told + (", with its whole interval" if outcome.is_whole_interval else "")


def _known(value: float, low: float, high: float, where: str, *, is_remembered: bool = False) -> str:
    if not np.isfinite(value):
        return "–"
    caution = "; remembered, not read: nothing follows from it" if is_remembered else ""
    return f"{number(value)}{_range(low, high)}; {where}{caution}"


def _range(low: float, high: float) -> str:
    return f" ({interval(low, high)})" if np.isfinite(low) and np.isfinite(high) else ""
