"""Verdicts on models whose truth is known, and every number of a comparison against its formula."""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import stats

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.study import Contrast
from homeoanalysis.contracts import check
from homeoanalysis.errors import DataError
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.numerics import resampling, synthetic
from homeoanalysis.provenance import rng_for

# ---- models of known truth: the same generator, another rate, another stimulus

N = 20
METRICS: dict[str, dict[str, Any]] = {
    "firing_rate": {},
    "stimulus_coherence": {"segment": 0.512},
    "information_rate": {"segment": 0.512},
}


def encoder(source: str, rate: float = 100.0) -> xr.Dataset:
    """20 s of an encoder with coherence 0.11 up to 64 Hz."""
    one = synthetic.poisson_encoder(rate, 0.4, 64.0, 20.0, rng_for(10, "encoder", source))
    epoch = {"epoch_start": ("epoch", [0.0], {"units": "s"}), "epoch_stop": ("epoch", [20.0], {"units": "s"})}
    return one.assign(epoch).assign_coords(epoch=["stimulus"]).assign_attrs(source=source)


def taken(one: xr.Dataset, label: str) -> Measured:
    parameters = METRICS[label]
    return Measured(measure([one], label, **parameters), measure_draws([one], label, draws=20, block=0.512, seed=1, **parameters))


@pytest.fixture(scope="module")
def verdicts() -> xr.Dataset:
    """Each of 20 recordings against the next one, which is a perfect model of it, and five of them against wrong models."""
    activities = {f"rec{k}": encoder(f"rec{k}") for k in range(N)}
    targets = {f"rec{k}": [f"rec{(k + 1) % N}"] for k in range(N)}
    for k in range(5):
        activities[f"faster{k}"] = encoder(f"faster{k}", rate=150.0)
        shifted = resampling.shifted_stimulus(encoder(f"shifted{k}"), rng_for(10, "shift", k))
        activities[f"shifted{k}"] = shifted
        targets[f"rec{k}"] += [f"faster{k}", f"shifted{k}"]
    measures = {label: {s: taken(a, label) for s, a in activities.items()} for label in METRICS}
    contrasts = {"stimulus": Contrast(metrics=list(METRICS), epoch="stimulus")}
    fitted = {f"faster{k}": ["firing_rate"] for k in range(4, 5)}
    result = compare(measures, contrasts=contrasts, targets=targets, fitted=fitted, study="known", seed=1)
    return result.sel(contrast="stimulus")


@pytest.mark.parametrize("label", METRICS)
def test_a_perfect_model_matches(label: str, verdicts: xr.Dataset) -> None:
    """In 160 other comparisons of this kind 3 % of perfect models differed: at most 1 of 20."""
    found = Counter(verdicts.verdict.sel(metric=label, target=f"rec{k}", candidate=f"rec{(k + 1) % N}").item() for k in range(N))
    assert found["matches"] >= 19
    assert found["matches"] + found["differs"] == N


@pytest.mark.parametrize(
    ("wrong", "label", "verdict"),
    [
        ("faster", "firing_rate", "differs"),
        ("shifted", "firing_rate", "matches"),
        ("shifted", "stimulus_coherence", "differs"),
        ("shifted", "information_rate", "differs"),
    ],
)
def test_a_wrong_model_differs_in_what_is_wrong(wrong: str, label: str, verdict: str, verdicts: xr.Dataset) -> None:
    for k in range(5):
        cell = verdicts.sel(metric=label, target=f"rec{k}", candidate=f"{wrong}{k}")
        expected = "fitted" if (wrong, label, k) == ("faster", "firing_rate", 4) else verdict
        assert cell.verdict.item() == expected
        assert cell.fitted.item() == int(expected == "fitted")


@pytest.mark.parametrize("label", METRICS)
def test_surrogates_are_further_than_the_other_half(label: str, verdicts: xr.Dataset) -> None:
    for k in range(N):
        data, null = (verdicts.sel(metric=label, target=f"rec{k}", candidate=c) for c in ("data", "null"))
        assert data.discrepancy < data.ceiling < null.discrepancy
        assert data.within_low <= data.discrepancy <= data.within_high
        assert data.verdict == null.verdict == "reference"


