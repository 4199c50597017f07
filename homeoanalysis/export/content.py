"""What the formats share: signals segment by segment, intervals, and what a format has no place for."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.observed import Floats, segments, spike_trains

LABELS = ("unit_kind", "cell_type", "region")
INTERVALS = ("epoch", "trial", "state")


class Part(NamedTuple):
    """A signal in one segment; its values are read only when they are asked for."""

    name: str
    variable: xr.DataArray
    channels: list[str]
    segment: int
    first: int
    n_samples: int
    t_start: float

    def values(self, start: int = 0, stop: int | None = None) -> Floats:
        """Samples [start, stop) of the part, (sample, channel)."""
        stop = self.n_samples if stop is None else stop
        return np.asarray(self.variable[:, self.first + start : self.first + stop].values.T)


def parts(activity: xr.Dataset) -> Iterator[Part]:
    """Every signal in every segment in which it was recorded."""
    for name in (n for n in SIGNALS if n in activity):
        for k in range(activity.sizes["segment"]):
            first, count, t_start = (activity[f"{name}_{key}"].values[k] for key in ("first_sample", "sample_count", "t_start"))
            if count:
                yield Part(name, activity[name], channels(activity, name), k, int(first), int(count), float(t_start))


def channels(activity: xr.Dataset, name: str) -> list[str]:
    """The names of the channels of a signal; their numbers where it has no names."""
    dim = f"{name}_channel"
    return [str(c) for c in activity[dim].values] if dim in activity.coords else [str(k) for k in range(activity.sizes[dim])]


def trains(activity: xr.Dataset) -> list[tuple[str, Floats]]:
    """The units and their spike times; none where the activity has no spikes."""
    return list(zip(map(str, activity.unit.values), spike_trains(activity), strict=True)) if "spike_time" in activity else []


def isolated(activity: xr.Dataset, unit: int) -> NDArray[np.bool_]:
    """The segments in which a unit was isolated."""
    if "observed" in activity:
        return np.asarray(activity.observed.values[unit] == 1)
    return np.ones(activity.sizes["segment"], bool)


def labels(activity: xr.Dataset, unit: int) -> dict[str, str]:
    return {key: str(activity[key].values[unit]) for key in LABELS if key in activity}


def place(activity: xr.Dataset, unit: int) -> dict[str, float]:
    return {axis: float(activity[axis].values[unit]) for axis in ("x", "y") if axis in activity}


def intervals(activity: xr.Dataset, kind: str) -> list[tuple[float, float, str]]:
    """(start, stop, label) of the epochs, trials or states."""
    if f"{kind}_start" not in activity:
        return []
    n = activity.sizes[kind]
    named = "stimulus" if kind == "trial" else kind
    words = [str(v) for v in activity[named].values] if named in activity.variables else [""] * n
    return list(zip(activity[f"{kind}_start"].values.tolist(), activity[f"{kind}_stop"].values.tolist(), words, strict=True))


def observed(activity: xr.Dataset) -> list[tuple[float, float]]:
    start, stop = segments(activity)
    return list(zip(start.tolist(), stop.tolist(), strict=True))


def attributes(activity: xr.Dataset) -> str:
    """All attributes, and the curation table of a recording under `curated`, as one JSON text."""
    found = {k: v.item() if hasattr(v, "item") else v for k, v in activity.attrs.items()}
    table = {str(n): v.values.tolist() for n, v in activity.variables.items() if v.dims == ("curated",)}
    return json.dumps(found | ({"curated": table} if table else {}), sort_keys=True)


def refuse(activity: xr.Dataset, names: Sequence[str], form: str) -> None:
    """Raises DataError for variables that a format has no place for."""
    found = [n for n in activity.variables if str(n).removesuffix("_origin") in names or str(n) in names]
    if found:
        raise DataError(
            f"{form} has no place for {', '.join(map(str, found))}, which would be lost; export to mat, which holds all"
        )


def json_of(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
