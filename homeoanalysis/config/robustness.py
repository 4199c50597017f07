"""The sweep of a claim's robustness: its study, once for each point, with models of which a little is changed."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from homeoanalysis.config.claim import Changes, Robustness

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


class Point(NamedTuple):
    """One change: what its keys are multiplied by, and what stands in the place of its rules."""

    factors: dict[str, float] = {}
    rules: Mapping[str, dict[str, Any]] = {}


class Varied(NamedTuple):
    """A point of the sweep as a study with models of its own."""

    name: str
    study: dict[str, Any]
    models: dict[str, dict[str, Any]]
    like: dict[str, str]  # model: the one that it is made of


def points(robustness: Robustness, shared: Changes) -> dict[str, Point]:
    """Name -> what changes there. shared: what the names in `robustness.shared` stand for; a name that it has not is left out."""
    parameters = {name: shared.parameters[name] for name in robustness.shared if name in shared.parameters}
    rules = {name: shared.rules[name] for name in robustness.shared if name in shared.rules}
    found = {}
    for name, swept in (parameters | robustness.parameters).items():
        for factor in swept.factors:
            changes = dict.fromkeys(swept.paths, factor) | dict.fromkeys(swept.inverse, 1 / factor)
            found[f"{name}_x{factor:g}".replace(".", "_").replace("+", "")] = Point(factors=changes)
    return found | {name: Point(rules=instead) for name, instead in (rules | robustness.rules).items()}


def varied(name: str, study: Mapping[str, Any], models: Mapping[str, dict[str, Any]], point: str, change: Point) -> Varied:
    """The study at one point. study, models: as written, with `base` resolved. The names of the models end with the point's."""
    like = {f"{model}-{point}": model for model in study.get("models", [])}
    names = {model: new for new, model in like.items()}
    made = {new: _changed(models[model], change) for new, model in like.items()}
    content = {key: value for key, value in study.items() if key not in ("figures", "sweeps", "variants")}
    content["claim"] = {key: value for key, value in study["claim"].items() if key != "robustness"}
    content = _renamed(content, names)
    content["variants"] = {
        names[model]: {variant: _changed(override, change) for variant, override in variants.items()}
        for model, variants in study.get("variants", {}).items()
    }
    return Varied(f"{name}-{point}", content, made, like)


def absent(study: Mapping[str, Any], models: Mapping[str, dict[str, Any]], change: Point) -> Iterator[str]:
    """The keys and the rules of a point that no model of the study has, and no variant of one."""
    mine = [models[model] for model in study.get("models", []) if model in models]
    mine += [override for variants in study.get("variants", {}).values() for override in variants.values()]
    for path, factor in change.factors.items():
        if not any(_scale(copy.deepcopy(content), path, factor) for content in mine):
            yield path
    for rule, instead in change.rules.items():
        if all(_replaced(content, {rule: {"": instead}}) == content for content in mine):
            yield rule


def _changed(written: dict[str, Any], change: Point) -> dict[str, Any]:
    """A model, or what a variant puts over one, at a point of the sweep."""
    content: dict[str, Any] = _replaced(written, change.rules)
    for part in (content, *content.get("sizes", {}).values()):
        _multiply(part, change)
    return content


def _replaced(content: Any, rules: Mapping[str, dict[str, Any]]) -> Any:
    """A copy in which every rule in a list, and every mention of it (`E_to_E.triplet_stdp`), gives way to another."""
    if isinstance(content, dict):
        return {_mentioned(key, rules): _replaced(value, rules) for key, value in content.items()}
    if isinstance(content, list):
        return [copy.deepcopy(rules[name]) if (name := _only(one)) in rules else _replaced(one, rules) for one in content]
    return _mentioned(content, rules) if isinstance(content, str) else content


def _only(entry: Any) -> str:
    """The name of an entry of the catalogue in a list, with parameters or without; empty of anything else."""
    if isinstance(entry, dict) and len(entry) == 1:
        return next(iter(entry))
    return entry if isinstance(entry, str) else ""


def _mentioned(text: str, rules: Mapping[str, dict[str, Any]]) -> str:
    place, dot, name = text.rpartition(".")
    return f"{place}.{_only(rules[name])}" if dot and name in rules else text


def _multiply(content: dict[str, Any], change: Point) -> None:
    for path, factor in change.factors.items():
        _scale(content, path, factor)


def _scale(content: Any, path: str, factor: float) -> bool:
    """Multiply the number at a path in place; False where there is none. A key may hold dots, as `E_to_E.triplet_stdp` does."""
    if isinstance(content, list):  # of catalogue entries, each a mapping of its name
        return max((_scale(one, path, factor) for one in content), default=False)
    key = next((key for key in content if path == key or path.startswith(f"{key}.")), None) if isinstance(content, dict) else None
    if key is None:
        return False
    if path != key:
        return _scale(content[key], path[len(key) + 1 :], factor)
    value = _times(content[key], factor)
    if value is None:
        return False
    content[key] = value
    return True


def _times(value: Any, factor: float) -> Any:
    """A number, or the text of a quantity, times a factor; a whole number stays one. None of anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return round(value * factor) if float(value * factor).is_integer() or value > 1 else value * factor
    if isinstance(value, float):
        return value * factor
    if isinstance(value, str) and (found := _NUMBER.match(value)):
        return f"{float(found[0]) * factor:.12g}{value[found.end() :]}"
    return None


def _renamed(content: Any, names: Mapping[str, str]) -> Any:
    """Every mention of the models, as a key or a value, alone or with a variant."""
    if isinstance(content, dict):
        return {_name(key, names): _renamed(value, names) for key, value in content.items()}
    if isinstance(content, list):
        return [_renamed(value, names) for value in content]
    return _name(content, names) if isinstance(content, str) else content


def _name(text: str, names: Mapping[str, str]) -> str:
    model, dot, variant = text.partition(".")
    return f"{names[model]}{dot}{variant}" if model in names else text
