"""The verdicts of a study in words, and what was not judged, with the reason."""

import json
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.study import Study
from homeoanalysis.numerics.summaries import MINIMUM
from homeoanalysis.report.text import Measures, briefly, interval, number, percent, units

_ANY = "*"  # in a trace: all of that dimension
_LOG, _OF_MEAN = "log ratio", "of the target's mean"  # units of the difference of a relative metric


class Verdict(NamedTuple):
    """One cell of the comparison that the study asks for, in words; "–" where there is nothing to tell."""

    target: str
    contrast: str
    metric: str
    candidate: str
    verdict: str
    numbers: str  # the difference in a sentence
    locations: str  # both values
    reason: str
    trace: str
    difference: str
    interval: str
    margin: str
    over: str
    needed: str
    effect_size: str
    predictive: str
    diagnosis: str  # what halves and surrogates of the target say
    caution: str


class Effect(NamedTuple):
    """What a contrast is in one source, in words."""

    contrast: str
    meaning: str
    metric: str
    source: str
    value: str
    trace: str


def effects(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Effect]:
    """The location of each contrast in each source that has one."""
    for contrast, asked in study.contrasts.items():
        for label in (m for m in study.metrics if m in asked.metrics):
            for source in (s for s in comparison.source.values.tolist() if s in measures[label]):
                cell = comparison.sel(contrast=contrast, metric=label, source=source)
                if np.isfinite(float(cell.location)):
                    estimate = measures[label][source]
                    yield Effect(
                        contrast=contrast,
                        meaning=_meaning(asked),
                        metric=briefly(label, measures),
                        source=source,
                        value=located(cell, asked, estimate),
                        trace=f"[{contrast}, {label}, {_ANY}]",
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
    """Every cell that the study asks for, judged or with the reason why not; of a target alone, what is left open."""
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                for candidate in listed or comparison.candidate.values.tolist()[:1]:
                    told = _tell_verdict(asked, comparison, measures, (target, contrast, label, candidate))
                    if listed:
                        yield told
                    elif told.verdict == "untestable":
                        cell = comparison.sel(contrast=contrast, metric=label, source=target)
                        yield told._replace(candidate=target, reason=str(cell.location_reason.values))


def _tell_verdict(asked: Contrast, comparison: xr.Dataset, measures: Measures, at: tuple[str, str, str, str]) -> Verdict:
    target, contrast, label, candidate = at
    row = comparison.sel(target=target, contrast=contrast, metric=label)
    cell = row.sel(candidate=candidate)
    is_judged = bool(int(cell.comparable))
    both = (candidate, target) if is_judged else ()
    return Verdict(
        target=target,
        contrast=contrast,
        metric=briefly(label, measures),
        candidate=candidate,
        verdict=str(cell.verdict.values),
        numbers=_tell_difference(cell) if is_judged else "",
        locations="; ".join(f"{s}: {located(row.sel(source=s), asked, measures[label][s])}" for s in both),
        reason=str(cell.reason.values),
        trace=f"[{target}, {contrast}, {label}, {candidate}]",
        difference=_tell_ends(cell, ["difference"]),
        interval=_tell_ends(cell, ["difference_low", "difference_high"]),
        margin=_tell_ends(cell, ["margin_low", "margin_high"]),
        over=str(cell.difference_over.values),
        needed=_tell_needed(cell),
        effect_size=f"{number(cell.hedges_g)} ({interval(cell.hedges_g_low, cell.hedges_g_high)})",
        predictive=f"{number(cell.predictive_p)} (least possible {number(cell.predictive_p_least)})",
        diagnosis=_diagnose(cell),
        caution=_caution(comparison, measures, at) if str(cell.verdict.values) == "agrees" else "",
    )


def _tell_ends(cell: xr.Dataset, names: list[str]) -> str:
    """One number, or two as an interval; ratios as such, parts of the target's mean in percent. A dash where there is none."""
    values = np.array([float(cell[name]) for name in names])
    if not np.isfinite(values).all():
        return "–"
    unit = str(cell.difference_unit.values)
    if unit == _LOG:
        return " to ".join(map(number, np.exp(values)))
    if unit == _OF_MEAN:
        of = f" {unit}" if names == ["difference"] else ""
        return f"{' to '.join(map(percent, values))}\N{NO-BREAK SPACE}%{of}"
    return f"{' to '.join(map(number, values))}{units(unit)}"


def _tell_difference(cell: xr.Dataset) -> str:
    """The difference, the interval that decided, the margin, and what is missing."""
    agrees = str(cell.verdict.values) == "agrees"
    ends = ["difference_low_90", "difference_high_90"] if agrees else ["difference_low", "difference_high"]
    what = "ratio" if str(cell.difference_unit.values) == _LOG else "difference"
    within, margin = _tell_ends(cell, ends), _tell_ends(cell, ["margin_low", "margin_high"])
    source = str(cell.margin_from.values)
    notes = ["no interval" if within == "–" else f"{90 if agrees else 95} % interval {within}"]
    notes += [f"no margin: {source.removeprefix('none: ')}" if margin == "–" else f"margin {margin}, {source}"]
    told = f"{what} {_tell_ends(cell, ['difference'])} ({'; '.join(notes)}), {cell.difference_over.values}."
    needed = _tell_needed(cell)
    if not needed:
        return told
    would = "" if within == "–" else " would decide"
    return f"{told} {needed[0].upper()}{needed[1:]}{would}."


def _tell_needed(cell: xr.Dataset) -> str:
    """What would decide; without an interval, what an interval needs."""
    needed = str(cell.needed.values)
    has_interval = np.isfinite(float(cell.difference_low))
    return needed if has_interval or not needed else f"an interval needs {needed}"


def _diagnose(cell: xr.Dataset) -> str:
    """How far the target agrees with itself, and whether it is told from its surrogates, where the study asks for that."""
    told = []
    if np.isfinite(float(cell.noise_ceiling)):
        told.append(f"two halves of the target lie {number(cell.noise_ceiling)} apart")
    if np.isfinite(float(cell.surrogate_p)):
        told.append(f"p among its surrogates {number(cell.surrogate_p)}")
    return "; ".join(told)


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
    return f"Caution: it is computed from {' and '.join(told)}; errors that cancel can look like agreement" if told else ""


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
    elif np.isinf(float(cell.location_within_low)):
        notes.append("no interval: the metric withholds it")
    elif min(first or n, n) < MINIMUM:
        notes.append("no interval")
    if np.isfinite(float(cell.change_p)):
        notes.append(f"p of no change: {number(cell.change_p)} ({number(cell.change_p_holm)} after Holm)")
    if asked.equivalence is not None and np.isfinite(float(cell.equivalence_p)):
        near = f"{asked.equivalence.around:g} ± {asked.equivalence.margin:g}"
        notes.append(f"p of not being within {near}: {number(cell.equivalence_p)} ({number(cell.equivalence_p_holm)} after Holm)")
    return f"{'change of ' if is_change else ''}{told(cell.location)}{spread}{unit} ({', '.join(notes)})"
