"""Studies: `config/studies/<name>.yaml`: what is measured, and what is compared with what."""

import functools
import itertools
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, ValidationError, model_validator

from homeoanalysis import catalogue, units
from homeoanalysis.config.claim import Claim
from homeoanalysis.config.contrast import Contrast, Expanded, Margin
from homeoanalysis.config.entries import Metric
from homeoanalysis.config.fields import CatalogueSchema, Entry, Name, Strict, entry, explain
from homeoanalysis.config.merging import merge
from homeoanalysis.config.parameter_sweep import Sweep
from homeoanalysis.config.published import Cell, Panel, Quantity
from homeoanalysis.contracts import LABELLED
from homeoanalysis.units import Second

if TYPE_CHECKING:
    Figure = Entry
else:
    Figure = entry("figures")

_DRAWS = 20  # the fewest with which a surrogate test can reach 10 % on both sides
_MECHANISMS = 10  # of a model: 1024 networks, which are checked in a second
_POINTS = 100_000  # of all sweeps together: each is looked at before a job starts
_MEASURES = 1_000_000  # each is a job
NONE = "none"  # the variant without any of the mechanisms


_BLOCK = 1e-3


def _long_enough(block: float) -> float:
    """A list of all blocks is held in memory: of 1 ns each, a minute would fill hundreds of GiB."""
    if block < _BLOCK:
        raise ValueError(f"is {block:g} s; write 1 ms or more, and longer than what the metrics resolve, e.g. '250 ms'")
    return block


def _joinable(value: str) -> str:
    if "-" in value:
        raise ValueError(f"is {value!r}; the name of a mechanism has no '-', which joins them in names of variants")
    return value


Mechanism = Annotated[Name, AfterValidator(_joinable)]


def _combinable(mechanisms: dict[str, Any]) -> dict[str, Any]:
    n = len(mechanisms)
    if n > _MECHANISMS:
        raise ValueError(
            f"has {n} mechanisms, more than {_MECHANISMS}, and each combination of them is a variant (2^{n}); "
            "leave some out, or write the variants that matter under variants"
        )
    return mechanisms


def _plannable(sweeps: dict[str, Sweep]) -> dict[str, Sweep]:
    n = sum(sweep.number_of_points for sweep in sweeps.values())
    if n > _POINTS:
        raise ValueError(f"have {n} points together, more than {_POINTS}; take fewer, or make several studies of them")
    return sweeps


def _enough(draws: int) -> int:
    if 0 < draws < _DRAWS:
        raise ValueError(f"is {draws}, too few for a quantile; write {_DRAWS} or more, or 0 for none")
    return draws


class Resampling(Strict):
    """Random halves and surrogates of the targets: how far a recording agrees with itself. They decide nothing."""

    draws: Annotated[int, AfterValidator(_enough)] = Field(
        default=0, ge=0, le=10_000, description=f"0, or {_DRAWS} and more: how many halves and surrogates of each target"
    )
    block: Annotated[Second, AfterValidator(_long_enough)] = Field(
        default=0.256, description="length of the pieces of time that are dealt to the two halves"
    )


