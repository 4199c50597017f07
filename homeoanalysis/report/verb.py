"""report: the comparison, the measures and the figures of a study -> one HTML page that needs nothing else.

Every number of the page stands beside the file and the variable that it comes from, relative to the study's folder.
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

import xarray as xr

from homeoanalysis.config.study import Study
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.report import origins, values
from homeoanalysis.report.headline import headline
from homeoanalysis.report.mechanisms import ablations
from homeoanalysis.report.page import rendered
from homeoanalysis.report.published import PUBLISHED, published
from homeoanalysis.report.text import Measures
from homeoanalysis.report.times import Time
from homeoanalysis.report.verdicts import effects, verdicts

_log = logging.getLogger(__name__)


def report(
    study: Study,
    *,
    name: str,
    comparison: xr.Dataset,
    measures: Measures,
    figures: Mapping[str, Path],
    template: Path,
    outcomes: Sequence[Outcome] = (),
    config: str = "",
    times: Sequence[Time] = (),
) -> str:
    """The report of a study: one HTML page with everything in it.

    name: of the study. measures: metric label -> source as the study names it -> measure/1. figures: name -> PNG that
    `drawing.save` wrote, whose caption is in the file; "published" is the one of published numbers. template: a jinja2
    template, which may include its neighbours. outcomes: of published.csv. config: the YAML of the study. times: of its jobs.
    """
    pictures = [values.picture(figure, path) for figure, path in figures.items() if figure != PUBLISHED]
    judged, shown = list(verdicts(study, comparison, measures)), list(published(outcomes))
    found, tables = list(origins.warnings(measures)), list(ablations(study, comparison, measures))
    page = rendered(
        template,
        name=name,
        study=study,
        headline=headline(study.recordings, judged, tables, shown, found),
        verdicts=judged,
        effects=list(effects(study, comparison, measures)),
        ablations=tables,
        families=list(values.families(measures, pictures)),
        overview=[p for p in pictures if values.family_of(p, measures) is None],
        published=shown,
        published_picture=values.picture(PUBLISHED, figures[PUBLISHED]) if PUBLISHED in figures else None,
        warnings=found,
        book=list(origins.book(measures)),
        files=list(origins.files(comparison, measures)),
        inputs=origins.inputs(comparison, measures),
        versions=origins.merged(comparison, measures, "versions"),
        citations=origins.citations(measures),
        config=config,
        seed=comparison.attrs.get("seed", "–"),
        times=times,
    )
    _log.info("reported %s: %d figures", name, len(pictures))
    return page
