"""What is compiled is one piece of machine code, and does what it says, made anew or loaded from disk."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
import pytest
from numba.core.codegen import JITCodeLibrary

from homeoanalysis.numerics.composition import OPTIONS, activate, inlined, kernel, summed
from homeoanalysis.numerics.kept import kept


@kernel
def _total(values):  # type: ignore[no-untyped-def]
    total = values[0] - values[0]
    for k in range(values.size):
        total += values[k]
    return total


@inlined
def _root(value):  # type: ignore[no-untyped-def]
    if value < 0:
        raise ValueError("no root of less than nothing")
    return np.sqrt(value)


@summed
def level(thing, scale):  # type: ignore[no-untyped-def]
    return 0


class Tank(NamedTuple):
    values: np.ndarray

    @staticmethod
    def level(thing, scale):  # type: ignore[no-untyped-def]
        return scale * _root(_total(thing.values))


class Well(NamedTuple):
    depth: float

    @staticmethod
    def level(thing, scale):  # type: ignore[no-untyped-def]
        return scale * thing.depth


def levels(things, out):  # type: ignore[no-untyped-def]
    for k in range(out.size):
        out[k] = level(things, k)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """`levels`, which nothing has compiled before."""
    activate()
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path))
    return kept(levels, **OPTIONS)


@pytest.mark.slow
def test_a_loop_is_one_piece_of_machine_code_with_all_that_it_calls(machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    made, finish = [], JITCodeLibrary._finalize_specific

    def noted(library: JITCodeLibrary) -> None:
        made.append(library.name)
        finish(library)

    monkeypatch.setattr(JITCodeLibrary, "_finalize_specific", noted)
    things, found = (Tank(np.array([3.0, 4.0, 9.0])), Well(0.5), Tank(np.array([1.0]))), np.zeros(4)
    machine(things, found)
    np.testing.assert_array_equal(found, np.arange(4) * (4 + 0.5 + 1))
    assert "levels" in made
    assert not {"_total", "_root", "unrolled", "Tank.level", "Well.level", "call"} & set(made)


@pytest.mark.slow
def test_an_error_in_a_hook_reaches_python(machine: Any) -> None:
    with pytest.raises(ValueError, match="no root of less than nothing"):
        machine((Tank(np.array([-1.0])),), np.zeros(1))


# A kernel that is so long, and called twice, that it is not inlined.
LOOP = """
import sys
import numba
import numpy as np
from homeoanalysis.numerics.composition import OPTIONS, activate, kernel, summed
from homeoanalysis.numerics.kept import kept

@summed
def change(thing, x):
    return 0

@kernel
def work(thing, out):
    total = out[0]
    for k in range(out.size):
        a = change(thing, out[k])
        b = np.sqrt(np.abs(a)) + np.sin(a) * np.cos(a) + np.exp(-np.abs(a)) + np.log(1 + np.abs(a)) + np.arctan(a) + np.tanh(a)
        for j in range(3):
            if b > j:
                total += change(thing, b) / (1 + j)
            else:
                total -= np.sin(b) * j
        out[k] = a
    return total

def run(thing, out):
    work(thing, out)
    if out[0] > 1e9:
        work(thing, out)

activate()
for name in sys.argv[1:]:
    module = __import__(name)
    numba.config.CACHE_DIR = name
    out, function = np.full(3, 5.0), kept(run, **OPTIONS)
    function(module._Kernel(3.0), out)
    print(name, out[0], "loaded" if function.stats.cache_hits else "compiled")
"""
KERNEL = """
from typing import NamedTuple

class _Kernel(NamedTuple):
    rate: float

    @staticmethod
    def change(thing, x):
        return {value}
"""


def run_loops(folder: Path, *names: str) -> list[str]:
    """What a new process says of loops that it makes, or loads."""
    # Parts of numba's names depend on the order of a set, which is chance without this.
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "loop.py", *names]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=True)
    return done.stdout.splitlines()


@pytest.mark.slow
def test_two_loops_may_have_hooks_of_the_same_name(tmp_path: Path) -> None:
    """Of kernels that are told apart by their modules alone, as in the catalogue; the second ran the code of the first."""
    (tmp_path / "loop.py").write_text(LOOP)
    for name, value in (("adds", "x + thing.rate"), ("multiplies", "x * thing.rate")):
        (tmp_path / f"{name}.py").write_text(KERNEL.format(value=value))
    assert run_loops(tmp_path, "adds") == ["adds 8.0 compiled"]
    assert run_loops(tmp_path, "adds", "multiplies") == ["adds 8.0 loaded", "multiplies 15.0 compiled"]
    assert run_loops(tmp_path, "multiplies") == ["multiplies 15.0 loaded"]
    assert run_loops(tmp_path, "adds", "multiplies") == ["adds 8.0 loaded", "multiplies 15.0 loaded"]


@pytest.mark.slow
def test_a_hook_may_print(tmp_path: Path) -> None:
    """Who writes one wants to look into it; without the objects that numba prints with, it hung."""
    printing = KERNEL.format(value="x + thing.rate").replace("        return", '        print("at", x)\n        return')
    (tmp_path / "loop.py").write_text(LOOP)
    (tmp_path / "prints.py").write_text(printing)
    for made in ("compiled", "loaded"):
        *printed, last = run_loops(tmp_path, "prints")
        assert "at 5.0" in printed
        assert last == f"prints 8.0 {made}"
