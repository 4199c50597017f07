"""Triplet spike-timing-dependent plasticity: potentiation grows with the postsynaptic rate."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, factor, mark, trace
from homeoanalysis.units import Second, parse

_Amplitude = Annotated[float, Field(ge=0)]
_Tau = Annotated[Second, Field(gt=0)]


class TripletStdp(NamedTuple):
    """Pairs and triplets of spikes change the weight.

    Postsynaptic spike: dw = w_ref r1 (a2_plus + a3_plus o2); presynaptic spike: dw = -w_ref o1 (a2_minus + a3_minus r2).
    Presynaptic traces r1 (tau_plus), r2 (tau_x), postsynaptic o1 (tau_minus), o2 (tau_y); each jumps by 1 (all_to_all)
    or to 1 (nearest), and is read before the jump of its own spike. w_ref is `weight_reference`, without it the
    projection's weight_max. With a2_plus = a3_minus = 0 (minimal) independent Poisson trains change the weight by
    w_ref rate_pre rate_post (a3_plus tau_plus tau_y rate_post - a2_minus tau_minus) a second.

    Source: Pfister & Gerstner 2006, J Neurosci 26:9673-9682, doi:10.1523/JNEUROSCI.1425-06.2006, eq. 1 to 4;
    defaults: visual cortex, full, all to all.
    """

    a2_plus: _Amplitude = 5e-10
    a3_plus: _Amplitude = 6.2e-3
    a2_minus: _Amplitude = 7e-3
    a3_minus: _Amplitude = 2.3e-4
    tau_plus: _Tau = 16.8e-3
    tau_minus: _Tau = 33.7e-3
    tau_x: _Tau = 101e-3
    tau_y: _Tau = 125e-3
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"
    weight_reference: str | None = None

    form = "forward"  # type: ignore[misc]

    @property
    def tau_pre(self) -> float:
        """Time constant of r1 [s]; the storage keeps that trace."""
        return self.tau_plus

    @property
    def is_nearest(self) -> bool:
        """Whether r1 jumps to 1 at a spike."""
        return self.pairing == "nearest"

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        return _Kernel(
            a2_plus=grid.number(reference * self.a2_plus),
            a3_plus=grid.number(reference * self.a3_plus),
            a2_minus=grid.number(reference * self.a2_minus),
            a3_minus=grid.number(reference * self.a3_minus),
            is_nearest=self.is_nearest,
            r2=trace(site.n_rows, self.tau_x, grid.dt, grid.dtype),
            o1=trace(site.n_post, self.tau_minus, grid.dt, grid.dtype),
            o2=trace(site.n_post, self.tau_y, grid.dt, grid.dtype),
        )


class _Kernel(NamedTuple):
    a2_plus: Any
    a3_plus: Any
    a2_minus: Any
    a3_minus: Any
    is_nearest: bool
    r2: Trace
    o1: Trace
    o2: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        r2 = factor(rule.r2, t) * rule.r2.value[row]
        mark(rule.r2, row, t, rule.is_nearest)
        return factor(rule.o1, t) * (rule.a2_minus + rule.a3_minus * r2)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -armed * rule.o1.value[i]

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        o2 = factor(rule.o2, t) * rule.o2.value[i]
        mark(rule.o1, i, t, rule.is_nearest)
        mark(rule.o2, i, t, rule.is_nearest)
        return rule.a2_plus + rule.a3_plus * o2
