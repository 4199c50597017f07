"""Checking a dataset against the schema that it claims to follow: all violations at once, each with how to mend it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.contracts.blocks import is_large, pieces, step_faults
from homeoanalysis.contracts.schemas import (
    ACTIVITY,
    ANY,
    ATTRIBUTES,
    CLAIMS,
    COMPARISON,
    CONTENT,
    INTERVALS,
    MEASURE_DIMS,
    OWN,
    REFUSALS,
    RULE,
    SCHEMAS,
    SOURCE_KINDS,
    SPANS,
    UNBOUNDED,
    UNIT,
    Variable,
)
from homeoanalysis.contracts.texts import mend, text_faults, told
from homeoanalysis.errors import ContractError
from homeoanalysis.statistics.differences import judge

_SOURCE_KIND = f"write {' or '.join(map(repr, SOURCE_KINDS))}"
_ABOVE_0 = ("sampling_rate", "tick", "step")  # of variables, where they have them
# What rounding may add to the distance of a value from its interval: of the value, and of a ratio less 1.
_ROUNDED, _CANCELLED = 1e-9, 1e-14


def check(dataset: xr.Dataset, schema: str) -> xr.Dataset:
    """The dataset itself if it follows the schema; else ContractError with every violation."""
    found = dataset.attrs.get("schema")
    if schema not in SCHEMAS:
        raise ContractError(f"schema is {schema!r}; known: {', '.join(SCHEMAS)}")
    if found != schema:
        rule = RULE[schema]
        raise ContractError(f"schema is {found!r}, not {schema!r}; made by another version: rerun rule {rule} (delete the file)")
    missing = [a for a in ATTRIBUTES[schema] if a not in dataset.attrs]
    mends = {"source_kind": _SOURCE_KIND}
    wrong = [f"attribute {a!r} is missing; {mends.get(a, mend(a, schema))}" for a in missing]
    wrong += _attribute_faults("", dataset.attrs)
    wrong += _kind_faults(dataset)
    wrong += text_faults(dataset)
    for name, variable in dataset.variables.items():
        wrong += _attribute_faults(f" of variable {name!r}", variable.attrs)
        wrong += _number_faults(f" of variable {name!r}", variable.attrs)
    wrong += _unit_faults(dataset)
    # What is large is looked at when it is written, since it may have to be computed for that.
    for name, variable in dataset.variables.items():
        wrong += [] if is_large(variable) or "step" not in variable.attrs else step_faults(variable, str(name))
    wrong += _FAULTS[schema](dataset)
    if wrong:
        where = f"{dataset.attrs.get('source', '')} {dataset.attrs.get('replicate', '')}".strip()
        raise ContractError(*(f"{schema} {where}: {line}" for line in wrong))
    return dataset


def _attribute_faults(of: str, attributes: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in attributes.items():
        if np.asarray(value).dtype.kind not in "iufSU":
            yield f"attribute {key!r}{of} is {value!r}; netCDF cannot hold it, write a JSON string"


def _number_faults(of: str, attributes: Mapping[Any, Any]) -> Iterator[str]:
    for key in (key for key in _ABOVE_0 if key in attributes):
        value = attributes[key]
        if np.asarray(value).dtype.kind not in "iuf" or np.ndim(value) or not 0 < value < np.inf:
            yield f"attribute {key!r}{of} is {value!r}, no number above 0"


def _kind_faults(dataset: xr.Dataset) -> Iterator[str]:
    kind = dataset.attrs.get("source_kind", SOURCE_KINDS[0])
    if kind not in SOURCE_KINDS:
        yield f"attribute 'source_kind' is {kind!r}; {_SOURCE_KIND}"


def _flag_faults(variable: xr.DataArray, mend: str) -> Iterator[str]:
    """Of a variable that says yes or no."""
    if variable.dtype.kind in "iuf":
        strange = np.unique(variable.values[~np.isin(variable.values, (0, 1))])
        if strange.size:
            yield f"variable {variable.name!r} holds {', '.join(f'{v:g}' for v in strange[:3])}; {mend}"


def _unit_faults(dataset: xr.Dataset) -> Iterator[str]:
    for name, variable in dataset.variables.items():
        if variable.dtype.kind in "iuf" and "units" not in variable.attrs and name not in dataset.dims:
            yield f"variable {name!r} has no units attribute"
        if variable.dtype.kind in "cmMb":
            yield f"variable {name!r} has the type {variable.dtype}, which netCDF files cannot hold portably"


def _declared_faults(dataset: xr.Dataset, declared: Mapping[str, Variable]) -> Iterator[str]:
    for name in dataset.data_vars:
        if name not in declared:
            yield f"variable {name!r} is not part of the schema"
    for name, want in declared.items():
        if name in dataset:
            yield from (f"variable {name!r} {fault}" for fault in _form_faults(dataset[name], want))
            if dataset[name].dtype.kind in "iuf" and want.bounds != UNBOUNDED:
                yield from _bound_faults(dataset[name], *want.bounds)


def _bound_faults(variable: xr.DataArray, low: float, high: float) -> Iterator[str]:
    bad = (variable.values < low) | (variable.values > high)
    if bad.any():
        yield f"{bad.sum()} of {bad.size} values of {variable.name!r} lie outside [{low:g}, {high:g}]"


def _interval_faults(ds: xr.Dataset, name: str, low: str, high: str, *, known: xr.DataArray | bool = True) -> Iterator[str]:
    """Of a value that does not lie in its own interval. What is missing is no fault.

    known: where the interval is one that holds its value; a t interval does, that of a metric may not (`not_inside`).
    An end never lies beyond what it can be, while an unbiased estimate may: where a coherence is below 0, its interval begins at
    0. So the value is first brought within the bounds of the ends.
    """
    if not {name, low, high} <= set(ds.variables) or any(ds[n].dtype.kind not in "iuf" for n in (name, low, high)):
        return
    value, first, last, holds = xr.broadcast(ds[name], ds[low], ds[high], xr.DataArray(known))
    at = np.clip(value.values, ds[low].attrs.get("valid_min", -np.inf), ds[high].attrs.get("valid_max", np.inf))
    slack = np.where(np.isfinite(at), _ROUNDED * np.abs(at) + _CANCELLED, 0.0)
    outside = ((at < first.values - slack) | (at > last.values + slack)) & holds.values
    if outside.any():
        cell = tuple(np.argwhere(outside)[0])
        where = ", ".join(str(ds[d].values[k]) for d, k in zip(value.dims, cell, strict=True))
        ends = f"[{first.values[cell]:.6g}, {last.values[cell]:.6g}]"
        yield (
            f"{outside.sum()} of {outside.size} values of {name!r} lie outside their own intervals, first at [{where}]: "
            f"{value.values[cell]:.6g} is not in {ends}; rerun rule {RULE[ds.attrs['schema']]}"
        )


def _form_faults(variable: xr.DataArray, want: Variable) -> Iterator[str]:
    if variable.dims != want.dims:
        yield f"has dimensions {variable.dims}, not {want.dims}"
    units = variable.attrs.get("units")
    if want.units not in (None, ANY, units):
        yield f"has units {units!r}, not {want.units!r}"
    if (variable.dtype.kind in "SUO") != (want.units is None):
        yield f"holds {variable.dtype}, not {'text' if want.units is None else 'numbers'}"


def _activity_faults(ds: xr.Dataset) -> Iterator[str]:
    yield from _declared_faults(ds, ACTIVITY)
    if not any(name in ds for name in CONTENT):
        yield f"no activity at all: one of {', '.join(CONTENT)} is required"
    if "unit" in ds.coords and len(set(ds.unit.values.ravel().tolist())) != ds.unit.size:
        yield "unit names are not unique"
    if "observed" in ds:
        yield from _flag_faults(ds.observed, "write 1 where the unit was observed in the segment, 0 where it was not")
    yield from _weight_faults(ds)
    yield from _curation_faults(ds)
    if not {"segment_start", "segment_stop"} <= set(ds.data_vars):
        yield "observed time is missing: segment_start and segment_stop are required"
        return
    if not _can_be_read(ds, "segment_start", "segment_stop"):
        return
    start, stop = ds.segment_start.values, ds.segment_stop.values
    if start.size == 0 or not (np.all(np.isfinite([start, stop])) and np.all(stop > start)):
        yield "segments must be finite and longer than nothing"
    elif np.any(start[1:] < stop[:-1]):
        yield "segments overlap or are not in order of time"
    else:
        yield from (fault for kind in SPANS for fault in _span_faults(ds, kind, start, stop))
        if "spike_time" in ds:
            yield from _spike_faults(ds, start, stop)


def _span_faults(ds: xr.Dataset, kind: str, start: np.ndarray, stop: np.ndarray) -> Iterator[str]:
    """Of epochs, trials or states that are no time, and of epochs in which nothing was recorded.

    A session of a model keeps epochs that lie outside of it.
    start, stop: of the segments.
    """
    ends = f"{kind}_start", f"{kind}_stop"
    if not set(ends) <= set(ds.variables) or not _can_be_read(ds, *ends):
        return
    first, last = (ds[name].values for name in ends)
    is_time = (-np.inf < first) & (first < last) & (last < np.inf)
    if kind == "epoch" and ds.attrs.get("source_kind") == "recording":
        is_time &= ((start < last[:, None]) & (stop > first[:, None])).any(axis=1)
    for k in np.flatnonzero(~is_time)[:1]:
        yield (
            f"{np.sum(~is_time)} of {is_time.size} {kind}s hold no observed time, the first from {first[k]:.6g} s "
            f"to {last[k]:.6g} s; the segments are from {start[0]:.6g} s to {stop[-1]:.6g} s"
        )


def _curation_faults(ds: xr.Dataset) -> Iterator[str]:
    """Units are those that no rule dropped, each with the spikes with which it came in."""
    if not {"curated", "curated_rule", "curated_spikes", "unit", "spike_count"} <= set(ds.variables):
        return
    if not _can_be_read(ds, "curated_rule", "curated_spikes", "spike_count"):
        return
    kept = ds.curated_rule.values.astype(str) == ""
    if ds.curated.values[kept].astype(str).tolist() != ds.unit.values.astype(str).tolist():
        yield "the units are not those without a curated_rule, in their order"
    elif wrong := int(np.sum(ds.curated_spikes.values[kept] != ds.spike_count.values)):
        yield f"curated_spikes is not spike_count in {wrong} of {kept.sum()} units that were kept"


def _weight_faults(ds: xr.Dataset) -> Iterator[str]:
    """Of histograms: every synapse is in a bin, or counted as outside."""
    parts = ("weight_count", "weight_below", "weight_above", "weight_number")
    if "weight_count" not in ds:
        return
    absent = [name for name in parts if name not in ds]
    if absent:
        yield f"weight_count needs {', '.join(absent)}: nothing may fall outside of the bins without being counted"
    elif _can_be_read(ds, *parts):
        counted = ds.weight_count.sum("weight_bin") + ds.weight_below + ds.weight_above
        if wrong := int((counted != ds.weight_number).sum()):
            yield f"weight_count, weight_below and weight_above do not add up to weight_number {wrong} times of {counted.size}"


def _can_be_read(ds: xr.Dataset, *names: str) -> bool:
    """Whether the variables have the declared form; where not, that is said already, and values mean nothing."""
    return not any(fault for name in names for fault in _form_faults(ds[name], ACTIVITY[name]))


def _spike_faults(ds: xr.Dataset, start: np.ndarray, stop: np.ndarray) -> Iterator[str]:
    if "spike_count" not in ds or "unit" not in ds.coords:
        yield "spike_time needs spike_count(unit) and the coordinate unit"
        return
    if not _can_be_read(ds, "spike_time", "spike_count"):
        return
    count = ds.spike_count.values
    if count.dtype.kind not in "iu" or np.any(count < 0):
        yield "spike_count must be whole numbers from 0 on"
        return
    if count.sum() != ds.sizes["spike"]:
        yield f"spike_count adds up to {count.sum()}, but there are {ds.sizes['spike']} spikes"
        return
    yield from _time_faults(ds.spike_time.variable, count, start, stop)


def _time_faults(spike_time: xr.Variable, count: np.ndarray, start: np.ndarray, stop: np.ndarray) -> Iterator[str]:
    """Of the times themselves, which are looked at block by block: there may be 1e8 of them."""
    first = np.cumsum(count) - count  # spike of each unit
    tick = spike_time.attrs.get("tick")
    not_finite, is_sorted, is_whole = 0, True, tick is None or tick > 0
    outside: list[float] = []
    n_outside, before = 0, -np.inf
    for (where,) in pieces(spike_time):
        time = spike_time[where].values
        not_finite += int(np.sum(~np.isfinite(time)))
        if not_finite:
            continue
        is_back = np.diff(time, prepend=before) < 0
        is_back[first[(first >= where.start) & (first < where.stop)] - where.start] = False
        is_sorted &= not is_back.any()
        before = time[-1]
        # A spike at the very end of a segment belongs to it: acquisition systems write t_stop as the last sample.
        of = np.searchsorted(start, time, side="right") - 1
        is_out = (of < 0) | (time > stop[np.maximum(of, 0)])
        n_outside += int(is_out.sum())
        outside += time[is_out][:1].tolist()
        if tick is not None and is_whole:
            is_whole = bool(np.all(np.abs(time / tick - np.rint(time / tick)) < 1e-3))
    if not_finite:
        yield f"{not_finite} spike times are not finite"
        return
    if not is_sorted:
        yield "spike times are not sorted within their unit"
    if n_outside:
        yield f"{n_outside} spikes lie outside observed time, the first at {outside[0]:.6f} s"
    if not is_whole:
        yield f"spike times are no multiples of their tick of {tick:g} s, so that they would be rounded on disk"


def _measure_faults(ds: xr.Dataset) -> Iterator[str]:
    metric = ds.attrs.get("metric")
    if metric not in ds:
        yield f"the variable {metric!r}, named after the metric, is missing"
        return
    for name in ds.data_vars:
        if not (str(name) == metric or str(name).startswith(f"{metric}_")):
            yield f"variable {name!r} is not named after the metric {metric!r}"
        strange = {re.sub("_b$", "", str(d)) for d in ds[name].dims} - MEASURE_DIMS
        if strange:
            yield f"variable {name!r} has unknown dimensions {sorted(strange)}"
        if ds[name].dtype.kind in "iuf":
            yield from _bound_faults(ds[name], ds[name].attrs.get("valid_min", -np.inf), ds[name].attrs.get("valid_max", np.inf))
        if not ds.attrs.get("not_inside"):
            yield from _interval_faults(ds, str(name), f"{name}_low", f"{name}_high")
    for name in ("subject", "factors"):
        if name not in ds.coords:
            yield f"the coordinate {name}(replicate) is missing"
    known = ds.replicate.values.tolist() if "replicate" in ds.coords else []
    for name in (str(c) for c in ds.coords if str(c).endswith("_replicate")):
        if absent := sorted(set(ds[name].values.ravel().astype(str)) - set(map(str, known))):
            yield f"coordinate {name!r} names {str(absent[0])!r}, which is no replicate here"
    for replicate, reason in (told("not_applicable", ds.attrs.get("not_applicable", "")) or {}).items():
        if replicate not in known:
            listed = ", ".join(map(str, known))
            yield f"attribute 'not_applicable' names {replicate!r}, which is no replicate here; known: {listed}"
        if not (isinstance(reason, str) and reason.strip()):
            yield f"attribute 'not_applicable' gives {reason!r} for {replicate!r}; write in words why it could not be measured"


def _comparison_faults(ds: xr.Dataset) -> Iterator[str]:
    yield from _declared_faults(ds, COMPARISON)
    yield from (f"variable {name!r} is missing; rerun rule {RULE['comparison/2']}" for name in COMPARISON if name not in ds)
    if "unit" not in ds.coords:
        yield f"the coordinate unit{UNIT.dims} is missing; rerun rule {RULE['comparison/2']}"
    else:
        yield from (f"coordinate 'unit' {fault}" for fault in _form_faults(ds.unit, UNIT))
    for name in ("comparable", "fitted"):
        if name in ds:
            yield from _flag_faults(ds[name], "write 1 for yes, 0 for no")
    yield from (fault for name, low, high in INTERVALS for fault in _interval_faults(ds, name, low, high))
    if "location_over" in ds:
        within = ("location", "location_within_low", "location_within_high")
        yield from _interval_faults(ds, *within, known=ds.location_over != OWN)
    yield from _order_faults(ds, "margin_low", "margin_high")
    yield from _verdict_faults(ds)
    for name, text in (("comparable", "reason"), ("location", "location_reason")):
        if name in ds and text in ds and ds[name].dims == ds[text].dims and ds[name].dtype.kind in "iuf":
            refused = ~(ds[name].values > 0) if name == "comparable" else np.isnan(ds[name].values)
            for cell in np.argwhere(refused & (ds[text].values.astype(str) == ""))[:3]:
                at = ", ".join(str(ds[d].values[k]) for d, k in zip(ds[name].dims, cell, strict=True))
                yield f"variable {text!r} is empty at [{at}], where {name} is {ds[name].values[tuple(cell)]:g}; say why in words"


def _order_faults(ds: xr.Dataset, low: str, high: str) -> Iterator[str]:
    """Of ends that stand the wrong way round, whatever they are the ends of."""
    if not all(name in ds.variables and ds[name].dtype.kind in "iuf" for name in (low, high)):
        return
    if wrong := int((ds[low] > ds[high]).sum()):
        yield f"{low!r} is above {high!r} {wrong} times"


def _verdict_faults(ds: xr.Dataset) -> Iterator[str]:
    """Of verdicts that do not follow from the difference, its intervals and the margin beside them."""
    names = ("difference_low", "difference_high", "difference_low_90", "difference_high_90", "margin_low", "margin_high")
    used = (*names, "comparable", "fitted", "verdict")
    if any(name not in ds or any(_form_faults(ds[name], COMPARISON[name])) for name in used):
        return
    low, high, low_90, high_90, *margin = (ds[name].values for name in names)
    follows = np.where(ds.fitted.values > 0, "fitted", judge((low_90, high_90), (low, high), (margin[0], margin[1])))
    found, is_compared = ds.verdict.values.astype(str), ds.comparable.values > 0
    wrong = np.where(is_compared, found != follows, ~np.isin(found, REFUSALS))
    for cell in np.argwhere(wrong)[:1]:
        at = ", ".join(str(ds[d].values[k]) for d, k in zip(ds.verdict.dims, cell, strict=True))
        expected = follows[tuple(cell)] if is_compared[tuple(cell)] else " or ".join(REFUSALS)
        yield f"variable 'verdict' is {str(found[tuple(cell)])!r} at [{at}], where {expected} follows; rerun rule compare"


def _sweep_faults(ds: xr.Dataset) -> Iterator[str]:
    """Parameters are coordinates of the points; of each metric the value of each realisation, or a reason in words."""
    if not {"point", "realisation"} <= set(ds.dims) or "reason" not in ds:
        yield "the dimensions point and realisation, or the variable reason(point, realisation), are missing; rerun rule sweep"
        return
    swept = [name for name, c in ds.coords.items() if c.dims == ("point",) and name != "point"]
    if not swept:
        yield "no coordinate over point says which parameters were varied; rerun rule sweep"
    for name in swept:
        if ds[name].dtype.kind not in "iuf" or not np.all(np.isfinite(ds[name].values)):
            yield f"the parameter {name!r} holds values that are no finite numbers"
    if "realisations" not in (told("bookkeeping", ds.attrs.get("bookkeeping", "")) or {}):
        yield "attribute 'bookkeeping' does not say how many realisations came in, went out and were dropped; rerun rule sweep"
    for label in told("metrics", ds.attrs.get("metrics", "")) or []:
        if f"{label}_over" in ds:
            interval = (f"{label}_mean", f"{label}_low", f"{label}_high")
            yield from _interval_faults(ds, *interval, known=ds[f"{label}_over"] != OWN)
        absent = [n for n in (label, *(f"{label}_{s}" for s in ("mean", "low", "high", "over", "reason"))) if n not in ds]
        if absent and len(absent) < 6:  # in a part, no point may have a value
            yield f"the variable {absent[0]!r} is missing; rerun rule sweep"
        elif not absent:
            others = [d for d in ds[label].dims if d not in ("point", "realisation")]
            unsaid = ds[label].isnull().all(others) & (ds[f"{label}_reason"] == "") & (ds.reason == "")
            if unsaid.any():
                yield f"{int(unsaid.sum())} values of {label!r} are missing without a reason"


def _claims_faults(ds: xr.Dataset) -> Iterator[str]:
    yield from _declared_faults(ds, CLAIMS)
    yield from (f"variable {name!r} is missing; rerun rule {RULE['claims/1']}" for name in CLAIMS if name not in ds)


_FAULTS = {
    "activity/1": _activity_faults,
    "measure/1": _measure_faults,
    "comparison/2": _comparison_faults,
    "sweep/1": _sweep_faults,
    "claims/1": _claims_faults,
}
