"""Laws that every file of figures/ obeys: a new figure is tested by being there. Then what single figures promise."""

import itertools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PolyCollection
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from scipy.stats import chi2

from homeoanalysis import catalogue, drawing
from homeoanalysis.compare import Measured, compare
from homeoanalysis.draw import draw
from homeoanalysis.measure import measure
from homeoanalysis.numerics import synthetic
from homeoanalysis.numerics.summaries import conditions, summarise
from homeoanalysis.provenance import rng_for

NAMES = catalogue.names("figures")
pytestmark = pytest.mark.filterwarnings("error")


def cultures(hostile: str = "") -> xr.Dataset:
    """Three subjects at four ages."""
    found = []
    for subject, age in itertools.product(("A", "B", "C"), (7, 14, 21, 28)):
        rng = rng_for(1, subject, age)
        trains = [synthetic.poisson_train(rate, 60.0, rng) for rate in rng.lognormal(np.log(age / 7), 0.5, 12)]
        factors = json.dumps({"age": age, **({"drug": hostile} if hostile else {})})
        names = {"replicate": f"{subject}{age}", "subject": subject, "source": "cultures", "source_kind": "recording"}
        found.append(synthetic.activity(trains, 60.0).assign_attrs(factors=factors, **names))
    return measure(found, "firing_rate")


@pytest.fixture(scope="module")
def recoveries() -> dict[str, dict[str, xr.Dataset]]:
    """Of a recording and a model: populations that come back beside their units, and one course that never comes back."""
    found: dict[str, dict[str, xr.Dataset]] = {}
    for label, (source, kind) in itertools.product(("unit_stability", "recovery_time"), (("rec", "recording"), ("net", "model"))):
        metric = catalogue.load("metrics", label)
        known = [generate(rng_for(1, label, source)) for generate in (metric.truth, metric.null)]
        named = {"source": source, "source_kind": kind}
        activities = [one.activity.assign_attrs(replicate=str(k), subject=str(k), **named) for k, one in enumerate(known)]
        found.setdefault(label, {})[source] = measure(activities, label, **known[0].parameters)
    return found


def nothing_compared(measures: Any) -> xr.Dataset:
    both = {label: {s: Measured(e, {}) for s, e in by_source.items()} for label, by_source in measures.items()}
    return compare(both, contrasts={}, targets={}, fitted={}, study="empty", seed=1)


def unmeasurable() -> dict[str, dict[str, xr.Dataset]]:
    """One recording that no metric can be taken of."""
    activity = synthetic.activity([np.zeros(0)], 5.0).drop_vars(["spike_time", "spike_count"])
    activity = activity.assign(rate=(("unit", "time"), np.ones((1, 5)), {"units": "Hz"})).assign_attrs(source_kind="recording")
    found = {}
    for name in catalogue.names("metrics"):
        parameters = catalogue.load("metrics", name).truth(np.random.default_rng(0)).parameters
        found[name] = {"rec": measure([activity], name, **parameters)}
    return found


Inputs = Mapping[str, tuple[Any, xr.Dataset]]


@pytest.fixture(scope="module")
def inputs(example: Any, recoveries: dict[str, dict[str, xr.Dataset]]) -> Inputs:
    """What is measured and compared, by case; `unmeasurable` asks every metric, so that it is made once."""
    nothing = unmeasurable()
    lonely = {label: {"rec": by_source["rec"]} for label, by_source in example.measures.items()}
    cultured = {"firing_rate": {"cultures": cultures()}}
    models = {label: {s: e for s, e in by.items() if s != "rec"} for label, by in example.measures.items()}
    return {
        "full": (example.measures, example.comparison),
        "one recording": (lonely, nothing_compared(lonely)),
        "models only": (models, nothing_compared(models)),
        "all missing": (nothing, nothing_compared(nothing)),
        "cultures": (cultured, nothing_compared(cultured)),
        "recoveries": (recoveries, nothing_compared(recoveries)),
        "no metric": ({}, nothing_compared(nothing)),
    }


def labels(figure: Figure) -> list[str]:
    return [text for axes in figure.axes for text in (axes.get_xlabel(), axes.get_ylabel()) if text]


