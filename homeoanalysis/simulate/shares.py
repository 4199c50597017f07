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
    blocks = [(key, k) for key, p in model.populations.items() for k in range(-(-p.n // TOGETHER))]
    rows = dict.fromkeys(model.populations, 0.0)
    for wire in model.projections.values():
        rows[wire.target] += _SOURCE * model.populations[wire.source].n
    low, high = 0.0, len(blocks) * TOGETHER + sum(rows.values())
    while high - low > TOGETHER / 8:
        limit = (low + high) / 2
        if len(_filled(blocks, rows, limit)) <= n_parts:
            high = limit
        else:
            low = limit
    runs = _filled(blocks, rows, high)
    runs += [[]] * (n_parts - len(runs))
    found = {}
    for key, p in model.populations.items():
        number = [sum(name == key for name, _ in run) for run in runs]
        found[key] = _bounds(np.concatenate([[0], np.cumsum(number)]), p.n)
    return found


def _filled(blocks: list[tuple[str, int]], rows: Mapping[str, float], limit: float) -> list[list[tuple[str, int]]]:
    """The blocks in runs, each as long as its cost allows."""
    runs: list[list[tuple[str, int]]] = []
    cost = np.inf
    for key, k in blocks:
        is_new = not runs or key != runs[-1][-1][0]
        cost += TOGETHER + (rows[key] if is_new else 0)
        if cost > limit:
            runs.append([])
            cost = TOGETHER + rows[key]
        runs[-1].append((key, k))
    return runs


def _bounds(blocks: np.ndarray, n: int) -> np.ndarray:
    return np.minimum(blocks * TOGETHER, -(-n // PAD) * PAD)
