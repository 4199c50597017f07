"""Inference over subjects: where a contrast lies, and how sure that is."""

import json
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.compare.contrasts import (
    NotComparable,
    contrasted,
    is_change,
    no_value,
    refuse_censored,
    selected,
    sides,
    subject_means,
    subjects,
    with_pairing,
)
from homeoanalysis.compare.own import WITHHELD, own_interval
from homeoanalysis.config.contrast import Contrast
from homeoanalysis.config.fields import number_of
from homeoanalysis.contracts import LONG
from homeoanalysis.contracts.schemas import OWN
from homeoanalysis.numerics.hierarchical import Interval, hierarchical_interval, levels
from homeoanalysis.numerics.intervals import mean_interval, t_quantile
from homeoanalysis.numerics.summaries import MINIMUM

Floats = NDArray[np.float64]


class Located(NamedTuple):
    """A contrast of one source, over its subjects. The fields are named as in comparison/2."""

    location: float
    location_low: float
    location_high: float
    spread: float
    n_subjects: int
    n_first: int
    n_left_out: int
    change_p: float
    equivalence_p: float
    location_within_low: float
    location_within_high: float
    location_over: str
    of_subject: Mapping[str, float]  # the values behind location; empty where it is of two groups, or of one line


def located(measured: xr.Dataset, contrast: Contrast, scale: str) -> Located:
    """Mean, interval and standard deviation over subjects of the contrast's value, averaged over frequency.

    The mean of relative changes is geometric, where no subject fell to 0. Intervals end where the metric cannot go on: the
    truth lies within its bounds, so that they contain it as often. Raises NotComparable if there is no value.
    Source: Hedges, Gurevitch & Curtis 1999, doi:10.1890/0012-9658(1999)080[1150:TMAORR]2.0.CO;2 (log response ratios).
    """
    contrast = with_pairing(measured, contrast)
    refuse_censored(measured, contrast)
    if contrast.trend is not None:
        return _trend(measured, contrast, scale)
    found = _over_subjects(measured, contrast, scale)
    bounds = _bounds(measured, contrast, scale)
    low, high, within_low, within_high = (
        end if np.isinf(end) else float(np.clip(end, *bounds))  # infinite: it is withheld
        for end in (found.location_low, found.location_high, found.location_within_low, found.location_within_high)
    )
    return found._replace(location_low=low, location_high=high, location_within_low=within_low, location_within_high=within_high)


def _bounds(measured: xr.Dataset, contrast: Contrast, scale: str) -> tuple[float, float]:
    """The least and largest value that the contrast can have, from the bounds of its metric."""
    declared = measured[measured.attrs["metric"]].attrs
    least, most = declared.get("valid_min", -np.inf), declared.get("valid_max", np.inf)
    if not is_change(contrast):
        return least, most
    if scale == "relative":
        return (-1.0, np.inf) if least >= 0 else (-np.inf, np.inf)
    return least - most, most - least


def _over_subjects(measured: xr.Dataset, contrast: Contrast, scale: str) -> Located:
    """A contrast that is no trend: over subjects, or between two groups of them."""
    parts = [contrast]
    if contrast.between is not None and not contrast.between.paired:
        parts = sides(contrast)
    each = [subject_means(contrasted(measured, part, scale)) for part in parts]
    if not all(each):
        raise no_value(measured)
    left_out = len(subjects(measured, contrast)) - len({subject for found in each for subject in found})
    values = [np.array(list(found.values())) for found in each]
    if len(values) == 2:
        first, second = values
        location = second.mean() - first.mean()
        if scale == "relative":
            if first.mean() == 0:
                raise NotComparable("the first level is 0, a change relative to it means nothing")
            location /= first.mean()

        def groups(confidence: float) -> tuple[float, float]:
            return change_interval(first, second, scale, confidence)

        n, over = (second.size, first.size, left_out), f"over subjects (n = {first.size} and {second.size})"
        own, over = _own(measured, contrast, scale, over)
        return Located(location, *groups(0.95), np.nan, *n, *_tests(groups, contrast), *own, over, {})
    (every,) = values
    spread = every.std(ddof=1) if every.size > 1 else np.nan
    # A mean of ratios is too large where the rates fluctuate; the mean of their logarithms is not (Hedges et al. 1999).
    is_log = scale == "relative" and is_change(contrast) and bool((every > -1).all())
    location = float(np.expm1(np.log1p(every).mean()) if is_log else every.mean())

    def alone(confidence: float) -> tuple[float, float]:
        if not is_log:
            return interval(every, confidence)
        low, high = np.expm1(interval(np.log1p(every), confidence))
        return float(low), float(high)

    within = _within(measured, contrast, scale, location)
    n = every.size, 0, left_out
    tests = _tests(alone, contrast)
    return Located(location, *alone(0.95), spread, *n, *tests, within.low, within.high, within.over, each[0])


