"""Models: `config/models/<name>.yaml`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from homeoanalysis import catalogue, units
from homeoanalysis.config.fields import Entry, Name, Span, Strict, entry
from homeoanalysis.units import Quantity, Second

Size = Literal["ci", "nightly", "full"]
if TYPE_CHECKING:
    Neuron = Entry
    Topology = Entry
    Plasticity = Entry
    Protocol = Entry
else:
    Neuron = entry("neurons")
    Topology = entry("topologies")
    Plasticity = entry("plasticity")
    Protocol = entry("protocols")
Positive = Annotated[Second, Field(gt=0)]
_STEPS = 2**31 - 2  # spikes are logged as 32-bit step numbers
PRESENTATIONS = ("adaptation", "stimulus")  # the epochs of a run that a recorded stimulus drives: all but the last, the last


class Population(Strict):
    """Neurons of one kind."""

    n: int = Field(ge=1, le=1_000_000, description="number of neurons")
    cell_type: Literal["E", "I", "unknown"] = "unknown"
    neuron: Neuron = Field(description="membrane model and its parameters")
    plasticity: list[Plasticity] = Field(default=[], description="intrinsic rules: they change the neuron, not a weight")


class Projection(Strict):
    """Synapses of one kind, from every neuron of `source` that the topology picks to `target`."""

    source: Name
    target: Name
    channel: str = Field(description="the input of the target neuron that the synapses open")
    topology: Topology
    weight: Quantity = Field(description="initial weight, in the unit that the target's channel takes")
    weight_max: Quantity | None = Field(default=None, description="upper bound; needed by plastic synapses")
    delay: Positive
    plasticity: list[Plasticity] = Field(default=[], description="rules that change the weights; their changes add up")


class Model(Strict):
    """A plastic network, its inputs and perturbations, and how long to run it."""

    title: str
    citation: str = ""
    dt: Positive = Field(default=1e-4, description="time step")
    precision: Literal["float64", "float32"] = "float64"
    window: Positive = Field(default=0.1, description="how often slow homeostatic rules act")
    duration: Positive | None = Field(default=None, description="biological time; None: a protocol sets it")
    replicates: int = Field(default=1, ge=1, le=10_000, description="random realisations")
    batch: int = Field(default=1, ge=1, description="realisations that one job runs")
    populations: dict[Name, Population] = Field(min_length=1)
    projections: dict[Name, Projection] = Field(default={}, description="synapses, by a name of your choice")
    protocols: dict[Name, Protocol] = Field(default={}, description="inputs and perturbations, by a name of your choice")
    epochs: dict[Name, Span] = Field(default={}, description="label: [from, to]")
    fitted: list[str] = Field(default=[], description="metrics that were set from the data: they never get a verdict")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = [*self._time_faults(), *self._population_faults()]
        wrong += [f"projections.{name}.{w}" for name, p in self.projections.items() for w in self._projection_faults(p)]
        wrong += [f"protocols.{name}.{w}" for name, p in self.protocols.items() for w in self._protocol_faults(p)]
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _time_faults(self) -> Iterator[str]:
        steps = {"window": self.window, "duration": self.duration}
        steps |= {f"projections.{name}.delay": p.delay for name, p in self.projections.items()}
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
        if self.duration is None and self.epochs:
            yield "epochs are set, but a run without a duration gets them from its protocol; remove them"
        if self.duration is not None:
            if self.duration / self.dt > _STEPS:
                yield f"duration is {self.duration:g} s, more than {_STEPS} steps of {self.dt:g} s; shorten it, or raise dt"
            for label, (start, stop) in self.epochs.items():
                if not 0 <= start < stop <= self.duration:
                    yield (
                        f"epochs.{label} is [{start:g} s, {stop:g} s], which is not inside the run "
                        f"of {self.duration:g} s; move it, or raise duration"
                    )

    def _population_faults(self) -> Iterator[str]:
        for name, p in self.populations.items():
            if name[-1].isdigit():
                yield f"populations.{name} ends with a digit, so that names of units such as {name}1 are ambiguous; rename it"
            yield from (f"populations.{name}.{w}" for w in self._form_faults(p.plasticity, ("intrinsic",)))
            recorded = [e.name for e in p.plasticity if e.parameters.get("target_rate") == "recorded"]
            if recorded and not self.stimulus_recordings():
                yield (
                    f"populations.{name}.plasticity.{recorded[0]}.target_rate is 'recorded', but no protocol presents "
                    f"a recording; write a rate, e.g. '5 Hz'"
                )

    def _form_faults(self, rules: list[Entry], forms: tuple[str, ...]) -> Iterator[str]:
        for rule in rules:
            form = catalogue.load("plasticity", rule.name).form
            if form not in forms:
                end = "a neuron: write it under a population" if form == "intrinsic" else "weights: write it under a projection"
                yield f"plasticity has {rule.name}, which changes {end}"

    def _channel_faults(self, population: str, channel: str, weights: dict[str, str | None]) -> Iterator[str]:
        neuron: Entry = self.populations[population].neuron
        channels: dict[str, str] = catalogue.load("neurons", neuron.name).channels
        if channel not in channels:
            yield f"channel is {channel!r}, which {neuron.name} does not have; {catalogue.did_you_mean(channel, channels)}"
            return
        for key, text in weights.items():
            if text is not None:
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
        yield from self._form_faults(p.plasticity, ("forward", "event"))
        if p.plasticity and p.weight_max is None:
            yield "weight_max is missing; plastic synapses need an upper bound, e.g. weight_max: '100 nS'"
        if p.plasticity and not faults and p.weight_max is not None and p.target in self.populations:
            unit = catalogue.load("neurons", self.populations[p.target].neuron.name).channels[p.channel]
            if units.parse(p.weight, unit) > units.parse(p.weight_max, unit):
                yield f"weight is {p.weight!r}, above weight_max, {p.weight_max!r}; lower it, or raise weight_max"

    def _protocol_faults(self, protocol: Entry) -> Iterator[str]:
        given = protocol.parameters
        population = given.get("population")
        if population is not None and population not in self.populations:
            known = catalogue.did_you_mean(population, self.populations)
            yield f"population is {population!r}, which is absent; {known}"
        elif "channel" in given:
            yield from self._channel_faults(str(population), given["channel"], {"weight": given.get("weight")})
        scalable = [k for k, e in self.protocols.items() if hasattr(catalogue.load("protocols", e.name), "scaled")]
        for name in given.get("inputs", []):
            if name not in scalable:
                known = catalogue.did_you_mean(name, scalable)
                yield f"inputs names {name!r}, which is no input of this model that can be scaled; {known}"
        if self.duration is not None and not 0 <= given.get("start", 0.0) < self.duration:
            yield f"start is {given['start']:g} s, which is not inside the run of {self.duration:g} s; move it, or raise duration"

    def entries(self) -> list[tuple[str, str]]:
        """The catalogue entries (folder, name) that the model is made of."""
        used: list[Entry] = list(self.protocols.values())
        for population in self.populations.values():
            used += [population.neuron, *population.plasticity]
        for projection in self.projections.values():
            used += [projection.topology, *projection.plasticity]
        return sorted({(e.folder, e.name) for e in used})

    def stimulus_recordings(self) -> list[str]:
        """The recordings whose stimulus a protocol presents to this model."""
        return sorted({p.parameters["recording"] for p in self.protocols.values() if "recording" in p.parameters})


class ModelFile(Strict):
    """What a model's YAML may hold besides the model itself: sizes, and another model that it varies."""

    base: Name | None = Field(default=None, description="the model that this one varies; its random streams are used")
    sizes: dict[Size, dict[str, Any]] = Field(default={}, description="overrides for ci, nightly and full runs")
