"""The verdicts of a study in words, and what was not judged, with the reason."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.study import Study
from homeoanalysis.contracts.schemas import NOT_ASKED
from homeoanalysis.numerics.summaries import MINIMUM
from homeoanalysis.report.text import Measures, briefly, interval, number, percent, units

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
    worst: str
    best: str
    surrogate: str  # what the surrogate is
    caution: str
    is_asked: bool


class Effect(NamedTuple):
    """What a contrast is in one source, in words."""

    contrast: str
    meaning: str
    metric: str
    source: str
    value: str
    trace: str


def effects(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Effect]:
    """The location of each contrast in each source that has one. It is the same for all targets."""
    for target in comparison.target.values.tolist()[:1]:
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                for source in (s for s in comparison.source.values.tolist() if s in measures[label]):
                    cell = comparison.sel(target=target, contrast=contrast, metric=label, source=source)
                    if np.isfinite(float(cell.location)):
                        estimate = measures[label][source]
                        yield Effect(
                            contrast=contrast,
                            meaning=_meaning(asked),
                            metric=briefly(label, measures),
                            source=source,
                            value=located(cell, asked, estimate),
                            trace=f"[{target}, {contrast}, {label}, {_ANY}]",
                        )


def _meaning(asked: Contrast) -> str:
    """What is compared, from the contrast's declaration."""
    where = [f"{factor} {level}" for factor, level in asked.where.items()]
    if asked.between is not None:
        where.append(f"{asked.between.factor} from {asked.between.levels[0]} to {asked.between.levels[1]}")
    if asked.trend is not None:
        where.append(f"slope over {asked.trend}")
    if asked.epoch is not None:
        where.append(f"epoch {asked.epoch}" + (f" against {asked.reference}" if asked.reference is not None else ""))
    where += [f"{dim} {label}" for dim, label in asked.at.items()]
    where += [f"its {asked.companion.replace('_', ' ')}"] if asked.companion else []
    where += [f"{asked.over_units.replace('_', ' ')} over units"] if asked.over_units != "mean" else []
    return ", ".join(where) or "all"


def verdicts(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Verdict]:
    """Every cell that the study asks for, judged or with the reason why not; then, together, what it does not ask for.

    A target alone has its references.
    """
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                for candidate in listed or _references(study, comparison, (target, contrast, label)):
                    yield _verdict(asked, comparison, measures, (target, contrast, label, candidate))
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            others = [m for m in study.metrics if m not in asked.metrics]
            if others and study.resampling.draws > 0:
                words = ", ".join(briefly(m, measures) for m in others)
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


def _references(study: Study, comparison: xr.Dataset, at: tuple[str, str, str]) -> tuple[str, ...]:
    """What stands against a target alone; without draws nothing does, but a claim that is open is told."""
    if study.resampling.draws > 0:
        return _REFERENCES
    cell = comparison.sel(dict(zip(("target", "contrast", "metric", "candidate"), (*at, _REFERENCES[0]), strict=True)))
    return _REFERENCES[:1] if str(cell.verdict.values) == "untestable" else ()


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
        worst="–",
        best="–",
        surrogate="",
        caution="",
        is_asked=False,
    )


def _verdict(asked: Contrast, comparison: xr.Dataset, measures: Measures, at: tuple[str, str, str, str]) -> Verdict:
    target, contrast, label, candidate = at
    row = comparison.sel(target=target, contrast=contrast, metric=label)
    cell = row.sel(candidate=candidate)
    both = (candidate, target) if int(cell.comparable) and candidate not in _REFERENCES else ()
    numbers = " against ".join(f"{s} {located(row.sel(source=s), asked, measures[label][s])}" for s in both)
    no_worst_case = measures[label][target].attrs["no_worst_case"]
    return Verdict(
        target=target,
        contrast=contrast,
        metric=briefly(label, measures),
        candidate=candidate,
        verdict=str(cell.verdict.values),
        numbers=numbers,
        reason=str(cell.reason.values),
        trace=f"[{target}, {contrast}, {label}, {candidate}]",
        discrepancy=number(cell.discrepancy),
        within=interval(cell.within_low, cell.within_high),
        worst=number(row.discrepancy.sel(candidate="null")),
        best=number(row.ceiling),
        surrogate=f"{no_worst_case}, no worst case" if no_worst_case else "worst case",
        caution=_caution(comparison, measures, at) if str(cell.verdict.values) == "matches" else "",
        is_asked=not str(cell.reason.values).startswith(NOT_ASKED),
    )


def _caution(comparison: xr.Dataset, measures: Measures, at: tuple[str, str, str, str]) -> str:
    """Where what the metric is computed from differs: then errors cancel in it."""
    target, _, label, candidate = at
    wrong: dict[str, list[str]] = {}
    for contrast in comparison.contrast.values.tolist():
        for other in json.loads(measures[label][target].attrs["derived_from"]):
            for base in (m for m in comparison.metric.values.tolist() if m.partition(".")[0] == other):
                cell = comparison.verdict.sel(target=target, contrast=contrast, metric=base, candidate=candidate)
                if str(cell.values) == "differs":
                    wrong.setdefault(briefly(base, measures), []).append(contrast)
    told = [f"{base}, which differs ({', '.join(contrasts)})" for base, contrasts in wrong.items()]
    return f"Caution: it is computed from {' and '.join(told)}; errors that cancel can look like a match" if told else ""


def located(cell: xr.Dataset, asked: Contrast, estimate: xr.Dataset) -> str:
    """Location, spread and unit, how many subjects (in each of two groups) are behind them, and their interval.

    A relative change is in percent.
    """
    tie = "\N{NO-BREAK SPACE}"
    is_change = asked.reference is not None or asked.between is not None
    is_relative = is_change and estimate.attrs["scale"] == "relative"
    unit = f"{tie}%" if is_relative else units(str(cell.unit.values))
    told = percent if is_relative else number
    spread = f" ± {told(cell.spread).removeprefix('+')}" if np.isfinite(float(cell.spread)) else ""
    first, n, left_out = (int(cell[name]) for name in ("n_first", "n_subjects", "n_left_out"))
    notes = [f"n = {f'{first} and {n}' if first else n}".replace(" ", tie)]
    notes += [f"{left_out} left out"] if left_out else []
    noun = "subjects" if estimate.attrs["source_kind"] == "recording" else "realisations"
    low, high = float(cell.location_low), float(cell.location_high)
    if np.isfinite(low):
        notes.append(f"95{tie}% interval over {noun} {told(low)} to {told(high)}{unit if is_relative else ''}")
    elif np.isfinite(float(cell.location_within_low)):
        within = f"{told(cell.location_within_low)} to {told(cell.location_within_high)}{unit if is_relative else ''}"
        notes.append(f"95{tie}% interval {str(cell.location_over.values).partition(' (')[0]} {within}")
    elif min(first or n, n) < MINIMUM:
        notes.append("no interval")
    if np.isfinite(float(cell.change_p)):
        notes.append(f"p of no change: {number(cell.change_p)} ({number(cell.change_p_holm)} after Holm)")
    if asked.equivalence is not None and np.isfinite(float(cell.equivalence_p)):
        near = f"{asked.equivalence.around:g} ± {asked.equivalence.margin:g}"
        notes.append(f"p of not being within {near}: {number(cell.equivalence_p)} ({number(cell.equivalence_p_holm)} after Holm)")
    return f"{'change of ' if is_change else ''}{told(cell.location)}{spread}{unit} ({', '.join(notes)})"
