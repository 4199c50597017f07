"""Waveforms in formats of neo, each written here byte by byte as its maker lays it out (NIX by neo), and what is made of them."""

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import neo
import neo.io
import numpy as np
import pytest
import quantities as pq
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.config import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.waveforms import mean_waveform
from homeoanalysis.provenance import rng_for

RATE, SAMPLES = 30000, 32  # neo takes 30 kHz for every file of Blackrock
WIDTHS = {1: 0.25e-3, 2: 0.6e-3}  # of the units on one channel; 0 is what the sorter left
SPIKES = {0: 40, 1: 2500, 2: 60}  # one more than are averaged, one less
TICKS = {u: np.unique(rng_for(3, "waveforms", u).integers(1000, 60 * RATE, n)) for u, n in SPIKES.items()}
IN_ORDER = sorted((int(t), u, k) for u, ticks in TICKS.items() for k, t in enumerate(ticks))


def waves(unit: int) -> np.ndarray:
    """(spike, sample) of whole numbers: a trough 0.25 ms after the first sample, a peak so long after it, noise."""
    t = np.arange(SAMPLES) / RATE
    shape = -np.exp(-(((t - 0.25e-3) / 6e-5) ** 2)) + 0.4 * np.exp(-(((t - 0.25e-3 - WIDTHS.get(unit, 0.4e-3)) / 9e-5) ** 2))
    return np.rint(1000 * shape + rng_for(4, "noise", unit).normal(0, 20, (TICKS[unit].size, SAMPLES))).astype("<i2")


WAVES = {u: waves(u) for u in SPIKES}


def blackrock(folder: Path) -> Path:
    """NEV 2.3: a header of 336 bytes, extended ones of 32, packets of 8 bytes and a waveform."""
    size = 8 + 2 * SAMPLES
    extended = struct.pack("<8sHBBHHhhBBH8x", b"NEUEVWAV", 7, 1, 1, 250, 0, 0, 0, 2, 2, SAMPLES)
    extended += struct.pack("<8sH16s6x", b"NEUEVLBL", 7, b"elec7")
    when = (2020, 1, 3, 1, 12, 0, 0, 0)
    head = struct.pack("<8sBBHIIII8H32s256sI", b"NEURALEV", 2, 3, 1, 336 + 64, size, RATE, RATE, *when, b"", b"", 2)
    body = b"".join(struct.pack("<IHBB", t, 7, u, 0) + WAVES[u][k].tobytes() for t, u, k in IN_ORDER)
    path = folder / "a.nev"
    path.write_bytes(head + extended + body)
    return path


def neuralynx(folder: Path) -> Path:
    """NTT: a text header of 16 kB, records of 304 bytes with 32 samples of four channels, of which the third has the spike."""
    text = (
        "######## Neuralynx Data File Header\r\n## File Name C:\\TT1.ntt\r\n"
        "## Time Opened (m/d/y): 1/1/2000  (h:m:s.ms) 18:28:39.8\r\n"
        "## Time Closed (m/d/y): 1/1/2000  (h:m:s.ms) 19:58:41.3\r\n-CheetahRev 5.6.3\r\n-AcqEntName TT1\r\n-FileType Spike\r\n"
        f"-RecordSize 304\r\n-NumADChannels 4\r\n-ADChannel 0 1 2 3\r\n-SamplingFrequency {RATE}\r\n-InputInverted False\r\n"
        "-ADBitVolts 1e-7 1e-7 1e-7 1e-7\r\n-ADMaxValue 32767\r\n-InputRange 3276 3276 3276 3276\r\n-WaveformLength 32\r\n"
    )
    body = b""
    for t, u, k in IN_ORDER:
        samples = np.zeros((SAMPLES, 4), "<i2")
        samples[:, 2] = WAVES[u][k]
        body += struct.pack("<QII8i", round(t * 1e6 / RATE), 0, u, *[0] * 8) + samples.tobytes()
    path = folder / "TT1.ntt"
    path.write_bytes(text.encode("latin-1").ljust(2**14, b"\0") + body)
    return path


