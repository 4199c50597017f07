"""The phases that units prefer in a band, and how strongly they are locked, on a circle."""

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures


def phase_rose(measures: Measures, comparison: xr.Dataset, *, metric: str = "phase_locking", alpha: float = 0.05) -> Drawn:
    """Preferred phase and vector strength of each unit that is locked, one circle for each band.

    metric: the label of the metric. alpha: of the test that a unit must pass to be drawn filled.
    """
    from matplotlib.ticker import MaxNLocator

    found = {s: e for s, e in measures.get(metric, {}).items() if bool(e[e.attrs["metric"]].notnull().any())}
    bands = [str(b) for b in next(iter(found.values())).band.values] if found else []
    bands = [b for b in bands if any(bool(e[e.attrs["metric"]].sel(band=b).notnull().any()) for e in found.values())]
    if not bands:
        return drawing.nothing(f"no source has a value of {metric}")
    n_columns = min(3, len(bands))
    figure = drawing.new_figure(2.4 * n_columns, 0.6 + 2.5 * -(-len(bands) // n_columns))
    style = drawing.styles(measures)
    notes: dict[str, list[str]] = {}
    for k, band in enumerate(bands):
        axes = figure.add_subplot(-(-len(bands) // n_columns), n_columns, k + 1, projection="polar")
        for source, estimate in found.items():
            if band not in estimate.band.values:
                continue
            name = estimate.attrs["metric"]
            part = estimate.sel(band=band)
            length, phase, p = (np.ravel(part[v].values) for v in (name, f"{name}_preferred", f"{name}_p"))
            locked, colour = p <= alpha, style[source]["color"]
            axes.plot(phase[~locked], length[~locked], linestyle="none", marker=".", color="#BBBBBB", markersize=3)
            axes.plot(
                phase[locked],
                length[locked],
                linestyle="none",
                marker=style[source]["marker"],
                color=colour,
                markersize=4,
                label=source,
            )
            notes.setdefault(source, []).append(f"{band} {int(locked.sum())} of {int(np.isfinite(length).sum())}")
        axes.set_title(band.replace("_", " "))
        axes.set_xticks(np.pi / 2 * np.arange(4), ["0", "π/2", "±π", "-π/2"])
        axes.yaxis.set_major_locator(MaxNLocator(2))
        axes.set_xlabel("Phase (radian); radius: vector strength (1)")
    drawing.legend(figure, measures)
    told = "; ".join(f"{source}: {', '.join(each)}" for source, each in notes.items())
    return Drawn(
        figure,
        f"Preferred phase (0 is the peak of the signal) and vector strength of each unit. Grey: not locked at {alpha:g}. Units "
        f"that are locked, n: {told}.",
    )
