"""Our side of the benchmark: runs, and the same network written down for the peers."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from runs import DT, Run, activity

from homeoanalysis.config.model import Model
from homeoanalysis.numerics.channels import Pulses
from homeoanalysis.simulate.populations import Population
from homeoanalysis.simulate.projections import Bits, Projection, Static, pairs
from homeoanalysis.simulate.refractory import Common
from homeoanalysis.simulate.simulation import Simulation


class Traffic(NamedTuple):
    """What a run asks of the memory."""

    events: float  # spikes that reach a synapse, for each biological second; input from outside is not counted
    moved: float  # bytes that the algorithm must read or write for each biological second, at least
    working_set: int  # bytes of all arrays


class Ours:
    """A network of `networks.py` in one precision, on some threads."""

    def __init__(self, network: dict[str, Any], *, precision: str, threads: int, warm_up: float, seconds: float) -> None:
        self.model = Model.model_validate({**network, "precision": precision})
        self.threads, self.warm_up, self.seconds = threads, warm_up, seconds

    def run(self) -> Run:
        """A fresh network: warm up, then time the window."""
        return self._timed()[1]

    def _timed(self) -> tuple[Simulation, Run]:
        simulation = Simulation(self.model, threads=self.threads)
        begin = round(self.warm_up / DT)
        simulation.advance(begin)
        cpu, wall = time.process_time(), time.perf_counter()
        simulation.advance(round(self.seconds / DT))
        cpu, wall = (time.process_time() - cpu) / self.seconds, (time.perf_counter() - wall) / self.seconds
        rates, cv = {}, {}
        for name, neurons in simulation.network.neurons.items():
            step, unit = window(simulation, name, begin)
            rates[name], cv[name] = activity(step, unit, neurons.n, self.seconds)
        return simulation, Run(cpu, wall, rates, cv)

    def traffic(self) -> Traffic:
        """Count what one run moves (one thread)."""
        simulation, _ = self._timed()
        (part,) = simulation.network.parts
        events = moved = 0.0
        for name, projection in part.projections.items():
            source = self.model.projections[name].source
            _, unit = window(simulation, source, round(self.warm_up / DT))
            n_spikes = np.bincount(unit, minlength=simulation.network.neurons[source].n)
            found = float(n_spikes @ np.bincount(pairs(projection)[0], minlength=n_spikes.size))
            events += found
            moved += unit.size * projection.matrix[0].nbytes if isinstance(projection, Bits) else found * event_bytes(projection)
        moved = moved / self.seconds + sum(step_bytes(p) for p in part.populations.values()) / DT
        return Traffic(events / self.seconds, moved, size(part))

    def export(self, folder: Path) -> None:
        """Write network.json and network.npz: the same neurons, synapses and initial state for every peer."""
        simulation = Simulation(self.model)
        (part,) = simulation.network.parts
        arrays: dict[str, np.ndarray] = {}
        populations, projections = {}, {}
        for name, p in self.model.populations.items():
            state = part.populations[name].state
            arrays[f"v {name}"], arrays[f"drive {name}"] = state.v[: p.n].astype(float), state.drive[: p.n].astype(float)
            populations[name] = {
                "n": p.n,
                "neuron": p.neuron.name,
                "parameters": p.neuron.parameters,
                "tau": {key: entry.parameters.get("tau", 0.0) for key, entry in p.synapses().items()},
                "plasticity": {entry.name: entry.parameters for entry in p.plasticity},
            }
        for name, q in self.model.projections.items():
            source, target = pairs(part.projections[name])
            arrays[f"source {name}"], arrays[f"target {name}"] = source.astype(np.int32), target.astype(np.int32)
            unit = simulation.network.neurons[q.target].weight_units[q.channel]
            projections[name] = {
                "source": q.source,
                "target": q.target,
                "channel": q.channel,
                "weight": q.weight_in(unit),
                "weight_max": None if q.weight_max is None else q.model_copy(update={"weight": q.weight_max}).weight_in(unit),
                "delay": round(q.shortest_delay / DT),
                "plasticity": {entry.name: entry.parameters for entry in q.plasticity},
            }
        inputs = {
            key: {**entry.parameters, "weight": part.inputs[key].weight.item()} for key, entry in self.model.protocols.items()
        }
        np.savez(folder / "network.npz", **arrays)  # type: ignore[arg-type]
        spec = {"window": self.model.window, "populations": populations, "projections": projections, "inputs": inputs}
        (folder / "network.json").write_text(json.dumps(spec))


def window(simulation: Simulation, name: str, begin: int) -> tuple[np.ndarray, np.ndarray]:
    """Step and unit of the spikes of a population from step `begin` on."""
    step, unit = np.concatenate(simulation.spikes[name], axis=1)
    return step[step >= begin], unit[step >= begin]


def event_bytes(projection: Projection) -> int:
    """Bytes of the synapse itself that one event reads and writes."""
    target = projection.rows.target.itemsize  # type: ignore[union-attr]
    if isinstance(projection, Static):
        return int(target + (projection.weight.itemsize if np.ndim(projection.weight) else 0))
    return int(target + 2 * projection.weight.itemsize)


def step_bytes(population: Population) -> int:
    """Bytes of the neurons that one step reads and writes."""
    drive = population.state.drive
    shared = drive.nbytes if np.ptp(drive[: population.counts.size]) == 0 else 0  # not read
    state = sum(x.nbytes for x in population.state) + population.state.v.nbytes - shared
    terms = [term for channel in population.channels for term in channel.terms]
    inputs = sum(2 * x.value.nbytes if isinstance(x, Pulses) else x.trace.value.nbytes for x in terms)
    rest = population.rest
    return int(state + inputs + (rest.resting if isinstance(rest, Common) else rest.last).nbytes)


def arrays(item: Any, *, without: frozenset[str] = frozenset()) -> Iterator[np.ndarray]:
    """Every array inside nested NamedTuples, tuples and dictionaries; fields of the names `without` are left out."""
    if isinstance(item, np.ndarray):
        yield item
    elif isinstance(item, dict):
        for value in item.values():
            yield from arrays(value, without=without)
    elif isinstance(item, tuple):
        names = getattr(item, "_fields", ("",) * len(item))
        for name, value in zip(names, item, strict=True):
            if name not in without:
                yield from arrays(value, without=without)


def size(item: Any, *, without: frozenset[str] = frozenset()) -> int:
    """Bytes of its arrays, each memory counted once."""
    return sum({x.ctypes.data: x.nbytes for x in arrays(item, without=without)}.values())


def bytes_per_synapse(projection: Projection) -> tuple[float, float]:
    """Of the arrays that have an entry for each synapse (or pair), and of all that a projection holds of its own.

    The difference is of its rows and neurons, and small where neurons have many synapses. The spikes of its ends and the
    channel that it writes to belong to populations.
    """
    n = max(1, pairs(projection)[0].size)
    rows = getattr(projection, "rows", None)
    each = (getattr(projection, key, None) for key in ("weight", "matrix", "origin", "synapse"))
    of_synapses = size((None if rows is None else rows.target, *(x for x in each if np.ndim(x) > 0)))  # type: ignore[arg-type]
    return of_synapses / n, size(projection, without=frozenset({"source", "sink", "channel"})) / n
