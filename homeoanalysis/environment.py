"""The environment that `run.py` runs commands in. Only the standard library is used: nothing else may be there yet.

The first call makes .venv from a lock, where every package has a hash; later calls only look whether it is still
the right one. A command holds its environment until it ends, so that no other call takes it away.
"""

import difflib
import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

try:
    import fcntl
except ImportError:
    sys.exit("run.py needs Linux or macOS; elsewhere make an environment of your own: pip install -e '.[test]'")

ROOT = Path(__file__).resolve().parents[1]
USAGE = """\
usage: python3 run.py [--with run|slurm|test|peers] COMMAND [ARGUMENT ...]

  python3 run.py snakemake --cores 2                 runs the studies of config/config.yaml
  python3 run.py python -m homeoanalysis check       says what is wrong in the config, and which jobs there are
  python3 run.py pytest -q                           runs the tests

The first call makes .venv (about 1 GB). `--with slurm` adds what sends jobs to a cluster; `--with peers` is another
environment, with other simulators for comparison."""
TEST_TOOLS = {"pytest", "ruff", "mypy", "snakefmt"}
TOOLS = {"snakemake", "python", "python3", *TEST_TOOLS}
# kind: (its folder, its lock).
KINDS = {
    "run": (".venv", "requirements.lock"),
    "slurm": (".venv", "requirements-slurm.lock"),
    "test": (".venv", "requirements-test.lock"),
    "peers": (".venv-peers", "requirements-peers.lock"),
}
GROWING = ("run", "slurm", "test")  # each lock holds the versions of the one before and more, so that they share a folder


def main() -> None:
    """Run the command of the command line; this process becomes it."""
    command = sys.argv[1:]
    if command[:1] in (["-h"], ["--help"]):
        sys.stdout.write(USAGE + "\n")
        return
    kind = "test" if command and command[0] in TEST_TOOLS else "run"
    if command[:1] == ["--with"]:
        kind, command = command[1] if len(command) > 1 else "", command[2:]
    if not command or kind not in KINDS:
        sys.exit(USAGE)
    env = ROOT / KINDS[kind][0]
    path = f"{env / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    if command[0] not in TOOLS and shutil.which(command[0], path=path) is None:
        close = difflib.get_close_matches(command[0], TOOLS, n=1)
        sys.exit(f"no command {command[0]!r}; {f'did you mean {close[0]!r}? ' if close else ''}try: python3 run.py --help")
    hold(kind, env)
    os.environ |= {"PATH": path, "VIRTUAL_ENV": str(env)}
    os.execvp(command[0], command)


def hold(kind: str, env: Path) -> None:
    """Set the environment up if need be, one process at a time, and keep it from being made anew while this one lives."""
    try:
        turn, used = (os.open(ROOT / f"{env.name}.{name}", os.O_RDWR | os.O_CREAT, 0o666) for name in ("set-up", "used"))
    except OSError as error:
        sys.exit(f"{error.filename} cannot be written ({error.strerror}); mend the permissions of the folder")
    if not _lock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB):
        _say(f"waiting for another run.py, which sets up {env.name}")
        _lock(turn, fcntl.LOCK_EX)
    try:
        _set_up(kind, env, used)
        _lock(used, fcntl.LOCK_SH)
        os.set_inheritable(used, True)  # the command keeps the lock; the system gives it back, even if the command is killed
    finally:
        os.close(turn)


def _lock(file: int, how: int) -> bool:
    try:
        fcntl.flock(file, how)
    except BlockingIOError:
        return False
    return True


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _wanted(kind: str) -> str:
    parts = [(ROOT / name).read_bytes() for name in (KINDS[kind][1], "pyproject.toml")]
    return f"{kind} {hashlib.sha256(b''.join(parts) + sys.version.encode()).hexdigest()}"


def _set_up(kind: str, env: Path, used: int) -> None:
    mark = env / "made-by-run.py"  # says what is installed; without it the folder is somebody else's
    found = mark.read_text().strip() if mark.exists() else ""
    installed = next((k for k in (kind, *GROWING) if found == _wanted(k)), "")
    is_growing = kind in GROWING and installed in GROWING
    if installed == kind or (is_growing and GROWING.index(installed) > GROWING.index(kind)):
        return
    if env.exists() and not mark.exists():
        sys.exit(f"{env.name} was not made by run.py and is left alone; rename it, or use it: pip install -e '.[test]'")
    try:
        if is_growing:  # only more packages: commands that run in it are not disturbed
            _say(f"adding the packages of {kind} to {env.name} (once)")
        elif _lock(used, fcntl.LOCK_EX | fcntl.LOCK_NB):
            _say(f"setting up {env.name} for {kind} (once): about a minute or more, by the network; 1 GB")
            _make(env, mark)
        else:
            sys.exit(
                f"{env.name} must be made anew, since a lock file, pyproject.toml or Python is another one, but another run.py "
                "is using it; wait until that has ended, and run the command again"
            )
        _install(kind, env)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"the set-up failed: {error}\nIt needs a package index, and the venv module of Python; run the command again.")
    mark.write_text(_wanted(kind) + "\n")


def _make(env: Path, mark: Path) -> None:
    if env.exists():
        shutil.rmtree(env)
    env.mkdir()
    mark.touch()  # before anything else: a set-up that is interrupted is begun again, not taken for somebody else's
    venv.create(env, with_pip=True)


def _install(kind: str, env: Path) -> None:
    python = str(env / "bin" / "python")
    pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    uv = [str(env / "bin" / "uv"), "pip", "install", "-q", "-p", python, "--compile-bytecode"]
    subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements-uv.lock")], check=True)
    subprocess.run([*uv, "--require-hashes", "-r", str(ROOT / KINDS[kind][1])], check=True)
    subprocess.run([*uv, "--no-deps", "-e", str(ROOT)], check=True)
