"""How far a test goes into its tolerances, for docs/mechanisms.md.

While a test with a `reference` mark runs, comparisons that hold (`np.allclose`, `pytest.approx`, `np.array_equal`) note the
largest share of their tolerance that was used. The record of the test keeps it (passes.py).
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import evidence
import numpy as np
import pytest

_SCALAR = type(pytest.approx(1.0))  # arrays and lists compare their elements as such


class Shares:
    """The largest share of a tolerance in the comparisons that held; None before there was one."""

    def __init__(self) -> None:
        self.largest: float | None = None

    def note(self, share: float) -> None:
        """One comparison."""
        if not math.isnan(share):
            self.largest = max(share, self.largest or 0.0)


@contextmanager
def measured() -> Iterator[Shares]:
    """Comparisons inside of it note their shares."""
    shares = Shares()
    allclose, array_equal, scalar = np.allclose, np.array_equal, _SCALAR.__eq__

    def close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> bool:
        holds = allclose(a, b, rtol, atol, equal_nan)
        if holds:
            distance, most = np.abs(np.subtract(a, b, dtype=float)), atol + rtol * np.abs(np.asarray(b, float))
            with np.errstate(all="ignore"):
                shares.note(float(np.max(np.where(distance > 0, distance / most, 0.0), initial=0.0)))
        return bool(holds)

    def equal(a: Any, b: Any, equal_nan: bool = False) -> bool:
        holds = array_equal(a, b, equal_nan)
        if holds:
            shares.note(0.0)
        return bool(holds)

    def approximately(self: Any, actual: Any) -> bool:
        holds = bool(scalar(self, actual))
        if holds and isinstance(self.expected, int | float | np.number) and self.tolerance > 0:
            shares.note(float(np.max(np.abs(np.subtract(actual, self.expected)) / self.tolerance, initial=0.0)))
        return holds

    patched = ((np, "allclose", close), (np, "array_equal", equal), (_SCALAR, "__eq__", approximately))
    for owner, name, function in patched:
        setattr(owner, name, function)
    try:
        yield shares
    finally:
        for (owner, name, _), function in zip(patched, (allclose, array_equal, scalar), strict=True):
            setattr(owner, name, function)


def read_shares() -> dict[str, list[float]]:
    """Test -> the share of each of its parameters; none where the test compares no values."""
    shares: dict[str, list[float]] = {}
    for path in sorted((evidence.RECORDS / "passed").rglob("*.yaml")):
        for key, entry in evidence.read_record(path.relative_to(evidence.RECORDS).with_suffix("").as_posix()).items():
            if "reached" in entry:
                measured = shares.setdefault("tests/" + key.partition("[")[0], [])
                measured += [] if entry["reached"] is None else [entry["reached"]]
    return shares


def describe(shares: list[float] | None) -> str:
    """What the page says of a test: the share of the tolerance that was used."""
    if shares is None:
        return "not measured"
    if not shares:
        return "inequalities hold"
    return "identical" if max(shares) == 0 else f"{100 * max(shares):.2g} %"
