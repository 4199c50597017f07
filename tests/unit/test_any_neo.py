"""The reader of neo's formats, on recordings of other laboratories and on damaged ones."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import neo
import neo.io
import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.neo_io import FORMATS, REFUSED, candidates, check_io, members, read_blocks
from homeoanalysis.provenance import code_files, code_of

Recorded = Callable[[str], Path]
any_neo = catalogue.load("readers", "any_neo")
NEX = "sjemea_retina_nex/CS056P07R-MEME1.nex"
ABF = "pyabf_axon_files/File_axon_3.abf"
ABF2 = "pyabf_axon_files/17o05028_ic_steps.abf"
NEV = "vandermeer_R050_ca1_tmaze/R050-2014-04-02-Events.nev"


def test_every_class_of_neo_is_used_or_refused() -> None:
    assert {c.__name__ for c in neo.io.iolist} <= set(FORMATS) | set(REFUSED)
    assert not set(FORMATS) & set(REFUSED)


@pytest.mark.parametrize("name", FORMATS)
def test_the_table_agrees_with_neo(name: str) -> None:
    cls, form = getattr(neo.io, name), FORMATS[name]
    assert set(form.endings) - {"csv", "py"} <= {e.lower() for e in cls.extensions}
    if form.is_lazy:
        assert cls.support_lazy


def test_results_tell_the_versions_of_what_neo_reads_with() -> None:
    """neo imports these packages, and nothing of this project does: NWB read by another pynwb would be the same recording."""
    _, outside = code_files(code_of("ingest", ("readers", "any_neo")))
    assert {form.package for form in FORMATS.values() if form.package} | {"neo", "h5py"} <= set(outside)


@pytest.mark.parametrize("name", [*REFUSED, "AxonI0", "neo.io.AxonIO", "os.system", ""])
def test_other_classes_are_refused_with_a_reason(name: str) -> None:
    with pytest.raises(ValueError, match=r"not allowed|did you mean|known:"):
        check_io(name)
    with pytest.raises(ValueError, match=r"not allowed|did you mean|known:"):
        any_neo({"recording": Path("x")}, io=name)


@pytest.mark.slow
def test_spikes_are_those_of_neo(recorded: Recorded) -> None:
    block = any_neo({"recording": recorded(NEX)}, io="NeuroExplorerIO")
    plain = neo.io.NeuroExplorerIO(str(recorded(NEX))).read_block()
    (mine,), (theirs,) = block.segments, plain.segments
    assert len(mine.spiketrains) == 71
    assert sum(t.size for t in mine.spiketrains) == 63393
    for a, b in zip(mine.spiketrains, theirs.spiketrains, strict=True):
        assert a.name == b.name
        assert a.annotations == b.annotations
        assert np.array_equal(a.magnitude, b.magnitude)
        assert (a.t_start, a.t_stop) == (b.t_start, b.t_stop)


def test_events_are_kept(recorded: Recorded) -> None:
    block = any_neo({"recording": recorded(NEV)}, io="NeuralynxIO")
    assert [len(e) for e in block.segments[0].events] == [232, 15, 107, 39, 65]
    assert "Starting Recording" in block.segments[0].events[0].labels


def test_signals_stay_on_disk_unless_they_are_marked(recorded: Recorded) -> None:
    block = any_neo({"recording": recorded(ABF)}, io="AxonIO")
    assert len(block.segments) == 5
    assert all(
        not isinstance(s, neo.AnalogSignal) and "role" not in s.annotations for g in block.segments for s in g.analogsignals
    )


def ingested(file: Path, **reader: Any) -> xr.Dataset:
    one = {"subject": "one", "files": {"recording": {"name": file.name}}}
    head = {"title": "x", "citation": "x", "licence": "x", "source": {"folder": str(file.parent)}}
    recording = Recording.model_validate(
        {**head, "reader": {"any_neo": reader} if reader else "any_neo", "replicates": {"a": one}}
    )
    return ingest(recording, name="rec", replicate="a", files={"recording": file})


@pytest.mark.slow
def test_a_marked_channel_is_a_proxy_of_its_own_and_a_covariate_in_si(recorded: Recorded) -> None:
    path = recorded("pyabf_axon_files/190619B_0003.abf")
    block = any_neo({"recording": path}, io="AxonIO", covariates=["IN 2"])
    plain = neo.io.AxonIO(str(path)).read_block()
    for mine, theirs in zip(block.segments, plain.segments, strict=True):
        marked, rest = mine.analogsignals
        assert (marked.name, marked.annotations["role"], marked.annotations["unit_name"]) == ("IN 2", "covariate", "V")
        assert (marked.shape, marked.t_start) == ((len(theirs.analogsignals[0]), 1), theirs.analogsignals[0].t_start)
        assert np.array_equal(marked.load().magnitude[:, 0], theirs.analogsignals[0].magnitude[:, 1])
        assert not isinstance(marked, neo.AnalogSignal)
        assert "role" not in rest.annotations
    one = ingested(path, membrane_potential=["IN 2"])
    values = np.concatenate([s.analogsignals[0].magnitude[:, 1].astype(float) * 1e-3 for s in plain.segments])
    assert (one.membrane_potential.attrs["units"], one.membrane_potential_channel.values.tolist()) == ("V", ["IN 2"])
    np.testing.assert_allclose(one.membrane_potential.values[0], values, rtol=2e-7, atol=1e-12)  # neo's are of single precision
    steps = one.membrane_potential.values / one.membrane_potential.attrs["step"]
    np.testing.assert_allclose(steps, np.rint(steps), atol=1e-6)


def test_channels_are_one_of_the_kinds(recorded: Recorded) -> None:
    one = ingested(recorded(ABF), membrane_potential=["VmRK"], covariates=["stim"])
    assert one.membrane_potential_sample_count.values.tolist() == one.covariate_sample_count.values.tolist()
    assert one.sizes["segment"] == 5
    with pytest.raises(DataError, match="the channel 'stim' is named twice among covariate, lfp, membrane_potential, current"):
        any_neo({"recording": recorded(ABF)}, io="AxonIO", membrane_potential=["stim"], covariates=["stim"])


@pytest.mark.parametrize("file", [NEX, ABF, ABF2, NEV])
def test_a_class_that_is_not_named_is_asked_for(file: str, recorded: Recorded) -> None:
    """NEV: two makers have this ending."""
    io = {NEX: "NeuroExplorerIO", NEV: "NeuralynxIO"}.get(file, "AxonIO")
    asked, named = (any_neo({"recording": recorded(file)}, **options) for options in ({}, {"io": io}))
    for a, b in zip(asked.segments, named.segments, strict=True):
        assert [len(t) for t in a.spiketrains] == [len(t) for t in b.spiketrains]
        assert [s.shape for s in a.analogsignals] == [s.shape for s in b.analogsignals]
        assert [len(e) for e in a.events] == [len(e) for e in b.events]


def test_a_pickle_is_never_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.pkl"
    path.write_bytes(b"cos\nsystem\n(S'touch " + str(tmp_path / "run").encode() + b"'\ntR.")
    with pytest.raises(
        DataError, match=r"a\.pkl: '\.pkl' files are read by PickleIO, which is not allowed: a pickle executes code"
    ):
        any_neo({"recording": path})
    assert not (tmp_path / "run").exists()


def test_an_unknown_covariate_is_told_the_known_ones(recorded: Recorded) -> None:
    with pytest.raises(DataError, match=r"no channel 'stimm', which covariates names; did you mean 'stim'"):
        any_neo({"recording": recorded(ABF)}, io="AxonIO", covariates=["stimm"])


def test_a_block_that_is_not_there(recorded: Recorded) -> None:
    with pytest.raises(DataError, match=r"holds 1 blocks, and block is 1; choose one of 0 to 0"):
        any_neo({"recording": recorded(NEX)}, io="NeuroExplorerIO", block=1)


def test_ingest_loses_nothing(recorded: Recorded) -> None:
    activity = ingested(recorded(NEX), io="NeuroExplorerIO")
    assert activity.sizes["spike"] == 63393
    assert json.loads(activity.attrs["bookkeeping"])["units"] == {"in": 71, "out": 71, "dropped": {}}


DAMAGED = {"empty": b"", "garbage": bytes(range(256)) * 16, "one byte": b"\0", "text": b"hello\n", "zeros": bytes(4096)}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
@pytest.mark.parametrize("io", [n for n, f in FORMATS.items() if not f.package and n not in {"BrainwareDamIO", "BrainwareSrcIO"}])
def test_what_is_no_recording_is_one_message(io: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"x.{FORMATS[io].endings[0]}"
    path.write_bytes(content)
    said = f"{path.name} or {tmp_path.name}"
    spikes = 0
    try:
        block = any_neo({"recording": path}, io=io)
        spikes = sum(t.size for s in block.segments for t in s.spiketrains)
    except DataError as error:
        said = str(error)
    assert path.name in said or tmp_path.name in said
    assert "\n" not in said
    assert spikes == 0  # some formats have no mark by which they could be told; then there is nothing in the file


@pytest.mark.parametrize("file", [NEX, ABF, ABF2])
@pytest.mark.parametrize("share", [0.0005, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_one_message(recorded: Recorded, tmp_path: Path, file: str, share: float) -> None:
    whole = recorded(file).read_bytes()
    path = tmp_path / Path(file).name
    path.write_bytes(whole[: int(share * len(whole))])
    io = candidates(path)[0]
    with pytest.raises(DataError, match=f"{path.name} (cannot be read with {io}|declares .* but (holds|is)).*compare its size"):
        any_neo({"recording": path}, io=io)


def test_another_format_is_named(recorded: Recorded) -> None:
    with pytest.raises(DataError, match=r"cannot be read with AxonIO .*expected the header to start with"):
        any_neo({"recording": recorded(NEX)}, io="AxonIO")


def test_a_package_that_is_not_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.abc"
    path.write_bytes(b"x")
    monkeypatch.setitem(FORMATS, "AxonIO", FORMATS["AxonIO"]._replace(package="no_such_package"))
    with pytest.raises(
        DataError, match=r"AxonIO needs the package no_such_package, which is not installed; run: \S*python\S* -m pip install"
    ):
        any_neo({"recording": path}, io="AxonIO")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    for path, text in (
        (tmp_path / "nope.abf", "does not exist"),
        (tmp_path, "is a folder"),
        (Path("/dev/null"), "neither a file"),
    ):
        with pytest.raises(DataError, match=text):
            any_neo({"recording": path}, io="AxonIO")
    with pytest.raises(DataError, match=r"needs a file of the role 'recording', not only spikes"):
        any_neo({"spikes": tmp_path}, io="AxonIO")


def test_files_that_are_read_must_be_listed(tmp_path: Path) -> None:
    for name in ("a.nev", "a.ns5", "b.ns5"):
        (tmp_path / name).write_bytes(b"x")
    assert [p.name for p in members(tmp_path / "a.nev", "BlackrockIO")] == ["a.nev", "a.ns5"]
    with pytest.raises(DataError, match=r"BlackrockIO also reads a.nev beside a.ns5, which the YAML does not list"):
        any_neo({"recording": tmp_path / "a.ns5"}, io="BlackrockIO")


_VHDR = """Brain Vision Data Exchange Header File Version 1.0
[Common Infos]
DataFile={data}
MarkerFile=run.vmrk
DataFormat=BINARY
DataOrientation=MULTIPLEXED
NumberOfChannels=1
SamplingInterval=1000
[Binary Infos]
BinaryFormat=INT_16
[Channel Infos]
Ch1=C3,,0.5,uV
"""


def test_files_that_a_header_names_must_be_listed(tmp_path: Path) -> None:
    """BrainVision's may be called otherwise than their header; one in another folder is refused. All listed, it is read."""
    (tmp_path / "other").mkdir()
    for name in ("recorded.eeg", "other/recorded.eeg"):
        np.arange(2000, dtype="<i2").tofile(tmp_path / name)
    (tmp_path / "run.vmrk").write_text("Brain Vision Data Exchange Marker File, Version 1.0\n[Marker Infos]\n")
    header = tmp_path / "run.vhdr"
    header.write_text(_VHDR.format(data="recorded.eeg"))
    files = {"recording": header, "markers": tmp_path / "run.vmrk"}
    with pytest.raises(DataError, match=r"BrainVisionIO also reads recorded.eeg beside run.vhdr, which the YAML does not list"):
        any_neo(files, io="BrainVisionIO")
    block = any_neo({**files, "data": tmp_path / "recorded.eeg"}, io="BrainVisionIO")
    assert block.segments[0].analogsignals[0].shape == (2000, 1)
    header.write_text(_VHDR.format(data="other/recorded.eeg"))
    with pytest.raises(DataError, match=r"run.vhdr names the file 'other/recorded.eeg' of another folder"):
        any_neo({**files, "data": tmp_path / "other/recorded.eeg"}, io="BrainVisionIO")
    header.write_text(_VHDR.format(data="gone.eeg"))  # a file that was renamed: neo takes run.eeg
    (tmp_path / "recorded.eeg").rename(tmp_path / "run.eeg")
    assert [p.name for p in members(header, "BrainVisionIO")] == ["run.vhdr", "run.eeg", "run.vmrk"]


