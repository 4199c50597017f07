"""Some points of a sweep: each simulated and measured, one after the other."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import units
from homeoanalysis.config.design import at_point
from homeoanalysis.config.entries import Metric
from homeoanalysis.config.sizes import validated
from homeoanalysis.contracts import check
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.summaries import by_subject, cell_types, conditions, summarise

_log = logging.getLogger(__name__)


class Verbs(NamedTuple):
    """What a point goes through: verbs do not import each other, so that they are handed over."""

    simulate: Callable[..., xr.Dataset]  # (model, replicate=, stimulus=) -> activity/1
    sessions: Callable[..., list[xr.Dataset]]  # (activity, model.sessions) -> activities
    measure: Callable[..., xr.Dataset]  # (activities, metric, **parameters) -> measure/1


def sweep_points(
    content: Mapping[str, Any],
    points: Mapping[int, Mapping[str, Any]],
    verbs: Verbs,
    *,
    source: str,
    realisations: int,
    metrics: Mapping[str, Mapping[str, Any]],
    stimuli: Sequence[xr.Dataset | None] = (None,),
) -> xr.Dataset:
    """Simulate and measure a model at some points of a sweep.

    content: the model's YAML. points: number in the sweep -> path of a parameter -> its value as the YAML has it.
    source: what the model is called. metrics: label -> its YAML. stimuli: recordings that each realisation is driven by.
    Returns sweep/1 over (point, realisation): of each metric the value of each realisation (units averaged), and over the point
    `_mean`, `_low` and `_high`, with `_over` what the interval is of. A realisation that blew up, and a point that the model
    does not take, are NaN, with `reason`; a realisation in which a metric has no value, with `<metric>_reason`.
    """
    entries = {label: Metric.validate_python({label.partition(".")[0]: dict(given)}) for label, given in metrics.items()}
    found = []
    for number, point in points.items():
        reasons, activities = _simulated(content, point, realisations, verbs, stimuli)
        named = [a.assign_attrs(source=source) for a in activities]
        measured = xr.Dataset({"reason": ("realisation", np.array(reasons, object))})
        for label, entry in entries.items() if named else ():
            estimate = verbs.measure(named, entry.name, **entry.parameters)
            measured = measured.assign(dict(_variables(label, estimate, reasons)))
        found.append(measured.expand_dims("point").assign_coords(_coordinates(number, point, realisations)))
        _log.info("point %d: %d of %d realisations", number, reasons.count(""), realisations)
    joined = joined_points(found)
    joined.attrs = {"schema": "sweep/1", "source": source, "source_kind": "model", "metrics": json.dumps(list(metrics))}
    joined.attrs["bookkeeping"] = book(joined)
    return check(joined, "sweep/1")


def joined_points(parts: Sequence[xr.Dataset]) -> xr.Dataset:
    """The points of some datasets, one after the other; what a point does not have is NaN, or no words."""
    # A point without any value has no variable of words either, and NaN is no text.
    fill: dict[Any, Any] = {name: "" for part in parts for name, v in part.variables.items() if v.dtype.kind in "OUT"}
    fill = {name: np.nan for part in parts for name in part.variables} | fill
    joined = xr.concat(parts, "point", data_vars="all", coords="minimal", compat="override", join="outer", fill_value=fill)
    for name, variable in joined.variables.items():
        known = next(part[name].attrs for part in parts if name in part.variables)
        variable.attrs = dict(known)
    return joined


def book(points: xr.Dataset) -> str:
    """In = out + dropped, of the realisations (JSON)."""
    reasons = points.reason.values.ravel().astype(str)
    dropped = {reason: int(n) for reason, n in zip(*np.unique(reasons[reasons != ""], return_counts=True), strict=True)}
    counts = {"in": reasons.size, "out": int(np.sum(reasons == "")), "dropped": dropped}
    return json.dumps({"realisations": counts}, sort_keys=True)


def _simulated(
    content: Mapping[str, Any], point: Mapping[str, Any], realisations: int, verbs: Verbs, stimuli: Sequence[xr.Dataset | None]
) -> tuple[list[str], list[xr.Dataset]]:
    """Of each realisation why it was lost ("": it was not), and the activities of the others."""
    model, wrong = validated(at_point(content, point))
    if model is None:
        return ["; ".join(wrong)] * realisations, []
    reasons = [""] * realisations
    activities: list[xr.Dataset] = []
    for k in range(realisations):
        try:
            runs = [verbs.simulate(model, replicate=k, stimulus=stimulus) for stimulus in stimuli]
            activities += [part for run in runs for part in verbs.sessions(run, model.sessions)]
        except SimulationError as error:
            reasons[k] = str(error)
    return reasons, activities


def _coordinates(number: int, point: Mapping[str, Any], realisations: int) -> dict[str, Any]:
    """The parameters in SI."""
    coordinates: dict[str, Any] = {"point": [number], "realisation": np.arange(realisations)}
    for path, value in point.items():
        unit = units.si_unit(value) if isinstance(value, str) else "1"
        in_si = units.parse(value, unit) if isinstance(value, str) else float(value)
        coordinates[path] = ("point", [in_si], {"units": unit, "long_name": path})
    return coordinates


def _variables(label: str, estimate: xr.Dataset, reasons: Sequence[str]) -> Iterator[tuple[str, xr.DataArray]]:
    """The variables of one metric at one point."""
    by_condition = {}
    missing = json.loads(estimate.attrs["not_applicable"])
    for words, replicates in conditions(estimate).items():
        kept = [r for r in replicates if r not in missing] or replicates
        cells = {kind or "all": _cell(estimate, kept, kind, len(reasons)) for kind in (None, *cell_types(estimate))}
        by_condition[words] = _stacked("cell_type", cells)
    whole = _stacked("condition", by_condition)
    variable = estimate[estimate.attrs["metric"]]
    for suffix, values in whole.data_vars.items():
        name = f"{label}{suffix}"
        attributes = {} if values.dtype == object else {"units": variable.attrs["units"]}
        yield (
            name,
            values.assign_attrs(attributes | {"long_name": f"{variable.attrs.get('long_name', label)}{_SAID[str(suffix)]}"}),
        )
    yield f"{label}_reason", xr.DataArray(_why(estimate, whole[""], reasons), dims="realisation")


_SAID = {
    "": "",
    "_mean": ": mean over realisations",
    "_low": ": 95 % interval, low",
    "_high": ": 95 % interval, high",
    "_over": ": what the interval is over",
}


def _cell(estimate: xr.Dataset, replicates: Sequence[str], cell_type: str | None, realisations: int) -> xr.Dataset:
    """One condition and one type of units: each realisation, and what is known of all."""
    summary = summarise(estimate, replicates, cell_type=cell_type)
    of_type = estimate if cell_type is None else estimate.isel(unit=estimate.cell_type.values == cell_type)
    each = by_subject(of_type, replicates).reindex(subject=[str(k) for k in range(realisations)])
    over = np.array(summary.over.replace("subjects", "realisations"), object)
    values = {"": each.rename(subject="realisation").drop_vars("realisation"), "_mean": summary.mean, "_low": summary.low}
    return xr.Dataset({**values, "_high": summary.high, "_over": ((), over)})


def _stacked(dim: str, parts: Mapping[str, xr.Dataset]) -> xr.Dataset:
    """Datasets along a dimension of names; one alone has no such dimension."""
    if len(parts) == 1:
        return next(iter(parts.values()))
    return xr.concat(list(parts.values()), dim, join="outer", coords="minimal", compat="override").assign_coords(
        {dim: list(parts)}
    )


def _why(estimate: xr.Dataset, values: xr.DataArray, reasons: Sequence[str]) -> Any:
    """Why each realisation has no value of the metric, in some condition or type of units; "" where it has."""
    missing = json.loads(estimate.attrs["not_applicable"])
    parts = [d for d in ("condition", "cell_type") if d in values.dims]
    known = values.notnull().any([d for d in values.dims if d not in ("realisation", *parts)])
    said: list[str] = []
    for k, reason in enumerate(reasons):
        own = [str(r) for r, s in zip(estimate.replicate.values, estimate.subject.values, strict=True) if str(s) == str(k)]
        told = "; ".join(dict.fromkeys(missing[r] for r in own if r in missing))
        told = reason or told or f"undefined; it is {estimate.attrs['metric_source']}"
        has_value = known.isel(realisation=k)
        absent = [
            " ".join(str(has_value[d].values[i]) for d, i in zip(parts, at, strict=True)) for at in np.argwhere(~has_value.values)
        ]
        said.append("" if not absent else told if not has_value.any() else f"{', '.join(absent)}: {told}")
    return np.array(said, object)
