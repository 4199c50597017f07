"""Population against units: does the rate of the population come back, and do those of its units?"""

import json

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.summaries import of_replicate

_CHI_SQUARE = 5.991464547107979  # 95 % point for two degrees of freedom


def stability_quadrants(measures: Measures, comparison: xr.Dataset, *, unit_stability: str = "unit_stability") -> Drawn:
    """Recovery fraction of the population against the precision index of its units, with 95 % confidence ellipses.

    unit_stability: the label of the metric. Right of 1 and low: each unit has its set point; right of 1 and high: only the
    population has.
    """
    by_source = measures.get(unit_stability, {})
    shown = [(s, e, r) for s, e in by_source.items() for r in _with_values(e)]
    if not shown:
        reasons = "; ".join(f"{s}: {drawing.without_value(e)}" for s, e in by_source.items())
        return drawing.nothing(f"no source has a value of {unit_stability}" + (f" ({reasons})" if reasons else ""))
    from matplotlib.patches import Ellipse

    figure = drawing.new_figure(4.6, 3.8)
    axes = figure.subplots()
    style = drawing.styles(measures)
    named: set[str] = set()
    for source, estimate, replicate in shown:
        name = str(estimate.attrs["metric"])
        x, y, width, height, correlation = (
            float(of_replicate(estimate, f"{name}{k}", replicate))
            for k in ("_recovery", "", "_recovery_error", "_error", "_correlation")
        )
        axes.plot([x], [y], linestyle="none", zorder=3, label=None if source in named else source, **style[source])
        named.add(source)
        if not np.isfinite(width):
            continue
        covariance = np.array([[width**2, correlation * width * height], [correlation * width * height, height**2]])
        values, vectors = np.linalg.eigh(covariance)
        sides = 2 * np.sqrt(_CHI_SQUARE * np.maximum(values, 0))
        turn = float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))
        axes.add_patch(Ellipse((x, y), sides[1], sides[0], angle=turn, fill=False, color=style[source]["color"], linewidth=0.9))
    axes.axvline(1, **drawing.NULL)
    axes.axhline(0, **drawing.NULL)
    axes.autoscale_view()
    drawing.label(axes, "Recovery fraction of the population (1)", "ln precision index of units (1)")
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        f"Each marker is a replicate (n = {len(shown)}) with its 95 % confidence ellipse, where both errors are known. "
        "Dashes: the population has come back (1), units lie no further from their set points than drift brings them (0). "
        "Near both: local "
        "homeostasis; near the first and above the second: only the population is stable.",
    )


def _with_values(estimate: xr.Dataset) -> list[str]:
    missing = json.loads(estimate.attrs["not_applicable"])
    name = estimate.attrs["metric"]
    kept = [str(r) for r in estimate.replicate.values.tolist() if r not in missing and f"{name}_error" in estimate]
    return [r for r in kept if np.isfinite(float(of_replicate(estimate, f"{name}_error", r)))]
