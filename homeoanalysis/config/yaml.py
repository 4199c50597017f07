"""Reading YAML so that nothing is lost: no code, no tags, no duplicate keys, and an error that names the line."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from homeoanalysis.config.text import read_text, unprintable
from homeoanalysis.errors import ConfigError
from homeoanalysis.units import as_yaml

_BYTES_MAX, _VALUES_MAX, _DEPTH_MAX = 4_000_000, 100_000, 100
_SHOWN = 40  # characters of a value in a message
_LOOKS = {  # what a text may look like and not be: its kind, and the mend
    "tag:yaml.org,2002:timestamp": ("date", "write it as YYYY-MM-DD"),
    "tag:yaml.org,2002:int": ("whole number that can be read", "write it with fewer digits"),
}
_UNMARKED = (ValueError, OverflowError)  # what PyYAML's scanner raises of a number that Python cannot take
_DIGITS = re.compile(r"[-+]?[0-9]+")
_FORMS = {  # numbers of YAML 1.1 that hardly anybody means: 014 is 12 there, 1:30 is 90, and 1_0 is 10
    re.compile(r"[-+]?0[0-9]+"): "a number with a zero before it, which YAML may take for octal",
    re.compile(r"[-+]?0x[0-9a-fA-F_]+"): "a hexadecimal number to YAML",
    re.compile(r"[-+]?0b[01_]+"): "a binary number to YAML",
    re.compile(r"[-+]?[0-9][0-9_]*(:[0-9]+)+(\.[0-9_]*)?"): "a number to the base of sixty to YAML",
    re.compile(r"[-+]?[0-9._]*_[0-9._]*([eE][-+][0-9]+)?"): "a number with an underscore",
}


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
            raise _fault(key_node, text)
        if key in seen:
            text = f"the key {key!r} stands twice, in lines {seen[key]} and {line}; remove one"
            raise _fault(key_node, text)
        seen[key] = line
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


for _each in (_Loader, _Fast):
    _each.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def read(path: Path, shown: str) -> dict[str, Any]:
    """The mapping that a YAML file holds. `shown`: its name in messages. Raises ConfigError."""
    _check_length(path.stat().st_size if path.is_file() else 0, shown)
    text = read_text(path, shown, "file", "write it, or start with --directory in a folder that has it")
    return parse(text, shown)


def parse(text: str, shown: str) -> dict[str, Any]:
    """The mapping that a YAML text holds. Raises ConfigError."""
    _check_length(len(text), shown)
    try:
        content = _loaded(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(f"{shown}: line {line} is not valid: {error.problem or error.context}") from None
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigError(f"{shown}: is not YAML ({type(error).__name__}); check it with any YAML editor") from None
    except _TooLargeError as error:
        raise ConfigError(f"{shown}: {error}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{shown}: holds {type(content).__name__}, not 'key: value' lines; see an example in config/")
    return content


def _check_length(size: int, shown: str) -> None:
    if size > _BYTES_MAX:
        raise ConfigError(f"{shown}: has more than {_BYTES_MAX} bytes; make several of it")


def _loaded(text: str) -> Any:
    try:
        return _constructed(text, _Fast)
    except (yaml.YAMLError, RecursionError, *_UNMARKED):
        return _constructed(text, _Loader)


def _constructed(text: str, kind: type[_Loader | _Fast]) -> Any:
    _check_events(kind(text))
    loader = kind(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        if _size(loader, node, "", {}) > _VALUES_MAX:
            raise _TooLargeError(_MANY)
        return loader.construct_document(node)
    finally:
        loader.dispose()


class _TooLargeError(Exception):
    """More than a config may hold; the text says what, and the mend."""


_MANY = f"holds more than {_VALUES_MAX} values once its aliases (*name) are put in; use fewer"


def _check_events(loader: _Loader | _Fast) -> None:
    """Raises _TooLargeError before nodes are made, for which libyaml calls itself at each level."""
    count = depth = 0
    try:
        while loader.check_event():
            event = loader.get_event()
            count += isinstance(event, yaml.NodeEvent | yaml.DocumentStartEvent)
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if count > _VALUES_MAX:
                raise _TooLargeError(_MANY)
            if depth > _DEPTH_MAX:
                line = event.start_mark.line + 1
                raise _TooLargeError(f"line {line} is nested more than {_DEPTH_MAX} levels deep")
    except _UNMARKED:
        if isinstance(loader, _Fast):
            raise
        what = "an escape (\\U...) that stands for no character, or a version that is no number"
        mark = loader.get_mark()
        raise yaml.MarkedYAMLError(problem=f"{what}; remove it", problem_mark=mark) from None
    finally:
        loader.dispose()


def _size(loader: _Loader | _Fast, node: yaml.Node, at: str, known: dict[int, int]) -> int:
    """How many keys and values a node stands for, up to one more than may be; at: its dotted key.

    An alias and a merged mapping (<<) count as all that they stand for, which may be billions: so before anything is constructed.
    known: the sizes of nodes, so that each is looked at once. Raises ConstructorError for a node that no config holds.
    """
    size = known.get(id(node))
    if size == 0:
        raise _fault(node, f"{at} holds an alias (*name) of itself; write out what is meant")
    if size is not None:
        return size
    known[id(node)] = 0
    _check(loader, node, at)
    size = 1
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            below = f"{at}.{name}" if at else name
            size += _size(loader, key, at, known) + _size(loader, value, below, known)
    elif isinstance(node, yaml.SequenceNode):
        for k, value in enumerate(node.value):
            size += _size(loader, value, f"{at}.{k}", known)
    known[id(node)] = size = min(size, _VALUES_MAX + 1)
    return size


def _check(loader: _Loader | _Fast, node: yaml.Node, at: str) -> None:
    is_plain = isinstance(node, yaml.ScalarNode) and not node.style
    text = node.value if isinstance(node, yaml.ScalarNode) else ""
    if node.tag != loader.resolve(type(node), text, (is_plain, not is_plain)):
        tag = node.tag.replace("tag:yaml.org,2002:", "!!")
        raise _fault(node, f"{at} has the tag {tag}, and a config has none; remove it, and put text in quotes")
    if (odd := unprintable(text)) is not None:
        raise _fault(node, f"{at} holds the character {odd}, which is no part of any text; remove it")
    if is_plain:
        _check_form(node, text, at)
    if node.tag in _LOOKS:
        try:
            loader.construct_object(node)
        except ValueError as error:
            kind, mend = _LOOKS[node.tag]
            found = _shown(text)
            why = str(error).partition(";")[0]
            raise _fault(node, f"{at} is {found}, which is no {kind} ({why}); {mend}, or put it in quotes") from None


def _check_form(node: yaml.Node, text: str, at: str) -> None:
    """Refuse a number that YAML reads otherwise than it looks, or as text. Raises ConstructorError."""
    if node.tag in ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float") or _DIGITS.fullmatch(text):
        what = next((what for form, what in _FORMS.items() if form.fullmatch(text)), None)
        if what is not None:
            raise _fault(node, f"{at} is {_shown(text)}, {what}; write its decimal digits alone, or put it in quotes")
    elif node.tag == "tag:yaml.org,2002:str" and len(text) <= _SHOWN and (number := as_yaml(text)) is not None:
        raise _fault(node, f"{at} is {_shown(text)}, not a number; YAML reads it as text, write {number}, or put it in quotes")


def _shown(text: str) -> str:
    return repr(text[:_SHOWN]) + "..." * (len(text) > _SHOWN)


def _fault(node: yaml.Node, text: str) -> yaml.YAMLError:
    return yaml.constructor.ConstructorError(None, None, text.lstrip(), node.start_mark)


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


class _Dumper(yaml.SafeDumper):
    """Puts in quotes what `read` refuses without them: 08 and 1e5 are texts to YAML."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = "'" if _DIGITS.fullmatch(text) or as_yaml(text) is not None else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style)


_Dumper.add_representer(str, _text)


def dump(content: Mapping[str, Any]) -> str:
    """The YAML of a mapping, its keys in order."""
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=130)
