"""All points of a sweep, from the files in which they were made."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.contracts import check
from homeoanalysis.errors import DataError
from homeoanalysis.sweep.points import book, joined_points


def gather(parts: Sequence[xr.Dataset], metrics: Mapping[str, object]) -> xr.Dataset:
    """The points of all parts (sweep/1) in order, with their provenance; the same whatever the parts were.

    metrics: labels. Raises DataError if a point is missing or stands twice.
    """
    joined = joined_points(parts).sortby("point")
    numbers = joined.point.values.tolist()
    if sorted(numbers) != list(range(len(numbers))):
        raise DataError(f"the parts hold the points {numbers}, not each point once; delete them and run again")
    for label in metrics:
        if label not in joined:  # nothing could be measured anywhere
            metric = catalogue.load("metrics", label.partition(".")[0])
            joined = joined.assign(_nothing(label, metric.units, metric.long_name, joined.sizes))
        why = joined[f"{label}_reason"]
        joined[f"{label}_reason"] = why.where(
            why != "", joined.reason.where(joined[label].isnull().all(_others(joined[label])), "")
        )
    joined = (
        joined[sorted(map(str, joined.data_vars))].transpose("point", "realisation", ..., missing_dims="ignore").sortby("point")
    )
    joined.attrs = {**parts[0].attrs, "bookkeeping": book(joined), "metrics": json.dumps(list(metrics))}
    return check(joined, "sweep/1")


def _others(values: xr.DataArray) -> list[str]:
    return [str(d) for d in values.dims if d not in ("point", "realisation")]


def _nothing(label: str, unit: str, long_name: str, sizes: Mapping[object, int]) -> dict[str, xr.Variable]:
    shape, about = (sizes["point"], sizes["realisation"]), {"units": unit, "long_name": long_name}
    empty = {f"{label}_{end}": xr.Variable("point", np.full(shape[0], np.nan), about) for end in ("mean", "low", "high")}
    words = {f"{label}_over": xr.Variable("point", np.full(shape[0], "", object))}
    words |= {f"{label}_reason": xr.Variable(("point", "realisation"), np.full(shape, "", object))}
    return {label: xr.Variable(("point", "realisation"), np.full(shape, np.nan), about), **empty, **words}
