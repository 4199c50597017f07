"""Several files as one replicate, observed windows, epochs, trials: what is lost is counted, what is known has an origin."""

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
from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.change_points import change_points
from homeoanalysis.numerics.findings import UNTOLD_END
from homeoanalysis.provenance import rng_for

HEAD: dict[str, Any] = {"title": "t", "citation": "c", "licence": "l", "source": {"folder": "."}}
CSV = {"spike_list": {"time_step": "1 s", "duration": "100 s"}}


def book(activity: xr.Dataset) -> Any:
    return json.loads(activity.attrs["bookkeeping"])


@pytest.fixture
def days(tmp_path: Path) -> Callable[..., xr.Dataset]:
    """Two days of 100 s, an hour apart: unit a in both, b is lost, c is new."""

    def make(**more: Any) -> xr.Dataset:
        for day, lines in {"one": "1.5,a\n2.5,a\n50,b\n", "two": "10,a\n20,c\n30,c\n"}.items():
            (tmp_path / f"{day}.csv").write_text(f"time,unit\n{lines}")
        parts = {k: {"start": s, "files": {"recording": {"name": f"{k}.csv"}}} for k, s in (("one", "0 s"), ("two", "1 h"))}
        whole = Recording.model_validate({**HEAD, "reader": CSV, "replicates": {"r": {"subject": "s", "parts": parts}}, **more})
        files = {role: tmp_path / file.name for role, file in whole.replicates["r"].all_files().items()}
        assert sorted(files) == ["one.recording", "two.recording"]
        return ingest(whole, name="rec", replicate="r", files=files)

    return make


def test_sessions_on_one_clock(days: Callable[..., xr.Dataset], tmp_path: Path) -> None:
    one = days(same_units="ids")
    assert one.segment_start.values.tolist() == [0, 3600]
    assert one.segment_stop.values.tolist() == [100, 3700]
    assert one.unit.values.tolist() == ["a", "b", "c"]
    assert [t.tolist() for t in observed.spike_trains(one)] == [[1.5, 2.5, 3610], [50], [3620, 3630]]
    assert one.observed.values.tolist() == [[1, 1], [1, 0], [0, 1]]
    assert book(one)["units x segments"] == {"in": 6, "out": 4, "dropped": {"unit not isolated in the segment": 2}}
    # A unit that was not isolated was not silent: its rate is over 100 s, not 200 s.
    np.testing.assert_allclose(measure([one], "firing_rate").firing_rate.values.ravel(), [0.015, 0.01, 0.02])
    write(one, tmp_path / "one.nc")
    xr.testing.assert_identical(open_dataset(tmp_path / "one.nc"), one)


def test_units_that_are_lost_between_epochs_are_told(days: Callable[..., xr.Dataset]) -> None:
    """What compares the epochs cannot see them. Negative control: within one day nobody is lost."""
    first, second = ["0 s", "100 s"], ["1 h", "3700 s"]

    def told(same_units: str, **epochs: list[str]) -> Any:
        findings = json.loads(days(same_units=same_units, duration="200 s", epochs=epochs).attrs["warnings"])
        return [one for one in findings if one["rule"] != UNTOLD_END.rule]  # the files have no sha256

    (found,) = told("ids", first=first, second=second)
    assert found["rule"] == "units that are not observed in every epoch"
    assert found["text"].startswith("2 of 3 units are not observed in every epoch (first: 2 of 3, second: 2 of 3): b, c; ")
    assert "unit_survival" in found["text"]
    assert told("ids", first=first) == []
    assert told("none", early=["0 s", "50 s"], late=["50 s", "100 s"]) == []


