"""Near neurons are connected more often than far ones."""

from collections.abc import Iterator
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Ends
from homeoanalysis.units import Metre


def distance_dependent(
    rng: np.random.Generator,
    ends: Ends,
    *,
    probability: Annotated[float, Field(gt=0, le=1)],
    width: Annotated[Metre, Field(gt=0)],
    profile: Literal["gaussian", "exponential"] = "gaussian",
) -> Iterator[np.ndarray]:
    """Independent connections with a probability that falls with the distance d on a square torus.

    probability exp(-d^2 / (2 width^2)), or probability exp(-d / width): `probability` is that at distance 0. Both populations
    need an `extent`, the side of the torus.

    Yields the sorted targets of each source neuron. No neuron connects to itself.
    Source: Mehring et al. 2003, Biol Cybern 88:395-408, doi:10.1007/s00422-002-0384-4.
    """
    if ends.source_position is None or ends.target_position is None or ends.extent is None:
        raise SimulationError(
            "distance_dependent: a population has no positions; give source and target the same extent, e.g. extent: '1 mm'"
        )
    if ends.source_position.max() > ends.extent:
        raise SimulationError("distance_dependent: source and target have different extents; they must lie on one torus")
    x, y = np.ascontiguousarray(ends.target_position.T)
    for j, (x_source, y_source) in enumerate(ends.source_position):
        u = rng.random(ends.n_target)
        near = np.flatnonzero(u < probability)
        square = (_apart(x[near], x_source, ends.extent) ** 2 + _apart(y[near], y_source, ends.extent) ** 2) / width**2
        fall = np.exp(-0.5 * square) if profile == "gaussian" else np.exp(-np.sqrt(square))
        row = near[u[near] < probability * fall]
        yield row[row != j] if ends.is_recurrent else row


def _apart(a: np.ndarray, b: float, extent: float) -> np.ndarray:
    """Distance along one side of the torus."""
    straight = np.abs(a - b)
    return np.minimum(straight, extent - straight)
