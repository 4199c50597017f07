"""What figures and reports show of a measure: its location, spread and interval in one condition."""

import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.contracts import LABELLED, LONG
from homeoanalysis.contracts.schemas import OWN

MINIMUM = 4  # subjects or units; an interval from fewer says nothing


class Summary(NamedTuple):
    """A metric in one condition: units averaged within a replicate, replicates within a subject, then subjects.

    The arrays keep the dimensions that are left (epoch, frequency, time). `over` says what the interval is of.
    """

    mean: xr.DataArray
    spread: xr.DataArray  # standard deviation over subjects, NaN with one
    low: xr.DataArray
    high: xr.DataArray
    n_subjects: int
    n_units: int  # with a value; 0 for a metric without units
    n_units_all: int  # with a value or without
    over: str


def conditions(estimate: xr.Dataset) -> dict[str, list[str]]:
    """Levels of the factors, in words -> the replicates that have them, numbers in their order. Without factors: one, ""."""
    tie = str.maketrans(" ", "\N{NO-BREAK SPACE}")  # keeps a number with its unit where a label is wrapped
    found: dict[str, list[str]] = {}
    order: dict[str, list[Any]] = {}
    for replicate, factors in zip(estimate.replicate.values, estimate.factors.values, strict=True):
        levels = sorted(json.loads(str(factors)).items())
        words = ", ".join(f"{k} {str(v).translate(tie)}" for k, v in levels)
        found.setdefault(words, []).append(str(replicate))
        order[words] = [(k, _number_first(str(v))) for k, v in levels]
    return {words: found[words] for words in sorted(found, key=order.__getitem__)}


def _number_first(level: str) -> tuple[float, str]:
    """In order of the number that a level begins with; without one at the end, by the alphabet."""
    number = re.match(r"[+-]?\d+(\.\d+)?", level)
    return (float(number[0]) if number else np.inf), level


def cell_types(estimate: xr.Dataset) -> list[str]:
    """The types of the units, where there are several."""
    kinds = sorted(set(estimate.cell_type.values.tolist())) if "cell_type" in estimate.coords else []
    return kinds if len(kinds) > 1 else []


def levels_of(estimate: xr.Dataset, replicate: str) -> dict[str, Any]:
    """The factors of a replicate."""
    found: dict[str, Any] = json.loads(str(estimate.factors.sel(replicate=replicate).values))
    return found


def of_replicate(estimate: xr.Dataset, variable: str, replicate: str) -> xr.DataArray:
    """The values of one replicate, over its units (pairs, channels) if it has any, as `unit`; no other coordinates are kept."""
    values = estimate[variable]
    along = next((d for d in LONG if d in values.dims), None)
    if along is not None:
        values = values.isel({along: estimate[f"{along}_replicate"].values == replicate}).rename({along: "unit"})
    elif "replicate" in values.dims:
        values = values.sel(replicate=replicate, drop=True)
    return values.drop_vars([c for c in values.coords if c not in values.dims])


def _mean(values: xr.DataArray, dim: str) -> xr.DataArray:
    return values.mean(dim, skipna=True) if dim in values.dims else values


def by_subject(estimate: xr.Dataset, replicates: Sequence[str]) -> xr.DataArray:
    """The metric of each subject (subject, ...): mean over its units, then over its replicates."""
    subject_of = dict(zip(estimate.replicate.values.tolist(), estimate.subject.values.tolist(), strict=True))
    values: dict[str, list[xr.DataArray]] = {}
    for replicate in replicates:
        mine = _mean(of_replicate(estimate, estimate.attrs["metric"], replicate), "unit")
        values.setdefault(str(subject_of[replicate]), []).append(mine)
    means = [_mean(_joined(v, "replicate"), "replicate") for v in values.values()]
    return _joined(means, "subject").assign_coords(subject=list(values))


def _counted(values: xr.DataArray, dim: str) -> int:
    """How many along the dimension have a value at all."""
    return int(values.notnull().any([d for d in values.dims if d != dim]).sum()) if dim in values.dims else 0


def _joined(values: list[xr.DataArray], dim: str) -> xr.DataArray:
    return xr.concat(values, dim, join="outer", coords="minimal", compat="equals")


