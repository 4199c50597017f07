"""The building blocks of every config model: strict objects, names, and entries of a catalogue."""

import re
import sys
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from homeoanalysis import catalogue
from homeoanalysis.config.distribution import Distribution, distribution
from homeoanalysis.units import Second, as_yaml

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Strict(BaseModel):
    """A config object: an unknown key is an error, values are never converted silently, nothing changes later."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


def check_name(value: str) -> str:
    """Names become file names, wildcards and HTML, so that only letters, digits, "_" and "-" are allowed."""
    if not _NAME.fullmatch(value):
        raise ValueError(f"is {value!r}; a name starts with a letter and has only letters, digits, '_' and '-' (64 at most)")
    return value


Name = Annotated[str, AfterValidator(check_name)]


def _says_something(value: str) -> str:
    if not value.strip():
        raise ValueError(f"is {value!r}, which says nothing; write it out")
    return value


Text = Annotated[str, AfterValidator(_says_something)]  # that is shown, and must not be blank
Size = Literal["ci", "nightly", "full"]  # of a model


def _check_factor(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or value != value:
        raise ValueError(f"is {value!r}; the level of a factor is text or a number: put it in quotes")
    return value


Factor = Annotated[str | int | float, BeforeValidator(_check_factor)]


def number_of(level: object) -> float | None:
    """The number that a factor's level is or begins with ("40 Hz": 40); None if there is none."""
    found = re.match(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", str(level))
    return None if found is None else float(found[0])


def number_mend(value: object) -> str:
    """The end of a message about what is no number."""
    written = as_yaml(value) if isinstance(value, str) else None
    return "write a number" if written in (None, value) else f"YAML reads it as text, write {written}"


# YAML has lists only, so a pair is the one place where a conversion is allowed.
Span = Annotated[tuple[Second, Second], Field(strict=False)]


class Entry(Strict):
    """A catalogue entry with its parameters, written in YAML as `name: {parameter: value}` or just `name`."""

    folder: str
    name: str
    parameters: dict[str, Any]  # SI values, as the entry's own schema gives them
    written: dict[str, Any]  # as the YAML has them


def entry(folder: str) -> Any:
    """The annotated type of a reference to an entry of the catalogue `folder`."""

    def validate(value: object) -> Entry:
        if isinstance(value, Entry):
            return value
        if isinstance(value, str):
            value = {value: {}}
        if not isinstance(value, dict) or len(value) != 1:
            raise ValueError(f"is {value!r}; write one name of {folder}/, with its parameters: 'name: {{parameter: value}}'")
        ((name, written),) = value.items()
        written = {} if written is None else written
        if not isinstance(written, dict):
            raise ValueError(f"is {name} with {written!r} where its parameters belong; write '{name}: {{parameter: value}}'")
        if name not in catalogue.names(folder):
            raise ValueError(
                f"is {name!r}, which is not in {folder}/; {catalogue.did_you_mean(str(name), catalogue.names(folder))}"
            )
        return checked(folder, name, written)

    return Annotated[Entry, BeforeValidator(validate), CatalogueSchema(folder)]


def checked(folder: str, name: str, written: dict[str, Any]) -> Entry:
    """An entry whose parameters are valid. Raises ValueError."""
    schema = catalogue.parameters(folder, name)
    spread = {key: v for key, v in written.items() if isinstance(v, dict)} if folder == "neurons" else {}
    plain = written | {key: _representative(v) for key, v in spread.items()}
    parameters = _validated(schema, name, plain)
    for key, value in spread.items():
        parameters[key] = _spread(schema, name, key, value, plain)
    return Entry(folder=folder, name=name, parameters=parameters, written=written)


class CatalogueSchema:
    """The JSON schema of a reference to a catalogue, for editors: names and their parameters, read when it is asked for.

    is_labelled: a mapping of many entries, each `name` or `name.label`, instead of one entry.
    """

    def __init__(self, folder: str, *, is_labelled: bool = False) -> None:
        self.folder = folder
        self.is_labelled = is_labelled

    def __get_pydantic_json_schema__(self, core_schema: object, handler: object) -> dict[str, Any]:
        names = catalogue.names(self.folder)
        parameters = {name: catalogue.parameters(self.folder, name).model_json_schema() for name in names}
        if self.folder == "neurons":  # each of their quantities may be a distribution
            for schema in parameters.values():
                schema["properties"] = {key: {"anyOf": [p, {"type": "object"}]} for key, p in schema["properties"].items()}
        if self.is_labelled:
            patterns = {rf"^{name}([.][A-Za-z0-9_]+)?$": schema for name, schema in parameters.items()}
            return {"type": "object", "patternProperties": patterns, "additionalProperties": False, "minProperties": 1}
        mapping = {
            "type": "object",
            "properties": parameters,
            "additionalProperties": False,
            "minProperties": 1,
            "maxProperties": 1,
        }
        plain = [name for name in names if not parameters[name].get("required")]
        return {"anyOf": [*({"const": name} for name in plain), mapping]}


def _representative(value: dict[str, Any]) -> object:
    """Some value of a distribution, which the schema then checks as it checks a plain one."""
    (arguments, *_) = value.values() or [{}]
    return next(iter(arguments.values()), value) if isinstance(arguments, dict) else value


def _spread(schema: type[BaseModel], name: str, key: str, value: dict[str, Any], plain: dict[str, Any]) -> Distribution:
    """A parameter that differs between neurons; `plain`: all parameters, with one value for each."""
    try:
        return distribution(value, lambda text: float(_validated(schema, name, plain | {key: text})[key]))
    except _Inside:  # of one of its values: it says already where
        raise
    except ValueError as error:
        raise _Inside(f"{name}.{key} {error}") from None


class _Inside(ValueError):
    """Violations inside an entry: each of its arguments starts with a key."""


def _validated(schema: type[BaseModel], name: str, written: dict[str, Any]) -> dict[str, Any]:
    try:
        model = schema.model_validate(written)
    except ValidationError as error:
        raise _Inside(*(f"{name}.{line}" for line in explain(error, schema))) from None
    return {key: getattr(model, key) for key in type(model).model_fields}


def explain(error: ValidationError, schema: type[BaseModel]) -> list[str]:
    """One line for each violation: the key, what was found, how to mend it."""
    lines = []
    for e in error.errors():
        where = ".".join(str(p) for p in e["loc"] if not (isinstance(p, str) and p.startswith(("function-", "tagged-", "[key]"))))
        cause = e.get("ctx", {}).get("error")
        if isinstance(cause, _Inside):
            lines += [f"{where}.{line}" for line in cause.args]
        else:
            lines += [f"{where} {line}".lstrip() for line in _what(e, schema).splitlines()]
    return lines


_COUNTS = {1: "one", 2: "two"}
_NOT = {
    "string_type": "text; put it in quotes, and with its unit if it is a quantity",
    "int_type": "a whole number; write one",
    "int_from_float": "a whole number; write one",
    "dict_type": "a mapping; write 'key: value'",
    "model_type": "a mapping; write 'key: value'",
    "list_type": "a list; write it in brackets, [first, second]",
}


def _what(e: Any, schema: type[BaseModel]) -> str:
    kind, value, last = e["type"], e["input"], str(e["loc"][-1]) if e["loc"] else ""
    found = _shown(value)
    if kind == "extra_forbidden":
        known = _known_keys(schema, e["loc"][:-1])
        return f"is not a key that is known here; {catalogue.did_you_mean(last, known)}"
    if kind == "missing":
        return "is missing; add it" if isinstance((*e["loc"], "")[-2], str) else "is missing; write two values: [first, second]"
    if kind == "value_error":
        return str(e["ctx"]["error"])
    if value is None:
        return "is empty; write its value, or remove it ({} stands for no parameters, [] for an empty list)"
    if kind == "float_type":
        return f"is {found}, not a number; {number_mend(value)}"
    if kind in _NOT:
        return f"is {found}, not {_NOT[kind]}"
    if kind == "too_short":
        least = e["ctx"]["min_length"]
        return f"is {found}; name at least {_COUNTS.get(least, least)}"
    return f"is {found}; {e['msg'][0].lower()}{e['msg'][1:]}"


def _shown(value: object) -> str:
    try:
        return repr(value)
    except ValueError:  # Python writes no whole number with more digits; --configfile may bring one, in another base
        return f"a whole number of more than {sys.get_int_max_str_digits()} digits"


def _known_keys(schema: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The keys of the object at `location`, found by walking the schema."""
    here: Any = schema
    for part in location:
        fields = getattr(here, "model_fields", None)
        if fields is not None and part in fields:
            here = fields[part].annotation
        arguments = [a for a in getattr(here, "__args__", ()) if hasattr(a, "model_fields")]
        if not hasattr(here, "model_fields") and arguments:
            here = arguments[-1]
    return list(getattr(here, "model_fields", {}))
