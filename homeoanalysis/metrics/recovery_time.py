"""How long a recovery takes."""

from collections.abc import Mapping
from typing import Annotated, Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from pydantic import Field

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.statistics.recovery_course import Course, fit_recovery, join_bins
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_BASELINE, _LENGTH, _STEP = 60.0, 200.0, 4.0
_PARTS = 100  # of the course that a surrogate hurries
_SLOWEST = 3.0  # observation lengths; an interval that reaches further says that tau is not identifiable
_BETTER = 2.0  # by how much Akaike's criterion must fall below that of a line
_RETURNED, _NOT_RETURNED = 0.95, 0.01  # probability of a return above which it is established, and below which it is ruled out
_LEAST_OBSERVED = 0.2  # of the unit-seconds of the best bin: a bin with less is left out
_FEWEST_BINS, _MOST_BINS = 12, 300  # of the recovery; of it and the baseline, else neighbours are joined
_NUMBERS = ("", "low", "high", "censored", "order", "gain", "delay", "period", "set_point", "trough")


class _Read(NamedTuple):
    """The population rate: bins that are fitted, and all bins of the recovery."""

    course: Course
    time: Floats  # (bin) [s], from the start of the recovery on
    rate: Floats  # (bin) [Hz]
    kept: NDArray[np.bool_]  # (bin): whether it was observed for long enough


def _course(rate: Any, rng: np.random.Generator) -> xr.Dataset:
    """30 units with unlike set points: 10 Hz in the baseline, then the given course, in Poisson trains."""
    trains = []
    for factor in rng.lognormal(0, 0.5, 30):
        start = synthetic.poisson_train(10 * factor, _BASELINE, rng)
        more = synthetic.poisson_train(15 * factor, _LENGTH, rng)
        kept = rng.uniform(0, 15, more.size) < rate(more)
        trains.append(np.concatenate([start, _BASELINE + more[kept]]))
    spans = {"baseline": (0.0, _BASELINE), "course": (_BASELINE, _BASELINE + _LENGTH)}
    return synthetic.activity(trains, _BASELINE + _LENGTH, epochs=spans)


def _truth(rng: np.random.Generator) -> Truth:
    """From 4 Hz back to 10 Hz after a delay of 10 s, with a time constant of 40 s."""
    activity = _course(lambda t: 10 - 6 * np.exp(-np.maximum(t - 10, 0) / 40), rng)
    return Truth(activity, 40.0, {"bin_size": _STEP})


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
    span = observed.epoch(activity, "course")
    units = rates.in_bins(activity, "course", (span[1] - span[0]) / _PARTS)
    at = np.minimum(np.arange(_PARTS) * rng.uniform(2, 4), _PARTS - 1).astype(np.intp)
    course = np.zeros(units.time.shape)
    for u, seen in enumerate(units.time > 0):
        if seen.any():
            course[u] = np.interp(at, np.flatnonzero(seen), units.rate[u, seen])
    start = np.linspace(*span, _PARTS + 1)
    spikes = rng.poisson(course * np.diff(start))
    times = np.repeat(np.tile(start[:-1], len(spikes)), spikes.ravel()) + rng.uniform(0, start[1] - start[0], spikes.sum())
    unit = np.repeat(np.arange(len(spikes)), spikes.sum(axis=1))
    order = np.lexsort((times, unit))
    times, unit = times[order], unit[order]
    kept = observed.piece_of(times, *observed.segments(activity), np.zeros(activity.sizes["segment"], bool)) >= 0
    return resampling.with_epoch(activity, span, np.bincount(unit[kept], minlength=len(spikes)), times[kept])


