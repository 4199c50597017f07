"""How set points are distributed over units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric
from homeoanalysis.numerics import intervals, rates, resampling, synthetic
from homeoanalysis.units import Hertz

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 60.0)}


def _truth(rng: np.random.Generator) -> Truth:
    """Log-normal rates with a median of exp(1.5) = 4.48 Hz."""
    made = synthetic.stepped(np.exp(rng.normal(1.5, 0.7, (80, 1))), _EPOCHS, rng)
    return Truth(made, 0.7, {}, {"median": np.exp(1.5)})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units of this replicate (jackknife)", (0, np.inf)),
        "high": Companion("1", "95 % interval over units of this replicate (jackknife)", (0, np.inf)),
        "median": Companion("Hz", "Median of the fitted log-normal distribution: the geometric mean rate", (0, np.inf)),
        "median_low": Companion("Hz", "95 % interval over units of this replicate (t, of log rates)", (0, np.inf)),
        "median_high": Companion("Hz", "95 % interval over units of this replicate (t, of log rates)", (0, np.inf)),
        "p": Companion("1", "Probability of so little normality if log rates were normal (Shapiro-Wilk)", (0, 1)),
        "units": Companion("1", "Units with a set point", (0, np.inf)),
    },
    source="SD of ln r over units, less counting noise of variance 1/n: the sigma of a log-normal distribution of set points",
    scale="linear",
    truth=_truth,
    surrogate=resampling.equal_units,
    null=lambda rng: _truth(rng)._replace(value=np.nan, companions={}),
)
def set_point_distribution(
    activity: xr.Dataset, *, cell_type: rates.CellType = "all", least_rate: Hertz = 0.01
) -> Mapping[str, Any]:
    """Spread of set points: the standard deviation of log rates over units.

    activity: activity/1 with spikes.
    least_rate: [Hz]; units below it have no set point, and are left out.
    Returns (epoch), [1], >= 0; NaN with fewer than 4 units.
    Raises NotApplicable without spikes, or without units of the cell type in an epoch.
    """
    every = rates.in_each_epoch(activity, cell_type, least_rate)
    each = [np.stack([u.log[:, 0], u.log[:, 0] ** 2, 1 / (u.spikes[:, 0] + 0.5)], axis=1) for u in every.values()]

    def over(function: Any) -> Floats:
        return np.array([function(columns) if len(columns) >= 4 else np.nan for columns in each])

    return {
        "set_point_distribution": over(_sigma),
        "set_point_distribution_low": lambda: over(lambda c: _interval(c)[0]),
        "set_point_distribution_high": lambda: over(lambda c: _interval(c)[1]),
        "set_point_distribution_median": over(lambda c: np.exp(c[:, 0].mean())),
        "set_point_distribution_median_low": lambda: over(lambda c: np.exp(c[:, 0].mean() - _width(c[:, 0]))),
        "set_point_distribution_median_high": lambda: over(lambda c: np.exp(c[:, 0].mean() + _width(c[:, 0]))),
        "set_point_distribution_p": lambda: over(_shapiro),
        "set_point_distribution_units": np.array([float(len(c)) for c in each]),
        "coords": {"epoch": list(every)},
    }


def _sigma(columns: Floats) -> float:
    return float(np.sqrt(np.maximum(_variance(columns.mean(axis=0), len(columns)), 0)))


def _variance(means: Floats, n: int) -> Floats:
    """Of set points, from the means over n units of (ln r, its square, counting noise)."""
    return np.asarray((means[..., 1] - means[..., 0] ** 2) * n / (n - 1) - means[..., 2])


def _interval(columns: Floats) -> tuple[float, float]:
    """Student's interval of the jackknife of ln(variance + counting noise): near normal, and never of what is below 0.

    NaN where all units have one rate.
    """
    n, mean = len(columns), columns.mean(axis=0)
    whole = _variance(mean, n) + mean[2]
    left_out = _variance((columns.sum(axis=0) - columns) / (n - 1), n - 1) + mean[2]
    if min(whole, left_out.min()) <= 0:
        return np.nan, np.nan
    width = intervals.t_quantile(0.95, n - 1) * np.sqrt((n - 1) * np.log(left_out).var())
    low, high = np.sqrt(np.maximum(whole * np.exp([-width, width]) - mean[2], 0))
    return float(low), float(high)


def _width(values: Floats) -> float:
    return float(intervals.t_quantile(0.95, values.size - 1) * values.std(ddof=1) / np.sqrt(values.size))


def _shapiro(columns: Floats) -> float:
    from scipy import stats  # 0.8 s of import that few metrics pay

    # It refuses to vouch for more than 5000 values, and finds nothing in equal ones.
    return float(stats.shapiro(columns[:5000, 0]).pvalue) if np.ptp(columns[:, 0]) > 0 else np.nan
