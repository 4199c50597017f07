"""The report: one page that needs nothing else, escapes what it shows, and says where every number comes from."""

import base64
import hashlib
import itertools
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image

from homeoanalysis import drawing
from homeoanalysis.cli.show import show
from homeoanalysis.cli.text import number as printed
from homeoanalysis.config.study import Study
from homeoanalysis.contracts import write
from homeoanalysis.contracts.schemas import NOT_ASKED
from homeoanalysis.draw import draw
from homeoanalysis.errors import DataError
from homeoanalysis.provenance import stamp
from homeoanalysis.report import report, values
from homeoanalysis.report.mechanisms import Combination, summarise
from homeoanalysis.report.overview import Found, overview
from homeoanalysis.report.text import briefly
from homeoanalysis.report.times import Time, times

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "study.html.j2"
FIGURES = ("differences", "firing_rate_recovery", "stimulus_coherence", "information_rate")
SCRIPT = (TEMPLATE.parent / "figures.js").read_text(encoding="utf-8")
EVIL = "<script>alert(1)</script>"
VOID = {"meta", "link", "img", "br"}


class Page(HTMLParser):
    """Tags with their attributes, the text of each element of a class, and whether all tags are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.rows: list[str] = []  # inner text of each table row and list item
        self.traces: list[str] = []
        self._open: list[tuple[str, dict[str, str], list[str]]] = []
        self.feed(text)
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {key: value or "" for key, value in attrs}
        self.tags.append((tag, given))
        if tag not in VOID:
            self._open.append((tag, given, []))

    def handle_data(self, data: str) -> None:
        for _, _, text in self._open:
            text.append(data)

    def handle_endtag(self, tag: str) -> None:
        opened, given, text = self._open.pop()
        assert opened == tag
        if tag in ("td", "th"):
            self.handle_data(" ")
        inner = re.sub(r"\s+", " ", "".join(text)).strip()
        if tag in ("tr", "li"):
            self.rows.append(inner)
        if "trace" in given.get("class", "").split():
            self.traces.append(inner)


@pytest.fixture(scope="module")
def figures(example: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("figures")
    paths = {name: folder / f"{name}.png" for name in FIGURES}
    for name, path in paths.items():
        drawing.save(draw(name, example.measures, example.comparison), path)
    return paths


def made(example: Any, figures: dict[str, Path], **changes: Any) -> str:
    given: dict[str, Any] = {"study": example.study, "comparison": example.comparison, "measures": example.measures, **changes}
    return report(given.pop("study"), name="small", figures=figures, template=TEMPLATE, **given)


@pytest.fixture(scope="module")
def html(example: Any, figures: dict[str, Path]) -> str:
    return made(example, figures)


def first_line(page: str) -> str:
    return re.sub(r"<[^>]+>", "", page.split('<p class="headline">')[1].split("</p>")[0])


@pytest.mark.slow
def test_the_first_line_says_what_came_out_and_then_the_three_questions(html: str, example: Any) -> None:
    # Of models against the recording: `net`, which is a target, too, is a model.
    counts = Counter(str(v) for v in example.comparison.verdict.sel(target="rec").values.ravel())
    assert "differs" in example.comparison.verdict.sel(target="net")
    line = first_line(html)
    assert counts["cannot tell"] > 0 == counts["differs"] == counts["agrees"]
    assert line.startswith(
        f"Models against data: {counts['cannot tell']} cannot be told, {counts['fitted']} fitted, without a verdict."
    )
    assert "agree" not in line
    assert "differ" not in line
    assert line.endswith("No warnings about the recordings.")
    titles = re.findall(r"<h2 id=\"(\w+)\">", html)
    assert titles == ["rates", "spectra", "coding", "comparison", "published", "curation", "provenance"]


def test_every_figure_names_and_links_its_variables(html: str, example: Any) -> None:
    for name, label in (("firing_rate_recovery", "population_rate"), ("information_rate", "information_rate")):
        figure = html.split(f'<figure id="figure-{name}">')[1].split("</figure>")[0]
        assert f'<a href="measures/{label}/net.ci.nc">measures/{label}/net.ci.nc</a>: {label}' in figure
    assert "comparison.nc</a>: difference" in html.split('<figure id="figure-differences">')[1].split("</figure>")[0]
    # A figure stands with the question that its metric is about; one of several, or of the comparison, with the comparison.
    order = re.findall(r'<figure id="figure-(\w+)">|<h2 id="(\w+)">', html)
    where = [heading or figure for figure, heading in order]
    assert where.index("rates") < where.index("spectra") < where.index("stimulus_coherence") < where.index("coding")
    assert where.index("coding") < where.index("information_rate") < where.index("comparison") < where.index("differences")


def test_a_figure_says_where_its_axes_are(figures: dict[str, Path]) -> None:
    """Numbers of a panel, in fractions of the picture: a spine is drawn at the place that is told."""
    with Image.open(figures["stimulus_coherence"]) as image:
        axes = json.loads(image.info["Comment"])
        dark = np.asarray(image.convert("L")) < 100
    height, width = dark.shape
    assert axes
    for one in axes:
        left, top, right, bottom = (round(v * n) for v, n in zip(one["box"], (width, height, width, height), strict=True))
        assert dark[top:bottom, left - 2 : left + 3].any(axis=1).mean() > 0.95
        assert dark[bottom - 2 : bottom + 3, left:right].any(axis=0).mean() > 0.95
        assert one["x"]["label"] == "Frequency (Hz)"
        assert one["x"]["low"] < one["x"]["high"]


def test_names_are_not_numbers_that_can_be_read_off(figures: dict[str, Path]) -> None:
    with Image.open(figures["differences"]) as image:
        assert {one["y"] for one in json.loads(image.info["Comment"])} == {None}


@pytest.mark.slow
def test_run_times_and_config(example: Any, figures: dict[str, Path], tmp_path: Path) -> None:
    header = "s\th:m:s\tmax_rss\n"
    (tmp_path / "a.tsv").write_text(f"{header}1.5\t0:00:01\t120.5\n")
    (tmp_path / "b.tsv").write_text(f"{header}2.0\t0:00:02\t-\n")
    found = times({tmp_path / "a.tsv": "measure", tmp_path / "b.tsv": "measure", tmp_path / "absent.tsv": "draw"})
    assert found == [Time("measure", 2, 3.5, 120.5)]
    page = made(example, figures, times=found, config="title: A small study\n")
    assert "Run time: 3.5 s" in page
    assert '<pre tabindex="0">title: A small study\n</pre>' in page
    assert "run-time" not in made(example, figures)


@pytest.mark.slow
def test_same_bytes_twice(example: Any, figures: dict[str, Path], html: str) -> None:
    assert made(example, figures) == html


def test_loads_nothing(html: str) -> None:
    """The one script is that of the figures, and the page's policy forbids any other, and every request."""
    page = Page(html)
    assert not {"iframe", "object", "embed", "base", "form"} & {tag for tag, _ in page.tags}
    assert [given for tag, given in page.tags if tag == "script"] == [{}]
    assert f"<script>{SCRIPT}</script>" in html
    (policy,) = [given["content"] for tag, given in page.tags if given.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"script-src 'sha256-{digest}'" in policy
    for _, given in page.tags:
        assert not [key for key in given if key.startswith("on") or key in ("srcset", "background", "poster")]
        assert given.get("src", "data:image/png;base64,").startswith("data:image/png;base64,")
        assert given.get("href", "#").startswith(("#", "data:,", "measures/", "figures/", "comparison.nc"))
    (style,) = re.findall(r"<style>(.*?)</style>", html, re.DOTALL)
    assert "url(" not in style
    assert "@import" not in style


def test_says_nothing_of_the_machine(html: str, figures: dict[str, Path]) -> None:
    assert str(figures["differences"].parent) not in html
    assert str(Path.cwd()) not in html


def test_links_lead_somewhere_and_images_are_described(html: str) -> None:
    page = Page(html)
    ids = [given["id"] for _, given in page.tags if "id" in given]
    assert len(ids) == len(set(ids))
    links = [given["href"][1:] for tag, given in page.tags if tag == "a" and given["href"].startswith("#")]
    assert links[0] == "main"  # the skip link is the first that the keyboard reaches
    assert set(links) <= set(ids)
    images = [given for tag, given in page.tags if tag == "img"]
    assert len(images) == len(FIGURES)
    assert all(given["alt"] and given["width"] and given["height"] for given in images)
    headings = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(b - a <= 1 for a, b in itertools.pairwise(headings))


def test_every_trace_names_a_variable_that_exists(html: str, example: Any) -> None:
    files: dict[str, xr.Dataset] = {"comparison.nc": example.comparison}
    for label, by_source in example.measures.items():
        files |= {f"measures/{label}/{e.attrs['source']}.nc": e for e in by_source.values()}
    named = 0
    for trace in Page(html).traces:
        path, _, names = (trace if ": " in trace else trace.replace(" [", ": [")).partition(": ")
        if path.startswith("figures/"):
            continue
        if path in files:
            for variable in filter(None, re.sub(r"\[.*\]", "", names).strip().split(", ")):
                assert variable in files[path] or variable in files[path].attrs, trace
                named += 1
        else:
            assert path.startswith("results/"), trace  # an input of a step
        where = re.search(r"\[(.*)\]", names)
        if where:
            labels = where[1].split(", ")
            dims = ("target", "contrast", "metric", "candidate") if len(labels) == 4 else ("contrast", "metric", "source")
            at = dict(zip(dims, labels, strict=True))
            example.comparison.sel({dim: label for dim, label in at.items() if label != "*"})
    assert named > 50


def test_every_row_with_a_number_has_a_trace(html: str) -> None:
    for table in re.findall(r"<tbody>(.*?)</tbody>", html, re.DOTALL):
        for row in re.findall(r"<tr>(.*?)</tr>", table, re.DOTALL):
            assert 'class="trace"' in row, row
    for verdict in re.findall(r'<li class="(?:matches|differs|other)">(.*?)</li>', html, re.DOTALL):
        assert 'class="trace"' in verdict


def test_one_line_for_each_verdict(html: str, example: Any) -> None:
    rows = Page(html).rows
    comparison = example.comparison
    for label, begins in (
        ("firing_rate", "○ fitted enc was fitted to rec in firing rate (narrow): ratio "),
        (
            "information_rate",
            "? cannot tell These data cannot tell whether enc agrees with rec in "
            "lower bound of the information rate (narrow): ratio ",
        ),
    ):
        at = dict(contrast="narrow", metric=label)
        cell = comparison.sel(target="rec", candidate="enc", **at)
        (line,) = [r for r in rows if r.endswith(f"[rec, narrow, {label}, enc]") and "difference_over" in r]
        low, high = (f"{np.exp(float(cell[f'difference_{end}'])):.3g}" for end in ("low", "high"))
        assert line.startswith(f"{begins}{np.exp(float(cell.difference)):.3g} (95 % interval {low} to {high}; no margin: ")
        (line,) = [r for r in rows if r.endswith(f"comparison.nc [rec, narrow, {label}, enc]")]
        for source in ("rec", "enc"):
            assert f"{source}: {float(comparison.location.sel(source=source, **at)):.3g} " in line
        assert str(cell.verdict.values) in line
    # A relative change has no unit, even if the metric has one.
    (line,) = [r for r in rows if r.endswith("[net, change, firing_rate, net.static]") and "difference_over" in r]
    assert line.startswith("✗ differs net.static differs from net in firing rate (change): ratio ")
    assert "Hz" not in line
    (line,) = [r for r in rows if r.endswith("[rec, narrow, firing_rate, net]") and "is not comparable with" in r]
    assert "no such epoch: stimulus" in line


AT = dict(target="rec", contrast="narrow", metric="information_rate", candidate="enc")


def judged_as(example: Any, figures: dict[str, Path], **values: Any) -> str:
    """The sentence of one cell that is filled with these values."""
    comparison = example.comparison.copy(deep=True)
    for name, value in values.items():
        comparison[name].loc[AT] = value
    page = made(example, figures, comparison=comparison)
    (line,) = [r for r in rows_of(page, "[rec, narrow, information_rate, enc]") if "difference_over" in r]
    return re.sub(r" comparison\.nc: .*", "", line)


ENDS = ("difference", "difference_low", "difference_high", "difference_low_90", "difference_high_90", "margin_low", "margin_high")
BOTH = "over 12 subjects and 8 realisations"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("unit", "values", "verdict", "needed", "text"),
    [
        (
            "log ratio",
            np.log([1.1, 0.9, 1.3, 0.95, 1.2, 0.8, 1.25]),
            "agrees",
            "",
            f"✓ agrees enc agrees with rec in {{}}: ratio 1.1 (90 % interval 0.95 to 1.2; margin 0.8 to 1.25, stated), {BOTH}.",
        ),
        (
            "of the target's mean",
            [-0.95, -0.99, -0.9, -0.98, -0.91, -0.2, 0.25],
            "differs",
            "",
            "✗ differs enc differs from rec in {}: difference -95 % of the target's mean "
            f"(95 % interval -99 to -90 %; margin -20 to +25 %, stated), {BOTH}.",
        ),
        (
            "of the target's mean",
            [12.34, 11, 14, 11.5, 13.5, -0.2, 0.25],
            "differs",
            "",
            "✗ differs enc differs from rec in {}: difference +1230 % of the target's mean "
            f"(95 % interval +1100 to +1400 %; margin -20 to +25 %, stated), {BOTH}.",
        ),
        (
            "bit/s",
            [1.0, -2, 4, -1, 3, -1.5, 1.5],
            "cannot tell",
            "31 subjects",
            "? cannot tell These data cannot tell whether enc agrees with rec in {}: difference 1 bit/s "
            f"(95 % interval -2 to 4 bit/s; margin -1.5 to 1.5 bit/s, stated), {BOTH}. 31 subjects would decide.",
        ),
        (
            "1",
            [1.0, -2, 4, -1, 3, -1.5, 1.5],
            "cannot tell",
            "no observed time",
            "? cannot tell These data cannot tell whether enc agrees with rec in {}: difference 1 "
            f"(95 % interval -2 to 4; margin -1.5 to 1.5, stated), {BOTH}. No observed time would decide.",
        ),
        (
            "bit/s",
            [1.0, *[np.nan] * 4, -1.5, 1.5],
            "cannot tell",
            "5 subjects and realisations together",
            "? cannot tell These data cannot tell whether enc agrees with rec in {}: difference 1 bit/s "
            f"(no interval; margin -1.5 to 1.5 bit/s, stated), {BOTH}. An interval needs 5 subjects and realisations together.",
        ),
    ],
    ids=["agrees", "differs", "differs by far", "cannot tell", "cannot tell, without a unit", "no interval"],
)
def test_a_sentence_for_each_verdict_and_unit(
    unit: str, values: Any, verdict: str, needed: str, text: str, example: Any, figures: dict[str, Path]
) -> None:
    given = dict(zip(ENDS, values, strict=True)) | {"difference_unit": unit, "verdict": verdict, "needed": needed}
    line = judged_as(example, figures, **given, margin_from="stated", difference_over=BOTH)
    assert line == text.format("lower bound of the information rate (narrow)")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verdicts", "text"),
    [
        (["agrees"], "1 agrees, 1 cannot be told, "),
        (["differs"], "1 differs, 1 cannot be told, "),
        (["agrees", "agrees"], "2 agree, "),
        (["differs", "differs"], "2 differ, "),
        (["agrees", "differs"], "1 agrees, 1 differs, "),
    ],
)
def test_the_first_line_counts_one_and_many(verdicts: list[str], text: str, example: Any, figures: dict[str, Path]) -> None:
    comparison = example.comparison.copy(deep=True)
    for metric, verdict in zip(("information_rate", "stimulus_coherence"), verdicts, strict=False):
        comparison.verdict.loc[AT | {"metric": metric}] = verdict
    page = made(example, figures, comparison=comparison)
    assert first_line(page).startswith(f"Models against data: {text}1 fitted, without a verdict.")
    page = overview([Found("small", example.study, comparison, [], [])], TEMPLATE.parent / "overview.html.j2")
    assert f"Models against data: {text}1 fitted, without a verdict." in page
    assert f">{text.replace('be told', 'tell')}1 fitted" in page


