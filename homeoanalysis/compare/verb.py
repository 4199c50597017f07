"""compare: the measures of a study's sources -> what each contrast is in them, and which candidates agree (comparison/2).

A candidate is judged by its difference from the target: an interval over subjects and realisations, and the smallest difference
that matters (the margin). It agrees, it differs, or it cannot be told. Where the study asks for draws, random halves and
surrogates of the targets say how far the recordings agree with themselves; they decide nothing.
"""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.compare.contrasts import NotComparable, unit_of, with_companion
from homeoanalysis.compare.differences import (
    Source,
    compare_sources,
    describe_draws,
)
from homeoanalysis.compare.scores import score_candidate
from homeoanalysis.compare.subjects import located
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts import COMPARISON, check, groups, open_dataset
from homeoanalysis.contracts.schemas import NO_DATA, NOT_ASKED
from homeoanalysis.numerics.multiple import holm
from homeoanalysis.provenance import rng_for

_log = logging.getLogger(__name__)
_COUNTS = ("comparable", "fitted", "n_subjects", "n_first", "n_left_out")


class Measured(NamedTuple):
    """One metric of one source: the estimate, and its draws ("half_a", "half_b", "null"), where the study asks for them."""

    estimate: xr.Dataset
    draws: Mapping[str, xr.Dataset]


def open_measures(keys: Iterable[Sequence[str]], paths: Iterable[Path | str]) -> dict[str, dict[str, Measured]]:
    """Read measure files into label -> source -> Measured. keys: (label, source) of each path."""
    found: dict[str, dict[str, Measured]] = {}
    for (label, source), path in zip(keys, paths, strict=True):
        draws = {g: open_dataset(path, g) for g in groups(path) if g}
        found.setdefault(label, {})[source] = Measured(open_dataset(path), draws)
    return found


def compare(
    measures: Mapping[str, Mapping[str, Measured]],
    *,
    contrasts: Mapping[str, Contrast],
    targets: Mapping[str, list[str]],
    fitted: Mapping[str, list[str]],
    study: str,
    seed: int,
    margin: str | None = None,
) -> xr.Dataset:
    """Compare the sources of a study.

    measures: metric label -> source -> measures. targets: source held to be the truth -> candidates.
    fitted: source -> metrics, and contrasts, that were set from the data. margin: the smallest relative difference that
    matters, where a contrast states none. Returns comparison/2.
    """
    sources = list(dict.fromkeys(s for by_source in measures.values() for s in by_source))
    candidates = list(dict.fromkeys(c for listed in targets.values() for c in listed)) or sources
    members = sorted({str(s) for by_source in measures.values() for m in by_source.values() for s in m.estimate.subject.values})
    result = _empty(list(targets), list(contrasts), list(measures), candidates, sources, members)
    for (name, contrast), (label, by_source) in itertools.product(contrasts.items(), measures.items()):
        for source in sources:
            cell = dict(contrast=name, metric=label, source=source)
            _locate(result, cell, by_source[source].estimate, contrast, label)
    for (target, listed), (name, contrast), label in itertools.product(targets.items(), contrasts.items(), measures):
        at = dict(target=target, contrast=name, metric=label)
        by_source = measures[label]
        _describe(result, at, by_source[target], contrast)
        for candidate in candidates:
            cell = {**at, "candidate": candidate}
            try:
                if candidate not in listed:
                    raise NotComparable(NOT_ASKED[1] + target if candidate != target else NOT_ASKED[2])
                names = {by_source[candidate].estimate.attrs["metric"], name}
                is_fitted = bool(names & set(fitted.get(candidate, [])))
                rng = rng_for(seed, "scores", target, name, label, candidate)
                _compare(result, cell, by_source, contrast, label, margin, rng, is_fitted=is_fitted)
            except NotComparable as reason:
                result.reason.loc[cell] = str(reason)
                result.verdict.loc[cell] = _refusal(result, at, contrast)
    _adjust(result)
    units = [[[_unit(by[s].estimate, c) for s in sources] for by in measures.values()] for c in contrasts.values()]
    shape_of_units = len(contrasts), len(measures), len(sources)
    result = result.assign_coords(unit=(("contrast", "metric", "source"), np.array(units, str).reshape(shape_of_units)))
    result.attrs = {"schema": "comparison/2", "study": study}
    _log.info("compared %d sources in %d contrasts and %d metrics", len(sources), len(contrasts), len(measures))
    return check(result, "comparison/2")


