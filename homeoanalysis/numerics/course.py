"""Values that change in steps over a run, as a config lists them: [[time, value], ...]."""

import itertools
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator, Field

from homeoanalysis.numerics.composition import kernel
from homeoanalysis.units import Second


def _increasing(steps: list[tuple[float, float]]) -> list[tuple[float, float]]:
    times = [time for time, _ in steps]
    if times[0] < 0 or any(b <= a for a, b in itertools.pairwise(times)):
        raise ValueError(f"has the times {', '.join(f'{t:g} s' for t in times)}; they must increase, from 0 s or later on")
    return steps


def steps_of(value: Any) -> Any:
    """The annotated type of a list of [time, value]; `value` is the type of the values."""
    pair = Annotated[tuple[Second, value], Field(strict=False)]
    return Annotated[list[pair], Field(min_length=1), AfterValidator(_increasing)]


def edges_of(steps: list[tuple[float, float]], dt: float) -> np.ndarray:
    """The first time step of each value."""
    return np.round(np.array([time for time, _ in steps]) / dt).astype(np.int64)


@kernel
def latest(edge, t):  # type: ignore[no-untyped-def]
    """The index of the value in force at step t; -1 before the first."""
    k = -1
    while k + 1 < edge.size and edge[k + 1] <= t:
        k += 1
    return k
