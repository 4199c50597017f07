"""Published numbers beside ours: reproduced only within the band, and only if the negative control is outside of it."""

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import evidence
import numpy as np
import published_figures
import pytest
import xarray as xr
from PIL import Image
from pydantic import ValidationError

from homeoanalysis.compare import Measured, compare
from homeoanalysis.config.contrast import Contrasts
from homeoanalysis.config.published import Published
from homeoanalysis.config.study import Study
from homeoanalysis.contracts.outcomes import REPORTED, Outcome, panel_verdict, read, table
from homeoanalysis.drawing import save
from homeoanalysis.errors import ConfigError
from homeoanalysis.report.headline import counted
from homeoanalysis.report.overview import Found, overview
from homeoanalysis.report.published import band, published
from homeoanalysis.reproduce import picture, reproduce

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "overview.html.j2"
EVIL = "<script>alert(1)</script>"
BACK = {"metric": "recovery_fraction", "contrast": "back"}
SIZES = {"rec": "recording", "enc": "ci", "net": "ci", "net.static": "full"}


def _panel(**changes: Any) -> dict[str, Any]:
    quantity = {
        "title": "fraction",
        **BACK,
        "source": "net",
        "at_least": 0.8,
        "control": {"title": "without the rule", "source": "net.static"},
        **changes,
    }
    return {"title": "Recovery", "citation": "Somebody 2020", "quantities": {"one": quantity}}


def _judged(comparison: xr.Dataset, **changes: Any) -> Outcome:
    (outcome,) = reproduce(Published.validate_python({"figure_1": _panel(**changes)}), comparison, SIZES)
    return outcome


def test_in_the_band_with_a_control_outside_it_passes(example):
    outcome = _judged(example.comparison)
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction")
    assert outcome.ours == pytest.approx(float(at.location.sel(source="net")))
    assert outcome.control == pytest.approx(float(at.location.sel(source="net.static")))
    assert outcome.ours > 0.8 > outcome.control
    assert (outcome.verdict, outcome.reason) == ("scaled regression test passes", "")


@pytest.mark.parametrize(
    ("changes", "verdict", "reason"),
    [
        ({"at_least": 1.2}, "scaled regression test fails", "is below 1.2"),
        ({"at_least": None, "at_most": 0.5}, "scaled regression test fails", "is above 0.5"),
        ({"at_least": -1.0}, "scaled regression test fails", "the negative control passes too, with "),
        ({"source": "rec"}, "not testable", ""),
        ({"control": {"title": "a recording", "source": "rec"}}, "not testable", "the negative control has no value: "),
        (
            {"source": "net.static", "at_least": None, "at_most": 0.5, "control": {"title": "x", "source": "net"}},
            "reproduced",
            "",
        ),
        ({"source": "net.static", "control": {"title": "x", "source": "net"}}, "not reproduced", "is below 0.8"),
    ],
)
def test_whatever_else_does_not(example, changes, verdict, reason):
    outcome = _judged(example.comparison, **changes)
    assert outcome.verdict == verdict
    assert reason in outcome.reason
    assert verdict in ("reproduced",) or outcome.reason


def test_a_ratio_is_of_two_locations_and_has_no_unit(example):
    over = {**BACK, "source": "net.static"}
    control = {"title": "the other way round", "source": "net.static", "over": {**BACK, "source": "net"}}
    outcome = _judged(example.comparison, over=over, at_least=2.0, control=control)
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction").location
    assert outcome.ours == pytest.approx(float(at.sel(source="net") / at.sel(source="net.static")))
    assert outcome.control == pytest.approx(1 / outcome.ours)
    assert outcome.unit == "1"
    assert np.isnan(outcome.ours_low)
    assert outcome.verdict == "scaled regression test passes"


def test_the_whole_interval_must_be_in_the_band_if_so_asked(example):
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction", source="net")
    location, low = float(at.location), float(at.location_low)
    assert low < location
    between = (low + location) / 2
    assert _judged(example.comparison, at_least=between).verdict == "scaled regression test passes"
    assert _judged(example.comparison, at_least=between, whole_interval=True).verdict == "scaled regression test fails"


