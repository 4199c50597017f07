"""Scores of a candidate against a target: effect sizes, distances between distributions, predictive p, inside or outside.

Like the discrepancy, each distance stands beside the best attainable (random halves of the target's own subjects, or of its units
where it has too few subjects) and the worst case (its surrogates), and has a verdict only where these two can be told apart.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr

from homeoanalysis.compare.contrasts import is_change, with_pairing
from homeoanalysis.compare.members import Floats, Group, by_unit, deviation, finite, groups, halves, is_few, like, logarithms
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.contracts.schemas import DISTANCES, SCORES
from homeoanalysis.numerics.distances import Sample, energy_distance, sample, wasserstein
from homeoanalysis.numerics.effects import Effect, Term, hedges_g, log_response_ratio, log_sum, standardised
from homeoanalysis.numerics.predictive import predictive_p

SPLITS = 100  # random halves of the target's members
Members = list[list[Floats]]  # of each group
ONE_GROUP = "a change between levels of other subjects has no value of a subject"


class _Kit(NamedTuple):
    """How scores of one contrast are taken."""

    offset: float | None  # of ln(offset + value); None: of a linear metric, whose values are taken as they are
    is_by_unit: bool
    deviation: float  # of the target's values; NaN: without a distribution


def add_scores(
    result: xr.Dataset,
    at: Mapping[str, str],
    estimates: Mapping[str, xr.Dataset],
    null: xr.Dataset | None,
    contrast: Contrast,
    scale: str | None,
    rng: np.random.Generator,
) -> None:
    """Fill the scores of a target in one contrast and metric, where it can be compared.

    estimates: source -> measure/1; null: the surrogates of the target, with draws.
    """
    target = at["target"]
    for candidate in result.candidate.values.tolist():
        result.score_reason.loc[{**at, "candidate": candidate}] = result.reason.loc[{**at, "candidate": candidate}]
    compared = [c for c in result.candidate.values.tolist() if int(result.comparable.loc[{**at, "candidate": c}])]
    if not compared or scale is None:
        return
    contrast = with_pairing(estimates[target], contrast)
    subjects = [finite(g) for g in groups(estimates[target], contrast, scale)]
    kit, truth, over = _prepared(subjects, contrast, scale)
    result.score_over.loc[dict(at)] = over
    splits = [] if any(map(is_few, truth)) else [[halves(g, rng) for g in truth] for _ in range(SPLITS)]
    references = {"data": _of_data(truth, splits, kit)}
    if null is not None and "null" in compared:
        references["null"] = _of_null(truth, splits, kit, groups(null, contrast, scale))
    for name in compared:
        cell = {**at, "candidate": name}
        if name in references:
            drawn, own = np.abs(references[name]), truth
            result.score.loc[cell], result.score_low.loc[cell], result.score_high.loc[cell] = _middle(drawn)
        else:
            realisations = [finite(g) for g in groups(estimates[name], contrast, scale)]
            own = [by_unit(g) for g in realisations] if kit.is_by_unit else realisations
            drawn = _of_candidate(truth, splits, kit, own, rng)
            result.score.loc[cell], result.score_low.loc[cell], result.score_high.loc[cell] = _middle(drawn)
            for score, effect in _effects(truth, own, kit).items():
                here = {**cell, "score_name": score}
                result.score.loc[here], result.score_low.loc[here], result.score_high.loc[here] = effect
            observed, simulated = ([_means(g) for g in part] for part in (subjects, realisations))
            found = predictive_p(observed, simulated, _statistic(scale, len(truth)), rng)
            result.predictive_p.loc[cell], result.predictive_p_least.loc[cell] = found
        if kit.offset is not None:
            values = np.concatenate([v for part in (truth, own) for g in part for v in g.values()])
            result.n_no_logarithm.loc[cell] = int(np.sum(values <= -kit.offset))
        if not splits:
            result.score_reason.loc[cell] = over
        elif len(truth) > 1:
            result.score_reason.loc[cell] = ONE_GROUP
    if splits:
        result.score_ceiling.loc[dict(at)] = _quantiles(np.abs(references["data"]), [0.95])[0]
    _judge(result, at, compared)


def _prepared(subjects: Sequence[Group], contrast: Contrast, scale: str) -> tuple[_Kit, list[Group], str]:
    """How scores are taken, the target's members, and what these are in words."""
    truth, change = list(subjects), is_change(contrast)
    counts = " and ".join(str(len(g)) for g in subjects)
    over = f"subjects (n = {counts})"
    is_by_unit = len(truth) == 1 and is_few(truth[0]) and not change
    if is_by_unit:
        truth = [by_unit(truth[0])]
        over = f"units (n = {len(truth[0])}) of n = {counts}"
    if any(map(is_few, truth)):
        over = f"{over}: too few for random halves, which need 4"
    offset = (1.0 if change and len(truth) == 1 else 0.0) if scale == "relative" else None
    kit = _Kit(offset, is_by_unit, np.nan)
    spread = deviation(found) if len(truth) == 1 and (found := _values(truth[0], kit)) else np.nan
    return kit._replace(deviation=spread if spread > 0 else np.nan), truth, over


