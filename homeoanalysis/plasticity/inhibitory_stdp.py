"""Inhibitory plasticity with a target rate: detailed balance of excitation and inhibition."""

from typing import Annotated, Any, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, bump, factor, trace
from homeoanalysis.units import Hertz, Second, Siemens


class InhibitoryStdp(NamedTuple):
    """Symmetric spike-timing-dependent plasticity of inhibitory synapses.

    Presynaptic spike: dw = learning_rate (x_post - alpha); postsynaptic spike: dw = learning_rate x_pre;
    alpha = 2 target_rate tau. The traces jump by 1 at a spike and decay with tau. Without correlations the mean
    change is learning_rate rate_pre 2 tau (rate_post - target_rate): every neuron settles at the target rate.

    Source: Vogels et al. 2011, Science 334:1569-1573, doi:10.1126/science.1211095, eq. 1 of the supplement;
    defaults of the authors' code (ModelDB 143751).
    """

    target_rate: Annotated[Hertz, Field(ge=0)] = 3.0
    learning_rate: Annotated[Siemens, Field(ge=0)] = 1e-11
    tau: Annotated[Second, Field(gt=0)] = 0.02

    form = "forward"  # type: ignore[misc]

    @property
    def tau_pre(self) -> float:
        """Time constant of the presynaptic trace [s]; the storage keeps that trace."""
        return self.tau

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        alpha = 2 * self.target_rate * self.tau
        post = trace(site.n_post, self.tau, grid.dt, grid.dtype)
        return _Kernel(grid.number(self.learning_rate), grid.number(self.learning_rate * alpha), post)


class _Kernel(NamedTuple):
    learning_rate: Any
    offset: Any
    post: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        return rule.learning_rate * factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return armed * rule.post.value[i] - rule.offset

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        bump(rule.post, i, t)
        return rule.learning_rate
