"""The page over all claims: a row for each, and what each row rests on."""

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from homeoanalysis.config.claim import Claim
from homeoanalysis.contracts.claims import VERDICTS, Row
from homeoanalysis.contracts.outcomes import Outcome
from homeoanalysis.report.page import rendered
from homeoanalysis.report.published import Shown, band, published
from homeoanalysis.report.text import interval, number, units
from homeoanalysis.report.values import Picture, check_picture, picture

CLAIM = "claim"  # the figure
_SMALL = 520  # width of a thumbnail [pixels]
_TALLEST = 0.6  # of a thumbnail, in widths: what is judged stands above, what is only reported below


class Study(NamedTuple):
    """The study of a claim: what was judged, and the figure of it."""

    claim: Claim
    outcomes: Sequence[Outcome]
    picture: Path


class _Entry(NamedTuple):
    row: Row
    value: str
    p: str
    seconds: str
    statement: str
    thumbnail: str
    picture: Picture | None
    judged: list[Shown]


def page(rows: Sequence[Row], studies: Mapping[str, Study], template: Path, *, size: str) -> str:
    """One HTML page over all claims, with the figures in it.

    rows: see `reproduce.tabulate`. studies: claim -> its study, of those that have one. template: a jinja2 template, which may
    include its neighbours. size: of the models.
    """
    entries = [_entry(row, studies.get(row.claim)) for row in rows]
    counts = Counter(row.verdict for row in rows)
    counted = ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])
    spent = _time(sum(row.seconds for row in rows))
    return rendered(template, entries=entries, counted=counted, size=size, n=len(rows), spent=spent)


def _entry(row: Row, study: Study | None) -> _Entry:
    if study is None:
        return _Entry(row, "–", "–", "–", "", "", None, [])
    small = _thumbnail(study.picture)
    shown = list(published(study.outcomes))
    return _Entry(
        row, _value(row), _p(row), _time(row.seconds), study.claim.statement, small, picture(CLAIM, study.picture), shown
    )


def _value(row: Row) -> str:
    if not np.isfinite(row.value):
        return "–"
    between = f" ({interval(row.low, row.high)})" if np.isfinite(row.low) else ""
    return f"{number(row.value)}{units(row.value_units)}{between}, n = {row.n}; asked: {band(row)}"


def _p(row: Row) -> str:
    if not np.isfinite(row.p_holm):
        return "–"
    return f"{number(row.p_holm)} (alone {number(row.p)})"


def _time(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _thumbnail(path: Path) -> str:
    """The upper part of the figure as a small PNG, in base64. Raises DataError for a damaged file."""
    check_picture(path)
    with Image.open(path) as whole:
        image = whole.crop((0, 0, whole.width, min(whole.height, round(_TALLEST * whole.width))))
    image.thumbnail((_SMALL, _SMALL))
    held = io.BytesIO()
    image.save(held, format="PNG", optimize=True)
    return base64.b64encode(held.getvalue()).decode("ascii")
