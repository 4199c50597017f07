"""Hierarchical bootstrap: subjects, and the units within each, resampled together."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
FEWEST = 4  # of a level that is resampled; the spread of fewer is not known
_TOGETHER = 1 << 20  # units of resamples that are drawn at a time: 12 500 units x 10 000 draws would take 1 GB


class Interval(NamedTuple):
    """A 95 % interval, and in words which levels it is over."""

    estimate: float
    low: float
    high: float
    over: str


class Bootstrapped(NamedTuple):
    """A statistic, its standard error and the degrees of freedom of that; NaN where neither level can be resampled."""

    estimate: float
    error: float
    df: float
    over: str


def _scales(means: Floats, within: Floats, sizes: Floats, resamples: tuple[bool, bool]) -> tuple[float, float, float]:
    """How much the spread between and within subjects is scaled, and the degrees of freedom.

    means: of each subject; within: mean square of its units around it. Resampling both levels as they are would count the
    noise of the units twice, and a level of n gives (n - 1) / n of its variance. The scales make the variance of the
    bootstrap that of the mean of n subjects, Var(subject means) / n, without bias for any intraclass correlation.
    Source: Davison & Hinkley 1997, section 3.8, doi:10.1017/CBO9780511802843; where the spread between subjects is less than
    that of their units explains, all of it is given to the units.
    """
    n = means.size
    between, inner = means.var() / n, float(np.sum(within / sizes)) / n**2
    if not resamples[0]:
        unbiased = float(np.sum(within / (sizes - 1))) / n**2
        each = (within / (sizes - 1)) ** 2 / (sizes - 1)
        df = float(np.sum(within / (sizes - 1))) ** 2 / each.sum() if each.sum() > 0 else np.inf
        return 0.0, float(np.sqrt(unbiased / inner)) if inner > 0 else 0.0, df
    target = between * n / (n - 1)
    if not resamples[1]:
        return float(np.sqrt(n / (n - 1))), 0.0, n - 1
    if target >= inner:
        return float(np.sqrt((target - inner) / between)) if between > 0 else 0.0, 1.0, n - 1
    return 0.0, float(np.sqrt(target / inner)), n - 1


def hierarchical_interval(
    subjects: Sequence[Floats], statistic: Callable[[Floats], Floats] | None = None, draws: int = 10_000, noun: str = "subject"
) -> Interval:
    """95 % interval of a function of column means, subjects counting alike however many units they have.

    subjects: (unit, column) of each; statistic: (..., column) -> (...), by default the mean of a single column, which needs no
    draws: its standard error is what they would have without end. The standard error is the bootstrap's, the width that
    of Student's t with the degrees of freedom of the highest level that is resampled: percentiles of few subjects are too
    narrow (they cover 81, 86 and 90 % with 4, 6 and 10). A level with fewer than 4 is not resampled: with fewer than 4 subjects
    the interval is of these subjects only. NaN where neither level can be resampled.
    Source: Saravanan, Berman & Sober 2020, arXiv:2007.07797, with the scales of `_scales`.
    """
    found = bootstrap(subjects, statistic, draws, noun)
    if not np.isfinite(found.error):
        return Interval(found.estimate, np.nan, np.nan, found.over)
    width = t_quantile(0.95, found.df) * found.error
    return Interval(found.estimate, found.estimate - width, found.estimate + width, found.over)


def bootstrap(
    subjects: Sequence[Floats], statistic: Callable[[Floats], Floats] | None = None, draws: int = 10_000, noun: str = "subject"
) -> Bootstrapped:
    """The standard error of a function of column means; arguments as of `hierarchical_interval`."""
    n, sizes = len(subjects), np.array([len(s) for s in subjects], float)
    means = np.array([s.mean(axis=0) for s in subjects])
    grand = means.mean(axis=0)
    estimate = float(grand.item() if statistic is None else statistic(grand))
    resamples, told = levels(sizes, noun)
    if not any(resamples) or not np.isfinite(estimate):
        return Bootstrapped(estimate, np.nan, np.nan, told)
    gradient = np.ones(1) if statistic is None else _gradient(statistic, grand)
    within = np.array([np.mean(((s - s.mean(axis=0)) @ gradient) ** 2) for s in subjects])
    between_scale, within_scale, df = _scales(means @ gradient, within, sizes, resamples)
    if statistic is None:
        variance = between_scale**2 * means.var() / n + within_scale**2 * np.sum(within / sizes) / n**2
        return Bootstrapped(estimate, float(np.sqrt(variance)), df, told)
    rng = rng_for(0, "hierarchical bootstrap", n, *(int(s) for s in sizes), draws)
    # Each slot of a draw takes the resampled units of its subject from another row, so that a subject that is drawn
    # twice is resampled twice.
    chosen = rng.integers(0, n, (draws, n)) if resamples[0] else np.broadcast_to(np.arange(n), (draws, n))
    found = grand + between_scale * (means[chosen].mean(axis=1) - grand)
    if within_scale > 0:
        inner = np.stack([_resampled(s, draws, rng) for s in subjects])
        row = (np.arange(draws)[:, None] + np.arange(n) * max(draws // n, 1)) % draws
        found = found + within_scale * inner[chosen, row].mean(axis=1)
    values = statistic(found)
    return Bootstrapped(estimate, float(np.std(values[np.isfinite(values)])), df, told)


def _resampled(units: Floats, draws: int, rng: np.random.Generator) -> Floats:
    """How far the mean of resampled units lies from the mean, (draw, column)."""
    n = units.shape[0]
    columns = np.ascontiguousarray((units - units.mean(axis=0)).T)  # each by itself: means of rows of few columns are slow
    together = max(1, _TOGETHER // n)
    parts = (rng.integers(0, n, (min(together, draws - start), n), np.uint32) for start in range(0, draws, together))
    return np.concatenate([np.stack([column[chosen].mean(axis=1) for column in columns], axis=1) for chosen in parts])


def _gradient(statistic: Callable[[Floats], Floats], at: Floats) -> Floats:
    """Of the statistic, by central differences."""
    step = 1e-4 * np.maximum(np.abs(at), 1e-8) * np.eye(at.size)
    return np.asarray((statistic(at + step) - statistic(at - step)) / (2 * np.diag(step)))


def levels(sizes: Floats, noun: str = "subject") -> tuple[tuple[bool, bool], str]:
    """Whether subjects with so many units, and their units, are resampled; and that in words."""
    n, resamples = sizes.size, (sizes.size >= FEWEST, bool(np.all(sizes >= FEWEST)))
    units = f"{sizes.min():.0f}" if sizes.min() == sizes.max() else f"{sizes.min():.0f} to {sizes.max():.0f}"
    named = ((f"{noun}s (n = {n})", resamples[0]), (f"units (n = {units} in each)", resamples[1]))
    over = " and ".join(name for name, resampled in named if resampled)
    fixed = " and ".join(name for name, resampled in named if not resampled)
    return resamples, (f"over {over}" if over else "none") + (
        f"; not resampled, with fewer than {FEWEST}: {fixed}" if fixed else ""
    )
