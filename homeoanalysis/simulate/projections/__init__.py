"""Projections: how synapses are stored. The forms of the rules choose the storage; a rule never knows which.

Static    no rule                                                 2 bytes a synapse, and its weight where weights differ
Bits      no rule, one weight, dense                              a bit for each pair
Forward   every rule is `forward`: potentiation is deferred       2 bytes and the weight
Event     some rule needs the weight at the postsynaptic spike    and an index sorted by target
"""

import numpy as np

from homeoanalysis.simulate.projections.event import Event
from homeoanalysis.simulate.projections.forward import Forward
from homeoanalysis.simulate.projections.static import Bits, Static

Projection = Static | Bits | Forward | Event


def pairs(projection: Projection) -> tuple[np.ndarray, np.ndarray]:
    """The source neuron and the target neuron (counted from the first of the part) of each synapse."""
    if isinstance(projection, Bits):
        sources, targets = [], []
        for j, row in enumerate(projection.matrix[:-1]):
            found = np.flatnonzero(np.unpackbits(row.view(np.uint8)[:, None], axis=1, bitorder="little").T.ravel())
            sources.append(np.full(found.size, j))
            targets.append(found)
        return np.concatenate(sources), np.concatenate(targets)
    row = rows(projection)
    return row // projection.rows.delay.size, projection.rows.target[: row.size].astype(np.int64)


def rows(projection: Projection) -> np.ndarray:
    """The row of each synapse, in the order of `pairs`."""
    if isinstance(projection, Bits):
        return pairs(projection)[0]
    first = projection.rows.first
    return np.repeat(np.arange(first.size - 1), np.diff(first))


def weights(projection: Projection) -> np.ndarray:
    """The weights in the unit of the channel, in the order of `pairs`; what is owed is added."""
    if isinstance(projection, Bits):
        return np.full(int(np.bitwise_count(projection.matrix).sum()), float(projection.weight))
    target = projection.rows.target
    stored = np.broadcast_to(np.asarray(projection.weight, float), target.shape).copy()
    if isinstance(projection, Forward):
        row = rows(projection)
        for rule in projection.rules:
            stored += rule.gain[row] * rule.credit[rule.epoch[row] % len(rule.credit), target]
        stored = np.minimum(stored, projection.weight_max)
    return stored
