"""Which neurons are in which part of a network."""

from collections.abc import Mapping

import numpy as np

from homeoanalysis.config.model import Model
from homeoanalysis.simulate.populations import PAD

TOGETHER = 256  # neurons that a protocol may draw for at once: parts of a population are multiples of it
_SOURCE = 0.1  # cost of the spikes of a source neuron, for each thread with targets of it, in those of a target neuron


def alike(model: Model, n_parts: int) -> dict[str, np.ndarray]:
    """Where the parts of each population start and end, (n_parts + 1,): all as large as each other."""
    cuts = {key: np.linspace(0, -(-p.n // TOGETHER), n_parts + 1) for key, p in model.populations.items()}
    return {key: _bounds(np.round(at).astype(int), model.populations[key].n) for key, at in cuts.items()}


def balanced(model: Model, n_parts: int) -> dict[str, np.ndarray]:
    """The same for parts that cost threads as much as each other.

    A spike costs each thread that has targets of it the start of a row of synapses, however few they are. So each part is a
    run of the populations one after the other, of which one boundary cuts one population, and not a slice of each. On
    `benchmarks/` A and C a cut of the excitatory neurons at 0.6 to 0.73 took the same time, least at 0.66 to 0.7.
    """
    sizes = {key: p.n for key, p in model.populations.items()}
    blocks = [(key, min(TOGETHER, n - start)) for key, n in sizes.items() for start in range(0, n, TOGETHER)]
    rows = dict.fromkeys(model.populations, 0.0)
    for wire in model.projections.values():
        rows[wire.target] += _SOURCE * model.populations[wire.source].n
    low, high = 0.0, sum(sizes.values()) + sum(rows.values())
    while high - low > 1:
        limit = (low + high) / 2
        if len(_filled(blocks, rows, limit)) <= n_parts:
            high = limit
        else:
            low = limit
    runs = _filled(blocks, rows, high)
    runs += [[]] * (n_parts - len(runs))
    number = {key: [sum(name == key for name, _ in run) for run in runs] for key in sizes}
    return {key: _bounds(np.concatenate([[0], np.cumsum(number[key])]), n) for key, n in sizes.items()}


def _filled(blocks: list[tuple[str, int]], rows: Mapping[str, float], limit: float) -> list[list[tuple[str, int]]]:
    """The blocks, each with its number of neurons, in runs as long as their cost allows."""
    runs: list[list[tuple[str, int]]] = []
    cost = np.inf
    for key, n in blocks:
        is_new = not runs or key != runs[-1][-1][0]
        cost += n + (rows[key] if is_new else 0)
        if cost > limit:
            runs.append([])
            cost = n + rows[key]
        runs[-1].append((key, n))
    return runs


def _bounds(blocks: np.ndarray, n: int) -> np.ndarray:
    return np.minimum(blocks * TOGETHER, -(-n // PAD) * PAD)
