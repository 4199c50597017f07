"""Damaged files: an activity or one clear DataError; never a traceback, a hang, or a dataset that lost something unsaid.

A flipped bit in a spike time makes another spike time, which nobody can see in the file. That is what the SHA-256 is for, which
`add` writes for each file: with it, every flip is an error.
"""

import json
import queue
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from damage import READERS
from running import list_workflow_code
from spike_files import TICKS, blackrock, neuralynx, neuroexplorer, plexon

from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import write
from homeoanalysis.errors import DataError
from homeoanalysis.export import export
from homeoanalysis.identity import file_hash
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import synthetic
from homeoanalysis.provenance import rng_for

pytestmark = pytest.mark.recorded(code=list_workflow_code())

Recorded = Callable[[str], Path]
SECONDS = 60  # without an answer: a hang (the machine may be busy)
CI, NIGHTLY = 64, 2000  # damaged copies of each format


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory, recorded: Recorded) -> Path:
    """A folder for each format, with its files and their roles."""
    folder = tmp_path_factory.mktemp("formats")
    trains = [np.sort(rng_for(7, "fuzz", k).uniform(0, 10, n)).round(3) for k, n in enumerate((40, 1, 25))]
    made: dict[str, dict[str, Path]] = {}

    def place(form: str, **roles: Any) -> None:
        home = folder / form
        home.mkdir()
        made[form] = {}
        for role, (name, content) in roles.items():
            shutil.copyfile(content, home / name) if isinstance(content, Path) else (home / name).write_bytes(content)
            made[form][role] = home / name
        (home / "roles.json").write_text(json.dumps({role: path.name for role, path in made[form].items()}))

    source = folder / "source"
    source.mkdir()
    with h5py.File(source / "a.h5", "w") as file:
        file["spikes"], file["sCount"] = np.concatenate(trains), [t.size for t in trains]
        file["names"], file["recordingtime"] = [b"a", b"b", b"c"], [0.0, 10.0]
    place("mea_hdf5", recording=("a.h5", source / "a.h5"))
    place("spike_text", spikes=("a.txt", "".join(f"{1000 * t:.0f}\n" for t in trains[0]).encode()))
    rows = "".join(f"{t},{k}\n" for k, train in enumerate(trains) for t in train)
    place("spike_csv", recording=("a.csv", f"time,unit\n{rows}".encode()))
    np.savez(source / "a.npz", a=trains[0], b=trains[1], c=trains[2])
    place("spike_npz", recording=("a.npz", source / "a.npz"))
    write(synthetic.activity(trains, 10.0), source / "a.nc")
    for form in ("nwb", "nix"):
        export(source / "a.nc", source / f"a.{form}", to=form)
        place(form, recording=(f"a.{form}", source / f"a.{form}"))
    xml = (
        "<parameters><acquisitionSystem><nBits>16</nBits><nChannels>2</nChannels><samplingRate>1000</samplingRate><voltageRange>20"
        "</voltageRange><amplification>1000</amplification><offset>0</offset></acquisitionSystem><anatomicalDescription>"
        "<channelGroups><group><channel>0</channel><channel>1</channel></group></channelGroups></anatomicalDescription></parameters>"
    )
    ticks = np.rint(1000 * trains[0]).astype(int)
    samples = rng_for(7, "samples").integers(-99, 99, 20_000).astype("<i2").tobytes()
    place(
        "neuroscope",
        recording=("a.xml", xml.encode()),
        signal=("a.dat", samples),
        res_1=("a.res.1", "".join(f"{t}\n" for t in ticks).encode()),
        clu_1=("a.clu.1", ("2\n" + "2\n" * ticks.size).encode()),
    )
    for form, make in (("blackrock", blackrock), ("neuralynx", neuralynx), ("plexon", plexon), ("waveforms", neuroexplorer)):
        path = make(source)
        place(form, recording=(path.name, path))
    place("nex", recording=("a.nex", recorded("sjemea_retina_nex/CS056P07R-MEME1.nex")))
    place("abf", recording=("a.abf", recorded("pyabf_axon_files/File_axon_3.abf")))
    return folder


