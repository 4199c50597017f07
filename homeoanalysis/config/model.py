"""Models: `config/models/<name>.yaml`."""

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, WithJsonSchema, model_validator

from homeoanalysis import catalogue, units
from homeoanalysis.config import limits, perturbations, record_faults
from homeoanalysis.config.distribution import Distribution, distribution
from homeoanalysis.config.fields import Entry, Factor, Name, Size, Span, Strict, entry
from homeoanalysis.config.record import Record
from homeoanalysis.config.text import check_path
from homeoanalysis.units import Metre, Quantity, Second

if TYPE_CHECKING:
    Neuron = Entry
    Topology = Entry
    Plasticity = Entry
    Protocol = Entry
    Synapse = Entry
    System = Entry
else:
    Neuron = entry("neurons")
    Topology = entry("topologies")
    Plasticity = entry("plasticity")
    Protocol = entry("protocols")
    Synapse = entry("synapses")
    System = entry("systems")
_SYNAPSE: TypeAdapter[Entry] = TypeAdapter(Synapse)
Positive = Annotated[Second, Field(gt=0)]


def _delay(value: object) -> float | Distribution:
    delay: float | Distribution
    if isinstance(value, dict):
        drawn = distribution(value, functools.partial(units.parse, expected="s"))
        if not {"low", "high"} <= set(drawn.arguments):
            raise ValueError(f"is {value!r}; delays need bounds: write e.g. {{uniform: {{low: 0.5 ms, high: 2 ms}}}}")
        delay, shortest = drawn, drawn.arguments["low"]
    else:
        delay = shortest = units.parse(value, "s")
    if shortest <= 0:
        raise ValueError(f"is {value!r}; the shortest delay must be greater than 0")
    return delay


def _weight(value: object) -> object:
    return value if isinstance(value, dict) else units.with_unit(value)


Delay = Annotated[float | Distribution, BeforeValidator(_delay), WithJsonSchema({"type": ["string", "object"]})]
_CHANGES_WEIGHTS = ("forward", "event", "slow")
_STEPS = 2**31 - 2  # spikes are logged as 32-bit step numbers
PRESENTATIONS = ("adaptation", "stimulus")  # the epochs of a run that a recorded stimulus drives: all but the last, the last


def _form(rule: Entry) -> str:
    """What a rule needs; it may depend on its parameters."""
    form: str = catalogue.load("plasticity", rule.name)(**rule.parameters).form
    return form


class Population(Strict):
    """Neurons of one kind."""

    n: int = Field(ge=1, le=1_000_000, description="number of neurons")
    cell_type: Literal["E", "I", "unknown"] = "unknown"
    neuron: Neuron = Field(description="membrane model and its parameters")
    channels: dict[Name, Synapse] = Field(default={}, description="synaptic responses, where they are not the neuron's own")
    extent: Annotated[Metre, Field(gt=0)] | None = Field(
        default=None, description="the neurons lie at random on a square torus of this side"
    )
    plasticity: list[Plasticity] = Field(default=[], description="intrinsic rules: they change the neuron, not a weight")

    def synapses(self) -> dict[str, Entry]:
        """The synaptic response of each channel of the neuron."""
        own: dict[str, Any] = catalogue.load("neurons", self.neuron.name).synapses
        return {key: self.channels.get(key) or _SYNAPSE.validate_python(default) for key, default in own.items()}


class Projection(Strict):
    """Synapses of one kind, from every neuron of `source` that the topology picks to `target`."""

    source: Name
    target: Name
    channel: str = Field(description="the input of the target neuron that the synapses open")
    topology: Topology
    weight: Annotated[str | dict[str, Any], BeforeValidator(_weight)] = Field(
        description="initial weight in the unit of the target's channel, or a distribution"
    )
    weight_max: Quantity | None = Field(default=None, description="upper bound; needed by plastic synapses")
    delay: Delay = Field(description="axonal delay of every synapse, or a distribution with bounds")
    plasticity: list[Plasticity] = Field(default=[], description="rules that change the weights; their changes add up")

    def weight_in(self, unit: str) -> float | Distribution:
        """The initial weight in SI; `unit` is what the channel takes. Raises ValueError."""
        if isinstance(self.weight, str):
            return units.parse(self.weight, unit)
        return distribution(self.weight, functools.partial(units.parse, expected=unit))

    @property
    def shortest_delay(self) -> float:
        """[s]"""
        return self.delay.arguments["low"] if isinstance(self.delay, Distribution) else self.delay

    @property
    def longest_delay(self) -> float:
        """[s]"""
        return self.delay.arguments["high"] if isinstance(self.delay, Distribution) else self.delay


