"""report: the comparison, the measures and the figures of a study -> one HTML page that needs nothing else.

Every number of the page stands beside the file and the variable that it comes from, relative to the study's folder.
"""

import logging
from collections.abc import Mapping
from pathlib import Path

import jinja2
import xarray as xr

from homeoanalysis.config import Study
from homeoanalysis.report import origins, values
from homeoanalysis.report.text import Measures
from homeoanalysis.report.verdicts import effects, verdicts

_log = logging.getLogger(__name__)


def report(
    study: Study, *, name: str, comparison: xr.Dataset, measures: Measures, figures: Mapping[str, Path], template: str
) -> str:
    """The report of a study: one HTML page with everything in it.

    name: of the study. measures: metric label -> source as the study names it -> measure/1. figures: name -> PNG that
    `drawing.save` wrote, whose caption is in the file. template: the text of a jinja2 template.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pictures = [values.picture(figure, path) for figure, path in figures.items()]
    page = environment.from_string(template).render(
        name=name,
        study=study,
        verdicts=list(verdicts(study, comparison, measures)),
        effects=list(effects(study, comparison, measures)),
        families=list(values.families(measures, pictures)),
        overview=[p for p in pictures if values.family_of(p.name, measures) is None],
        warnings=list(origins.warnings(measures)),
        book=list(origins.book(measures)),
        files=list(origins.files(comparison, measures)),
        inputs=origins.inputs(comparison, measures),
        versions=origins.merged(comparison, measures, "versions"),
        citations=origins.citations(measures),
    )
    _log.info("reported %s: %d figures", name, len(pictures))
    return page
