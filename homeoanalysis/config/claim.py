"""What a claim says, and what counts against it, written down before its study is run: the `claim:` of a study."""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, Self

from pydantic import Field, model_validator

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.config.fields import Name, Strict, Text
from homeoanalysis.config.published import Cell, Quantity

_JUDGEMENTS = 10_000


class Violation(Strict):
    """A planted fault: with it the claim must not hold, or its statistics cannot tell."""

    title: Text
    sources: dict[str, str] = Field(min_length=1, description="source of the statistics: the one that is put in its place")


class Recorded(Quantity):
    """A statistic of a recording, with a band of its own."""

    beside: Name = Field(description="the statistic that it is drawn beside")


class Swept(Strict):
    """A parameter of the models that is ours, or several that change together."""

    paths: list[str] = Field(min_length=1, description="keys of the models' YAML, joined by dots; a rule in a list by its name")
    inverse: list[str] = Field(default=[], description="keys that are divided where the others are multiplied")
    factors: list[Annotated[float, Field(gt=0)]] = Field(default=[0.5, 2.0], min_length=1)


class Changes(Strict):
    """What may be changed in models; config/robustness.yaml holds what several claims share."""

    parameters: dict[Name, Swept] = {}
    rules: dict[Name, dict[str, Annotated[dict[str, Any], Field(min_length=1, max_length=1)]]] = Field(
        default={}, description="another rule: the name of a rule: what stands in its place wherever a model has it or names it"
    )


class Robustness(Changes):
    """Where else the claim is judged, one change at a time, at the sizes nightly and full."""

    shared: list[Name] = Field(default=[], description="the parameters and rules of config/robustness.yaml that it is swept in")
    least_share: float = Field(default=0.5, gt=0, le=1, description="of these points in which it holds, or it is fragile")

    @model_validator(mode="after")
    def _sweeps_something(self) -> Self:
        own = {*self.parameters, *self.rules}
        if not own and not self.shared:
            raise ValueError("sweeps nothing; name what is shared, parameters or rules, or leave robustness out")
        twice = [name for name in self.shared if name in own or self.shared.count(name) > 1]
        if twice:
            raise ValueError(f"has {', '.join(dict.fromkeys(twice))} twice; once is enough")
        return self


class Judged(NamedTuple):
    """Quantities that are judged together: those of the claim, of one violation, or of the recordings."""

    name: str
    title: str
    quantities: dict[str, Quantity]


STATISTICS, RECORDINGS = "statistics", "recordings"
VIOLATION = "violation."


class Claim(Strict):
    """One row of the table of claims."""

    name: Name = Field(description="of the claim, in config/claims.yaml")
    statement: Text = Field(description="what must come out if the claim holds; what a null or contrary result is")
    statistics: dict[Name, Quantity] = Field(min_length=1, description="the claim holds if all of them lie in their bands")
    primary: Name | None = Field(default=None, description="the statistic whose p is that of the claim; if there are several")
    deterministic: bool = Field(
        default=False,
        description="true: nothing in its models is random, so that there is no p, and one realisation is all of them",
    )
    violations: dict[Name, Violation] = {}
    recordings: dict[Name, Recorded] = Field(default={}, description="recordings that speak to it")
    robustness: Robustness | None = Field(default=None, description="the sweep in which it must hold, too")

    @model_validator(mode="after")
    def _can_be_judged(self) -> Self:
        if (n := len(self.violations) * len(self.statistics)) > _JUDGEMENTS:
            raise ValueError(f"violations x statistics is {n}, more than {_JUDGEMENTS}; name fewer")
        wrong = []
        judged = [name for name, s in self.statistics.items() if not s.reported_only]
        if self.primary is not None and self.primary not in judged:
            known = did_you_mean(self.primary, judged)
            wrong.append(f"primary is {self.primary!r}, which is no statistic that is judged; {known}")
        if self.primary is None and len(judged) > 1:
            wrong.append(f"primary is missing; say which of {', '.join(judged)} has the p-value of the claim")
        if judged and not self.violations and all(s.control is None for s in self.statistics.values()):
            wrong.append("has neither a control nor violations, so that nothing says that it can fail; give one of the two")
        named = {cell.source for s in self.statistics.values() for cell in _own(s)}
        for key, violation in self.violations.items():
            for source, other in violation.sources.items():
                if source not in named:
                    known = did_you_mean(source, named)
                    wrong.append(f"violations.{key}.sources has {source!r}, of which no statistic is; {known}")
                elif source == other:
                    wrong.append(f"violations.{key}.sources puts {source!r} in its own place; name another")
        for key, recorded in self.recordings.items():
            if recorded.beside not in self.statistics:
                known = did_you_mean(recorded.beside, self.statistics)
                wrong.append(f"recordings.{key}.beside is {recorded.beside!r}, which is no statistic; {known}")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    @property
    def of_table(self) -> str:
        """The statistic whose p-value is that of the claim; empty if nothing is judged."""
        return self.primary or next((name for name, s in self.statistics.items() if not s.reported_only), "")

    def judged(self) -> Iterator[Judged]:
        """All that the ordinary judgement is asked: the statistics, the same under each violation, and the recordings."""
        yield Judged(STATISTICS, self.statement, self.statistics)
        judged = {name: s for name, s in self.statistics.items() if not s.reported_only}
        for key, violation in self.violations.items():
            changed = {name: _violated(s, violation.sources) for name, s in judged.items()}
            yield Judged(f"{VIOLATION}{key}", violation.title, changed)
        if self.recordings:
            yield Judged(RECORDINGS, "recordings", dict(self.recordings))


def _own(quantity: Quantity) -> Iterator[Cell]:
    """The locations of a quantity without those of its control."""
    yield from quantity.model_copy(update={"control": None}).cells()


def _violated(quantity: Quantity, sources: dict[str, str]) -> Quantity:
    """The same quantity with other sources, and without a control: it is one."""
    changes: dict[str, object] = {"control": None, "source": sources.get(quantity.source, quantity.source)}
    for key in ("minus", "over", "crossing"):
        part = getattr(quantity, key)
        if part is not None:
            changes[key] = part.model_copy(update={"source": sources.get(part.source, part.source)})
    return quantity.model_copy(update=changes)
