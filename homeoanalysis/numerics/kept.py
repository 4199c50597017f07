"""Compiled functions that stay on disk between processes, so that no damage and no other process can change what runs."""

import functools
import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from homeoanalysis.errors import DataError
from homeoanalysis.files import is_sealed, replacing, seal


def kept(function: Callable[..., Any], **options: Any) -> Any:
    """numba's njit of the function with these options and our `pipelines`; its code is looked for on disk, and written there.

    numba's own files have no checksum, so that a flipped bit runs as other machine code; and it numbers them, so that two
    processes that compile at once may give one name to two codes. Here a file is named after what it was compiled for and
    sealed, and what is not as it was written is compiled anew. Where it cannot be written, the code is used and not kept.
    """
    import numba

    from homeoanalysis.numerics.pipelines import LoopCompiler

    code: Any = numba.njit(**{"cache": True, "no_cfunc_wrapper": True, "pipeline_class": LoopCompiler, **options})(function)
    code._cache._cache_file.__class__ = _cache_file()
    return code


@functools.cache
def _cache_file() -> type:
    from numba.core.caching import IndexDataCacheFile

    class Kept(IndexDataCacheFile):
        def _path(self, key: Any) -> Path:
            name = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
            return Path(self._cache_path, f"{Path(self._index_name).stem}.{name}.sealed")

        def save(self, key: Any, data: Any) -> None:
            try:
                with replacing(self._path(key)) as part:
                    part.write_bytes(b"".join(map(self._dump, (self._version, (self._source_stamp, key), data))))
                    seal(part)
            except DataError:
                return

        def load(self, key: Any) -> Any:
            path = self._path(key)
            if not path.is_file() or not is_sealed(path):
                return None
            with path.open("rb") as stream:
                # One after the other: what another version of numba wrote need not be readable.
                for expected in (self._version, (self._source_stamp, key)):
                    if pickle.load(stream) != expected:
                        return None
                return pickle.load(stream)

    return Kept
