"""LFP and multi-units of a recording, from its YAML to its file."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from test_raw_signals import neuroscope, planted, proxies

from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import blocks, open_dataset, write
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import examine, header, ingest
from homeoanalysis.numerics import raw as raw_module
from homeoanalysis.numerics.crossings import Method, detect
from homeoanalysis.numerics.findings import UNTOLD_END
from homeoanalysis.numerics.lfp import resample, resampler
from homeoanalysis.numerics.raw import Raw, join
from homeoanalysis.provenance import rng_for

GAIN = 20 / 2**16 / 1000


def recording(files: list[Path], **more: Any) -> tuple[Recording, dict[str, Path]]:
    roles = dict(zip(("recording", "data"), files, strict=True))
    one = {"subject": "s", "files": {role: {"name": path.name} for role, path in roles.items()}}
    content = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "replicates": {"r": one}}
    return Recording.model_validate({**content, "reader": {"any_neo": {"io": "NeuroScopeIO"}}, **more}), roles


def read(path: Path, signals: dict[str, Any], **more: Any) -> xr.Dataset:
    one, files = recording([path, path.with_suffix(".dat")], signals=signals, **more)
    return ingest(one, name="rec", replicate="r", files=files)


def raw_of(path: Path) -> Raw:
    found = join(proxies(path), None, lambda s: False)
    assert found is not None
    return found


def session(folder: Path, seconds: float = 4.0, rate: float = 20000.0) -> Path:
    """Two channels of noise, the first with 19 spikes a second."""
    times = np.arange(0.02, seconds - 0.05, 1 / 19)
    volts = np.stack([planted(seconds, times, 12.0, rate), planted(seconds, np.zeros(0), 0.0, rate)])
    return neuroscope(folder, np.rint(50 * volts).astype(int), rate)


def test_lfp_and_multi_units(tmp_path: Path) -> None:
    path = session(tmp_path)
    one = read(path, {"lfp": {"sampling_rate": "1 kHz", "low_pass": "300 Hz"}, "multi_units": {"threshold": 5.0}})
    raw = raw_of(path)
    how = resampler(20000.0, low_pass=300.0, sampling_rate=1000.0)
    exact = resample(raw, how, 0, 4000)
    assert one.lfp.attrs["step"] == GAIN
    assert one.lfp.attrs["sampling_rate"] == 1000.0
    np.testing.assert_allclose(one.lfp, exact * GAIN, atol=0.5001 * GAIN)  # to half a step of the file
    assert one.lfp_sample_count.values.tolist() == [4000]
    found = detect(raw, Method(300.0, None, 5.0, "negative", 1e-3))
    assert one.unit_kind.values.tolist() == ["multi", "multi"]
    assert one.unit.values.tolist() == one.lfp_channel.values.tolist() == list(raw.names)
    assert one.spike_count.values.tolist() == [s.size for s in found.samples]
    np.testing.assert_array_equal(one.spike_time, np.concatenate(found.samples) / 20000.0)
    assert one.spike_count.values[0] >= 75
    book = json.loads(one.attrs["bookkeeping"])
    assert book["signals"] == {"in": 1, "out": 1, "dropped": {}}
    assert book["threshold crossings"]["out"] == book["spikes"]["in"] == one.sizes["spike"]
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


def test_a_voltage_that_is_kept_as_it_is_keeps_every_bit(tmp_path: Path) -> None:
    counts = rng_for(1, "kept").integers(-32768, 32768, (3, 5000))
    counts[:, :2] = [[-32768, 32767]] * 3
    one = read(neuroscope(tmp_path, counts, 1000.0), {"lfp": {}})
    np.testing.assert_array_equal(one.lfp.values, counts * GAIN)
    write(one, tmp_path / "one.nc")
    np.testing.assert_array_equal(np.rint(open_dataset(tmp_path / "one.nc").lfp / GAIN), counts)


def test_a_channel_that_the_reader_marks_is_the_same_in_any_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long one is read where it is written, and what it is does not depend on that."""
    path = session(tmp_path, 0.5)
    names = list(raw_of(path).names)
    made = read(path, {"lfp": {}}).lfp
    whole = read(path, {}, reader={"any_neo": {"lfp": names}})
    np.testing.assert_array_equal(whole.lfp, made)
    assert whole.lfp.attrs == made.attrs
    for key, value in (("LARGE", 100), ("_CHUNK", (16, 64))):
        monkeypatch.setattr(blocks, key, value)
    lazy = read(path, {}, reader={"any_neo": {"lfp": names}})
    assert not isinstance(lazy.lfp.variable._data, np.ndarray)
    write(lazy, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc").load(), whole)


@pytest.mark.parametrize("is_large", [False, True])
@pytest.mark.parametrize("reader", [{"any_neo": {"lfp": ["ch0grp0", "ch1grp0"]}}, "any_neo"])
def test_check_looks_at_voltage(is_large: bool, reader: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a large file of which headers are read, and in a small one; marked channels, and those of which LFP is made."""
    counts = rng_for(1, "check").integers(-3000, 3000, (2, 30_000))
    counts[1] = np.clip(counts[1], -2000, 2000)
    path = neuroscope(tmp_path, counts, 1000.0)
    one, files = recording([path, path.with_suffix(".dat")], reader=reader, signals={} if reader != "any_neo" else {"lfp": {}})
    if is_large:
        monkeypatch.setattr(header, "SMALL", 1000)
    untold, found = examine(one, name="rec", replicate="r", files=files)
    assert untold == UNTOLD_END  # without a sha256
    assert found.rule == "saturation"
    assert found.text.startswith(
        "in 16 s that were looked at: samples lie at the largest or smallest value of their channel: ch1"
    )
    (tmp_path / "s.dat").write_bytes((tmp_path / "s.dat").read_bytes()[:50_000])
    assert "saturation" in [f.rule for f in examine(one, name="rec", replicate="r", files=files)]


def test_a_filter_that_overshoots_makes_the_step_larger_and_clips_nothing(tmp_path: Path) -> None:
    square = np.where(np.arange(20000) % 200 < 100, 32767, -32768)[None]
    one = read(neuroscope(tmp_path, square, 20000.0), {"lfp": {"sampling_rate": "2 kHz", "low_pass": "700 Hz"}})
    raw = raw_of(tmp_path / "s.xml")
    exact = resample(raw, resampler(20000.0, low_pass=700.0, sampling_rate=2000.0), 0, 2000)
    assert np.abs(exact).max() > 32768
    assert one.lfp.attrs["step"] > GAIN
    np.testing.assert_allclose(one.lfp, exact * GAIN, atol=0.5001 * one.lfp.attrs["step"])
    write(one, tmp_path / "one.nc")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reading", "writing"), [(37, (100, (16, 64))), (777, (100, (16, 64))), (2**21, (100, (64, 64))), (777, (5000, (256, 1024)))]
)
def test_no_width_of_blocks_is_seen_in_the_file(
    reading: int, writing: tuple[int, tuple[int, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = session(tmp_path, 0.2)
    wanted = {"lfp": {"sampling_rate": "1 kHz"}, "multi_units": {"threshold": 3.0}}
    whole = read(path, wanted)
    monkeypatch.setattr(raw_module, "_BLOCK", reading)
    for key, value in zip(("LARGE", "_CHUNK"), writing, strict=True):
        monkeypatch.setattr(blocks, key, value)
    parts = read(path, wanted)
    assert not isinstance(parts.lfp.variable._data, np.ndarray) or parts.lfp.size <= writing[0]
    write(parts, tmp_path / "parts.nc")
    back = open_dataset(tmp_path / "parts.nc").load()
    xr.testing.assert_identical(back, whole)
    assert back.lfp.values.tobytes() == whole.lfp.values.tobytes()


def test_a_signal_on_disk_may_be_indexed_as_one_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = session(tmp_path, 0.5)
    whole = read(path, {"lfp": {"sampling_rate": "1 kHz"}}).lfp.variable
    monkeypatch.setattr(blocks, "LARGE", 10)
    lazy = read(path, {"lfp": {"sampling_rate": "1 kHz"}}).lfp.variable
    for key in (
        np.s_[1],
        np.s_[:, 7],
        np.s_[0, 3],
        np.s_[:, 5:300:7],
        np.s_[:, 300:5:-7],
        np.s_[:, ::-1],
        np.s_[1:, 9:9],
        np.s_[:, [3, 1]],
    ):
        np.testing.assert_array_equal(lazy[key].values, whole[key].values)


def test_a_file_that_changes_before_its_signal_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = session(tmp_path, 0.5)
    monkeypatch.setattr(blocks, "LARGE", 10)
    one = read(path, {"lfp": {}})
    content = bytearray((tmp_path / "s.dat").read_bytes())
    content[1000] ^= 1
    (tmp_path / "s.dat").write_bytes(content)
    with pytest.raises(DataError, match=r"s\.dat changed while it was read; wait until it is written, and run again"):
        write(one, tmp_path / "one.nc")
    assert not (tmp_path / "one.nc").exists()


def test_some_channels_alone(tmp_path: Path) -> None:
    path = session(tmp_path, 0.5)
    names = list(raw_of(path).names)
    one = read(path, {"lfp": {"channels": [names[1]]}, "multi_units": {"channels": [names[0]]}})
    assert one.lfp_channel.values.tolist() == [names[1]]
    assert one.unit.values.tolist() == [names[0]]


@pytest.mark.parametrize(
    ("signals", "message"),
    [
        (
            {"lfp": {"channels": ["ch0grp9"]}},
            r"signals\.lfp\.channels names 'ch0grp9', which is no channel that is left; did you mean",
        ),
        ({"lfp": {"sampling_rate": "1.234567 kHz", "low_pass": "2 kHz"}}, "low_pass is 2000 Hz, which does not fit|no ratio"),
        ({"lfp": {"sampling_rate": "50 kHz"}}, "sampling_rate is 50000 Hz, but the signal has 20000 Hz"),
        ({"multi_units": {"high_pass": "11 kHz"}}, "the band from 11000 Hz does not fit below half of the sampling rate"),
    ],
)
def test_faults_in_what_is_wanted(signals: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(session(tmp_path, 0.5), signals)


def test_a_flat_channel_is_not_observed_and_told(tmp_path: Path) -> None:
    counts = np.stack([np.full(40000, 7), np.rint(50 * planted(2.0, np.zeros(0), 0.0)).astype(int)])
    one = read(neuroscope(tmp_path, counts, 20000.0), {"multi_units": {"threshold": 3.0}})
    assert one.unit.values.tolist() == [raw_of(tmp_path / "s.xml").names[1]]
    assert one.curated_rule.values[0] == "unit isolated in no observed time"
    untold, finding = json.loads(one.attrs["warnings"])
    assert untold["rule"] == UNTOLD_END.rule  # without a sha256
    assert finding["rule"] == "flat channels"


def test_without_signals_the_files_without_spikes_say_what_to_write(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="say under `signals` what to make of them"):
        read(session(tmp_path, 0.5), {})
