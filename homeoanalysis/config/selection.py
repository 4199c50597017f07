"""What is taken of a recording: which units, and what is made of continuous voltage."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from homeoanalysis.config.fields import Name, Strict
from homeoanalysis.units import Hertz, SamplingRate, Second, quantity

_Number = quantity("1")
_Fraction = Annotated[_Number, Field(ge=0, le=1)]  # type: ignore[valid-type]


class Isolation(Strict):
    """Bounds of a number that the sorter gave each unit."""

    minimum: _Number | None = Field(default=None, description="units below it are dropped")  # type: ignore[valid-type]
    maximum: _Number | None = Field(default=None, description="units above it are dropped")  # type: ignore[valid-type]
    among: list[str] | None = Field(default=None, description="for a label: units with another one are dropped")

    @model_validator(mode="after")
    def _some(self) -> Self:
        if self.minimum is None and self.maximum is None and self.among is None:
            raise ValueError("says nothing; write minimum, maximum or, for a label, among")
        if self.among is not None and (self.minimum is not None or self.maximum is not None):
            raise ValueError("has a label and a bound; write one of them")
        return self


class Units(Strict):
    """Which units are kept. What is dropped is counted, with the reason, and stands in the curation table."""

    minimum_rate: Hertz | None = Field(default=None, description="units below this rate are dropped")
    minimum_presence: _Fraction | None = Field(
        default=None, description="units that spike in a smaller part of the bins of observed time are dropped, e.g. '80 %'"
    )
    presence_bin: Annotated[Second, Field(gt=0)] = Field(default=60.0, description="length of the bins of minimum_presence")
    maximum_violations: _Fraction | None = Field(
        default=None, description="units of which a larger part of the intervals violates the refractory period are dropped"
    )
    refractory_period: Annotated[Second, Field(gt=0)] = Field(default=0.002, description="shorter intervals violate it")
    isolation: dict[Name, Isolation] = Field(
        default={}, description="number or label that the sorter gave, as the reader calls it: its bounds"
    )
    fast_spiking_width: Annotated[Second, Field(gt=0)] | None = Field(
        default=None, description="units of unknown type with a narrower waveform (trough to peak) are I, the others with one E"
    )


class Lfp(Strict):
    """The local field potential: low-pass and resampled. Without parameters, the voltage as it is."""

    channels: list[str] | None = Field(default=None, min_length=1, description="default: every voltage")
    low_pass: Annotated[Hertz, Field(gt=0)] | None = Field(
        default=None, description="default: 0.4 of sampling_rate, if that is given"
    )
    sampling_rate: Annotated[SamplingRate, Field(gt=0)] | None = Field(default=None, description="default: that of the file")


class MultiUnits(Strict):
    """Crossings of a threshold, a unit for each channel."""

    channels: list[str] | None = Field(default=None, min_length=1, description="default: every voltage")
    high_pass: Annotated[Hertz, Field(gt=0)] = 300.0
    low_pass: Annotated[Hertz, Field(gt=0)] | None = None
    threshold: float = Field(default=5.0, gt=0, description="multiple of the channel's noise, median(|x|) / 0.6745")
    polarity: Literal["negative", "positive", "both"] = "negative"
    dead_time: Annotated[Second, Field(ge=0)] = Field(default=0.001, description="a crossing sooner after a spike is none")


class Signals(Strict):
    """What is made of continuous voltage that the reader does not mark as anything."""

    lfp: Lfp | None = None
    multi_units: MultiUnits | None = None
