"""A project that has run once, whose jobs are then disturbed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jobs import Project, Worker, undisturbed


@pytest.fixture(scope="session")
def worker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    one = Worker(tmp_path_factory.mktemp("worker"))
    yield one
    one.close()


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, worker: Worker) -> Iterator[Project]:
    with undisturbed(tmp_path_factory.mktemp("project") / "own", worker) as made:
        yield made


@pytest.fixture(scope="session")
def clock(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library of clock.c, as LD_PRELOAD takes it."""
    if sys.platform != "linux" or shutil.which("cc") is None:
        pytest.skip("the clock of all libraries cannot be moved here: that takes Linux and a C compiler, cc")
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, Path(__file__).with_name("clock.c"), "-ldl"], check=True)
    return str(library)


@pytest.fixture(params=["of Python", "of all libraries"])
def clocked(request: pytest.FixtureRequest, project: Project, tmp_path: Path) -> Iterator[Project]:
    """The project with a worker whose clock can be made to jump: without a compiler, at least Python's."""
    preload = {"LD_PRELOAD": request.getfixturevalue("clock")} if request.param == "of all libraries" else {}
    one = Worker(tmp_path, **preload)
    yield project._replace(worker=one)
    one.close()
