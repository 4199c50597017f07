"""Numbers that a run could not take: told before anything is built."""

import functools
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from homeoanalysis import catalogue, units
from homeoanalysis.config import perturbations, record_faults
from homeoanalysis.config.distribution import Distribution, distribution
from homeoanalysis.config.fields import Entry
from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Grid

if TYPE_CHECKING:
    from homeoanalysis.config.model import Model, Projection

_SHORT = 20  # a time constant is at least dt / _SHORT: exponentials of a few steps stay finite, in float32 too
_FORGETFUL = 500  # the same of a membrane, which may forget all in a step, but of which white noise needs what is left
_LONG = 1 << 21  # steps that the tables of a deferred rule span, for each 8 time constants
_STEPS = 1 << 30  # steps that fit in 32 bits, with room for sums
_EVENTS = 1000.0  # events of an input at one neuron in one step
_RING = 100_000  # steps of a delay: every neuron holds a place for each
_TRIALS = 1_000_000
_CHANGES = 100_000  # each takes about a millisecond
_GB = 1e9


def faults(model: "Model") -> Iterator[str]:
    """What is wrong with the numbers of a model whose names are right."""
    for where, entry in _entries(model):
        yield from (f"{where}.{entry.name}.{fault}" for fault in _alone(entry, model.dt))
    for name, p in model.populations.items():
        yield from (f"populations.{name}.{fault}" for fault in _twice(p.plasticity))
    for name, projection in model.projections.items():
        yield from (f"projections.{name}.{fault}" for fault in _projection(model, projection))
    for name, e in model.protocols.items():
        yield from (f"protocols.{name}.{fault}" for fault in _protocol(model, e))
    yield from _slow(model)
    yield from (f"record.{fault}" for fault in record_faults.numbers(model))
    if model.checkpoint_every < model.dt:
        yield f"checkpoint_every is {model.checkpoint_every:g} s, less than a time step, {model.dt:g} s; raise it"


def _entries(model: "Model") -> Iterator[tuple[str, Entry]]:
    for name, p in model.populations.items():
        yield f"populations.{name}.neuron", p.neuron
        yield from ((f"populations.{name}.plasticity", e) for e in p.plasticity)
        yield from ((f"populations.{name}.channels.{key}", e) for key, e in p.synapses().items())
    for name, projection in model.projections.items():
        yield from ((f"projections.{name}.plasticity", e) for e in projection.plasticity)


def _alone(entry: Entry, dt: float) -> Iterator[str]:
    """What is wrong with the numbers of a mechanism, whatever else there is."""
    yield from _times(entry, dt)
    yield from _bounds(entry)
    if entry.folder == "neurons":
        yield from _neuron(entry, dt)


def _times(entry: Entry, dt: float) -> Iterator[str]:
    for key, value in entry.parameters.items():
        if isinstance(value, bool) or not isinstance(value, float):
            continue
        if key.startswith("tau") and 0 < value < dt / (_FORGETFUL if entry.folder == "neurons" else _SHORT):
            yield f"{key} is {value:g} s, but a time step has {dt:g} s, and nothing of it would be left; raise it, or lower dt"
        if key == "refractory" and value > 0 and round(value / dt) == 0:
            yield f"refractory is {value:g} s, less than half a time step of {dt:g} s: none would be left; lower dt, or write 0 s"
        if key in ("refractory", "spike_duration") and value / dt > _STEPS:
            yield f"{key} is {value:g} s, more than {_STEPS} steps of {dt:g} s; lower it (to keep neurons silent, take ttx)"
        if key == "delay" and value / dt > _RING:
            yield f"{key} is {value:g} s, more than {_RING} steps of {dt:g} s; lower it"


def _bounds(entry: Entry) -> Iterator[str]:
    low, high = entry.parameters.get("lowest"), entry.parameters.get("highest")
    if low is not None and high is not None and not low < high:
        yield f"lowest is {low:g}, not below highest, {high:g}; exchange them, or move one"


def _twice(rules: list[Entry]) -> Iterator[str]:
    for name, n in Counter(rule.name for rule in rules).items():
        if n > 1:
            yield f"plasticity has {name} {n} times; rules are known by their names: keep one"


def _neuron(entry: Entry, dt: float) -> Iterator[str]:
    """Of neurons whose parameters are all alike; drawn ones are looked at where they are drawn."""
    if any(isinstance(value, Distribution) for value in entry.parameters.values()):
        return
    with np.errstate(all="ignore"):
        kernel = catalogue.load("neurons", entry.name)(**entry.parameters).build(Grid(dt, 1, np.dtype(float))).kernel
    limit = getattr(type(kernel), "largest_input", None)
    if limit is not None and not float(limit(kernel)) > 0:
        yield f"tau_membrane is {entry.parameters['tau_membrane']:g} s, no longer than the time step, {dt:g} s; lower dt"
    top = getattr(kernel, "v_peak", kernel.v_threshold)
    if not kernel.v_reset <= top:
        yield f"v_threshold is {top:g} V, below the reset, {kernel.v_reset:g} V: the neuron would fire for ever; raise it"


