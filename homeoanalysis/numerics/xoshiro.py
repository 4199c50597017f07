"""Random numbers inside compiled kernels: xoshiro256++, the state is an array of four words.

The same bits in compiled code and in plain Python, whatever the version of numpy.
Source: Blackman & Vigna 2021, Scrambled linear pseudorandom number generators, ACM Trans Math Softw 47:36,
doi:10.1145/3460772. Normal deviates: Marsaglia & Bray 1964, SIAM Review 6:260, doi:10.1137/1006063.
"""

import math

import numpy as np

from homeoanalysis.numerics.composition import kernel

_11, _17, _19, _23, _32, _41, _45 = (np.uint64(k) for k in (11, 17, 19, 23, 32, 41, 45))
_STEP = 2.0**-53


def random_state(generator: np.random.Generator) -> np.ndarray:
    """A state drawn from a named stream (`provenance.rng_for`); never the forbidden all-zero one."""
    return generator.integers(1, 2**64, size=4, dtype=np.uint64)


@kernel
def bits(state):  # type: ignore[no-untyped-def]
    """64 random bits."""
    total = state[0] + state[3]
    result = ((total << _23) | (total >> _41)) + state[0]
    shifted = state[1] << _17
    state[2] ^= state[0]
    state[3] ^= state[1]
    state[1] ^= state[2]
    state[0] ^= state[3]
    state[2] ^= shifted
    state[3] = (state[3] << _45) | (state[3] >> _19)
    return result


@kernel
def uniform(state):  # type: ignore[no-untyped-def]
    """A double in [0, 1)."""
    return np.int64(bits(state) >> _11) * _STEP


@kernel
def below(state, n):  # type: ignore[no-untyped-def]
    """An integer in [0, n), n < 2^32; its bias is less than n / 2^32."""
    return np.int64(((bits(state) >> _32) * np.uint64(n)) >> _32)


@kernel
def normal_pair(state):  # type: ignore[no-untyped-def]
    """Two independent standard normal deviates."""
    square = 0.0
    x = 0.0
    y = 0.0
    while square >= 1.0 or square == 0.0:
        x = 2.0 * uniform(state) - 1.0
        y = 2.0 * uniform(state) - 1.0
        square = x * x + y * y
    scale = math.sqrt(-2.0 * math.log(square) / square)
    return x * scale, y * scale
