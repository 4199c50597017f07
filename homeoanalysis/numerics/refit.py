"""Other parameters for a mechanism that is running: its numbers become new, its state stays."""

from typing import Any

import numpy as np

from homeoanalysis.numerics.eligibility import Eligibility, reach
from homeoanalysis.numerics.traces import Trace, levels


def refitted(fresh: Any, old: Any, t: int) -> Any:
    """A new kernel with the state of an old one at step t: numbers from the new, arrays from the old."""
    if isinstance(fresh, Trace):
        fresh.value[:] = levels(old, t) * fresh.up[t & (fresh.up.size - 1)]
        fresh.clock[0] = t >> fresh.shift
        return fresh
    if isinstance(fresh, Eligibility):
        reach(old, t)  # until now the old numbers held
    if hasattr(fresh, "_fields"):
        return type(fresh)(*(refitted(a, b, t) for a, b in zip(fresh, old, strict=True)))
    return old if isinstance(fresh, np.ndarray) else fresh


def is_refittable(fresh: Any, old: Any) -> bool:
    """Whether two kernels that have not run yet differ in numbers and traces only, which `refitted` can carry over."""
    if type(fresh) is not type(old):
        return isinstance(fresh, int | float) and isinstance(old, int | float)
    if isinstance(fresh, Trace):
        return True
    if hasattr(fresh, "_fields"):
        return all(is_refittable(a, b) for a, b in zip(fresh, old, strict=True))
    if isinstance(fresh, np.ndarray):
        return fresh.shape == old.shape and np.array_equal(fresh, old, equal_nan=fresh.dtype.kind == "f")
    return True
