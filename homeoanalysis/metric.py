"""What a metric is: a function of one activity, and the record of what it returns.

A file in `metrics/` decorates one function with `@metric(...)`. The record says units, dimensions, bounds,
companions and source, how two values are compared, and carries its generators: activities whose true value
is known (`truth`), surrogates that destroy what the metric measures (`surrogate`), and activities in which there is
nothing to find (`null`; by default the surrogates of a truth). The conformance tests run them on every metric file:
bias, coverage of every interval, and false positives of every p-value, threshold and interval.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeVar

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import WithJsonSchema

from homeoanalysis.errors import ContractError, NotApplicable
from homeoanalysis.numerics import observed

# A parameter that names an epoch: a study is held to name one that its sources have.
EpochName = Annotated[str, WithJsonSchema({"type": "string", "format": "epoch"})]


class Companion(NamedTuple):
    """A further variable that a metric returns; it is stored as `<metric>_<suffix>`."""

    units: str
    long_name: str
    bounds: tuple[float, float] = (-np.inf, np.inf)


class Truth(NamedTuple):
    """An activity whose true value of the metric is known.

    value: of the metric; companions: of further variables, by suffix. They broadcast against what is measured; NaN where
    no claim is made. conservative: why intervals and tests err less often than they say here, if they do.
    """

    activity: xr.Dataset
    value: Any
    parameters: Mapping[str, Any]
    companions: Mapping[str, Any] = {}
    conservative: str = ""


Scale = Literal["relative", "linear"]
Family = Literal["rates", "spectra", "coding"]  # firing-rate homeostasis, spectral structure, coding fidelity
Generate = Callable[[np.random.Generator], Truth]
Surrogate = Callable[[xr.Dataset, np.random.Generator], xr.Dataset]
T = TypeVar("T")
Wanted = dict[str, tuple[str, str, tuple[float, float]]]  # variable -> its unit, long name and bounds


class Estimate(NamedTuple):
    """What a Dataset of the metric alone is made of; to make one takes longer than most metrics of a half."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    units: str
    coordinates: dict[str, Any]  # of the dimensions that have one, as a Dataset takes it


def stacked(dim: str, labels: Sequence[str] | None, estimates: Sequence[Estimate]) -> Estimate:
    """Estimates of the same coordinates along a new first dimension. Raises ContractError if they have others."""
    first = estimates[0]
    for other in estimates[1:]:
        if other.dims != first.dims or other.values.shape != first.values.shape or not _agree(other, first):
            raise ContractError(f"estimates along {dim} differ in shape or coordinates: {_told(other)}, {_told(first)}")
    coordinates = first.coordinates if labels is None else {dim: list(labels), **first.coordinates}
    return first._replace(dims=(dim, *first.dims), values=np.stack([e.values for e in estimates]), coordinates=coordinates)


def _told(one: Estimate) -> str:
    return f"{dict(zip(one.dims, one.values.shape, strict=True))} with {one.coordinates}"


def _agree(one: Estimate, other: Estimate) -> bool:
    def plain(value: Any) -> Any:
        return value[1] if isinstance(value, tuple) else value

    mine, its = one.coordinates, other.coordinates
    return mine.keys() == its.keys() and all(np.array_equal(plain(mine[dim]), plain(its[dim])) for dim in mine)