def test_every_cell_that_the_study_asks_for_is_told_with_its_reason(html: str, example: Any) -> None:
    """A row for each, of what could not be compared with the reason; control: none for what the study does not ask for."""
    rows = Page(html).rows
    comparison = example.comparison
    asked = 0
    for target, contrast, metric, candidate in itertools.product(
        *(comparison[dim].values.tolist() for dim in ("target", "contrast", "metric", "candidate"))
    ):
        cell = comparison.sel(target=target, contrast=contrast, metric=metric, candidate=candidate)
        at = f"[{target}, {contrast}, {metric}, {candidate}]"
        numbers = [r for r in rows if r.endswith(f" comparison.nc {at}")]
        refused = [r for r in rows if r.endswith(f" comparison.nc: comparable, reason {at}")]
        is_asked = metric in example.study.contrasts[contrast].metrics and candidate in example.study.targets[target]
        is_judged = bool(int(cell.comparable))
        assert (len(numbers), len(refused)) == (int(is_judged), int(is_asked and not is_judged))
        assert all(f"): {cell.reason.values}. comparison.nc" in row for row in refused)
        assert is_asked or str(cell.reason.values).startswith(NOT_ASKED)
        asked += is_asked
    assert asked == 15
    refused = [r for r in rows if "comparison.nc: comparable, reason" in r]
    assert f"{len(refused)} comparisons could not be made, and why" in html


