"""MATLAB files, of which only numbers are read."""

from pathlib import Path
from typing import Any

from homeoanalysis.errors import DataError


def read_mat(path: Path, names: list[str] | None) -> dict[str, Any]:
    """The variables of a MAT file (before version 7.3) by name; names: only these, of those that there are.

    Structures are numpy records, cells arrays of objects. Nothing in the file is executed.
    Raises DataError for a damaged file, and for one that holds function handles or objects of classes.
    """
    import scipy.io
    from scipy.io import matlab

    try:
        found = scipy.io.loadmat(path, variable_names=names, mat_dtype=False)
    except NotImplementedError:
        raise DataError(f"{path.name} is a MAT file of version 7.3; save it again with save(..., '-v7')") from None
    except Exception as error:  # scipy's parser checks little: damaged bytes surface as any exception
        raise DataError(
            f"{path.name} is no readable MAT file ({type(error).__name__}: {' '.join(str(error).split())[:100]}); fetch it again"
        ) from None
    for name, value in found.items():
        if isinstance(value, matlab.MatlabFunction | matlab.MatlabOpaque):
            raise DataError(f"{path.name}: {name} is a function handle or object, which is code; save it as plain arrays")
    return {name: value for name, value in found.items() if not name.startswith("__")}
