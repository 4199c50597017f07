"""The same noise again and again."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.counter import normal_pair, subkey
from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.units import Second, Volt


class FrozenNoise(NamedTuple):
    """Gaussian white noise current whose realisation is repeated every `period`; each repetition is a trial.

    Sized as that of white_noise: `sigma` is the standard deviation at which the free membrane settles. Each neuron has noise of
    its own, or all have one where it is `shared`.

    Source: Mainen & Sejnowski 1995, Science 268:1503-1506, doi:10.1126/science.7770778.
    """

    population: str
    sigma: Annotated[Volt, Field(ge=0)]
    period: Annotated[Second, Field(gt=0)]
    shared: bool = False

    def build(self, target: Target, key: np.uint64) -> "_Kicks":
        """The noise of one population."""
        decay = np.asarray(target.cell.decay)
        if not np.all(decay):
            raise SimulationError(
                f"frozen_noise drives {self.population!r}, whose neurons forget their potential in every step; "
                f"give them poisson_input, or another neuron"
            )
        # A kick comes before the step, which shrinks it by `decay`.
        size = self.sigma * np.sqrt(1 - decay**2) / decay
        if size.ndim:
            size = size[target.offset : target.offset + target.n]
        period = max(1, round(self.period / target.grid.dt))
        return _Kicks(key, target.state.v, target.n, target.offset, target.grid.number(size), period, self.shared)

    def trials(self, until: float, key: np.uint64) -> list[tuple[float, float, str]]:
        """Start, stop [s] and stimulus of each whole repetition."""
        number = int((until + 1e-9) / self.period)
        return [(k * self.period, (k + 1) * self.period, "frozen noise") for k in range(number)]


class _Kicks(NamedTuple):
    key: np.uint64
    v: np.ndarray
    n: int
    offset: int  # even
    size: Any
    period: int  # steps
    is_shared: bool

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        key = subkey(item.key, t % item.period)
        common, _ = normal_pair(key, 0)
        for i in range(0, item.n, 2):
            a, b = common, common
            if not item.is_shared:
                a, b = normal_pair(key, (item.offset + i) >> 1)
            item.v[i] += at(item.size, i) * a
            if i + 1 < item.n:
                item.v[i + 1] += at(item.size, i + 1) * b
