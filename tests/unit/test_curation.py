"""Which units are left out, by which rule; and what is said of a recording that is not quite right."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import neo
import numpy as np
import pytest
import quantities as pq
import xarray as xr

from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import ingest, pieces
from homeoanalysis.numerics.unit_quality import presence_ratio, trough_to_peak, violations
from homeoanalysis.provenance import rng_for

Ingest = Callable[..., xr.Dataset]


@pytest.fixture
def ingested(monkeypatch: pytest.MonkeyPatch) -> Ingest:
    """Ingest a block as if a reader had made it."""

    def call(block: neo.Block, **more: Any) -> xr.Dataset:
        monkeypatch.setattr(pieces, "catalogue", SimpleNamespace(load=lambda folder, name: lambda files, **_: block))
        one = {"subject": "s", "files": {"recording": {"name": "x"}}}
        base = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}, "reader": "mea_hdf5"}
        recording = Recording.model_validate({**base, "replicates": {"r": one}, **more})
        return ingest(recording, name="rec", replicate="r", files={"recording": Path(__file__)})

    return call


def block(trains: dict[str, Any], stop: float = 100.0, start: float = 0.0, **annotations: dict[str, Any]) -> neo.Block:
    """trains: name -> times; annotations: name -> what the reader knows."""
    made, segment = neo.Block(), neo.Segment()
    for name, times in trains.items():
        more = annotations.get(name, {})
        times = np.asarray(times, float) * pq.s
        segment.spiketrains.append(neo.SpikeTrain(times, t_start=start * pq.s, t_stop=stop * pq.s, name=name, **more))
    made.segments.append(segment)
    return made


def rules(one: xr.Dataset) -> dict[str, str]:
    return dict(zip(one.curated.values.tolist(), one.curated_rule.values.tolist(), strict=True))


def told(one: xr.Dataset) -> dict[str, str]:
    return {f["rule"]: f["text"] for f in json.loads(one.attrs["warnings"])}


POISSON = np.sort(rng_for(1, "curation").uniform(0, 100, 500))
REGULAR = np.arange(0.05, 100, 0.2)


def test_every_rule_drops_its_unit_and_says_so(ingested: Ingest, tmp_path: Path) -> None:
    trains = {
        "good": REGULAR,
        "rare": REGULAR[::200],
        "absent": REGULAR[REGULAR < 50],
        "bursting": np.sort(np.concatenate([REGULAR, REGULAR + 0.0005])),
        "contaminated": REGULAR,
        "noise": REGULAR,
        "unknown": REGULAR,
    }
    known = {name: {"l_ratio": 0.05, "quality": "good"} for name in trains if name != "unknown"}
    known["contaminated"] = {"l_ratio": 0.5, "quality": "good"}
    known["noise"] = {"l_ratio": 0.05, "quality": "noise"}
    screen = {
        "minimum_rate": "0.1 Hz",
        "minimum_presence": "80 %",
        "presence_bin": "10 s",
        "maximum_violations": "1 %",
        "refractory_period": "1 ms",
        "isolation": {"l_ratio": {"maximum": "0.1"}, "quality": {"among": ["good", "mua"]}},
    }
    one = ingested(block(trains, **known), units=screen)
    assert one.unit.values.tolist() == ["good", "unknown"]  # a number that is not known breaks no rule
    assert rules(one) == {
        "good": "",
        "rare": "unit below the minimum rate of 0.1 Hz",
        "absent": "unit present in less than 80 % of bins of 10 s",
        "bursting": "unit with more than 1 % of intervals below 1 ms",
        "contaminated": "unit with l_ratio above 0.1",
        "noise": "unit with quality not among good, mua",
        "unknown": "",
    }
    book = json.loads(one.attrs["bookkeeping"])
    for what in ("spikes", "units"):
        assert book[what]["in"] == book[what]["out"] + sum(book[what]["dropped"].values())
        assert set(book[what]["dropped"]) == set(rules(one).values()) - {""}
    assert book["units"]["in"] == one.sizes["curated"] == 7
    assert book["spikes"]["in"] == one.curated_spikes.sum() == sum(map(len, trains.values()))
    np.testing.assert_allclose(one.curated_presence, [1, 0.3, 0.5, 1, 1, 1, 1])
    np.testing.assert_allclose(one.curated_violations[3], 500 / 999)
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


def test_without_rules_every_unit_stays_and_the_table_is_there(ingested: Ingest) -> None:
    one = ingested(block({"a": REGULAR, "b": []}))
    assert one.unit.values.tolist() == ["a", "b"]
    assert set(rules(one).values()) == {""}
    np.testing.assert_allclose(one.curated_rate, [5.0, 0.0])


@pytest.mark.parametrize(
    ("screen", "message"),
    [
        ({"isolation": {"snr": {"minimum": "3"}}}, "units.isolation names 'snr', which no unit has; the reader knows: "),
        ({"isolation": {"quality": {"minimum": "3"}}}, "has a bound, but a unit has 'good'; for labels write among"),
        ({"fast_spiking_width": "0.4 ms"}, "splits units by their waveforms, but the reader gives none"),
        (
            {"minimum_presence": "99 %", "presence_bin": "10 ms"},
            "all 1 units are dropped, the first because: unit present in less",
        ),
    ],
)
def test_rules_that_cannot_be_used(screen: dict[str, Any], message: str, ingested: Ingest) -> None:
    with pytest.raises(DataError, match=message):
        ingested(block({"a": REGULAR}, a={"quality": "good"}), units=screen)


def waveform(width: float, rate: float) -> np.ndarray:
    """A trough at 0.5 ms and a peak `width` later [s]."""
    t = np.arange(int(2.5e-3 * rate)) / rate
    return -np.exp(-(((t - 0.5e-3) / 1e-4) ** 2)) + 0.4 * np.exp(-(((t - 0.5e-3 - width) / 1.5e-4) ** 2))


@pytest.mark.parametrize("width", [0.2e-3, 0.35e-3, 0.6e-3])
@pytest.mark.parametrize("rate", [20e3, 30e3])
def test_the_width_of_a_waveform(width: float, rate: float) -> None:
    """To a fifth of a sample; where trough and peak overlap the peak is shifted away by their sum itself."""
    exact = trough_to_peak(waveform(width, 1e6), 1e6)
    found = trough_to_peak(np.stack([0.1 * waveform(1e-3, rate), waveform(width, rate)]), rate)
    assert found == pytest.approx(exact, abs=0.2 / rate)
    assert exact == pytest.approx(width, abs=3e-5)


def test_cells_are_split_by_their_waveform(ingested: Ingest) -> None:
    known = {
        "narrow": {"waveform": waveform(0.25e-3, 3e4), "waveform_rate": 3e4},
        "broad": {"waveform": waveform(0.6e-3, 3e4), "waveform_rate": 3e4},
        "said": {"waveform": waveform(0.6e-3, 3e4), "waveform_rate": 3e4, "cell_type": "I"},
        "unknown": {},
    }
    one = ingested(block(dict.fromkeys(known, REGULAR), **known), units={"fast_spiking_width": "0.4 ms"})
    assert one.cell_type.values.tolist() == ["I", "E", "I", "unknown"]
    assert one.curated_width.values[:2] == pytest.approx([0.25e-3, 0.6e-3], abs=3e-5)
    assert np.isnan(one.curated_width.values[3])


def test_presence_and_violations_in_closed_form() -> None:
    edges = np.array([0.0, 1000.0]), np.array([35.0, 1030.0])
    times = np.array([1.0, 12.0, 1005.0, 1015.0, 1025.0, 34.0])
    assert presence_ratio(np.sort(times), *edges, 10.0) == pytest.approx(5 / 6)  # 34 s lies in no whole bin
    assert np.isnan(presence_ratio(times, *edges, 100.0))
    assert violations(np.array([34.999, 1000.0, 1000.001, 1000.01]), edges[0], 0.002) == pytest.approx(1 / 2)
    assert np.isnan(violations(np.array([1.0]), edges[0], 0.002))
    shifted = presence_ratio(np.sort(times) + 1e6, edges[0] + 1e6, edges[1] + 1e6, 10.0)
    assert shifted == pytest.approx(5 / 6)
    poisson = np.cumsum(rng_for(1, "violations").exponential(0.2, 50_000))
    expected = -np.expm1(-0.002 / 0.2)
    assert violations(poisson, np.zeros(1), 0.002) == pytest.approx(expected, abs=4 * np.sqrt(expected / 50_000))


# ---- warnings


def test_a_good_recording_has_no_warnings(ingested: Ingest) -> None:
    assert told(ingested(block({"a": POISSON, "b": REGULAR}))) == {}


def test_spikes_that_are_not_right_are_told(ingested: Ingest) -> None:
    mixed = POISSON.copy()
    mixed[[10, 400]] = mixed[[400, 10]]
    trains = {"a": mixed, "b": np.concatenate([POISSON, POISSON[:7]]), "silent": [], "copy": POISSON}
    found = told(ingested(block(trains)))
    assert found["units with no spikes"] == "1 of 4 units have no spikes: silent"
    assert found["unsorted spikes"].startswith("3 spikes stand after a later one in the file and were sorted, in 2 units: a, b;")
    assert found["duplicate spikes"].startswith("7 spikes are at the same time as another of their unit and were dropped, in 1")
    assert found["units that are the same"].startswith("units a and copy have the same 500 spikes")


def test_a_clock_that_jumps_back_is_told(ingested: Ingest) -> None:
    late, early = block({"a": POISSON + 500}, 600.0, 500.0), block({"a": POISSON})
    late.segments.append(early.segments[0])
    found = told(ingested(late))["clock jumps"]
    assert found.startswith("1 segments start before the one in front of them in the file, the first at 0 s after 500 s")


def test_a_moment_outside_the_recording_is_told(ingested: Ingest) -> None:
    found = told(ingested(block({"a": POISSON}), times={"drug_on": "700 s", "wash": "90 s"}))
    assert list(found) == ["perturbations outside the recording"]
    assert "times.drug_on is 700 s, but the recording is from 0 s to 100 s" in found["perturbations outside the recording"]


def test_an_lfp_that_is_not_right_is_told(ingested: Ingest) -> None:
    one = block({"a": POISSON})
    t = np.arange(100_000) / 1000.0
    x = rng_for(1, "lfp").normal(size=(t.size, 2)) + np.sin(2 * np.pi * 50 * t)[:, None] * [0, 3]
    signal = neo.AnalogSignal(
        x, units="V", sampling_rate=1000 * pq.Hz, name="lfp", array_annotations={"channel_names": ["c", "d"]}
    )
    signal.annotate(role="lfp", unit_name="V")
    one.segments[0].analogsignals.append(signal)
    found = told(ingested(one))
    assert list(found) == ["line noise"]
    assert "the power at 50 Hz is many times that beside it: d (" in found["line noise"]
