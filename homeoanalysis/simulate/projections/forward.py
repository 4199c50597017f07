"""Plastic synapses whose potentiation is deferred to the next presynaptic spike: weight and target, 6 bytes in float32.

Order: a presynaptic spike is transmitted with the weight as it is, then the weight changes; weights are clipped to
[0, weight_max] after each change. Spikes arrive at the start of a step and are emitted at its end, so that a
postsynaptic spike sees the presynaptic spikes that arrived in its own step.
"""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.channels import accept, receive
from homeoanalysis.numerics.composition import collected, each, inlined, kernel, summed
from homeoanalysis.simulate.populations import Spikes
from homeoanalysis.simulate.projections.hooks import (
    Rows,
    arm,
    clip,
    drift,
    fetch_rows,
    on_post,
    on_pre,
    release,
    watch,
)

# Epochs that a postsynaptic spike is credited to. What it would change for a row that was silent for longer is at most
# exp(-PERIODS (REACH - 1)) = 4e-18 of its change: less than the last bit of a double (exp(-17.5) in single precision).
REACH = 6


# ---- hooks of a deferral
@collected
def open_row(deferred, row, t):  # type: ignore[no-untyped-def]
    """Presynaptic spike of a row."""


@collected
def flush_row(deferred, row, t):  # type: ignore[no-untyped-def]
    """No spike: pay what is owed to the synapses of a row."""


@each
def observe(deferred, t):  # type: ignore[no-untyped-def]
    """Every step: what the membranes do to the weights."""


@each
def hit(deferred, i, t):  # type: ignore[no-untyped-def]
    """Postsynaptic spike of i."""


@summed
def owed(visit, i, w):  # type: ignore[no-untyped-def]
    """Potentiation since the last visit of the row."""
    return w - w


@summed
def owing(visit, i, w):  # type: ignore[no-untyped-def]
    """What the stored weight is less than the weight."""
    return w - w


@summed
def debt(deferred, row, i, w):  # type: ignore[no-untyped-def]
    """What the stored weight of a row onto i is less than the weight."""
    return w - w


class _Visit(NamedTuple):
    """What one visit of a row needs of one rule."""

    rule: Any
    armed: Any
    scale: Any
    gain_then: Any
    credit_then: np.ndarray
    gain_now: Any
    credit_now: np.ndarray

    @staticmethod
    def owed(visit, i, w):  # type: ignore[no-untyped-def]
        return visit.gain_then * visit.credit_then[i]

    @staticmethod
    def on_pre(visit, armed, i, w, k):  # type: ignore[no-untyped-def]
        return visit.scale * on_pre(visit.rule, visit.armed, i, w, k)

    @staticmethod
    def owing(visit, i, w):  # type: ignore[no-untyped-def]
        return visit.gain_now * visit.credit_now[i]


class Deferred(NamedTuple):
    """A forward rule whose postsynaptic changes are paid at the next presynaptic spike.

    Between two presynaptic spikes the trace of a row only decays, so that the changes of one synapse add up to
    x times a sum over the postsynaptic spikes, which all rows share: credit[epoch, i] sums the changes of i,
    discounted to the start of the epoch. Exact, with the upper bound too, since the changes are >= 0.
    """

    rule: Any
    scale_pre: Any  # of changes at presynaptic spikes: 0 switches them off
    scale_post: Any  # of changes at postsynaptic spikes
    saturates: Any  # 1: the trace is 1 after a spike (nearest neighbour); 0: spikes add up (all to all)
    gain: np.ndarray  # (rows,): the presynaptic trace, scaled to the start of the epoch of the row
    epoch: np.ndarray
    credit: np.ndarray  # (live epochs, n_post); a power of two
    clock: np.ndarray  # [current epoch]
    shift: int  # an epoch is 2^shift steps
    fade: np.ndarray  # (live epochs,): decay over 0, 1, 2, ... epochs
    up: np.ndarray
    down: np.ndarray

    @staticmethod
    def open_row(deferred, row, t):  # type: ignore[no-untyped-def]
        number = deferred.credit.dtype.type
        epoch = _roll(deferred, t)
        live = deferred.credit.shape[0]
        gain_then, credit_then = number(deferred.gain[row]), deferred.credit[deferred.epoch[row] & (live - 1)]
        _age(deferred, row, epoch)
        jump = deferred.up[t - (epoch << deferred.shift)]
        deferred.gain[row] = jump if deferred.saturates else deferred.gain[row] + jump
        armed = arm(deferred.rule, row, t)
        return _Visit(
            deferred.rule,
            armed,
            deferred.scale_pre,
            gain_then,
            credit_then,
            number(deferred.gain[row]),
            deferred.credit[epoch & (live - 1)],
        )

    @staticmethod
    def flush_row(deferred, row, t):  # type: ignore[no-untyped-def]
        number = deferred.credit.dtype.type
        epoch = _roll(deferred, t)
        live = deferred.credit.shape[0]
        gain_then, credit_then = number(deferred.gain[row]), deferred.credit[deferred.epoch[row] & (live - 1)]
        _age(deferred, row, epoch)
        return _Visit(
            deferred.rule,
            number(0),
            deferred.scale_pre,
            gain_then,
            credit_then,
            number(deferred.gain[row]),
            deferred.credit[epoch & (live - 1)],
        )

    @staticmethod
    def observe(deferred, t):  # type: ignore[no-untyped-def]
        if watch(deferred.rule, t) > 0:
            for i in range(deferred.credit.shape[1]):
                change = drift(deferred.rule, i)
                if change > 0:
                    _credit(deferred, i, t, change)

    @staticmethod
    def debt(deferred, row, i, w):  # type: ignore[no-untyped-def]
        live = deferred.credit.shape[0]
        return deferred.credit.dtype.type(deferred.gain[row]) * deferred.credit[deferred.epoch[row] & (live - 1), i]

    @staticmethod
    def hit(deferred, i, t):  # type: ignore[no-untyped-def]
        _credit(deferred, i, t, on_post(deferred.rule, i, t))


