"""published.csv: what was published, what the same model gave elsewhere, and ours, side by side."""

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

RECORDING = "recording"  # the size of what was not simulated
REPRODUCED, NOT_REPRODUCED, NOT_TESTABLE = "reproduced", "not reproduced", "not testable"
SCALED_PASSES, SCALED_FAILS = "scaled regression test passes", "scaled regression test fails"
REPORTED = "reported only"


class Outcome(NamedTuple):
    """One published quantity: a line of published.csv. NaN where there is no such number."""

    panel: str
    panel_title: str
    citation: str
    quantity: str
    title: str
    unit: str
    source: str
    size: str  # of the model; "recording"
    published: float
    published_low: float
    published_high: float
    published_where: str
    is_remembered: bool
    scaled_model: float
    scaled_where: str
    ours: float
    ours_low: float  # 95 % interval over subjects or realisations
    ours_high: float
    n: int  # subjects or realisations
    at_least: float
    at_most: float
    is_strict: bool  # the band does not hold its ends
    is_whole_interval: bool  # the interval must lie in the band, too, where there is one
    control_title: str
    control: float
    control_low: float  # its 95 % interval, where it is the interval that must leave the band
    control_high: float
    verdict: str
    reason: str
    curve: str  # what it is a point of, and where; "" and NaN for a quantity by itself
    curve_title: str
    axis: str
    x: float
    is_logarithmic: bool
    p: float  # one-sided, of such values if the quantity were no better than the margin; of a band the larger one


_TYPES = get_type_hints(Outcome)


def table(outcomes: Sequence[Outcome]) -> str:
    """The text of published.csv; a missing number is an empty cell."""
    return csv_text(Outcome._fields, outcomes)


def csv_text(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The text of a table; a missing number is an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows([_written(value) for value in row] for row in rows)
    return text.getvalue()


def read(path: Path) -> list[Outcome]:
    """What `table` has written."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [Outcome(**{key: _read(_TYPES[key], value) for key, value in row.items()}) for row in csv.DictReader(stream)]


def panel_verdict(outcomes: Sequence[Outcome]) -> str:
    """Of a whole figure: what the worst of its quantities is. What cannot be tested makes no figure reproduced."""
    verdicts = {o.verdict for o in outcomes}
    order = (NOT_REPRODUCED, SCALED_FAILS, NOT_TESTABLE, SCALED_PASSES, REPRODUCED, REPORTED)
    return next(verdict for verdict in order if verdict in verdicts)


def _written(value: Any) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:.8g}"
    return str(value)


def _read(kind: type, value: str) -> Any:
    if kind is float:
        return math.nan if value == "" else float(value)
    return value == "True" if kind is bool else kind(value)
