"""Leaky integrate-and-fire neuron whose potential jumps at each spike that arrives."""

from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Grid
from homeoanalysis.units import Second, Volt


class LifDelta(NamedTuple):
    """Leaky integrate-and-fire neuron with delta synapses.

    tau_m dv/dt = (v_rest - v) + drive, v jumps by the weight [V] of each excitatory spike and by minus the weight of each
    inhibitory one, after the decay of the step; a spike when v > v_threshold, then v = v_reset for `refractory`, during
    which input is lost. Integrated exactly.

    Source: Brunel 2000, J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027, eq. 1 and 2; the defaults are its values.
    """

    tau_membrane: Annotated[Second, Field(gt=0)] = 0.02
    v_rest: Volt = 0.0
    v_threshold: Volt = 0.02
    v_reset: Volt = 0.01
    refractory: Annotated[Second, Field(ge=0)] = 0.002
    drive: Volt = 0.0

    channels = MappingProxyType({"excitatory": "V", "inhibitory": "V"})  # type: ignore[misc]
    synapses = MappingProxyType({"excitatory": "delta", "inhibitory": "delta"})  # type: ignore[misc]

    def build(self, grid: Grid) -> Cell:
        """The neuron for steps of `grid.dt`."""
        decay = np.exp(-grid.dt / self.tau_membrane)
        kernel = _Kernel(*(grid.number(x) for x in (decay, self.v_rest, self.v_threshold, self.v_reset)))
        return Cell(
            kernel, lambda channel, tau: -1 if channel == "inhibitory" else 1, grid.steps(self.refractory), self.drive, decay
        )


class _Kernel(NamedTuple):
    decay: Any
    v_rest: Any
    v_threshold: Any
    v_reset: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        target = at(kernel.v_rest, i) + drive
        return target + (state.v[i] - target) * at(kernel.decay, i) + (inputs[0] + inputs[1])

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = at(kernel.v_reset, i)