def _values(found: Group, kit: _Kit) -> Group:
    """The values whose distribution is compared."""
    return found if kit.offset is None else logarithms(found, kit.offset)


# ---- scores of two sets of members


def _terms(members: Members, kit: _Kit, sign: int) -> list[Term]:
    if kit.offset is None:
        return []
    if len(members) == 1:
        return [Term(sign, kit.offset, members[0])]
    return [Term(-sign, 0.0, members[0]), Term(sign, 0.0, members[1])]


def _both_terms(first: Members, second: Members, kit: _Kit) -> list[Term]:
    return [*_terms(first, kit, -1), *_terms(second, kit, 1)]


def _scores(first: Members, second: Members, kit: _Kit) -> Floats:
    """In the order of SCORES; NaN for one that is not defined."""
    found = dict.fromkeys(SCORES, np.nan)
    terms = _both_terms(first, second, kit)
    if terms:
        found["log_response_ratio"] = log_sum(terms)
    if len(first) == 1:
        found["hedges_g"] = standardised(first[0], second[0])
        one, other = (_sample(members[0], kit) for members in (first, second))
        if one is not None and other is not None:
            found |= {"wasserstein": wasserstein(one, other), "energy_distance": energy_distance(one, other)}
    return np.array([found[score] for score in SCORES])


def _sample(members: Sequence[Floats], kit: _Kit) -> Sample | None:
    """In standard deviations of the target; None without any value, or where the target does not vary."""
    found = _values({str(k): values for k, values in enumerate(members)}, kit)
    return sample([v / kit.deviation for v in found.values()]) if found and np.isfinite(kit.deviation) else None


def _effects(truth: Sequence[Group], other: Sequence[Group], kit: _Kit) -> dict[str, Effect]:
    """Of all members; a candidate's mean less the target's."""
    first, second = ([list(g.values()) for g in part] for part in (truth, other))
    found = {"hedges_g": hedges_g(first[0], second[0])} if len(first) == 1 else {}
    terms = _both_terms(first, second, kit)
    return found | ({"log_response_ratio": log_response_ratio(terms)} if terms else {})


# ---- draws: a random half of the target against something like the other half

Splits = Sequence[Sequence[tuple[list[str], list[str]]]]


def _taken(found: Sequence[Group], keys: Sequence[Sequence[str]]) -> Members:
    return [[g[k] for k in mine if k in g] for g, mine in zip(found, keys, strict=True)]


def _drawn(truth: Sequence[Group], splits: Splits, kit: _Kit, other: Callable[[int, Members], Members]) -> Floats:
    """(split, score) of one half against `other`, made of the number of the split and the other half."""
    rows = [np.full(len(SCORES), np.nan)]
    for k, split in enumerate(splits):
        first, second = (_taken(truth, [pair[side] for pair in split]) for side in (0, 1))
        against = other(k, second)
        if all(against):
            rows.append(_scores(first, against, kit))
    return np.array(rows)


def _of_data(truth: Sequence[Group], splits: Splits, kit: _Kit) -> Floats:
    return _drawn(truth, splits, kit, lambda _, second: second)


