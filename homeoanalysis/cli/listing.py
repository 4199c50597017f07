"""list: everything that a config may name, with its parameters."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homeoanalysis import catalogue
from homeoanalysis.cli.text import printable
from homeoanalysis.config.loading import load_config
from homeoanalysis.errors import ConfigError
from homeoanalysis.metric import Metric
from homeoanalysis.units import written

_CONFIG = ("studies", "recordings", "models")


def listing(kinds: Sequence[str], config: Path) -> Iterator[str]:
    """The asked kinds, or all of them. Raises ConfigError for an unknown kind."""
    known = (*catalogue.FOLDERS, *_CONFIG)
    wrong = [f"{k!r} cannot be listed; {catalogue.did_you_mean(k, known)}" for k in kinds if k not in known]
    if wrong:
        raise ConfigError(*wrong)
    for kind in kinds or known:
        yield f"{kind}:"
        yield from _config(kind, config) if kind in _CONFIG else _folder(kind)


def _config(kind: str, folder: Path) -> Iterator[str]:
    loaded = load_config(folder)
    found: Mapping[str, Mapping[str, Any]] = getattr(loaded, f"raw_{kind}")
    for name, content in found.items():
        yield f"  {name}: {printable(content['title'], 110)}"


def _folder(folder: str) -> Iterator[str]:
    for name in catalogue.names(folder):
        yield f"  {name}: {_description(catalogue.load(folder, name))}"
        schema = catalogue.parameters(folder, name).model_json_schema()
        for key, value in schema.get("properties", {}).items():
            yield f"      {key}: {_parameter(value, schema.get('$defs', {}))}"


def _description(thing: Any) -> str:
    if isinstance(thing, Metric):
        return f"{thing.long_name} [{thing.units}]"
    paragraph = (thing.__doc__ or "").strip().split("\n\n")[0]
    return printable(paragraph, 160)


def _parameter(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    default = "required"
    if "default" in value:
        default = "optional" if value["default"] is None else f"default {_default(value)}"
    return f"{_kind(value, definitions)}, {default}"


def _default(value: Mapping[str, Any]) -> str:
    if "unit" in value and isinstance(value["default"], float | int):
        return written(value["default"], value["unit"])
    return printable(value["default"])


def _kind(value: Mapping[str, Any], definitions: Mapping[str, Any]) -> str:
    """In words, what may be written."""
    if "$ref" in value:
        return _kind(definitions[value["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in value:
        return " or ".join(dict.fromkeys(_kind(v, definitions) for v in value["anyOf"] if v.get("type") != "null"))
    if "enum" in value or "const" in value:
        choices = [str(v) for v in value.get("enum", [value.get("const")])]
        return f"one of {', '.join(choices)}"
    if "unit" in value:
        return f"quantity in {value['unit']}, e.g. {value['examples'][0]}"
    kind = {"integer": "whole number", "string": "text", "array": "list", "boolean": "true or false", "object": "mapping"}
    said = kind.get(str(value.get("type")), str(value.get("type", "any")))
    words = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    bounds = ", ".join(f"{sign} {value[key]:g}" for key, sign in words.items() if key in value)
    return f"{said} {bounds}".rstrip()
