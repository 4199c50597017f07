"""A population, or the part of it that one thread owns: neuron model, state, input channels, recent spikes, spike log."""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.channels import present, value
from homeoanalysis.numerics.composition import each, inlined, summed
from homeoanalysis.numerics.machine import at, prefetch
from homeoanalysis.numerics.traces import bump
from homeoanalysis.simulate.refractory import Common, Own, enter, is_refractory, leave

BLOCK = 2048  # neurons of one vectorised loop
PAD = 64  # populations are padded to a multiple of this


# ---- hooks of a population
@summed
def advance(population, t):  # type: ignore[no-untyped-def]
    """Integrate, find the spikes, reset; returns how many there are."""
    return 0


@each
def foresee(population, t, steps):  # type: ignore[no-untyped-def]
    """Ask for the spikes of so many steps before t that other threads have found."""


@summed
def is_full(population, steps):  # type: ignore[no-untyped-def]
    """1 if the log might not hold the spikes of so many more steps."""
    return 0


# ---- hooks of its parts
@summed
def inject(injection, t):  # type: ignore[no-untyped-def]
    """Drive [V] that every neuron gets at step t."""
    return 0


@each
def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
    """The membrane potential of neuron i after one step."""


@each
def threshold(kernel, state, i):  # type: ignore[no-untyped-def]
    """The potential above which neuron i fires now."""
    return at(kernel.v_threshold, i)


@each
def reset(kernel, state, i):  # type: ignore[no-untyped-def]
    """After a spike of neuron i."""


@each
def detect(detector, i, t):  # type: ignore[no-untyped-def]
    """A spike of neuron i, seen by a rate detector."""


class Spikes(NamedTuple):
    """What projections see of a population. Keep it small: each array is seven words of each projection."""

    unit: np.ndarray  # (ring, n): who fired; each part writes from its own start on
    number: np.ndarray  # (ring, parts): how many; the ring is a power of two, longer than the longest delay. In memory by parts:
    # what one thread writes in every step shares no line of the cache with what another does
    start: np.ndarray  # (parts,): index of the first neuron


class Detector(NamedTuple):
    """Low-pass filtered spikes of each neuron."""

    trace: Any

    @staticmethod
    def detect(detector, i, t):  # type: ignore[no-untyped-def]
        bump(detector.trace, i, t)


class Population(NamedTuple):
    """Arrays of neurons are padded; the padding is refractory for ever."""

    kernel: Any
    state: Any
    channels: tuple
    injections: tuple
    detectors: tuple
    spikes: Spikes
    part: int
    due: np.ndarray  # (ring,), of all that a thread runs: the latest step of each slot in which its spikes reach some projection
    delays: np.ndarray  # steps: of all projections that leave the population
    counts: np.ndarray  # (n,) spikes in this window
    fired: np.ndarray  # (BLOCK,) bytes: of the block at hand, so that they stay in the nearest cache
    fired_by_eight: np.ndarray  # the same bytes
    is_even: np.ndarray  # [1 if all neurons have the same drive, which is then not read for each: a sixth of the traffic]; set
    # before each call of the loop, so that whoever changes a drive within a step must clear it
    rest: Own | Common  # who is refractory
    log: np.ndarray  # (2, capacity): step and unit of each spike
    logged: np.ndarray  # [spikes in the log, spikes ever]

    @staticmethod
    def foresee(population, t, steps):  # type: ignore[no-untyped-def]
        # Spikes lie in the cache of the processor that ran their thread; asked for together, they come while others do.
        spikes = population.spikes
        ring = spikes.number.shape[0]
        for part in range(spikes.start.size):
            if part != population.part:
                for step in range(t - steps, t):
                    slot = step & (ring - 1)
                    prefetch(spikes.number, part * ring + slot)
                    prefetch(spikes.unit[slot], spikes.start[part])

    @staticmethod
    def is_full(population, steps):  # type: ignore[no-untyped-def]
        return 1 if population.logged[0] + steps * population.counts.size > population.log.shape[1] else 0

    @staticmethod
    def advance(population, t):  # type: ignore[no-untyped-def]
        spikes = population.spikes
        slot = t & (spikes.number.shape[0] - 1)
        offset = spikes.start[population.part]
        now, common = present(population.channels, t), population.state.v.dtype.type(inject(population.injections, t))
        drive = population.state.drive
        leave(population.rest, t)
        number = 0
        for start in range(0, drive.size, BLOCK):
            stop = min(start + BLOCK, drive.size)
            if population.is_even[0] != 0:
                fired = _sweep(population, now, common, drive[0], np.int32(t), start, stop)
            else:
                fired = _sweep(population, now, common, drive, np.int32(t), start, stop)
            if fired > 0:
                for line in range(0, (stop - start) >> 3, 8):
                    if _any_of_eight(population.fired_by_eight, line):
                        for eight in range(line, line + 8):
                            if population.fired_by_eight[eight] != 0:
                                for k in range(eight << 3, (eight << 3) + 8):
                                    if population.fired[k] != 0:
                                        spikes.unit[slot, offset + number] = offset + start + k
                                        number += 1
        spikes.number[slot, population.part] = number
        if number > 0:
            for k in range(population.delays.size):
                arrival = t + population.delays[k]
                population.due[arrival & (population.due.size - 1)] = arrival
        for k in range(number):
            i = spikes.unit[slot, offset + k] - offset
            reset(population.kernel, population.state, i)
            detect(population.detectors, i, t)
            enter(population.rest, i, t)
            population.counts[i] += 1
            population.log[0, population.logged[0]] = t
            population.log[1, population.logged[0]] = offset + i
            population.logged[0] += 1
        population.logged[1] += number
        return number


@inlined
def _any_of_eight(words, k):  # type: ignore[no-untyped-def]
    """Whether any of words[k] to words[k + 7] is not 0, without a branch for each."""
    one = words[k] | words[k + 1] | words[k + 2] | words[k + 3]
    return one | words[k + 4] | words[k + 5] | words[k + 6] | words[k + 7] != 0


@inlined
def _sweep(population, now, common, drive, t, start, stop):  # type: ignore[no-untyped-def]
    """The hot loop: branch-free, so that it vectorises. Returns > 0 if any neuron fired."""
    # One name at a time: numba 0.68 loses the stores to arrays that come out of a tuple of these.
    kernel = population.kernel
    state = population.state
    rest = population.rest
    fired = population.fired
    # The counter is unsigned and the sum a float of the model: signed indices or integers stop vectorisation.
    total = common - common
    one = total + state.v.dtype.type(1)
    first = np.uint64(start)
    for i in range(first, np.uint64(stop)):
        v = step(kernel, state, i, value(now, i), at(drive, i) + common)
        v = at(kernel.v_reset, i) if is_refractory(rest, i, t) else v
        state.v[i] = v
        is_above = v > threshold(kernel, state, i)
        fired[i - first] = is_above
        total += one if is_above else one - one
    return total
