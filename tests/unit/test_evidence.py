"""Evidence: what is read, what is measured again, and that a forged record is found."""

import re
from pathlib import Path

import evidence
import pytest
import yaml

from homeoanalysis import provenance

pytest_plugins = "pytester"
CONSTANTS = "FACTOR = 2  # a constant\n"
TEST = """
from helper import measure

def test_it(evidence):
    numbers = evidence(measure, 3, subject="one/thing", size="3 draws", atol=0.5)
    assert numbers["sum"] < {limit}
"""


class Suite:
    """A small suite with a measurement of its own, whose helper imports a helper, which imports constants."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.monkeypatch = pytester, monkeypatch
        self.record = pytester.path / "records/one/thing.yaml"
        monkeypatch.setattr(evidence, "RECORDS", pytester.path / "records")
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster
        self.choose(False)
        self.write(constants=CONSTANTS, deeper="import constants\n\ndef double(x):\n    return constants.FACTOR * x\n")
        self.write(helper="from deeper import double\n\ndef measure(n):\n    print('it runs')\n    return {'sum': double(n)}\n")
        self.limit(10)

    def write(self, **files: str) -> None:
        self.pytester.makepyfile(**files)

    def limit(self, limit: int) -> None:
        self.write(test_one=TEST.format(limit=limit))

    def choose(self, is_chosen: bool) -> None:
        """Whether the commit chooses the measurement to be repeated."""
        self.monkeypatch.setattr(evidence, "choose", lambda tests, commit: set(tests if is_chosen else ()))

    def run(self, *arguments: str) -> str:
        """What pytest says, and whether the measurement ran."""
        self.monkeypatch.setattr(evidence, "_seen", [])
        self.monkeypatch.setattr(evidence, "_passed", set())
        said = self.pytester.runpytest_inprocess("-p", "evidence", "-p", "no:cacheprovider", "-rP", *arguments)
        return said.stdout.str()

    def entry(self) -> dict:
        (entry,) = yaml.safe_load(self.record.read_text()).values()
        return entry

    def forge(self, **values: object) -> None:
        key, entry = next(iter(yaml.safe_load(self.record.read_text()).items()))
        self.record.write_text(yaml.safe_dump({key: {**entry, **values}}))


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def test_what_was_measured_is_recorded_and_read(suite: Suite) -> None:
    first = suite.run()
    assert "it runs" in first
    assert "1 measured in 0 s: one/thing" in first
    entry = suite.entry()
    assert entry.keys() == {"digest", "date", "machines", "seconds", "size", "numbers"}
    assert (entry["numbers"], entry["size"], entry["machines"]) == ({"sum": 6}, "3 draws", [evidence.describe_machine()])
    before = suite.record.read_text()
    second = suite.run()
    assert "it runs" not in second
    assert re.search("0 measured\n0 measured again and the same\n1 read from records", second)
    assert suite.record.read_text() == before


def test_recorded_numbers_are_held_against_the_criterion_of_today(suite: Suite) -> None:
    """The criterion is in the test's file, and the measurement in another, so that it does not run again."""
    suite.run()
    suite.limit(6)
    said = suite.run()
    assert "1 failed" in said
    assert "it runs" not in said


def test_a_number_that_does_not_hold_is_not_recorded(suite: Suite) -> None:
    suite.limit(6)
    assert "1 failed" in suite.run()
    assert not suite.record.exists()


@pytest.mark.parametrize("change", ["# another comment", '"""A docstring."""'])
def test_a_comment_does_not_invalidate_a_record(suite: Suite, change: str) -> None:
    suite.run()
    suite.write(constants=change + "\n" + CONSTANTS)
    assert "it runs" not in suite.run()


def test_a_constant_three_imports_away_does(suite: Suite) -> None:
    suite.run()
    old = suite.entry()
    suite.write(constants="FACTOR = 3\n")
    assert "1 measured in" in suite.run()
    assert suite.entry()["numbers"] == {"sum": 9}
    assert suite.entry()["digest"] != old["digest"]


def test_a_constant_of_the_package_three_imports_away_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """metrics/firing_rate -> numerics/rates -> numerics/observed, from a test that imports none of them."""
    test, package = tmp_path / "measuring.py", evidence.TESTS.parent / "homeoanalysis"
    test.write_text("from homeoanalysis.metrics import firing_rate\n")
    before = evidence.digest_code([test])
    read = Path.read_bytes
    for name, invalidates in (("numerics/observed.py", True), ("numerics/spike_phases.py", False)):
        changed = package / name
        added = lambda path, changed=changed: read(path) + (b"\nA_CONSTANT = 2\n" if path == changed else b"")  # noqa: E731
        with monkeypatch.context() as patched:
            patched.setattr(Path, "read_bytes", added)
            provenance._parsed.cache_clear()
            assert (evidence.digest_code([test]) != before) == invalidates, name
    provenance._parsed.cache_clear()
    assert evidence.digest_code([test]) == before


