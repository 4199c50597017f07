"""What a protocol may name and when it may act: faults are told before anything runs."""

from collections.abc import Iterator
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from homeoanalysis import catalogue, units
from homeoanalysis.config.distribution import Distribution
from homeoanalysis.config.fields import Entry, checked
from homeoanalysis.numerics.mechanism import Grid, Membrane, Site
from homeoanalysis.numerics.refit import is_refittable

if TYPE_CHECKING:
    from homeoanalysis.config.model import Model

# What the storage and the detectors of a running rule were made for.
_FIXED = ("form", "tau_pre", "tau_detector", "tau_eligibility", "is_nearest")
_EFFECTS = ("pre", "post", "speed", "transmission", "gain", "drive", "scale", "shift")  # of a neuromodulator


def faults(model: "Model", protocol: Entry) -> Iterator[str]:
    """What is wrong with the names and times of one protocol."""
    given = protocol.parameters
    needed = getattr(catalogue.load("protocols", protocol.name), "needs", "scaled")
    able = [key for key, e in model.protocols.items() if hasattr(catalogue.load("protocols", e.name), needed)]
    for name in given.get("inputs") or []:
        if name not in able:
            known = catalogue.did_you_mean(name, able)
            yield f"inputs names {name!r}, which is no input of this model that can be {needed}; {known}"
    for kind in ("populations", "projections"):
        present = getattr(model, kind)
        for name in given.get(kind) or []:
            if name not in present:
                yield f"{kind} names {name!r}, which is absent; {catalogue.did_you_mean(name, present)}"
            elif "channel" in given and kind == "populations":
                channels = catalogue.load("neurons", model.populations[name].neuron.name).channels
                if given["channel"] not in channels:
                    end = catalogue.did_you_mean(given["channel"], channels)
                    yield f"channel is {given['channel']!r}, which the neurons of {name} do not have; {end}"
    if protocol.name == "patterns":
        lasts = given["trial"] - given["onset"] if given["length"] is None else given["length"]
        if lasts <= 0 or given["onset"] + lasts > given["trial"] * (1 + 1e-9):
            part = f"acts from {given['onset']:g} s to {given['onset'] + lasts:g} s of a trial of {given['trial']:g} s"
            yield f"{part}; write an onset and a length inside the trial"
    if "rule" in given:
        yield from _rule_faults(model, given["rule"])
    if protocol.name == "neuromodulator":
        yield from _modulator_faults(model, given)
    if "of" in given:
        yield from _parameter_faults(model, given["of"], given["value"])
    yield from _time_faults(model, given.get("start", 0.0), given.get("stop"))
    for key in ("rates", "drives"):
        late = [time for time, _ in given.get(key) or [] if model.duration is not None and time >= model.duration]
        if late:
            yield f"{key} has a step at {late[0]:g} s, after the end of the run of {model.duration:g} s; remove it"


def _time_faults(model: "Model", start: float, stop: float | None) -> Iterator[str]:
    if start < 0 or (model.duration is not None and start >= model.duration):
        run = "the run" if model.duration is None else f"the run of {model.duration:g} s"
        yield f"start is {start:g} s, which is not inside {run}; move it, or raise duration"
    if stop is not None:
        if stop <= start:
            yield f"stop is {stop:g} s, which is not after start, {start:g} s; move one of them"
        elif model.duration is not None and stop > model.duration:
            yield f"stop is {stop:g} s, after the end of the run of {model.duration:g} s; leave it out, or raise duration"


def _owner_faults(model: "Model", key: str, text: str, words: tuple[str, ...]) -> Iterator[str]:
    parts = text.split(".")
    if len(parts) != len(words):
        yield f"{key} is {text!r}; write {'.'.join(words)}"
        return
    owners = [*model.populations, *model.projections]
    if parts[0] not in owners:
        yield f"{key} names {parts[0]!r}, which is no population or projection; {catalogue.did_you_mean(parts[0], owners)}"
    elif owners.count(parts[0]) > 1:
        yield f"{key} names {parts[0]!r}, which is a population and a projection; rename one of them"


