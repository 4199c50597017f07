"""Relaxations through a rate course whose noise is correlated.

With the interval of their time constant.
"""

import functools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.numerics import relaxation
from homeoanalysis.numerics.relaxation import Family
from homeoanalysis.statistics import correlated_noise
from homeoanalysis.statistics.correlated_noise import CorrelatedNoise, Fits, Levels

Floats = NDArray[np.float64]
_BETTER = 2.0  # by how much Akaike's criterion must fall for a delay or a second order
_NO_SUPPORT = (
    10.0  # by so much worse, a model is out (Burnham & Anderson 2002, p. 70, doi:10.1007/b97636)
)
_ZOOMS, _POINTS = 2, 17  # finer grids, and their points a side
_FAR = 1e-3  # p-value of what a finer grid leaves out
_LEAST_WEIGHT = 1e-3  # posterior probability of a correlation that a finer grid leaves out
_STEP = 1.02  # factor by which a time is changed to see how the curve changes
_LOWEST = 0.05  # of the mean rate: the least that is expected, so that variances stay positive


class Course(NamedTuple):
    """Rate of a population in bins of equal width, of the baseline and then of the recovery.

    The baseline shows the same fluctuation, but has a level of its own.
    """

    time: Floats  # (bin) [s], middles, from the start of the recovery on: negative in the baseline
    rate: Floats  # (bin) [Hz]
    observed: Floats  # (bin) unit-seconds, > 0
    width: float  # [s]
    length: float  # of the recovery [s]

    @property
    def is_recovery(self) -> NDArray[np.bool_]:
        """Whether each bin lies in the recovery."""
        return np.asarray(self.time > 0)

    @property
    def constants(self) -> Floats:
        """Columns (bin, level) of the level of the recovery.

        And before it of the baseline, if that was observed.
        """
        is_recovery = self.is_recovery
        columns = [is_recovery] if is_recovery.all() else [~is_recovery, is_recovery]
        return np.stack(columns, axis=1).astype(float)

    def extend(self, family: Family) -> Floats:
        """Shapes (shape, bin, point) that a family has beside its constant.

        They are of the recovery, and 0 in the baseline.
        """
        shapes = np.zeros((family.basis.shape[2] - 1, self.time.size, family.tau.size))
        shapes[:, self.is_recovery] = family.basis[..., 1:].transpose(2, 1, 0)
        return shapes


class RecoveryFit(NamedTuple):
    """The course that was chosen, and the 95 % interval of its time constant [s].

    The ends are 0 and infinity where it has none.
    """

    tau: float
    low: float
    high: float
    order: int
    gain: float  # Akaike's criterion of the plain exponential less that of the best other course
    over_line: float  # of a straight line less that of the chosen relaxation
    delay: float  # [s]; 0 of a plain exponential, NaN of a second order
    period: float  # [s]; NaN unless it swings
    set_point: float  # [Hz]
    curve: Floats  # (bin of the recovery) [Hz]
    p_recovered: float  # probability that the wanted part lies behind; NaN without a baseline


class _Kind(NamedTuple):
    """A kind of relaxation, and the times on which it is tried first."""

    make: Callable[[Floats, Floats], Family]
    tau: Floats
    other: Floats
    order: int
    is_delayed: bool = False


