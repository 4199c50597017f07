"""Every fault of a file is a message that names it; nothing is lost unsaid; published rates come out."""

import csv
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import neo
import numpy as np
import pytest
import quantities as pq
import xarray as xr

from homeoanalysis.config import yaml
from homeoanalysis.config.loading import load_config
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.errors import DataError
from homeoanalysis.fetch import local_path
from homeoanalysis.ingest import ingest, pieces
from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed

ROOT = Path(__file__).parents[2]
Recorded = Callable[[str], Path]
TEXT = {"spike_text": {"time_step": "1 us", "stimulus_unit": "V"}}
SPIKES = "# cell: 7\n# intensity (dB): 70\n100\n250000\n900000\n"
STIMULUS = "".join(f"{1000 * k} {1.5 + 0.5 * (-1) ** k}\n" for k in range(1000))


def recording(reader: Any, files: dict[str, str], **more: Any) -> Recording:
    one = {"subject": "s", "files": {role: {"name": name} for role, name in files.items()}}
    content = {
        "title": "t",
        "citation": "c",
        "licence": "l",
        "source": {"folder": "."},
        "reader": reader,
        "replicates": {"r": one},
    }
    return Recording.model_validate({**content, **more})


def read(paths: dict[str, Path], reader: Any, **more: Any) -> xr.Dataset:
    return ingest(recording(reader, {r: p.name for r, p in paths.items()}, **more), name="rec", replicate="r", files=paths)


def book(activity: xr.Dataset) -> Any:
    return json.loads(activity.attrs["bookkeeping"])


# ---- text


