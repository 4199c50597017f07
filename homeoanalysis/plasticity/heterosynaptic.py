"""Heterosynaptic plasticity: bursts of the target neuron pull its weights back to their consolidated values."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, bump, factor, filled, trace, zeros
from homeoanalysis.units import Second, parse

_Tau = Annotated[Second, Field(gt=0)]


class Heterosynaptic(NamedTuple):
    """Each postsynaptic spike pulls all weights onto the neuron towards a reference, by how much it has just fired.

    Postsynaptic spike: dw = -beta (w - v) z^3; z (tau) jumps by 1 at each spike of the target, and is read before.
    The reference v of each synapse starts at 0 and consolidates slowly between two wells, at 0 and at `well`:
    tau_consolidation dv/dt = (w - v) - potential v (well / 2 - v) (well - v), with weights in units of w_ref, which is
    `weight_reference`, without it weight_max. Once a second v takes an Euler step. Without tau_consolidation v stays 0.

    Source: Zenke, Agnes & Gerstner 2015, Nat Commun 6:6922, doi:10.1038/ncomms7922, with the defaults of the authors' code
    (pub2015orchestrated, P10Connection), whose w_ref is the leak conductance.
    """

    beta: Annotated[float, Field(ge=0)] = 0.05
    tau: _Tau = 0.02
    tau_consolidation: _Tau | None = 1200.0
    potential: Annotated[float, Field(ge=0)] = 20.0
    well: Annotated[float, Field(gt=0)] = 0.5
    weight_reference: str | None = None

    form = "event"  # type: ignore[misc]

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        return _Kernel(
            beta=grid.number(self.beta),
            z=trace(site.n_post, self.tau, grid.dt, grid.dtype),
            speed=grid.number(0.0 if self.tau_consolidation is None else grid.dt / self.tau_consolidation),
            steepness=grid.number(self.potential / reference**2),
            barrier=grid.number(self.well * reference / 2),
            well=grid.number(self.well * reference),
            reference=zeros(site.n_synapses, grid.dtype),
            clock=filled(1, -1, np.int64),
        )


class _Kernel(NamedTuple):
    beta: Any
    z: Trace
    speed: Any  # of the consolidation, in a step
    steepness: Any
    barrier: Any
    well: Any
    reference: np.ndarray
    clock: np.ndarray  # step of the last consolidation

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        z = factor(rule.z, t) * rule.z.value[i]
        bump(rule.z, i, t)
        return rule.beta * z * z * z

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        return armed * (rule.reference[k] - w)

    @staticmethod
    def lapse(rule, t):  # type: ignore[no-untyped-def]
        steps = t - rule.clock[0]
        rule.clock[0] = t
        return rule.speed * rule.reference.dtype.type(steps)

    @staticmethod
    def at_lapse(rule, armed, w, k):  # type: ignore[no-untyped-def]
        v = rule.reference[k]
        rule.reference[k] = v + armed * ((w - v) - rule.steepness * v * (rule.barrier - v) * (rule.well - v))
        return w - w
