"""The command line: what it prints, and that a mistake is one message and the exit code 1."""

import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from running import list_all_code

from homeoanalysis import catalogue, open_dataset
from homeoanalysis.cli import KINDS, main
from homeoanalysis.compare import compare, open_measures
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import write
from homeoanalysis.fetch import fetch, local_path
from homeoanalysis.files import seal
from homeoanalysis.ingest import ingest
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.findings import UNTOLD_END
from homeoanalysis.plan import Plan
from homeoanalysis.provenance import code_of, stamp

pytestmark = pytest.mark.recorded(code=list_all_code())

ROOT = Path(__file__).parents[2]
SPIKES = ("--time-step", "1 s", "--duration", "2 s")
Recorded = Callable[[str], Path]
NEX = "sjemea_retina_nex/CS056P07R-MEME1.nex"
ABF = "pyabf_axon_files/File_axon_3.abf"
NEV = "vandermeer_R050_ca1_tmaze/R050-2014-04-02-Events.nev"
ABF2 = "pyabf_axon_files/17o05028_ic_steps.abf"
MEA = "charlesworth2015_mea_development/TC107-NB-C57-DIV7_A.h5"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    """Run a command: (exit code, standard output, standard error)."""

    def call(*arguments: object) -> tuple[int, str, str]:
        code = main([str(a) for a in arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def _grasshopper(replicate: str) -> dict[str, Path]:
    """The files of the recording of the tour, in the package that ships them."""
    recording = load_config(ROOT / "config").recordings["grasshopper"]
    found = {role: local_path(recording.source, file.name) for role, file in recording.replicates[replicate].files.items()}
    return {role: path for role, path in found.items() if path is not None}


def fails(result: tuple[int, str, str]) -> str:
    code, _, err = result
    assert code == 1
    assert "Traceback" not in err
    assert err.startswith(("DataError: ", "ConfigError: ", "ContractError: "))
    return err


# ---- check


@pytest.fixture(autouse=True)
def not_of_run_py(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As in an environment that the user made."""
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "own"))


@pytest.mark.slow
def test_check_says_which_jobs_there_are(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = run("check")
    assert code == 0
    plan = Plan(load_config("config"))
    rules = [job.rule for study in plan.config.main.studies for job in plan.jobs(study)]
    for rule in set(rules):
        assert f"  {rule} " in out
    assert "`snakemake -n` decides" in out
    assert out.splitlines()[-1] == "Run: snakemake --cores 2"


@pytest.mark.slow
def test_check_counts_what_exists(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.chdir(tmp_path)
    done = tmp_path / "results" / "cultures" / "comparison.nc"
    done.parent.mkdir(parents=True)
    done.write_bytes(b"x")
    code, out, _ = run("check", "cultures")
    assert code == 0
    assert [line.split() for line in out.splitlines() if line.startswith("  compare")] == [
        ["compare", "1", "job", "all", "outputs", "exist"]
    ]
    assert "0 exist, 82 missing" in out
    assert out.splitlines()[-1] == "Run: snakemake --cores 2 cultures"


@pytest.mark.slow
def test_check_tells_all_faults(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "no such folder" in fails(run("check"))
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("seed: -1\nsize: x\n")
    assert len(fails(run("check")).splitlines()) == 3
    assert "did you mean 'cultures'" in fails(run("check", "culturs", "--config", ROOT / "config"))


@pytest.mark.slow
def test_check_finds_missing_files_of_the_user(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = _small_config(tmp_path, recorded)
    assert run("check")[0] == 0
    (folder / "a.nex").unlink()
    result = run("check")
    assert "files of yours are missing: recordings/a.nex (config/recordings/a.yaml: replicates.a, file recording)" in fails(
        result
    )
    assert "no fault found" not in result[1]


def test_check_names_the_recording_of_a_wrong_role(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    monkeypatch.chdir(tmp_path)
    _small_config(tmp_path, recorded)
    path = tmp_path / "config" / "recordings" / "a.yaml"
    raw = yaml.safe_load(path.read_text())
    raw["reader"] = {"spike_text": {"time_step": "1 s", "duration": "2 s"}}
    path.write_text(yaml.safe_dump(raw))
    run("check")  # takes what `add` has printed
    _, out, err = result = run("check")
    assert "config/recordings/a.yaml: recording a, replicate a: " in fails(result)
    assert "no fault found" not in out
    assert "spike_text needs the file 'spikes'" in err


@pytest.mark.slow
def test_check_sees_files_that_are_not_what_the_yaml_says(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    monkeypatch.chdir(tmp_path)
    path = _small_config(tmp_path, recorded) / "a.nex"
    assert run("check")[0] == 0
    with path.open("ab") as stream:
        stream.write(b"more")
    assert "recordings/a.nex has the SHA-256 " in fails(run("check"))
    path.unlink()
    path.mkdir()
    assert "recordings/a.nex is a folder; a file is needed" in fails(run("check"))
    path.rmdir()
    os.mkfifo(path)
    assert "recordings/a.nex is neither a file nor a folder" in fails(run("check"))


@pytest.mark.slow
def test_check_sees_a_file_where_results_go(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "results").write_text("")
    assert "results is a file, where the workflow has a folder of that name" in fails(run("check", "--config", ROOT / "config"))


@pytest.mark.slow
def test_commands_are_told_as_they_are_typed(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    (tmp_path / "made-by-run.py").write_text("run")
    (tmp_path / "a.txt").write_text("0.5\n")
    assert f"Run: python3 run.py snakemake --cores 2 --directory {ROOT}" in run("check", "--config", ROOT / "config")[1]
    assert "    python3 run.py python -m homeoanalysis add FILE" in run("inspect", "a.txt")[1]


def test_check_looks_into_the_files_that_are_there(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recording = yaml_file(tmp_path / "config" / "recordings" / "mine.yaml", ["a.txt", "b.txt"])
    yaml_file(tmp_path / "config" / "studies" / "s.yaml", None)
    (tmp_path / "config" / "config.yaml").write_text("seed: 1\nstudies: [s]\nsize: ci\n")
    (tmp_path / "a.txt").write_text("0.5\n0.25\n0.5\n")
    (tmp_path / "b.txt").write_text("0.5\n")
    code, out, _ = run("check")
    assert code == 0
    warned = [line for line in out.splitlines() if line.startswith("warning: ")]
    assert warned == [
        f"warning: mine: {UNTOLD_END.text} [a, b]",
        "warning: mine: times.drug is 700 s, but the recording is from 0 s to 600 s; check its clock [a, b]",
        "warning: mine: 1 spikes stand after a later one in the file and were sorted, in 1 units: unit0; "
        "check how they were exported [a]",
        "warning: mine: 1 spikes are at the same time as another of their unit and were dropped, in 1 units: unit0; "
        "check how they were exported [a]",
    ]
    (tmp_path / "b.txt").write_text("603\n")
    assert "recording mine, replicate b: b.txt: unit unit0: 1 of 1 spikes lie outside the recording" in fails(run("check"))
    recording.write_text(recording.read_text().replace("600 s", "700 s"))
    assert run("check")[0] == 0


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"duration": "606 s"}, "the files hold 600 s, but the YAML says duration 606 s"),
        ({"epochs": {"before": ["start", "start"]}}, "epoch before is from 0 s .* to 0 s .*, which is no time"),
        ({"units": {"minimum_rate": "1 Hz"}}, "all 1 units are dropped, the first because: unit below the minimum rate"),
        ({"trials": {"at": {"a": {"name": "cue"}}, "window": ["0 s", "1 s"]}}, "there is no event with name 'cue'"),
    ],
)
def test_check_sees_what_ingestion_would_refuse(
    more: dict[str, Any], message: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    recording = yaml_file(tmp_path / "config" / "recordings" / "mine.yaml", ["a.txt"])
    yaml_file(tmp_path / "config" / "studies" / "s.yaml", None)
    (tmp_path / "config" / "config.yaml").write_text("seed: 1\nstudies: [s]\nsize: ci\n")
    (tmp_path / "a.txt").write_text("0.5\n")
    assert run("check")[0] == 0
    recording.write_text(yaml.safe_dump({**yaml.safe_load(recording.read_text()), **more}))
    assert re.search(message, fails(run("check")))


def yaml_file(path: Path, files: list[str] | None) -> Path:
    """A study, or with files a recording of them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    study = {
        "title": "t",
        "question": "q",
        "recordings": ["mine"],
        "metrics": {"firing_rate": {}},
        "resampling": {"block": "1 s"},
    }
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "times": {"drug": "700 s"}}
    reader = {"spike_text": {"time_step": "1 s", "duration": "600 s"}}
    replicates = {Path(f).stem: {"subject": f, "files": {"spikes": {"name": f}}} for f in files or []}
    path.write_text(yaml.safe_dump({**base, "reader": reader, "replicates": replicates} if files else study))
    return path


@pytest.mark.slow
def test_check_loads_no_heavy_library_where_there_is_no_file() -> None:
    heavy = ("snakemake", "elephant", "numba", "scipy", "neo", "quantities", "h5py", "pooch", "requests", "matplotlib")
    told = f"print([m for m in {heavy} if m in sys.modules])"
    code = f"import sys\nfrom homeoanalysis.cli import main\nmain(['check', 'cultures'])\n{told}"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_the_module_runs() -> None:
    command = [sys.executable, "-m", "homeoanalysis"]
    done = subprocess.run([*command, "list", "readers"], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=True)
    assert "any_neo" in done.stdout
    wrong = subprocess.run([*command, "chekc"], cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "invalid choice" in wrong.stderr
    with subprocess.Popen(
        [*command, "list"], cwd=ROOT, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == b""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT)}


# ---- inspect


def test_inspect_shows_spikes_and_rates(run: Any, recorded: Recorded) -> None:
    code, out, _ = run("inspect", recorded(NEX))
    assert code == 0
    assert "read with NeuroExplorerIO" in out
    assert "1 segment, 71 units, 63393 spikes" in out
    assert "from 0 s to 780.623 s" in out
    assert "adch_48a: 807 spikes, 1.034 Hz" in out
    assert len(out.splitlines()) < 30


def test_inspect_shows_signals(run: Any, recorded: Recorded) -> None:
    code, out, _ = run("inspect", recorded(ABF))
    assert code == 0
    assert "20644 samples of VmRK [mV], 20000 Hz, 1.0322 s" in out


def test_inspect_shows_events(run: Any, recorded: Recorded) -> None:
    code, out, _ = run("inspect", recorded("vandermeer_R050_ca1_tmaze/R050-2014-04-02-Events.nev"))
    assert code == 0
    assert "read with NeuralynxIO" in out
    assert "107, labels TTL Input" in out


def test_a_folder_of_folders_is_no_recording(run: Any, recorded: Recorded, tmp_path: Path) -> None:
    shutil.copytree(
        recorded(NEV).parent, tmp_path / "all" / "one", ignore=lambda d, names: [n for n in names if n != Path(NEV).name]
    )
    assert "107, labels TTL Input" in run("inspect", tmp_path / "all" / "one")[1]
    for command in ("inspect", "add"):
        err = fails(run(command, tmp_path / "all"))
        assert (
            "no recording can be read in the folder all; name the folder of one, or a file: all holds nothing that Neuralynx"
            in err
        )


def test_inspect_uses_a_reader_where_neo_has_none(run: Any, recorded: Recorded) -> None:
    code, out, _ = run("inspect", recorded(MEA))
    assert code == 0
    assert "read with mea_hdf5" in out
    assert "18 units, 4234 spikes" in out


@pytest.mark.slow
def test_inspect_shows_text_as_text(run: Any) -> None:
    code, out, _ = run("inspect", _grasshopper("cutoff200")["stimulus"])
    assert code == 0
    assert "columns of numbers: 2" in out
    assert "spike_text" in out


def test_inspect_with_a_named_class(run: Any, recorded: Recorded) -> None:
    assert run("inspect", recorded(NEX), "--io", "NeuroExplorerIO")[0] == 0
    assert "cannot be read with AxonIO" in fails(run("inspect", recorded(NEX), "--io", "AxonIO"))
    assert "executes code" in fails(run("inspect", recorded(NEX), "--io", "PickleIO"))
    assert "did you mean 'AxonIO'" in fails(run("inspect", recorded(NEX), "--io", "Axon"))


def test_inspect_opens_no_pickle(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
    assert "PickleIO, which is not allowed: a pickle executes code" in fails(run("inspect", path))


BAD: dict[str, tuple[str, bytes | None, str]] = {
    "missing": ("x.abf", None, "does not exist"),
    "empty": ("x.abf", b"", "is empty (0 bytes)"),
    "garbage": ("x.abf", bytes(range(256)) * 8, "x.abf cannot be read with AxonIO"),
    "garbage h5": ("x.h5", bytes(range(256)) * 8, "x.h5 cannot be read with h5py"),
    "garbage nc": ("x.nc", bytes(range(256)) * 8, "x.nc cannot be read"),
    "empty nc": ("x.nc", b"", "is empty (0 bytes)"),
    "unknown ending": ("x.xyz", b"\0\1", "no class of neo.io reads '.xyz' files"),
    "not ASCII": ("größe µ.nex", b"\0" * 99, "größe µ.nex cannot be read with NeuroExplorerIO"),
    "no matlab of neo": ("x.mat", b"\0" * 999, "x.mat cannot be read with NeoMatlabIO"),
    "name too long": ("x" * 300 + ".abf", None, "cannot be read"),
}


@pytest.mark.parametrize("command", ["inspect", "add", "show"])
@pytest.mark.parametrize(("name", "content", "piece"), BAD.values(), ids=BAD)
def test_bad_files_are_one_message(run: Any, tmp_path: Path, command: str, name: str, content: bytes | None, piece: str) -> None:
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    err = fails(run(command, path))
    assert len(err.splitlines()) == 1
    if command == "inspect":
        assert piece in err


@pytest.mark.parametrize("command", ["inspect", "add", "show"])
def test_other_things_than_files(run: Any, tmp_path: Path, command: str) -> None:
    assert "folder" in fails(run(command, tmp_path))
    assert "neither a file nor a folder" in fails(run(command, "/dev/zero"))
    os.mkfifo(tmp_path / "pipe.abf")
    assert "neither a file nor a folder" in fails(run(command, tmp_path / "pipe.abf"))


@pytest.mark.parametrize("command", ["inspect", "add"])
def test_a_declared_size_without_end(run: Any, tmp_path: Path, command: str) -> None:
    path = tmp_path / "huge.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("spikes", shape=(10**13,), dtype="f8", chunks=(1000,))
        file["sCount"] = [1]
    assert "huge.h5: spikes declares 80000000000000 bytes and holds 0" in fails(run(command, path))


# A table of the header, as its number of rows and their size may be damaged: neo would read such rows for minutes.
@pytest.mark.parametrize(("at", "rows"), [(252, (64, 2**40)), (252, (0, 2**31)), (92, (0, 2**31)), (156, (1, 10**6))])
@pytest.mark.parametrize("command", ["inspect", "add"])
def test_an_abf_with_a_damaged_header(
    run: Any, tmp_path: Path, recorded: Recorded, command: str, at: int, rows: tuple[int, int]
) -> None:
    content = bytearray(recorded(ABF2).read_bytes())
    struct.pack_into("<Iq", content, at + 4, *rows)
    path = tmp_path / "x.abf"
    path.write_bytes(content)
    start = time.monotonic()
    err = fails(run(command, path))
    assert time.monotonic() - start < 5
    assert f"x.abf declares {rows[1]} rows of {rows[0]} bytes in its " in err
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("share", [0.001, 0.3, 0.99])
def test_a_truncated_hdf5(run: Any, tmp_path: Path, recorded: Recorded, share: float) -> None:
    whole = recorded(MEA).read_bytes()
    path = tmp_path / "x.h5"
    path.write_bytes(whole[: int(share * len(whole))])
    for command in ("inspect", "add"):
        assert "cannot be read with h5py" in fails(run(command, path))


# ---- add


def _small_config(folder: Path, recorded: Recorded) -> Path:
    """A config with one study of one recording in a folder of the user. Returns that folder."""
    (folder / "config" / "studies").mkdir(parents=True)
    (folder / "recordings").mkdir()
    shutil.copyfile(recorded(NEX), folder / "recordings" / "a.nex")
    (folder / "config" / "config.yaml").write_text("seed: 1\nstudies: [demo]\n")
    study = "title: x\nquestion: y\nmodels: [m]\nmetrics: {firing_rate: {}}\n"
    (folder / "config" / "studies" / "demo.yaml").write_text(study)
    (folder / "config" / "models").mkdir()
    model = "title: m\nduration: 1 s\npopulations: {E: {n: 2, neuron: lif_conductance}}\n"
    (folder / "config" / "models" / "m.yaml").write_text(model)
    assert main(["add", "recordings/a.nex", "--write"]) == 0
    (folder / "config" / "studies" / "demo.yaml").write_text(study.replace("models: [m]", "recordings: [a]"))
    return folder / "recordings"


@pytest.mark.slow
def test_what_add_writes_is_read_and_ingested(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _small_config(tmp_path, recorded)
    capsys.readouterr()
    recording = load_config("config").recordings["a"]
    assert recording.source.folder == "recordings"
    assert recording.replicates["a"].subject == recording.title == "unknown"
    path = tmp_path / "data" / "a.nex"
    fetch(recording.source, recording.replicates["a"].files["recording"], recording="a", destination=path)
    activity = ingest(recording, name="a", replicate="a", files={"recording": path})
    assert (activity.sizes["unit"], activity.sizes["spike"]) == (71, 63393)
    assert "there is a recording or model 'a'" in fails(run("add", "recordings/a.nex", "--write"))
    assert "there is a recording or model 'm'" in fails(run("add", "recordings/a.nex", "--name", "m"))
    assert "a name starts with a letter" in fails(run("add", "recordings/a.nex", "--name", "a b"))


def test_add_takes_several_files(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    monkeypatch.chdir(tmp_path)
    files = [recorded(f"charlesworth2015_mea_development/TC107-NB-C57-DIV{age}_A.h5") for age in (7, 10)]
    code, out, err = run("add", *files, "--name", "cultures")
    assert code == 0
    raw = yaml.safe_load(out)
    assert list(raw["replicates"]) == ["TC107-NB-C57-DIV7_A", "TC107-NB-C57-DIV10_A"]
    assert raw["reader"] == "mea_hdf5"
    assert raw["source"] == {"folder": str(files[0].parent)}
    assert raw["replicates"]["TC107-NB-C57-DIV7_A"]["duration"] == "911.2 s"
    assert "18 units, 4234 spikes in 911.2 s" in err
    assert "different readers" in fails(run("add", recorded(MEA), recorded(NEX)))


def test_add_writes_what_it_can_take_and_says_what_it_cannot(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """Of five files two are taken: one is cut, one is empty, one has fewer spikes than it says. Of none, nothing is written."""
    monkeypatch.chdir(tmp_path)
    good = [recorded(f"charlesworth2015_mea_development/TC107-NB-C57-DIV{age}_A.h5") for age in (7, 10)]
    cut, empty, short = tmp_path / "cut.h5", tmp_path / "empty.h5", tmp_path / "short.h5"
    cut.write_bytes(good[0].read_bytes()[:5000])
    empty.write_bytes(b"")
    shutil.copy(good[0], short)
    with h5py.File(short, "r+") as file:
        file["sCount"][0] += 1
    code, out, err = run("add", cut, good[0], short, empty, good[1], "--name", "cultures", "--write")
    assert (code, "Traceback" in err) == (1, False)
    written = yaml.safe_load(Path("config/recordings/cultures.yaml").read_text())
    assert list(written["replicates"]) == ["TC107-NB-C57-DIV7_A", "TC107-NB-C57-DIV10_A"]
    assert "config/recordings/cultures.yaml is written" in out
    lines = err[err.index("DataError: 3 inputs left out of cultures:") :].splitlines()
    assert [name for line in lines[1:] for name in ("cut", "empty", "short") if name in line] == ["cut", "short", "empty"]
    told = fails(run("add", cut, empty, "--name", "none", "--write"))
    assert told.startswith("DataError: nothing can be added:")
    assert not Path("config/recordings/none.yaml").exists()


def test_add_of_strange_names(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "sub folder" / "1 größe 'µ' x: #y.nex"
    path.parent.mkdir()
    shutil.copyfile(recorded(NEX), path)
    code, out, _ = run("add", path.relative_to(tmp_path))
    assert code == 0
    raw = yaml.safe_load(out)
    assert list(raw["replicates"]) == ["r_1_gr_e_x_y"]
    assert raw["replicates"]["r_1_gr_e_x_y"]["files"]["recording"]["name"] == path.name
    assert raw["source"] == {"folder": "sub folder"}
    path = path.rename(path.with_name("a {x}.nex"))
    assert "a {x}.nex'; Snakemake takes what stands in braces for a wildcard" in fails(run("add", path.relative_to(tmp_path)))


def test_add_does_not_mind_faults_elsewhere(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A study may name the recording before it is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.yaml").write_text("seed: 1\nstudies: [mine]\n")
    (tmp_path / "a.txt").write_text("0.5\n")
    assert run("add", "a.txt", *SPIKES, "--write")[0] == 0
    assert (tmp_path / "config" / "recordings" / "a.yaml").is_file()
    assert "there is a recording or model 'a'" in fails(run("add", "a.txt", *SPIKES, "--name", "A"))


@pytest.mark.slow
@pytest.mark.parametrize(("file", "left"), [(ABF, "stim"), (ABF2, "")])
def test_add_of_a_file_without_spikes(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded, file: str, left: str
) -> None:
    """The channels of a patch clamp are known by their unit; what is left out is named."""
    monkeypatch.chdir(tmp_path)
    code, out, err = run("add", recorded(file), "--name", "cell")
    assert code == 0
    (options,) = yaml.safe_load(out)["reader"].values()
    assert options["io"] == "AxonIO"
    assert len(options["membrane_potential"]) == 1
    assert "membrane_potential of 1 channel in" in err
    assert (f"covariates: {left};" in out) == bool(left)


FOLDERS: dict[
    str, tuple[str, list[str], str, str]
] = {  # reader: file or folder of the mirror, options, what is said, a piece of the YAML
    "mea_hdf5": (MEA, [], "18 units, 4234 spikes in 911.2 s", "mea_hdf5"),
    "rozenfeld_mat": (
        "rozenfeld2023_drosophila_pn/Fig2A.mat",
        [],
        "1 unit, 1166 spikes in bins, 10 trials in 40 s",
        "values: rate",
    ),
    "matclust": (
        "nelpy_linear_track/spikes.mat",
        [],
        "31 units, 28829 spikes, covariate of 2 channels in 1968.27 s",
        "position:",
    ),
    "numpy_signal": (
        "hc3_lfp_ca1_ec3/ca1.npy",
        ["--sampling-rate", "1250 Hz", "--scale", "1 mV", "--signals", "lfp"],
        "lfp of 1 channel in 60 s",
        "kind: lfp",
    ),
    "any_neo": (NEX, [], "71 units, 63393 spikes in 780.", "NeuroExplorerIO"),
}


@pytest.mark.slow
@pytest.mark.parametrize("reader", FOLDERS)
def test_add_writes_what_runs_for_each_kind(
    reader: str, run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded
) -> None:
    """One command, then the recording is ingested as the workflow does it."""
    file, options, said, piece = FOLDERS[reader]
    monkeypatch.chdir(tmp_path)
    shutil.copytree(recorded(file).parent, tmp_path / "mine", ignore=lambda d, names: [n for n in names if n.endswith("S1.mat")])
    code, _, err = run("add", Path("mine", recorded(file).name), *options, "--name", "mine", "--write")
    assert code == 0, err
    assert said in err
    text = (tmp_path / "config" / "recordings" / "mine.yaml").read_text()
    assert piece in text
    raw = yaml.safe_load(text)
    assert raw["reader"] == reader or list(raw["reader"]) == [reader]
    one = Recording.model_validate(raw)
    replicate = next(iter(one.replicates))
    files = {role: Path(one.source.folder or "", f.name) for role, f in one.replicates[replicate].all_files().items()}
    assert ingest(one, name="mine", replicate=replicate, files=files).attrs["source"] == "mine"
    assert (
        f"read with {reader if reader != 'any_neo' else 'NeuroExplorerIO'}"
        in run("inspect", Path("mine", recorded(file).name))[1]
    )


def test_show_says_where_epochs_come_from_and_which_trials_there_are(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text("time,unit\n0.5,a\n")
    assert run("add", "a.csv", *SPIKES, "--write")[0] == 0
    raw = yaml.safe_load((tmp_path / "config" / "recordings" / "a.yaml").read_text())
    one = Recording.model_validate({**raw, "times": {"drug": "1 s"}, "epochs": {"before": ["start", "drug"]}})
    activity = ingest(one, name="a", replicate="a", files={"recording": tmp_path / "a.csv"})
    trials = {"trial_start": [0.0, 1.0, 1.5], "trial_stop": [0.5, 1.2, 1.8], "stimulus": ["x", "y", "x"]}
    for key, values in trials.items():
        activity[key] = ("trial", values, {} if key == "stimulus" else {"units": "s"})
    write(stamp(activity, step="ingest", code=code_of("ingest"), parameters={}, inputs={}, seed=0), tmp_path / "a.nc")
    out = run("show", tmp_path / "a.nc")[1]
    assert "before: from start of observed time to drug of the YAML" in out
    assert "3 trials: 2 x, 1 y" in out


@pytest.mark.slow
def test_add_of_a_session_of_clusters(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recorded: Recorded) -> None:
    monkeypatch.chdir(tmp_path)
    folder = recorded(NEV).parent
    code, out, err = run("add", folder, "--name", "maze")
    assert code == 0, err
    assert "128 units, 319267 spikes in 45" in err
    raw = yaml.safe_load(out)
    assert raw["reader"] == "mclust"
    (replicate,) = raw["replicates"].values()
    assert {"TT01_1", "TT16_17", "events"} < set(replicate["files"])
    assert "The video is left out" in out


def test_add_of_sorted_folders_tables_and_archives(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sorted").mkdir()
    np.save("sorted/spike_times.npy", np.array([3000, 6000]))
    np.save("sorted/spike_clusters.npy", np.array([0, 1]))
    (tmp_path / "sorted" / "params.py").write_text("sample_rate = 30000\n")
    (tmp_path / "a.csv").write_text("spike_time,unit\n0.5,a\n1,b\n")
    np.savez("b.npz", a=[0.5], b=[1.0])
    for file, options, reader in (
        ("sorted", ["--duration", "2 s"], "phy"),
        ("sorted/spike_times.npy", ["--duration", "2 s"], "phy"),
        ("a.csv", SPIKES, "spike_list"),
        ("b.npz", SPIKES, "spike_list"),
    ):
        assert "all that is needed to read it; add, with your values: --" in fails(run("add", file))
        code, out, err = run("add", file, *options)
        assert code == 0, err
        assert "2 units, 2 spikes in 2 s" in err
        assert list(yaml.safe_load(out)["reader"]) == [reader]
        assert f"read with {reader}" in run("inspect", file)[1]
    assert "--scale is for other files than b.npz" in fails(run("add", "b.npz", *SPIKES, "--scale", "1 mV"))
    np.save("c.npy", np.zeros(10))
    array = ("add", "c.npy", "--sampling-rate", "1 kHz")
    assert "add, with your values: --scale '1 mV'" in fails(run(*array))  # a volt for a millivolt would be found by nobody
    assert "--signals is 'lpf'; did you mean 'lfp'" in fails(run(*array, "--scale", "1 mV", "--signals", "lpf"))


def test_add_of_folders_that_lack_a_part(run: Any, tmp_path: Path) -> None:
    """A sorting without its clusters is refused; clusters in a form that is not read are named."""
    (tmp_path / "params.py").write_text("sample_rate = 30000\n")
    np.save(tmp_path / "spike_times.npy", np.array([3000, 6000]))
    said = fails(run("add", tmp_path, "--duration", "2 s", "--name", "cells"))
    assert "holds neither spike_clusters.npy nor spike_templates.npy; copy the whole folder" in said
    (folder := tmp_path / "clusters").mkdir()
    head = b"%%BEGINHEADER\n% MClust version: 3.5\n% as unsigned integer\n%%ENDHEADER\n"
    (folder / "TT1_1.t").write_bytes(head + np.array([10], ">u4").tobytes())
    (folder / "TT1_2.t64").write_bytes(head)
    code, out, _ = run("add", folder, "--duration", "2 s", "--name", "cells")
    assert code == 0
    assert "# 1 clusters are left out, TT1_2.t64 first: save them as .t with MClust." in out


def test_add_of_spike_times_as_text(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("a.txt", "b.csv"):
        (tmp_path / name).write_text("# cell: 3\n0.25\n0.5003\n1.5\n")
    code, out, err = run("add", "a.txt", "b.csv", *SPIKES, "--name", "cells")
    assert code == 0
    raw = yaml.safe_load(out)
    assert raw["reader"] == {"spike_text": {"time_step": "1 s", "duration": "2 s"}}
    assert list(raw["replicates"]["a"]["files"]) == ["spikes"]
    assert raw["replicates"]["b"]["duration"] == "2 s"
    assert "b.csv: 1 unit, 3 spikes in 2 s" in err
    assert "add FILE --time-step '1 ms' --duration '600 s'" in run("inspect", "a.txt")[1]


@pytest.mark.parametrize("heading", ["time_s", "time", "Spike_Times (s)", "t[s]", "times_ms"])
def test_add_of_a_table_whose_heading_names_a_unit_of_time(run: Any, tmp_path: Path, heading: str) -> None:
    """What is no column of times is a heading, as before."""
    path = tmp_path / "a.csv"
    path.write_text(f"{heading},unit\n0.25,1\n0.5,1\n1.5,b\n")
    step = ("--time-step", "1 ms" if heading == "times_ms" else "1 s")
    code, out, _ = run("add", path, *step, "--duration", "2 s", "--name", "cells")
    assert code == 0
    assert yaml.safe_load(out)["reader"]["spike_list"].get("times", "time") == heading
    path.write_text(path.read_text().replace(heading, "tempo"))
    assert "if it is a heading" in fails(run("add", path, *SPIKES, "--name", "cells"))


HUGE = {
    "duration": (
        "a.txt",
        ["--time-step", "1 ms", "--duration", "1e12 s"],
        "spike_text.duration is '1e12 s', which is not at most",
    ),
    "rate": ("a.npy", ["--scale", "1 V", "--sampling-rate", "1e300 Hz"], "sampling_rate is '1e300 Hz', which is not from 1 uHz"),
    "low rate": ("a.npy", ["--scale", "1 V", "--sampling-rate", "1e-300 Hz"], "is '1e-300 Hz', which is not from 1 uHz to 1 GHz"),
}


@pytest.mark.parametrize(("file", "options", "piece"), HUGE.values(), ids=HUGE)
def test_numbers_beyond_any_recording(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, options: list[str], piece: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("1\n2\n")
    np.save("a.npy", np.arange(10.0))
    assert piece in fails(run("add", file, *options))


def test_add_warns_of_a_wrong_time_step(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("\n".join(map(str, range(1, 501))))
    code, _, err = run("add", "a.txt", "--time-step", "1 us", "--duration", "10 s")
    assert code == 0
    assert "warning: all 500 spikes lie in the first 0.005 % of the observed time; check the time step" in err
    assert "warning" not in run("add", "a.txt", "--time-step", "20 ms", "--duration", "10 s")[2]


TEXT_MISTAKES = {
    "no unit and no duration": ([], "a.txt is plain text, which says neither what its times count nor how long was observed"),
    "no duration": (["--time-step", "1 s"], "add both, e.g.: --time-step '1 ms' --duration '600 s'"),
    "a bare number": (["--time-step", "1", "--duration", "2 s"], "reader.spike_text.time_step is '1', not a time"),
    "another unit": (["--time-step", "1 mV", "--duration", "2 s"], "reader.spike_text.time_step is '1 mV', not a time"),
    "too short": (["--time-step", "1 s", "--duration", "1 s"], "1 of 3 spikes lie outside the recording of [0 s, 1 s]"),
    "of a class": (
        ["--io", "NixIO", *SPIKES],
        "a.txt cannot be read with NixIO",
    ),
}


@pytest.mark.parametrize(("arguments", "piece"), TEXT_MISTAKES.values(), ids=TEXT_MISTAKES)
def test_mistakes_with_text(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], piece: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("0.25\n0.5\n1.5\n")
    err = fails(run("add", "a.txt", *arguments))
    assert piece in err
    assert len(err.splitlines()) == 1


def test_an_option_for_text_with_a_file_that_says_it_itself(run: Any, recorded: Recorded) -> None:
    err = fails(run("add", recorded(NEX), "--duration", "5 s"))
    assert "--duration is for other files than CS056P07R-MEME1.nex, which any_neo reads; remove it" in err


@pytest.mark.parametrize(
    "about", [{}, {"summary/duration": [10.0]}, {"recordingtime": [0.0, 10.0]}], ids=["no", "summary", "range"]
)
def test_the_duration_that_a_message_names_is_taken(
    run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, about: dict[str, list[float]]
) -> None:
    """Of an array whose file says none, or one that ends before the last spike; of others that say it, it stays."""
    monkeypatch.chdir(tmp_path)
    for name, more in (("a.h5", about), ("b.h5", {"recordingtime": [0.0, 40.0]})):
        with h5py.File(name, "w") as file:
            for key, value in ({"spikes": [1.0, 2.0, 30.0], "sCount": [2.0, 1.0]} | more).items():
                file[key] = np.array(value)
    assert "parameter duration (`add`: --duration)" in fails(run("add", "a.h5"))
    assert "add FILE --duration '600 s'" in run("inspect", "a.h5")[1]
    code, out, err = run("add", "a.h5", "b.h5", "--duration", "60 s")
    assert code == 0, err
    assert [r["duration"] for r in yaml.safe_load(out)["replicates"].values()] == ["60 s", "40 s"]
    assert "--duration is for other files than b.h5" in fails(run("add", "b.h5", "--duration", "60 s"))


def test_add_of_an_intracellular_nwb(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series of a patch clamp are known by their unit, and each sweep is a replicate."""
    import datetime

    import pynwb

    monkeypatch.chdir(tmp_path)
    day = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    file = pynwb.NWBFile(session_description="d", identifier="i", session_start_time=day)
    electrode = file.create_icephys_electrode(name="e", description="d", device=file.create_device("d"))
    for k in range(2):
        about = {"electrode": electrode, "gain": 1.0, "rate": 1000.0, "starting_time": 2.0 * k}
        sweep = pynwb.icephys.CurrentClampSeries(name=f"v{k}", data=np.arange(1000.0) * 1e-3, **about)
        file.add_acquisition(sweep)
        file.add_stimulus(pynwb.icephys.CurrentClampStimulusSeries(name=f"i{k}", data=np.arange(1000.0) * 1e-12, **about))
    with pynwb.NWBHDF5IO("cell.nwb", "w") as io:
        io.write(file)
    code, out, err = run("add", "cell.nwb")
    assert code == 0, err
    own = [r["parameters"] for r in yaml.safe_load(out)["replicates"].values()]
    assert own == [{"membrane_potential": [f"v{k}"], "current": [f"i{k}"]} for k in range(2)]
    assert "membrane_potential of 1 channel in 1 s" in run("add", "cell.nwb", "--signals", "membrane_potential")[2]


# ---- list and schema


@pytest.mark.slow
def test_list_names_every_entry_and_parameter(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    code, out, _ = run("list")
    assert code == 0
    for folder in catalogue.FOLDERS:
        for name in catalogue.names(folder):
            assert f"  {name}: " in out
            for key in catalogue.parameters(folder, name).model_fields:
                assert f"      {key}: " in out
    assert "tau: quantity in s, e.g. 20 ms, default 0.02 s" in out
    assert "  grasshopper: Locust auditory receptor" in out


def test_list_of_some_kinds(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, _ = run("list", "readers")
    assert code == 0
    assert out.startswith("readers:\n")
    assert "metrics" not in out
    assert "did you mean 'metrics'" in fails(run("list", "metric"))
    assert "no such folder" in fails(run("list", "models"))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_schema_accepts_the_config_of_the_project(run: Any, kind: str) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    code, out, _ = run("schema", kind)
    assert code == 0
    schema = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    folder = {"study": "studies", "recording": "recordings", "model": "models"}.get(kind)
    files = sorted((ROOT / "config" / folder).glob("*.yaml")) if folder else [ROOT / "config" / "config.yaml"]
    for file in files:
        validator.validate(yaml.safe_load(file.read_text()))


@pytest.mark.slow
def test_schema_knows_the_parameters_of_entries(run: Any) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads(run("schema", "model")[1])
    content = yaml.safe_load((ROOT / "config" / "models" / "balanced.yaml").read_text())
    content["projections"]["I_to_E"]["plasticity"][0]["inhibitory_stdp"]["targt_rate"] = "5 Hz"
    with pytest.raises(jsonschema.ValidationError, match="targt_rate"):
        jsonschema.validate(content, schema)


@pytest.mark.parametrize("command", ["inspect", "add"])
def test_text_in_utf16_is_said_to_be(run: Any, tmp_path: Path, command: str) -> None:
    (tmp_path / "spikes.csv").write_text("time,unit\n0.1,a\n", encoding="utf-16")
    assert "spikes.csv is text in UTF-16; save it as UTF-8" in fails(run(command, tmp_path / "spikes.csv"))


# ---- show


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An activity, a batch of two, and a measure with draws."""
    folder = tmp_path_factory.mktemp("results")
    recording = load_config(ROOT / "config").recordings["grasshopper"]
    found = {}
    for name in recording.replicates:
        paths = _grasshopper(name)
        activity = ingest(recording, name="grasshopper", replicate=name, files=paths)
        inputs = {p.name: "0" * 64 for p in paths.values()}
        found[name] = stamp(activity, step="ingest", code=code_of("ingest"), parameters={}, inputs=inputs, seed=7)
    write(found["cutoff200"], folder / "one.nc")
    write(found, folder / "batch.nc")
    rates = {"": measure(found.values(), "firing_rate", interval="poisson")}  # the other is withheld: the rates adapt
    rates |= measure_draws(found.values(), "firing_rate", draws=2, block=0.256, seed=1, interval="poisson")
    write(rates, folder / "rate.nc")
    write(measure(found.values(), "stimulus_coherence"), folder / "coherence.nc")
    return folder


@pytest.mark.slow
def test_show_an_activity(run: Any, results: Path) -> None:
    code, out, _ = run("show", results / "one.nc")
    assert code == 0
    for piece in (
        "activity/1",
        "replicate cutoff200",
        "10 s in 1 segment",
        "929 spikes",
        "epochs: stimulus [0 s, 10 s]",
        "seed 7",
    ):
        assert piece in out
    assert "spikes: 929 in, 929 out" in out
    assert "grasshopper_spike_times1.txt sha256 000000000000" in out
    assert run("inspect", results / "one.nc")[1] == out


@pytest.mark.slow
def test_show_a_batch(run: Any, results: Path) -> None:
    code, out, _ = run("show", results / "batch.nc")
    assert code == 0
    assert "group cutoff200" in out
    assert "group cutoff800" in out


@pytest.mark.slow
def test_show_a_measure(run: Any, results: Path) -> None:
    code, out, _ = run("show", results / "rate.nc")
    assert code == 0
    rate = open_dataset(results / "rate.nc").isel(unit=0).sel(epoch="stimulus")
    low, high = float(rate.firing_rate_low), float(rate.firing_rate_high)
    assert low < 92.9 < high
    assert f"cutoff200 stimulus  92.9  [{low:.4g}, {high:.4g}]" in out
    assert "groups: half_a, half_b, null" in out
    code, out, _ = run("show", results / "coherence.nc")
    assert code == 0
    assert "of 128 values defined" in out


@pytest.mark.slow
def test_show_a_comparison(run: Any, results: Path) -> None:
    measures = open_measures([("firing_rate", "recorded"), ("firing_rate", "same")], [results / "rate.nc"] * 2)
    contrasts = {"wide": Contrast(metrics=["firing_rate"], where={"cutoff": "800 Hz"}, epoch="stimulus")}
    compared = compare(measures, contrasts=contrasts, targets={"recorded": ["same"]}, fitted={}, study="demo", seed=1)
    stamped = stamp(compared, step="compare", code=code_of("compare"), parameters={}, inputs={}, seed=1)
    write(stamped, results / "comparison.nc")
    code, out, _ = run("show", results / "comparison.nc")
    assert code == 0
    assert "study demo" in out
    (row,) = [line.split() for line in out.splitlines() if line.startswith("  recorded")]
    assert row[:4] == ["recorded", "wide", "firing_rate", "same"]
    assert str(compared.verdict.values.ravel()[-1]).split()[0] in row


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_show_a_truncated_file(run: Any, results: Path, tmp_path: Path, share: float) -> None:
    whole = (results / "one.nc").read_bytes()
    path = tmp_path / "x.nc"
    path.write_bytes(whole[: int(share * len(whole))])
    assert "was damaged or edited" in fails(run("show", path))


def test_edited_results_are_refused(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By every command that reads one; of another program's file nothing is said to be deleted."""
    monkeypatch.chdir(tmp_path)
    activity, rate = Path("results/activity/mine/a.nc"), Path("results/small/measures/firing_rate/mine.nc")
    one = synthetic.activity([synthetic.poisson_train(90.0, 100.0, np.random.default_rng(1))], 100.0)
    write(one, activity)
    write(measure([one], "firing_rate"), rate)
    assert run("show", rate)[0] == 0
    shutil.copy(rate, "whole.nc")
    with h5py.File(rate, "r+") as file:
        file["firing_rate"][...] *= 10
    os.truncate(activity, activity.stat().st_size - 14)
    for command in (("show", rate), ("inspect", rate), ("diff", "whole.nc", rate), ("diff", rate, "whole.nc")):
        assert f"rule measure again: snakemake --cores 2 {rate}\n" in fails(run(*command))
    for command in (("show", activity), ("export", activity, "--to", "csv", "a.csv")):
        assert f"rule ingest again: snakemake --cores 2 {activity}\n" in fails(run(*command))
    assert not Path("a.csv").exists()


@pytest.mark.parametrize(("key", "text"), [("history", "[1]"), ("bookkeeping", "[]"), ("warnings", "5")])
def test_an_edited_text_that_was_sealed_again(key: str, text: str, run: Any, tmp_path: Path) -> None:
    """Of a form that nothing reads: the contract's words, of every command."""
    write(synthetic.activity([np.array([1.0])], 100.0), tmp_path / "a.nc")
    with h5py.File(tmp_path / "a.nc", "r+") as file:
        file.attrs[key] = text
    seal(tmp_path / "a.nc")
    for command in (("show",), ("diff", tmp_path / "a.nc"), ("inspect",)):
        assert f"attribute {key!r} is {text!r}, no JSON" in fails(run(*command, tmp_path / "a.nc"))


def test_show_says_delete_of_no_file_of_the_user(run: Any) -> None:
    assert "or is no result of this project" in (err := fails(run("show", ROOT / "README.md")))
    assert "delete" not in err


@pytest.mark.slow
def test_show_damaged_bytes(run: Any, results: Path, tmp_path: Path) -> None:
    whole = (results / "one.nc").read_bytes()
    rng = np.random.default_rng(0)
    path = tmp_path / "x.nc"
    for _ in range(40):
        damaged = bytearray(whole)
        for at in rng.integers(0, len(whole), 50):
            damaged[at] = rng.integers(0, 256)
        path.write_bytes(damaged)
        result = run("show", path)
        if result[0]:
            fails(result)


def test_show_another_netcdf(run: Any, tmp_path: Path) -> None:
    path = tmp_path / "x.nc"
    with h5py.File(path, "w") as file:
        file["a"] = np.zeros(3)
    assert "is no result of this project; files of other programs are read as recordings" in fails(run("show", path))
