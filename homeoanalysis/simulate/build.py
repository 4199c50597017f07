"""From a validated model to a network. Storage is chosen here, from the forms of the rules."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.config.fields import Entry, checked
from homeoanalysis.config.limits import refuse_what_does_not_fit
from homeoanalysis.config.model import Model
from homeoanalysis.config.model import Population as PopulationModel
from homeoanalysis.config.model import Projection as ProjectionModel
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.channels import Channel, Decaying, DecayingEach, Pulses, ScaledChannel
from homeoanalysis.numerics.counter import random_key
from homeoanalysis.numerics.mechanism import Cell, Ends, Grid, Site, Target
from homeoanalysis.numerics.traces import LINE, filled, trace, zeros
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate.instances import instance, instance_parameters, source_files
from homeoanalysis.simulate.network import Network, Neurons, Part, Slow
from homeoanalysis.simulate.populations import BLOCK, PAD, Detector, Population, Spikes
from homeoanalysis.simulate.projections import Projection
from homeoanalysis.simulate.projections.hooks import Rows
from homeoanalysis.simulate.projections.making import LARGEST, cut_rows, has_multapses, make_projection
from homeoanalysis.simulate.refractory import FOR_EVER, never_fired, rest
from homeoanalysis.simulate.shares import alike, balanced
from homeoanalysis.units import as_written, parse

LOG = 1 << 16  # spikes that a part may log between two calls of the compiled loop, at least
FLUSH = 1.0  # deferred changes are paid at least this often [s]
_DENSE = 1 / 16  # a bit for each pair is less than 16 bits for each synapse
_WIDE = 512  # target neurons below which bits do not pay


class Builder:
    """Allocates a network. Each part of it has a random stream of its own, keyed by its name: none depends on another."""

    def __init__(self, model: Model, name: str, replicate: int, seed: int, stimulus: xr.Dataset | None, threads: int) -> None:
        self.model, self.stimulus = model, stimulus
        self.key = (seed, "simulate", name, replicate)
        self.grid = Grid(model.dt, max(1, round(model.window / model.dt)), np.dtype(model.precision))
        self.apart = min((self._steps(p.shortest_delay) for p in model.projections.values()), default=1)
        longest = max((self._steps(p.longest_delay) for p in model.projections.values()), default=1)
        self.ring = max(LINE // 8, 1 << (longest + self.apart).bit_length())
        size = max(p.n for p in model.populations.values())
        self.n_parts = max(threads, -(-size // LARGEST))
        # Where the parts of each population start and end.
        self.bounds = balanced(model, threads) if threads > 1 and size <= LARGEST else alike(model, self.n_parts)
        # Parts that one thread runs share it; what a thread writes is alone on its lines of the cache.
        due = [zeros(self.ring, np.int64) for _ in range(self.n_parts if threads > 1 else 1)]
        self.due = due * (self.n_parts // len(due))
        # What protocols have changed, so that one change does not undo another.
        self.channel_scale: dict[tuple[str, str], float] = {}
        self.gain: dict[str, float] = {}  # of all channels of a population
        self.silent: set[str] = set()
        self.changes: dict[tuple[str, str], dict[str, Any]] = {}  # owner, entry -> parameters as written
        self.modulation: dict[tuple[str, str], dict[str, tuple[float, float]]] = {}  # owner, entry -> parameter -> scale, shift

    def _steps(self, time: float) -> int:
        return round(time / self.grid.dt)

    def stream(self, *names: str) -> np.random.Generator:
        """The random stream of that name."""
        return rng_for(self.key[0], *self.key[1:], *names)

    def fast(self, projection: str) -> list[str]:
        """The names of the rules that act at spikes, in the order of the projection's `rules`."""
        return [e.name for e in self.model.projections[projection].plasticity if instance(e).form in ("forward", "event")]

    def entry(self, owner: str, name: str) -> Entry:
        """A rule of a projection, or a rule or the neuron model of a population, with the parameters that it has now."""
        entry = self.model.entries_of(owner)[name]
        return checked(entry.folder, name, entry.written | self.changes.get((owner, name), {}))

    def instance(self, owner: str, name: str) -> Any:
        """The catalogue's NamedTuple of a rule."""
        return catalogue.load("plasticity", name)(**self._modulated(owner, self.entry(owner, name)))

    def _modulated(self, owner: str, entry: Entry) -> dict[str, Any]:
        """The parameters of a mechanism under the neuromodulators that there are now; distributions as they are."""
        parameters = instance_parameters(entry, self.stimulus)
        for key, (scale, shift) in self.modulation.get((owner, entry.name), {}).items():
            if isinstance(parameters[key], Distribution):
                continue
            parameters[key] = parameters[key] * scale + shift
            unit = catalogue.unit(entry.folder, entry.name, key)
            try:
                checked(entry.folder, entry.name, {**entry.written, key: as_written(parameters[key], unit)})
            except ValueError as error:
                raise SimulationError(f"{owner}: neuromodulators together are too strong, {error}; weaken one of them") from None
        return parameters

    def amount(self, of: str, value: Any) -> float:
        """A shift of the parameter owner.entry.parameter, as written, in SI."""
        owner, name, key = of.split(".")
        unit = catalogue.unit(self.entry(owner, name).folder, name, key)
        return float(value) if unit is None else parse(value, unit)

    def changed(self, population: str) -> set[str]:
        """The fields of the neurons' kernel that intrinsic rules change."""
        rules = (instance(e, self.stimulus) for e in self.model.populations[population].plasticity)
        return {field for rule in rules for field in getattr(rule, "changes", ())}

    def cell(self, name: str) -> tuple[Cell, Any]:
        """The neuron model of a population as it is now, and its kernel for all its neurons (padded)."""
        p = self.model.populations[name]
        size = -(-p.n // PAD) * PAD
        parameters = self._modulated(name, self.entry(name, p.neuron.name))
        for key, value in parameters.items():
            if isinstance(value, Distribution):
                scale, shift = self.modulation.get((name, p.neuron.name), {}).get(key, (1.0, 0.0))
                values = value.draw(self.stream("parameters", name, key), p.n) * scale + shift
                self._refuse_drawn(name, p.neuron, key, values)
                # The padding must not fire: it is above any reset.
                beyond = max(values.max(), 0.0) if key == "v_threshold" else values[-1]
                parameters[key] = np.concatenate([values, np.full(size - p.n, beyond)])
        cell: Cell = catalogue.load("neurons", p.neuron.name)(**parameters).build(self.grid)
        top = np.asarray(getattr(cell.kernel, "v_peak", cell.kernel.v_threshold))
        if "v_reset" in parameters and np.any(cell.kernel.v_reset > top):
            raise SimulationError(
                f"populations.{name}: {p.neuron.name} has neurons whose v_reset is above their threshold, so that they would "
                f"fire for ever; raise the threshold, cut its distribution with low or high, or lower v_reset"
            )
        arrays = {field: filled(size, getattr(cell.kernel, field), self.grid.dtype) for field in self.changed(name)}
        return cell, cell.kernel._replace(**arrays)

    def _refuse_drawn(self, name: str, neuron: Entry, key: str, values: np.ndarray) -> None:
        """Values that the parameter may not have as a plain one."""
        unit = catalogue.unit("neurons", neuron.name, key)
        for value in (float(values.min()), float(values.max())):
            try:
                checked("neurons", neuron.name, {**neuron.written, key: as_written(value, unit)})
            except ValueError as error:
                raise SimulationError(
                    f"populations.{name}: drawn from its distribution, {error}; cut it, e.g. "
                    f"{{normal: {{mean: 20 ms, sd: 2 ms, low: 5 ms}}}}"
                ) from None

    def neurons(self, name: str, p: PopulationModel) -> Neurons:
        """A whole population."""
        size = -(-p.n // PAD) * PAD
        cell, kernel = self.cell(name)
        rules = {e.name: instance(e, self.stimulus) for e in p.plasticity}
        detectors = self.detectors(name)
        arrays = {field: zeros(size, self.grid.dtype) for field in fields(cell.state)}
        low, high = np.asarray(kernel.v_reset, float), np.asarray(kernel.v_threshold, float)
        spread = self.stream("initial state", name).random(p.n)
        arrays["v"][:] = low
        arrays["v"][: p.n] = (low + (high - low) * np.concatenate([spread, np.zeros(size - p.n)]))[: p.n]
        for field, start in cell.start.items():
            arrays[field][:] = start
        arrays["drive"][: p.n] = np.broadcast_to(cell.drive, size)[: p.n]
        bounds = self.bounds[name]
        spikes = Spikes(
            zeros((self.ring, size), np.int32),
            zeros((self.n_parts, self.ring), np.int64).T,
            bounds[:-1].astype(np.int64),
        )
        position = None
        if p.extent is not None:
            position = self.stream("position", name).random((p.n, 2)) * p.extent
        state = cell.state(**arrays)
        scales_input = any(getattr(rule, "scales_input", False) for rule in rules.values())
        input_gain = filled(size, 1.0, self.grid.dtype) if scales_input else None
        return Neurons(
            p.n,
            cell,
            kernel,
            state,
            zeros(size, np.int32),
            position,
            p.extent,
            spikes,
            dict(catalogue.load("neurons", p.neuron.name).channels),
            detectors,
            {key: self.slow(rule, p.n) for key, rule in rules.items()},
            input_gain,
        )

    def slow(self, rule: Any, n: int) -> Slow:
        """A rule for the end of a window, on n neurons."""
        return Slow(rule.build(n, self.grid), getattr(rule, "tau_detector", None), 1.0)

    def amplitudes(self, name: str) -> dict[str, list[float]]:
        """The amplitude of each term of each channel."""
        return {k: [t.amplitude for t in instance(e).terms()] for k, e in self.model.populations[name].synapses().items()}

    def gains(self, name: str, neurons: Neurons, part: int) -> dict[str, list[Any]]:
        """What the neurons of a part want for each unit of each term of each channel."""
        start, stop = self.bounds[name][part : part + 2]
        found = {}
        for key, entry in self.model.populations[name].synapses().items():
            scale = self.gain.get(name, 1.0) * self.channel_scale.get((name, key), 1.0)
            values = (scale * neurons.cell.gain(key, term.tau) * term.amplitude for term in instance(entry).terms())
            found[key] = [self.grid.number(cut(value, start, stop)) for value in values]
        return found

    def channels(self, name: str, neurons: Neurons, part: int) -> dict[str, Any]:
        """The input channels of a part."""
        start, stop = self.bounds[name][part : part + 2]
        made, size, gains = {}, stop - start, self.gains(name, neurons, part)
        for key, entry in self.model.populations[name].synapses().items():
            terms: list[Any] = []
            for term, gain in zip(instance(entry).terms(), gains[key], strict=True):
                if term.tau == 0:
                    terms.append(Pulses(zeros(size, self.grid.dtype), gain))
                else:
                    kind = DecayingEach if np.ndim(gain) else Decaying
                    terms.append(kind(trace(size, term.tau, self.grid.dt, self.grid.dtype), gain))
            factor = neurons.input_gain
            made[key] = Channel(tuple(terms)) if factor is None else ScaledChannel(tuple(terms), factor[start:stop])
        return made

    def with_cell(self, name: str, p: Population, neurons: Neurons, part: int) -> Population:
        """A part of a population whose neuron model, channels or excitability have changed."""
        start, stop = self.bounds[name][part : part + 2]
        gains = self.gains(name, neurons, part)
        channels = tuple(
            c._replace(terms=tuple(t._replace(gain=g) for t, g in zip(c.terms, gains[key], strict=True)))
            for key, c in zip(neurons.weight_units, p.channels, strict=True)
        )
        kernel = view(neurons.kernel, start, stop, neurons.counts.size)
        refractory = cut(neurons.cell.refractory, start, stop)
        if name in self.silent:
            refractory = np.full_like(refractory, FOR_EVER) if np.ndim(refractory) else np.int32(FOR_EVER)
        return p._replace(kernel=kernel, channels=channels, rest=rest(p.rest.last, p.counts.size, refractory))

    def population(self, name: str, neurons: Neurons, part: int, channels: dict[str, Channel], injections: tuple) -> Population:
        """One part of a population."""
        start, stop = self.bounds[name][part : part + 2]
        size, n = stop - start, max(0, min(neurons.n, stop) - start)
        fired = zeros(BLOCK, np.uint8)
        detectors = [Detector(trace(size, tau, self.grid.dt, self.grid.dtype)) for tau in neurons.detectors]
        return Population(
            kernel=view(neurons.kernel, start, stop, neurons.counts.size),
            state=view(neurons.state, start, stop, neurons.counts.size),
            channels=tuple(channels.values()),
            injections=injections,
            detectors=tuple(detectors),
            spikes=neurons.spikes,
            part=part,
            due=self.due[part],
            delays=self.delays(name),
            counts=neurons.counts[start : start + n],
            fired=fired,
            fired_by_eight=fired.view(np.uint64),
            is_even=zeros(1, np.int64),
            rest=rest(never_fired(n, size), n, cut(neurons.cell.refractory, start, stop)),
            log=zeros((2, max(LOG, 2 * self.apart * n)), np.int32),
            logged=zeros(2, np.int64),
        )

    def delays(self, name: str) -> np.ndarray:
        """The delays [steps] of all projections that leave a population."""
        leaving = ((key, p) for key, p in self.model.projections.items() if p.source == name)
        return np.unique(np.array([delay for key, p in leaving for delay in self._delays(key, p)[0]], np.int64))

    def detectors(self, name: str) -> tuple[float, ...]:
        """The time constants of the rate detectors that slow rules want of a population."""
        entries = list(self.model.populations[name].plasticity)
        entries += [e for p in self.model.projections.values() if p.target == name for e in p.plasticity]
        taus = {getattr(instance(e, self.stimulus), "tau_detector", None) for e in entries}
        return tuple(sorted(tau for tau in taus if tau is not None))

    def projection(
        self, name: str, p: ProjectionModel, neurons: dict[str, Neurons]
    ) -> tuple[Callable[[int, Channel], Projection], dict[str, Slow], dict[int, Site]]:
        """A function of the part and its channel that makes the projection, the slow rules, and where rules act."""
        sites: dict[int, Site] = {}
        source, sink = neurons[p.source], neurons[p.target]
        unit = sink.weight_units[p.channel]
        rules = {e.name: instance(e, self.stimulus) for e in p.plasticity}
        fast = [r for r in rules.values() if r.form in ("forward", "event")]
        delays, delay_of = self._delays(name, p)
        ends = Ends(source.n, sink.n, p.source == p.target, source.position, sink.position, sink.extent)
        wire = catalogue.load("topologies", p.topology.name)
        rows = wire(self.stream("connectivity", name), ends, **p.topology.parameters)
        weight, draw_weights = self._weights(name, p, unit)
        bounds = self.bounds[p.target]
        release = [r for r in rules.values() if r.form == "release"]
        tables = cut_rows(rows, bounds, source.n, delays, delay_of, draw_weights)
        density = sum(target.size for _, target, _ in tables) / (source.n * sink.n)
        is_dense = density > _DENSE and sink.n >= _WIDE and not any(has_multapses(*table[:2]) for table in tables)
        weight_max = np.inf if p.weight_max is None else parse(p.weight_max, unit)
        key = random_key(self.stream("plasticity", name))

        def make(part: int, channel: Channel) -> Projection:
            first, target, values = tables[part]
            n_post = max(0, min(sink.n, bounds[part + 1]) - bounds[part])
            state = view(sink.state, bounds[part], bounds[part + 1], sink.counts.size)
            offset = int(bounds[part])
            site = sites[part] = Site(first.size - 1, int(n_post), target.size, weight_max, unit, state, self.grid, key, offset)
            return make_projection(
                site,
                Rows(first, target, np.asarray(delays, np.int64), source.spikes),
                sink.spikes,
                part,
                channel,
                weight=values if values is not None else weight,
                rules=fast,
                is_plastic=any(r.form in ("forward", "event", "slow") for r in rules.values()),
                is_changing=any(r.form == "structural" for r in rules.values()),
                release=release,
                flush_every=self.flush_every,
                is_dense=is_dense,
            )

        slow = {key: self.slow(r, sink.n) for key, r in rules.items() if r.form in ("slow", "presynaptic", "structural")}
        return make, slow, sites

    @property
    def flush_every(self) -> int:
        """Steps after which deferred changes are paid: a multiple of the window."""
        window = self.grid.window
        return max(1, round(FLUSH / self.grid.dt / window)) * window

    def _delays(self, name: str, p: ProjectionModel) -> tuple[list[int], Any]:
        """The distinct delays in steps, and a function that draws which of them each synapse has."""
        if not isinstance(p.delay, Distribution):
            return [self._steps(p.delay)], None
        low, high = self._steps(p.shortest_delay), self._steps(p.longest_delay)
        rng, delay = self.stream("delay", name), p.delay
        return list(range(low, high + 1)), lambda n: np.clip(self.grid.steps(delay.draw(rng, n)), low, high) - low

    def _weights(self, name: str, p: ProjectionModel, unit: str) -> tuple[float, Any]:
        value = p.weight_in(unit)
        if not isinstance(value, Distribution):
            return value, None
        rng = self.stream("weight", name)
        return 0.0, lambda n: np.maximum(value.draw(rng, n), 0.0).astype(self.grid.dtype)


def build(model: Model, *, name: str, replicate: int, seed: int, stimulus: xr.Dataset | None = None, threads: int = 1) -> Network:
    """Allocate a network. Raises SimulationError if it does not fit."""
    refuse_what_does_not_fit(model, os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    make = Builder(model, name, replicate, seed, stimulus, threads)
    neurons = {key: make.neurons(key, p) for key, p in model.populations.items()}
    protocols = {key: instance(entry) for key, entry in model.protocols.items()}
    keys = {key: random_key(make.stream("input", key)) for key in protocols}
    projections = {key: make.projection(key, p, neurons) for key, p in model.projections.items()}
    parts = []
    for k in range(make.n_parts):
        channels = {}
        injections: dict[str, tuple] = dict.fromkeys(neurons, ())
        inputs: dict[str, Any] = {}
        for key, whole in neurons.items():
            channels[key] = make.channels(key, whole, k)
        for key, protocol in protocols.items():
            if hasattr(protocol, "build"):
                whole = neurons[protocol.population]
                start, stop = make.bounds[protocol.population][k : k + 2]
                made = protocol.build(_target(make, whole, start, stop, channels[protocol.population]), keys[key])
                if hasattr(type(made), "inject"):
                    injections[protocol.population] += (made,)
                else:
                    inputs[key] = made
        populations = {key: make.population(key, whole, k, channels[key], injections[key]) for key, whole in neurons.items()}
        wired = {}
        for key, (wire, *_) in projections.items():
            p = model.projections[key]
            wired[key] = wire(k, channels[p.target][p.channel])
        parts.append(Part(populations, wired, inputs, {}))
    return Network(
        grid=make.grid,
        neurons=neurons,
        parts=parts,
        slow={key: rules for key, (_, rules, _) in projections.items()},
        sites={key: sites for key, (*_, sites) in projections.items()},
        protocols=protocols,
        apart=make.apart,
        flush_every=make.flush_every,
        files=source_files(model),
        due=make.due,
        make=make,
    )


def _target(make: Builder, whole: Neurons, start: int, stop: int, channels: dict[str, Channel]) -> Target:
    n = max(0, min(whole.n, stop) - start)
    state = view(whole.state, start, stop, whole.counts.size)
    terms = {key: c.terms for key, c in channels.items()}
    return Target(n, int(start), whole.cell, state, terms, whole.weight_units, make.grid, make.stimulus)


def fields(kind: Any) -> tuple[str, ...]:
    """The names of a NamedTuple."""
    return tuple(kind._fields)


def cut(value: Any, start: int, stop: int) -> Any:
    return value[start:stop] if np.ndim(value) else value


def view(item: Any, start: int, stop: int, size: int) -> Any:
    """The same NamedTuple with views of its arrays of neurons."""
    return type(item)(*(x[start:stop] if isinstance(x, np.ndarray) and x.shape[:1] == (size,) else x for x in item))
