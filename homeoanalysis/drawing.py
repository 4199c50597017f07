"""The one visual encoding of all figures, and writing them so that the same input gives the same bytes.

Data: black markers with error bars. Models: coloured lines or markers. Null: grey dashes. Ceiling: grey band.
Colours: Okabe and Ito 2008, told apart with any colour vision.
"""

import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.files import replacing
from homeoanalysis.numerics.summaries import (
    References,
    Summary,
    at_epoch,
    conditions,
    epochs_of,
    levels_of,
    references,
    summarise,
)

if TYPE_CHECKING:  # the functions import what they use: the config check loads every figure, and need not pay for matplotlib
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Measures = Mapping[str, Mapping[str, xr.Dataset]]  # metric label -> source -> measure/1
MODEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
NULL: dict[str, Any] = {"color": "#666666", "linestyle": "--", "linewidth": 1}
CEILING: dict[str, Any] = {"color": "#BBBBBB", "alpha": 0.6, "linewidth": 0}
CEILING_LABEL = "ceiling (data)"
NULL_LABEL = "null (surrogates)"
EPOCHS: tuple[dict[str, Any], ...] = tuple(
    {"color": colour, "alpha": 0.2, "linewidth": 0} for colour in ("#56B4E9", "#E69F00")
)  # neighbours differ
STYLE: Any = {
    "font.size": 8,
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "svg.hashsalt": "homeoanalysis",
    "pdf.fonttype": 42,
    "text.parse_math": False,  # a dollar sign in a name is a dollar sign
}


class Drawn(NamedTuple):
    """A figure and its caption, which states n and what the error bars are."""

    figure: "Figure"
    caption: str


def new_figure(width: float, height: float) -> "Figure":
    """An empty figure [inch], without any global state of pyplot. Its style is that of `draw` and `save`."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def nothing(reason: str) -> Drawn:
    """What a figure is when there is nothing to draw."""
    figure = new_figure(7, 1)
    figure.text(0.5, 0.5, f"Nothing to draw: {reason}.", ha="center", va="center")
    return Drawn(figure, f"Nothing to draw (n = 0): {reason}.")


def label(axes: "Axes", x: str, y: str) -> None:
    """Axis labels, each "Quantity (unit)"."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def plain_numbers(axis: "Axis") -> None:
    """Write the labels of a logarithmic axis as plain numbers."""
    from matplotlib.ticker import FuncFormatter, NullFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def is_recording(estimate: xr.Dataset) -> bool:
    """Whether the measure is of data, not of a model."""
    return bool(estimate.attrs["source_kind"] == "recording")


