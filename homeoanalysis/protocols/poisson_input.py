"""Independent Poisson spike trains from outside the network."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.traces import Trace, settle
from homeoanalysis.numerics.xoshiro import below, random_state, uniform
from homeoanalysis.units import Hertz, Quantity, parse

_GUIDE = 256


class PoissonInput(NamedTuple):
    """Each neuron of a population gets its own Poisson train of `rate` (all its outside synapses together).

    The trains are drawn together: the number of events in a step is Poisson(n rate dt), and each event picks its
    neuron uniformly. This is exact, and right where a neuron gets several events in a step.
    The weight is written in the unit of the channel, e.g. '1 nS'.

    Source: superposition and splitting of Poisson processes, Kingman 1993, Poisson Processes, sections 2.2 and 5.1.
    """

    population: str
    channel: str
    rate: Annotated[Hertz, Field(ge=0)]
    weight: Quantity

    def build(self, target: Target, rng: np.random.Generator) -> "_Events":
        """The events for one population."""
        weight = target.grid.dtype.type(parse(self.weight, target.weight_units[self.channel]))
        mean = target.n * self.rate * target.grid.dt
        return _Events(random_state(rng), *_table(mean), target.channels[self.channel], weight, target.n, mean)

    def scaled(self, events: "_Events", scale: float) -> "_Events":
        """The same input at `scale` times its rate, with the same random stream."""
        cumulative, guide = _table(events.mean * scale)
        return events._replace(cumulative=cumulative, guide=guide)


def _table(mean: float) -> tuple[np.ndarray, np.ndarray]:
    """Cumulative distribution of Poisson(mean), and for each 256th of [0, 1) where the search in it starts."""
    from scipy.special import pdtr

    cumulative = pdtr(np.arange(np.ceil(mean + 12 * np.sqrt(mean) + 40)), mean)
    cumulative[-1] = 1.0
    return cumulative, np.searchsorted(cumulative, np.arange(_GUIDE) / _GUIDE, side="right")


class _Events(NamedTuple):
    random: np.ndarray
    cumulative: np.ndarray
    guide: np.ndarray
    channel: Trace
    weight: Any
    n: int
    mean: float  # events in a step, before any scaling

    @staticmethod
    def arrive(item, t):  # type: ignore[no-untyped-def]
        u = uniform(item.random)
        number = item.guide[int(u * item.guide.size)]
        while u >= item.cumulative[number]:
            number += 1
        jump = item.weight * item.channel.up[settle(item.channel, t)]
        for _ in range(number):
            item.channel.value[below(item.random, item.n)] += jump
