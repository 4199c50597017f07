"""overview: what several studies found -> one page: models against recordings, and published figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import xarray as xr

from homeoanalysis.config.study import Study
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.report.headline import count_verdicts, counted
from homeoanalysis.report.page import rendered
from homeoanalysis.report.published import Shown, published
from homeoanalysis.report.standings import Standing, standings
from homeoanalysis.report.values import Picture, picture


class Found(NamedTuple):
    """What one study leaves for the page."""

    name: str
    study: Study
    comparison: xr.Dataset  # comparison/2
    outcomes: Sequence[Outcome]  # of published.csv; empty of a study without published figures
    pictures: Sequence[Path]


class _Entry(NamedTuple):
    study: str
    title: str
    question: str
    standings: list[Standing]
    figures: list[Shown]
    pictures: list[Picture]


def overview(studies: Sequence[Found], template: Path) -> str:
    """One HTML page over several studies, with the figures in it.

    studies: in the order of the page. template: a jinja2 template, which may include its neighbours.
    """
    entries = [
        _Entry(
            study=one.name,
            title=one.study.title,
            question=one.study.question,
            standings=list(standings(one.study, one.comparison)),
            figures=list(published(one.outcomes)),
            pictures=[picture(path.stem, path) for path in one.pictures],
        )
        for one in studies
    ]
    figures = counted([figure for entry in entries for figure in entry.figures])
    models = count_verdicts([standing for entry in entries for standing in entry.standings])
    return rendered(template, entries=entries, figures=figures, models=models)