def _modulator_faults(model: "Model", given: dict[str, Any]) -> Iterator[str]:
    if not any(given[kind] for kind in _EFFECTS):
        yield f"has no effect; write at least one of {', '.join(_EFFECTS)}"
    for kind in ("pre", "post", "speed"):
        for text in given[kind]:
            wrong = list(_rule_faults(model, text, kind))
            yield from wrong
            if not wrong:
                owner, name = text.split(".")
                is_fast = _instance(model.entries_of(owner)[name]).form in ("forward", "event")
                if is_fast == (kind == "speed"):
                    end = "acts at spikes: write it under pre and post" if is_fast else "acts slowly: write it under speed"
                    yield f"{kind} names {text!r}, which {end}"
    for kind, present in (("transmission", model.projections), ("gain", model.populations), ("drive", model.populations)):
        for name in given[kind]:
            if name not in present:
                yield f"{kind} names {name!r}, which is absent; {catalogue.did_you_mean(name, present)}"
    for kind in ("scale", "shift"):
        for of, amount in given[kind].items():
            wrong = list(_named_faults(model, of, kind))
            yield from wrong or _modulation_faults(model, kind, of, amount)


def _modulation_faults(model: "Model", kind: str, of: str, amount: Any) -> Iterator[str]:
    """What is wrong with a scale or a shift of a parameter that exists."""
    owner, name, parameter = of.split(".")
    entry = model.entries_of(owner)[name]
    value = entry.parameters[parameter]
    if isinstance(value, bool) or not isinstance(value, int | float | Distribution):
        yield f"{kind} names {of!r}, which is {value!r}, not a number; give it one, or take another parameter"
        return
    unit = catalogue.unit(entry.folder, name, parameter)
    if kind == "shift":
        try:
            _shift(amount, unit)
        except ValueError as error:
            yield f"shift.{of} {error}"
            return
    if isinstance(value, Distribution):
        return  # its values are looked at when they are drawn
    try:
        fresh = _moved(entry, parameter, kind, amount)
    except ValueError as error:
        yield from (f"{kind}: {line}" for line in error.args)
        return
    if entry.folder == "plasticity" and not _can_follow(model, owner, entry, fresh):
        yield f"{kind} names {of!r}, which a running rule cannot change; write two models, or take another parameter"


def _moved(entry: Entry, parameter: str, kind: str, amount: Any) -> Entry:
    """The entry with a parameter that is scaled or shifted."""
    value, unit = entry.parameters[parameter], catalogue.unit(entry.folder, entry.name, parameter)
    moved = value * amount if kind == "scale" else value + _shift(amount, unit)
    return checked(entry.folder, entry.name, entry.written | {parameter: units.as_written(moved, unit)})


def changed(model: "Model", protocol: Entry) -> Iterator[tuple[str, Entry]]:
    """What a protocol without faults makes of neuron models and rules: which parameter, and the entry with it."""
    given = protocol.parameters
    asked = [("of", given["of"], given["value"])] if "of" in given else []
    if protocol.name == "neuromodulator":
        asked += [(kind, of, amount) for kind in ("scale", "shift") for of, amount in given[kind].items()]
    for kind, of, amount in asked:
        owner, name, parameter = of.split(".")
        entry = model.entries_of(owner)[name]
        if kind == "of":
            yield of, checked(entry.folder, name, entry.written | {parameter: amount})
        elif not isinstance(entry.parameters[parameter], Distribution):
            yield of, _moved(entry, parameter, kind, amount)


def _shift(amount: Any, unit: str | None) -> float:
    if unit is not None:
        return units.parse(amount, unit)
    if isinstance(amount, bool) or not isinstance(amount, int | float):
        raise ValueError(f"is {amount!r}; the parameter is a plain number, and so is its shift: write e.g. 0.5")
    return float(amount)


def _rule_faults(model: "Model", text: str, key: str = "rule") -> Iterator[str]:
    wrong = list(_owner_faults(model, key, text, ("owner", "rule")))
    yield from wrong
    if not wrong:
        owner, name = text.split(".")
        rules = {key: _instance(e).form for key, e in model.entries_of(owner).items() if e.folder == "plasticity"}
        if name not in rules:
            yield f"{key} names {name!r}, which is no rule of {owner}; {catalogue.did_you_mean(name, rules)}"
        elif rules[name] == "release":
            yield f"{key} is {text!r}, short-term plasticity, which cannot be switched; take release_change"


def _named_faults(model: "Model", text: str, key: str) -> Iterator[str]:
    """Whether owner.entry.parameter exists."""
    wrong = list(_owner_faults(model, key, text, ("owner", "entry", "parameter")))
    yield from wrong
    if wrong:
        return
    owner, name, parameter = text.split(".")
    entries = model.entries_of(owner)
    if name not in entries:
        yield f"{key} names {name!r}, which is no neuron model or rule of {owner}; {catalogue.did_you_mean(name, entries)}"
    elif parameter not in entries[name].parameters:
        end = catalogue.did_you_mean(parameter, entries[name].parameters)
        yield f"{key} names {parameter!r}, which is no parameter of {name}; {end}"


