"""show: a readable summary of one result file, with where it comes from."""

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.cli.results import opened
from homeoanalysis.cli.text import count, number, printable, some, table
from homeoanalysis.contracts import LONG, SIGNALS
from homeoanalysis.contracts.schemas import NOT_ASKED

_ROWS = 60
_GROUPS = 3
_LISTED = ("replicate", "epoch", "state", "segment", "trial", "stimulus", "band", "snapshot", "parameter")


def show(path: Path) -> Iterator[str]:
    """The summary, line by line. Raises DataError or ContractError if the file is no result of this project."""
    names, datasets = opened(path, _GROUPS)
    first = next(iter(datasets.values()))
    yield f"{path}: {first.attrs['schema']}"
    summaries = {"activity/1": _activity, "measure/1": _measure, "comparison/2": _comparison, "sweep/1": _sweep}
    summary = summaries[first.attrs["schema"]]
    if first.attrs["schema"] != "activity/1":
        yield from summary(first)
        if len(names) > 1:
            yield f"  groups: {', '.join(names[1:])} ({first.attrs.get('metric', '')} of random halves and surrogates)"
    else:
        for name, dataset in datasets.items():
            yield from ([f"group {name}"] if name else [])
            yield from summary(dataset)
        if len(names) > _GROUPS:
            shown, more = some(names[_GROUPS:], 10)
            yield f"  further groups: {', '.join(shown)}{more}"
    yield from _provenance(first)


def _json(dataset: xr.Dataset, key: str) -> Any:
    """What a text attribute says, whose form the contract has seen to; nothing where there is none."""
    return json.loads(dataset.attrs.get(key) or "{}")


def _activity(activity: xr.Dataset) -> Iterator[str]:
    a = activity.attrs
    who = ", ".join(f"{key} {printable(a[key])}" for key in ("replicate", "subject", "session") if a.get(key) not in ("", None))
    factors = ", ".join(f"{k} = {printable(v)}" for k, v in _json(activity, "factors").items())
    yield f"  source {a['source']} ({a['source_kind']}), {who}{f', {factors}' if factors else ''}"
    start, stop = activity.segment_start.values, activity.segment_stop.values
    time = float(np.sum(stop - start))
    yield f"  observed: {time:.6g} s in {count(start.size, 'segment')}, from {start[0]:.6g} s to {stop[-1]:.6g} s"
    if "spike_count" in activity:
        yield from _spikes(activity, time)
    if "epoch_start" in activity:
        edges = zip(activity.epoch.values, activity.epoch_start.values, activity.epoch_stop.values, strict=True)
        shown, more = some([f"{printable(label)} [{low:g} s, {high:g} s]" for label, low, high in edges], 10)
        yield f"  epochs: {', '.join(shown)}{more}"
    if "epoch_origin" in activity:
        yield from (
            f"    {printable(k)}: {printable(v, 150)}"
            for k, v in zip(activity.epoch.values, activity.epoch_origin.values, strict=True)
        )
    if "trial_start" in activity:
        labels, many = np.unique(activity.stimulus.values.astype(str), return_counts=True)
        shown, more = some([f"{n} {printable(k, 40)}" for k, n in zip(labels, many, strict=True)], 6)
        yield f"  {count(activity.sizes['trial'], 'trial')}: {', '.join(shown)}{more}"
    for name in (n for n in SIGNALS if n in activity):
        variable = activity[name]
        n_channels, n_samples = variable.shape
        every = f"{float(variable.attrs.get('sampling_rate', np.nan)):g} Hz"
        yield f"  {name}: {count(n_channels, 'channel')}, {count(n_samples, 'sample')} [{variable.attrs['units']}] at {every}"
    rest = [n for n in ("rate", "binned_count", "weight", "weight_count") if n in activity]
    yield from (f"  {n}: {dict(activity[n].sizes)} [{activity[n].attrs['units']}]" for n in rest)
    for finding in _json(activity, "warnings"):
        yield f"  warning: {printable(finding['rule'])}: {printable(finding['text'], 400)}"
    for what, book in _json(activity, "bookkeeping").items():
        dropped = "; ".join(f"{n} {reason}" for reason, n in book["dropped"].items())
        yield f"  {what}: {book['in']} in, {book['out']} out{f', dropped: {dropped}' if dropped else ''}"


