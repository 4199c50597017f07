"""The first line of a report: what came out, in counts."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from homeoanalysis.contracts.outcomes import NOT_REPRODUCED, NOT_TESTABLE, REPORTED, REPRODUCED, SCALED_FAILS, SCALED_PASSES
from homeoanalysis.report.mechanisms import Ablation
from homeoanalysis.report.published import Shown
from homeoanalysis.report.standings import Standing
from homeoanalysis.report.verdicts import Verdict

_JUDGED = {"agrees": "agree", "differs": "differ", "cannot tell": "cannot be told", "fitted": "fitted, without a verdict"}
_SINGULAR = {"agrees", "differs"}  # one of them is told with the verdict itself
_ORDER = (REPRODUCED, NOT_REPRODUCED, SCALED_PASSES, SCALED_FAILS, NOT_TESTABLE, REPORTED)


class Line(NamedTuple):
    """A sentence, and the section of the page that says more."""

    text: str
    section: str


def headline(
    recordings: Collection[str],
    verdicts: Sequence[Verdict],
    ablations: Sequence[Ablation],
    published: Sequence[Shown],
    warnings: Sequence[Any],
) -> list[Line]:
    """Models against recordings, their mechanisms, published figures, warnings.

    recordings: of the study. A target that is a model is not counted.
    """
    judged = _told(Counter(v.verdict for v in verdicts if v.target in recordings))
    of_figures = [Line(f"Published figures: {counted(published)}.", "published")] if published else []
    if judged:
        of_mechanisms = [Line(f"Mechanisms of {a.model} against {a.target}: {a.summary}", "mechanisms") for a in ablations]
        lines = [Line(f"Models against data: {judged}.", "comparison"), *of_mechanisms, *of_figures]
    else:
        lines = [*of_figures, Line("No model is judged against data.", "comparison")]
    n = len(warnings)
    lines.append(Line(f"{n or 'No'} warning{'' if n == 1 else 's'} about the recordings.", "curation"))
    return lines


def count_verdicts(standings: Sequence[Standing]) -> str:
    """How many comparisons of models with recordings have which verdict."""
    return _told(sum((standing.verdicts for standing in standings), Counter()))


def _told(verdicts: Counter[str]) -> str:
    return ", ".join(
        f"{n} {verdict if n == 1 and verdict in _SINGULAR else words}"
        for verdict, words in _JUDGED.items()
        if (n := verdicts[verdict])
    )


def counted(published: Sequence[Shown]) -> str:
    """How many figures have which verdict."""
    counts = Counter(figure.verdict for figure in published)
    many = {SCALED_PASSES: "scaled regression tests pass", SCALED_FAILS: "scaled regression tests fail"}
    return ", ".join(f"{n} {verdict if n == 1 else many.get(verdict, verdict)}" for verdict in _ORDER if (n := counts[verdict]))
