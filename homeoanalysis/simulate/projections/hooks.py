"""What the loop calls on a projection, and what a projection calls on its rules."""

from typing import NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import each, kernel, summed
from homeoanalysis.numerics.machine import prefetch
from homeoanalysis.simulate.populations import Spikes


# ---- hooks of a projection
@each
def fetch(projection, t):  # type: ignore[no-untyped-def]
    """Ask the memory for the synapses of the next step."""


@each
def deliver(projection, t):  # type: ignore[no-untyped-def]
    """Transmit the spikes that arrive now, and let them change weights."""


@each
def drift_on(projection, t):  # type: ignore[no-untyped-def]
    """Every step, after the membranes: what they do to the weights."""


@each
def learn(projection, t):  # type: ignore[no-untyped-def]
    """Plasticity of the postsynaptic spikes emitted now."""


@each
def rescale(projection, t, scale, shift):  # type: ignore[no-untyped-def]
    """Pay what is owed to the weights; then each weight onto neuron i becomes scale[i] w + shift[i], within its bounds."""


@each
def add_up(projection, total, number):  # type: ignore[no-untyped-def]
    """Add the weights onto neuron i to total[i], and how many they are to number[i]."""


# ---- hooks of a release rule
@summed
def release(rule, row, t, strength):  # type: ignore[no-untyped-def]
    """What of `strength` the spike of this row releases; its short-term state goes on."""
    return strength


# ---- hooks of a rule
@summed
def arm(rule, row, t):  # type: ignore[no-untyped-def]
    """Presynaptic spike of a row: returns the number that `on_pre` needs."""
    return 0


@summed
def on_pre(rule, armed, i, w, k):  # type: ignore[no-untyped-def]
    """Weight change of synapse k at a presynaptic spike, after transmission."""
    return w - w


@summed
def on_post(rule, i, t):  # type: ignore[no-untyped-def]
    """Postsynaptic spike of i: updates traces. A forward rule returns the weight change for each unit of its presynaptic
    trace, an event rule the number that `at_post` needs."""
    return 0


@summed
def at_post(rule, armed, row, w, k):  # type: ignore[no-untyped-def]
    """Event form only: change of the weight of synapse k at a postsynaptic spike."""
    return w - w


@summed
def lapse(rule, t):  # type: ignore[no-untyped-def]
    """Event form only, at least once a second: returns the number that `at_lapse` needs."""
    return 0


@summed
def at_lapse(rule, armed, w, k):  # type: ignore[no-untyped-def]
    """Event form only: change of the weight of synapse k that time has brought since it was visited last."""
    return w - w


@summed
def watch(rule, t):  # type: ignore[no-untyped-def]
    """Every step, after the membranes: returns > 0 if `drift` is not 0 for some neuron."""
    return 0


@summed
def drift(rule, i):  # type: ignore[no-untyped-def]
    """Weight change of this step onto neuron i, >= 0, for each unit of the presynaptic trace."""
    return 0


class Rows(NamedTuple):
    """The synapses of each presynaptic end. A source neuron has one end for each delay: row = neuron x delays + delay."""

    first: np.ndarray  # (rows + 1,): where the synapses of a row start
    target: np.ndarray  # (synapses,): target neuron, counted from the first of the part
    delay: np.ndarray  # (delays,) steps
    source: Spikes


class ChangingRows(NamedTuple):
    """The same, of synapses that come and go: a checkpoint keeps them."""

    first: np.ndarray
    target: np.ndarray
    delay: np.ndarray
    source: Spikes


@kernel
def clip(w, top):  # type: ignore[no-untyped-def]
    """The weight within [0, top]."""
    # Written with `if`: min() and max() have Python's NaN rules, which stop vectorisation.
    zero = top - top
    if w < zero:
        w = zero
    if w > top:
        w = top
    return w


AHEAD = 8  # lines of the cache that are asked for; by then the memory has seen where a row goes


@kernel
def fetch_rows(rows, array, line, t):  # type: ignore[no-untyped-def]
    """Prefetch what `array` holds of the rows that arrive at step t + 1; `line`: elements in a cache line."""
    for d in range(rows.delay.size):
        slot = (t + 1 - rows.delay[d]) & (rows.source.number.shape[0] - 1)
        for part in range(rows.source.start.size):
            start = rows.source.start[part]
            for k in range(start, start + rows.source.number[slot, part]):
                row = rows.source.unit[slot, k] * rows.delay.size + d
                for q in range(rows.first[row], min(rows.first[row + 1], rows.first[row] + AHEAD * line), line):
                    prefetch(array, q)
