"""Leaky integrate-and-fire neuron with synaptic currents, integrated exactly."""

from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Grid
from homeoanalysis.units import Farad, Second, Volt


class LifCurrent(NamedTuple):
    """Current-based leaky integrate-and-fire neuron.

    tau_m dv/dt = (v_rest - v) + drive + R (I_exc - I_inh), R = tau_m / C; a spike when v > v_threshold, then
    v = v_reset for `refractory`. Each exponential of a current has an exact propagator: no error depends on dt,
    except that spikes lie on the grid.

    Source: Rotter & Diesmann 1999, Biol Cybern 81:381-402, doi:10.1007/s004220050570, section 3.
    """

    tau_membrane: Annotated[Second, Field(gt=0)] = 0.02
    capacitance: Annotated[Farad, Field(gt=0)] = 200e-12
    v_rest: Volt = -0.06
    v_threshold: Volt = -0.05
    v_reset: Volt = -0.06
    refractory: Annotated[Second, Field(ge=0)] = 0.002
    drive: Volt = 0.0

    channels = MappingProxyType({"excitatory": "A", "inhibitory": "A"})  # type: ignore[misc]
    synapses = MappingProxyType(  # type: ignore[misc]
        {"excitatory": {"exponential": {"tau": "5 ms"}}, "inhibitory": {"exponential": {"tau": "10 ms"}}}
    )

    def build(self, grid: Grid) -> Cell:
        """The neuron for steps of `grid.dt`."""
        decay = np.exp(-grid.dt / self.tau_membrane)
        kernel = _Kernel(*(grid.number(x) for x in (decay, self.v_rest, self.v_threshold, self.v_reset)))

        def gain(channel: str, tau: float) -> Any:
            """What 1 A of a current that decays with `tau` adds to v in one step."""
            sign = -1 if channel == "inhibitory" else 1
            rate = 1 / np.asarray(self.tau_membrane) - 1 / tau
            # expm1(x)/x keeps its digits where both time constants are nearly equal.
            growth = np.where(rate == 0, grid.dt, np.expm1(rate * grid.dt) / np.where(rate == 0, 1, rate))
            return sign * np.exp(-grid.dt / np.asarray(self.tau_membrane)) * growth / self.capacitance

        return Cell(kernel, gain, grid.steps(self.refractory), self.drive, decay)


class _Kernel(NamedTuple):
    decay: Any
    v_rest: Any
    v_threshold: Any
    v_reset: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        target = at(kernel.v_rest, i) + drive
        return target + (state.v[i] - target) * at(kernel.decay, i) + inputs[0] + inputs[1]

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = at(kernel.v_reset, i)
