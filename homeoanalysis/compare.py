"""compare: measures of a study's sources -> how far each candidate is from each target (comparison/1).

Everything is compared at equal footing. For each draw the target is one random half of its own recording,
and what stands against it has the length of the other half: the other half itself ("data", the best attainable),
its surrogate ("null", the worst case), or half of a model's run, with as many units and replicates as the target.
"""

import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.study import Contrast
from homeoanalysis.contracts import COMPARISON, check, groups, open_dataset
from homeoanalysis.errors import HomeoError
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.provenance import rng_for

_log = logging.getLogger(__name__)
REFERENCES = ("null", "data")


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


class NotComparable(HomeoError):
    """Why a contrast cannot be formed."""


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
    fitted: source -> metrics that were set from the data. Returns comparison/1.
    """
    candidates = [*REFERENCES, *dict.fromkeys(c for listed in targets.values() for c in listed)]
    sources = list(dict.fromkeys(s for by_source in measures.values() for s in by_source))
    result = _empty(list(targets), list(contrasts), list(measures), candidates, sources)
    for (target, listed), (contrast_name, contrast) in ((t, c) for t in targets.items() for c in contrasts.items()):
        for label, by_source in measures.items():
            at = dict(target=target, contrast=contrast_name, metric=label)
            for source in sources:
                _locate(result, {**at, "source": source}, by_source[source].estimate, contrast, label)
            for candidate in candidates:
                cell = {**at, "candidate": candidate}
                if candidate not in (*REFERENCES, *listed):
                    _refuse(result, cell, f"not a candidate for {target}")
                    continue
                rng = rng_for(seed, "compare", target, contrast_name, label, candidate)
                try:
                    drawn = _discrepancies(by_source, target, candidate, contrast, label, rng)
                except NotComparable as reason:
                    _refuse(result, cell, str(reason))
                    continue
                result.discrepancy.loc[cell] = np.median(drawn)
                result.within_low.loc[cell], result.within_high.loc[cell] = np.quantile(drawn, [0.025, 0.975])
                result.comparable.loc[cell] = 1
                if candidate == "data":
                    result.ceiling.loc[at] = np.quantile(drawn, 0.95)
                if candidate not in REFERENCES:
                    low, high = _subject_interval(by_source, target, candidate, contrast)
                    result.discrepancy_low.loc[cell], result.discrepancy_high.loc[cell] = low, high
                    metric = by_source[candidate].estimate.attrs["metric"]
                    result.fitted.loc[cell] = int(metric in fitted.get(candidate, []))
            _judge(result, at)
    units = [next(iter(by_source.values())).estimate for by_source in measures.values()]
    result = result.assign_coords(unit=("metric", [m[m.attrs["metric"]].attrs["units"] for m in units]))
    result.attrs = {"schema": "comparison/1", "study": study}
    _log.info("compared %d sources in %d contrasts and %d metrics", len(sources), len(contrasts), len(measures))
    return check(result, "comparison/1")


def _empty(targets: list[str], contrasts: list[str], metrics: list[str], candidates: list[str], sources: list[str]) -> xr.Dataset:
    coordinates = {"target": targets, "contrast": contrasts, "metric": metrics, "candidate": candidates, "source": sources}
    variables = {}
    for name, declared in COMPARISON.items():
        shape = tuple(len(coordinates[d]) for d in declared.dims)
        attributes = {"long_name": declared.long_name}
        if declared.units is None:
            variables[name] = (declared.dims, np.full(shape, "", dtype=object), attributes)
        elif name in ("comparable", "fitted", "n_subjects"):
            variables[name] = (declared.dims, np.zeros(shape, np.int64), {**attributes, "units": "1"})
        else:
            units = "see coordinate unit" if declared.units == "*" else declared.units
            variables[name] = (declared.dims, np.full(shape, np.nan), {**attributes, "units": units})
    return xr.Dataset(variables, coords=coordinates)


def _refuse(result: xr.Dataset, cell: dict[str, str], reason: str) -> None:
    result.reason.loc[cell] = reason


def _judge(result: xr.Dataset, at: dict[str, str]) -> None:
    """A verdict only where the recording can tell itself from its surrogates."""
    ceiling, floor = float(result.ceiling.loc[at]), float(result.discrepancy.loc[{**at, "candidate": "null"}])
    for candidate in result.candidate.values:
        cell = {**at, "candidate": candidate}
        if not int(result.comparable.loc[cell]):
            verdict = "not comparable"
        elif candidate in REFERENCES:
            verdict = "reference"
        elif int(result.fitted.loc[cell]):
            verdict = "fitted"
        elif not floor > ceiling:
            verdict = "undecided: the target's halves differ as much as its surrogates"
        else:
            verdict = "matches" if float(result.discrepancy.loc[cell]) <= ceiling else "differs"
        result.verdict.loc[cell] = verdict


# ---- from a measure to the values that a contrast compares


def _table(measured: xr.Dataset, contrast: Contrast) -> dict[str, xr.DataArray]:
    """Replicate -> values, for each replicate that the contrast selects; values keep unit, frequency and draw."""
    name = measured.attrs["metric"]
    missing = json.loads(measured.attrs["not_applicable"])
    values = measured[name]
    if "epoch" in values.dims:
        if contrast.epoch is None:
            raise NotComparable("the contrast names no epoch")
        for label in filter(None, (contrast.epoch, contrast.reference)):
            if label not in measured.epoch.values:
                raise NotComparable(f"no such epoch: {label}")
    found, reasons = {}, []
    for replicate, factors in zip(measured.replicate.values.tolist(), measured.factors.values, strict=True):
        levels = json.loads(str(factors))
        if any(levels.get(k) != v for k, v in contrast.where.items()):
            continue
        if replicate in missing:
            reasons.append(missing[replicate])
        elif "unit" in values.dims:
            found[replicate] = values.isel(unit=measured.unit_replicate.values == replicate)
        else:
            found[replicate] = values.sel(replicate=replicate).expand_dims("unit")
    if not found:
        asked = ", ".join(f"{k} = {v}" for k, v in contrast.where.items())
        raise NotComparable(reasons[0] if reasons else f"no replicate with {asked}")
    if "epoch" not in values.dims and contrast.reference is not None:
        raise NotComparable("the metric is not taken per epoch")
    return found


def _random_mean(values: xr.DataArray, dim: str, n: int | None, rng: np.random.Generator | None) -> xr.DataArray:
    """The mean along `dim`; in each draw of only `n` random members, where there are more."""
    size = values.sizes[dim]
    if n is None or rng is None or n >= size:
        return values.mean(dim, skipna=True)
    chosen = rng.permuted(np.tile(np.arange(size), (values.sizes["draw"], 1)), axis=1)[:, :n]
    picked = values.isel(
        {dim: xr.DataArray(chosen, dims=("draw", "chosen")), "draw": xr.DataArray(np.arange(len(chosen)), dims="draw")}
    )
    return picked.mean("chosen", skipna=True)


def _change(after: xr.DataArray, before: xr.DataArray, scale: str) -> xr.DataArray:
    return (after - before) / before if scale == "relative" else after - before


def _sides(contrast: Contrast) -> list[Contrast]:
    """The contrast itself, or the one of each level that it compares."""
    if contrast.between is None:
        return [contrast]
    factor = contrast.between.factor
    return [
        contrast.model_copy(update={"between": None, "where": {**contrast.where, factor: v}}) for v in contrast.between.levels
    ]


def _contrasted(
    measured: xr.Dataset, contrast: Contrast, scale: str, like: tuple[int, int] = (0, 0), rng: np.random.Generator | None = None
) -> dict[str, xr.DataArray]:
    """The contrast of each selected replicate, averaged over units (in each draw, over as many as `like`[1])."""
    if contrast.between is not None:
        before, after = (_mean(_contrasted(measured, side, scale, like, rng), like, rng) for side in _sides(contrast))
        return {"all": _change(after, before, scale)}
    found = {}
    for replicate, values in _table(measured, contrast).items():
        mine = _random_mean(values, "unit", like[1] or None, rng)
        if "epoch" in mine.dims:
            now = mine.sel(epoch=contrast.epoch)
            mine = now if contrast.reference is None else _change(now, mine.sel(epoch=contrast.reference), scale)
        found[replicate] = mine.drop_vars([c for c in mine.coords if c not in mine.dims])
    return found


def _mean(table: dict[str, xr.DataArray], like: tuple[int, int] = (0, 0), rng: np.random.Generator | None = None) -> xr.DataArray:
    joined = xr.concat(list(table.values()), "replicate", join="outer", coords="minimal")
    return _random_mean(joined, "replicate", like[0] or None, rng)


def _shape(measured: xr.Dataset, contrast: Contrast) -> tuple[int, int]:
    """How many replicates and units the target has in this contrast (in its smaller level)."""
    sizes = [[v.sizes["unit"] for v in _table(measured, side).values()] for side in _sides(contrast)]
    return min(len(s) for s in sizes), min(min(s) for s in sizes)


def _distance(candidate: xr.DataArray, target: xr.DataArray, norm: xr.DataArray | float) -> xr.DataArray:
    """Root mean square of the difference, over what is left but draws (frequency)."""
    difference = (candidate - target) / norm
    rest = [d for d in difference.dims if d != "draw"]
    if difference.size == 0 or bool(difference.isnull().all()):
        raise NotComparable("no value in common")
    return (difference**2).mean(rest, skipna=True) ** 0.5


def _norm(truth: xr.Dataset, target: str, contrast: Contrast, scale: str) -> xr.DataArray | float:
    """What a difference is divided by: the target's own value for a relative metric, 1 for a change or a linear one."""
    if scale != "relative" or contrast.reference is not None or contrast.between is not None:
        return 1.0
    norm = abs(_mean(_contrasted(truth, contrast, scale)))
    if not bool((norm > 0).all()):
        raise NotComparable(f"{target} is 0 or undefined, a ratio to it means nothing")
    return norm