def test_units_of_two_sessions_by_a_table(days: Callable[..., xr.Dataset]) -> None:
    one = days(same_units={"x": {"one": "b", "two": "c"}})
    assert sorted(one.unit.values) == ["one:a", "two:a", "x"]
    trains = dict(zip(one.unit.values.tolist(), observed.spike_trains(one), strict=True))
    assert trains["x"].tolist() == [50, 3620, 3630]
    assert book(one)["spikes"] == {"in": 6, "out": 6, "dropped": {}}
    apart = days(same_units="none")
    assert sorted(apart.unit.values) == ["one:a", "one:b", "two:a", "two:c"]
    with pytest.raises(DataError, match=r"same_units says that x is 'q' in part one, which has no such unit; it has: a, b"):
        days(same_units={"x": {"one": "q"}})
    with pytest.raises(DataError, match=r"names 'a' of part one twice, for x and y"):
        days(same_units={"x": {"one": "a"}, "y": {"one": "a"}})


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({}, "has several parts, but same_units is missing: write ids"),
        ({"same_units": "yes"}, "is 'yes'; write ids"),
        ({"same_units": {"x": {"three": "a"}}}, "same_units.x names the part 'three'; did you mean|known: one, two"),
    ],
)
def test_units_of_sessions_must_be_said(more: dict[str, Any], message: str, days: Callable[..., xr.Dataset]) -> None:
    with pytest.raises(ValueError, match=message):
        days(**more)


def test_sessions_that_overlap(tmp_path: Path) -> None:
    (tmp_path / "one.csv").write_text("time,unit\n1,a\n")
    (tmp_path / "two.csv").write_text("time,unit\n2,a\n")
    parts = {k: {"start": s, "files": {"recording": {"name": f"{k}.csv"}}} for k, s in (("one", "0 s"), ("two", "50 s"))}
    one = {"subject": "s", "parts": parts, "same_units": "ids"}
    whole = Recording.model_validate({**HEAD, "reader": CSV, "replicates": {"r": one}})
    with pytest.raises(
        DataError, match=r"one stops at 100 s, the next starts at 50 s; check the files' clocks, and start of the parts"
    ):
        ingest(whole, name="rec", replicate="r", files={f"{k}.recording": tmp_path / f"{k}.csv" for k in parts})


@pytest.mark.parametrize(
    ("spikes", "names", "error", "message"),
    [
        ("1,a\n", ("a.csv", "b.csv"), DataError, r"parts one and two were .* \(a.csv, b.csv\): they would count twice"),
        ("1,a\n", ("a.csv", "a.csv"), ValueError, r"parts.two.files are the files of part one; they would count twice"),
        ("", ("a.csv", "b.csv"), None, ""),
    ],
    ids=["copies", "one file", "silence"],
)
def test_one_file_as_two_parts(
    spikes: str, names: tuple[str, str], error: type[Exception] | None, message: str, tmp_path: Path
) -> None:
    files = dict(zip(("one", "two"), names, strict=True))
    parts = {k: {"start": f"{200 * i} s", "files": {"recording": {"name": f}}} for i, (k, f) in enumerate(files.items())}
    for name in names:
        (tmp_path / name).write_text(f"time,unit\n{spikes}")

    reader = {"spike_list": {**CSV["spike_list"], "names": ["a"]}}

    def read() -> xr.Dataset:
        one = {"subject": "s", "parts": parts, "same_units": "ids"}
        whole = Recording.model_validate({**HEAD, "reader": reader, "replicates": {"r": one}})
        return ingest(whole, name="rec", replicate="r", files={f"{k}.recording": tmp_path / f for k, f in files.items()})

    if error is None:
        assert read().segment_start.values.tolist() == [0, 200]
        return
    with pytest.raises(error, match=message):
        read()


def test_what_lies_outside_of_a_duty_cycle_is_counted(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("time,unit\n5,a\n15,a\n35,a\n65,a\n95,a\n")
    one = {"subject": "s", "files": {"recording": {"name": "a.csv"}}}
    windows = {"observed": "10 s", "period": "30 s"}
    whole = Recording.model_validate(
        {**HEAD, "reader": CSV, "replicates": {"r": one}, "observed_windows": windows, "duration": "40 s"}
    )
    found = ingest(whole, name="rec", replicate="r", files={"recording": tmp_path / "a.csv"})
    assert found.segment_start.values.tolist() == [0, 30, 60, 90]
    assert found.segment_stop.values.tolist() == [10, 40, 70, 100]
    assert found.spike_time.values.tolist() == [5, 35, 65, 95]
    assert book(found)["spikes"] == {"in": 5, "out": 4, "dropped": {"outside of observed time": 1}}
    assert measure([found], "firing_rate").firing_rate.item() == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        ({}, "needs either spans, or observed and period"),
        ({"observed": "10 s"}, "needs either spans, or observed and period"),
        ({"observed": "40 s", "period": "30 s"}, "observes 40 s of every 30 s"),
        ({"spans": [["0 s", "10 s"], ["5 s", "20 s"]]}, "overlap, or end before they start"),
    ],
)
def test_faults_in_windows(windows: Any, message: str) -> None:
    one = {"subject": "s", "files": {"recording": {"name": "a.csv"}}}
    with pytest.raises(ValueError, match=message):
        Recording.model_validate({**HEAD, "reader": CSV, "replicates": {"r": one}, "observed_windows": windows})


