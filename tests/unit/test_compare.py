"""Verdicts on models whose truth is known, and every number of a comparison against its formula."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from scipy import stats

from homeoanalysis.compare import Measured, compare
from homeoanalysis.compare.contrasts import NotComparable
from homeoanalysis.compare.subjects import _tests, change_interval, interval, located
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts import check
from homeoanalysis.errors import DataError
from homeoanalysis.measure import measure, measure_draws
from homeoanalysis.metrics.compensation_index import compensation_index
from homeoanalysis.numerics import decoding, resampling, synthetic
from homeoanalysis.numerics.intervals import ratio_interval
from homeoanalysis.numerics.summaries import summarise
from homeoanalysis.provenance import rng_for

# ---- models of known truth: the same generator, another rate, another stimulus

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


def subjects(source: str, make: Callable[[str], xr.Dataset], n: int = 6) -> list[xr.Dataset]:
    """Recordings of n subjects of one source."""
    each = [make(f"{source} {k}") for k in range(n)]
    return [one.assign_attrs(source=source, replicate=str(k), subject=str(k)) for k, one in enumerate(each)]


@pytest.fixture(scope="module")
def verdicts() -> xr.Dataset:
    """Six recordings against six more of the same encoder, a faster one, and one whose stimulus is turned in time."""

    def shift_stimulus(name: str) -> xr.Dataset:
        return resampling.shifted_stimulus(encoder(name), rng_for(10, "shift", name))

    made_of = {
        "rec": subjects("rec", encoder),
        "twin": subjects("twin", encoder),
        "faster": subjects("faster", lambda name: encoder(name, rate=150.0)),
        "shifted": subjects("shifted", shift_stimulus),
    }
    measures = {
        label: {s: Measured(measure(each, label, **parameters), {}) for s, each in made_of.items()}
        for label, parameters in METRICS.items()
    }
    contrasts = {"stimulus": Contrast(metrics=list(METRICS), epoch="stimulus")}
    targets = {"rec": ["twin", "faster", "shifted"]}
    result = compare(measures, contrasts=contrasts, targets=targets, fitted={}, study="known", seed=1, margin="20 %")
    return result.sel(contrast="stimulus", target="rec")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("candidate", "label", "verdict"),
    [
        ("twin", "firing_rate", "agrees"),
        ("faster", "firing_rate", "differs"),
        ("shifted", "firing_rate", "agrees"),
        ("shifted", "stimulus_coherence", "differs"),
        ("shifted", "information_rate", "differs"),
    ],
)
def test_a_wrong_model_differs_in_what_is_wrong(candidate: str, label: str, verdict: str, verdicts: xr.Dataset) -> None:
    assert verdicts.verdict.sel(metric=label, candidate=candidate).item() == verdict


@pytest.mark.slow
def test_the_generator_of_the_data_does_not_differ(verdicts: xr.Dataset) -> None:
    assert not (verdicts.verdict.sel(candidate="twin") == "differs").any()


def test_halves_and_surrogates_say_how_far_a_target_agrees_with_itself() -> None:
    """They are described where there are any, and change no verdict."""
    each = subjects("rec", encoder, 2)
    drawn = measure_draws(each, "stimulus_coherence", draws=20, block=0.512, seed=1, segment=0.512)
    estimate = measure(each, "stimulus_coherence", segment=0.512)
    with_draws, without = (
        compare(
            {"stimulus_coherence": {"rec": Measured(estimate, draws)}},
            contrasts={"c": Contrast(metrics=["stimulus_coherence"], epoch="stimulus")},
            targets={"rec": []},
            fitted={},
            study="s",
            seed=1,
        ).isel(target=0, contrast=0, metric=0)
        for draws in (drawn, {})
    )
    assert with_draws.surrogate_p.item() == pytest.approx(2 / 21)  # the least of 20 surrogates
    assert abs(with_draws.null_location.item()) < 0.01 < with_draws.location.item()
    assert 0 < with_draws.noise_ceiling.item() < with_draws.location.item()
    assert np.isnan([without[name].item() for name in ("surrogate_p", "null_location", "noise_ceiling")]).all()


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


def test_a_level_is_compared_by_its_logarithm() -> None:
    """Five subjects and four realisations: Welch's t of the logarithms, by scipy."""
    rates, simulated = np.array([8.0, 12.0, 9.0, 10.0, 14.0]), np.array([10.0, 11.0, 13.0, 12.0])
    target, model = (
        made(name, {str(k): (f"s{k}", NO_FACTORS, [[1.0, v]]) for k, v in enumerate(values)})
        for name, values in (("rec", rates), ("model", simulated))
    )
    found = compared({"rec": target, "model": model}, LEVEL).sel(candidate="model")
    test = stats.ttest_ind(np.log(simulated), np.log(rates), equal_var=False)
    assert found.difference.item() == pytest.approx(np.log(simulated).mean() - np.log(rates).mean(), rel=1e-12)
    ends = test.confidence_interval(0.95)
    np.testing.assert_allclose([found.difference_low, found.difference_high], [ends.low, ends.high], rtol=1e-9)
    assert found.difference_unit.item() == "log ratio"
    assert found.difference_over.item() == "over 5 subjects and 4 subjects"
    assert found.margin_high.item() == pytest.approx(np.log(rates).std(ddof=1) / 2, rel=1e-12)
    assert found.margin_from.item() == "default: half the standard deviation between subjects"
    np.testing.assert_allclose(found.location, [rates.mean(), simulated.mean()])


def test_a_change_is_relative_to_the_reference_of_each_replicate() -> None:
    """Factors 2 and 1.5 of the mean over units in the recording, 1 in the model; their mean is geometric."""
    target = made("rec", {"a": ("s", NO_FACTORS, [[4.0, 8.0]]), "b": ("t", NO_FACTORS, [[5.0, 9.0], [7.0, 9.0]])})
    model = made("model", {"0": ("0", NO_FACTORS, [[5.0, 5.0]])})
    found = compared({"rec": target, "model": model}, CHANGE)
    np.testing.assert_allclose(found.location, [np.sqrt(3.0) - 1, 0.0], atol=1e-12)
    np.testing.assert_allclose(found.spread.values[0], np.std([1.0, 0.5], ddof=1))
    assert found.n_subjects.values.tolist() == [2, 1]
    assert found.difference.sel(candidate="model").item() == pytest.approx(-np.log(3.0) / 2, rel=1e-12)


