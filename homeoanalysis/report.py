"""report: the comparison, the measures and the figures of a study -> one HTML page that needs nothing else.

Every number of the page stands beside the file and the variable that it comes from, relative to the study's folder.
"""

import base64
import json
import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import jinja2
import numpy as np
import xarray as xr
from PIL import Image

from homeoanalysis.config import Study
from homeoanalysis.numerics.summaries import at_epoch, conditions, epochs_of, summarise

_log = logging.getLogger(__name__)
Measures = Mapping[str, Mapping[str, xr.Dataset]]  # metric label -> source -> measure/1
_COMPARISON = "comparison.nc"
_REFERENCES = ("null", "data")
_FAMILIES = {"rates": "Firing rates", "spectra": "Spectra", "coding": "Coding"}


class Verdict(NamedTuple):
    """One judged (or refused) cell of the comparison, in words."""

    target: str
    contrast: str
    metric: str
    candidate: str
    verdict: str
    numbers: str
    reason: str
    trace: str
    discrepancy: str
    within: str
    floor: str
    ceiling: str


class Row(NamedTuple):
    """One line of a table of values."""

    source: str
    condition: str
    epoch: str
    value: str
    interval: str
    n: str
    trace: str


class Picture(NamedTuple):
    """A figure as it stands in the page."""

    name: str
    data: str
    width: int
    height: int
    caption: str


def report(
    study: Study, *, name: str, comparison: xr.Dataset, measures: Measures, figures: Mapping[str, Path], template: str
) -> str:
    """The report of a study: one HTML page with everything in it.

    name: of the study. measures: metric label -> source as the study names it -> measure/1. figures: name -> PNG that
    `drawing.save` wrote, whose caption is in the file. template: the text of a jinja2 template.
    """
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    pictures = [_picture(figure, path) for figure, path in figures.items()]
    page = environment.from_string(template).render(
        name=name,
        study=study,
        verdicts=list(_verdicts(study, comparison, measures)),
        families=list(_families(measures, pictures)),
        overview=[p for p in pictures if _family_of(p.name, measures) is None],
        book=list(_book(measures)),
        files=list(_files(comparison, measures)),
        inputs=_merged(comparison, measures, "inputs"),
        versions=_merged(comparison, measures, "versions"),
        citations=_citations(measures),
    )
    _log.info("reported %s: %d figures", name, len(pictures))
    return page


# ---- numbers and where they come from


def _number(value: Any) -> str:
    """Three digits; a dash for a missing value."""
    return f"{float(value):.3g}" if np.isfinite(float(value)) else "–"


def _interval(low: Any, high: Any) -> str:
    return f"{_number(low)} to {_number(high)}" if np.isfinite(float(low)) and np.isfinite(float(high)) else "–"


def _file(label: str, estimate: xr.Dataset) -> str:
    return f"measures/{label}/{estimate.attrs['source']}.nc"


def _in_words(label: str, estimate: xr.Dataset) -> str:
    """The metric's long name, and the study's own label where it uses a metric twice."""
    words = str(estimate[estimate.attrs["metric"]].attrs["long_name"])
    return words + (f" ({label.partition('.')[2]})" if "." in label else "")


def _briefly(words: str) -> str:
    """The name without what explains it, to stand within a sentence."""
    name = re.split(r"[:,]| \((?!\w+\)$)", words)[0]
    return name[0].lower() + name[1:]


def _units(units: str) -> str:
    return "" if units == "1" else f"\N{NO-BREAK SPACE}{units}"


# ---- verdicts


def _verdicts(study: Study, comparison: xr.Dataset, measures: Measures) -> Iterator[Verdict]:
    """Every cell that the study asks for: judged, or with the reason why not. A target alone has its references."""
    for target, candidates in study.targets.items():
        for contrast, asked in study.contrasts.items():
            for label in (m for m in study.metrics if m in asked.metrics):
                for candidate in candidates or _REFERENCES:
                    yield _verdict(study, comparison, measures, (target, contrast, label, candidate))