# ---- epochs and trials


def with_events(times: np.ndarray, stop: float, events: list[tuple[float, str]]) -> neo.Block:
    block, segment = neo.Block(), neo.Segment()
    segment.spiketrains.append(neo.SpikeTrain(times * pq.s, t_stop=stop * pq.s, name="unit0"))
    at, labels = zip(*events, strict=True) if events else ((), ())
    segment.events.append(neo.Event(np.array(at, float) * pq.s, labels=np.array(labels, str), name="ttl"))
    block.segments.append(segment)
    return block


@pytest.fixture
def from_block(monkeypatch: pytest.MonkeyPatch) -> Callable[..., xr.Dataset]:
    def make(block: neo.Block, **more: Any) -> xr.Dataset:
        one = {"subject": "s", "files": {"recording": {"name": "x"}}, **more.pop("replicate", {})}
        whole = Recording.model_validate({**HEAD, "reader": "mea_hdf5", "replicates": {"r": one}, **more})
        monkeypatch.setattr(pieces, "catalogue", SimpleNamespace(load=lambda folder, name: lambda files, **_: block))
        return ingest(whole, name="rec", replicate="r", files={"recording": Path(__file__)})

    return make


EVENTS = [(20.0, "drug on"), (30.0, "go"), (31.0, "left"), (40.0, "go"), (40.2, "go"), (42.0, "right"), (60.0, "drug off")]


def test_epochs_between_events_and_times(from_block: Callable[..., xr.Dataset]) -> None:
    one = from_block(
        with_events(np.arange(1.0, 100), 100.0, EVENTS),
        times={"on": {"event": {"label": "drug on"}}, "off": {"event": {"name": "ttl", "occurrence": -1}}, "later": "70 s"},
        epochs={"baseline": ["start", "on"], "drug": ["on + 5 s", "off - 10 s"], "wash": ["later", "stop"]},
        replicate={"times": {"later": "80 s"}},  # of this replicate alone
    )
    assert observed.epochs(one) == {"baseline": (0, 20), "drug": (25, 50), "wash": (80, 100)}
    assert one.epoch_origin.values.tolist() == [
        "from start of observed time to event 'drug on' number 1 of 1",
        "from +5 s from event 'drug on' number 1 of 1 to -10 s from event 'ttl' number -1 of 7",
        "from later of the YAML to end of observed time",
    ]


def test_trials_between_events(from_block: Callable[..., xr.Dataset]) -> None:
    stop = {"L": {"label": "left"}, "R": {"label": "right"}}
    one = from_block(with_events(np.arange(1.0, 100), 100.0, EVENTS), trials={"start": {"label": "go"}, "stop": stop})
    assert one.trial_start.values.tolist() == [30, 40]
    assert one.trial_stop.values.tolist() == [31, 42]
    assert one.stimulus.values.tolist() == ["L", "R"]
    around = from_block(with_events(np.arange(1.0, 100), 100.0, EVENTS), trials={"at": stop, "window": ["-500 ms", "2 s"]})
    assert around.trial_start.values.tolist() == [30.5, 41.5]
    assert around.trial_stop.values.tolist() == [33, 44]


EPOCH_FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "no such event": (
        {"times": {"on": {"event": {"label": "drg"}}}, "epochs": {"a": ["start", "on"]}},
        r"times\.on: there is no event with label 'drg'; the events of the files are: name 'ttl', label 'drug off'",
    ),
    "too few": (
        {"times": {"on": {"event": {"label": "go", "occurrence": 4}}}, "epochs": {"a": ["start", "on"]}},
        r"occurrence is 4, but there are 3 events 'go'",
    ),
    "backwards": (
        {"times": {"on": {"event": {"label": "drug on"}}}, "epochs": {"a": ["on", "start"]}},
        r"epoch a is from 20 s \(event 'drug on' number 1 of 1\) to 0 s \(start of observed time\), which is no time",
    ),
    "outside": (
        {"times": {"on": {"event": {"label": "drug on"}}}, "epochs": {"a": ["on + 81 s", "on + 82 s"]}},
        r"nothing was observed in epoch a, from 101 s",
    ),
    "trial without a start": (
        {"trials": {"start": {"label": "left"}, "stop": {"on": {"label": "drug on"}}}},
        r"the trial of 'on' that ends at 20\.000000 s has no start",
    ),
}