@pytest.mark.parametrize(
    ("edge", "told", "shown", "source"),
    [
        ("at_least", "not above", "more than", "net"),
        ("at_most", "not below", "less than", "net.static"),
    ],
)
def test_a_strict_band_does_not_hold_its_ends(example, edge, told, shown, source):
    """The end is the value itself; the control is the other source."""
    net, static = _locations(example.comparison)
    end, other = (net, "net.static") if source == "net" else (static, "net")
    asked = {"at_least": None, edge: end, "source": source, "control": {"title": "another", "source": other}}
    sizes = dict.fromkeys(SIZES, "ci")
    found = [
        reproduce(Published.validate_python({"f": _panel(**asked, strict=strict)}), example.comparison, sizes)[0]
        for strict in (False, True)
    ]
    assert found[0].verdict == "scaled regression test passes"
    assert (found[1].verdict, found[1].reason) == ("scaled regression test fails", f"{end:.4g} is {told} {end:g}")
    assert band(found[1]) == f"{shown} {end:.4g}"


def test_of_few_realisations_at_ci_the_value_is_taken_and_at_other_sizes_nothing(example):
    few = example.comparison.copy(deep=True)
    for end in ("location_low", "location_high"):
        few[end][:] = np.nan
    assert _judged(few, whole_interval=True).verdict == "scaled regression test passes"
    panel = Published.validate_python({"figure_1": _panel(whole_interval=True)})
    (outcome,) = reproduce(panel, few, SIZES | {"net": "nightly"})
    assert outcome.verdict == "not testable"
    assert "takes 4" in outcome.reason


def test_a_difference_is_of_two_locations_in_their_unit(example):
    minus = {**BACK, "source": "net.static"}
    control = {"title": "the other way round", "source": "net.static", "minus": {**BACK, "source": "net"}}
    outcome = _judged(example.comparison, minus=minus, at_least=0.5, control=control)
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction").location
    assert outcome.ours == pytest.approx(float(at.sel(source="net") - at.sel(source="net.static")))
    assert outcome.control == -outcome.ours
    assert outcome.ours_low < outcome.ours < outcome.ours_high
    assert outcome.verdict == "scaled regression test passes"


def test_a_size_has_another_band_or_says_that_it_is_too_small(example):
    sizes = {"ci": {"at_least": 1.2}, "nightly": {"untestable": "too few neurons"}}
    found = _judged(example.comparison, sizes=sizes)
    assert (found.verdict, found.at_least) == ("scaled regression test fails", 1.2)
    panel = Published.validate_python({"figure_1": _panel(sizes=sizes)})
    (outcome,) = reproduce(panel, example.comparison, SIZES | {"net": "nightly"})
    assert (outcome.verdict, outcome.reason) == ("not testable", "too few neurons")
    (outcome,) = reproduce(panel, example.comparison, SIZES | {"net": "full"})
    assert (outcome.verdict, outcome.at_least) == ("reproduced", 0.8)


def test_a_size_that_has_one_end_of_the_band_keeps_the_other():
    sizes = {"ci": {"at_least": 0.7}, "nightly": {"at_most": 1.1}, "full": {"at_least": 0.9, "at_most": 1.0}}
    (member,) = Published.validate_python({"f": _panel(at_most=1.2, sizes=sizes)})["f"].members()
    bands = {size: member.quantity.band(size) for size in ("recording", "ci", "nightly", "full")}
    assert bands == {"recording": (0.8, 1.2), "ci": (0.7, 1.2), "nightly": (0.8, 1.1), "full": (0.9, 1.0)}


@pytest.mark.parametrize("key", ["minus", "over"])
def test_two_units_have_no_difference_and_no_ratio(example, key):
    rate = {"metric": "firing_rate", "contrast": "narrow", "source": "enc"}
    other = {key: {"metric": "stimulus_coherence", "contrast": "narrow", "source": "enc"}}
    told = "firing_rate in narrow of enc, in Hz and stimulus_coherence in narrow of enc, in 1; name two locations of one unit"
    with pytest.raises(ConfigError, match=f"figure_1: one is of {told}"):
        _judged(example.comparison, **rate, **other)
    alike = {key: {"metric": "firing_rate", "contrast": "narrow", "source": "rec"}}
    with pytest.raises(ConfigError, match=f"figure_1: the control of one is of {told}"):
        _judged(example.comparison, **rate, **alike, control={"title": "another", "source": "enc", **other})
    assert _judged(example.comparison, **rate, **alike).unit == ("Hz" if key == "minus" else "1")


