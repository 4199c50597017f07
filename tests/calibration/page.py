"""docs/calibration.md: colours of what was measured, as tables and as a figure."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from battery.catalogue import CONDITIONS
from binomial import describe_fraction
from calibration.cases import (
    BRANCHING,
    CASES,
    FIELDS,
    INFORMATION,
    NOT_JUDGED,
    NOTHING_DONE,
    PERTURBED,
    TRIALS,
)
from calibration.draws import Cell
from evidence import read_record

DOCS = Path(__file__).parents[2] / "docs"
PAGE = DOCS / "calibration.md"
TEST = "laws/test_calibration.py::test_colours_are_those_of_the_page"
TABLES = {
    "Nothing is done": NOTHING_DONE,
    "Rates are perturbed": PERTURBED,
    "Fields": FIELDS,
    "Branching": BRANCHING,
    "Trials": TRIALS,
    "Stimuli": INFORMATION,
}
COLOURS = {"green": "#009E73", "amber": "#F0C94A", "red": "#D55E00", "": "white"}
_LOW, _HIGH = 0.03, 0.07  # errors of an interval that is right


class Verdict(NamedTuple):
    """The colour of a cell, and its words."""

    colour: str
    text: str


def limit(errors: int, n: int) -> tuple[float, float]:
    """The exact 99.9 % binomial interval of a share."""
    found = describe_fraction([True] * errors + [False] * (n - errors))
    return found["low"], found["high"]


def colour(kind: str, cell: Cell) -> Verdict:
    """Judge a cell by the kind of its quantity."""
    errors, given, withheld = cell["errors"], cell["given"], cell["withheld"]
    n = given + withheld
    if "fails" in cell or not n:
        return Verdict("red", f"fails: {cell.get('fails', '')}")
    if not cell["has_truth"]:
        low, _ = limit(errors, n)
        share = f"answers {100 * errors / n:.0f} %"
        return Verdict("red", share) if low > 0.05 else Verdict("green", f"withheld, {share}")
    if not given:
        return Verdict("amber", "withheld")
    low, high = limit(errors, given)
    is_interval = kind == "coverage"
    rate, ends = errors / given, (low, high)
    if is_interval:
        rate, ends = 1 - rate, (1 - high, 1 - low)
    text = f"{100 * rate:.0f} % ({100 * ends[0]:.0f} to {100 * ends[1]:.0f})"
    text += f", withheld {100 * withheld / n:.0f} %" if withheld > 0.05 * n else ""
    if low > (_HIGH if is_interval else 0.05):
        return Verdict("red", text)
    is_wide = is_interval and high < _LOW
    return Verdict("amber" if is_wide or withheld > n / 2 else "green", text)


def name_test(metric: str) -> str:
    """The key of what the page shows, in the record of a metric."""
    return f"{TEST}[{metric}]"


def read_numbers(metric: str) -> Mapping[str, Mapping[str, Cell]]:
    """Condition -> quantity -> cell, from the record; empty if nothing is recorded."""
    entry = read_record(f"calibration/{metric}").get(name_test(metric))
    return entry["numbers"] if entry else {}


def name_rows(metric: str) -> Iterator[tuple[str, str, str]]:
    """Row of the tables, label in the record and kind, of each quantity."""
    for quantity in CASES[metric].quantities:
        yield f"{metric} {quantity.label}".strip(), quantity.label or quantity.kind, quantity.kind


def judge_rows(metric: str, numbers: Mapping[str, Any]) -> dict[tuple[str, str], Verdict]:
    """(row, condition) -> verdict."""
    return {
        (row, condition): colour(kind, cells[label])
        for row, label, kind in name_rows(metric)
        for condition, cells in numbers.items()
        if label in cells
    }


def is_excluded(metric: str, condition: str) -> bool:
    """Whether the documentation of the metric leaves the condition out."""
    patterns = CASES[metric].excludes
    broken = CONDITIONS[condition].breaks
    return any(p in broken or fnmatchcase(condition, p) for p in patterns)


def show(metric: str, condition: str, verdict: Verdict | None) -> str:
    """A cell of a table."""
    if verdict is None:
        return ""
    mark = "†" if is_excluded(metric, condition) else ""
    return f"{verdict.colour}{mark} {verdict.text}"


INTRODUCTION = """\
# Calibration

How often the intervals and tests of the metrics are wrong on the [battery](battery.md), whose truth
is known. `python -m tests.calibration` measures what has changed and writes this page.

![Colours of all cells](calibration.png)

Numbers are percentages: coverage of intervals, false positives of tests. Where there is no truth
they are in italics: the share of recordings in which the metric answers.

