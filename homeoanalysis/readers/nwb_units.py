"""Neurodata Without Borders: the units table with what is known of each unit, trials, epochs and signals.

Evidence: the NWB 2 schema, as pynwb reads it. neo's class loses the columns of the units table, and fails on some files with
`obs_intervals`. Files that this project exports are read back.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.hdf5 import check_hdf5
from homeoanalysis.numerics.neo_objects import spike_train, trial
from homeoanalysis.units import Duration, unit

if TYPE_CHECKING:
    import neo

Spans = NDArray[np.float64]  # (segment, 2)
_LATE = "outside of the intervals in which the unit was observed"
_UNSEEN = "outside of observed time"
_QUALITY = {"good": "single", "single": "single", "mua": "multi", "multi": "multi", "simulated": "simulated"}
_BASES = {unit(base)[1]: base for base in ("V", "A", "m", "1")}


def nwb_units(
    files: Mapping[str, Path],
    *,
    duration: Annotated[Duration, Field(gt=0)] | None = None,
    stimulus: str | None = None,
    lfp: list[str] | None = None,
    membrane_potential: list[str] | None = None,
    current: list[str] | None = None,
    covariates: list[str] | None = None,
) -> "neo.Block":
    """Segments are the intervals "segments", where there are such, else the times in which the same units were observed.

    files: role "recording". duration: observed time from 0 s on, for files whose units have no `obs_intervals`.
    stimulus: the column of the trials that says what was presented; by default "label" or "stimulus", where there is one.
    lfp, membrane_potential, current, covariates: names of time series at a constant rate, anywhere in the file.
    Units: named by `unit_name`, else by their id; `unit_kind` (or `quality`, `group`), `cell_type`, `region` (or `location`, or
    that of their electrodes), `x`, `y` [m], where there are such columns; other columns of words or numbers may be named under
    `units.isolation`. Epochs become events, that the YAML may name.
    Raises DataError for files of another format, spikes without observed time, and series that are absent or uneven.
    """
    import neo

    if set(files) != {"recording"}:
        raise DataError(f"reader nwb_units needs one file, 'recording', not {', '.join(sorted(files))}")
    path = files["recording"]
    kinds = {"lfp": lfp, "membrane_potential": membrane_potential, "current": current, "covariate": covariates}
    with _opened(path) as file:
        subject = getattr(file.subject, "subject_id", None)
        block = neo.Block(subject=str(subject or ""), session=str(file.session_id or ""))
        series = {name: role for role, names in kinds.items() for name in names or []}
        if file.units is not None:
            _check_units(path, file.units)
        spans = _spans(path, file, duration, list(series))
        block.segments.extend([neo.Segment(index=k) for k in range(len(spans))])
        if file.units is not None:
            _add_units(path, file, block, spans)
        for name, role in series.items():
            _add_series(path, file, block, spans, name, role)
        for table in (file.trials, file.epochs):
            _add_intervals(path, table, block, stimulus, is_trial=table is file.trials)
    return block


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    import warnings

    import pynwb

    try:
        check_hdf5(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the schema's versions; what is missing is told below
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            with pynwb.NWBHDF5IO(str(path), "r", load_namespaces=True) as io:
                yield io.read()
    except (DataError, np.exceptions.ComplexWarning):
        raise
    except Exception as error:  # h5py, hdmf and pynwb raise any kind for damaged files
        raise DataError(
            f"{path.name} cannot be read with pynwb ({type(error).__name__}: {' '.join(str(error).split())[:150]}); "
            "it is damaged or of another format: compare its size with the original"
        ) from error


def _spans(path: Path, file: Any, duration: float | None, series: list[str]) -> Spans:
    """Observed time, cut where a unit begins or ceases to be observed."""
    if file.intervals is not None and "segments" in file.intervals:
        table = file.intervals["segments"]
        return np.stack([table["start_time"][:], table["stop_time"][:]], axis=1).astype(float)
    found = [_find(path, file, name) for name in series]
    if file.units is None and not found:
        raise DataError(
            f"{path.name} has no units; name what it holds under membrane_potential, current, lfp or covariates "
            f"(`add`: --signals KIND): {', '.join(list(_known(file))[:8]) or 'it has no time series'}"
        )
    own = _intervals(file.units)
    if own and duration is None:
        edges = np.unique(np.concatenate([np.ravel(o) for o in own]))
        pairs = np.stack([edges[:-1], edges[1:]], axis=1)
        seen = [any(_covers(o, pair) for o in own) for pair in pairs]
        return np.asarray(pairs[seen])
    if duration is not None:
        return np.array([[0.0, duration]])
    if file.units is None:
        rate, start = _clock(path, found[0])
        return np.array([[start, start + found[0].data.shape[0] / rate]])
    raise DataError(
        f"{path.name} does not say when its units were observed (obs_intervals); write the reader's parameter duration "
        "(`add`: --duration)"
    )


def _intervals(units: Any) -> list[Spans]:
    if units is None or "obs_intervals" not in units.colnames:
        return []
    return [np.reshape(np.asarray(units["obs_intervals"][k], float), (-1, 2)) for k in range(len(units))]


def _covers(intervals: Spans, pair: Any) -> bool:
    return bool(np.any((intervals[:, 0] <= pair[0]) & (intervals[:, 1] >= pair[1])))


def _check_units(path: Path, units: Any) -> None:
    """Raises DataError where a column of several values a unit is not divided between the units, or times are no seconds."""
    from hdmf.common import VectorIndex

    for column in units.columns:
        while isinstance(column, VectorIndex):
            ends, n = np.asarray(column.data[:], np.int64), len(column.target.data)
            if ends.size and (ends[0] < 0 or np.any(np.diff(ends) < 0) or ends[-1] != n):
                raise DataError(
                    f"{path.name}: units/{column.name} does not divide its {n} values between {ends.size} units: it ends at "
                    f"{ends[-1]}, and units end at {ends[:5].tolist()}; the file is damaged, or was edited"
                )
            column = column.target
        said = str(getattr(column.data, "attrs", {}).get("unit", "seconds"))
        if column.name == "spike_times" and said not in ("seconds", "second", "sec", "s"):
            raise DataError(f"{path.name}: units/spike_times are in {said!r}, and NWB has them in seconds; write them so")


def _add_units(path: Path, file: Any, block: "neo.Block", spans: Spans) -> None:
    units, own = file.units, _intervals(file.units)
    if "spike_times" not in units.colnames:
        raise DataError(f"{path.name} has units without spike_times, so that there is nothing to read of them")
    for k in range(len(units)):
        times = np.sort(np.asarray(units["spike_times"][k], float))
        about, rest = _about(units, k), _columns(units, k)
        mine = [s for s in range(len(spans)) if not own or _covers(own[k], spans[s])]
        left = np.ones(times.size, bool)
        trains = []
        for s in mine:
            start, stop = spans[s]
            # A spike at the edge of two segments belongs to the later one.
            inside = (
                left
                & (times >= start)
                & ((times < stop) | ((times == stop) & (s + 1 not in mine or spans[s][1] < spans[s + 1][0])))
            )
            left &= ~inside
            train = spike_train(times[inside], start, stop, file=path.name, **about)
            train.annotate(**{key: value for key, value in rest.items() if key not in train.annotations})
            trains.append((s, train))
        if left.any() and (not trains or not own):
            raise DataError(
                f"{path.name}: unit {about['name']}: {left.sum()} of {times.size} spikes lie outside of observed time, "
                f"the first at {times[left][0]:.9g} s; check duration"
            )
        if left.any():
            trains[0][1].annotate(dropped={_LATE: int(left.sum())})
        for s, train in trains:
            block.segments[s].spiketrains.append(train)


def _about(units: Any, k: int) -> dict[str, Any]:
    """Name and annotations of a unit, from whichever columns there are."""

    def cell(*names: str) -> Any:
        return next((units[n][k] for n in names if n in units.colnames), None)

    region = cell("region", "location", "brain_area")
    if region is None and "electrodes" in units.colnames:
        rows = units["electrodes"][k]
        region = str(rows["location"].iloc[0]) if len(rows) and "location" in rows else None
    kind = cell("unit_kind", "quality", "group", "KSLabel")
    name = cell("unit_name")
    about: dict[str, Any] = {
        "name": str(name if name is not None else units.id[k]),
        "region": "" if region is None else str(region),
    }
    about["unit_kind"] = _QUALITY.get(str(kind).lower(), "single")
    about["cell_type"] = str(cell("cell_type")) if str(cell("cell_type")) in ("E", "I") else "unknown"
    for axis in ("x", "y"):
        value = cell(axis)
        if value is not None and np.isfinite(float(value)):
            about[axis] = float(value)
    return about


def _columns(units: Any, k: int) -> dict[str, Any]:
    """What else is written of a unit in words or single numbers, by the names of the columns: for `units.isolation`."""
    found: dict[str, Any] = {}
    for name in units.colnames:
        value = units[name][k] if name not in ("spike_times", "obs_intervals", "electrodes", "waveforms") else None
        value = value.item() if isinstance(value, np.generic) else value
        if isinstance(value, str | int | float):
            found[str(name)] = value
    rate = getattr(units, "waveform_rate", None)
    if "waveform_mean" in units.colnames and rate:
        wave = np.asarray(units["waveform_mean"][k], float)
        if wave.ndim == 2:  # (sample, channel): the channel where it is largest
            wave = wave[:, np.argmax(np.ptp(wave, axis=0))]
        found |= {"waveform": wave, "waveform_rate": float(rate)}
    return found


def _known(file: Any) -> dict[str, Any]:
    return {o.name: o for o in file.objects.values() if hasattr(o, "data") and hasattr(o, "rate") and hasattr(o, "unit")}


def _find(path: Path, file: Any, name: str) -> Any:
    known = _known(file)
    if name not in known:
        raise DataError(f"{path.name} has no time series {name!r}; {did_you_mean(name, known)}")
    return known[name]


def _clock(path: Path, series: Any) -> tuple[float, float]:
    """Sampling rate [Hz] and time of the first sample [s]."""
    if not series.rate:
        raise DataError(
            f"{path.name}: {series.name} has a time for each sample, so that they may be uneven; "
            "resample it at a constant rate, or do not name it"
        )
    return float(series.rate), float(series.starting_time or 0.0)


def _add_series(path: Path, file: Any, block: "neo.Block", spans: Spans, name: str, role: str) -> None:
    import neo
    import quantities as pq

    series = _find(path, file, name)
    rate, start = _clock(path, series)
    written = {"volts": "V", "amperes": "A", "meters": "m", "n.a.": "1", "a.u.": "1"}.get(str(series.unit), str(series.unit))
    try:
        factor, base = unit(written)[0], _BASES[unit(written)[1]]
    except (ValueError, KeyError):
        raise DataError(f"{path.name}: {name} is in {written!r}, a unit that is not known here; write a reader") from None
    gain, offset = float(series.conversion), float(series.offset)
    if not np.isfinite([gain, offset, rate, start]).all() or gain == 0:
        raise DataError(
            f"{path.name}: {name} has conversion {gain:g}, offset {offset:g}, {rate:g} Hz, start {start:g} s; mend the file"
        )
    n = left = series.data.shape[0]
    made: list[Any] = []
    if not np.any((spans[:, 0] < start + n / rate) & (spans[:, 1] > start)):
        raise DataError(
            f"{path.name}: {name} is from {start:.9g} s to {start + n / rate:.9g} s, where nothing else was observed; "
            "name it in a replicate of its own"
        )
    for segment, (a, b) in zip(block.segments, spans, strict=True):
        first, last = (int(np.clip(np.ceil((t - start) * rate - 1e-6), 0, n)) for t in (a, b))
        if last > first:
            left -= last - first
            values = (np.asarray(series.data[first:last], float) * gain * factor + offset * factor).reshape(last - first, -1)
            names = [name] if values.shape[1] == 1 else [f"{name}.{k}" for k in range(values.shape[1])]
            where = dict(sampling_rate=rate * pq.Hz, t_start=(start + first / rate) * pq.s, role=role, unit_name=base)
            for k, channel in enumerate(names):
                column = values[:, [k]]
                made.append(neo.AnalogSignal(column, units="dimensionless" if base == "1" else base, name=channel, **where))
                segment.analogsignals.append(made[-1])
    if left and made:
        made[0].annotate(dropped={_UNSEEN: left})


def _add_intervals(path: Path, table: Any, block: "neo.Block", stimulus: str | None, *, is_trial: bool) -> None:
    import neo
    import quantities as pq

    if table is None or not len(table):
        return
    start, stop = (np.asarray(table[key][:], float) for key in ("start_time", "stop_time"))
    usual = ("label", "stimulus") if is_trial else ("label", "tags")
    asked = stimulus if is_trial and stimulus is not None else next((c for c in usual if c in table.colnames), None)
    if asked is not None and asked not in table.colnames:
        raise DataError(
            f"{path.name}: trials have no column {asked!r}, which stimulus names; {did_you_mean(asked, table.colnames)}"
        )
    labels = [_text(table[asked][k]) if asked else "" for k in range(len(table))]
    if is_trial:
        block.segments[0].epochs.extend([trial(a, b, label) for a, b, label in zip(start, stop, labels, strict=True)])
    else:
        epochs = neo.Epoch(start * pq.s, durations=(stop - start) * pq.s, labels=labels, name="epochs")
        block.segments[0].epochs.append(epochs)


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple | np.ndarray) else str(value)
