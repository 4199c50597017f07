"""The points of a sweep: where its parameters lie in a model's YAML, which values they take, and what is wrong with them."""

import functools
import itertools
import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis import catalogue, units
from homeoanalysis.config.model import Model
from homeoanalysis.config.parameter_sweep import MULTIPLE, Axis, Sweep
from homeoanalysis.config.sizes import validated

_OF_THE_RUN = ("replicates", "batch")  # keys of a model that do not change what one realisation is


class Range(NamedTuple):
    """An axis in numbers: SI, of a parameter with a unit."""

    unit: str
    is_number: bool  # written without a unit
    is_whole: bool
    is_logarithmic: bool
    values: tuple[float, ...]  # of a list; else the two ends

    def at(self, share: float) -> float:
        """The value that lies at a share, from 0 to 1, of the range."""
        low, high = self.values
        if self.is_whole:  # each whole number has a slice of the range
            return min(math.floor(self._between(low, high + 1, share)), high)
        return self._between(low, high, share)

    def _between(self, low: float, high: float, share: float) -> float:
        return low * (high / low) ** share if self.is_logarithmic else low + share * (high - low)

    def listed(self, steps: int | None) -> list[float]:
        """The values of a grid."""
        if steps is None:
            return list(self.values)
        low, high = self.values
        between = [self._between(low, high, k / (steps - 1)) for k in range(1, steps - 1)]
        # the ends themselves, not what rounding makes of them
        return [low, *(float(round(x)) if self.is_whole else x for x in between), high]

    def written(self, value: float) -> str | int | float:
        """A value as the model's YAML has it."""
        return int(value) if self.is_whole else float(value) if self.is_number else units.written(value, self.unit)


class Fault(NamedTuple):
    """What is wrong with one parameter of a sweep; `which`: in the list of its values, None: with all of them."""

    path: str
    which: int | None
    text: str
    like: int | None = None  # of a table: the point that `which` repeats, in all parameters


def placed(content: Mapping[str, Any], path: str, value: object) -> dict[str, Any]:
    """The YAML of a model with another value of one parameter.

    path: keys joined by dots, as in variants; in lists the name of an entry. Or owner.entry.parameter, as in change_parameter.
    Raises ValueError where the path leads nowhere; whether its last key is known, the model's schema says.
    """
    found: dict[str, Any] = _put(dict(content), long_path(content, path).split("."), value, "the model")
    return found


def at_point(content: Mapping[str, Any], point: Mapping[str, Any]) -> dict[str, Any]:
    """The YAML of a model at a point of a sweep: path -> value."""
    return functools.reduce(lambda made, item: placed(made, *item), point.items(), dict(content))


def long_path(content: Mapping[str, Any], path: str) -> str:
    """The path as in variants: I_to_E.inhibitory_stdp.target_rate becomes projections.I_to_E.plasticity.inhibitory_stdp..."""
    owner, *rest = path.split(".")
    if owner in Model.model_fields or len(rest) != 2:
        return path
    population = content.get("populations", {}).get(owner)
    if population is not None:
        neuron = population.get("neuron", "")
        place = "neuron" if rest[0] in ([neuron] if isinstance(neuron, str) else neuron) else "plasticity"
        return ".".join(["populations", owner, place, *rest])
    return ".".join(["projections", owner, "plasticity", *rest]) if owner in content.get("projections", {}) else path


def _put(node: Any, parts: list[str], value: object, at: str) -> Any:
    if not parts:
        return value
    key, *rest = parts
    if isinstance(node, list):
        names = [next(iter(e), "") if isinstance(e, dict) else str(e) for e in node]
        if key not in names:
            raise ValueError(f"leads to {key!r}, which {at} does not list; {catalogue.did_you_mean(key, names)}")
        k = names.index(key)
        return [*node[:k], _put(node[k], parts, value, f"{at}"), *node[k + 1 :]]
    if node is None or node == key:  # an entry without parameters is written as its name alone
        node = {} if node is None else {key: None}
    if not isinstance(node, dict):
        raise ValueError(f"leads to {key!r} of {at}, which is {node!r} in the model; write the path of a single value")
    if rest and key not in node:
        raise ValueError(f"leads to {key!r}, which {at} does not have; {catalogue.did_you_mean(key, node)}")
    return {**node, key: _put(node.get(key), rest, value, key)}