def test_the_mean_of_relative_changes_has_no_bias_of_ratios() -> None:
    """Rates that fluctuate by 50 % around the same level: the mean of their ratios is 25 % too large, ours is right."""
    rng = rng_for(10, "no change")
    deviation = np.sqrt(np.log1p(0.5**2))
    rates = np.exp(deviation * rng.normal(size=(400, 2)))
    table = {str(k): (f"s{k}", NO_FACTORS, [pair]) for k, pair in enumerate(rates)}
    location = compared({"rec": made("rec", table)}, CHANGE).location.item()
    error = np.sqrt(2) * deviation / np.sqrt(400)
    assert abs(np.log1p(location)) < 4 * error
    assert abs(np.log((rates[:, 1] / rates[:, 0]).mean()) - deviation**2) < 4 * error  # the control: e^0.223 - 1 = 25 %


def test_a_subject_that_falls_silent_is_not_lost() -> None:
    """It has no logarithm: the mean of the changes is then arithmetic, and the difference is in parts of the target's mean."""
    table = {str(k): (f"s{k}", NO_FACTORS, [[10.0, rate]]) for k, rate in enumerate((0.0, 5.0, 10.0, 5.0))}
    model = {str(k): (f"s{k}", NO_FACTORS, [[10.0, rate]]) for k, rate in enumerate((10.0, 10.0, 10.0, 10.0))}
    found = compared({"rec": made("rec", table), "model": made("model", model)}, CHANGE).sel(candidate="model")
    np.testing.assert_allclose(found.location, [-0.5, 0.0], atol=1e-12)
    assert found.difference.item() == pytest.approx(1.0 / 0.5 - 1, rel=1e-12)
    assert found.difference_unit.item() == "of the target's mean"
    assert found.n_left_out.values.tolist() == [0, 0]


def by_state(rates: Mapping[str, float]) -> Measured:
    """A metric with a value for each state: `made`, times the factor of the state."""
    estimate, draws = made("rec", {"r": ("s", NO_FACTORS, [[4.0, 8.0]])}, noise=0.1)
    factor = xr.DataArray(list(rates.values()), dims="state", coords={"state": list(rates)})

    def spread(dataset: xr.Dataset) -> xr.Dataset:
        return dataset.assign(firing_rate=(dataset.firing_rate * factor).assign_attrs(dataset.firing_rate.attrs))

    return Measured(spread(estimate), {kind: spread(dataset) for kind, dataset in draws.items()})


def test_a_contrast_is_of_the_state_that_it_names() -> None:
    sources = {"rec": by_state({"wake": 1.0, "sleep": 3.0})}
    found = compared(sources, LEVEL.model_copy(update={"at": {"state": "sleep"}}))
    assert found.location.item() == 24.0
    for at, reason in (({}, "the contrast names no state"), ({"state": "walk"}, "no such state: walk")):
        refused = compared(sources, LEVEL.model_copy(update={"at": at}))
        assert refused.location_reason.item() == reason
        assert np.isnan(refused.location.item())


def test_a_contrast_is_of_the_units_of_its_cell_type_and_region() -> None:
    estimate, draws = made("rec", {"r": ("s", NO_FACTORS, [[4.0, 8.0], [1.0, 2.0], [3.0, 5.0]])}, noise=0.1)
    kinds = {"cell_type": ("unit", ["E", "I", "E"]), "region": ("unit", ["CA1", "CA1", "EC3"])}
    typed = {kind: d.assign_coords(kinds) for kind, d in {"": estimate, **draws}.items()}
    sources = {"rec": Measured(typed.pop(""), typed)}
    for asked, location in (
        ({"cell_type": "E"}, 6.5),
        ({"cell_type": "I"}, 2.0),
        ({"region": "CA1"}, 5.0),
        ({"cell_type": "E", "region": "CA1"}, 8.0),
    ):
        assert compared(sources, LEVEL.model_copy(update=asked)).location.item() == location
    for asked, missing in (({"cell_type": "unknown"}, "cell type unknown"), ({"cell_type": "I", "region": "EC3"}, "region EC3")):
        refused = compared(sources, LEVEL.model_copy(update=asked))
        assert refused.location_reason.item() == f"replicate r has no units of {missing}"


YOUNG, OLD = {"age": 7, "drug": "no"}, {"age": 21, "drug": "no"}
AGES: Table = {
    "a7": ("a", YOUNG, [[0.0, 8.0]]),
    "b7": ("b", YOUNG, [[0.0, 12.0]]),
    "a21": ("a", OLD, [[0.0, 18.0], [0.0, 26.0]]),
    "b21": ("b", OLD, [[0.0, 18.0]]),
    "c21": ("c", {"age": 21, "drug": "yes"}, [[0.0, 500.0]]),
}
AGED_MODEL: Table = {"m7": ("0", YOUNG, [[0.0, 10.0]]), "m21": ("0", OLD, [[0.0, 15.0]])}


def between(**options: Any) -> Contrast:
    levels = {"factor": "age", "levels": [7, 21], **options}
    return Contrast.model_validate({"metrics": ["firing_rate"], "epoch": "after", "where": {"drug": "no"}, "between": levels})


def test_a_difference_between_levels_is_of_each_subject_relative_to_its_first() -> None:
    """By hand: factors 22 / 8 and 18 / 12 in the recording, whose geometric mean is 2.03; 1.5 in the model."""
    found = compared({"rec": made("rec", AGES), "model": made("model", AGED_MODEL)}, between())
    np.testing.assert_allclose(found.location, [np.sqrt(2.75 * 1.5) - 1, 0.5])
    np.testing.assert_allclose(found.spread, [np.std([1.75, 0.5], ddof=1), np.nan])
    assert found.difference.sel(candidate="model").item() == pytest.approx(np.log(1.5 / np.sqrt(2.75 * 1.5)), rel=1e-12)
    assert found.n_subjects.values.tolist() == [2, 1]
    assert found.n_first.values.tolist() == found.n_left_out.values.tolist() == [0, 0]  # each is compared with itself


def test_a_difference_between_levels_of_other_subjects_is_relative_to_their_first_mean() -> None:
    """Means over subjects: recording (10, 20), so 1; model (10, 15), so 0.5. The same table, if the study says so."""
    found = compared({"rec": made("rec", AGES), "model": made("model", AGED_MODEL)}, between(paired=False))
    np.testing.assert_allclose(found.location, [1.0, 0.5])
    assert np.isnan(found.spread).all()
    expected = np.log(15 / 10) - (np.log([22, 18]).mean() - np.log([8, 12]).mean())  # of geometric means
    assert found.difference.sel(candidate="model").item() == pytest.approx(expected, rel=1e-12)
    other = {r.replace("21", "x"): (s + r[1:], factors, v) for r, (s, factors, v) in AGES.items()}
    cross_sectional = compared({"rec": made("rec", other), "model": made("model", AGED_MODEL)}, between(paired=False))
    np.testing.assert_allclose(cross_sectional.location, [1.0, 0.5])
    assert cross_sectional.n_subjects.values.tolist() == cross_sectional.n_first.values.tolist() == [2, 1]


