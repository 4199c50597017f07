"""From a validated model to the tuples that `engine.run` takes. Storage is chosen here, from the forms of the rules."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.fields import Entry
from homeoanalysis.config.model import Model
from homeoanalysis.numerics.mechanism import Cell, Grid, Membrane, Target
from homeoanalysis.numerics.traces import PERIODS, trace, zeros
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.populations import PAD, Population, Spikes, Synapses
from homeoanalysis.simulate.projections import Deferred, Event, Forward, Immediate, Static
from homeoanalysis.units import parse

LOG = 1 << 16  # spikes that a population may log between two calls of the compiled loop
_LONG_AGO = -(10**9)
_FOR_EVER = np.iinfo(np.int32).max


class Network(NamedTuple):
    """Everything that a run touches, by the names of the model."""

    grid: Grid
    populations: dict[str, Population]
    projections: dict[str, Static | Forward | Event]
    inputs: dict[str, Any]
    protocols: dict[str, Any]  # the parameters, as the catalogue gives them
    files: tuple[Path, ...]  # catalogue files of the mechanisms


def build(model: Model, *, name: str, replicate: int, seed: int, stimulus: xr.Dataset | None = None) -> Network:
    """Allocate a network. Each part has a random stream of its own, keyed by its name: none depends on another part."""
    dtype = np.dtype(model.precision)
    grid = Grid(model.dt, max(1, round(model.window / model.dt)), dtype)

    def stream(*names: str) -> np.random.Generator:
        return rng_for(seed, "simulate", name, replicate, *names)

    targets = {key: _target(p.neuron, p.n, grid, stimulus, stream("initial state", key)) for key, p in model.populations.items()}
    protocols = {key: instance(entry) for key, entry in model.protocols.items()}
    inputs: dict[str, Any] = {}
    injections: dict[str, tuple] = dict.fromkeys(targets, ())
    for key, protocol in protocols.items():
        if hasattr(protocol, "build"):
            made = protocol.build(targets[protocol.population], stream("input", key))
            if hasattr(type(made), "inject"):
                injections[protocol.population] += (made,)
            else:
                inputs[key] = made
    ring = 1 << max([round(p.delay / model.dt) for p in model.projections.values()], default=1).bit_length()
    populations = {
        key: population(targets[key], injections[key], [instance(e, stimulus) for e in p.plasticity], ring)
        for key, p in model.populations.items()
    }
    projections = {}
    for key, p in model.projections.items():
        unit = targets[p.target].weight_units[p.channel]
        wire = catalogue.load("topologies", p.topology.name)
        n_source, n_target = targets[p.source].n, targets[p.target].n
        projections[key] = projection(
            grid,
            populations[p.source].spikes,
            populations[p.target].spikes,
            targets[p.target].channels[p.channel],
            wire(stream("connectivity", key), n_source, n_target, p.source == p.target, **p.topology.parameters),
            n_target=n_target,
            weight=parse(p.weight, unit),
            weight_max=None if p.weight_max is None else parse(p.weight_max, unit),
            delay=round(p.delay / model.dt),
            rules=[instance(e) for e in p.plasticity],
        )
    return Network(grid, populations, projections, inputs, protocols, source_files(model))


def instance(entry: Entry, stimulus: xr.Dataset | None = None) -> Any:
    """The catalogue's NamedTuple with its parameters; `recorded` becomes the rate of the recording."""
    parameters = dict(entry.parameters)
    if parameters.get("target_rate") == "recorded" and stimulus is not None:
        parameters["target_rate"] = recorded_rate(stimulus)
    return catalogue.load(entry.folder, entry.name)(**parameters)


def recorded_rate(activity: xr.Dataset) -> float:
    """Spikes of a recording for each second and unit of observed time [Hz]."""
    observed = float((activity.segment_stop - activity.segment_start).sum())
    return activity.sizes["spike"] / observed / activity.sizes["unit"]


def source_files(model: Model) -> tuple[Path, ...]:
    """The catalogue files of the mechanisms that a model uses."""
    entries = list(model.protocols.values())
    for population in model.populations.values():
        entries += [population.neuron, *population.plasticity]
    for projection in model.projections.values():
        entries += [projection.topology, *projection.plasticity]
    return tuple(sorted({f for e in entries for f in catalogue.source_files(e.folder, e.name)}))