def _present(content: Any, parts: list[str]) -> Any:
    """What the model says of a parameter; None where it leaves it to its default."""
    for key in parts:
        if isinstance(content, list):
            content = next((e for e in content if e == key or (isinstance(e, dict) and key in e)), None)
        content = content.get(key) if isinstance(content, dict) else None
    return content


def examined(sweep: Sweep, content: Mapping[str, Any]) -> tuple[dict[str, Range], list[Fault]]:
    """The ranges of a sweep of a model (its YAML), and what is wrong with them: the model is checked at the ends alone."""
    found: dict[str, Range] = {}
    wrong: list[Fault] = []
    meant: dict[str, str] = {}
    for path, axis in sweep.parameters.items():
        first = meant.setdefault(long_path(content, path), path)
        if first != path:
            wrong.append(Fault(path, None, f"is the same parameter as {first}; remove one"))
        elif path in _OF_THE_RUN:
            wrong.append(
                Fault(path, None, "is no parameter of what is simulated; write replicates and points_per_job of the sweep")
            )
        else:
            try:
                found[path] = _range(axis, path, content)
                own = list(_value_faults(path, axis, found[path], is_column=sweep.kind == "table"))
                wrong += own or _model_faults(path, axis, found[path], content)
            except ValueError as error:
                wrong.append(Fault(path, None, str(error)))
    if sweep.kind == "table" and not wrong:
        wrong += _repeated(found)
    elif sweep.points is not None and not wrong:
        wrong += _too_few(found, sweep.points)
    return found, wrong


def _range(axis: Axis, path: str, content: Mapping[str, Any]) -> Range:
    present = _present(content, long_path(content, path).split("."))
    if not _faults_at(path, "some text", content):
        raise ValueError("takes any text, as a title does; sweep a number or a quantity")
    written = _written(axis)
    pairs = [_si(value, present) for value in written]
    kinds = {unit for _, unit in pairs}
    if len(kinds) > 1:
        odd = next(w for w, (_, unit) in zip(written, pairs, strict=True) if unit != pairs[0][1])
        raise ValueError(f"has {written[0]!r} and {odd!r}, which are of different kinds; write them in one unit")
    values = [value for value, _ in pairs]
    unit = kinds.pop()
    if not axis.values:
        if present is not None and values[0] > values[1] and {str(w)[0] for w in written} == {"x"}:
            values.reverse()  # multiples of what is negative
        if not values[0] < values[1]:
            raise ValueError(f"is from {axis.low!r} to {axis.high!r}; low must be below high: exchange them")
        if axis.scale == "logarithmic" and values[0] <= 0:
            raise ValueError(f"is logarithmic from {axis.low!r} on; write a low above 0, or scale: linear")
    made = Range(unit or "1", not unit, False, axis.scale == "logarithmic", tuple(values))
    if unit or not _is_whole(path, made, content):
        return made
    # a tenth of 30 is 3.0000000000000004
    return made._replace(is_whole=True, values=tuple(float(f"{value:.12g}") for value in values))


def _written(axis: Axis) -> list[Any]:
    return axis.values or [axis.low, axis.high]


def _value_faults(path: str, axis: Axis, made: Range, *, is_column: bool) -> Iterator[Fault]:
    """Values that would have to be rounded, and values that are listed twice; in a column of a table they may be."""
    written, first = _written(axis), dict[float, Any]()
    for k, (value, number) in enumerate(zip(written, made.values, strict=True)):
        said = repr(value) if not isinstance(value, str) else f"{value!r} ({number:.15g})"
        if made.is_whole and not number.is_integer():
            mend = f"write {math.floor(number)} or {math.ceil(number)}"
            yield Fault(path, k, f"is {said}, but the model takes whole numbers only: {mend}")
            return
        if number in first and not is_column:
            other = first[number]
            twice = f"{value!r} twice" if value == other else f"{other!r} and {value!r}, which are the same"
            yield Fault(path, k, f"has {twice}; remove one")
            return
        first[number] = value
    if axis.steps is not None and (n := len(set(made.listed(axis.steps)))) < axis.steps:
        yield Fault(path, None, f"has steps: {axis.steps}, of which only {n} are different whole numbers; write fewer steps")


