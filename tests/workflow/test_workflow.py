"""The workflow as a user runs it, on a recording of one second and a model of two neurons."""

import csv
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import time
import venv
from pathlib import Path

import h5py
import numpy as np
import pytest
import scipy.io
from running import list_workflow_code

from homeoanalysis import open_dataset
from homeoanalysis.cli import main
from homeoanalysis.contracts import open_replicates

pytestmark = pytest.mark.recorded(code=list_workflow_code())

ROOT = Path(__file__).parents[2]

RECORDING = """
title: Two short recordings
citation: none
licence: none
source: {folder: mine}
reader: {spike_text: {time_step: 1 ms, stimulus_unit: dB}}
duration: 4 s
epochs: {stimulus: [0 s, 4 s]}
replicates:
  a: {subject: one, stimulus_bandwidth: 100 Hz, files: {spikes: {name: a.txt}, stimulus: {name: s.txt}}}
  b: {subject: two, stimulus_bandwidth: 100 Hz, files: {spikes: {name: b.txt}, stimulus: {name: s.txt}}}
"""
MODEL = """
title: Two neurons
dt: 0.1 ms
duration: 4 s
replicates: 2
batch: 2
populations:
  cell: {n: 2, neuron: {lif_current: {tau_membrane: 10 ms, v_rest: -60 mV, v_threshold: -50 mV, v_reset: -60 mV, drive: 12 mV}}}
epochs: {stimulus: [0 s, 4 s]}
"""
STUDY = """
title: Small
question: Does it run?
recordings: [mine]
models: [cells]
metrics:
  firing_rate: {}
  stimulus_coherence: {segment: 250 ms}
contrasts:
  level: {metrics: [firing_rate, stimulus_coherence], epoch: stimulus}
targets: {mine: [cells]}
resampling: {draws: 100, block: 250 ms}
figures: [differences]
"""