def _discrepancies(
    by_source: Mapping[str, Measured], target: str, candidate: str, contrast: Contrast, label: str, rng: np.random.Generator
) -> np.ndarray:
    """The distance of the candidate from the target in each draw."""
    if label not in contrast.metrics:
        raise NotComparable("the contrast does not ask for this metric")
    truth = by_source[target]
    scale = catalogue.load("metrics", truth.estimate.attrs["metric"]).scale
    if scale is None:
        raise NotComparable("a descriptive metric")
    other = by_source[target if candidate in REFERENCES else candidate]
    for name, measured in ((target, truth), (candidate, other)):
        try:
            _contrasted(measured.estimate, contrast, scale)
        except NotComparable as reason:
            raise NotComparable(f"{reason} (in {name})") from None
    norm = _norm(truth.estimate, target, contrast, scale)
    left = _mean(_contrasted(truth.draws["half_a"], contrast, scale))
    # A reference is the same cells in the same draw; a model is any of its cells, as many as the target has.
    like = (0, 0) if candidate in REFERENCES else _shape(truth.estimate, contrast)
    drawn = other.draws["null" if candidate == "null" else "half_b"]
    right = _mean(_contrasted(drawn, contrast, scale, like, rng), like, rng)
    both = xr.align(right, left, join="inner")
    distance = _distance(*both, norm).values
    if not np.all(np.isfinite(distance)):
        raise NotComparable(f"undefined in {np.sum(~np.isfinite(distance))} of {distance.size} draws")
    return np.asarray(distance)