def _target(neuron: Entry, n: int, grid: Grid, stimulus: xr.Dataset | None, random: np.random.Generator) -> Target:
    model = instance(neuron)
    cell: Cell = model.build(grid)
    size = -(-n // PAD) * PAD
    membrane = Membrane(zeros(size, grid.dtype), zeros(size, grid.dtype))
    low, high = float(cell.kernel.v_reset), float(cell.kernel.v_threshold)
    membrane.v[:] = low
    membrane.v[:n] = low + (high - low) * random.random(n)
    membrane.drive[:n] = cell.drive
    channels = {key: trace(size, c.tau, grid.dt, grid.dtype) for key, c in cell.channels.items()}
    return Target(n, cell, membrane, channels, dict(type(model).channels), grid, stimulus)


def population(target: Target, injections: tuple, rules: Sequence[Any], ring: int) -> Population:
    """A population without any projection; `ring`: a power of two above the longest delay in steps."""
    n, cell, dtype = target.n, target.cell, target.grid.dtype
    size = target.membrane.v.size
    fired = zeros(size, np.dtype(np.uint8))
    last = zeros(size, np.dtype(np.int32))
    last[:n], last[n:] = _LONG_AGO, _FOR_EVER
    return Population(
        kernel=cell.kernel,
        state=target.membrane,
        channels=tuple(Synapses(target.channels[key], dtype.type(c.gain)) for key, c in cell.channels.items()),
        injections=injections,
        rules=tuple(rule.build(target.grid) for rule in rules),
        spikes=Spikes(np.zeros((ring, size), np.int32), np.zeros(ring, np.int64)),
        counts=np.zeros(n, np.int32),
        fired=fired,
        fired_by_eight=fired.view(np.uint64),
        refractory=np.int32(cell.refractory),
        last=last,
        log=np.zeros((2, max(LOG, 2 * n)), np.int32),
        logged=np.zeros(2, np.int64),
    )


def projection(
    grid: Grid,
    source: Spikes,
    sink: Spikes,
    channel: Any,
    targets: Sequence[np.ndarray],
    *,
    n_target: int,
    weight: float,
    weight_max: float | None = None,
    delay: int,
    rules: Sequence[Any] = (),
) -> Static | Forward | Event:
    """A projection with the given sorted targets of each source neuron, in the storage that its rules allow."""
    first = np.concatenate([[0], np.cumsum([row.size for row in targets])]).astype(np.int64)
    target = np.concatenate([*targets, np.zeros(0, int)]).astype(np.uint16 if n_target <= 1 << 16 else np.uint32)
    number = grid.dtype.type
    if not rules:
        return Static(first, target, number(weight), channel, delay, source)
    made = [(rule, rule.build(n_target, grid)) for rule in rules]
    common = (first, target, np.full(target.size, weight, grid.dtype), channel, delay, source, sink, number(weight_max))
    if all(rule.form == "forward" for rule in rules):
        return Forward(*common, tuple(_deferred(kernel, rule.tau_pre, len(targets), n_target, grid) for rule, kernel in made))
    kernels = tuple(
        Immediate(kernel, trace(len(targets), rule.tau_pre, grid.dt, grid.dtype)) if rule.form == "forward" else kernel
        for rule, kernel in made
    )
    order = np.argsort(target, kind="stable")
    origin = np.repeat(np.arange(len(targets)), np.diff(first))[order].astype(np.int32)
    first_in = np.searchsorted(target[order], np.arange(n_target + 1))
    return Event(*common, kernels, first_in, origin, order.astype(np.int64))


def _deferred(kernel: Any, tau: float, n_source: int, n_target: int, grid: Grid) -> Deferred:
    z = np.arange(max(2, round(PERIODS * tau / grid.dt))) * grid.dt / tau
    # Every row is visited once a window, so that no row refers to an older epoch than these.
    live = -(-grid.window // z.size) + 1
    return Deferred(
        rule=kernel,
        tau=tau / grid.dt,
        trace=np.zeros(n_source),
        last=np.zeros(n_source, np.int64),
        gain=np.zeros(n_source),
        epoch=np.zeros(n_source, np.int64),
        credit=np.zeros((live, n_target), grid.dtype),
        clock=np.zeros(1, np.int64),
        up=np.exp(z),
        down=np.exp(-z),
    )


def tuples(network: Network) -> tuple[tuple, tuple, tuple]:
    """The arguments of the loop."""
    return tuple(network.populations.values()), tuple(network.projections.values()), tuple(network.inputs.values())


def sizes(network: Network) -> Mapping[str, int]:
    """Neurons of each population."""
    return {key: p.counts.size for key, p in network.populations.items()}
