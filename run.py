"""Run a command of the project in an environment of its own: `python3 run.py snakemake --cores 2`.

The first call makes .venv from a lock, where every package has a hash; later calls only look whether it is still
the right one. Only the standard library is used. `--with peers` adds other simulators for comparison.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
TEST_TOOLS = {"pytest", "ruff", "mypy", "snakefmt"}
# kind: (its folder, its lock). The test lock holds the run lock's versions and more, so that they share a folder.
KINDS = {
    "run": (".venv", "requirements.lock"),
    "test": (".venv", "requirements-test.lock"),
    "peers": (".venv-peers", "requirements-peers.lock"),
}


def wanted(kind: str) -> str:
    parts = [(ROOT / name).read_bytes() for name in (KINDS[kind][1], "pyproject.toml")]
    return f"{kind} {hashlib.sha256(b''.join(parts) + sys.version.encode()).hexdigest()}"


def make(kind: str, env: Path, mark: Path) -> None:
    if env.exists() and not mark.exists():
        sys.exit(f"{env.name} was not made by run.py and is left alone; rename it, or use it: pip install -e '.[test]'")
    print(f"setting up {env.name} for {kind} (once)", file=sys.stderr)
    if env.exists():
        shutil.rmtree(env)
    env.mkdir()
    mark.touch()  # before anything else: a set-up that is interrupted is begun again, not taken for somebody else's
    python = str(env / "bin" / "python")
    install = [str(env / "bin" / "uv"), "pip", "install", "-q", "-p", python, "--compile-bytecode"]
    try:
        venv.create(env, with_pip=True)
        pip = [python, "-m", "pip", "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, "--require-hashes", "-r", str(ROOT / "requirements-uv.lock")], check=True)
        subprocess.run([*install, "--require-hashes", "-r", str(ROOT / KINDS[kind][1])], check=True)
        subprocess.run([*install, "--no-deps", "-e", str(ROOT)], check=True)
    except (subprocess.CalledProcessError, OSError) as error:
        sys.exit(f"the set-up failed: {error}\nIt needs a package index, and the venv module of Python; run the command again.")
    mark.write_text(wanted(kind) + "\n")


def main() -> None:
    command = sys.argv[1:]
    kind = "test" if command and command[0] in TEST_TOOLS else "run"
    if command[:1] == ["--with"]:
        kind, command = command[1] if len(command) > 1 else "", command[2:]
    if not command or kind not in KINDS:
        sys.exit("usage: python3 run.py [--with run|test|peers] COMMAND [ARGUMENT ...], e.g. python3 run.py snakemake --cores 2")
    if not (3, 11) <= sys.version_info[:2] <= (3, 13):
        sys.exit(f"Python {sys.version.split()[0]} is not supported; use 3.11, 3.12 or 3.13")
    env = ROOT / KINDS[kind][0]
    mark = env / "made-by-run.py"  # says what is installed; without it the folder is somebody else's
    found = mark.read_text().strip() if mark.exists() else ""
    if found != wanted(kind) and not (kind == "run" and found == wanted("test")):
        make(kind, env, mark)
    os.environ["PATH"] = f"{env / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}"
    os.environ["VIRTUAL_ENV"] = str(env)
    try:
        os.execvp(command[0], command)
    except FileNotFoundError:
        sys.exit(f"no command {command[0]!r}; try snakemake, pytest or python")


if __name__ == "__main__":
    main()
