"""Spectra and coherence of recordings and models, with interval and threshold, one line for each epoch."""

from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from homeoanalysis import drawing
from homeoanalysis.drawing import Drawn, Measures
from homeoanalysis.numerics.pair_metrics import ALPHA
from homeoanalysis.numerics.summaries import epochs_of, of_replicate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LINES = ("-", "--", ":", "-.")
Looks = dict[str | None, str]  # epoch -> line style


def rhythms(
    measures: Measures, comparison: xr.Dataset, *, spectrum: str = "power_spectrum", coherence: str = "coherence"
) -> Drawn:
    """Power spectra on the left, coherence on the right: data black, models coloured.

    spectrum, coherence: the labels of the metrics. Spectra are divided by their mean over the frequencies that are drawn, since
    signals differ in unit and size.
    """
    figure = drawing.new_figure(7, 3.2)
    left, right = figure.subplots(1, 2)
    style, by_source = drawing.styles(measures), [measures.get(label, {}) for label in (spectrum, coherence)]
    epochs = list(dict.fromkeys(e for found in by_source for estimate in found.values() for e in epochs_of(estimate)))
    looks = {e: _LINES[k % len(_LINES)] for k, e in enumerate(epochs)}
    notes = _spectra(left, by_source[0], style, looks)
    more = _coherences(right, by_source[1], style, looks)
    if not left.lines and not right.lines:
        return drawing.nothing(f"no source has a value of {spectrum} or {coherence}")
    left.set_xscale("log")
    left.set_yscale("log")
    drawing.plain_numbers(left.xaxis)
    drawing.plain_numbers(left.yaxis)
    drawing.label(left, "Frequency (Hz)", "Power / mean power (1)")
    drawing.label(right, "Frequency (Hz)", "Coherence (1)")
    right.set_ylim(-0.1, 1.02)
    for epoch, look in looks.items() if len(looks) > 1 else ():
        left.plot([], [], color="#666666", linestyle=look, label=epoch)
    drawing.legend(figure, measures)
    return Drawn(
        figure,
        "Left: power spectra, each divided by its mean. Right: coherence less its bias; grey dashes: what independent channels "
        "exceed with probability 0.05; ticks at the bottom: frequencies, of the line with a band, that are found at 5 % false "
        "discoveries over all pairs and frequencies. Bands: 95 % interval (jackknife over groups of pieces), of the first "
        f"channel or pair; further ones as thin lines. Line styles: epochs. {'; '.join([*notes, *more])}.",
    )


def _spectra(axes: "Axes", by_source: Any, style: dict[str, dict[str, Any]], looks: Looks) -> list[str]:
    notes = []
    for source, estimate in by_source.items():
        name = estimate.attrs["metric"]
        if f"{name}_low" not in estimate:
            notes.append(f"{source} is not drawn: {drawing.without_value(estimate)}")
            continue
        parts = [[of_replicate(estimate, f"{name}{end}", r) for end in ("", "_low", "_high")] for r in estimate.replicate.values]
        n = 0
        for value, low, high in parts:
            for e, k in np.ndindex(value.sizes["epoch"], value.sizes["unit"]):
                one, below, above = (v.isel(epoch=e, unit=k) for v in (value, low, high))
                scale = float(one.mean(skipna=True))
                if np.isfinite(scale):
                    look = looks[epochs_of(estimate)[e]]
                    _line(axes, source, style, one / scale, below / scale, above / scale, look, is_first=n == 0)
                    n += 1
        if n:
            notes.append(f"{source}: {n} spectra of {estimate.sizes['replicate']} recordings or realisations")
    return notes


def _coherences(axes: "Axes", by_source: Any, style: dict[str, dict[str, Any]], looks: Looks) -> list[str]:
    notes: list[str] = []
    label = "independent channels, 5 %"
    for source, estimate in by_source.items():
        name = estimate.attrs["metric"]
        if f"{name}_low" not in estimate:
            notes.append(f"{source} is not drawn: {drawing.without_value(estimate)}")
            continue
        n, limits = 0, []
        for replicate in estimate.replicate.values:
            value, low, high = (of_replicate(estimate, f"{name}{end}", replicate) for end in ("", "_low", "_high"))
            threshold, df = (of_replicate(estimate, f"{name}_{end}", replicate) for end in ("threshold", "df"))
            for e, k in np.ndindex(value.sizes["epoch"], value.sizes["unit"]):
                one, below, above = (v.isel(epoch=e, unit=k) for v in (value, low, high))
                if bool(one.notnull().any()):
                    _line(axes, source, style, one, below, above, looks[epochs_of(estimate)[e]], is_first=n == 0)
                    if n == 0:
                        q = of_replicate(estimate, f"{name}_q", replicate).isel(epoch=e, unit=k)
                        found = one.frequency.values[q.values <= ALPHA]
                        height = -0.04 - 0.02 * list(by_source).index(source)
                        axes.plot(found, np.full(found.size, height), "|", color=style[source]["color"], markersize=3)
                    t, count = threshold.isel(epoch=e, unit=k), df.isel(epoch=e, unit=k)
                    limits.append((t - (1 - t) ** 2 / count).broadcast_like(one))
                    n += 1
        if n:
            axes.plot(one.frequency, np.mean(limits, axis=0), label=label, **drawing.NULL)
            label = "_"
            pairs = [str(p).partition("/")[2] for p in estimate.pair.values[:3]]
            notes.append(f"{source}: {n} coherences ({', '.join(pairs)}{', ...' if estimate.sizes['pair'] > 3 else ''})")
    return notes


def _line(
    axes: "Axes",
    source: str,
    style: dict[str, dict[str, Any]],
    value: xr.DataArray,
    low: xr.DataArray,
    high: xr.DataArray,
    look: str,
    *,
    is_first: bool,
) -> None:
    colour = style[source]["color"]
    width = 1.2 if is_first else 0.6
    axes.plot(value.frequency, value, color=colour, linestyle=look, linewidth=width, label=source if is_first else None, zorder=3)
    if is_first:
        axes.fill_between(value.frequency, low, high, color=colour, alpha=0.25, linewidth=0, zorder=2)
