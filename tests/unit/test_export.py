"""Other formats: what is written is read back equal by the formats' own libraries, and what would be lost is refused."""

import csv
import json
import re
import warnings
from pathlib import Path
from typing import Any

import h5py
import neo
import neo.io
import numpy as np
import pynwb
import pytest
import scipy.io
import xarray as xr

from homeoanalysis.cli import main
from homeoanalysis.config.recording import Recording
from homeoanalysis.contracts import SIGNALS, by_replicate, check, write
from homeoanalysis.contracts.schemas import ACTIVITY
from homeoanalysis.errors import DataError
from homeoanalysis.export import FORMATS, export
from homeoanalysis.export.mat import write_mat
from homeoanalysis.export.nix import write_nix
from homeoanalysis.export.nwb import write_nwb
from homeoanalysis.ingest import ingest
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.provenance import rng_for

UNITS = ["tt1/c1", "Zelle ä µ", "=HYPERLINK(1)", "leer"]
STEP = 0.25e-6


def activity() -> xr.Dataset:
    """Two segments with a gap; a unit without spikes, and one that was isolated in the second only; signals; labels."""
    rng = rng_for(1, "export")
    first, second = (0.0, 10.0), (12.5, 20.0)
    trains = [np.sort(np.concatenate([rng.uniform(*first, 20), rng.uniform(*second, 30), [10.0]])) for _ in range(2)]
    trains += [np.sort(rng.uniform(*second, 9)), np.zeros(0)]
    one = synthetic.activity(trains, 20.0, epochs={"base": (0.0, 5.0), "späť": (13.0, 20.0)})
    lfp = rng.integers(-30000, 30000, (2, 200)) * STEP
    stimulus = rng.normal(size=(1, 75))
    n, s = ("segment",), {"units": "s"}
    one = one.drop_vars(["segment_start", "segment_stop"]).assign(
        segment_start=(n, [first[0], second[0]], s),
        segment_stop=(n, [first[1], second[1]], s),
        observed=(("unit", "segment"), np.array([[1, 1], [1, 1], [0, 1], [1, 1]], np.int8), {"units": "1"}),
        cell_type=("unit", ["E", "I", "unknown", "E"]),
        region=("unit", ["CA1", "", "V1 – links", ""]),
        x=("unit", [1e-4, np.nan, 3e-4, 0.0], {"units": "m"}),
        y=("unit", [1e-4, np.nan, 3e-4, 0.0], {"units": "m"}),
        lfp=(("lfp_channel", "lfp_sample"), lfp, {"units": "V", "sampling_rate": 12.5, "step": STEP}),
        lfp_first_sample=(n, [0, 120], {"units": "1"}),
        lfp_sample_count=(n, [120, 80], {"units": "1"}),
        lfp_t_start=(n, [0.0, 12.5], s),
        covariate=(("covariate_channel", "covariate_sample"), stimulus, {"units": "dB", "sampling_rate": 10.0}),
        covariate_first_sample=(n, [0, 0], {"units": "1"}),
        covariate_sample_count=(n, [0, 75], {"units": "1"}),
        covariate_t_start=(n, [0.0, 12.5], s),
        covariate_bandwidth=("covariate_channel", [np.nan], {"units": "Hz"}),
        trial_start=("trial", [1.0, 3.0], s),
        trial_stop=("trial", [2.0, 4.0], s),
        stimulus=("trial", ["tone", "Geräusch"]),
        state_start=("state", [0.0], s),
        state_stop=("state", [9.0], s),
    )
    one = one.assign_coords(unit=UNITS, lfp_channel=["ca1", "ec3"], covariate_channel=["level"], state=["NREM"])
    attributes = {"subject": "mouse «7»", "session": "DIV 14", "factors": json.dumps({"dose": 2.5, "genotype": "wt"})}
    return check(one.assign_attrs(source_kind="recording", **attributes), "activity/1")


def exported(one: xr.Dataset, to: str, folder: Path) -> Path:
    write(one, folder / "one.nc")
    export(folder / "one.nc", folder / f"out.{to}", to=to)
    return folder / f"out.{to}"


def equal(a: Any, b: Any) -> None:
    np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


def attributes(text: str) -> dict[str, Any]:
    """Those of the activity itself, among what the JSON text holds."""
    return {key: value for key, value in json.loads(text).items() if key in activity().attrs}


