"""ingest: the files of one replicate of a recording -> activity/1, with nothing lost unsaid."""

import json
import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import neo
import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import check
from homeoanalysis.errors import DataError
from homeoanalysis.provenance import check_file

_log = logging.getLogger(__name__)
Floats = NDArray[np.float64]


def ingest(recording: Recording, *, name: str, replicate: str, files: Mapping[str, Path]) -> xr.Dataset:
    """Read one replicate.

    files: role -> path, as the recording's reader wants them. name: the recording's name, for `source`.
    Returns activity/1; its attribute `bookkeeping` (JSON) says for spikes, units and signals how many came in, how
    many are in the result, and for what reason the others were dropped.
    Raises DataError if a file is not what the YAML says: its SHA-256, where one is given, before anything is read.
    """
    info = recording.replicates[replicate]
    try:
        for role, path in files.items():
            check_file(path, info.files[role].sha256 if role in info.files else None)
        block = catalogue.load("readers", recording.reader.name)(files, **recording.reader.parameters)
        for fix in recording.fixes:
            block = catalogue.load("fixes", fix.name)(block, **fix.parameters)
        activity = _from_neo(block, recording, info.stimulus_bandwidth)
    except DataError as error:
        raise DataError(f"recording {name}, replicate {replicate}: {error}") from error
    declared = recording.observed(replicate)
    found = float((activity.segment_stop - activity.segment_start).sum())
    if declared is not None and abs(found - declared) > 1e-3 * declared:
        raise DataError(
            f"recording {name}, replicate {replicate}: the files hold {found:.6g} s, but the YAML says duration {declared:.6g} s"
            "; mend the YAML, or check that the files are the right ones"
        )
    if recording.epochs:
        activity = activity.assign(
            epoch_start=("epoch", [e[0] for e in recording.epochs.values()], {"units": "s", "long_name": "start of the epoch"}),
            epoch_stop=("epoch", [e[1] for e in recording.epochs.values()], {"units": "s", "long_name": "end of the epoch"}),
        ).assign_coords(epoch=list(recording.epochs))
    activity.attrs |= {
        "schema": "activity/1",
        "source": name,
        "source_kind": "recording",
        "replicate": replicate,
        "subject": info.subject,
        "session": info.session,
        "factors": json.dumps(info.factors, sort_keys=True),
        "citation": recording.citation,
        "licence": recording.licence,
    }
    book = json.loads(activity.attrs["bookkeeping"])
    for what, counts in book.items():
        if counts["in"] != counts["out"] + sum(counts["dropped"].values()):
            raise DataError(
                f"recording {name}, replicate {replicate}: {counts['in']} {what} came in, but only {counts} are explained"
            )
        _log.info("%s %s: %d %s in, %d out, dropped: %s", name, replicate, counts["in"], what, counts["out"], counts["dropped"])
    return check(activity, "activity/1")


def _from_neo(block: neo.Block, recording: Recording, bandwidth: float | None) -> xr.Dataset:
    if not block.segments:
        raise DataError("the files hold no segment")
    segments = sorted(block.segments, key=_edges)
    start, stop = _observed(segments)
    trains, kept, book = _units(segments, recording, float(np.sum(stop - start)))
    if not trains:
        n_signals = sum(len(s.analogsignals) for s in segments)
        raise DataError(
            f"the files hold {n_signals} signals and no spikes, and nothing is measured of signals alone so far; detect the "
            "spikes, and read those: as one of the formats that `inspect` knows, or as text, a time a line"
        )
    if not kept:
        raise DataError(f"all {len(trains)} units are below units.minimum_rate; lower it, or remove the replicate")
    attributes: dict[str, Any] = {"units": "s", "long_name": "time of a spike"}
    times, tick = _ticks([trains[k] for k in kept], [t for s in segments for t in s.spiketrains])
    if tick:
        attributes["tick"] = tick
    first = {t.name: t for s in reversed(segments) for t in s.spiketrains}
    annotation = {key: [first[k].annotations.get(key) for k in kept] for key in ("unit_kind", "cell_type", "region", "x", "y")}
    activity = xr.Dataset(
        {
            "segment_start": ("segment", start, {"units": "s", "long_name": "start of observed time"}),
            "segment_stop": ("segment", stop, {"units": "s", "long_name": "end of observed time"}),
            "spike_time": ("spike", np.concatenate(times) if times else np.zeros(0), attributes),
            "spike_count": ("unit", np.array([t.size for t in times], np.int64), _RAGGED),
            "unit_kind": ("unit", [k or "single" for k in annotation["unit_kind"]]),
            "cell_type": ("unit", [k or "unknown" for k in annotation["cell_type"]]),
            "region": ("unit", [k or "" for k in annotation["region"]]),
        },
        coords={"unit": kept},
    )
    for axis in ("x", "y"):
        if any(v is not None for v in annotation[axis]):
            values = [np.nan if v is None else float(v) for v in annotation[axis]]
            activity[axis] = ("unit", values, {"units": "m", "long_name": "position of the unit"})
    activity, signals = _covariate(activity, segments, bandwidth)
    activity.attrs["bookkeeping"] = json.dumps({**book, "signals": signals}, sort_keys=True)
    return activity


_RAGGED = {"units": "1", "long_name": "spikes of the unit", "sample_dimension": "spike"}


def _edges(segment: neo.Segment) -> tuple[float, float]:
    parts = [*segment.spiketrains, *segment.analogsignals]
    if not parts:
        raise DataError("a segment holds neither spikes nor signals, so that its observed time is unknown")
    return min(float(p.t_start.rescale("s")) for p in parts), max(float(p.t_stop.rescale("s")) for p in parts)