def ageing(levels: Mapping[int, Mapping[str, float]]) -> Table:
    """One replicate of each subject at each age that it has a rate at."""
    return {
        f"{s}{age}": (s, {"age": age, "drug": "no"}, [[0.0, rate]]) for age, rates in levels.items() for s, rate in rates.items()
    }


def test_a_models_realisations_are_its_subjects_in_a_change_between_levels() -> None:
    """Five realisations meet both levels: five pairs with a t interval; they counted as one subject."""
    before, after = np.array([10.0, 11.0, 9.0, 10.0, 12.0]), np.array([15.0, 17.0, 13.0, 16.0, 17.0])
    model = ageing({7: dict(zip("01234", before, strict=True)), 21: dict(zip("01234", after, strict=True))})
    found = compared({"rec": made("rec", AGES), "model": made("model", model)}, between()).sel(source="model")
    log = np.log(after / before)
    assert (found.n_subjects.item(), found.n_first.item(), found.n_left_out.item()) == (5, 0, 0)
    assert found.location.item() == pytest.approx(np.expm1(log.mean()), rel=1e-12)
    assert found.spread.item() == pytest.approx((after / before).std(ddof=1), rel=1e-12)
    expected = np.expm1(stats.t.interval(0.95, 4, log.mean(), stats.sem(log)))
    np.testing.assert_allclose([found.location_low, found.location_high], expected, rtol=1e-9)


def test_who_is_at_one_level_only_is_left_out_and_counted() -> None:
    """One realisation is judged by the spread of the subjects: Student's t, by scipy."""
    young = {"a": 10.0, "b": 10.0, "c": 10.0, "d": 10.0, "only young": 99.0}
    old = {"a": 12.0, "b": 14.0, "c": 18.0, "d": 20.0, "only old": 99.0, "also old": 1.0}
    found = compared({"rec": made("rec", ageing({7: young, 21: old})), "model": made("model", AGED_MODEL)}, between())
    cell = found.sel(candidate="model", source="rec")
    log = np.log([1.2, 1.4, 1.8, 2.0])
    width = stats.t.ppf(0.975, 3) * log.std(ddof=1) * np.sqrt(1 + 1 / 4)
    expected = np.log(1.5) - log.mean() + width * np.array([-1, 1])
    np.testing.assert_allclose([cell.difference_low, cell.difference_high], expected, rtol=1e-9)
    assert cell.difference_over.item() == "4 subjects and 1 subject, with one spread for both"
    assert (cell.n_subjects.item(), cell.n_first.item(), cell.n_left_out.item()) == (4, 0, 3)


def test_groups_of_other_subjects_are_counted_one_by_one() -> None:
    """Six cultures of one age and four of another: not paired by default, and the interval is that of two groups."""
    young, old = np.array([9.0, 10.0, 11.0, 10.0, 12.0, 8.0]), np.array([18.0, 22.0, 20.0, 21.0])
    table = ageing({7: {f"y{k}": v for k, v in enumerate(young)}, 21: {f"o{k}": v for k, v in enumerate(old)}})
    found = compared({"rec": made("rec", table, noise=0.05), "other": made("other", table)}, between())
    cell = found.sel(source="rec", candidate="other")
    assert (cell.n_subjects.item(), cell.n_first.item(), cell.n_left_out.item()) == (4, 6, 0)
    assert cell.location.item() == pytest.approx(old.mean() / young.mean() - 1, rel=1e-12)
    assert cell.location_low.item() < cell.location.item() < cell.location_high.item()
    assert cell.difference.item() == pytest.approx(0.0, abs=1e-12)
    assert cell.difference_over.item() == "over 6 and 4 subjects and 6 and 4 subjects"
    assert np.isnan(cell.spread)  # of no single subject
    assert np.isnan(cell.hedges_g)


def test_levels_of_the_same_subjects_are_not_compared_with_levels_of_others() -> None:
    apart = ageing({7: {"a": 10.0, "b": 12.0}, 21: {"c": 20.0, "d": 22.0}})
    sources = {"rec": made("rec", AGES, noise=0.05), "model": made("model", apart)}
    found = compared(sources, between()).sel(candidate="model")
    reason = "the two levels are of the same subjects in rec, but of different subjects in model"
    assert found.reason.item() == f"{reason}; write `paired: false` in the contrast"
    assert compared(sources, between(paired=False)).comparable.sel(candidate="model").item() == 1
    refused = compared({"rec": made("rec", apart), "model": made("model", AGES)}, between(paired=True))
    assert refused.reason.item() == "no subject has a value at both levels of age, 7 and 21 (in rec)"
    assert refused.location_reason.sel(source="rec").item() == "no subject has a value at both levels of age, 7 and 21"
    assert refused.location_reason.sel(source="model").item() == ""


@pytest.mark.parametrize("scale", ["linear", "relative"])
def test_interval_of_a_change_between_groups_covers(scale: str) -> None:
    """Groups of 4 and 7 with means 10 and 14 and unequal spread, 4000 times: the exact 99.9 % binomial interval has 95 %."""
    rng, inside = rng_for(10, "groups", scale), 0
    truth = 4.0 if scale == "linear" else 0.4
    for _ in range(4000):
        low, high = change_interval(rng.normal(10, 1.5, 4), rng.normal(14, 3.0, 7), scale)
        inside += low <= truth <= high
    interval = stats.binomtest(inside, 4000).proportion_ci(0.999, method="exact")
    assert interval.low <= 0.95 <= interval.high


def test_interval_of_a_difference_between_groups_is_welchs() -> None:
    first, second = np.array([1.0, 4.0, 2.0, 2.5]), np.array([7.0, 9.0, 3.0, 5.0, 8.0])
    expected = stats.ttest_ind(second, first, equal_var=False).confidence_interval(0.95)
    np.testing.assert_allclose(change_interval(first, second, "linear"), expected, rtol=1e-9)
    assert np.isnan(change_interval(first[:3], second, "linear")).all()
    assert np.isnan(change_interval(first - first.mean(), second, "relative")).all()  # a ratio to 0 has no bounds
    assert change_interval(np.full(4, 2.0), np.full(4, 3.0), "relative") == (0.5, 0.5)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("contrast", "metric", "unit"),
    [
        (LEVEL, "firing_rate", "Hz"),
        (CHANGE, "firing_rate", "1"),
        (BETWEEN, "firing_rate", "1"),
        # A difference of a metric that is not compared in ratios keeps its unit.
        (Contrast(metrics=["cv2"], epoch="after"), "cv2", "Hz"),
        (Contrast(metrics=["cv2"], epoch="after", reference="before"), "cv2", "Hz"),
    ],
)
def test_location_has_the_unit_of_its_contrast(contrast: Contrast, metric: str, unit: str) -> None:
    """`made` gives every metric in Hz. A relative change of it has no unit, whatever the unit of the metric."""
    sources = {s: made(s, AGES, noise=0.1, metric=metric) for s in ("rec", "model")}
    result = compare(
        {metric: sources}, contrasts={"level": LEVEL, "c": contrast}, targets={"rec": ["model"]}, fitted={}, study="s", seed=1
    )
    assert result.unit.dims == ("contrast", "metric", "source")
    assert set(result.unit.sel(contrast="c", metric=metric).values.tolist()) == {unit}
    assert set(result.unit.sel(contrast="level", metric=metric).values.tolist()) == {"Hz"}


