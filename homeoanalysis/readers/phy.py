"""The folder that Kilosort writes and phy curates.

Evidence: phy's documentation, "Data formats": spike_times.npy (samples), spike_clusters.npy (or, before curation,
spike_templates.npy), cluster_group.tsv, cluster_KSLabel.tsv or cluster_info.tsv, and params.py, which is never run here: its line
`sample_rate = ...` is read as text.
"""

import csv
import math
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import read_npy
from homeoanalysis.numerics.neo_objects import spike_train
from homeoanalysis.units import Duration

if TYPE_CHECKING:
    import neo

_ROLES = ("spike_times", "spike_clusters", "params", "groups")
_KIND = {"good": "single", "mua": "multi", "unsorted": "multi"}
_KEY = "sample_rate"
_LARGEST = 1_000_000  # bytes of params.py, of which a sorter writes some hundred
_SHOWN = 40  # characters of a line in a message


def phy(
    files: Mapping[str, Path],
    *,
    duration: Annotated[Duration, Field(gt=0)],
    keep: list[str] | None = None,
    region: str = "",
) -> "neo.Block":
    """One unit for each cluster, [0, duration].

    files: roles "spike_times" and "spike_clusters", .npy; "params", params.py; "groups", a table with the columns cluster_id and
    group (or KSLabel), which may be absent: then all clusters are unsorted. duration: of the recording, which no file says.
    keep: groups that are units, by default good (single) and mua (multi), and unsorted (multi) where there is no "groups"; the
    clusters of others are counted as dropped. region: of all units. Other columns may be named under `units.isolation`.
    Raises DataError for files that are damaged or do not belong together.
    """
    import neo

    absent = [role for role in _ROLES[:3] if role not in files]
    if absent or set(files) - set(_ROLES):
        raise DataError(
            f"reader phy needs the files {', '.join(_ROLES[:3])}, and may have groups; given: {', '.join(sorted(files))}"
        )
    time, cluster = _whole(files["spike_times"]), _whole(files["spike_clusters"])
    if time.size != cluster.size:
        raise DataError(
            f"{time.size} spike times, but {cluster.size} spikes in clusters; the files are not of one sorting: copy again"
        )
    rate = _sample_rate(files["params"])
    table = _groups(files["groups"]) if "groups" in files else {}
    groups = {name: str(row["group"]) for name, row in table.items()}
    wanted = keep if keep is not None else ["good", "mua"] if groups else ["unsorted"]
    segment = neo.Segment()
    lost: dict[str, list[int]] = {}
    for name in sorted({*np.unique(cluster).tolist(), *groups}):
        mine, group = time[cluster == name], groups.get(name, "unsorted")
        if group not in wanted:
            count = lost.setdefault(f"cluster of the group {group}", [0, 0])
            count[0] += 1
            count[1] += mine.size
            continue
        about: dict[str, Any] = dict(tick=1 / rate, unit_kind=_KIND.get(group, "multi"), region=region)
        train = spike_train(mine / rate, 0.0, duration, name=str(name), file=files["spike_times"].name, **about)
        train.annotate(**{key: value for key, value in table.get(name, {}).items() if key not in train.annotations})
        segment.spiketrains.append(train)
    if not segment.spiketrains:
        raise DataError(
            f"no cluster is of the groups {', '.join(wanted)}; found: {', '.join(sorted({*groups.values()})) or 'none'}"
        )
    segment.annotate(dropped_units=lost)
    block = neo.Block()
    block.segments.append(segment)
    return block


def _whole(path: Path) -> NDArray[np.int64]:
    try:
        values = np.ravel(read_npy(path))
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path.name} is no readable array of numbers ({str(error)[:100]}); copy it again") from None
    if values.dtype.kind not in "iu" and not (values.dtype.kind == "f" and np.all(values == np.rint(values))):
        raise DataError(
            f"{path.name} holds {values.dtype}, not whole numbers (samples, clusters); check which file has which role"
        )
    return values.astype(np.int64)


def _sample_rate(path: Path) -> float:
    try:
        if path.stat().st_size > _LARGEST:
            mend = f"keep its line `{_KEY} = NUMBER` alone"
            raise DataError(f"{path.name} has more than {_LARGEST} bytes; {mend}, or check which file has which role")
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} cannot be read as text ({error}); copy it again") from None
    assigned = [line.partition("=") for line in text.splitlines() if "=" in line]
    lines = [value for name, _, value in assigned if name.strip() == _KEY]
    if len(lines) != 1:
        raise DataError(f"{path.name} has {len(lines)} lines `{_KEY} = NUMBER`, not one; write it so")
    found = lines[0].partition("#")[0].strip()
    rate = _value(found)
    if not isinstance(rate, float) or not (0 < rate < math.inf and 1 / rate < math.inf):
        shown = repr(found[:_SHOWN]) + "..." * (len(found) > _SHOWN)
        raise DataError(f"{path.name}: {_KEY} is {shown}, not a finite number above 0; write it in hertz, e.g. {_KEY} = 30000.0")
    return rate


def _groups(path: Path) -> dict[int, dict[str, str | float]]:
    """Cluster -> its row of the table, with the group under "group"."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        rows = list(csv.DictReader(lines, delimiter="\t" if lines and "\t" in lines[0] else ","))  # phy 1 wrote tabs as .csv
        column = next(c for c in ("group", "KSLabel") if rows and c in rows[0])
        key = "cluster_id" if "cluster_id" in rows[0] else "id"
        named = [(int(row[key]), {c: _value(v) for c, v in row.items() if c != key}) for row in rows]
        found = [(name, row | {"group": row[column] or "unsorted"}) for name, row in named]
    except (OSError, UnicodeDecodeError, csv.Error, StopIteration, KeyError, ValueError, TypeError):
        raise DataError(
            f"{path.name} has no columns cluster_id and group (or KSLabel); check which file has which role"
        ) from None
    twice = [name for name, many in Counter(name for name, _ in found).items() if many > 1]
    if twice:
        raise DataError(f"{path.name} lists cluster {twice[0]} more than once; keep one line of each")
    return dict(found)


def _value(cell: str) -> str | float:
    try:
        return float(cell)
    except ValueError:
        return cell
