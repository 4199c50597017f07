"""How much the coherence changes in each band, in standard errors: models against data."""

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import of_replicate


def band_change(measures: Measures, comparison: xr.Dataset, *, metric: str = "coherence_change") -> Drawn:
    """Change of coherence in each band, with its interval: data black, models coloured.

    metric: the label of the metric.
    """
    figure = drawing.new_figure(5, 3)
    axes = figure.add_subplot()
    style, notes = drawing.styles(measures), []
    found = {s: e for s, e in measures.get(metric, {}).items() if bool(e[e.attrs["metric"]].notnull().any())}
    bands = list(dict.fromkeys(str(b) for e in found.values() for b in e.band.values))
    if not bands:
        return drawing.nothing(f"no source has a value of {metric}")
    for k, (source, estimate) in enumerate(found.items()):
        at = np.array([bands.index(str(b)) for b in estimate.band.values]) + 0.7 * ((k + 0.5) / len(found) - 0.5)
        parts = [of_replicate(estimate, estimate.attrs["metric"], r).mean("unit") for r in estimate.replicate.values]
        values = xr.concat(parts, "replicate", join="outer", coords="minimal")
        if estimate.sizes["pair"] == 1:
            low, high = (estimate[f"{estimate.attrs['metric']}_{end}"].isel(pair=0) for end in ("low", "high"))
            what = "interval of the estimate itself"
        else:
            spread = values.std("replicate", ddof=1) if len(parts) > 1 else values.isel(replicate=0) * np.nan
            low, high = values.mean("replicate") - spread, values.mean("replicate") + spread
            what = "standard deviation over replicates"
        drawing.errorbar(axes, at, values.mean("replicate"), low, high, label=source, **style[source])
        notes.append(f"{source}: n = {len(parts)}, {estimate.sizes['pair']} pairs, {what}")
    axes.axhline(0, label="no change", **drawing.NULL)
    axes.set_xticks(range(len(bands)), [b.replace("_", "\n") for b in bands])
    drawing.label(axes, "", "Change of coherence (1)")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Change of the coherence in each band, at equal degrees of freedom and rate. Error bars: 95 % interval or spread. "
        f"{'; '.join(notes)}.",
    )
