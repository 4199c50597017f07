"""Every pair of neurons is connected with the same probability."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Ends


def fixed_probability(
    rng: np.random.Generator, ends: Ends, *, probability: Annotated[float, Field(ge=0, le=1)]
) -> Iterator[np.ndarray]:
    """Independent connections (Erdős–Rényi graph): in- and out-degrees are binomial.

    Yields the sorted targets of each source neuron. No neuron connects to itself.
    Source: Erdős & Rényi 1959, Publ Math Debrecen 6:290-297; in networks of neurons Brunel 2000,
    J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027 uses fixed in-degrees instead.
    """
    for j in range(ends.n_source):
        row = np.flatnonzero(rng.random(ends.n_target) < probability)
        yield row[row != j] if ends.is_recurrent else row