def _verdict(study: Study, comparison: xr.Dataset, measures: Measures, at: tuple[str, str, str, str]) -> Verdict:
    target, contrast, label, candidate = at
    row = comparison.sel(target=target, contrast=contrast, metric=label)
    cell = row.sel(candidate=candidate)
    estimate = measures[label][target]
    asked = study.contrasts[contrast]
    is_change = asked.reference is not None or asked.between is not None
    # A relative change has no unit, whatever the unit of the metric.
    units = "1" if is_change and estimate.attrs["scale"] == "relative" else str(estimate[estimate.attrs["metric"]].attrs["units"])
    located = (candidate, target) if int(cell.comparable) and candidate not in _REFERENCES else ()
    numbers = " against ".join(_located(row.sel(source=source), source, units, is_change) for source in located)
    return Verdict(
        target=target,
        contrast=contrast,
        metric=_briefly(_in_words(label, estimate)),
        candidate=candidate,
        verdict=str(cell.verdict.values),
        numbers=numbers,
        reason=str(cell.reason.values),
        trace=f"[{target}, {contrast}, {label}, {candidate}]",
        discrepancy=_number(cell.discrepancy),
        within=_interval(cell.within_low, cell.within_high),
        floor=_number(row.discrepancy.sel(candidate="null")),
        ceiling=_number(row.ceiling),
    )


def _located(cell: xr.Dataset, source: str, units: str, is_change: bool) -> str:
    spread = f" ± {_number(cell.spread)}" if np.isfinite(float(cell.spread)) else ""
    kind = "change of " if is_change else ""
    n = f"n = {int(cell.n_subjects)}".replace(" ", "\N{NO-BREAK SPACE}")
    return f"{source} {kind}{_number(cell.location)}{spread}{_units(units)} ({n})"


# ---- families of metrics


def _family(by_source: Mapping[str, xr.Dataset]) -> str:
    """A metric in bits is of the code, one over frequency of the spectrum, any other of the rates."""
    values = [e[e.attrs["metric"]] for e in by_source.values()]
    if any(v.attrs["units"].startswith("bit") for v in values):
        return "coding"
    return "spectra" if any("frequency" in v.dims for v in values) else "rates"


def _family_of(figure: str, measures: Measures) -> str | None:
    """A figure stands with the metric that its name begins with; the others stand at the head of the page."""
    named = [label for label in measures if figure.startswith(label.partition(".")[0])]
    return _family(measures[max(named, key=len)]) if named else None


def _families(measures: Measures, pictures: list[Picture]) -> Iterator[dict[str, Any]]:
    for family, title in _FAMILIES.items():
        tables = [_table(label, by_source) for label, by_source in measures.items() if _family(by_source) == family]
        shown = [p for p in pictures if _family_of(p.name, measures) == family]
        if tables or shown:
            yield {"key": family, "title": title, "pictures": shown, "tables": tables}


def _table(label: str, by_source: Mapping[str, xr.Dataset]) -> dict[str, Any]:
    """The values of one metric: one line for each source, condition and epoch; what could not be measured, and why."""
    first = next(iter(by_source.values()))
    rows = [row for source, estimate in by_source.items() for row in _rows(label, source, estimate)]
    missing = []
    for source, estimate in by_source.items():
        reasons = dict.fromkeys(json.loads(estimate.attrs["not_applicable"]).values())
        missing += [f"{source}: {reason}" for reason in reasons]
    units = first[first.attrs["metric"]].attrs["units"]
    return {
        "title": _in_words(label, first),
        "label": label,
        "units": units,
        "method": first.attrs.get("metric_source", ""),
        "rows": rows,
        "missing": missing,
    }


