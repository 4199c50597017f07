"""Compiled code on disk: whatever became of its files, and whoever else compiles, what runs is what was compiled for it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jobs import ROOT
from running import list_workflow_code

from homeoanalysis.provenance import rng_for

pytestmark = [pytest.mark.slow, pytest.mark.recorded(code=[*list_workflow_code(), *Path(__file__).parent.glob("[cjw]*.*")])]
SEEDS = [pytest.param(4, id="few"), pytest.param(60, id="many", marks=pytest.mark.nightly)]
PROGRAM = """
import json, os, sys
import numba
import numpy as np
from homeoanalysis.numerics.kept import kept

def total(values, scale):
    result = 0 * scale
    for value in values:
        result += value * scale
    return result

TYPES = [np.int8, np.int16, np.int32, np.int64, np.uint8, np.float32, np.float64, np.complex64]
numba.config.CACHE_DIR = sys.argv[1]

def called(kinds):
    code = kept(total)
    for kind in kinds:
        values = np.arange(5).astype(TYPES[kind])
        found = code(values, 3)
        assert found == 30, (kind, found)
    return sum(code.stats.cache_hits.values())
for line in sys.stdin:
    children = []
    for kinds in json.loads(line):
        if not (child := os.fork()):
            code = 99
            try:
                code = called(kinds)
            finally:
                os._exit(code)
        children.append(child)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]), flush=True)
"""


class Compiler:
    """A process whose forks call a function with some types of numbers: each answers how often its code was on disk."""

    def __init__(self, folder: Path) -> None:
        self.kept = folder / "kept"
        (folder / "program.py").write_text(PROGRAM)
        command = [sys.executable, str(folder / "program.py"), str(self.kept)]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)

    def __call__(self, *forks: list[int]) -> list[int]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(forks) + "\n")
        self._process.stdin.flush()
        found: list[int] = json.loads(self._process.stdout.readline())
        return found

    def files(self) -> list[Path]:
        return sorted(path for path in self.kept.rglob("*") if path.is_file())


@pytest.fixture
def compiler(tmp_path: Path) -> Any:
    one = Compiler(tmp_path)
    yield one
    one._process.communicate()


@pytest.mark.parametrize("seeds", SEEDS)
def test_damaged_code_is_compiled_anew(compiler: Compiler, seeds: int) -> None:
    assert compiler([0, 6]) == [0]
    assert compiler([0, 6]) == [2]
    for seed in range(seeds):
        rng = rng_for(seed, "machine code")
        path = compiler.files()[int(rng.integers(2))]
        content = bytearray(path.read_bytes())
        at = int(rng.integers(len(content)))
        content[at] ^= 1 << int(rng.integers(8))
        path.write_bytes([content, content[:at], content[:at] + bytes(len(content) - at)][int(rng.integers(3))])
        assert compiler([0, 6]) == [1], "one of the two is compiled anew"
        assert compiler([0, 6]) == [2]


@pytest.mark.parametrize("seeds", SEEDS)
def test_code_that_processes_compile_at_once(compiler: Compiler, seeds: int) -> None:
    """Three processes, each with other types in another order: all are right, and all is kept."""
    for seed in range(seeds):
        for path in compiler.files():
            path.unlink()
        rng = rng_for(seed, "at once")
        forks = [rng.permutation(8)[:3].tolist() for _ in range(3)]
        assert all(0 <= code < 99 for code in compiler(*forks))
        assert compiler(*forks) == [3, 3, 3]


def test_a_cache_that_cannot_be_written(compiler: Compiler) -> None:
    """The code runs, and is not kept."""
    assert compiler([0]) == [0]
    (path,) = compiler.files()
    path.unlink()
    path.mkdir()
    assert compiler([0]) == [0]
