"""Slow tests that have passed are not run again before something that they used has changed.

While a slow test runs, it is noted which entries of the catalogue it loads and which files of the project it opens. Its record
names them; with the file of the test, of its fixtures, and all that these import, they make its digest (see evidence.py).

What another process does is not seen: a test that starts one is always run, unless it says on which code it depends,

    @pytest.mark.recorded(code=code_of("compare"))

"""

import contextlib
import functools
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import evidence
import pytest
import reached

from homeoanalysis import catalogue

ROOT = evidence.TESTS.parent
NO_RECORD = ("nightly",)  # another size
WITHIN = 0.1  # how far the share of a tolerance that is reached may differ from one processor to another
ONLY_READS = "config"  # this fixture loads the whole catalogue to look for faults in the config, and gives what it read
_MANY = 10  # files of the config: it was read as a whole
_PROCESSES = ("subprocess.Popen", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system")
_NOTES = pytest.StashKey["Notes"]()
_SHARE = pytest.StashKey[float | None]()  # of a tolerance, that a reference test reached
_SECONDS = pytest.StashKey[float]()  # of a test that passed
_IGNORED = {".git", ".hypothesis", ".venv", ".venv-peers", ".snakemake", ".pytest_cache", "__pycache__", "results"}


class Notes:
    """What a test or a fixture has used."""

    def __init__(self) -> None:
        self.entries: set[tuple[str, str]] = set()  # folder and name
        self.folders: set[str] = set()  # of the catalogue, that were listed
        self.files: set[str] = set()  # of the project
        self.starts_process = False

    def add(self, other: "Notes") -> None:
        """All that is in other notes, too."""
        self.entries |= other.entries
        self.folders |= other.folders
        self.files |= other.files
        self.starts_process |= other.starts_process


_current: Notes | None = None
_of_fixtures: dict[tuple[str, str], Notes] = {}  # of module and session fixtures, by file and name
_of_modules: dict[Path, Notes] = {}  # of tests that keep results in a cache of their module


@contextlib.contextmanager
def note(notes: Notes | None) -> Iterator[None]:
    """What is used inside goes into these notes."""
    global _current
    outer, _current = _current, notes
    try:
        yield
    finally:
        _current = outer


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    """A hook of Python for what happens in this process."""
    notes = _current
    if notes is None:
        return
    if event == "open" and isinstance(arguments[0], str | Path):
        path = os.path.abspath(arguments[0])
        if path.startswith(f"{ROOT}{os.sep}"):
            notes.files.add(path[len(str(ROOT)) + 1 :])
    elif event in _PROCESSES:
        notes.starts_process = True


@functools.cache  # once in a process
def _watch() -> None:
    """Let Python and the functions of the catalogue note what they are asked for."""
    sys.addaudithook(_audit)
    for name in ("load", "parameters", "unit"):
        setattr(catalogue, name, _noting(getattr(catalogue, name)))
    names = catalogue.names

    @functools.wraps(names)
    def names_and_note(folder: str) -> list[str]:
        if _current is not None:
            _current.folders.add(folder)
        return names(folder)

    catalogue.names = names_and_note


def _noting(function: Any) -> Any:
    @functools.wraps(function)
    def call_and_note(folder: str, name: str, *rest: str) -> Any:
        if _current is not None and (folder, name) not in _current.entries and catalogue.source_files(folder, name)[0].is_file():
            _current.entries.add((folder, name))
        return function(folder, name, *rest)

    return call_and_note


# ---- the digest of a test


def _find_code(item: pytest.Function) -> list[Path]:
    """The file of a test, of the fixtures that it uses, and the code that its mark names."""
    marks = [path for mark in item.iter_markers("recorded") for path in mark.kwargs["code"]]
    fixtures = {
        Path(definition.func.__code__.co_filename)
        for name, definitions in item._fixtureinfo.name2fixturedefs.items()  # pytest has no public way
        for definition in definitions
        if hasattr(definition.func, "__code__")
    }
    own = {path for path in fixtures if path.is_relative_to(evidence.TESTS) and path != evidence.TESTS / "conftest.py"}
    return [item.path, *own, *marks]


def compute_digest(item: pytest.Function, uses: Mapping[str, Sequence[str]]) -> str:
    """The digest of a test that used these entries and files."""
    entries = [path for entry in uses.get("entries", ()) for path in catalogue.source_files(*entry.split("/"))]
    named = [ROOT / name for name in uses.get("files", ())]
    if not all(path.exists() for path in (*entries, *named)):
        return "something that it used is gone"
    files = [file for path in named for file in (sorted(path.rglob("*.*")) if path.is_dir() else [path])]
    listed = {folder: catalogue.names(folder) for folder in uses.get("folders", ())}
    return evidence.digest_code([*_find_code(item), *entries, *files], listed)


def describe_uses(item: pytest.Function) -> dict[str, list[str]] | None:
    """What a test and its fixtures have used; None where they started a process and the test does not say on what it depends."""
    notes = Notes()
    notes.add(item.stash[_NOTES])
    if {"functools", "cache", "lru_cache"} & vars(item.module).keys():
        _of_modules.setdefault(item.path, Notes()).add(notes)
        notes.add(_of_modules[item.path])
    for name, definitions in item._fixtureinfo.name2fixturedefs.items():
        for definition in definitions:
            notes.add(_of_fixtures.get((_origin(definition), name), Notes()))
    if notes.starts_process and item.get_closest_marker("recorded") is None:
        return None
    files = {name for name in notes.files if not _IGNORED & set(Path(name).parts) and (ROOT / name).is_file()}
    of_config = {name for name in files if name.startswith("config/")}
    if len(of_config) > _MANY:
        files = {"config", *files} - of_config
    entries = {"/".join(entry) for entry in notes.entries}
    return {key: sorted(used) for key, used in (("entries", entries), ("files", files), ("folders", notes.folders)) if used}


def _origin(definition: Any) -> str:
    return getattr(getattr(definition.func, "__code__", None), "co_filename", "")


def has_record(item: pytest.Item) -> bool:
    """Whether a test is one of those whose passing is recorded: slow ones, and comparisons with references and peers."""
    is_slow = any(item.get_closest_marker(name) for name in ("slow", "reference", "peers"))
    measures = item.get_closest_marker("evidence") is not None
    is_own = isinstance(item, pytest.Function) and item.obj is not _pass
    return is_own and is_slow and not measures and not any(map(item.get_closest_marker, NO_RECORD))


def name_subject(item: pytest.Item) -> str:
    """The record of a test: one for each file of tests."""
    return "passed/" + item.path.relative_to(evidence.TESTS).with_suffix("").as_posix()


# ---- what pytest calls


def pytest_configure(config: pytest.Config) -> None:
    """Watch what is used."""
    config.addinivalue_line("markers", "recorded(code): starts processes, and depends on this code (tests/passes.py)")
    _watch()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put a test that passes at once in the place of each whose record is valid."""
    candidates = [item for item in items if has_record(item)]
    chosen = evidence.choose([item.nodeid for item in candidates], evidence.read_commit())
    for k, item in enumerate(items):
        if not has_record(item):
            continue
        entry = evidence.read_record(name_subject(item)).get(evidence.name_test(item))
        is_reference = item.get_closest_marker("reference") is not None
        if entry is None or is_reference != ("reached" in entry) or entry["digest"] != compute_digest(item, entry["uses"]):
            continue
        if evidence.describe_machine() not in entry["machines"] or item.nodeid in chosen or config.getoption("rerun"):
            item.stash[evidence.VALID] = entry
            continue
        replaced = pytest.Function.from_parent(item.parent, name=item.name, callobj=_pass)
        replaced.user_properties.append(("evidence", json.dumps({"how": evidence.READ, "subject": name_subject(item)})))
        items[k] = replaced


def _pass() -> None:
    """In the place of a test whose record is valid."""


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
    """What a fixture of a module or of the session uses counts for every test that has it."""
    if fixturedef.scope == "function":
        return (yield)
    notes = _of_fixtures.setdefault((_origin(fixturedef), fixturedef.argname), Notes())
    with note(notes):
        result = yield
    if fixturedef.argname == ONLY_READS:
        notes.entries.clear()
        notes.folders.clear()
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[Any]:
    """Note what a test uses."""
    item.stash[_NOTES] = Notes()
    with note(item.stash[_NOTES]):
        return (yield)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Iterator[Any]:
    """Measure how far a reference test goes into its tolerances."""
    if pyfuncitem.get_closest_marker("reference") is None:
        return (yield)
    with reached.measured() as shares:
        result = yield
    share = None if shares.largest is None else evidence.simplify(shares.largest)
    pyfuncitem.stash[_SHARE] = share
    valid = pyfuncitem.stash.get(evidence.VALID, {"reached": share})
    differences = list(evidence.find_differences(valid["reached"], share, 0.0, WITHIN, "reached"))
    assert not differences, f"the record of this test does not hold what it reaches: {differences[0]}"
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[Any]:
    """Tell of a slow test that passed, once what it has patched is as before."""
    if call.when == "call" and call.excinfo is None:
        item.stash[_SECONDS] = round(call.duration, 2)
    if call.when == "teardown" and _SECONDS in item.stash and isinstance(item, pytest.Function) and has_record(item):
        with note(None):
            _tell(item, item.stash[_SECONDS])
    return (yield)


def _tell(item: pytest.Function, seconds: float) -> None:
    what: dict[str, Any] = {"subject": name_subject(item), "seconds": seconds}
    valid = item.stash.get(evidence.VALID, None)
    uses = describe_uses(item)
    if valid is not None:
        what |= {"how": evidence.REPEATED, "key": evidence.name_test(item), "entry": evidence.add_machine(valid)}
    elif uses is None:
        return
    else:
        entry = evidence.describe_run(compute_digest(item, uses), seconds)
        entry |= {"reached": item.stash[_SHARE]} if _SHARE in item.stash else {}
        what |= {"how": evidence.MEASURED, "key": evidence.name_test(item), "entry": {**entry, "uses": uses}}
    item.user_properties.append(("evidence", json.dumps(what)))