def _of_null(truth: Sequence[Group], splits: Splits, kit: _Kit, null: Sequence[Group]) -> Floats:
    """Surrogates of the subjects of the other half."""
    null = [by_unit(g) for g in null] if kit.is_by_unit else list(null)
    n_draws = min(len(v) for g in null for v in g.values())

    def surrogates(k: int, _: Members) -> Members:
        drawn = [finite({key: values[k % n_draws] for key, values in g.items()}) for g in null]
        return _taken(drawn, [pair[1] for pair in splits[k]])

    return _drawn(truth, splits, kit, surrogates)


def _of_candidate(truth: Sequence[Group], splits: Splits, kit: _Kit, other: Sequence[Group], rng: np.random.Generator) -> Floats:
    """As many realisations, with as many units, as the other half has subjects."""
    return _drawn(truth, splits, kit, lambda _, second: [like(g, s, rng) for g, s in zip(other, second, strict=True)])


def _quantiles(drawn: Floats, at: Sequence[float]) -> Floats:
    """(quantile, score); NaN for a score that is defined in no draw."""
    found = np.full((len(at), len(SCORES)), np.nan)
    for k, column in enumerate(drawn.T):
        if np.isfinite(column).any():
            found[:, k] = np.nanquantile(column, at)
    return found


def _middle(drawn: Floats) -> Floats:
    return _quantiles(drawn, [0.5, 0.025, 0.975])


# ---- the predictive check, and verdicts


def _means(found: Group) -> Floats:
    return np.array([values.mean() for values in found.values()])


def _statistic(scale: str, n_groups: int) -> Callable[[list[Floats]], Floats]:
    """The location of the contrast, of the means of its groups."""

    def location(means: list[Floats]) -> Floats:
        if n_groups == 1:
            return means[0]
        difference = means[1] - means[0]
        return difference / means[0] if scale == "relative" else difference

    return location


def _judge(result: xr.Dataset, at: Mapping[str, str], compared: Sequence[str]) -> None:
    """Of distances only: an effect size has an interval."""
    for candidate in (c for c in compared if c not in ("null", "data")):
        for score in DISTANCES:
            cell = {**at, "candidate": candidate, "score_name": score}
            value, ceiling = float(result.score.loc[cell]), float(result.score_ceiling.loc[{**at, "score_name": score}])
            worst = float(result.score.loc[{**cell, "candidate": "null"}])
            if int(result.fitted.loc[{**at, "candidate": candidate}]):
                verdict = "fitted"
            elif not np.isfinite([value, ceiling]).all():
                verdict = "not comparable"
            elif not worst > ceiling:
                verdict = "undecided: the target's halves differ as much as its surrogates"
            else:
                verdict = "matches" if value <= ceiling else "differs"
            result.score_verdict.loc[cell] = verdict


def place(result: xr.Dataset, at: Mapping[str, str]) -> None:
    """Whether a candidate lies inside the 95 % interval of the target's location, with the whole of its own interval.

    Surrogates have no say here: they destroy what is measured in each recording, not how groups differ. What stands against a
    model with mechanisms is the same model without.
    """
    low, high = _interval(result, {**at, "source": at["target"]})
    for candidate in result.candidate.values.tolist():
        cell = {**at, "candidate": candidate}
        if candidate in ("null", "data") or not int(result.comparable.loc[cell]):
            continue
        from_, to = _interval(result, {**at, "source": candidate})
        if int(result.fitted.loc[cell]):
            told = "fitted"
        elif not np.isfinite([low, high]).all():
            told = f"undecided: {at['target']} has no interval"
        elif not np.isfinite([from_, to]).all():
            told = f"undecided: {candidate} has no interval"
        elif low <= from_ and to <= high:
            told = "inside"
        else:
            told = "outside" if to < low or from_ > high else f"undecided: the interval of {candidate} is in part inside"
        result.inside.loc[cell] = told


def _interval(result: xr.Dataset, cell: Mapping[str, str]) -> tuple[float, float]:
    """Over subjects; of fewer than 4 over their units."""
    for name in ("location", "location_within"):
        low, high = (float(result[f"{name}_{side}"].loc[dict(cell)]) for side in ("low", "high"))
        if np.isfinite([low, high]).all():
            return low, high
    return np.nan, np.nan
