"""How long a recovery takes."""

import functools
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import observed, rates, relaxation, resampling, synthetic
from homeoanalysis.numerics.intervals import chosen_units, expanded, t_quantile
from homeoanalysis.numerics.relaxation import Solver
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_BASELINE, _LENGTH, _STEP = 60.0, 200.0, 4.0
_DRAWS = 400
_PIECES = 100  # of the course that a surrogate hurries
_SLOWEST = 3.0  # observation lengths; an interval that reaches further says that tau is not identifiable
_ZOOMS, _POINTS, _FAR = 2, 25, 3.0  # finer grids, their points a side, and how much more than a 95 % interval they hold
_NO_SUPPORT = 10.0  # of Akaike's criterion: by so much worse, a model is out (Burnham & Anderson 2002, p. 70, doi:10.1007/b97636)
_BETTER = 2.0  # by how much Akaike's criterion must fall for a second-order course, or below that of a line


def _course(rate: Any, rng: np.random.Generator) -> xr.Dataset:
    """30 units with unlike set points: 10 Hz in the baseline, then the given course, in Poisson trains."""
    trains = []
    for factor in rng.lognormal(0, 0.5, 30):
        start = synthetic.poisson_train(10 * factor, _BASELINE, rng)
        more = synthetic.poisson_train(15 * factor, _LENGTH, rng)
        kept = rng.uniform(0, 15, more.size) < rate(more)
        trains.append(np.concatenate([start, _BASELINE + more[kept]]))
    spans = {"baseline": (0.0, _BASELINE), "recovery": (_BASELINE, _BASELINE + _LENGTH)}
    return synthetic.activity(trains, _BASELINE + _LENGTH, epochs=spans)


def _truth(rng: np.random.Generator) -> Truth:
    """From 4 Hz back to 10 Hz after a delay of 10 s, with a time constant of 40 s."""
    activity = _course(lambda t: 10 - 6 * np.exp(-np.maximum(t - 10, 0) / 40), rng)
    return Truth(activity, 40.0, {"bin_size": _STEP}, {"bootstrap": 40.0})


def _null(rng: np.random.Generator) -> Truth:
    """4 Hz to the end: no interval may have an end, since the truth is never."""
    return Truth(
        _course(lambda t: np.full_like(t, 4.0), rng),
        np.nan,
        {"bin_size": _STEP},
        conservative="a course that never comes is always censored",
    )