def plexon(folder: Path) -> Path:
    """PLX, version 107, of one channel."""
    from neo.rawio import plexonrawio as layout

    head = np.zeros(1, layout.GlobalHeader)
    known = {"MagicNumber": 0x58454C50, "Version": 107, "ADFrequency": RATE, "WaveformFreq": RATE, "NumDSPChannels": 1}
    known |= {"NumPointsWave": SAMPLES, "Year": 2020, "Month": 1, "Day": 1, "BitsPerSpikeSample": 12}
    known |= {"SpikeMaxMagnitudeMV": 3000, "SpikePreAmpGain": 1000, "Trodalness": 1, "DataTrodalness": 1}
    for key, value in known.items():
        head[key] = value
    channel = np.zeros(1, layout.DspChannelHeader)
    channel["Name"], channel["Channel"], channel["Gain"], channel["NUnits"] = b"sig001", 1, 32, 2
    body = b"".join(struct.pack("<HHIHHHH", 1, 0, t, 1, u, 1, SAMPLES) + WAVES[u][k].tobytes() for t, u, k in IN_ORDER)
    path = folder / "a.plx"
    path.write_bytes(head.tobytes() + channel.tobytes() + body)
    return path


def neuroexplorer(folder: Path) -> Path:
    """NEX: a neuron is a variable of type 0, its waveforms are one of type 3 with the same times."""
    from neo.rawio import neuroexplorerrawio as layout

    entities = np.zeros(2 * len(SPIKES), layout.EntityHeader)  # 208 bytes each
    at = 544 + entities.nbytes
    body = b""
    for row, u in enumerate(SPIKES):
        times = TICKS[u].astype("<i4").tobytes()
        for k, (kind, name, content) in enumerate([(0, f"s#{u}", times), (3, f"s#{u}_wf", times + WAVES[u].tobytes())]):
            one = entities[2 * row + k : 2 * row + k + 1]
            one["type"], one["varVersion"], one["name"], one["offset"] = kind, 102, name, at + len(body)
            one["n"], one["WFrequency"], one["ADtoMV"], one["NPointsWave"] = TICKS[u].size, RATE * (kind == 3), 1e-4, SAMPLES
            body += content
    head = np.zeros(1, layout.GlobalHeader)
    head["signature"], head["version"], head["freq"] = b"NEX1", 106, RATE
    head["tend"], head["nvar"] = 60 * RATE, entities.size
    path = folder / "a.nex"
    path.write_bytes(head.tobytes().ljust(544, b"\0") + entities.tobytes() + body)
    return path


def nix(folder: Path) -> Path:
    segment = neo.Segment()
    for u in SPIKES:
        train = neo.SpikeTrain(
            TICKS[u] / RATE,
            units="s",
            t_stop=60.0,
            name=f"s#{u}",
            waveforms=WAVES[u][:, None] * pq.uV,
            sampling_rate=RATE * pq.Hz,
        )
        segment.spiketrains.append(train)
    block = neo.Block()
    block.segments.append(segment)
    writer = neo.io.NixIO(str(folder / "a.nix"), mode="ow")
    writer.write_block(block)
    writer.close()
    return folder / "a.nix"


FORMATS = {"BlackrockIO": blackrock, "NeuralynxIO": neuralynx, "PlexonIO": plexon, "NeuroExplorerIO": neuroexplorer, "NixIO": nix}
Make = Callable[[Path], Path]


def read(path: Path, reader: Any = "any_neo", **units: Any) -> xr.Dataset:
    one = {"subject": "s", "files": {"recording": {"name": path.name}}}
    content = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": str(path.parent)}, "replicates": {"r": one}}
    recording = Recording.model_validate({**content, "reader": reader, "units": units})
    return ingest(recording, name="rec", replicate="r", files={"recording": path})


def number(one: xr.Dataset) -> list[int]:
    return [int(str(name).rpartition("#")[2]) for name in one.unit.values]


@pytest.mark.parametrize(("io", "make"), FORMATS.items(), ids=FORMATS)
def test_spikes_and_widths(io: str, make: Make, tmp_path: Path) -> None:
    """No class is named: neo is asked."""
    one = read(make(tmp_path), fast_spiking_width="0.4 ms")
    assert dict(zip(number(one), one.spike_count.values.tolist(), strict=True)) == {u: t.size for u, t in TICKS.items()}
    assert one.sizes["spike"] == sum(t.size for t in TICKS.values())
    widths = dict(zip(number(one), one.curated_width.values, strict=True))
    types = dict(zip(number(one), one.cell_type.values.tolist(), strict=True))
    for unit, width in WIDTHS.items():
        assert abs(widths[unit] - width) < 0.5 / RATE
    assert (types[1], types[2]) == ("I", "E")
    if io in ("BlackrockIO", "NeuralynxIO", "PlexonIO"):
        assert dict(zip(number(one), one.unit_kind.values.tolist(), strict=True)) == {0: "multi", 1: "single", 2: "single"}
        kept = read(tmp_path / make(tmp_path).name, isolation={"unit_class": {"among": ["unit"]}})
        assert sorted(number(kept)) == [1, 2]


