"""How far a test goes into its tolerances: what `pytest -n 0 --reached` measures for docs/mechanisms.md.

While a test with a `reference` mark runs, comparisons that hold (`np.allclose`, `pytest.approx`, `np.array_equal`) note the
largest share of their tolerance that was used. What is measured is kept in reached.json, so that the page changes when
somebody measures again, and not with every run.
"""

import json
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

KEPT = Path(__file__).with_suffix(".json")
_DIGITS = 2
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


def keep(found: dict[str, Shares]) -> None:
    """Write what was measured over what was kept of these tests; with parameters the largest of all counts."""
    kept: dict[str, float | None] = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    for test, shares in found.items():
        kept[test] = None if shares.largest is None else float(f"{shares.largest:.{_DIGITS - 1}e}")
    KEPT.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def told(test: str) -> str:
    """What the page says of a test: the share of the tolerance that was used."""
    share = json.loads(KEPT.read_text(encoding="utf-8")).get(test, math.nan)
    if share is None:
        return "inequalities hold"
    return "not measured" if math.isnan(share) else "identical" if share == 0 else f"{100 * share:.2g} %"
