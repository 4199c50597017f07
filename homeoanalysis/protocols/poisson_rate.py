"""Independent Poisson spike trains whose rate changes in steps."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.course import edges_of, latest, steps_of
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.numerics.poisson import scaled, thinned_events
from homeoanalysis.units import Hertz, parse


class PoissonRate(NamedTuple):
    """Each neuron of a population gets its own Poisson train; `rates` lists [time, rate]: each rate holds from its time on.

    Before the first time there is no input. An event of a train at the highest rate is kept with the probability rate / highest.

    Source: thinning, Lewis & Shedler 1979, Nav Res Logist Q 26:403-413, doi:10.1002/nav.3800260304.
    """

    population: str
    channel: str
    rates: steps_of(Annotated[Hertz, Field(ge=0)])  # type: ignore[valid-type]
    weight: str

    def build(self, target: Target, key: np.uint64) -> Any:
        """The events for some neurons of one population."""
        weight = target.grid.number(parse(self.weight, target.weight_units[self.channel]))
        rate = np.array([r for _, r in self.rates])
        highest = float(rate.max())
        course = _Course(edges_of(self.rates, target.grid.dt), rate / (highest or 1.0))
        return thinned_events(target, key, self.channel, highest * target.grid.dt, weight, course)

    def scaled(self, made: Any, scale: float) -> Any:
        """The same input at `scale` times its rates, with the same random numbers."""
        return scaled(made, scale)


class _Course(NamedTuple):
    edge: np.ndarray
    share: np.ndarray

    @staticmethod
    def chance(course, t):  # type: ignore[no-untyped-def]
        k = latest(course.edge, t)
        return course.share[k] if k >= 0 else 0.0
