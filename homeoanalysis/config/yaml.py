"""Reading YAML so that nothing is lost: no code, no duplicate keys, and an error that names the line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from homeoanalysis.config.text import read_text
from homeoanalysis.errors import ConfigError

_VALUES_MAX = 100_000


class _Loader(yaml.SafeLoader):
    """The safe loader, where a key that stands twice is an error instead of the last one winning."""


class _Fast(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # libyaml need not be there
    """The same, ten times as fast; what it says of a fault is not as clear."""


def _mapping(loader: _Loader | _Fast, node: yaml.MappingNode) -> dict[Any, Any]:
    seen: dict[Any, int] = {}
    for key_node, _ in node.value:
        if key_node.tag == "tag:yaml.org,2002:merge":
            continue
        key = loader.construct_object(key_node, deep=True)
        line = key_node.start_mark.line + 1
        if not isinstance(key, str):
            written = getattr(key_node, "value", key)
            text = f"the key {written!r} is read as {key!r}, not as text; put it in quotes"
            raise yaml.constructor.ConstructorError(None, None, text, key_node.start_mark)
        if key in seen:
            text = f"the key {key!r} stands twice, in lines {seen[key]} and {line}; remove one"
            raise yaml.constructor.ConstructorError(None, None, text, key_node.start_mark)
        seen[key] = line
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


for _each in (_Loader, _Fast):
    _each.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path, shown: str) -> dict[str, Any]:
    """The mapping that a YAML file holds. `shown`: its name in messages. Raises ConfigError."""
    text = read_text(path, shown, "file", "write it, or start with --directory in a folder that has it")
    return parse(text, shown)


def parse(text: str, shown: str) -> dict[str, Any]:
    """The mapping that a YAML text holds. Raises ConfigError."""
    try:
        content = _loaded(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(f"{shown}: line {line} is not valid: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{shown}: is not YAML ({type(error).__name__}); check it with any YAML editor") from None
    if _is_larger(content, _VALUES_MAX):
        raise ConfigError(
            f"{shown}: holds more than {_VALUES_MAX} values once its aliases (*name) are put in; write them out, or use fewer"
        )
    if not isinstance(content, dict):
        raise ConfigError(f"{shown}: holds {type(content).__name__}, not 'key: value' lines; see an example in config/")
    return content


def _loaded(text: str) -> Any:
    try:
        return yaml.load(text, _Fast)
    except (yaml.YAMLError, RecursionError):
        return yaml.load(text, _Loader)


def line_of(path: Path, key: str) -> int:
    """The line of a YAML file in which the dotted `key`, or the longest part of it that is there, stands; keys may hold dots."""
    node, line = yaml.compose(path.read_text(encoding="utf-8"), _Loader), 1
    while isinstance(node, yaml.MappingNode):
        fitting = [(k, v) for k, v in node.value if key == k.value or key.startswith(f"{k.value}.")]
        if not fitting:
            break
        found, node = max(fitting, key=lambda pair: len(pair[0].value))
        line, key = found.start_mark.line + 1, key[len(found.value) + 1 :]
    return line


def _is_larger(content: object, limit: int) -> bool:
    """Whether there are more values than `limit`, where an alias counts as all that it stands for: it may be billions."""
    todo, n = [content], 0
    while todo and n <= limit:
        value = todo.pop()
        children = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
        todo.extend(children)
        n += 1 + len(children)
    return n > limit


def dump(content: Mapping[str, Any]) -> str:
    """The YAML of a mapping, its keys in order."""
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=130)