- Intervals: the percentage is coverage, the share of 95 % intervals that contain the truth.
- Tests (p, threshold, found, a finite time): the percentage is false positives, at 5 %.
- The truth is the long-run rate of the process, not that of one realisation.
- In brackets: the exact 99.9 % binomial interval. Each draw gives one value.
- A withheld value is NaN, or the metric does not apply. It is counted apart, and is no error.

| colour | meaning |
|---|---|
| green | consistent with a coverage of 93 to 97 %, or with 5 % false positives or fewer |
| amber | intervals are too wide, or more than half of the values are withheld |
| red | intervals miss the truth, tests find what is not there, or the metric fails |

"Answers" stands where there is no truth: a random walk has no rate, an untouched recording no
recovery. There a metric must withhold its value. An answer is an error.
† The documentation of the metric excludes this condition, and the metric does not say so.

60 draws (fields: 100) show large faults only. Green may still hide a coverage of 80 to 90 %, or
false positives of 10 to 20 %: the brackets say how much.
"""


def write_page() -> str:
    """The text of the page."""
    verdicts = {metric: judge_rows(metric, read_numbers(metric)) for metric in CASES}
    lines = [INTRODUCTION, "## Red", "", "Of the conditions that each was judged on.", ""]
    columns = [name for conditions in TABLES.values() for name in conditions]
    for metric, cells in verdicts.items():
        for row, _, _ in name_rows(metric):
            judged = {name: cells[row, name] for name in columns if (row, name) in cells}
            red = [f"`{name}`" for name, one in judged.items() if one.colour == "red"]
            lines += [f"- {row} ({len(red)} of {len(judged)}): {', '.join(red)}."] if red else []
    for title, conditions in TABLES.items():
        lines += ["", f"## {title}", "", *_table(conditions, verdicts)]
    lines += ["", "## Not judged, and why", ""]
    for reason in dict.fromkeys(NOT_JUDGED.values()):
        names = [f"`{name}`" for name, why in NOT_JUDGED.items() if why == reason]
        lines.append(f"- {', '.join(names)}: {reason}.")
    lines += [f"- {text}" for text in PARTLY]
    return "\n".join(lines) + "\n"


PARTLY = (
    "`coherence_change` of spikes and fields, whose rate changes: no condition has both.",
    "`partial_coherence` of three channels: fields have two, where it equals the coherence.",
    "`unit_stability` where nothing is done: it asks for a perturbation.",
    "Metrics that give a value alone claim no error, so that none is judged.",
)


def _table(conditions: Sequence[str], verdicts: Mapping[str, Any]) -> list[str]:
    """Rows of metrics that are judged on any of the conditions."""
    lines = [f"| | {' | '.join(conditions)} |", "|---" * (len(conditions) + 1) + "|"]
    for metric, cells in verdicts.items():
        for row, _, _ in name_rows(metric):
            shown = [show(metric, name, cells.get((row, name))) for name in conditions]
            if any(shown):
                lines.append(f"| {row} | {' | '.join(shown)} |")
    return lines


def draw_figure(path: Path = DOCS / "calibration.png") -> None:
    """Write the colours of all cells."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    from matplotlib.patches import Patch

    verdicts = {metric: judge_rows(metric, read_numbers(metric)) for metric in CASES}
    places = [(row, metric) for metric in CASES for row, _, _ in name_rows(metric)]
    columns = [name for conditions in TABLES.values() for name in conditions]
    figure, axes = plt.subplots(figsize=(12, 10), layout="constrained")
    for y, (row, metric) in enumerate(places):
        for x, name in enumerate(columns):
            found = verdicts[metric].get((row, name))
            if found:
                axes.add_patch(plt.Rectangle((x, y), 1, 1, fc=COLOURS[found.colour], ec="white"))
                word = found.text.split(" %")[0].removeprefix("withheld, ")
                style = "italic" if "answers" in word else "normal"
                word = word.replace("answers ", "").replace("withheld", "–").split(":")[0]
                at = (x + 0.5, y + 0.5)
                axes.text(*at, word, ha="center", va="center", fontsize=6, style=style)
    edge = 0
    for conditions in list(TABLES.values())[:-1]:
        edge += len(conditions)
        axes.axvline(edge, color="0.3", lw=0.8)
    axes.set(xlim=(0, len(columns)), ylim=(len(places), 0))
    axes.set_xticks([x + 0.5 for x in range(len(columns))], columns, rotation=90, fontsize=7)
    axes.set_yticks([y + 0.5 for y in range(len(places))], [p[0] for p in places], fontsize=7)
    axes.tick_params(length=0)
    names = [Patch(fc=COLOURS[c], label=c) for c in ("green", "amber", "red")]
    figure.legend(handles=names, loc="outside upper right", ncols=3, frameon=False)
    figure.savefig(path, dpi=110)
    plt.close(figure)
