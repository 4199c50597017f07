"""compare: measures of a study's sources -> how far each candidate is from each target (comparison/1).

Everything is compared at equal footing. For each draw the target is one random half of its own recording,
and what stands against it has the length of the other half: the other half itself ("data", the best attainable),
its surrogate ("null", the worst case), or half of a model's run, with as many units and replicates as the target.
"""

import itertools
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.compare.contrasts import (
    NotComparable,
    by_subject,
    contrasted,
    is_change,
    mean,
    no_value,
    refuse_censored,
    shape,
    unit_of,
    with_companion,
    with_pairing,
)
from homeoanalysis.compare.scores import add_scores, place
from homeoanalysis.compare.subjects import interval, located
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts import COMPARISON, check, groups, open_dataset
from homeoanalysis.contracts.schemas import NO_DATA, NOT_ASKED, SCORES
from homeoanalysis.numerics.multiple import holm
from homeoanalysis.provenance import rng_for

_log = logging.getLogger(__name__)
REFERENCES = ("null", "data")
MOST_SHIFT = 0.5  # of the best attainable: what halves may do to target and candidate differently, before it can decide


class Shift(NamedTuple):
    """How far the halves lie from the whole, for the target and the candidate, and how differently (root mean square)."""

    target: float
    candidate: float
    difference: float


class Measured(NamedTuple):
    """One metric of one source: the estimate, and its draws ("half_a", "half_b", "null"; empty if never compared)."""

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
) -> xr.Dataset:
    """Compare the sources of a study.

    measures: metric label -> source -> measures. targets: source held to be the truth -> candidates.
    fitted: source -> metrics, and contrasts, that were set from the data. Returns comparison/1.
    """
    candidates = [*REFERENCES, *dict.fromkeys(c for listed in targets.values() for c in listed)]
    sources = list(dict.fromkeys(s for by_source in measures.values() for s in by_source))
    members = sorted({str(s) for by_source in measures.values() for m in by_source.values() for s in m.estimate.subject.values})
    result = _empty(list(targets), list(contrasts), list(measures), candidates, sources, members)
    for (name, contrast), (label, by_source) in itertools.product(contrasts.items(), measures.items()):
        for source in sources:
            cell = dict(contrast=name, metric=label, source=source)
            _locate(result, cell, by_source[source].estimate, contrast, label)
    for (target, listed), (contrast_name, contrast) in itertools.product(targets.items(), contrasts.items()):
        for label, by_source in measures.items():
            at = dict(target=target, contrast=contrast_name, metric=label)
            shifts: dict[str, Shift] = {}
            for candidate in candidates:
                cell = {**at, "candidate": candidate}
                if candidate not in (*REFERENCES, *listed):
                    result.reason.loc[cell] = NOT_ASKED[1] + target if candidate != target else NOT_ASKED[2]
                    continue
                rng = rng_for(seed, "compare", target, contrast_name, label, candidate)
                try:
                    drawn = _discrepancies(by_source, target, candidate, contrast, label, rng)
                except NotComparable as reason:
                    result.reason.loc[cell] = str(reason)
                    continue
                result.discrepancy.loc[cell] = np.median(drawn)
                result.within_low.loc[cell], result.within_high.loc[cell] = np.quantile(drawn, [0.025, 0.975])
                result.comparable.loc[cell] = 1
                if candidate == "data":
                    result.ceiling.loc[at] = np.quantile(drawn, 0.95)
                elif candidate == "null":
                    result.null_location.loc[at] = _null_location(by_source[target], contrast)
                else:
                    shifts[candidate] = _shift(by_source, target, candidate, contrast)
                    low, high = _subject_interval(by_source, target, candidate, contrast)
                    result.discrepancy_low.loc[cell], result.discrepancy_high.loc[cell] = low, high
                    metric = by_source[candidate].estimate.attrs["metric"]
                    result.fitted.loc[cell] = int(bool({metric, contrast_name} & set(fitted.get(candidate, []))))
            _judge(result, at, contrast, shifts)
            estimates = {source: by_source[source].estimate for source in sources}
            null, rng = by_source[target].draws.get("null"), rng_for(seed, "scores", target, contrast_name, label)
            add_scores(result, at, estimates, null, contrast, _scale(estimates[target]), rng)
            place(result, at)
    _adjust(result)
    units = [[[_unit(by[s].estimate, c) for s in sources] for by in measures.values()] for c in contrasts.values()]
    shape_of_units = len(contrasts), len(measures), len(sources)
    result = result.assign_coords(unit=(("contrast", "metric", "source"), np.array(units, str).reshape(shape_of_units)))
    result.attrs = {"schema": "comparison/1", "study": study}
    _log.info("compared %d sources in %d contrasts and %d metrics", len(sources), len(contrasts), len(measures))
    return check(result, "comparison/1")