def _spikes(activity: xr.Dataset, time: float) -> Iterator[str]:
    counts = activity.spike_count.values
    kinds = []
    for name in ("unit_kind", "cell_type", "region"):
        if name in activity:
            values, n = np.unique(activity[name].values.astype(str), return_counts=True)
            kinds.append(", ".join(f"{k} {printable(v)}" for v, k in list(zip(values, n, strict=True))[:5] if v))
    known = "; ".join(k for k in kinds if k) or "nothing known of them"
    yield f"  {count(counts.size, 'unit')} ({known}), {count(int(counts.sum()), 'spike')}"
    if counts.size and time > 0:
        rates = counts / time
        yield f"  rates: {number(rates.min())} to {number(rates.max())} Hz, median {number(float(np.median(rates)))} Hz"


def _measure(measured: xr.Dataset) -> Iterator[str]:
    name = measured.attrs["metric"]
    variable = measured[name]
    yield f"  {name}: {variable.attrs.get('long_name', '')} [{variable.attrs['units']}] of {measured.attrs['source']}"
    yield f"  dimensions: {', '.join(f'{d} {n}' for d, n in variable.sizes.items()) or 'none'}"
    for replicate, reason in _json(measured, "not_applicable").items():
        yield f"  {printable(replicate)}: not applicable: {printable(reason, 100)}"
    yield from _values(measured, name)
    others = [v for v in measured.data_vars if v not in {name, f"{name}_low", f"{name}_high"}]
    for other in others:
        x = measured[other]
        middle = number(float(np.nanmedian(x.values))) if x.dtype.kind in "iuf" and np.isfinite(x.values).any() else "-"
        yield f"  {other}: {x.attrs.get('long_name', '')} [{x.attrs.get('units', '')}], median {middle}"


def _values(measured: xr.Dataset, name: str) -> Iterator[str]:
    """A row for each combination of the short dimensions; the long ones (units, frequencies...) as median and range."""
    variable = measured[name]
    along = next((d for d in LONG if d in variable.dims and f"{d}_replicate" in measured.coords), None)
    of = [] if along is None else measured[f"{along}_replicate"].values.tolist()
    rows = []
    listed = [d for d in variable.dims if d in _LISTED]
    replicates = list(dict.fromkeys(of)) or [None]
    cells = list(product(replicates, *(range(variable.sizes[d]) for d in listed)))
    for replicate, *index in cells[:_ROWS]:
        part = measured.isel(dict(zip(listed, index, strict=True)))
        label = [str(part[d].values) if d in part.coords else str(k) for d, k in zip(listed, index, strict=True)]
        if along is not None:
            part = part.isel({along: [r == replicate for r in of]})
            label.insert(0, str(replicate))
        rows.append((" ".join(map(printable, label)), *_cell(part, name)))
    yield from table(rows, "    ")
    if len(cells) > _ROWS:
        yield f"    ... and {len(cells) - _ROWS} more rows"


def _cell(part: xr.Dataset, name: str) -> tuple[str, str]:
    x = np.ravel(part[name].values).astype(float)
    if x.size == 1:
        ends = [float(np.ravel(part[f"{name}_{end}"].values)[0]) for end in ("low", "high") if f"{name}_{end}" in part]
        return number(float(x[0])), f"[{number(ends[0])}, {number(ends[1])}]" if len(ends) == 2 else ""
    finite = x[np.isfinite(x)]
    if not finite.size:
        return "-", f"none of {x.size} values is defined"
    spread = f"{number(finite.min())} to {number(finite.max())}, {finite.size} of {x.size} values defined"
    return f"median {number(float(np.median(finite)))}", spread