@inlined
def _age(deferred, row, epoch):  # type: ignore[no-untyped-def]
    """Scale the trace of a row to the start of this epoch; rows are visited often enough for `fade`."""
    deferred.gain[row] *= deferred.fade[epoch - deferred.epoch[row]]
    deferred.epoch[row] = epoch


@kernel
def _credit(deferred, i, t, change):  # type: ignore[no-untyped-def]
    """Every weight onto i grows by `change` for each unit of the presynaptic trace."""
    number = deferred.credit.dtype.type
    epoch = _roll(deferred, t)
    live = deferred.credit.shape[0]
    change = change * deferred.scale_post * deferred.down[t - (epoch << deferred.shift)]
    for back in range(min(live, REACH)):
        deferred.credit[(epoch - back) & (live - 1), i] += number(change * deferred.fade[back])


@kernel
def _roll(deferred, t):  # type: ignore[no-untyped-def]
    """The epoch of step t; the credit of new epochs starts at 0."""
    epoch = t >> deferred.shift
    while deferred.clock[0] < epoch:
        deferred.clock[0] += 1
        deferred.credit[deferred.clock[0] & (deferred.credit.shape[0] - 1)][:] = 0
    return epoch


class Forward(NamedTuple):
    """Plastic synapses whose rules are all forward. Stored weights are less by what is owed: read them by `weights`."""

    rows: Rows
    weight: np.ndarray
    channel: tuple
    release: tuple
    strength: Any
    is_far: bool
    sink: Spikes
    part: int  # of the target population
    weight_max: Any
    rules: tuple  # of Deferred

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
                    visits = open_row(projection.rules, row, t)
                    target, weight = rows.target[a:z], projection.weight[a:z]
                    _forward_row(target, weight, a, arrivals, visits, strength, projection.weight_max)

    @staticmethod
    def drift_on(projection, t):  # type: ignore[no-untyped-def]
        observe(projection.rules, t)

    @staticmethod
    def learn(projection, t):  # type: ignore[no-untyped-def]
        slot = t & (projection.sink.number.shape[0] - 1)
        start = projection.sink.start[projection.part]
        for k in range(start, start + projection.sink.number[slot, projection.part]):
            hit(projection.rules, projection.sink.unit[slot, k] - start, t)

    @staticmethod
    def rescale(projection, t, scale, shift):  # type: ignore[no-untyped-def]
        first = projection.rows.first
        for row in range(first.size - 1):
            a, z = first[row], first[row + 1]
            visits = flush_row(projection.rules, row, t)
            _flush_row(projection.rows.target[a:z], projection.weight[a:z], visits, projection.weight_max, scale, shift)

    @staticmethod
    def add_up(projection, total, number):  # type: ignore[no-untyped-def]
        """Right after `rescale` only, at the same step."""
        first = projection.rows.first
        for row in range(first.size - 1):
            for q in range(first[row], first[row + 1]):
                i = projection.rows.target[q]
                total[i] += projection.weight[q] + debt(projection.rules, row, i, projection.weight_max)
                number[i] += 1


@kernel
def _forward_row(target, weight, first, arrivals, visits, strength, weight_max):  # type: ignore[no-untyped-def]
    """The hot loop over the synapses of one spike."""
    for q in range(target.size):
        i = np.intp(target[q])
        w = weight[q] + owed(visits, i, weight_max)
        if w > weight_max:
            w = weight_max
        receive(arrivals, i, w * strength)
        w += on_pre(visits, strength, i, w, first + q)
        weight[q] = clip(w, weight_max) - owing(visits, i, weight_max)


@kernel
def _flush_row(target, weight, visits, weight_max, scale, shift):  # type: ignore[no-untyped-def]
    for q in range(target.size):
        i = np.intp(target[q])
        w = weight[q] + owed(visits, i, weight_max)
        if w > weight_max:
            w = weight_max
        weight[q] = clip(w * scale[i] + shift[i], weight_max) - owing(visits, i, weight_max)
