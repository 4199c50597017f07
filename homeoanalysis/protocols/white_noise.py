"""Private white noise on the membrane of each neuron."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.xoshiro import normal_pair, random_state
from homeoanalysis.units import Volt


class WhiteNoise(NamedTuple):
    """Gaussian white noise current, independent for each neuron.

    tau_m dv/dt = ... + sigma sqrt(2 tau_m) xi(t): `sigma` is the standard deviation that the free membrane (no
    threshold, no synapse) settles at. The kicks are sized for the neuron's own step, so that this holds at any dt.

    Source: Uhlenbeck & Ornstein 1930, Phys Rev 36:823-841, doi:10.1103/PhysRev.36.823; exact update of
    Gillespie 1996, Phys Rev E 54:2084-2091, doi:10.1103/PhysRevE.54.2084, eq. 1.9.
    """

    population: str
    sigma: Annotated[Volt, Field(ge=0)]

    def build(self, target: Target, rng: np.random.Generator) -> "_Kicks":
        """The noise of one population."""
        # A kick comes before the step, which shrinks it by `decay`.
        decay = target.cell.decay
        return _Kicks(random_state(rng), target.membrane.v, target.n, self.sigma * math.sqrt(1 - decay**2) / decay)


class _Kicks(NamedTuple):
    random: np.ndarray
    v: np.ndarray
    n: int
    size: float

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        for i in range(0, item.n, 2):
            a, b = normal_pair(item.random)
            item.v[i] += item.size * a
            if i + 1 < item.n:
                item.v[i + 1] += item.size * b