def test_sources_in_different_units_keep_theirs_and_are_not_compared() -> None:
    """Weights of one model in volts, of another in siemens: each location has its own unit, and no distance is taken."""
    sources = {s: made(s, AGES, noise=0.1) for s in ("rec", "model")}
    for one in (sources["model"].estimate, *sources["model"].draws.values()):
        one.firing_rate.attrs["units"] = "V"
    targets = {"rec": ["model"]}
    result = compare({"firing_rate": sources}, contrasts={"level": LEVEL}, targets=targets, fitted={}, study="s", seed=1)
    found = result.sel(target="rec", contrast="level", metric="firing_rate")
    assert found.unit.values.tolist() == ["Hz", "V"]
    assert found.location.notnull().all()
    assert str(found.reason.sel(candidate="model").values) == "model is in V, and rec in Hz"


@pytest.mark.parametrize("n", [3, 4, 9])
def test_interval_of_the_location_over_subjects(n: int) -> None:
    """Below four subjects none; from four on the t interval of their means."""
    rates = 10 + np.arange(n) ** 2
    table = {f"{s}{k}": (f"s{s}", NO_FACTORS, [[1.0, rates[s] + 2 * k]]) for s in range(n) for k in range(2)}
    cell = compared({"rec": made("rec", table), "model": made("model", ONE)}, LEVEL).sel(source="rec")
    if n < 4:
        assert np.isnan([cell.location_low, cell.location_high]).all()
    else:
        expected = stats.t.interval(0.95, n - 1, (rates + 1).mean(), stats.sem(rates + 1))
        np.testing.assert_allclose([cell.location_low, cell.location_high], expected, rtol=1e-9)
    assert cell.n_first.item() == 0  # no change between levels


@pytest.mark.slow
def test_what_returned_is_tested_against_margins_that_were_declared() -> None:
    """Two one-sided t-tests, and the t-test of no change, by scipy; adjusted by Holm for the two contrasts of the study."""
    after = np.array([9.2, 10.4, 9.9, 10.3, 9.6])
    table = {str(k): (f"s{k}", NO_FACTORS, [[10.0, rate]]) for k, rate in enumerate(after)}
    asked = {"metrics": ["firing_rate"], "epoch": "after", "reference": "before", "equivalence": {"margin": 0.1}}
    level = {"metrics": ["firing_rate"], "epoch": "after", "equivalence": {"around": 10.0, "margin": 1.0}}
    contrasts = {"back": Contrast.model_validate(asked), "level": Contrast.model_validate(level)}
    sources = {"rec": made("rec", table), "model": made("model", table)}
    found = compare({"firing_rate": sources}, contrasts=contrasts, targets={"rec": ["model"]}, fitted={}, study="s", seed=1)
    cell = found.isel(target=0, metric=0).sel(source="rec")
    log = np.log(after / 10)
    p = []
    for values, low, high in ((log, np.log(0.9), np.log(1.1)), (after, 9.0, 11.0)):
        below, above = ((low, "greater"), (high, "less"))
        p.append(max(stats.ttest_1samp(values, edge, alternative=side).pvalue for edge, side in (below, above)))
    np.testing.assert_allclose(cell.equivalence_p, p, rtol=1e-6)
    np.testing.assert_allclose(np.sort(cell.equivalence_p_holm), [2 * min(p), max(2 * min(p), max(p))], rtol=1e-6)
    assert max(p) < 0.05
    assert cell.change_p.sel(contrast="back").item() == pytest.approx(stats.ttest_1samp(log, 0).pvalue, rel=1e-6)
    assert np.isnan(cell.change_p.sel(contrast="level").item())
    assert cell.change_p_holm.sel(contrast="back").item() == cell.change_p.sel(contrast="back").item()


def test_a_trend_is_the_slope_over_a_factor() -> None:
    """Of each subject where it has several levels, else of the line through subjects: numpy and scipy's t."""
    own = [(s, dose, 3.0 + s + (1.0 + 0.1 * s) * dose) for s in range(5) for dose in (0, 2, 4)]
    table = {f"{s}_{d}": (f"s{s}", {"dose": f"{d} uM"}, [[1.0, v]]) for s, d, v in own}
    contrast = Contrast.model_validate({"metrics": ["firing_rate"], "epoch": "after", "trend": "dose"})
    found = compared({"rec": made("rec", table), "model": made("model", table)}, contrast)
    cell = found.sel(source="rec")
    slopes = 1.0 + 0.1 * np.arange(5)
    expected = stats.t.interval(0.95, 4, slopes.mean(), stats.sem(slopes))
    np.testing.assert_allclose([cell.location, cell.location_low, cell.location_high], [slopes.mean(), *expected], rtol=1e-9)
    assert cell.change_p.item() == pytest.approx(stats.ttest_1samp(slopes, 0).pvalue, rel=1e-6)
    assert cell.unit.item() == "Hz per unit of dose"
    assert found.reason.sel(candidate="model").item() == "a trend is located in each source, and not compared"
    x, y = np.array([0.0, 1, 2, 3, 4]), np.array([1.0, 2.5, 2.0, 4.5, 4.0])
    alone = {str(k): (f"s{k}", {"dose": float(x[k])}, [[1.0, y[k]]]) for k in range(5)}
    line, cell = stats.linregress(x, y), compared({"rec": made("rec", alone)}, contrast).sel(source="rec")
    width = stats.t.ppf(0.975, 3) * line.stderr
    expected = [line.slope, line.slope - width, line.slope + width]
    np.testing.assert_allclose([cell.location, cell.location_low, cell.location_high], expected, rtol=1e-9)
    words = {str(k): (f"s{k}", {"dose": "much"}, [[1.0, 1.0]]) for k in range(5)}
    refused = compared({"rec": made("rec", words)}, contrast).sel(source="rec")
    assert refused.location_reason.item() == "replicate 0 has no number as its level of dose"