def write_project(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    (folder / "mine").mkdir(parents=True)
    for name in "ab":
        np.savetxt(folder / "mine" / f"{name}.txt", np.sort(rng.choice(4000, 120, replace=False)), "%d")
    np.savetxt(folder / "mine" / "s.txt", np.column_stack([np.arange(4000), rng.normal(size=4000)]), "%.6f")
    for path, text in (
        ("config.yaml", "seed: 1\nstudies: [small]\n"),
        ("recordings/mine.yaml", RECORDING),
        ("models/cells.yaml", MODEL),
        ("studies/small.yaml", STUDY),
    ):
        (folder / "config" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "config" / path).write_text(text)
    return folder


def snakemake(
    project: Path,
    *arguments: str,
    root: Path = ROOT,
    python: Path | str = sys.executable,
    timeout: float = 300,
    **variables: str,
) -> subprocess.CompletedProcess[str]:
    command = [str(python), "-m", "snakemake", "-s", str(root / "Snakefile"), "--directory", str(project), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(root), **variables}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=timeout, check=False, cwd=project)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that has run once."""
    folder = write_project(tmp_path_factory.mktemp("project"))
    (temporary := folder.with_name("temporary")).mkdir()
    done = snakemake(folder, "--cores", "2", "--verbose", TMPDIR=str(temporary))
    assert done.returncode == 0, done.stderr
    folder.with_name("said.txt").write_text(done.stdout + done.stderr)
    return folder


@pytest.mark.slow
def test_snakemake_looks_for_jobs_when_one_has_ended_and_not_all_the_time(project: Path) -> None:
    """Its limit of jobs a second makes it look once a second for each that ever ended, which fills a processor in the end."""
    said = project.with_name("said.txt").read_text()
    assert 0 < said.count("Ready jobs: ") <= said.count("Finished jobid: ") + 1


@pytest.mark.slow
def test_jobs_write_what_their_rules_declare_and_nothing_else(project: Path) -> None:
    """So that they run on any file system, shared or not."""
    rows = list(csv.DictReader(snakemake(project, "--detailed-summary").stdout.splitlines(), delimiter="\t"))
    declared = {path for row in rows for path in (row["output_file"], *row["log-file(s)"].split(","))}
    made = (p.relative_to(project) for p in project.rglob("*") if p.is_file())
    files = {str(path) for path in made if path.parts[0] not in (".snakemake", "config", "mine")}
    assert {path for path in files if not path.startswith("results/benchmarks/")} == declared
    assert len(declared) > 12
    assert list(project.with_name("temporary").iterdir()) == []


def planned(project: Path, root: Path) -> set[str]:
    """The outputs of the jobs that a dry run would do."""
    dry = snakemake(project, "-n", "--cores", "1", root=root)
    assert dry.returncode == 0, dry.stderr
    outputs = re.findall(r"^ +output: (.*)$", dry.stdout + dry.stderr, re.MULTILINE)
    return {path.strip() for line in outputs for path in line.split(",")}


@pytest.mark.slow
def test_everything_is_made(project: Path) -> None:
    comparison = open_dataset(project / "results/small/comparison.nc")
    cell = comparison.sel(target="mine", contrast="level", candidate="cells")
    assert cell.comparable.sel(metric="firing_rate") == 1
    assert cell.verdict.sel(metric="stimulus_coherence").item() == "not comparable"
    assert "no stimulus" in cell.reason.sel(metric="stimulus_coherence").item()
    for name in ("report.html", "figures/differences.png", "figures/differences.pdf"):
        assert (project / "results/small" / name).stat().st_size > 1000


@pytest.mark.slow
def test_a_second_run_does_nothing_within_ten_seconds(project: Path) -> None:
    start = time.monotonic()
    again = snakemake(project, "--cores", "2")
    assert again.returncode == 0
    assert "Nothing to be done" in again.stdout + again.stderr
    assert time.monotonic() - start < 10


@pytest.mark.slow
def test_edits_of_the_library_rerun_what_uses_them(project: Path, tmp_path: Path) -> None:
    root = tmp_path / "checkout"
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("homeoanalysis", "workflow"):
        shutil.copytree(ROOT / name, root / name, ignore=ignore)
    shutil.copy(ROOT / "Snakefile", root)
    assert not any("results/activity" in path or "measures" in path for path in planned(project, root))
    metric = root / "homeoanalysis" / "metrics" / "firing_rate.py"
    original = metric.read_text()
    metric.write_text(original.replace('"""Firing rate of', '# A comment.\n"""The firing rate of'))
    assert not any("measures" in path for path in planned(project, root)), "a comment reruns something"
    metric.write_text(original.replace("10 ** rng.uniform(-1, 1)", "10 ** rng.uniform(-2, 2)"))
    assert metric.read_text() != original
    measured = {path for path in planned(project, root) if "/measures/" in path or "/activity/" in path}
    assert measured == {f"results/small/measures/firing_rate/{source}.nc" for source in ("mine", "cells.ci")}


def without_times(page: bytes) -> bytes:
    """A report says how long its jobs took, in one place."""
    return re.sub(rb'<details id="run-time">.*?</details>', b"", page, flags=re.DOTALL)