def surrogate_of(truth: Generate, surrogate: Surrogate, value: Any = np.nan, conservative: str = "") -> Generate:
    """A null generator: surrogates of truths, and the value of the metric in them (NaN: none is claimed)."""

    def null(rng: np.random.Generator) -> Truth:
        known = truth(rng)
        return Truth(surrogate(known.activity, rng), value, known.parameters, conservative=conservative)

    return null


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
        self.family: Family = record["family"]
        self.truth: Generate = record["truth"]
        self.surrogate: Surrogate = record["surrogate"]
        self.null: Generate = record["null"]
        self.rejects: Callable[[xr.Dataset], Any] | None = record["rejects"]
        self.no_worst_case: str = record["no_worst_case"]
        self.not_inside: str = record["not_inside"]
        self.derived_from: tuple[str, ...] = record["derived_from"]
        self.each_epoch: bool = record["each_epoch"]
        self.long_name = (function.__doc__ or "").strip().splitlines()[0].rstrip(".")

    def __call__(self, activity: xr.Dataset, **parameters: Any) -> xr.Dataset:
        """Measure one activity. Raises NotApplicable if it holds nothing to measure."""
        return self._measured(activity, parameters, {self.name: (self.units, self.long_name, self.bounds)} | self._companions())

    def estimate(self, activity: xr.Dataset, **parameters: Any) -> Estimate:
        """The metric alone: what is taken of every half and surrogate, where intervals would be thrown away.

        Without the words beside it either: why a value is missing differs from half to half.
        """
        if not self.each_epoch:
            return self._estimate(activity, parameters, self.dims)
        dims = tuple(dim for dim in self.dims if dim != "epoch")
        found, _ = self._of_epochs(activity, lambda part: self._estimate(part, parameters, dims))
        some = next(iter(found.values()))
        nothing = some._replace(values=np.full(some.values.shape, np.nan))
        labels = list(observed.epochs(activity))
        joined = stacked("epoch", labels, [found.get(label, nothing) for label in labels])
        order = [*self.dims, *(dim for dim in some.dims if dim not in self.dims)]
        return joined._replace(dims=tuple(order), values=joined.values.transpose([joined.dims.index(dim) for dim in order]))

    def dataset(self, estimate: Estimate) -> xr.Dataset:
        """An estimate, or several, as a Dataset."""
        variable = (estimate.dims, estimate.values, self._attributes(estimate.units, self.long_name, self.bounds))
        return xr.Dataset({self.name: variable}, coords=estimate.coordinates)

    def _companions(self) -> Wanted:
        return {f"{self.name}_{k}": (c.units, c.long_name, c.bounds) for k, c in self.companions.items()}

    def _measured(self, activity: xr.Dataset, parameters: dict[str, Any], wanted: Wanted) -> xr.Dataset:
        """The wanted variables; of a metric that is taken in `each_epoch`, one after the other, joined.

        An epoch that cannot be measured is NaN, and only if none can, the reason of the first is raised.
        """
        if not self.each_epoch:
            return self._dataset(activity, parameters, self.dims, wanted)
        dims = tuple(dim for dim in self.dims if dim != "epoch")
        found, reasons = self._of_epochs(activity, lambda part: self._dataset(part, parameters, dims, wanted))
        some = next(iter(found.values()))
        missing = {label: _without_values(some, str(reason)) for label, reason in reasons.items()}
        every = [(found | missing)[label] for label in observed.epochs(activity)]
        words = [name for name in some.coords if name not in some.dims]
        joined = xr.concat(every, "epoch", data_vars="all", coords=words, join="exact").assign_coords(
            epoch=list(observed.epochs(activity))
        )
        return joined.transpose(*self.dims, ...)

    def _of_epochs(self, activity: xr.Dataset, take: Callable[[xr.Dataset], T]) -> tuple[dict[str, T], dict[str, NotApplicable]]:
        """What is found in each epoch, and why there is nothing in the others. Raises the first reason if none has anything."""
        found: dict[str, T] = {}
        reasons: dict[str, NotApplicable] = {}
        for label, (start, stop) in observed.epochs(activity).items():
            try:
                found[label] = take(observed.restrict(activity, np.array([start]), np.array([stop])))
            except NotApplicable as reason:
                reasons[label] = reason
        if not found:
            raise next(iter(reasons.values()))
        return found, reasons

    def _values(self, activity: xr.Dataset, parameters: dict[str, Any]) -> tuple[dict[str, Any], Mapping[str, Any]]:
        """What the function returns: its variables, and their coordinates."""
        values: dict[str, Any] = dict(self.function(activity, **parameters))
        coordinates = values.pop("coords")
        expected = {self.name, *self._companions()}
        if set(values) != expected:
            raise ContractError(f"metric {self.name} returned {sorted(values)}, but its record says {sorted(expected)}")
        return values, coordinates

    def _estimate(self, activity: xr.Dataset, parameters: dict[str, Any], own: tuple[str, ...]) -> Estimate:
        values, coordinates = self._values(activity, parameters)
        dims, value, units = _variable(values[self.name], own, self.units)
        return Estimate(dims, np.asarray(value), units, {dim: coordinates[dim] for dim in dims if dim in coordinates})

    def _dataset(self, activity: xr.Dataset, parameters: dict[str, Any], own: tuple[str, ...], wanted: Wanted) -> xr.Dataset:
        values, coordinates = self._values(activity, parameters)
        variables = {}
        for name, (units, long_name, bounds) in wanted.items():
            dims, value, units = _variable(values[name], own, units)
            variables[name] = (dims, value, self._attributes(units, long_name, bounds))
        made = xr.Dataset(variables, coords=coordinates)
        # A coordinate of companions alone, such as the time of a course, is another in every half.
        spanned = {dim for variable in made.data_vars.values() for dim in variable.dims}
        return made.drop_vars([name for name, value in made.coords.items() if not spanned.issuperset(value.dims)])

    @staticmethod
    def _attributes(units: str, long_name: str, bounds: tuple[float, float]) -> dict[str, Any]:
        ends = zip(("valid_min", "valid_max"), bounds, strict=True)
        return {"units": units, "long_name": long_name, **{k: float(b) for k, b in ends if np.isfinite(b)}}