def _empty(
    targets: list[str], contrasts: list[str], metrics: list[str], candidates: list[str], sources: list[str], subjects: list[str]
) -> xr.Dataset:
    coordinates = {"target": targets, "contrast": contrasts, "metric": metrics, "candidate": candidates, "source": sources}
    coordinates |= {"subject": subjects}
    variables = {}
    for name, declared in COMPARISON.items():
        dims = tuple(len(coordinates[d]) for d in declared.dims)
        attributes = {"long_name": declared.long_name}
        if declared.units is None:
            variables[name] = (declared.dims, np.full(dims, "", dtype=object), attributes)
        elif name in _COUNTS:
            variables[name] = (declared.dims, np.zeros(dims, np.int64), {**attributes, "units": "1"})
        else:
            units = "see coordinate unit" if declared.units == "*" else declared.units
            variables[name] = (declared.dims, np.full(dims, np.nan), {**attributes, "units": units})
    return xr.Dataset(variables, coords=coordinates)


def _scale(estimate: xr.Dataset) -> str | None:
    scale: str | None = catalogue.load("metrics", estimate.attrs["metric"]).scale
    return scale


def _unit(estimate: xr.Dataset, contrast: Contrast) -> str:
    asked = with_companion(estimate, contrast)
    return unit_of(contrast, _scale(estimate), asked[asked.attrs["metric"]].attrs["units"])


def _locate(result: xr.Dataset, cell: dict[str, str], estimate: xr.Dataset, contrast: Contrast, label: str) -> None:
    """Where the contrast lies in one source, or why it lies nowhere; whatever the target is."""
    if label not in contrast.metrics:
        result.location_reason.loc[cell] = NOT_ASKED[0]
        return
    try:
        found = located(with_companion(estimate, contrast), contrast, _scale(estimate) or "linear")
    except NotComparable as reason:
        result.location_reason.loc[cell] = str(reason)
        return
    values = found._asdict()
    of_subject: Mapping[str, float] = values.pop("of_subject")
    row = [of_subject.get(str(subject), np.nan) for subject in result.subject.values]
    result.subject_location.loc[cell] = row
    for name, value in values.items():
        result[name].loc[cell] = value


def _describe(result: xr.Dataset, at: dict[str, str], measured: Measured, contrast: Contrast) -> None:
    """What halves and surrogates of the target say, where there are any."""
    cell = dict(contrast=at["contrast"], metric=at["metric"], source=at["target"])
    location = float(result.location.loc[cell])
    scale = _scale(measured.estimate)
    if measured.draws and scale is not None and np.isfinite(location) and not contrast.trend and not contrast.companion:
        for name, value in describe_draws(measured.draws, location, contrast, scale).items():
            result[name].loc[at] = value


def _compare(
    result: xr.Dataset,
    cell: dict[str, str],
    by_source: Mapping[str, Measured],
    contrast: Contrast,
    label: str,
    margin: str | None,
    rng: np.random.Generator,
    *,
    is_fitted: bool,
) -> None:
    """Fill the cell of one candidate. Raises NotComparable."""
    if label not in contrast.metrics:
        raise NotComparable(NOT_ASKED[0])
    if contrast.trend is not None:
        raise NotComparable("a trend is located in each source, and not compared")
    if contrast.companion:
        raise NotComparable("a companion is located in each source, and not compared")
    target, candidate = cell["target"], cell["candidate"]
    scale = _scale(by_source[target].estimate)
    if scale is None:
        raise NotComparable("a descriptive metric")
    theirs, its = (_unit(by_source[name].estimate, contrast) for name in (candidate, target))
    if theirs != its:
        raise NotComparable(f"{candidate} is in {theirs}, and {target} in {its}")
    both: list[Source] = []
    for name in (target, candidate):
        at = dict(contrast=cell["contrast"], metric=cell["metric"], source=name)
        low, high = (float(result[f"location_within_{end}"].loc[at]) for end in ("low", "high"))
        both.append(Source(name, by_source[name].estimate, (low, high)))
    comparison, values = compare_sources(both[0], both[1], contrast, scale=scale, unit=its, margin=margin)
    found = comparison._asdict()
    if is_fitted:
        found |= {"verdict": "fitted", "n_needed": np.nan, "needed": ""}
    found |= score_candidate(values[0], values[1], scale, rng)
    for name, value in {**found, "comparable": 1, "fitted": int(is_fitted)}.items():
        result[name].loc[cell] = value


def _refusal(result: xr.Dataset, at: dict[str, str], contrast: Contrast) -> str:
    """A claim about what was not recorded is open, not wrong."""
    cell = dict(contrast=at["contrast"], metric=at["metric"], source=at["target"])
    lacking = str(result.location_reason.loc[cell].values)
    return "untestable" if contrast.without_data and lacking.startswith(NO_DATA) else "not comparable"


def _adjust(result: xr.Dataset) -> None:
    """For the number of tests of each source."""
    for name in ("change_p", "equivalence_p"):
        for source in result.source.values:
            p = result[name].sel(source=source).values
            result[f"{name}_holm"].loc[{"source": source}] = holm(p.ravel()).reshape(p.shape)
