"""Files that a reader of this project reads, and not neo's classes: which reader, with which parameters and files."""

import codecs
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from homeoanalysis import catalogue
from homeoanalysis.errors import DataError
from homeoanalysis.numerics.arrays import read_npy
from homeoanalysis.numerics.mat import read_mat
from homeoanalysis.numerics.neo_io import told

OPTIONS = {
    "time_step": "--time-step '1 ms'",
    "duration": "--duration '600 s'",
    "sampling_rate": "--sampling-rate '1 kHz'",
    "scale": "--scale '1 mV'",
    "signals": "--signals lfp",
}
_ROZENFELD = {80_001: "raster", 80: "count"}
_REPEATS = 10
_TIMES = {"time", "times", "spike_time", "spike_times", "t"}  # how a column of times may be called
_UNITS = {"unit", "units", "unit_id", "cluster", "channel", "neuron"}
_TIME_UNIT = re.compile(r"[ _]?[(\[]?(s|sec|seconds|ms|us|samples)[)\]]?")  # after the name of a column of times


class Replicate(NamedTuple):
    """What the YAML says of one replicate."""

    files: dict[str, Path]  # by role
    parameters: dict[str, Any]
    subject: str
    session: str


class Found(NamedTuple):
    """A kind of file, as a recording's YAML has it."""

    reader: str
    parameters: dict[str, Any]
    replicates: dict[str, Replicate]  # by a label, which need not be a name yet
    notes: tuple[str, ...] = ()


def recognised(path: Path, given: Mapping[str, str]) -> Found | None:
    """The kind of a file or folder; None if it is none of those that neo does not know.

    given: what the command line says beside (`OPTIONS`). Raises DataError where something is missing that the kind needs.
    """
    kinds: list[Callable[[Path, Mapping[str, str]], Found | None]]
    kinds = [_refused, _phy, _mclust, _mea, _nwb, _mat, _npz, _npy, _csv]
    return next((found for kind in kinds if (found := kind(path, given)) is not None), None)


def used(found: Found) -> set[str]:
    """The options that went into a kind."""
    taken = {"kind": "signals", **dict.fromkeys(_KEY.values(), "signals")}
    own = (key for one in found.replicates.values() for key in one.parameters)
    return {taken.get(key, key) for key in (*found.parameters, *own)}


def _one(reader: str, parameters: Mapping[str, Any], label: str, files: dict[str, Path], *notes: str, **about: str) -> Found:
    own = Replicate(files, {}, about.get("subject") or "unknown", about.get("session", ""))
    return Found(reader, dict(parameters), {label: own}, notes)


def _needed(path: Path, given: Mapping[str, str], *names: str) -> dict[str, str]:
    """The options that a kind takes. Raises DataError where one of them is not given."""
    missing = [OPTIONS[name] for name in names if name not in given]
    if missing:
        raise DataError(f"{path.name} does not say all that is needed to read it; add, with your values: {' '.join(missing)}")
    return {name: given[name] for name in names}


def _refused(path: Path, given: Mapping[str, str]) -> None:
    """Raises DataError for text that spreadsheets write and nothing here reads."""
    if path.is_file() and path.suffix.lower() in (".csv", ".tsv", ".txt"):
        with path.open("rb") as stream:
            if stream.read(2) in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
                raise DataError(f"{path.name} is text in UTF-16; save it as UTF-8")


def _phy(path: Path, given: Mapping[str, str]) -> Found | None:
    folder = path if path.is_dir() else path.parent
    names = {"spike_times": "spike_times.npy", "spike_clusters": "spike_clusters.npy", "params": "params.py"}
    files = {role: folder / name for role, name in names.items()}
    asked = path.is_dir() or path.name in {f.name for f in files.values()}
    if not (asked and files["spike_times"].is_file() and files["params"].is_file()):
        return None
    if not files["spike_clusters"].is_file():
        files["spike_clusters"] = folder / "spike_templates.npy"
    if not files["spike_clusters"].is_file():
        raise DataError(f"{folder.name} holds neither spike_clusters.npy nor spike_templates.npy; copy the whole folder")
    for name in ("cluster_group.tsv", "cluster_groups.csv", "cluster_info.tsv", "cluster_KSLabel.tsv"):
        if (folder / name).is_file():
            files["groups"] = folder / name
            break
    return _one("phy", _needed(path, given, "duration"), folder.resolve().name, files)


