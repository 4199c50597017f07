"""The pages in a real browser: no error, no request, figures that can be read off, and nothing that runs off a phone's screen."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from PIL import Image

from homeoanalysis import drawing
from homeoanalysis.config.published import Published
from homeoanalysis.draw import draw
from homeoanalysis.report import report
from homeoanalysis.report.overview import Found, overview
from homeoanalysis.reproduce import picture, reproduce

TEMPLATES = Path(__file__).parents[2] / "workflow" / "report"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
pytestmark = [pytest.mark.slow, pytest.mark.skipif(BROWSER is None, reason="there is no Chromium")]
QUIET = (
    *("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-extensions"),
)
OF_A_PAGE = 101845102  # in the log of the network: what pages ask for; the browser has business of its own
EVIL = "<script>alert(1)</script><img src=x onerror=alert(2)>"


class Opened(NamedTuple):
    """What a browser says of a page."""

    errors: list[str]  # of its console
    requests: list[str]  # addresses that it asked the network for
    text: str  # of the page, once its script has run


def opened(page: str, folder: Path, *, width: int = 1280, image: str = "") -> Opened:
    """Open a page from disk, and take a picture of it if that has a name."""
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / "page.html", folder / "network.json"
    path.write_text(page, encoding="utf-8")
    wanted = f"--screenshot={folder / image}" if image else "--dump-dom"
    command = [
        *(str(BROWSER), *QUIET, f"--user-data-dir={folder / 'profile'}", f"--log-net-log={log}", f"--window-size={width},4000"),
        *("--enable-logging=stderr", "--virtual-time-budget=2000", wanted, path.as_uri()),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    errors = re.findall(r"CONSOLE[^\]]*\] (.*)", done.stderr)
    asked = re.findall(rf'"traffic_annotation":{OF_A_PAGE},"url":"([^"]*)"', log.read_text(encoding="utf-8", errors="replace"))
    return Opened(errors, sorted({url for url in asked if not url.startswith(("file:", "data:"))}), done.stdout)


@pytest.fixture(scope="module")
def pages(example: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A report and an overview, whose names and captions try to run scripts."""
    folder = tmp_path_factory.mktemp("pages")
    figures = {}
    for name in ("differences", "stimulus_coherence", "firing_rate_recovery"):
        figures[name] = folder / f"{name}.png"
        drawn = draw(name, example.measures, example.comparison)
        drawing.save(drawn._replace(caption=f"{drawn.caption} {EVIL}"), figures[name])
    quantity = {
        "title": f"fraction {EVIL}",
        "metric": "recovery_fraction",
        "contrast": "back",
        "source": "net",
        "at_least": 0.8,
        "control": {"title": "without the rule", "source": "net.static"},
    }
    panel = {"title": f"Recovery {EVIL}", "citation": EVIL, "quantities": {"one": quantity}}
    sizes = {"rec": "recording", "enc": "ci", "net": "ci", "net.static": "full"}
    outcomes = reproduce(Published.validate_python({"figure_1": panel}), example.comparison, sizes)
    figures["published"] = folder / "published.png"
    drawing.save(picture(outcomes), figures["published"])
    measured: dict[str, Any] = {"comparison": example.comparison, "measures": example.measures}
    measured |= {"figures": figures, "outcomes": outcomes, "config": f"{EVIL}: {'long ' * 60}{'x' * 300}"}
    study = example.study.model_copy(update={"title": f"Title {EVIL}", "question": f"Question {EVIL}"})
    shown = [Found("small", study, example.comparison, outcomes, [figures["differences"], figures["published"]])]
    return {
        "report": report(study, name="small", template=TEMPLATES / "study.html.j2", **measured),
        "overview": overview(shown, TEMPLATES / "overview.html.j2"),
    }


@pytest.mark.parametrize("name", ["report", "overview"])
@pytest.mark.parametrize("width", [1280, 390])
def test_a_page_has_no_error_asks_for_nothing_and_is_drawn(name: str, width: int, pages: dict[str, str], tmp_path: Path) -> None:
    found = opened(pages[name], tmp_path / "dom", width=width)
    assert found.errors == []
    assert found.requests == []
    assert '<div class="tools">' in found.text  # the script has run
    opened(pages[name], tmp_path / "image", width=width, image="page.png")
    with Image.open(tmp_path / "image" / "page.png") as image:
        assert image.size[0] == width
        assert len(image.convert("L").getcolors(256) or []) > 50


