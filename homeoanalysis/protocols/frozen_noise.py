"""The same noise again and again, with new noise in between."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.counter import normal_pair, subkey, uniform
from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.units import Second, Volt

_SAMPLE = 1e-3  # of the covariate [s]
_BLOCK = 100_000  # samples of the covariate that are made at a time


class FrozenNoise(NamedTuple):
    """Gaussian white noise current whose realisation is repeated every `period`; each repetition is a trial.

    Where `frozen` is given, only the first so many seconds of each period are repeated, and the rest is new noise each time: what
    is repeated shows how reliable a response is, what is new how much it says about a stimulus.
    Sized as that of white_noise: `sigma` is the standard deviation at which the free membrane settles. Each neuron has noise of
    its own, or all have one where it is `shared`: then it is the covariate of the activity, in means of 1 ms of unit variance.

    Source: Mainen & Sejnowski 1995, Science 268:1503-1506, doi:10.1126/science.7770778.
    """

    population: str
    sigma: Annotated[Volt, Field(ge=0)]
    period: Annotated[Second, Field(gt=0)]
    shared: bool = False
    frozen: Annotated[Second, Field(gt=0)] | None = None

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
        steps = self._steps(target.grid.dt)
        return _Kicks(key, target.state.v, target.n, target.offset, target.grid.number(size), *steps, self.shared)

    def trials(self, until: float, key: np.uint64) -> list[tuple[float, float, str]]:
        """Start, stop [s] and stimulus of each whole repetition."""
        length = self.period if self.frozen is None else self.frozen
        number = int((until + 1e-9 - length) / self.period) + 1 if until + 1e-9 >= length else 0
        return [(k * self.period, k * self.period + length, "frozen noise") for k in range(number)]

    def covariate(self, until: float, key: np.uint64, dt: float) -> tuple[np.ndarray, float] | None:
        """The shared noise till then in standard deviations, mean of each sample, and the sampling rate [Hz]; None without."""
        if not self.shared:
            return None
        period, frozen = self._steps(dt)
        per_sample = max(1, round(_SAMPLE / dt))
        samples = np.empty(round(until / dt) // per_sample)
        for first in range(0, samples.size, _BLOCK):
            part = samples[first : first + _BLOCK]
            step = per_sample * first + np.arange(part.size * per_sample)
            with np.errstate(over="ignore"):  # words of the random generator overflow on purpose
                of_step = subkey(key, np.where(step % period < frozen, step % period, step))
                radius = np.sqrt(-2 * np.log(1 - uniform(of_step, 0)))  # the first of the `normal_pair` of the step
                noise = radius * np.cos(2 * np.pi * uniform(of_step, 1))
            part[:] = noise.reshape(-1, per_sample).mean(axis=1) * np.sqrt(per_sample)
        return samples, 1 / (per_sample * dt)

    def _steps(self, dt: float) -> tuple[int, int]:
        """Of a period, and of its frozen part."""
        period = max(1, round(self.period / dt))
        return period, period if self.frozen is None else max(1, round(self.frozen / dt))


class _Kicks(NamedTuple):
    key: np.uint64
    v: np.ndarray
    n: int
    offset: int  # even
    size: Any
    period: int  # steps
    frozen: int
    is_shared: bool

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        k = t % item.period
        key = subkey(item.key, k if k < item.frozen else t)  # the first period uses the words below `frozen` for its frozen part
        common, _ = normal_pair(key, 0)
        for i in range(0, item.n, 2):
            a, b = common, common
            if not item.is_shared:
                a, b = normal_pair(key, (item.offset + i) >> 1)
            item.v[i] += at(item.size, i) * a
            if i + 1 < item.n:
                item.v[i + 1] += at(item.size, i + 1) * b
