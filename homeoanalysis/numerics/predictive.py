"""How surprising data are under a model: where they rank among data sets that the model could have made."""

import itertools
import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
_MOST = 10_000  # data sets; where there are more, so many are drawn


class Predictive(NamedTuple):
    """A two-sided p-value, and the least that it can be with so many realisations."""

    p: float
    least: float


def predictive_p(
    observed: Sequence[Floats],
    simulated: Sequence[Floats],
    statistic: Callable[[list[Floats]], Floats],
    rng: np.random.Generator,
) -> Predictive:
    """Two-sided posterior-predictive p-value, 2 min(P(T(x_rep) >= T(x)), P(T(x_rep) <= T(x))), at most 1.

    observed, simulated: for each group (level of a factor) the numbers of the recorded subjects, and of the realisations.
    statistic: of the means of the groups, (data set,) each. A replicated data set has as many members in each group as the data,
    taken from the realisations and the recorded subjects together: under the model these are exchangeable, so that p is exact
    with few realisations, too: P(p <= a) <= a. With one recorded subject it is the rank of its value among those of the
    realisations. A data set is one of its own replicates, so that p is never 0.
    Source: Gelman, Meng & Stern 1996, Stat Sinica 6:733-807; exact by exchangeability: Besag & Clifford 1989, Biometrika
    76:633-642, doi:10.1093/biomet/76.4.633.
    """
    pools = [np.concatenate([seen, made]) for seen, made in zip(observed, simulated, strict=True)]
    sizes = [seen.size for seen in observed]
    number = math.prod(math.comb(pool.size, n) for pool, n in zip(pools, sizes, strict=True))
    if number <= _MOST:
        each = [
            np.array([pool[list(members)].mean() for members in itertools.combinations(range(pool.size), n)])
            for pool, n in zip(pools, sizes, strict=True)
        ]
        means = [m.ravel() for m in np.meshgrid(*each, indexing="ij")]  # the first of all is the data
    else:
        number = _MOST
        drawn = [rng.permuted(np.tile(pool, (number - 1, 1)), axis=1)[:, :n] for pool, n in zip(pools, sizes, strict=True)]
        means = [np.append(seen.mean(), d.mean(axis=1)) for seen, d in zip(observed, drawn, strict=True)]
    values = statistic(means)
    slack = 1e-12 * np.max(np.abs(values))  # sums in another order are the same data set
    sides = np.mean(values >= values[0] - slack), np.mean(values <= values[0] + slack)
    return Predictive(min(1.0, 2 * float(min(sides))), min(1.0, 2 / number))
