"""Which mechanisms, alone and together, suffice for a model to agree with the data: a line for each combination."""

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
    """A model with some of its mechanisms: where it lies, and the verdict, in each column."""

    candidate: str
    has: list[bool]
    cells: list[tuple[str, str]]  # location with its interval, verdict
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
    is_comparable = comparison.comparable.sel(target=target, candidate=list(judged)).any("candidate")
    cells = [(c, m) for c, m in cells if bool(is_comparable.sel(contrast=c, metric=m))]

    def place(source: str, contrast: str, label: str) -> str:
        cell = comparison.sel(contrast=contrast, metric=label, source=source)
        return located(cell, study.contrasts[contrast], measures[label][source])

    columns = [Column(c, briefly(m, measures), place(target, c, m)) for c, m in cells]
    combinations = []
    for source, has in judged.items():
        at = [comparison.sel(target=target, contrast=c, metric=m, candidate=source) for c, m in cells]
        told = [str(one.verdict.values) if int(one.comparable) else str(one.reason.values) for one in at]
        shown = [place(source, c, m) if int(one.comparable) else "–" for (c, m), one in zip(cells, at, strict=True)]
        here = list(zip(shown, told, strict=True))
        present = [name in has for name in study.mechanisms[model]]
        trace = f"[{target}, *, *, {source}]"
        combinations.append(Combination(source, present, here, trace))
    return Ablation(target, model, list(study.mechanisms[model]), columns, combinations, summarise(combinations))


def summarise(combinations: list[Combination]) -> str:
    """Which combinations suffice, which cannot be told, which are ruled out, which are not judged; by what was not fitted."""
    words = {
        "agrees": "agrees with the data: {}",
        "cannot tell": "these data cannot tell whether it suffices: {}",
        "differs": "ruled out, since it differs: {}",
        "not judged": "not judged: {}",
    }
    sorted_out: dict[str, list[str]] = {verdict: [] for verdict in words}
    for one in combinations:
        sorted_out[_judge(one)].append(one.candidate)
    told = [words[verdict].format(", ".join(names)) for verdict, names in sorted_out.items() if names]
    return f"{'; '.join([*([] if sorted_out['agrees'] else ['none is shown to suffice']), *told])}."


def _judge(one: Combination) -> str:
    """One difference rules it out; else what is missing in some column leaves it without a verdict."""
    verdicts = {told for _, told in one.cells} - {"fitted"}
    if "differs" in verdicts:
        return "differs"
    if not verdicts or verdicts - {"agrees", "cannot tell"}:  # a reason stands where it is not comparable
        return "not judged"
    return "cannot tell" if "cannot tell" in verdicts else "agrees"