def _trend(measured: xr.Dataset, contrast: Contrast, scale: str) -> Located:
    """Slope over the levels of a factor (dose, age): the mean of each subject's own slope, or, where each has one level, the
    least-squares line through the subjects, with its t interval.
    """
    level = {
        str(r): json.loads(str(f)).get(contrast.trend)
        for r, f in zip(measured.replicate.values, measured.factors.values, strict=True)
    }
    points: dict[str, list[tuple[float, float]]] = {}
    for (subject, replicate), values in contrasted(measured, contrast, scale).items():
        number = number_of(level[replicate])
        if number is None:
            raise NotComparable(f"replicate {replicate} has no number as its level of {contrast.trend}")
        if np.isfinite(float(values.mean(skipna=True))):
            points.setdefault(subject, []).append((number, float(values.mean(skipna=True))))
    several = {subject: np.array(each) for subject, each in points.items() if len({x for x, _ in each}) > 1}
    left_out = len(subjects(measured, contrast)) - len(several or points)
    if several:
        of_subject = {subject: float(np.polyfit(each[:, 0], each[:, 1], 1)[0]) for subject, each in several.items()}
        slopes = np.array(list(of_subject.values()))

        def over(confidence: float) -> tuple[float, float]:
            return interval(slopes, confidence)

        slope, spread, n = float(slopes.mean()), slopes.std(ddof=1) if slopes.size > 1 else np.nan, slopes.size
    else:
        x, y = np.array([np.mean(each, axis=0) for each in points.values()]).T if points else np.zeros((2, 0))
        if np.unique(x).size < 2:
            raise NotComparable(f"all subjects have the same level of {contrast.trend}")
        slope, spread, n, of_subject = float(np.polyfit(x, y, 1)[0]), np.nan, x.size, {}

        def over(confidence: float) -> tuple[float, float]:
            if n < MINIMUM:
                return np.nan, np.nan
            residual = y - y.mean() - slope * (x - x.mean())
            error = np.sqrt((residual @ residual) / (n - 2) / np.sum((x - x.mean()) ** 2))
            width = t_quantile(confidence, n - 2) * error
            return slope - width, slope + width

    told = "over the slopes of subjects" if several else "of the line through subjects"
    asked = contrast.model_copy(update={"reference": contrast.reference or contrast.trend})  # a slope is a change
    tests = _tests(over, asked)
    return Located(slope, *over(0.95), spread, n, 0, left_out, *tests, np.nan, np.nan, f"{told} (n = {n})", of_subject)


def _within(measured: xr.Dataset, contrast: Contrast, scale: str, location: float) -> Interval:
    """From four subjects on, what the interval over subjects is over; below, the interval from their units alone.

    A mean needs no resampling: the hierarchical bootstrap's standard error is that of the means of the subjects (test).
    """
    nothing = Interval(location, np.nan, np.nan, "over subjects")
    own, over = _own(measured, contrast, scale, nothing.over)  # also of a single unit
    if not np.isnan(own).any() or not any(d in measured[measured.attrs["metric"]].dims for d in LONG):
        return Interval(location, *own, over)
    if contrast.between is not None or contrast.over_units != "mean":
        return nothing
    columns: dict[str, list[Floats]] = {}
    labels = [contrast.epoch, contrast.reference] if contrast.reference else [contrast.epoch]
    for (subject, _), values in selected(measured, contrast).items():
        each = [values.sel(epoch=label) if "epoch" in values.dims else values for label in labels]
        flat = np.stack([_of_units(v) for v in each], axis=1)
        columns.setdefault(subject, []).append(flat[np.isfinite(flat).all(axis=1)])
    joined = [np.concatenate(each) for each in columns.values()]
    joined = [each for each in joined if len(each)]

    def changed(means: Floats) -> Floats:
        difference = means[..., 0] - means[..., 1]
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(difference / means[..., 1] if scale == "relative" else difference)

    if not joined:
        return nothing
    if len(joined) >= MINIMUM:
        return nothing._replace(over=levels(np.array([len(each) for each in joined], float))[1])
    found = hierarchical_interval(joined, None if contrast.reference is None else changed)
    shift = location - found.estimate
    return Interval(location, found.low + shift, found.high + shift, found.over)