def cultures(slope: float, *key: Any) -> dict[str, xr.Dataset]:
    """Four cultures at three doses, 20 units of 10 Hz that fall to 4 Hz: 40 % of it is compensated at dose 0, and `slope` more
    for each unit of dose; with standard deviations of 0.05 and 0.02 between cultures.
    """
    spans, found = {"baseline": (0.0, 40.0), "acute": (40.0, 80.0), "steady": (80.0, 120.0)}, {}
    for subject in range(4):
        rng = rng_for(1, "cultures", *key, subject)
        level, own = np.array([0.4, slope]) + rng.normal(0, [0.05, 0.02])
        for dose in (0.0, 2.0, 4.0):
            hertz = rng.lognormal(0, 0.3, (20, 1)) * np.array([10, 4, 4 + 6 * (level + own * dose)])
            about = {"subject": f"s{subject}", "factors": json.dumps({"dose": f"{dose:g} uM"})}
            name = f"{subject}_{dose:g}"
            found[name] = synthetic.stepped(hertz, spans, rng).assign_attrs(about, replicate=name)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("slope", [0.1, 0.0], ids=["known slope", "no slope"])
def test_the_dose_response_of_compensation(slope: float, request: pytest.FixtureRequest) -> None:
    """From spikes to the slope over the dose, in 500 studies: the interval covers, and without a slope 5 % find one."""
    contrast, index = Contrast.model_validate({"metrics": ["compensation_index"], "trend": "dose"}), compensation_index.function
    whole = measure(list(cultures(slope, request.node.name).values()), "compensation_index")
    inside, found = [], []
    for draw in range(500):
        each = cultures(slope, request.node.name, draw)
        values = [index(one)["compensation_index"] for one in each.values()]  # without its interval, which takes most of the time
        cell = located(whole.assign(compensation_index=("replicate", values)), contrast, "linear")
        inside.append(cell.location_low <= slope <= cell.location_high)
        found.append(cell.change_p <= 0.05)
    fault = binomial_rule(inside, 0.95) or binomial_rule(found, 0.05, at_least=slope > 0)
    assert not fault, fault
    assert slope == 0 or np.mean(found) > 0.9


def test_what_did_not_return_is_not_equivalent() -> None:
    """A mean at the margin is called equivalent in 5 % of studies, outside of it in fewer: 400 studies of 5 subjects."""
    equivalent = []
    for draw in range(400):
        values = 1 + 0.2 * np.ones(5) + 0.05 * rng_for(1, "margin", draw).normal(size=5)
        contrast = Contrast.model_validate({"metrics": ["m"], "equivalence": {"around": 1.0, "margin": 0.2}})
        equivalent.append(_tests(lambda confidence, v=values: interval(v, confidence), contrast)[1] <= 0.05)  # type: ignore[misc]
    assert not binomial_rule(equivalent, 0.05)


def test_too_few_subjects_have_an_interval_of_themselves_alone() -> None:
    """Two subjects with five units each: from the units, and said so; four subjects have the interval over subjects."""
    rng = rng_for(1, "alone")
    units = {f"r{k}": (f"s{k}", NO_FACTORS, np.stack([np.ones(5), 10 + rng.normal(size=5)], axis=1)) for k in range(4)}
    few = compared({"rec": made("rec", dict(list(units.items())[:2])), "model": made("model", ONE)}, LEVEL).sel(source="rec")
    assert np.isnan(few.location_low.item())
    values = [u[2][:, 1] for u in list(units.values())[:2]]
    width = stats.t.ppf(0.975, 8) * np.sqrt(sum(v.var(ddof=1) / 5 for v in values)) / 2
    assert (few.location_within_high - few.location_within_low).item() == pytest.approx(2 * width, rel=0.15)
    assert few.location_over.item() == "over units (n = 5 in each); not resampled, with fewer than 4: subjects (n = 2)"
    four = compared({"rec": made("rec", units), "model": made("model", ONE)}, LEVEL).sel(source="rec")
    assert np.isfinite(four.location_low.item())
    assert np.isnan(four.location_within_low.item())
    assert four.location_over.item() == "over subjects (n = 4) and units (n = 5 in each)"


def fieller(x: float, y: float, width: float) -> list[float]:
    """Of y / x, both known as well: where (y - k x)^2 is the square of the width of y - k x."""
    return sorted(float(k) for k in np.roots([x**2 - width**2, -2 * x * y, y**2 - width**2]))


@pytest.mark.parametrize("scale", ["linear", "relative"])
def test_single_recordings_have_the_interval_of_the_estimate_itself(scale: str) -> None:
    """Of shares with Wilson's intervals Newcombe's example (1998, table II: 56 of 70 and 48 of 80, 0.0524 to 0.3339).

    A level has its own; two recordings at a level have none.
    """
    ours = {name: (k / n, *decoding.wilson(k / n, n, 1.959964)) for name, k, n in (("old", 48, 80), ("new", 56, 70))}
    value, low, high = np.array([*ours.values()]).T
    measured = xr.Dataset(
        {"share": ("replicate", value), "share_low": ("replicate", low), "share_high": ("replicate", high)},
        coords={"replicate": list(ours), "subject": ("replicate", ["a", "b"])},
        attrs={"metric": "share", "not_applicable": "{}"},
    ).assign_coords(factors=("replicate", ['{"age": "old"}', '{"age": "new"}']))
    between = Contrast.model_validate({"metrics": ["share"], "between": {"factor": "age", "levels": ["old", "new"]}})
    change = located(measured, between, scale)
    within = np.array([change.location_within_low, change.location_within_high])
    if scale == "linear":
        np.testing.assert_allclose(within, [0.0524, 0.3339], atol=5e-5)
    else:
        ends = [(each - 1.0, each - 1.0 - 0.1, each - 1.0 + 0.1) for each in (1.5, 1.75)]  # symmetric: Fieller's
        assert ratio_interval(*ends) == pytest.approx(fieller(0.5, 0.75, 0.1))
        np.testing.assert_allclose(within, np.array(ratio_interval(ours["old"], ours["new"])) - 1)
    assert change.location_over == "of the estimate itself"
    assert np.isnan([change.location_low, change.change_p]).all()
    level = located(measured, between.model_copy(update={"between": None, "where": {"age": "old"}}), scale)
    assert (level.location_within_low, level.location_within_high) == (low[0], high[0])
    older = measured.isel(replicate=[0]).assign_coords(replicate=["older"], subject=("replicate", ["c"]))
    twice = xr.concat([measured, older], "replicate")
    assert np.isnan(located(twice.assign_attrs(measured.attrs), between, scale).location_within_low)


