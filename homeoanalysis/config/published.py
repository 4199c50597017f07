"""What a paper published, and what counts as having it again: the `published:` of a study."""

import sys
from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError, model_validator

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config.fields import Name, Size, Strict, Text, explain, number_mend
from homeoanalysis.config.merging import merge


class Known(Strict):
    """A number that somebody else has found."""

    value: float = Field(description="in the unit of the quantity")
    low: float | None = Field(default=None, description="lower end of its uncertainty")
    high: float | None = Field(default=None, description="upper end of its uncertainty")
    where: Text = Field(description="page, figure or table, and what low and high are")
    remembered: bool = Field(default=False, description="true: not read in the text; it is drawn, and nothing follows from it")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if (self.low is None) != (self.high is None):
            raise ValueError("has one of low and high; give both or none")
        if self.low is not None and self.high is not None and not self.low <= self.value <= self.high:
            raise ValueError(f"has the value {self.value:g} outside of its own {self.low:g} to {self.high:g}")
        return self


def _read(known: Known) -> Known:
    if known.remembered:
        raise ValueError("is remembered, but stands beside ours as something known; read it where it is, or leave it out")
    return known


Elsewhere = Annotated[Known, AfterValidator(_read)]  # what the same model gave: a band may be around it


class Cell(Strict):
    """One location of the comparison: of a metric, in a contrast, of a source."""

    metric: str
    contrast: Name
    source: str


class Crossing(Strict):
    """The quantity is the value of a parameter at which the location passes `level`, on a line between two sources.

    What does not pass it between them is not reproduced, whatever the band.
    """

    begin: float = Field(description="the parameter in the source of the quantity")
    end: float = Field(description="the parameter in the other source")
    source: str = Field(description="the other source, in which the location lies on the other side of `level`")
    level: float = Field(default=0.0, description="in the unit of the contrast")
    unit: Text = Field(description="of the parameter")

    @model_validator(mode="after")
    def _has_two_ends(self) -> Self:
        if self.begin == self.end:
            raise ValueError(f"begins and ends at {self.begin:g}; give the two sources different parameters")
        return self


class Place(NamedTuple):
    """Where a quantity or its control is found: a location, and what it is less, divided by, or on a line to."""

    cell: Cell
    minus: Cell | None
    over: Cell | None
    crossing: Crossing | None

    def cells(self) -> Iterator[Cell]:
        """The location itself, and the other one, if there is one."""
        yield self.cell
        yield from (other for other in (self.minus, self.over) if other is not None)
        if self.crossing is not None:
            yield self.cell.model_copy(update={"source": self.crossing.source})

    def fault(self) -> str:
        """Why nothing could be told from it; "" if it could."""
        if sum(x is not None for x in (self.minus, self.over, self.crossing)) > 1:
            return "has more than one of minus, over and crossing; a quantity is a difference, a ratio or a crossing"
        for key, other, always in (("minus", self.minus, 0), ("over", self.over, 1)):
            if other == self.cell:
                return f"is {key} itself, which is always {always}; name another metric, contrast or source in {key}"
        if self.crossing is not None and self.crossing.source == self.cell.source:
            return f"has a crossing on the line from {self.cell.source!r} to itself; name another source in crossing"
        return ""


class Control(Strict):
    """What must not pass: the same quantity elsewhere. What is not said is as in the quantity."""

    title: Text
    metric: str | None = None
    contrast: Name | None = None
    source: str | None = None
    minus: Cell | None = None
    over: Cell | None = None
    crossing: Crossing | None = None
    surrogate: bool = Field(default=False, description="true: in the surrogates of the source, which must be a target")


class AtSize(Strict):
    """What is otherwise at one size of the models."""

    at_least: float | None = None
    at_most: float | None = None
    untestable: Text = Field(default="", description="why this size cannot show it")

    @model_validator(mode="after")
    def _is_one_of_two(self) -> Self:
        if self.untestable and (self.at_least is not None or self.at_most is not None):
            raise ValueError("is untestable, but has a band, which nothing would be held to; remove one of the two")
        return self


