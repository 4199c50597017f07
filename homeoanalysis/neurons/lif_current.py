"""Leaky integrate-and-fire neuron with exponential synaptic currents, integrated exactly."""

import math
from types import MappingProxyType
from typing import Any, NamedTuple

from homeoanalysis.numerics.mechanism import Cell, Channel, Grid
from homeoanalysis.units import Farad, Second, Volt


class LifCurrent(NamedTuple):
    """Current-based leaky integrate-and-fire neuron.

    tau_m dv/dt = (v_rest - v) + drive + R (I_exc - I_inh), R = tau_m / C; a spike when v > v_threshold, then
    v = v_reset for `refractory`. Each current decays with its own time constant and jumps by the weight [A].
    The propagator is exact: no error depends on dt, except that spikes lie on the grid.

    Source: Rotter & Diesmann 1999, Biol Cybern 81:381-402, doi:10.1007/s004220050570, section 3.
    """

    tau_membrane: Second = 0.02
    capacitance: Farad = 200e-12
    v_rest: Volt = -0.06
    v_threshold: Volt = -0.05
    v_reset: Volt = -0.06
    refractory: Second = 0.002
    drive: Volt = 0.0
    tau_excitatory: Second = 0.005
    tau_inhibitory: Second = 0.01

    channels = MappingProxyType({"excitatory": "A", "inhibitory": "A"})  # type: ignore[misc]

    def build(self, grid: Grid) -> Cell:
        """The neuron for steps of `grid.dt`."""
        decay = math.exp(-grid.dt / self.tau_membrane)
        channels = {
            "excitatory": Channel(self.tau_excitatory, self._response(grid.dt, self.tau_excitatory)),
            "inhibitory": Channel(self.tau_inhibitory, -self._response(grid.dt, self.tau_inhibitory)),
        }
        kernel = _Kernel(*(grid.dtype.type(x) for x in (decay, self.v_rest, self.v_threshold, self.v_reset)))
        return Cell(kernel, channels, round(self.refractory / grid.dt), self.drive, decay)

    def _response(self, dt: float, tau: float) -> float:
        """What 1 A of a current that decays with `tau` adds to v in one step."""
        rate = 1 / self.tau_membrane - 1 / tau
        # expm1(x)/x keeps its digits where both time constants are nearly equal.
        growth = math.expm1(rate * dt) / rate if rate else dt
        return math.exp(-dt / self.tau_membrane) * growth / self.capacitance


class _Kernel(NamedTuple):
    decay: Any
    v_rest: Any
    v_threshold: Any
    v_reset: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        target = kernel.v_rest + drive
        return target + (state.v[i] - target) * kernel.decay + inputs[0] + inputs[1]

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = kernel.v_reset