def outside(figure: Figure) -> set[Text]:
    """Labels of ticks beyond the limits of their axis, which are not drawn, though they count as visible."""
    found = set()
    for axis in (axis for axes in figure.axes for axis in (axes.xaxis, axes.yaxis)):
        low, high = sorted(axis.get_view_interval())
        ticks = [t for t in (*axis.get_major_ticks(), *axis.get_minor_ticks()) if not low <= t.get_loc() <= high]
        found |= {text for tick in ticks for text in (tick.label1, tick.label2)}
    return found


def written(figure: Figure) -> list[Text]:
    beyond = outside(figure)
    return [t for t in figure.findobj(Text) if t.get_visible() and t.get_text().strip() and t not in beyond]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", ["full", "one recording", "models only", "all missing", "cultures", "recoveries", "no metric"])
def test_draws_whatever_there_is(name: str, case: str, inputs: Inputs, tmp_path: Path) -> None:
    measures, comparison = inputs[case]
    drawn = draw(name, measures, comparison)
    drawing.save(drawn, tmp_path / "figure.png")
    assert re.search(r"\bn( \([\w ]+\))?(: | = )", drawn.caption)
    assert all(re.fullmatch(r".+ \(.+\)", text) for text in labels(drawn.figure))
    assert drawn.figure.axes == [] or labels(drawn.figure)
    with Image.open(tmp_path / "figure.png") as image:
        assert image.info["Description"] == drawn.caption
        assert image.size[0] <= 7 * 200


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_same_bytes_twice(name: str, inputs: Inputs, tmp_path: Path) -> None:
    for k in "ab":
        drawn = draw(name, *inputs["full"])
        for ending in ("png", "pdf"):
            drawing.save(drawn, tmp_path / f"{k}.{ending}")
    for ending in ("png", "pdf"):
        assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
    assert {p.name for p in tmp_path.iterdir()} == {"a.png", "b.png", "a.pdf", "b.pdf"}  # nothing unfinished is left


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_data_black_models_coloured_null_dashed(name: str, inputs: Inputs) -> None:
    figure = draw(name, *inputs["full"]).figure
    for axes in figure.axes:
        for container in (c for c in axes.containers if isinstance(c, ErrorbarContainer)):
            colour, source = to_hex(container.lines[0].get_color()).upper(), container.get_label()
            if source == "rec":
                assert colour == "#000000"
            elif source in ("enc", "net", "net.static"):
                assert colour in drawing.MODEL_COLOURS
        for line in (line for line in axes.lines if line.get_label() == drawing.NULL_LABEL):
            assert line.get_linestyle() == "--"
            assert line.get_color() == drawing.NULL["color"]


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("case", ["full", "cultures", "recoveries"])
def test_text_is_legible_and_nothing_overlaps(name: str, case: str, inputs: Inputs) -> None:
    figure = draw(name, *inputs[case]).figure
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    shown = written(figure)
    assert min(t.get_fontsize() for t in shown) >= 8
    boxes = [(t.get_text(), t.get_window_extent(canvas.get_renderer())) for t in shown]
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        overlap = min(a.x1, b.x1) - max(a.x0, b.x0) > 1 and min(a.y1, b.y1) - max(a.y0, b.y0) > 1
        assert not overlap, (one, other)


@pytest.mark.slow
def test_names_are_text_not_formulas(tmp_path: Path) -> None:
    measures = {"firing_rate": {"$\\frac{$": cultures(hostile="$\\frac{$ _x^")}}
    for name in NAMES:
        drawing.save(draw(name, measures, nothing_compared(measures)), tmp_path / f"{name}.png")


def test_epochs_are_named_and_shaded(example: Any) -> None:
    figure = draw("firing_rate_recovery", example.measures, example.comparison).figure
    assert {"baseline", "perturbation", "recovery"} <= {t.get_text() for t in figure.axes[0].texts}
    assert figure.axes[0].get_ylabel() == "Population rate of E units (Hz)"
    assert len(figure.axes) == 3


def _markers(axes: Any) -> list[Any]:
    """The marker of each candidate, from the top of the panel down."""
    return sorted((line for line in axes.lines if len(line.get_xdata()) == 1), key=lambda line: line.get_ydata()[0])