def _rows(label: str, source: str, estimate: xr.Dataset) -> Iterator[Row]:
    metric = estimate.attrs["metric"]
    missing = json.loads(estimate.attrs["not_applicable"])
    noun = "subject" if estimate.attrs["source_kind"] == "recording" else "realisation"
    for condition, replicates in conditions(estimate).items():
        kept = [r for r in replicates if r not in missing]
        if not kept:
            continue
        whole = summarise(estimate, kept)
        for epoch in epochs_of(estimate):
            summary = at_epoch(whole, epoch)
            left = [d for d in summary.mean.dims if d in ("frequency", "time")]
            mean = float(summary.mean.mean(left, skipna=True))
            spread = "" if left or not np.isfinite(float(summary.spread)) else f" ± {_number(summary.spread)}"
            units = f", {summary.n_units} unit{'s' if summary.n_units != 1 else ''}" if summary.n_units else ""
            yield Row(
                source=source,
                condition=condition or "all",
                epoch=epoch or "–",
                value=f"{_number(mean)}{spread}" + (f" (mean over {left[0]})" if left else ""),
                interval="–" if left else _interval(summary.low, summary.high).replace("–", f"– ({summary.over})"),
                n=f"{summary.n_subjects} {noun}{'s' if summary.n_subjects != 1 else ''}{units}",
                trace=f"{_file(label, estimate)}: {metric}",
            )


# ---- figures, book-keeping, provenance


def _picture(name: str, path: Path) -> Picture:
    with Image.open(path) as image:
        caption = str(image.info.get("Description", ""))
        width, height = image.size
    data = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(name, data, width, height, caption)


def _book(measures: Measures) -> Iterator[dict[str, Any]]:
    """Spikes, units and signals in, out and dropped, of each replicate of each source."""
    seen: set[str] = set()
    for label, by_source in measures.items():
        for source, estimate in by_source.items():
            if source in seen or "bookkeeping" not in estimate.coords:
                continue
            seen.add(source)
            for replicate, text in zip(estimate.replicate.values, estimate.bookkeeping.values, strict=True):
                for what, count in sorted(json.loads(str(text)).items()):
                    dropped = ", ".join(f"{n} {reason}" for reason, n in sorted(count["dropped"].items())) or "0"
                    trace = f"{_file(label, estimate)}: bookkeeping"
                    yield {"source": source, "replicate": replicate, "what": what, **count, "dropped": dropped, "trace": trace}


def _datasets(comparison: xr.Dataset, measures: Measures) -> Iterator[tuple[str, xr.Dataset]]:
    yield _COMPARISON, comparison
    for label, by_source in measures.items():
        for estimate in by_source.values():
            yield _file(label, estimate), estimate


def _history(dataset: xr.Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dataset.attrs.get("history", "[]"))
    return found


def _files(comparison: xr.Dataset, measures: Measures) -> Iterator[dict[str, Any]]:
    """What each file was made with: steps and their code, seed, parameters."""
    for path, dataset in _datasets(comparison, measures):
        yield {
            "path": path,
            "steps": ", ".join(f"{entry['step']} (code {entry['code']})" for entry in _history(dataset)),
            "seed": dataset.attrs.get("seed", "–"),
            "parameters": dataset.attrs.get("parameters", "{}"),
        }


def _merged(comparison: xr.Dataset, measures: Measures, key: str) -> list[tuple[str, str, str]]:
    """(name, value, file that says so) of the history's `inputs` or `versions`, each pair once."""
    found: dict[tuple[str, str], str] = {}
    for path, dataset in _datasets(comparison, measures):
        for entry in _history(dataset):
            for name, value in entry[key].items():
                found.setdefault((name, value), path)
    return [(name, value, path) for (name, value), path in sorted(found.items())]


def _citations(measures: Measures) -> list[tuple[str, str, str]]:
    """(source, citation, file that says so)."""
    found: dict[str, tuple[str, str, str]] = {}
    for label, by_source in measures.items():
        for source, estimate in by_source.items():
            if estimate.attrs.get("citation"):
                found.setdefault(source, (source, estimate.attrs["citation"], _file(label, estimate)))
    return list(found.values())
