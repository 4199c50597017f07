"""Every pair of neurons is connected with the same probability."""

from typing import Annotated

import numpy as np
from pydantic import Field


def fixed_probability(
    rng: np.random.Generator,
    n_source: int,
    n_target: int,
    is_recurrent: bool,
    *,
    probability: Annotated[float, Field(ge=0, le=1)],
) -> list[np.ndarray]:
    """Independent connections (Erdős–Rényi graph): in- and out-degrees are binomial.

    Returns the sorted targets of each source neuron. No neuron connects to itself where `is_recurrent`.
    Source: Erdős & Rényi 1959, Publ Math Debrecen 6:290-297; in networks of neurons Brunel 2000,
    J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027 uses fixed in-degrees instead.
    """
    targets = []
    for j in range(n_source):
        row = np.flatnonzero(rng.random(n_target) < probability)
        targets.append(row[row != j] if is_recurrent else row)
    return targets
