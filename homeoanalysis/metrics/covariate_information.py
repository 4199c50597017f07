"""How much a unit's spike count says about a continuous stimulus, whatever the shape of their relation."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import resampling, synthetic
from homeoanalysis.numerics.neighbour_information import nearest_neighbour_information
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Second

_FEWEST = 100  # windows


def _truth(rng: np.random.Generator) -> Truth:
    """One Gaussian level a window, 400 (1 + 0.1 s) spikes: log2(1 + 400 x 0.01) / 2 = 1.161 bit, but for the skew of Poisson."""
    n, window = 900, 0.064
    level = rng.normal(size=n)
    trains = []
    for _ in range(2):
        count = rng.poisson(400 * np.maximum(1 + 0.1 * level, 0))
        at = np.repeat(np.arange(n), count) + rng.uniform(0.01, 0.99, count.sum())
        trains.append(at * window)
    # A sample for each window: what a bin averages is one level.
    one = synthetic.activity(trains, n * window, covariate=level, sampling_rate=1 / window)
    return Truth(one, np.log2(5) / 2, {"window": window})


@metric(
    units="bit",
    dims=("unit", "epoch"),
    bounds=(-np.inf, np.inf),
    companions={"windows": Companion("1", "Windows that it is from", (0, np.inf))},
    source="Kraskov, Stögbauer & Grassberger 2004, doi:10.1103/PhysRevE.69.066138, algorithm 1, third neighbour, of the stimulus "
    "and of the count with a uniform number added, which loses nothing and has no ties; undefined below 100 windows",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    null=surrogate_of(_truth, resampling.shifted_stimulus, 0.0),
    each_epoch=True,
)
def covariate_information(activity: xr.Dataset, *, window: Second = 0.1) -> Mapping[str, Any]:
    """Mutual information of the stimulus and the spike count in windows, per window.

    activity: activity/1 with spikes and a covariate.
    window: [s], a multiple of the stimulus' step; the stimulus is averaged in it. It should be longer than either remembers:
    neighbouring windows count as independent.
    Returns (unit, epoch), [bit]; its mean is 0 for an unrelated stimulus, so that it can be negative. NaN for a silent unit, with
    a constant stimulus, or with fewer than 100 windows.
    Raises NotApplicable without spikes or stimulus.
    """
    cut = pieces(activity, bin_size=window, segment=window)
    level, counts = cut.stimulus[:, 0], cut.response[:, :, 0]
    # The same for all units: their order does not matter. The count can be told from the sum, so that no information is lost.
    spread = rng_for(0, "spread of counts", level.size).uniform(size=level.size)
    known = np.isfinite(level)

    def of_unit(count: NDArray[np.float64]) -> float:
        if known.sum() < _FEWEST or not count[known].any():
            return np.nan
        return nearest_neighbour_information(level[known], (count + spread)[known])

    return {
        "covariate_information": np.array([of_unit(count) for count in counts]),
        "covariate_information_windows": np.full(len(counts), float(known.sum())),
        "coords": {"unit": activity.unit.values},
    }
