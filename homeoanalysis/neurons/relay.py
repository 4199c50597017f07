"""A unit that only passes on what it gets: the source neuron of an input population."""

from types import MappingProxyType
from typing import Any, NamedTuple

from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Grid
from homeoanalysis.units import Volt


class Relay(NamedTuple):
    """Fires in the step in which input arrives, and forgets it.

    v = drive + (weights that arrive in the step); a spike when v > v_threshold. By default any arrival makes it fire, so that
    a population of relays under `poisson_input` is a population of Poisson neurons whose spikes projections and rules see.
    Several events of one step make one spike: the rate is (1 - exp(-rate dt)) / dt, 0.25 % low for 50 Hz at 0.1 ms.

    Source: a threshold unit without memory, McCulloch & Pitts 1943, Bull Math Biophys 5:115-133, doi:10.1007/BF02478259.
    """

    v_threshold: Volt = 0.0
    drive: Volt = 0.0

    channels = MappingProxyType({"excitatory": "V"})  # type: ignore[misc]
    synapses = MappingProxyType({"excitatory": "delta"})  # type: ignore[misc]

    def build(self, grid: Grid) -> Cell:
        """The unit for steps of `grid.dt`."""
        kernel = _Kernel(grid.number(self.v_threshold), grid.number(0.0))
        return Cell(kernel, lambda channel, tau: 1, grid.steps(0.0), self.drive, 0.0, start={"v": 0.0})


class _Kernel(NamedTuple):
    v_threshold: Any
    v_reset: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        return inputs[0] + drive

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = at(kernel.v_reset, i)
