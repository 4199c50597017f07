"""Synaptic inputs: what spikes add to, and what a neuron sees of it.

A channel is a sum of exponentials, so that every linear synaptic response is one: each arriving spike adds its weight to
each term, and the amplitudes stand in the gains.
"""

from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.composition import collected, each, summed
from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.traces import Trace, levels, settle


@collected
def accept(term, t):  # type: ignore[no-untyped-def]
    """The term, open for the spikes that arrive at step t."""


@each
def receive(arrival, i, w):  # type: ignore[no-untyped-def]
    """Weight w arrives at neuron i."""


@collected
def present(channel, t):  # type: ignore[no-untyped-def]
    """The channel as the neurons see it at step t."""


@collected
def value(now, i):  # type: ignore[no-untyped-def]
    """The input of neuron i."""


@summed
def amount(now, i):  # type: ignore[no-untyped-def]
    """What one term adds to the input of neuron i."""
    return 0


class Arrival(NamedTuple):
    """A term at one step, for arriving spikes."""

    value: np.ndarray
    up: Any

    @staticmethod
    def receive(arrival, i, w):  # type: ignore[no-untyped-def]
        arrival.value[i] += w * arrival.up


class _Now(NamedTuple):
    """A term at one step, for neurons."""

    value: np.ndarray
    factor: Any

    @staticmethod
    def amount(now, i):  # type: ignore[no-untyped-def]
        return now.value[i] * now.factor


class _EachNow(NamedTuple):
    value: np.ndarray
    factor: Any
    gain: np.ndarray

    @staticmethod
    def amount(now, i):  # type: ignore[no-untyped-def]
        return now.value[i] * now.factor * now.gain[i]


class Decaying(NamedTuple):
    """A term that decays exponentially; `gain` is what the neuron model wants for each unit of it."""

    trace: Trace
    gain: Any

    @staticmethod
    def accept(term, t):  # type: ignore[no-untyped-def]
        z = settle(term.trace, t)
        return Arrival(term.trace.value, term.trace.up[z])

    @staticmethod
    def present(term, t):  # type: ignore[no-untyped-def]
        z = settle(term.trace, t)
        return _Now(term.trace.value, term.trace.down[z] * term.gain)


class DecayingEach(NamedTuple):
    """The same, with a gain for each neuron."""

    trace: Trace
    gain: np.ndarray

    @staticmethod
    def accept(term, t):  # type: ignore[no-untyped-def]
        z = settle(term.trace, t)
        return Arrival(term.trace.value, term.trace.up[z])

    @staticmethod
    def present(term, t):  # type: ignore[no-untyped-def]
        z = settle(term.trace, t)
        return _EachNow(term.trace.value, term.trace.down[z], term.gain)


class Pulses(NamedTuple):
    """A term that acts within the step of the spike, and is gone."""

    value: np.ndarray
    gain: Any

    @staticmethod
    def accept(term, t):  # type: ignore[no-untyped-def]
        return Arrival(term.value, term.value.dtype.type(1))

    @staticmethod
    def present(term, t):  # type: ignore[no-untyped-def]
        return _Taken(term.value, term.gain)


class _Taken(NamedTuple):
    value: np.ndarray
    gain: Any

    @staticmethod
    def amount(now, i):  # type: ignore[no-untyped-def]
        x = now.value[i]
        now.value[i] = x - x
        return x * at(now.gain, i)


class Channel(NamedTuple):
    """One input of a neuron model."""

    terms: tuple

    @staticmethod
    def present(channel, t):  # type: ignore[no-untyped-def]
        return _Sum(present(channel.terms, t))


class _Sum(NamedTuple):
    terms: tuple

    @staticmethod
    def value(now, i):  # type: ignore[no-untyped-def]
        return amount(now.terms, i)


class ScaledChannel(NamedTuple):
    """One input of a neuron model, times a factor for each neuron, which plasticity changes."""

    terms: tuple
    factor: np.ndarray

    @staticmethod
    def present(channel, t):  # type: ignore[no-untyped-def]
        return _ScaledSum(present(channel.terms, t), channel.factor)


class _ScaledSum(NamedTuple):
    terms: tuple
    factor: np.ndarray

    @staticmethod
    def value(now, i):  # type: ignore[no-untyped-def]
        return amount(now.terms, i) * now.factor[i]


def inputs(channel: Channel | ScaledChannel, t: int) -> np.ndarray:
    """What the neurons would see at step t; nothing is changed."""
    total: Any = 0.0
    for term in channel.terms:
        total = total + (term.value if isinstance(term, Pulses) else levels(term.trace, t)) * term.gain
    return np.asarray(total * getattr(channel, "factor", 1.0))