def test_the_worst_quantity_decides_on_a_figure(example):
    published = {"a": _panel(), "b": _panel(at_least=1.2), "c": _panel(source="rec")}
    outcomes = reproduce(Published.validate_python(published), example.comparison, SIZES)
    verdicts = [o.verdict for o in outcomes]
    assert verdicts == ["scaled regression test passes", "scaled regression test fails", "not testable"]
    assert panel_verdict(outcomes) == "scaled regression test fails"
    assert panel_verdict([outcomes[0], outcomes[2]]) == "not testable"
    assert panel_verdict(outcomes[:1]) == "scaled regression test passes"


def _known() -> dict[str, Any]:
    published = {"value": 0.9, "low": 0.85, "high": 0.95, "where": "Fig. 1, SEM", "remembered": True}
    return {"published": published, "scaled": {"value": 0.97, "where": "theory"}}


def test_the_table_has_published_scaled_and_ours_apart_and_comes_back(example, tmp_path):
    outcomes = [_judged(example.comparison, title=f'a, "b" {EVIL}', **_known()), _judged(example.comparison, source="rec")]
    path = tmp_path / "published.csv"
    path.write_text(table(outcomes), encoding="utf-8")
    with path.open(encoding="utf-8", newline="") as stream:
        first, second = csv.DictReader(stream)
    assert [first[key] for key in ("published", "scaled_model")] == ["0.9", "0.97"]
    assert float(first["ours"]) == pytest.approx(outcomes[0].ours, rel=1e-7)
    assert second["ours"] == ""
    for found, outcome in zip(read(path), outcomes, strict=True):
        for a, b in zip(found, outcome, strict=True):
            assert a == (pytest.approx(b, rel=1e-7, nan_ok=True) if isinstance(b, float) else b)


def _write_study(example):
    """The study as it would be written, without figures."""
    written = example.study.model_dump(mode="python", exclude_defaults=True)
    return written | {"resampling": {"draws": 20, "block": "1 s"}, "figures": []}


def test_a_control_may_be_the_surrogates_of_a_target(example):
    found = example.comparison.null_location.sel(target="net", contrast="back", metric="recovery_fraction")
    outcome = _judged(example.comparison, control={"title": "nothing came back", "surrogate": True})
    assert outcome.control == pytest.approx(float(found))
    assert outcome.verdict == "scaled regression test passes"
    given = _write_study(example)
    wrong = _panel(source="net.static", control={"title": "x", "surrogate": True})
    with pytest.raises(ValidationError, match=r"surrogates of 'net\.static', which is no target"):
        Study.model_validate({**given, "published": {"figure_1": wrong}})
    targets = {target: [] for target in example.study.targets}
    panel = _panel(control={"title": "x", "surrogate": True})
    with pytest.raises(ValidationError, match=r"surrogates, which are draws, but resampling\.draws is 0"):
        Study.model_validate({**given, "targets": targets, "resampling": {"draws": 0}, "published": {"figure_1": panel}})


def test_the_whole_interval_of_a_control_must_lie_in_the_band_for_it_to_pass(example):
    """Ours lies in a wide band with its whole interval; the control's value does, its interval does not."""
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction", source="net.static")
    value, low = float(at.location), float(at.location_low)
    band = {"at_least": (value + low) / 2, "at_most": 2.0}
    assert _judged(example.comparison, **band).verdict == "scaled regression test fails"
    outcome = _judged(example.comparison, **band, whole_interval=True)
    assert outcome.verdict == "scaled regression test passes"
    # A reader must see why a control whose value lies in the band does not pass.
    assert outcome.control_low == pytest.approx(low)
    assert outcome.is_whole_interval
    (line,) = next(published([outcome])).lines
    assert line.band.endswith(" to 2, with its whole interval")
    assert re.fullmatch(r"without the rule: \S+ \(\S+ to \S+\)", line.control)
    assert "(figure_1, with its whole interval): scaled" in picture([outcome]).caption
    (alone,) = next(published([_judged(example.comparison, **band)])).lines
    assert "interval" not in alone.band
    assert "(" not in alone.control
    drawn = picture([outcome]).figure.axes[0]
    ends = {round(float(x), 6) for bar in drawn.collections for one in bar.get_paths() for x in one.vertices[:, 0]}
    assert round(low, 6) in ends


