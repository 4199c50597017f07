"""How long the jobs of a study took, from the files that Snakemake's `benchmark` writes."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class Time(NamedTuple):
    """The jobs of one rule together."""

    step: str
    jobs: int
    seconds: float
    megabytes: float  # of the one that took most


def times(files: Mapping[Path, str]) -> list[Time]:
    """Times of each rule. files: benchmark file -> rule; one that is missing (made by an earlier version) counts for nothing."""
    found: dict[str, list[tuple[float, float]]] = {}
    for path, rule in files.items():
        if path.is_file():
            with path.open(encoding="utf-8", newline="") as stream:
                for row in csv.DictReader(stream, delimiter="\t"):
                    found.setdefault(rule, []).append((float(row["s"]), _number(row["max_rss"])))
    return [Time(rule, len(each), sum(s for s, _ in each), max(m for _, m in each)) for rule, each in found.items()]


def total(jobs: Mapping[str, str]) -> float:
    """Seconds that all jobs took together. jobs: file with the time of a job -> its rule."""
    return sum(t.seconds for t in times({Path(path): rule for path, rule in jobs.items()}))


def _number(text: str) -> float:
    """A job that ends within moments has no memory: "-" or NA."""
    try:
        return float(text)
    except ValueError:
        return 0.0
