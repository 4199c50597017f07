"""The difference between two sources over their subjects, and the answer that follows."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ends = tuple[float, float] | tuple[Floats, Floats]
MINIMUM = 4  # members of a group whose spread can be taken from itself
LEAST_DF = 3  # degrees of freedom below which an interval says nothing
POWER = 0.8
MOST_SUBJECTS = 10_000
AGREES, DIFFERS, CANNOT_TELL = "agrees", "differs", "cannot tell"


class Difference(NamedTuple):
    """Candidate less target, its standard error and degrees of freedom.

    The spread that they come from stands beside them. target_variance, candidate_variance: of one
    member, summed over the groups of the contrast.
    """

    value: float
    error: float
    df: float
    target_variance: float
    candidate_variance: float

    def interval(self, confidence: float, more_error: float = 0.0) -> tuple[float, float]:
        """Two-sided t interval; more_error is added in quadrature."""
        from scipy import special

        width = special.stdtrit(self.df, 0.5 + confidence / 2) * np.hypot(self.error, more_error)
        return float(self.value - width), float(self.value + width)


def take_logarithms(values: Floats, *, is_exact: bool) -> Floats | None:
    """Logarithms of values (member,); None where they have no mean above 0.

    Not exact: some value of the comparison is 0 or below. Then each value v stands as ln m + (v -
    m) / m around the mean m: the mean is ln m, and the spread is the coefficient of variation, as
    the delta method has it.
    """
    if is_exact:
        return np.log(values)
    mean = values.mean()
    return np.log(mean) + values / mean - 1 if mean > 0 else None


def estimate_difference(
    target: Sequence[Floats],
    candidate: Sequence[Floats],
    *,
    target_error: float = 0.0,
    candidate_error: float = 0.0,
) -> Difference:
    """Mean of the candidate less mean of the target, over independent members.

    Its error is NaN where none is known. target, candidate: the members (member,) of one group
    each, or of two, of which the second less the first is compared. Groups of four members and
    more: Welch's t. Where one has fewer, both have the spread of both together (Student's t), so
    that one recording is judged by how much realisations vary. target_error, candidate_error: how
    well a source knows its own value from units and time; no error is below it. Alone they give a
    normal interval. Infinite: the error is NaN.
    Source: Welch 1947, doi:10.1093/biomet/34.1-2.28; Satterthwaite 1946, doi:10.2307/3002019.
    """
    signs = [1.0] if len(target) == 1 else [-1.0, 1.0]
    value = sum(s * (c.mean() - t.mean()) for s, t, c in zip(signs, target, candidate, strict=True))
    terms: list[tuple[float, float]] = []  # squared standard error, degrees of freedom
    variances = np.zeros(2)
    for t, c in zip(target, candidate, strict=True):
        if min(t.size, c.size) >= MINIMUM:
            own = np.array([t.var(ddof=1), c.var(ddof=1)])
            terms += [(v / x.size, x.size - 1.0) for v, x in zip(own, (t, c), strict=True)]
        elif t.size + c.size - 2 >= LEAST_DF:
            pooled = (t.size * t.var() + c.size * c.var()) / (t.size + c.size - 2)
            own = np.full(2, pooled)
            terms.append((pooled * (1 / t.size + 1 / c.size), t.size + c.size - 2.0))
        elif (
            min(target_error, candidate_error) > 0
            and np.isfinite([target_error, candidate_error]).all()
        ):
            return Difference(
                float(value), float(np.hypot(target_error, candidate_error)), np.inf, np.nan, np.nan
            )
        else:
            return Difference(float(value), np.nan, np.nan, np.nan, np.nan)
        variances += own
    squares, dfs = np.array(terms).T
    df = (
        float(squares.sum() ** 2 / np.sum(squares**2 / dfs))
        if squares.sum() > 0
        else float(dfs.sum())
    )
    error = float(np.sqrt(max(squares.sum(), target_error**2 + candidate_error**2)))
    error = error if np.isfinite(error) else np.nan
    return Difference(float(value), error, df, *map(float, variances))


def estimate_margin(target: Sequence[Floats]) -> tuple[float, float]:
    """Half the standard deviation between subjects, and its standard error.

    NaN with fewer than four in a group. target: as for `estimate_difference`; of two groups their
    mean variance counts.
    """
    if min(t.size for t in target) < MINIMUM:
        return np.nan, np.nan
    margin = 0.5 * float(np.sqrt(np.mean([t.var(ddof=1) for t in target])))
    return margin, margin / float(np.sqrt(2 * sum(t.size - 1 for t in target)))


def decide(difference: Difference, margin: tuple[float, float], margin_error: float = 0.0) -> str:
    """Whether a candidate agrees, differs, or neither can be told.

    margin: the smallest differences that matter, below and above 0 (NaN: there is none). It agrees
    where the 90 % interval lies within (two one-sided tests at 5 %); else it differs where the 95 %
    interval excludes 0. margin_error: of a margin
    that is estimated from the data.
    Source: Schuirmann 1987, doi:10.1007/BF01068419.
    """
    narrow, wide = difference.interval(0.90, margin_error), difference.interval(0.95)
    return str(judge(narrow, wide, margin))


def judge(narrow: Ends, wide: Ends, margin: Ends) -> NDArray[np.str_]:
    """The same from the ends of the 90 % (narrow) and 95 % (wide) intervals, of any shape."""
    agrees = np.logical_and(np.less(margin[0], narrow[0]), np.less(narrow[1], margin[1]))
    differs = np.logical_or(np.greater(wide[0], 0), np.less(wide[1], 0))
    return np.where(agrees, AGREES, np.where(differs, DIFFERS, CANNOT_TELL))


def find_needed_subjects(
    difference: Difference, margin: tuple[float, float], n_target: int, n_candidate: int
) -> float:
    """How many subjects would decide at a power of 80 %; infinite above 10 000.

    The difference is taken to be as it is estimated. n_target, n_candidate: members of the smallest
    group of each. The candidate has at least as many realisations as
    there are subjects. Power of two one-sided tests and of the t test, by the t distribution around
    the true difference.
    """
    n = np.arange(max(MINIMUM, n_target + 1), MOST_SUBJECTS + 1, dtype=np.float64)
    errors = np.sqrt(
        difference.target_variance / n + difference.candidate_variance / np.maximum(n, n_candidate)
    )
    decides = compute_power(difference.value, errors, 2 * (n - 1.0), margin) >= POWER
    return float(n[np.argmax(decides)]) if decides.any() else np.inf


def find_needed_time(difference: Difference, margin: tuple[float, float]) -> float:
    """How many times as much observed time would decide at a power of 80 %.

    Infinite above 10 000 times. Of a difference whose error is that of units and time of one
    recording: its square falls with the time.
    """
    ratio = np.geomspace(1.0, MOST_SUBJECTS, 2000)
    errors = np.asarray(difference.error / np.sqrt(ratio), float)
    df = np.full(ratio.size, difference.df, float)
    decides = compute_power(difference.value, errors, df, margin) >= POWER
    return float(ratio[np.argmax(decides)]) if decides.any() else np.inf


def compute_power(
    difference: float, errors: Floats, df: Floats, margin: tuple[float, float]
) -> Floats:
    """Probability (n,) that either answer is given to a true difference.

    At these standard errors and degrees of freedom.
    """
    from scipy import special

    with np.errstate(divide="ignore", invalid="ignore"):
        t = np.where(errors > 0, abs(difference) / errors, np.inf if difference else 0.0)
        differs = special.stdtr(df, t - special.stdtrit(df, 0.975))
        if not np.isfinite(margin).all():
            return np.asarray(differs)
        t = special.stdtrit(df, 0.95)
        above = special.stdtr(df, (margin[1] - difference) / errors - t)
        below = special.stdtr(df, (difference - margin[0]) / errors - t)
    agrees = np.where(
        errors > 0, np.maximum(above + below - 1, 0), margin[0] < difference < margin[1]
    )
    return np.asarray(np.maximum(differs, agrees))