class Quantity(Strict):
    """One number of a published figure, and the band that ours must lie in, said before anything is run."""

    title: Text
    metric: str
    contrast: Name
    source: str
    minus: Cell | None = Field(default=None, description="the quantity is the difference from this location")
    over: Cell | None = Field(default=None, description="the quantity is the ratio to this location")
    crossing: Crossing | None = Field(default=None, description="the quantity is where the location passes a level")
    published: Known | None = None
    scaled: Elsewhere | None = Field(default=None, description="what the same model gave elsewhere, at this size or by theory")
    at_least: float | None = None
    at_most: float | None = None
    within: float | None = Field(default=None, gt=0, description="instead of at_least and at_most: so far around `scaled`")
    strict: bool = Field(
        default=False, description="true: more than at_least and less than at_most, which are outside of the band"
    )
    whole_interval: bool = Field(
        default=False,
        description="true: the 95 % interval must lie in the band, not only the value; of a model at size ci, where it has one",
    )
    share: bool = Field(
        default=False, description="true: each subject or realisation says yes (1) or no (0); its mean has an exact interval"
    )
    reported_only: bool = Field(default=False, description="true: there is no band, and nothing is judged")
    control: Control | None = Field(default=None, description="a negative control, which must be outside of the band")
    sizes: dict[Size, AtSize] = Field(
        default={}, description="ends of the band that are others at a size of the models, or why it is too small"
    )

    @model_validator(mode="after")
    def _has_a_band(self) -> Self:
        if self.within is not None and (self.scaled is None or self.at_least is not None or self.at_most is not None):
            raise ValueError("has within, which is a band around scaled; give scaled, and neither at_least nor at_most")
        has_band = any(edge is not None for edge in (self.within, self.at_least, self.at_most))
        if self.reported_only and (has_band or self.control is not None):
            raise ValueError("is reported only, but has a band or a control; remove these, or reported_only")
        if not self.reported_only and not has_band:
            raise ValueError("has neither at_least nor at_most nor within, so that nothing could fail")
        if self.share and any((self.minus, self.over, self.crossing)):
            raise ValueError("is a share, which is of one location; remove share, or minus, over and crossing")
        for size, other in self.sizes.items():
            if self.within is not None and (other.at_least is None) != (other.at_most is None):
                raise ValueError(f"has within, but at size {size} one end of another band; write at_least and at_most there")
        for low, high in (self.band(size) for size in ("", *self.sizes)):
            if low is not None and high is not None and low >= high:
                raise ValueError(f"has at_least {low:g} and at_most {high:g}, which leaves no band")
        if any((self.minus, self.over, self.crossing)) and self.control is not None and self.control.surrogate:
            raise ValueError("is of two locations, and its control in surrogates is one; take another control")
        return self

    @model_validator(mode="after")
    def _is_found_at_different_places(self) -> Self:
        if fault := self.place().fault():
            raise ValueError(fault)
        if self.control is None or self.control.surrogate:
            return self
        if fault := self.control_place(self.control).fault():
            raise ValueError(f"has a control that {fault} (what a control does not say is as in the quantity)")
        if self.control_place(self.control) == self.place():
            raise ValueError(
                f"has the control {self.control.title!r}, which is the quantity itself; name another place, or surrogate: true"
            )
        return self

    def band(self, size: str) -> tuple[float | None, float | None]:
        """at_least and at_most for a size of the models; an end that the size does not say is that of the others."""
        low, high = self.at_least, self.at_most
        if self.within is not None and self.scaled is not None:
            low, high = self.scaled.value - self.within, self.scaled.value + self.within
        other = self.sizes.get(size)  # type: ignore[call-overload]
        if other is None:
            return low, high
        return low if other.at_least is None else other.at_least, high if other.at_most is None else other.at_most

    def untestable(self, size: str) -> str:
        """Why a size of the models is too small; empty if it is not."""
        other = self.sizes.get(size)  # type: ignore[call-overload]
        return other.untestable if other is not None else ""

    def cell(self) -> Cell:
        """Where it is found."""
        return Cell(metric=self.metric, contrast=self.contrast, source=self.source)

    def place(self) -> Place:
        """The same, with what it is compared with."""
        return Place(self.cell(), self.minus, self.over, self.crossing)

    def control_place(self, control: Control) -> Place:
        """Where its control is found, with what that is compared with."""
        minus, over, crossing = control.minus or self.minus, control.over or self.over, control.crossing or self.crossing
        return Place(self.control_cell(control), minus, over, crossing)

    def control_cell(self, control: Control) -> Cell:
        """Where its control is found."""
        named = {key: getattr(control, key) for key in ("metric", "contrast", "source")}
        return Cell(**{key: own if own is not None else getattr(self, key) for key, own in named.items()})

    def cells(self) -> Iterator[Cell]:
        """Every location that it needs, those of its control included."""
        control = [] if self.control is None else self.control_place(self.control).cells()
        yield from dict.fromkeys((*self.place().cells(), *control))


class Member(NamedTuple):
    """A quantity of a panel, with its place on a curve if it is on one."""

    key: str
    quantity: Quantity
    curve: str = ""
    curve_title: str = ""
    axis: str = ""
    x: float = float("nan")
    is_logarithmic: bool = False


