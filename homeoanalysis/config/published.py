"""What a paper published, and what counts as having it again: the `published:` of a study."""

from collections.abc import Iterator
from typing import Self

from pydantic import Field, model_validator

from homeoanalysis.config.fields import Name, Size, Strict


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
    minus: Cell | None = None
    over: Cell | None = None

    @model_validator(mode="after")
    def _differs(self) -> Self:
        if all(x is None for x in (self.metric, self.contrast, self.source, self.minus, self.over)):
            raise ValueError("is the quantity itself; name another metric, contrast, source, minus or over")
        return self


class AtSize(Strict):
    """What is otherwise at one size of the models."""

    at_least: float | None = None
    at_most: float | None = None
    untestable: str = Field(default="", description="why this size cannot show it")


class Quantity(Strict):
    """One number of a published figure, and the band that ours must lie in, said before anything is run."""

    title: str
    metric: str
    contrast: Name
    source: str
    minus: Cell | None = Field(default=None, description="the quantity is the difference from this location")
    over: Cell | None = Field(default=None, description="the quantity is the ratio to this location")
    published: Known | None = None
    scaled: Known | None = Field(default=None, description="what the same model gave elsewhere, at this size or by theory")
    at_least: float | None = None
    at_most: float | None = None
    whole_interval: bool = Field(
        default=False,
        description="true: the 95 % interval must lie in the band, not only the value; of a model at size ci, where it has one",
    )
    control: Control | None = Field(default=None, description="a negative control, which must be outside of the band")
    sizes: dict[Size, AtSize] = Field(default={}, description="another band for a size of the models, or why it is too small")

    @model_validator(mode="after")
    def _has_a_band(self) -> Self:
        if self.at_least is None and self.at_most is None:
            raise ValueError("has neither at_least nor at_most, so that nothing could fail")
        for low, high in (self.band(size) for size in ("", *self.sizes)):
            if low is not None and high is not None and low >= high:
                raise ValueError(f"has at_least {low:g} and at_most {high:g}, which leaves no band")
        if self.minus is not None and self.over is not None:
            raise ValueError("has both minus and over; a quantity is a difference or a ratio")
        return self

    def band(self, size: str) -> tuple[float | None, float | None]:
        """at_least and at_most for a size of the models."""
        other = self.sizes.get(size)  # type: ignore[call-overload]
        if other is None or (other.at_least is None and other.at_most is None):
            return self.at_least, self.at_most
        return other.at_least, other.at_most

    def untestable(self, size: str) -> str:
        """Why a size of the models is too small; empty if it is not."""
        other = self.sizes.get(size)  # type: ignore[call-overload]
        return other.untestable if other is not None else ""

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
        yield from (cell for cell in (self.minus, self.over) if cell is not None)
        if self.control is not None:
            yield self.control_cell(self.control)
            yield from (cell for cell in (self.control.minus, self.control.over) if cell is not None)


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
