"""Opening a result whose name was typed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import netCDF4
import xarray as xr

from homeoanalysis.cli.text import printable
from homeoanalysis.contracts import damaged, groups, open_dataset
from homeoanalysis.errors import DataError, HomeoError
from homeoanalysis.numerics.neo_io import check_readable


def opened(path: Path, limit: int | None = None) -> tuple[list[str], dict[str, xr.Dataset]]:
    """The names of the groups that hold datasets, the root ("") first, and the datasets of all or of the first ones.

    Raises DataError or ContractError if the file is no result of this project.
    """
    check_readable(path)
    if path.is_dir():
        raise DataError(f"{path} is a folder; name one .nc file in it")
    with _told(path):
        names = _groups(path)
        return names, {name: open_dataset(path, name or None) for name in names[:limit]}


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """While netCDF reads: damaged bytes surface as any exception, which becomes a DataError that names it."""
    try:
        yield
    except HomeoError:
        raise
    except Exception as error:
        what = f"{type(error).__name__}: {printable(error, 200)}"
        raise DataError(f"{path} cannot be read as netCDF ({what}); {damaged(path)}") from error


def _groups(path: Path) -> list[str]:
    """The groups that hold datasets, the root ("") first where it does."""
    listed = [name for name in groups(path) if name]
    with netCDF4.Dataset(path) as file:
        return ["", *listed] if "schema" in file.ncattrs() or not listed else listed