class _Fitted(NamedTuple):
    """A kind of relaxation on one grid."""

    kind: _Kind
    family: Family
    fits: Fits
    noise: CorrelatedNoise
    best: int  # point of the family
    columns: Floats  # (bin, level) of the best curve; the last are how it changes with its times
    levels: Levels
    weight: Floats  # (noise) posterior probability
    df: int
    akaike: float

    @property
    def p(self) -> Floats:
        """p-value (point) of every curve."""
        return correlated_noise.measure_p(self.fits.squares, self.weight, self.df)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the time constant by profile likelihood."""
        values, least = correlated_noise.profile(self.family.tau, self.fits.squares)
        return correlated_noise.invert_test(
            values, correlated_noise.measure_p(least, self.weight, self.df)
        )


def join_bins(course: Course, most: int) -> Course:
    """The same course in bins so wide that there are about `most` or fewer."""
    factor = -(-course.time.size // most)
    if factor == 1:
        return course
    width = factor * course.width
    _, at = np.unique(np.floor(course.time / width), return_inverse=True)
    observed = np.bincount(at, course.observed).astype(np.float64)
    time, rate = (
        np.bincount(at, course.observed * values) / observed
        for values in (course.time, course.rate)
    )
    return Course(time, rate, observed, width, course.length)


def fit_recovery(course: Course, recovered: float) -> RecoveryFit:
    """Exponential; with a delay, or of second order, where Akaike's criterion falls by more than 2.

    recovered: the part of the way back to the baseline that is asked for. The interval holds that
    of the chosen course, and of each simpler one whose criterion is worse by 10 or less: the choice
    is a guess then. A delay that the course does not ask for is not fitted, because it would follow
    every slow fluctuation at the start.
    """
    kinds = _list_kinds(course)
    noise = CorrelatedNoise(course.time, course.width, _expect(course, kinds[0]), course.observed)
    plain, *others = (_fit(course, noise, kind) for kind in kinds)
    line = noise.fit(
        course.rate,
        course.constants,
        course.extend(relaxation.line(course.time[course.is_recovery])),
    )
    straight = 2 * (course.constants.shape[1] + 1) - 2 * float(line.log_likelihood.max())
    best = min(others, key=lambda fitted: fitted.akaike)
    gain = plain.akaike - best.akaike
    chosen = plain if gain <= _BETTER else best
    simpler = [
        fitted
        for fitted in (plain, others[0])
        if fitted.family.n_parameters < chosen.family.n_parameters
    ]
    counted = [chosen] + [
        fitted for fitted in simpler if fitted.akaike - chosen.akaike <= _NO_SUPPORT
    ]
    ends = [fitted.interval for fitted in counted]
    other = float(chosen.family.other[chosen.best])
    curve, p_recovered = _describe(course, chosen, recovered)
    return RecoveryFit(
        tau=float(chosen.family.tau[chosen.best]),
        low=min(low for low, _ in ends),
        high=max(high for _, high in ends),
        order=chosen.kind.order,
        gain=gain,
        over_line=straight - chosen.akaike,
        delay=other if chosen.kind.order == 1 else np.nan,
        period=other if chosen is others[-1] else np.nan,
        set_point=float(chosen.weight @ chosen.levels.levels[:, course.constants.shape[1] - 1]),
        curve=curve,
        p_recovered=p_recovered,
    )


def _list_kinds(course: Course) -> list[_Kind]:
    """The plain exponential, the same with a delay, the over-damped and the under-damped course."""
    time, length, width = course.time[course.is_recovery], course.length, course.width
    tau = np.geomspace(width / 2, 10 * length, 40)
    delayed = functools.partial(relaxation.exponential, time, width=width)

    def make_plain(tau: Floats, delay: Floats) -> Family:
        return delayed(tau, delay)._replace(n_parameters=3)

    swing = np.geomspace(4 * width, 2 * length, 16)
    return [
        _Kind(make_plain, tau, np.zeros(1), order=1),
        _Kind(delayed, tau, np.linspace(0, length / 2, 11), order=1, is_delayed=True),
        _Kind(functools.partial(relaxation.over_damped, time), tau[::2], tau[::2], order=2),
        _Kind(functools.partial(relaxation.under_damped, time), tau[::2], swing, order=2),
    ]


def _expect(course: Course, kind: _Kind) -> Floats:
    """Rate (bin) [Hz] around which the noise is.

    Mean of the baseline, and a fit as if all noise were of counts.
    """
    is_recovery = course.is_recovery
    family = kind.make(kind.tau, kind.other)
    expected = np.empty(course.rate.shape)
    expected[is_recovery] = (
        relaxation.Solver(family, course.observed[is_recovery]).fit(course.rate[is_recovery]).curve
    )
    if not is_recovery.all():
        expected[~is_recovery] = np.average(
            course.rate[~is_recovery], weights=course.observed[~is_recovery]
        )
    return np.maximum(expected, _LOWEST * np.average(course.rate, weights=course.observed))


def _fit(course: Course, noise: CorrelatedNoise, kind: _Kind) -> _Fitted:
    """Fit a kind of relaxation on its first grid, then on finer ones.

    These hold what the course does not exclude.
    """
    fitted = _fit_grid(course, noise, kind)
    for _ in range(_ZOOMS):
        near = fitted.p > _FAR
        tau = np.geomspace(*_find_span(fitted.family.tau, near), _POINTS)
        other = kind.other
        if other.size > 1:
            space = np.linspace if kind.is_delayed else np.geomspace
            other = np.asarray(space(*_find_span(fitted.family.other, near), _POINTS))
        kind = kind._replace(tau=tau, other=other)
        fitted = _fit_grid(course, fitted.noise.keep(fitted.weight, _LEAST_WEIGHT), kind)
    return fitted


def _find_span(times: Floats, near: NDArray[np.bool_]) -> tuple[float, float]:
    """From the grid point before the first that is near to the one behind the last."""
    values = np.unique(times)
    first, last = np.searchsorted(values, [times[near].min(), times[near].max()])
    return float(values[max(first - 1, 0)]), float(values[min(last + 1, values.size - 1)])


def _fit_grid(course: Course, noise: CorrelatedNoise, kind: _Kind) -> _Fitted:
    family, constants = kind.make(kind.tau, kind.other), course.constants
    fits = noise.fit(course.rate, constants, course.extend(family))
    at, best = (
        int(k) for k in np.unravel_index(np.argmax(fits.log_likelihood), fits.log_likelihood.shape)
    )
    tau, other = family.tau[best], family.other[best]
    pairs = [(tau, other), (tau * _STEP, other)]
    if kind.other.size > 1:
        pairs.append((tau, other + course.width / 2 if kind.is_delayed else other / _STEP))
    here, *there = (
        course.extend(kind.make(np.array([t]), np.array([x])))[..., 0].T for t, x in pairs
    )
    columns = np.hstack([constants, here])
    solved = noise.solve(course.rate, columns)
    weight = noise.weigh(fits, solved)
    levels = solved.levels[at, constants.shape[1] :]
    columns = np.hstack([columns, *((one - here) @ levels[:, None] for one in there)])
    n_parameters = family.n_parameters + constants.shape[1] - 1
    akaike = 2 * n_parameters - 2 * float(fits.log_likelihood.max())
    levels_and_times = noise.solve(course.rate, columns)
    df = course.rate.size - n_parameters
    return _Fitted(kind, family, fits, noise, best, columns, levels_and_times, weight, df, akaike)


def _describe(course: Course, chosen: _Fitted, recovered: float) -> tuple[Floats, float]:
    """Curve (bin of the recovery) [Hz], and how probable a return is.

    It is one if `recovered` of the way back lies behind at the end.
    """
    from scipy import special

    levels, weight = chosen.levels, chosen.weight
    mean, rows = weight @ levels.levels, chosen.columns[course.is_recovery]
    curve = rows @ mean
    if course.is_recovery.all():
        return curve, np.nan
    start, begin, end = chosen.columns[0], rows[0], rows[-1]
    wanted = np.sign((start - begin) @ mean) * (end - begin - recovered * (start - begin))
    variance = (
        chosen.fits.squares.min(axis=1)
        / chosen.df
        * np.einsum("i,nij,j->n", wanted, levels.covariance, wanted)
    )
    p = special.stdtr(chosen.df, levels.levels @ wanted / np.sqrt(np.maximum(variance, 1e-300)))
    return curve, float(weight @ p)