def test_a_location_has_its_unit_its_interval_and_honest_counts(html: str, example: Any) -> None:
    comparison = example.comparison.sel(target="net", contrast="change", metric="firing_rate")
    (line,) = [r for r in Page(html).rows if r.endswith("comparison.nc [net, change, firing_rate, net.static]")]
    low, high = (float(comparison[f"location_{side}"].sel(source="net")) for side in ("low", "high"))
    told = f"(n = 4, 95 % interval over realisations {100 * low:+.3g} to {100 * high:+.3g} %, p of no change"
    assert told in line.replace("\N{NO-BREAK SPACE}", " ")
    assert f"net: change of {100 * float(comparison.location.sel(source='net')):+.3g}" in line  # in percent, as is the interval
    cell = example.comparison.sel(target="rec", contrast="narrow", metric="firing_rate")
    assert str(cell.unit.sel(source="rec").values) == "Hz"
    (line,) = [r for r in Page(html).rows if r.endswith("comparison.nc [rec, narrow, firing_rate, enc]")]
    own = cell.sel(source="rec")
    interval = f"{float(own.location_within_low):.3g} to {float(own.location_within_high):.3g}"
    told = f"rec: {float(own.location):.3g} Hz (n = 1, 95 % interval of the estimate itself {interval})"
    assert told in line.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_what_an_interval_is_over_is_short_and_its_rule_is_told_once(example: Any, figures: dict[str, Path]) -> None:
    """Of one subject: over its units, if it has enough; the reader is told once what that means."""
    comparison = example.comparison.copy(deep=True)
    at = dict(contrast="narrow", metric="firing_rate", source="rec")
    for name, value in {
        "location_within_low": 90.0,
        "location_within_high": 110.0,
        "location_over": "over units (n = 5 in each); not resampled, with fewer than 4: subjects (n = 1)",
    }.items():
        comparison[name].loc[at] = value
    page = made(example, figures, comparison=comparison).replace("\N{NO-BREAK SPACE}", " ")
    assert "Hz (n = 1, 95 % interval over units 90 to 110)" in page
    assert not [words for words in ("not resampled", "of these subjects", "below 4 subjects") if words in page]
    assert page.count("An interval over subjects or realisations needs 4 of them") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "text"),
    [((4, 6, 0), "(n = 6 and 4)"), ((4, 0, 2), "(n = 4, 2 left out)"), ((5, 6, 1), "(n = 6 and 5, 1 left out)")],
)
def test_groups_and_who_was_left_out_are_counted(
    counts: tuple[int, int, int], text: str, example: Any, figures: dict[str, Path]
) -> None:
    comparison = example.comparison.copy(deep=True)
    at = dict(contrast="narrow", metric="firing_rate", source="rec")
    for name, n in zip(("n_subjects", "n_first", "n_left_out"), counts, strict=True):
        comparison[name].loc[at] = n
    assert text.rstrip(")") in made(example, figures, comparison=comparison).replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_undefined_values_are_told_with_the_metrics_definition(example: Any, figures: dict[str, Path]) -> None:
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    changed = measures["recovery_fraction"]["net"].copy(deep=True)
    changed.recovery_fraction[1] = float("nan")
    measures["recovery_fraction"]["net"] = changed
    page = made(example, figures, measures=measures)
    assert "net: undefined in 1 of 4 replicates; it is (r_end - r_p) / (r_0 - r_p) of population mean rates; undefined if" in page
    assert "undefined in" not in made(example, figures)


