"""The verb: one file of activities -> one file of another format, whole or not at all."""

import logging
import warnings
from collections.abc import Callable
from pathlib import Path

import xarray as xr

from homeoanalysis.catalogue import did_you_mean
from homeoanalysis.contracts import groups, open_dataset, open_replicates
from homeoanalysis.errors import DataError, HomeoError
from homeoanalysis.export.mat import write_mat
from homeoanalysis.export.nix import write_nix
from homeoanalysis.export.nwb import write_nwb
from homeoanalysis.export.table import write_csv
from homeoanalysis.files import replacing

_log = logging.getLogger(__name__)
_ONE: dict[str, Callable[[xr.Dataset, Path], None]] = {"nwb": write_nwb, "nix": write_nix, "mat": write_mat}
FORMATS = (*_ONE, "csv")


def export(source: Path, destination: Path, *, to: str, replicate: str | None = None) -> None:
    """Write the activity of a file, recorded or simulated, for other tools.

    to: one of FORMATS. replicate: which one, of a file that holds several; csv takes all.
    Raises DataError for what the format would lose, a destination that exists or has no folder, and a file without an activity.
    """
    if to not in FORMATS:
        raise DataError(f"{to!r} is no format to export to; {did_you_mean(to, FORMATS)}")
    if destination.exists():
        raise DataError(f"{destination} exists; choose another name, or remove it")
    if not destination.parent.is_dir():
        raise DataError(f"{destination} cannot be written: there is no folder {destination.parent}; make it, or mend the path")
    names = [name for name in groups(source) if name]
    if replicate is not None and names and replicate not in names:
        raise DataError(f"{source} has no replicate {replicate!r}; {did_you_mean(replicate, names)}")
    if to != "csv" and replicate is None and len(names) > 1:
        raise DataError(
            f"{source} holds {len(names)} replicates, and {to} takes one; choose it with --replicate: {', '.join(names[:8])}"
        )
    first = open_dataset(source, replicate if names and replicate else names[0] if names else None)
    if first.attrs["schema"] != "activity/1":
        raise DataError(f"{source} is {first.attrs['schema']}, no activity; activities lie in results/activity")
    with replacing(destination) as part:
        if to == "csv":
            write_csv([first] if replicate is not None else open_replicates([str(source)]), part)
        else:
            _write(first, part, to)
    _log.info("exported %s to %s", source, destination)


def _write(activity: xr.Dataset, path: Path, to: str) -> None:
    """Whatever a library of the format raises becomes a DataError: it names what of the activity the format cannot hold."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of conventions: names of sessions, links between objects
        try:
            _ONE[to](activity, path)
        except (HomeoError, OSError):
            raise
        except Exception as error:
            text = " ".join(str(error).split())[:200]
            raise DataError(f"the activity cannot be written as {to} ({type(error).__name__}: {text}); export to mat") from error