@pytest.mark.slow
def test_nwb(tmp_path: Path) -> None:
    one = activity()
    path = exported(one, "nwb", tmp_path)
    assert not pynwb.validate(path=str(path))
    with pynwb.NWBHDF5IO(str(path), "r") as io:
        file = io.read()
        table = file.units.to_dataframe()
        assert table.unit_name.tolist() == UNITS
        for key in ("unit_kind", "cell_type", "region", "x", "y"):
            equal(table[key], one[key])
        for found, times in zip(table.spike_times, observed.spike_trains(one), strict=True):
            equal(found, times)
        assert [np.shape(i) for i in table.obs_intervals] == [(2, 2), (2, 2), (1, 2), (2, 2)]
        equal(table.obs_intervals[2], [[12.5, 20.0]])
        lfp = file.processing["ecephys"]["LFP"].electrical_series
        assert lfp["lfp_0"].data.dtype == np.int16
        joined = np.concatenate([lfp[f"lfp_{k}"].data[:] * lfp[f"lfp_{k}"].conversion for k in range(2)])
        equal(joined.T, one.lfp)
        assert [(lfp[f"lfp_{k}"].starting_time, lfp[f"lfp_{k}"].rate) for k in range(2)] == [(0.0, 12.5), (12.5, 12.5)]
        assert list(file.electrodes["channel_name"][:]) == ["ca1", "ec3"]
        equal(file.acquisition["covariate_1"].data[:].T, one.covariate)
        assert file.acquisition["covariate_1"].unit == "dB"
        segments = file.intervals["segments"].to_dataframe()
        equal(segments[["start_time", "stop_time"]], [[0, 10], [12.5, 20]])
        epochs, trials, states = file.epochs.to_dataframe(), file.trials.to_dataframe(), file.intervals["states"].to_dataframe()
        assert (epochs.label.tolist(), epochs.stop_time.tolist()) == (["base", "späť"], [5.0, 20.0])
        assert (trials.label.tolist(), trials.start_time.tolist()) == (["tone", "Geräusch"], [1.0, 3.0])
        assert states.label.tolist() == ["NREM"]
        assert attributes(file.notes) == one.attrs
        assert file.subject.subject_id == "mouse «7»"


@pytest.mark.slow
def test_nix(tmp_path: Path) -> None:
    one = activity()
    path = exported(one, "nix", tmp_path)
    block = neo.io.NixIO(str(path), "ro").read_block()
    assert attributes(block.annotations["attributes"]) == one.attrs
    assert [(s.annotations["t_start_observed"], s.annotations["t_stop_observed"]) for s in block.segments] == [
        (0, 10),
        (12.5, 20),
    ]
    joined: dict[str, list[np.ndarray]] = {name: [] for name in UNITS}
    for segment in block.segments:
        for train in segment.spiketrains:
            joined[train.name].append(train.magnitude)
    assert [len(parts) for parts in joined.values()] == [2, 2, 1, 2]
    for parts, times in zip(joined.values(), observed.spike_trains(one), strict=True):
        equal(np.concatenate(parts), times)
    first = {t.name: t.annotations for t in block.segments[0].spiketrains}
    assert first["tt1/c1"]["cell_type"] == "E"
    assert first["tt1/c1"]["x"] == 1e-4
    signals = [{s.name: s for s in segment.analogsignals} for segment in block.segments]
    equal(np.concatenate([s["lfp"].magnitude for s in signals]).T, one.lfp)
    equal(signals[1]["covariate"].magnitude.T, one.covariate)
    assert list(signals[0]) == ["lfp"]
    assert float(signals[1]["lfp"].t_start) == 12.5
    tables = {e.name: e for e in block.segments[0].epochs}
    assert tables["epochs"].labels.tolist() == ["base", "späť"]
    equal(tables["epochs"].times.magnitude + tables["epochs"].durations.magnitude, [5.0, 20.0])
    assert tables["trials"].labels.tolist() == ["tone", "Geräusch"]


def test_mat(tmp_path: Path) -> None:
    one = activity()
    found = scipy.io.loadmat(exported(one, "mat", tmp_path), squeeze_me=True, struct_as_record=False)
    for name, variable in one.variables.items():
        back = np.asarray(found[str(name)])
        if variable.dtype.kind in "iuf":
            assert back.dtype.kind == variable.dtype.kind
            equal(back.reshape(variable.shape), variable.values)
        else:
            assert ["".join(np.atleast_1d(v)) for v in np.atleast_1d(back)] == [str(v) for v in variable.values]
        assert getattr(found["dims"], str(name)) == " ".join(map(str, variable.dims))
    assert attributes(str(found["attributes"])) == one.attrs
    assert found["units"].lfp == "V"


