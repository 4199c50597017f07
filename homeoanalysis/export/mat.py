"""MATLAB, version 5: every variable under its own name."""

from pathlib import Path
from typing import Any

import scipy.io
import xarray as xr

from homeoanalysis.errors import DataError
from homeoanalysis.export import content

_MOST = 2**31 - 2**20  # bytes of one variable in this version of the format
_LONGEST = 31  # characters of a name


def write_mat(activity: xr.Dataset, path: Path) -> None:
    """All variables and coordinates as arrays, text as cells; `dims` and `units` of each; the attributes as JSON.

    Raises DataError for a variable of 2 GB or more, which the format cannot hold.
    """
    found: dict[str, Any] = {"dims": {}, "units": {}, "attributes": content.attributes(activity)}
    for name, variable in activity.variables.items():
        if variable.dtype.kind in "iuf" and variable.nbytes > _MOST:
            raise DataError(
                f"{name} has {variable.nbytes / 1e9:.3g} GB, and mat holds less than 2.1 GB of a variable; export to nwb"
            )
        key = str(name)[:_LONGEST]
        if key in found:
            raise DataError(f"mat cuts names after {_LONGEST} characters, and {name} would be {key}, which is another variable")
        values = variable.values
        found[key] = values if values.dtype.kind in "iuf" else values.astype(object)
        found["dims"][key] = " ".join(map(str, variable.dims))
        found["units"][key] = str(variable.attrs.get("units", ""))
    scipy.io.savemat(str(path), found, appendmat=False, do_compression=True, oned_as="column")
