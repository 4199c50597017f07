"""Claims: the ordinary judgement of statistics and of planted violations, Holm's adjustment over the table, and the page."""

import csv
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from homeoanalysis.config.claim import Claim
from homeoanalysis.config.study import Study
from homeoanalysis.contracts import open_dataset, write
from homeoanalysis.contracts.claims import dataset, text
from homeoanalysis.drawing import save
from homeoanalysis.errors import DataError
from homeoanalysis.report.claims import Study as Shown
from homeoanalysis.report.claims import page
from homeoanalysis.reproduce import Examined, beside, judge, picture, tabulate

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "claims.html.j2"
SIZES = {"rec": "recording", "enc": "ci", "net": "ci", "net.static": "ci"}
EVIL = "<script>alert(1)</script>"


def _claim(statistic: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    back = {"title": "fraction", "metric": "recovery_fraction", "contrast": "back", "source": "net", "at_least": 0.8}
    return {
        "name": "C1",
        "statement": "The rate comes back",
        "statistics": {"back": {**back, **(statistic or {})}},
        "violations": {"static": {"title": "the rule silently off", "sources": {"net": "net.static"}}},
        **changes,
    }


def _tested(example: Any, raw: dict[str, Any], *, size: str = "ci", sweep: dict[str, dict[str, Any]] | None = None) -> Examined:
    def judged(content: dict[str, Any]) -> Any:
        sizes = SIZES | {"net": size, "net.static": size}
        return judge(Claim.model_validate(content), example.comparison, sizes)

    points = {point: judged(content) for point, content in (sweep or {}).items()}
    return Examined("study", Claim.model_validate(raw), judged(raw), points, size, 12.0)


def _row(example: Any, raw: dict[str, Any], **how: Any) -> Any:
    (row,) = tabulate({"C1": "It comes back"}, {"C1": _tested(example, raw, **how)})
    return row


@pytest.mark.slow
def test_a_statistic_in_its_band_whose_violation_is_not_holds(example):
    row = _row(example, _claim())
    at = example.comparison.isel(target=0).sel(contrast="back", metric="recovery_fraction", source="net")
    assert (row.verdict, row.reason) == ("holds", "")
    assert (row.value, row.low, row.high, row.n) == pytest.approx(
        (float(at.location), float(at.location_low), float(at.location_high), 4)
    )
    assert row.robustness == "no sweep is declared"


@pytest.mark.parametrize(
    ("statistic", "changes", "verdict", "reason"),
    [
        # The module is silently off: what claims to be the network is its static twin.
        ({"source": "net.static"}, {"violations": {"x": {"title": "x", "sources": {"net.static": "net"}}}}, "fails", "below 0.8"),
        # The statistic's sign is turned.
        ({"at_least": None, "at_most": 0.8}, {}, "fails", "is above 0.8"),
        # The violation passes: the statistic cannot tell.
        ({"at_least": -5.0}, {}, "fails", "it also holds with the rule silently off, where it must not"),
        # The control passes.
        ({"control": {"title": "itself", "surrogate": True}, "at_least": -50.0}, {}, "fails", "the negative control passes too"),
        ({"sizes": {"ci": {"untestable": "too small"}}}, {}, "untestable", "too small"),
        ({"source": "rec"}, {"violations": {"x": {"title": "x", "sources": {"rec": "net"}}}}, "untestable", ""),
        (
            {},
            {"violations": {"x": {"title": "a recording", "sources": {"net": "rec"}}}},
            "untestable",
            "with a recording there is",
        ),
        ({"at_least": None, "reported_only": True}, {"violations": {}}, "reported only", ""),
    ],
)
def test_what_else_may_come_out(example, statistic, changes, verdict, reason):
    row = _row(example, _claim(statistic, **changes))
    assert row.verdict == verdict
    assert reason in row.reason


def test_what_is_only_reported_decides_nothing_even_without_a_value(example):
    back = _claim()["statistics"]["back"]
    shown = {"title": "of a recording", "metric": "recovery_fraction", "contrast": "back", "source": "rec", "reported_only": True}
    row = _row(example, _claim(statistics={"back": back, "shown": shown}))
    assert (row.verdict, row.reason) == ("holds", "")


def test_above_ci_chance_must_be_excluded_after_holm(example):
    alone = _row(example, _claim(), size="nightly")
    assert alone.p_holm == alone.p > 0.05  # four realisations: p is not below 1 / 16
    assert alone.verdict == "untestable"
    assert "it takes more realisations" in alone.reason


def test_where_nothing_is_random_no_p_is_asked(example):
    raw = _claim(deterministic=True)
    several = _tested(example, raw, size="nightly")
    alone = several._replace(outcomes=[o._replace(n=1, p=np.nan) for o in several.outcomes])
    (held,) = tabulate({"C1": "It comes back"}, {"C1": alone})
    assert (held.verdict, held.reason) == ("holds", "")
    (refused,) = tabulate({"C1": "It comes back"}, {"C1": several})
    assert (refused.verdict, refused.reason) == ("untestable", "it is declared deterministic, but fraction is of 4 realisations")


def test_the_share_of_the_sweep_in_which_it_holds(example):
    fails = _claim({"at_least": 1.5})
    swept = _claim(robustness={"parameters": {"speed": {"paths": ["a.b"]}}})
    assert _row(example, swept).robustness == "robustness not run"
    assert np.isnan(_row(example, swept).share)
    one = _row(example, swept, sweep={"speed_x0_5": _claim(), "speed_x2": fails})
    assert (one.share, one.verdict) == (0.5, "holds")
    assert one.robustness == "holds in 1 of 2 points; not: speed_x2 fails"
    none = _row(example, swept, sweep={"speed_x0_5": fails, "speed_x2": fails})
    assert none.verdict == "fragile"
    assert none.reason == "it holds in 0% of the sweep, which is less than 50%"


def test_holm_over_the_table_as_by_hand(example):
    """p of 0.01, 0.04, 0.03 and one without: times 3, then max(0.03 x 2, .) and max(0.04 x 1, .)."""
    tested = {name: _tested(example, _claim()) for name in ("C1", "C2", "C3", "C4")}
    for (name, one), p in zip(tested.items(), (0.01, 0.04, 0.03, np.nan), strict=True):
        tested[name] = one._replace(outcomes=[o._replace(p=p) for o in one.outcomes])
    rows = tabulate(dict.fromkeys([*tested, "C5"], "said"), tested)
    assert [row.p_holm for row in rows] == pytest.approx([0.03, 0.06, 0.06, np.nan, np.nan], nan_ok=True)
    assert rows[-1].verdict == "not built"


def test_a_difference_between_variants_is_paired_over_realisations(example):
    minus = {"metric": "recovery_fraction", "contrast": "back", "source": "net.static"}
    row = _row(example, _claim({"minus": minus, "at_least": 0.5}))
    of = example.comparison.subject_location.sel(contrast="back", metric="recovery_fraction")
    apart = (of.sel(source="net") - of.sel(source="net.static")).dropna("subject").values
    width = 3.182446 * apart.std(ddof=1) / 2  # t of 3 degrees of freedom
    assert (row.low, row.value, row.high) == pytest.approx((apart.mean() - width, apart.mean(), apart.mean() + width), rel=1e-5)
    assert row.verdict == "holds"


def test_a_share_is_of_those_who_say_yes_or_no(example):
    row = _row(example, _claim({"share": True}))
    assert row.verdict == "untestable"
    assert "it is no share" in row.reason


PUBLISHED = {
    "figure_1": {
        "title": "A figure",
        "citation": "Somebody 2020",
        "quantities": {"back": {**_claim()["statistics"]["back"], "control": {"title": "static", "source": "net.static"}}},
    }
}
RECORDED = {
    "rec": {
        "title": "rate of a recording",
        "metric": "firing_rate",
        "contrast": "narrow",
        "source": "rec",
        "at_least": 1e6,
        "beside": "back",
    }
}


def test_a_recording_agrees_or_not_and_is_drawn_beside(example, tmp_path):
    raw = _claim(recordings=RECORDED)
    row = _row(example, raw)
    assert row.verdict == "holds"  # of the model; the recording is told beside it
    assert re.fullmatch(r"rate of a recording \(rec\): does not agree \([\d.]+ is below 1e\+06\)", row.recordings)
    claim = Claim.model_validate(raw)
    (drawn,) = beside(claim, judge(claim, example.comparison, SIZES))
    located = example.comparison.location.sel(contrast="narrow", metric="firing_rate", source="rec")
    assert drawn.published == pytest.approx(float(located))
    assert picture([drawn], known="recording").caption.startswith("Recording numbers and ours.")


def test_a_second_recording_beside_a_statistic_stands_alone_and_is_no_number_of_ours(example):
    claim = Claim.model_validate(_claim(recordings={**RECORDED, "again": {**RECORDED["rec"], "title": "again"}}))
    drawn, alone = beside(claim, judge(claim, example.comparison, SIZES))
    assert (alone.title, alone.published) == ("again", drawn.published)
    assert np.isfinite(drawn.ours)
    assert np.isnan(alone.ours)


@pytest.fixture(scope="module")
def shown(example, tmp_path_factory):
    """The page over a claim that holds, one that is only reported, and one that nobody has built."""
    raws = {
        "C1": _claim(statement=EVIL, recordings=RECORDED),
        "C2": _claim({"at_least": None, "reported_only": True}, name="C2", violations={}),
    }
    studies, tested = {}, {}
    for name, raw in raws.items():
        tested[name], path = _tested(example, raw), tmp_path_factory.mktemp(name) / "claim.png"
        save(picture(beside(tested[name].claim, tested[name].outcomes), known="recording"), path)
        studies[name] = Shown(tested[name].claim, tested[name].outcomes, path)
    rows = tabulate({"C1": EVIL, "C2": "only looked at", "C3": "not there yet"}, tested)
    return rows, page(rows, studies, TEMPLATE, size="ci")


@pytest.mark.slow
def test_the_page_names_a_figure_that_was_cut(example, tmp_path):
    tested, path = _tested(example, _claim()), tmp_path / "claim.png"
    save(picture(beside(tested.claim, tested.outcomes), known="recording"), path)
    rows, studies = tabulate({"C1": "said"}, {"C1": tested}), {"C1": Shown(tested.claim, tested.outcomes, path)}
    assert "said" in page(rows, studies, TEMPLATE, size="ci")
    path.write_bytes(path.read_bytes()[:-2000])
    with pytest.raises(DataError, match=r"claim\.png is damaged \(.*\); delete it and run the workflow again"):
        page(rows, studies, TEMPLATE, size="ci")


@pytest.mark.slow
def test_the_page_has_a_row_for_every_claim(shown):
    _, html = shown
    table = html[html.index("<tbody>") : html.index("</tbody>")]
    assert table.count("<tr>") == 3
    assert "3 claims: 1 holds, 1 reported only, 1 not built." in html
    assert table.count("data:image/png") == 2
    assert "robustness" in html.lower()
    assert "no band" in table


def test_names_and_statements_reach_the_page_escaped(shown):
    _, html = shown
    assert EVIL not in html
    assert html.count("&lt;script&gt;alert(1)&lt;/script&gt;") >= 3  # row, heading, statement


def test_the_table_and_the_dataset_hold_the_same(shown, tmp_path):
    rows, _ = shown
    read = list(csv.DictReader(text(rows).splitlines()))
    assert [one["verdict"] for one in read] == ["holds", "reported only", "not built"]
    write(dataset(rows), tmp_path / "claims.nc")
    found = open_dataset(tmp_path / "claims.nc")
    assert found.verdict.values.tolist() == [one["verdict"] for one in read]
    assert float(found.value.sel(claim="C1")) == pytest.approx(float(read[0]["value"]))
    assert np.isnan(found.value.sel(claim="C3"))


@pytest.mark.parametrize(
    ("raw", "told"),
    [
        (_claim(violations={}), "has neither a control nor violations, so that nothing says that it can fail"),
        (
            _claim(violations={"x": {"title": "x", "sources": {"nett": "net"}}}),
            "'nett', of which no statistic is; did you mean",
        ),
        (_claim(violations={"x": {"title": "x", "sources": {"net": "net"}}}), "puts 'net' in its own place"),
        (_claim(primary="front"), "primary is 'front', which is no statistic that is judged; known: back"),
        (_claim({"reported_only": True}), "is reported only, but has a band or a control"),
        (
            _claim({"share": True, "minus": {"metric": "a", "contrast": "b", "source": "c"}}),
            "is a share, which is of one location",
        ),
        (_claim(recordings={"rec": {**RECORDED["rec"], "beside": "front"}}), "beside is 'front', which is no statistic"),
        (_claim(robustness={}), "sweeps nothing; name what is shared, parameters or rules"),
        (_claim(statistics={}), "at least 1"),
    ],
)
def test_a_claim_that_could_not_fail_is_refused(raw, told):
    with pytest.raises(ValidationError, match=re.escape(told)):
        Claim.model_validate(raw)


def test_several_statistics_need_a_primary_one():
    back = _claim()["statistics"]["back"]
    with pytest.raises(ValidationError, match="primary is missing; say which of back, forth"):
        Claim.model_validate(_claim(statistics={"back": back, "forth": back}))


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"claim": _claim({"contrast": "backk"})}, "claim.statistics.back has the contrast 'backk', which this study has not"),
        (
            {"claim": _claim(violations={"off": {"title": "x", "sources": {"net": "net.off"}}})},
            "claim.violation.off.back has the source 'net.off', which this study has not",
        ),
        ({"claim": _claim(), "targets": {}}, "has a claim but no targets, so that no effect is measured"),
        ({"claim": _claim(), "published": PUBLISHED}, "has published figures and a claim"),
    ],
)
def test_a_claim_of_what_the_study_does_not_compare_is_refused(example, changes, told):
    given = example.study.model_dump(mode="python", exclude_defaults=True) | {"resampling": {"block": "1 s"}, "figures": []}
    with pytest.raises(ValidationError, match=re.escape(told)):
        Study.model_validate({**given, **changes})