def _observed(segments: Sequence[neo.Segment]) -> tuple[Floats, Floats]:
    """Start and stop of the segments, in order. One may run into the next by the error of its edges: it then stops there."""
    start, stop = np.array([_edges(s) for s in segments]).T
    for k, segment in enumerate(segments[:-1]):
        if stop[k] > start[k + 1] + _resolution(segment, stop[k]):
            raise DataError(
                f"segments overlap in time: one stops at {stop[k]:.12g} s, the next starts at {start[k + 1]:.12g} s; "
                "check the files' clocks"
            )
        stop[k] = min(stop[k], start[k + 1])
    return start, stop


def _resolution(segment: neo.Segment, stop: float) -> float:
    """How exact the edge of a segment is [s]: to a sample of its signals, or to the rounding of numbers of that size."""
    samples = [1 / float(s.sampling_rate.rescale("Hz")) for s in segment.analogsignals]
    return min(samples) if samples else 4 * float(np.spacing(abs(stop)))


def _units(
    segments: Sequence[neo.Segment], recording: Recording, duration: float
) -> tuple[dict[str, Floats], list[str], dict[str, Any]]:
    """Spike times of each unit over all segments, the units that are kept, and the book-keeping."""
    trains: dict[str, list[Floats]] = {}
    for segment in segments:
        named = [str(t.name) for t in segment.spiketrains]
        twice = sorted(n for n, k in Counter(named).items() if k > 1)
        if twice:
            raise DataError(f"units have the same name: {', '.join(twice[:5])}; give them different names, or write a fix")
        for name, train in zip(named, segment.spiketrains, strict=True):
            times = np.sort(train.rescale("s").magnitude.astype(float))
            if times.size and not np.all(np.isfinite(times)):
                raise DataError(f"unit {name} has spike times that are not finite")
            trains.setdefault(name, []).append(times)
    every = {name: np.sort(np.concatenate(parts)) for name, parts in trains.items()}
    joined = {name: np.unique(times) for name, times in every.items()}
    minimum = recording.units.minimum_rate
    kept = [n for n, t in joined.items() if minimum is None or t.size / duration >= minimum]
    lost = [n for n in joined if n not in set(kept)]
    reason = f"unit below the minimum rate of {minimum} Hz"
    outside = Counter[str]()
    for train in (t for s in segments for t in s.spiketrains):
        outside.update(train.annotations.get("dropped", {}))
    dropped = {
        **outside,
        "at the same time as another of its unit": sum(every[n].size - joined[n].size for n in joined),
        reason: sum(joined[n].size for n in lost),
    }
    return (
        joined,
        kept,
        {
            "spikes": _book(sum(t.size for t in every.values()) + outside.total(), dropped),
            "units": _book(len(joined), {reason: len(lost)}),
        },
    )


def _book(n_in: int, dropped: Mapping[str, int]) -> dict[str, Any]:
    dropped = {reason: int(n) for reason, n in dropped.items() if n}
    return {"in": int(n_in), "out": int(n_in) - sum(dropped.values()), "dropped": dropped}


def _ticks(trains: list[Floats], originals: list[neo.SpikeTrain]) -> tuple[list[Floats], float | None]:
    """The times as whole ticks of the source's clock, where the reader knows it."""
    ticks = {t.annotations.get("tick") for t in originals}
    if len(ticks) != 1 or (tick := ticks.pop()) is None:
        return trains, None
    whole = [np.rint(t / tick) for t in trains]
    if any(np.any(np.abs(t / tick - w) > 1e-3) for t, w in zip(trains, whole, strict=True)):
        raise DataError(f"spike times are no multiples of the clock's tick of {tick:g} s; mend the reader's time_step")
    return [w * tick for w in whole], float(tick)


def _covariate(
    activity: xr.Dataset, segments: Sequence[neo.Segment], bandwidth: float | None
) -> tuple[xr.Dataset, dict[str, Any]]:
    """The signals that their reader marks as stimulus or behaviour; the others are counted as dropped."""
    marked = [[s for s in g.analogsignals if s.annotations.get("role") == "covariate"] for g in segments]
    total = sum(len(g.analogsignals) for g in segments)
    n = sum(len(m) for m in marked)
    book = _book(total, {"not marked as a stimulus or behaviour": total - n})
    if n == 0:
        return activity, book
    rates = {float(s.sampling_rate.rescale("Hz")) for m in marked for s in m}
    names = {tuple(str(s.name) for s in m) for m in marked}
    kinds = {s.annotations.get("unit_name", "1") for m in marked for s in m}
    if len(rates) != 1 or len(names) != 1 or len(kinds) != 1:
        raise DataError(f"covariates differ in sampling rate {sorted(rates)}, name or unit; write a fix that makes them equal")
    (rate,), (unit,), (channels,) = rates, kinds, names
    blocks = [np.concatenate([s.magnitude.T for s in m]) for m in marked]
    count = np.array([b.shape[1] for b in blocks], np.int64)
    attributes = {"units": unit, "sampling_rate": rate, "long_name": "stimulus or behaviour"}
    return activity.assign(
        covariate=(("covariate_channel", "covariate_sample"), np.concatenate(blocks, axis=1), attributes),
        covariate_first_sample=("segment", np.cumsum(count) - count, {"units": "1"}),
        covariate_sample_count=("segment", count, {"units": "1"}),
        covariate_t_start=("segment", [float(m[0].t_start.rescale("s")) for m in marked], {"units": "s"}),
        covariate_bandwidth=(
            "covariate_channel",
            np.full(len(channels), np.nan if bandwidth is None else bandwidth),
            {"units": "Hz"},
        ),
    ).assign_coords(covariate_channel=list(channels)), book
