"""A population: one neuron model, its state, its input channels, its recent spikes, its spike log."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import collected, each, kernel, summed
from homeoanalysis.numerics.mechanism import Membrane
from homeoanalysis.numerics.traces import Trace, settle

BLOCK = 512  # neurons of one vectorised loop
PAD = 64  # populations are padded to a multiple of this


# ---- hooks of a population
@each
def advance(population, t):  # type: ignore[no-untyped-def]
    """Integrate, find the spikes, reset."""


@each
def end_window(population):  # type: ignore[no-untyped-def]
    """Let the slow intrinsic rules act on the spike counts of the window."""


@summed
def is_full(population):  # type: ignore[no-untyped-def]
    """1 if the log might not hold the spikes of one more step."""
    return 0


# ---- hooks of its parts
@collected
def present(channel, t):  # type: ignore[no-untyped-def]
    """The channel as the neurons see it at step t."""


@collected
def value(input, i):  # type: ignore[no-untyped-def]
    """The input of neuron i."""


@summed
def inject(injection, t):  # type: ignore[no-untyped-def]
    """Drive [V] that every neuron gets at step t."""
    return 0


@each
def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
    """The membrane potential of neuron i after one step."""


@each
def reset(kernel, state, i):  # type: ignore[no-untyped-def]
    """After a spike of neuron i."""


@each
def adapt(rule, state, count):  # type: ignore[no-untyped-def]
    """An intrinsic rule acts on the state, from the spike counts of the window."""


class Present(NamedTuple):
    """A channel at one step: a scaled value for each neuron, and what scales it."""

    scaled: np.ndarray
    factor: Any

    @staticmethod
    def value(now, i):  # type: ignore[no-untyped-def]
        return now.scaled[i] * now.factor


class Synapses(NamedTuple):
    """An input channel: decaying values and what the neuron model wants for each unit of weight."""

    trace: Trace
    gain: Any

    @staticmethod
    def present(channel, t):  # type: ignore[no-untyped-def]
        z = settle(channel.trace, t)
        return Present(channel.trace.value, channel.trace.down[z] * channel.gain)


class Spikes(NamedTuple):
    """What projections see of a population. Keep it small: each array is seven words of each projection."""

    unit: np.ndarray  # (ring, n): who fired
    number: np.ndarray  # (ring,): how many; the ring is a power of two, longer than the longest delay


class Population(NamedTuple):
    """Arrays of neurons are padded; the padding is refractory for ever."""

    kernel: Any
    state: Membrane
    channels: tuple
    injections: tuple
    rules: tuple  # intrinsic
    spikes: Spikes
    counts: np.ndarray  # (n,) spikes in this window
    fired: np.ndarray  # bytes
    fired_by_eight: np.ndarray  # the same bytes
    refractory: Any  # steps
    last: np.ndarray  # step of the last spike
    log: np.ndarray  # (2, capacity): step and unit of each spike
    logged: np.ndarray  # [spikes in the log, spikes ever]

    @staticmethod
    def is_full(population):  # type: ignore[no-untyped-def]
        return 1 if population.logged[0] + population.counts.size > population.log.shape[1] else 0

    @staticmethod
    def advance(population, t):  # type: ignore[no-untyped-def]
        spikes = population.spikes
        slot = t & (spikes.number.size - 1)
        now, common = present(population.channels, t), population.state.v.dtype.type(inject(population.injections, t))
        recent = np.int32(t - population.refractory)
        number = 0
        for start in range(0, population.fired.size, BLOCK):
            stop = min(start + BLOCK, population.fired.size)
            if (
                _sweep(population.kernel, population.state, now, common, population.last, population.fired, recent, start, stop)
                > 0
            ):
                for eight in range(start >> 3, stop >> 3):
                    if population.fired_by_eight[eight] != 0:
                        for i in range(eight << 3, (eight << 3) + 8):
                            if population.fired[i] != 0:
                                spikes.unit[slot, number] = i
                                number += 1
        spikes.number[slot] = number
        for k in range(number):
            i = spikes.unit[slot, k]
            reset(population.kernel, population.state, i)
            population.last[i] = t
            population.counts[i] += 1
            population.log[0, population.logged[0]] = t
            population.log[1, population.logged[0]] = i
            population.logged[0] += 1
            population.logged[1] += 1

    @staticmethod
    def end_window(population):  # type: ignore[no-untyped-def]
        adapt(population.rules, population.state, population.counts)
        population.counts[:] = 0


@kernel
def _sweep(kernel, state, now, common, last, fired, recent, start, stop):  # type: ignore[no-untyped-def]
    """The hot loop: branch-free, so that it vectorises. Returns > 0 if any neuron fired."""
    # The counter is unsigned and the sum a float of the model: signed indices or integers stop vectorisation.
    total = common - common
    one = total + last.dtype.type(1)
    for i in range(np.uint64(start), np.uint64(stop)):
        v = step(kernel, state, i, value(now, i), state.drive[i] + common)
        v = kernel.v_reset if last[i] > recent else v
        state.v[i] = v
        fired[i] = v > kernel.v_threshold
        total += one if v > kernel.v_threshold else one - one
    return total
