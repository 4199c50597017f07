"""Voltage-based spike-timing-dependent plasticity: the postsynaptic potential decides, with or without a spike."""

import math
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import filled, zeros
from homeoanalysis.units import Second, Volt, parse, quantity

_Tau = Annotated[Second, Field(gt=0)]
_PerVolt = quantity("1/V")
_PerVolt2Second = quantity("1/V^2/s")


class VoltageStdp(NamedTuple):
    """Depression at a presynaptic spike, potentiation all the time, both by the potential u of the target neuron.

    Presynaptic spike: dw = -w_ref a_minus (u_minus - theta_minus)+;
    all the time: dw/dt = w_ref a_plus x (u - theta_plus)+ (u_plus - theta_minus)+.
    u_minus and u_plus are u, low-pass filtered with tau_minus and tau_plus, `delay` ago: before the spike that now counts.
    x (tau_x) jumps by 1 at a presynaptic spike. For `spike_duration` after a spike of the target (a point) u is v_spike.
    w_ref is `weight_reference`, without it weight_max. With `u_reference` depression is homeostatic: a_minus is multiplied
    by the low-pass (tau_homeostasis) of (u - v_rest)^2 / u_reference^2.

    Source: Clopath, Büsing, Vasilaki & Gerstner 2010, Nat Neurosci 13:344-352, doi:10.1038/nn.2479, eq. 1 to 3; defaults:
    visual cortex, authors' code (ModelDB 144566), there 8e-5 / mV^2 with an x that jumps by 1 / tau_x, a mean potential of
    31.1 mV in the two steps of a spike, and u_reference^2 = 60 mV^2.
    """

    a_minus: Annotated[_PerVolt, Field(ge=0)] = 0.14  # type: ignore[valid-type]
    a_plus: Annotated[_PerVolt2Second, Field(ge=0)] = 80.0 / 15e-3  # type: ignore[valid-type]
    theta_minus: Volt = -70.6e-3
    theta_plus: Volt = -45.3e-3
    tau_minus: _Tau = 10e-3
    tau_plus: _Tau = 7e-3
    tau_x: _Tau = 15e-3
    delay: Annotated[Second, Field(ge=0)] = 3e-3
    v_spike: Volt = 31.1e-3
    spike_duration: Annotated[Second, Field(ge=0)] = 2e-3
    u_reference: Annotated[Volt, Field(gt=0)] | None = None
    tau_homeostasis: _Tau = 1.2
    v_rest: Volt = -70.6e-3
    weight_reference: str | None = None

    form = "forward"  # type: ignore[misc]

    @property
    def tau_pre(self) -> float:
        """Time constant of x [s]; the storage keeps that trace."""
        return self.tau_x

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        per_square = 0.0 if self.u_reference is None else 1 / self.u_reference**2
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        ring = int(grid.steps(self.delay)) + 1, site.n_post
        return _Kernel(
            loss=grid.number(reference * self.a_minus),
            gain=grid.number(reference * self.a_plus * grid.dt),
            theta_minus=grid.number(self.theta_minus),
            theta_plus=grid.number(self.theta_plus),
            rise_minus=grid.number(-math.expm1(-grid.dt / self.tau_minus)),
            rise_plus=grid.number(-math.expm1(-grid.dt / self.tau_plus)),
            rise_factor=grid.number(-math.expm1(-grid.dt / self.tau_homeostasis) if per_square else 0.0),
            per_square=grid.number(per_square),
            v_rest=grid.number(self.v_rest),
            v_spike=grid.number(self.v_spike),
            spike_steps=grid.steps(self.spike_duration),
            v=site.state.v,
            u_minus=filled(ring, self.v_rest, grid.dtype),
            u_plus=filled(ring, self.v_rest, grid.dtype),
            factor=filled(site.n_post, 0.0 if per_square else 1.0, grid.dtype),
            growth=zeros(site.n_post, grid.dtype),
            above=zeros(site.n_post, grid.dtype),
            last=filled(site.n_post, -(10**9), np.int32),
        )


class _Kernel(NamedTuple):
    loss: Any
    gain: Any
    theta_minus: Any
    theta_plus: Any
    rise_minus: Any
    rise_plus: Any
    rise_factor: Any
    per_square: Any
    v_rest: Any
    v_spike: Any
    spike_steps: Any
    v: np.ndarray
    u_minus: np.ndarray  # (slots, n): filtered potentials of the last steps; a ring
    u_plus: np.ndarray
    factor: np.ndarray  # of the depression
    growth: np.ndarray  # in this step, for each unit of x
    above: np.ndarray  # how far the delayed u_minus is above theta_minus
    last: np.ndarray  # step of the last spike

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -rule.loss * rule.factor[i] * rule.above[i]

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        rule.last[i] = t
        return rule.gain - rule.gain

    @staticmethod
    def watch(rule, t):  # type: ignore[no-untyped-def]
        zero = total = rule.gain - rule.gain
        slots = rule.u_minus.shape[0]
        now, before, then = t % slots, (t - 1) % slots, (t + 1) % slots
        for i in range(rule.last.size):
            u = rule.v_spike if t - rule.last[i] <= rule.spike_steps else rule.v[i]
            rule.factor[i] += rule.rise_factor * ((u - rule.v_rest) * (u - rule.v_rest) * rule.per_square - rule.factor[i])
            rule.u_minus[now, i] = rule.u_minus[before, i] + rule.rise_minus * (u - rule.u_minus[before, i])
            rule.u_plus[now, i] = rule.u_plus[before, i] + rule.rise_plus * (u - rule.u_plus[before, i])
            minus, plus = rule.u_minus[then, i] - rule.theta_minus, rule.u_plus[then, i] - rule.theta_minus
            rule.above[i] = minus if minus > zero else zero
            rule.growth[i] = rule.gain * plus * (u - rule.theta_plus) if plus > zero and u > rule.theta_plus else zero
            total += rule.growth[i]
        return total

    @staticmethod
    def drift(rule, i):  # type: ignore[no-untyped-def]
        return rule.growth[i]
