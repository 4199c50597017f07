"""Rates of units in epochs and in time, for the metrics of rate homeostasis."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.compiled import compiled
from homeoanalysis.statistics.long_run_variance import (
    LEAST_BLOCKS,
    N_BINS,
    N_COSINES,
    count_blocks,
    estimate_long_run,
    take_cosines,
)

Floats = NDArray[np.float64]
LEAST_PRESENCE, MOST_TREND = 0.8, 0.25 / 86400  # of a unit with a set point: part of the batches; relative, for each second
FEWEST_BATCHES = 6  # that a trend is taken of
LEAST_SPIKES = 10  # that a change is relative to: their count alone has an error of a third
CellType = Literal["E", "I", "all"]


class Rates(NamedTuple):
    """Spikes and observed time of units in epochs or bins, (unit, column); only units that were observed in all epochs."""

    spikes: NDArray[np.int64]
    time: Floats

    @property
    def rate(self) -> Floats:
        """(unit, column) [Hz]."""
        return self.spikes / self.time

    @property
    def log(self) -> Floats:
        """Logarithm of the rate; half a spike is added, so that silence stays finite."""
        return np.asarray(np.log((self.spikes + 0.5) / self.time))


def in_epochs(
    activity: xr.Dataset, labels: Sequence[str], cell_type: CellType = "all", least_rate: float = 0.0, only_steady: bool = False
) -> Rates:
    """Units of the type that were observed in all the epochs and fired at `least_rate` [Hz] or more in the first of them.

    only_steady: those of them that are present and have no trend in the first. Raises NotApplicable if there is none, or not the
    epoch.
    """
    kept, count, time = _find_set_points(activity, labels, cell_type, least_rate, only_steady)
    return Rates(count[kept], time[kept])


def bin_epochs(
    activity: xr.Dataset, labels: Sequence[str], cell_type: CellType = "all", least_rate: float = 0.0, only_steady: bool = False
) -> list[Rates]:
    """The same units as of `in_epochs`, each epoch in `N_BINS` bins of equal observed time, (unit, bin)."""
    kept, _, _ = _find_set_points(activity, labels, cell_type, least_rate, only_steady)
    every = [bin_span(activity, *observed.epoch(activity, label)) for label in labels]
    return [Rates(each.spikes[kept], each.time[kept]) for each in every]


def bin_span(activity: xr.Dataset, start: float, stop: float) -> Rates:
    """All units in `N_BINS` bins of equal observed time between two times [s]."""
    inside = observed.overlap(*observed.segments(activity), np.array([start]), np.array([stop]))
    return batches(activity, *inside, n=N_BINS)[0]


def sum_bins(binned_epoch: Rates) -> Rates:
    """Spikes and observed time (unit,) of all bins."""
    return Rates(binned_epoch.spikes.sum(axis=1), binned_epoch.time.sum(axis=1))


def _find_set_points(
    activity: xr.Dataset, labels: Sequence[str], cell_type: CellType, least_rate: float, only_steady: bool
) -> tuple[NDArray[np.bool_], NDArray[np.int64], Floats]:
    """Which units `in_epochs` takes; spikes and observed time of all, (unit, epoch)."""
    observed.need_spikes(activity)
    every = trend(activity, labels[0]).is_steady if only_steady else np.ones(activity.sizes["unit"], bool)
    count, time = observed.counts(activity, labels)
    kept = _have_set_point(activity, (count, time), labels, cell_type, least_rate, every)
    if len(labels) > 1 and (n := int(count[kept, 0].sum())) < LEAST_SPIKES:
        what = "spike" if n == 1 else "spikes"
        raise NotApplicable(f"{n} {what} in the epoch {labels[0]}; a change from it needs {LEAST_SPIKES} or more")
    return kept, count, time


def in_each_epoch(activity: xr.Dataset, cell_type: CellType = "all", least_rate: float = 0.0) -> dict[str, Rates]:
    """Label -> `in_epochs` of this epoch alone, (unit, 1): all are read at once."""
    observed.need_spikes(activity)
    labels, every = list(observed.epochs(activity)), np.ones(activity.sizes["unit"], bool)
    columns = zip(labels, *(np.split(each, len(labels), axis=1) for each in observed.counts(activity, labels)), strict=True)
    found = {}
    for label, count, time in columns:
        kept = _have_set_point(activity, (count, time), [label], cell_type, least_rate, every)
        found[label] = Rates(count[kept], time[kept])
    return found


def _have_set_point(
    activity: xr.Dataset,
    counted: tuple[NDArray[np.int64], Floats],
    labels: Sequence[str],
    cell_type: CellType,
    least_rate: float,
    kept: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    count, time = counted
    with np.errstate(invalid="ignore", divide="ignore"):
        is_slow = count[:, 0] / time[:, 0] < least_rate
    kept = kept & is_of(activity, cell_type) & np.all(time > 0, axis=1) & ~is_slow
    if not kept.any():
        epochs = ", ".join(labels)
        raise NotApplicable(f"no units of cell type {cell_type} that were observed in the epochs {epochs} and had a set point")
    return np.asarray(kept)


def is_of(activity: xr.Dataset, cell_type: CellType) -> NDArray[np.bool_]:
    """Which units are of the type. Raises NotApplicable without spikes."""
    observed.need_spikes(activity)
    if cell_type == "all":
        return np.ones(activity.sizes["unit"], bool)
    return (
        np.asarray(activity.cell_type.values == cell_type) if "cell_type" in activity else np.zeros(activity.sizes["unit"], bool)
    )


def _some_of(activity: xr.Dataset, cell_type: CellType) -> NDArray[np.bool_]:
    """`is_of`; raises NotApplicable if no unit is."""
    kept = is_of(activity, cell_type)
    if not kept.any():
        raise NotApplicable(f"no units of cell type {cell_type}")
    return kept


def in_bins(activity: xr.Dataset, label: str, bin_size: float, cell_type: CellType = "all") -> Rates:
    """Spikes and observed time (unit, bin) of whole bins from the start of an epoch on; 0 s where a unit was not observed."""
    return binned(activity, _edges(activity, label, bin_size), bin_size, cell_type)


def _edges(activity: xr.Dataset, label: str, bin_size: float) -> Floats:
    """Of whole bins from the start of an epoch on [s]."""
    first, end = observed.epoch(activity, label)
    n_bins = observed.n_whole(end - first, bin_size)
    if n_bins < 1:
        raise NotApplicable(f"epoch {label} is shorter than a bin of {bin_size:g} s")
    return np.minimum(first + bin_size * np.arange(n_bins + 1.0), end)


def binned(activity: xr.Dataset, edges: Floats, bin_size: float, cell_type: CellType = "all") -> Rates:
    """Spikes and observed time (unit, bin) between edges that are `bin_size` [s] apart; 0 s where a unit was not observed."""
    kept = _some_of(activity, cell_type)
    start, stop = observed.overlap(*observed.segments(activity), edges[:-1], edges[1:])
    count, isolated = observed.piece_counts(activity, start, stop, slack=observed.EDGE * bin_size)
    bin_of = np.searchsorted(edges, (start + stop) / 2, side="right") - 1
    shape = int(kept.sum()), edges.size - 1
    total, time = np.zeros(shape, np.int64), np.zeros(shape)
    np.add.at(total.T, bin_of, (count * isolated)[kept].T)
    np.add.at(time.T, bin_of, (isolated * (stop - start))[kept].T)
    return Rates(total, time)


def of_whole_bins(
    activity: xr.Dataset, label: str, bin_size: float, cell_type: CellType = "all"
) -> tuple[NDArray[np.int64], Floats]:
    """Spikes of all units, and the part of them that fire, in each bin of `in_bins` in which all were observed throughout.

    One unit after the other: days have millions of bins of 50 ms.
    """
    edges = _edges(activity, label, bin_size)
    kept = _some_of(activity, cell_type)
    all_seen = observed.isolated(activity)[kept].all(axis=0)
    first, end = (each[all_seen] for each in observed.segments(activity))
    start, stop = observed.overlap(first, end, edges[:-1], edges[1:])
    bin_of = np.searchsorted(edges, (start + stop) / 2, side="right") - 1
    whole = np.bincount(bin_of, stop - start, edges.size - 1) > bin_size * (1 - 1e-6)
    spikes, firing = np.zeros((2, whole.size), np.int64)
    pieces = observed.piece_edges(activity, start, stop, observed.EDGE * bin_size)
    for is_kept, times in zip(kept, observed.each_train(activity), strict=True):
        if is_kept:
            _add_unit(times, *pieces, bin_of, spikes, firing)
    return spikes[whole], firing[whole] / kept.sum()


@compiled
def _add_unit(times, begin, end, bin_of, spikes, firing):  # type: ignore[no-untyped-def]
    """Adds the spikes of a unit in sorted pieces [begin, end) to the bins of the pieces, and 1 to each bin that has any."""
    k = np.searchsorted(times, begin[0]) if begin.size else 0
    last = -1
    for p in range(begin.size):
        while k < times.size and times[k] < begin[p]:
            k += 1
        first = k
        while k < times.size and times[k] < end[p]:
            k += 1
        spikes[bin_of[p]] += k - first
        if k > first and bin_of[p] != last:
            firing[bin_of[p]] += 1
            last = bin_of[p]


def batches(activity: xr.Dataset, start: Floats, stop: Floats, n: int = 20) -> tuple[Rates, Floats]:
    """Spikes and observed time (unit, batch) of sorted pieces of segments, in batches of equal length of theirs.

    And the mean time of each batch after the start of the first piece [s].
    """
    clock = np.cumsum(stop - start)
    edge = clock[-1] * np.arange(1, n) / n
    piece = np.searchsorted(clock, edge)
    cut = stop[piece] - (clock[piece] - edge)
    start, stop = np.sort(np.concatenate([start, cut])), np.sort(np.concatenate([stop, cut]))
    start, stop = start[stop > start], stop[stop > start]
    count, isolated = observed.piece_counts(activity, start, stop, slack=observed.EDGE * clock[-1] / n)
    length = stop - start
    batch = np.minimum((np.cumsum(length) - length / 2) / (clock[-1] / n), n - 1).astype(np.intp)
    spikes, time = np.zeros((count.shape[0], n), np.int64), np.zeros((count.shape[0], n))
    np.add.at(spikes.T, batch, (count * isolated).T)
    np.add.at(time.T, batch, (isolated * length).T)
    middle = np.bincount(batch, length * ((start + stop) / 2 - start[0]), n) / np.bincount(batch, length, n)
    return Rates(spikes, time), middle


class Trend(NamedTuple):
    """Of each unit in an epoch, relative to its mean rate [1/s], with its 95 % interval; and the part of batches with spikes."""

    slope: Floats
    low: Floats
    high: Floats
    presence: Floats

    @property
    def is_steady(self) -> NDArray[np.bool_]:
        """Whether a unit fires in 80 % of the batches, and has no trend that is told from 0 and is above 25 % a day."""
        has_trend = (np.abs(self.slope) > MOST_TREND) & ((self.low > 0) | (self.high < 0))
        return np.asarray((self.presence >= LEAST_PRESENCE) & np.isfinite(self.slope) & ~has_trend)


def trend(activity: xr.Dataset, label: str) -> Trend:
    """Least-squares line through the rates of 20 batches, weighted by their observed time.

    Its interval takes the spectrum of the residuals, so that a slow fluctuation is no trend. NaN with too few independent blocks.
    """
    inside = observed.overlap(*observed.segments(activity), *np.array([observed.epoch(activity, label)]).T)
    units, at = batches(activity, *inside)
    n = (units.time > 0).sum(axis=1)
    slope, mean, _ = _fit_line(units, at)
    width = _measure_width(*batches(activity, *inside, n=N_BINS))
    with np.errstate(invalid="ignore", divide="ignore"):
        scale = np.where((n >= FEWEST_BATCHES) & (mean > 0), mean, np.nan)
        low, high = (slope - width) / scale, (slope + width) / scale
        return Trend(slope / scale, low, high, (units.spikes > 0).sum(axis=1) / n)


def _fit_line(units: Rates, at: Floats) -> tuple[Floats, Floats, Floats]:
    """Slope [Hz/s] and mean rate [Hz] of each unit; times of bins from their mean (unit, bin) [s]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = units.spikes.sum(axis=1) / units.time.sum(axis=1)
        x = at - (units.time @ at / units.time.sum(axis=1))[:, None]
        slope = (x * units.spikes).sum(axis=1) / (units.time * x**2).sum(axis=1)
    return np.asarray(slope), np.asarray(mean), np.asarray(x)