@pytest.mark.slow
def test_the_picture_says_every_verdict_and_draws_every_number(example, tmp_path):
    outcomes = [_judged(example.comparison, **_known()), _judged(example.comparison, source="rec", at_least=0.0)]
    drawn = picture(outcomes)
    assert [axes.get_title(loc="left")[0] for axes in drawn.figure.axes] == ["✓", "–"]
    shown = {round(float(line.get_xdata()[0]), 6) for line in drawn.figure.axes[0].lines if len(line.get_xdata()) == 1}
    assert {round(x, 6) for x in (0.9, 0.97, outcomes[0].ours, outcomes[0].control)} <= shown
    for outcome in outcomes:
        assert outcome.verdict in drawn.caption
    save(drawn, tmp_path / "published.png")
    again = tmp_path / "again.png"
    save(picture(outcomes), again)
    assert again.read_bytes() == (tmp_path / "published.png").read_bytes()


def test_the_page_over_all_studies_escapes_counts_and_links(example, tmp_path):
    outcomes = [_judged(example.comparison, title=EVIL)]
    save(picture(outcomes), tmp_path / "published.png")
    study = example.study.model_copy(update={"title": EVIL, "question": EVIL})
    page = overview([Found("small", study, example.comparison, outcomes, [tmp_path / "published.png"])], TEMPLATE)
    assert EVIL not in page
    assert "1 scaled regression test passes" in page
    assert 'href="small/report.html"' in page
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)
    assert page.count("<script") == 1


def test_the_page_over_all_studies_counts_how_models_stand_to_the_data(example, tmp_path):
    page = overview([Found("small", example.study, example.comparison, [], [])], TEMPLATE)
    told = [
        [re.sub("<[^>]*>", "", cell) for cell in re.split("</t[dh]>", row)] for row in re.findall("<tr>.*?</tr>", page, re.DOTALL)
    ]
    rows = {(cells[0], cells[1]): cells[2].strip() for cells in told[1:]}
    every = Counter()
    assert {target for target, _ in rows} == {"rec"}  # `net`, which is a target, too, is a model
    for candidate in example.study.targets["rec"]:
        verdicts = example.comparison.verdict.sel(target="rec", candidate=candidate)
        asked = [
            str(verdicts.sel(contrast=name, metric=metric).values)
            for name, contrast in example.study.contrasts.items()
            for metric in contrast.metrics
        ]
        every.update(asked)
        counted = dict(reversed(part.split(" ", 1)) for part in rows[("rec", candidate)].split(", "))
        plural = {"agrees": "agree", "differs": "differ"}
        assert counted == {verdict if n == 1 else plural.get(verdict, verdict): str(n) for verdict, n in Counter(asked).items()}
    assert every["cannot tell"] > 0 == every["differs"]  # three recordings, and the default margin needs four
    assert "differs" in example.comparison.verdict.sel(target="net")
    assert f"Models against data: {every['cannot tell']} cannot be told, {every['fitted']} fitted" in page
    unjudged = example.study.model_copy(update={"targets": {"rec": []}})
    nothing = overview([Found("small", unjudged, example.comparison, [], [])], TEMPLATE)
    assert "no model is judged" in nothing
    assert "No study here judges a model." in nothing


def test_verdicts_are_counted_in_english(example):
    """One passes, two pass."""
    (one,) = published([_judged(example.comparison)])
    fails = one._replace(verdict="scaled regression test fails")
    assert counted([one, one, fails]) == "2 scaled regression tests pass, 1 scaled regression test fails"
    assert counted([one, fails, fails]) == "1 scaled regression test passes, 2 scaled regression tests fail"


def _run(folder: Path, outcomes: list[Outcome]) -> Path:
    """A checkout in which the study `selectivity` has left these figures, and one job its time."""
    results = folder / "results"
    (results / "selectivity").mkdir(parents=True)
    (results / "selectivity" / "published.csv").write_text(table(outcomes), encoding="utf-8")
    times = results / "benchmarks" / "selectivity" / "published.tsv"
    times.parent.mkdir(parents=True)
    times.write_text("s\th:m:s\tmax_rss\n61.4\t0:01:01\t120.5\n", encoding="utf-8")
    (folder / "config").symlink_to(published_figures.ROOT / "config")
    return folder


