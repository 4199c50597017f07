"""What the formats share: signals segment by segment, intervals, and what a format has no place for."""

import json
from collections.abc import Collection, Iterator, Mapping
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
    formulas: list[str]  # what each channel is, where a model says it
    segment: int
    first: int
    n_samples: int
    t_start: float

    def values(self, start: int = 0, stop: int | None = None) -> Floats:
        """Samples [start, stop) of the part, (sample, channel)."""
        stop = self.n_samples if stop is None else stop
        return np.asarray(self.variable[:, self.first + start : self.first + stop].values.T)

    def described(self) -> str:
        """The channels and what they are, as JSON."""
        return json_of({"channels": self.channels} | ({"formulas": self.formulas} if self.formulas else {}))


def parts(activity: xr.Dataset) -> Iterator[Part]:
    """Every signal in every segment in which it was recorded."""
    for name in (n for n in SIGNALS if n in activity):
        said = [str(f) for f in activity[f"{name}_formula"].values] if f"{name}_formula" in activity else []
        for k in range(activity.sizes["segment"]):
            first, count, t_start = (activity[f"{name}_{key}"].values[k] for key in ("first_sample", "sample_count", "t_start"))
            if count:
                yield Part(name, activity[name], channels(activity, name), said, k, int(first), int(count), float(t_start))


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


def known(activity: xr.Dataset) -> str:
    """The names of all units and what is known of them, as JSON: also of those without spikes, or isolated in no segment."""
    names = [key for key in ("unit", *LABELS, "x", "y") if key in activity.variables]
    return json_of({key: activity[key].values.tolist() for key in names})


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
    """As one JSON text: all attributes, under `variables` those of each variable, and under their dimension what is left.

    That is the curation table of a recording, where epochs come from, and the bandwidth of covariates.
    """
    tables: dict[str, dict[str, Any]] = {}
    for name, variable in activity.variables.items():
        if is_table(variable, str(name)):
            tables.setdefault(str(variable.dims[0]), {})[str(name)] = variable.values.tolist()
    of_variables = {str(name): _plain(variable.attrs) for name, variable in activity.variables.items() if variable.attrs}
    return json.dumps(_plain(activity.attrs) | tables | {"variables": of_variables}, sort_keys=True)


def _plain(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(k): v.item() if hasattr(v, "item") else v for k, v in attributes.items()}


def is_table(variable: xr.Variable, name: str) -> bool:
    """Whether a variable stands in the JSON text: a few values about a recording, which formats have no place for."""
    return variable.dims == ("curated",) or name in ("epoch_origin", "covariate_bandwidth")


def refuse(activity: xr.Dataset, kept: Collection[str], form: str) -> None:
    """Raises DataError for variables that a format has no place for: all that are not among `kept` or the tables."""
    found = [str(n) for n, v in activity.variables.items() if n not in kept and not is_table(v, str(n))]
    if found:
        raise DataError(f"{form} has no place for {', '.join(found)}, which would be lost; export to mat, which holds all")


_SIGNALS = {n + end for n in SIGNALS for end in ("", "_first_sample", "_sample_count", "_t_start", "_channel", "_formula")}
_UNITS = {"spike_time", "spike_count", "observed", "unit", "x", "y", *LABELS}
_SPANS = {f"{kind}_{end}" for kind in ("segment", *INTERVALS) for end in ("start", "stop")} | {"epoch", "state", "stimulus"}
PLACES = frozenset(_SIGNALS | _UNITS | _SPANS)  # what nwb and nix hold; both write all of it


def json_of(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