def test_fitted_candidates_are_hollow(example: Any) -> None:
    figure = draw("differences", example.measures, example.comparison).figure
    faces = [line.get_markerfacecolor() for axes in figure.axes for line in _markers(axes)]
    assert faces.count("white") == int(example.comparison.fitted.sum()) == 1


def test_differences_say_what_cannot_be_compared(example: Any) -> None:
    """And nothing of what the study does not ask for."""
    caption = draw("differences", example.measures, example.comparison).caption
    assert "no such epoch: baseline (in rec)" in caption
    assert "not a candidate" not in caption
    assert "does not ask" not in caption


def test_differences_are_drawn_with_interval_margin_and_verdict(example: Any) -> None:
    """A panel for each target and unit; of a relative metric the ratio stands on a logarithmic axis."""
    comparison = example.comparison
    figure = draw("differences", example.measures, comparison).figure
    cells = comparison.stack(cell=("target", "contrast", "metric", "candidate"))
    cells = cells.isel(cell=np.flatnonzero(cells.comparable.values == 1))
    kinds = dict.fromkeys(zip(cells.target.values, cells.difference_unit.values, strict=True))
    assert len(figure.axes) == len(kinds) > 1
    for axes, (target, unit) in zip(figure.axes, kinds, strict=True):
        mine = cells.isel(cell=np.flatnonzero((cells.target.values == target) & (cells.difference_unit.values == unit)))
        values = np.exp(mine.difference.values) if unit == "log ratio" else mine.difference.values
        assert axes.get_xscale() == ("log" if unit == "log ratio" else "linear")
        np.testing.assert_allclose(sorted(line.get_xdata()[0] for line in _markers(axes)), sorted(values))
        intervals = [line for line in axes.lines if len(line.get_xdata()) == 2 and line.get_linestyle() == "-"]
        assert len(intervals) == len(values)
        bands = [c for c in axes.collections if isinstance(c, PolyCollection)]
        assert len(bands) == int(np.isfinite(mine.margin_low.values).sum())
        told = [text.get_text() for text in axes.texts]
        assert sorted(told) == sorted(mine.verdict.values)
    (legend,) = figure.legends
    assert {"enc", "net.static"} <= {text.get_text() for text in legend.get_texts()}


def test_quadrants_have_the_ellipse_of_both_errors(recoveries: Any) -> None:
    """The ends of its axes are as far from the marker, by the covariance of the two errors, as 95 % of chi-square with two."""
    drawn = draw("stability_quadrants", recoveries, nothing_compared(recoveries))
    (axes,) = drawn.figure.axes
    cells = [e.isel(replicate=k) for e in recoveries["unit_stability"].values() for k in range(2)]
    assert len(axes.patches) == len(cells) == 4
    assert "(n = 4)" in drawn.caption
    for ellipse, cell in zip(axes.patches, cells, strict=True):
        centre = np.array([float(cell.unit_stability_recovery), float(cell.unit_stability)])
        errors = np.array([float(cell.unit_stability_recovery_error), float(cell.unit_stability_error)])
        correlation = float(cell.unit_stability_correlation)
        assert abs(correlation) > 0.01  # else it would not matter how the ellipse is turned
        covariance = np.outer(errors, errors) * np.array([[1, correlation], [correlation, 1]])
        off = np.array([*ellipse.get_vertices(), *ellipse.get_co_vertices()]) - centre
        np.testing.assert_allclose(np.sum(off @ np.linalg.inv(covariance) * off, axis=1), chi2.ppf(0.95, 2), rtol=1e-6)
        assert all(axes.viewLim.contains(*end) for end in off + centre)


def test_what_never_came_back_has_an_arrow_from_what_its_time_is_at_least(recoveries: Any) -> None:
    """Not a time with an interval; what came back has one."""
    drawn = draw("recovery_course", recoveries, nothing_compared(recoveries))
    _, times = drawn.figure.axes
    cells = [e.isel(replicate=k) for e in recoveries["recovery_time"].values() for k in range(2)]
    assert [float(c.recovery_time_censored) for c in cells] == [0, 1, 0, 1]
    bars = [c for c in times.containers if isinstance(c, ErrorbarContainer)]
    shown = [tuple(float(x) for x in bar.lines[0].get_xydata()[0]) for bar in bars]
    assert shown == [(k, float(c.recovery_time)) for k, c in enumerate(cells) if c.recovery_time_censored == 0]
    arrows = [text for text in times.texts if text.arrow_patch is not None]
    begins = [(k, float(c.recovery_time_low)) for k, c in enumerate(cells) if c.recovery_time_censored == 1]
    assert [arrow.xyann for arrow in arrows] == begins
    assert all(arrow.xy[1] > arrow.xyann[1] for arrow in arrows)
    assert "(2 of 4)" in drawn.caption
    assert [tick.get_text() for tick in times.get_xticklabels()] == ["rec 0", "rec 1", "net 0", "net 1"]


