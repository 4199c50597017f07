"""Plastic synapses that are changed at each spike of either side: an index sorted by target on top of weight and target."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.composition import collected, kernel, summed
from homeoanalysis.numerics.traces import Trace, bump, factor, saturate
from homeoanalysis.simulate.populations import Spikes
from homeoanalysis.simulate.projections.hooks import (
    Rows,
    arm,
    at_lapse,
    at_post,
    clip,
    drift,
    fetch_rows,
    lapse,
    on_post,
    on_pre,
    release,
    watch,
)


@collected
def open_pre(rule, row, t):  # type: ignore[no-untyped-def]
    """Presynaptic spike of a row: the rule with the number that it returned."""


@collected
def open_post(rule, i, t):  # type: ignore[no-untyped-def]
    """Postsynaptic spike of i."""


@summed
def pass_time(rule, t):  # type: ignore[no-untyped-def]
    """Every step, after the membranes: returns > 0 if they change weights."""
    return 0


@summed
def drifting(rule, i):  # type: ignore[no-untyped-def]
    """How fast the membrane of i changes its weights."""
    return 0


@collected
def open_lapse(rule, t):  # type: ignore[no-untyped-def]
    """No spike: bring all weights up to date."""


@collected
def open_drift(rule, i, t):  # type: ignore[no-untyped-def]
    """What the membrane of i does to its weights in this step."""


class _Armed(NamedTuple):
    """A rule with the number that it returned for this spike."""

    rule: Any
    armed: Any
    scale: Any

    @staticmethod
    def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
        return rule.scale * on_pre(rule.rule, rule.armed, i, w, k)

    @staticmethod
    def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
        return rule.scale * at_post(rule.rule, rule.armed, row, w, k)

    @staticmethod
    def at_lapse(rule, armed, w, k):  # type: ignore[no-untyped-def]
        return rule.scale * at_lapse(rule.rule, rule.armed, w, k)


class Acting(NamedTuple):
    """An event rule."""

    rule: Any
    scale_pre: Any  # of changes at presynaptic spikes: 0 switches them off
    scale_post: Any

    @staticmethod
    def open_pre(acting, row, t):  # type: ignore[no-untyped-def]
        return _Armed(acting.rule, arm(acting.rule, row, t), acting.scale_pre)

    @staticmethod
    def open_post(acting, i, t):  # type: ignore[no-untyped-def]
        return _Armed(acting.rule, on_post(acting.rule, i, t), acting.scale_post)

    @staticmethod
    def pass_time(acting, t):  # type: ignore[no-untyped-def]
        return watch(acting.rule, t)

    @staticmethod
    def open_drift(acting, i, t):  # type: ignore[no-untyped-def]
        return _Still(i)

    @staticmethod
    def open_lapse(acting, t):  # type: ignore[no-untyped-def]
        return _Armed(acting.rule, lapse(acting.rule, t), acting.scale_post)


class Immediate(NamedTuple):
    """A forward rule among event rules: its change is paid at once, times the presynaptic trace."""

    rule: Any
    scale_pre: Any
    scale_post: Any
    trace: Trace
    saturates: Any

    @staticmethod
    def open_pre(immediate, row, t):  # type: ignore[no-untyped-def]
        if immediate.saturates:
            saturate(immediate.trace, row, t)
        else:
            bump(immediate.trace, row, t)
        return _Armed(immediate.rule, arm(immediate.rule, row, t), immediate.scale_pre)

    @staticmethod
    def open_post(immediate, i, t):  # type: ignore[no-untyped-def]
        change = (on_post(immediate.rule, i, t) + drift(immediate.rule, i)) * factor(immediate.trace, t)
        return _Paid(immediate.trace.value, change * immediate.scale_post)

    @staticmethod
    def pass_time(immediate, t):  # type: ignore[no-untyped-def]
        return watch(immediate.rule, t)

    @staticmethod
    def drifting(immediate, i):  # type: ignore[no-untyped-def]
        return drift(immediate.rule, i)

    @staticmethod
    def open_drift(immediate, i, t):  # type: ignore[no-untyped-def]
        change = drift(immediate.rule, i) * factor(immediate.trace, t)
        return _Paid(immediate.trace.value, change * immediate.scale_post)

    @staticmethod
    def open_lapse(immediate, t):  # type: ignore[no-untyped-def]
        return _Still(t)


class _Still(NamedTuple):
    """A rule that changes no weight here."""

    here: int


class _Paid(NamedTuple):
    """The change at a postsynaptic spike, or in a step, for each unit of the scaled presynaptic trace."""

    trace: np.ndarray
    change: Any

    @staticmethod
    def at_post(paid, armed, row, w, k):  # type: ignore[no-untyped-def]
        return paid.change * paid.trace[row]


class Event(NamedTuple):
    """Plastic synapses, some rule of which needs the weight at the postsynaptic spike."""

    rows: Rows
    weight: np.ndarray
    channel: tuple
    release: tuple
    strength: Any
    is_far: bool
    sink: Spikes
    part: int
    weight_max: Any
    rules: tuple  # of Immediate and Acting
    first_in: np.ndarray  # (n_post + 1,): where the synapses of each target neuron start in the next two
    origin: np.ndarray  # row
    synapse: np.ndarray  # index into weight

    @staticmethod
    def fetch(projection, t):  # type: ignore[no-untyped-def]
        if projection.is_far:
            fetch_rows(projection.rows, projection.weight, 16, t)
            fetch_rows(projection.rows, projection.rows.target, 32, t)

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        rows = projection.rows
        arrivals = accept(projection.channel, t)
        for d in range(rows.delay.size):
            slot = (t - rows.delay[d]) & (rows.source.number.shape[0] - 1)
            for part in range(rows.source.start.size):
                start = rows.source.start[part]
                for k in range(start, start + rows.source.number[slot, part]):
                    row = rows.source.unit[slot, k] * rows.delay.size + d
                    strength = release(projection.release, row, t, projection.strength)
                    a, z = rows.first[row], rows.first[row + 1]
                    rules = open_pre(projection.rules, row, t)
                    _event_row(rows.target, projection.weight, a, z, arrivals, rules, strength, projection.weight_max)

    @staticmethod
    def drift_on(projection, t):  # type: ignore[no-untyped-def]
        if pass_time(projection.rules, t) > 0:
            slot = t & (projection.sink.number.shape[0] - 1)
            start = projection.sink.start[projection.part]
            stop = start + projection.sink.number[slot, projection.part]
            k = start  # units that fire come in order; `open_post` pays their drift
            for i in range(projection.first_in.size - 1):
                if k < stop and projection.sink.unit[slot, k] - start == i:
                    k += 1
                elif drifting(projection.rules, i) > 0:
                    _learn_of(projection, i, open_drift(projection.rules, i, t))

    @staticmethod
    def learn(projection, t):  # type: ignore[no-untyped-def]
        slot = t & (projection.sink.number.shape[0] - 1)
        start = projection.sink.start[projection.part]
        for k in range(start, start + projection.sink.number[slot, projection.part]):
            i = projection.sink.unit[slot, k] - start
            _learn_of(projection, i, open_post(projection.rules, i, t))

    @staticmethod
    def rescale(projection, t, scale, shift):  # type: ignore[no-untyped-def]
        rules = open_lapse(projection.rules, t)
        for k in range(projection.weight.size):
            i, w = projection.rows.target[k], projection.weight[k]
            w = clip(w + at_lapse(rules, projection.weight_max, w, k), projection.weight_max)
            projection.weight[k] = clip(w * scale[i] + shift[i], projection.weight_max)

    @staticmethod
    def add_up(projection, total, number):  # type: ignore[no-untyped-def]
        for k in range(projection.weight.size):
            total[projection.rows.target[k]] += projection.weight[k]
            number[projection.rows.target[k]] += 1


@kernel
def _event_row(target, weight, start, stop, arrivals, rules, strength, weight_max):  # type: ignore[no-untyped-def]
    for k in range(start, stop):
        i = np.intp(target[k])
        w = weight[k]
        receive(arrivals, i, w * strength)
        weight[k] = clip(w + on_pre(rules, strength, i, w, k), weight_max)


@kernel
def _learn_of(projection, i, rules):  # type: ignore[no-untyped-def]
    """Change the weights onto i."""
    a, z = projection.first_in[i], projection.first_in[i + 1]
    _event_column(projection.origin[a:z], projection.synapse[a:z], projection.weight, rules, projection.weight_max)


@kernel
def _event_column(origin, synapse, weight, rules, weight_max):  # type: ignore[no-untyped-def]
    for q in range(origin.size):
        k = synapse[q]
        weight[k] = clip(weight[k] + at_post(rules, weight_max, origin[q], weight[k], k), weight_max)
