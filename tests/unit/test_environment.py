"""run.py: what it says before it sets anything up, and that no two of them take one another's environment away."""

import ast
import fcntl
import itertools
import os
import re
import runpy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from homeoanalysis import environment

ROOT = Path(__file__).parents[2]


def test_run_py_is_valid_in_old_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    tree = ast.parse((ROOT / "run.py").read_text())
    assert not [n for n in ast.walk(tree) if isinstance(n, ast.JoinedStr | ast.AnnAssign | ast.FunctionDef | ast.NamedExpr)]
    monkeypatch.setattr(sys, "version_info", (2, 7, 18))
    with pytest.raises(SystemExit, match=r"^Python .* is not supported; use 3\.11, 3\.12 or 3\.13"):
        runpy.run_path(str(ROOT / "run.py"))


@pytest.mark.parametrize(
    ("arguments", "code", "piece"),
    [
        (["--help"], 0, "usage: python3 run.py"),
        ([], 1, "usage: python3 run.py"),
        (["--with", "nothing", "pytest"], 1, "usage: python3 run.py"),
        (["snakemke", "--cores", "2"], 1, "no command 'snakemke'; did you mean 'snakemake'?"),
    ],
)
def test_nothing_is_set_up_for_help_or_a_typing_error(arguments: list[str], code: int, piece: str, tmp_path: Path) -> None:
    (tmp_path / "homeoanalysis").mkdir()
    for name in ("run.py", "homeoanalysis/__init__.py", "homeoanalysis/environment.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    done = subprocess.run([sys.executable, "run.py", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert piece in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.glob(".venv*"))


Hold = Callable[[str, str], list[str]]


@pytest.fixture
def hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hold:
    """Ask for a kind where another is installed: what was done."""
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setattr(environment, "_wanted", lambda kind: f"{kind} now")
    done: list[str] = []
    monkeypatch.setattr(environment, "_make", lambda env, mark: done.append("made"))
    monkeypatch.setattr(environment, "_install", lambda kind, env: done.append(kind))

    def call(kind: str, installed: str) -> list[str]:
        env = tmp_path / ".venv"
        env.mkdir(exist_ok=True)
        (env / "made-by-run.py").write_text(installed)
        done.clear()
        environment.hold(kind, env)
        return list(done)

    return call


def test_what_is_installed_is_used_and_never_made_smaller(hold: Hold, tmp_path: Path) -> None:
    assert hold("run", "run now") == hold("test", "test now") == hold("run", "test now") == hold("slurm", "test now") == []
    assert (tmp_path / ".venv" / "made-by-run.py").read_text() == "test now"


def test_the_first_call_says_how_long_it_takes(hold: Hold, capsys: pytest.CaptureFixture[str]) -> None:
    assert hold("run", "") == ["made", "run"]
    assert capsys.readouterr().err == "setting up .venv for run (once): about a minute or more, by the network; 1 GB\n"


def test_an_environment_in_use_is_not_taken_away(hold: Hold, tmp_path: Path) -> None:
    assert hold("run", "run before") == ["made", "run"]  # from now on it is held
    with pytest.raises(SystemExit, match=r"another run\.py is using it; wait until that has ended"):
        hold("run", "run before")
    assert hold("slurm", "run now") == ["slurm"]  # what is there stays, so that nobody is disturbed
    assert hold("test", "slurm now") == hold("test", "run now") == ["test"]
    assert (tmp_path / ".venv" / "made-by-run.py").read_text() == "test now\n"


def test_each_lock_of_a_shared_environment_holds_the_one_before() -> None:
    """The packages that an environment already has are not exchanged when others come to it."""

    def packages(kind: str) -> set[str]:
        lock = (ROOT / environment.KINDS[kind][1]).read_text()
        return {line.rstrip(" \\") for line in lock.splitlines() if "==" in line}

    kinds = [packages(kind) for kind in environment.GROWING]
    assert all(smaller < larger for smaller, larger in itertools.pairwise(kinds))


LOCKS = sorted(ROOT.glob("requirements*.lock"))


def without_hash(lock: str) -> list[str]:
    """The requirements of a lock that are not pinned to a version, or have no SHA-256."""
    entries = [entry for entry in re.split(r"\n(?=\S)", lock.strip()) if not entry.startswith("#")]
    return [
        entry
        for entry in entries
        if not re.fullmatch(r"\S+==\S+( ; [^\n]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+(\n    #.*)*", entry)
    ]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda path: path.name)
def test_every_requirement_of_a_lock_has_a_hash(lock: Path) -> None:
    """pip then refuses whatever else an index hands out. Negative control: one line less."""
    content = lock.read_text()
    assert content.count("==") > 0
    assert without_hash(content) == []
    first = content.split("==")[0].splitlines()[-1]
    assert without_hash(re.sub(r"( \\\n    --hash=\S+)+", "", content, count=1))[0].startswith(first)


def test_the_environment_is_held_until_the_command_ends(tmp_path: Path) -> None:
    (tmp_path / ".venv").mkdir()
    program = f"""
import sys
from pathlib import Path
from homeoanalysis import environment
environment.ROOT = Path({str(tmp_path)!r})
environment._wanted = lambda kind: kind
(environment.ROOT / ".venv" / "made-by-run.py").write_text("run")
sys.argv = ["run.py", "python", "-c", "print(1, flush=True); input()"]
environment.main()
"""
    command = [sys.executable, "-c", program]
    used = os.open(tmp_path / ".venv.used", os.O_RDWR | os.O_CREAT)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(BlockingIOError):
            fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
        process.kill()
    fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(used)