def _projection(model: "Model", p: "Projection") -> Iterator[str]:
    unit = catalogue.load("neurons", model.populations[p.target].neuron.name).channels[p.channel]
    top = None if p.weight_max is None else units.parse(p.weight_max, unit)
    if isinstance(p.weight, dict):
        yield from _drawn(p.weight, unit, top)
    if p.longest_delay / model.dt > _RING:
        yield f"delay is {p.longest_delay:g} s, more than {_RING} steps of {model.dt:g} s; lower it"
    yield from _twice(p.plasticity)
    for rule in p.plasticity:
        for key, value in rule.parameters.items():
            if key == "weight_reference" and value is not None:
                try:
                    if units.parse(value, unit) < 0:
                        yield f"plasticity.{rule.name}.{key} is {value!r}; it must not be negative: remove the minus"
                except ValueError as error:
                    yield f"plasticity.{rule.name}.{key} {error}"
        for key in _in_siemens(rule.name):
            if unit != "S":
                neuron = model.populations[p.target].neuron.name
                end = f"but the weights onto {neuron} are in {unit}; take another rule"
                yield f"plasticity.{rule.name}.{key} is a conductance, {end}"
        tau_pre = getattr(catalogue.load("plasticity", rule.name)(**rule.parameters), "tau_pre", None)
        if tau_pre is not None and tau_pre / model.dt > _LONG:
            yield f"plasticity.{rule.name} has a presynaptic trace of {tau_pre:g} s, more than {_LONG} steps; shorten it"


def _drawn(weight: dict[str, Any], unit: str, top: float | None) -> Iterator[str]:
    """Draws below 0 become 0 and those above the bound the bound; where that were most of them, something else is meant."""
    drawn = distribution(weight, functools.partial(units.parse, expected=unit))
    a = drawn.arguments
    low, high = (a["low"], a["high"]) if drawn.kind == "uniform" else (a["mean"], a["mean"])
    if low < 0:
        yield f"weight is {drawn.kind} from {low:g} {unit}; a weight is not negative, the channel sets the sign: remove the minus"
    if top is not None and high > top:
        yield f"weight is {drawn.kind} up to {high:g} {unit}, above weight_max, {top:g} {unit}; lower it, or raise weight_max"


@functools.cache
def _in_siemens(rule: str) -> tuple[str, ...]:
    keys = catalogue.parameters("plasticity", rule).model_fields
    return tuple(key for key in keys if catalogue.unit("plasticity", rule, key) == "S")


def _protocol(model: "Model", e: Entry) -> Iterator[str]:
    given = e.parameters
    for of, entry in perturbations.changed(model, e):
        yield from (f"{e.name} of {of}: {fault}" for fault in _alone(entry, model.dt))
    if "weight" in given:
        rates = [rate for _, rate in given.get("rates") or []] + ([given["rate"]] if "rate" in given else [])
        most = max(rates, default=0.0) * model.dt
        if most > _EVENTS:
            yield f"rate brings {most:g} events to a neuron in each step, more than {_EVENTS:g}; lower it, and raise the weight"
    fields = catalogue.parameters("protocols", e.name).model_fields
    empty = [key for key in ("inputs", "projections", "populations") if given.get(key) == []]
    if (e.name == "ttx" and len(empty) == 2) or any(fields[key].is_required() for key in empty):
        yield f"{empty[-1]} is empty, so that nothing would change; name at least one"
    if e.name == "neuromodulator":
        number = catalogue.load("protocols", e.name)(**given).number_of_changes()
        if number > _CHANGES:
            yield f"every is {given['every']:g} s, which makes {number:.3g} changes of a network, more than {_CHANGES}; raise it"
    for name in given.get("inputs") or []:
        other = model.protocols[name].parameters
        most = given.get("scale", 0.0) * other.get("rate", 0.0) * model.dt
        if most > _EVENTS:
            yield f"scale brings {most:g} events to a neuron of {name} in each step, more than {_EVENTS:g}; lower it"
    if e.name == "patterns" and given["stimuli"] * given["repeats"] > _TRIALS:
        yield f"stimuli x repeats is {given['stimuli'] * given['repeats']}, more than {_TRIALS} trials; lower one"
    if e.name == "frozen_noise" and model.duration is not None and model.duration / given["period"] > _TRIALS:
        yield f"period is {given['period']:g} s, so that there are more than {_TRIALS} trials; raise it"
    if e.name == "frozen_noise" and (given.get("frozen") or 0) > given["period"]:
        yield f"frozen is {given['frozen']:g} s, longer than period, {given['period']:g} s; make it shorter, or leave it out"
    late = [t for t in given.get("pulses") or [] if t < 0 or (model.duration is not None and t >= model.duration)]
    if late:
        yield f"pulses has {late[0]:g} s, which is not inside the run; remove it"
    if "pulses" in given:
        rules = model.projections[given["projection"]].plasticity
        if not any("tau_modulator" in r.parameters for r in rules):
            yield f"projection {given['projection']!r} has no rule with eligibility traces; add one, e.g. three_factor_stdp"


