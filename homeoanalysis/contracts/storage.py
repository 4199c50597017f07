"""To disk and back: the only way, so that nothing unchecked is written or read."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import netCDF4
import numpy as np
import xarray as xr
from xarray.backends import CachingFileManager, NetCDF4DataStore

from homeoanalysis.contracts.blocks import append, in_memory, is_appended, is_large, packing
from homeoanalysis.contracts.checking import check
from homeoanalysis.contracts.schemas import RULE, SCHEMAS
from homeoanalysis.errors import ContractError, DataError
from homeoanalysis.files import damaged, is_sealed, replacing, seal
from homeoanalysis.numerics.hdf5 import check_content

SPIKES_IN_MEMORY = 2**27  # 1 GB; more are read where they are used, unit by unit by the metrics of rates


def write(datasets: xr.Dataset | Mapping[str, xr.Dataset], path: Path | str) -> None:
    """Write one dataset, or several as netCDF groups, to `path`: whole or not at all.

    Every dataset is checked against the schema that it names; ContractError names the file. Spike times with an
    attribute `tick` [s] are stored as integer multiples of it: exact, and a third of the size; so are signals with an attribute
    `step`, in 16 bits. What is large is written in blocks, and may be computed or read only then.
    """
    groups = {"": datasets} if isinstance(datasets, xr.Dataset) else dict(datasets)
    for group, dataset in groups.items():
        with _named(_where(path, group)):
            check(dataset, str(dataset.attrs.get("schema")))
    with replacing(path) as part:
        with netCDF4.Dataset(part, "w") as file:
            values = _Values()
            large = {}
            for group, dataset in groups.items():
                large[group] = {n: v for n, v in dataset.variables.items() if n not in dataset.dims and is_appended(v)}
                small = dataset.drop_vars(large[group])
                encoding = {name: _encoding(v) for name, v in small.variables.items()}
                # An array of no objects does not say that they would be text: xarray would write numbers.
                empty = {name: v.astype(str) for name, v in small.variables.items() if v.dtype == object and v.size == 0}
                small.assign(empty).dump_to_store(NetCDF4DataStore(file, group=group), encoding=encoding, writer=values)
            values.write()
            for group, variables in large.items():
                with _named(_where(path, group)):
                    append(file[group] if group else file, variables)
        seal(part)


class _Values:
    """What xarray writes to: keeps the values till all variables are there.

    At the first value after a new variable netCDF goes through all groups, which for hundreds of them would take minutes.
    """

    def __init__(self) -> None:
        self._kept: list[tuple[Any, Any]] = []

    def add(self, source: Any, target: Any, region: None = None) -> None:
        self._kept.append((source, target))

    def write(self) -> None:
        for source, target in self._kept:
            target[...] = source


def _encoding(variable: xr.Variable) -> dict[str, Any]:
    if variable.dtype.kind not in "iuf" or variable.ndim == 0:
        return {}
    encoding: dict[str, Any] = {"zlib": True, "complevel": 1, "shuffle": True}
    if (pack := packing(variable)) is not None:
        encoding |= {"dtype": str(pack.dtype), "scale_factor": pack.step, "_FillValue": pack.fill}
    elif variable.dtype.kind == "f":
        encoding["_FillValue"] = np.nan
    return encoding


def open_dataset(path: Path | str, group: str | None = None) -> xr.Dataset:
    """One dataset, checked against the schema that it names.

    It is loaded whole but for large variables, such as signals of hours (spike times from 2^27 on): their values are read where
    they are used, so take a part of them first, `activity.lfp[:, a:b].values`. The file stays open as long as they are.
    Raises DataError if the file is missing, or was changed or damaged, ContractError if it breaks its schema.
    """
    (dataset,) = _opened(path, [group or ""])
    return dataset


def _opened(path: Path | str, names: Sequence[str] = ()) -> Iterator[xr.Dataset]:
    """The datasets of these groups, or of all, from a file that is opened once: opening it reads of all groups."""
    is_whole = True
    with _reading(path, _where(path, names[0] if names else None)):
        _check_seal(path)
        file = CachingFileManager(netCDF4.Dataset, path, mode="r")  # type: ignore[type-var]  # closes itself when unused
        names = names or list(file.acquire().groups) or [""]
    try:
        for group in names:
            where = _where(path, group)
            with _reading(path, where):
                dataset, has_all = _loaded(NetCDF4DataStore(file, group=group, mode="r"))
            is_whole &= has_all
            yield _checked(dataset, where)
    finally:
        if is_whole:
            file.close()


def _checked(dataset: xr.Dataset, where: str) -> xr.Dataset:
    schema = dataset.attrs.get("schema")
    found = str(schema)
    # The rule that makes this kind of dataset is known even if the version is not.
    rule = next((r for s, r in RULE.items() if s.partition("/")[0] == found.partition("/")[0]), None)
    if found not in SCHEMAS:
        mend = f"; made by another version: rerun rule {rule} (delete the file)" if rule else ""
        raise ContractError(f"{where} has the schema {schema!r}; known: {', '.join(SCHEMAS)}{mend}")
    for variable in dataset.variables.values():
        if variable.dtype == object:
            variable.data = variable.values.astype(str)
    with _named(where):
        return check(dataset, found)


def _loaded(store: NetCDF4DataStore) -> tuple[xr.Dataset, bool]:
    """A dataset, and whether all of it is in memory."""
    # Without cache: values that were looked at once would stay in memory, together as large as the file.
    opened = xr.open_dataset(store, cache=False, decode_times=False, decode_timedelta=False)
    left = [n for n, v in opened.variables.items() if n not in opened.dims and is_large(v)]
    left = [n for n in left if n != "spike_time" or opened[n].size > SPIKES_IN_MEMORY]
    dataset = opened.drop_vars(left)
    if "spike_time" in dataset and is_large(dataset.spike_time.variable):
        dataset = dataset.assign(spike_time=in_memory(dataset.spike_time.variable))
    dataset = dataset.load()
    return (opened.assign({str(n): v for n, v in dataset.variables.items()}), False) if left else (dataset, True)


def _where(path: Path | str, group: str | None) -> str:
    return f"group {group!r} of {path}" if group else f"{path}"


@contextmanager
def _named(where: str) -> Iterator[None]:
    """Every violation names the file."""
    try:
        yield
    except ContractError as error:
        raise ContractError(*(f"{where}: {line}" for line in error.violations)) from None


@contextmanager
def _reading(path: Path | str, where: str) -> Iterator[None]:
    """Turns what a missing or damaged file does into a DataError."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; run the rule that makes it") from None
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{where} cannot be read ({error}); {damaged(path)}") from error