@pytest.mark.slow
def test_recorded_files_stand_first_among_the_inputs(example: Any, figures: dict[str, Path]) -> None:
    recorded = {"results/activity/rec/40_0.nc: spikes.txt": "a" * 64, "results/activity/rec/80_0.nc: spikes.txt": "b" * 64}
    done = dict(code=[], parameters={}, seed=1)
    chain = {**recorded, "results/activity/a.nc": "0" * 64}
    comparison = stamp(example.comparison.drop_attrs(deep=False), step="compare", inputs=chain, **done)
    rows = Page(made(example, figures, comparison=comparison.assign_attrs(study="small"))).rows
    named = [r for r in rows if re.search(r" [0-9a-f]{64} ", r)]
    assert named[:2] == [f"{name} {digest} comparison.nc" for name, digest in recorded.items()]
    assert named[2].startswith("results/activity/a.nc ")


def test_values_carry_interval_n_and_unit(html: str, example: Any) -> None:
    rate = example.measures["information_rate"]["rec"]
    (row, _) = [r for r in Page(html).rows if r.endswith("measures/information_rate/rec.nc: information_rate")]
    assert f"{float(rate.information_rate[0, 0]):.3g}" in row
    assert f"{float(rate.information_rate_low[0, 0]):.3g} to {float(rate.information_rate_high[0, 0]):.3g}" in row
    assert "1 subject, 1 unit" in row
    assert "Value (bit/s)" in html


