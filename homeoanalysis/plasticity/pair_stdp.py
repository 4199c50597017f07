"""Pair-based spike-timing-dependent plasticity: additive, multiplicative, power law; all to all or nearest neighbour."""

from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, factor, mark, trace
from homeoanalysis.units import Second


class PairStdp(NamedTuple):
    """Potentiation where a presynaptic spike comes before a postsynaptic one, depression where it comes after.

    Postsynaptic spike: dw = learning_rate weight_max (1 - w / weight_max)^mu_plus x_pre;
    presynaptic spike: dw = -asymmetry learning_rate weight_max (w / weight_max)^mu_minus x_post.
    mu 0 is additive, mu 1 multiplicative, between them a power law. Traces jump by 1 (all_to_all) or to 1 (nearest).

    Source: Gütig et al. 2003, J Neurosci 23:3697-3714, doi:10.1523/JNEUROSCI.23-09-03697.2003, eq. 1 to 3; additive with the
    defaults here: Song, Miller & Abbott 2000, Nat Neurosci 3:919-926, doi:10.1038/78829.
    """

    learning_rate: Annotated[float, Field(ge=0)] = 0.005  # of weight_max
    asymmetry: Annotated[float, Field(ge=0)] = 1.05
    mu_plus: Annotated[float, Field(ge=0)] = 0.0
    mu_minus: Annotated[float, Field(ge=0)] = 0.0
    tau_plus: Annotated[Second, Field(gt=0)] = 0.02
    tau_minus: Annotated[Second, Field(gt=0)] = 0.02
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"

    @property
    def form(self) -> str:
        """Potentiation that does not depend on the weight can be deferred."""
        return "forward" if self.mu_plus == 0 else "event"

    @property
    def tau_pre(self) -> float:
        """Time constant of the presynaptic trace [s]; the storage of a forward rule keeps that trace."""
        return self.tau_plus

    @property
    def is_nearest(self) -> bool:
        """Whether that trace jumps to 1 at a spike."""
        return self.pairing == "nearest"

    def build(self, site: Site) -> Any:
        """The rule for one projection."""
        grid = site.grid
        number = grid.number
        post = trace(site.n_post, self.tau_minus, grid.dt, grid.dtype)
        gain, loss = self.learning_rate * site.weight_max, self.asymmetry * self.learning_rate * site.weight_max
        if self.mu_plus == self.mu_minus == 0:
            return _Additive(number(gain), number(loss), self.is_nearest, post)
        depress = number(gain), number(loss), self.is_nearest, post, number(self.mu_minus), number(1 / site.weight_max)
        if self.mu_plus == 0:
            return _Forward(*depress)
        pre = trace(site.n_rows, self.tau_plus, grid.dt, grid.dtype)
        return _Event(*depress, number(self.mu_plus), number(site.weight_max), pre)


class _Additive(NamedTuple):
    gain: Any
    loss: Any
    is_nearest: bool
    post: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        return rule.loss * factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -armed * rule.post.value[i]

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        mark(rule.post, i, t, rule.is_nearest)
        return rule.gain


class _Forward(NamedTuple):
    gain: Any
    loss: Any
    is_nearest: bool
    post: Trace
    mu_minus: Any
    per_max: Any

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        return rule.loss * factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -armed * rule.post.value[i] * (w * rule.per_max) ** rule.mu_minus

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        mark(rule.post, i, t, rule.is_nearest)
        return rule.gain


class _Event(NamedTuple):
    gain: Any
    loss: Any
    is_nearest: bool
    post: Trace
    mu_minus: Any
    per_max: Any
    mu_plus: Any
    weight_max: Any
    pre: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        mark(rule.pre, row, t, rule.is_nearest)
        return rule.loss * factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return -armed * rule.post.value[i] * (w * rule.per_max) ** rule.mu_minus

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        mark(rule.post, i, t, rule.is_nearest)
        return rule.gain * factor(rule.pre, t)

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        return armed * rule.pre.value[row] * ((rule.weight_max - w) * rule.per_max) ** rule.mu_plus