@pytest.mark.slow
def test_the_page_for_the_documentation_keeps_each_size_that_was_run(example, tmp_path, monkeypatch):
    for name, path in {"PAGE": "figures.md", "PICTURES": "figures"}.items():
        monkeypatch.setattr(published_figures, name, tmp_path / path)
    monkeypatch.setattr(evidence, "RECORDS", tmp_path / "records")
    monkeypatch.setattr(published_figures, "commit", lambda checkout: f"at-{checkout.name}")
    several = [_judged(example.comparison)._replace(panel="many", title=f"number {k}") for k in range(6)]
    exact = _judged(example.comparison)._replace(panel="exact", size="full", verdict="reproduced")
    wrong = _judged(example.comparison, at_least=1.2, title="a | b")._replace(panel="wrong")
    beside = wrong._replace(title="beside", verdict=REPORTED, reason="", control_title="", at_least=np.nan)
    published_figures.main(_run(tmp_path / "small", [*several, exact, wrong, beside]))
    page = (tmp_path / "figures.md").read_text(encoding="utf-8")
    today = re.search(r"\d{4}-\d\d-\d\d", page)[0]
    counts = "1 reproduced, 1 scaled regression test passes, 1 scaled regression test fails"
    assert f"| [selectivity](#selectivity) | ci | {counts} | 61 | 120 | {today} | at-small |\n" in page
    assert "| selectivity | full | full not run |" in page
    assert "| odours | recording | recording not run |" in page
    assert "6 numbers, each in its band; not: without the rule" in page
    assert "a \\| b: at least 1.2 (not: without the rule: " in page
    assert "| ci: **scaled regression test fails**" in page
    assert "is below 1.2" in page
    assert "; not judged: beside: " in page
    assert "beside: no band" not in page
    assert "| full: **reproduced**" in page
    with Image.open(tmp_path / "figures" / "selectivity-many.png") as image:
        assert image.size[0] <= 480
    published_figures.main(_run(tmp_path / "larger", [o._replace(size="nightly", verdict="not reproduced") for o in several]))
    page = (tmp_path / "figures.md").read_text(encoding="utf-8")
    assert f"| ci | {counts} | 61 | 120 | {today} | at-small |" in page
    assert f"| nightly | 1 not reproduced | 61 | 120 | {today} | at-larger |" in page
    assert "ci: **scaled regression test passes**<br>nightly: **not reproduced**" in page
    # A figure that is new since the larger run is shown as the smaller one has it.
    assert '<img src="figures/selectivity-wrong.png"' in page


def test_the_page_for_the_documentation_is_up_to_date():
    records = published_figures.read_records()
    page = published_figures.PAGE.read_text(encoding="utf-8")
    assert page == published_figures.page(records), "run: python tests/published_figures.py"
    shown = set(re.findall(r'src="figures/([^"]*)"', page))
    assert shown == {path.name for path in published_figures.PICTURES.iterdir()}


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        (_panel(at_least=None), "has neither at_least nor at_most"),
        (_panel(at_most=0.1), "which leaves no band"),
        (_panel(sizes={"ci": {"at_least": 2.0, "at_most": 1.0}}), "which leaves no band"),
        (
            _panel(minus={"metric": "a", "contrast": "b", "source": "c"}, over={"metric": "a", "contrast": "b", "source": "c"}),
            "more than one of",
        ),
        (_panel(control=None), "has no negative control"),
        (
            _panel(control={"title": "itself"}),
            "has the control 'itself', which is the quantity itself; name another",
        ),
        (
            _panel(minus={"metric": "a", "contrast": "b", "source": "c"}, control={"title": "x", "surrogate": True}),
            "its control in surrogates is one",
        ),
        (_panel(published={"value": 1.0, "low": 2.0, "high": 3.0, "where": "x"}), "outside of its own"),
        (_panel(published={"value": 1.0, "low": 0.5, "where": "x"}), "has one of low and high"),
        (_panel(published={"value": 1.0, "where": "  "}), "where\n.*is '  ', which says nothing; write it out"),
        (_panel(title=""), "title\n.*is '', which says nothing"),
        (_panel(control={"title": "", "source": "net.static"}), "control.title\n.*is '', which says nothing"),
        (_panel() | {"citation": ""}, "citation\n.*is '', which says nothing"),
        (_panel(sizes={"ci": {"untestable": " "}}), "untestable\n.*is ' ', which says nothing"),
        (_panel(sizes={"ci": {"untestable": "too small", "at_most": 2.0}}), "is untestable, but has a band"),
        (_panel(control={"title": "same", **BACK, "source": "net"}), "has the control 'same', which is the quantity itself"),
        (_panel(minus={**BACK, "source": "net"}), "is minus itself, which is always 0; name another"),
        (_panel(over={**BACK, "source": "net"}), "is over itself, which is always 1; name another"),
        (_panel(crossing={"begin": 1.0, "end": 2.0, "source": "net", "unit": "s"}), "on the line from 'net' to itself"),
        (_panel(over={**BACK, "source": "net.static"}), "has a control that is over itself"),
        (
            _panel(minus={**BACK, "source": "enc"}, control={"title": "x", "over": {**BACK, "source": "enc"}}),
            "has a control that has more than one of minus, over and crossing",
        ),
        (
            _panel(at_least=None, within=0.1, scaled={"value": 1.0, "where": "theory", "remembered": True}),
            "scaled\n.*is remembered, but stands beside ours as something known; read it where it is",
        ),
        (
            _panel(at_least=None, within=0.1, scaled={"value": 1.0, "where": "theory"}, sizes={"full": {"at_least": 0.8}}),
            "has within, but at size full one end of another band; write at_least and at_most there",
        ),
    ],
)
def test_a_figure_that_could_not_fail_is_refused(panel, told):
    with pytest.raises(ValidationError, match=told):
        Published.validate_python({"figure_1": panel})


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"metric": "recovery"}, "has the metric 'recovery', which this study has not; did you mean"),
        ({"contrast": "bak"}, "has the contrast 'bak', which this study has not; did you mean"),
        ({"source": "nett"}, "has the source 'nett', which this study has not; did you mean"),
        ({"control": {"title": "x", "source": "net.stat"}}, "has the source 'net.stat', which"),
        ({"metric": "firing_rate"}, "takes 'firing_rate' in 'back', which does not list it"),
    ],
)
def test_a_figure_of_what_the_study_does_not_compare_is_refused(example, changes, told):
    given = example.study.model_dump(mode="python", exclude_defaults=True) | {"resampling": {"block": "1 s"}}
    with pytest.raises(ValidationError, match=told.replace("(", r"\(")):
        Study.model_validate({**given, "figures": [], "published": {"figure_1": _panel(**changes)}})


