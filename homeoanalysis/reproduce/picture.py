"""Published numbers, their uncertainty and ours, drawn together: an axis for each quantity and each curve."""

import itertools
import textwrap
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homeoanalysis import drawing
from homeoanalysis.contracts.outcomes import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPORTED,
    REPRODUCED,
    SCALED_FAILS,
    SCALED_PASSES,
    Outcome,
    panel_verdict,
)
from homeoanalysis.drawing import Drawn
from homeoanalysis.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PUBLISHED: dict[str, Any] = {"color": "black", "marker": "D"}
_SCALED: dict[str, Any] = {"color": "#666666", "marker": "^", "markersize": 7}  # larger: it often lies below ours
_OURS: dict[str, Any] = {"color": drawing.MODEL_COLOURS[0], "marker": "o"}
_CONTROL: dict[str, Any] = {"color": drawing.MODEL_COLOURS[1], "marker": "X"}
_LABELS = {
    "published": _PUBLISHED,
    "remembered, not read (hollow)": {**_PUBLISHED, **drawing.HOLLOW},
    "the same elsewhere": _SCALED,
    "ours": _OURS,
    "negative control": _CONTROL,
}
_MARKS = {
    **dict.fromkeys((REPRODUCED, SCALED_PASSES), "✓"),
    **dict.fromkeys((NOT_REPRODUCED, SCALED_FAILS), "✗"),
    **dict.fromkeys((NOT_TESTABLE, REPORTED), "–"),
}


_ONE, _CURVE = 0.85, 2.2  # height of an axis [inch]
_WRAP = 90  # letters across the picture
_SMALL = 480  # width of a thumbnail [pixels]


