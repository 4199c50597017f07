"""Independent Poisson spike trains whose rate oscillates."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.poisson import scaled, thinned_events
from homeoanalysis.units import Hertz, parse


class OscillatingInput(NamedTuple):
    """Each neuron of a population gets its own Poisson train of rate [1 + depth sin(2 pi frequency t + phase)].

    An event of a train at the highest rate is kept with the probability of its moment. All neurons share the phase [rad].

    Source: thinning, Lewis & Shedler 1979, Nav Res Logist Q 26:403-413, doi:10.1002/nav.3800260304.
    """

    population: str
    channel: str
    rate: Annotated[Hertz, Field(ge=0)]
    frequency: Annotated[Hertz, Field(gt=0)]
    weight: str
    depth: Annotated[float, Field(ge=0, le=1)] = 1.0
    phase: float = 0.0

    def build(self, target: Target, key: np.uint64) -> Any:
        """The events for some neurons of one population."""
        weight = target.grid.number(parse(self.weight, target.weight_units[self.channel]))
        mean = self.rate * (1 + self.depth) * target.grid.dt
        course = _Course(2 * math.pi * self.frequency * target.grid.dt, self.phase, 1 / (1 + self.depth), self.depth)
        return thinned_events(target, key, self.channel, mean, weight, course)

    def scaled(self, made: Any, scale: float) -> Any:
        """The same input at `scale` times its rate, with the same random numbers."""
        return scaled(made, scale)


class _Course(NamedTuple):
    step: float  # phase of a time step
    phase: float
    share: float
    depth: float

    @staticmethod
    def chance(course, t):  # type: ignore[no-untyped-def]
        return course.share * (1.0 + course.depth * math.sin(course.step * t + course.phase))