def test_a_recording_has_no_size(example):
    given = _write_study(example)
    sized = {"source": "rec", "sizes": {"full": {"at_least": 0.9}}}
    with pytest.raises(ValidationError, match=r"quantities\.one\.sizes is of 'rec', a recording, which has no size"):
        Study.model_validate({**given, "published": {"figure_1": _panel(**sized)}})
    Study.model_validate({**given, "published": {"figure_1": _panel(**sized | {"source": "net"})}})


def test_without_targets_nothing_is_located(example):
    given = example.study.model_dump(mode="python", exclude_defaults=True) | {"resampling": {"block": "1 s"}}
    with pytest.raises(ValidationError, match="has published figures but no targets"):
        Study.model_validate({**given, "figures": [], "targets": {}, "published": {"figure_1": _panel()}})


def _curve(**last: Any) -> dict[str, Any]:
    """Two points; their controls are each other's sources."""
    known = {"published": {"value": 0.9, "low": 0.8, "high": 1.0, "where": "Fig. 1, SEM"}}
    points = [
        {"x": 0, "source": "net", "at_least": 0.8, "control": {"title": "static", "source": "net.static"}},
        {"x": 1.5, "source": "net.static", "at_most": 0.5, "control": {"title": "plastic", "source": "net"}, **last},
    ]
    return {
        "title": "recovery",
        "axis": "Dose (1)",
        "each": {"metric": "recovery_fraction", "contrast": "back", **known},
        "points": points,
    }


def _with_curve(misfit: float = 100.0, **last: Any) -> dict[str, Any]:
    misfits = {"all": {"title": "misfit", "curves": ["dose"], "at_most": misfit, "control": "static"}}
    return {"title": "Recovery", "citation": "Somebody 2020", "curves": {"dose": _curve(**last)}, "misfits": misfits}


def _on_logarithms(first: float) -> dict[str, Any]:
    curve = _curve() | {"is_logarithmic": True}
    curve["points"][0]["x"] = first
    return {"title": "Recovery", "citation": "Somebody 2020", "curves": {"dose": curve}}


def _locations(comparison: xr.Dataset) -> tuple[float, float]:
    at = comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction").location
    return float(at.sel(source="net")), float(at.sel(source="net.static"))


