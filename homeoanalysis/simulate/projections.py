"""Projections: how synapses are stored. The forms of the rules choose the storage; a rule never knows which.

Static    one weight for all                                      2 bytes a synapse
Forward   every rule is `forward`: potentiation is deferred       + the weight
Event     some rule needs the weight at the postsynaptic spike    + an index sorted by target

Order: a presynaptic spike is transmitted with the weight as it is, then the weight changes; weights are clipped to
[0, weight_max] after each change. Spikes arrive at the start of a step and are emitted at its end, so that a
postsynaptic spike sees the presynaptic spikes that arrived in its own step.
"""

# Bounds are written with `if`: min() and max() have Python's NaN rules, which stop vectorisation.
import math
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import collected, each, kernel, summed
from homeoanalysis.numerics.traces import Trace, bump, factor, settle
from homeoanalysis.simulate.populations import Spikes


# ---- hooks of a projection
@each
def deliver(projection, t):  # type: ignore[no-untyped-def]
    """Transmit the spikes that arrive now, and let them change weights."""


@each
def learn(projection, t):  # type: ignore[no-untyped-def]
    """Plasticity of the postsynaptic spikes emitted now."""


@each
def flush(projection, t):  # type: ignore[no-untyped-def]
    """At the end of a window: pay what is owed to the weights."""


# ---- hooks of a rule
@each
def arm(rule, j, t):  # type: ignore[no-untyped-def]
    """Presynaptic spike of j: returns the number that `on_pre` needs."""


@summed
def on_pre(rule, armed, i, w):  # type: ignore[no-untyped-def]
    """Weight change at a presynaptic spike, after transmission."""
    return w - w


@each
def on_post(rule, i, t):  # type: ignore[no-untyped-def]
    """Postsynaptic spike of i: updates traces. A forward rule returns the weight change for each unit of its presynaptic
    trace, an event rule the number that `at_post` needs."""


@summed
def at_post(rule, armed, j, w):  # type: ignore[no-untyped-def]
    """Event form only: change of a weight from j at a postsynaptic spike."""
    return w - w


# ---- hooks of a deferral
@collected
def open_row(deferred, j, t):  # type: ignore[no-untyped-def]
    """Presynaptic spike of j."""


@collected
def flush_row(deferred, j, t):  # type: ignore[no-untyped-def]
    """No spike: pay what is owed to the synapses of j."""


@each
def hit(deferred, i, t):  # type: ignore[no-untyped-def]
    """Postsynaptic spike of i."""


@summed
def owed(row, i, w):  # type: ignore[no-untyped-def]
    """Potentiation since the last visit of the row."""
    return w - w


@summed
def owing(row, i, w):  # type: ignore[no-untyped-def]
    """What the stored weight is less than the weight."""
    return w - w


class Static(NamedTuple):
    """Synapses of one fixed weight."""

    first: np.ndarray  # (n_pre + 1,): where the synapses of each source neuron start
    target: np.ndarray
    weight: Any
    channel: Trace
    delay: int  # steps
    source: Spikes

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        slot = (t - projection.delay) & (projection.source.number.size - 1)
        jump = projection.weight * projection.channel.up[settle(projection.channel, t)]
        for k in range(projection.source.number[slot]):
            j = projection.source.unit[slot, k]
            _add(projection.target[projection.first[j] : projection.first[j + 1]], projection.channel.value, jump)


@kernel
def _add(target, value, jump):  # type: ignore[no-untyped-def]
    for q in range(target.size):
        value[target[q]] += jump


class _Row(NamedTuple):
    """What one visit of a row needs of one rule."""

    rule: Any
    armed: Any
    gain_then: Any
    credit_then: np.ndarray
    gain_now: Any
    credit_now: np.ndarray

    @staticmethod
    def owed(row, i, w):  # type: ignore[no-untyped-def]
        return row.gain_then * row.credit_then[i]

    @staticmethod
    def on_pre(row, armed, i, w):  # type: ignore[no-untyped-def]
        return on_pre(row.rule, row.armed, i, w)

    @staticmethod
    def owing(row, i, w):  # type: ignore[no-untyped-def]
        return row.gain_now * row.credit_now[i]


