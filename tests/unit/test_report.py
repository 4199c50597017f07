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
from homeoanalysis.config.study import Study
from homeoanalysis.contracts import write
from homeoanalysis.draw import draw
from homeoanalysis.errors import DataError
from homeoanalysis.provenance import stamp
from homeoanalysis.report import report, values
from homeoanalysis.report.text import briefly
from homeoanalysis.report.times import Time, times

TEMPLATE = Path(__file__).parents[2] / "workflow" / "report" / "study.html.j2"
FIGURES = ("discrepancy", "firing_rate_recovery", "stimulus_coherence", "information_rate")
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


@pytest.mark.slow
def test_the_first_line_says_what_came_out_and_then_the_three_questions(html: str, example: Any) -> None:
    # Of models against the recording: `net`, which is a target, too, is a model.
    counts = Counter(str(v) for v in example.comparison.verdict.sel(target="rec").values.ravel())
    assert "differs" in example.comparison.verdict.sel(target="net")
    line = re.sub(r"<[^>]+>", "", html.split('<p class="headline">')[1].split("</p>")[0])
    assert counts["matches"] > 0 == counts["differs"]
    assert line.startswith(f"Models against data: {counts['matches']} match, {counts['fitted']} fitted")
    assert "differ" not in line
    assert line.endswith("No warnings about the recordings.")
    titles = re.findall(r"<h2 id=\"(\w+)\">", html)
    assert titles == ["rates", "spectra", "coding", "comparison", "published", "curation", "provenance"]


def test_every_figure_names_and_links_its_variables(html: str, example: Any) -> None:
    for name, label in (("firing_rate_recovery", "population_rate"), ("information_rate", "information_rate")):
        figure = html.split(f'<figure id="figure-{name}">')[1].split("</figure>")[0]
        assert f'<a href="measures/{label}/net.ci.nc">measures/{label}/net.ci.nc</a>: {label}' in figure
    assert "comparison.nc</a>: discrepancy" in html.split('<figure id="figure-discrepancy">')[1].split("</figure>")[0]
    # A figure stands with the question that its metric is about; one of several, or of the comparison, with the comparison.
    order = re.findall(r'<figure id="figure-(\w+)">|<h2 id="(\w+)">', html)
    where = [heading or figure for figure, heading in order]
    assert where.index("rates") < where.index("spectra") < where.index("stimulus_coherence") < where.index("coding")
    assert where.index("coding") < where.index("information_rate") < where.index("comparison") < where.index("discrepancy")


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
    with Image.open(figures["discrepancy"]) as image:
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
    assert str(figures["discrepancy"].parent) not in html
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
            at = dict(zip(("target", "contrast", "metric", "candidate"), where[1].split(", "), strict=True))
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
    for contrast, label, candidate in (("narrow", "firing_rate", "enc"), ("narrow", "information_rate", "enc")):
        cell = comparison.sel(target="rec", contrast=contrast, metric=label, candidate=candidate)
        (line,) = [r for r in rows if r.endswith(f"[rec, {contrast}, {label}, {candidate}]") and "Discrepancy" in r]
        assert f"Discrepancy {float(cell.discrepancy):.3g} " in line
        assert f"{float(comparison.location.sel(target='rec', contrast=contrast, metric=label, source='enc')):.3g}" in line
        assert str(cell.verdict.values) in line
    # A relative change has no unit, even if the metric has one.
    (line,) = [r for r in rows if r.endswith("[net, change, firing_rate, net.static]") and "Discrepancy" in r]
    assert "Hz" not in line
    (line,) = [r for r in rows if r.endswith("[rec, narrow, firing_rate, net]") and "is not comparable with" in r]
    assert "no such epoch: stimulus" in line


def test_every_cell_of_the_comparison_is_told_with_its_reason(html: str, example: Any) -> None:
    """A row for each cell that the study asks for; what it does not ask for in rows for all, which are counted here too."""
    dims = ("target", "contrast", "metric", "candidate")
    rows = Page(html).rows
    comparison = example.comparison
    told = xr.zeros_like(comparison.comparable)
    for row in rows:
        found = re.search(r" comparison\.nc \[(.*)\]$", row)
        if found:
            at = {dim: label for dim, label in zip(dims, found[1].split(", "), strict=True) if label != "*"}
            cells = comparison.sel(at)
            here = [str(reason) in row for reason in cells.reason.values.ravel()]
            told.loc[at] = told.sel(at).values | np.reshape(here, cells.reason.shape)
    assert bool((told.sel(candidate=["enc", "net", "net.static"]) == 1).all())
    (line,) = [
        r for r in rows if r.startswith("– none enc, net is not comparable with rec in firing rate, population firing rate")
    ]
    assert "lower bound of the information rate (back): the contrast does not ask for this metric." in line
    (line,) = [r for r in rows if r.startswith("– none net.static is not comparable with rec")]
    assert "in any metric (any contrast): not a candidate for rec." in line


