"""A built network: whole populations, as slow rules see them, and the parts that threads run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.counter import random_key
from homeoanalysis.numerics.mechanism import Cell, Grid, Membrane, Site, Wiring
from homeoanalysis.numerics.refit import refitted
from homeoanalysis.simulate.populations import Population, Spikes
from homeoanalysis.simulate.projections import Projection, pairs


class Slow(NamedTuple):
    """A rule that acts at the end of a window."""

    rule: Any
    tau_detector: float | None  # [s]; None: it takes the rate of the window
    speed: float  # of its changes: 0 stops it


class Neurons(NamedTuple):
    """A whole population; its arrays are padded, and the parts of the threads are views into them."""

    n: int
    cell: Cell
    kernel: Any
    state: Membrane | Any
    counts: np.ndarray  # (n,) spikes in this window
    position: np.ndarray | None  # (n, 2) [m], on a square torus
    extent: float | None  # side of the torus [m]
    spikes: Spikes
    weight_units: dict[str, str]  # of each channel
    detectors: tuple[float, ...]  # time constants [s] of the rate detectors of each part
    slow: dict[str, Slow]  # intrinsic rules
    input_gain: np.ndarray | None = None  # factor of the synaptic input, where a rule changes it


class Part(NamedTuple):
    """What one thread owns of the network, by the names of the model. The dictionaries may be changed between steps."""

    populations: dict[str, Population]
    projections: dict[str, Projection]
    inputs: dict[str, Any]
    probes: dict[str, Any]

    def arguments(self) -> tuple[tuple, tuple, tuple, tuple]:
        """What the loop takes."""
        return tuple(tuple(kind.values()) for kind in self)  # type: ignore[return-value]


class Network(NamedTuple):
    """Everything that a run touches, and how protocols may change it."""

    grid: Grid
    neurons: dict[str, Neurons]
    parts: list[Part]
    slow: dict[str, dict[str, Slow]]  # projection -> its slow rules, by name
    sites: dict[str, dict[int, Site]]  # projection -> part -> where its rules act
    protocols: dict[str, Any]  # the parameters, as the catalogue gives them
    apart: int  # steps that parts may run without each other: the shortest delay
    due: list[np.ndarray]  # of each part, see `Population`
    flush_every: int  # steps after which deferred changes must be paid
    files: tuple[Path, ...]  # catalogue files of the mechanisms
    make: Any  # the `build.Builder` behind it

    def replace(self, kind: str, name: str, change: Callable[[Any], Any]) -> None:
        """Change a population, projection, input or probe in every part; `kind` is a field of `Part`."""
        for part in self.parts:
            held = getattr(part, kind)
            if name in held:
                held[name] = change(held[name])

    def trials(self, until: float) -> list[tuple[float, float, str]]:
        """Start, stop [s] and stimulus of the trials of all protocols that are over by then."""
        found: list[tuple[float, float, str]] = []
        for name, protocol in self.protocols.items():
            if hasattr(protocol, "trials"):
                found += protocol.trials(until, random_key(self.make.stream("input", name)))
        return sorted(found)

    def groups(self) -> list[tuple[str, str, np.ndarray]]:
        """Name, population and members (neuron) of the groups of neurons that protocols drive together."""
        found = []
        for name, protocol in self.protocols.items():
            if hasattr(protocol, "groups"):
                made = [part.inputs[name] for part in self.parts]
                found += [(f"{name}.{key}", protocol.population, mine) for key, mine in protocol.groups(made).items()]
        return found

    def covariates(self, until: float) -> dict[str, tuple[np.ndarray, float]]:
        """The stimuli that protocols make, with their sampling rates [Hz], by the name of the protocol."""
        found: dict[str, tuple[np.ndarray, float]] = {}
        for name, protocol in self.protocols.items():
            if hasattr(protocol, "covariate"):
                made = protocol.covariate(until, random_key(self.make.stream("input", name)), self.grid.dt)
                found |= {} if made is None else {name: made}
        return found

    def scale_channel(self, population: str, channel: str, scale: float) -> None:
        """From now on the channel has `scale` times the gain that the model gives it: 0 blocks its receptors."""
        self.make.channel_scale[population, channel] = scale
        self._refresh(population)

    def scale_gain(self, population: str, scale: float) -> None:
        """From now on all synaptic input counts `scale` times, beside what blocks a channel."""
        self.make.gain[population] = scale
        self._refresh(population)

    def silence(self, population: str, since: float | None) -> None:
        """The neurons are refractory since that time [s]; None: no more."""
        if since is None:
            self.make.silent.discard(population)
        else:
            self.make.silent.add(population)
            for part in self.parts:
                p = part.populations[population]
                p.rest.last[: p.counts.size] = round(since / self.grid.dt)
        self._refresh(population)

    def _refresh(self, population: str) -> None:
        for number, part in enumerate(self.parts):
            p = part.populations[population]
            fresh = part.populations[population] = self.make.with_cell(population, p, self.neurons[population], number)
            if (probe := part.probes.get(field_probe(population))) is not None:
                part.probes[field_probe(population)] = probe._replace(kernel=fresh.kernel, channels=fresh.channels)

    def scale_transmission(self, projection: str, scale: float) -> None:
        """From now on every spike transmits `scale` times the weight; the weights stay."""
        self.replace("projections", projection, lambda p: p._replace(strength=self.grid.dtype.type(scale)))

    def scale_rule(self, projection: str, rule: str, *, pre: float = 1.0, post: float = 1.0, slow: float = 1.0) -> None:
        """From now on a rule changes weights by so many times what it says, at pre- and postsynaptic spikes, or slowly."""
        if rule in self.slow[projection]:
            self.slow[projection][rule] = self.slow[projection][rule]._replace(speed=slow)
            return
        k, number = self.make.fast(projection).index(rule), self.grid.dtype.type
        self.replace(
            "projections",
            projection,
            lambda p: p._replace(rules=_with(p.rules, k, scale_pre=number(pre), scale_post=number(post))),
        )

    def modulate(self, projection: str, amount: float) -> None:
        """Release so much of the neuromodulator that eligibility traces of the projection wait for, from this step on."""
        for part in self.parts:
            rules = [r.rule for r in getattr(part.projections[projection], "rules", ()) if hasattr(r.rule, "tags")]
            if not rules:
                raise SimulationError(f"projection {projection!r} has no rule with eligibility traces, e.g. three_factor_stdp")
            for rule in rules:
                rule.tags.modulator[1] += amount

    def ends(self, projection: str) -> tuple[str, str]:
        """The names of its source and target populations."""
        p = self.make.model.projections[projection]
        return p.source, p.target

    def first_pair(self, projection: str) -> tuple[int, int]:
        """Source and target neuron of the first synapse of a projection, in the order of both."""
        source, target = self.wiring(projection, 0).synapses()
        if source.size == 0:
            raise SimulationError(f"projection {projection!r} has no synapse")
        return int(source[0]), int(target[0])

    def set_weight(self, projection: str, source: int, target: int, weight: float) -> None:
        """Give the synapses between two neurons this weight; at the start of a run, when none owes a change."""
        start = 0
        for part in self.parts:
            held: Any = part.projections[projection]
            if not hasattr(held, "rules"):
                raise SimulationError(f"projection {projection!r} has no rule that changes weights; add one")
            of, onto = pairs(held)
            held.weight[np.flatnonzero((of == source) & (onto + start == target))] = weight
            start += part.populations[self.ends(projection)[1]].counts.size

    def scale_plasticity(self, owner: str, rule: str, scale: float) -> None:
        """The same for any rule of a projection or a population."""
        if owner in self.neurons:
            self.scale_intrinsic(owner, rule, scale)
        else:
            self.scale_rule(owner, rule, pre=scale, post=scale, slow=scale)

    def scale_intrinsic(self, population: str, rule: str, scale: float) -> None:
        """From now on an intrinsic rule acts `scale` times as fast."""
        held = self.neurons[population].slow
        held[rule] = held[rule]._replace(speed=scale)

    def synapses(self, projection: str) -> tuple[np.ndarray, np.ndarray]:
        """The source and the target neuron of each synapse, part by part."""
        ends = [pairs(part.projections[projection]) for part in self.parts]
        starts = self.make.bounds[self.make.model.projections[projection].target]
        target = [end + start for (_, end), start in zip(ends, starts[:-1], strict=True)]
        return np.concatenate([source for source, _ in ends]), np.concatenate(target)

    def wiring(self, projection: str, t: int) -> Wiring:
        """The synapses of a projection at step t, and how to change them."""
        p, held = self.make.model.projections[projection], [part.projections[projection] for part in self.parts]

        def synapses() -> tuple[np.ndarray, np.ndarray]:
            source, target = self.synapses(projection)
            n = self.make.bounds[p.target][-1]
            order = np.argsort(source * n + target, kind="stable")  # the same for any number of threads
            return source[order], target[order]

        return Wiring(
            n_source=self.neurons[p.source].n,
            synapses=synapses,
            rewire=lambda source, target: self.rewire(projection, source, target),
            release=tuple(rule for x in held for rule in getattr(x, "release", ())),
            random=lambda: self.make.stream("plasticity", projection, str(t)),
        )

    def rewire(self, projection: str, source: np.ndarray, target: np.ndarray) -> None:
        """From now on the projection has these synapses, all of the weight and the delay that it has."""
        bounds = self.make.bounds[self.make.model.projections[projection].target]
        order = np.lexsort((target, source))
        source, target = source[order], target[order]
        for number, part in enumerate(self.parts):
            p: Any = part.projections[projection]
            mine = (target >= bounds[number]) & (target < bounds[number + 1])
            degree = np.bincount(source[mine], minlength=p.rows.first.size - 1)
            rows = p.rows._replace(
                first=np.concatenate([[0], np.cumsum(degree)]),
                target=(target[mine] - bounds[number]).astype(p.rows.target.dtype),
            )
            part.projections[projection] = p._replace(rows=rows)

    def set_parameter(self, owner: str, entry: str, parameter: str, value: Any, time: float) -> None:
        """From that time [s] on a parameter of a neuron model or a rule has this value, as written; None: that of the model."""
        changes = self.make.changes.setdefault((owner, entry), {})
        changes.pop(parameter, None)
        if value is not None:
            changes[parameter] = value
        self._refit(owner, entry, time)

    def modulate_parameter(self, owner: str, entry: str, parameter: str, scale: float, shift: float, time: float) -> None:
        """From that time [s] on it is `scale` times what it would be, and `shift` more, in SI."""
        self.make.modulation.setdefault((owner, entry), {})[parameter] = scale, shift
        self._refit(owner, entry, time)

    def _refit(self, owner: str, entry: str, time: float) -> None:
        """Let a mechanism that runs have the parameters that it has now."""
        t = round(time / self.grid.dt)
        if self.make.entry(owner, entry).folder == "neurons":
            self._set_neuron(owner)
        elif owner in self.neurons:
            self._set_slow(self.neurons[owner].slow, owner, entry, self.neurons[owner].n, t)
        elif entry in self.slow[owner]:
            target = self.make.model.projections[owner].target
            self._set_slow(self.slow[owner], owner, entry, self.neurons[target].n, t)
        else:
            self._set_fast(owner, entry, t)

    def _set_fast(self, projection: str, rule: str, t: int) -> None:
        k = self.make.fast(projection).index(rule)
        fresh = self.make.instance(projection, rule)
        for number, part in enumerate(self.parts):
            p: Any = part.projections[projection]
            kernel = refitted(fresh.build(self.sites[projection][number]), p.rules[k].rule, t)
            part.projections[projection] = p._replace(rules=_with(p.rules, k, rule=kernel))

    def _set_slow(self, held: dict[str, Slow], owner: str, rule: str, n: int, t: int) -> None:
        fresh = self.make.slow(self.make.instance(owner, rule), n).rule
        held[rule] = held[rule]._replace(rule=refitted(fresh, held[rule].rule, t))

    def _set_neuron(self, population: str) -> None:
        """What plasticity has changed stays; the difference of the drive, or of a threshold that it moves, is added to it."""
        whole = self.neurons[population]
        cell, kernel = self.make.cell(population)
        kept = {field: getattr(whole.kernel, field) for field in self.make.changed(population)}
        for field, values in kept.items():
            values += getattr(cell.kernel, field) - getattr(whole.cell.kernel, field)
        whole.state.drive[: whole.n] += (np.zeros(whole.counts.size) + cell.drive - whole.cell.drive)[: whole.n]
        self.neurons[population] = whole._replace(cell=cell, kernel=kernel._replace(**kept))
        self._refresh(population)


def field_probe(population: str) -> str:
    """The name of the probe of its share of the field, which no trace can have."""
    return f"lfp_proxy.{population}"


def _with(rules: tuple, k: int, **changes: Any) -> tuple:
    return (*rules[:k], rules[k]._replace(**changes), *rules[k + 1 :])
