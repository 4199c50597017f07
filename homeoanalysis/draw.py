"""draw: the measures and the comparison of a study -> one figure."""

import logging
from collections.abc import Mapping
from typing import Any

import xarray as xr
from matplotlib import rc_context

from homeoanalysis import catalogue
from homeoanalysis.drawing import STYLE, Drawn

_log = logging.getLogger(__name__)


def draw(figure: str, measures: Mapping[str, Mapping[str, xr.Dataset]], comparison: xr.Dataset, **parameters: Any) -> Drawn:
    """Draw a figure of the catalogue.

    figure: a name in figures/. measures: metric label -> source -> measure/1. comparison: comparison/1.
    """
    with rc_context(STYLE):
        drawn: Drawn = catalogue.load("figures", figure)(measures, comparison, **parameters)
    _log.info("drew %s", figure)
    return drawn
