"""A model as a recording sees it: a metric that depends on how many are seen, and for how long, agrees only then."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import simulate
from homeoanalysis.config.model import Session
from homeoanalysis.contracts import check, open_parts, open_replicates, write
from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.metric import Metric
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.blinding import VARIABLES, Blindness, blinded, blindness
from homeoanalysis.provenance import rng_for
from homeoanalysis.simulate import sessions


def recorded(rates: list[float], duration: float, **about: Any) -> xr.Dataset:
    rng = rng_for(1, "blinding", json.dumps(rates), str(duration), json.dumps(about))
    trains = [synthetic.poisson_train(rate, duration, rng) for rate in rates]
    return synthetic.activity(trains, duration).assign_attrs(source="s", **about)


def seen_like(*replicates: xr.Dataset, minimum_rate: float = 0.0) -> Blindness:
    return blindness("rec", replicates, minimum_rate=minimum_rate, seed=1)


def in_trials(n_units: int, duration: float, name: str) -> xr.Dataset:
    """Trials of a second in which all units share a gain: 25 to 125 Hz."""
    rng = rng_for(1, "trials", name)
    gains = rng.uniform(0.25, 1.25, round(duration))
    trains = [
        np.concatenate([k + synthetic.poisson_train(100 * gain, 1.0, rng) for k, gain in enumerate(gains)])
        for _ in range(n_units)
    ]
    start = np.arange(round(duration), dtype=float)
    trials = dict(trial_start=("trial", start, {"units": "s"}), trial_stop=("trial", start + 1, {"units": "s"}))
    one = synthetic.activity(trains, duration).assign(stimulus=("trial", ["tone"] * start.size), **trials)
    return one.assign_attrs(source=name, replicate="0", subject="0", factors="{}")


def test_a_part_of_the_file_says_how_a_recording_sees(tmp_path: Path) -> None:
    """Segments, epochs and counts are read, spike times are not."""
    whole = recorded([5.0, 0.0, 20.0], 10.0, replicate="a")
    cut = recorded([5.0], 8.0, replicate="b").assign(
        segment_start=("segment", [0.0, 5.0], {"units": "s"}), segment_stop=("segment", [5.0, 8.0], {"units": "s"}),
        epoch_start=("epoch", [1.0], {"units": "s"}), epoch_stop=("epoch", [7.0], {"units": "s"}),
        observed=(("unit", "segment"), np.ones((1, 2), np.int8), {"units": "1"}),
    ).assign_coords(epoch=["late"])  # fmt: skip
    write({"a": whole, "b": cut}, tmp_path / "two.nc")
    write(whole, tmp_path / "one.nc")
    paths = [tmp_path / "two.nc", tmp_path / "one.nc"]
    parts = list(open_parts(paths, VARIABLES))
    assert not any("spike_time" in part for part in parts)
    assert seen_like(*parts) == seen_like(*open_replicates(paths)) == seen_like(whole, cut, whole)
    assert seen_like(*parts).rigs[1].durations == {"late": 6.0}
    (tmp_path / "one.nc").write_bytes((tmp_path / "one.nc").read_bytes()[:-14])
    with pytest.raises(DataError, match="its checksum is missing or wrong"):
        list(open_parts(paths, VARIABLES))


@pytest.mark.slow
def test_the_dimensions_of_a_model_are_those_of_the_data_only_when_it_is_blind() -> None:
    """Counts of 3.75 with a common variance of 2.08: n 5.83^2 / (5.83^2 + (n - 1) 2.08^2), 2.9 of 4 units and 7 of 60."""
    data, model = in_trials(4, 2000.0, "data"), in_trials(60, 2000.0, "model")

    def dimensions(one: xr.Dataset, **given: Any) -> tuple[float, float, float]:
        found = measure([one], "participation_ratio", begin=0.0, end=0.05, **given)
        return tuple(float(found[f"participation_ratio{key}"].squeeze()) for key in ("", "_low", "_high"))  # type: ignore[return-value]

    value, low, high = dimensions(data)
    assert dimensions(model)[1] < 60 * 5.83**2 / (5.83**2 + 59 * 2.08**2) < dimensions(model)[2]
    assert not low < dimensions(model)[0] < high
    blind, blind_low, blind_high = dimensions(model, blind=seen_like(data))
    assert blind_low < value < blind_high
    assert low < blind < high


def test_number_of_units_and_duration_are_those_of_the_recording() -> None:
    like = recorded([5.0] * 7, 40.0)
    model = recorded([5.0] * 30, 100.0, replicate="3", subject="3")
    found = check(blinded(model, seen_like(like)), "activity/1")
    assert found.sizes["unit"] == 7
    assert observed.observed_time(found) == pytest.approx(40.0)
    book = json.loads(found.attrs["bookkeeping"])
    for what, dim in (("spikes", "spike"), ("units", "unit")):
        assert book[what]["in"] == model.sizes[dim]
        assert book[what]["out"] == found.sizes[dim] == book[what]["in"] - sum(book[what]["dropped"].values())
    assert set(book["spikes"]["dropped"]) == {"longer than rec lasted", "more units than rec has"}
    kept = {str(u): t for u, t in zip(model.unit.values, observed.spike_trains(model), strict=True)}
    for unit, times in zip(found.unit.values, observed.spike_trains(found), strict=True):
        assert np.array_equal(times, kept[str(unit)][kept[str(unit)] < 40.0])


def test_the_same_units_of_every_variant_and_others_of_another_realisation() -> None:
    like = seen_like(recorded([5.0] * 7, 40.0))
    one, other = (blinded(recorded([r] * 30, 50.0, replicate="0", subject="0"), like).unit.values.tolist() for r in (5.0, 6.0))
    assert one == other
    assert one != blinded(recorded([5.0] * 30, 50.0, replicate="1", subject="1"), like).unit.values.tolist()


def test_units_that_a_rig_does_not_detect_do_not_count() -> None:
    """A fifth of the model's units is silent, and one is slow: a mean rate over all of them is too low."""
    like = recorded([5.0] * 10, 60.0)
    model = recorded([5.0] * 15 + [0.0] * 4 + [0.2], 60.0, replicate="0", subject="0")
    assert measure([model], "firing_rate").firing_rate.mean() < 4.1
    found = measure([model], "firing_rate", blind=seen_like(like, minimum_rate=1.0)).firing_rate
    assert found.size == 10
    assert float(found.min()) > 1.0
    assert abs(float(found.mean()) - 5.0) < 4 * np.sqrt(5.0 / 600)
    with_silent = seen_like(recorded([5.0] * 9 + [0.0], 60.0))
    assert blinded(recorded([0.0] * 12, 60.0, replicate="0", subject="0"), with_silent).sizes["unit"] == 10