def test_csv(tmp_path: Path) -> None:
    one = activity()
    path = exported(one, "csv", tmp_path)
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(r["unit"], r["epoch"]) for r in rows] == [(u, e) for u in UNITS for e in ("base", "späť")]
    counts, seconds = observed.counts(one, ["base", "späť"])
    assert [int(r["n_spikes"]) for r in rows] == counts.ravel().tolist()
    assert [float(r["observed_s"]) for r in rows] == seconds.ravel().tolist()
    assert rows[0]["firing_rate_hz"] == repr(float(counts[0, 0] / 5.0))
    assert rows[4]["firing_rate_hz"] == ""  # not isolated in the first epoch: no rate of 0
    assert {r["factor_dose"] for r in rows} == {"2.5"}
    assert {r["subject"] for r in rows} == {"mouse «7»"}


def test_a_batch_of_realisations(tmp_path: Path) -> None:
    runs = [synthetic.activity([np.array([1.0 + k])], 10.0).assign_attrs(replicate=str(k)) for k in range(3)]
    write(by_replicate(runs), tmp_path / "batch.nc")
    with pytest.raises(DataError, match="holds 3 replicates, and nwb takes one; choose it with --replicate: 0, 1, 2"):
        export(tmp_path / "batch.nc", tmp_path / "out.nwb", to="nwb")
    with pytest.raises(DataError, match=r"has no replicate '7'; .*known: 0, 1, 2"):
        export(tmp_path / "batch.nc", tmp_path / "out.nwb", to="nwb", replicate="7")
    export(tmp_path / "batch.nc", tmp_path / "out.nwb", to="nwb", replicate="2")
    with pynwb.NWBHDF5IO(str(tmp_path / "out.nwb"), "r") as io:
        assert io.read().units["spike_times"][0].tolist() == [3.0]
    export(tmp_path / "batch.nc", tmp_path / "out.csv", to="csv")
    assert len((tmp_path / "out.csv").read_text().splitlines()) == 4


def rates() -> xr.Dataset:
    one = synthetic.activity([], 2.0).drop_dims(["unit", "spike"])
    values = np.arange(8.0).reshape(2, 4)
    return one.assign(rate=(("unit", "time"), values, {"units": "Hz"})).assign_coords(
        unit=["E", "I"], time=("time", 0.5 * np.arange(4), {"units": "s"})
    )


def test_rates_go_to_nwb_and_mat(tmp_path: Path) -> None:
    with pynwb.NWBHDF5IO(str(exported(rates(), "nwb", tmp_path)), "r") as io:
        series = io.read().acquisition["rate"]
        equal(series.data[:].T, rates().rate)
        equal(series.timestamps[:], rates().time)
        assert json.loads(series.comments) == {"unit": ["E", "I"]}
    equal(scipy.io.loadmat(exported(rates(), "mat", tmp_path))["rate"], rates().rate)


def weights() -> xr.Dataset:
    n = {"units": "1"}
    return synthetic.activity([np.array([1.0])], 2.0).assign(
        weight=(("snapshot", "synapse"), np.ones((1, 3)), {"units": "S"}),
        snapshot_time=("snapshot", [2.0], {"units": "s"}),
        pre=("synapse", [0, 0, 0], n),
        post=("synapse", [0, 0, 0], n),
        projection=("synapse", ["a"] * 3),
    )


@pytest.mark.parametrize(
    ("make", "to", "lost"),
    [(weights, "nwb", "weight"), (weights, "nix", "weight"), (rates, "nix", "rate"), (rates, "csv", "no spikes")],
)
def test_what_a_format_would_lose_is_refused(make: Any, to: str, lost: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=lost):
        exported(make(), to, tmp_path)
    assert not (tmp_path / f"out.{to}").exists()


