"""The style of figures is theirs alone."""

from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure

from homeoanalysis import catalogue, drawing
from homeoanalysis.draw import draw
from homeoanalysis.drawing import Drawn


def plain(measures: object, comparison: object) -> Drawn:
    figure = drawing.new_figure(2, 2)
    figure.subplots().set_title("$\\frac{$")  # as a formula this would be an error
    return Drawn(figure, "n = 1")


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Drawn:
    monkeypatch.setattr(catalogue, "load", lambda folder, name: plain)
    return draw("plain", {}, None)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["figure.png", "figure.pdf"])
def test_nothing_leaks_into_the_settings_of_the_user(drawn: Drawn, name: str, tmp_path: Path) -> None:
    before = dict(mpl.rcParamsDefault)
    assert {key: mpl.rcParams[key] for key in drawing.STYLE} == {key: before[key] for key in drawing.STYLE}
    drawing.save(drawn, tmp_path / name)
    assert {key: mpl.rcParams[key] for key in drawing.STYLE} == {key: before[key] for key in drawing.STYLE}


def test_what_is_written_has_the_style(drawn: Drawn, tmp_path: Path) -> None:
    """Tick labels are made only when a figure is written."""
    drawing.save(drawn, tmp_path / "figure.png")
    (axes,) = drawn.figure.axes
    assert {text.get_fontsize() for text in axes.get_xticklabels()} == {drawing.STYLE["xtick.labelsize"]}
    assert not axes.spines["top"].get_visible()


@pytest.mark.slow
def test_the_settings_of_the_user_do_not_leak_into_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether the style says something of it or not."""
    monkeypatch.setattr(catalogue, "load", lambda folder, name: plain)
    written = []
    for settings in ({}, {"font.size": 30, "axes.labelsize": 30}, {"lines.linewidth": 9, "axes.grid": True, "savefig.dpi": 50}):
        with mpl.rc_context(settings):
            drawn = draw("plain", {}, None)  # type: ignore[arg-type]
            for name in ("figure.png", "figure.pdf"):
                drawing.save(drawn, tmp_path / name)
        written.append([(tmp_path / name).read_bytes() for name in ("figure.png", "figure.pdf")])
    assert written[0] == written[1] == written[2]


def test_a_figure_needs_no_state_of_pyplot() -> None:
    assert type(drawing.new_figure(2, 2)) is Figure
