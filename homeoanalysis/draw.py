"""draw: the measures and the comparison of a study -> one figure."""

import logging
from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from typing import Any

import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.drawing import Drawn, style

_log = logging.getLogger(__name__)


class _Watched(Mapping[str, Mapping[str, xr.Dataset]]):
    """Measures that remember which labels were asked for by name; a figure goes through all only to count or to colour."""

    def __init__(self, measures: Mapping[str, Mapping[str, xr.Dataset]]) -> None:
        self._measures = measures
        self.asked: dict[str, None] = {}

    def __getitem__(self, label: str) -> Mapping[str, xr.Dataset]:
        found = self._measures[label]
        self.asked[label] = None
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(self._measures)

    def __len__(self) -> int:
        return len(self._measures)

    def items(self) -> ItemsView[str, Mapping[str, xr.Dataset]]:
        return self._measures.items()

    def values(self) -> ValuesView[Mapping[str, xr.Dataset]]:
        return self._measures.values()


def draw(figure: str, measures: Mapping[str, Mapping[str, xr.Dataset]], comparison: xr.Dataset, **parameters: Any) -> Drawn:
    """Draw a figure of the catalogue.

    figure: a name in figures/. measures: metric label -> source -> measure/1. comparison: comparison/2.
    What it shows is named in `sources`: the measures that it asked for, and what it names itself; if neither, the differences.
    """
    watched = _Watched(measures)
    with style():
        drawn: Drawn = catalogue.load("figures", figure)(watched, comparison, **parameters)
    shown = [f"measures/{m}/{e.attrs['source']}.nc: {e.attrs['metric']}" for m in watched.asked for e in measures[m].values()]
    _log.info("drew %s", figure)
    return drawn._replace(sources=(*shown, *drawn.sources) or ("comparison.nc: difference",))