def _parameter_faults(model: "Model", text: str, value: Any) -> Iterator[str]:
    wrong = list(_named_faults(model, text, "of"))
    yield from wrong
    if wrong:
        return
    owner, name, parameter = text.split(".")
    entry = model.entries_of(owner)[name]
    try:
        fresh = checked(entry.folder, name, entry.written | {parameter: value})
    except ValueError as error:
        yield from (f"value: {line}" for line in error.args)
        return
    if entry.folder == "plasticity" and not _can_follow(model, owner, entry, fresh):
        yield f"of is {text!r}, which a running rule cannot change; write two models, or take another parameter"
    elif isinstance(value, dict) != isinstance(entry.written.get(parameter), dict):
        yield f"value is {value!r}; write a distribution where the model has one, and one value where it has one"


def _can_follow(model: "Model", owner: str, entry: Entry, fresh: Entry) -> bool:
    """Whether a rule that runs can take the parameters of `fresh`: storage and traces were made for what it had."""
    rules = _instance(entry), _instance(fresh)
    before, after = ([getattr(rule, key, None) for key in _FIXED] for rule in rules)
    if before != after or before[0] == "release" or "recorded" in entry.parameters.values():
        return False
    grid = Grid(model.dt, max(1, round(model.window / model.dt)), np.dtype(float))
    if before[0] not in ("forward", "event"):
        return is_refittable(*(rule.build(2, grid) for rule in rules))
    p = model.projections[owner]
    if p.target not in model.populations:
        return True  # told elsewhere
    unit = catalogue.load("neurons", model.populations[p.target].neuron.name).channels.get(p.channel, "1")
    site = Site(2, 2, 2, 1.0, unit, Membrane(np.zeros(2), np.zeros(2)), grid, np.uint64(0))
    return is_refittable(*(rule.build(site) for rule in rules))


def _instance(entry: Entry) -> Any:
    return catalogue.load(entry.folder, entry.name)(**entry.parameters)


def overlaps(model: "Model") -> Iterator[str]:
    """Two perturbations of one thing at one time: where one stops, it would undo the other."""
    acting = [(key, e.parameters, _touched(model, e)) for key, e in model.protocols.items() if "start" in e.parameters]
    modulators = {key for key, e in model.protocols.items() if e.name == "neuromodulator"}
    for (a, first, mine), (b, second, other) in combinations(acting, 2):
        if {a, b} <= modulators:  # their effects add up
            continue
        ends = [p.get("stop") for p in (first, second)]
        early, late = sorted((first, second), key=lambda p: p["start"])
        if mine & other and any(ends) and (early.get("stop") is None or early["stop"] > late["start"]):
            what = ", ".join(sorted(" ".join(pair) for pair in mine & other))
            yield f"protocols.{b} overlaps with {a}: both change {what}, and the end of one would end the other; part them"


def epochs(model: "Model") -> dict[str, tuple[float, float]]:
    """What the perturbations of a run make of it: label -> [from, to] in s. Empty where there is none.

    Each is an epoch of its own name; before the first is `baseline`, after the last, if all end, `recovery`. What acts from
    0 s to the end of the run perturbs nothing.
    """
    if model.duration is None:
        return {}
    acting = {
        key: (given["start"], model.duration if given.get("stop") is None else given["stop"])
        for key, given in ((key, e.parameters) for key, e in model.protocols.items())
        if "start" in given and (given["start"] > 0 or given.get("stop") not in (None, model.duration))
    }
    if not acting:
        return {}
    around = {"baseline": (0.0, min(start for start, _ in acting.values()))}
    around["recovery"] = max(stop for _, stop in acting.values()), model.duration
    found = {label: span for label, span in around.items() if span[0] < span[1]} | acting
    return dict(sorted(found.items(), key=lambda item: item[1]))


def _touched(model: "Model", entry: Entry) -> set[tuple[str, str]]:
    given = entry.parameters
    kind = "correlation of" if entry.name == "change_correlation" else "input"
    touched = {(kind, name) for name in given.get("inputs") or []}
    if entry.name == "ttx":
        touched |= {("spikes of", name) for name in given["populations"] or model.populations}
    elif "channel" in given:
        touched |= {(f"{given['channel']} of", name) for name in given.get("populations") or []}
    touched |= {("transmission of", name) for name in given.get("projections") or []}
    if entry.name == "neuromodulator":
        touched |= {("transmission of", name) for name in given["transmission"]}
        touched |= {("the", name) for kind in ("pre", "post", "speed") for name in given[kind]}
    return touched | {("the", str(given[key])) for key in ("rule", "of") if key in given}
