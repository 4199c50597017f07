"""CSV: a row for each unit and epoch."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import xarray as xr

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import DataError
from homeoanalysis.export import content
from homeoanalysis.numerics import observed

_WHOSE = ("source", "source_kind", "replicate", "subject", "session")


def write_csv(activities: Iterable[xr.Dataset], path: Path) -> None:
    """What is known of each unit, and how many spikes it fired in how many observed seconds of each epoch.

    A table of units, by design without spike times and signals. Raises DataError if there is no unit with spikes.
    """
    rows = [row for activity in activities for row in _rows(activity)]
    if not rows:
        kinds = ", ".join(SIGNALS)
        raise DataError(f"there are no spikes, and csv is a table of units; export signals ({kinds}) to nwb, nix or mat")
    keys = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, keys, restval="")
        writer.writeheader()
        writer.writerows(rows)


def _rows(activity: xr.Dataset) -> Iterator[dict[str, Any]]:
    if "spike_time" not in activity:
        return
    factors = {f"factor_{key}": value for key, value in json.loads(activity.attrs["factors"]).items()}
    whose = {key: activity.attrs[key] for key in _WHOSE} | factors
    spans = list(observed.epochs(activity))
    counts, seconds = observed.counts(activity, spans)
    for k, (name, _) in enumerate(content.trains(activity)):
        known = {"unit": name, **content.labels(activity, k), **{f"{a}_m": v for a, v in content.place(activity, k).items()}}
        for j, label in enumerate(spans):
            n, time = int(counts[k, j]), float(seconds[k, j])
            rate = n / time if time > 0 else ""
            yield {**whose, **known, "epoch": label, "n_spikes": n, "observed_s": time, "firing_rate_hz": rate}