@pytest.mark.slow
def test_a_writer_that_loses_spikes_is_caught(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As neo's does with trains that are slices: the file is counted before it is kept."""
    original = neo.io.NixIO.write_block

    def losing(self: Any, block: neo.Block, **options: Any) -> None:
        segment = block.segments[1]
        kept = [t for t in segment.spiketrains if t.name != UNITS[0]]
        segment.spiketrains = neo.Segment().spiketrains
        segment.spiketrains.extend(kept)
        original(self, block, **options)

    monkeypatch.setattr(neo.io.NixIO, "write_block", losing)
    with pytest.raises(DataError, match=r"the file holds \(.*\) spikes and samples, not"):
        exported(activity(), "nix", tmp_path)
    assert not (tmp_path / "out.nix").exists()


def test_faults_of_the_call(tmp_path: Path) -> None:
    write(activity(), tmp_path / "one.nc")
    with pytest.raises(DataError, match="'nbw' is no format to export to; did you mean 'nwb'"):
        export(tmp_path / "one.nc", tmp_path / "out", to="nbw")
    with pytest.raises(DataError, match="exists; choose another name"):
        export(tmp_path / "one.nc", tmp_path / "one.nc", to="mat")
    with pytest.raises(DataError, match=r"cannot be written: there is no folder .*/none; make it, or mend the path"):
        export(tmp_path / "one.nc", tmp_path / "none" / "out.csv", to="csv")
    assert not (tmp_path / "none").exists()
    with pytest.raises(DataError, match="does not exist"):
        export(tmp_path / "none.nc", tmp_path / "out.mat", to="mat")


@pytest.mark.slow
@pytest.mark.parametrize("to", FORMATS)
def test_the_command(to: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(activity(), tmp_path / "one.nc")
    command = ["export", str(tmp_path / "one.nc"), "--to", to, str(tmp_path / f"o.{to}")]
    assert main(command) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[-1] == f"{tmp_path}/o.{to} is written"
    assert any("neo takes about a second" in line for line in out[:-1]) == (to == "nix")
    assert main(command) == 1
    assert "exists; choose another name" in capsys.readouterr().err


@pytest.mark.parametrize(("to", "reader"), [("nix", "any_neo"), ("nwb", "nwb_units")])
def test_what_is_read_back_has_the_names_of_the_units(to: str, reader: str, tmp_path: Path) -> None:
    """Two exports as parts of one replicate: a unit is the same in both by its name, not by its place."""
    for part, names in {"one": ["a", "b/1"], "two": ["b/1", "c"]}.items():
        one = synthetic.activity([np.array([1.0]), np.array([2.0, 3.0])], 10.0).assign_coords(unit=names)
        write(one, tmp_path / f"{part}.nc")
        export(tmp_path / f"{part}.nc", tmp_path / f"{part}.{to}", to=to)
    files = {part: {"recording": {"name": f"{part}.{to}"}} for part in ("one", "two")}
    parts = {part: {"start": f"{10 * k} s", "files": files[part]} for k, part in enumerate(files)}
    recording = Recording.model_validate(
        {
            **dict.fromkeys(("title", "citation", "licence"), "x"),
            "source": {"folder": "."},
            "reader": {reader: {}},
            "replicates": {"r": {"subject": "s", "parts": parts, "same_units": "ids"}},
        }
    )
    paths = {f"{part}.recording": tmp_path / f"{part}.{to}" for part in files}
    found = ingest(recording, name="x", replicate="r", files=paths)
    trains = dict(zip(found.unit.values.tolist(), observed.spike_trains(found), strict=True))
    assert {name: times.tolist() for name, times in trains.items()} == {"a": [1], "b/1": [2, 3, 11], "c": [12, 13]}


# ---- nothing is dropped unsaid


def everything() -> xr.Dataset:
    """An activity with every variable of the schema."""
    one, n, s = activity().drop_dims(["covariate_sample", "covariate_channel"]), {"units": "1"}, {"units": "s"}
    rng = rng_for(2, "everything")
    for name in SIGNALS:
        if name != "lfp":
            values = rng.normal(size=(2, 60))
            one[name] = ((f"{name}_channel", f"{name}_sample"), values, {"units": "A", "sampling_rate": 5.0, "long_name": name})
            one[f"{name}_first_sample"] = ("segment", [0, 40], n)
            one[f"{name}_sample_count"] = ("segment", [40, 20], n)
            one[f"{name}_t_start"] = ("segment", [0.0, 12.5], s)
            one = one.assign_coords({f"{name}_channel": [f"{name}1", f"{name}2"]})
        said = [f"formula {k}" for k in range(one.sizes[f"{name}_channel"])]
        one[f"{name}_formula"] = f"{name}_channel", said, {"long_name": "formula"}
    table = {k: ("curated", rng.uniform(size=5), {"units": v.units}) for k, v in ACTIVITY.items() if v.dims == ("curated",)}
    table |= {"curated_rule": ("curated", ["", "", "", "", "slow"]), "curated": ("curated", [*UNITS, "lost"])}
    rate = (("unit", "time"), rng.uniform(size=(4, 3)), {"units": "Hz"})
    counts = (("trial", "unit", "bin"), rng.integers(0, 9, (2, 4, 5)).astype(float), n)
    weights_ = {
        k: (v.dims, weights()[k].values, weights()[k].attrs) for k, v in ACTIVITY.items() if k in weights() and k in WEIGHT
    }
    size = dict(weight_moment=3, weight_projection=2, weight_probability=7, weight_bin=4)
    weights_ |= {k: (v.dims, rng.uniform(size=[size[d] for d in v.dims]), {"units": "S"}) for k, v in DISTRIBUTION.items()}
    one["covariate_bandwidth"] = ("covariate_channel", [np.nan, 7.0], {"units": "Hz"})
    origin = ("epoch", ["from the YAML to an event", "from start of observed time to stop"])
    one = one.assign(epoch_origin=origin, rate=rate, binned_count=counts, **weights_, **table)
    one = one.assign_coords(time=("time", [0.0, 1.0, 2.0], s))
    one["group_member"] = ("group", "unit"), np.array([[1, 0, 1, 0], [0, 1, 0, 0]], np.int8), {"units": "1"}
    one = one.assign_coords(group=["first", "second"])
    one.spike_time.attrs["tick"] = 1e-9
    assert set(ACTIVITY) <= set(one.variables)  # a variable that is new in the schema has to be thought of here, and in `change`
    return one


WEIGHT = ("weight", "snapshot_time", "pre", "post", "projection")
DISTRIBUTION = {key: v for key, v in ACTIVITY.items() if {"weight_moment", "weight_projection"} & set(v.dims)}
APART = {
    "rate": ("rate", "time"),
    "group_member": ("group_member", "group"),
    "binned_count": ("binned_count",),
    **dict.fromkeys(WEIGHT, WEIGHT),
    **dict.fromkeys(DISTRIBUTION, tuple(DISTRIBUTION)),
}


def about(name: str) -> xr.Dataset:
    """Everything but what would be refused for another reason than this variable."""
    own = APART.get(name, ())
    return everything().drop_vars({n for group in APART.values() for n in group} - set(own))


def alone(one: xr.Dataset, name: str) -> xr.Dataset:
    """Without the signals that a variable is no part of: what it changes shows as well in a small file."""
    belonging = {v: next((s for s in SIGNALS if v == s or v.startswith(f"{s}_")), "") for v in map(str, one.variables)}
    return one.drop_vars([v for v, signal in belonging.items() if signal not in ("", belonging.get(name))])


def changed(one: xr.Dataset, name: str) -> xr.Dataset:
    """A copy in which one variable has other values that go with the rest."""
    other = one.copy(deep=True)
    values = other[name].values
    if name == "spike_count":  # a spike of the first unit is the second's
        values[:2] += [-1, 1]
    elif name.endswith(("_sample_count", "_first_sample")):
        values[-1] -= 1
    elif name == "observed":
        values[2, 0] = 1  # where it has no spikes
    elif values.dtype.kind in "iu":
        values.ravel()[-1] += 1
    elif values.dtype.kind == "f":
        values.ravel()[-1] = 0.125 if not np.isfinite(values.ravel()[-1]) else values.ravel()[-1] + STEP
    else:
        other = (
            other.assign_coords({name: (one[name].dims, [*values[:-1], "other"])})
            if name in one.coords
            else other.assign({name: (one[name].dims, [*values[:-1], "other"])})
        )
    return other


def held(path: Path, to: str) -> list[str]:
    """What a file holds, in an order that no random identifier decides."""
    if to == "mat":
        content = scipy.io.loadmat(path)
        return sorted(f"{k} {np.asarray(v).tolist()!r}" for k, v in content.items() if not k.startswith("__"))
    found: list[str] = []

    def note(key: str, value: Any) -> None:
        if key not in ("object_id", "entity_id", "id", "created_at", "updated_at"):
            found.append(f"{key} {np.asarray(value).tolist()!r}")

    def visit(name: str, thing: Any) -> None:
        for key, value in thing.attrs.items():
            note(key, "" if isinstance(value, h5py.Reference) else value)
        if (isinstance(thing, h5py.Dataset) and thing.dtype.kind != "O") or (
            isinstance(thing, h5py.Dataset) and h5py.check_string_dtype(thing.dtype)
        ):
            note(re.sub(r"[0-9a-f]{32}|[0-9a-f-]{36}", "", name.rpartition("/")[2]), thing[()])

    with h5py.File(path) as file:
        file.visititems(visit)
    return sorted(re.sub(r"neo\.\w+\.[0-9a-f]{32}|[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}", "", line) for line in found)


WRITERS = {"nwb": write_nwb, "nix": write_nix, "mat": write_mat}


def made(one: xr.Dataset, to: str, folder: Path) -> list[str]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        WRITERS[to](one, folder / f"one.{to}")
    found = held(folder / f"one.{to}", to)
    (folder / f"one.{to}").unlink()
    return found


class Bases:
    """What the unchanged activities hold, once each: they differ in their variables."""

    def __init__(self, to: str, folder: Path) -> None:
        self.to, self.folder = to, folder
        self.found: dict[frozenset[str], list[str]] = {}

    def of(self, one: xr.Dataset) -> list[str]:
        key = frozenset(map(str, one.variables))
        if key not in self.found:
            self.found[key] = made(one, self.to, self.folder)
        return self.found[key]


@pytest.mark.slow  # a hundred files
@pytest.mark.parametrize("to", WRITERS)
def test_every_variable_is_written_or_refused(to: str, tmp_path: Path) -> None:
    """Two activities that differ in one variable make different files, and two that do not differ make the same."""
    one, bases = about("spike_time"), Bases(to, tmp_path)
    assert bases.of(one.copy(deep=True)) == made(one, to, tmp_path)
    for name in ACTIVITY:
        if name in one:
            part = alone(one, name)
            assert made(changed(part, name), to, tmp_path) != bases.of(part), f"{to} drops {name} without a word"
        elif to == "mat" or (to, name) == ("nwb", "rate"):
            assert made(changed(about(name), name), to, tmp_path) != made(about(name), to, tmp_path), name
        else:
            with pytest.raises(DataError, match=f"{to} has no place for .*{name}"):
                made(about(name), to, tmp_path)


@pytest.mark.slow  # a hundred files
@pytest.mark.parametrize("to", WRITERS)
def test_every_attribute_and_coordinate_is_written(to: str, tmp_path: Path) -> None:
    one, bases = about("spike_time"), Bases(to, tmp_path)
    for key in one.attrs:
        part = alone(one, "")
        assert made(part.assign_attrs({key: "other"}), to, tmp_path) != bases.of(part), key
    for name in map(str, one.coords):
        part = alone(one, name)
        assert made(changed(part, name), to, tmp_path) != bases.of(part), name
    seen = set()
    for name, variable in one.variables.items():
        for key, value in variable.attrs.items():
            if key not in ("units", "step") and key not in seen:  # of a signal they decide how it is written
                part = alone(one, str(name))
                other = part.copy(deep=True)
                other[name].attrs[key] = f"{value}x" if isinstance(value, str) else value * 2
                assert made(other, to, tmp_path) != bases.of(part), (name, key)
                seen.add(key)
    assert {"tick", "sampling_rate", "long_name"} <= seen


@pytest.mark.slow
def test_what_is_known_of_units_without_spikes_is_written(tmp_path: Path) -> None:
    one = rates().assign(cell_type=("unit", ["E", "I"]), region=("unit", ["CA1", "CA1"]))
    for name in ("cell_type", "region", "unit"):
        assert made(changed(one, name), "nwb", tmp_path) != made(one, "nwb", tmp_path), name


@pytest.mark.slow
def test_a_unit_that_was_never_isolated_is_written(tmp_path: Path) -> None:
    one = activity()
    one.observed.values[3] = 0
    block = neo.io.NixIO(str(exported(one, "nix", tmp_path)), "ro").read_block()
    assert json.loads(block.annotations["units"])["unit"] == UNITS


def test_a_variable_that_no_format_knows_is_refused(tmp_path: Path) -> None:
    one = activity().assign(novel=("unit", np.arange(4.0), {"units": "1"}))
    for to in ("nwb", "nix"):
        with pytest.raises(DataError, match=f"{to} has no place for novel, which would be lost; export to mat"):
            WRITERS[to](one, tmp_path / f"a.{to}")