def _measure_width(units: Rates, at: Floats) -> Floats:
    """Half of the 95 % interval of the slope of each unit [Hz/s], from `N_BINS` bins."""
    from scipy import fft, special

    slope, mean, x = (np.nan_to_num(each) for each in _fit_line(units, at))
    deviation = units.spikes - (mean[:, None] + slope[:, None] * x) * units.time
    power = take_cosines(deviation)[:, None]
    line = fft.dct(at - at.mean(), type=2, norm="ortho")[1 : N_COSINES + 1]
    found = estimate_long_run(power, np.ones(1), tuple(line**2 / N_BINS))
    by_chance = np.broadcast_to(units.spikes.sum(axis=1)[:, None, None].astype(float), power.shape)
    is_known = count_blocks(found, power, by_chance)[:, 0] >= LEAST_BLOCKS
    with np.errstate(invalid="ignore", divide="ignore"):
        error = np.sqrt(found.variance[:, 0]) / (units.time * x**2).sum(axis=1)
        return np.where(is_known, special.stdtrit(found.df[:, 0], 0.975) * error, np.nan)


def of_population(rates: Rates) -> tuple[Floats, Floats]:
    """Mean rate of the population [Hz] and observed unit-seconds in each column; NaN where nothing was observed."""
    time = rates.time.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(time > 0, rates.spikes.sum(axis=0) / time, np.nan), time


