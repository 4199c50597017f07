"""`.ci/run`: where one command fails, the others end too."""

import os
import shutil
import stat
import subprocess
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).parents[2]
# In the place of Python: a command ends at once with the code that is asked of it, or sleeps, in a child of its own.
PYTHON = """#!/bin/sh
case "$*" in
    {quick}) exit {code} ;;
    "run.py python -c ") exit 0 ;;
    *) sleep {seconds}; exit 0 ;;
esac
"""


def _run(folder: Path, *, quick: str, code: int, seconds: float) -> tuple[int, float, list[str]]:
    """Exit code of `.ci/run`, how long it took [s], and what of it still runs."""
    (folder / ".ci").mkdir()
    shutil.copy(ROOT / ".ci/run", folder / ".ci/run")
    (folder / "requirements.lock").write_text("numpy==1\n")
    programs = folder / "programs"
    programs.mkdir()
    for name, text in {"python": PYTHON.format(quick=quick, code=code, seconds=seconds), "slurmctld": "#!/bin/sh\n"}.items():
        (programs / name).write_text(text)
        (programs / name).chmod(stat.S_IRWXU)
    environment = {
        **os.environ,
        "PATH": f"{programs}:{os.environ['PATH']}",
        "PYTHON": str(programs / "python"),
        "OF": str(folder),
    }
    begin = time.monotonic()
    done = subprocess.run([folder / ".ci/run"], env=environment, capture_output=True, text=True, timeout=60, check=False)
    took = time.monotonic() - begin
    return done.returncode, took, [p.info["name"] for p in psutil.process_iter(["name"]) if _is_of(p, folder)]


def _is_of(process: psutil.Process, folder: Path) -> bool:
    try:
        return process.environ().get("OF") == str(folder)
    except psutil.Error:
        return False


@pytest.mark.slow
@pytest.mark.parametrize("quick", ['"run.py pytest -q"', "*slurm*", "*mypy*"], ids=["tests", "Slurm", "types"])
def test_where_a_command_fails_the_others_end(quick: str, tmp_path: Path) -> None:
    seconds = 0.5 if "mypy" in quick else 50
    code, took, left = _run(tmp_path, quick=quick, code=3, seconds=seconds)
    assert code == 3
    assert took < 20
    assert left == []


@pytest.mark.slow
def test_where_none_fails_it_passes(tmp_path: Path) -> None:
    code, _, left = _run(tmp_path, quick='"run.py pytest -q"', code=0, seconds=0.2)
    assert (code, left) == (0, [])