def _variable(value: Any, own: tuple[str, ...], units: str) -> tuple[tuple[str, ...], Any, str]:
    """Dimensions, values and unit of what a metric returns for one variable."""
    value = value() if callable(value) else value
    value = value if isinstance(value, tuple) else (own, value)
    dims, values, units = value if len(value) == 3 else (*value, units)
    return ((dims,) if isinstance(dims, str) else tuple(dims)), values, units


def _without_values(like: xr.Dataset, reason: str) -> xr.Dataset:
    """NaN in the place of every value, and the reason in the place of words."""
    empty = {name: (v.dims, np.full(v.shape, np.nan), v.attrs) for name, v in like.data_vars.items()}
    words = {name: (v.dims, np.full(v.shape, reason), v.attrs) for name, v in like.coords.items() if name not in like.dims}
    return like.assign(empty).assign_coords({name: v for name, v in words.items() if like[name].dtype.kind in "OUT"})


def metric(
    *,
    units: str,
    dims: tuple[str, ...],
    bounds: tuple[float, float],
    companions: Mapping[str, Companion],
    source: str,
    scale: Scale | None,
    truth: Generate,
    surrogate: Surrogate,
    null: Generate | None = None,
    rejects: Callable[[xr.Dataset], Any] | None = None,
    family: Family = "rates",
    no_worst_case: str = "",
    not_inside: str = "",
    derived_from: tuple[str, ...] = (),
    each_epoch: bool = False,
) -> Callable[[Callable[..., Mapping[str, Any]]], Metric]:
    """Declare a metric.

    The function takes one activity and keyword-only parameters (their annotations are the config schema) and
    returns {metric: array or (dims, array), metric_companion: ..., "coords": {...}}; (dims, array, units) where the unit is
    that of the signal. A companion that takes time to compute may be a function without arguments, called only where it is
    wanted. Of `unit`, `pair` and `channel` it may have one: these run over all replicates.
    scale: how two values differ: "relative" (to the first), "linear" (difference), None (descriptive, never compared).
    null: activities in which there is nothing to find; by default surrogates of a truth, without a claim about the value.
    rejects: where a result rejects its null at 5 %, of a metric that gives a threshold; a companion `p` or `..._p` speaks
    for itself. family: under which of the three questions the report shows it. no_worst_case: what the surrogate is, where it is
    not the worst that a model can be. not_inside: why a value may lie outside of its own interval, where it may; elsewhere that
    is a fault of the dataset. derived_from: metrics from whose values this one is computed, so that it can agree although
    they differ. each_epoch: the function measures all time that it is given, and is given the time of one epoch after the other;
    what it returns has no dimension `epoch`, `dims` has it.
    """

    def wrap(function: Callable[..., Mapping[str, Any]]) -> Metric:
        record = dict(units=units, dims=dims, bounds=bounds, companions=dict(companions), source=source, scale=scale)
        generators = dict(truth=truth, surrogate=surrogate, null=null or surrogate_of(truth, surrogate))
        others = dict(family=family, no_worst_case=no_worst_case, derived_from=derived_from, each_epoch=each_epoch)
        others |= {"not_inside": not_inside}
        return Metric(function, {**record, **generators, **others, "rejects": rejects})

    return wrap
