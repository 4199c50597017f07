"""measure: activities of one source -> one metric of all of them (measure/1)."""

import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.contracts import LONG, check
from homeoanalysis.contracts.schemas import CONTENT
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.metric import Estimate, Metric, stacked
from homeoanalysis.numerics import observed, resampling
from homeoanalysis.numerics.blinding import Blindness, blinded
from homeoanalysis.provenance import rng_for

_log = logging.getLogger(__name__)
_PROGRESS = 10.0  # seconds between two lines of the log
DRAWS = ("half_a", "half_b", "null")
_CARRIED = ("subject", "session", "factors", "bookkeeping")  # what a measure keeps of each replicate


def measure(activities: Iterable[xr.Dataset], metric: str, *, blind: Blindness | None = None, **parameters: Any) -> xr.Dataset:
    """Take a metric of each activity (one replicate each) and join the results.

    activities: activity/1 datasets of one source, read one at a time. blind: measure them as a recording sees.
    metric: a name in metrics/; parameters: its keyword arguments, in SI.
    Returns measure/1. `unit` (or `pair`, `channel`) runs over those of all replicates, `unit_replicate(unit)` says whose it
    is; a metric without any has the dimension `replicate`. A replicate in which there is nothing to measure is NaN, and the
    attribute `not_applicable` (JSON) gives the reason for each.
    Raises ContractError for an activity that breaks its schema, DataError for parameters that the metric does not take.
    """
    thing = _metric(metric, parameters)
    (result,) = _collect(activities, thing, lambda activity: [thing(activity, **parameters)], 1, blind)
    _log.info("measured %s of %d replicates of %s", metric, result.sizes["replicate"], result.attrs["source"])
    return check(result, "measure/1")


def measure_draws(
    activities: Iterable[xr.Dataset],
    metric: str,
    *,
    draws: int,
    block: float,
    seed: int,
    only_epochs: Sequence[str] | None = None,
    blind: Blindness | None = None,
    **parameters: Any,
) -> dict[str, xr.Dataset]:
    """The metric of random halves of each activity ("half_a", "half_b") and of surrogates of the whole ("null").

    Both halves have the same observed time, so that estimates from them have the same bias. draws: how many; block: [s], see
    `resampling.Halves`.
    only_epochs: of a metric that is taken per epoch, the only ones that are dealt; all by default.
    Returns three measure/1 datasets with a dimension `draw`, none for a metric that is never compared or without draws.
    """
    thing = _metric(metric, parameters)
    if thing.scale is None or draws == 0:
        return {}

    def drawn(activity: xr.Dataset) -> list[xr.Dataset]:
        names = activity.attrs["source"], activity.attrs["replicate"]
        if only_epochs is not None and "epoch" in thing.dims:
            activity = _with_epochs(activity, only_epochs)
        activity = _inside_epochs(activity)
        halves = resampling.Halves(activity, block)
        found: list[list[Estimate]] = []
        told = time.monotonic()
        for draw in range(draws):
            first, second = halves.deal(rng_for(seed, "halves", *names, draw))
            surrogate = thing.surrogate(activity, rng_for(seed, "surrogate", *names, metric, draw))
            parts = (halves.take(first), halves.take(second), surrogate)
            found.append([thing.estimate(part, **parameters) for part in parts])
            if time.monotonic() - told > _PROGRESS:
                told = time.monotonic()
                _log.info("%s of %s, replicate %s: %d of %d draws", metric, *names, draw + 1, draws)
        return [thing.dataset(stacked("draw", None, kind)) for kind in zip(*found, strict=True)]

    joined = _collect(activities, thing, drawn, len(DRAWS), blind)
    return {kind: check(dataset, "measure/1") for kind, dataset in zip(DRAWS, joined, strict=True)}


def _metric(name: str, parameters: Mapping[str, Any]) -> Metric:
    """The metric of that name, if it takes these parameters. Raises DataError."""
    if name not in catalogue.names("metrics"):
        raise DataError(f"there is no metric {name!r}; {did_you_mean(name, catalogue.names('metrics'))}")
    fields = catalogue.parameters("metrics", name).model_fields
    for key, value in parameters.items():
        if key not in fields:
            raise DataError(f"{name} has no parameter {key!r}; {did_you_mean(key, fields)}")
        if isinstance(value, str) and fields[key].annotation is float:
            raise DataError(
                f"{name}: {key} is the text {value!r}; in Python write a number in SI units, e.g. {key}=0.001 for 1 ms"
            )
    missing = [key for key, field in fields.items() if field.is_required() and key not in parameters]
    if missing:
        raise DataError(f"{name} needs the parameter {missing[0]!r}; add it, as a number in SI units")
    thing: Metric = catalogue.load("metrics", name)
    return thing


def _with_epochs(activity: xr.Dataset, labels: Sequence[str]) -> xr.Dataset:
    """The activity with only these of its epochs. Raises NotApplicable if it has none of them."""
    kept = [label for label in observed.epochs(activity) if label in labels]
    if not kept:
        raise NotApplicable(f"no such epoch: {' or '.join(labels)}")
    return activity.sel(epoch=kept) if "epoch" in activity.dims else activity


def _inside_epochs(activity: xr.Dataset) -> xr.Dataset:
    """Halves hold nothing outside epochs, so that surrogates need not either."""
    start, stop = np.array(sorted(observed.epochs(activity).values())).T
    joined = np.concatenate([[True], start[1:] > np.maximum.accumulate(stop)[:-1]])
    return observed.restrict(activity, start[joined], np.maximum.reduceat(stop, np.flatnonzero(joined)))