def picture(outcomes: Sequence[Outcome], *, known: str = "published") -> Drawn:
    """One axis for each quantity and each curve: the band that ours must lie in and the control must not, and all the numbers.

    known: what the numbers are that ours stand beside; "recording" where they are our own measures of one.
    """
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    rows = _rows(outcomes)
    heights = [_CURVE if row[0][0].curve else _ONE for row in rows]
    with drawing.style():
        figure = drawing.new_figure(7, 0.8 + sum(heights))
        grid = figure.add_gridspec(len(rows), 2, height_ratios=heights)
        for k, row in enumerate(rows):
            if not row[0][0].curve:
                _draw(figure.add_subplot(grid[k, :]), row[0][0])
                continue
            for column, points in enumerate(row):
                _draw_curve(figure.add_subplot(grid[k, column] if len(row) > 1 else grid[k, :]), points, _WRAP // len(row))
        entries: dict[str, Any] = {
            known if label == "published" else label: Line2D([], [], linestyle="none", **{"markersize": 5, **look})
            for label, look in _LABELS.items()
            if label not in _unused(outcomes)
        }
        drawing.place_legend(figure, {**entries, "passes (band)": Patch(**drawing.BAND)})
    told = [_told(group) for row in rows for group in row]
    given = "Error bars of published numbers: as the paper gives them; of ours and of controls: " if known == "published" else ""
    return Drawn(
        figure,
        f"{known.capitalize()} numbers and ours. Ours must lie in the grey band, with its whole interval where that is said "
        "below, and the negative control outside of it, or not with its whole interval where that is drawn. "
        f"{given or 'Error bars: '}95 % "
        "interval over subjects or realisations, which takes 4 of them. "
        f"{'; '.join(told)}. n (subjects or realisations): {', '.join(str(o.n) for row in rows for o, *_ in row)}.",
        ("comparison.nc: location", "comparison.nc: location_low", "comparison.nc: location_high"),
    )


def _unused(outcomes: Sequence[Outcome]) -> set[str]:
    """The marks of which there is none."""
    drawn = {
        "published": any(np.isfinite(o.published) and not o.is_remembered for o in outcomes),
        "remembered, not read (hollow)": any(np.isfinite(o.published) and o.is_remembered for o in outcomes),
        "the same elsewhere": any(np.isfinite(o.scaled_model) for o in outcomes),
    }
    return {label for label, is_drawn in drawn.items() if not is_drawn}


def thumbnail(outcomes: Sequence[Outcome], path: Path) -> None:
    """The same as a small PNG, for a list."""
    from PIL import Image

    drawing.save(picture(outcomes), path)
    with Image.open(path) as image:
        image.load()
    image.thumbnail((_SMALL, 4 * _SMALL))
    with replacing(path) as part:
        image.save(part, format="PNG", optimize=True)


def _rows(outcomes: Sequence[Outcome]) -> list[list[list[Outcome]]]:
    """What is drawn in each row: one quantity, or one or two curves with their points."""
    rows: list[list[list[Outcome]]] = []
    for (_, curve), group in itertools.groupby(outcomes, key=lambda o: (o.panel, o.curve)):
        points = list(group)
        if not curve:
            rows += [[[one]] for one in points]
        elif rows and rows[-1][0][0].curve and len(rows[-1]) == 1:
            rows[-1].append(points)
        else:
            rows.append([points])
    return rows


def _told(group: Sequence[Outcome]) -> str:
    if not group[0].curve:
        (o,) = group
        asked = ", with its whole interval" if o.is_whole_interval else ""
        return f"{o.title} ({o.panel}{asked}): {o.verdict}{f' ({o.reason})' if o.reason else ''}"
    verdicts = Counter(o.verdict for o in group)
    told = ", ".join(f"{n} of {len(group)} points {verdict}" for verdict, n in verdicts.items())
    return f"{group[0].curve_title} ({group[0].panel}): {told}"


def _draw_curve(axes: "Axes", points: Sequence[Outcome], letters: int) -> None:
    first = points[0]
    x = np.array([o.x for o in points])
    if first.is_logarithmic:
        axes.set_xscale("log")
        axes.set_xticks(x)
        drawing.plain_numbers(axes.xaxis)

    def of(name: str) -> np.ndarray:
        return np.array([getattr(o, name) for o in points])

    published, low, high = of("published"), of("published_low"), of("published_high")
    hollow = of("is_remembered")
    for is_hollow in (False, True):
        mine = hollow == is_hollow
        look = {**_PUBLISHED, **(drawing.HOLLOW if is_hollow else {})}
        drawing.errorbar(axes, x[mine], published[mine], low[mine], high[mine], markersize=6, zorder=3, **look)
    axes.plot(x, of("scaled_model"), linestyle="none", zorder=4, **_SCALED)
    line = {"linestyle": "-", "markersize": 3, "zorder": 5, **_OURS}
    drawing.errorbar(axes, x, of("ours"), of("ours_low"), of("ours_high"), **line)
    axes.plot(x, of("control"), linestyle=":", linewidth=1, markersize=4, zorder=2, **_CONTROL)
    # The ends of the band lie within the axis, or nobody sees that they are ends.
    reached = np.concatenate([of("at_least"), of("at_most"), axes.get_ylim()])
    margin = 0.03 * np.ptp(reached[np.isfinite(reached)])
    edges = np.nanmin(reached) - margin, np.nanmax(reached) + margin
    least, most = (np.where(np.isfinite(of(k)), of(k), e) for k, e in zip(("at_least", "at_most"), edges, strict=True))
    axes.fill_between(x, least, most, **drawing.BAND)
    axes.set_ylim(edges)
    drawing.label(axes, first.axis, f"Value ({first.unit})" if first.unit else "")
    verdict = panel_verdict(points)
    axes.set_title(textwrap.fill(f"{_MARKS[verdict]} {first.panel}: {first.curve_title}", letters), loc="left", pad=2)


def _draw(axes: "Axes", outcome: Outcome) -> None:
    known = [
        (outcome.published, outcome.published_low, outcome.published_high, _PUBLISHED, outcome.is_remembered),
        (outcome.scaled_model, np.nan, np.nan, _SCALED, False),
        (outcome.ours, outcome.ours_low, outcome.ours_high, _OURS, False),
        (outcome.control, outcome.control_low, outcome.control_high, _CONTROL, False),
    ]
    numbers = np.array([x for value, low, high, *_ in known for x in (value, low, high)] + [outcome.at_least, outcome.at_most])
    numbers = numbers[np.isfinite(numbers)]
    low, high = (numbers.min(), numbers.max()) if numbers.size else (0.0, 1.0)
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_xlim(low - margin, high + margin)
    axes.ticklabel_format(axis="x", useOffset=False)  # numbers are read off as they are, however alike
    edges = axes.get_xlim()
    band = (
        outcome.at_least if np.isfinite(outcome.at_least) else edges[0],
        outcome.at_most if np.isfinite(outcome.at_most) else edges[1],
    )
    if np.isfinite([outcome.at_least, outcome.at_most]).any():
        axes.axvspan(*band, **drawing.BAND)
    for y, (value, below, above, look, is_hollow) in enumerate(known):
        if np.isfinite(value):
            error = np.array([[value - below], [above - value]]) if np.isfinite(below) else None
            face = {"markerfacecolor": "white"} if is_hollow else {}
            looks = {"linestyle": "none", "capsize": 2, "markersize": 5, "linewidth": 1, **look, **face}
            axes.errorbar([value], [y], xerr=error, **looks)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(known) - 0.5, -0.5)
    unit = f" ({outcome.unit})" if outcome.unit not in ("", "1") else ""
    title = f"{_MARKS[outcome.verdict]} {outcome.panel}: {outcome.title}{unit}"
    axes.set_title(textwrap.fill(title, _WRAP), loc="left", pad=2)
    axes.set_label(f"{outcome.title}{unit}")  # of what can be read off, since it stands above the axes
