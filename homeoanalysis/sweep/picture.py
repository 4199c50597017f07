"""A sweep as a figure: each metric over one parameter, as a map over two, or against each of several."""

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_METRICS, _PARAMETERS, _SERIES, _MAPS = 4, 4, 6, 3  # as many as a page shows at a readable size
_LOGARITHMIC = 30.0  # a parameter over so wide a range is drawn on a logarithmic axis


def picture(sweep: xr.Dataset) -> Drawn:
    """The figure of a sweep (sweep/1): a row for each metric, a column for each parameter, or one map over two parameters."""
    every = json.loads(sweep.attrs["metrics"])
    labels = [label for label in every if _series(sweep, label)]
    paths = _parameters(sweep)
    is_map = len(paths) == 2
    shown, series = labels[:_METRICS], [_series(sweep, label) for label in labels[:_METRICS]]
    left = [*labels[_METRICS:], *paths[_PARAMETERS:], *(m for m in every if m not in labels)]
    counted = _counted(sweep)
    with drawing.style():
        if not labels:
            return drawing.nothing(f"no metric has a single value at any point; {counted}")
        if is_map:
            series = [dict(list(one.items())[:_MAPS]) for one in series]
        n_columns = max(len(one) for one in series) if is_map else min(len(paths), _PARAMETERS)
        figure = drawing.new_figure(min(7, 0.9 + 2.6 * n_columns), 0.6 + 2.1 * len(shown))
        for line, label, one in zip(figure.subplots(len(shown), n_columns, squeeze=False), shown, series, strict=True):
            for k, axes in enumerate(line):
                if is_map and k < len(one):
                    _map(axes, sweep, paths, label, *list(one.items())[k])
                elif is_map:
                    axes.set_axis_off()
                else:
                    _curve(axes, sweep, paths[k], label, one, joined=len(paths) == 1)
        entries: dict[str, Any] = {}
        for axes in figure.axes:
            entries |= dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
        if len(entries) > 1:
            drawing.place_legend(figure, entries)
    caption = f"Sweep {sweep.attrs.get('sweep', '')} of {sweep.attrs.get('source', '')}: {counted}. Means over realisations. "
    over = ", ".join(dict.fromkeys(str(v) for label in shown for v in np.unique(sweep[f"{label}_over"].values) if v))
    caption += f"Error bars: 95 % interval, {over}. " if not is_map else "A blank point has no value. "
    caption += f"Not drawn: {', '.join(left)}. " if left else ""
    return Drawn(figure, caption.strip(), tuple(f"sweeps/{sweep.attrs.get('sweep', '')}.nc: {label}_mean" for label in shown))


def _counted(sweep: xr.Dataset) -> str:
    """How many points and realisations there are, and what was dropped."""
    book = json.loads(sweep.attrs["bookkeeping"])["realisations"]
    n = f"n = {sweep.sizes['point']} points x {sweep.sizes['realisation']} realisations"
    lost = sum(book["dropped"].values())
    reasons = list(book["dropped"])
    told = (
        f", of which {lost} dropped ({reasons[0]}{f'; {len(reasons) - 1} other reasons' if reasons[1:] else ''})" if lost else ""
    )
    return n + told


def _parameters(sweep: xr.Dataset) -> list[str]:
    """The parameters that vary."""
    swept = [str(name) for name, c in sweep.coords.items() if c.dims == ("point",) and name != "point"]
    return [path for path in swept if np.ptp(sweep[path].values) > 0] or swept[:1]


def _series(sweep: xr.Dataset, label: str) -> dict[str, dict[str, Any]]:
    """Name of each series of a metric (an epoch, a type of units) -> what selects it; none where the metric is a whole curve."""
    values = sweep[f"{label}_mean"]
    if "cell_type" in values.dims and values.sizes["cell_type"] > 1:
        values = values.sel(cell_type=[c for c in values.cell_type.values if c != "all"])
    others = [d for d in values.dims if d != "point"]
    if any(d not in values.coords or values[d].dtype.kind not in "OUT" for d in others):
        return {}
    found: dict[str, dict[str, Any]] = {}
    for index in np.ndindex(*(values.sizes[d] for d in others)):
        at = {str(d): str(values[d].values[k]) for d, k in zip(others, index, strict=True)}
        if bool(values.sel(at).notnull().any()):
            found[", ".join(v for d, v in at.items() if v and values.sizes[d] > 1)] = at
    return dict(list(found.items())[:_SERIES])


def _name(sweep: xr.Dataset, path: str) -> str:
    unit = sweep[path].attrs["units"]
    return f"{'.'.join(path.split('.')[-3:])} ({unit})"


def _title(sweep: xr.Dataset, label: str) -> str:
    text = label.replace("_", " ")
    return f"{text[:1].upper()}{text[1:]} ({sweep[label].attrs['units']})"


def _is_logarithmic(values: Any) -> bool:
    return bool(np.min(values) > 0 and np.max(values) / np.min(values) >= _LOGARITHMIC)


def _curve(axes: "Axes", sweep: xr.Dataset, path: str, label: str, series: dict[str, dict[str, Any]], *, joined: bool) -> None:
    order = np.argsort(sweep[path].values, kind="stable")
    x = sweep[path].values[order]
    for k, (name, at) in enumerate(series.items()):
        mean, low, high = (sweep[f"{label}_{end}"].sel(at).values[order] for end in ("mean", "low", "high"))
        look = {"color": drawing.MODEL_COLOURS[k], "marker": drawing.MARKERS[k], "label": name or label}
        drawing.errorbar(axes, x, mean, low, high, **look, **({"linestyle": "-"} if joined else {"markersize": 3}))
    if _is_logarithmic(x):
        axes.set_xscale("log")
        drawing.plain_numbers(axes.xaxis)
    else:
        axes.locator_params(axis="x", nbins=4)  # values in SI have many digits
    drawing.label(axes, _name(sweep, path), _title(sweep, label))


def _map(axes: "Axes", sweep: xr.Dataset, paths: list[str], label: str, name: str, at: dict[str, Any]) -> None:
    """A grid as cells, other designs as coloured points."""
    x, y = (sweep[path].values for path in paths)
    mean = sweep[f"{label}_mean"].sel(at).values
    columns, rows = np.unique(x), np.unique(y)
    if columns.size * rows.size == x.size and len({*zip(x, y, strict=True)}) == x.size:
        table = np.full((rows.size, columns.size), np.nan)
        table[np.searchsorted(rows, y), np.searchsorted(columns, x)] = mean
        drawn: Any = axes.pcolormesh(columns, rows, table, cmap="viridis", shading="nearest")
    else:
        drawn = axes.scatter(x, y, c=mean, cmap="viridis", s=16)
    for values, axis, set_scale in ((x, axes.xaxis, axes.set_xscale), (y, axes.yaxis, axes.set_yscale)):
        if _is_logarithmic(values):
            set_scale("log")
            drawing.plain_numbers(axis)
    title = _title(sweep, label)
    axes.figure.colorbar(drawn, ax=axes, label=f"{name}: {title}" if name else title)
    drawing.label(axes, _name(sweep, paths[0]), _name(sweep, paths[1]))