def _slow(model: "Model") -> Iterator[str]:
    """Rules that act at the ends of windows."""
    grid = Grid(model.dt, max(1, round(model.window / model.dt)), np.dtype(float))
    owners = [(f"populations.{name}", p.plasticity, p.extent) for name, p in model.populations.items()]
    owners += [(f"projections.{n}", p.plasticity, model.populations[p.target].extent) for n, p in model.projections.items()]
    for where, rules, extent in owners:
        for rule in rules:
            made = catalogue.load("plasticity", rule.name)(**rule.parameters)
            if made.form not in ("slow", "intrinsic", "presynaptic", "structural"):
                continue
            try:
                made.build(2, grid)
            except ValueError as error:
                yield f"{where}.plasticity.{rule.name}.{error}"
            if model.duration is None:
                continue
            if model.window > model.duration:
                end = f"so that {rule.name} would never act; shorten it"
                yield f"window is {model.window:g} s, longer than the run of {model.duration:g} s, {end}"
            calibration = rule.parameters.get("calibration", 0.0)
            if calibration > model.duration:
                yield f"{where}.plasticity.{rule.name}.calibration is {calibration:g} s, but the run has {model.duration:g} s"
            if getattr(rule.parameters.get("signal"), "diffusion", None) is not None and extent is None:
                end = "but the neurons have no positions; give them an extent, e.g. '1 mm'"
                yield f"{where}.plasticity.{rule.name}.signal diffuses, {end}"


def memory(model: "Model") -> dict[str, float]:
    """What a run holds at least, in bytes, by the part of the model that wants it."""
    steps = 0.0 if model.duration is None else model.duration / model.dt
    found: dict[str, float] = {}
    number = 8 if model.precision == "float64" else 4
    longest = max((p.longest_delay / model.dt for p in model.projections.values()), default=1.0)
    for name, population in model.populations.items():
        found[f"populations.{name}"] = population.n * (4 * longest + 6 * number)
    synapses = {name: expected_synapses(model, p) for name, p in model.projections.items()}
    for name, p in model.projections.items():
        n_source, n_target = model.populations[p.source].n, model.populations[p.target].n
        each = 2 + number * (bool(p.plasticity) or isinstance(p.weight, dict))
        bits = n_source * n_target / 8 if each == 2 else np.inf
        delays = 1 + (p.longest_delay - p.shortest_delay) / model.dt
        found[f"projections.{name}"] = min(each * synapses[name], bits) + 8 * n_source * delays
    for name, e in model.protocols.items():
        if e.name == "patterns":
            found[f"protocols.{name}"] = 8.0 * e.parameters["stimuli"] * model.populations[e.parameters["population"]].n
    found |= {f"record.{key}": n for key, n in record_faults.memory(model, steps * model.dt, synapses).items()}
    return found


def expected_synapses(model: "Model", p: "Projection") -> float:
    """The expected number, or less."""
    given, n_source, n_target = p.topology.parameters, model.populations[p.source].n, model.populations[p.target].n
    if "in_degree" in given:
        return float(given["in_degree"] * n_target)
    if "neighbours" in given:
        return float(given["neighbours"] * n_source)
    if "modules" in given:
        share = 1 / given["modules"]
        return float((given["within"] * share + given["between"] * (1 - share)) * n_source * n_target)
    extent = model.populations[p.target].extent
    if "width" in given or "file" in given or extent is not None:
        return 0.0
    return float(given.get("probability", 0.0) * n_source * n_target)


def refuse_what_does_not_fit(model: "Model", available: float) -> None:
    """Raises SimulationError if a run needs more bytes than there are."""
    wanted = memory(model)
    if sum(wanted.values()) > available:
        key, most = max(wanted.items(), key=lambda item: item[1])
        raise SimulationError(
            f"the model needs at least {sum(wanted.values()) / _GB:.3g} GB of memory, {most / _GB:.3g} GB of them for {key}, "
            f"and this machine has {available / _GB:.3g} GB; make that smaller"
        )