def _of_units(values: xr.DataArray) -> Floats:
    """The mean of each unit over what else there is (frequency); NaN where it has no value."""
    rest = [d for d in values.dims if d != "unit"]
    return np.asarray((values.mean(rest, skipna=True) if rest else values).values)


def _own(measured: xr.Dataset, contrast: Contrast, scale: str, over: str) -> tuple[tuple[float, float], str]:
    """The interval of the estimate itself, and what it is over; where there is none, NaN and what was said before."""
    found = own_interval(measured, contrast, scale)
    if found is None:
        return (np.nan, np.nan), over
    return found, OWN if np.isfinite(found).all() else WITHHELD


def _tests(interval_at: Callable[[float], tuple[float, float]], contrast: Contrast) -> tuple[float, float]:
    """P-value of no change (of a contrast that is one), and of the declared equivalence: two one-sided tests (TOST).

    The least level at which the interval excludes 0, or lies (at twice the level) within the margins.
    Source: Schuirmann 1987, doi:10.1007/BF01068419.
    """
    if not np.isfinite(interval_at(0.95)).all():
        return np.nan, np.nan

    def excludes(level: float) -> bool:
        low, high = interval_at(1 - level)
        return low > 0 or high < 0

    def lies_within(level: float) -> bool:
        assert contrast.equivalence is not None
        low, high = interval_at(1 - 2 * level)
        return abs(low - contrast.equivalence.around) < contrast.equivalence.margin > abs(high - contrast.equivalence.around)

    change = _least(excludes, 1 - 1e-9) if is_change(contrast) else np.nan
    return change, _least(lies_within, 0.5 - 1e-9) if contrast.equivalence is not None else np.nan


def _least(holds: Callable[[float], bool], most: float) -> float:
    """The least level at which a test decides, by bisection of its logarithm; 1 if it does not even at the highest."""
    if not holds(most):
        return 1.0
    low, high = np.log(1e-12), np.log(most)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if holds(float(np.exp(middle))) else (middle, high)
    return float(np.exp(high))


def interval(values: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """t interval of the mean; NaN below 4 subjects."""
    return (np.nan, np.nan) if values.size < MINIMUM else mean_interval(values, confidence)


def change_interval(first: Floats, second: Floats, scale: str, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the change from the mean of one group of subjects to that of another; NaN below 4 in either.

    A difference: Welch's t. Relative to the first mean: Fieller's interval of the ratio, at Welch's degrees of freedom;
    NaN where the first mean is not told from 0, so that the ratio has no bounds.
    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28; Fieller 1954, doi:10.1111/j.2517-6161.1954.tb00159.x.
    """
    if min(first.size, second.size) < MINIMUM:
        return np.nan, np.nan
    ratio = second.mean() / first.mean() if scale == "relative" and first.mean() else 1.0
    errors = np.array([ratio**2 * first.var(ddof=1) / first.size, second.var(ddof=1) / second.size])
    if not errors.sum() > 0:
        errors = np.array([1.0, 1.0])  # no spread at all: any number of degrees of freedom will do
    t = t_quantile(confidence, errors.sum() ** 2 / np.sum(errors**2 / (np.array([first.size, second.size]) - 1)))
    v_first, v_second = (t**2 * x.var(ddof=1) / x.size for x in (first, second))
    if scale != "relative":
        difference, width = second.mean() - first.mean(), np.sqrt(v_first + v_second)
        return float(difference - width), float(difference + width)
    a, b, c = first.mean() ** 2 - v_first, first.mean() * second.mean(), second.mean() ** 2 - v_second
    if a <= 0:
        return np.nan, np.nan
    width = np.sqrt(max(b**2 - a * c, 0.0))
    return float((b - width) / a - 1), float((b + width) / a - 1)