def test_a_model_that_nothing_would_be_seen_of_has_a_reason() -> None:
    like = seen_like(recorded([5.0] * 3, 60.0))
    silent = recorded([0.0] * 5, 60.0, replicate="0", subject="0")
    found = measure([silent, recorded([5.0] * 5, 60.0, replicate="1", subject="1")], "firing_rate", blind=like)
    assert json.loads(found.attrs["not_applicable"]) == {"0": "no unit would have been detected in rec"}
    assert found.sizes["unit"] == 3
    drawn = measure_draws([silent], "firing_rate", draws=2, block=1.0, seed=1, blind=like)
    assert json.loads(drawn["half_a"].attrs["not_applicable"]) == {"0": "no unit would have been detected in rec"}
    with pytest.raises(NotApplicable, match="which blindness is about"):
        blinded(silent.drop_vars(["spike_time", "spike_count"]), like)


def test_a_realisation_is_seen_like_a_replicate_of_its_factors() -> None:
    likes = [recorded([5.0] * n, 60.0, factors=json.dumps({"age": age, "dish": "a"})) for n, age in ((2, 7), (3, 14), (4, 14))]
    for subject, age, n in ((0, 7, 2), (0, 14, 3), (1, 14, 4), (2, 14, 3), (1, 99, 3)):
        model = recorded([5.0] * 9, 60.0, replicate=f"{age}-{subject}", subject=str(subject), factors=json.dumps({"age": age}))
        assert blinded(model, seen_like(*likes)).sizes["unit"] == n


def test_each_epoch_lasts_as_the_recorded_one() -> None:
    epochs = {"before": (0.0, 20.0), "after": (20.0, 30.0)}
    like = synthetic.activity([np.arange(0.5, 30)], 30.0, epochs=epochs)
    mine = {"before": (0.0, 50.0), "after": (60.0, 100.0), "later": (100.0, 120.0)}
    rng = rng_for(1, "epochs")
    model = synthetic.activity([synthetic.poisson_train(5.0, 120.0, rng)] * 3, 120.0, epochs=mine).assign_attrs(subject="0")
    found = blinded(model, seen_like(like))
    assert list(observed.epochs(found)) == list(mine)
    assert np.array(list(observed.epochs(found).values())) == pytest.approx(np.array([[0, 20], [60, 70], [100, 120]]), abs=1e-6)
    assert observed.observed_time(found) == pytest.approx(50.0, abs=1e-5)


# ---- sessions

NOISE: dict[str, Any] = {
    "title": "noise",
    "duration": "3 s",
    "populations": {"cell": {"n": 4, "neuron": "relay"}},
    "protocols": {
        "outside": {"poisson_input": {"population": "cell", "channel": "excitatory", "rate": "50 Hz", "weight": "1 V"}}
    },
}


@pytest.mark.slow
def test_sessions_are_parts_of_a_run_with_factors() -> None:
    run = simulate(NOISE, replicate=2)
    parts = {
        "young": Session.model_validate({"span": ["0 s", "1 s"], "factors": {"age": 7}}),
        "old": Session.model_validate({"span": ["1.5 s", "3 s"], "factors": {"age": 21, "drug": "none"}}),
    }
    young, old = sessions(run, parts)
    assert sessions(run, {}) == [run]
    for part, name, n in ((young, "young", 1.0), (old, "old", 1.5)):
        check(part, "activity/1")
        assert part.attrs["replicate"] == f"{name}-2"
        assert part.attrs["subject"] == "2"
        assert observed.observed_time(part) == pytest.approx(n)
        book = json.loads(part.attrs["bookkeeping"])["spikes"]
        assert book["out"] == part.sizes["spike"] == book["in"] - sum(book["dropped"].values())
    assert json.loads(old.attrs["factors"]) == {"age": 21, "drug": "none"}
    assert young.sizes["spike"] + old.sizes["spike"] < run.sizes["spike"]


def test_metrics_do_not_take_a_parameter_of_that_name() -> None:
    """`measure` has an argument `blind` beside those of the metric."""
    from homeoanalysis import catalogue

    for name in catalogue.names("metrics"):
        thing: Metric = catalogue.load("metrics", name)
        assert "blind" not in catalogue.parameters("metrics", thing.name).model_fields