def test_a_course_that_tells_no_time_is_counted_apart(recoveries: Any) -> None:
    """On an axis of logarithms an arrow from 0 on cannot be drawn. Of one replicate each, the sources are named."""
    both = {source: e.isel(replicate=[1]).copy(deep=True) for source, e in recoveries["recovery_time"].items()}
    both["net"].recovery_time_low[:] = 0.0
    measures = {"recovery_time": {"rec": both["rec"], "model.variant": both["net"]}}
    drawn = draw("recovery_course", measures, nothing_compared(measures))
    _, times = drawn.figure.axes
    assert [arrow.xyann[0] for arrow in times.texts if arrow.arrow_patch is not None] == [0]
    assert "(1 of 2; of 1 any time is possible, and nothing is drawn)" in drawn.caption
    assert [tick.get_text() for tick in times.get_xticklabels()] == ["rec", "variant"]


def test_names_of_locations_do_not_lie_upon_each_other(example: Any, tmp_path: Path) -> None:
    names = ["control day 0", "knock down day 0", "control days 2 to 4", "knock down days 2 to 4"]
    one = example.comparison.sel(contrast=["change"] * 4).assign_coords(contrast=names)
    drawn = draw("locations", example.measures, one, metrics=("firing_rate",), contrasts=tuple(names))
    drawing.save(drawn, tmp_path / "locations.png")
    boxes = [tick.get_window_extent() for tick in drawn.figure.axes[0].get_xticklabels()]
    assert len(boxes) == 4
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_development_is_the_median_and_quartiles() -> None:
    estimate = cultures()
    figure = draw(
        "development", {"firing_rate": {"cultures": estimate}}, nothing_compared({"firing_rate": {"cultures": estimate}})
    ).figure
    (first, *_) = [c for c in figure.axes[0].containers if isinstance(c, ErrorbarContainer)]
    mine = estimate.firing_rate.values[estimate.unit_replicate.values == "A14", 0]
    assert first.lines[0].get_ydata()[1] == pytest.approx(np.median(mine))
    ends = first.lines[2][0].get_segments()[1][:, 1]
    np.testing.assert_allclose(ends, np.quantile(mine, [0.25, 0.75]))


def test_development_of_some_replicates() -> None:
    estimate = {"firing_rate": {"cultures": cultures()}}
    drawn = draw("development", estimate, nothing_compared(estimate), where={"age": 14})
    assert "n = 3 subjects, 3 recordings with 12 to 12 units each" in drawn.caption
    none = draw("development", estimate, nothing_compared(estimate), where={"age": 15})
    assert "no source has values of firing_rate" in none.caption


def test_development_of_several_sources_tells_them_apart() -> None:
    both = {"firing_rate": {"cultures": cultures(), "model": cultures().assign_attrs(source_kind="model")}}
    drawn = draw("development", both, nothing_compared(both))
    (legend,) = drawn.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["cultures", "model"]
    colours = {line.get_label(): line.get_color() for line in drawn.figure.axes[0].lines}
    assert colours["cultures"] == "black" != colours["model"]
    assert not drawn.figure.axes[0].containers
    assert "quartiles" not in drawn.caption