@pytest.mark.slow
def test_hostile_text_is_escaped(example: Any, figures: dict[str, Path]) -> None:
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "variants", "metrics", "targets"})
    study = Study(
        title=f"Title {EVIL}",
        question=f"Question {EVIL}",
        contrasts=example.study.contrasts,
        resampling=example.study.resampling,
        **raw,
    )
    comparison = example.comparison.copy(deep=True)
    comparison.reason.values[comparison.reason.values != ""] = f"Reason {EVIL}"
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    measures["firing_rate"]["rec"] = measures["firing_rate"]["rec"].assign_attrs(
        citation=f"Citation {EVIL}", not_applicable='{"x": "Missing ' + EVIL + '"}', parameters=json.dumps({EVIL: 1})
    )
    one = measures["firing_rate"]["rec"]
    finding = json.dumps([{"rule": f"Rule {EVIL}", "text": f"Finding {EVIL}"}])
    measures["firing_rate"]["rec"] = one.assign_coords(warnings=("replicate", [finding] * one.sizes["replicate"]))
    page = made(example, figures, study=study, comparison=comparison, measures=measures, config=f"title: {EVIL}")
    assert page.count("<script") == 1
    for what in ("Title", "Question", "Reason", "Citation", "Missing", "Rule", "Finding"):
        assert f"{what} &lt;script&gt;alert(1)&lt;/script&gt;" in page
    Page(page)


@pytest.mark.slow
def test_warnings_about_the_recordings(example: Any, figures: dict[str, Path], html: str) -> None:
    assert "None was found." in html
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    one = measures["firing_rate"]["rec"]
    finding = json.dumps([{"rule": "line noise", "text": "the power at 50 Hz is many times that beside it: c1 (40)"}])
    found = [finding, *["[]"] * (one.sizes["replicate"] - 1)]
    measures["firing_rate"]["rec"] = one.assign_coords(warnings=("replicate", found))
    rows = Page(made(example, figures, measures=measures)).rows
    wanted = (
        f"rec {one.replicate.values[0]} line noise the power at 50 Hz is many times that beside it: c1 (40) measures/firing_rate"
    )
    assert any(row.startswith(wanted) for row in rows)


def test_hostile_caption_is_escaped(example: Any, tmp_path: Path) -> None:
    drawn = drawing.nothing("no reason")._replace(caption=f"Caption ± {EVIL}")
    drawing.save(drawn, tmp_path / "any.png")
    page = made(example, {"any": tmp_path / "any.png"})
    assert "Caption ± &lt;script&gt;" in page
    assert page.count("<script") == 1


@pytest.mark.parametrize("kept", [0, 20, 500, -2000, -5])
def test_a_figure_that_was_cut_is_named(example: Any, figures: dict[str, Path], kept: int, tmp_path: Path) -> None:
    """Cut in the text before the picture, in the picture, and at its end; control: `figures` whole, in every other test."""
    name, path = next(iter(figures.items()))
    cut = tmp_path / f"{name}.png"
    cut.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(DataError, match=rf"{name}\.png is damaged \(.*\); delete it and run the workflow again"):
        made(example, {**figures, name: cut})


