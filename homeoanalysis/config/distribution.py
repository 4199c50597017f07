"""Values that differ between neurons or synapses: `{normal: {mean: 20 ms, sd: 2 ms}}` in the place of one value."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from homeoanalysis import catalogue

_ARGUMENTS = {"uniform": ("low", "high"), "normal": ("mean", "sd"), "lognormal": ("mean", "sd")}
KINDS = tuple(_ARGUMENTS)
_BOUNDS = ("low", "high")  # a normal distribution may be cut
_LEAST = 0.01  # what must be left of it: what falls outside is drawn again
_WIDEST = 1000  # sd of a lognormal distribution, in units of its mean


class Distribution(NamedTuple):
    """A distribution and its arguments in SI; `lognormal` has the mean and standard deviation of the value itself."""

    kind: str
    arguments: dict[str, float]

    def draw(self, rng: np.random.Generator, n: int) -> np.ndarray:
        """n independent values; a cut normal distribution is drawn again where it falls outside."""
        a = self.arguments
        if self.kind == "uniform":
            return rng.uniform(a["low"], a["high"], n)
        if self.kind == "lognormal":
            variance = math.log1p((a["sd"] / a["mean"]) ** 2)
            return rng.lognormal(math.log(a["mean"]) - variance / 2, math.sqrt(variance), n)
        values = rng.normal(a["mean"], a["sd"], n)
        low, high = a.get("low", -math.inf), a.get("high", math.inf)
        while (outside := np.flatnonzero((values < low) | (values > high))).size:
            values[outside] = rng.normal(a["mean"], a["sd"], outside.size)
        return values


def distribution(value: object, parse: Callable[[object], float]) -> Distribution:
    """The distribution that a mapping of the YAML describes; `parse` reads one of its values.

    Raises ValueError with what is wrong and how to write it.
    """
    example = "write e.g. {normal: {mean: 20 ms, sd: 2 ms}}"
    if not isinstance(value, dict) or len(value) != 1:
        raise ValueError(f"is {value!r}, not a value or one distribution; {example}")
    ((kind, written),) = value.items()
    if kind not in _ARGUMENTS:
        raise ValueError(f"is {kind!r}, which is no distribution; {catalogue.did_you_mean(str(kind), _ARGUMENTS)}")
    needed = _ARGUMENTS[kind]
    allowed = {*needed, *(_BOUNDS if kind == "normal" else ())}
    if not isinstance(written, dict) or not set(needed) <= set(written) <= allowed:
        raise ValueError(f"is {kind} with {written!r}; it takes {', '.join(sorted(allowed))}; {example}")
    arguments = {key: parse(text) for key, text in written.items()}
    if kind == "lognormal" and arguments["mean"] <= 0:
        raise ValueError(f"is lognormal with the mean {written['mean']!r}; it must be above 0")
    if arguments.get("sd", 0.0) < 0:
        raise ValueError(f"is {kind} with the sd {written['sd']!r}; it must not be negative")
    low, high = arguments.get("low", -math.inf), arguments.get("high", math.inf)
    if not low < high:
        raise ValueError(f"is {kind} from {written['low']!r} to {written['high']!r}; low must be below high")
    if kind == "lognormal" and arguments["sd"] > _WIDEST * arguments["mean"]:
        raise ValueError(f"is lognormal with the sd {written['sd']!r}, more than {_WIDEST} times its mean; lower it")
    if kind == "normal" and not low <= arguments["mean"] <= high:
        raise ValueError(f"is normal with the mean {written['mean']!r} outside of its bounds; move one of them")
    if kind == "normal" and _inside(arguments["mean"], arguments["sd"], low, high) < _LEAST:
        raise ValueError(f"is normal with bounds that leave less than {_LEAST:g} of it; widen them, or lower the sd")
    return Distribution(kind, arguments)


def _inside(mean: float, sd: float, low: float, high: float) -> float:
    """The share of a normal distribution between the bounds."""
    if sd == 0:
        return 1.0
    below = [math.erf(min(max((bound - mean) / sd / math.sqrt(2), -1e3), 1e3)) / 2 for bound in (low, high)]
    return below[1] - below[0]