def test_a_mean_without_those_who_never_came_back_is_refused() -> None:
    table = {str(k): (f"s{k}", NO_FACTORS, [[1.0, 5.0]]) for k in range(4)}
    measured = made("rec", table)
    late = measured.estimate.firing_rate.copy(data=np.array([[0.0, 0.0], [0, 1], [0, 0], [0, 1]]))
    marked = Measured(measured.estimate.assign(firing_rate_censored=late), measured.draws)
    found = compared({"rec": marked, "model": made("model", ONE)}, LEVEL).sel(source="rec", candidate="model")
    why = "2 of 4 replicates had not come back by the end; a mean of the others is too short"
    assert found.location_reason.item() == why
    assert found.reason.item() == f"{why} (in rec)"
    back = Measured(measured.estimate.assign(firing_rate_censored=0 * late), measured.draws)
    assert compared({"rec": back, "model": made("model", ONE)}, LEVEL).sel(source="rec").location_reason.item() == ""


def test_subjects_without_a_value_are_left_out_and_counted() -> None:
    """An undefined recovery of one network stopped the comparison, and made the location of the others NaN."""
    rates = [[1.0, 8.0], [1.0, 9.0], [1.0, 10.0], [1.0, 13.0], [1.0, np.nan]]
    table = {str(k): (str(k), NO_FACTORS, [values]) for k, values in enumerate(rates)}
    found = compared({"rec": made("rec", table, noise=0.1), "model": made("model", ONE)}, LEVEL).sel(candidate="model")
    cell = found.sel(source="rec")
    assert (cell.location.item(), cell.n_subjects.item(), cell.n_left_out.item()) == (10.0, 4, 1)
    assert found.difference.item() == pytest.approx(np.log(10) - np.log([8, 9, 10, 13]).mean(), rel=1e-12)


def test_where_the_surrogates_lie() -> None:
    """The median over draws, in the unit of the location: 3 times the rates here; relative to the first epoch, no change."""
    target = made("rec", {"a": ("s", NO_FACTORS, [[4.0, 8.0], [6.0, 12.0]])}, noise=0.1)
    found = compared({"rec": target}, LEVEL)
    expected = np.median(values(target, "null")[:, :, 1].mean(axis=1))
    assert found.null_location.item() == pytest.approx(expected, rel=1e-12)
    assert np.isnan(compared({"rec": target}, Contrast(metrics=["cv2"], epoch="after")).null_location)
    apart = np.abs(np.subtract(*(values(target, half)[:, :, 1].mean(axis=1) for half in ("half_a", "half_b"))))
    assert found.noise_ceiling.item() == pytest.approx(np.median(apart), rel=1e-12)


# ---- verdicts


def spread_out(source: str, mean: float, n: int, deviation: float = 0.1) -> Measured:
    """Subjects whose logarithms have exactly this mean and standard deviation."""
    z = stats.norm.ppf((np.arange(n) + 0.5) / n)
    rates = np.exp(np.log(mean) + deviation * z / z.std(ddof=1))
    return made(source, {str(k): (f"s{k}", NO_FACTORS, [[1.0, rate]]) for k, rate in enumerate(rates)})


@pytest.mark.parametrize(
    ("rate", "n", "margin", "verdict"),
    [
        (10.0, 10, "25 %", "agrees"),
        (11.0, 40, "25 %", "agrees"),  # told from 0, but it does not matter
        (10.0, 10, "5 %", "cannot tell"),
        (20.0, 10, "25 %", "differs"),
        (10.0, 10, None, "cannot tell"),  # half a standard deviation, of 10 and 10
    ],
)
def test_verdicts(rate: float, n: int, margin: str | None, verdict: str) -> None:
    sources = {"rec": spread_out("rec", 10.0, n), "model": spread_out("model", rate, n)}
    asked = LEVEL.model_copy(update={"margin": margin})
    found = compared(sources, asked).sel(candidate="model")
    assert found.verdict.item() == verdict
    assert (found.needed.item() != "") == np.isfinite(found.n_needed.item()) == (verdict == "cannot tell")
    fitted = compared(sources, asked, fitted={"model": ["firing_rate"]}).sel(candidate="model")
    assert (fitted.verdict.item(), fitted.needed.item(), fitted.fitted.item()) == ("fitted", "", 1)
    assert fitted.difference.item() == found.difference.item()


def test_the_margin_of_a_contrast_goes_before_that_of_the_study() -> None:
    sources = {"rec": spread_out("rec", 10.0, 10), "model": spread_out("model", 10.0, 10)}
    result = compare(
        {"firing_rate": sources},
        contrasts={"own": LEVEL.model_copy(update={"margin": "10 %"}), "study": LEVEL},
        targets={"rec": ["model"]},
        fitted={},
        study="s",
        seed=1,
        margin="25 %",
    ).isel(target=0, metric=0, candidate=0)
    np.testing.assert_allclose(result.margin_high, np.log([1.1, 1.25]))
    np.testing.assert_allclose(result.margin_low, -np.log([1.1, 1.25]))
    assert set(result.margin_from.values.tolist()) == {"stated"}


def test_one_recording_is_judged_by_the_spread_of_realisations() -> None:
    """And the verdict is of this recording alone. Without a stated margin it may differ, and never agree."""
    one = made("rec", {"0": ("s", NO_FACTORS, [[1.0, 10.0]])})
    near, far = spread_out("model", 10.5, 10), spread_out("model", 20.0, 10)
    for model, verdict in ((near, "cannot tell"), (far, "differs")):
        found = compared({"rec": one, "model": model}, LEVEL).sel(candidate="model")
        assert found.verdict.item() == verdict
        assert found.difference_over.item().startswith("for this recording alone: 1 subject and 10 subjects")
        assert found.margin_from.item() == "none: the default needs 4 subjects that vary; state one"
    alone = compared({"rec": one, "model": made("model", {"0": ("s", NO_FACTORS, [[1.0, 99.0]])})}, LEVEL).sel(candidate="model")
    assert (alone.verdict.item(), alone.needed.item()) == ("cannot tell", "5 subjects and realisations together")
    assert np.isnan([alone.difference_low.item(), alone.difference_high.item()]).all()
    assert alone.difference.item() == pytest.approx(np.log(9.9))


def test_a_recording_that_knows_itself_badly_is_not_judged_by_a_model_that_hardly_varies() -> None:
    """The interval of its own value, from units, bounds the error from below."""
    units = np.exp(np.log(10) + 0.8 * rng_for(1, "own error").normal(size=8))
    one = made("rec", {"0": ("s", NO_FACTORS, np.stack([np.ones(8), units], axis=1))})
    found = compared({"rec": one, "model": spread_out("model", units.mean() * 1.2, 10, 0.001)}, LEVEL).sel(candidate="model")
    assert found.verdict.item() == "cannot tell"
    assert found.difference_high.item() - found.difference_low.item() > 0.5


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
        (LEVEL, {"r": ("s", {"age": 7}, [[1.0, np.nan]])}, "no subject has a value (in model)"),
    ],
)
def test_reasons(contrast: Contrast, model: Table, reason: str) -> None:
    found = compared({"rec": made("rec", ONE, noise=0.1), "model": made("model", model)}, contrast).sel(candidate="model")
    assert (found.comparable.item(), found.reason.item(), found.verdict.item()) == (0, reason, "not comparable")
    assert np.isnan([found.difference, found.difference_low, found.difference_high, found.n_needed]).all()