def test_one_recording_has_no_interval_over_subjects(verdicts: xr.Dataset) -> None:
    """But one within the recording."""
    cells = verdicts.sel(target="rec0", candidate="rec1")
    assert np.isnan(cells.discrepancy_low).all()
    assert np.isnan(cells.discrepancy_high).all()
    assert np.isfinite(cells.within_low).all()
    assert np.isfinite(cells.within_high).all()


# ---- measures made of numbers

Table = Mapping[str, tuple[str, dict[str, Any], Any]]  # replicate: subject, factors, (unit, epoch)
EPOCHS = ["before", "after"]
DRAWS = 21


def made(
    source: str, table: Table, *, half: float = 1.0, noise: float = 0.0, null: float = 3.0, metric: str = "firing_rate"
) -> Measured:
    """Rates as they are given; halves are `half` times them with normal noise of that relative size, surrogates `null` times."""
    arrays = {r: np.atleast_2d(np.asarray(values, float)) for r, (_, _, values) in table.items()}
    whole = np.concatenate(list(arrays.values()))
    coordinates = {
        "unit": [f"{r}/{u}" for r, a in arrays.items() for u in range(len(a))],
        "unit_replicate": ("unit", [r for r, a in arrays.items() for _ in a]),
        "epoch": EPOCHS[: whole.shape[1]],
        "replicate": list(table),
        "subject": ("replicate", [subject for subject, _, _ in table.values()]),
        "factors": ("replicate", [json.dumps(factors) for _, factors, _ in table.values()]),
    }
    attributes = {"schema": "measure/1", "source": source, "source_kind": "recording", "metric": metric, "not_applicable": "{}"}

    def dataset(values: np.ndarray) -> xr.Dataset:
        dims = ("draw", "unit", "epoch")[3 - values.ndim :]
        made_of = {metric: (dims, values, {"units": "Hz", "long_name": "firing rate"})}
        return check(xr.Dataset(made_of, coords=coordinates, attrs=attributes), "measure/1")

    rng = rng_for(10, "made", source)
    drawn = {
        kind: dataset(factor * whole * (1 + noise * rng.normal(size=(DRAWS, *whole.shape))))
        for kind, factor in (("half_a", half), ("half_b", half), ("null", null))
    }
    return Measured(dataset(whole), drawn)


def compared(
    sources: Mapping[str, Measured], contrast: Contrast, *, seed: int = 1, fitted: Mapping[str, list[str]] | None = None
) -> xr.Dataset:
    """The first source against the others, in one contrast of the firing rate."""
    target, *candidates = sources
    result = compare(
        {"firing_rate": sources},
        contrasts={"c": contrast},
        targets={target: candidates},
        fitted=fitted or {},
        study="s",
        seed=seed,
    )
    return result.isel(target=0, contrast=0, metric=0)


def values(measured: Measured, kind: str) -> np.ndarray:
    return measured.draws[kind].firing_rate.values


LEVEL = Contrast(metrics=["firing_rate"], epoch="after")
CHANGE = Contrast(metrics=["firing_rate"], epoch="after", reference="before")
BETWEEN = Contrast.model_validate({"metrics": ["firing_rate"], "epoch": "after", "between": {"factor": "age", "levels": [7, 21]}})
NO_FACTORS: dict[str, Any] = {}


def test_a_level_is_compared_relative_to_the_target() -> None:
    """|model - half of the target| / target in each draw: median, 2.5 and 97.5 %; ceiling: 95 % of half against half."""
    target = made("rec", {"r": ("s", NO_FACTORS, [[4.0, 8.0], [6.0, 12.0]])}, noise=0.1)
    model = made("model", {"0": ("0", NO_FACTORS, [[5.0, 9.0], [5.0, 15.0]])}, noise=0.1)
    found = compared({"rec": target, "model": model}, LEVEL)
    left = values(target, "half_a")[:, :, 1].mean(axis=1)
    for candidate, drawn in (
        ("model", values(model, "half_b")),
        ("data", values(target, "half_b")),
        ("null", values(target, "null")),
    ):
        distance = np.abs(drawn[:, :, 1].mean(axis=1) - left) / 10.0
        cell = found.sel(candidate=candidate)
        assert cell.discrepancy.item() == pytest.approx(np.median(distance), rel=1e-12)
        np.testing.assert_allclose([cell.within_low, cell.within_high], np.quantile(distance, [0.025, 0.975]), rtol=1e-12)
        if candidate == "data":
            assert found.ceiling.item() == pytest.approx(np.quantile(distance, 0.95), rel=1e-12)
    assert found.unit.item() == "Hz"
    np.testing.assert_allclose(found.location, [10.0, 12.0])