def test_book_keeping_and_provenance(html: str, example: Any) -> None:
    rows = Page(html).rows
    assert any(re.match(r"rec 40_0 spikes \d+ \d+ 0 measures/firing_rate/rec\.nc: bookkeeping", r) for r in rows)
    assert any(r.startswith("results/activity/a.nc " + "0" * 64) for r in rows)
    assert any(r.startswith("xarray ") for r in rows)
    assert any(r.startswith("rec: About rec") for r in rows)
    assert example.comparison.attrs["code"] in html


def test_a_study_that_compares_nothing_has_a_report(example: Any) -> None:
    study = Study(title="Alone", question="?", recordings=["rec"], metrics={"firing_rate": {}})
    page = made(example, {}, study=study, measures={"firing_rate": {"rec": example.measures["firing_rate"]["rec"]}})
    assert "This study judges no model" in page


def test_a_study_without_candidates_tells_only_claims_that_are_open(example: Any) -> None:
    """Nothing stands against its target: no verdicts, and no words about them; control: what cannot be compared is not told."""
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "variants", "metrics"})
    contrasts = example.study.contrasts
    more: dict[str, Any] = {"contrasts": contrasts, "resampling": {"draws": 0}, "targets": {"rec": []}}
    study = Study(title="Alone", question="?", **more, **raw)
    comparison = example.comparison.sel(candidate=["enc"]).copy(deep=True)
    comparison.comparable[:] = 0
    comparison.verdict[:] = "not comparable"
    at = dict(contrast="narrow", metric="information_rate")
    comparison.verdict.loc[dict(target="rec", candidate="enc", **at)] = "untestable"
    comparison.location_reason.loc[dict(source="rec", **at)] = "the first hours were not recorded"
    page = made(example, {}, study=study, comparison=comparison)
    assert "This study judges no model" in page
    assert "the smallest difference" not in page  # the margin; the style has margins, too
    assert "All comparisons" not in page
    (told,) = [r for r in Page(page).rows if "comparison.nc: comparable, reason" in r]
    assert told.startswith("– untestable rec in lower bound of the information rate (narrow): the first hours were not recorded.")


def rows_of(page: str, ending: str) -> list[str]:
    return [r.replace("\N{NO-BREAK SPACE}", " ") for r in Page(page).rows if r.endswith(ending)]


@pytest.mark.slow
def test_three_subjects_have_no_interval(example: Any, figures: dict[str, Path]) -> None:
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    enc = measures["firing_rate"]["enc"].copy(deep=True)
    enc.firing_rate.values[np.isin(enc.unit_replicate.values, ["40_0", "80_0"])] = np.nan
    measures["firing_rate"]["enc"] = enc
    rows = rows_of(made(example, figures, measures=measures), "measures/firing_rate/enc.ci.nc: firing_rate")
    assert all("– (none: below 4 realisations) 3 realisations, 6 of 8 units (the others undefined)" in row for row in rows)
    whole = rows_of(made(example, figures), "measures/firing_rate/enc.ci.nc: firing_rate")
    assert all(re.search(r" to \S+ \(over realisations\) 4 realisations, 8 units ", row) for row in whole)


@pytest.mark.slow
def test_types_of_units_are_not_pooled(example: Any, figures: dict[str, Path]) -> None:
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    net = measures["firing_rate"]["net"]
    measures["firing_rate"]["net"] = net.assign_coords(cell_type=("unit", ["E"] * 6 + ["I"] * 26))
    rows = rows_of(made(example, figures, measures=measures), "measures/firing_rate/net.ci.nc: firing_rate")
    assert [row.split()[2] for row in rows] == ["E"] * 3 + ["I"] * 3
    assert "6 units" in rows[0]
    assert "26 units" in rows[3]


def test_metrics_of_one_name_are_told_apart(example: Any) -> None:
    """What explains a name is cut off, what tells it from another one of the study is not; the type of units that was asked for
    stands in its column.
    """
    one = example.measures["population_rate"]["net"]

    def of_type(label: str, cell_type: str, words: str) -> dict[str, xr.Dataset]:
        asked = json.dumps({"metric": {label: {"cell_type": cell_type}}})
        named = one.assign_attrs(parameters=asked).copy()
        named["population_rate"] = one.population_rate.assign_attrs(long_name=words)
        return {"net": named}

    measures = {
        "depth": of_type("depth", "E", "Depth: 0.6, it fell by 60 %"),
        "depth.inhibitory": of_type("depth.inhibitory", "I", "Depth: 0.6, it fell by 60 %"),
        "coherence": of_type("coherence", "E", "Coherence (bias-corrected)"),
        "welch_coherence": of_type("welch_coherence", "E", "Coherence (Welch, with its bias)"),
    }
    tables = [table for family in values.families(measures, []) for table in family["tables"]]
    assert [table["name"] for table in tables] == [
        "Depth",
        "Depth (inhibitory)",
        "Coherence (coherence)",
        "Coherence (welch coherence)",
    ]
    assert [{row.cells for row in table["rows"]} for table in tables] == [{"E"}, {"I"}, {"E"}, {"E"}]
    assert briefly("depth.inhibitory", measures) == "depth (inhibitory)"