def test_a_claim_about_what_was_not_recorded_is_untestable_until_it_is() -> None:
    """By the target's replicates: a model that lacks the level is not comparable, as before."""
    contrast = LEVEL.model_copy(update={"where": {"age": 9}, "without_data": "the file of day 9 could not be had"})
    later = {"r": ("s", {"age": 9}, [[1.0, 1.0]])}
    lacking = compared({"rec": made("rec", ONE), "model": made("model", later)}, contrast).sel(candidate="model")
    assert lacking.verdict.item() == "untestable"
    assert "no replicate with age = 9; the file of day 9 could not be had" in lacking.reason.item()
    alone = compared({"rec": made("rec", ONE)}, contrast)
    assert alone.verdict.values.tolist() == ["untestable"]
    there = compared({"rec": made("rec", later), "model": made("model", ONE)}, contrast).sel(candidate="model")
    assert there.verdict.item() == "not comparable"


@pytest.mark.parametrize(
    ("contrast", "table", "reason"),
    [
        (Contrast(metrics=["cv2"], epoch="after"), ONE, "the contrast does not ask for this metric"),
        (Contrast(metrics=["firing_rate"], epoch="later"), ONE, "no such epoch: later"),
        (LEVEL.model_copy(update={"where": {"age": 9}}), ONE, "no replicate with age = 9"),
        (LEVEL, {"r": ("s", {"age": 7}, [[1.0, np.nan]])}, "no subject has a value"),
        (CHANGE, {"r": ("s", {"age": 7}, [[0.0, 1.0]])}, "no subject has a value"),
        (
            BETWEEN,
            {"r": ("s", {"age": 7}, [[1.0, 0.0]]), "q": ("t", {"age": 21}, [[1.0, 1.0]])},
            "the first level is 0, a change relative to it means nothing",
        ),
    ],
)
def test_a_source_without_a_location_has_a_reason(contrast: Contrast, table: Table, reason: str) -> None:
    cell = compared({"rec": made("rec", ONE, noise=0.1), "model": made("model", table)}, contrast).sel(source="model")
    assert np.isnan([cell.location, cell.location_low, cell.location_high, cell.spread]).all()
    assert (cell.n_subjects.item(), cell.location_reason.item()) == (0, reason)


def test_a_value_that_a_metric_leaves_undefined_has_the_metrics_reason() -> None:
    """A perturbation that does not move the rate has no recovery, and the comparison says so."""
    epochs = {"baseline": (0.0, 4.0), "perturbation": (4.0, 8.0), "recovery": (8.0, 12.0)}
    steady = [np.sort(rng_for(10, "steady", k).uniform(0, 12, 120)) for k in range(5)]
    one = synthetic.activity(steady, 12.0, epochs=epochs).assign_attrs(source="steady")
    found = Measured(measure([one], "recovery_fraction"), {})
    contrasts = {"c": Contrast(metrics=["recovery_fraction"])}
    result = compare(
        {"recovery_fraction": {"steady": found}}, contrasts=contrasts, targets={"steady": []}, fitted={}, study="s", seed=1
    )
    assert "no subject has a value; recovery_fraction is (r_end - r_p) / (r_0 - r_p)" in result.location_reason.item()
    assert "undefined if the 95 % interval of r_0 - r_p holds 0" in result.location_reason.item()


def test_surrogates_that_cannot_be_made_are_a_reason() -> None:
    """With other names of its epochs a recording was its own surrogate, so that nothing was ever decided."""
    epochs = {"before": (0.0, 4.0), "blocked": (4.0, 8.0), "after": (8.0, 12.0)}
    one = synthetic.activity([np.arange(0.1, 4, 0.1 + 0.01 * k) for k in range(5)], 12.0, epochs=epochs)
    names = dict(baseline="before", perturbation="blocked", recovery="after")
    drawn = measure_draws([one], "recovery_fraction", draws=2, block=0.5, seed=1, **names)
    reason = "no surrogates without an epoch that is named perturbation and one named recovery"
    assert json.loads(drawn["null"].attrs["not_applicable"]) == {"0": reason}
    found = {"recovery_fraction": {"rec": Measured(measure([one], "recovery_fraction", **names), drawn)}}
    contrasts = {"c": Contrast(metrics=["recovery_fraction"])}
    result = compare(found, contrasts=contrasts, targets={"rec": []}, fitted={}, study="s", seed=1)
    assert np.isnan(result.null_location.item())
    assert result.location.item() == 0.0


def test_a_silent_target_has_no_relative_distance() -> None:
    found = compared({"rec": made("rec", {"r": ("s", NO_FACTORS, [[1.0, 0.0]])}), "model": made("model", ONE)}, LEVEL)
    assert found.reason.sel(candidate="model").item() == "the mean of rec is not above 0, a ratio to it means nothing"


def test_nothing_to_measure_in_the_model_gives_its_reason() -> None:
    """A model without a stimulus is not compared in coherence, and does not stop the others."""
    silent = synthetic.activity([np.arange(0.01, 4, 0.05)], 4.0).assign_attrs(source="silent")
    sources = {"rec": encoder("rec0"), "silent": silent}
    measures = {"stimulus_coherence": {s: Measured(measure([a], "stimulus_coherence"), {}) for s, a in sources.items()}}
    contrasts = {"c": Contrast(metrics=["stimulus_coherence"], epoch="stimulus")}
    found = compare(measures, contrasts=contrasts, targets={"rec": ["silent"]}, fitted={}, study="s", seed=1)
    assert found.reason.sel(candidate="silent").item() == "no stimulus (in silent)"


def test_a_descriptive_metric_is_located_and_not_compared() -> None:
    one = encoder("rec0")
    assert measure_draws([one], "population_rate", draws=5, block=1.0, seed=1, bin_size=1.0) == {}
    measures = {"population_rate": {s: Measured(measure([one], "population_rate", bin_size=1.0), {}) for s in ("rec", "model")}}
    contrasts = {"c": Contrast(metrics=["population_rate"])}
    found = compare(measures, contrasts=contrasts, targets={"rec": ["model"]}, fitted={}, study="s", seed=1)
    assert found.reason.sel(candidate="model").item() == "a descriptive metric"
    np.testing.assert_allclose(found.location, one.sizes["spike"] / 20.0)