def _on_a_phone(page: str, told: str, folder: Path) -> str:
    """What a JavaScript expression says in the page, in a frame of 390 pixels."""
    bare = re.sub("<meta http-equiv=[^>]*>", "", page).replace("<details", "<details open")
    (folder.parent / "inner.html").write_text(
        bare.replace("</body>", f"<script>parent.postMessage({told}, '*');</script></body>"), encoding="utf-8"
    )
    frame = (
        '<iframe src="../inner.html" style="width: 390px; height: 900px"></iframe><pre></pre>'
        "<script>onmessage = (event) => { document.querySelector('pre').textContent = event.data; }</script>"
    )
    return opened(frame, folder).text.split("<pre>")[1].split("</pre>")[0]


def test_nothing_runs_off_the_screen_of_a_phone(pages: dict[str, str], tmp_path: Path) -> None:
    """Tables and enlarged figures scroll within themselves."""
    told = "document.documentElement.scrollWidth + ' of ' + document.documentElement.clientWidth"
    for name, page in pages.items():
        assert _on_a_phone(page, told, tmp_path / name) == "390 of 390", name


def test_verdicts_of_the_overview_are_seen_on_a_phone_without_scrolling(pages: dict[str, str], tmp_path: Path) -> None:
    """However long the names of models are. The control: without the rules for small screens they are not."""
    page = pages["overview"].replace(">enc<", f">{'a_model_with_a_long_name_' * 3}<")
    told = "Math.max(...[...document.querySelectorAll('td[data-of]')].map(cell => cell.getBoundingClientRect().right)) <= 390"
    assert _on_a_phone(page, told, tmp_path / "stacked") == "true"
    assert _on_a_phone(page.replace("@media (max-width", "@media speech and (max-width"), told, tmp_path / "control") == "false"


def _printed(page: str, folder: Path) -> int:
    """How many sheets of paper a page takes."""
    folder.mkdir()
    (folder / "page.html").write_text(page, encoding="utf-8")
    to = [f"--user-data-dir={folder / 'profile'}", f"--print-to-pdf={folder / 'page.pdf'}", (folder / "page.html").as_uri()]
    subprocess.run([str(BROWSER), *QUIET, *to], capture_output=True, timeout=120, check=True)
    return len(re.findall(rb"/Type\s*/Page\b", (folder / "page.pdf").read_bytes()))


def test_what_is_folded_away_is_printed(pages: dict[str, str], tmp_path: Path) -> None:
    """As much paper as with all details open. The control: without the rules for print they stay shut, and take less."""
    shut = pages["report"].replace("<details open", "<details")
    printed = _printed(shut, tmp_path / "shut")
    assert printed == _printed(pages["report"].replace("<details>", "<details open>"), tmp_path / "open")
    assert printed > _printed(shut.replace("@media print", "@media speech"), tmp_path / "control")


def test_errors_and_requests_are_seen(pages: dict[str, str], tmp_path: Path) -> None:
    """The control: a page without its policy, with a fault in its script and a picture from elsewhere."""
    bare = re.sub("<meta http-equiv=[^>]*>", "", pages["report"])
    broken = bare.replace('"use strict";', "nothing.here();").replace("</main>", '<img src="http://127.0.0.1:9/x.png"></main>')
    found = opened(broken, tmp_path)
    assert any("nothing is not defined" in line for line in found.errors)
    assert found.requests == ["http://127.0.0.1:9/x.png"]


def test_the_policy_stops_a_request_and_a_script(pages: dict[str, str], tmp_path: Path) -> None:
    found = opened(pages["report"].replace("</main>", f'<img src="http://127.0.0.1:9/x.png">{EVIL}</main>'), tmp_path)
    assert found.requests == []
    assert sum("Content Security Policy" in line for line in found.errors) >= 2


def test_values_are_read_off_with_keys_and_figures_are_enlarged(pages: dict[str, str], tmp_path: Path) -> None:
    """The first arrow key goes to the middle of the first axes, whose numbers the picture tells."""
    keys = """
    const view = document.querySelector("#figure-stimulus_coherence .view");
    for (const key of ["+", "ArrowRight"]) view.dispatchEvent(new KeyboardEvent("keydown", { key }));
    """
    bare = re.sub("<meta http-equiv=[^>]*>", "", pages["report"])
    text = opened(bare.replace("</body>", f"<script>{keys}</script></body>"), tmp_path).text
    figure = text.split('<figure id="figure-stimulus_coherence">')[1].split("</figure>")[0]
    axes = json.loads(html.unescape(figure.split('data-axes="')[1].split('"')[0]))[0]
    middle = [f"{axes[side]['label']}: {(axes[side]['low'] + axes[side]['high']) / 2:.3g}" for side in "xy"]
    assert f"<output>{'; '.join(middle)}</output>" in figure
    assert 'class="sheet enlarged"' in figure
    assert "width: 150%" in figure
