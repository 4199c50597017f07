"""Spike-timing-dependent plasticity with noise whose weights find a stable, unimodal distribution."""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.counter import normal_pair, subkey
from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import Trace, factor, mark, trace, zeros
from homeoanalysis.units import Second, parse

_BITS = 20  # enough for the index of a neuron


class WeightDependentStdp(NamedTuple):
    """Potentiation by a fixed amount, depression in proportion to the weight, both with noise in proportion to it.

    Postsynaptic spike: dw = (w_ref c_plus + sigma xi w) x_pre; presynaptic spike: dw = (-c_minus + sigma xi) w x_post;
    xi: a standard normal number for each change. Traces jump by 1 (all_to_all) or to 1 (nearest). w_ref is
    `weight_reference`, without it the projection's weight_max. Where each spike changes the weight fully (traces of 1) and
    both sides fire at the same rate, the mean weight is w_ref c_plus / c_minus.

    Source: van Rossum, Bi & Turrigiano 2000, J Neurosci 20:8812-8821, doi:10.1523/JNEUROSCI.20-23-08812.2000, eq. 1 and 2.
    """

    c_plus: Annotated[float, Field(ge=0)] = 0.001
    c_minus: Annotated[float, Field(ge=0)] = 0.003
    sigma: Annotated[float, Field(ge=0)] = 0.015
    tau_plus: Annotated[Second, Field(gt=0)] = 0.02
    tau_minus: Annotated[Second, Field(gt=0)] = 0.02
    pairing: Literal["all_to_all", "nearest"] = "all_to_all"
    weight_reference: str | None = None

    form = "event"  # type: ignore[misc]

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        grid = site.grid
        reference = site.weight_max if self.weight_reference is None else parse(self.weight_reference, site.weight_unit)
        return _Kernel(
            key=site.key,
            offset=site.offset,
            step_key=zeros(1, np.uint64),
            half=zeros(1, np.int64),
            gain=grid.number(reference * self.c_plus),
            loss=grid.number(self.c_minus),
            sigma=grid.number(self.sigma),
            is_nearest=self.pairing == "nearest",
            pre=trace(site.n_rows, self.tau_plus, grid.dt, grid.dtype),
            post=trace(site.n_post, self.tau_minus, grid.dt, grid.dtype),
        )


class _Kernel(NamedTuple):
    key: np.uint64
    offset: int
    step_key: np.ndarray  # of this step
    half: np.ndarray  # what the row or the neuron at hand puts into the counter of a pair
    gain: Any
    loss: Any
    sigma: Any
    is_nearest: bool
    pre: Trace
    post: Trace

    @staticmethod
    def arm(rule, row, t):  # type: ignore[no-untyped-def]
        rule.step_key[0], rule.half[0] = subkey(rule.key, t), np.int64(row) << _BITS
        mark(rule.pre, row, t, rule.is_nearest)
        return factor(rule.post, t)

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        xi, _ = normal_pair(rule.step_key[0], rule.half[0] + rule.offset + i)
        return armed * rule.post.value[i] * w * (rule.sigma * rule.post.value.dtype.type(xi) - rule.loss)

    @staticmethod
    def on_post(rule, i, t):  # type: ignore[no-untyped-def]
        rule.step_key[0], rule.half[0] = subkey(rule.key, t), rule.offset + i
        mark(rule.post, i, t, rule.is_nearest)
        return factor(rule.pre, t)

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        _, xi = normal_pair(rule.step_key[0], (np.int64(row) << _BITS) + rule.half[0])
        return armed * rule.pre.value[row] * (rule.gain + rule.sigma * rule.post.value.dtype.type(xi) * w)
