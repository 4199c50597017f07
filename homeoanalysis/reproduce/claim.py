"""The claim of a study, by the judgement that published figures get."""

import itertools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.config.claim import RECORDINGS, STATISTICS, VIOLATION, Claim
from homeoanalysis.config.published import Member
from homeoanalysis.contracts.claims import FAILS, FRAGILE, HOLDS, UNTESTABLE, Row, not_built
from homeoanalysis.contracts.outcomes import (
    NOT_REPRODUCED,
    NOT_TESTABLE,
    REPORTED,
    REPRODUCED,
    SCALED_FAILS,
    Outcome,
    panel_verdict,
    read,
)
from homeoanalysis.numerics.multiple import holm
from homeoanalysis.reproduce.verb import Shown, judged

_LEVEL = 0.05


def judge(claim: Claim, comparison: xr.Dataset, sizes: Mapping[str, str]) -> list[Outcome]:
    """The statistics of a claim, the same under each violation, and the recordings, in `panel` of their outcomes.

    comparison: comparison/2 of the study. sizes: source as the study names it -> size of the model, or "recording".
    """
    return [
        judged(Shown(part.name, part.title, claim.name), Member(key, quantity), comparison, sizes[quantity.source])
        for part in claim.judged()
        for key, quantity in part.quantities.items()
    ]


