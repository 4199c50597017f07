"""Some neurons have many synapses, most have few."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Ends

_LOSS = 0.05  # of the synapses that may be lost where a probability would be above 1


def lognormal_degrees(
    rng: np.random.Generator,
    ends: Ends,
    *,
    probability: Annotated[float, Field(gt=0, le=1)],
    cv_in: Annotated[float, Field(ge=0)] = 0.5,
    cv_out: Annotated[float, Field(ge=0)] = 0.5,
) -> Iterator[np.ndarray]:
    """Independent connections with the probability `probability` x_j y_i: the expected out-degree of j goes with x_j, the
    expected in-degree of i with y_i, lognormal variables of mean 1 and the coefficients of variation `cv_out` and `cv_in`.

    Yields the sorted targets of each source neuron; no neuron connects to itself. A probability above 1 counts as 1; an
    error tells where that costs more than 5 % of the synapses.
    Source: graphs with given expected degrees, Chung & Lu 2002, Ann Comb 6:125-145, doi:10.1007/PL00012580; lognormal numbers
    of synapses, Buzsaki & Mizuseki 2014, Nat Rev Neurosci 15:264-278, doi:10.1038/nrn3687.
    """
    lost = 0.0
    out = _mean_one(rng, cv_out, ends.n_source)
    into = _mean_one(rng, cv_in, ends.n_target) * probability
    for j in range(ends.n_source):
        p = out[j] * into
        lost += float(np.maximum(p - 1, 0).sum())
        row = np.flatnonzero(rng.random(ends.n_target) < p)
        yield row[row != j] if ends.is_recurrent else row
    share = lost / (out.sum() * into.sum())
    if share > _LOSS:
        raise SimulationError(
            f"lognormal_degrees: {share:.1%} of the synapses are lost, since neurons with many of them reach all others; "
            f"lower probability, cv_in or cv_out"
        )


def _mean_one(rng: np.random.Generator, cv: float, n: int) -> np.ndarray:
    variance = np.log1p(cv**2)
    return rng.lognormal(-variance / 2, np.sqrt(variance), n)
