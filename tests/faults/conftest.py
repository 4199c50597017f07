"""A project that has run once, whose jobs are then disturbed."""

from collections.abc import Iterator

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
