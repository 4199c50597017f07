"""How often each model agrees with a recording: a line for each candidate of each target."""

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import xarray as xr

from homeoanalysis.config.study import Study


class Standing(NamedTuple):
    """A candidate against a target, over all contrasts and metrics that the study asks for."""

    target: str
    candidate: str
    verdicts: Counter[str]
    trace: str


def standings(study: Study, comparison: xr.Dataset) -> Iterator[Standing]:
    """Of targets that are recordings: models against models are a study's own business.

    comparison: comparison/2 of the study. A candidate that cannot be compared is told with that verdict.
    """
    asked = [(c, m) for c, contrast in study.contrasts.items() for m in study.metrics if m in contrast.metrics]
    for target in (t for t in study.targets if t in study.recordings):
        for candidate in study.targets[target]:
            cells = [comparison.sel(target=target, contrast=c, metric=m, candidate=candidate) for c, m in asked]
            verdicts = Counter(str(cell.verdict.values) for cell in cells)
            yield Standing(target, candidate, verdicts, f"[{target}, *, *, {candidate}]")
