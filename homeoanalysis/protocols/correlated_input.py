"""Poisson spike trains from outside the network that share events."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.counter import subkey, uniform
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.poisson import number_of, table
from homeoanalysis.units import Hertz, parse


class CorrelatedInput(NamedTuple):
    """Each neuron of a population gets a Poisson train of `rate`; the counts of any two have the coefficient `correlation`.

    A mother train of rate / correlation is copied to every neuron; each copy of an event is kept with the probability
    `correlation` (multiple interaction process). For independent trains, which this cannot make, take poisson_input.

    Source: Kuhn, Aertsen & Rotter 2003, Neural Comput 15:67-101, doi:10.1162/089976603321043702, section 2.2.
    """

    population: str
    channel: str
    rate: Annotated[Hertz, Field(ge=0)]
    correlation: Annotated[float, Field(gt=0, le=1)]
    weight: str

    def build(self, target: Target, key: np.uint64) -> "_Copies":
        """The events for some neurons of one population."""
        weight = target.grid.number(parse(self.weight, target.weight_units[self.channel]))
        mean = self.rate * target.grid.dt
        tables = table(mean / self.correlation)
        held = target.channels[self.channel]
        return _Copies(key, *tables, held, weight, target.n, target.offset, mean, 1.0, self.correlation)

    def scaled(self, made: "_Copies", scale: float) -> "_Copies":
        """The same input at `scale` times its rate."""
        return _refreshed(made._replace(scale=float(scale)))

    def correlated(self, made: "_Copies", correlation: float) -> "_Copies":
        """The same input with another correlation, at the rate that it has."""
        return _refreshed(made._replace(correlation=float(correlation)))


class _Copies(NamedTuple):
    key: np.uint64  # the same for all parts of a population: they copy one mother train
    cumulative: np.ndarray
    guide: np.ndarray
    channel: tuple
    weight: Any
    n: int
    offset: int
    mean: float  # events of a neuron in a step, before any scaling
    scale: float
    correlation: float

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        key = subkey(item.key, t)
        number = number_of(uniform(key, 0), item.cumulative, item.guide)
        if number > 0:
            arrivals = accept(item.channel, t)
            for k in range(number):
                event = subkey(key, k + 1)
                for i in range(item.n):
                    if uniform(event, item.offset + i) < item.correlation:
                        receive(arrivals, i, item.weight)


def _refreshed(made: _Copies) -> _Copies:
    cumulative, guide = table(made.mean * made.scale / made.correlation)
    return made._replace(cumulative=cumulative, guide=guide)