def test_a_location_has_its_unit_its_interval_and_honest_counts(html: str, example: Any) -> None:
    comparison = example.comparison.sel(target="net", contrast="change", metric="firing_rate")
    (line,) = [r for r in Page(html).rows if r.endswith("[net, change, firing_rate, net.static]") and "Discrepancy" in r]
    low, high = (float(comparison[f"location_{side}"].sel(source="net")) for side in ("low", "high"))
    told = f"(n = 4, 95 % interval over realisations {100 * low:+.3g} to {100 * high:+.3g} %, p of no change"
    assert told in line.replace("\N{NO-BREAK SPACE}", " ")
    assert f"net change of {100 * float(comparison.location.sel(source='net')):+.3g}" in line  # in percent, as is the interval
    cell = example.comparison.sel(target="rec", contrast="narrow", metric="firing_rate")
    assert str(cell.unit.sel(source="rec").values) == "Hz"
    (line,) = [r for r in Page(html).rows if r.endswith("[rec, narrow, firing_rate, enc]") and "Discrepancy" in r]
    assert f"rec {float(cell.location.sel(source='rec')):.3g} Hz (n = 1, no interval)" in line.replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.slow
def test_what_an_interval_is_over_is_short_and_its_rule_is_told_once(example: Any, figures: dict[str, Path]) -> None:
    """Of one subject: over its units, if it has enough; the reader is told once what that means."""
    comparison = example.comparison.copy(deep=True)
    at = dict(target="rec", contrast="narrow", metric="firing_rate", source="rec")
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
    at = dict(target="rec", contrast="narrow", metric="firing_rate", source="rec")
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


@pytest.mark.slow
def test_a_target_without_candidates_shows_its_references(example: Any) -> None:
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "variants", "metrics"})
    study = Study(
        title="Alone",
        question="?",
        contrasts=example.study.contrasts,
        resampling=example.study.resampling,
        targets={"rec": []},
        **raw,
    )
    page = made(example, {}, study=study)
    ceiling = float(example.comparison.ceiling.sel(target="rec", contrast="narrow", metric="information_rate"))
    (row,) = [r for r in Page(page).rows if r.endswith("comparison.nc [rec, narrow, information_rate, null]")]
    assert f"{ceiling:.3g} reference" in row
    assert "This study judges no model" in page


def test_a_study_without_draws_tells_only_claims_that_are_open(example: Any) -> None:
    """Nothing stands against its target: no references, and no words about them."""
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "variants", "metrics"})
    contrasts = example.study.contrasts
    more: dict[str, Any] = {"contrasts": contrasts, "resampling": {"draws": 0}, "targets": {"rec": []}}
    study = Study(title="Alone", question="?", **more, **raw)
    comparison = example.comparison.sel(candidate=["null", "data"]).copy(deep=True)
    at = dict(target="rec", contrast="narrow", metric="information_rate", candidate="null")
    comparison.verdict.loc[at], comparison.reason.loc[at] = "untestable", "the first hours were not recorded"
    comparison.discrepancy[:] = np.nan
    page = made(example, {}, study=study, comparison=comparison)
    assert "best attainable" not in page.lower()
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


def test_one_pair_of_words_defined_once(html: str) -> None:
    page = re.sub(r"\s+", " ", re.sub(r"<[^>]+>|data:image[^\"]+", " ", html))
    assert page.count("95th percentile of the distance between random halves of the target; a candidate") == 1
    assert "a model may be worse than the surrogate" in page
    assert not re.search(r"\b([Ff]loor|\([Cc]eiling\)|null \(surrogates\))\b", page)
    assert "from its surrogate (an arbitrary rate of a similar order, no worst case)" in page