def test_a_curve_is_judged_point_by_point_and_its_misfit_over_all(example):
    net, static = _locations(example.comparison)
    ours = ((net - 0.9) ** 2 + (static - 0.9) ** 2) / 2 / 0.1**2
    known = {"published": {"value": 0.0, "low": -0.1, "high": 0.1}}
    apart = ((net - 0.9) ** 2 + static**2) / 2 / 0.1**2, ((static - 0.9) ** 2 + net**2) / 2 / 0.1**2
    outcomes = reproduce(Published.validate_python({"f": _with_curve(sum(apart) / 2, **known)}), example.comparison, SIZES)
    assert [o.quantity for o in outcomes] == ["dose_1", "dose_2", "all"]
    assert [(o.curve, o.x) for o in outcomes[:2]] == [("dose", 0.0), ("dose", 1.5)]
    assert [o.verdict for o in outcomes] == ["scaled regression test passes", "reproduced", "scaled regression test passes"]
    assert (outcomes[2].ours, outcomes[2].control) == pytest.approx(apart)
    assert outcomes[2].size == "ci"
    same, fails = (
        reproduce(Published.validate_python({"f": _with_curve(at_most)}), example.comparison, SIZES)[2] for at_most in (1e6, 1e-6)
    )
    assert (same.ours, same.control) == pytest.approx((ours, ours))
    assert "the negative control passes too" in same.reason
    assert "is above 1e-06" in fails.reason
    (missing,) = reproduce(Published.validate_python({"f": _with_curve(source="rec")}), example.comparison, SIZES)[2:]
    assert missing.verdict == "not testable"
    assert "recovery, 1.5 has no value: " in missing.reason


def test_a_crossing_lies_on_the_line_between_two_sources(example):
    net, static = _locations(example.comparison)
    level = 0.3 * net + 0.7 * static
    crossing = {"begin": 1.0, "end": 2.0, "source": "net.static", "level": level, "unit": "s"}
    control = {"title": "elsewhere", "crossing": {**crossing, "level": 0.9 * net + 0.1 * static}}
    outcome = _judged(example.comparison, crossing=crossing, at_least=1.65, at_most=1.75, control=control)
    assert (outcome.ours, outcome.control) == pytest.approx((1.7, 1.1))
    assert outcome.unit == "s"
    assert outcome.verdict == "scaled regression test passes"
    beyond = _judged(example.comparison, crossing={**crossing, "level": 10.0}, control=control)
    assert beyond.verdict == "scaled regression test fails"
    assert "lie on one side of 10" in beyond.reason
    unknown = _judged(
        example.comparison, crossing={**crossing, "level": level}, control={**control, "crossing": {**crossing, "level": 10.0}}
    )
    assert unknown.verdict == "not testable"
    assert "the negative control has no value" in unknown.reason


def test_a_band_may_be_around_what_the_same_model_gave_elsewhere(example):
    net, _ = _locations(example.comparison)
    scaled = {"value": net + 0.01, "where": "theory"}
    outcome = _judged(example.comparison, at_least=None, scaled=scaled, within=0.02)
    assert (outcome.at_least, outcome.at_most) == pytest.approx((net - 0.01, net + 0.03))
    assert outcome.verdict == "scaled regression test passes"
    assert _judged(example.comparison, at_least=None, scaled=scaled, within=0.005).verdict == "scaled regression test fails"


@pytest.mark.slow
def test_curves_are_drawn_over_their_axis(example, tmp_path):
    panel = _with_curve() | {"quantities": _panel()["quantities"]}
    outcomes = reproduce(Published.validate_python({"f": panel}), example.comparison, SIZES)
    drawn = picture(outcomes)
    assert [axes.get_xlabel() for axes in drawn.figure.axes] == ["Dose (1)", "", ""]
    # Every axis has its unit, and the ends of the band can be seen as ends.
    assert drawn.figure.axes[0].get_ylabel() == "Value (1)"
    panel = _with_curve(at_most=7.0) | {"misfits": {}}
    _, wide = reproduce(Published.validate_python({"f": panel}), example.comparison, SIZES)
    low, high = picture([wide]).figure.axes[0].get_ylim()
    assert low < 0.5
    assert high > 7.0
    assert "recovery (f): 1 of 2 points scaled regression test passes, 1 of 2 points reproduced" in drawn.caption
    save(drawn, tmp_path / "published.png")


