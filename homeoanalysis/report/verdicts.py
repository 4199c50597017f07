"""The verdicts of a study in words, and what was not judged, with the reason."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config import Study
from homeoanalysis.config.study import Contrast
from homeoanalysis.report.text import Measures, briefly, in_words, interval, number, units

_REFERENCES = ("null", "data")
_ANY = "*"  # in a trace: all of that dimension


class Verdict(NamedTuple):
    """One judged (or refused) cell of the comparison, in words."""

    target: str
    contrast: str
    metric: str
    candidate: str
    verdict: str
    numbers: str
    reason: str
    trace: str
    discrepancy: str
    within: str
    floor: str
    ceiling: str


def verdicts(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Verdict]:
    """Every cell that the study asks for, judged or with the reason why not; then, together, what it does not ask for.

    A target alone has its references.
    """
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                for candidate in listed or _REFERENCES:
                    yield _verdict(asked, comparison, measures, (target, contrast, label, candidate))
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            others = [m for m in study.metrics if m not in asked.metrics]
            if others:
                words = ", ".join(briefly(in_words(m, measures[m][target])) for m in others)
                at = (target, contrast, others[0], (listed or _REFERENCES)[0])
                yield _not_asked(comparison, at, contrast, words, ", ".join(listed or _REFERENCES), f"{target}, {contrast}, *, *")
        strangers: dict[str, list[str]] = {}
        for candidate in comparison.candidate.values.tolist() if study.contrasts else []:
            cells = comparison.sel(target=target, candidate=candidate)
            if candidate not in (*_REFERENCES, *listed) and not int(cells.comparable.sum()):
                strangers.setdefault(str(cells.reason.values.flat[0]), []).append(candidate)
        for candidates in strangers.values():
            at = (target, next(iter(study.contrasts)), next(iter(study.metrics)), candidates[0])
            yield _not_asked(comparison, at, "any contrast", "any metric", ", ".join(candidates), f"{target}, *, *, *")


def _not_asked(
    comparison: xr.Dataset, at: tuple[str, str, str, str], contrast: str, metric: str, candidates: str, trace: str
) -> Verdict:
    """Cells with the reason of the first of them. A star in the trace stands for all of a dimension."""
    cell = comparison.sel(dict(zip(("target", "contrast", "metric", "candidate"), at, strict=True)))
    return Verdict(
        target=at[0],
        contrast=contrast,
        metric=metric,
        candidate=candidates,
        verdict=str(cell.verdict.values),
        numbers="",
        reason=str(cell.reason.values),
        trace=f"[{trace}]",
        discrepancy="–",
        within="–",
        floor="–",
        ceiling="–",
    )


def _verdict(asked: Contrast, comparison: xr.Dataset, measures: Measures, at: tuple[str, str, str, str]) -> Verdict:
    target, contrast, label, candidate = at
    row = comparison.sel(target=target, contrast=contrast, metric=label)
    cell = row.sel(candidate=candidate)
    located = (candidate, target) if int(cell.comparable) and candidate not in _REFERENCES else ()
    is_change = asked.reference is not None or asked.between is not None
    numbers = " against ".join(_located(row.sel(source=source), source, is_change) for source in located)
    return Verdict(
        target=target,
        contrast=contrast,
        metric=briefly(in_words(label, measures[label][target])),
        candidate=candidate,
        verdict=str(cell.verdict.values),
        numbers=numbers,
        reason=str(cell.reason.values),
        trace=f"[{target}, {contrast}, {label}, {candidate}]",
        discrepancy=number(cell.discrepancy),
        within=interval(cell.within_low, cell.within_high),
        floor=number(row.discrepancy.sel(candidate="null")),
        ceiling=number(row.ceiling),
    )


def _located(cell: xr.Dataset, source: str, is_change: bool) -> str:
    """Location, spread and unit, how many subjects (in each of two groups) are behind them, and their interval."""
    spread = f" ± {number(cell.spread)}" if np.isfinite(float(cell.spread)) else ""
    first, n, left_out = (int(cell[name]) for name in ("n_first", "n_subjects", "n_left_out"))
    notes = [f"n = {f'{first} and {n}' if first else n}".replace(" ", "\N{NO-BREAK SPACE}")]
    notes += [f"{left_out} left out"] if left_out else []
    if np.isfinite(float(cell.location_low)):
        notes.append(f"95\N{NO-BREAK SPACE}% interval {interval(cell.location_low, cell.location_high)}")
    kind = "change of " if is_change else ""
    return f"{source} {kind}{number(cell.location)}{spread}{units(str(cell.unit.values))} ({', '.join(notes)})"