class Curve(Strict):
    """Quantities that are drawn over an axis: what they have in common, and what each has by itself."""

    title: Text
    axis: Text = Field(description="what x is, with its unit: 'Pairing frequency (Hz)'")
    is_logarithmic: bool = Field(default=False, description="the axis of x")
    each: dict[str, Any] = Field(default={}, description="keys of a quantity, for all points")
    points: list[dict[str, Any]] = Field(min_length=2, description="x, and the keys of a quantity, put over those of each")

    @model_validator(mode="after")
    def _is_of_quantities(self) -> Self:
        self.members("points")
        return self

    def members(self, key: str) -> list[Member]:
        """Its quantities, named after the curve and their number."""
        found = []
        for number, point in enumerate(self.points, start=1):
            content = merge(self.each, point)
            x = content.pop("x", None)
            if fault := self._misplaced(x):
                raise ValueError(f"points, the {number}. has {x!r} for x{fault}")
            try:
                quantity = Quantity.model_validate({"title": f"{self.title}, {x:g}", **content})
            except ValidationError as error:
                raise ValueError("\n".join(f"points, the {number}. {line}" for line in explain(error, Quantity))) from None
            found.append(Member(f"{key}_{number}", quantity, key, self.title, self.axis, float(x), self.is_logarithmic))
        return found

    def _misplaced(self, x: object) -> str:
        """Why `x` is no place on the axis, and the mend; "" if it is one."""
        if isinstance(x, bool) or not isinstance(x, int | float):
            return f"; {number_mend(x)}"
        if not abs(x) <= sys.float_info.max:  # NaN neither
            return ", which lies nowhere on the axis; write a finite number"
        if self.is_logarithmic and x <= 0:
            return ", which a logarithmic axis does not have; write a number above 0, or leave is_logarithmic out"
        return ""


class Misfit(Strict):
    """How far all points of some curves are from the published ones: the mean of ((ours - published) / SEM)^2.

    The controls of these points are judged by their own misfit, all together, and not one by one.
    """

    title: Text
    curves: list[Name] = Field(min_length=1, description="their `low` and `high` lie one SEM from the published value")
    at_most: float
    control: Text = Field(description="title of the negative control: the misfit of the controls of the points")
    published: Known | None = None
    scaled: Elsewhere | None = Field(default=None, description="what the same model gave elsewhere")


class Panel(Strict):
    """A published figure, or a part of one."""

    title: Text
    citation: Text
    quantities: dict[Name, Quantity] = {}
    curves: dict[Name, Curve] = {}
    misfits: dict[Name, Misfit] = {}

    @model_validator(mode="after")
    def _has_a_control(self) -> Self:
        every = list(self.members())
        if not every:
            raise ValueError("has neither quantities nor curves; name at least one")
        if all(member.quantity.control is None for member in every):
            raise ValueError("has no negative control: give one of its quantities a control, or nothing says that it can fail")
        rows: dict[str, str] = {}
        for key, row in self._rows():
            if rows.setdefault(key, row) != row:
                raise ValueError(f"has two rows {key!r} in its table, of {rows[key]} and {row}; rename one of the two")
        for name, misfit in self.misfits.items():
            for curve in misfit.curves:
                if curve not in self.curves:
                    raise ValueError(f"misfits.{name} is of the curve {curve!r}; {did_you_mean(curve, self.curves)}")
                for number, member in enumerate(self.curves[curve].members(curve), start=1):
                    if fault := _unfit(member.quantity):
                        raise ValueError(f"misfits.{name} is of {curve}, whose {number}. point {fault}")
        return self

    def members(self) -> Iterator[Member]:
        """All quantities, those of curves first."""
        for key, curve in self.curves.items():
            yield from curve.members(key)
        yield from (Member(key, quantity) for key, quantity in self.quantities.items())

    def _rows(self) -> Iterator[tuple[str, str]]:
        """What published.csv names each row, and where that stands in the YAML."""
        for member in self.members():
            yield member.key, f"curves.{member.curve}" if member.curve else f"quantities.{member.key}"
        yield from ((key, f"misfits.{key}") for key in self.misfits)


def _unfit(quantity: Quantity) -> str:
    """Why a misfit cannot be of this quantity; "" if it can."""
    known = quantity.published
    if known is None or known.low is None or known.high is None or known.low == known.high:
        return "has no published value with low and high"
    if known.remembered:
        return "is remembered, and nothing may follow from it"
    return "" if quantity.control is not None else "has no control"


Published: TypeAdapter[dict[str, Panel]] = TypeAdapter(dict[Name, Panel])