@metric(
    units="s",
    dims=(),
    bounds=(0, np.inf),
    companions={
        "low": Companion("s", "95 % interval (profile likelihood); where censored, what tau is at least", (0, np.inf)),
        "high": Companion("s", "95 % interval (profile likelihood); infinite where censored", (0, np.inf)),
        "censored": Companion("1", "1: not recovered by the end, or not identifiable; tau is above `low`", (0, 1)),
        "order": Companion("1", "1: exponential, at once or after a delay; 2: over-damped or under-damped", (1, 2)),
        "gain": Companion("1", "Akaike's criterion of the plain exponential less that of the best other; above 2 that is taken"),
        "delay": Companion("s", "Delay of the exponential; 0 unless Akaike's criterion asks for one", (0, np.inf)),
        "period": Companion("s", "Period of an under-damped course", (0, np.inf)),
        "set_point": Companion("Hz", "Rate that the course goes to"),
        "trough": Companion("Hz", "Rate that the course begins with"),
        "curve": Companion("Hz", "The fitted course"),
        "course": Companion("Hz", "The course", (0, np.inf)),
    },
    source="generalised least squares of the population rate: r_end + a exp(-t / tau); with a delay or of second order if "
    "Akaike's criterion falls by more than 2 (where by less than 10, with the intervals of simpler courses, too), with counting "
    "noise and Ornstein-Uhlenbeck or 1/f fluctuations that the baseline and the recovery tell (REML); censored if the interval "
    "reaches 3 observation lengths, if a straight line is as good, or unless a one-sided test at 5 % shows that `recovered` of "
    "the way back to the baseline lies behind at the end",
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
    baseline: EpochName = "baseline",
    course: EpochName = "course",
    recovered: Annotated[float, Field(gt=0, le=1)] = 0.5,
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Time constant of the recovery of the population rate; of a second-order course, of its slowest decay.

    activity: activity/1 with spikes and the two named epochs. `course` is the whole way back: it
    begins where homeostasis does, at the perturbation or its end.
    bin_size: [s]; 12 bins or more must have been observed. recovered: the part of the way from the
    start of the course back to the baseline that must lie behind at the end; what ends below has
    not recovered, whatever it relaxes to.
    Returns a scalar [s]; NaN where it is censored: then it is above `recovery_time_low`, and
    `_high` is infinite.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type,
    or with too few bins.
    """
    start, _ = rates.of_population(rates.in_epochs(activity, (baseline,), cell_type))
    read = _read_course(activity, bin_size, (baseline, course), cell_type)
    if read.kept.sum() < _FEWEST_BINS:
        raise NotApplicable(f"epoch {course} has fewer than {_FEWEST_BINS} observed bins of {bin_size:g} s")
    values, curve = dict.fromkeys(_NUMBERS, np.nan), np.full(read.kept.shape, np.nan)
    if read.rate[read.kept].mean() > 0:
        values, curve = _describe(read, float(start[0]), recovered)
    found: dict[str, Any] = {f"recovery_time_{key}".rstrip("_"): value for key, value in values.items()}
    found |= {"recovery_time_course": (("time",), read.rate), "recovery_time_curve": (("time",), curve)}
    first, _ = observed.epoch(activity, course)
    return found | {"coords": {"time": ("time", first + read.time, {"units": "s"})}}


def _read_course(activity: xr.Dataset, bin_size: float, labels: tuple[str, str], cell_type: rates.CellType) -> _Read:
    """The population rate in bins of the recovery, and the same with bins of the baseline before them, as many at most."""
    baseline, course = labels
    first, end = observed.epoch(activity, course)
    rate, seen = rates.of_population(rates.in_bins(activity, course, bin_size, cell_type))
    kept = seen > _LEAST_OBSERVED * np.max(seen, initial=0)
    time = bin_size * (np.arange(kept.size) + 0.5)
    before = observed.epoch(activity, baseline)
    columns: list[Floats] = [values[kept].astype(np.float64) for values in (time, rate, seen)]
    if before[1] <= first and observed.n_whole(before[1] - before[0], bin_size) > 0:
        earlier, earlier_seen = rates.of_population(rates.in_bins(activity, baseline, bin_size, cell_type))
        earlier_time = before[0] - first + bin_size * (np.arange(earlier.size) + 0.5)
        used = np.flatnonzero(earlier_seen > _LEAST_OBSERVED * np.max(earlier_seen, initial=0))[-int(kept.sum()) or None :]
        both = zip((earlier_time, earlier, earlier_seen), columns, strict=True)
        columns = [np.concatenate([values[used], others]) for values, others in both]
    return _Read(Course(columns[0], columns[1], columns[2], bin_size, end - first), time.astype(np.float64), rate, kept)


def _describe(read: _Read, start: float, recovered: float) -> tuple[dict[str, float], Floats]:
    """The companions by suffix, and the curve in every bin of the recovery; start: rate of the baseline [Hz]."""
    length = read.course.length
    joined = join_bins(read.course, _MOST_BINS)
    fit = fit_recovery(joined, recovered)
    begin, last = fit.curve[[0, -1]]
    way = (last - begin) / (start - begin) if start != begin else np.nan
    is_slow = fit.high > _SLOWEST * length or fit.over_line < _BETTER
    is_censored = is_slow or not way >= recovered or fit.p_recovered < _RETURNED
    low, high = fit.low, fit.high
    if is_censored:
        # An exponential that has not come so far has tau > length / ln(1 / (1 - recovered)); what
        # levels off takes for ever.
        least = min(1.0, 1 / -np.log1p(-recovered)) * length if recovered < 1 else 0.0
        low, high = (least if fit.p_recovered < _NOT_RETURNED else min(low, length)), np.inf
    curve = np.full(read.kept.shape, np.nan)
    curve[read.kept] = np.interp(read.time[read.kept], joined.time[joined.is_recovery], fit.curve)
    return {
        "": np.nan if is_censored else fit.tau,
        "low": low,
        "high": high,
        "censored": float(is_censored),
        "order": float(fit.order),
        "gain": fit.gain,
        "delay": fit.delay,
        "period": fit.period,
        "set_point": fit.set_point,
        "trough": float(begin),
    }, curve