def _collect(
    activities: Iterable[xr.Dataset],
    metric: Metric,
    take: Callable[[xr.Dataset], list[xr.Dataset]],
    n: int,
    blind: Blindness | None,
) -> list[xr.Dataset]:
    """Take `n` datasets of each activity, and join each of them over the activities."""
    found: list[list[xr.Dataset]] = []
    replicates: dict[str, dict[str, str]] = {}
    missing: dict[str, str] = {}
    attributes: dict[str, Any] = {}
    first_of: dict[str, tuple[str, str, set[str]]] = {}
    if isinstance(activities, xr.Dataset):
        raise DataError(f"{metric.name} was given one activity, not a list of them; write [activity]")
    for activity in activities:
        name = check(activity, "activity/1").attrs["replicate"]
        if name in replicates:
            raise DataError(
                f"metric {metric.name} was given two activities of replicate {name!r}, which would count twice; remove one"
            )
        try:
            activity = activity if blind is None else blinded(activity, blind)
        except NotApplicable as reason:
            missing[name] = str(reason)
        _refuse_copy(activity, first_of)
        replicates[name] = {key: activity.attrs[key] for key in _CARRIED} | {"epochs": json.dumps(observed.epochs(activity))}
        replicates[name]["warnings"] = activity.attrs.get("warnings", "[]")  # only ingest looks for what is wrong with data
        attributes = {key: activity.attrs[key] for key in ("source", "source_kind", "citation")}
        if name in missing:
            continue
        try:
            found.append([_labelled(measured, activity, name) for measured in take(activity)])
            _log.info("%s of %s, replicate %s: done", metric.name, activity.attrs["source"], name)
        except NotApplicable as reason:
            missing[name] = str(reason)
    if not replicates:
        raise DataError(f"metric {metric.name} was given no activity; check the source's replicates")
    attributes |= {"schema": "measure/1", "metric": metric.name, "not_applicable": json.dumps(missing, sort_keys=True)}
    attributes |= {"scale": metric.scale or "", "family": metric.family, "metric_source": metric.source}
    attributes |= {"no_worst_case": metric.no_worst_case, "derived_from": json.dumps(metric.derived_from)}
    attributes |= {"not_inside": metric.not_inside}
    coordinates = {key: ("replicate", [r[key] for r in replicates.values()]) for key in (*_CARRIED, "epochs", "warnings")}
    return [
        _joined([f[k] for f in found], metric, list(replicates))
        .assign_coords({"replicate": list(replicates), **coordinates})
        .assign_attrs(attributes)
        for k in range(n)
    ]


def _refuse_copy(activity: xr.Dataset, first_of: dict[str, tuple[str, str, set[str]]]) -> None:
    """Raises DataError where another subject was read from files of the same bytes under other names.

    Files of silence may be alike. first_of: what was read -> replicate, subject and file names of
    the first that was read from it.
    """
    (entry,) = [e for e in json.loads(activity.attrs.get("history", "[]")) if e["step"] == "ingest"] or [None]
    if entry is None or not any(activity[v].size for v in CONTENT if v in activity):
        return
    own = activity.attrs["replicate"], activity.attrs["subject"], set(entry["inputs"])
    twin, subject, names = first_of.setdefault(json.dumps(sorted(entry["inputs"].values())), own)
    if subject != own[1] and names.isdisjoint(own[2]):
        raise DataError(
            f"replicates {twin} and {own[0]} of {activity.attrs['source']} are two subjects, but were read from "
            f"files of the same content ({', '.join(sorted(names))}; {', '.join(sorted(own[2]))}): one would "
            "count twice; remove one, or name the right file"
        )


def _labelled(measured: xr.Dataset, activity: xr.Dataset, replicate: str) -> xr.Dataset:
    """Units, pairs, channels get names that are unique over replicates; a result without gets the dimension replicate."""
    along = _long(measured)
    if along is None:  # words beside the values are of this replicate, too
        words = {k: (("replicate", *v.dims), v.values[None]) for k, v in measured.coords.items() if k not in measured.dims}
        return measured.drop_vars(list(words)).expand_dims(replicate=[replicate]).assign_coords(words)
    names = [f"{replicate}/{u}" for u in measured[along].values]
    labelled = measured.assign_coords({along: names, f"{along}_replicate": (along, [replicate] * len(names))})
    if along != "unit":
        return labelled
    unknown = np.full(len(names), "unknown")
    kinds = {key: activity[key].values if key in activity else unknown for key in ("cell_type", "region")}
    return labelled.assign_coords({key: ("unit", [str(k) for k in each]) for key, each in kinds.items()})


def _long(measured: xr.Dataset) -> str | None:
    return next((d for d in LONG if d in measured.dims), None)


def _joined(found: list[xr.Dataset], metric: Metric, replicates: list[str]) -> xr.Dataset:
    if not found:
        nothing = xr.Dataset({metric.name: ("replicate", np.full(len(replicates), np.nan))})
        nothing[metric.name].attrs = {"units": metric.units, "long_name": metric.long_name}
        return nothing
    along = _long(found[0]) or "replicate"
    # Where a replicate has no value there are no words either, but NaN is no text.
    fill: Any = dict.fromkeys(found[0].variables, np.nan)
    fill |= {name: "" for name, words in found[0].coords.items() if words.dtype.kind in "OU"}
    how: dict[str, Any] = dict(join="outer", coords="minimal", compat="equals", fill_value=fill)
    joined = xr.concat(found, along, **how) if len(found) > 1 else found[0]
    return joined if along != "replicate" else joined.reindex(replicate=replicates, fill_value=fill)