def _check_seal(path: Path | str) -> None:
    """Raises OSError for what this project has not written, or not like this.

    One wrong byte can make the HDF5 library loop for ever (seen), so that this is asked before it sees the file. Anybody can
    compute a seal, so that a whole file is looked through too.
    """
    if not is_sealed(Path(path)):
        raise OSError("its checksum is missing or wrong: it was cut, or changed after it was written")
    check_content(Path(path), with_netcdf=True)


def groups(path: Path | str) -> list[str]:
    """The names of the netCDF groups of a file; [""] where it has none."""
    with _reading(path, str(path)):
        _check_seal(path)
        with netCDF4.Dataset(path) as file:
            return list(file.groups) or [""]


def by_replicate(activities: Iterable[xr.Dataset]) -> dict[str, xr.Dataset]:
    """Replicate -> activity, ready to `write` as groups. Raises ContractError if two have the same replicate."""
    found: dict[str, xr.Dataset] = {}
    for activity in activities:
        name = activity.attrs["replicate"]
        if name in found:
            raise ContractError(
                f"activity/1 {activity.attrs['source']}: two activities are replicate {name!r}; one would be lost"
            )
        found[name] = activity
    return found


def open_replicates(paths: list[Path] | list[str]) -> Iterator[xr.Dataset]:
    """The activities of some files, one at a time, whether a file holds one replicate or a batch of them."""
    for path in paths:
        yield from _opened(path)


def open_parts(paths: Sequence[Path | str], names: Sequence[str]) -> Iterator[xr.Dataset]:
    """Some variables of the same activities, those that there are, with all attributes.

    A part meets no schema. The whole met it when it was written, and the seal says that it is still
    the same. Of hundreds of replicates in a file a part is read in 40 % of the time.
    """
    for path in paths:
        with _reading(path, str(path)):
            _check_seal(path)
            with netCDF4.Dataset(path) as file:
                file.set_auto_mask(False)  # what is missing is NaN already
                held_in: list[netCDF4.Dataset | netCDF4.Group] = [*file.groups.values()] or [file]
                for group in held_in:
                    found = {name: group[name] for name in names if name in group.variables}
                    held = {name: (variable.dimensions, variable[:]) for name, variable in found.items()}
                    yield xr.Dataset(held, attrs={key: group.getncattr(key) for key in group.ncattrs()})
