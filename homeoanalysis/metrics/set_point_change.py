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
from homeoanalysis.statistics.two_way import combine_variances, estimate_shared_variance
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 60.0), "recovery": (60.0, 120.0)}
_SWAPS = 999
_NOTHING = np.zeros((1, 1), bool)


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


def _levene(log: Floats, swap: NDArray[np.bool_] = _NOTHING) -> Floats:
    """Brown and Forsythe's form: the difference of mean distances from the median; of (unit, epoch), and (..., unit, 1) -> (...).

    swap: of which units the epochs are swapped.
    """
    log = np.where(swap, log[:, ::-1], log)
    distance = np.abs(log - np.median(log, axis=-2, keepdims=True)).mean(axis=-2)
    return np.asarray(np.abs(distance[..., 1] - distance[..., 0]))


def _kolmogorov(log: Floats, swap: NDArray[np.bool_] = _NOTHING) -> Floats:
    """Largest difference of the two distribution functions; arguments as of `_levene`."""
    order = np.argsort(log, axis=None, kind="stable")  # of all values together, which is the same whatever is swapped
    last = np.append(np.diff(log.ravel()[order]) > 0, True)  # of equal values
    step = np.where(swap, -1, 1) * np.tile([1, -1], (len(log), 1))
    height = np.cumsum(step.reshape(*step.shape[:-2], -1)[..., order], axis=-1)
    return np.asarray(np.abs(height[..., last]).max(axis=-1) / len(log))


def _p(log: Floats, statistic: Any) -> float:
    """Of so large a statistic if epochs could be swapped within each unit; the tables of Levene and KS take units as unpaired."""
    log = log[np.lexsort(log.T)]
    swap = rng_for(0, "swapped epochs", len(log)).random((_SWAPS, len(log), 1)) < 0.5
    return float((1 + np.sum(statistic(log, swap) >= statistic(log) - 1e-12)) / (1 + _SWAPS))


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
    "(Brown & Forsythe 1974, doi:10.1080/01621459.1974.10482955) and of Kolmogorov and Smirnov's, epochs swapped within units",
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
    counting noise. The interval of the median is NaN where a fluctuation that units share is too
    slow for the epochs (below 4 independent blocks). The p-values are NaN where the observed times
    of the epochs differ by more than a tenth: counting noise is not alike then. Between conditions
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
    width = _measure_median_width(change, rates.bin_epochs(activity, labels, cell_type, least_rate, only_steady), units)
    value, error = np.nan, np.nan
    if n >= 4:
        value = float(_log_ratio(columns.mean(axis=0), n))
        left_out = _log_ratio((columns.sum(axis=0) - columns) / (n - 1), n - 1)
        error = float(intervals.t_quantile(0.95, n - 1) * np.sqrt((n - 1) * left_out.var()))

    return {
        "set_point_change": value,
        "set_point_change_low": value - error,
        "set_point_change_high": value + error,
        "set_point_change_levene_p": lambda: _p(log - np.median(log, axis=0), _levene) if is_alike else np.nan,
        "set_point_change_median": float(change.mean()) if n >= 4 else np.nan,
        "set_point_change_median_low": float(change.mean() - width),
        "set_point_change_median_high": float(change.mean() + width),
        "set_point_change_kolmogorov": float(_kolmogorov(log)) if n >= 4 else np.nan,
        "set_point_change_kolmogorov_p": lambda: _p(log, _kolmogorov) if is_alike else np.nan,
        "set_point_change_units": float(n),
        "coords": {},
    }


def _measure_median_width(change: Floats, epochs: list[rates.Rates], units: rates.Rates) -> float:
    """Half of the 95 % interval of the mean over units of ln r_end - ln r_0; NaN with too few units or independent blocks."""
    n = len(change)
    if n < 4:
        return np.nan
    weights = units.time / (units.spikes + 0.5) / n
    over_time = estimate_shared_variance(epochs, weights)
    if over_time.blocks.min() < LEAST_BLOCKS:
        return np.nan
    error, df = combine_variances((change - change.mean()) / n, over_time, np.array([-1.0, 1.0]))
    return float(intervals.t_quantile(0.95, df) * error)
