"""Evidence: what expensive checks measured, valid for as long as nothing that they depend on has changed.

A test asks the fixture `evidence` for numbers, and holds them against its criterion:

    def test_intervals_cover(name, evidence):
        numbers = evidence(measure_coverage, name, subject=f"metrics/{name}", code=code_of("metric", ("metrics", name)))
        assert numbers["inside"] > 0.9 * numbers["n"]

The numbers stand in a record, `records/<subject>.yaml`, with a digest of the code that they depend on. While the digest is the
same, they are read; otherwise `measure_coverage` runs and its record is written. Each run repeats a share of the measurements
that it could have read, chosen by the commit, and fails if a number differs: a record that no run has made is found.

A digest holds the code of `measure_coverage` and all that it imports, of `code`, and the versions of libraries. It cannot hold
the operating system and the processor: a record names those that it was measured on, and others measure it again.
"""

import ast
import contextlib
import datetime
import functools
import hashlib
import inspect
import json
import math
import platform
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from llvmlite import binding

from homeoanalysis import catalogue
from homeoanalysis.files import replacing
from homeoanalysis.provenance import code_digest, code_files, module_file, parse_code, versions

TESTS = Path(__file__).parent
RECORDS = TESTS / "records"
SHARE = 0.04  # of the measurements, which are repeated although their records are valid
LEAST = 0.03  # in each run of more than a few
READ, REPEATED, MEASURED = "read from records", "measured again and the same", "measured"
_DIGITS = 6
VALID = pytest.StashKey[Mapping[str, Any]]()  # the record of a test that is repeated although it is valid
_CHOSEN = pytest.StashKey[set[str]]()
_SHOWN = 12  # subjects at the end of a run

Numbers = Mapping[str, Any]  # name -> number, text, or a mapping of these

_passed: set[str] = set()  # tests of this run
_seen: list[dict[str, Any]] = []  # what the tests of this run told


# ---- what a measurement depends on