@pytest.mark.parametrize("fault", EPOCH_FAULTS)
def test_faults_in_epochs(fault: str, from_block: Callable[..., xr.Dataset]) -> None:
    more, message = EPOCH_FAULTS[fault]
    with pytest.raises(DataError, match=message):
        from_block(with_events(np.arange(1.0, 100), 100.0, EVENTS), **more)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"epochs": {"a": ["start", "onn"]}, "times": {"on": "5 s"}},
            "epochs.a names 'onn', which is no time; did you mean 'on'",
        ),
        ({"times": {"stop": "5 s"}}, "times.stop is the name of an end of observed time already"),
        ({"times": {"on": {}}}, "is no moment; write a time"),
        ({"times": {"on": {"event": {}}}}, "has neither name nor label"),
        ({"times": {"on": {"event": {"label": "x", "occurrence": 0}}}}, "is 0; write 1 for the first"),
        ({"epochs": {"a": ["5 mV", "stop"]}}, "is '5 mV', not a time"),
        ({"trials": {"start": {"label": "x"}}}, "needs start and stop, or at and window"),
        ({"files": {"recording": {"name": "x"}}}, "files has no effect without a table of replicates"),
    ],
)
def test_faults_in_the_yaml(more: dict[str, Any], message: str) -> None:
    one = {"subject": "s", "files": {"recording": {"name": "a.csv"}}}
    with pytest.raises(ValueError, match=message):
        Recording.model_validate({**HEAD, "reader": CSV, "replicates": {"r": one}, **more})


# ---- change points


def stepped(rate: float, later: float, name: str, k: int = 0) -> np.ndarray:
    rng = rng_for(1, "change points", name, k)
    return np.concatenate([synthetic.poisson_train(rate, 300.0, rng), 300 + synthetic.poisson_train(later, 300.0, rng)])


@pytest.mark.slow
def test_a_detected_epoch(from_block: Callable[..., xr.Dataset]) -> None:
    moment = {"change_point": {"windows": ["50 s", "100 s"]}}
    given = {"times": {"change": moment}, "epochs": {"before": ["start", "change"], "after": ["change", "stop"]}}
    one = from_block(with_events(stepped(10.0, 4.0, "half"), 600.0, []), **given)
    # The maximum of the filter process scatters about the change by about rate / (difference of rates)^2.
    assert one.epoch_stop.values[0] == pytest.approx(300, abs=10)
    assert "change point number 1 of 1 (multiple filter test at 0.05)" in one.epoch_origin.values[0]
    again = from_block(with_events(stepped(10.0, 4.0, "half"), 600.0, []), **given)
    xr.testing.assert_identical(one, again)  # the same recording, the same change
    with pytest.raises(DataError, match=r"times\.change: occurrence is 1, but there are 0 detected change points"):
        from_block(with_events(stepped(10.0, 10.0, "steady"), 600.0, []), **given)


@pytest.mark.slow
def test_where_nothing_changes_little_is_detected(from_block: Callable[..., xr.Dataset]) -> None:
    """Of 40 steady recordings at the 5 % level fewer than 7 have a change: more are as likely as 0.1 % (binomial)."""
    found = [
        change_points(stepped(10.0, 10.0, "null", k), 0.0, 600.0, windows=[50.0, 100.0], significance=0.05, surrogates=200)
        for k in range(40)
    ]
    assert sum(bool(f) for f in found) < 8
    changed = [
        change_points(stepped(10.0, 4.0, "alternative", k), 0.0, 600.0, windows=[50.0, 100.0], significance=0.05, surrogates=200)
        for k in range(5)
    ]
    assert all(changed)


def test_change_points_of_too_little() -> None:
    with pytest.raises(DataError, match=r"a window of 400 s does not fit twice into 600 s"):
        change_points(np.arange(100.0), 0.0, 600.0, windows=[400.0], significance=0.05)
