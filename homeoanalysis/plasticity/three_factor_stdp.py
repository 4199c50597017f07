"""Spike-timing-dependent plasticity that a neuromodulator turns into changes of weight: eligibility traces."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.eligibility import Eligibility, eligibility, pay, reach, tag
from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, factor, mark, trace
from homeoanalysis.units import Second, parse, quantity

_Tau = Annotated[Second, Field(gt=0)]
_PerSecond = quantity("1/s")


class ThreeFactorStdp(NamedTuple):
    """Pairs of spikes leave an eligibility c in each synapse; the weight follows it while a modulator is there.

    dc/dt = -c / tau_eligibility; postsynaptic spike: c += w_ref a_plus x_pre; presynaptic spike: c -= w_ref a_minus x_post;
    dw/dt = learning_rate c (baseline + d), dd/dt = -d / tau_modulator + what protocols such as `modulator_pulses` release.
    The traces jump by 1 (all_to_all) or to 1 (nearest). w_ref is `weight_reference`, without it weight_max. Integrated
    exactly; a weight is brought up to date, and clipped, at the spikes of either side and once a second.

    Source: Izhikevich 2007, Cereb Cortex 17:2443-2452, doi:10.1093/cercor/bhl152, with the constants of its code (ModelDB
    84167), where w_ref is 1 mV; three factors: Frémaux & Gerstner 2016, Front Neural Circuits 9:85,
    doi:10.3389/fncir.2015.00085.
    """

    a_plus: Annotated[float, Field(ge=0)] = 0.1
    a_minus: Annotated[float, Field(ge=0)] = 0.15
    tau_plus: _Tau = 19.5e-3
    tau_minus: _Tau = 19.5e-3
    tau_eligibility: _Tau = 0.995
    learning_rate: Annotated[_PerSecond, Field(ge=0)] = 100.0  # type: ignore[valid-type]
    baseline: float = 0.002
    tau_modulator: _Tau = 0.1995
    pairing: Literal["all_to_all", "nearest"] = "nearest"
    weight_reference: str | None = None

    form = "event"  # type: ignore[misc]

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid, n = site.grid, site.n_synapses
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        return _Kernel(
            gain=grid.number(reference * self.a_plus),
            loss=grid.number(reference * self.a_minus),
            is_nearest=self.pairing == "nearest",
            pre=trace(site.n_rows, self.tau_plus, grid.dt, grid.dtype),
            post=trace(site.n_post, self.tau_minus, grid.dt, grid.dtype),
            tags=eligibility(n, self.tau_eligibility, self.tau_modulator, self.learning_rate, self.baseline, grid.dt),
        )


class _Kernel(NamedTuple):
    gain: Any
    loss: Any
    is_nearest: bool
    pre: Trace
    post: Trace
    tags: Eligibility

    @staticmethod
    def watch(rule, t):  # type: ignore[no-untyped-def]
        reach(rule.tags, t)
        return 0

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        reach(rule.tags, t)
        mark(rule.pre, row, t, rule.is_nearest)
        return rule.loss * factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        change = pay(rule.tags, k)
        tag(rule.tags, k, -armed * rule.post.value[i])
        return rule.pre.value.dtype.type(change)

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        reach(rule.tags, t)
        mark(rule.post, i, t, rule.is_nearest)
        return rule.gain * factor(rule.pre, t)

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        change = pay(rule.tags, k)
        tag(rule.tags, k, armed * rule.pre.value[row])
        return rule.pre.value.dtype.type(change)

    @staticmethod
    def lapse(rule, t):  # type: ignore[no-untyped-def]
        reach(rule.tags, t)
        return rule.gain

    @staticmethod
    def at_lapse(rule, armed, w, k):  # type: ignore[no-untyped-def]
        return rule.pre.value.dtype.type(pay(rule.tags, k))
