"""Physical quantities of the config: `"20 ms"` becomes 0.02 (SI, float).

The unit is parsed here, not by `quantities`, because that library evaluates the text as Python code.
"""

import functools
import math
import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

# name: (value in SI, exponents of second, volt, ampere, metre, decibel, bit)
_BASE: dict[str, tuple[float, tuple[int, ...]]] = {
    "s": (1.0, (1, 0, 0, 0, 0, 0)),
    "min": (60.0, (1, 0, 0, 0, 0, 0)),
    "h": (3600.0, (1, 0, 0, 0, 0, 0)),
    "d": (86400.0, (1, 0, 0, 0, 0, 0)),
    "Hz": (1.0, (-1, 0, 0, 0, 0, 0)),
    "V": (1.0, (0, 1, 0, 0, 0, 0)),
    "A": (1.0, (0, 0, 1, 0, 0, 0)),
    "S": (1.0, (0, -1, 1, 0, 0, 0)),
    "Ohm": (1.0, (0, 1, -1, 0, 0, 0)),
    "F": (1.0, (1, -1, 1, 0, 0, 0)),
    "C": (1.0, (1, 0, 1, 0, 0, 0)),
    "m": (1.0, (0, 0, 0, 1, 0, 0)),
    "dB": (1.0, (0, 0, 0, 0, 1, 0)),
    "bit": (1.0, (0, 0, 0, 0, 0, 1)),
    "%": (0.01, (0, 0, 0, 0, 0, 0)),
    "1": (1.0, (0, 0, 0, 0, 0, 0)),
}
_NO_PREFIX = {"min", "h", "d", "dB", "%", "1"}
_PREFIX = {"p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9}
_NOUN = {
    "s": "a time",
    "Hz": "a frequency",
    "V": "a voltage",
    "A": "a current",
    "S": "a conductance",
    "F": "a capacitance",
    "Ohm": "a resistance",
    "m": "a length",
    "dB": "a level in decibel",
}
_EXAMPLE = {
    "s": "20 ms",
    "Hz": "5 Hz",
    "V": "-50 mV",
    "A": "200 pA",
    "S": "3 nS",
    "F": "200 pF",
    "Ohm": "100 MOhm",
    "m": "200 um",
    "dB": "6 dB",
}
# Each part keeps what it took (++): what is no quantity costs as many steps as it has characters, not their cube.
_NUMBER = re.compile(r"\s*+([+-]?(?:\d++\.?\d*+|\.\d++)(?:[eE][+-]?\d++)?+)\s*+(\S*+)\s*+", re.ASCII)
_POWER = re.compile(r"([^^]+)(?:\^([+-]?[1-9]))?")


def _single(name: str) -> tuple[float, tuple[int, ...]]:
    if name in _BASE:
        return _BASE[name]
    prefix, base = name[:1], name[1:]
    if prefix in _PREFIX and base in _BASE and base not in _NO_PREFIX:
        value, exponents = _BASE[base]
        return _PREFIX[prefix] * value, exponents
    raise ValueError(f"unknown unit {name!r}")


@functools.cache
def unit(text: str) -> tuple[float, tuple[int, ...]]:
    """SI value and exponents of a unit such as "mV", "1/s" or "mV/Hz"."""
    value = 1.0
    exponents: tuple[int, ...] = (0,) * 6
    sign = 1
    for token in re.split(r"([*/])", text or "1"):
        if token in ("*", "/"):
            sign = -1 if token == "/" else 1
            continue
        match = _POWER.fullmatch(token)
        if not match:
            raise ValueError(f"unknown unit {text!r}")
        name, count = match[1], int(match[2] or "1") * sign
        factor, part = _single(name)
        value *= factor**count
        exponents = tuple(a + count * b for a, b in zip(exponents, part, strict=True))
    return value, exponents


def parse(text: object, expected: str) -> float:
    """The SI value of `text`, which must carry a unit of the same kind as `expected`.

    Raises ValueError for a bare number, an unknown unit, or a unit of another kind.
    """
    noun = _NOUN.get(expected, f"a quantity in {expected}")
    example = _EXAMPLE.get(expected, f"1 {expected}")
    if not isinstance(text, str):
        raise ValueError(f"is {text!r}, which has no unit; write {noun}, e.g. '{example}'")
    match = _NUMBER.fullmatch(text)
    if not match:
        raise ValueError(f"is {text!r}, not {noun}; write e.g. '{example}'")
    try:
        factor, exponents = unit(match[2])
    except ValueError as error:
        raise ValueError(f"is {text!r}, not {noun} ({error}); write e.g. '{example}'") from None
    if exponents != unit(expected)[1]:
        raise ValueError(f"is {text!r}, not {noun}; write e.g. '{example}'")
    # Decimal shifts are exact by division where the factor is below one: "1 ms" must be the double 0.001.
    number = float(match[1])
    if math.isinf(number * factor):
        raise ValueError(f"is {text!r}, which is too large for a number; write e.g. '{example}'")
    inverse = round(1 / factor) if factor < 1 else 0
    return number / inverse if inverse and factor * inverse == 1.0 else number * factor


def number_and_unit(text: str) -> tuple[float, str]:
    """The SI value of a quantity, and the unit as it is written: 0.1 and "%" of "10 %". Raises ValueError for none."""
    match = _NUMBER.fullmatch(text)
    if not match:
        raise ValueError(f"is {text!r}, no quantity; write e.g. '10 %'")
    return float(match[1]) * unit(match[2])[0], match[2]


def si_unit(text: str) -> str:
    """The SI unit of a quantity: "s" of "20 ms", "V*s" of "2 mV*s". Raises ValueError where the text is no quantity."""
    match = _NUMBER.fullmatch(text)
    if not match:
        raise ValueError(f"is {text!r}, no quantity with a unit; write e.g. '20 ms', and a number without quotes, e.g. 1.0e+5")
    if not match[2]:
        raise ValueError(f"is {text!r}, a number that YAML takes as text; write {as_yaml(text)} without quotes")
    try:
        exponents = unit(match[2])[1]
    except ValueError as error:
        raise ValueError(f"is {text!r}, no quantity ({error}); write e.g. '20 ms'") from None
    whole = next((name for name in _NOUN if unit(name)[1] == exponents), None)
    if whole is not None:
        return whole
    powers = [(name, n) for name, n in zip(("s", "V", "A", "m", "dB", "bit"), exponents, strict=True) if n]
    above = [name if n == 1 else f"{name}^{n}" for name, n in powers if n > 0]
    return "*".join(above or ["1"]) + "".join(f"/{name}" if n == -1 else f"/{name}^{-n}" for name, n in powers if n < 0)


def as_yaml(text: str) -> str | None:
    """A number as YAML 1.1 reads it, with a point and the sign of the exponent: 1.0e+5 of "1e5"; None of what is none."""
    match = _NUMBER.fullmatch(text)
    if not match or match[2]:
        return None
    digits, _, exponent = match[1].lower().partition("e")
    digits = re.sub(r"^([+-]?)0*(?=\d)", r"\1", re.sub(r"^([+-]?)\.", r"\g<1>0.", digits))  # 014 is octal, and -.5 text
    if not exponent:
        return digits
    return f"{digits if '.' in digits else f'{digits}.0'}e{exponent if exponent[0] in '+-' else f'+{exponent}'}"


def quantity(expected: str) -> Any:
    """The annotated type of a config value in the unit `expected`; the validated value is an SI float."""

    def validate(value: object) -> float:
        return parse(value, expected)

    return _annotated(validate, expected)


def bounded(expected: str, low: float, high: float, shown: str) -> Any:
    """The same, of a value in [low, high], which is `shown` in the message.

    Beyond lie errors of a unit or an exponent, and then more memory than there is. What is not positive, the field says itself.
    """

    def validate(value: object) -> float:
        found = parse(value, expected)
        if found > high or 0 < found < low:
            raise ValueError(f"is {value!r}, which is not {shown}; check the number and its unit")
        return found

    return _annotated(validate, expected)


def _annotated(check: Callable[[object], float], expected: str) -> Any:
    described = {"type": "string", "examples": [_EXAMPLE.get(expected, f"1 {expected}")], "unit": expected}
    return Annotated[float, BeforeValidator(check), WithJsonSchema(described)]


def with_unit(value: object) -> object:
    """The value itself if it may be a quantity; raises ValueError for anything that is not text."""
    if value is None:
        raise ValueError("is empty; write a quantity with its unit, e.g. '0.5 nS'")
    if not isinstance(value, str):
        raise ValueError(f"is {value!r}, which has no unit; write a quantity with its unit, e.g. '0.5 nS'")
    return value


def written(value: float, unit: str) -> str:
    """An SI value as the config writes it: 0.02 and "s" give "0.02 s"."""
    return f"{value:.15g} {unit}"


def as_written(value: float, unit: str | None) -> float | str:
    """The same for a value that may be a plain number, without a unit."""
    return value if unit is None else written(value, unit)


Second = quantity("s")
Hertz = quantity("Hz")
Duration = bounded("s", 0.0, 100 * 365.25 * 86400.0, "at most 100 years")
SamplingRate = bounded("Hz", 1e-6, 1e9, "from 1 uHz to 1 GHz")
Volt = quantity("V")
Ampere = quantity("A")
Siemens = quantity("S")
Farad = quantity("F")
Metre = quantity("m")
Decibel = quantity("dB")
Quantity = Annotated[str, BeforeValidator(with_unit)]  # text that is parsed later, where it is known which unit it must have
