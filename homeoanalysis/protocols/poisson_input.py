"""Independent Poisson spike trains from outside the network."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.poisson import events, scaled
from homeoanalysis.units import Hertz, Quantity, parse


class PoissonInput(NamedTuple):
    """Each neuron of a population gets its own Poisson train of `rate` (all its outside synapses together).

    The weight is written in the unit of the channel, e.g. '1 nS'.

    Source: superposition of Poisson processes, Kingman 1993, Poisson Processes, section 2.2.
    """

    population: str
    channel: str
    rate: Annotated[Hertz, Field(ge=0)]
    weight: Quantity

    def build(self, target: Target, key: np.uint64) -> Any:
        """The events for some neurons of one population."""
        weight = target.grid.number(parse(self.weight, target.weight_units[self.channel]))
        return events(target, key, self.channel, self.rate * target.grid.dt, weight)

    def scaled(self, made: Any, scale: float) -> Any:
        """The same input at `scale` times its rate, with the same random numbers."""
        return scaled(made, scale)
