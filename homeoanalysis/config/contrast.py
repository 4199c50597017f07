"""Contrasts: what a study compares, under `contrasts:`."""

import itertools
import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, TypeAdapter, model_validator

from homeoanalysis import units
from homeoanalysis.config.fields import Factor, Name, Strict

_CONTRASTS = 10_000  # of a study, a hundred times as many as any of the project has
_COUNTED = 10**12  # a number above is not written


class Levels(Strict):
    """Two levels of a factor; the contrast is the second minus the first."""

    factor: Name
    levels: Annotated[tuple[Factor, Factor], Field(strict=False)]
    paired: bool | None = Field(
        default=None,
        description="whether each subject is compared with itself, those at one level left out; by default if any is at both",
    )

    @model_validator(mode="after")
    def _different(self) -> Self:
        if self.levels[0] == self.levels[1]:
            raise ValueError(f"has the levels {list(self.levels)}, which are the same; name two")
        return self


def _margin(value: object) -> object:
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = f"{value:g}"
    if not isinstance(value, str):
        raise ValueError(f"is {value!r}; write the smallest difference that matters, e.g. '10 %'")
    number, _ = units.number_and_unit(value)
    if not number > 0:
        raise ValueError(f"is {value!r}; write a difference above 0, e.g. '10 %'")
    return value


Margin = Annotated[str, BeforeValidator(_margin)]


class Equivalence(Strict):
    """What counts as the same: within `margin` of `around`, said before anything is run."""

    around: float = Field(default=0.0, description="in the unit of the contrast; 1 for a recovery fraction, 0 for a change")
    margin: float = Field(gt=0, description="in the unit of the contrast")


class Contrast(Strict):
    """A quantity that the target and a candidate are compared in.

    Without `reference` and `between` it is the metric itself; with `reference` its change from that epoch;
    with `between` its change from the first level of a factor to the second.
    """

    metrics: list[str] = Field(min_length=1)
    where: dict[Name, Factor] = Field(default={}, description="only replicates whose factors have these levels")
    epoch: str | None = Field(default=None, description="the epoch of metrics that are taken per epoch")
    reference: str | None = Field(default=None, description="the epoch that the change is measured from")
    at: dict[str, str] = Field(
        default={},
        description="which band, state, parameter, variable, moment or projection; frequency: '8 Hz', '30 Hz to 80 Hz'",
    )
    cell_type: Literal["E", "I", "unknown"] | None = Field(default=None, description="only these units, of metrics of units")
    region: str | None = Field(
        default=None, description="only units of this brain region, or population of a model, of metrics of units"
    )
    companion: str = Field(
        default="", description="a companion of the metrics in their place, such as `factor`; it is located, and never compared"
    )
    over_units: Literal["mean", "mean_or_zero", "median", "median_above_zero"] = Field(
        default="mean",
        description="what summarises the units (or pairs) of a replicate; mean_or_zero: units without a value count as 0; "
        "median_above_zero: 0 where no unit is above 0",
    )
    each: dict[Name, Annotated[list[Factor], Field(min_length=1)]] = Field(
        default={}, description="factor: levels; a contrast for each combination, named NAME_LEVEL_LEVEL, with these in where"
    )
    between: Levels | None = None
    trend: Name | None = Field(default=None, description="a factor whose levels are numbers: the slope of the contrast over it")
    margin: Margin | None = Field(
        default=None,
        description="the smallest difference of a candidate that matters: '10 %' of relative metrics, else in the metric's unit",
    )
    equivalence: Equivalence | None = Field(default=None, description="test whether the location is as good as a given value")
    without_data: str = Field(
        default="", description="what the report says where no replicate has a level, and the claim stays open"
    )

    def units(self) -> dict[str, str]:
        """What the units must be, where only some are meant: by the names of the coordinates of a measure."""
        asked = {"cell_type": self.cell_type, "region": self.region}
        return {key: kind for key, kind in asked.items() if kind is not None}

    def frequencies(self) -> tuple[float, float] | None:
        """The lowest and the highest frequency that are meant [Hz]; the same one twice, of a single frequency."""
        if "frequency" not in self.at:
            return None
        low, _, high = self.at["frequency"].partition(" to ")
        return units.parse(low, "Hz"), units.parse(high or low, "Hz")

    @model_validator(mode="after")
    def _has_frequencies(self) -> Self:
        try:
            span = self.frequencies()
        except ValueError as error:
            raise ValueError(f"at.frequency {error}; write '8 Hz' or '30 Hz to 80 Hz'") from None
        if span is not None and not 0 <= span[0] <= span[1]:
            raise ValueError(f"at.frequency is {self.at['frequency']!r}; write the lower end first")
        return self

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if self.reference is not None and self.between is not None:
            raise ValueError("has both reference and between; a contrast is within a recording or between factor levels")
        if self.trend is not None and self.between is not None:
            raise ValueError("has both trend and between; a trend is over all levels of its factor")
        if self.reference is not None and self.epoch is None:
            raise ValueError("has a reference but no epoch; name the epoch that is compared with it")
        if self.reference is not None and self.reference == self.epoch:
            raise ValueError(
                f"has the epoch and the reference {self.epoch!r}, so that every change is 0; name two different epochs"
            )
        return self


def expanded(written: object) -> object:
    """Contrasts as they are written, each with `each` as one for every combination of the levels."""
    if not isinstance(written, dict):
        return written
    combined = {name: _combined(raw) for name, raw in written.items()}
    _refuse_many({name: math.prod(map(len, (each or {}).values())) for name, each in combined.items()})
    found: dict[str, Any] = {}
    for name, raw in written.items():
        each = combined[name]
        if each is None:
            found[name] = raw
            continue
        plain = {key: value for key, value in raw.items() if key != "each"}
        for levels in itertools.product(*each.values()):
            key = "_".join(map(str, (name, *levels)))
            if key in written or key in found:
                raise ValueError(f"{name}.each makes {key!r}, which is there already; use another name")
            found[key] = {**plain, "where": {**plain.get("where", {}), **dict(zip(each, levels, strict=True))}}
    return found


def _combined(raw: object) -> Mapping[str, list[Any]] | None:
    """The levels under `each` of a contrast as it is written; None where there are none that could be combined."""
    each = raw.get("each") if isinstance(raw, Mapping) else None
    is_listed = isinstance(each, Mapping) and all(isinstance(levels, list) and levels for levels in each.values())
    return each if is_listed else None


def _refuse_many(numbers: Mapping[str, int]) -> None:
    """Raises ValueError for more contrasts than a study may have. numbers: of each that is written, how many it makes."""
    total = sum(numbers.values())
    if total > _CONTRASTS:
        most = max(numbers, key=numbers.__getitem__)
        said = str(total) if total <= _COUNTED else f"more than {_COUNTED}"
        raise ValueError(
            f"are {said} with every combination of `each`, the largest part of {most}, and a study has {_CONTRASTS} at most; "
            "name fewer levels, or fewer factors"
        )


Expanded = Annotated[dict[Name, Contrast], BeforeValidator(expanded)]
Contrasts: TypeAdapter[dict[str, Contrast]] = TypeAdapter(Expanded)