def test_each_value_has_its_own_unit(example: Any) -> None:
    """A signal of a model has another unit than that of a recording; a source without a value has none."""
    one = example.measures["population_rate"]["net"]

    def in_unit(unit: str, is_there: bool = True) -> xr.Dataset:
        rate = one.population_rate.where(is_there).assign_attrs(one.population_rate.attrs | {"units": unit})
        return one.assign(population_rate=rate)

    def table(**by_source: xr.Dataset) -> dict[str, Any]:
        (found,) = [t for f in values.families({"power": by_source}, []) for t in f["tables"]]
        return dict(found)

    alone = table(empty=in_unit("1/Hz", False), recorded=in_unit("V^2/Hz"))
    assert alone["units"] == "V^2/Hz"
    assert {row.source for row in alone["rows"]} == {"recorded"}
    assert any(line.startswith("empty: undefined in") for line in alone["missing"])
    both = table(recorded=in_unit("V^2/Hz"), net=in_unit("A^2/Hz"))
    assert both["units"] == "as each value says"
    assert {row.source: row.value.split()[-1] for row in both["rows"]} == {"recorded": "V^2/Hz", "net": "A^2/Hz"}


@pytest.mark.slow
def test_states_have_a_line_each(example: Any, figures: dict[str, Path]) -> None:
    measures = {label: dict(by_source) for label, by_source in example.measures.items()}
    net = measures["firing_rate"]["net"]
    factor = xr.DataArray([1.0, 0.0], dims="state", coords={"state": ["wake", "sleep"]})
    rate = (net.firing_rate * factor).assign_attrs(net.firing_rate.attrs)
    measures["firing_rate"]["net"] = net.assign(firing_rate=rate)
    rows = rows_of(made(example, {}, measures=measures), "measures/firing_rate/net.ci.nc: firing_rate")
    assert len(rows) == 6
    assert "baseline, wake" in rows[0]
    assert "baseline, sleep 0 " in rows[1]


def test_the_words_of_the_verdicts_are_defined_once(html: str) -> None:
    page = re.sub(
        r"\s+", " ", re.sub(r"<style>.*?</style>|<script>.*?</script>|<[^>]+>|data:image[^\"]+", " ", html, flags=re.DOTALL)
    )
    for words in (
        "A candidate agrees when the 90 % interval of its difference from the target lies within the margin",
        "It differs when the 95 % interval excludes no difference.",
        "Else these data cannot tell ,",
    ):
        assert page.count(words) == 1
    gone = r"[Dd]iscrepanc\w+|[Ff]loor|[Cc]eiling|best attainable|null \(surrogates\)|match(es)?|undecided|inside|outside"
    assert not re.search(rf"\b({gone})\b", page)


@pytest.mark.slow
def test_agreement_of_a_derived_metric_is_cautioned_where_its_base_differs(example: Any, figures: dict[str, Path]) -> None:
    for base, verdict, is_told in (("differs", "agrees", True), ("agrees", "agrees", False), ("differs", "cannot tell", False)):
        comparison = example.comparison.copy(deep=True)
        comparison.verdict.loc[AT] = verdict
        comparison.verdict.loc[AT | {"metric": "stimulus_coherence"}] = base
        page = made(example, figures, comparison=comparison)
        (line,) = [r for r in rows_of(page, "[rec, narrow, information_rate, enc]") if "difference_over" in r]
        assert ("Caution: it is computed from stimulus-response coherence, which differs (narrow)" in line) == is_told


def test_where_an_integral_ends_is_told(html: str) -> None:
    assert "The integral ends at 40\N{NO-BREAK SPACE}Hz" in html.replace("40 Hz (", "40\N{NO-BREAK SPACE}Hz (")


@pytest.mark.slow
def test_effects_are_told_without_any_candidate(example: Any) -> None:
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "variants", "metrics"})
    study = Study(
        title="Alone",
        question="?",
        contrasts=example.study.contrasts,
        resampling=example.study.resampling,
        targets={"net": []},
        **raw,
    )
    page = made(example, {}, study=study)
    (row,) = [r for r in rows_of(page, "n_subjects [change, firing_rate, *]") if " net.static " in r]
    location = example.comparison.location.sel(contrast="change", metric="firing_rate", source="net.static")
    assert f"change of {100 * float(location):+.3g} ±" in row
    assert "epoch recovery against baseline" in row
    # One row for each source that has a value, and none for the others.
    count = int(np.isfinite(example.comparison.location).sum())
    assert f"<summary>{count} effects</summary>" in page
    assert len([r for r in Page(page).rows if "n_subjects [" in r]) == count
    comparison = example.comparison.copy(deep=True)
    comparison.location[:] = np.nan
    comparison.location.loc[dict(contrast="change", metric="firing_rate", source="net")] = 0.5
    assert "<summary>1 effect</summary>" in made(example, {}, study=study, comparison=comparison)


def test_show_counts_what_the_report_counts_and_prints_intervals(html: str, example: Any, tmp_path: Path) -> None:
    write(example.comparison, tmp_path / "comparison.nc")
    lines = list(show(tmp_path / "comparison.nc"))
    (line,) = [found for found in lines if "could not be made" in found]
    assert line.split("; ")[0].strip() in re.sub(r"\s+", " ", html)
    cell = example.comparison.sel(target="rec", contrast="narrow", metric="information_rate", candidate="enc")
    (line,) = [found for found in lines if re.match(r" *rec +narrow +information_rate +enc ", found)]
    low, high = (printed(float(cell[f"difference_{end}"])) for end in ("low", "high"))
    assert f"{printed(float(cell.difference))} log ratio" in line
    assert f"[{low}, {high}]" in line
    assert line.endswith(f"cannot tell  {cell.needed.values}")


