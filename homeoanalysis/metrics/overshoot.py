"""Whether a recovery goes past the baseline."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, EpochName, Truth, metric
from homeoanalysis.numerics import observed, rates, resampling, synthetic
from homeoanalysis.provenance import rng_for
from homeoanalysis.statistics.long_run_variance import draw_windows, estimate_long_run, take_cosines
from homeoanalysis.statistics.two_way import estimate_two_way, measure_deviation
from homeoanalysis.units import Second

Floats = NDArray[np.float64]
_EPOCHS = {"baseline": (0.0, 60.0), "perturbation": (60.0, 80.0), "recovery": (80.0, 120.0)}
_DRAWS, _FEWEST_DRAWS, _MOST_WINDOWS = 2000, 400, 4_000_000


def _stepped(end: float, rng: np.random.Generator) -> xr.Dataset:
    return synthetic.stepped(rng.lognormal(0, 0.3, (30, 1)) * np.array([10, 4, end]), _EPOCHS, rng)


def _truth(rng: np.random.Generator) -> Truth:
    """Units from 10 to 4 and to 13 Hz: half of the perturbation too much."""
    return Truth(_stepped(13.0, rng), 0.5, {"window": 2.0})


def _null(rng: np.random.Generator) -> Truth:
    """Back at the baseline, and no further."""
    return Truth(_stepped(10.0, rng), np.nan, {"window": 2.0})


def _draw_null_maxima(baseline: rates.Rates, sign: float, n_baseline: int, n_gap: int, n: int) -> Floats:
    """The largest (sign 1) or least of n windows over the mean of the baseline, in standard deviations of its windows.

    The windows begin n_gap windows after the baseline, and fluctuate as it does: see
    `draw_windows`.
    """
    n_draws = int(np.clip(_MOST_WINDOWS // (n_baseline + n_gap + n), _FEWEST_DRAWS, _DRAWS))
    mean = (baseline.spikes.sum(axis=1) / baseline.time.sum(axis=1)).mean()
    power = take_cosines(measure_deviation(baseline).mean(axis=0) / mean)[None, None]
    rng = rng_for(0, "maxima", n, n_baseline)
    before, after = draw_windows(estimate_long_run(power, np.ones(1)), n_baseline, n_gap + n, n_draws, rng)
    with np.errstate(invalid="ignore"):
        maxima = ((sign * after[:, n_gap:]).max(axis=1) - sign * before.mean(axis=1)) / before.std(axis=1, ddof=1)
    return np.nan_to_num(maxima)  # a baseline that never varies


@metric(
    units="1",
    dims=(),
    bounds=(-np.inf, np.inf),
    companions={
        "uncorrected": Companion("1", "From the bare maximum, which noise makes larger"),
        "p": Companion("1", "Probability of so large a maximum if the rate had stayed at the baseline", (0, 1)),
        "windows": Companion("1", "Windows after the baseline was first reached", (0, np.inf)),
    },
    source="max of s (r - r_0) / |r_0 - r_p| after the first crossing of the baseline, s the sign of r_0 - r_p, less its mean "
    "for windows that fluctuate as the baseline does, with its spectrum; undefined if the 95 % interval of r_0 - r_p holds 0",
    scale="linear",
    truth=_truth,
    surrogate=resampling.at_rate_of("baseline", "recovery"),
    null=_null,
)
def overshoot(
    activity: xr.Dataset,
    *,
    window: Second,
    baseline: EpochName = "baseline",
    perturbation: EpochName = "perturbation",
    recovery: EpochName = "recovery",
    cell_type: rates.CellType = "all",
) -> Mapping[str, Any]:
    """Overshoot of the population rate over its baseline, as a part of the perturbation.

    activity: activity/1 with spikes and the three named epochs; five windows or more of the
    baseline.
    window: [s], over which the rate is averaged.
    Returns a scalar [1]: 0, none, also where the baseline is not reached; NaN where the 95 %
    interval of the change by the perturbation, over units and time, holds 0.
    Raises NotApplicable without spikes, without one of the epochs, without units of the cell type,
    or with too short a baseline.
    """
    binned = rates.bin_epochs(activity, (baseline, perturbation, recovery), cell_type)
    means = estimate_two_way(binned)
    start, trough, _ = means.mean
    before, _ = rates.of_population(rates.in_bins(activity, baseline, window, cell_type))
    course, _ = rates.of_population(rates.in_bins(activity, recovery, window, cell_type))
    before, course = before[np.isfinite(before)], course[np.isfinite(course)]
    if before.size < 5:
        raise NotApplicable(f"epoch {baseline} has fewer than five windows of {window:g} s")
    if not means.is_changed(0, 1):
        return _values(np.nan, np.nan, np.nan, np.nan)
    sign, size = np.sign(start - trough), abs(start - trough)
    reached = np.flatnonzero(sign * (course - start) >= 0)
    after = course[reached[0] + 1 :] if reached.size else course[:0]
    if after.size == 0:
        return _values(0.0, 0.0, 1.0, 0)
    largest = float((sign * (after - start)).max())
    spread = before.std(ddof=1) * np.sqrt((start + sign * largest) / start)  # counting noise grows with the root of the rate
    gap = observed.epoch(activity, recovery)[0] - observed.epoch(activity, baseline)[1]
    n_gap = max(int(gap / window), 0) + int(reached[0]) + 1
    null = _draw_null_maxima(binned[0], sign, before.size, n_gap, after.size)
    p = (1 + np.sum(null * before.std(ddof=1) >= largest)) / (1 + null.size)
    return _values((largest - spread * null.mean()) / size, largest / size, float(p), after.size)


def _values(value: float, uncorrected: float, p: float, windows: float) -> Mapping[str, Any]:
    named = {"": value, "_uncorrected": uncorrected, "_p": p, "_windows": windows}
    return {f"overshoot{key}": v for key, v in named.items()} | {"coords": {}}
