"""overview: the published figures of all studies -> one page, and the same as Markdown for the documentation."""

import html
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from homeoanalysis.contracts.outcomes import Outcome, read
from homeoanalysis.report.headline import counted
from homeoanalysis.report.page import rendered
from homeoanalysis.report.published import PUBLISHED, Shown, published
from homeoanalysis.report.times import total
from homeoanalysis.report.values import Picture, picture

_MOST = 4  # quantities of a figure that are told one by one


class Published(NamedTuple):
    """The published figures of one study."""

    study: str
    outcomes: Sequence[Outcome]
    picture: Path
    date: str = ""  # when its results were made
    seconds: float = 0.0  # that all its jobs took


class _Entry(NamedTuple):
    study: str
    figures: list[Shown]
    picture: Picture


def overview(studies: Sequence[Published], template: Path) -> str:
    """One HTML page over all published figures, with the figures in it.

    studies: in the order of the page. template: a jinja2 template, which may include its neighbours.
    """
    entries = [_Entry(s.study, list(published(s.outcomes)), picture(PUBLISHED, s.picture)) for s in studies]
    return rendered(template, entries=entries, counted=counted([figure for entry in entries for figure in entry.figures]))


def gathered(study: str, table: Path, picture: Path, jobs: Mapping[str, str]) -> Published:
    """The published figures of a study, from its published.csv. jobs: file with the time of a job -> its rule."""
    date = datetime.fromtimestamp(table.stat().st_mtime, UTC).date().isoformat()
    return Published(study, read(table), picture, date, total(jobs))


def small_pictures(studies: Sequence[Published]) -> dict[str, list[Outcome]]:
    """File name of the small picture of each published figure -> what it shows."""
    found: dict[str, list[Outcome]] = {}
    for one in studies:
        for outcome in one.outcomes:
            found.setdefault(_small(one.study, outcome.panel), []).append(outcome)
    return found


def _small(study: str, panel: str) -> str:
    return f"{study}-{panel}.png"


def markdown(studies: Sequence[Published], *, commit: str, folder: str) -> str:
    """All published figures as a table of Markdown, a line for each, for the documentation.

    commit: that the results were made with. folder: of the small pictures, as the page shall name it.
    """
    lines = [
        "| figure | published | criterion | result | size | seconds (study) | date | commit |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for one in studies:
        for figure in published(one.outcomes):
            sizes = ", ".join(dict.fromkeys(o.size for o in one.outcomes if o.panel == figure.name))
            shown = f"{folder}/{_small(one.study, figure.name)}"
            image = f'<img src="{shown}" width="220" alt="{figure.name} of {one.study}">'
            cells = (
                f"{figure.title}. {figure.citation}",
                _criterion(figure),
                f"**{figure.verdict}**{_ours(figure)}",
                *(sizes, f"{one.seconds:.0f}", one.date, commit),
            )
            lines.append(f"| {image} | {' | '.join(map(_escaped, cells))} |")
    return "\n".join(lines) + "\n"


def _escaped(cell: str) -> str:
    """Text that is neither HTML nor the end of a cell."""
    return html.escape(cell, quote=False).replace("|", "\\|")


def _criterion(figure: Shown) -> str:
    """What must hold, and what must not."""
    if len(figure.lines) > _MOST:
        controls = dict.fromkeys(q.control.rpartition(":")[0] for q in figure.lines if q.control != "–")
        return f"{len(figure.lines)} numbers, each in its band; not: {', '.join(controls)}"
    return "; ".join(f"{q.title}: {q.band}" + (f" (not: {q.control})" if q.control != "–" else "") for q in figure.lines)


def _ours(figure: Shown) -> str:
    """Our numbers, if they are few, and why any does not come out."""
    told = "" if len(figure.lines) > _MOST else ": " + "; ".join(q.ours for q in figure.lines)
    return told + (f" ({figure.reasons})" if figure.reasons else "")
