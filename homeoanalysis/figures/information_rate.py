"""Information rate about the stimulus, of recordings and models, in each condition."""

import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures


def information_rate(measures: Measures, comparison: xr.Dataset, *, metric: str = "information_rate") -> Drawn:
    """Information rate per source and condition, with its null (0) and ceiling.

    metric: the label of the metric.
    """
    figure = drawing.new_figure(5, 3)
    axes = figure.add_subplot()
    # The metric's mean is 0 for an unrelated stimulus, by construction.
    notes = drawing.condition_panel(axes, measures, comparison, metric, null=0.0)
    if not notes:
        return drawing.nothing(f"no source has a value of {metric}")
    drawing.label(axes, "Condition (level)", "Information rate (bit/s)")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Information rate (lower bound) about the stimulus. Markers: mean of units, then replicates; error bars: 95 % interval. "
        "Grey dashes: null, an unrelated stimulus. Grey band: ceiling, within which the recording differs from itself "
        f"(95th percentile over random halves). {'; '.join(notes)}.",
    )
