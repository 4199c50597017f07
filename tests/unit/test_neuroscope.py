"""NeuroScope sessions: clocks, clusters, and files that do not belong together."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from test_raw_signals import neuroscope

from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.provenance import rng_for

GAIN = 20 / 2**16 / 1000


def session(folder: Path) -> tuple[dict[str, Path], np.ndarray]:
    """2 s at a clock of 20 kHz, of which the .lfp has 1250 Hz, and two groups of electrodes."""
    counts = rng_for(1, "session").integers(-500, 500, (3, 2500))
    path = neuroscope(folder, counts, 20_000.0)
    (folder / "s.dat").rename(folder / "s.lfp")
    extra = "<fieldPotentials><lfpSamplingRate>1250</lfpSamplingRate></fieldPotentials></parameters>"
    path.write_text(path.read_text().replace("</parameters>", extra))
    (folder / "s.res.1").write_text("10\n20\n30\n40\n20000\n")
    (folder / "s.clu.1").write_text("4\n2\n0\n3\n1\n2\n")
    (folder / "s.res.2").write_text("15\n")
    (folder / "s.clu.2").write_text("1\n2\n")
    names = {
        "recording": "s.xml",
        "signal": "s.lfp",
        "res_1": "s.res.1",
        "clu_1": "s.clu.1",
        "res_2": "s.res.2",
        "clu_2": "s.clu.2",
    }
    return {role: folder / name for role, name in names.items()}, counts


def read(files: dict[str, Path]) -> xr.Dataset:
    one = {"subject": "s", "files": {role: {"name": path.name} for role, path in files.items()}}
    base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": "neuroscope"}
    recording = Recording.model_validate({**base, "replicates": {"r": one}, "signals": {"lfp": {}}})
    return ingest(recording, name="rec", replicate="r", files=files)


def test_a_session(tmp_path: Path) -> None:
    files, counts = session(tmp_path)
    one = read(files)
    assert one.segment_stop.item() == 2.0
    assert one.lfp.attrs["sampling_rate"] == 1250.0  # neo alone would say 20,000
    np.testing.assert_array_equal(one.lfp, counts * GAIN)
    assert one.unit.values.tolist() == ["1.2", "1.3", "2.2"]
    assert one.spike_count.values.tolist() == [2, 1, 1]
    np.testing.assert_allclose(one.spike_time, [10 / 20000, 1.0, 30 / 20000, 15 / 20000], rtol=1e-15)
    assert one.spike_time.attrs["tick"] == 1 / 20000
    dropped = {"cluster 0, artefacts": 1, "cluster 1, spikes that were not sorted": 1}
    assert json.loads(one.attrs["bookkeeping"])["spikes"] == {"in": 6, "out": 4, "dropped": dropped}


def test_faults(tmp_path: Path) -> None:
    files, _ = session(tmp_path)
    with pytest.raises(DataError, match="needs recording, signal and pairs such as res_1 and clu_1; given: clu_1, clu_2, rec"):
        read({role: path for role, path in files.items() if role != "res_1"})
    for name, content, message in (
        ("s.clu.1", "4\n2\n0\n3\n1\n", r"s\.res\.1 has 5 spikes, but s\.clu\.1 has 4 clusters below its first line"),
        ("s.clu.1", "", r"s\.clu\.1 is empty"),
        ("s.res.1", "10\n20\nx\n40\n50\n", r"s\.res\.1 is no list of whole numbers"),
        ("s.res.1", "-10\n20\n30\n40\n50\n", r"s\.res\.1 holds -10, which is below 0"),
        ("s.res.1", "10\n20\n30\n40\n50000\n", r"1 of 2 spikes lie outside the recording of \[0 s, 2 s\]"),
        ("s.lfp", "abcde", r"s\.lfp is no whole number of samples of 3 channels"),
        ("s.xml", "<parameters>", r"s\.xml cannot be read with neuroscope"),
    ):
        files, _ = session(tmp_path)
        (tmp_path / name).write_text(content)
        with pytest.raises(DataError, match=message):
            read(files)
    for name in ("samplingRate", "nChannels", "nBits", "voltageRange", "amplification"):
        for value in ("0", "-1", "nan", "many"):
            files, _ = session(tmp_path)
            text = re.sub(rf"<{name}>[^<]*<", f"<{name}>{value}<", files["recording"].read_text())
            files["recording"].write_text(text)
            with pytest.raises(DataError, match=f"s.xml: acquisitionSystem/{name} is '{value}', not a number above 0"):
                read(files)
    files, _ = session(tmp_path)
    (tmp_path / "s.clu.1").write_text("2\n0\n0\n1\n1\n0\n")
    (tmp_path / "s.clu.2").write_text("1\n0\n")
    with pytest.raises(DataError, match="all 6 spikes are of the clusters 0 and 1"):
        read(files)