def _mclust(path: Path, given: Mapping[str, str]) -> Found | None:
    endings = (".t", "._t")
    if not (path.suffix in endings or (path.is_dir() and any(p.suffix in endings for p in path.iterdir()))):
        return None
    folder = path if path.is_dir() else path.parent
    clusters = sorted((p for p in folder.iterdir() if p.suffix in endings), key=lambda p: p.name) if path.is_dir() else [path]
    names = [p.name.removesuffix(p.suffix) for p in clusters]
    short = [name.rpartition("-")[2] for name in names]  # R050-2014-04-02-TT01_1 is cluster TT01_1 of a session
    roles = {_role(name): p for name, p in zip(short if len({*short}) == len(names) else names, clusters, strict=True)}
    if len(roles) < len(clusters):
        raise DataError(f"{folder.name} holds clusters of the same name as .t and ._t; move one of each away")
    left = [p.name for p in folder.iterdir() if p.suffix in (".t32", ".t64", "._t32", "._t64")] if path.is_dir() else []
    notes = [f"{len(left)} clusters are left out, {left[0]} first: save them as .t with MClust."] if left else []
    events = [p for p in folder.iterdir() if p.suffix.lower() == ".nev"]
    if any(p.suffix.lower() == ".nvt" or (p.suffix.lower() == ".zip" and _holds_video(p)) for p in folder.iterdir()):
        notes.append("The video is left out; to read positions, add it as the file video, and pixel_x and pixel_y to the reader.")
    if len(events) == 1 and "duration" not in given:
        return _one("mclust", {}, folder.resolve().name, {**roles, "events": events[0]}, *notes)
    return _one("mclust", _needed(path, given, "duration"), folder.resolve().name, roles, *notes)


def _role(name: str) -> str:
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in name)
    return kept if kept[:1].isalpha() else f"u{kept}"


def _holds_video(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.lower().endswith(".nvt") for name in archive.namelist())
    except (OSError, zipfile.BadZipFile):
        return False


def _mea(path: Path, given: Mapping[str, str]) -> Found | None:
    """An array in the layout of Eglen and co-workers."""
    if path.suffix.lower() not in (".h5", ".hdf5") or not path.is_file():
        return None
    with told(path, "h5py"), h5py.File(path) as file:
        if not {"spikes", "sCount"} <= set(file):
            return None
    parameters = {}
    try:
        with told(path, "mea_hdf5"):
            catalogue.load("readers", "mea_hdf5")({"recording": path})
    except DataError as error:
        if "duration" not in given or "parameter duration" not in str(error):
            raise
        parameters = {"duration": given["duration"]}
    return _one("mea_hdf5", parameters, path.stem, {"recording": path})


def _nwb(path: Path, given: Mapping[str, str]) -> Found | None:
    """Units, with series where they are asked for; without units the series, those of each sweep as a replicate."""
    if path.suffix.lower() != ".nwb" or not path.is_file():
        return None
    with told(path, "h5py"), h5py.File(path) as file:
        about = {"subject": _word(file, "general/subject/subject_id"), "session": _word(file, "general/session_id")}
        has_units = "units" in file
        is_said = "units/obs_intervals" in file or "intervals/segments" in file
        series = _series(file)
    parameters = _needed(path, given, "duration") if has_units and not is_said else {}
    sweeps: dict[Any, dict[str, list[str]]] = {}
    for one in series:
        key = _role_of_series(one, given.get("signals"), is_guessed=not has_units)
        if key is not None:
            sweeps.setdefault(() if has_units else one.span, {}).setdefault(key, []).append(one.name)
    if "signals" in given and series and not sweeps:
        known = ", ".join(f"{one.name} in {one.unit}" for one in series[:8])
        raise DataError(f"{path.name} has no series of the kind {given['signals']}; it has {known}: choose another --signals")
    if len(sweeps) < 2:
        return _one("nwb_units", parameters | next(iter(sweeps.values()), {}), path.stem, {"recording": path}, **about)
    subject = about["subject"] or "unknown"
    replicates = {
        f"{path.stem}_{k}": Replicate({"recording": path}, dict(named), subject, about["session"])
        for k, named in enumerate(sweeps.values(), 1)
    }
    return Found("nwb_units", parameters, replicates)


class _Series(NamedTuple):
    """A time series of NWB."""

    name: str
    unit: str
    is_patch: bool  # of a patch clamp
    span: tuple[float, float]  # first sample and last [s]


def _series(file: Any) -> list[_Series]:
    found: list[_Series] = []

    def note(path: str, thing: Any) -> None:
        data = thing.get("data") if isinstance(thing, h5py.Group) and path.partition("/")[0] != "units" else None
        if isinstance(data, h5py.Dataset) and data.ndim and "unit" in data.attrs:
            start = thing.get("starting_time")
            first = float(start[()]) if start is not None else 0.0
            rate = float(start.attrs.get("rate", 0)) if start is not None else 0.0
            unit = {"volts": "V", "amperes": "A"}.get(str(data.attrs["unit"]), str(data.attrs["unit"]))
            kind = str(thing.attrs.get("neurodata_type", ""))
            is_patch = "Clamp" in kind
            found.append(_Series(path.rpartition("/")[2], unit, is_patch, (first, first + data.shape[0] / rate if rate else 0.0)))

    file.visititems(note)
    return found


