"""Random numbers that have no state: a hash of (key, step, element).

The same bits in compiled code and in plain Python, for any number of threads, and after a restart.
`word(key, counter)` is element `counter` of the SplitMix64 sequence that starts at `key`.
Source: Steele, Lea & Flood 2014, Fast splittable pseudorandom number generators, OOPSLA 2014, 453-472,
doi:10.1145/2660193.2660195, figure 17. Normal deviates: Box & Muller 1958, doi:10.1214/aoms/1177706645.
"""

import math

import numpy as np

from homeoanalysis.numerics.composition import kernel

_GOLDEN, _FIRST, _SECOND = (np.uint64(w) for w in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_30, _27, _31, _11, _32 = (np.uint64(s) for s in (30, 27, 31, 11, 32))
_LOW = np.uint64(0xFFFFFFFF)
_STEP = 2.0**-53
_TWO_PI = 2.0 * math.pi


def random_key(generator: np.random.Generator) -> np.uint64:
    """A key drawn from a named stream (`provenance.rng_for`)."""
    return np.uint64(generator.integers(0, 2**64, dtype=np.uint64))


@kernel
def word(key, counter):  # type: ignore[no-untyped-def]
    """64 random bits."""
    z = key + (np.uint64(counter) + np.uint64(1)) * _GOLDEN
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return z ^ (z >> _31)


@kernel
def subkey(key, t):  # type: ignore[no-untyped-def]
    """A key for step t: what happens in one step shares no word with another."""
    return word(key, t)


@kernel
def uniform(key, counter):  # type: ignore[no-untyped-def]
    """A double in [0, 1)."""
    return np.int64(word(key, counter) >> _11) * _STEP


@kernel
def halves(key, start, out):  # type: ignore[no-untyped-def]
    """32 random bits for each element of `out`, two of each word; returns the largest.

    `start`: index of the first element in the whole; a multiple of the even size of `out`, so that no word is used twice.
    """
    largest = np.uint32(0)
    base = key + (np.uint64(start >> 1) + np.uint64(1)) * _GOLDEN
    middle = np.uint64(out.size >> 1)
    for i in range(middle):
        z = base + i * _GOLDEN
        z = (z ^ (z >> _30)) * _FIRST
        z = (z ^ (z >> _27)) * _SECOND
        z = z ^ (z >> _31)
        low, high = np.uint32(z & _LOW), np.uint32(z >> _32)
        out[i] = low
        out[middle + i] = high
        larger = high if high > low else low
        largest = larger if larger > largest else largest
    return largest


@kernel
def below(key, counter, n):  # type: ignore[no-untyped-def]
    """An integer in [0, n), n < 2^32; its bias is less than n / 2^32."""
    return np.int64(((word(key, counter) >> _32) * np.uint64(n)) >> _32)


@kernel
def normal_pair(key, counter):  # type: ignore[no-untyped-def]
    """Two independent standard normal deviates."""
    u = 1.0 - uniform(key, 2 * counter)  # in (0, 1]
    angle = _TWO_PI * uniform(key, 2 * counter + 1)
    radius = math.sqrt(-2.0 * math.log(u))
    return radius * math.cos(angle), radius * math.sin(angle)
