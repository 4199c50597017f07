"""draw: the measures and the comparison of a study -> one figure."""

import logging
from collections.abc import Mapping
from typing import Any

import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.drawing import Drawn

_log = logging.getLogger(__name__)


def draw(figure: str, measures: Mapping[str, Mapping[str, xr.Dataset]], comparison: xr.Dataset, **parameters: Any) -> Drawn:
    """Draw a figure of the catalogue.

    figure: a name in figures/. measures: metric label -> source -> measure/1. comparison: comparison/1.
    """
    drawn: Drawn = catalogue.load("figures", figure)(measures, comparison, **parameters)
    _log.info("drew %s", figure)
    return drawn
