"""The values of the metrics, in families, with the figures that show them."""

import base64
import itertools
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from PIL import Image

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.summaries import Summary, cell_types, conditions, epochs_of, limits, of_replicate, parts, summarise
from homeoanalysis.report.text import Measures, file, in_words, interval, number, titled

_FAMILIES = {"rates": "Firing-rate homeostasis", "spectra": "Spectral structure", "coding": "Coding fidelity"}


class Row(NamedTuple):
    """One line of a table of values."""

    source: str
    condition: str
    cells: str
    epoch: str
    value: str
    interval: str
    n: str
    trace: str


class Source(NamedTuple):
    """A variable that a figure shows: its file, from the folder of the study on, and its name."""

    path: str
    variable: str


class Picture(NamedTuple):
    """A figure as it stands in the page."""

    name: str
    data: str
    width: int
    height: int
    caption: str
    sources: list[Source]
    axes: str  # JSON: where they lie, and their numbers, see `drawing.save`


def check_picture(path: Path) -> None:
    """Raises DataError for a PNG that is not whole, as the checksums of its parts say."""
    try:
        with Image.open(path) as image:
            image.verify()
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); delete it and run the workflow again") from None


def picture(name: str, path: Path) -> Picture:
    """Raises DataError for a damaged file."""
    check_picture(path)
    with Image.open(path) as image:
        told = {key: str(image.info.get(key, "")) for key in ("Description", "Source", "Comment")}
        width, height = image.size
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    sources = [Source(*line.rsplit(": ", 1)) for line in told["Source"].splitlines()]
    return Picture(name, data, width, height, told["Description"], sources, told["Comment"] or "[]")


def _family(by_source: Mapping[str, xr.Dataset]) -> str:
    """Which of the three questions a metric is about: the metric says so."""
    return str(next(iter(by_source.values())).attrs["family"])


def family_of(picture: Picture, measures: Measures) -> str | None:
    """The family of what a figure shows; None if that is of several, or the comparison."""
    labels = {source.path.split("/")[1] for source in picture.sources if source.path.startswith("measures/")}
    found = {_family(measures[label]) for label in labels if label in measures}
    return found.pop() if len(found) == 1 else None


def families(measures: Measures, pictures: list[Picture]) -> Iterator[dict[str, Any]]:
    """All three, also one of which nothing was measured."""
    for family, title in _FAMILIES.items():
        tables = [_table(label, measures) for label, by_source in measures.items() if _family(by_source) == family]
        shown = [p for p in pictures if family_of(p, measures) == family]
        yield {"key": family, "title": title, "pictures": shown, "tables": tables}


def _table(label: str, measures: Measures) -> dict[str, Any]:
    """The values of one metric: a line for each source, condition, type of units and epoch; what is not there, and why."""
    by_source = measures[label]
    first = next(iter(by_source.values()))
    # A source without a value has the unit of the metric; a signal of a model may have another than that of a recording.
    found = {s: str(e[e.attrs["metric"]].attrs["units"]) for s, e in by_source.items() if e[e.attrs["metric"]].notnull().any()}
    is_one = len(set(found.values())) <= 1
    units = next(iter(found.values()), str(first[first.attrs["metric"]].attrs["units"])) if is_one else "as each value says"
    rows = [
        row if is_one else row._replace(value=f"{row.value} {found[source]}")
        for source, estimate in by_source.items()
        if source in found
        for row in _rows(label, source, estimate)
    ]
    missing = [f"{source}: {reason}" for source, estimate in by_source.items() for reason in _reasons(estimate)]
    method = str(first.attrs.get("metric_source", ""))
    return {
        "title": in_words(label, measures),
        "name": titled(label, measures),
        "label": label,
        "units": units,
        "method": method[:1].upper() + method[1:],
        "notes": _notes(by_source),
        "rows": rows,
        "missing": missing,
    }


def _notes(by_source: Mapping[str, xr.Dataset]) -> list[str]:
    """Where integrals ended; which surrogate is no worst case."""
    ends = {words or "all": end for estimate in by_source.values() for words, end in limits(estimate).items()}
    told = [f"The integral ends at {', '.join(f'{end:g} Hz ({words})' for words, end in ends.items())}."] if ends else []
    no_worst_case = next(iter(by_source.values())).attrs["no_worst_case"]
    return [*told, *([f"Its surrogate is {no_worst_case}, no worst case."] if no_worst_case else [])]


def _reasons(estimate: xr.Dataset) -> list[str]:
    """Why replicates have no value, each reason once."""
    metric, missing = estimate.attrs["metric"], json.loads(estimate.attrs["not_applicable"])
    left = [str(r) for r in estimate.replicate.values if str(r) not in missing]
    undefined = sum(not bool(of_replicate(estimate, metric, r).notnull().any()) for r in left)
    source = estimate.attrs.get("metric_source", "")
    told = f"undefined in {undefined} of {len(left)} replicates{f'; it is {source}' if source else ''}"
    return [*dict.fromkeys(missing.values()), *([told] if undefined else [])]


def _rows(label: str, source: str, estimate: xr.Dataset) -> Iterator[Row]:
    metric = estimate.attrs["metric"]
    missing = json.loads(estimate.attrs["not_applicable"])
    of_type = _asked(label, estimate).get("cell_type", "all")
    noun = "subject" if estimate.attrs["source_kind"] == "recording" else "realisation"
    for condition, replicates in conditions(estimate).items():
        kept = [r for r in replicates if r not in missing]
        if not kept:
            continue
        types: list[str | None] = [*cell_types(estimate)]
        for cells, epoch, (label_at, part) in itertools.product(types or [None], epochs_of(estimate), parts(estimate).items()):
            summary = summarise(part, kept, epoch=epoch, cell_type=cells)
            left = list(summary.mean.dims)
            mean = float(summary.mean.mean(left, skipna=True))
            spread = "" if left or not np.isfinite(float(summary.spread)) else f" ± {number(summary.spread)}"
            yield Row(
                source=source,
                condition=condition or "all",
                cells=cells or of_type,
                epoch=", ".join(filter(None, (epoch, label_at))) or "–",
                value=f"{number(mean)}{spread}" + (f" (mean over {left[0]})" if left else ""),
                interval=_interval(summary, left).replace("subjects", f"{noun}s"),
                n=f"{summary.n_subjects} {noun}{'s' if summary.n_subjects != 1 else ''}{_units(summary)}",
                trace=f"{file(label, estimate)}: {metric}",
            )


def _asked(label: str, estimate: xr.Dataset) -> dict[str, Any]:
    """The parameters that the study gives to the metric."""
    found: dict[str, Any] = json.loads(estimate.attrs.get("parameters", "{}")).get("metric", {}).get(label) or {}
    return found


def _interval(summary: Summary, left: list[Any]) -> str:
    """The interval, and what it is over; or why there is none."""
    return f"– (none of a mean over {left[0]})" if left else f"{interval(summary.low, summary.high)} ({summary.over})"


def _units(summary: Summary) -> str:
    """How many units have a value, and of how many."""
    n, of = summary.n_units, summary.n_units_all
    undefined = f" of {of}" if n < of else ""
    return f", {n}{undefined} unit{'s' if of != 1 else ''}{' (the others undefined)' if undefined else ''}" if of else ""
