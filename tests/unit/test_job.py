"""What a job says when it ends, however it ends."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from homeoanalysis.job import KILLED

JOB = """
import os, signal
from homeoanalysis.errors import DataError
from homeoanalysis.job import job
with job("log/a b.txt"):
    {}
"""


def ended(folder: Path, body: str) -> tuple[int, str]:
    """The exit code, and what was said until everybody who could say something is gone."""
    command = [sys.executable, "-c", JOB.format(body)]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("body", "signal_number"), [("os.kill(os.getpid(), signal.SIGKILL)", signal.SIGKILL), ("os.abort()", signal.SIGABRT)]
)
def test_a_job_that_is_killed_says_so(tmp_path: Path, body: str, signal_number: int) -> None:
    assert ended(tmp_path, body) == (-signal_number, f"{KILLED}\nlog: log/a b.txt\n")


@pytest.mark.parametrize(
    ("body", "code", "said"),
    [
        ("pass", 0, ""),
        ("raise SystemExit(3)", 3, ""),
        ("raise DataError('x is no spike')", 1, "DataError: x is no spike\nlog: log/a b.txt\n"),
        (
            "raise MemoryError",
            1,
            "MemoryError: the memory is used up (no size given); give the job more, or run fewer at once\nlog: log/a b.txt\n",
        ),
        (
            "raise ImportError('libhdf5.so.320: failed to map segment from shared object')",
            1,
            "ImportError: libhdf5.so.320: failed to map segment from shared object; the memory is used up: "
            "give the job more, or run fewer at once\nlog: log/a b.txt\n",
        ),
    ],
)
def test_a_job_that_ends_by_itself_says_its_own_word_only(tmp_path: Path, body: str, code: int, said: str) -> None:
    assert ended(tmp_path, body) == (code, said)


@pytest.mark.parametrize("error", ["ImportError('h5.so: undefined symbol: H5F')", "ModuleNotFoundError('no h5py')"])
def test_a_fault_of_the_program_is_shown_whole(tmp_path: Path, error: str) -> None:
    code, said = ended(tmp_path, f"raise {error}")
    assert code == 1
    assert said.startswith("Traceback")
    assert "memory" not in said