def digest_code(files: Iterable[Path], inputs: Any = None) -> str:
    """A hash of the given files, of all that they import, of the versions of libraries, and of other inputs (as JSON).

    Comments and docstrings of Python files do not count. Other files count byte by byte.
    """
    package, own, others = _sort_by_kind(files)
    digest = hashlib.sha256(f"{code_digest(package)} {json.dumps(inputs, sort_keys=True, default=str)}\n".encode())
    for path in own:
        digest.update(f"{path.name}={_parse(path)[0]}\n".encode())
    for path in others:
        digest.update(f"{path.name}={hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    modules = {name.partition(".")[0] for path in own for name in _parse(path)[1]}
    for name, version in versions(modules - {"homeoanalysis"}).items():
        digest.update(f"{name}=={version}\n".encode())
    return digest.hexdigest()[:16]


def _sort_by_kind(files: Iterable[Path]) -> tuple[list[Path], list[Path], list[Path]]:
    """Files of the package; files of tests with all that they import from each other; files that are not Python."""
    package: set[Path] = set()
    own: set[Path] = set()
    others: set[Path] = set()
    todo = [path.resolve() for path in files]
    while todo:
        path = todo.pop()
        if path.suffix != ".py":
            others.add(path)
        elif path.is_relative_to(TESTS.parent / "homeoanalysis"):
            package.add(path)
        elif path not in own:
            own.add(path)
            todo += [found for name in _parse(path)[1] if (found := _find_module(name, path.parent))]
    return sorted(package), sorted(own), sorted(others)


def _find_module(name: str, folder: Path) -> Path | None:
    """The file of a module that a test in this folder imports; None where it is a library's."""
    parts = name.split(".")
    if parts[0] == "homeoanalysis":
        return module_file(parts)
    places = (place / f"{parts[0]}.py" for place in (folder, TESTS, TESTS.parent / "benchmarks"))
    return next((path for path in places if path.is_file()), None)


def _parse(path: Path) -> tuple[str, list[str]]:
    return _parse_text(path.read_bytes(), path.stem)


@functools.cache
def _parse_text(text: bytes, name: str) -> tuple[str, list[str]]:
    return parse_code(text, ["tests", name])


@functools.cache
def describe_machine() -> str:
    """What a digest cannot hold: the operating system, and the kind of processor by the widest vectors that it computes with."""
    features = binding.get_host_cpu_features()
    vectors = next((name for name in ("avx512f", "avx2", "sve", "neon") if features.get(name)), "no vectors")
    return f"{platform.system()} {platform.machine()} {vectors}"


# ---- which measurements are repeated


def choose(tests: Sequence[str], commit: str) -> set[str]:
    """The tests whose measurements this commit repeats: each with probability SHARE, and LEAST of them in any case."""
    draws = {test: int(hashlib.sha256(f"{commit} {test}".encode()).hexdigest(), 16) / 2**256 for test in tests}
    least = sorted(tests, key=draws.__getitem__)[: round(LEAST * len(tests))]
    return {test for test, draw in draws.items() if draw < SHARE} | set(least)


@functools.cache
def read_commit() -> str:
    """The commit of this checkout, "" outside of one."""
    with contextlib.suppress(OSError):
        asked = ["git", "-C", str(TESTS), "rev-parse", "HEAD"]
        return subprocess.run(asked, capture_output=True, text=True, check=False, timeout=30).stdout.strip()
    return ""


# ---- records


def name_test(item: pytest.Item) -> str:
    """A test as records name it."""
    return item.nodeid.removeprefix("tests/")


@functools.cache  # a file has many tests; what a run writes is written at its end
def _load(path: Path, changed: int) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
    return loaded


def read_record(subject: str) -> dict[str, dict[str, Any]]:
    """Test -> what it measured; empty where nothing is recorded."""
    path = RECORDS / f"{subject}.yaml"
    return _load(path, path.stat().st_mtime_ns) if path.is_file() else {}


def write_record(subject: str, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Put these entries into the record of a subject, whose others stay."""
    path = RECORDS / f"{subject}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        part.write_text(_to_text(dict(sorted({**read_record(subject), **entries}.items()))), encoding="utf-8")


def _to_text(value: Any) -> str:
    return yaml.safe_dump(value, allow_unicode=True, width=130, default_flow_style=None, sort_keys=False)


def simplify(value: Any) -> Any:
    """Numbers as a record holds them: with six digits, and without numpy's types."""
    if isinstance(value, Mapping):
        return {str(key): simplify(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [simplify(one) for one in value]
    if hasattr(value, "item"):
        value = value.item()
    return float(f"{value:.{_DIGITS}g}") if isinstance(value, float) else value


def find_differences(recorded: Any, measured: Any, rtol: float, atol: float, name: str = "numbers") -> Iterator[str]:
    """Where two measurements differ by more than atol + rtol * |recorded|."""
    if isinstance(recorded, Mapping) and isinstance(measured, Mapping) and recorded.keys() == measured.keys():
        for key in recorded:
            yield from find_differences(recorded[key], measured[key], rtol, atol, f"{name}.{key}")
    elif isinstance(recorded, list) and isinstance(measured, list) and len(recorded) == len(measured):
        for k, both in enumerate(zip(recorded, measured, strict=True)):
            yield from find_differences(*both, rtol, atol, f"{name}[{k}]")
    elif not _agree(recorded, measured, rtol, atol):
        yield f"{name}: {recorded} in the record, {measured} measured"


def _agree(recorded: Any, measured: Any, rtol: float, atol: float) -> bool:
    if isinstance(recorded, float | int) and isinstance(measured, float | int):
        both_undefined = math.isnan(recorded) and math.isnan(measured)
        return both_undefined or recorded == measured or abs(recorded - measured) <= atol + rtol * abs(recorded)
    return bool(recorded == measured)


def find_tests() -> set[str]:
    """Every test function, as records name it without its parameters."""
    return {
        f"{path.relative_to(TESTS).as_posix()}::{node.name}"
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    }


# ---- the fixture


@pytest.fixture
def evidence(request: pytest.FixtureRequest) -> Callable[..., Numbers]:
    """See the top of this file."""

    def obtain(
        measure: Callable[..., Numbers],
        *arguments: Any,
        subject: str,
        code: Iterable[Path] = (),
        inputs: Any = None,
        size: str = "",
        rtol: float = 1e-5,
        atol: float = 0.0,
    ) -> Numbers:
        """The numbers that `measure(*arguments)` gives, from the record of the subject where that is valid.

        Further arguments of `measure` are fixtures, which are set up only if it runs. code: files of the package or others
        that decide the numbers; the file of `measure` itself is added. inputs: what else decides them, as JSON. size: how large
        the measurement is, in words. rtol, atol: how far the numbers may differ from one run to another.
        """
        files = [Path(str(inspect.getsourcefile(inspect.unwrap(measure)))), *code]
        digest = digest_code(files, [inputs, size])
        key = name_test(request.node)
        entry = read_record(subject).get(key)
        is_same = entry is not None and entry["digest"] == digest
        is_known = is_same and describe_machine() in entry["machines"]
        is_chosen = request.node.nodeid in request.config.stash[_CHOSEN] or request.config.getoption("rerun")
        if is_known and not is_chosen:
            _tell(request, how=READ, subject=subject)
            return entry["numbers"]
        names = list(inspect.signature(measure).parameters)[len(arguments) :]
        fixtures = [request.getfixturevalue(name) for name in names]
        begin = time.monotonic()
        with _only_from_catalogue(files):
            numbers = simplify(measure(*arguments, *fixtures))
        seconds = round(time.monotonic() - begin, 2)
        differences = list(find_differences(entry["numbers"], numbers, rtol, atol)) if is_same else []
        assert not differences, (
            f"tests/records/{subject}.yaml does not hold what this code measures (recorded on {', '.join(entry['machines'])}, "
            f"measured on {describe_machine()}):\n" + "\n".join(differences)
        )
        if is_same:
            _tell(request, how=REPEATED, subject=subject, seconds=seconds, key=key, entry=add_machine(entry))
        else:
            written = {**describe_run(digest, seconds), **({"size": size} if size else {}), "numbers": numbers}
            _tell(request, how=MEASURED, subject=subject, seconds=seconds, key=key, entry=written)
        return numbers

    return obtain


def describe_run(digest: str, seconds: float) -> dict[str, Any]:
    """What every record says of a run."""
    day = datetime.datetime.now(datetime.UTC).date().isoformat()
    return {"digest": digest, "date": day, "machines": [describe_machine()], "seconds": seconds}


def add_machine(entry: Mapping[str, Any]) -> dict[str, Any]:
    """A record that was measured on this machine, too."""
    return {**entry, "machines": sorted({*entry["machines"], describe_machine()})}


def _tell(request: pytest.FixtureRequest, **what: Any) -> None:
    """Send it with the test's report to the process that writes the records."""
    request.node.user_properties.append(("evidence", json.dumps(what, default=str)))


@contextlib.contextmanager
def _only_from_catalogue(files: Iterable[Path]) -> Iterator[None]:
    """Fail where a measurement loads an entry of the catalogue by name that its digest does not hold."""
    held = set(code_files(_sort_by_kind(files)[0])[0])
    missing: set[str] = set()
    load = catalogue.load

    def load_and_note(folder: str, name: str) -> Any:
        missing.update(str(path) for path in catalogue.source_files(folder, name) if path.resolve() not in held)
        return load(folder, name)

    catalogue.load = load_and_note  # type: ignore[assignment]
    try:
        yield
    finally:
        catalogue.load = load  # type: ignore[assignment]
    assert not missing, f"the measurement uses files that its digest does not hold; name them in `code`: {sorted(missing)}"


# ---- what pytest calls


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rerun`."""
    parser.addoption("--rerun", action="store_true", help="repeat measurements although their records are valid")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """`-m evidence` selects what has records."""
    for item in items:
        if "evidence" in getattr(item, "fixturenames", ()):
            item.add_marker("evidence")


def pytest_collection_finish(session: pytest.Session) -> None:
    """Choose what is repeated, from what was selected."""
    tests = [item.nodeid for item in session.items if item.get_closest_marker("evidence")]
    session.config.stash[_CHOSEN] = choose(tests, read_commit())


def pytest_configure(config: pytest.Config) -> None:
    """The mark `evidence`."""
    config.addinivalue_line(
        "markers", "evidence: reads what it measured from tests/records where that is valid (added by itself)"
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Take what a test that passed has told, in the process that all reports come to."""
    if report.when == "call" and report.passed:
        _passed.add(report.nodeid)
    if report.when == "teardown" and report.passed and report.nodeid in _passed:
        _seen.extend(json.loads(value) for key, value in report.user_properties if key == "evidence")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the records."""
    if hasattr(session.config, "workerinput"):
        return
    by_subject: dict[str, dict[str, Any]] = {}
    for one in _seen:
        if "entry" in one:
            by_subject.setdefault(one["subject"], {})[one["key"]] = one["entry"]
    for subject, entries in by_subject.items():
        if any(read_record(subject).get(key) != entry for key, entry in entries.items()):
            write_record(subject, entries)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many measurements were made, repeated and read."""
    if not _seen:
        return
    terminalreporter.section("evidence")
    for how in (MEASURED, REPEATED, READ):
        ones = [one for one in _seen if one["how"] == how]
        seconds = sum(one.get("seconds", 0) for one in ones)
        subjects = sorted({one["subject"] for one in ones}) if how != READ else []
        shown = f": {', '.join(subjects[:_SHOWN])}{', ...' if len(subjects) > _SHOWN else ''}" if subjects else ""
        terminalreporter.write_line(f"{len(ones)} {how}" + (f" in {seconds:.0f} s" if subjects else "") + shown)
