"""How far a candidate is from a target in one contrast, and the verdict that follows."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.compare.contrasts import (
    NotComparable,
    contrasted,
    is_change,
    no_value,
    parse_margin,
    refuse_censored,
    sides,
    subject_means,
    with_pairing,
)
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.statistics.differences import (
    CANNOT_TELL,
    MINIMUM,
    Difference,
    decide,
    estimate_difference,
    estimate_margin,
    find_needed_subjects,
    find_needed_time,
    take_logarithms,
)

Floats = NDArray[np.float64]
LOG_RATIO, RELATIVE = "log ratio", "of the target's mean"  # how relative metrics are compared
NOUNS = {"recording": ("subject", "subjects"), "model": ("realisation", "realisations")}


class Source(NamedTuple):
    """One source of a comparison: its measure/1, and the interval of its own location from units and time."""

    name: str
    measured: xr.Dataset
    within: tuple[float, float]


class Comparison(NamedTuple):
    """The fields are named as in comparison/2."""

    difference: float
    difference_low: float
    difference_high: float
    difference_low_90: float
    difference_high_90: float
    difference_unit: str
    difference_over: str
    margin_low: float
    margin_high: float
    margin_from: str
    verdict: str
    n_needed: float
    needed: str


def list_groups(measured: xr.Dataset, contrast: Contrast, scale: str) -> list[Floats]:
    """The values of subjects (subject,): of one group, or of the two levels where these have other subjects.

    A relative change within subjects stands as its factor, 1 + change. contrast: with its pairing.
    """
    is_unpaired = contrast.between is not None and not contrast.between.paired
    parts = sides(contrast) if is_unpaired else [contrast]
    groups = [np.array(list(subject_means(contrasted(measured, p, scale)).values())) for p in parts]
    if not all(group.size for group in groups):
        raise no_value(measured)
    is_factor = scale == "relative" and is_change(contrast) and not is_unpaired
    return [1 + group for group in groups] if is_factor else groups


def compare_sources(
    target: Source,
    candidate: Source,
    contrast: Contrast,
    *,
    scale: str,
    unit: str,
    margin: str | None,
) -> tuple[Comparison, list[list[Floats]]]:
    """The difference of the candidate from the target, with its margin and the verdict; and the values of both that it is of.

    scale, unit: of the metric; a relative one is compared by logarithms. margin: as a study states it, for relative metrics.
    Raises NotComparable with the reason where there is no difference to speak of.
    """
    contrast = pair_alike((target, candidate), contrast)
    values = [_list_groups_of(source, contrast, scale) for source in (target, candidate)]
    groups, kind = _scale_values((target, candidate), values, scale)
    counts = [min(g.size for g in side) for side in groups]
    errors = [
        _own_error(source, contrast, kind, values[0][0].mean()) if n < MINIMUM else 0.0
        for source, n in zip((target, candidate), counts, strict=True)
    ]
    difference = estimate_difference(*groups, target_error=errors[0], candidate_error=errors[1])
    (low, high), margin_error, margin_from = _find_margin(groups[0], contrast, scale, kind, margin)
    verdict = decide(difference, (low, high), margin_error)
    n_needed, needed = np.nan, ""
    if verdict == CANNOT_TELL:
        n_needed, needed = _tell_needed(difference, (low, high), counts, target)
    comparison = Comparison(
        difference.value,
        *difference.interval(0.95),
        *difference.interval(0.90, margin_error),
        kind or unit,
        _tell_over(target, candidate, groups, difference),
        low,
        high,
        margin_from,
        verdict,
        n_needed,
        needed,
    )
    return comparison, values


def pair_alike(sources: Sequence[Source], contrast: Contrast) -> Contrast:
    """The contrast with its pairing, the same in all sources. Raises NotComparable where one has no value."""
    paired = []
    for source in sources:
        try:
            paired.append(with_pairing(source.measured, contrast))
            refuse_censored(source.measured, paired[-1])
        except NotComparable as reason:
            raise NotComparable(f"{reason} (in {source.name})") from None
    if any(other != paired[0] for other in paired):
        told = [
            f"{'the same' if c.between and c.between.paired else 'different'} subjects in {s.name}"
            for s, c in zip(sources, paired, strict=True)
        ]
        raise NotComparable(f"the two levels are of {', but of '.join(told)}; write `paired: false` in the contrast")
    return paired[0]


def _list_groups_of(source: Source, contrast: Contrast, scale: str) -> list[Floats]:
    try:
        return list_groups(source.measured, contrast, scale)
    except NotComparable as reason:
        raise NotComparable(f"{reason} (in {source.name})") from None


def _scale_values(sources: Sequence[Source], values: Sequence[list[Floats]], scale: str) -> tuple[Sequence[list[Floats]], str]:
    """The values as they are compared, and how: by logarithms, by the target's mean, or ("") as they are.

    Where some value has no logarithm, a level is divided by the mean of the target, so that a model at 0 differs.
    """
    if scale != "relative":
        return values, ""
    is_exact = all(bool((group > 0).all()) for side in values for group in side)
    if is_exact or len(values[0]) > 1:
        return [_logarithms(s.name, side, is_exact=is_exact) for s, side in zip(sources, values, strict=True)], LOG_RATIO
    mean = values[0][0].mean()
    if not mean > 0:
        raise _no_ratio(sources[0].name)
    return [[group / mean for group in side] for side in values], RELATIVE


def _logarithms(name: str, groups: Sequence[Floats], *, is_exact: bool) -> list[Floats]:
    logarithms = [take_logarithms(group, is_exact=is_exact) for group in groups]
    if any(log is None for log in logarithms):
        raise _no_ratio(name)
    return [log for log in logarithms if log is not None]


def _no_ratio(name: str) -> NotComparable:
    return NotComparable(f"the mean of {name} is not above 0, a ratio to it means nothing")


def _own_error(source: Source, contrast: Contrast, kind: str, mean: float) -> float:
    """Standard error of a source's location from its units and time, as it is compared.

    0 where the metric knows none; infinite where it withholds its interval. mean: of the target's values.
    """
    low, high = source.within
    if np.isinf(low):
        return np.inf
    if kind == LOG_RATIO:
        shift = 1.0 if is_change(contrast) else 0.0
        if not shift + low > 0:
            return 0.0
        low, high = np.log(shift + low), np.log(shift + high)
    error = float(high - low) / (2 * 1.959964) if np.isfinite([low, high]).all() else 0.0
    return error / mean if kind == RELATIVE else error


def _find_margin(
    target: Sequence[Floats], contrast: Contrast, scale: str, kind: str, stated: str | None
) -> tuple[tuple[float, float], float, str]:
    """Its ends, its standard error, and where it comes from."""
    margin = parse_margin(contrast, scale, stated)
    if margin is not None:
        low, high = np.expm1(margin) if kind == RELATIVE else margin
        return (float(low), float(high)), 0.0, "stated"
    half, error = estimate_margin(target)
    told = "default: half the standard deviation between subjects"
    if not half > 0:
        return (np.nan, np.nan), 0.0, "none: the default needs 4 subjects that vary; state one"
    return (-half, half), error, told


def _tell_needed(difference: Difference, margin: tuple[float, float], counts: Sequence[int], target: Source) -> tuple[float, str]:
    """How many subjects, or how much more time, would decide; as a number and in words."""
    if np.isnan(difference.error):
        is_withheld = np.isfinite(difference.target_variance)
        return np.nan, "longer recordings, or 4 of them" if is_withheld else "5 subjects and realisations together"
    if np.isfinite(difference.target_variance):
        n = find_needed_subjects(difference, margin, counts[0], counts[1])
        plural = NOUNS[target.measured.attrs["source_kind"]][1]
        return n, f"{n:.0f} {plural}" if np.isfinite(n) else f"more than 10 000 {plural}"
    ratio = find_needed_time(difference, margin)
    return ratio, f"{ratio:.2g} times the observed time" if np.isfinite(ratio) else "no observed time"


def _tell_over(target: Source, candidate: Source, groups: Sequence[Sequence[Floats]], difference: Difference) -> str:
    """What the interval is over, and for whom the verdict holds."""
    first, second = (_count(s, g) for s, g in zip((target, candidate), groups, strict=True))
    unknown = [s.name for s, side in zip((target, candidate), groups, strict=True) if _is_withheld(s, side)]
    if unknown:
        return f"of {first} and {second}: none, since the metric withholds the interval of {' and '.join(unknown)}"
    if np.isnan(difference.error):
        return f"of {first} and {second}: too few for an interval"
    if np.isinf(difference.df):
        return f"for this recording alone ({first}), over its units and time"
    few = [s for s, side in zip((target, candidate), groups, strict=True) if min(map(len, side)) < MINIMUM]
    if not few:
        return f"over {first} and {second}"
    told = f"{first} and {second}, with one spread for both"
    return f"for this recording alone: {told}" if few[0] is target else told


def _is_withheld(source: Source, groups: Sequence[Floats]) -> bool:
    return bool(np.isinf(source.within[0])) and min(map(len, groups)) < MINIMUM


def _count(source: Source, groups: Sequence[Floats]) -> str:
    """How many members: "12 subjects", "8 and 9 realisations"."""
    singular, plural = NOUNS[source.measured.attrs["source_kind"]]
    counts = [group.size for group in groups]
    return f"{' and '.join(map(str, counts))} {singular if counts == [1] else plural}"


def describe_draws(draws: Mapping[str, xr.Dataset], location: float, contrast: Contrast, scale: str) -> dict[str, float]:
    """What halves and surrogates of a target say of it, where the study asks for them.

    noise_ceiling: median distance between two random halves. null_location: median over the surrogates.
    surrogate_p: two-sided probability of a value as far out as the location among the surrogates.
    """
    try:
        first, second, null = (_values_of_draws(draws[kind], contrast, scale) for kind in ("half_a", "half_b", "null"))
    except NotComparable:
        return {}
    described = {}
    if np.isfinite(first - second).any():
        described["noise_ceiling"] = float(np.nanmedian(np.abs(first - second)))
    null = null[np.isfinite(null)]
    if null.size:
        ranks = [(1 + np.sum(null >= location)), (1 + np.sum(null <= location))]
        described["null_location"] = float(np.median(null))
        described["surrogate_p"] = float(min(1.0, 2 * min(ranks) / (1 + null.size)))
    return described


def _values_of_draws(drawn: xr.Dataset, contrast: Contrast, scale: str) -> Floats:
    """(draw,): the contrast's mean over subjects."""
    contrast = with_pairing(drawn, contrast)
    is_unpaired = contrast.between is not None and not contrast.between.paired
    table = contrasted(drawn, contrast, scale)
    each = [v.mean([d for d in v.dims if d != "draw"], skipna=True).values for v in table.values()]
    return np.asarray(each[0] if is_unpaired else np.mean(each, axis=0))
