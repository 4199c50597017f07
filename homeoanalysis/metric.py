"""What a metric is: a function of one activity, and the record of what it returns.

A file in `metrics/` decorates one function with `@metric(...)`. The record says units, dimensions, bounds,
companions and source, how two values are compared, and carries two generators: activities whose true value
is known (`truth`) and surrogates that destroy what the metric measures (`surrogate`). The conformance tests
run both on every metric file.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.errors import ContractError


class Companion(NamedTuple):
    """A further variable that a metric returns; it is stored as `<metric>_<suffix>`."""

    units: str
    long_name: str
    bounds: tuple[float, float] = (-np.inf, np.inf)


class Truth(NamedTuple):
    """An activity whose true value of the metric is known."""

    activity: xr.Dataset
    value: Any  # broadcasts against the metric
    parameters: Mapping[str, Any]


Scale = Literal["relative", "linear"]
Surrogate = Callable[[xr.Dataset, np.random.Generator], xr.Dataset]


class Metric:
    """A metric: call it with an activity and its parameters to get a Dataset of the metric and its companions."""

    def __init__(self, function: Callable[..., Mapping[str, Any]], record: dict[str, Any]) -> None:
        functools.update_wrapper(self, function)
        self.function = function
        self.name = function.__name__
        self.units: str = record["units"]
        self.dims: tuple[str, ...] = record["dims"]
        self.bounds: tuple[float, float] = record["bounds"]
        self.companions: dict[str, Companion] = record["companions"]
        self.source: str = record["source"]
        self.scale: Scale | None = record["scale"]
        self.truth: Callable[[np.random.Generator], Truth] = record["truth"]
        self.surrogate: Surrogate = record["surrogate"]
        self.no_worst_case: str = record["no_worst_case"]
        self.derived_from: tuple[str, ...] = record["derived_from"]
        self.long_name = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")

    def __call__(self, activity: xr.Dataset, **parameters: Any) -> xr.Dataset:
        """Measure one activity. Raises NotApplicable if it holds nothing to measure."""
        return self._dataset(activity, parameters, {self.name: (self.units, self.long_name, self.bounds)} | self._companions())

    def estimate(self, activity: xr.Dataset, **parameters: Any) -> xr.Dataset:
        """The metric alone: what is taken of every half and surrogate, where intervals would be thrown away."""
        return self._dataset(activity, parameters, {self.name: (self.units, self.long_name, self.bounds)})

    def _companions(self) -> dict[str, tuple[str, str, tuple[float, float]]]:
        return {f"{self.name}_{k}": (c.units, c.long_name, c.bounds) for k, c in self.companions.items()}

    def _dataset(
        self, activity: xr.Dataset, parameters: dict[str, Any], wanted: dict[str, tuple[str, str, tuple[float, float]]]
    ) -> xr.Dataset:
        values: dict[str, Any] = dict(self.function(activity, **parameters))
        coordinates = values.pop("coords")
        expected = {self.name, *self._companions()}
        if set(values) != expected:
            raise ContractError(f"metric {self.name} returned {sorted(values)}, but its record says {sorted(expected)}")
        variables = {}
        for name, (units, long_name, bounds) in wanted.items():
            value = values[name]() if callable(values[name]) else values[name]
            value = value if isinstance(value, tuple) else (self.dims, value)
            dims, value, units = value if len(value) == 3 else (*value, units)
            attributes: dict[str, Any] = {"units": units, "long_name": long_name}
            attributes |= {k: float(b) for k, b in zip(("valid_min", "valid_max"), bounds, strict=True) if np.isfinite(b)}
            variables[name] = (dims, value, attributes)
        return xr.Dataset(variables, coords=coordinates)


def metric(
    *,
    units: str,
    dims: tuple[str, ...],
    bounds: tuple[float, float],
    companions: Mapping[str, Companion],
    source: str,
    scale: Scale | None,
    truth: Callable[[np.random.Generator], Truth],
    surrogate: Surrogate,
    no_worst_case: str = "",
    derived_from: tuple[str, ...] = (),
) -> Callable[[Callable[..., Mapping[str, Any]]], Metric]:
    """Declare a metric.

    The function takes one activity and keyword-only parameters (their annotations are the config schema) and
    returns {metric: array or (dims, array), metric_companion: ..., "coords": {...}}; (dims, array, units) where the unit is
    that of the signal. A companion that takes time to compute may be a function without arguments, called only where it is
    wanted. Of `unit`, `pair` and `channel` it may have one: these run over all replicates.
    scale: how two values differ: "relative" (to the first), "linear" (difference), None (descriptive, never compared).
    no_worst_case: what the surrogate is, where it is not the worst that a model can be. derived_from: metrics from whose
    values this one is computed, so that it can agree although they differ.
    """

    def wrap(function: Callable[..., Mapping[str, Any]]) -> Metric:
        record = dict(units=units, dims=dims, bounds=bounds, companions=dict(companions), source=source, scale=scale)
        generators = dict(truth=truth, surrogate=surrogate)
        return Metric(function, {**record, **generators, "no_worst_case": no_worst_case, "derived_from": derived_from})

    return wrap