def test_a_change_is_relative_to_the_reference_of_each_replicate() -> None:
    """(after - before) / before of the mean over units, by hand: 1 and 0.5 in the recording, 0 in the model."""
    target = made("rec", {"a": ("s", NO_FACTORS, [[4.0, 8.0]]), "b": ("t", NO_FACTORS, [[5.0, 9.0], [7.0, 9.0]])})
    model = made("model", {"0": ("0", NO_FACTORS, [[5.0, 5.0]])})
    found = compared({"rec": target, "model": model}, CHANGE)
    np.testing.assert_allclose(found.location, [0.75, 0.0])
    np.testing.assert_allclose(found.spread.values[0], np.std([1.0, 0.5], ddof=1))
    assert found.n_subjects.values.tolist() == [2, 1]
    assert found.discrepancy.sel(candidate="model").item() == pytest.approx(0.75, rel=1e-12)  # halves without noise
    assert found.discrepancy.sel(candidate="data").item() == 0
    assert found.discrepancy.sel(candidate="null").item() == pytest.approx(0, abs=1e-12)  # a common factor keeps a change


def test_a_difference_between_levels_is_relative_to_the_first() -> None:
    """Means over replicates: recording (10, 20), so 1; model (10, 15), so 0.5."""
    young, old = {"age": 7, "drug": "no"}, {"age": 21, "drug": "no"}
    table = {
        "a7": ("a", young, [[0.0, 8.0]]),
        "b7": ("b", young, [[0.0, 12.0]]),
        "a21": ("a", old, [[0.0, 18.0], [0.0, 26.0]]),
        "b21": ("b", old, [[0.0, 18.0]]),
        "c21": ("c", {"age": 21, "drug": "yes"}, [[0.0, 500.0]]),
    }
    model = {"m7": ("0", young, [[0.0, 10.0]]), "m21": ("0", old, [[0.0, 15.0]])}
    contrast = BETWEEN.model_copy(update={"where": {"drug": "no"}})
    found = compared({"rec": made("rec", table), "model": made("model", model)}, contrast)
    np.testing.assert_allclose(found.location, [1.0, 0.5])
    assert found.discrepancy.sel(candidate="model").item() == pytest.approx(0.5, rel=1e-12)


def test_a_larger_model_gets_no_credit_for_its_size() -> None:
    """One unit of 10 Hz against a model of units of 10 and 20 Hz: each draw takes one of them, never their mean."""
    target = made("rec", {"r": ("s", NO_FACTORS, [[1.0, 10.0]])})
    model = made("model", {str(k): (str(k), NO_FACTORS, [[1.0, 10.0], [1.0, 20.0]]) for k in range(3)})
    found = compared({"rec": target, "model": model}, LEVEL).sel(candidate="model")
    assert found.within_low.item() == pytest.approx(0.0, abs=1e-12)
    assert found.within_high.item() == pytest.approx(1.0, rel=1e-12)
    assert found.discrepancy.item() in (pytest.approx(0.0, abs=1e-12), pytest.approx(1.0, rel=1e-12))


@pytest.mark.parametrize("n", [1, 3, 4, 9])
def test_interval_over_subjects(n: int) -> None:
    """Below four subjects none; from four on the t interval of the distances, one for each subject."""
    rates = 10 + np.arange(n) ** 2
    table = {f"{s}{k}": (f"s{s}", NO_FACTORS, [[1.0, rates[s] + 2 * k]]) for s in range(n) for k in range(2)}
    found = compared(
        {"rec": made("rec", table, noise=0.1), "model": made("model", {"0": ("0", NO_FACTORS, [[1.0, 12.0]])})}, LEVEL
    )
    norm = (rates + 1).mean()
    distance = np.mean([np.abs(12 - rates), np.abs(12 - rates - 2)], axis=0) / norm
    cell = found.sel(candidate="model")
    assert found.n_subjects.values.tolist() == [n, 1]
    if n < 4:
        assert np.isnan([cell.discrepancy_low, cell.discrepancy_high]).all()
    else:
        expected = stats.t.interval(0.95, n - 1, distance.mean(), stats.sem(distance))
        np.testing.assert_allclose([cell.discrepancy_low, cell.discrepancy_high], expected, rtol=1e-9)
    assert np.isfinite([cell.within_low, cell.within_high]).all()
    np.testing.assert_allclose(found.location.values[0], (rates + 1).mean())