@pytest.mark.slow
def test_same_inputs_give_the_same_bytes(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With one core or two, installed elsewhere and compiled anew, and the files of the user in a folder named by its path."""
    other = write_project(tmp_path / "elsewhere")
    root = tmp_path / "installed"
    for name in ("homeoanalysis", "workflow"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", root)
    monkeypatch.setenv("HOMEOANALYSIS_CACHE", str(tmp_path / "cache"))
    (other / "mine").rename(tmp_path / "moved")
    recording = other / "config/recordings/mine.yaml"
    recording.write_text(recording.read_text().replace("{folder: mine}", f"{{folder: {tmp_path / 'moved'}}}"))
    done = snakemake(other, "--cores", "1", root=root)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / "cache").rglob("*.sealed"))
    made = sorted(
        p.relative_to(project) for p in (project / "results").rglob("*") if p.suffix in {".nc", ".png", ".pdf", ".html"}
    )
    assert len(made) > 8
    for path in made:
        mine, theirs = (without_times((folder / path).read_bytes()) for folder in (project, other))
        assert mine == theirs, f"{path} differs"
        assert str(project).encode() not in mine
        assert str(tmp_path).encode() not in theirs
        assert os.uname().nodename.encode() not in mine or len(os.uname().nodename) < 4


@pytest.mark.slow
def test_a_study_as_a_crate(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What another program reads of it: every file is there with its hash, and an action says what was made from what."""
    monkeypatch.chdir(project)
    out = tmp_path / "crate"
    if importlib.util.find_spec("rocrate") is None:
        assert main(["export", "--crate", "small", str(out)]) == 1
        pytest.skip("the package rocrate is not installed")
    from rocrate.rocrate import ROCrate

    assert main(["export", "--crate", "small", str(out)]) == 0
    crate = ROCrate(out)
    described = json.loads((out / "ro-crate-metadata.json").read_text())
    assert "https://w3id.org/ro/crate/1.1/context" in described["@context"]
    (metadata,) = (e for e in described["@graph"] if e["@id"] == "ro-crate-metadata.json")
    assert (metadata["about"], metadata["conformsTo"]) == ({"@id": "./"}, {"@id": "https://w3id.org/ro/crate/1.1"})
    root = crate.root_dataset
    assert all(root[key] for key in ("name", "description", "datePublished", "license"))
    files = {e.id: e for e in crate.data_entities}
    for place, entity in files.items():
        assert entity["sha256"] == hashlib.sha256((project / place).read_bytes()).hexdigest()
        assert (out / place).read_bytes() == (project / place).read_bytes()
    assert {str(p.relative_to(out)) for p in out.rglob("*") if p.is_file()} == {*files, "ro-crate-metadata.json"}
    action = crate.dereference("#run")
    config = {f"config/{name}.yaml" for name in ("config", "studies/small", "recordings/mine", "models/cells")}
    recorded = {f"#mine/{name}.txt" for name in "abs"}
    assert {e.id for e in action["object"]} == config | recorded
    for name in "abs":
        digest = hashlib.sha256((project / "mine" / f"{name}.txt").read_bytes()).hexdigest()
        assert crate.dereference(f"#mine/{name}.txt")["sha256"] == digest
    assert {e.id for e in action["result"]} == set(files) - config
    assert {"results/small/comparison.nc", "results/small/report.html", "results/activity/cells.ci/0.nc"} <= set(files)
    assert crate.dereference("#numpy")["version"] == np.__version__
    assert action["instrument"]["softwareRequirements"]
    assert main(["export", "--crate", "small", str(out)]) == 1
    assert main(["export", "--crate", "smal", str(tmp_path / "other")]) == 1
    (project / "results/small/report.html").rename(tmp_path / "kept.html")
    try:
        assert main(["export", "--crate", "small", str(tmp_path / "other")]) == 1
    finally:
        (tmp_path / "kept.html").rename(project / "results/small/report.html")
    assert not (tmp_path / "other").exists()


def messages(done: subprocess.CompletedProcess[str]) -> list[str]:
    """Lines of a run that could not start, without the one by which Snakemake names profiles/default."""
    lines = (done.stdout + done.stderr).splitlines()
    return [line for line in lines if not line.startswith("Using workflow specific profile ")]


@pytest.mark.slow
def test_a_config_error_stops_before_any_job(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")
    study = folder / "config/studies/small.yaml"
    study.write_text(study.read_text().replace("segment: 250 ms", "segment: 250 mV"))
    (folder / "config/config.yaml").write_text("seed: 1\nstudies: [small]\nsize: tiny\n")
    failed = snakemake(folder, "--cores", "1")
    assert failed.returncode == 1
    first, second = messages(failed)  # the faults, a line each, and nothing around them
    assert first.startswith("ConfigError: config/config.yaml: size is 'tiny'")
    assert second.startswith("config/studies/small.yaml: metrics.stimulus_coherence.segment is '250 mV', not a time")
    assert not (folder / "results").exists()


OVERRIDES = {
    "an unknown key": (["--config", "sizes=ci"], "sizes is not a key that is known here; did you mean 'size'?"),
    "an unknown study": (["--config", "studies=[nosuch]"], "studies names 'nosuch', which is absent; known: small"),
    "a file": (["--configfile", "bad.yaml"], "seed is 'x', not a whole number; write one"),
    "a file and a key": (["--configfile", "good.yaml", "--config", "studies=small"], "studies is 'small', not a list"),
}


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "piece"), OVERRIDES.values(), ids=OVERRIDES)
def test_overrides_pass_the_same_validation(arguments: list[str], piece: str, tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")
    (folder / "bad.yaml").write_text("seed: x\n")
    (folder / "good.yaml").write_text("seed: 2\n")
    wrong = snakemake(folder, "-n", *arguments)
    assert wrong.returncode == 1
    (line,) = messages(wrong)
    assert line.startswith(f"ConfigError: config/config.yaml with --config: {piece}")


@pytest.mark.slow
def test_overrides_count(project: Path) -> None:
    other = snakemake(project, "-n", "--config", "size=nightly")
    assert "results/activity/cells.nightly/0.nc" in other.stdout + other.stderr


@pytest.mark.slow
def test_what_add_writes_is_a_workflow(tmp_path: Path) -> None:
    """From files to a plan: `add`, a study that names the recordings, `check` and a dry run."""
    folder = tmp_path / "project"
    (folder / "config" / "studies").mkdir(parents=True)
    (folder / "config" / "config.yaml").write_text("seed: 1\nstudies: [rates]\n")
    study = "title: Rates\nquestion: How fast?\nrecordings: [cell, array]\nmetrics: {firing_rate: {}}\n"
    (folder / "config" / "studies" / "rates.yaml").write_text(study)
    (folder / "spikes.txt").write_text("0.25\n0.5\n1.75\n")
    with h5py.File(folder / "array.h5", "w") as file:
        file["spikes"], file["sCount"], file["recordingtime"] = [0.5, 1.5, 0.5], [2, 1], [0.0, 2.0]
    text = ["--time-step", "1 s", "--duration", "2 s"]
    for arguments in (["add", "spikes.txt", "--name", "cell", *text, "--write"], ["add", "array.h5", "--write"], ["check"]):
        command = [sys.executable, "-m", "homeoanalysis", *arguments]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False, cwd=folder)
        assert done.returncode == 0, done.stderr
    outputs = planned(folder, ROOT)
    assert {"results/activity/cell/spikes.nc", "results/activity/array/array.nc", "results/rates/report.html"} <= outputs


