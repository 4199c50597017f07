"""Inference over subjects: where a contrast lies, and how sure that is."""

from typing import NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.compare.contrasts import NotComparable, by_subject, contrasted, no_value, sides, subjects, with_pairing
from homeoanalysis.config.study import Contrast
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.numerics.summaries import MINIMUM

Floats = NDArray[np.float64]


class Located(NamedTuple):
    """A contrast of one source, over its subjects. The fields are named as in comparison/1."""

    location: float
    location_low: float
    location_high: float
    spread: float
    n_subjects: int
    n_first: int
    n_left_out: int


def located(measured: xr.Dataset, contrast: Contrast, scale: str) -> Located:
    """Mean, interval and standard deviation over subjects of the contrast's value, averaged over frequency.

    Raises NotComparable if there is no value.
    """
    contrast = with_pairing(measured, contrast)
    parts = [contrast]
    if contrast.between is not None and not contrast.between.paired:
        parts = sides(contrast)
    each = [_numbers(contrasted(measured, part, scale)) for part in parts]
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
        return Located(location, *change_interval(first, second, scale), np.nan, second.size, first.size, left_out)
    (every,) = values
    spread = every.std(ddof=1) if every.size > 1 else np.nan
    return Located(every.mean(), *interval(every), spread, every.size, 0, left_out)


def _numbers(table: dict[tuple[str, str], xr.DataArray]) -> dict[str, float]:
    """One number for each subject that has one."""
    numbers = {subject: float(values.mean(skipna=True)) for subject, values in by_subject(table).items()}
    return {subject: value for subject, value in numbers.items() if np.isfinite(value)}


def interval(values: Floats) -> tuple[float, float]:
    """95 % t interval of the mean; NaN below 4 subjects."""
    if values.size < MINIMUM:
        return np.nan, np.nan
    width = t_quantile(0.95, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size)
    return float(values.mean() - width), float(values.mean() + width)


def change_interval(first: Floats, second: Floats, scale: str) -> tuple[float, float]:
    """95 % interval of the change from the mean of one group of subjects to that of another; NaN below 4 in either.

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
    t = t_quantile(0.95, errors.sum() ** 2 / np.sum(errors**2 / (np.array([first.size, second.size]) - 1)))
    v_first, v_second = (t**2 * x.var(ddof=1) / x.size for x in (first, second))
    if scale != "relative":
        difference, width = second.mean() - first.mean(), np.sqrt(v_first + v_second)
        return float(difference - width), float(difference + width)
    a, b, c = first.mean() ** 2 - v_first, first.mean() * second.mean(), second.mean() ** 2 - v_second
    if a <= 0:
        return np.nan, np.nan
    width = np.sqrt(max(b**2 - a * c, 0.0))
    return float((b - width) / a - 1), float((b + width) / a - 1)