def test_every_candidate_that_was_compared_has_its_scores(html: str, example: Any) -> None:
    """The numbers of the comparison, the least p of four realisations against one recording, and what draws of the target say."""
    (line,) = rows_of(html, "comparison.nc [rec, narrow, firing_rate, enc]")
    cell = example.comparison.sel(target="rec", contrast="narrow", metric="firing_rate", candidate="enc")
    assert f" – (–) {float(cell.predictive_p):.3g} (least possible 0.4) " in line  # one subject has no spread
    assert f"two halves of the target lie {float(cell.noise_ceiling):.3g} apart; " in line
    assert f"p among its surrogates {float(cell.surrogate_p):.3g} " in line
    (line,) = rows_of(html, "comparison.nc [net, change, firing_rate, net.static]")
    cell = example.comparison.sel(target="net", contrast="change", metric="firing_rate", candidate="net.static")
    ratio, low, high = (f"{np.exp(float(cell[name])):.3g}" for name in ("difference", "difference_low", "difference_high"))
    margin = " to ".join(f"{np.exp(float(cell[f'margin_{end}'])):.3g}" for end in ("low", "high"))
    assert f" {ratio} {low} to {high} {margin} {cell.difference_over.values} differs – " in line
    g, low, high = (f"{float(cell[name]):.3g}" for name in ("hedges_g", "hedges_g_low", "hedges_g_high"))
    assert f" {g} ({low} to {high}) {float(cell.predictive_p):.3g} (least possible 0.0286) " in line


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        ([["agrees", "fitted"]], "agrees with the data: m0."),
        ([["agrees", "cannot tell"]], "none is shown to suffice; these data cannot tell whether it suffices: m0."),
        ([["agrees", "differs"], ["cannot tell", "differs"]], "none is shown to suffice; ruled out, since it differs: m0, m1."),
        ([["fitted", "fitted"]], "none is shown to suffice; not judged: m0."),
        ([[]], "none is shown to suffice; not judged: m0."),
        ([["agrees", "no such epoch: stimulus"]], "none is shown to suffice; not judged: m0."),
        ([["cannot tell", "no such epoch: stimulus"]], "none is shown to suffice; not judged: m0."),
        ([["differs", "no such epoch: stimulus"]], "none is shown to suffice; ruled out, since it differs: m0."),
        (
            [["differs"], ["cannot tell"], ["agrees"], ["agrees"], ["fitted"]],
            "agrees with the data: m2, m3; these data cannot tell whether it suffices: m1; ruled out, since it differs: m0; "
            "not judged: m4.",
        ),
    ],
)
def test_mechanisms_are_summed_up(cells: list[list[str]], text: str) -> None:
    found = [Combination(f"m{k}", [True], [("1", told) for told in row], "") for k, row in enumerate(cells)]
    assert summarise(found) == text


@pytest.mark.slow
def test_mechanisms_have_a_line_for_each_combination(example: Any, figures: dict[str, Path]) -> None:
    """The network without the mechanism, against the one with it: it differs where it does not come back."""
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "metrics"})
    listed: dict[str, Any] = {"mechanisms": {"net": {"recovery": {}}}, "targets": {"rec": ["enc", "net"], "net": ["net.none"]}}
    study = Study(**raw, title="", question="", contrasts=example.study.contrasts, resampling={"block": "1 s"}, **listed)
    named = {
        dim: [str(v).replace("net.static", "net.none") for v in example.comparison[dim].values] for dim in ("candidate", "source")
    }
    measures = {m: {s.replace("static", "none"): e for s, e in by.items()} for m, by in example.measures.items()}
    comparison = example.comparison.assign_coords(named)
    page = made(example, figures, study=study, measures=measures, comparison=comparison)
    (line,) = [r for r in Page(page).rows if r.endswith(" verdict [net, *, *, net.none]")]
    assert line.startswith("net.none – ")
    for contrast, metric in (("back", "recovery_fraction"), ("change", "firing_rate")):
        cell = comparison.sel(target="net", contrast=contrast, metric=metric, candidate="net.none")
        assert cell.verdict == "differs"
        location = float(comparison.location.sel(contrast=contrast, metric=metric, source="net.none"))
        told = f"{location:.3g}" if contrast == "back" else f"change of {100 * location:+.3g}"
        assert f"differs: {told} ±" in line
    assert "<strong>None is shown to suffice; ruled out, since it differs: net.none.</strong>" in page
    told = "Mechanisms of net against net: none is shown to suffice; ruled out, since it differs: net.none."
    assert f'<a href="#mechanisms">{told}</a>' in page
    # The whole model against the recording, which holds none of its epochs.
    (line,) = [r for r in Page(page).rows if r.endswith(" verdict [rec, *, *, net]")]
    assert line.startswith("net ✓ ")
    assert "Mechanisms of net against rec: none is shown to suffice; not judged: net." in page