def beside(claim: Claim, outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The statistics, each with the recording that is drawn beside it in the place of a published number; the other recordings
    by themselves, in that place, too.
    """
    recorded = [(claim.recordings[o.quantity].beside, o) for o in outcomes if o.panel == RECORDINGS]
    first = dict(reversed(recorded))
    shown = []
    for o in (o for o in outcomes if o.panel == STATISTICS):
        shown.append(_known(o, first[o.quantity]) if o.quantity in first else o)
    alone = [
        _known(r, r)._replace(ours=np.nan, ours_low=np.nan, ours_high=np.nan) for name, r in recorded if r is not first[name]
    ]
    return [o._replace(panel=claim.name) for o in (*shown, *alone)]


def _known(outcome: Outcome, recording: Outcome) -> Outcome:
    """The outcome with what a recording gave in the place of a published number."""
    return outcome._replace(
        published=recording.ours,
        published_low=recording.ours_low,
        published_high=recording.ours_high,
        published_where=recording.title,
    )


class Examined(NamedTuple):
    """The study of a claim, and what came out."""

    study: str
    claim: Claim
    outcomes: Sequence[Outcome]
    sweep: Mapping[str, Sequence[Outcome]]  # point of the robustness -> its outcomes; empty where it was not run
    size: str
    seconds: float  # that all its jobs took


def examined(
    study: str, written: Mapping[str, Any], table: Path | str, points: Mapping[str, str], size: str, seconds: float
) -> Examined:
    """From the tables that `judge` has made. written: the `claim:` of the study. points: of its sweep -> table."""
    sweep = {point: read(Path(path)) for point, path in points.items()}
    return Examined(study, Claim.model_validate(written), read(Path(table)), sweep, size, seconds)


def tabulate(claims: Mapping[str, str], tested: Mapping[str, Examined]) -> list[Row]:
    """A row for each claim of the table.

    claims: claim -> what is claimed. tested: claim -> its study, of those that have one. The p-value of a claim is that of its
    primary statistic; Holm's adjustment is over all of them.
    """
    primary = {name: _primary(one) for name, one in tested.items()}
    adjusted = dict(zip(primary, holm(np.array([o.p for o in primary.values()])), strict=True))
    return [
        _row(name, title, tested[name], primary[name], float(adjusted[name])) if name in tested else not_built(name, title)
        for name, title in claims.items()
    ]


def _row(name: str, title: str, one: Examined, primary: Outcome, p_holm: float) -> Row:
    share, robustness = _robustness(one)
    verdict, reason = _verdict(one, p_holm, share)
    return Row(
        claim=name,
        title=title,
        study=one.study,
        verdict=verdict,
        reason=reason,
        statistic=primary.title,
        value=primary.ours,
        low=primary.ours_low,
        high=primary.ours_high,
        n=primary.n,
        value_units=primary.unit,
        at_least=primary.at_least,
        at_most=primary.at_most,
        is_strict=primary.is_strict,
        is_whole_interval=primary.is_whole_interval,
        p=primary.p,
        p_holm=p_holm,
        recordings=_recordings(one),
        robustness=robustness,
        share=share,
        size=one.size,
        seconds=one.seconds,
    )


def _primary(one: Examined) -> Outcome:
    """The statistic that stands for the claim: of one that is only reported, the first."""
    own = [o for o in one.outcomes if o.panel == STATISTICS]
    return next((o for o in own if o.quantity == one.claim.of_table), own[0])


def _verdict(one: Examined, p_holm: float, share: float) -> tuple[str, str]:
    """Of the claim as it stands; then whether it is told from chance, at sizes with realisations enough; then the sweep."""
    verdict, reason = as_it_stands(one.outcomes)
    if verdict != HOLDS:
        return verdict, reason
    if one.claim.deterministic:
        several = next((o for o in one.outcomes if o.panel == STATISTICS and o.n > 1), None)
        if several is not None:
            return UNTESTABLE, f"it is declared deterministic, but {several.title} is of {several.n} realisations"
    elif one.size != "ci" and not p_holm <= _LEVEL:
        told = f"p is {p_holm:.2g} after Holm's adjustment" if np.isfinite(p_holm) else "the primary statistic has no p-value"
        return UNTESTABLE, f"the statistics lie in their bands, but {told}; it takes more realisations"
    if share < _least_share(one.claim):
        return FRAGILE, f"it holds in {share:.0%} of the sweep, which is less than {_least_share(one.claim):.0%}"
    return HOLDS, ""


def as_it_stands(outcomes: Sequence[Outcome]) -> tuple[str, str]:
    """Whether all statistics lie in their bands and no violation does, and why not."""
    own = [o for o in outcomes if o.panel == STATISTICS]
    verdict = panel_verdict(own)
    reason = next((f"{o.title}: {o.reason}" for o in own if o.verdict == verdict and o.reason), "")
    if verdict in (NOT_REPRODUCED, SCALED_FAILS):
        return FAILS, reason
    if verdict == NOT_TESTABLE:
        return UNTESTABLE, reason
    if verdict == REPORTED:
        return REPORTED, ""
    planted = [o for o in outcomes if o.panel.startswith(VIOLATION)]
    for _, group in itertools.groupby(planted, key=lambda o: o.panel):
        under = list(group)
        turned = panel_verdict(under)
        if turned == NOT_TESTABLE:
            why = next(o.reason for o in under if o.verdict == NOT_TESTABLE)
            return UNTESTABLE, f"with {under[0].panel_title} there is no value: {why}"
        if turned not in (NOT_REPRODUCED, SCALED_FAILS):
            return FAILS, f"it also holds with {under[0].panel_title}, where it must not"
    return HOLDS, ""


def _least_share(claim: Claim) -> float:
    return claim.robustness.least_share if claim.robustness is not None else 0.0


def _robustness(one: Examined) -> tuple[float, str]:
    """The share of the points in which the claim holds as it stands, and the same in words."""
    if one.claim.robustness is None:
        return np.nan, "no sweep is declared"
    if not one.sweep:
        return np.nan, "robustness not run"
    verdicts = {point: as_it_stands(outcomes)[0] for point, outcomes in one.sweep.items()}
    n = sum(verdict == HOLDS for verdict in verdicts.values())
    others = ", ".join(f"{point} {verdict}" for point, verdict in verdicts.items() if verdict != HOLDS)
    return n / len(verdicts), f"holds in {n} of {len(verdicts)} points" + (f"; not: {others}" if others else "")


_AGREES = {REPRODUCED: "agrees", NOT_REPRODUCED: "does not agree", NOT_TESTABLE: "untestable"}


def _recordings(one: Examined) -> str:
    """What each recording says."""
    said = [
        f"{o.title} ({o.source}): {_AGREES.get(o.verdict, o.verdict)}{f' ({o.reason})' if o.reason else ''}"
        for o in one.outcomes
        if o.panel == RECORDINGS
    ]
    return "; ".join(said) or "none speaks to it"