def _comparison(compared: xr.Dataset) -> Iterator[str]:
    yield f"  study {compared.attrs['study']}; candidate less target with its 95 % interval, and the margin"
    rows = [("target", "contrast", "metric", "candidate", "difference", "interval", "margin", "verdict", "needed to decide")]
    failed = 0
    for labels in product(*(compared[d].values.tolist() for d in ("target", "contrast", "metric", "candidate"))):
        cell = compared.sel(dict(zip(("target", "contrast", "metric", "candidate"), labels, strict=True)))
        if not int(cell.comparable):
            failed += not str(cell.reason.values).startswith(NOT_ASKED)
            continue
        texts = [str(cell[name].values) for name in ("verdict", "needed")]
        ends = [_ends(cell, name) for name in ("difference", "margin")]
        unit = str(cell.difference_unit.values)
        rows.append((*labels, f"{number(float(cell.difference))} {'' if unit == '1' else unit}".strip(), *ends, *texts))
    yield from table(rows[: _ROWS + 1], "  ")
    if len(rows) > _ROWS + 1:
        yield f"  ... and {len(rows) - _ROWS - 1} more"
    if failed:
        yield f"  {count(failed, 'comparison')} could not be made; variable `reason` says why"


def _ends(cell: xr.Dataset, name: str) -> str:
    low, high = float(cell[f"{name}_low"]), float(cell[f"{name}_high"])
    return f"[{number(low)}, {number(high)}]" if np.isfinite([low, high]).all() else "-"


def _sweep(swept: xr.Dataset) -> Iterator[str]:
    named = f"{swept.attrs['sweep']} ({swept.attrs['design']})" if "design" in swept.attrs else "part of a sweep"
    what = f"{printable(named)} of {printable(swept.attrs.get('source', ''))}"
    yield f"  sweep {what}: {count(swept.sizes['point'], 'point')} x {count(swept.sizes['realisation'], 'realisation')}"
    book = _json(swept, "bookkeeping")["realisations"]
    dropped = "; ".join(f"{n} {printable(reason, 200)}" for reason, n in book["dropped"].items())
    yield f"  realisations: {book['in']} in, {book['out']} out{f', dropped: {dropped}' if dropped else ''}"
    for name in (n for n, c in swept.coords.items() if c.dims == ("point",) and n != "point"):
        x = swept[name].values
        yield f"  {printable(name, 100)}: {number(x.min())} to {number(x.max())} {swept[name].attrs['units']}"
    for label in _json(swept, "metrics"):
        x = swept[f"{label}_mean"].values if label in swept else np.array([np.nan])
        finite = x[np.isfinite(x)]
        told = f"{number(finite.min())} to {number(finite.max())}" if finite.size else "-"
        yield f"  {printable(label)} [{swept[label].attrs['units'] if label in swept else ''}]: {told}"


def _provenance(dataset: xr.Dataset) -> Iterator[str]:
    yield f"  provenance: code {dataset.attrs.get('code', 'unknown')}, seed {dataset.attrs.get('seed', 'unknown')}"
    for entry in _json(dataset, "history"):
        versions = ", ".join(f"{k} {v}" for k, v in entry.get("versions", {}).items())
        yield f"    {entry.get('step')}: code {entry.get('code')}; {versions}"
        shown, more = some([f"{printable(name, 80)} sha256 {digest[:12]}" for name, digest in entry.get("inputs", {}).items()], 6)
        yield from (f"      read {line}" for line in shown)
        yield from ([f"      {more.removeprefix(', ')}"] if more else [])
    if "parameters" in dataset.attrs:
        yield f"    parameters: {printable(dataset.attrs['parameters'], 300)}"
    if dataset.attrs.get("citation"):
        yield f"  cite: {printable(dataset.attrs['citation'], 200)}"
