"""What the verb `measure` says while it runs; what metrics return is tested by laws."""

import logging
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.compare.contrasts import contrasted
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts import LONG, open_dataset, write
from homeoanalysis.errors import ContractError, DataError
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.metric import Estimate, Truth, metric, stacked
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.summaries import summarise
from homeoanalysis.provenance import code_of, rng_for, stamp

module = sys.modules["homeoanalysis.measure"]  # the package's attribute of that name is the verb


def test_estimates_of_other_frequencies_or_shapes_are_not_joined() -> None:
    one = Estimate(("frequency",), np.zeros(2), "1", {"frequency": ("frequency", np.array([1.0, 2.0]), {"units": "Hz"})})
    assert stacked("draw", None, [one, one]).values.shape == (2, 2)
    shifted = one._replace(coordinates={"frequency": ("frequency", np.array([1.0, 3.0]), {"units": "Hz"})})
    for other in (shifted, one._replace(values=np.zeros(3)), one._replace(coordinates={})):
        with pytest.raises(ContractError, match="along draw differ"):
            stacked("draw", None, [one, other])


def test_the_log_says_how_far_a_long_job_is(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    activities = [
        synthetic.activity([synthetic.poisson_train(20.0, 4.0, rng_for(1, k))], 4.0).assign_attrs(replicate=name, source="rec")
        for k, name in enumerate("ab")
    ]
    with caplog.at_level(logging.INFO, "homeoanalysis"):
        measure(activities, "firing_rate")
        assert [r.message for r in caplog.records] == [
            "firing_rate of rec, replicate a: done",
            "firing_rate of rec, replicate b: done",
            "measured firing_rate of 2 replicates of rec",
        ]
        caplog.clear()
        monkeypatch.setattr(module, "_PROGRESS", 0.0)
        measure_draws(activities, "firing_rate", draws=3, block=0.5, seed=1)
        said = [r.message for r in caplog.records]
    assert said[:4] == [
        *(f"firing_rate of rec, replicate a: {k} of 3 draws" for k in (1, 2, 3)),
        "firing_rate of rec, replicate a: done",
    ]


def _read_from(name: str, subject: str, file: str, content: str, times: list[float]) -> xr.Dataset:
    one = synthetic.activity([np.array(times)], 4.0).assign_attrs(replicate=name, source="rec", subject=subject)
    made = dict(step="ingest", code=code_of("ingest"), parameters={"subject": subject}, seed=0)
    return stamp(one, inputs={file: content}, **made)


def test_copies_of_one_file_are_not_two_subjects() -> None:
    first = _read_from("r1", "a", "a.csv", "same", [0.5])
    copy = _read_from("r2", "b", "copy.csv", "same", [0.5])
    with pytest.raises(DataError, match=r"r1 and r2 of rec are two subjects.* same content \(a.csv; copy.csv\)"):
        measure([first, copy], "firing_rate")
    others = {
        "another session of the subject": _read_from("r2", "a", "copy.csv", "same", [0.5]),
        "another well of the file": _read_from("r2", "b", "a.csv", "same", [1.5]),
        "another file": _read_from("r2", "b", "b.csv", "other", [0.5]),
    }
    for other in others.values():
        assert measure([first, other], "firing_rate").sizes["replicate"] == 2
    silent = [_read_from(f"r{k}", str(k), f"{k}.csv", "nothing", []) for k in range(2)]
    assert measure(silent, "firing_rate").sizes["replicate"] == 2


def _train() -> xr.Dataset:
    return synthetic.activity([np.array([0.5, 1.5, 2.5])], 4.0)


@pytest.mark.parametrize(
    ("times", "piece"),
    [
        ([0.5, np.nan, 2.5], "1 spike times are not finite"),
        ([1.5, 0.5, 2.5], "spike times are not sorted within their unit"),
        ([0.5, 1.5, 4.5], "1 spikes lie outside observed time, the first at 4.5"),
    ],
)
def test_an_activity_that_breaks_its_schema_is_not_measured(times: list[float], piece: str) -> None:
    wrong = _train().assign(spike_time=("spike", times, {"units": "s"}))
    with pytest.raises(ContractError, match=piece):
        measure([wrong], "firing_rate")
    with pytest.raises(ContractError, match=piece):
        measure_draws([wrong], "firing_rate", draws=1, block=0.5, seed=1)


@pytest.mark.parametrize(
    ("metric", "parameters", "piece"),
    [
        ("firing_rat", {}, "there is no metric 'firing_rat'; did you mean 'firing_rate'"),
        ("population_rate", {}, "population_rate needs the parameter 'bin_size'"),
        ("population_rate", {"bins_size": 1.0}, "population_rate has no parameter 'bins_size'; did you mean 'bin_size'"),
        ("population_rate", {"bin_size": "1 s"}, "population_rate: bin_size is the text '1 s'; in Python write a number in SI"),
    ],
)
def test_wrong_parameters_are_named(metric: str, parameters: dict[str, Any], piece: str) -> None:
    with pytest.raises(DataError, match=piece):
        measure([_train()], metric, **parameters)


def test_one_activity_is_no_list() -> None:
    with pytest.raises(DataError, match=r"firing_rate was given one activity, not a list of them; write \[activity\]"):
        measure(_train(), "firing_rate")


@pytest.mark.parametrize("dim", LONG)
def test_units_pairs_and_channels_run_over_all_replicates(dim: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two replicates of 3 and 2 things: each value keeps its replicate, its own coordinates and its unit of measurement."""

    def thing(activity: xr.Dataset) -> dict[str, Any]:
        """Spikes."""
        names = [f"{u}*" for u in activity.unit.values]
        return {"thing": ((dim,), activity.spike_count.values.astype(float), "V"), "coords": {dim: names, "why": (dim, names)}}

    record: dict[str, Any] = {"units": "1", "dims": (dim,), "bounds": (0, np.inf), "companions": {}, "source": "", "scale": None}
    made = metric(**record, truth=lambda _: Truth(one(0, 1), 0, {}), surrogate=lambda a, _: a)(thing)
    monkeypatch.setattr(sys.modules["homeoanalysis.measure"], "_metric", lambda *_: made)

    def one(replicate: int, n: int) -> xr.Dataset:
        trains = [np.linspace(0.1, 0.9, 10 * replicate + k + 1) for k in range(n)]
        return synthetic.activity(trains, 1.0).assign_attrs(replicate=f"r{replicate}", subject=f"s{replicate}")

    result = measure([one(1, 3), one(2, 2)], "thing")
    assert result[dim].values.tolist() == ["r1/u0*", "r1/u1*", "r1/u2*", "r2/u0*", "r2/u1*"]
    assert result[f"{dim}_replicate"].values.tolist() == ["r1"] * 3 + ["r2"] * 2
    assert result.why.values.tolist() == ["u0*", "u1*", "u2*", "u0*", "u1*"]
    assert result.thing.attrs["units"] == "V"
    assert result.thing.values.tolist() == [11, 12, 13, 21, 22]
    assert float(summarise(result, ["r1", "r2"]).mean) == (12 + 21.5) / 2
    found = contrasted(result, Contrast(metrics=["thing"]), "linear")
    assert {cell: float(v) for cell, v in found.items()} == {("s1", "r1"): 12.0, ("s2", "r2"): 21.5}


def test_why_a_value_is_missing_is_said_of_each_replicate_and_stops_no_draw(tmp_path: Path) -> None:
    """One that can be decoded, one with too few trials, one with a single stimulus; halves may have too few of either."""
    made = []
    for k, trials in enumerate((12, 3, 12)):
        one = synthetic.stimulated(np.array([2.0, 6.0]), trials, rng_for(1, "reasons", k))
        made.append(one.assign_attrs(replicate=f"r{k}", subject=f"s{k}"))
    made[2]["stimulus"] = ("trial", ["stimulus 0"] * 24)
    given = {"end": 0.1, "stimuli": ["stimulus 0", "stimulus 1"]}
    result = measure(made, "decoding_accuracy", **given)
    write(result, tmp_path / "m.nc")
    result = open_dataset(tmp_path / "m.nc")
    assert np.isfinite(result.decoding_accuracy.values[:, 0]).tolist() == [True, False, False]
    assert result.reason.values[:, 0].tolist() == ["", "3 trials of a stimulus, and 5 parts", ""]
    assert "no trial has the stimulus 'stimulus 1'" in result.attrs["not_applicable"]
    drawn = measure_draws(made, "decoding_accuracy", draws=20, block=0.128, seed=1, **given)
    missing = drawn["half_a"].decoding_accuracy.isnull().values[0]
    assert missing.any()
    assert not missing.all()