def test_other_inputs_sizes_and_files_are_held_by_the_digest(tmp_path: Path) -> None:
    rule = tmp_path / "rule.smk"
    rule.write_text("rule: one")
    digests = [evidence.digest_code([rule], {"seed": seed}) for seed in (1, 1, 2)]
    rule.write_text("rule: two")
    digests.append(evidence.digest_code([rule], {"seed": 1}))
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_a_forged_number_is_found_when_it_is_chosen(suite: Suite) -> None:
    suite.run()
    suite.forge(numbers={"sum": 5})
    assert "1 passed" in suite.run()
    suite.choose(True)
    said = suite.run()
    assert "1 failed" in said
    assert "tests/records/one/thing.yaml does not hold what this code measures" in said
    assert "numbers.sum: 5 in the record, 6 measured" in said
    assert suite.entry()["numbers"] == {"sum": 5}, "the record is left as it is"
    suite.forge(numbers={"sum": 6.4})
    assert "1 measured again and the same" in suite.run(), "within the tolerance that the test states"


def test_a_forged_record_fails_within_the_expected_number_of_runs() -> None:
    """Each record is repeated by one commit of 25 or more; the chance to live through 100 commits is less than 2 %."""
    tests = [f"tests/test_{k}.py::test_it" for k in range(300)]
    runs = [evidence.choose(tests, f"commit {k}") for k in range(2000)]
    first = [next(k for k, chosen in enumerate(runs) if test in chosen) for test in tests]
    assert 0.8 / evidence.SHARE < sum(first) / len(first) < 1.2 / evidence.SHARE
    assert sum(k >= 100 for k in first) < 0.04 * len(tests)
    assert min(map(len, runs)) >= evidence.LEAST * len(tests)
    assert evidence.choose(tests, "commit 1") == runs[1]
    assert len({frozenset(chosen) for chosen in runs}) == len(runs)


def test_rerun_repeats_what_is_recorded(suite: Suite) -> None:
    suite.run()
    before = suite.record.read_text()
    assert "1 measured again and the same in" in suite.run("--rerun", "-m", "evidence")
    assert suite.record.read_text() == before


def test_another_machine_measures_again_and_is_added(suite: Suite, monkeypatch: pytest.MonkeyPatch) -> None:
    suite.run()
    monkeypatch.setattr(evidence, "describe_machine", lambda: "Another kind")
    assert "1 measured again and the same in" in suite.run()
    assert set(suite.entry()["machines"]) > {"Another kind"}
    assert "1 read from records" in suite.run()
    monkeypatch.setattr(evidence, "describe_machine", lambda: "A third kind")
    suite.forge(numbers={"sum": 5})
    assert "measured on A third kind" in suite.run()


def test_fixtures_are_set_up_only_where_it_is_measured(suite: Suite) -> None:
    suite.write(
        test_one="""
import pytest

@pytest.fixture
def costly():
    print("set up")
    return 7

def measure(k, costly):
    return {"product": k * costly}

def test_it(evidence):
    assert evidence(measure, 2, subject="one/thing")["product"] == 14
"""
    )
    assert "set up" in suite.run()
    assert "set up" not in suite.run()


def test_an_entry_of_the_catalogue_that_the_digest_does_not_hold_is_told(suite: Suite) -> None:
    body = """
from homeoanalysis import catalogue
from homeoanalysis.provenance import code_of

def measure():
    return {"name": catalogue.load("metrics", "cv2").name}

def test_it(evidence):
    evidence(measure, subject="one/thing", code=%s)
"""
    suite.write(test_one=body % '[*code_of("metric")]')
    said = suite.run()
    assert "name them in `code`" in said
    assert "metrics/cv2.py" in said
    suite.write(test_one=body % 'code_of("metric", ("metrics", "cv2"))')
    assert "1 passed" in suite.run()


def test_numbers_are_compared_where_they_are() -> None:
    nan = float("nan")
    same = {"a": {"value": 1.0, "n": 3}, "list": [nan, "text", None], "is": True}
    assert list(evidence.find_differences(same, same, 0.0, 0.0)) == []
    assert list(evidence.find_differences({"a": 1.0}, {"a": 1.09}, 0.1, 0.0)) == []
    for one, other in (({"a": 1.0}, {"a": 1.2}), ({"a": nan}, {"a": 1.0}), ({"a": 1}, {"b": 1}), ([1], [1, 2]), ("a", "b")):
        assert len(list(evidence.find_differences(one, other, 0.1, 0.0))) == 1


def test_records_are_of_tests_that_exist() -> None:
    tests = evidence.find_tests()
    paths = sorted(path for path in evidence.RECORDS.rglob("*.yaml") if path.parent.name != "figures")
    assert paths
    for path in paths:
        recorded = {
            key.partition("[")[0] for key in evidence.read_record(str(path.relative_to(evidence.RECORDS).with_suffix("")))
        }
        assert recorded <= tests, f"{path.name} holds tests that are gone: {sorted(recorded - tests)}"