def _empty(
    targets: list[str], contrasts: list[str], metrics: list[str], candidates: list[str], sources: list[str], subjects: list[str]
) -> xr.Dataset:
    coordinates = {"target": targets, "contrast": contrasts, "metric": metrics, "candidate": candidates, "source": sources}
    coordinates |= {"score_name": list(SCORES), "subject": subjects}
    variables = {}
    for name, declared in COMPARISON.items():
        dims = tuple(len(coordinates[d]) for d in declared.dims)
        attributes = {"long_name": declared.long_name}
        if declared.units is None:
            variables[name] = (declared.dims, np.full(dims, "", dtype=object), attributes)
        elif name in ("comparable", "fitted") or name.startswith("n_"):
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


def _adjust(result: xr.Dataset) -> None:
    """For the number of tests of each source; a location, and so its test, is the same for all targets."""
    for name in ("change_p", "equivalence_p"):
        for source in result.source.values:
            p = result[name].sel(source=source).isel(target=slice(0, 1)).values
            result[f"{name}_holm"].loc[{"source": source}] = holm(p.ravel()).reshape(p.shape)


def _judge(result: xr.Dataset, at: dict[str, str], contrast: Contrast, shifts: Mapping[str, Shift]) -> None:
    """A verdict only where the recording can tell itself from its surrogates, and halves tell of the whole."""
    ceiling, null = float(result.ceiling.loc[at]), float(result.discrepancy.loc[{**at, "candidate": "null"}])
    lacking = str(result.location_reason.loc[{**at, "source": at["target"]}].values)
    for candidate in result.candidate.values:
        cell = {**at, "candidate": candidate}
        if not int(result.comparable.loc[cell]):
            # A claim about what was not recorded is open, not wrong.
            verdict = "untestable" if contrast.without_data and lacking.startswith(NO_DATA) else "not comparable"
        elif candidate in REFERENCES:
            verdict = "reference"
        elif int(result.fitted.loc[cell]):
            verdict = "fitted"
        elif np.isnan(null):
            verdict = "undecided: the target's surrogates have no value"
        elif not null > ceiling:
            verdict = "undecided: the target's halves differ as much as its surrogates"
        elif _could_turn(discrepancy := float(result.discrepancy.loc[cell]), ceiling, shifts[candidate].difference):
            one, other, apart = shifts[candidate]
            verdict = (
                f"undecided: halves, cut in blocks, shift the value of {at['target']} by {one:+.2g} and that of {candidate} by "
                f"{other:+.2g}, {apart:.2g} apart where the best attainable is {ceiling:.2g}; make resampling.block longer"
            )
        else:
            verdict = "matches" if discrepancy <= ceiling else "differs"
        result.verdict.loc[cell] = verdict


def _could_turn(discrepancy: float, ceiling: float, shift: float) -> bool:
    """Whether the wholes, which are at most `shift` closer or further apart than the halves, could have the other verdict."""
    return shift > MOST_SHIFT * ceiling and discrepancy - shift <= ceiling < discrepancy + shift


# ---- distances


def _distance(candidate: xr.DataArray, target: xr.DataArray, norm: xr.DataArray | float) -> xr.DataArray:
    """Root mean square of the difference, over what is left but draws (frequency)."""
    difference = (candidate - target) / norm
    rest = [d for d in difference.dims if d != "draw"]
    if difference.size == 0 or bool(difference.isnull().all()):
        raise NotComparable("no value in common")
    return (difference**2).mean(rest, skipna=True) ** 0.5


def _norm(truth: xr.Dataset, target: str, contrast: Contrast, scale: str) -> xr.DataArray | float:
    """What a difference is divided by: the target's own value for a relative metric, 1 for a change or a linear one."""
    if scale != "relative" or is_change(contrast):
        return 1.0
    norm = abs(mean(contrasted(truth, contrast, scale)))
    if not bool((norm > 0).all()):
        raise NotComparable(f"{target} is 0 or undefined, a ratio to it means nothing")
    return norm


