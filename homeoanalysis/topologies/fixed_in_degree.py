"""Every neuron receives the same number of synapses."""

import itertools
from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Ends

_AT_ONCE = 4_000_000  # synapses that are drawn and sorted together
_PAIRS = 64_000_000  # bytes, one for each pair, of a block without multapses


def fixed_in_degree(
    rng: np.random.Generator,
    ends: Ends,
    *,
    in_degree: Annotated[int, Field(ge=1, le=10_000_000)],
    multapses: bool = True,
    autapses: bool = False,
) -> Iterator[np.ndarray]:
    """Each target neuron draws `in_degree` source neurons: with replacement if there may be multapses (several synapses of
    one pair), else without. Autapses (a neuron onto itself) are left out unless they are allowed.

    Yields the sorted targets of each source neuron. Sources are drawn block by block, so that 10^8 synapses need no memory:
    how many of its synapses a neuron has in a block is binomial (hypergeometric without multapses) given those before.
    Source: Brunel 2000, J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027, section 2.1.
    """
    has_gap = ends.is_recurrent and not autapses
    possible = ends.n_source - has_gap
    if in_degree > possible and not multapses:
        raise SimulationError(
            f"fixed_in_degree: in_degree is {in_degree}, but each neuron has {possible} others to draw from; "
            f"lower it, or write multapses: true"
        )
    if possible < 1:
        raise SimulationError("fixed_in_degree: a single neuron has none to draw from; make n larger, or write autapses: true")
    target = np.arange(ends.n_target)
    left = np.full(ends.n_target, in_degree)
    size = max(1, _AT_ONCE * ends.n_source // (ends.n_target * in_degree) if multapses else _PAIRS // ends.n_target)
    for start in range(0, ends.n_source, size):
        stop = min(start + size, ends.n_source)
        is_own = has_gap & (target >= start) & (target < stop)  # the neuron itself is in the block
        here = stop - start - is_own  # source neurons of the block that each target may take
        later = ends.n_source - stop - (has_gap & (target >= stop))
        own = np.where(is_own, target - start, stop - start)  # where the gap is
        if multapses:
            number = rng.binomial(left, here / np.maximum(here + later, 1))
            yield from _repeated(rng, number, here, own, stop - start)
        else:
            number = rng.hypergeometric(here, later, left)
            yield from _distinct(rng, number, here, own, stop - start)
        left = left - number


def _repeated(
    rng: np.random.Generator, number: np.ndarray, here: np.ndarray, own: np.ndarray, n_rows: int
) -> Iterator[np.ndarray]:
    """Rows of a block in which target i draws number[i] of here[i] source neurons; own[i] is stepped over."""
    owner = np.repeat(np.arange(number.size), number)
    source = rng.integers(0, here[owner])
    code = np.sort((source + (source >= own[owner])) * number.size + owner)
    row = (code % number.size).astype(np.int32)
    for a, z in itertools.pairwise(np.searchsorted(code, np.arange(n_rows + 1) * number.size)):
        yield row[a:z]


def _distinct(
    rng: np.random.Generator, number: np.ndarray, here: np.ndarray, own: np.ndarray, n_rows: int
) -> Iterator[np.ndarray]:
    """The same with distinct sources: duplicates are drawn again, of those that are taken or, if these are more, of the rest."""
    is_dense = number > here // 2
    wanted = np.where(is_dense, here - number, number)
    is_connected = np.zeros((n_rows, number.size), bool)
    short, missing = np.arange(number.size), wanted
    while short.size:
        owner = np.repeat(short, missing)
        source = rng.integers(0, here[owner])
        is_connected[source + (source >= own[owner]), owner] = True
        missing = wanted[short] - is_connected[:, short].sum(axis=0)
        short, missing = short[missing > 0], missing[missing > 0]
    is_connected ^= is_dense
    has_own = np.flatnonzero(own < n_rows)
    is_connected[own[has_own], has_own] = False
    for row in is_connected:
        yield np.flatnonzero(row)