@pytest.mark.slow
def test_a_failing_job_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")
    (folder / "mine" / "a.txt").write_text("12\nnonsense\n")
    failed = snakemake(folder, "--cores", "1")
    output = failed.stdout + failed.stderr
    assert failed.returncode != 0
    assert re.search(r"DataError: recording mine, replicate a: a\.txt", output)
    log = "results/logs/ingest/mine/a.log"
    assert f"log: {log}" in output
    assert "Traceback" in (folder / log).read_text()
    assert not (folder / "results/activity/mine/a.nc").exists()


FLIES = """
title: Flies, whose rows are in two files
citation: none
licence: none
source: {folder: mine}
reader: {rozenfeld_mat: {values: count}}
files: {one: {name: one.mat}, two: {name: two.mat}}
replicates: flies.csv
"""
ROWS = ["a,a,one,0", "b,b,two,0", "c,c,one,1", "d,d,one,2"]


@pytest.mark.slow
def test_rows_of_one_file_are_one_job(tmp_path: Path) -> None:
    """Each is an activity of its own; a wrong row is told with the others, and a changed one makes its file's again, no other."""
    rng = np.random.default_rng(0)
    folder = tmp_path / "project"
    for name in ("config/recordings", "config/studies", "mine"):
        (folder / name).mkdir(parents=True)
    for name, flies in (("one", 3), ("two", 1)):
        scipy.io.savemat(folder / "mine" / f"{name}.mat", {"IAA": rng.poisson(2.0, (10 * flies, 80))})
    study = "title: F\nquestion: Q?\nrecordings: [flies]\nmetrics: {evoked_rate: {}}\nresampling: {draws: 100, block: 4 s}\n"
    (folder / "config/config.yaml").write_text("seed: 1\nstudies: [f]\n")
    (folder / "config/studies/f.yaml").write_text(study)
    (folder / "config/recordings/flies.yaml").write_text(FLIES)

    def rows(*lines: str) -> None:
        head = "replicate,subject,path,parameter.fly,parameter.odours"
        (folder / "config/recordings/flies.csv").write_text("\n".join([head, *(f"{line},IAA" for line in lines)]) + "\n")

    rows(*ROWS[:2], "c,c,one,3", "d,d,one,4")
    failed = snakemake(folder, "--cores", "1", "--keep-going")
    assert "recording flies, replicate c: one.mat: IAA has 3 flies, and fly is 3; they count from 0 on" in failed.stderr
    assert "recording flies, replicate d: one.mat: IAA has 3 flies, and fly is 4; they count from 0 on" in failed.stderr
    assert [path.name for path in folder.glob("results/activity/flies/*")] == ["b.nc"]
    rows(*ROWS)
    done = snakemake(folder, "--cores", "1")
    assert done.returncode == 0, done.stderr
    assert planned(folder, ROOT) == set()
    activities = list(open_replicates([folder / "results/activity/flies" / name for name in ("one.nc", "b.nc")]))
    assert [a.attrs["replicate"] for a in activities] == ["a", "c", "d", "b"]
    shown = [json.loads(a.attrs["parameters"])["replicates"] for a in activities]
    assert [list(s) for s in shown] == [["a"], ["c"], ["d"], ["b"]]
    tables = [scipy.io.loadmat(folder / "mine" / f"{name}.mat")["IAA"] for name in ("one", "one", "one", "two")]
    for activity, table, fly in zip(activities, tables, (0, 1, 2, 0), strict=True):
        assert activity.binned_count.sum() == table[10 * fly : 10 * fly + 10].sum()
    rows(*ROWS[:3], "d,other,one,2")
    assert {path for path in planned(folder, ROOT) if "activity" in path} == {"results/activity/flies/one.nc"}