@pytest.mark.parametrize(("io", "make"), FORMATS.items(), ids=FORMATS)
def test_the_mean_is_that_of_the_waveforms(io: str, make: Make, tmp_path: Path) -> None:
    block = catalogue.load("readers", "any_neo")({"recording": make(tmp_path)}, io=io)
    for train in block.segments[0].spiketrains:
        u = int(train.name.rpartition("#")[2])
        mean = train.annotations["waveform"][2 if io == "NeuralynxIO" else 0]
        some = np.unique(np.concatenate([a + np.arange(250) for a in np.linspace(0, TICKS[1].size - 250, 4).astype(int)]))
        wanted = WAVES[u][some] if u == 1 and io != "NixIO" else WAVES[u]
        assert train.annotations["waveform_rate"] == RATE
        assert np.corrcoef(mean, wanted.mean(axis=0))[0, 1] > 1 - (1e-5 if u == 1 else 1e-9)  # a spike more or less at an edge
        assert train.waveforms is None


def test_a_neuron_of_other_times_keeps_its_name(tmp_path: Path) -> None:
    """A variable `_wf` is the waveforms of a neuron only if its times are the neuron's."""
    path = neuroexplorer(tmp_path)
    content = bytearray(path.read_bytes())
    at = len(content) - TICKS[2].size * (4 + 2 * SAMPLES)  # the last variable
    content[at : at + 4] = struct.pack("<i", 999)
    path.write_bytes(content)
    assert sorted(map(str, read(path).unit.values)) == ["s#0", "s#1", "s#2", "s#2_wf"]


def test_spikes_of_blackrock_without_the_signals_beside_them(tmp_path: Path) -> None:
    """neo alone would open a.ns5 too; without it the file does not say how long was observed, and the YAML may."""
    path = blackrock(tmp_path)
    path.with_suffix(".ns5").write_bytes(b"no signals")
    one = read(path)
    first, last = IN_ORDER[0][0] / RATE, IN_ORDER[-1][0] / RATE
    assert (one.segment_start.item(), one.segment_stop.item()) == pytest.approx((first, last), rel=1e-12)
    assert "observed time is from the first spike to the last" in one.attrs["warnings"]
    whole = read(path, {"any_neo": {"duration": "60 s"}})
    assert (whole.segment_start.item(), whole.segment_stop.item(), whole.attrs["warnings"]) == (0.0, 60.0, "[]")
    np.testing.assert_array_equal(whole.spike_time, one.spike_time)
    assert whole.curated_width.values.tolist() == one.curated_width.values.tolist()
    with pytest.raises(DataError, match=r"unit ch7#0: \d+ of 40 spikes lie outside the recording of \[0 s, 30 s\]"):
        read(path, {"any_neo": {"duration": "30 s"}})


def test_a_duration_of_what_says_it_itself(recorded: Callable[[str], Path]) -> None:
    with pytest.raises(DataError, match="holds signals or several segments, which say what was observed; remove duration"):
        read(recorded("pyabf_axon_files/File_axon_3.abf"), {"any_neo": {"duration": "30 s"}})


def test_without_waveforms_nothing_is_split(tmp_path: Path, recorded: Callable[[str], Path]) -> None:
    path = recorded("sjemea_retina_nex/CS056P07R-MEME1.nex")
    assert np.isnan(read(path).curated_width).all()
    with pytest.raises(DataError, match="fast_spiking_width splits units by their waveforms, but the reader gives none"):
        read(path, fast_spiking_width="0.4 ms")


def test_waveforms_that_neo_cannot_read_are_told_and_spikes_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("unhashable type: 'numpy.ndarray'")  # seen: BlackrockRawIO where flag 0 of the header is not set

    monkeypatch.setattr(neo.rawio.BlackrockRawIO, "_get_spike_raw_waveforms", broken)
    one = read(blackrock(tmp_path))
    assert one.sizes["spike"] == sum(t.size for t in TICKS.values())
    assert "the waveforms of 3 units cannot be read (TypeError: unhashable type: 'numpy.ndarray')" in one.attrs["warnings"]


def test_a_train_without_spikes_has_no_waveform() -> None:
    train = neo.SpikeTrain([] * pq.s, t_stop=1.0, sampling_rate=1 * pq.kHz, waveforms=np.zeros((0, 1, 8)) * pq.uV)
    assert mean_waveform(train, np.zeros(0)) == {}