def tried(folder: Path, form: str, count: int) -> Iterator[dict[str, Any]]:
    """What came of each damaged copy. Its process is killed if it does not answer, and goes on behind the case that killed it."""
    first = 0
    while first < count:
        command = [sys.executable, str(Path(__file__).with_name("damage.py")), str(folder), form, str(first), str(count - first)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
            lines: queue.Queue[str] = queue.Queue()
            assert process.stdout is not None
            stream = process.stdout
            threading.Thread(target=lambda s=stream, q=lines: [q.put(line) for line in (*s, "")], daemon=True).start()
            begun: dict[str, Any] = {"case": first, "file": "", "outcome": "did not start"}
            while True:
                try:
                    line = lines.get(timeout=SECONDS)
                except queue.Empty:
                    process.kill()
                    yield {**begun, "outcome": "hang"}
                    break
                if not line:
                    if process.wait() != 0 or begun.get("outcome") == "did not start":
                        yield {**begun, "outcome": f"exit code {process.returncode}"}
                    break
                found = json.loads(line)
                begun = found if "outcome" not in found else begun
                if "outcome" in found:
                    yield {**begun, **found}
            if process.poll() is None:
                process.kill()
        first = int(begun["case"]) + 1


def judge(folder: Path, form: str, count: int) -> None:
    results = list(tried(folder, form, count))
    assert len(results) == count
    wrong = [r for r in results if r["outcome"] not in ("activity", "DataError")]
    assert not wrong, f"{len(wrong)} of {count}, the first: {wrong[0]}"
    for result in results:
        if result["outcome"] == "DataError":
            assert result["text"].startswith("recording damaged, replicate r: ")
            assert "Traceback" not in result["text"]
            assert len(result["text"]) < 1500
        else:
            for what, book in result["book"].items():
                assert book["in"] == book["out"] + sum(book["dropped"].values()), (result, what)
            if result["spikes"]:
                assert result["book"]["spikes"]["out"] == result["spikes"]
    assert any(r["outcome"] == "DataError" for r in results)  # the damage is seen


@pytest.mark.slow
@pytest.mark.parametrize("form", READERS)
def test_damaged_copies(form: str, originals: Path) -> None:
    """64 copies of each of 13 formats, 832 in all."""
    judge(originals, form, CI)


@pytest.mark.nightly
@pytest.mark.parametrize("form", READERS)
def test_many_damaged_copies(form: str, originals: Path) -> None:
    """2000 copies of each format."""
    judge(originals, form, NIGHTLY)


@pytest.mark.slow
@pytest.mark.parametrize("form", READERS)
def test_the_undamaged_file_is_read_whole_and_a_checksum_sees_every_flip(form: str, originals: Path, tmp_path: Path) -> None:
    home = tmp_path / form
    shutil.copytree(originals / form, home)
    roles = json.loads((home / "roles.json").read_text())
    files = {role: home / name for role, name in roles.items()}
    listed = {role: {"name": path.name, "sha256": file_hash(path)} for role, path in files.items()}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": str(home)}}
    recording = Recording.model_validate({**base, **READERS[form], "replicates": {"r": {"subject": "s", "files": listed}}})
    one = ingest(recording, name="x", replicate="r", files=files)
    known = {"spike_text": 40, "neuroscope": 40, "nex": 63393, "abf": 0}
    known |= dict.fromkeys(("blackrock", "neuralynx", "plexon", "waveforms"), sum(t.size for t in TICKS.values()))
    spikes = known.get(form, 66)
    assert one.sizes.get("spike", 0) == spikes
    rng = rng_for(7, "checksum", form)
    path = next(iter(files.values()))
    whole = path.read_bytes()
    for _ in range(60):
        changed = bytearray(whole)
        changed[int(rng.integers(len(whole)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(DataError, match="has the SHA-256"):
            ingest(recording, name="x", replicate="r", files=files)