def _role_of_series(one: _Series, kind: str | None, *, is_guessed: bool) -> str | None:
    """The reader's parameter under which a series is named: asked for, or, of a patch clamp, known by its unit."""
    if kind is not None:
        key = signals_key(kind)
        return key if key == "covariates" or one.unit.endswith("A" if key == "current" else "V") else None
    guess = {"V": "membrane_potential", "A": "current"}.get(one.unit[-1:])
    return guess if is_guessed and one.is_patch else None


def _word(file: Any, at: str) -> str:
    value = file[at][()] if at in file else ""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


_KEY = {"lfp": "lfp", "membrane_potential": "membrane_potential", "current": "current", "covariate": "covariates"}


def signals_key(kind: str) -> str:
    """The reader's parameter that names the channels of a kind. Raises DataError."""
    if kind not in _KEY:
        raise DataError(f"--signals is {kind!r}; {catalogue.did_you_mean(kind, _KEY)}")
    return _KEY[kind]


def _mat(path: Path, given: Mapping[str, str]) -> Found | None:
    if path.suffix.lower() != ".mat":
        return None
    try:
        found = read_mat(path, None)
    except DataError:
        return None  # neo's own classes say what is wrong with it
    flat = {name: value for name, value in found.items() if value.ndim == 2 and "flies" in name}
    tables = {n: v for n, v in flat.items() if v.shape[1] in _ROZENFELD and v.shape[0] % _REPEATS == 0}
    if tables:
        return _flies(path, tables)
    if "spikes" in found and found["spikes"].dtype == object and found["spikes"].ndim == 2:
        tracks = [p for p in path.parent.iterdir() if p.suffix == ".videoPositionTracking"]
        return _one("matclust", {}, path.stem, {"spikes": path} | ({"position": tracks[0]} if len(tracks) == 1 else {}))
    return None  # perhaps a file of neo's own


def _flies(path: Path, tables: Mapping[str, Any]) -> Found:
    replicates = {}
    for name, table in tables.items():
        values = _ROZENFELD[table.shape[1]]
        if values == "count" and not np.any(table % 20) and np.any(table):
            values = "rate"  # counts in 50 ms times 20
        for fly in range(table.shape[0] // _REPEATS):
            own = {"values": values, "variables": name, "odours": name, "fly": fly}
            replicates[f"{name}_{fly + 1:02d}"] = Replicate({"recording": path}, own, f"{name}_{fly + 1:02d}", "")
    first = next(iter(replicates.values())).parameters["values"]
    note = "odours is the label of the stimulus; write {odour} into variables where it stands."
    return Found("rozenfeld_mat", {"values": first}, replicates, (note,))


def _npz(path: Path, given: Mapping[str, str]) -> Found | None:
    if path.suffix.lower() != ".npz":
        return None
    return _one("spike_list", _needed(path, given, "time_step", "duration"), path.stem, {"recording": path})


def _npy(path: Path, given: Mapping[str, str]) -> Found | None:
    if path.suffix.lower() != ".npy":
        return None
    parameters: dict[str, Any] = _needed(path, given, "sampling_rate", "scale")
    if "signals" in given:
        signals_key(given["signals"])
        parameters["kind"] = given["signals"]
    try:
        shape = read_npy(path).shape
    except (OSError, ValueError, EOFError) as error:
        raise DataError(f"{path.name} is no readable array of numbers ({str(error)[:100]}); save it with numpy.save") from None
    if len(shape) == 2:
        parameters["channels"] = [f"channel{k + 1}" for k in range(shape[1])]
        return _one("numpy_signal", parameters, path.stem, {"recording": path})
    return _one("numpy_signal", parameters, path.stem, {_role(path.stem): path})


def _csv(path: Path, given: Mapping[str, str]) -> Found | None:
    """A table with a line of names; without one it is plain text, times alone."""
    if path.suffix.lower() not in (".csv", ".tsv") or not path.is_file():
        return None
    head = next(_lines(path), "")
    columns = [c.strip().strip('"') for c in head.replace("\t", ",").replace(";", ",").split(",")]
    if len(columns) < 2 or any(c.replace(".", "").replace("-", "").isdigit() for c in columns):
        return None
    lower = [c.lower() for c in columns]
    times = next((c for c, low in zip(columns, lower, strict=True) if _is_time(low)), None)
    units = next((c for c, low in zip(columns, lower, strict=True) if low in _UNITS), None)
    if times is None or units is None:
        return None
    parameters = _needed(path, given, "time_step", "duration") | {
        k: v for k, v in (("times", times), ("units", units)) if v != k[:-1]
    }
    return _one("spike_list", parameters, path.stem, {"recording": path})


def _is_time(column: str) -> bool:
    """Whether so called a column holds times: `time`, `time_s`, `spike_times (ms)`."""
    return any(column == name or (column.startswith(name) and _TIME_UNIT.fullmatch(column, len(name))) for name in _TIMES)


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8-sig", errors="replace") as stream:
        yield stream.readline(10_000)
