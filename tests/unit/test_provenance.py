"""Random streams are keyed by name; the digest of a job changes with its code, and only with that."""

import importlib.metadata
import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import homeoanalysis
from homeoanalysis import provenance
from homeoanalysis.numerics import synthetic
from homeoanalysis.plan import Plan
from homeoanalysis.provenance import code_digest, code_files, code_of, inputs_of, rng_for, stamp, version, versions

# ---- random streams


def test_streams_do_not_depend_on_the_order_of_use() -> None:
    forward = {name: rng_for(1, "job", name).random(3).tolist() for name in ("a", "b", "c")}
    backward = {name: rng_for(1, "job", name).random(3).tolist() for name in ("c", "a", "b")}
    assert forward == backward


def test_every_name_and_the_seed_count() -> None:
    keys = [
        (1,),
        (2,),
        (1, "a"),
        (1, "b"),
        (1, "a", "b"),
        (1, "ab"),
        (1, "b", "a"),
        (1, "a", 1),
        (1, "a", "1"),
        (1, "a,b"),
        (1, ""),
    ]
    firsts = {rng_for(*key).integers(2**63).item() for key in keys}
    assert len(firsts) == len(keys)


def test_streams_of_neighbouring_names_are_independent() -> None:
    """2000 streams, first number of each: uniform, and uncorrelated with the next one's (both at p > 0.001)."""
    first = np.array([rng_for(1, "replicate", k).random() for k in range(2000)])
    assert stats.kstest(first, "uniform").pvalue > 1e-3
    assert stats.pearsonr(first[1:], first[:-1]).pvalue > 1e-3


@pytest.mark.slow
def test_streams_are_the_same_in_another_process() -> None:
    program = "from homeoanalysis.provenance import rng_for; print(rng_for(7, 'x', 3).integers(2**63, size=4).tolist())"
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
        assert json.loads(done.stdout) == rng_for(7, "x", 3).integers(2**63, size=4).tolist()


# ---- digest