def recovered(means: Floats) -> Floats:
    """The part of a change of the rate that is undone: (..., before, changed, after) -> (...); 1, all of it."""
    before, changed, after = np.moveaxis(means, -1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((after - changed) / (before - changed))


def _ranks(values: Floats) -> Floats:
    """Along the last axis, of one value or more; ties with their mean rank, NaN where one value is."""
    found = np.empty(values.shape)
    rows = np.ascontiguousarray(values).reshape(-1, values.shape[-1])
    _rank(rows, np.argsort(rows, axis=-1), found.reshape(rows.shape))
    return found


@compiled
def _rank(values, order, found):  # type: ignore[no-untyped-def]
    """Fills in the ranks (row, value) of values in their order (row, value)."""
    n = values.shape[1]
    for row in range(values.shape[0]):
        first = 0
        while first < n:
            last = first
            while last + 1 < n and values[row, order[row, last + 1]] == values[row, order[row, first]]:
                last += 1
            for k in range(first, last + 1):
                found[row, order[row, k]] = (first + last) / 2 + 1
            first = last + 1
        if np.isnan(values[row, order[row, n - 1]]):  # which is sorted behind all others
            found[row] = np.nan


def _correlation(x: Floats, y: Floats) -> Floats:
    """Pearson's along the last axis; NaN where one is constant."""
    x, y = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((x * y).sum(axis=-1) / np.sqrt((x**2).sum(axis=-1) * (y**2).sum(axis=-1)))


def spearman(x: Floats, y: Floats) -> Floats:
    """Of ranks along the last axis, ties with their mean rank; NaN where one side is constant."""
    return _correlation(_ranks(x), _ranks(y))
