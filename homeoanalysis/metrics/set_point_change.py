"""Whether the distribution of set points over units is another one than before."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import intervals, observed, rates, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.long_run_variance import LEAST_BLOCKS
from homeoanalysis.statistics.two_way import SharedVariance, combine_variances, estimate_shared_variance
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 60.0), "recovery": (60.0, 120.0)}
_SWAPS = 999
_TOO_SLOW = "units may share a fluctuation too slow for the epochs, so that the median is not known"


def _changed(shift: float, factor: float, rng: np.random.Generator) -> xr.Dataset:
    """Log rates that are correlated by 0.7; their mean moves by `shift`, their deviation of 0.5 is multiplied by `factor`."""
    first, own = rng.normal(size=(2, 80))
    second = 0.7 * first + np.sqrt(1 - 0.7**2) * own
    return synthetic.stepped(np.exp(2 + np.stack([0.5 * first, shift + 0.5 * factor * second], axis=1)), _EPOCHS, rng)


def _truth(rng: np.random.Generator) -> Truth:
    return Truth(_changed(0.3, 1.6, rng), np.log(1.6), {}, {"median": 0.3})


def _null(rng: np.random.Generator) -> Truth:
    return Truth(_changed(0.0, 1.0, rng), 0.0, {}, {"median": 0.0})


def _narrower(activity: xr.Dataset, rng: np.random.Generator) -> xr.Dataset:
    """In the recovery log rates deviate a third as much from their mean."""
    count, time = (x[:, 0] for x in observed.counts(activity, ["recovery"]))
    rate, fires = np.zeros(time.size), count > 0
    log = np.log(count[fires] / time[fires])
    rate[fires] = np.exp(log.mean() + (log - log.mean()) / 3)
    return resampling.fired_at(activity, "recovery", rate, rng)


def _log_ratio(means: Floats, n: int) -> Floats:
    """ln of the ratio of spreads, from the means over n units of (ln r, its square, counting noise) of both epochs."""
    before, after = ((means[..., k + 1] - means[..., k] ** 2) * n / (n - 1) - means[..., k + 2] for k in (0, 3))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.where((before > 0) & (after > 0), np.log(after / before) / 2, np.nan))


def _levene(log: Floats) -> Floats:
    """Brown and Forsythe's form: the difference of mean distances from the median; of (..., unit, epoch) -> (...)."""
    distance = np.abs(log - np.median(log, axis=-2, keepdims=True)).mean(axis=-2)
    return np.asarray(np.abs(distance[..., 1] - distance[..., 0]))


def _kolmogorov(log: Floats) -> Floats:
    """Largest difference of the two distribution functions; of (..., unit, epoch) -> (...)."""
    values = log.reshape(*log.shape[:-2], -1)
    order = np.argsort(values, axis=-1, kind="stable")
    height = np.cumsum(np.where(order % 2 == 0, 1, -1), axis=-1)
    rises = np.diff(np.take_along_axis(values, order, axis=-1), axis=-1) > 0
    is_last = np.concatenate([rises, np.ones((*rises.shape[:-1], 1), bool)], axis=-1)  # of equal values
    return np.asarray(np.where(is_last, np.abs(height), 0).max(axis=-1) / log.shape[-2])


def _swap_epochs(log: Floats) -> Floats:
    """(swap, unit, epoch): log rates whose epochs are exchanged within units at random; the tables of Levene and KS take
    units as unpaired."""
    swap = rng_for(0, "swapped epochs", len(log)).random((_SWAPS, len(log), 1)) < 0.5
    return np.where(swap, log[:, ::-1], log)


def _compare(observed_value: Floats, null: Floats) -> float:
    return float((1 + np.sum(null >= observed_value - 1e-12)) / (1 + null.size))


def _levene_p(log: Floats) -> float:
    """Of so large a change of spread if epochs could be swapped within each unit."""
    log = log[np.lexsort(log.T)] - np.median(log, axis=0)
    return _compare(_levene(log), _levene(_swap_epochs(log)))


