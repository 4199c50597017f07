"""Machine code for a loop that numpy has no words for."""

import functools
from collections.abc import Callable
from typing import Any

from homeoanalysis.numerics.kept import kept


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function as machine code, made when it is first called; `plain` is the Python function itself.

    It may call numpy and nothing of this project: numba's cache on disk looks only at the file that a function stands in.
    Other threads run while it does.
    """

    @functools.cache
    def machine() -> Callable[..., Any]:
        code: Callable[..., Any] = kept(function, nogil=True)
        return code

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        return machine()(*arguments)

    call.plain = function  # type: ignore[attr-defined]
    return call