class Session(Strict):
    """A part of a run that was recorded, with the levels of the factors that recordings have."""

    span: Span
    factors: dict[Name, Factor] = Field(min_length=1, description="as those of the recordings that it stands for")


class Model(Strict):
    """A plastic network, its inputs and perturbations, and how long to run it."""

    title: str
    citation: str = ""
    dt: Positive = Field(default=1e-4, description="time step")
    precision: Literal["float64", "float32"] = "float64"
    window: Positive = Field(default=0.1, description="how often slow homeostatic rules act")
    checkpoint_every: Positive = Field(default=600.0, description="biological time between two states on disk")
    duration: Positive | None = Field(default=None, description="biological time; None: a protocol sets it")
    replicates: int = Field(default=1, ge=1, le=10_000, description="random realisations")
    batch: int = Field(default=1, ge=1, description="realisations that one job runs")
    system: System | None = Field(default=None, description="a rate model in the place of a network; it sets the duration")
    populations: dict[Name, Population] = Field(default={}, description="neurons, by a name of your choice")
    projections: dict[Name, Projection] = Field(default={}, description="synapses, by a name of your choice")
    protocols: dict[Name, Protocol] = Field(default={}, description="inputs and perturbations, by a name of your choice")
    epochs: dict[Name, Span] = Field(
        default={}, description="label: [from, to]; where there are none, every perturbation is one, by the name of its protocol"
    )
    sessions: dict[Name, Session] = Field(
        default={}, description="label: a part of each run as a replicate of its own, in the place of epochs; they may overlap"
    )
    record: Record = Field(default=Record(), description="what is written down besides the spikes of all neurons")
    fitted: list[str] = Field(default=[], description="metrics that were set from the data: they never get a verdict")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.system is not None:
            parts = ("populations", "projections", "protocols", "duration", "epochs", "sessions")
            network = [key for key in parts if getattr(self, key)] + ["record"] * (self.record != Record())
            if network:
                raise ValueError(f"system is set, and {', '.join(network)} too; a rate model has none of them: remove them")
            return self
        if not self.populations:
            raise ValueError("populations is missing; name at least one, or write system: for a rate model")
        wrong = [*self._time_faults(), *self._population_faults()]
        wrong += [f"projections.{name}.{w}" for name, p in self.projections.items() for w in self._projection_faults(p)]
        wrong += [f"protocols.{name}.{w}" for name, p in self.protocols.items() for w in self._protocol_faults(p)]
        wrong += self._file_faults()
        wrong += perturbations.overlaps(self)
        wrong += [f"record.{w}" for w in record_faults.names(self)]
        if not wrong:
            wrong += limits.faults(self)
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _time_faults(self) -> Iterator[str]:
        steps = {"window": self.window, "duration": self.duration}
        for name, p in self.projections.items():
            steps[f"projections.{name}.delay"] = p.shortest_delay
            if isinstance(p.delay, Distribution):
                steps[f"projections.{name}.delay.high"] = p.longest_delay
        for key, value in steps.items():
            if value is not None and (value < 0.5 * self.dt or abs(value / self.dt - round(value / self.dt)) > 1e-6):
                yield f"{key} is {value:g} s, which is no whole number of time steps of {self.dt:g} s; round it, or change dt"
        recordings = self.stimulus_recordings()
        presenting = [name for name, p in self.protocols.items() if "recording" in p.parameters]
        if len(presenting) > 1:
            yield f"{len(presenting)} protocols present a recording ({', '.join(presenting)}); a run has one stimulus, keep one"
        if self.duration is None and not recordings:
            yield "duration is missing, and no protocol sets it; write e.g. duration: '100 s'"
        if self.duration is not None and recordings:
            yield f"duration is set, but the stimulus of {', '.join(recordings)} sets it; remove it"
        spans = {f"epochs.{label}": span for label, span in self.epochs.items()}
        spans |= {f"sessions.{label}.span": session.span for label, session in self.sessions.items()}
        for key in ("epochs", "sessions"):
            if self.duration is None and getattr(self, key):
                yield f"{key} are set, but a run without a duration gets its parts from its protocol; remove them"
        if self.epochs and self.sessions:
            yield "has epochs and sessions; a session is a recording of its own, without epochs: remove one of the two"
        if self.duration is not None:
            if self.duration / self.dt > _STEPS:
                yield f"duration is {self.duration:g} s, more than {_STEPS} steps of {self.dt:g} s; shorten it, or raise dt"
            for key, (start, stop) in spans.items():
                if not 0 <= start < stop <= self.duration:
                    yield (
                        f"{key} is [{start:g} s, {stop:g} s], which is not inside the run "
                        f"of {self.duration:g} s; move it, or raise duration"
                    )

    def _population_faults(self) -> Iterator[str]:
        for name, p in self.populations.items():
            if name[-1].isdigit():
                yield f"populations.{name} ends with a digit, so that names of units such as {name}1 are ambiguous; rename it"
            yield from (f"populations.{name}.{w}" for w in self._form_faults(p.plasticity, ("intrinsic",)))
            yield from (f"populations.{name}.channels.{w}" for w in self._synapse_faults(p))
            recorded = [e.name for e in p.plasticity if e.parameters.get("target_rate") == "recorded"]
            if recorded and not self.stimulus_recordings():
                yield (
                    f"populations.{name}.plasticity.{recorded[0]}.target_rate is 'recorded', but no protocol presents "
                    f"a recording; write a rate, e.g. '5 Hz'"
                )

    def _synapse_faults(self, p: Population) -> Iterator[str]:
        known: dict[str, str] = catalogue.load("neurons", p.neuron.name).channels
        for key in p.channels:
            if key not in known:
                yield f"{key} is no channel of {p.neuron.name}; {catalogue.did_you_mean(key, known)}"
        for key, synapse in p.synapses().items():
            if (known[key] == "V") != (synapse.name == "delta"):
                kind = (
                    "jumps in potential: it takes delta"
                    if known[key] == "V"
                    else f"a weight in {known[key]}: it cannot take delta"
                )
                yield f"{key} is {synapse.name}, but the channel of {p.neuron.name} has {kind}"
            try:
                catalogue.load("synapses", synapse.name)(**synapse.parameters).terms()
            except ValueError as error:
                yield f"{key}.{error}"

    def _form_faults(self, rules: list[Entry], forms: tuple[str, ...]) -> Iterator[str]:
        for rule in rules:
            form = _form(rule)
            if form not in forms:
                end = "a neuron: write it under a population" if form == "intrinsic" else "weights: write it under a projection"
                yield f"plasticity has {rule.name}, which changes {end}"

    def _channel_faults(self, population: str, channel: str, weights: dict[str, Any]) -> Iterator[str]:
        neuron: Entry = self.populations[population].neuron
        channels: dict[str, str] = catalogue.load("neurons", neuron.name).channels
        if channel not in channels:
            yield f"channel is {channel!r}, which {neuron.name} does not have; {catalogue.did_you_mean(channel, channels)}"
            return
        for key, text in weights.items():
            if isinstance(text, dict):
                try:
                    distribution(text, functools.partial(units.parse, expected=channels[channel]))
                except ValueError as error:
                    yield f"{key} {error}"
            elif text is not None:
                try:
                    if units.parse(text, channels[channel]) < 0:
                        yield f"{key} is {text!r}; a weight is not negative, the channel sets the sign: remove the minus"
                except ValueError as error:
                    yield f"{key} {error}"

    def _projection_faults(self, p: Projection) -> Iterator[str]:
        faults: list[str] = []
        for end, name in (("source", p.source), ("target", p.target)):
            if name not in self.populations:
                known = catalogue.did_you_mean(name, self.populations)
                yield f"{end} is {name!r}, which is no population of this model; {known}"
        if p.target in self.populations:
            faults = list(self._channel_faults(p.target, p.channel, {"weight": p.weight, "weight_max": p.weight_max}))
            yield from faults
        yield from self._form_faults(p.plasticity, (*_CHANGES_WEIGHTS, "release", "presynaptic", "structural"))
        forms = [_form(e) for e in p.plasticity]
        if forms.count("release") > 1:
            yield "plasticity has two rules of short-term plasticity; a projection has one at most"
        if "presynaptic" in forms and "release" not in forms:
            yield "plasticity changes the release, but has no rule of short-term plasticity; add one, e.g. tsodyks_markram"
        if "structural" in forms and (isinstance(p.weight, dict) or isinstance(p.delay, Distribution) or len(forms) > 1):
            yield "plasticity makes synapses, which needs one weight, one delay and no other rule; move the rest to a projection"
        if "structural" in forms and p.source != p.target:
            yield f"plasticity makes synapses, which needs one population at both ends, not {p.source} and {p.target}"
        is_plastic = any(form in _CHANGES_WEIGHTS for form in forms)
        if is_plastic and p.weight_max is None:
            yield "weight_max is missing; plastic synapses need an upper bound, e.g. weight_max: '100 nS'"
        if is_plastic and not faults and p.weight_max is not None and p.target in self.populations:
            unit = catalogue.load("neurons", self.populations[p.target].neuron.name).channels[p.channel]
            weight = p.weight_in(unit)
            if not isinstance(weight, Distribution) and weight > units.parse(p.weight_max, unit):
                yield f"weight is {p.weight!r}, above weight_max, {p.weight_max!r}; lower it, or raise weight_max"

    def _file_faults(self) -> Iterator[str]:
        for place, file in self.files().items():
            try:
                check_path(file)
            except ValueError as error:
                yield f"{place} {error}"

    def _protocol_faults(self, protocol: Entry) -> Iterator[str]:
        given = protocol.parameters
        population = given.get("population")
        if population is not None and population not in self.populations:
            known = catalogue.did_you_mean(population, self.populations)
            yield f"population is {population!r}, which is absent; {known}"
        elif population is not None and "channel" in given:
            yield from self._channel_faults(str(population), given["channel"], {"weight": given.get("weight")})
        if "projection" in given and given["projection"] not in self.projections:
            known = catalogue.did_you_mean(given["projection"], self.projections)
            yield f"projection is {given['projection']!r}, which is absent; {known}"
        yield from perturbations.faults(self, protocol)

    def entries_of(self, owner: str) -> dict[str, Entry]:
        """The rules of a projection, or the neuron model and the rules of a population; none for an unknown owner."""
        if owner in self.projections:
            return {e.name: e for e in self.projections[owner].plasticity}
        if owner in self.populations:
            return {e.name: e for e in (self.populations[owner].neuron, *self.populations[owner].plasticity)}
        return {}

    def entries(self) -> list[tuple[str, str]]:
        """The catalogue entries (folder, name) that the model is made of."""
        used: list[Entry] = [*self.protocols.values(), *([self.system] if self.system else [])]
        for population in self.populations.values():
            used += [population.neuron, *population.synapses().values(), *population.plasticity]
        for projection in self.projections.values():
            used += [projection.topology, *projection.plasticity]
        return sorted({(e.folder, e.name) for e in used})

    def spans(self) -> dict[str, tuple[float, float]]:
        """Label -> [from, to] in s of the epochs of a run: those that are written, or else what perturbations make of it."""
        return dict(self.epochs) if self.epochs or self.sessions else perturbations.epochs(self)

    def stimulus_recordings(self) -> list[str]:
        """The recordings whose stimulus a protocol presents to this model."""
        return sorted({p.parameters["recording"] for p in self.protocols.values() if "recording" in p.parameters})

    def files(self) -> dict[str, str]:
        """Place in the YAML -> the file that the topology there reads, as seen from the folder in which the workflow runs."""
        topologies = {name: projection.topology for name, projection in self.projections.items()}
        return {
            f"projections.{name}.topology.{t.name}.file": t.parameters["file"]
            for name, t in topologies.items()
            if "file" in t.parameters
        }


class ModelFile(Strict):
    """What a model's YAML may hold besides the model itself: sizes, and another model that it varies."""

    base: Name | None = Field(default=None, description="the model that this one varies; its random streams are used")
    sizes: dict[Size, dict[str, Any]] = Field(default={}, description="overrides for ci, nightly and full runs")
