"""Where it all comes from: book-keeping, files, inputs, versions, citations."""

import json
from collections.abc import Iterator
from typing import Any

import xarray as xr

from homeoanalysis.report.text import COMPARISON, Measures, file


def book(measures: Measures) -> Iterator[dict[str, Any]]:
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
                    trace = f"{file(label, estimate)}: bookkeeping"
                    yield {"source": source, "replicate": replicate, "what": what, **count, "dropped": dropped, "trace": trace}


def warnings(measures: Measures) -> Iterator[dict[str, Any]]:
    """What `ingest` found wrong with the data: each finding once, with the replicates that it is of."""
    found: dict[tuple[str, str, str], tuple[list[str], str]] = {}
    for label, by_source in measures.items():
        for source, estimate in by_source.items():
            if "warnings" not in estimate.coords:
                continue
            for replicate, text in zip(estimate.replicate.values, estimate.warnings.values, strict=True):
                for one in json.loads(str(text)):
                    trace = f"{file(label, estimate)}: warnings"
                    whose, _ = found.setdefault((source, one["rule"], one["text"]), ([], trace))
                    whose += [] if str(replicate) in whose else [str(replicate)]
    for (source, rule, text), (whose, trace) in found.items():
        yield {"source": source, "replicates": ", ".join(whose), "rule": rule, "text": text, "trace": trace}


def _datasets(comparison: xr.Dataset, measures: Measures) -> Iterator[tuple[str, xr.Dataset]]:
    yield COMPARISON, comparison
    for label, by_source in measures.items():
        for estimate in by_source.values():
            yield file(label, estimate), estimate


def _history(dataset: xr.Dataset) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(dataset.attrs.get("history", "[]"))
    return found


def files(comparison: xr.Dataset, measures: Measures) -> Iterator[dict[str, Any]]:
    """What each file was made with: steps and their code, seed, parameters."""
    for path, dataset in _datasets(comparison, measures):
        yield {
            "path": path,
            "steps": ", ".join(f"{entry['step']} (code {entry['code']})" for entry in _history(dataset)),
            "seed": dataset.attrs.get("seed", "–"),
            "parameters": dataset.attrs.get("parameters", "{}"),
        }


def merged(comparison: xr.Dataset, measures: Measures, key: str) -> list[tuple[str, str, str]]:
    """(name, value, file that says so) of the history's `inputs` or `versions`, each pair once."""
    found: dict[tuple[str, str], str] = {}
    for path, dataset in _datasets(comparison, measures):
        for entry in _history(dataset):
            for name, value in entry[key].items():
                found.setdefault((name, value), path)
    return [(name, value, path) for (name, value), path in sorted(found.items())]


def inputs(comparison: xr.Dataset, measures: Measures) -> list[tuple[str, str, str]]:
    """(name, SHA-256, file that says so) of every file behind the report: what was recorded, then what was made from it."""
    return sorted(merged(comparison, measures, "inputs"), key=lambda row: (": " not in row[0], row))


def citations(measures: Measures) -> list[tuple[str, str, str]]:
    """(source, citation, file that says so)."""
    found: dict[str, tuple[str, str, str]] = {}
    for label, by_source in measures.items():
        for source, estimate in by_source.items():
            if estimate.attrs.get("citation"):
                found.setdefault(source, (source, estimate.attrs["citation"], file(label, estimate)))
    return list(found.values())
