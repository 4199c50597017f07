"""The three schemas that every step of the pipeline speaks: activity/1, measure/1, comparison/1.

A schema is data: for each variable its dimensions and its unit. `check` reports all violations at once;
`write` and `open_dataset` are the only way to disk and back.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import netCDF4
import numpy as np
import xarray as xr

from homeoanalysis.errors import ContractError, DataError
from homeoanalysis.files import is_intact, replacing, seal

SIGNALS = ("lfp", "lfp_proxy", "membrane_potential", "current", "covariate")
ANY = "*"  # a unit that the dataset chooses


class Variable(NamedTuple):
    """What a schema says of one variable."""

    dims: tuple[str, ...]
    units: str | None  # None: not numeric
    long_name: str


def _signal(name: str) -> dict[str, Variable]:
    return {
        name: Variable((f"{name}_channel", f"{name}_sample"), ANY, name.replace("_", " ")),
        f"{name}_first_sample": Variable(("segment",), "1", "index of the first sample of the segment"),
        f"{name}_sample_count": Variable(("segment",), "1", "samples in the segment; 0 where it was not recorded"),
        f"{name}_t_start": Variable(("segment",), "s", "time of the first sample of the segment"),
    }


ACTIVITY: dict[str, Variable] = {
    "segment_start": Variable(("segment",), "s", "start of observed time"),
    "segment_stop": Variable(("segment",), "s", "end of observed time"),
    "spike_time": Variable(("spike",), "s", "time of a spike"),
    "spike_count": Variable(("unit",), "1", "spikes of the unit (CF contiguous ragged array)"),
    "unit_kind": Variable(("unit",), None, "single, multi or simulated"),
    "cell_type": Variable(("unit",), None, "E, I or unknown"),
    "region": Variable(("unit",), None, "brain region or population"),
    "x": Variable(("unit",), "m", "position of the unit"),
    "y": Variable(("unit",), "m", "position of the unit"),
    "rate": Variable(("unit", "time"), "Hz", "firing rate"),
    "binned_count": Variable(("trial", "unit", "bin"), "1", "spikes in the bin"),
    "weight": Variable(("snapshot", "synapse"), ANY, "synaptic weight"),
    "snapshot_time": Variable(("snapshot",), "s", "time of the snapshot"),
    "pre": Variable(("synapse",), "1", "presynaptic unit"),
    "post": Variable(("synapse",), "1", "postsynaptic unit"),
    "projection": Variable(("synapse",), None, "projection of the synapse"),
    "covariate_bandwidth": Variable(("covariate_channel",), "Hz", "highest frequency of the covariate; NaN if unknown"),
    "trial_start": Variable(("trial",), "s", "start of the trial"),
    "trial_stop": Variable(("trial",), "s", "end of the trial"),
    "stimulus": Variable(("trial",), None, "label of the stimulus"),
    "epoch_start": Variable(("epoch",), "s", "start of the epoch"),
    "epoch_stop": Variable(("epoch",), "s", "end of the epoch"),
    "state_start": Variable(("state",), "s", "start of the state"),
    "state_stop": Variable(("state",), "s", "end of the state"),
    "observed": Variable(("unit", "segment"), "1", "0: not isolated in this segment, never counted as silent"),
} | {key: value for name in SIGNALS for key, value in _signal(name).items()}

MEASURE_DIMS = {
    *("replicate", "unit", "pair", "frequency", "band", "lag", "time", "epoch", "state", "segment", "trial"),
    *("stimulus", "channel", "snapshot", "parameter", "draw"),
}
COMPARISON: dict[str, Variable] = {
    "discrepancy": Variable(("target", "contrast", "metric", "candidate"), "1", "distance of the candidate from the target"),
    "discrepancy_low": Variable(("target", "contrast", "metric", "candidate"), "1", "95 % interval over subjects, low"),
    "discrepancy_high": Variable(("target", "contrast", "metric", "candidate"), "1", "95 % interval over subjects, high"),
    "within_low": Variable(("target", "contrast", "metric", "candidate"), "1", "95 % interval within the recording, low"),
    "within_high": Variable(("target", "contrast", "metric", "candidate"), "1", "95 % interval within the recording, high"),
    "ceiling": Variable(("target", "contrast", "metric"), "1", "95th percentile of the candidate 'data'"),
    "comparable": Variable(("target", "contrast", "metric", "candidate"), "1", "1: the two can be compared"),
    "reason": Variable(("target", "contrast", "metric", "candidate"), None, "why not, where comparable is 0"),
    "fitted": Variable(("target", "contrast", "metric", "candidate"), "1", "1: was set from the data, gets no verdict"),
    "verdict": Variable(("target", "contrast", "metric", "candidate"), None, "matches, differs, or why there is none"),
    "location": Variable(("target", "contrast", "metric", "source"), ANY, "mean over subjects"),
    "spread": Variable(("target", "contrast", "metric", "source"), ANY, "standard deviation over subjects"),
    "n_subjects": Variable(("target", "contrast", "metric", "source"), "1", "subjects behind location"),
}
SCHEMAS = ("activity/1", "measure/1", "comparison/1")
_RULE = {"activity/1": "ingest or simulate", "measure/1": "measure", "comparison/1": "compare"}
_ATTRIBUTES = {
    "activity/1": ("source", "source_kind", "replicate", "subject", "session", "factors", "citation", "bookkeeping"),
    "measure/1": ("source", "source_kind", "metric"),
    "comparison/1": ("study",),
}
_CONTENT = ("spike_time", "rate", "binned_count", *SIGNALS[:-1], "weight")


def check(dataset: xr.Dataset, schema: str) -> xr.Dataset:
    """The dataset itself if it follows the schema; else ContractError with every violation."""
    found = dataset.attrs.get("schema")
    if schema not in SCHEMAS:
        raise ContractError(f"schema is {schema!r}; known: {', '.join(SCHEMAS)}")
    if found != schema:
        rule = _RULE[schema]
        raise ContractError(f"schema is {found!r}, not {schema!r}; made by another version: rerun rule {rule} (delete the file)")
    wrong = [f"attribute {a!r} is missing" for a in _ATTRIBUTES[schema] if a not in dataset.attrs]
    wrong += _attribute_faults("", dataset.attrs)
    for name, variable in dataset.variables.items():
        wrong += _attribute_faults(f" of variable {name!r}", variable.attrs)
    wrong += _unit_faults(dataset)
    wrong += {"activity/1": _activity_faults, "measure/1": _measure_faults, "comparison/1": _comparison_faults}[schema](dataset)
    if wrong:
        where = f"{dataset.attrs.get('source', '')} {dataset.attrs.get('replicate', '')}".strip()
        raise ContractError(*(f"{schema} {where}: {line}" for line in wrong))
    return dataset


def _attribute_faults(of: str, attributes: Mapping[Any, Any]) -> Iterator[str]:
    for key, value in attributes.items():
        if np.asarray(value).dtype.kind not in "iufSU":
            yield f"attribute {key!r}{of} is {value!r}; netCDF cannot hold it, write a JSON string"


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
    if not any(name in ds for name in _CONTENT):
        yield f"no activity at all: one of {', '.join(_CONTENT)} is required"
    if "unit" in ds.coords and len(set(ds.unit.values.ravel().tolist())) != ds.unit.size:
        yield "unit names are not unique"
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
    elif "spike_time" in ds:
        yield from _spike_faults(ds, start, stop)


def _can_be_read(ds: xr.Dataset, *names: str) -> bool:
    """Whether the variables have the declared form; where not, that is said already, and values mean nothing."""
    return not any(fault for name in names for fault in _form_faults(ds[name], ACTIVITY[name]))


def _spike_faults(ds: xr.Dataset, start: np.ndarray, stop: np.ndarray) -> Iterator[str]:
    if "spike_count" not in ds or "unit" not in ds.coords:
        yield "spike_time needs spike_count(unit) and the coordinate unit"
        return
    if not _can_be_read(ds, "spike_time", "spike_count"):
        return
    time, count = ds.spike_time.values, ds.spike_count.values
    if count.dtype.kind not in "iu" or np.any(count < 0):
        yield "spike_count must be whole numbers from 0 on"
        return
    if count.sum() != time.size:
        yield f"spike_count adds up to {count.sum()}, but there are {time.size} spikes"
        return
    if not np.all(np.isfinite(time)):
        yield f"{np.sum(~np.isfinite(time))} spike times are not finite"
        return
    first = np.zeros(time.size, bool)
    first[np.cumsum(count)[:-1][np.cumsum(count)[:-1] < time.size]] = True
    if np.any((np.diff(time, prepend=-np.inf) < 0) & ~first):
        yield "spike times are not sorted within their unit"
    # A spike at the very end of a segment belongs to it: acquisition systems write t_stop as the last sample.
    where = np.searchsorted(start, time, side="right") - 1
    outside = (where < 0) | (time > stop[np.maximum(where, 0)])
    if outside.any():
        yield f"{outside.sum()} spikes lie outside observed time, the first at {time[outside][0]:.6f} s"
    tick = ds.spike_time.attrs.get("tick", 0)
    if "tick" in ds.spike_time.attrs and not (tick > 0 and np.all(np.abs(time / tick - np.rint(time / tick)) < 1e-3)):
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
        low, high = ds[name].attrs.get("valid_min", -np.inf), ds[name].attrs.get("valid_max", np.inf)
        if ds[name].dtype.kind in "iuf":
            bad = (ds[name].values < low) | (ds[name].values > high)
            if bad.any():
                yield f"{bad.sum()} of {bad.size} values of {name!r} lie outside [{low:g}, {high:g}]"
    for name in ("subject", "factors"):
        if name not in ds.coords:
            yield f"the coordinate {name}(replicate) is missing"


def _comparison_faults(ds: xr.Dataset) -> Iterator[str]:
    yield from _declared_faults(ds, COMPARISON)
    yield from (f"variable {name!r} is missing" for name in COMPARISON if name not in ds)


def write(datasets: xr.Dataset | Mapping[str, xr.Dataset], path: Path | str) -> None:
    """Write one dataset, or several as netCDF groups, to `path`: whole or not at all.

    Every dataset is checked against the schema that it names. Spike times with an attribute `tick` [s] are
    stored as integer multiples of it: exact, and a third of the size.
    """
    groups = {"": datasets} if isinstance(datasets, xr.Dataset) else dict(datasets)
    for dataset in groups.values():
        check(dataset, str(dataset.attrs.get("schema")))
    with replacing(path) as part:
        mode: Literal["w", "a"] = "w"
        for group, dataset in groups.items():
            encoding = {name: _encoding(v) for name, v in dataset.variables.items()}
            dataset.to_netcdf(part, mode=mode, group=group or None, engine="netcdf4", encoding=encoding)
            mode = "a"
        seal(part)


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    if variable.dtype.kind not in "iuf" or variable.ndim == 0:
        return {}
    encoding: dict[str, Any] = {"zlib": True, "complevel": 1, "shuffle": True}
    if "tick" in variable.attrs:
        encoding |= {"dtype": "int64", "scale_factor": variable.attrs["tick"], "_FillValue": np.iinfo(np.int64).min}
    elif variable.dtype.kind == "f":
        encoding["_FillValue"] = np.nan
    return encoding


def open_dataset(path: Path | str, group: str | None = None) -> xr.Dataset:
    """One dataset, loaded whole, checked against the schema that it names.

    Raises DataError if the file is missing or unreadable, ContractError if it breaks its schema.
    """
    where = f"group {group!r} of {path}" if group else f"{path}"
    with (
        _reading(path, where),
        xr.open_dataset(path, group=group, engine="netcdf4", decode_times=False, decode_timedelta=False) as opened,
    ):
        dataset = opened.load()
    schema = dataset.attrs.get("schema")
    found = str(schema)
    # The rule that makes this kind of dataset is known even if the version is not.
    rule = next((r for s, r in _RULE.items() if s.partition("/")[0] == found.partition("/")[0]), None)
    if found not in SCHEMAS:
        mend = f"; made by another version: rerun rule {rule} (delete the file)" if rule else ""
        raise ContractError(f"{where} has the schema {schema!r}; known: {', '.join(SCHEMAS)}{mend}")
    for variable in dataset.variables.values():
        if variable.dtype == object:
            variable.data = variable.values.astype(str)
    try:
        return check(dataset, found)
    except ContractError as error:
        raise ContractError(*(f"{where}: {line}" for line in error.violations)) from None


@contextmanager
def _reading(path: Path | str, where: str) -> Iterator[None]:
    """Turns what a missing or damaged file does into a DataError; HDF5 sees no file whose seal is broken."""
    try:
        if not is_intact(Path(path)):
            raise OSError("its checksum is wrong")
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run the rule that makes it") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where} cannot be read ({error}); delete it and run the workflow again") from error


def groups(path: Path | str) -> list[str]:
    """The names of the netCDF groups of a file; [""] where it has none."""
    with _reading(path, str(path)), netCDF4.Dataset(path) as file:
        return list(file.groups) or [""]


def by_replicate(activities: Iterable[xr.Dataset]) -> dict[str, xr.Dataset]:
    """Replicate -> activity, ready to `write` as groups. Raises ContractError if two have the same replicate."""
    found: dict[str, xr.Dataset] = {}
    for activity in activities:
        name = activity.attrs["replicate"]
        if name in found:
            raise ContractError(
                f"activity/1 {activity.attrs['source']}: two activities are replicate {name!r}; one would be lost"
            )
        found[name] = activity
    return found


def open_replicates(paths: list[Path] | list[str]) -> Iterator[xr.Dataset]:
    """The activities of some files, one at a time, whether a file holds one replicate or a batch of them."""
    for path in paths:
        for group in groups(path):
            yield open_dataset(path, group or None)