# ---- verdicts


@pytest.mark.parametrize(("rate", "verdict"), [(10.0, "matches"), (10.5, "matches"), (20.0, "differs")])
def test_verdicts(rate: float, verdict: str) -> None:
    target = made("rec", {"r": ("s", NO_FACTORS, [[1.0, 10.0]])}, noise=0.05)
    model = made("model", {"0": ("0", NO_FACTORS, [[1.0, rate]])})
    assert compared({"rec": target, "model": model}, LEVEL).verdict.sel(candidate="model").item() == verdict
    fitted = compared({"rec": target, "model": model}, LEVEL, fitted={"model": ["firing_rate"], "rec": ["firing_rate"]})
    assert fitted.verdict.sel(candidate="model").item() == "fitted"
    assert fitted.verdict.sel(candidate="data").item() == "reference"
    assert np.isfinite(fitted.discrepancy.sel(candidate="model"))


def test_undecided_where_halves_differ_as_much_as_surrogates() -> None:
    target = made("rec", {"r": ("s", NO_FACTORS, [[1.0, 10.0]])}, noise=0.5, null=1.0)
    for rate in (10.0, 100.0):
        model = made("model", {"0": ("0", NO_FACTORS, [[1.0, rate]])})
        found = compared({"rec": target, "model": model}, LEVEL)
        assert found.discrepancy.sel(candidate="null") <= found.ceiling
        assert found.verdict.sel(candidate="model").item().startswith("undecided: the target's halves differ as much")


# ---- what cannot be compared

ONE: Table = {"r": ("s", {"age": 7}, [[1.0, 10.0]])}


@pytest.mark.parametrize(
    ("contrast", "model", "reason"),
    [
        (Contrast(metrics=["firing_rate"], epoch="later"), ONE, "no such epoch: later (in rec)"),
        (Contrast(metrics=["firing_rate"], epoch="after", reference="never"), ONE, "no such epoch: never (in rec)"),
        (LEVEL, {"r": ("s", {"age": 7}, [[1.0]])}, "no such epoch: after (in model)"),
        (Contrast(metrics=["firing_rate"]), ONE, "the contrast names no epoch (in rec)"),
        (LEVEL.model_copy(update={"where": {"age": 9}}), ONE, "no replicate with age = 9 (in rec)"),
        (
            LEVEL.model_copy(update={"where": {"age": 7}}),
            {"r": ("s", {"age": 8}, [[1.0, 1.0]])},
            "no replicate with age = 7 (in model)",
        ),
        (LEVEL.model_copy(update={"where": {"dose": 7}}), ONE, "no replicate with dose = 7 (in rec)"),
        (BETWEEN, ONE, "no replicate with age = 21 (in rec)"),
        (Contrast(metrics=["cv2"], epoch="after"), ONE, "the contrast does not ask for this metric"),
        (LEVEL, {"r": ("s", {"age": 7}, [[1.0, np.nan]])}, "no value in common"),
    ],
)
def test_reasons(contrast: Contrast, model: Table, reason: str) -> None:
    found = compared({"rec": made("rec", ONE, noise=0.1), "model": made("model", model)}, contrast).sel(candidate="model")
    assert (found.comparable.item(), found.reason.item(), found.verdict.item()) == (0, reason, "not comparable")
    assert np.isnan(found.discrepancy)
    assert np.isnan([found.within_low, found.within_high, found.discrepancy_low, found.discrepancy_high]).all()


def test_a_silent_target_has_no_relative_distance() -> None:
    found = compared({"rec": made("rec", {"r": ("s", NO_FACTORS, [[1.0, 0.0]])}), "model": made("model", ONE)}, LEVEL)
    assert set(found.reason.values) == {"rec is 0 or undefined, a ratio to it means nothing"}


def test_nothing_to_measure_in_the_model_gives_its_reason() -> None:
    """A model without a stimulus is not compared in coherence, and does not stop the others."""
    silent = synthetic.activity([np.arange(0.01, 4, 0.05)], 4.0).assign_attrs(source="silent")
    measures = {
        "stimulus_coherence": {s: taken(a, "stimulus_coherence") for s, a in (("rec", encoder("rec0")), ("silent", silent))}
    }
    contrasts = {"c": Contrast(metrics=["stimulus_coherence"], epoch="stimulus")}
    found = compare(measures, contrasts=contrasts, targets={"rec": ["silent"]}, fitted={}, study="s", seed=1)
    assert found.reason.sel(candidate="silent").item() == "no stimulus (in silent)"
    assert found.verdict.sel(candidate="data").item() == "reference"


