"""Waveforms in formats of neo, and what is made of them."""

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
from spike_files import IN_ORDER, RATE, SAMPLES, TICKS, WAVES, WIDTHS, blackrock, neuralynx, neuroexplorer, nix, plexon

from homeoanalysis import catalogue
from homeoanalysis.config.recording import Recording
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics.waveforms import mean_waveform

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
    assert (whole.segment_start.item(), whole.segment_stop.item()) == (0.0, 60.0)
    assert "observed time" not in whole.attrs["warnings"]
    np.testing.assert_array_equal(whole.spike_time, one.spike_time)
    assert whole.curated_width.values.tolist() == one.curated_width.values.tolist()
    with pytest.raises(DataError, match=r"unit ch7#0: \d+ of 40 spikes lie outside the recording of \[0 s, 30 s\]"):
        read(path, {"any_neo": {"duration": "30 s"}})


def test_one_spike_is_no_observed_time(tmp_path: Path) -> None:
    path = blackrock(tmp_path)
    path.write_bytes(path.read_bytes()[: 336 + 64 + 8 + 2 * SAMPLES])
    with pytest.raises(DataError, match=r"a segment is from \S+ s to \S+ s, which is no observed time; .* parameter duration"):
        read(path)
    assert read(path, {"any_neo": {"duration": "60 s"}}).sizes["spike"] == 1


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