def _faster(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """The recovery of each unit two to four times as fast, then as it ended, in Poisson trains; if slower it might not end."""
    span = observed.epoch(activity, "recovery")
    units = rates.in_bins(activity, "recovery", (span[1] - span[0]) / _PIECES)
    at = np.minimum(np.arange(_PIECES) * rng.uniform(2, 4), _PIECES - 1).astype(np.intp)
    course = np.zeros(units.time.shape)
    for u, seen in enumerate(units.time > 0):
        if seen.any():
            course[u] = np.interp(at, np.flatnonzero(seen), units.rate[u, seen])
    start = np.linspace(*span, _PIECES + 1)
    spikes = rng.poisson(course * np.diff(start))
    times = np.repeat(np.tile(start[:-1], len(spikes)), spikes.ravel()) + rng.uniform(0, start[1] - start[0], spikes.sum())
    unit = np.repeat(np.arange(len(spikes)), spikes.sum(axis=1))
    order = np.lexsort((times, unit))
    times, unit = times[order], unit[order]
    kept = observed.piece_of(times, *observed.segments(activity), np.zeros(activity.sizes["segment"], bool)) >= 0
    return resampling.with_epoch(activity, span, np.bincount(unit[kept], minlength=len(spikes)), times[kept])


class _Best(NamedTuple):
    """The chosen course and what it was chosen from."""

    solver: Solver
    first: Solver  # of the first order
    fit: relaxation.Fit
    order: float
    gain: float  # Akaike's criterion of the first order less that of the best of second order
    over_line: float  # of a straight line less that of the first order


def _grid(length: float, step: float) -> tuple[Floats, Floats, Floats]:
    """Time constants, delays and periods that a course of that length in such bins can show."""
    tau = np.geomspace(step / 2, 10 * length, 48)
    return tau, np.linspace(0, length / 2, 21), np.geomspace(4 * step, 2 * length, 24)


def _best(time: Floats, course: Floats, seen: Floats, length: float, step: float) -> _Best:
    """The weights are those of counts: observed time over the rate, which a first fit gives."""
    tau, delay, period = _grid(length, step)
    delayed = functools.partial(relaxation.exponential, width=step)
    first = Solver(delayed(time, tau, delay), seen / course.mean())
    weight = seen / np.maximum(first.fit(course).curve, 0.05 * course.mean())
    found = []
    for make, other in ((delayed, delay), (relaxation.over_damped, tau), (relaxation.under_damped, period)):
        solver = Solver(make(time, tau, other), weight)
        for _ in range(_ZOOMS):
            solver = _finer(solver, course, functools.partial(make, time), is_linear=make is delayed)
        fit = solver.fit(course)
        found.append((relaxation.akaike(fit.squares, course.size, solver.family.n_parameters), solver, fit))
    straight = relaxation.line(time)
    line = relaxation.akaike(Solver(straight, weight).fit(course).squares, course.size, straight.n_parameters)
    one, over, under = (f[0] for f in found)
    gain = one - min(over, under)
    at = 0 if gain <= _BETTER else (1 if over <= under else 2)
    return _Best(found[at][1], found[0][1], found[at][2], 1.0 if at == 0 else 2.0, gain, line - min(one, over, under))


def _finer(solver: Solver, course: Floats, make: Callable[[Floats, Floats], relaxation.Family], *, is_linear: bool) -> Solver:
    """The same family on a grid of the part that the data do not exclude by far, and of one point more at each end."""
    family, squares = solver.family, solver.squares(course)
    df = course.size - family.n_parameters
    near = squares <= squares.min() * (1 + _FAR * t_quantile(0.95, df) ** 2 / df)

    def span(times: Floats) -> tuple[float, float]:
        values = np.unique(times)
        first, last = np.searchsorted(values, [times[near].min(), times[near].max()])
        return float(values[max(first - 1, 0)]), float(values[min(last + 1, values.size - 1)])

    other = np.linspace(*span(family.other), _POINTS) if is_linear else np.geomspace(*span(family.other), _POINTS)
    return Solver(make(np.geomspace(*span(family.tau), _POINTS), other), solver.root**2)


@metric(
    units="s",
    dims=(),
    bounds=(0, np.inf),
    companions={
        "low": Companion("s", "95 % interval (profile likelihood); where censored, what tau is at least", (0, np.inf)),
        "high": Companion("s", "95 % interval (profile likelihood); infinite where censored", (0, np.inf)),
        "bootstrap": Companion("s", "Median of the bootstrap over units", (0, np.inf)),
        "bootstrap_low": Companion("s", "95 % interval (bootstrap over units, of the chosen course)", (0, np.inf)),
        "bootstrap_high": Companion("s", "95 % interval (bootstrap over units, of the chosen course)", (0, np.inf)),
        "censored": Companion("1", "1: not recovered by the end, or not identifiable; tau is above `low`", (0, 1)),
        "order": Companion("1", "1: exponential after a delay; 2: over-damped or under-damped", (1, 2)),
        "gain": Companion("1", "Akaike's criterion of the first order less that of the second; above 2 the second is taken"),
        "delay": Companion("s", "Delay of the exponential", (0, np.inf)),
        "period": Companion("s", "Period of an under-damped course", (0, np.inf)),
        "set_point": Companion("Hz", "Rate that the course goes to"),
        "trough": Companion("Hz", "Rate that the course begins with"),
        "curve": Companion("Hz", "The fitted course"),
        "course": Companion("Hz", "The course", (0, np.inf)),
    },
    source="weighted least squares of the population rate; r_end + a exp(-(t - delay) / tau), or a second-order course if "
    "Akaike's criterion falls by more than 2 (where by less than 10, with the interval of the first order, too); censored if "
    "the interval reaches 3 observation lengths, if a straight line is as good, or if the course ends with less than "
    "`recovered` of the way back to the baseline",
    no_worst_case="the same course, two to four times as fast",
    scale="relative",
    truth=_truth,
    surrogate=_faster,
    null=_null,
    rejects=lambda found: found.recovery_time_high < np.inf,
)
def recovery_time(
    activity: xr.Dataset,
    *,
    bin_size: Second,
    baseline: str = "baseline",
    recovery: str = "recovery",
    recovered: Annotated[float, Field(gt=0, le=1)] = 0.5,
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Time constant of the recovery of the population rate; of a second-order course, of its slowest decay.

    activity: activity/1 with spikes and the two named epochs; `recovery` begins where homeostasis does.
    bin_size: [s]; 12 bins or more must have been observed. recovered: the part of the way from the start of the course back
    to the baseline that must lie behind at the end; what ends below has not recovered, whatever it relaxes to.
    Returns a scalar [s]; NaN where it is censored: then it is above `recovery_time_low`, and `_high` is infinite.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type, or with too few bins.
    """
    units = rates.in_bins(activity, recovery, bin_size, cell_type)
    start, seen = rates.of_population(rates.in_epochs(activity, (baseline,), cell_type))
    course, seen = rates.of_population(units)
    first, end = observed.epoch(activity, recovery)
    kept = seen > 0.2 * np.max(seen, initial=0)
    if kept.sum() < 12:
        raise NotApplicable(f"epoch {recovery} has fewer than 12 observed bins of {bin_size:g} s")
    time = bin_size * (np.arange(kept.size) + 0.5)
    centres = {"time": ("time", first + time, {"units": "s"})}
    if not course[kept].mean() > 0:
        return _values({}, course, np.full(course.shape, np.nan), centres)
    best = _best(time[kept], course[kept], seen[kept], end - first, bin_size)
    return _described(best, units, (time, course, kept), (float(start[0]), end - first, recovered), centres)


def _interval(best: _Best, course: Floats) -> tuple[float, float]:
    """Profile likelihood of the chosen course; with that of the first order, where it is not out: the choice is a guess then."""
    solvers = [best.solver] if best.order == 1 or best.gain > _NO_SUPPORT else [best.solver, best.first]
    ends = []
    for solver in solvers:
        df = course.size - solver.family.n_parameters
        level = t_quantile(0.95, df) ** 2
        ends.append(relaxation.profile_interval(solver.family.tau, solver.squares(course), df, level))
    low, high = zip(*ends, strict=True)
    return min(low), max(high)


def _described(
    best: _Best,
    units: rates.Rates,
    data: tuple[Floats, Floats, NDArray[np.bool_]],
    told: tuple[float, float, float],
    centres: Mapping[str, Any],
) -> Mapping[str, Any]:
    _, course, kept = data
    start, length, recovered = told
    family, fit = best.solver.family, best.fit
    low, high = _interval(best, course[kept])
    begin, last = fit.curve[0], fit.curve[-1]
    way = (last - begin) / (start - begin) if start != begin else np.nan
    is_slow = high > _SLOWEST * length or best.over_line < _BETTER
    is_censored = is_slow or not way >= recovered
    if is_censored:
        # An exponential that has not come so far has tau > length / ln(1 / (1 - recovered)); what levels off takes for ever.
        least = min(1.0, 1 / -np.log1p(-recovered)) * length if recovered < 1 else 0.0
        low, high = (min(low, length) if way >= recovered else least), np.inf
    curve = np.full(course.shape, np.nan)
    curve[kept] = fit.curve
    boot: list[Floats] = []
    tail = _tail(len(units.spikes))

    def bootstrap(part: float) -> float:
        if not boot:
            boot.append(_bootstrap(best.solver, units, kept))
        return float(np.quantile(boot[0], part)) if boot[0].size and not is_censored else (np.inf if part > 0.9 else np.nan)

    values = {
        "": np.nan if is_censored else fit.tau,
        "_low": low,
        "_high": high,
        "_bootstrap": lambda: bootstrap(0.5),
        "_bootstrap_low": lambda: bootstrap(tail),
        "_bootstrap_high": lambda: bootstrap(1 - tail),
        "_censored": float(is_censored),
        "_order": best.order,
        "_gain": best.gain,
        "_delay": fit.other if best.order == 1 else np.nan,
        "_period": fit.other if best.order == 2 and family.basis.shape[-1] == 3 and fit.other > 0 and _swings(family) else np.nan,
        "_set_point": float(fit.levels[0]),
        "_trough": float(begin),
    }
    return _values(values, course, curve, centres)


def _swings(family: relaxation.Family) -> bool:
    """Whether the family is under-damped: its second time may exceed its first."""
    return bool(np.any(family.other > family.tau))


def _bootstrap(solver: Solver, units: rates.Rates, kept: NDArray[np.bool_]) -> Floats:
    """The time constants of resampled units, on the same grid and with the same weights."""
    order = np.lexsort(units.spikes.T)
    at = chosen_units(order.size, _DRAWS)
    weight = np.stack([np.bincount(row, minlength=order.size) for row in at]).astype(float)
    spikes, time = units.spikes[order][:, kept], units.time[order][:, kept]
    with np.errstate(invalid="ignore", divide="ignore"):
        courses = (weight @ spikes) / (weight @ time)
    courses = courses[np.isfinite(courses).all(axis=1)]
    return np.asarray(solver.family.tau[np.argmin(solver.squares(courses), axis=-1)])


def _tail(n: int) -> float:
    """The quantile of the bootstrap over n units that a 95 % interval begins with: a percentile of so few is too far inside."""
    from scipy import special

    return float(special.ndtr(-expanded(n))) if n > 1 else 0.025


def _values(values: Mapping[str, Any], course: Floats, curve: Floats, centres: Mapping[str, Any]) -> Mapping[str, Any]:
    names = ["", "_low", "_high", "_bootstrap", "_bootstrap_low", "_bootstrap_high", "_censored", "_order", "_gain", "_delay"]
    names += ["_period", "_set_point", "_trough"]
    found = {f"recovery_time{name}": values.get(name, np.nan) for name in names}
    more = {"recovery_time_course": (("time",), course), "recovery_time_curve": (("time",), curve)}
    return {**found, **more, "coords": centres}