def _discrepancies(
    by_source: Mapping[str, Measured], target: str, candidate: str, contrast: Contrast, label: str, rng: np.random.Generator
) -> np.ndarray:
    """The distance of the candidate from the target in each draw."""
    if label not in contrast.metrics:
        raise NotComparable(NOT_ASKED[0])
    if contrast.trend is not None:
        raise NotComparable("a trend is located in each source, and not compared")
    if contrast.companion:
        raise NotComparable("a companion is located in each source, and not compared")
    truth = by_source[target]
    scale = _scale(truth.estimate)
    if scale is None:
        raise NotComparable("a descriptive metric")
    if not truth.draws:
        raise NotComparable("the study makes no draws, and judges nothing")
    other = by_source[target if candidate in REFERENCES else candidate]
    contrast = _paired_alike({target: truth.estimate, candidate: other.estimate}, contrast, scale)
    drawn = other.draws["null" if candidate == "null" else "half_b"]
    theirs, its = _unit(other.estimate, contrast), _unit(truth.estimate, contrast)
    if theirs != its:
        raise NotComparable(f"{candidate} is in {theirs}, and {target} in {its}")
    for measured, draws in ((truth.estimate, truth.draws["half_a"]), (other.estimate, drawn)):
        refuse_censored(measured, contrast, [draws])
    norm = _norm(truth.estimate, target, contrast, scale)
    left = mean(contrasted(truth.draws["half_a"], contrast, scale))
    # A reference is the same cells in the same draw; a model is any of its cells, as many as the target has.
    like = (0, 0) if candidate in REFERENCES else shape(truth.estimate, contrast)
    right = mean(contrasted(drawn, contrast, scale, like, rng), like, rng)
    both = xr.align(right, left, join="inner")
    distance = _distance(*both, norm).values
    if not np.all(np.isfinite(distance)):
        raise NotComparable(f"undefined in {np.sum(~np.isfinite(distance))} of {distance.size} draws")
    return np.asarray(distance)


def _paired_alike(estimates: Mapping[str, xr.Dataset], contrast: Contrast, scale: str) -> Contrast:
    """The contrast with its pairing, which must be that of both; raises NotComparable where it cannot be formed in one."""
    found = []
    for name, estimate in estimates.items():
        try:
            found.append(with_pairing(estimate, contrast))
            if all(bool(v.isnull().all()) for v in contrasted(estimate, found[-1], scale).values()):
                raise no_value(estimate)
        except NotComparable as reason:
            raise NotComparable(f"{reason} (in {name})") from None
    if any(other != found[0] for other in found):
        is_paired = [c.between is not None and bool(c.between.paired) for c in found]
        told = [
            f"{'the same' if paired else 'different'} subjects in {n}" for n, paired in zip(estimates, is_paired, strict=True)
        ]
        raise NotComparable(f"the two levels are of {', but of '.join(told)}; write `paired: false` in the contrast")
    return found[0]


def _null_location(truth: Measured, contrast: Contrast) -> float:
    """Where the surrogates lie: the median over draws, averaged over frequency."""
    contrast = with_pairing(truth.estimate, contrast)
    values = mean(contrasted(truth.draws["null"], contrast, str(_scale(truth.estimate))))
    return float(values.mean([d for d in values.dims if d != "draw"], skipna=True).median())


def _shift(by_source: Mapping[str, Measured], target: str, candidate: str, contrast: Contrast) -> Shift:
    """What being cut in blocks does to a value, in the unit of the discrepancy. A bias that both share is no difference."""
    truth = by_source[target].estimate
    scale = str(_scale(truth))
    contrast = with_pairing(truth, contrast)
    norm = _norm(truth, target, contrast, scale)
    shifts = []
    for source in (target, candidate):
        halves = [mean(contrasted(by_source[source].draws[kind], contrast, scale)) for kind in ("half_a", "half_b")]
        whole = mean(contrasted(by_source[source].estimate, contrast, scale))
        shifts.append(xr.concat(halves, "draw").mean("draw", skipna=True) - whole)
    difference = _distance(shifts[1], shifts[0], norm)
    of_target, of_candidate = (float((shift / norm).mean(skipna=True)) for shift in shifts)
    return Shift(of_target, of_candidate, float(difference))


def _subject_interval(by_source: Mapping[str, Measured], target: str, candidate: str, contrast: Contrast) -> tuple[float, float]:
    """95 % t interval of the distance over the target's subjects; NaN below 4 of them, and where a change is of no subject."""
    truth = by_source[target].estimate
    scale = str(_scale(truth))
    contrast = with_pairing(truth, contrast)
    if contrast.between is not None and not contrast.between.paired:
        return np.nan, np.nan
    model = mean(contrasted(by_source[candidate].estimate, contrast, scale))
    norm = _norm(truth, target, contrast, scale)
    distances: dict[tuple[str, str], xr.DataArray] = {}
    for cell, values in contrasted(truth, contrast, scale).items():
        if bool(values.notnull().any()):
            distances[cell] = _distance(model, values, norm)
    return interval(np.array([float(values) for values in by_subject(distances).values()]))
