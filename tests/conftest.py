"""What several tests need."""

import gc
import os
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

# For all that tests start, too. Each core has a process of its own: further threads of linear algebra wait for each other, and
# that at full speed. numpy reads it when it is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from homeoanalysis.config import yaml
from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import File, Source
from homeoanalysis.errors import DataError
from homeoanalysis.fetch import MIRROR, fetch

pytest_plugins = ["evidence", "passes"]
ROOT = Path(__file__).parents[1]
LONG = ("published", "workflow", "faults")
Listed = Mapping[str, tuple[Source, File]]


def _listed() -> Listed:
    """<recording>/<file> of every public file that tests may read, and where it comes from."""
    found = {}
    for name, one in yaml.read(ROOT / "tests" / "recordings.yaml", "tests/recordings.yaml").items():
        found[name] = Source(url=one["url"]), File(name=Path(name).name, sha256=one["sha256"])
    for name, recording in load_config(ROOT / "config").recordings.items():
        for replicate in recording.replicates.values() if recording.source.url else ():
            folder = recording.source.mirror or name
            found |= {f"{folder}/{file.name}": (recording.source, file) for file in replicate.all_files().values()}
    return found


def _obtain(name: str, listed: Listed, cache: Path) -> Path:
    mirror = Path(os.environ.get(MIRROR) or ROOT.parent / "shared" / "data")
    if (mirror / name).is_file():
        return mirror / name
    source, file = listed[name]
    why = ""
    try:
        if not (cache / name).is_file():
            fetch(source, file, recording=name.partition("/")[0], destination=cache / name)
    except DataError as error:
        why = f"this test reads a public recording. {error}"
    if why:
        pytest.fail(why, pytrace=False)
    return cache / name


@pytest.fixture(autouse=True, scope="module")
def _known_to_stay() -> None:
    """What other tests have left, most of all two gigabytes of compiled loops, is not looked through for garbage again."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "unclosed file .*[.]abf'", ResourceWarning)  # neo leaves them open
        gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def obtain() -> Callable[[str, Listed, Path], Path]:
    """How `recorded` comes by its files."""
    return _obtain


@pytest.fixture(scope="session")
def recorded(pytestconfig: pytest.Config) -> Callable[[str], Path]:
    """The path of a public recording's file, named <recording>/<file>.

    It is in the folder of HOMEOANALYSIS_MIRROR, in shared/data beside the checkout, or fetched once into pytest's
    cache. A test that cannot have its file fails.
    """
    listed, cache = _listed(), pytestconfig.cache.mkdir("recordings")  # type: ignore[union-attr]
    return lambda name: _obtain(name, listed, cache)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Folders of long tests first, so that short ones are left at the end, when processes share out what there is."""
    items.sort(key=lambda item: item.path.parent.name not in LONG)
