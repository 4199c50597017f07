"""Published numbers, their uncertainty and ours, drawn together: an axis for each quantity."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import rc_context

from homeoanalysis import drawing
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.drawing import Drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_PUBLISHED: dict[str, Any] = {"color": "black", "marker": "D"}
_SCALED: dict[str, Any] = {"color": "#666666", "marker": "^"}
_OURS: dict[str, Any] = {"color": drawing.MODEL_COLOURS[0], "marker": "o"}
_CONTROL: dict[str, Any] = {"color": drawing.MODEL_COLOURS[1], "marker": "X"}
_LABELS = {
    "published": _PUBLISHED,
    "remembered, not read (hollow)": {**_PUBLISHED, **drawing.HOLLOW},
    "same model elsewhere": _SCALED,
    "ours": _OURS,
    "negative control": _CONTROL,
}
_MARKS = {"reproduced": "✓", "scaled test passes": "✓", "not reproduced": "✗", "scaled test fails": "✗", "not testable": "–"}


def picture(outcomes: Sequence[Outcome]) -> Drawn:
    """One axis for each quantity: the band that ours must lie in and the control must not, and all the numbers."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    with rc_context(drawing.STYLE):
        figure = drawing.new_figure(7, 0.8 + 0.85 * len(outcomes))
        axes = np.ravel(figure.subplots(len(outcomes), 1))
        for one, outcome in zip(axes, outcomes, strict=True):
            _draw(one, outcome)
        entries: dict[str, Any] = {
            label: Line2D([], [], linestyle="none", markersize=5, **look) for label, look in _LABELS.items()
        }
        drawing.place_legend(figure, {**entries, "passes (band)": Patch(**drawing.CEILING)})
    told = [f"{o.title} ({o.panel}): {o.verdict}{f' ({o.reason})' if o.reason else ''}" for o in outcomes]
    return Drawn(
        figure,
        "Published numbers and ours. Ours must lie in the grey band, the negative control outside of it. Error bars of published "
        "numbers: as the paper gives them; of ours: 95 % interval over subjects or realisations, which takes 4 of them. "
        f"{'; '.join(told)}. n (subjects or realisations): {', '.join(str(o.n) for o in outcomes)}.",
    )


def _draw(axes: "Axes", outcome: Outcome) -> None:
    known = [
        (outcome.published, outcome.published_low, outcome.published_high, _PUBLISHED, outcome.is_remembered),
        (outcome.scaled_model, np.nan, np.nan, _SCALED, False),
        (outcome.ours, outcome.ours_low, outcome.ours_high, _OURS, False),
        (outcome.control, np.nan, np.nan, _CONTROL, False),
    ]
    numbers = np.array([x for value, low, high, *_ in known for x in (value, low, high)] + [outcome.at_least, outcome.at_most])
    numbers = numbers[np.isfinite(numbers)]
    low, high = numbers.min(), numbers.max()
    margin = 0.08 * (high - low) or 0.1 * abs(high) or 1.0
    axes.set_xlim(low - margin, high + margin)
    edges = axes.get_xlim()
    band = (
        outcome.at_least if np.isfinite(outcome.at_least) else edges[0],
        outcome.at_most if np.isfinite(outcome.at_most) else edges[1],
    )
    axes.axvspan(*band, **drawing.CEILING)
    for y, (value, below, above, look, is_hollow) in enumerate(known):
        if np.isfinite(value):
            error = np.array([[value - below], [above - value]]) if np.isfinite(below) else None
            face = {"markerfacecolor": "white"} if is_hollow else {}
            axes.errorbar([value], [y], xerr=error, linestyle="none", capsize=2, markersize=5, linewidth=1, **{**look, **face})
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(known) - 0.5, -0.5)
    unit = f" ({outcome.unit})" if outcome.unit else ""
    axes.set_title(f"{_MARKS[outcome.verdict]} {outcome.panel}: {outcome.title}{unit}", loc="left", pad=2)
