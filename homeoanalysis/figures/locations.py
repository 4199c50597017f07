"""Where contrasts lie in each source, side by side: levels before and after, controls and treated."""

import textwrap
from typing import Annotated

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures

Names = Annotated[tuple[str, ...], Field(strict=False)]  # YAML has lists only


def locations(measures: Measures, comparison: xr.Dataset, *, metrics: Names = ("firing_rate",), contrasts: Names = ()) -> Drawn:
    """The location of each contrast with its interval over subjects, a panel for each metric.

    metrics: labels of metrics. contrasts: of the study, in the order of the horizontal axis; by default all that list a metric.
    """
    panels = {}
    for metric in (m for m in metrics if m in comparison.metric.values and comparison.sizes["target"]):
        found = comparison.isel(target=0).sel(metric=metric)
        has = [c for c in found.contrast.values.tolist() if bool(found.location.sel(contrast=c).notnull().any())]
        asked = [c for c in contrasts or has if c in has]
        if asked:
            panels[metric] = found.sel(contrast=asked)
    if not panels:
        return drawing.nothing(f"the study locates none of {', '.join(metrics)}")
    most = max(found.sizes["contrast"] for found in panels.values())
    figure = drawing.new_figure(min((3.5 if most < 4 else 7) * len(panels), 7), 3.0)
    style, notes = drawing.styles(measures), []
    for axes, (metric, found) in zip(np.ravel(figure.subplots(1, len(panels))), panels.items(), strict=True):
        sources = [s for s in found.source.values.tolist() if bool(found.location.sel(source=s).notnull().any())]
        for k, source in enumerate(sources):
            one = found.sel(source=source)
            x = np.arange(one.sizes["contrast"]) + 0.5 * ((k + 0.5) / len(sources) - 0.5)
            drawing.errorbar(axes, x, one.location, one.location_low, one.location_high, label=source, **style[source])
            notes.append(f"{metric} of {source}: n = {', '.join(str(int(n)) for n in one.n_subjects.values)}")
        # 8 pt text has about 11 letters to the inch; the vertical axis takes the room of some.
        letters = max(int(9 * figure.get_figwidth() / len(panels) / found.sizes["contrast"]) - 1, 1)
        names = [textwrap.fill(str(c).replace("_", " "), letters, break_long_words=False) for c in found.contrast.values]
        axes.set_xticks(range(len(names)), names)
        axes.set_xlim(-0.6, len(names) - 0.4)
        name = str(next(iter(measures[metric].values())).attrs["metric"]).replace("_", " ").capitalize()
        drawing.label(axes, "", f"{name} ({', '.join(dict.fromkeys(found.unit.sel(source=sources).values.flat))})")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Mean over subjects (realisations of a model) in each condition; error bars: 95 % interval over them, from four on. "
        f"{'; '.join(notes)}.",
        ("comparison.nc: location", "comparison.nc: location_low", "comparison.nc: location_high"),
    )