class Copy:
    """A copy of the package whose files can be edited."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.time = 0

    def digest(self, *names: str) -> str:
        return code_digest(self.root / name for name in names)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.root / name
        text = path.read_text()
        assert text.count(old) >= 1, f"{name} has no {old!r}"
        path.write_text(text.replace(old, new, 1))
        self.time += 1  # edits in quick succession would have the same time of change
        os.utime(path, ns=(self.time * 10**9, self.time * 10**9))


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Copy:
    root = tmp_path / "homeoanalysis"
    shutil.copytree(Path(homeoanalysis.__file__).parent, root, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_ROOT", root)
    return Copy(root)


JOB = ("measure.py", "metrics/firing_rate.py")
COMMENTS = {
    "comment": ("measure.py", "thing = _metric", "# why\n    thing = _metric"),
    "blank line": ("measure.py", "    thing = _metric", "\n\n    thing = _metric"),
    "docstring of a function": ("measure.py", '"""Take a metric of each activity', '"""Measure each activity'),
    "docstring of a module": ("metrics/firing_rate.py", '"""Firing rate of each unit', '"""The firing rate of each unit'),
    "the rest of a metric's docstring": ("metrics/firing_rate.py", "activity: activity/1 with spikes.", "activity: spikes."),
    "docstring of a class": ("errors.py", '"""A mistake that the user can mend', '"""An error that the user can mend'),
    "docstring removed": ("numerics/observed.py", '    """Seconds of observed time: the sum of the segments."""\n', ""),
    "line broken": ("measure.py", 'DRAWS = ("half_a",', 'DRAWS = (\n    "half_a",'),
}
CODE = {
    "in the verb": ("measure.py", 'f"{replicate}/{u}"', 'f"{replicate}-{u}"'),
    "in the catalogue file": ("metrics/firing_rate.py", "time > 0", "time >= 0"),
    "in an imported file": ("numerics/observed.py", "EDGE = 1e-6", "EDGE = 1e-7"),
    "two imports away": ("errors.py", "class DataError(HomeoError)", "class DataError(Exception)"),
    "a default": ("numerics/intervals.py", "confidence: float = 0.95", "confidence: float = 0.9"),
    "the name of a metric in results": ("metrics/firing_rate.py", '"""Firing rate.\n', '"""Rate.\n'),
    "a string that is no docstring": (
        "contracts/schemas.py",
        '"spike_time": Variable(("spike",), "s"',
        '"spike_time": Variable(("spike",), "ms"',
    ),
}
ELSEWHERE = {
    "another verb": ("compare/verb.py", "_COUNTS", "_NUMBERS"),
    "another metric": ("metrics/cv2.py", "import", "import sys\nimport"),
    "the public API": ("__init__.py", "import importlib", "import os\nimport importlib"),
    "a reader": ("readers/mea_hdf5.py", "1e-6", "1e-7"),
}


@pytest.mark.slow
def test_a_checkout_behind_a_link_has_the_same_digests(tmp_path: Path) -> None:
    """Also by a path that goes up, as `snakemake -s ../clone/Snakefile` puts it first."""
    root = Path(homeoanalysis.__file__).parents[1]
    (tmp_path / "link").symlink_to(root)
    (tmp_path / "sub").mkdir()
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); from homeoanalysis import provenance as p; "
        "print(p.__file__, p.code_digest(p.code_of('measure', ('metrics', 'cv2'))))"
    )
    for place in (str(tmp_path / "link"), str(tmp_path / "sub" / ".." / "link"), "../link"):
        arguments = [sys.executable, "-P", "-c", program, place]
        done = subprocess.run(arguments, cwd=tmp_path / "sub", capture_output=True, text=True, check=True)
        file, digest = done.stdout.split()
        assert not Path(file).is_relative_to(root)
        assert digest == code_digest(code_of("measure", ("metrics", "cv2")))


@pytest.mark.parametrize("kind", COMMENTS)
def test_comments_and_docstrings_do_not_count(kind: str, package: Copy) -> None:
    before = package.digest(*JOB)
    package.edit(*COMMENTS[kind])
    assert package.digest(*JOB) == before


@pytest.mark.parametrize("kind", CODE)
def test_code_counts(kind: str, package: Copy) -> None:
    before = package.digest(*JOB)
    package.edit(*CODE[kind])
    after = package.digest(*JOB)
    assert after != before
    name, old, new = CODE[kind]
    package.edit(name, new, old)
    assert package.digest(*JOB) == before


@pytest.mark.slow
@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_the_job_does_not_import_does_not_count(kind: str, package: Copy) -> None:
    edited = ELSEWHERE[kind][0]
    before, own = package.digest(*JOB), package.digest(edited)
    package.edit(*ELSEWHERE[kind])
    assert package.digest(*JOB) == before
    assert package.digest(edited) != own


def test_a_new_import_is_followed(package: Copy) -> None:
    package.edit("measure.py", "from homeoanalysis import catalogue", "from homeoanalysis import catalogue, units")
    before = package.digest(*JOB)
    package.edit("units.py", '"min": (60.0', '"min": (61.0')
    assert package.digest(*JOB) != before


def test_the_order_of_files_does_not_count_and_the_place_neither(package: Copy) -> None:
    assert package.digest(*JOB) == package.digest(*reversed(JOB))
    assert package.digest(*JOB) == package.digest(*JOB, "numerics/observed.py")  # imported anyway
    copied = package.digest(*JOB)
    provenance._ROOT = Path(homeoanalysis.__file__).parent  # monkeypatch puts it back
    assert code_digest(code_of("measure", ("metrics", "firing_rate"))) == copied


def test_versions_of_other_packages_count(package: Copy, monkeypatch: pytest.MonkeyPatch) -> None:
    before = package.digest(*JOB)
    _, outside = code_files([package.root / name for name in JOB])
    assert {"numpy", "xarray"} <= set(outside)
    assert "json" not in outside
    original = provenance.version  # remembers what it found: a process has one of each
    monkeypatch.setattr(provenance, "version", lambda name: original(name) + (".1" if name == "xarray" else ""))
    assert package.digest(*JOB) != before
    monkeypatch.setattr(provenance, "version", lambda name: original(name) + (".1" if name == "snakemake" else ""))
    assert package.digest(*JOB) == before


@pytest.mark.slow
def test_names_of_distributions_are_those_that_say_they_have_the_module() -> None:
    _, outside = code_files(provenance._ROOT.rglob("*.py"))
    listed = importlib.metadata.packages_distributions()
    assert {"numpy", "yaml", "PIL", "jinja2"} <= set(outside)
    assert versions(outside) == {d.lower(): version(d) for module in outside for d in listed.get(module, [])}


def _kept(package: Copy) -> list[Path]:
    provenance._parsed.cache_clear()  # as in another process
    return sorted(package.root.rglob("__pycache__/*.digest"))


def test_what_is_kept_of_another_text_is_not_taken(package: Copy) -> None:
    """Whenever it was written: only the time of an edit may be the same, or go back."""
    name, old, new = CODE["in an imported file"]
    before = package.digest(*JOB)
    assert _kept(package)
    (package.root / name).write_text((package.root / name).read_text().replace(old, new))
    os.utime(package.root / name, ns=(0, 0))
    after = package.digest(*JOB)
    assert after != before
    for path in _kept(package):
        path.unlink()
    assert package.digest(*JOB) == after


def test_what_is_kept_and_damaged_is_not_taken(package: Copy) -> None:
    """A digit of each digest is another one: without the seal it would be believed."""
    before = package.digest(*JOB)
    for path in (kept := _kept(package)):
        text = path.read_bytes()
        digest = json.loads(text.splitlines()[0])[1]
        path.write_bytes(text.replace(digest.encode(), (digest[:-1] + ("0" if digest[-1] != "0" else "1")).encode()))
    assert kept
    assert package.digest(*JOB) == before


def test_where_nothing_can_be_kept_the_digest_is_the_same(package: Copy) -> None:
    before = package.digest(*JOB)
    for folder in {path.parent for path in _kept(package)}:
        shutil.rmtree(folder)
        folder.touch()  # a file lies where the folder would be
    assert package.digest(*JOB) == before


def test_a_circle_of_imports_ends(package: Copy) -> None:
    package.edit("errors.py", "class HomeoError", "from homeoanalysis import measure\n\n\nclass HomeoError")
    assert len(package.digest(*JOB)) == 16


def test_every_verb_has_code() -> None:
    for verb in ("ingest", "simulate", "measure", "compare", "draw"):
        assert all(path.is_file() for path in code_of(verb))
    with pytest.raises(LookupError, match="no verb 'dance'"):
        code_of("dance")


def _scripts() -> dict[str, set[str]]:
    """Rule with a script -> the modules that its digest begins with, besides entries of the catalogue."""
    root = Path(homeoanalysis.__file__).parents[1]
    text = "\n".join(path.read_text() for path in sorted((root / "workflow/rules").glob("*.smk")))
    rules = {rule.partition(":")[0]: rule for rule in re.split(r"^rule ", text, flags=re.MULTILINE) if "script:" in rule}
    rules["sweep_part"] = inspect.getsource(Plan.sweep_code)
    return {name: set(re.findall(r'code_of\("([a-z_.]+)"', rule)) for name, rule in rules.items()}


def test_every_script_has_a_rule() -> None:
    root = Path(homeoanalysis.__file__).parents[1]
    assert set(_scripts()) == {path.stem for path in (root / "workflow/scripts").glob("*.py")}


@pytest.mark.parametrize("rule", _scripts())
def test_what_a_script_imports_is_part_of_the_digest_of_its_rule(rule: str) -> None:
    """But for `job`, which is around all of them and makes nothing."""
    script = Path(homeoanalysis.__file__).parents[1] / "workflow/scripts" / f"{rule}.py"
    _, imports = provenance.parse_code(script.read_bytes(), [rule])
    found = (provenance.module_file(name.split(".")) for name in imports if name.startswith("homeoanalysis."))
    files, _ = code_files(path for name in _scripts()[rule] for path in code_of(name))
    assert {path for path in found if path and path.stem != "job"} <= set(files)


def test_the_engine_is_part_of_the_digest_of_simulate() -> None:
    files, _ = code_files(code_of("simulate", ("neurons", "lif_current")))
    names = {path.relative_to(provenance._ROOT).as_posix() for path in files}
    assert {"simulate/verb.py", "simulate/engine.py", "numerics/traces.py", "neurons/lif_current.py"} <= names
    assert "measure.py" not in names


# ---- stamp


def test_inputs_are_hashed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hashes of nothing and of "abc" are those of FIPS 180-2."""
    monkeypatch.chdir(tmp_path)
    Path("empty").write_bytes(b"")
    Path("abc").write_bytes(b"abc")
    assert inputs_of(["empty", Path("abc")]) == {
        "empty": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "abc": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
    }


