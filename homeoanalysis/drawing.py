"""The one visual encoding of all figures, and writing them so that the same input gives the same bytes.

Data: black markers with error bars. Models: coloured lines or markers. What is found where nothing is: grey dashes. Margins and
bands that a number must lie in: grey.
Colours: Okabe and Ito 2008, told apart with any colour vision.
"""

import io
import json
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.files import replacing
from homeoanalysis.numerics.summaries import Summary, cell_types, conditions, epochs_of, summarise

if TYPE_CHECKING:  # the functions import what they use: the config check loads every figure, and need not pay for matplotlib
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Measures = Mapping[str, Mapping[str, xr.Dataset]]  # metric label -> source -> measure/1
MODEL_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v", "P")
HOLLOW = {"markerfacecolor": "white"}  # fitted
NULL: dict[str, Any] = {"color": "#666666", "linestyle": "--", "linewidth": 1}
BAND: dict[str, Any] = {"color": "#BBBBBB", "alpha": 0.6, "linewidth": 0}
NULL_LABEL = "nothing to be found"
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


@contextmanager
def style() -> Iterator[None]:
    """The settings of our figures: matplotlib's own, STYLE on top, and nothing of the matplotlibrc of whoever draws them."""
    from matplotlib import rc_context, rcdefaults, rcParams

    with rc_context():
        rcdefaults()
        rcParams.update(STYLE)
        yield


_DPI = 200


class Drawn(NamedTuple):
    """A figure and its caption, which states n and what the error bars are; and the files and variables that it shows."""

    figure: "Figure"
    caption: str
    sources: tuple[str, ...] = ()  # "file.nc: variable", from the folder of the study on


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
    """Axis labels, each "Quantity (unit)"; "" for an axis of names."""
    axes.set_xlabel(x)
    axes.set_ylabel(y)


def plain_numbers(axis: "Axis") -> None:
    """Write the labels of a logarithmic axis as plain numbers.

    At even steps where it spans less than a factor of 3; at 1, 2 and 5 where it spans less than 100.
    """
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, NullLocator

    low, high = axis.get_view_interval()
    if 0 < low < high < 100 * low:
        axis.set_major_locator(MaxNLocator(5) if high < 3 * low else LogLocator(subs=(1.0, 2.0, 5.0)))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def is_recording(estimate: xr.Dataset) -> bool:
    """Whether the measure is of data, not of a model."""
    return bool(estimate.attrs["source_kind"] == "recording")


def is_fitted(comparison: xr.Dataset, metric: str, source: str) -> bool:
    """Whether the metric was set from the data, so that its marker is hollow."""
    if metric not in comparison.metric.values or source not in comparison.candidate.values:
        return False
    return bool(comparison.fitted.sel(metric=metric, candidate=source).any())


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
    types = cell_types(estimate)
    pooled = f" (of types {' and '.join(types)} together)" if types else ""
    of_units = f" with {_range(units, 'unit')} in all{pooled}" if max(units, default=0) else ""
    return f"{source}: n = {_range(n, noun)}{of_units}, interval {over}"


def _range(numbers: list[int], noun: str) -> str:
    text = str(min(numbers)) if min(numbers) == max(numbers) else f"{min(numbers)} to {max(numbers)}"
    return f"{text} {noun}{'' if text == '1' else 's'}"


