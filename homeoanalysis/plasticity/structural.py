"""Structural plasticity: synapses are made and lost as neurons grow and retract the elements that synapses are made of."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.units import Hertz, Second


class Structural(NamedTuple):
    """Homeostatic growth of a recurrent projection, whose wiring it owns.

    Every neuron has z axonal and as many dendritic elements: dz/dt = growth (1 - calcium / target_rate), z >= 0, where
    calcium is its rate by a detector with the time constant `tau_calcium`. At the end of each window, first each neuron with
    more synapses than (whole) elements loses random ones of its synapses, axonal elements before dendritic ones; then free
    axonal and dendritic elements are paired at random. A pair of elements of one neuron makes no synapse; two neurons may
    have several. All synapses have the weight and the delay of the projection.

    Source: Gallinaro & Rotter 2018, Sci Rep 8:3754, doi:10.1038/s41598-018-22077-3; growth is 0.5 target_rate there. The
    pairing: Butz & van Ooyen 2013, PLoS Comput Biol 9:e1003259, doi:10.1371/journal.pcbi.1003259, without distance.
    """

    target_rate: Annotated[Hertz, Field(gt=0)]
    growth: Annotated[Hertz, Field(ge=0)]  # elements that a silent neuron gains in a second
    tau_calcium: Annotated[Second, Field(gt=0)] = 1.0
    elements: Annotated[float, Field(ge=0)] = 1.0  # at the start

    form = "structural"  # type: ignore[misc]

    @property
    def tau_detector(self) -> float:
        """Time constant of the rate detector [s]."""
        return self.tau_calcium

    def build(self, n_post: int, grid: Grid) -> "_Rule":
        """The rule for one projection."""
        return _Rule(self, np.full(n_post, self.elements))


class _Rule(NamedTuple):
    parameters: Structural
    elements: np.ndarray  # of either kind: both grow alike

    def adapt(self, window: Window) -> None:
        p, wiring = self.parameters, window.wiring
        if window.seconds == 0:  # switched off
            return
        self.elements[:] += window.seconds * p.growth * (1 - window.rate / p.target_rate)
        np.maximum(self.elements, 0, out=self.elements)
        whole = np.floor(self.elements).astype(np.int64)
        source, target = wiring.synapses()
        random = wiring.random()
        kept = _kept(source, whole, random)
        source, target = source[kept], target[kept]
        kept = _kept(target, whole, random)
        source, target = source[kept], target[kept]
        axons, dendrites = _free(source, whole, random), _free(target, whole, random)
        number = min(axons.size, dendrites.size)
        axons, dendrites = axons[:number], dendrites[:number]
        is_other = axons != dendrites
        wiring.rewire(np.concatenate([source, axons[is_other]]), np.concatenate([target, dendrites[is_other]]))


def _kept(owner: np.ndarray, elements: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Which synapses stay where each neuron keeps at most as many as it has elements, chosen at random."""
    order = np.lexsort((random.random(owner.size), owner))
    sorted_owner = owner[order]
    rank = np.arange(owner.size) - np.searchsorted(sorted_owner, sorted_owner)
    kept = np.zeros(owner.size, bool)
    kept[order] = rank < elements[sorted_owner]
    return kept


def _free(owner: np.ndarray, elements: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """The neuron of each element without a synapse, in random order."""
    free = elements - np.bincount(owner, minlength=elements.size)
    return random.permutation(np.repeat(np.arange(elements.size), free))
