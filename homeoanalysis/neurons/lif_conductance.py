"""Leaky integrate-and-fire neuron with synaptic conductances."""

from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Grid
from homeoanalysis.units import Farad, Second, Volt


class LifConductance(NamedTuple):
    """Conductance-based leaky integrate-and-fire neuron.

    tau_m dv/dt = (v_rest - v) + drive + R [g_exc (e_exc - v) + g_inh (e_inh - v)], R = tau_m / C; a spike when
    v > v_threshold, then v = v_reset for `refractory`. Conductances jump by the weight [S] and decay exactly;
    v takes forward Euler steps, which are first order: keep dt at 0.1 ms or below.

    Source: Vogels et al. 2011, Science 334:1569-1573, doi:10.1126/science.1211095, and the authors' code
    (ModelDB 143751), whose constants are the defaults.
    """

    tau_membrane: Annotated[Second, Field(gt=0)] = 0.02
    capacitance: Annotated[Farad, Field(gt=0)] = 200e-12
    v_rest: Volt = -0.06
    v_threshold: Volt = -0.05
    v_reset: Volt = -0.06
    refractory: Annotated[Second, Field(ge=0)] = 0.005
    drive: Volt = 0.0
    e_excitatory: Volt = 0.0
    e_inhibitory: Volt = -0.08

    channels = MappingProxyType({"excitatory": "S", "inhibitory": "S"})  # type: ignore[misc]
    synapses = MappingProxyType(  # type: ignore[misc]
        {"excitatory": {"exponential": {"tau": "5 ms"}}, "inhibitory": {"exponential": {"tau": "10 ms"}}}
    )

    def build(self, grid: Grid) -> Cell:
        """The neuron for steps of `grid.dt`."""
        leak = grid.dt / self.tau_membrane
        numbers = (leak, self.v_rest, self.v_threshold, self.v_reset, self.e_excitatory, self.e_inhibitory)
        kernel = _Kernel(*(grid.number(x) for x in numbers))
        return Cell(kernel, lambda channel, tau: grid.dt / self.capacitance, grid.steps(self.refractory), self.drive, 1 - leak)


class _Kernel(NamedTuple):
    leak: Any
    v_rest: Any
    v_threshold: Any
    v_reset: Any
    e_excitatory: Any
    e_inhibitory: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        v = state.v[i]
        synaptic = inputs[0] * (at(kernel.e_excitatory, i) - v) + inputs[1] * (at(kernel.e_inhibitory, i) - v)
        return v + (at(kernel.leak, i) * ((at(kernel.v_rest, i) - v) + drive) + synaptic)

    @staticmethod
    def currents(kernel, state, i, inputs, out):  # type: ignore[no-untyped-def]
        out[0] = inputs[0] * (at(kernel.e_excitatory, i) - state.v[i])
        out[1] = inputs[1] * (at(kernel.e_inhibitory, i) - state.v[i])

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = at(kernel.v_reset, i)

    @staticmethod
    def largest_input(kernel: "_Kernel") -> Any:
        """The sum of the inputs above which an Euler step overshoots, and the model means nothing any more."""
        return 1 - kernel.leak
