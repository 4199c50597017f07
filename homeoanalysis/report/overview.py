"""overview: the published figures of all studies -> one page."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.report.headline import counted
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
    return rendered(template, entries=entries, counted=counted([figure for entry in entries for figure in entry.figures]))