class Deferred(NamedTuple):
    """A forward rule whose postsynaptic changes are paid at the next presynaptic spike.

    Between two presynaptic spikes the trace of j only decays, so that the changes of one synapse add up to
    x_j times a sum over the postsynaptic spikes, which all rows share: credit[epoch, i] sums the changes of i,
    discounted to the start of the epoch. Exact, with the upper bound too, since the changes are >= 0.
    """

    rule: Any
    tau: Any  # steps
    trace: np.ndarray  # presynaptic trace, and the step that it is valid at
    last: np.ndarray
    gain: np.ndarray  # the trace, scaled to the start of the epoch of the row
    epoch: np.ndarray
    credit: np.ndarray  # (live epochs, n_post)
    clock: np.ndarray  # [current epoch]
    up: np.ndarray
    down: np.ndarray

    @staticmethod
    def open_row(deferred, j, t):  # type: ignore[no-untyped-def]
        number = deferred.credit.dtype.type
        epoch = _roll(deferred, t)
        live = deferred.credit.shape[0]
        x = deferred.trace[j] * math.exp((deferred.last[j] - t) / deferred.tau) + 1.0
        gain_then, credit_then = number(deferred.gain[j]), deferred.credit[deferred.epoch[j] % live]
        deferred.gain[j] = x * deferred.up[t - epoch * deferred.up.size]
        deferred.trace[j] = x
        deferred.last[j] = t
        deferred.epoch[j] = epoch
        armed = arm(deferred.rule, j, t)
        return _Row(deferred.rule, armed, gain_then, credit_then, number(deferred.gain[j]), deferred.credit[epoch % live])

    @staticmethod
    def flush_row(deferred, j, t):  # type: ignore[no-untyped-def]
        number = deferred.credit.dtype.type
        epoch = _roll(deferred, t)
        live = deferred.credit.shape[0]
        gain_then, credit_then = number(deferred.gain[j]), deferred.credit[deferred.epoch[j] % live]
        deferred.gain[j] *= math.exp((deferred.epoch[j] - epoch) * deferred.up.size / deferred.tau)
        deferred.epoch[j] = epoch
        return _Row(deferred.rule, number(0), gain_then, credit_then, number(deferred.gain[j]), deferred.credit[epoch % live])

    @staticmethod
    def hit(deferred, i, t):  # type: ignore[no-untyped-def]
        number = deferred.credit.dtype.type
        epoch = _roll(deferred, t)
        live = deferred.credit.shape[0]
        change = on_post(deferred.rule, i, t) * deferred.down[t - epoch * deferred.up.size]
        keep = math.exp(-deferred.up.size / deferred.tau)
        for back in range(live):
            deferred.credit[(epoch - back) % live, i] += number(change)
            change *= keep


@kernel
def _roll(deferred, t):  # type: ignore[no-untyped-def]
    """The epoch of step t; the credit of new epochs starts at 0."""
    epoch = t // deferred.up.size
    while deferred.clock[0] < epoch:
        deferred.clock[0] += 1
        deferred.credit[deferred.clock[0] % deferred.credit.shape[0]][:] = 0
    return epoch


class Forward(NamedTuple):
    """Plastic synapses whose rules are all forward. Stored weights are less by what is owed: read them by `weights`."""

    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    channel: Trace
    delay: int
    source: Spikes
    sink: Spikes
    weight_max: Any
    rules: tuple  # of Deferred

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        slot = (t - projection.delay) & (projection.source.number.size - 1)
        up = projection.channel.up[settle(projection.channel, t)]
        for k in range(projection.source.number[slot]):
            j = projection.source.unit[slot, k]
            a, b = projection.first[j], projection.first[j + 1]
            rows = open_row(projection.rules, j, t)
            _forward_row(
                projection.target[a:b], projection.weight[a:b], projection.channel.value, rows, up, projection.weight_max
            )

    @staticmethod
    def learn(projection, t):  # type: ignore[no-untyped-def]
        slot = t & (projection.sink.number.size - 1)
        for k in range(projection.sink.number[slot]):
            hit(projection.rules, projection.sink.unit[slot, k], t)

    @staticmethod
    def flush(projection, t):  # type: ignore[no-untyped-def]
        for j in range(projection.first.size - 1):
            a, b = projection.first[j], projection.first[j + 1]
            rows = flush_row(projection.rules, j, t)
            _flush_row(projection.target[a:b], projection.weight[a:b], rows, projection.weight_max)


@kernel
def _clip(w, top):  # type: ignore[no-untyped-def]
    zero = top - top
    if w < zero:
        w = zero
    if w > top:
        w = top
    return w


@kernel
def _forward_row(target, weight, value, rows, up, weight_max):  # type: ignore[no-untyped-def]
    """The hot loop over the synapses of one spike."""
    for q in range(target.size):
        i = np.intp(target[q])
        w = weight[q] + owed(rows, i, weight_max)
        if w > weight_max:
            w = weight_max
        value[i] += w * up
        w += on_pre(rows, up, i, w)
        weight[q] = _clip(w, weight_max) - owing(rows, i, weight_max)


