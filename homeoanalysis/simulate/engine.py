"""The loop over time. It knows the order of a step, and no model, storage or rule."""

from typing import NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import each, summed
from homeoanalysis.numerics.machine import count_in, give_way, look
from homeoanalysis.simulate.populations import advance, foresee, is_full
from homeoanalysis.simulate.projections.hooks import add_up, deliver, drift_on, fetch, learn, rescale

# Looks at a barrier, some 2 ms, before the processor is given to another thread. The other thread of a busy machine comes back
# sooner; a thread that gives way at once waits for its own turn then, and both do in turn, for ever.
PATIENCE = 1_000_000


@each
def arrive(input, t):  # type: ignore[no-untyped-def]
    """An input from outside acts on its population."""


@each
def sample(probe, t):  # type: ignore[no-untyped-def]
    """Record what the step has left."""


@summed
def meet(barrier, full):  # type: ignore[no-untyped-def]
    """Wait for the other threads, if there are any; returns > 0 if the log of any is full."""
    return full


@summed
def is_shared(barrier):  # type: ignore[no-untyped-def]
    """1 if other threads run parts of this network."""
    return 0


class Barrier(NamedTuple):
    """Where threads wait for each other: each runs alone for as many steps as the shortest delay."""

    arrived: np.ndarray  # [calls of all threads ever]
    round: np.ndarray  # [calls of this thread ever]
    full: np.ndarray  # (2, threads): of this round and of the last
    thread: int

    @staticmethod
    def is_shared(barrier):  # type: ignore[no-untyped-def]
        return 1

    @staticmethod
    def meet(barrier, full):  # type: ignore[no-untyped-def]
        threads = barrier.full.shape[1]
        # Two rows in turn: a fast thread may write its next flag while a slow one still reads.
        row = barrier.round[0] & 1
        barrier.full[row, barrier.thread] = full
        barrier.round[0] += 1
        count_in(barrier.arrived)
        turns = 0
        while look(barrier.arrived) < barrier.round[0] * threads:
            turns += 1
            if turns > PATIENCE:
                give_way()
        total = 0
        for k in range(threads):
            total += barrier.full[row, k]
        return total


def run(populations, projections, inputs, probes, barrier, due, start, stop, apart):  # type: ignore[no-untyped-def]
    """Steps from `start` to `stop`; returns the step reached, which is less than `stop` if a spike log filled up.

    `due`: see `Population`; in a small network most steps bring no spike to any projection, and cost nothing here. Threads
    do not ask: what one writes in every step costs the other a miss of the cache in every step.
    `apart`: steps that threads may be apart, no more than the shortest delay.
    This plain Python function is the reference; `compiler.compiled` gives the same loop as machine code.
    """
    for begin in range(start, stop, apart):
        if meet(barrier, is_full(populations, apart)) > 0:
            return begin
        if is_shared(barrier) > 0:
            foresee(populations, begin, apart)
        for t in range(begin, min(begin + apart, stop)):
            arrive(inputs, t)
            if is_shared(barrier) > 0 or due[t & (due.size - 1)] == t:
                deliver(projections, t)
            number = advance(populations, t)
            drift_on(projections, t)
            if number > 0:
                learn(projections, t)
            sample(probes, t)
            if is_shared(barrier) > 0 or due[(t + 1) & (due.size - 1)] == t + 1:
                fetch(projections, t)
    return stop


def rescale_weights(projection, t, scale, shift):  # type: ignore[no-untyped-def]
    """Pay what is owed; then each weight onto neuron i becomes scale[i] w + shift[i], within its bounds."""
    rescale(projection, t, scale, shift)


def add_up_weights(projection, total, number):  # type: ignore[no-untyped-def]
    """Add the weights onto neuron i to total[i], and how many they are to number[i]."""
    add_up(projection, total, number)
