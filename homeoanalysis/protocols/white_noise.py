"""Private white noise on the membrane of each neuron."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.counter import normal_pair, subkey
from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Target
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

    def build(self, target: Target, key: np.uint64) -> "_Kicks":
        """The noise of one population."""
        # A kick comes before the step, which shrinks it by `decay`.
        decay = np.asarray(target.cell.decay)
        if not np.all(decay):
            raise SimulationError(
                f"white_noise drives {self.population!r}, whose neurons forget their potential in every step; "
                f"give them poisson_input, or another neuron"
            )
        size = self.sigma * np.sqrt(1 - decay**2) / decay
        if size.ndim:
            size = size[target.offset : target.offset + target.n]
        return _Kicks(key, target.state.v, target.n, target.offset, target.grid.number(size))


class _Kicks(NamedTuple):
    key: np.uint64
    v: np.ndarray
    n: int
    offset: int  # even
    size: Any

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        key = subkey(item.key, t)
        for i in range(0, item.n, 2):
            a, b = normal_pair(key, (item.offset + i) >> 1)
            item.v[i] += at(item.size, i) * a
            if i + 1 < item.n:
                item.v[i + 1] += at(item.size, i + 1) * b