def condition_panel(axes: "Axes", measures: Measures, comparison: xr.Dataset, metric: str, *, null: float = np.nan) -> list[str]:
    """A metric of all sources side by side in each condition (and epoch) of the recordings; hollow where it was fitted.

    null: the value of a source that knows nothing, if there is one.
    Returns what the caption must say of each source, of those too that are not drawn; [] if there is nothing to draw.
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
            summary = summarise(estimate, conditions(estimate)[condition], epoch=epoch)
            looks = {"zorder": 3, **style[source], **(HOLLOW if is_fitted(comparison, metric, source) else {})}
            name = source if not summaries else None
            errorbar(axes, [at + offset], summary.mean, summary.low, summary.high, label=name, **looks)
            summaries.append(summary)
            if any(estimate is e for e in shown):
                draw_null(axes, [at - 0.45, at + 0.45], null)
        hollow = ", hollow: fitted to the data" if is_fitted(comparison, metric, source) else ""
        notes.append(counted(source, estimate, summaries) + hollow)
    left = {s: e for s, e in measures.get(metric, {}).items() if placed and s not in placed}
    notes += [f"{s} is not drawn: {_elsewhere(e, groups) if s in by_source else without_value(e)}" for s, e in left.items()]
    words = [" ".join(filter(None, (c, e if len(epochs_of(shown[0])) > 1 else ""))) or "all" for c, e in groups]
    axes.set_xticks(range(len(groups)), ["\n".join(textwrap.wrap(w, 10, break_long_words=False)) for w in words])
    axes.set_xlim(-0.6, len(groups) - 0.4)
    return notes


def shade_epochs(axes: "Axes", estimates: Iterable[xr.Dataset], *, is_named: bool = True) -> None:
    """The epochs of the replicates as bands over the axis of time, with their names above it."""
    found: dict[str, tuple[float, float]] = {}
    for estimate in estimates:
        for spans in estimate.epochs.values if "epochs" in estimate.coords else []:
            found |= {name: (start, stop) for name, (start, stop) in json.loads(str(spans)).items()}
    for k, (name, (start, stop)) in enumerate(found.items()):
        axes.axvspan(start, stop, zorder=0, **EPOCHS[k % 2])
        if is_named:
            # Two heights, because a short epoch is narrower than its name.
            above: dict[str, Any] = {
                "xytext": (0, 2 + 11 * (k % 2)),
                "textcoords": "offset points",
                "ha": "center",
                "va": "bottom",
            }
            axes.annotate(name, ((start + stop) / 2, 1), xycoords=axes.get_xaxis_transform(), **above)


def without_value(estimate: xr.Dataset) -> str:
    """Why a measure has no value."""
    return ", ".join(dict.fromkeys(json.loads(estimate.attrs["not_applicable"]).values())) or "undefined"


def _elsewhere(estimate: xr.Dataset, groups: list[tuple[str, str | None]]) -> str:
    """Why none of the drawn conditions and epochs is one of a source."""
    has = ", ".join(e for e in epochs_of(estimate) if e)
    if not {e for _, e in groups} & set(epochs_of(estimate)):
        return f"its epochs ({has}) are not those drawn"
    return f"its conditions ({'; '.join(c or 'none' for c in conditions(estimate))}) are not those drawn"


def draw_null(axes: "Axes", x: Any, null: float) -> None:
    """What is found where nothing is, as grey dashes; nothing where it is NaN."""
    if np.isfinite(null):
        axes.plot(x, np.full(np.shape(x), null), label=NULL_LABEL, **NULL)


def save(drawn: Drawn, path: Path | str) -> None:
    """Write as PNG or PDF, by the ending; the caption goes into the file's metadata. Whole or not at all.

    A PNG also says which variables it shows (`Source`), and where its axes lie (`Comment`), so that a page can read values off.
    """
    path = Path(path)
    made = io.BytesIO()  # on a full disk matplotlib fails again while it closes a PDF, with an error of its own
    # The style again: matplotlib makes ticks, and embeds fonts, when it writes.
    with style():
        if path.suffix == ".png":
            drawn.figure.set_dpi(_DPI)
            drawn.figure.draw_without_rendering()  # a layout comes with the first drawing
            told = {"Source": "\n".join(drawn.sources), "Comment": json.dumps(_axes(drawn.figure))}
            metadata = {"Description": drawn.caption, "Software": None, **told}
            drawn.figure.savefig(made, format="png", metadata=metadata, dpi=_DPI)
        else:
            metadata = {"Subject": drawn.caption, "CreationDate": None, "Creator": None, "Producer": None}
            drawn.figure.savefig(made, format="pdf", metadata=metadata)
    with replacing(path) as part:
        part.write_bytes(made.getvalue())


def _axes(figure: "Figure") -> list[dict[str, Any]]:
    """Where each axes lies (left, top, right, bottom; fractions of the picture from its top left corner), and its numbers."""
    found = []
    for axes in figure.axes:
        box = axes.get_position()
        if axes.name != "rectilinear" or not axes.axison:
            continue
        numbers = {name: _numbers(axis) for name, axis in (("x", axes.xaxis), ("y", axes.yaxis))}
        if any(numbers.values()):
            found.append({"box": [round(v, 5) for v in (box.x0, 1 - box.y1, box.x1, 1 - box.y0)], **numbers})
    return found


def _numbers(axis: "Axis") -> dict[str, Any] | None:
    """The range of an axis, and what it is of; None where it has names or no ticks, so that there is no number to read off."""
    from matplotlib.ticker import FixedLocator, ScalarFormatter

    is_named = isinstance(axis.get_major_locator(), FixedLocator) and not isinstance(axis.get_major_formatter(), ScalarFormatter)
    if is_named or len(axis.get_majorticklocs()) == 0:
        return None
    low, high = (float(f"{v:.8g}") for v in axis.get_view_interval())
    return {"low": low, "high": high, "log": axis.get_scale() == "log", "label": axis.get_label_text() or axis.axes.get_label()}
