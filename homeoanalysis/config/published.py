"""What a paper published, and what counts as having it again: the `published:` of a study."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from homeoanalysis.config.fields import Name, Strict


class Known(Strict):
    """A number that somebody else has found."""

    value: float = Field(description="in the unit of the quantity")
    low: float | None = Field(default=None, description="lower end of its uncertainty")
    high: float | None = Field(default=None, description="upper end of its uncertainty")
    where: str = Field(min_length=1, description="page, figure or table, and what low and high are")
    remembered: bool = Field(default=False, description="true: not read in the text; it is drawn, and nothing follows from it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("has one of low and high; give both or none")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"has the value {self.value:g} outside of its own {self.low:g} to {self.high:g}")
        return self


class Cell(Strict):
    """One location of the comparison: of a metric, in a contrast, of a source."""

    metric: str
    contrast: Name
    source: str


class Control(Strict):
    """What must not pass: the same quantity elsewhere. What is not said is as in the quantity."""

    title: str
    metric: str | None = None
    contrast: Name | None = None
    source: str | None = None
    over: Cell | None = None

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if self.metric is None and self.contrast is None and self.source is None and self.over is None:
            raise ValueError("is the quantity itself; name another metric, contrast, source or over")
        return self


class Quantity(Strict):
    """One number of a published figure, and the band that ours must lie in, said before anything is run."""

    title: str
    metric: str
    contrast: Name
    source: str
    over: Cell | None = Field(default=None, description="the quantity is the ratio to this location")
    published: Known | None = None
    scaled: Known | None = Field(default=None, description="what the same model gave elsewhere, at this size or by theory")
    at_least: float | None = None
    at_most: float | None = None
    whole_interval: bool = Field(default=False, description="true: the 95 % interval must lie in the band, not only the value")
    control: Control | None = Field(default=None, description="a negative control, which must be outside of the band")

    @model_validator(mode="after")
    def _has_a_band(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("has neither at_least nor at_most, so that nothing could fail")
        if self.at_least is not None and self.at_most is not None and self.at_least >= self.at_most:
            raise ValueError(f"has at_least {self.at_least:g} and at_most {self.at_most:g}, which leaves no band")
        return self

    def cell(self) -> Cell:
        """Where it is found."""
        return Cell(metric=self.metric, contrast=self.contrast, source=self.source)

    def control_cell(self, control: Control) -> Cell:
        """Where its control is found."""
        named = {key: getattr(control, key) for key in ("metric", "contrast", "source")}
        return Cell(**{key: own if own is not None else getattr(self, key) for key, own in named.items()})

    def cells(self) -> Iterator[Cell]:
        """Every location that it needs."""
        yield self.cell()
        if self.over is not None:
            yield self.over
        if self.control is not None:
            yield self.control_cell(self.control)
            if self.control.over is not None:
                yield self.control.over


class Panel(Strict):
    """A published figure, or a part of one."""

    title: str
    citation: str
    quantities: dict[Name, Quantity] = Field(min_length=1)

    @model_validator(mode="after")
    def _has_a_control(self) -> Self:
        if all(q.control is None for q in self.quantities.values()):
            raise ValueError("has no negative control: give one of its quantities a control, or nothing says that it can fail")
        return self
