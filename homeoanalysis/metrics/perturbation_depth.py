"""How deep a perturbation goes at its extremum."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, EpochName, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.numerics.extremum import STEPS, Extremum, extremum, moving
from homeoanalysis.numerics.intervals import t_quantile
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.two_way import estimate_two_way
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 60.0), "perturbation": (60.0, 120.0)}
_NO_PERTURBATION = resampling.at_rate_of("baseline", "perturbation")
_NULLS = 400


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 5 to 2 Hz; their set points differ."""
    units = rng.lognormal(0, 0.3, (40, 1)) * np.array([5, 2])
    activity = synthetic.stepped(units, _EPOCHS, rng)
    return Truth(activity, 0.6, {"window": 10.0}, conservative="an extremum varies less than a window of fixed time")


class _Fluctuation(NamedTuple):
    """Of windows of the baseline, relative to its mean.

    courses: (course, window), of segments as long as the perturbation; NaN where nothing was observed. counted: variance of a
    window by counting, and other: what exceeds it. windows: how many the baseline holds.
    """

    courses: Floats
    counted: float
    other: float
    windows: float

    def scale(self, course: Floats) -> Floats:
        """Its size at another mean, relative to that of the baseline: counting noise grows with the root of the rate, and
        what changes rates with the rate."""
        course = np.maximum(course, 0.0)
        total = self.counted + self.other
        return np.sqrt((self.counted * course + self.other * course**2) / total) if total > 0 else course

    def measure_bias(self, course: Floats, sign: float) -> float:
        """How much further than the extremum of a course that of the course with this fluctuation lies, on average."""
        noisy = sign * (course + self.scale(course) * self.courses)
        largest = np.where(np.isnan(noisy), -np.inf, noisy).max(axis=1)
        return float(sign * (largest[np.isfinite(largest)].mean() - np.nanmax(sign * course)))


def _measure_fluctuation(before: rates.Rates, start: float, n: int) -> _Fluctuation:
    """Segments of `n` bins that begin anywhere in the baseline and go on at its beginning behind its end.

    They are not made of shorter pieces: slow fluctuations go through several windows.
    """
    rate, weight = rates.of_population(before)
    first = np.unique(np.linspace(0, rate.size - 1, _NULLS).astype(np.intp))
    rng = rng_for(0, "null segments", rate.size, n)
    length = min(n, rate.size)
    pieces = np.stack([first, *(rng.permutation(first) for _ in range(-(-n // length) - 1))], axis=1)
    at = (pieces[..., None] + np.arange(length)) % rate.size
    at = at.reshape(first.size, -1)[:, :n]
    courses = moving(rate[at], weight[at]) / start - 1
    counted = 1 / (start * STEPS * weight.mean())
    return _Fluctuation(courses, counted, max(float(np.nanvar(courses)) - counted, 0.0), rate.size / STEPS)


def _shrink(course: Floats, fluctuation: _Fluctuation) -> Floats:
    """The course with the variance over windows that the fluctuation does not explain."""
    mean = np.nanmean(course)
    by_chance = np.nanvar(fluctuation.courses, axis=1).mean() * float(fluctuation.scale(np.asarray(mean))) ** 2
    variance = np.nanvar(course)
    kept = max(1 - by_chance / variance, 0.0) if variance > 0 else 0.0
    return np.asarray(mean + kept * (course - mean))


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "low": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)"),
        "high": Companion("1", "95 % interval over units and time of this replicate (t, of ln r)"),
        "uncorrected": Companion("1", "Depth from the bare extremum, which noise makes deeper"),
        "bias": Companion("1", "What the fluctuation of the baseline adds to the extremum of the course"),
    },
    source="1 - r_extremum / r_0, r_extremum of the moving mean, less what segments of the baseline, added to the course, move "
    "the extremum; the course is shrunk by their variance. Counting noise falls with the root of the rate, other noise with it",
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
    of the perturbation. Rates may come back within the perturbation: noise moves the extremum of a
    flat course further than that of a steep one. The interval is NaN below 4 units, where nothing
    fired at the extremum, and where an epoch has too few independent blocks. Raises NotApplicable without spikes, without one
    of the epochs, without units of the cell type, or if an epoch is too short.
    """
    found = extremum(activity, baseline, perturbation, window, cell_type)
    if found is None:
        return _values(np.nan, np.nan, np.nan, (np.nan, np.nan))
    course = found.moving / found.start
    lowest = float(course[found.at])
    noise = _measure_fluctuation(found.before, found.start, found.during.time.shape[1])
    bias = noise.measure_bias(_shrink(course, noise), found.sign)
    # How flat the course is within its noise is not known: it may be as it was seen.
    least = noise.measure_bias(course, found.sign)
    means = estimate_two_way(_bin_both(activity, baseline, perturbation, window, found, cell_type))
    low, high = means.measure_log_ratio(0, 1)
    wider = max(_measure_width(noise, lowest) - (high - low) / 2, 0.0) if high > low else 0.0
    ends = 1 - np.exp(high + wider) + min(bias, least), 1 - np.exp(low - wider) + max(bias, least)
    return _values(1 - lowest + bias, 1 - lowest, bias, ends)


def _measure_width(noise: _Fluctuation, lowest: float) -> float:
    """Half of the 95 % interval of ln of a window: windows vary as those of the baseline do at the least.

    Where a fluctuation turns within windows, the extremum is a window in which it hardly varies.
    """
    spread = np.sqrt(noise.counted + noise.other) * float(noise.scale(np.asarray(lowest))) / lowest
    return float(t_quantile(0.95, max(noise.windows - 1, 2.0)) * spread)


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