@pytest.fixture
def text(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    def make(spikes: str | bytes = SPIKES, stimulus: str | bytes = STIMULUS) -> dict[str, Path]:
        paths = {"spikes": tmp_path / "spikes.txt", "stimulus": tmp_path / "stimulus.txt"}
        for path, content in zip(paths.values(), (spikes, stimulus), strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return paths

    return make


def test_text(text: Callable[..., dict[str, Path]], tmp_path: Path) -> None:
    one = read(text(), TEXT, duration="1 s", epochs={"early": ["0 s", "0.5 s"]})
    assert one.spike_time.values.tolist() == [k * 1e-6 for k in (100, 250_000, 900_000)]
    assert one.spike_time.attrs["tick"] == 1e-6
    assert (one.segment_start.item(), one.segment_stop.item()) == (0.0, 1.0)
    assert one.covariate.attrs["sampling_rate"] == pytest.approx(1000)
    assert one.covariate.attrs["units"] == "V"
    assert observed.epochs(one) == {"early": (0.0, 0.5)}
    assert book(one) == {k: {"in": n, "out": n, "dropped": {}} for k, n in (("spikes", 3), ("units", 1), ("signals", 1))}
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


def test_unsorted_spikes_are_sorted_and_not_lost(text: Callable[..., dict[str, Path]]) -> None:
    one = read(text("900000\n100\n250000\n"), TEXT)
    assert one.spike_time.values.tolist() == [k * 1e-6 for k in (100, 250_000, 900_000)]
    assert book(one)["spikes"] == {"in": 3, "out": 3, "dropped": {}}


def test_a_spike_that_is_listed_twice_is_one_spike(text: Callable[..., dict[str, Path]]) -> None:
    one = read(text("900000\n100\n250000\n100\n" * 2), TEXT)
    assert one.spike_time.values.tolist() == [k * 1e-6 for k in (100, 250_000, 900_000)]
    assert book(one)["spikes"] == {"in": 8, "out": 3, "dropped": {"at the same time as another of its unit": 5}}


def test_a_spike_up_to_one_tick_after_the_end_is_dropped_and_counted(text: Callable[..., dict[str, Path]]) -> None:
    one = read(text("100\n1000000\n1000001\n"), TEXT)
    assert one.spike_time.values.tolist() == [k * 1e-6 for k in (100, 1_000_000)]
    reason = "less than a tick of the clock after the end of observed time"
    assert book(one)["spikes"] == {"in": 3, "out": 2, "dropped": {reason: 1}}


def test_an_observed_time_that_the_file_has_wrong(hdf5: Callable[..., dict[str, Path]]) -> None:
    """As in Hennig et al. 2011, control of 16 March 2010: a duration of 7274 s, spikes until 7279.2995 s."""
    paths = hdf5(recordingtime=None, summary__duration=[9.5])
    with pytest.raises(DataError) as error:
        read(paths, "mea_hdf5")
    assert "rec.h5: unit ch_3: 1 of 2 spikes lie outside the recording of [0 s, 9.5 s], the first at 10 s" in str(error.value)
    assert "write it where the reader has the parameter duration (`add`: --duration)" in str(error.value)
    assert read(paths, {"mea_hdf5": {"duration": "10 s"}}).segment_stop.item() == 10


def test_a_wrong_checksum_is_seen_before_anything_is_read(text: Callable[..., dict[str, Path]]) -> None:
    paths = text("no numbers\n")
    for role in paths:
        files = {r: {"name": p.name} | ({"sha256": "0" * 64} if r == role else {}) for r, p in paths.items()}
        one = recording(TEXT, {}, replicates={"r": {"subject": "s", "files": files}})
        with pytest.raises(DataError) as error:
            ingest(one, name="rec", replicate="r", files=paths)
        digest = hashlib.sha256(paths[role].read_bytes()).hexdigest()
        assert f"{paths[role]} has the SHA-256 {digest}, but the YAML says {'0' * 64}; the file is damaged" in str(error.value)


def test_what_is_no_file(text: Callable[..., dict[str, Path]], tmp_path: Path) -> None:
    paths = text()
    with pytest.raises(DataError, match="is a folder; a file is needed: mend its name in the YAML"):
        read({**paths, "spikes": tmp_path}, TEXT)
    os.mkfifo(tmp_path / "pipe.txt")
    with pytest.raises(DataError, match=r"pipe\.txt is neither a file nor a folder; a file is needed"):
        read({**paths, "spikes": tmp_path / "pipe.txt"}, TEXT)


def test_a_spike_at_the_first_and_the_last_instant_is_kept(text: Callable[..., dict[str, Path]]) -> None:
    one = read(text("0\n1000000\n"), TEXT)
    assert one.sizes["spike"] == 2
    assert measure([one], "firing_rate").firing_rate.item() == 2.0


def test_text_without_a_stimulus(text: Callable[..., dict[str, Path]]) -> None:
    paths = {"spikes": text("0.1\n2.25\n")["spikes"]}
    one = read(paths, {"spike_text": {"time_step": "1 s", "duration": "3 s"}}, duration="3 s")
    assert one.spike_time.values.tolist() == [0.1, 2.25]
    assert "tick" not in one.spike_time.attrs  # the text says no clock, so that the times are kept as they are
    assert one.segment_stop.item() == 3
    assert "covariate" not in one


TEXT_FAULTS: dict[str, tuple[dict[str, str | bytes], str]] = {
    "NaN spike": ({"spikes": "# a\n\n100\nnan\n200\n"}, "spikes.txt: line 4 holds a number that is not finite"),
    "infinite spike": ({"spikes": "100\n200\n-inf\n"}, "spikes.txt: line 3 holds a number that is not finite"),
    "NaN stimulus": (
        {"stimulus": STIMULUS.replace("2000 2.0", "2000 nan")},
        "stimulus.txt: line 3 holds a number that is not finite",
    ),
    "negative": (
        {"spikes": "-5\n100\n"},
        "spikes.txt: unit unit0: 1 of 2 spikes lie outside the recording of [0 s, 1 s], the first at -5e-06 s",
    ),
    "after the end": ({"spikes": "100\n1000002\n"}, "1 of 2 spikes lie outside the recording"),
    "wrong unit of time": ({"spikes": "1e9\n2e9\n"}, "check the unit of time"),
    "two columns": ({"spikes": "1 2\n3 4\n"}, "spikes.txt has 2 columns, not 1; check which file has which role"),
    "one column": ({"stimulus": "1\n2\n"}, "stimulus.txt has 1 columns, not 2"),
    "ragged": ({"stimulus": STIMULUS + "5\n"}, "stimulus.txt: line 1001 is '5'; each line must hold 2 numbers"),
    "words": ({"spikes": "# a\n100\n\nhello # b\n"}, "spikes.txt: line 4 is 'hello'; each line must hold one number"),
    "heading": (
        {"spikes": "time_s\n100\n"},
        "line 1 is 'time_s'; each line must hold one number: mend it, or if it is a heading, ",
    ),
    "decimal comma": ({"spikes": "100,5\n"}, "each line must hold one number"),
    "binary": ({"spikes": bytes(range(256))}, "each line must hold one number"),
    "empty stimulus": ({"stimulus": ""}, "stimulus.txt: times do not run from 0 in constant steps"),
    "one sample": ({"stimulus": "0 1\n"}, "times do not run from 0 in constant steps"),
    "a sample is missing": ({"stimulus": STIMULUS.replace("5000 1.0\n", "")}, "times do not run from 0 in constant steps"),
    "late stimulus": ({"stimulus": "1000 1\n2000 1\n"}, "times do not run from 0"),
    "backwards": ({"stimulus": "0 1\n-1000 1\n-2000 1\n"}, "times do not run from 0"),
}


@pytest.mark.parametrize("fault", TEXT_FAULTS)
def test_faults_in_text(fault: str, text: Callable[..., dict[str, Path]]) -> None:
    content, message = TEXT_FAULTS[fault]
    with pytest.raises(DataError) as error:
        read(text(**content), TEXT)
    assert str(error.value).startswith("recording rec, replicate r: ")
    assert message in str(error.value)


def test_a_silent_recording_is_no_fault_if_the_yaml_says_so(text: Callable[..., dict[str, Path]]) -> None:
    reader = {"spike_text": {**TEXT["spike_text"], "may_be_silent": True}}
    for nothing in ("", "# cell: 7\n", "\n\n"):
        with pytest.raises(DataError, match=r"spikes\.txt holds no spike time; .* write may_be_silent: true"):
            read(text(nothing), TEXT)
        one = read(text(nothing), reader)
        assert one.spike_count.values.tolist() == [0]
        assert measure([one], "firing_rate").firing_rate.item() == 0


def test_a_missing_file_and_a_missing_role(text: Callable[..., dict[str, Path]]) -> None:
    paths = text()
    with pytest.raises(DataError, match="needs the file 'spikes', and may have 'stimulus'; given: stimulus"):
        read({"stimulus": paths["stimulus"]}, TEXT)
    with pytest.raises(DataError, match="from the file 'stimulus' or from its parameter duration; give one of them"):
        read({"spikes": paths["spikes"]}, TEXT)
    with pytest.raises(DataError, match="give one of them"):
        read(paths, {"spike_text": {"time_step": "1 us", "duration": "1 s"}})
    paths["stimulus"].unlink()
    with pytest.raises(DataError, match=r"stimulus\.txt does not exist"):
        read(paths, TEXT)


@pytest.mark.parametrize("key", ["Gerät", "name", "index", "description", "file datetime", "rec datetime", "self", "segments"])
def test_any_header_is_read(key: str, text: Callable[..., dict[str, Path]]) -> None:
    """Headers are free text, in any encoding, and may use the names of neo's own arguments."""
    header = f"# {key}: 5 µm\n# intensity (dB): 70\n{SPIKES}"
    for encoding in ("utf-8", "latin-1"):
        one = read(text(header.encode(encoding)), TEXT, fixes=["sound_pressure_level"])
        assert one.sizes["spike"] == 3
        assert float(one.covariate.max()) == pytest.approx(70)


def test_a_wrong_duration_in_the_yaml(text: Callable[..., dict[str, Path]]) -> None:
    with pytest.raises(DataError, match="the files hold 1 s, but the YAML says duration 2 s; mend the YAML"):
        read(text(), TEXT, duration="2 s")
    assert read(text(), TEXT, duration="1.0005 s").segment_stop.item() == 1.0  # published durations are rounded


@pytest.mark.parametrize(
    ("spikes", "stimulus", "reader", "message"),
    [
        ("100\n", STIMULUS, TEXT, "the header has no 'intensity (dB)'; remove the fix"),
        (SPIKES, STIMULUS, {"spike_text": {"time_step": "1 us", "stimulus_unit": "dB"}}, "not volts; remove the fix"),
        (SPIKES, STIMULUS.replace("2000 2.0", "2000 -2.0"), TEXT, "an amplitude is not positive"),
    ],
)
def test_a_fix_whose_quirk_is_absent(
    spikes: str, stimulus: str, reader: Any, message: str, text: Callable[..., dict[str, Path]]
) -> None:
    with pytest.raises(DataError) as error:
        read(text(spikes, stimulus), reader, fixes=["sound_pressure_level"])
    assert "recording rec, replicate r: fix sound_pressure_level: " in str(error.value)
    assert message in str(error.value)


# ---- HDF5

CONTENT: dict[str, Any] = {
    "spikes": np.array([0.5, 1.5, 9.0, 2.0, 10.0]),
    "sCount": np.array([3, 0, 2], np.int32),
    "names": np.array([b"ch_1", b"ch_2", b"ch_3"]),
    "epos": np.array([[100.0, 200.0, 300.0], [400.0, 500.0, 600.0]]),
    "recordingtime": np.array([0.0, 10.0]),
}


@pytest.fixture
def hdf5(tmp_path: Path) -> Callable[..., dict[str, Path]]:
    def make(**change: Any) -> dict[str, Path]:
        path = tmp_path / "rec.h5"
        with h5py.File(path, "w") as file:
            for key, value in {**CONTENT, **change}.items():
                if value is not None:
                    file[key.replace("__", "/")] = value
        return {"recording": path}

    return make


def test_hdf5(hdf5: Callable[..., dict[str, Path]]) -> None:
    one = read(hdf5(), "mea_hdf5", duration="10 s")
    assert [t.tolist() for t in observed.spike_trains(one)] == [[0.5, 1.5, 9.0], [], [2.0, 10.0]]
    assert one.unit.values.tolist() == ["ch_1", "ch_2", "ch_3"]
    np.testing.assert_allclose(one.x, [1e-4, 2e-4, 3e-4])
    np.testing.assert_allclose(one.y, [4e-4, 5e-4, 6e-4])
    assert set(one.unit_kind.values) == {"multi"}
    assert book(one)["spikes"] == {"in": 5, "out": 5, "dropped": {}}


def test_hdf5_without_what_may_be_absent(hdf5: Callable[..., dict[str, Path]]) -> None:
    one = read(hdf5(names=None, epos=None, recordingtime=None, summary__duration=[10.0]), "mea_hdf5")
    assert one.unit.values.tolist() == ["unit0", "unit1", "unit2"]
    assert one.segment_stop.item() == 10
    assert "x" not in one


def test_unsorted_electrodes_are_sorted_and_not_lost(hdf5: Callable[..., dict[str, Path]]) -> None:
    one = read(hdf5(spikes=[9.0, 0.5, 1.5, 10.0, 2.0]), "mea_hdf5")
    assert [t.tolist() for t in observed.spike_trains(one)] == [[0.5, 1.5, 9.0], [], [2.0, 10.0]]


HDF5_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no spikes": ({"spikes": None}, "rec.h5 has no spikes; it is not of the layout"),
    "no counts": ({"sCount": None}, "rec.h5 has no sCount"),
    "no duration": ({"recordingtime": None}, "neither recordingtime nor summary/duration"),
    "counts": ({"sCount": [3, 0, 3]}, "sCount adds up to 6 in whole numbers, but there are 5 spikes"),
    "negative count": ({"sCount": [6, -3, 2]}, "sCount adds up to 5 in whole numbers"),
    "half a spike": ({"sCount": [2.5, 0, 2.5]}, "sCount adds up to 5 in whole numbers"),
    "NaN count": ({"sCount": [np.nan, 3, 2]}, "sCount adds up to nan"),
    "NaN spike": ({"spikes": [0.5, np.nan, 9.0, 2.0, 10.0]}, "unit ch_1: 1 spike times are not finite"),
    "infinite spike": ({"spikes": [0.5, np.inf, 9.0, 2.0, 10.0]}, "unit ch_1: 1 spike times are not finite"),
    "negative spike": ({"spikes": [-0.5, 1.5, 9.0, 2.0, 10.0]}, "unit ch_1: 1 of 3 spikes lie outside the recording"),
    "after the end": (
        {"spikes": [0.5, 1.5, 9.0, 2.0, 10.5]},
        "unit ch_3: 1 of 2 spikes lie outside the recording of [0 s, 10 s]",
    ),
    "milliseconds": ({"spikes": CONTENT["spikes"] * 1000}, "check the unit of time"),
    "the same name": ({"names": [b"ch_1", b"ch_2", b"ch_1"]}, "units have the same name: ch_1; give them different names"),
    "names of others": ({"names": [b"ch_1", b"ch_2"]}, "names or epos are not those of 3 electrodes"),
    "places of others": ({"epos": np.zeros((2, 2))}, "names or epos are not those of 3 electrodes"),
    "places in a row": ({"epos": np.zeros(6)}, "names or epos are not those of 3 electrodes"),
    "spikes as text": ({"spikes": [b"a"] * 5}, "spikes holds no numbers"),
    "spikes as a group": ({"spikes": None, "spikes__a": [1.0]}, "rec.h5 is no readable HDF5 file"),
    "one time": ({"recordingtime": [10.0]}, "is said to last over [10.0] s, which is no start and a later end"),
    "backwards": ({"recordingtime": [10.0, 0.0]}, "which is no start and a later end"),
    "endless": ({"recordingtime": [0.0, np.inf]}, "which is no start and a later end"),
    "no electrode": ({"spikes": [], "sCount": [], "names": None, "epos": None}, "a segment holds neither spikes nor signals"),
}


@pytest.mark.parametrize("fault", HDF5_FAULTS)
def test_faults_in_hdf5(fault: str, hdf5: Callable[..., dict[str, Path]]) -> None:
    content, message = HDF5_FAULTS[fault]
    with pytest.raises(DataError) as error:
        read(hdf5(**content), "mea_hdf5")
    assert str(error.value).startswith("recording rec, replicate r: ")
    assert message in str(error.value)


def test_truncated_empty_and_missing_hdf5(hdf5: Callable[..., dict[str, Path]]) -> None:
    paths = hdf5()
    whole = paths["recording"].read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 9, 0):
        paths["recording"].write_bytes(whole[:length])
        with pytest.raises(DataError, match=r"rec\.h5 is no readable HDF5 file"):
            read(paths, "mea_hdf5")
    with pytest.raises(DataError, match="needs one file, 'recording', not spikes"):
        read({"spikes": paths["recording"]}, "mea_hdf5")
    paths["recording"].unlink()
    with pytest.raises(DataError, match=r"rec\.h5 does not exist"):
        read(paths, "mea_hdf5")


