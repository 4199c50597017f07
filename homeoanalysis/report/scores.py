"""The scores of each candidate in words: effect sizes, distances between distributions, predictive p."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config.study import Study
from homeoanalysis.contracts.schemas import DISTANCES, SCORES
from homeoanalysis.report.text import Measures, briefly, interval, number


class Scored(NamedTuple):
    """The scores of one candidate in one contrast and metric."""

    target: str
    contrast: str
    metric: str
    candidate: str
    over: str
    scores: list[str]  # in the order of SCORES
    predictive: str
    reason: str
    trace: str


def scored(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Scored]:
    """A line for each candidate that can be compared."""
    for target, listed in study.targets.items():
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                row = comparison.sel(target=target, contrast=contrast, metric=label)
                for candidate in listed:
                    cell = row.sel(candidate=candidate)
                    if int(cell.comparable):
                        yield Scored(
                            target=target,
                            contrast=contrast,
                            metric=briefly(label, measures),
                            candidate=candidate,
                            over=str(cell.score_over.values),
                            scores=[_score(row, candidate, score) for score in SCORES],
                            predictive=f"{number(cell.predictive_p)} (least possible {number(cell.predictive_p_least)})",
                            reason=_reason(cell),
                            trace=f"[{target}, {contrast}, {label}, {candidate}]",
                        )


def _score(row: xr.Dataset, candidate: str, score: str) -> str:
    one = row.sel(score_name=score)
    cell = one.sel(candidate=candidate)
    if not np.isfinite(float(cell.score)):
        return "–"
    bounds = f"best attainable {number(one.score_ceiling)}, worst case {number(one.score.sel(candidate='null'))}"
    told = f"{number(cell.score)} ({interval(cell.score_low, cell.score_high)}; {bounds})"
    return f"{told}: {cell.score_verdict.values}" if score in DISTANCES else told


def _reason(cell: xr.Dataset) -> str:
    left_out = int(cell.n_no_logarithm)
    reasons = [f"{left_out} values of 0 left out of distances"] if left_out else []
    return "; ".join([*reasons, *filter(None, [str(cell.score_reason.values)])])