def _deviation(values: xr.DataArray, dim: str) -> xr.DataArray:
    n = values.count(dim)
    squares = ((values - values.mean(dim, skipna=True)) ** 2).sum(dim, skipna=True)
    return (squares / (n - 1).where(n > 1)) ** 0.5


def _t_interval(values: xr.DataArray, dim: str) -> tuple[xr.DataArray, xr.DataArray]:
    from scipy import special  # here, since the config check need not pay

    n = values.count(dim)
    kept = n.where(n >= MINIMUM)
    width = special.stdtrit(kept - 1, 0.975) * _deviation(values, dim) / np.sqrt(kept)
    mean = values.mean(dim, skipna=True)
    return mean - width, mean + width


def summarise(
    estimate: xr.Dataset, replicates: Sequence[str], *, epoch: str | None = None, cell_type: str | None = None
) -> Summary:
    """Location, spread and 95 % interval of the metric in the given replicates (in one epoch, of one type of units).

    The interval is a t interval over subjects from 4 subjects on. Of a single replicate it only says how well this
    recording was measured: the metric's own interval for a single value, else a t interval over units. Of several
    replicates of fewer subjects there is none: units of a few subjects are no independent sample.
    """
    if epoch is not None:
        estimate = estimate.sel(epoch=epoch)
    if cell_type is not None:
        estimate = estimate.isel(unit=estimate.cell_type.values == cell_type)
    name = estimate.attrs["metric"]
    subjects = by_subject(estimate, replicates)
    mean, spread = subjects.mean("subject", skipna=True), _deviation(subjects, "subject")
    each = [of_replicate(estimate, name, r) for r in replicates]
    n_subjects, n_units = _counted(subjects, "subject"), sum(_counted(v, "unit") for v in each)
    n_units_all = sum(v.sizes.get("unit", 0) for v in each)
    nan = xr.full_like(mean, np.nan)
    if n_subjects >= MINIMUM:
        (low, high), over = _t_interval(subjects, "subject"), "over subjects"
    elif len(replicates) == 1 and n_units <= 1 and f"{name}_low" in estimate:
        low, high = (_mean(of_replicate(estimate, f"{name}_{side}", replicates[0]), "unit") for side in ("low", "high"))
        over = OWN
    elif len(replicates) == 1 and n_units >= MINIMUM:
        (low, high), over = _t_interval(_joined(each, "unit"), "unit"), "over units, within the recording"
    else:
        low, high, over = nan, nan, f"none: below {MINIMUM} subjects"
    bounds = estimate[name].attrs.get("valid_min"), estimate[name].attrs.get("valid_max")
    low, high = (end.clip(*bounds) for end in (low, high))  # the truth lies within them
    return Summary(mean, spread, low, high, n_subjects, n_units, n_units_all, over)


def epochs_of(estimate: xr.Dataset) -> list[str | None]:
    """The epochs of a metric that is taken per epoch, else [None]."""
    values = estimate[estimate.attrs["metric"]]
    return [str(e) for e in values.epoch.values] if "epoch" in values.dims else [None]


def parts(estimate: xr.Dataset) -> dict[str, xr.Dataset]:
    """The measure at each combination of labels (band, state, variable, ...), in words; without such dimensions: itself, ""."""
    dims = [d for d in LABELLED if d in estimate[estimate.attrs["metric"]].dims]
    every = itertools.product(*([str(v) for v in estimate[d].values] for d in dims))
    return {", ".join(labels): estimate.sel(dict(zip(dims, labels, strict=True))) for labels in every}


def limits(estimate: xr.Dataset) -> dict[str, float]:
    """Condition -> where the integral of the metric ended, of a metric with a companion `cutoff`."""
    name = f"{estimate.attrs['metric']}_cutoff"
    found = conditions(estimate).items() if name in estimate else ()
    ends = {words: np.concatenate([np.ravel(of_replicate(estimate, name, r)) for r in kept]) for words, kept in found}
    return {words: float(np.nanmin(end)) for words, end in ends.items() if np.isfinite(end).any()}
