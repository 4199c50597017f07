"""The loop over time as machine code, kept between processes."""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.composition import OPTIONS, activate
from homeoanalysis.provenance import code_digest
from homeoanalysis.simulate import engine


def compiled(files: tuple[Path, ...]) -> Callable[..., int]:
    """`engine.run`, compiled when it is called; `files` are the catalogue files whose mechanisms it will meet."""
    return _compiled(code_digest([Path(engine.__file__), *files]))


@functools.cache
def _compiled(digest: str) -> Callable[..., int]:
    import numba

    activate()
    # numba looks only at the file of the cached function: a folder for each state of the code, or it runs old physics.
    folder = _cache_root() / f"simulate-{digest}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SimulationError(
            f"the compiled simulator cannot be kept in {folder} ({error.strerror}); "
            f"set the environment variable HOMEOANALYSIS_CACHE to a folder that can be written to"
        ) from error
    before = numba.config.CACHE_DIR  # type: ignore[attr-defined]
    numba.config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        return numba.njit(cache=True, **OPTIONS)(engine.run)
    finally:
        numba.config.CACHE_DIR = before  # type: ignore[attr-defined]


def _cache_root() -> Path:
    given = os.environ.get("HOMEOANALYSIS_CACHE")
    base: Any = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(given) if given else Path(base) / "homeoanalysis"
