"""Sweeps: a model at many values of its parameters, `sweeps:` in `config/studies/<name>.yaml`."""

import math
import re
import sys
from collections.abc import Iterator
from typing import Annotated, Self

from pydantic import BeforeValidator, Field, WithJsonSchema, model_validator

from homeoanalysis import units
from homeoanalysis.config.fields import Strict

DESIGNS = ("grid", "latin_hypercube", "sobol", "table")
_SAMPLED = DESIGNS[1:3]
_POINTS = 20_000
PARAMETERS = 100  # of a sweep
MULTIPLE = re.compile(r"x([+]?(?:\d+\.?\d*|\.\d+))", re.ASCII)  # of what the model says: x0.5


def check_value(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(
            f"is {value!r}; write a quantity with its unit, a number, or a multiple of what the model says, e.g. x0.5"
        )
    if not isinstance(value, str):
        if not abs(value) <= sys.float_info.max:  # a whole number may be greater than any other
            raise ValueError(f"is {value if isinstance(value, float) else 'too large'}; write a finite number")
    elif not MULTIPLE.fullmatch(value):
        units.si_unit(value)
    return value


def _axis(value: object) -> object:
    return {"values": value} if isinstance(value, list) else value


def _design(value: object) -> object:
    if isinstance(value, dict) and list(value) == ["table"] and isinstance(value["table"], str):
        return value
    if value not in DESIGNS[:-1]:
        raise ValueError(f"is {value!r}; write one of {', '.join(DESIGNS[:-1])}, or {{table: file.csv}}")
    return value


Value = Annotated[str | int | float, BeforeValidator(check_value), WithJsonSchema({"type": ["string", "number"]})]


class Axis(Strict):
    """The values that a parameter takes: a range, or a list."""

    low: Value | None = None
    high: Value | None = None
    scale: Annotated[str, Field(pattern="^(linear|logarithmic)$")] = "linear"
    steps: int | None = Field(default=None, ge=2, le=_POINTS, description="of a range in a grid: so many values, with both ends")
    values: list[Value] = Field(default=[], description="in the place of a range, in a grid")

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if bool(self.values) == (self.low is not None or self.high is not None):
            raise ValueError("needs a range or a list; write {low: 1 ms, high: 5 ms} or [1 ms, 2 ms, 5 ms]")
        if not self.values and (self.low is None or self.high is None):
            raise ValueError(f"has no {'low' if self.low is None else 'high'}; a range needs both ends")
        if self.values and (self.steps is not None or self.scale != "linear"):
            raise ValueError("has a list, and steps or a scale, which a range has; remove one of the two")
        return self


class Sweep(Strict):
    """A model at many values of its parameters, and what is measured of it there."""

    model: str = Field(description="a model of the study, or a variant: network.frozen")
    design: Annotated[
        str | dict[str, str],
        BeforeValidator(_design),
        WithJsonSchema(
            {"anyOf": [{"enum": list(DESIGNS[:-1])}, {"type": "object", "properties": {"table": {"type": "string"}}}]}
        ),
    ]
    points: int | None = Field(default=None, ge=1, le=_POINTS, description="of latin_hypercube and sobol")
    parameters: dict[str, Annotated[Axis, BeforeValidator(_axis)]] = Field(
        default={},
        description="path, as in variants (populations.E.n) or change_parameter (E.lif_current.drive): values",
    )
    replicates: int | None = Field(default=None, ge=1, le=10_000, description="realisations at each point; else the model's")
    points_per_job: int | None = Field(
        default=None, ge=1, description="points that one job simulates and measures; by default as many as take about a minute"
    )
    metrics: list[str] = Field(default=[], description="of the study; by default all of them")

    @property
    def kind(self) -> str:
        """The name of the design."""
        return self.design if isinstance(self.design, str) else "table"

    @property
    def number_of_points(self) -> int:
        """How many points the design has, of which none is made."""
        sizes = [len(axis.values) or axis.steps or 1 for axis in self.parameters.values()]
        return self.points or (math.prod(sizes) if self.kind == "grid" else max(sizes, default=0))

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        wrong = list(self._faults())
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _faults(self) -> Iterator[str]:
        if not self.parameters:
            yield "parameters is missing; name at least one, with its values"
        if len(self.parameters) > PARAMETERS:
            yield f"parameters has {len(self.parameters)}, more than {PARAMETERS}; take fewer"
        elif self.number_of_points > _POINTS:
            yield f"parameters make {self.number_of_points} points, more than {_POINTS}; take fewer values, or a sobol design"
        if self.kind in _SAMPLED:
            if self.points is None:
                yield f"points is missing; a {self.kind} needs it, e.g. points: 64"
            elif self.kind == "sobol" and self.points & (self.points - 1):
                below = 1 << (self.points.bit_length() - 1)
                yield f"points is {self.points}, but Sobol points are balanced in powers of two; write {below} or {2 * below}"
        elif self.points is not None:
            yield f"points is {self.points}, but a {self.kind} has as many as it lists; remove it"
        for path, axis in self.parameters.items():
            at = f"parameters.{path}"
            if self.kind in _SAMPLED and (axis.values or axis.steps is not None):
                has = "a list" if axis.values else "steps"
                yield f"{at} has {has}, but a {self.kind} draws from a range; write low and high alone"
            if self.kind == "grid" and not axis.values and axis.steps is None:
                yield f"{at} has no steps; a grid takes so many values of the range: write e.g. steps: 5"