# ---- segments

BASE = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": "mea_hdf5"}
SWEEPS = Recording.model_validate(BASE | {"replicates": {"r": {"subject": "s", "files": {"recording": {"name": "x"}}}}})


def sweeps(edges: list[tuple[float, float]], rate: float | None = None) -> neo.Block:
    """Segments with a spike in the middle, and, with a rate [Hz], a signal that the reader marks."""
    block = neo.Block()
    for start, stop in edges:
        segment = neo.Segment()
        train = neo.SpikeTrain([(start + stop) / 2] * pq.s, t_start=start * pq.s, t_stop=stop * pq.s, name="unit0")
        segment.spiketrains.append(train)
        if rate is not None:
            samples = np.full(round((stop - start) * rate), start)
            signal = neo.AnalogSignal(samples, units="V", sampling_rate=rate * pq.Hz, t_start=start * pq.s, name="stim")
            signal.annotate(role="covariate", unit_name="V")
            segment.analogsignals.append(signal)
        block.segments.append(segment)
    return block


def ingested(block: neo.Block, monkeypatch: pytest.MonkeyPatch) -> xr.Dataset:
    monkeypatch.setattr(pieces, "catalogue", SimpleNamespace(load=lambda folder, name: lambda files, **_: block))
    return ingest(SWEEPS, name="rec", replicate="r", files={"recording": Path(__file__)})


