"""overview: the published figures of all studies -> one page, and the same as Markdown for the documentation."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.report.page import rendered
from homeoanalysis.report.published import PUBLISHED, Shown, published
from homeoanalysis.report.values import Picture, picture


class Published(NamedTuple):
    """The published figures of one study."""

    study: str
    outcomes: Sequence[Outcome]
    picture: Path


class _Entry(NamedTuple):
    study: str
    figures: list[Shown]
    picture: Picture


def overview(studies: Sequence[Published], template: Path) -> str:
    """One HTML page over all published figures, with the figures in it.

    studies: in the order of the page. template: a jinja2 template, which may include its neighbours.
    """
    entries = [_Entry(s.study, list(published(s.outcomes)), picture(PUBLISHED, s.picture)) for s in studies]
    counts = Counter(figure.verdict for entry in entries for figure in entry.figures)
    return rendered(template, entries=entries, counts=dict(counts.most_common()))


def markdown(studies: Sequence[Published], thumbnails: Mapping[str, str]) -> str:
    """The same as a table of Markdown. thumbnails: study -> path of its picture, as the page shall name it."""
    lines = [
        "| study | published figure | quantity | published | same model elsewhere | ours | must be | negative control | result |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in studies:
        for figure in published(one.outcomes):
            for q in figure.lines:
                unit = "" if q.unit in ("", "1") else f" ({q.unit})"
                reason = f": {q.reason}" if q.reason else ""
                cells = (
                    f"[{one.study}]({thumbnails[one.study]})",
                    f"{figure.title}. {figure.citation}",
                    f"{q.title}{unit}, {q.source}",
                    *(q.published, q.scaled, q.ours, q.band, q.control),
                    f"**{q.verdict}**{reason}",
                )
                lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(lines) + "\n"