def test_interval_of_one_unit_is_its_own_and_of_four_subjects_is_students(example: Any) -> None:
    rec, enc = (example.measures["information_rate"][s] for s in ("rec", "enc"))
    one = summarise(rec, [str(rec.replicate.values[0])], epoch="stimulus")
    assert float(one.low) == float(rec.information_rate_low[0, 0])
    assert one.over == "of the estimate itself"
    (replicates, *_) = conditions(enc).values()
    four = summarise(enc, replicates, epoch="stimulus")
    means = np.array([enc.information_rate.values[enc.unit_replicate.values == r].mean() for r in replicates])
    assert float(four.mean) == pytest.approx(means.mean())
    assert float(four.spread) == pytest.approx(means.std(ddof=1))
    assert float(four.high - four.mean) == pytest.approx(3.182 * means.std(ddof=1) / 2, rel=1e-3)  # t(0.975; 3) = 3.182
    assert four.n_subjects == 4
    three = enc.copy(deep=True)
    three.information_rate.values[enc.unit_replicate.values == replicates[0]] = np.nan
    # Who has no value is not counted, and below 4 there is no t interval.
    assert summarise(three, replicates, epoch="stimulus").n_subjects == 3
    # Units of three subjects are no independent sample: no interval beside a mean over subjects.
    assert summarise(three, replicates, epoch="stimulus").over == "none: below 4 subjects"
    assert np.isnan(float(summarise(three, replicates, epoch="stimulus").low))
    assert summarise(three, replicates[1:2], epoch="stimulus").over != "over subjects"


def test_levels_stand_in_the_order_of_their_numbers() -> None:
    estimate = cultures()
    for ages, expected in (
        ([28, 7, 11, 21], [7, 11, 21, 28]),
        (["800 Hz", "90 Hz", "9 Hz", "none"], ["9 Hz", "90 Hz", "800 Hz", "none"]),
    ):
        factors = [json.dumps({"age": age}) for age in np.tile(np.array(ages, object), 3)]
        found = conditions(estimate.assign_coords(factors=("replicate", factors)))
        assert [words.replace("\N{NO-BREAK SPACE}", " ") for words in found] == [f"age {age}" for age in expected]


def test_a_summary_counts_the_units_of_its_epoch_and_type(example: Any) -> None:
    net = example.measures["firing_rate"]["net"].copy(deep=True)
    net.firing_rate.loc[{"epoch": "recovery"}] = np.where(np.arange(32) % 8 < 5, np.nan, 2.0)[:]
    net = net.assign_coords(cell_type=("unit", ["E", "I"] * 16))
    replicates = net.replicate.values.tolist()
    one, two = (summarise(net, replicates, epoch=e, cell_type="E") for e in ("baseline", "recovery"))
    assert (one.n_units, one.n_units_all) == (16, 16)
    assert (two.n_units, two.n_units_all) == (4, 16)


def test_information_says_where_its_integral_ends(example: Any) -> None:
    caption = draw("information_rate", example.measures, example.comparison).caption.replace("\N{NO-BREAK SPACE}", " ")
    assert "The integral ends at 40 Hz (cutoff 40 Hz), 80 Hz (cutoff 80 Hz)" in caption


def test_what_is_not_drawn_is_told(example: Any) -> None:
    drawn = draw("firing_rate_recovery", example.measures, example.comparison)
    assert "net is not drawn: its epochs (baseline, perturbation, recovery) are not those drawn" in drawn.caption
    assert "Not drawn in time, for want of a recovery fraction: rec (no such epoch: baseline)" in drawn.caption
    assert "net is not drawn: no stimulus" in draw("information_rate", example.measures, example.comparison).caption
    assert "net is not drawn: no stimulus" in draw("stimulus_coherence", example.measures, example.comparison).caption


@pytest.mark.slow
def test_a_fitted_rate_is_hollow_and_names_are_not_broken(inputs: Inputs, example: Any) -> None:
    figure = draw("firing_rate_recovery", example.measures, example.comparison).figure
    faces = {
        c.get_label(): c.lines[0].get_markerfacecolor() for c in figure.axes[1].containers if isinstance(c, ErrorbarContainer)
    }
    assert faces["enc"] == "white"
    assert figure.axes[1].get_xlabel() == figure.axes[2].get_xlabel() == ""
    measures, comparison = inputs["models only"]
    lonely = {label: {s: e for s, e in by.items() if s == "net"} for label, by in measures.items()}
    ticks = [
        t.get_text() for axes in draw("firing_rate_recovery", lonely, comparison).figure.axes for t in axes.get_xticklabels()
    ]
    assert "perturbation" in ticks


def test_without_candidates_there_is_no_overview(example: Any) -> None:
    none = example.comparison.assign(comparable=0 * example.comparison.comparable)
    alone = none.assign(reason=none.reason.copy(data=np.full(none.reason.shape, "the target itself", dtype=object)))
    assert "judges no candidate" in draw("differences", example.measures, alone).caption


