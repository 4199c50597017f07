"""Spiking Bienenstock-Cooper-Munro rule: the threshold between depression and potentiation slides with the rate."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, bump, factor, trace
from homeoanalysis.units import Hertz, Second, parse

_Tau = Annotated[Second, Field(gt=0)]


class Bcm(NamedTuple):
    """Triplet rule whose depression grows with the square of the mean rate of the target neuron (metaplasticity).

    Postsynaptic spike: dw = w_ref a_plus r1 o2;
    presynaptic spike: dw = -w_ref a_plus tau_plus tau_y / (tau_minus target_rate) o1 rate^2.
    Traces r1 (tau_plus), o1 (tau_minus), o2 (tau_y) jump by 1, and are read before the jump of their own spike; `rate` is the
    low-pass of the spikes of the target with tau_rate, and starts at target_rate. Independent Poisson trains change the
    weight by w_ref a_plus tau_plus tau_y rate_pre rate_post (rate_post - rate^2 / target_rate) a second: a fixed point at
    the target rate, stable if tau_rate is short, but above some 4.5 / target_rate, below which shared spikes let depression
    win. w_ref is `weight_reference`, without it the projection's weight_max.

    Source: Zenke, Hennequin & Gerstner 2013, PLoS Comput Biol 9:e1003330, doi:10.1371/journal.pcbi.1003330, with the
    defaults of the authors' code (Auryn, sim_background); its sliding threshold is that of Bienenstock, Cooper & Munro 1982,
    J Neurosci 2:32-48, doi:10.1523/JNEUROSCI.02-01-00032.1982.
    """

    target_rate: Annotated[Hertz, Field(gt=0)] = 3.0
    a_plus: Annotated[float, Field(ge=0)] = 6.5e-3
    tau_plus: _Tau = 16.8e-3
    tau_minus: _Tau = 33.7e-3
    tau_y: _Tau = 114e-3
    tau_rate: _Tau = 10.0
    weight_reference: str | None = None

    form = "forward"  # type: ignore[misc]

    @property
    def tau_pre(self) -> float:
        """Time constant of r1 [s]; the storage keeps that trace."""
        return self.tau_plus

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        gain = reference * self.a_plus
        # The trace of the rate is rate x tau_rate.
        loss = gain * self.tau_plus * self.tau_y / (self.tau_minus * self.target_rate * self.tau_rate**2)
        rate = trace(site.n_post, self.tau_rate, grid.dt, grid.dtype)
        rate.value[:] = self.target_rate * self.tau_rate
        return _Kernel(
            gain=grid.number(gain),
            loss=grid.number(loss),
            o1=trace(site.n_post, self.tau_minus, grid.dt, grid.dtype),
            o2=trace(site.n_post, self.tau_y, grid.dt, grid.dtype),
            rate=rate,
        )


class _Kernel(NamedTuple):
    gain: Any
    loss: Any
    o1: Trace
    o2: Trace
    rate: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        down = factor(rule.rate, t)
        return rule.loss * factor(rule.o1, t) * down * down

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -armed * rule.o1.value[i] * rule.rate.value[i] * rule.rate.value[i]

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        o2 = factor(rule.o2, t) * rule.o2.value[i]
        bump(rule.o1, i, t)
        bump(rule.o2, i, t)
        bump(rule.rate, i, t)
        return rule.gain * o2
