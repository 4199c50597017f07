"""Information rate about the stimulus, of recordings and models, in each condition."""

import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import limits


def information_rate(measures: Measures, comparison: xr.Dataset, *, metric: str = "information_rate") -> Drawn:
    """Information rate per source and condition, with that of an unrelated stimulus (0).

    metric: the label of the metric.
    """
    figure = drawing.new_figure(5, 3)
    axes = figure.add_subplot()
    # The metric's mean is 0 for an unrelated stimulus, by construction.
    notes = drawing.condition_panel(axes, measures, comparison, metric, null=0.0)
    if not notes:
        return drawing.nothing(f"no source has a value of {metric}")
    drawing.label(axes, "", "Information rate (bit/s)")
    drawing.legend(figure, measures)
    ends = {words or "all": end for estimate in measures[metric].values() for words, end in limits(estimate).items()}
    return Drawn(
        figure,
        "Information rate (lower bound) about the stimulus. Markers: mean of units, then replicates; error bars: 95 % interval. "
        f"The integral ends at {', '.join(f'{end:g} Hz ({words})' for words, end in ends.items())}: the stimulus' highest "
        "frequency, or half of the bins' rate where that is lower. "
        f"Grey dashes: an unrelated stimulus. {'; '.join(notes)}.",
    )