def _arms(label: str, **parameters: Any) -> dict[str, xr.Dataset]:
    """Four realisations each of a model that keeps its depth of modulation in the second half, and of one that loses half."""
    found = {}
    for source, depth in (("kept", 0.4), ("lost", 0.2)):
        activities = []
        for k in range(4):
            modulated = ((200.0, 0.4), (100.0, depth))
            first, second = (synthetic.poisson_encoder(r, d, 40.0, 20.0, rng_for(1, source, k, r)) for r, d in modulated)
            trains = np.concatenate([first.spike_time.values, 20 + second.spike_time.values])
            stimulus = np.concatenate([one.covariate.values[0] for one in (first, second)])
            epochs = {"baseline": (0.0, 20.0), "recovery": (20.0, 40.0)}
            one = synthetic.activity([trains], 40.0, epochs=epochs, covariate=stimulus, bandwidth=40.0)
            activities.append(one.assign_attrs(source=source, replicate=str(k), subject=str(k)))
        found[source] = measure(activities, label, **parameters)
    return found


@pytest.mark.slow
def test_fidelity_has_the_arms_side_by_side_in_each_epoch() -> None:
    measures = {
        "information_rate": _arms("information_rate", segment=0.512, time_half_bandwidth=2.0),
        "firing_rate": _arms("firing_rate"),
    }
    drawn = draw("fidelity", measures, nothing_compared(measures))
    _, information, per_spike = drawn.figure.axes
    names = ["Firing rate (Hz)", "Information rate (bit/s)", "Information per spike (bit)"]
    assert [axes.get_ylabel() for axes in drawn.figure.axes] == names
    bars = [c for c in information.containers if isinstance(c, ErrorbarContainer)]
    shown = [float(b.lines[0].get_ydata()[0]) for b in bars]
    expected = [e.information_rate.mean("unit").values for e in measures["information_rate"].values()]
    np.testing.assert_allclose(shown, np.concatenate(expected))
    bars = [c for c in per_spike.containers if isinstance(c, ErrorbarContainer)]
    shown = [float(b.lines[0].get_ydata()[0]) for b in bars]
    expected = [e.information_rate_per_spike.mean("unit").values for e in measures["information_rate"].values()]
    np.testing.assert_allclose(shown, np.concatenate(expected))
    assert [t.get_text() for t in information.get_xticklabels()] == ["baseline", "recovery"]
    assert "kept: n = 4 realisations with 4 units in all, interval over realisations" in drawn.caption
    reliable = {"trial_reliability": {"kept": measure([synthetic.activity([np.ones(1)], 5.0)], "trial_reliability", end=1.0)}}
    assert "no source has a value of" in draw("fidelity", reliable, nothing_compared(reliable)).caption


def test_fidelity_away_from_the_set_point_is_in_bins_of_distance() -> None:
    measures = {"set_point_fidelity": _arms("set_point_fidelity", window=5.12, segment=0.512, time_half_bandwidth=2.0)}
    drawn = draw("set_point_fidelity", measures, nothing_compared(measures))
    distance, information, against = drawn.figure.axes
    assert {t.get_text() for t in distance.texts} == {"baseline", "recovery"}
    estimate = measures["set_point_fidelity"]["lost"]
    (line,) = [x for x in information.lines if x.get_label() == "lost"]
    np.testing.assert_allclose(line.get_ydata(), estimate.set_point_fidelity_information_rate.mean("unit"))
    assert line.get_xdata()[0] == pytest.approx(2.56)  # the middle of the window
    bars = {"kept": [], "lost": []}  # type: ignore[var-annotated]
    for bar in (c for c in against.containers if isinstance(c, ErrorbarContainer)):
        bars[bar.get_label()].append(float(bar.lines[0].get_ydata()[0]))
    assert [len(b) for b in bars.values()] == [6, 6]
    assert bars["lost"][-1] < 0.7 * bars["kept"][-1]  # far from the set point one of them says less
    assert f"lost: slope {float(estimate.set_point_fidelity.mean()):.2g}" in drawn.caption
    FigureCanvasAgg(drawn.figure).draw()