class Study(Strict):
    """Recordings and models, the metrics taken of each, the comparisons between them, and the figures."""

    title: str
    question: str = Field(description="one sentence; the report opens with it")
    recordings: list[Name] = []
    models: list[Name] = []
    variants: dict[Name, dict[Name, dict[str, Any]]] = Field(default={}, description="model: variant: overrides of its YAML")
    mechanisms: dict[Name, Annotated[dict[Mechanism, dict[str, Any]], AfterValidator(_combinable)]] = Field(
        default={},
        description="model: mechanism: the changes of its YAML that take it away; each combination of what is left is a variant",
    )
    sweeps: Annotated[dict[Name, Sweep], AfterValidator(_plannable)] = Field(
        default={}, description="by a name of your choice: a model at many parameters"
    )
    blindness: dict[Name, Name] = Field(
        default={}, description="model: the recording with whose number of units, duration and limits of detection it is measured"
    )
    fitted: dict[Name, list[Name]] = Field(
        default={}, description="model, with its variants: contrasts in which it was set from the data, and gets no verdict"
    )
    metrics: Annotated[dict[str, dict[str, Any]], CatalogueSchema("metrics", is_labelled=True)] = Field(
        min_length=1, description="'metric' or 'metric.label': its parameters"
    )
    contrasts: Expanded = {}
    targets: dict[str, list[str]] = Field(default={}, description="what is held to be the truth: the candidates judged by it")
    margin: Margin | None = Field(
        default=None, description="the smallest relative difference that matters, e.g. '10 %'; a contrast may state its own"
    )
    resampling: Resampling = Resampling()
    figures: list[Figure] = []
    published: dict[Name, Panel] = Field(default={}, description="figures of papers, and what counts as having them")
    claim: Claim | None = Field(default=None, description="the claim that it tests, in config/studies/claims/")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        sources = self.sources()
        if (n := len(sources) * len(self.metrics)) > _MEASURES:
            raise ValueError(f"sources x metrics is {n}, more than {_MEASURES} measures; make several studies of it")
        wrong = []
        for label, parameters in self.metrics.items():
            try:
                self._entry(label, parameters)
            except ValidationError as error:
                wrong += [f"metrics{'' if line.startswith('.') else f'.{label} '}{line}" for line in explain(error, Entry)]
            except ValueError as error:
                wrong.append(f"metrics.{error}")
        for kind, listed in (("recordings", self.recordings), ("models", self.models)):
            wrong += [
                f"{kind} names {name!r} twice; once is enough" for name in sorted({n for n in listed if listed.count(n) > 1})
            ]
        for model in self.variants:
            if model not in self.models:
                wrong.append(
                    f"variants.{model} varies a model that the study does not use; {catalogue.did_you_mean(model, self.models)}"
                )
        wrong += self._strange_models()
        wrong += self._unfit_sweeps(sources)
        for name, contrast in self.contrasts.items():
            for metric in contrast.metrics:
                if metric not in self.metrics:
                    known = catalogue.did_you_mean(metric, self.metrics)
                    wrong.append(f"contrasts.{name}.metrics has {metric!r}, which the study does not measure; {known}")
            wrong += [f"contrasts.{name}{fault}" for fault in self._unformable(contrast)]
        for target, candidates in self.targets.items():
            twice = sorted({c for c in candidates if candidates.count(c) > 1})
            wrong += [f"targets.{target} names {c!r} twice; once is enough" for c in twice]
            if target in candidates:
                wrong.append(f"targets.{target} names itself as a candidate; remove it")
            for source in [target, *candidates]:
                if source not in sources:
                    known = catalogue.did_you_mean(source, sources)
                    wrong.append(f"targets.{target} names {source!r}, which is no source of this study; {known}")
        wrong += self._unfounded(sources)
        if not sources:
            wrong.append("has neither recordings nor models; name at least one")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _strange_models(self) -> Iterator[str]:
        """What is said of models, recordings and contrasts that the study does not have."""
        said: list[tuple[str, Iterable[str], list[str]]] = [
            ("mechanisms", self.mechanisms, self.models),
            ("blindness", self.blindness, self.models),
            ("fitted", self.fitted, self.models),
            *((f"fitted.{model}", contrasts, list(self.contrasts)) for model, contrasts in self.fitted.items()),
            ("blindness", self.blindness.values(), self.recordings),
        ]
        for key, named, listed in said:
            for name in (n for n in named if n not in listed):
                yield f"{key} names {name!r}, which the study does not use; {catalogue.did_you_mean(name, listed)}"
        for model, mechanisms in self.mechanisms.items():
            for variant in set(self.combinations(model)) & set(self.variants.get(model, {})):
                yield f"variants.{model}.{variant} has the name of a combination of mechanisms; rename it"
            if not mechanisms:
                yield f"mechanisms.{model} names no mechanism; name one, with the changes that take it away"

    def _unfit_sweeps(self, sources: list[str]) -> Iterator[str]:
        """What sweeps name that the study does not have."""
        for name, sweep in self.sweeps.items():
            models = [source for source in sources if source not in self.recordings]
            if sweep.model not in models:
                known = catalogue.did_you_mean(sweep.model, models)
                yield f"sweeps.{name}.model is {sweep.model!r}, which is no model or variant of this study; {known}"
            for label in (m for m in sweep.metrics if m not in self.metrics):
                known = catalogue.did_you_mean(label, self.metrics)
                yield f"sweeps.{name}.metrics has {label!r}, which the study does not measure; {known}"

    def _quantities(self) -> Iterator[tuple[str, Quantity]]:
        """Where each quantity stands that is judged, and what it is."""
        for name, panel in self.published.items():
            for member in panel.members():
                yield f"published.{name}.{'curves' if member.curve else 'quantities'}.{member.key}", member.quantity
        for part in self.claim.judged() if self.claim is not None else ():
            yield from ((f"claim.{part.name}.{key}", quantity) for key, quantity in part.quantities.items())

    def _unfounded(self, sources: list[str]) -> Iterator[str]:
        """Quantities that no comparison of this study can hold."""
        if self.published and self.claim is not None:
            yield "has published figures and a claim, so that `snakemake figures` would run the claim; make it two studies"
        what = "published figures" if self.published else "a claim" if self.claim is not None else "contrasts"
        if (self.published or self.claim is not None or self.contrasts) and not self.targets:
            first = next(iter(sources), "source")
            yield f"has {what} but no targets, so that no effect is measured; name one, e.g. targets: {{{first}: []}}"
        for at, quantity in self._quantities():
            control = quantity.control
            if control is not None and control.surrogate:
                yield from (f"{at}.control {fault}" for fault in self._without_surrogate(quantity.control_cell(control)))
            if quantity.sizes and quantity.source in self.recordings:
                yield f"{at}.sizes is of {quantity.source!r}, a recording, which has no size; write its one band without sizes"
            for cell in quantity.cells():
                for kind, value, known in (
                    ("metric", cell.metric, list(self.metrics)),
                    ("contrast", cell.contrast, list(self.contrasts)),
                    ("source", cell.source, sources),
                ):
                    if value not in known:
                        meant = catalogue.did_you_mean(value, known)
                        yield f"{at} has the {kind} {value!r}, which this study has not; {meant}"
                contrast = self.contrasts.get(cell.contrast)
                if contrast is not None and cell.metric in self.metrics and cell.metric not in contrast.metrics:
                    asked = f"takes {cell.metric!r} in {cell.contrast!r}, which does not list it"
                    yield f"{at} {asked}; add it to contrasts.{cell.contrast}.metrics"

    def _without_surrogate(self, cell: Cell) -> Iterator[str]:
        """Why a comparison of this study has no surrogates at a location."""
        contrast = self.contrasts.get(cell.contrast)
        if self.resampling.draws == 0:
            yield f"is in surrogates, which are draws, but resampling.draws is 0; write {_DRAWS}"
        elif cell.source not in self.targets:
            yield f"is in the surrogates of {cell.source!r}, which is no target; add it to targets"
        elif contrast is not None and (contrast.companion or contrast.trend):
            yield f"is in surrogates, but {cell.contrast} is only located (companion or trend); take another control"

    @staticmethod
    def _entry(label: str, parameters: dict[str, Any]) -> Entry:
        name, _, suffix = label.partition(".")
        if "." in label and not suffix.replace("_", "").isalnum():
            raise ValueError(f"{label} has the label {suffix!r}; a label has only letters, digits and '_'")
        return Metric.validate_python({name: parameters})

    def _unformable(self, contrast: Contrast) -> Iterator[str]:
        """Why metrics of a contrast could be compared in no source at all."""
        for label in (m for m in contrast.metrics if m in self.metrics and m.partition(".")[0] in catalogue.names("metrics")):
            metric = catalogue.load("metrics", label.partition(".")[0])
            yield from _unfit_margin(contrast, label, metric)
            if contrast.units() and "unit" not in metric.dims:
                key, kind = next(iter(contrast.units().items()))
                yield f".{key} is {kind!r}, but {label} has no value for each unit; remove one of the two"
            elif contrast.companion and contrast.companion not in metric.companions:
                meant = catalogue.did_you_mean(contrast.companion, metric.companions)
                yield f".companion is {contrast.companion!r}, which {label} does not have; {meant}"
            elif "epoch" in metric.dims and contrast.epoch is None:
                yield f" has no epoch, but {label} is taken per epoch; name one, or 'whole' for sources without epochs"
            elif "epoch" not in metric.dims and contrast.reference is not None:
                yield f".reference is {contrast.reference!r}, but {label} is not taken per epoch; remove one of the two"
            elif missing := [d for d in LABELLED if d in metric.dims and d not in contrast.at]:
                yield f" does not say which {missing[0]}, but {label} has a value for each; name one, at: {{{missing[0]}: ...}}"
            elif strange := [d for d in contrast.at if d not in metric.dims]:
                yield f".at names a {strange[0]}, but {label} has none; remove one of the two"
            else:
                yield from self._too_long(label)

    def _too_long(self, label: str) -> Iterator[str]:
        """Halves are made of blocks: a window that no block holds finds nothing in them."""
        try:
            parameters = self.metric(label).parameters
        except ValueError:
            return
        if self.resampling.draws == 0:
            return
        times = _times(label.partition(".")[0])
        for key, value in parameters.items():
            if key in times and value > self.resampling.block * (1 + 1e-9):
                yield (
                    f".metrics has {label!r}, whose {key} of {value:g} s is longer than resampling.block of "
                    f"{self.resampling.block:g} s, so that no block holds one; make block as long, or {key} shorter"
                )

    def metric(self, label: str) -> Entry:
        """The metric behind a label, with its parameters in SI."""
        return self._entry(label, self.metrics[label])

    def sources(self) -> list[str]:
        """Recordings, models and variants, by the names that `targets` uses (models without their size)."""
        variants = self.all_variants()
        models = [f"{m}{suffix}" for m in self.models for suffix in ["", *(f".{v}" for v in variants.get(m, {}))]]
        return [*self.recordings, *models]

    def combinations(self, model: str) -> dict[str, list[str]]:
        """Variant -> the mechanisms that it has: `none`, or their names joined by "-". The model itself has all of them."""
        names = list(self.mechanisms.get(model, {}))
        some = [list(chosen) for n in range(len(names)) for chosen in itertools.combinations(names, n)]
        return {"-".join(chosen) or NONE: chosen for chosen in some}

    def all_variants(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Model -> variant -> changes of its YAML: those that are written, and every combination of mechanisms."""
        found = {model: dict(variants) for model, variants in self.variants.items()}
        for model, mechanisms in self.mechanisms.items():
            for variant, left in self.combinations(model).items():
                taken = [changes for name, changes in mechanisms.items() if name not in left]
                found.setdefault(model, {})[variant] = functools.reduce(merge, taken, {})
        return found


@functools.cache
def _times(metric: str) -> frozenset[str]:
    """The parameters of a metric that are times."""
    types = catalogue.parameters("metrics", metric).model_json_schema().get("properties", {})
    return frozenset(key for key, schema in types.items() if schema.get("unit") == "s")


def _unfit_margin(contrast: Contrast, label: str, metric: Any) -> Iterator[str]:
    """Why the margin of a contrast cannot be of a metric."""
    if contrast.margin is None:
        return
    unit = units.number_and_unit(contrast.margin)[1]
    own = metric.units if isinstance(metric.units, str) else ""
    if metric.scale == "relative" and unit != "%":
        yield f".margin is {contrast.margin!r}, but {label} is compared by its ratio; write a percentage, e.g. '10 %'"
    elif metric.scale == "linear" and (unit == "%" or (own and units.unit(unit)[1] != units.unit(own)[1])):
        yield f".margin is {contrast.margin!r}, but {label} is compared by a difference in {own}; write it in that unit"