def test_channels_of_intan_below_their_header_must_be_listed(tmp_path: Path) -> None:
    """neo looks for them in all folders below; not where each signal has one file, which lies beside the header."""
    (tmp_path / "before").mkdir()
    for name in ("info.rhd", "amp-A-000.dat", "before/amp-A-001.dat"):
        (tmp_path / name).write_bytes(b"x")
    listed = {"recording": tmp_path / "info.rhd", "A-000": tmp_path / "amp-A-000.dat"}
    with pytest.raises(DataError, match=r"IntanIO also reads amp-A-001.dat beside info.rhd"):
        any_neo(listed, io="IntanIO")
    (tmp_path / "amp-A-000.dat").rename(tmp_path / "amplifier.dat")
    assert [p.name for p in members(tmp_path / "info.rhd", "IntanIO")] == ["info.rhd", "amplifier.dat"]


def test_a_folder_format_reads_its_folder(recorded: Recorded) -> None:
    folder = recorded(NEV).parent
    assert candidates(folder) == ["NeuralynxIO"]
    (block,) = read_blocks(folder, "NeuralynxIO")
    assert len(block.segments[0].events) == 5


def test_an_hdf5_of_another_layout(tmp_path: Path) -> None:
    path = tmp_path / "x.h5"
    with h5py.File(path, "w") as file:
        file["a"] = 1
    with pytest.raises(DataError, match=r"x.h5 cannot be read with BiocamIO"):
        any_neo({"recording": path}, io="BiocamIO")
