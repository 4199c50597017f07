"""Clusters of neurons that are connected more densely within than between."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Ends


def modular(
    rng: np.random.Generator,
    ends: Ends,
    *,
    modules: Annotated[int, Field(ge=1)],
    within: Annotated[float, Field(ge=0, le=1)],
    between: Annotated[float, Field(ge=0, le=1)],
) -> Iterator[np.ndarray]:
    """Independent connections, with the probability `within` in a module and `between` two of them (stochastic block model).

    Neuron i of n belongs to module floor(i modules / n), so that modules of two populations with the same number of them meet.
    Yields the sorted targets of each source neuron. No neuron connects to itself.
    Source: Litwin-Kumar & Doiron 2012, Nat Neurosci 15:1498-1505, doi:10.1038/nn.3220.
    """
    module = np.arange(ends.n_target) * modules // ends.n_target
    for j in range(ends.n_source):
        p = np.where(module == j * modules // ends.n_source, within, between)
        row = np.flatnonzero(rng.random(ends.n_target) < p)
        yield row[row != j] if ends.is_recurrent else row