def _by_subject(table: Mapping[str, Any], measured: xr.Dataset) -> np.ndarray:
    """One number for each subject: the mean of its replicates."""
    subjects = dict(zip(measured.replicate.values.tolist(), measured.subject.values.tolist(), strict=True))
    found: dict[str, list[float]] = {}
    for replicate, value in table.items():
        found.setdefault(subjects.get(replicate, replicate), []).append(float(value))
    return np.array([np.mean(values) for values in found.values()])


def _subject_interval(by_source: Mapping[str, Measured], target: str, candidate: str, contrast: Contrast) -> tuple[float, float]:
    """95 % t interval of the distance over the target's subjects; NaN below 4 of them."""
    truth = by_source[target].estimate
    scale = catalogue.load("metrics", truth.attrs["metric"]).scale
    table = _contrasted(truth, contrast, scale)
    model = _mean(_contrasted(by_source[candidate].estimate, contrast, scale))
    norm = _norm(truth, target, contrast, scale)
    distance = _by_subject({r: _distance(model, values, norm) for r, values in table.items()}, truth)
    if distance.size < 4:
        return np.nan, np.nan
    width = t_quantile(0.95, distance.size - 1) * distance.std(ddof=1) / np.sqrt(distance.size)
    return float(distance.mean() - width), float(distance.mean() + width)


def _locate(result: xr.Dataset, cell: dict[str, str], estimate: xr.Dataset, contrast: Contrast, label: str) -> None:
    """Mean and standard deviation over subjects of the contrast's value, averaged over frequency."""
    if label not in contrast.metrics:
        return
    scale = catalogue.load("metrics", estimate.attrs["metric"]).scale or "linear"
    try:
        table = _contrasted(estimate, contrast, scale)
    except NotComparable:
        return
    each = _by_subject({replicate: values.mean(skipna=True) for replicate, values in table.items()}, estimate)
    result.location.loc[cell] = each.mean()
    result.spread.loc[cell] = each.std(ddof=1) if each.size > 1 else np.nan
    result.n_subjects.loc[cell] = each.size