@pytest.mark.parametrize(
    ("panel", "told"),
    [
        (_with_curve(x="1"), "points, the 2. has '1' for x; write a number"),
        (_with_curve(x="1e5"), r"points, the 2. has '1e5' for x; YAML reads it as text, write 1.0e\+5"),
        (_with_curve(x=np.inf), "points, the 2. has inf for x, which lies nowhere on the axis; write a finite number"),
        (_with_curve(x=np.nan), "points, the 2. has nan for x, which lies nowhere on the axis"),
        (_with_curve(x=10**400), "for x, which lies nowhere on the axis"),
        (_on_logarithms(0), "points, the 1. has 0 for x, which a logarithmic axis does not have; write a number above 0"),
        (_on_logarithms(-1.0), "points, the 1. has -1.0 for x, which a logarithmic axis does not have"),
        (
            _with_curve() | {"quantities": {"dose_1": _panel()["quantities"]["one"]}},
            "has two rows 'dose_1' in its table, of curves.dose and quantities.dose_1; rename one of the two",
        ),
        (
            _with_curve() | {"quantities": {"all": _panel()["quantities"]["one"]}},
            "has two rows 'all' in its table, of quantities.all and misfits.all",
        ),
        (_with_curve(at_mots=1.0), "points, the 2. at_mots is not a key that is known here; did you mean"),
        (_with_curve(control=None), "misfits.all is of dose, whose 2. point has no control"),
        (_with_curve(published={"remembered": True}), "is remembered, and nothing may follow from it"),
        (_with_curve() | {"curves": {"dosis": _curve()}}, "misfits.all is of the curve 'dose'; did you mean"),
        ({"title": "x", "citation": "y"}, "has neither quantities nor curves"),
        (_panel(within=0.1), "has within, which is a band around scaled"),
        (_panel(crossing={"begin": 1.0, "end": 1.0, "source": "net", "unit": "s"}), "begins and ends at 1"),
    ],
)
def test_a_curve_that_says_nothing_is_refused(panel, told):
    with pytest.raises(ValidationError, match=told):
        Published.validate_python({"figure_1": panel})


def test_points_above_0_may_lie_on_a_logarithmic_axis():
    (first, _) = Published.validate_python({"f": _on_logarithms(1e-3)})["f"].members()
    assert (first.x, first.is_logarithmic) == (1e-3, True)


@pytest.mark.parametrize(
    "changes",
    [
        *({edge: bad} for edge in ("at_least", "at_most") for bad in (np.inf, np.nan)),
        {"published": {"value": np.nan, "where": "x"}},
        {"published": {"value": 1.0, "low": -np.inf, "high": 2.0, "where": "x"}},
        {"at_least": None, "within": np.inf, "scaled": {"value": 1.0, "where": "x"}},
        {"sizes": {"ci": {"at_most": np.inf}}},
        {"crossing": {"begin": 0.0, "end": np.inf, "source": "net.static", "unit": "s"}},
    ],
)
def test_every_published_number_is_finite(changes):
    with pytest.raises(ValidationError, match="finite number"):
        Published.validate_python({"f": _panel(**changes)})


def test_a_companion_is_located_in_the_place_of_its_metric(example):
    """The interval's lower end of the recovery, as a value; one that there is not is told."""
    contrasts = {"low": {"metrics": ["recovery_fraction"], "companion": "low"}}
    without = {label: {s: Measured(e, {}) for s, e in by.items()} for label, by in example.measures.items()}
    found = compare(without, contrasts=Contrasts.validate_python(contrasts), targets={"net": []}, fitted={}, study="s", seed=1)
    at = found.isel(target=0, contrast=0).sel(metric="recovery_fraction", source="net")
    low = example.measures["recovery_fraction"]["net"].recovery_fraction_low
    assert float(at.location) == pytest.approx(float(low.mean()))
    given = _write_study(example)
    contrasts = {**given["contrasts"], "low": {"metrics": ["recovery_fraction"], "companion": "lo"}}
    with pytest.raises(ValidationError, match="companion is 'lo', which recovery_fraction does not have; did you mean"):
        Study.model_validate({**given, "contrasts": contrasts})


def test_a_study_that_judges_nothing_locates_the_same(example):
    without = {label: {s: Measured(e, {}) for s, e in by.items()} for label, by in example.measures.items()}
    targets = {target: [] for target in example.study.targets}
    contrasts = example.study.contrasts
    found = compare(without, contrasts=contrasts, targets=targets, fitted={}, study="small", seed=1)
    xr.testing.assert_identical(found.location.drop_attrs(), example.comparison.location.drop_attrs())
    assert not found.comparable.any()
    assert found.null_location.isnull().all()