@pytest.mark.slow
def test_a_match_of_a_derived_metric_is_cautioned_where_its_base_differs(example: Any, figures: dict[str, Path]) -> None:
    at = dict(target="rec", contrast="narrow", candidate="enc")
    for base, is_told in (("differs", True), ("matches", False)):
        comparison = example.comparison.copy(deep=True)
        comparison.verdict.loc[{**at, "metric": "information_rate"}] = "matches"
        comparison.verdict.loc[{**at, "metric": "stimulus_coherence"}] = base
        page = made(example, figures, comparison=comparison)
        (line,) = [r for r in rows_of(page, "[rec, narrow, information_rate, enc]") if "Discrepancy" in r]
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
    (row,) = [r for r in rows_of(made(example, {}, study=study), "[rec, change, firing_rate, *]") if " net.static " in r]
    location = example.comparison.location.sel(target="net", contrast="change", metric="firing_rate", source="net.static")
    assert f"change of {100 * float(location):+.3g} ±" in row
    assert "epoch recovery against baseline" in row


def test_show_counts_what_the_report_counts_and_prints_intervals(html: str, example: Any, tmp_path: Path) -> None:
    write(example.comparison, tmp_path / "comparison.nc")
    lines = list(show(tmp_path / "comparison.nc"))
    (line,) = [found for found in lines if "could not be made" in found]
    assert line.split("; ")[0].strip() in re.sub(r"\s+", " ", html)
    within = example.comparison.within_high.sel(target="rec", contrast="narrow", metric="firing_rate", candidate="enc")
    assert any("enc" in found and f"{float(within):.3g}" in found and "within the recording" in found for found in lines)


def test_every_candidate_that_was_compared_has_its_scores(html: str, example: Any) -> None:
    """The numbers of the comparison, the least p of four realisations against one recording, and why a score is not there."""
    (line,) = [r for r in Page(html).rows if r.endswith("[rec, narrow, firing_rate, enc]") and " score_low, " in r]
    cell = example.comparison.sel(target="rec", contrast="narrow", metric="firing_rate", candidate="enc")
    assert f" {float(cell.predictive_p):.3g} (least possible 0.4) " in line
    assert "too few for random halves, which need 4" in line
    (line,) = [r for r in Page(html).rows if r.endswith("[net, change, firing_rate, net.static]") and " score_low, " in r]
    cell = example.comparison.sel(target="net", contrast="change", metric="firing_rate", candidate="net.static")
    for name in ("hedges_g", "log_response_ratio", "wasserstein", "energy_distance"):
        score = cell.sel(score_name=name)
        assert f"{float(score.score):.3g} ({float(score.score_low):.3g} to {float(score.score_high):.3g}; best attainable" in line
        assert f"): {score.score_verdict.item()}" in line or name in ("hedges_g", "log_response_ratio")


@pytest.mark.slow
def test_mechanisms_have_a_line_for_each_combination(example: Any, figures: dict[str, Path]) -> None:
    """The network without the mechanism, against the one with it: outside where it does not come back."""
    raw = example.study.model_dump(mode="python", include={"recordings", "models", "metrics"})
    listed: dict[str, Any] = {"mechanisms": {"net": {"recovery": {}}}, "targets": {"rec": ["enc", "net"], "net": ["net.none"]}}
    study = Study(**raw, title="", question="", contrasts=example.study.contrasts, resampling={"block": "1 s"}, **listed)
    named = {
        dim: [str(v).replace("net.static", "net.none") for v in example.comparison[dim].values] for dim in ("candidate", "source")
    }
    measures = {m: {s.replace("static", "none"): e for s, e in by.items()} for m, by in example.measures.items()}
    comparison = example.comparison.assign_coords(named)
    page = made(example, figures, study=study, measures=measures, comparison=comparison)
    (line,) = [r for r in Page(page).rows if r.endswith(" inside [net, *, *, net.none]")]
    assert line.startswith("net.none – ")
    for contrast, metric in (("back", "recovery_fraction"), ("change", "firing_rate")):
        cell = comparison.sel(target="net", contrast=contrast, metric=metric, candidate="net.none")
        assert f"{cell.inside.item()}: " in line
    assert comparison.inside.sel(target="net", contrast="back", metric="recovery_fraction", candidate="net.none") == "outside"
    assert "<strong>No combination lies inside everywhere.</strong>" in page
    assert '<a href="#mechanisms">Mechanisms of net against net: no combination lies inside everywhere.</a>' in page
    (line,) = [r for r in Page(page).rows if r.endswith(" inside [rec, *, *, net]")]
    assert line.startswith("net ✓ ")
    assert "no such epoch: stimulus" in line
