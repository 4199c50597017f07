"""The sweep of a claim's robustness: its study, once for each point, with models of which a little is changed."""

import copy
import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from homeoanalysis.config.claim import Robustness
from homeoanalysis.config.merging import merge

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


class Point(NamedTuple):
    """One change: what its keys are multiplied by, and what is put over the models."""

    factors: dict[str, float] = {}
    rules: Mapping[str, dict[str, Any]] = {}


class Varied(NamedTuple):
    """A point of the sweep as a study with models of its own."""

    name: str
    study: dict[str, Any]
    models: dict[str, dict[str, Any]]
    like: dict[str, str]  # model: the one that it is made of


def points(robustness: Robustness) -> dict[str, Point]:
    """Name -> what changes there."""
    found = {}
    for name, swept in robustness.parameters.items():
        for factor in swept.factors:
            changes = dict.fromkeys(swept.paths, factor) | dict.fromkeys(swept.inverse, 1 / factor)
            found[f"{name}_x{factor:g}".replace(".", "_")] = Point(factors=changes)
    return found | {name: Point(rules=changes) for name, changes in robustness.rules.items()}


def varied(name: str, study: Mapping[str, Any], models: Mapping[str, dict[str, Any]], point: str, change: Point) -> Varied:
    """The study at one point. study, models: as written, with `base` resolved. The names of the models end with the point's."""
    like = {f"{model}-{point}": model for model in study.get("models", [])}
    names = {model: new for new, model in like.items()}
    made = {new: _changed(models[model], change, model) for new, model in like.items()}
    content = {key: value for key, value in study.items() if key not in ("figures", "sweeps")}
    content["claim"] = {key: value for key, value in study["claim"].items() if key != "robustness"}
    content["variants"] = copy.deepcopy(study.get("variants", {}))
    for variants in content["variants"].values():
        for override in variants.values():
            _multiply(override, change)
    return Varied(f"{name}-{point}", _renamed(content, names), made, like)


def absent(study: Mapping[str, Any], models: Mapping[str, dict[str, Any]], change: Point) -> Iterator[str]:
    """The keys of a point that no model of the study has, and the models of its rules that it does not use."""
    mine = {model: models[model] for model in study.get("models", []) if model in models}
    for path, factor in change.factors.items():
        if not any(_scale(copy.deepcopy(content), path.split("."), factor) for content in mine.values()):
            yield path
    yield from (model for model in change.rules if model not in mine)


def _changed(model: dict[str, Any], change: Point, name: str) -> dict[str, Any]:
    content = copy.deepcopy(model)
    _multiply(content, change)
    for size in content.get("sizes", {}).values():
        _multiply(size, change)
    return merge(content, change.rules.get(name, {}))


def _multiply(content: dict[str, Any], change: Point) -> None:
    for path, factor in change.factors.items():
        _scale(content, path.split("."), factor)


def _scale(content: Any, path: list[str], factor: float) -> bool:
    """Multiply the number at a path in place; False where there is none."""
    if isinstance(content, list):  # of catalogue entries, each a mapping of its name
        return max((_scale(one, path, factor) for one in content if isinstance(one, dict) and path[0] in one), default=False)
    if not isinstance(content, dict) or path[0] not in content:
        return False
    if len(path) > 1:
        return _scale(content[path[0]], path[1:], factor)
    value = _times(content[path[0]], factor)
    if value is None:
        return False
    content[path[0]] = value
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