def test_a_descriptive_metric_is_located_and_not_compared() -> None:
    one = encoder("rec0")
    assert measure_draws([one], "population_rate", draws=5, block=1.0, seed=1, bin_size=1.0) == {}
    measures = {"population_rate": {s: Measured(measure([one], "population_rate", bin_size=1.0), {}) for s in ("rec", "model")}}
    contrasts = {"c": Contrast(metrics=["population_rate"])}
    found = compare(measures, contrasts=contrasts, targets={"rec": ["model"]}, fitted={}, study="s", seed=1)
    assert set(found.reason.values.ravel()) == {"a descriptive metric"}
    np.testing.assert_allclose(found.location, one.sizes["spike"] / 20.0)


def test_only_listed_candidates_are_compared() -> None:
    sources = {s: made(s, ONE, noise=0.1) for s in ("a", "b", "m", "n")}
    result = compare(
        {"firing_rate": sources}, contrasts={"c": LEVEL}, targets={"a": ["m"], "b": ["n"]}, fitted={}, study="s", seed=1
    ).isel(contrast=0, metric=0)
    assert result.reason.sel(target="a", candidate="n").item() == "not a candidate for a"
    assert result.reason.sel(target="b", candidate="m").item() == "not a candidate for b"
    assert result.comparable.sel(target="a", candidate=["null", "data", "m"]).values.tolist() == [1, 1, 1]


# ---- reproducible


def sources() -> dict[str, Measured]:
    target = made("rec", {"r": ("s", NO_FACTORS, [[1.0, 10.0]])}, noise=0.1)
    models = {s: {str(k): (str(k), NO_FACTORS, [[1.0, 9.0 + k], [1.0, 12.0]]) for k in range(3)} for s in ("m", "n")}
    return {"rec": target, **{s: made(s, table, noise=0.1) for s, table in models.items()}}


def test_the_same_seed_gives_the_same_and_another_seed_another_result() -> None:
    first, again, other = (compared(sources(), LEVEL, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    assert not first.discrepancy.equals(other.discrepancy)
    xr.testing.assert_equal(first.discrepancy.sel(candidate=["data", "null"]), other.discrepancy.sel(candidate=["data", "null"]))


def test_other_sources_and_their_order_change_nothing() -> None:
    def run(order: list[str]) -> xr.Dataset:
        have = sources()
        by_source = {"firing_rate": {s: have[s] for s in order}}
        targets = {"rec": [s for s in order if s != "rec"]}
        return compare(by_source, contrasts={"c": LEVEL}, targets=targets, fitted={}, study="s", seed=1)

    whole, turned, alone = run(["rec", "m", "n"]), run(["n", "rec", "m"]), run(["rec", "m"])
    xr.testing.assert_identical(turned.sel(source=whole.source, candidate=whole.candidate), whole)
    xr.testing.assert_identical(whole.sel(source=alone.source, candidate=alone.candidate), alone)


def test_inputs_are_not_changed() -> None:
    have = sources()
    before = {s: (m.estimate.copy(deep=True), {k: d.copy(deep=True) for k, d in m.draws.items()}) for s, m in have.items()}
    compared(have, LEVEL)
    for s, (estimate, draws) in before.items():
        assert have[s].estimate.identical(estimate)
        assert all(have[s].draws[k].identical(d) for k, d in draws.items())


def test_draws_do_not_depend_on_the_order_of_replicates() -> None:
    activities = [encoder(f"rec{k}").assign_attrs(source="one", replicate=str(k)) for k in range(2)]
    forward, backward = (measure_draws(a, "firing_rate", draws=5, block=0.5, seed=1) for a in (activities, activities[::-1]))
    for kind in forward:
        np.testing.assert_array_equal(
            forward[kind].firing_rate.values, backward[kind].sel(unit=forward[kind].unit).firing_rate.values
        )


def test_a_replicate_that_is_given_twice_is_an_error() -> None:
    with pytest.raises(DataError, match="two activities of replicate '0', which would count twice"):
        measure([encoder("rec0"), encoder("rec1")], "firing_rate")
