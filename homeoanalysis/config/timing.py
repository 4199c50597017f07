"""What a recording's YAML says of time: moments, epochs between them, observed windows, trials."""

import re
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, WithJsonSchema, model_validator

from homeoanalysis.config.fields import Name, Span, Strict
from homeoanalysis.units import Second, parse

ENDS = ("start", "stop")  # of observed time; known to every recording


def _check_occurrence(value: int) -> int:
    if value == 0:
        raise ValueError("is 0; write 1 for the first, 2 for the second, -1 for the last")
    return value


_Occurrence = Annotated[int, AfterValidator(_check_occurrence)]


class Events(Strict):
    """Some of the events of the files, as `inspect` shows them. Without a key, any name or label will do."""

    name: str | None = Field(default=None, description="name of the events")
    label: str | None = Field(default=None, description="label of the event")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.name is None and self.label is None:
            raise ValueError("has neither name nor label; give one, so that it is known which events are meant")
        return self


class OneEvent(Events):
    """One of them."""

    occurrence: _Occurrence = Field(default=1, description="which one: 1 is the first, -1 the last")


class ChangePoint(Strict):
    """A change of the rate of all spikes together, found by the multiple filter test."""

    windows: list[Second] = Field(min_length=1, description="lengths of the filters: what changes within one is not resolved")
    significance: float = Field(default=0.05, gt=0, lt=1, description="how often a recording without a change may have one")
    occurrence: _Occurrence = Field(default=1, description="which one: 1 is the first, -1 the last")


class Moment(Strict):
    """When something happened: a time of the recording's clock, an event of the files, or what is detected in the spikes."""

    at: Second | None = None
    event: OneEvent | None = None
    change_point: ChangePoint | None = None

    @model_validator(mode="before")
    @classmethod
    def _plain(cls, value: Any) -> Any:
        return {"at": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(v is not None for v in (self.at, self.event, self.change_point)) != 1:
            raise ValueError("is no moment; write a time ('600 s'), or one of event and change_point")
        return self


class Instant(NamedTuple):
    """An end of an epoch: so many seconds after a named moment, or, without a name, after 0 of the clock."""

    of: str
    after: float


_NAMED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)(?:\s+([+-])\s+(.+))?")


def _instant(value: object) -> Instant:
    if isinstance(value, Instant):
        return value
    named = _NAMED.fullmatch(value.strip()) if isinstance(value, str) else None
    if named is None:
        return Instant("", parse(value, "s"))
    sign = -1 if named[2] == "-" else 1
    return Instant(named[1], sign * parse(named[3], "s") if named[3] else 0.0)


_Instant = Annotated[
    Instant, PlainValidator(_instant), WithJsonSchema({"type": "string", "examples": ["600 s", "drug_on", "drug_on + 5 min"]})
]
# YAML has lists only, so a pair is the one place where a conversion is allowed.
Between = Annotated[tuple[_Instant, _Instant], Field(strict=False)]


class Windows(Strict):
    """When was observed: a list of spans, or so long at the start of every period."""

    spans: list[Span] = Field(default=[], description="[from, to], in order")
    observed: Second | None = Field(default=None, gt=0, description="with period: how long of each")
    period: Second | None = Field(default=None, gt=0)
    first: Second = Field(default=0.0, description="when the first period starts")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if bool(self.spans) == (self.observed is not None) or (self.observed is None) != (self.period is None):
            raise ValueError("needs either spans, or observed and period, such as {observed: 20 min, period: 1 h}")
        if self.observed is not None and self.period is not None and self.observed > self.period:
            raise ValueError(f"observes {self.observed:g} s of every {self.period:g} s; make observed the shorter one")
        flat = [t for span in self.spans for t in span]
        if any(a >= b for a, b in zip(flat[::2], flat[1::2], strict=True)) or any(
            b > a for b, a in zip(flat[1::2], flat[2::2], strict=False)
        ):
            raise ValueError(f"has spans that overlap, or end before they start, or are out of order: {self.spans}")
        return self


class Trials(Strict):
    """Trials that events mark: from `start` to the first of `stop` after it, or a window around each of `at`."""

    start: Events | None = Field(default=None, description="what starts a trial: the first since the trial before")
    stop: dict[str, Events] = Field(default={}, description="stimulus: what ends its trial")
    at: dict[str, Events] = Field(default={}, description="stimulus: what it is marked by")
    window: Span | None = Field(default=None, description="with at: [from, to] about the event")

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if not ((self.start and self.stop and not self.at and not self.window) or (self.at and self.window and not self.stop)):
            raise ValueError("needs start and stop, or at and window")
        if self.window is not None and self.window[0] >= self.window[1]:
            raise ValueError(f"has the window {list(self.window)} s, which ends before it starts; write [from, to]")
        return self


def _same_units(value: object) -> object:
    if value in ("ids", "none") or (
        isinstance(value, dict)
        and value
        and all(isinstance(v, dict) and v and all(isinstance(x, str) for x in v.values()) for v in value.values())
    ):
        return value
    raise ValueError(
        f"is {value!r}; write ids (units of the same name are one unit), none (no unit is in two parts), "
        "or a table {unit: {part: its name there}}"
    )


SameUnits = Annotated[
    str | dict[str, dict[Name, str]],
    BeforeValidator(_same_units),
    WithJsonSchema({"anyOf": [{"enum": ["ids", "none"]}, {"type": "object", "additionalProperties": {"type": "object"}}]}),
]