def styles(measures: Measures) -> dict[str, dict[str, Any]]:
    """Colour and marker of each source, the same in all figures of a study: recordings black, models coloured."""
    kinds = {source: is_recording(e) for by_source in measures.values() for source, e in by_source.items()}
    found: dict[str, dict[str, Any]] = {}
    for recorded in (True, False):
        for k, source in enumerate(s for s, kind in kinds.items() if kind == recorded):
            colour = "black" if recorded else MODEL_COLOURS[k % len(MODEL_COLOURS)]
            found[source] = {"color": colour, "marker": MARKERS[(k + k // len(MARKERS)) % len(MARKERS)]}
    return found


def errorbar(axes: "Axes", x: Any, mean: Any, low: Any, high: Any, **style: Any) -> None:
    """Markers with their interval; the interval is left out where it is NaN."""
    mean, low, high = (np.atleast_1d(np.asarray(v, float)) for v in (mean, low, high))
    error = np.maximum([mean - low, high - mean], 0)
    axes.errorbar(x, mean, yerr=error, **{"linestyle": "none", "markersize": 4.5, "capsize": 2, "linewidth": 1, **style})


def legend(figure: "Figure", measures: Measures) -> None:
    """One legend for the whole figure, below the panels: each source once, then the references."""
    entries: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, text in zip(*axes.get_legend_handles_labels(), strict=True):
            entries.setdefault(text, handle)
    place_legend(figure, {name: entries[name] for name in [*styles(measures), *entries] if name in entries})


def place_legend(figure: "Figure", entries: Mapping[str, Any]) -> None:
    """The legend in as many columns as fit the figure's width; 8 pt text has about 11 letters to the inch."""
    room = 11 * figure.get_figwidth()
    longest = max((len(text) for text in entries), default=1) + 7
    figure.legend(list(entries.values()), list(entries), loc="outside lower center", ncols=max(1, int(room // longest)))


def counted(source: str, estimate: xr.Dataset, summaries: Iterable[Summary]) -> str:
    """What n is, and what the interval is, for a caption."""
    every = list(summaries)
    noun = "subject" if is_recording(estimate) else "realisation"
    n = [s.n_subjects for s in every]
    units = [s.n_units for s in every]
    over = " or ".join(dict.fromkeys(s.over.replace("subjects", f"{noun}s") for s in every))
    of_units = f" with {_range(units, 'unit')} in all" if max(units) else ""
    return f"{source}: n = {_range(n, noun)}{of_units}, interval {over}"


def _range(numbers: list[int], noun: str) -> str:
    text = str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
    return f"{text} {noun}{'' if text == '1' else 's'}"


def condition_panel(
    axes: "Axes", measures: Measures, comparison: xr.Dataset, metric: str, *, null: float | None = None
) -> list[str]:
    """A metric of all sources side by side in each condition (and epoch) of the recordings.

    null: the value of a source that knows nothing; without it the dashes are the target plus and minus the floor.
    Returns what the caption must say of each source; [] if there is nothing to draw.
    """
    by_source = {s: e for s, e in measures.get(metric, {}).items() if bool(e[e.attrs["metric"]].notnull().any())}
    shown = [e for e in by_source.values() if is_recording(e)] or list(by_source.values())
    groups = list(dict.fromkeys((c, e) for s in shown for c in conditions(s) for e in epochs_of(s)))
    placed = {s: e for s, e in by_source.items() if any(c in conditions(e) and epoch in epochs_of(e) for c, epoch in groups)}
    style = styles(measures)
    notes = []
    for k, (source, estimate) in enumerate(placed.items()):
        offset = 0.7 * ((k + 0.5) / len(placed) - 0.5)
        summaries: list[Summary] = []
        for at, (condition, epoch) in enumerate(groups):
            if condition not in conditions(estimate) or epoch not in epochs_of(estimate):
                continue
            summary = at_epoch(summarise(estimate, conditions(estimate)[condition]), epoch)
            name = source if not summaries else None
            errorbar(axes, [at + offset], summary.mean, summary.low, summary.high, label=name, zorder=3, **style[source])
            summaries.append(summary)
            if any(estimate is e for e in shown):
                levels = levels_of(estimate, conditions(estimate)[condition][0])
                found = references(comparison, source, metric, estimate, levels, epoch)
                draw_references(axes, [at - 0.45, at + 0.45], float(summary.mean), found, null)
        notes.append(counted(source, estimate, summaries))
    words = [" ".join(filter(None, (c, e if len(epochs_of(shown[0])) > 1 else ""))) or "all" for c, e in groups]
    axes.set_xticks(range(len(groups)), ["\n".join(textwrap.wrap(w, 10)) for w in words])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    return notes


def draw_references(axes: "Axes", x: Any, target: Any, found: References, null: Any = None) -> None:
    """The ceiling around the target as a grey band, the null as grey dashes (target plus and minus floor, or `null`)."""
    target = np.broadcast_to(target, np.shape(x))
    if np.isfinite(found.ceiling):
        axes.fill_between(x, target - found.ceiling, target + found.ceiling, label=CEILING_LABEL, **CEILING)
    lines = [null] if null is not None else [target - found.floor, target + found.floor]
    for line in (np.broadcast_to(v, np.shape(x)) for v in lines if np.all(np.isfinite(v))):
        axes.plot(x, line, label=NULL_LABEL, **NULL)


def save(drawn: Drawn, path: Path | str) -> None:
    """Write as PNG or PDF, by the ending; the caption goes into the file's metadata. Whole or not at all."""
    from matplotlib import rc_context

    path = Path(path)
    if path.suffix == ".png":
        options = {"metadata": {"Description": drawn.caption, "Software": None}, "dpi": 200}
    else:
        options = {"metadata": {"Subject": drawn.caption, "CreationDate": None, "Creator": None, "Producer": None}}
    # The style again: matplotlib makes ticks, and embeds fonts, when it writes.
    with replacing(path) as part, rc_context(STYLE):
        drawn.figure.savefig(part, **options)  # type: ignore[arg-type]