def test_stamp_adds_to_the_history_and_changes_nothing_else() -> None:
    one = synthetic.activity([np.array([1.0])], 2.0)
    before = one.copy(deep=True)
    done = dict(code=code_of("measure"), parameters={"b": 2, "a": 1}, seed=4)
    first = stamp(one, step="ingest", inputs={"z.h5": "1" * 64, "a.h5": "0" * 64}, **done)
    second = stamp(first, step="measure", inputs={}, **done)
    assert one.identical(before)
    assert first.drop_attrs(deep=False).identical(one.drop_attrs(deep=False))
    history = json.loads(second.attrs["history"])
    assert [entry["step"] for entry in history] == ["ingest", "measure"]
    assert list(history[0]["inputs"]) == ["a.h5", "z.h5"]
    assert history[0]["versions"]["homeoanalysis"] == version("homeoanalysis") != ""
    assert history[0]["versions"]["numpy"] == np.__version__
    assert json.loads(second.attrs["parameters"]) == {"a": 1, "b": 2}
    assert second.attrs["seed"] == 4
    assert second.attrs["code"] == code_digest(code_of("measure")) == history[1]["code"]
    assert {k: v for k, v in second.attrs.items() if k in one.attrs} == one.attrs


def test_the_same_job_gives_the_same_stamp() -> None:
    one = synthetic.activity([np.array([1.0])], 2.0)
    parameters = ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1})
    stamps = [stamp(one, step="x", code=code_of("measure"), parameters=p, inputs={}, seed=1).attrs for p in parameters]
    assert stamps[0] == stamps[1]


def test_an_unknown_distribution_has_no_version() -> None:
    assert version("no-such-distribution") == ""