@kernel
def _flush_row(target, weight, rows, weight_max):  # type: ignore[no-untyped-def]
    for q in range(target.size):
        i = np.intp(target[q])
        w = weight[q] + owed(rows, i, weight_max)
        if w > weight_max:
            w = weight_max
        weight[q] = w - owing(rows, i, weight_max)


class Immediate(NamedTuple):
    """A forward rule in an Event projection: its change is paid at once, times the presynaptic trace."""

    rule: Any
    trace: Trace

    @staticmethod
    def arm(immediate, j, t):  # type: ignore[no-untyped-def]
        bump(immediate.trace, j, t)
        return arm(immediate.rule, j, t)

    @staticmethod
    def on_pre(immediate, armed, i, w):  # type: ignore[no-untyped-def]
        return on_pre(immediate.rule, armed, i, w)

    @staticmethod
    def on_post(immediate, i, t):  # type: ignore[no-untyped-def]
        return on_post(immediate.rule, i, t) * factor(immediate.trace, t)

    @staticmethod
    def at_post(immediate, armed, j, w):  # type: ignore[no-untyped-def]
        return armed * immediate.trace.value[j]


class _Armed(NamedTuple):
    """A rule with the number that it returned for this spike."""

    rule: Any
    armed: Any

    @staticmethod
    def on_pre(rule, armed, i, w):  # type: ignore[no-untyped-def]
        return on_pre(rule.rule, rule.armed, i, w)

    @staticmethod
    def at_post(rule, armed, j, w):  # type: ignore[no-untyped-def]
        return at_post(rule.rule, rule.armed, j, w)


@collected
def _armed_pre(rule, j, t):  # type: ignore[no-untyped-def]
    return _Armed(rule, arm(rule, j, t))


@collected
def _armed_post(rule, i, t):  # type: ignore[no-untyped-def]
    return _Armed(rule, on_post(rule, i, t))


class Event(NamedTuple):
    """Plastic synapses that are changed at each spike of either side."""

    first: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    channel: Trace
    delay: int
    source: Spikes
    sink: Spikes
    weight_max: Any
    rules: tuple  # of Immediate and of event rules
    first_in: np.ndarray  # (n_post + 1,): where the synapses of each target neuron start in the next two
    origin: np.ndarray
    synapse: np.ndarray  # index into weight

    @staticmethod
    def deliver(projection, t):  # type: ignore[no-untyped-def]
        slot = (t - projection.delay) & (projection.source.number.size - 1)
        up = projection.channel.up[settle(projection.channel, t)]
        for k in range(projection.source.number[slot]):
            j = projection.source.unit[slot, k]
            a, b = projection.first[j], projection.first[j + 1]
            rules = _armed_pre(projection.rules, j, t)
            _event_row(projection.target[a:b], projection.weight[a:b], projection.channel.value, rules, up, projection.weight_max)

    @staticmethod
    def learn(projection, t):  # type: ignore[no-untyped-def]
        slot = t & (projection.sink.number.size - 1)
        for k in range(projection.sink.number[slot]):
            i = projection.sink.unit[slot, k]
            a, b = projection.first_in[i], projection.first_in[i + 1]
            rules = _armed_post(projection.rules, i, t)
            _event_column(projection.origin[a:b], projection.synapse[a:b], projection.weight, rules, projection.weight_max)


@kernel
def _event_row(target, weight, value, rules, up, weight_max):  # type: ignore[no-untyped-def]
    for q in range(target.size):
        i = np.intp(target[q])
        w = weight[q]
        value[i] += w * up
        weight[q] = _clip(w + on_pre(rules, up, i, w), weight_max)


@kernel
def _event_column(origin, synapse, weight, rules, weight_max):  # type: ignore[no-untyped-def]
    for q in range(origin.size):
        k = synapse[q]
        weight[k] = _clip(weight[k] + at_post(rules, weight_max, origin[q], weight[k]), weight_max)


def weights(projection: Static | Forward | Event) -> np.ndarray:
    """The weights in the unit of the channel, in the order of `projection.target`; what is owed is added."""
    stored = np.broadcast_to(np.asarray(projection.weight, float), projection.target.shape).copy()
    if isinstance(projection, Forward):
        source = np.repeat(np.arange(projection.first.size - 1), np.diff(projection.first))
        for rule in projection.rules:
            epoch = rule.epoch[source] % rule.credit.shape[0]
            stored += rule.gain[source] * rule.credit[epoch, projection.target]
        stored = np.minimum(stored, projection.weight_max)
    return stored
