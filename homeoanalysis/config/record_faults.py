"""What of `record:` a model could not write down: names that it does not have, intervals and sizes that do not go with it."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.numerics.mechanism import Grid

if TYPE_CHECKING:
    from homeoanalysis.config.fields import Entry
    from homeoanalysis.config.model import Model
    from homeoanalysis.config.record import TraceRecord

_ELECTRODES = 1_000_000
_SESSIONS = 100_000


def names(model: "Model") -> Iterator[str]:
    """Populations, projections and variables that are not there, and intervals that do not go with the step or each other."""
    record = model.record
    named = [(f"units.{name} is", name) for name in record.units]
    named += [(f"traces.{key}.population is", trace.population) for key, trace in record.traces.items()]
    named += [(f"{key} has", name) for key, listed in record.lists().items() for name in listed]
    for key, name in named:
        known, what = (model.projections, "projection") if "projections" in key else (model.populations, "population")
        if name not in known:
            yield f"{key} {name!r}, which is no {what} of this model; {catalogue.did_you_mean(name, known)}"
    for key, trace in record.traces.items():
        if trace.population in model.populations:
            yield from (f"traces.{key}.{fault}" for fault in _trace(model, trace))
    for key, value in record.intervals().items():
        if abs(value / model.dt - round(value / model.dt)) > 1e-6 or value < 0.5 * model.dt:
            yield f"{key} is {value:g} s, which is no whole number of time steps of {model.dt:g} s; round it"
    sampled = {(t.variable == "v", t.every) for t in record.traces.values()}
    if len(sampled) > len({is_v for is_v, _ in sampled}):
        yield "traces of v, or of other variables, have different `every`; a signal has one sampling rate: make them equal"
    if model.duration is None and record.intervals():
        what = ", ".join(key.removesuffix(".every") for key in record.intervals())
        yield f"{what} need a run with a duration; a protocol sets that of this one, remove them"
    blind = record.blindness
    if blind and blind.electrodes and any(p.extent is None for p in model.populations.values()):
        yield "blindness.electrodes needs neurons with positions; give every population an extent, e.g. extent: '1 mm'"
    if blind and (blind.lost > 0) != (blind.session is not None):
        yield "blindness.lost and blindness.session belong together; write both or none"


def _trace(model: "Model", trace: "TraceRecord") -> Iterator[str]:
    n, known = model.populations[trace.population].n, _variables(model, trace.population)
    if trace.variable not in known:
        yield f"variable is {trace.variable!r}; {catalogue.did_you_mean(trace.variable, known)}"
    if isinstance(trace.units, int) and trace.units > n:
        yield f"units is {trace.units}, more than the {n} neurons; lower it"
    elif not isinstance(trace.units, int) and trace.units[-1] >= n:
        yield f"units has {trace.units[-1]}, but the {n} neurons are numbered from 0 to {n - 1}; remove it"


def _variables(model: "Model", population: str) -> list[str]:
    """What a trace of the population may be of."""
    p = model.populations[population]
    made = {e.name: catalogue.load("plasticity", e.name)(**e.parameters) for e in p.plasticity}
    found = [*_state(p.neuron, model.dt)]
    found += [key for key, unit in catalogue.load("neurons", p.neuron.name).channels.items() if unit != "V"]
    found += sorted({field for rule in made.values() for field in getattr(rule, "changes", ())})
    found += ["input_gain"] if any(getattr(rule, "scales_input", False) for rule in made.values()) else []
    return found + list(detectors(model, population))


def _state(neuron: "Entry", dt: float) -> tuple[str, ...]:
    """The state variables of a neuron model, whatever values its parameters have."""
    some = {k: next(iter(v.arguments.values())) if isinstance(v, Distribution) else v for k, v in neuron.parameters.items()}
    fields: tuple[str, ...] = catalogue.load("neurons", neuron.name)(**some).build(Grid(dt, 1, np.dtype(float))).state._fields
    return fields


def detectors(model: "Model", population: str) -> dict[str, float]:
    """The time constants [s] of the rate detectors of a population, by the rules that see it through them."""
    rules = [("", e) for e in model.populations[population].plasticity]
    for name, p in model.projections.items():
        rules += [(f"{name}.", e) for e in p.plasticity if p.target == population]
    made = {f"{owner}{e.name}.rate": catalogue.load(e.folder, e.name)(**e.parameters) for owner, e in rules}
    found = {key: getattr(rule, "tau_detector", None) for key, rule in made.items()}
    return {key: tau for key, tau in found.items() if tau is not None}


def numbers(model: "Model") -> Iterator[str]:
    """Numbers that a run could not take, of a model whose names are right."""
    record = model.record
    for name, n in record.units.items():
        if n > model.populations[name].n:
            yield f"units.{name} is {n}, more than the {model.populations[name].n} neurons; lower it"
    for key, every in record.intervals().items():
        if model.duration is not None and every > model.duration:
            yield f"{key} is {every:g} s, longer than the run of {model.duration:g} s: there would be no sample; shorten it"
    for key, listed in record.lists().items():
        if len(set(listed)) < len(listed):
            yield f"{key} names a {key.rpartition('.')[2][:-1]} twice; name it once"
    field, blind, distributions = record.lfp_proxy, record.blindness, record.weight_distributions
    if field and abs(field.delay / field.every - round(field.delay / field.every)) > 1e-6:
        yield f"lfp_proxy.delay is {field.delay:g} s, no whole number of samples of {field.every:g} s; round it"
    for name in distributions.projections if distributions else []:
        assert distributions is not None
        try:
            distributions.edges(model.projections[name].weight_max, weight_unit(model, name))
        except ValueError as error:
            yield f"weight_distributions.bins, for {name}, {error}"
    if blind and blind.electrodes:
        number = max((p.extent / blind.electrodes.pitch) ** 2 for p in model.populations.values() if p.extent is not None)
        if number > _ELECTRODES:
            yield f"blindness.electrodes.pitch is {blind.electrodes.pitch:g} m, which makes {number:.0f} electrodes; raise it"
    if blind and blind.session and model.duration is not None and model.duration > _SESSIONS * blind.session:
        yield f"blindness.session is {blind.session:g} s, which makes more than {_SESSIONS} sessions; raise it"


def weight_unit(model: "Model", projection: str) -> str:
    """The SI unit of the weights of a projection."""
    p = model.projections[projection]
    channels: dict[str, str] = catalogue.load("neurons", model.populations[p.target].neuron.name).channels
    return channels[p.channel]


def memory(model: "Model", seconds: float, synapses: Mapping[str, float]) -> dict[str, float]:
    """What records of a run of so many seconds hold at least [bytes], by their key; synapses: how many each projection has."""
    record = model.record
    found = {f"traces.{key}": 8.0 * trace.chosen.size * seconds / trace.every for key, trace in record.traces.items()}
    if record.lfp_proxy:
        found["lfp_proxy"] = 16 * len(record.lfp_proxy.populations) * seconds / record.lfp_proxy.every
    if record.unit_rate:
        n = sum(model.populations[name].n for name in record.unit_rate.populations)
        found["unit_rate"] = 4 * n * seconds / record.unit_rate.every
    number = 8 if model.precision == "float64" else 4
    for name in record.weights.projections if record.weights else []:
        assert record.weights is not None
        kept = min(synapses[name], np.inf if record.weights.sample is None else record.weights.sample)
        found[f"weights of {name}"] = number * kept * seconds / record.weights.every
    if record.weight_distributions:
        bins = record.weight_distributions.bins
        each = 8.0 * len(record.weight_distributions.projections) * (bins if isinstance(bins, int) else len(bins))
        found["weight_distributions"] = each * seconds / record.weight_distributions.every
    return found
