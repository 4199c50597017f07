"""Steps of current into every neuron of a population."""

from typing import NamedTuple

import numpy as np

from homeoanalysis.numerics.course import edges_of, latest, steps_of
from homeoanalysis.numerics.mechanism import Target
from homeoanalysis.units import Volt


class CurrentSteps(NamedTuple):
    """A drive that all neurons get besides their own; `drives` lists [time, drive]: each drive holds from its time on.

    A current I through the resistance R of the membrane is the drive R I. Before the first time there is none.

    Source: the injection of current steps, Hodgkin & Huxley 1952, J Physiol 117:500-544, doi:10.1113/jphysiol.1952.sp004764.
    """

    population: str
    drives: steps_of(Volt)  # type: ignore[valid-type]

    def build(self, target: Target, key: np.uint64) -> "_Steps":
        """The drive of each step."""
        return _Steps(edges_of(self.drives, target.grid.dt), np.array([drive for _, drive in self.drives]))


class _Steps(NamedTuple):
    edge: np.ndarray
    drive: np.ndarray

    @staticmethod
    def inject(item, t):  # type: ignore[no-untyped-def]
        k = latest(item.edge, t)
        return item.drive[k] if k >= 0 else 0.0
