"""Neighbours on a ring, some of whose connections are rewired."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Ends


def small_world(
    rng: np.random.Generator,
    ends: Ends,
    *,
    neighbours: Annotated[int, Field(ge=2, multiple_of=2)],
    rewiring: Annotated[float, Field(ge=0, le=1)],
) -> Iterator[np.ndarray]:
    """Directed Watts-Strogatz graph: each neuron sends to its `neighbours` nearest on a ring, half of them on each side; each
    connection moves with the probability `rewiring` to a target drawn from those that the neuron does not have.

    Yields the sorted targets of each source neuron: out-degrees are equal, there are no autapses and no multapses. Between
    two populations the rings lie on top of each other.
    Source: Watts & Strogatz 1998, Nature 393:440-442, doi:10.1038/30918.
    """
    n, possible = ends.n_target, ends.n_target - ends.is_recurrent
    if neighbours > possible:
        raise SimulationError(f"small_world: neighbours is {neighbours}, but a neuron has {possible} to send to; lower it")
    half = neighbours // 2
    around = np.concatenate([np.arange(-half, 0), np.arange(1, half + 1) if ends.is_recurrent else np.arange(half)])
    is_taken = np.zeros(n, bool)
    for j in range(ends.n_source):
        centre = j if ends.is_recurrent else j * n // ends.n_source
        row = (centre + around) % n
        moved = row[rng.random(neighbours) < rewiring]
        is_taken[row] = True
        if ends.is_recurrent:
            is_taken[centre] = True
        number = min(moved.size, n - int(np.count_nonzero(is_taken)))  # where all others are taken, what cannot move stays
        left = number
        while left:
            fresh = rng.integers(0, n, left)
            fresh = np.unique(fresh[~is_taken[fresh]])
            is_taken[fresh] = True
            left -= fresh.size
        is_taken[moved[:number]] = False
        if ends.is_recurrent:
            is_taken[centre] = False
        yield np.flatnonzero(is_taken)
        is_taken[:] = False