def _kolmogorov_p(log: Floats, error: float, df: float) -> float:
    """Of so large a difference if epochs could be swapped, but for a shift of all units.

    A fluctuation that units share shifts all of them, which no swap within units does. error: of the difference of the epochs,
    of what units share, with degrees of freedom.
    """
    log = log[np.lexsort(log.T)]
    null = _swap_epochs(log - log.mean(axis=0))
    null[..., 1] += error * rng_for(0, "shared shifts", len(log)).standard_t(df, (_SWAPS, 1))
    return _compare(_kolmogorov(log), _kolmogorov(null))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (jackknife)"),
        "high": Companion("1", "95 % interval over units of this replicate (jackknife)"),
        "levene_p": Companion("1", "Probability of such a change of spread if the epochs were alike (Levene, paired)", (0, 1)),
        "median": Companion("1", "ln of the ratio of the geometric mean rates"),
        "median_low": Companion("1", "95 % interval over units and time of this replicate (t)"),
        "median_high": Companion("1", "95 % interval over units and time of this replicate (t)"),
        "kolmogorov": Companion("1", "Largest difference of the distribution functions of ln r", (0, 1)),
        "kolmogorov_p": Companion("1", "Probability of such a difference if the epochs were alike (Kolmogorov, paired)", (0, 1)),
        "units": Companion("1", "Units with a set point", (0, np.inf)),
    },
    source="ln of SD_i ln r_end over SD_i ln r_0, counting noise of variance 1/n subtracted; p: of Levene's statistic of medians "
    "(Brown & Forsythe 1974, doi:10.1080/01621459.1974.10482955) and of Kolmogorov and Smirnov's, epochs swapped within units, "
    "for the latter shifted by what units share",
    scale="linear",
    truth=_truth,
    surrogate=_narrower,
    null=_null,
    no_worst_case="a third of the spread",
)
def set_point_change(
    activity: xr.Dataset,
    *,
    baseline: EpochName = "baseline",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
    least_rate: Hertz = 0.01,
    only_steady: bool = False,
) -> Mapping[str, Any]:
    """Change of the spread of set points over units: 0, as broad as before; 0.7, twice as broad.

    activity: activity/1 with spikes and the two named epochs.
    least_rate: [Hz]; units below it in the baseline have no set point.
    only_steady: leave out units that are silent in a fifth of the baseline, or have a trend in it
    (`rate_trend`).
    Returns a scalar [1]; NaN with fewer than 4 units, or where log rates spread no more than
    counting noise. The interval of the median and the p of Kolmogorov's statistic, which a shift of
    all units moves, know what units share. They are NaN, with the reason in the coordinate
    `reason`, where one of the epochs has fewer than 4 independent blocks. The p-values are NaN
    where the observed times of the epochs differ by more than a tenth: counting noise is not alike
    then. Between conditions
    with other units, compare `set_point_distribution`: units of one culture are no independent
    sample.
    Raises NotApplicable without spikes, without one of the epochs, or without units of the cell
    type.
    """
    labels = (baseline, recovery)
    units = rates.in_epochs(activity, labels, cell_type, least_rate, only_steady)
    log, noise = units.log, 1 / (units.spikes + 0.5)
    columns = np.stack([log[:, 0], log[:, 0] ** 2, noise[:, 0], log[:, 1], log[:, 1] ** 2, noise[:, 1]], axis=1)
    n, change = len(log), log[:, 1] - log[:, 0]
    is_alike = n >= 4 and bool(np.all(np.abs(units.time[:, 1] / units.time[:, 0] - 1) <= 0.1))
    value, error, width, is_known = np.nan, np.nan, np.nan, False
    if n >= 4:
        shared = _measure_shared_variance(rates.bin_epochs(activity, labels, cell_type, least_rate, only_steady), units)
        is_known = bool(shared.blocks.min() >= LEAST_BLOCKS)
        of_median, df = combine_variances((change - change.mean()) / n, shared, np.array([-1.0, 1.0]))
        width = float(intervals.t_quantile(0.95, df) * of_median) if is_known else np.nan
        shift = float(np.sqrt(shared.shared.sum())), float(shared.df.min())
        value = float(_log_ratio(columns.mean(axis=0), n))
        left_out = _log_ratio((columns.sum(axis=0) - columns) / (n - 1), n - 1)
        error = float(intervals.t_quantile(0.95, n - 1) * np.sqrt((n - 1) * left_out.var()))

    return {
        "set_point_change": value,
        "set_point_change_low": value - error,
        "set_point_change_high": value + error,
        "set_point_change_levene_p": lambda: _levene_p(log) if is_alike else np.nan,
        "set_point_change_median": float(change.mean()) if n >= 4 else np.nan,
        "set_point_change_median_low": float(change.mean() - width),
        "set_point_change_median_high": float(change.mean() + width),
        "set_point_change_kolmogorov": float(_kolmogorov(log)) if n >= 4 else np.nan,
        "set_point_change_kolmogorov_p": lambda: _kolmogorov_p(log, *shift) if is_alike and is_known else np.nan,
        "set_point_change_units": float(n),
        "coords": {"reason": "" if is_known or n < 4 else _TOO_SLOW},
    }


def _measure_shared_variance(epochs: list[rates.Rates], units: rates.Rates) -> SharedVariance:
    """Of the mean over units of ln r in each epoch, from the epoch itself.

    Both epochs are steady. One that looks fast by chance is told by the other: of random walks 20 % have enough blocks in the
    first epoch, and 8 % in both.
    """
    weights = units.time / (units.spikes + 0.5) / len(units.time)
    each = [estimate_shared_variance([epoch], weights[:, [k]]) for k, epoch in enumerate(epochs)]
    return SharedVariance(*(np.concatenate(part) for part in zip(*each, strict=True)))
