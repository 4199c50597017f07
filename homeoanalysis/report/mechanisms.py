"""Which mechanisms, alone and together, bring a model inside the data's own spread: a line for each combination."""

from collections.abc import Iterator
from typing import NamedTuple

import xarray as xr

from homeoanalysis.config.study import Study
from homeoanalysis.report.text import Measures, briefly
from homeoanalysis.report.verdicts import located


class Column(NamedTuple):
    """A contrast of a metric, and where the target lies in it."""

    contrast: str
    metric: str
    target: str


class Combination(NamedTuple):
    """A model with some of its mechanisms: where it lies, and whether that is inside, in each column."""

    candidate: str
    has: list[bool]
    cells: list[tuple[str, str]]  # location with its interval, inside or not
    n_inside: int
    trace: str


class Ablation(NamedTuple):
    """The table of one model against one target."""

    target: str
    model: str
    mechanisms: list[str]
    columns: list[Column]
    combinations: list[Combination]
    summary: str


def ablations(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Ablation]:
    """A table for each target and each model of which the study names mechanisms, and judges some combinations by the target."""
    for target, listed in study.targets.items():
        for model, mechanisms in study.mechanisms.items():
            names = list(mechanisms)
            each = {f"{model}.{variant}": has for variant, has in study.combinations(model).items()} | {model: names}
            judged = {source: has for source, has in each.items() if source in listed}
            if judged:
                yield _ablation(study, comparison, measures, target, model, judged)


def _ablation(
    study: Study, comparison: xr.Dataset, measures: Measures, target: str, model: str, judged: dict[str, list[str]]
) -> Ablation:
    cells = [(c, m) for c, asked in study.contrasts.items() for m in study.metrics if m in asked.metrics]
    cells = [(c, m) for c, m in cells if int(comparison.comparable.sel(target=target, contrast=c, metric=m, candidate="data"))]

    def place(source: str, contrast: str, label: str) -> str:
        cell = comparison.sel(target=target, contrast=contrast, metric=label, source=source)
        return located(cell, study.contrasts[contrast], measures[label][source])

    columns = [Column(c, briefly(m, measures), place(target, c, m)) for c, m in cells]
    combinations = []
    for source, has in judged.items():
        at = [comparison.sel(target=target, contrast=c, metric=m, candidate=source) for c, m in cells]
        told = [str(one.inside.values) or str(one.reason.values) for one in at]
        shown = [place(source, c, m) if int(one.comparable) else "–" for (c, m), one in zip(cells, at, strict=True)]
        here = list(zip(shown, told, strict=True))
        present = [name in has for name in study.mechanisms[model]]
        trace = f"[{target}, *, *, {source}]"
        combinations.append(Combination(source, present, here, told.count("inside"), trace))
    return Ablation(target, model, list(study.mechanisms[model]), columns, combinations, _summary(combinations))


def _summary(combinations: list[Combination]) -> str:
    """The combinations with the fewest mechanisms that lie inside wherever they were not fitted."""
    best = [c for c in combinations if c.n_inside and all(told in ("inside", "fitted") for _, told in c.cells)]
    if not best:
        return "no combination lies inside everywhere."
    fewest = min(sum(c.has) for c in best)
    named = ", ".join(c.candidate for c in best if sum(c.has) == fewest)
    return f"inside everywhere with the fewest: {named}."