@pytest.mark.parametrize("offset", [0.0, 0.1, 1e6])
@pytest.mark.parametrize("rate", [None, 1e4])
def test_sweeps_that_abut_up_to_rounding(offset: float, rate: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """0.3 + 0.3 + 0.3 is not 0.9: where a sweep stops and where the next starts may differ by the last digit."""
    starts = [offset + 0.3 * k for k in range(4)]
    stops = [np.nextafter(start, np.inf) for start in starts[1:]]
    one = ingested(sweeps(list(zip(starts, stops, strict=False)), rate), monkeypatch)
    assert one.sizes["segment"] == 3
    assert (one.segment_start.values[1:] >= one.segment_stop.values[:-1]).all()
    assert one.segment_start.values.tolist() == starts[:-1]
    assert book(one)["spikes"] == {"in": 3, "out": 3, "dropped": {}}


def test_sweeps_may_run_into_the_next_by_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    one = ingested(sweeps([(0.0, 1.00009), (1.0, 2.0)], rate=1e4), monkeypatch)
    assert one.segment_stop.values.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("rate", [None, 1e4])
def test_sweeps_that_overlap_are_refused(rate: float | None, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"segments overlap in time: one stops at 1\.001 s, the next starts at 1 s; check the"):
        ingested(sweeps([(0.0, 1.001), (1.0, 2.0)], rate), monkeypatch)
    with pytest.raises(DataError, match=r"one stops at 3 s, the next starts at 1 s"):
        ingested(sweeps([(0.0, 3.0), (1.0, 2.0)], rate), monkeypatch)


def test_segments_in_any_order_keep_their_stimulus(monkeypatch: pytest.MonkeyPatch) -> None:
    one = ingested(sweeps([(4.0, 5.0), (0.0, 2.0)], rate=10), monkeypatch)
    assert one.segment_start.values.tolist() == one.covariate_t_start.values.tolist() == [0, 4]
    assert one.covariate_sample_count.values.tolist() == [20, 10]
    assert one.covariate.values[0].tolist() == [0.0] * 20 + [4.0] * 10


# ---- book-keeping


def test_what_the_filter_drops_is_counted(hdf5: Callable[..., dict[str, Path]]) -> None:
    one = read(hdf5(), "mea_hdf5", units={"minimum_rate": "0.25 Hz"})
    reason = "unit below the minimum rate of 0.25 Hz"
    assert one.unit.values.tolist() == ["ch_1"]
    np.testing.assert_allclose(one.x, [1e-4])
    assert book(one)["spikes"] == {"in": 5, "out": 3, "dropped": {reason: 2}}
    assert book(one)["units"] == {"in": 3, "out": 1, "dropped": {reason: 2}}
    exact = read(hdf5(), "mea_hdf5", units={"minimum_rate": "0.2 Hz"})  # 2 spikes in 10 s are not below it
    assert exact.unit.values.tolist() == ["ch_1", "ch_3"]


def test_a_filter_that_leaves_no_unit_says_so(hdf5: Callable[..., dict[str, Path]]) -> None:
    with pytest.raises(DataError, match=r"all 3 units are dropped, the first because: unit below the minimum"):
        read(hdf5(), "mea_hdf5", units={"minimum_rate": "1 Hz"})


# ---- published numbers


DIV19 = [f"{name}_A" for name in ("TC175-C57-DIV19_APV", "TC176-C57-DIV19", "TC177-C57-DIV19_APV", "TC178-C57-DIV19_APV")]


@pytest.fixture(scope="module")
def cultures(recorded: Recorded) -> dict[str, tuple[Path, xr.Dataset]]:
    """The 82 files of the recording of the config: name of the file -> path, activity."""
    name = "charlesworth2015_mea_development"
    whole = load_config(ROOT / "config").recordings[name]
    found = {}
    for replicate, info in whole.replicates.items():
        (file,) = info.files.values()
        path = recorded(f"{name}/{file.name}")
        found[path.stem] = path, ingest(whole, name=name, replicate=replicate, files={"recording": path})
    return found


@pytest.mark.slow
def test_all_cultures_are_read_without_loss(cultures: dict[str, tuple[Path, xr.Dataset]]) -> None:
    assert len(cultures) == 82
    for path, one in cultures.values():
        with h5py.File(path) as file:
            assert one.sizes["spike"] == file["spikes"].size == book(one)["spikes"]["out"]
            assert one.sizes["unit"] == file["sCount"].size


@pytest.mark.slow
def test_median_rates_are_those_of_the_files_and_of_the_published_table(
    cultures: dict[str, tuple[Path, xr.Dataset]], recorded: Recorded
) -> None:
    """Column fir.rate of hvcfeatures.csv (github sje30/g2chvc): median over electrodes of count / recording time."""
    with recorded("charlesworth2015_mea_development/hvcfeatures.csv").open() as stream:
        published = {row[""]: float(row["fir.rate"]) for row in csv.DictReader(stream)}
    assert sorted(set(cultures) - set(published)) == DIV19  # four files have no row
    for stem, (path, one) in cultures.items():
        found = np.median(measure([one], "firing_rate").firing_rate)
        with h5py.File(path) as file:
            start, stop = file["recordingtime"][()]
            direct = np.median(file["sCount"][()] / (stop - start))
        assert found == pytest.approx(direct, rel=1e-12)
        assert found == pytest.approx(published.get(stem, direct), rel=1e-9)


def test_places_of_packages_are_found() -> None:
    whole = Recording.model_validate(yaml.read(ROOT / "config" / "recordings" / "grasshopper.yaml", "grasshopper"))
    for replicate in whole.replicates.values():
        for file in replicate.files.values():
            path = local_path(whole.source, file.name)
            assert path is not None
            assert path.is_file()