@pytest.mark.slow
def test_folders_with_spaces(tmp_path: Path) -> None:
    """Of the project, of the checkout and of the interpreter, which Snakemake writes into shell commands. Without targets."""
    root, env = tmp_path / "a checkout", tmp_path / "an environment"
    for name in ("homeoanalysis", "workflow"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "Snakefile", root)
    venv.create(env, symlinks=True)
    (site,) = env.glob("lib/python*/site-packages")
    (site / "tests.pth").write_text("\n".join(path for path in sys.path if path.endswith("site-packages")))
    folder = write_project(tmp_path / "a project")
    study = folder / "config/studies/small.yaml"
    contrasts = "contrasts:\n  level: {metrics: [firing_rate, stimulus_coherence], epoch: stimulus}\ntargets: {mine: [cells]}\n"
    study.write_text(STUDY.replace(contrasts, "").replace("models: [cells]\n", "").replace("figures: [differences]\n", ""))
    done = snakemake(folder, "--cores", "1", root=root, python=env / "bin" / "python")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (folder / "results/small/report.html").is_file()


@pytest.mark.slow
def test_a_file_where_results_go_is_one_message(tmp_path: Path) -> None:
    folder = write_project(tmp_path / "project")
    (folder / "results").write_text("")
    failed = snakemake(folder, "--cores", "1")
    assert failed.returncode == 1
    (line,) = messages(failed)
    assert line.startswith("ConfigError: results is a file")
