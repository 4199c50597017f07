"""Whether a unit fires in bursts at theta rhythm."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Truth, metric, surrogate_of
from homeoanalysis.numerics import isi, observed, resampling, synthetic
from homeoanalysis.units import Second

_POINTS = 512


def _truth(rng: np.random.Generator) -> Truth:
    """Bursts of 3 spikes, 4 ms apart, every 160 ms on average."""
    trains = [synthetic.bursting_train(synthetic.onsets(0.12, 0.16, 60.0, rng), 3, 0.004, 0.0, 60.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 60.0), np.ones((4, 1)), {})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, 1),
    companions={},
    source="Charlesworth et al. 2015, doi:10.1186/s13064-014-0028-0: a mode of the density of log intervals from 1/10 to 1/4 s; "
    "kernel width of Silverman 1986, equation 3.31; undefined below 2 intervals",
    scale=None,
    truth=_truth,
    surrogate=resampling.scattered_trains,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def theta_bursting(activity: xr.Dataset, *, shortest: Second = 0.1, longest: Second = 0.25) -> Mapping[str, Any]:
    """Theta bursting: 1 where the density of the log intervals has a mode in the theta range, else 0.

    activity: activity/1 with spikes.
    shortest, longest: [s], the range.
    Returns (unit, epoch), [1], 0 or 1; NaN with fewer than 2 intervals. Intervals never bridge a gap.
    Raises NotApplicable without spikes, or where nothing was observed in an epoch.
    """
    observed.need_spikes(activity)
    labels = observed.epochs(activity)
    values = np.full((activity.sizes["unit"], len(labels)), np.nan)
    for e, (start, stop) in enumerate(labels.values()):
        found = isi.intervals(observed.restrict(activity, np.array([start]), np.array([stop])))
        ends = np.cumsum(np.bincount(found.unit, minlength=activity.sizes["unit"]))
        for u, mine in enumerate(np.split(found.length, ends[:-1])):
            mine = mine[mine > 0]
            if mine.size >= 2:
                values[u, e] = _has_mode(np.log(mine / shortest), np.log(longest / shortest))
    return {"theta_bursting": values, "coords": {"unit": activity.unit.values, "epoch": list(labels)}}


def _has_mode(logs: NDArray[np.float64], width: float) -> float:
    """Whether the density of `logs` has a mode in [0, width]; Gaussian kernel, 512 points over the data and 3 widths beyond."""
    low, high = np.quantile(logs, [0.25, 0.75])
    spread = min(logs.std(ddof=1), (high - low) / 1.34) or logs.std(ddof=1) or abs(logs[0]) or 1.0
    kernel = 0.9 * spread * logs.size**-0.2
    # Logs within rounding of each other are equal: on a grid of a thousandth of the kernel the sum is short and the same.
    grid, step = np.linspace(logs.min() - 3 * kernel, logs.max() + 3 * kernel, _POINTS, retstep=True)
    fine = kernel / 50
    place, count = np.unique(np.rint(logs / fine).astype(np.int64), return_counts=True)
    density = np.exp(-0.5 * ((grid[:, None] - place * fine) / kernel) ** 2) @ count
    mode = np.flatnonzero((density[1:-1] > density[:-2]) & (density[1:-1] > density[2:])) + 1
    return float(np.any((grid[mode] >= -1e-9 * step) & (grid[mode] <= width)))
