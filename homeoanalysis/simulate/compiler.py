"""The loop over time as machine code, kept between processes."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.numerics.kept import kept
from homeoanalysis.provenance import code_digest
from homeoanalysis.simulate import engine, probes, projections


class Code(NamedTuple):
    """The functions that run a network."""

    run: Callable[..., int]
    rescale: Callable[..., None]
    add_up: Callable[..., None]


_PARTS = (engine, projections, probes)  # the modules whose hooks the loop meets, beside the catalogue
REFERENCE = Code(engine.run, engine.rescale_weights, engine.add_up_weights)


def compiled(files: tuple[Path, ...]) -> Code:
    """The loop as machine code, compiled when it is called; `files`: the catalogue files whose mechanisms it will meet.

    Raises DataError if the folder that it is kept in cannot be made.
    """
    return _compiled(code_digest([*(Path(str(module.__file__)) for module in _PARTS), *files]))


@functools.cache
def _compiled(digest: str) -> Code:
    import numba

    activate()
    # numba looks only at the file of the cached function: a folder for each state of the code, or it runs old physics.
    folder = _cache_root() / f"simulate-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(  # no SimulationError: a sweep would take it for what a point does, and go on
            f"the compiled simulator cannot be kept in {folder} ({error.strerror}); "
            f"set the environment variable HOMEOANALYSIS_CACHE to a folder that can be written to"
        ) from error
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        return Code(*(kept(function, **OPTIONS) for function in REFERENCE))
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


def _cache_root() -> Path:
    given = os.environ.get("HOMEOANALYSIS_CACHE")
    base: Any = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "homeoanalysis"