def _repeated(ranges: Mapping[str, Range]) -> Iterator[Fault]:
    """The first line of a table that is the same point as one before."""
    first: dict[tuple[float, ...], int] = {}
    for k, point in enumerate(zip(*(r.values for r in ranges.values()), strict=True)):
        if first.setdefault(point, k) != k:
            yield Fault(next(iter(ranges)), k, "", like=first[point])
            return


def _too_few(ranges: Mapping[str, Range], points: int) -> Iterator[Fault]:
    """Where more points are to be drawn than there are, of parameters that take whole numbers only."""
    every = math.prod(r.values[-1] - r.values[0] + 1 if r.is_whole else math.inf for r in ranges.values())
    if every < points:
        has = "and the other parameters have" if len(ranges) > 1 else "has"
        said = f"{has} {every:.0f} different values in whole numbers, but points is {points}; write fewer points, or a grid"
        yield Fault(next(iter(ranges)), None, said)


def _si(value: object, present: Any) -> tuple[float, str]:
    """The number of a value in SI, and its unit; "" of a plain number."""
    multiple = MULTIPLE.fullmatch(value) if isinstance(value, str) else None
    if multiple is not None:
        if isinstance(present, bool) or not isinstance(present, str | int | float):
            said = "leaves it to its default" if present is None else f"has {present!r}"
            raise ValueError(
                f"is {value!r}, a multiple of what the model says, but that {said}; write a value, here or in the model"
            )
        of, unit = _si(present, None)
        return float(multiple[1]) * of, unit
    if not isinstance(value, str):
        return float(value), ""  # type: ignore[arg-type]
    unit = units.si_unit(value)
    return units.parse(value, unit), unit


def _is_whole(path: str, made: Range, content: Mapping[str, Any]) -> bool:
    """Whether the model takes whole numbers only: where it refuses one between, and not the whole one beside it."""
    low, high = min(made.values), max(made.values)
    between = low + 0.41421 * (high - low)
    return bool(_faults_at(path, between, content)) and not _faults_at(path, round(between), content)


def _model_faults(path: str, axis: Axis, made: Range, content: Mapping[str, Any]) -> Iterator[Fault]:
    """What the model says of the least and the greatest value, as they are written; of both at most once."""
    listed = _written(axis)
    for k in sorted({int(np.argmin(made.values)), int(np.argmax(made.values))}):
        is_plain = isinstance(listed[k], str) and not MULTIPLE.fullmatch(str(listed[k]))
        faults = _faults_at(path, listed[k] if is_plain else made.written(made.values[k]), content)
        if faults:
            yield Fault(path, k, faults[0].removeprefix(f"{long_path(content, path)} "))
            return


def _faults_at(path: str, value: object, content: Mapping[str, Any]) -> list[str]:
    return validated(placed(content, path, value))[1]


def points(sweep: Sweep, ranges: Mapping[str, Range], rng: np.random.Generator) -> list[dict[str, Any]]:
    """The points of a sweep in order: path -> value as the model's YAML has it.

    Sobol points (scrambled, Owen) of one random stream are the beginning of a longer sequence, so that a sweep with twice as many
    has the first ones again. Source: McKay et al. 1979, doi:10.2307/1268522 (Latin hypercube); Sobol' 1967,
    doi:10.1016/0041-5553(67)90144-9; Owen 1998, doi:10.1006/jcom.1998.0487 (scrambling).
    """
    every = list(ranges.values())
    rows_of: Any
    if sweep.kind == "grid":
        rows_of = itertools.product(*(r.listed(sweep.parameters[path].steps) for path, r in ranges.items()))
    elif sweep.kind == "table":
        rows_of = zip(*(r.values for r in every), strict=True)
    else:
        from scipy.stats import qmc  # here, since the config check need not pay

        assert sweep.points is not None  # the schema sees to it
        made = qmc.Sobol(len(every), rng=rng) if sweep.kind == "sobol" else qmc.LatinHypercube(len(every), rng=rng)
        cube = made.random(sweep.points)
        rows_of = ([r.at(share) for r, share in zip(every, row, strict=True)] for row in cube)
    return [{path: r.written(x) for (path, r), x in zip(ranges.items(), row, strict=True)} for row in rows_of]
