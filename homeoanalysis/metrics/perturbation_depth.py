"""How deep a perturbation goes at its extremum."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.numerics.extremum import STEPS, Extremum, extremum, moving
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.two_way import estimate_two_way
from homeoanalysis.units import Second

_EPOCHS = {"baseline": (0.0, 60.0), "perturbation": (60.0, 120.0)}
_NO_PERTURBATION = resampling.at_rate_of("baseline", "perturbation")
_NULLS = 400


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 5 to 2 Hz; their set points differ."""
    units = rng.lognormal(0, 0.3, (40, 1)) * np.array([5, 2])
    activity = synthetic.stepped(units, _EPOCHS, rng)
    return Truth(activity, 0.6, {"window": 10.0}, conservative="an extremum varies less than a window of fixed time")


def _null_extremum(rate: NDArray[np.float64], weight: NDArray[np.float64], n: int, sign: float) -> float:
    """The mean extremum, relative to the mean rate, of segments of `n` bins that are made of windows of the baseline."""
    rng = rng_for(0, "null segments", rate.size, n)
    n_blocks = -(-n // STEPS)
    first = rng.integers(0, rate.size - STEPS + 1, (_NULLS, n_blocks))
    at = (first[..., None] + np.arange(STEPS)).reshape(_NULLS, -1)[:, :n]
    smooth = sign * moving(rate[at], weight[at])
    largest = np.where(np.isnan(smooth), -np.inf, smooth).max(axis=1)
    return float(sign * largest[np.isfinite(largest)].mean() / np.average(np.nan_to_num(rate), weights=weight) - 1)


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)"),
        "high": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)"),
        "uncorrected": Companion("1", "Depth from the bare extremum, which noise makes deeper"),
        "bias": Companion("1", "What the extremum of the baseline alone would be"),
    },
    source="1 - r_extremum / r_0, r_extremum of the moving mean, less the mean extremum of segments of the baseline; counting "
    "noise is taken to fall with the root of the rate",
    scale="linear",
    truth=_truth,
    surrogate=_NO_PERTURBATION,
    not_inside="units that were observed in a part of the time weigh otherwise in the interval",
    null=surrogate_of(_truth, _NO_PERTURBATION, 0.0, "an extremum varies less than a window of fixed time"),
)
def perturbation_depth(
    activity: xr.Dataset,
    *,
    window: Second,
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Depth of a perturbation: 0.6, the rate fell by 60 % at its lowest; negative where it rose.

    activity: activity/1 with spikes and the two named epochs, each of two windows or more.
    window: [s], of the moving mean; a day in vivo, so that the phase of the day does not count.
    Returns a scalar [1]; NaN where nothing fired in the baseline. The side is that of the mean rate
    of the perturbation. The interval is NaN below 4 units, where nothing fired at the extremum, and
    where an epoch has too few independent blocks. Raises NotApplicable without spikes, without one
    of the epochs, without units of the cell type, or if an epoch is too short.
    """
    found = extremum(activity, baseline, perturbation, window, cell_type)
    if found is None:
        return _values(np.nan, np.nan, np.nan, (np.nan, np.nan))
    rate, weight = rates.of_population(found.before)
    lowest = found.moving[found.at]
    bias = _null_extremum(rate, weight, found.during.time.shape[1], found.sign) * np.sqrt(lowest / found.start)
    means = estimate_two_way(_bin_both(activity, baseline, perturbation, window, found, cell_type))
    low, high = 1 - np.exp(means.measure_log_ratio(0, 1))[::-1] + bias
    return _values(1 - lowest / found.start + bias, 1 - lowest / found.start, bias, (low, high))


def _bin_both(
    activity: xr.Dataset, baseline: str, perturbation: str, window: float, found: Extremum, cell_type: rates.CellType
) -> list[rates.Rates]:
    """The baseline, and the window of the extremum, of units that were observed in both."""
    first, last = observed.epoch(activity, perturbation)
    start = first + found.at * window / STEPS
    spans = [observed.epoch(activity, baseline), (start, min(start + window, last))]
    binned = [rates.bin_span(activity, *span) for span in spans]
    kept = np.all([each.time.sum(axis=1) > 0 for each in binned], axis=0) & rates.is_of(activity, cell_type)
    return [rates.Rates(each.spikes[kept], each.time[kept]) for each in binned]


def _values(depth: float, uncorrected: float, bias: float, interval: tuple[float, float]) -> Mapping[str, Any]:
    return {
        "perturbation_depth": depth,
        "perturbation_depth_low": interval[0],
        "perturbation_depth_high": interval[1],
        "perturbation_depth_uncorrected": uncorrected,
        "perturbation_depth_bias": -bias,
        "coords": {},
    }
