"""Texts of a dataset that are read as JSON: the form that each must have, and how to mend it."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import xarray as xr

from homeoanalysis.contracts.schemas import RULE
from homeoanalysis.errors import ContractError

_SHOWN = 150  # characters of a text in a message
_AGAIN = "run the rule that makes the file again"


def _is_object(of: type | tuple[type, ...] = object) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(v, of) for v in value.values())


def _is_list(is_one: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(is_one, value))


def _has_texts(*keys: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, dict) and all(isinstance(value.get(key), str) for key in keys)


def _is_step(value: Any) -> bool:
    is_named, is_named_by = _has_texts("step", "code"), _is_object(str)
    return is_named(value) and all(is_named_by(value.get(key)) for key in ("inputs", "versions"))


def _is_span(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(end, int | float) for end in value)


class _Form(NamedTuple):
    """What a text must be, in words, and what to do where it is not."""

    holds: Callable[[Any], bool]
    what: str
    mend: str


_FORMS = {
    "factors": _Form(
        _is_object((str, int, float)),
        "object",
        """write a JSON object of factor: level, e.g. '{"age": 7}', or '{}' without factors""",
    ),
    "not_applicable": _Form(
        _is_object(), "object", "write a JSON object of replicate: reason, or '{}' if every replicate could be measured"
    ),
    "bookkeeping": _Form(
        _is_object(), "object", """write a JSON object, e.g. '{"spikes": {"in": 3, "out": 2, "dropped": {"doubled": 1}}}'"""
    ),
    "history": _Form(_is_list(_is_step), "list of steps, each with step, code, inputs and versions", _AGAIN),
    "parameters": _Form(_is_object(), "object", _AGAIN),
    "warnings": _Form(_is_list(_has_texts("rule", "text")), "list of findings, each with rule and text", _AGAIN),
    "epochs": _Form(lambda value: _is_object(list)(value) and all(map(_is_span, value.values())), "object of spans", _AGAIN),
    "derived_from": _Form(_is_list(lambda value: isinstance(value, str)), "list of texts", _AGAIN),
    "metrics": _Form(_is_list(lambda value: isinstance(value, str)), "list of texts", _AGAIN),
}


def mend(key: str, schema: str) -> str:
    """What to do about an attribute that is missing or wrong."""
    return _FORMS[key].mend if key in _FORMS else f"rerun rule {RULE[schema]}"


def told(key: str, text: object) -> Any:
    """What the text of this name says; None of one that has another form."""
    try:
        content = json.loads(str(text))
    except (ValueError, RecursionError):
        return None
    return content if _FORMS[key].holds(content) else None


def steps(history: object, where: str) -> list[dict[str, Any]]:
    """The entries of a history. Raises ContractError for one of another form. where: whose it is, in the message."""
    found: list[dict[str, Any]] | None = told("history", history)
    if found is None:
        wrong = _fault("attribute 'history'", "history", history)
        raise ContractError(f"{where}: {wrong}")
    return found


def text_faults(dataset: xr.Dataset) -> Iterator[str]:
    """Attributes, and coordinates of as many texts, that have another form, and books that do not add up."""
    texts = [(f"attribute {key!r}", key, dataset.attrs[key]) for key in _FORMS if key in dataset.attrs]
    for key in (name for name in _FORMS if name in dataset.variables):
        texts += [(f"coordinate {key!r}, entry {k},", key, text) for k, text in enumerate(dataset[key].values.ravel().tolist())]
    for what, key, text in texts:
        if (content := told(key, text)) is None:
            yield _fault(what, key, text)
        elif key == "bookkeeping":
            yield from (f"{what} {fault}" for fault in _book_faults(content))


def _fault(what: str, key: str, text: object) -> str:
    said = str(text)
    shown = f"{said[:_SHOWN]!r}{'...' * (len(said) > _SHOWN)}"
    return f"{what} is {shown}, no JSON {_FORMS[key].what}; {_FORMS[key].mend}"


def _book_faults(book: Mapping[str, Any]) -> Iterator[str]:
    """Nothing may be lost without being counted."""
    for what, counts in book.items():
        try:
            came, left, lost = counts["in"], counts["out"], sum(counts["dropped"].values())
            adds_up = came == left + lost and min(came, left, *counts["dropped"].values()) >= 0
        except (TypeError, KeyError, AttributeError):
            yield f"says {counts!r} of {what}, not how many came in, went out and were dropped; {_FORMS['bookkeeping'].mend}"
        else:
            if not adds_up:
                yield f"does not add up: {came} {what} in, but {left} out and {lost} dropped; count what was lost, and why"
