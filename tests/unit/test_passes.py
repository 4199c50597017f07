"""Slow tests that passed are not run again, before something that they used has changed."""

import evidence
import passes
import pytest
import yaml

pytest_plugins = "pytester"
HEAD = "import pytest\n\npytestmark = pytest.mark.slow\n"


class Suite:
    """A suite of one file, whose folder is the project."""

    def __init__(self, pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pytester, self.monkeypatch = pytester, monkeypatch
        monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # faster
        for module, name in ((evidence, "TESTS"), (passes, "ROOT")):
            monkeypatch.setattr(module, name, pytester.path)
        monkeypatch.setattr(evidence, "RECORDS", pytester.path / "records")
        pytester.makeini("[pytest]\nmarkers =\n    slow:\n    nightly:\n    peers:\n    reference:\n")
        self.choose(False)

    def choose(self, is_chosen: bool) -> None:
        """Whether the commit chooses tests to be repeated."""
        self.monkeypatch.setattr(evidence, "choose", lambda tests, commit: set(tests if is_chosen else ()))

    def write(self, body: str) -> None:
        self.pytester.makepyfile(test_one=HEAD + body)

    def runs(self, *arguments: str, passed: int = 1) -> bool:
        """Whether the test itself runs; it prints so."""
        for name, value in (("_seen", []), ("_passed", set())):
            self.monkeypatch.setattr(evidence, name, value)
        result = self.pytester.runpytest_inprocess("-p", "evidence", "-p", "passes", "-p", "no:cacheprovider", "-rP", *arguments)
        result.assert_outcomes(passed=passed, failed=1 - passed)
        return "it runs" in result.stdout.str()

    def entry(self) -> dict:
        (entry,) = yaml.safe_load((self.pytester.path / "records/passed/test_one.yaml").read_text()).values()
        return entry


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Suite:
    return Suite(pytester, monkeypatch)


def test_a_slow_test_that_passed_is_not_run_again(suite: Suite) -> None:
    suite.write("def test_it():\n    print('it runs')\n")
    assert suite.runs()
    assert not suite.runs()
    assert suite.runs("--rerun")
    suite.choose(True)
    assert suite.runs()
    suite.choose(False)
    suite.write("def test_it():\n    print('it runs', 'again')\n")
    assert suite.runs()
    suite.write("# a comment\ndef test_it():\n    print('it runs', 'again')\n")
    assert not suite.runs()


def test_a_forged_pass_is_found_when_it_is_chosen(suite: Suite) -> None:
    suite.write("def test_it():\n    print('it runs')\n")
    suite.runs()
    record = suite.pytester.path / "records/passed/test_one.yaml"
    body = "def test_it():\n    print('it runs')\n    assert False\n"
    suite.write(body)
    forged = evidence.digest_code([suite.pytester.path / "test_one.py"], {})
    record.write_text(record.read_text().replace(suite.entry()["digest"], forged))
    assert not suite.runs()
    suite.choose(True)
    assert suite.runs(passed=0)


def test_a_test_that_fails_is_not_recorded(suite: Suite) -> None:
    suite.write("def test_it():\n    print('it runs')\n    assert False\n")
    assert suite.runs(passed=0)
    assert suite.runs(passed=0)


def test_a_fast_test_is_always_run(suite: Suite) -> None:
    suite.pytester.makepyfile(test_one="def test_it():\n    print('it runs')\n")
    assert suite.runs()
    assert suite.runs()


@pytest.mark.parametrize("scope", ["function", "module", "session"])
def test_a_file_that_a_test_or_its_fixture_opens_is_held(suite: Suite, scope: str) -> None:
    data = suite.pytester.path / "data.txt"
    data.write_text("one")
    fixture = f"@pytest.fixture(scope={scope!r})\ndef data():\n    return open({str(data)!r}).read()\n"
    suite.write(f"from pathlib import Path\n{fixture}def test_it(data):\n    print('it runs')\n")
    suite.monkeypatch.setattr(passes, "_of_fixtures", {})
    assert suite.runs("-W", "ignore")
    assert suite.entry()["uses"] == {"files": ["data.txt"]}
    assert not suite.runs("-W", "ignore")
    data.write_text("two")
    assert suite.runs("-W", "ignore")


def test_an_entry_of_the_catalogue_that_a_test_loads_is_held(suite: Suite) -> None:
    suite.write(
        "from homeoanalysis import catalogue\n\n"
        "def test_it():\n    print('it runs')\n    assert catalogue.load('metrics', 'cv2').name == 'cv2'\n"
    )
    assert suite.runs()
    assert suite.entry()["uses"]["entries"] == ["metrics/cv2"]
    assert not suite.runs()


def test_a_test_that_starts_a_process_is_run_unless_it_says_on_which_code_it_depends(suite: Suite) -> None:
    body = "import subprocess\n\n{mark}def test_it():\n    print('it runs')\n    subprocess.run(['true'], check=True)\n"
    suite.write(body.format(mark=""))
    assert suite.runs()
    assert suite.runs()
    other = suite.pytester.path / "other.txt"
    other.write_text("one")
    suite.write("from pathlib import Path\n" + body.format(mark=f"@pytest.mark.recorded(code=[Path({str(other)!r})])\n"))
    assert suite.runs()
    assert not suite.runs()
    other.write_text("two")
    assert suite.runs()


def test_what_a_reference_test_reaches_is_recorded_and_compared(suite: Suite) -> None:
    body = "def test_it():\n    print('it runs')\n    assert np.allclose(1.05, 1, 0, 0.1)\n"
    suite.write(f"import numpy as np\n\n@pytest.mark.reference\n{body}")
    assert suite.runs()
    assert abs(suite.entry()["reached"] - 0.5) < 1e-6
    assert not suite.runs()
    record = suite.pytester.path / "records/passed/test_one.yaml"
    record.write_text(record.read_text().replace("reached: 0.5", "reached: 0.1"))
    suite.choose(True)
    assert suite.runs(passed=0)