def test_only_listed_candidates_are_compared() -> None:
    sources = {s: made(s, ONE, noise=0.1) for s in ("a", "b", "m", "n")}
    result = compare(
        {"firing_rate": sources}, contrasts={"c": LEVEL}, targets={"a": ["m"], "b": ["n"]}, fitted={}, study="s", seed=1
    ).isel(contrast=0, metric=0)
    assert result.reason.sel(target="a", candidate="n").item() == "not a candidate for a"
    assert result.reason.sel(target="b", candidate="m").item() == "not a candidate for b"
    assert result.comparable.sel(target="a", candidate=["m", "n"]).values.tolist() == [1, 0]
    chain = compare(
        {"firing_rate": sources}, contrasts={"c": LEVEL}, targets={"a": ["m"], "m": ["n"]}, fitted={}, study="s", seed=1
    )
    assert chain.reason.sel(target="m", candidate="m").item() == "the target itself"


# ---- reproducible


def sources() -> dict[str, Measured]:
    target = made("rec", {"r": ("s", NO_FACTORS, [[1.0, 10.0]])}, noise=0.1)
    models = {s: {str(k): (str(k), NO_FACTORS, [[1.0, 9.0 + k], [1.0, 12.0]]) for k in range(3)} for s in ("m", "n")}
    return {"rec": target, **{s: made(s, table, noise=0.1) for s, table in models.items()}}


@pytest.mark.slow
def test_the_same_seed_gives_the_same_and_another_seed_the_same_differences() -> None:
    first, again, other = (compared(sources(), LEVEL, seed=seed) for seed in (1, 1, 2))
    xr.testing.assert_identical(first, again)
    xr.testing.assert_equal(first.difference, other.difference)  # only the predictive p may be drawn


@pytest.mark.slow
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


def test_one_spike_is_no_change_by_everything() -> None:
    """Four animals lose half of their rate; the fifth has one spike, which says nothing."""
    epochs = {"before": (0.0, 100.0), "after": (100.0, 200.0)}

    def animal(k: int, n: int) -> xr.Dataset:
        after = 100 + (np.arange(n // 2) + 0.5) * (100 / max(n // 2, 1))
        times = np.concatenate([(np.arange(n) + 0.5) * (100 / n), after])
        one = synthetic.activity([times], 200.0, epochs=epochs)
        return one.assign_attrs(source="rec", subject=f"s{k}", replicate=f"r{k}")

    change = Contrast(metrics=["firing_rate"], epoch="after", reference="before")
    animals = [animal(k, n) for k, n in enumerate((100, 200, 300, 400, 1))]
    found = located(measure(animals, "firing_rate"), change, "relative")
    assert found.location == pytest.approx(-0.5)
    assert (found.n_subjects, found.n_left_out) == (4, 1)
    with pytest.raises(NotComparable, match="fewer than 10 spikes"):
        located(measure(animals[-1:], "firing_rate"), change, "relative")
    residual = measure(animals, "residual_change", baseline="before", recovery="after")
    assert "1 spike in the epoch before; a change from it needs 10" in residual.attrs["not_applicable"]


def test_intervals_end_where_the_metric_ends() -> None:
    """A rate cannot be below 0, nor fall by more than all of it: t intervals of these five subjects would say so."""
    epochs = {"before": (0.0, 100.0), "after": (100.0, 200.0)}
    animals = []
    for k, (n, m) in enumerate([(20, 0), (20, 1), (400, 4), (20, 1), (20, 30)]):
        times = np.concatenate([(np.arange(n) + 0.5) * 100 / n, 100 + (np.arange(m) + 0.5) * 100 / max(m, 1)])
        one = synthetic.activity([times], 200.0, epochs=epochs)
        animals.append(one.assign_attrs(source="rec", subject=f"s{k}", replicate=f"r{k}"))
    rates = measure(animals, "firing_rate")
    level = located(rates, Contrast(metrics=["firing_rate"], epoch="before"), "relative")
    assert interval(np.array([0.2, 0.2, 4.0, 0.2, 0.2]))[0] < 0
    assert level.location_low == 0 < level.location < level.location_high
    change = located(rates, Contrast(metrics=["firing_rate"], epoch="after", reference="before"), "relative")
    assert change.location_low == -1 < change.location < change.location_high
    assert summarise(rates, list(rates.replicate.values), epoch="before").low == 0


def test_one_unit_is_known_no_better_than_its_own_interval_says() -> None:
    """Realisations that hardly vary do not make one unit of a hundred spikes differ by 5 %; ten times the time does."""

    def fire(name: str, rate: float, duration: float) -> xr.Dataset:
        times = (np.arange(round(rate * duration)) + 0.5) / rate
        return synthetic.activity([times], duration).assign_attrs(source=name[:3], subject=name, replicate=name)

    contrasts = {"c": Contrast(metrics=["firing_rate"], epoch="whole")}
    answers = {}
    for duration in (10.0, 1000.0):
        target = measure([fire("rec", 10.0, duration)], "firing_rate", interval="poisson")
        model = measure([fire(f"net{k}", 10.5 + 0.01 * k, 1000.0) for k in range(5)], "firing_rate", interval="poisson")
        found = {"firing_rate": {"rec": Measured(target, {}), "net": Measured(model, {})}}
        result = compare(found, contrasts=contrasts, targets={"rec": ["net"]}, fitted={}, study="s", seed=1)
        answers[duration] = result.verdict.item()
    assert answers == {10.0: "cannot tell", 1000.0: "differs"}


def test_nothing_follows_from_one_recording_whose_interval_is_withheld() -> None:
    """A rate that falls all the time has no interval, however little the realisations vary."""
    times = 10 * (np.arange(200) / 200) ** 2
    recorded = synthetic.activity([times], 10.0).assign_attrs(source="rec", subject="rec", replicate="rec")
    target = measure([recorded], "firing_rate")
    assert np.isnan(target.firing_rate_low).all()
    regular = [synthetic.activity([np.arange(200) / 20 + 0.001 * k], 10.0) for k in range(5)]
    names = [f"net{k}" for k in range(5)]
    model = measure(
        [one.assign_attrs(source="net", subject=n, replicate=n) for one, n in zip(regular, names, strict=True)], "firing_rate"
    )
    measures = {"firing_rate": {"rec": Measured(target, {}), "net": Measured(model, {})}}
    contrasts = {"c": Contrast(metrics=["firing_rate"], epoch="whole")}
    result = compare(measures, contrasts=contrasts, targets={"rec": ["net"]}, fitted={}, study="s", seed=1, margin="20 %")
    assert result.verdict.item() == "cannot tell"
    assert np.isnan(result.difference_low.item())
    assert result.difference_over.item().endswith("none, since the metric withholds the interval of rec")
    assert result.location_over.sel(source="rec").item() == "none: the metric withholds that of the estimate"
    assert result.needed.item() == "longer recordings, or 4 of them"
