"""How well a population says where the animal is."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import xarray as xr
from pydantic import Field

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, places, resampling, synthetic
from homeoanalysis.numerics.intervals import median_interval
from homeoanalysis.provenance import rng_for
from homeoanalysis.units import Hertz, Second

_SHUFFLES = 100
_FEWEST = 100  # windows
_BATCHES = 20


def _truth(rng: np.random.Generator) -> Truth:
    """40 place cells so active that the bin is known: places are uniform in bins of 0.1, a quarter of it is the median error."""
    step, n = 0.25, 480
    where = np.concatenate([[0.0, 1.0], rng.uniform(size=n - 2)])
    rate = 1 + 150 * np.exp(-((where[:, None] - np.linspace(0, 1, 40)) ** 2) / (2 * 0.08**2))
    count = rng.poisson(rate * step)
    begin = step * np.arange(n)
    trains = [np.repeat(begin, c) + step * rng.uniform(0.01, 0.99, c.sum()) for c in count.T]
    made = synthetic.activity(trains, step * n, covariate=np.repeat(where, 10), sampling_rate=10 / step)
    return Truth(made, 0.025, {"window": step, "bins": 10, "least_speed": 0.0})


@metric(
    units="1",
    dims=("epoch",),
    bounds=(0, np.inf),
    companions={
        "low": Companion("1", "95 % interval (of the median, dispersion of 20 batches of successive windows)", (0, np.inf)),
        "high": Companion("1", "95 % interval (of the median, dispersion of 20 batches of successive windows)", (0, np.inf)),
        "shuffled": Companion("1", "Median error after counts were turned in time, mean of 100 turns", (0, np.inf)),
        "p": Companion("1", "Part of the turns with as small an error", (0, 1)),
        "bin": Companion("1", "Side of a bin of the place", (0, np.inf)),
        "windows": Companion("1", "Windows in which the place is known, and the animal moves", (0, np.inf)),
    },
    source="maximum likelihood of independent Poisson counts: Zhang et al. 1998, doi:10.1152/jn.1998.79.2.1017; folds in time",
    family="coding",
    scale="relative",
    truth=_truth,
    surrogate=resampling.shifted_stimulus,
    null=surrogate_of(_truth, resampling.shifted_stimulus),
)
def position_error(
    activity: xr.Dataset,
    *,
    window: Second = 0.5,
    bins: Annotated[int, Field(ge=4, le=200)] = 40,
    least_speed: Hertz = 0.02,
) -> Mapping[str, Any]:
    """Median distance of the decoded from the true position.

    activity: activity/1 with spikes and the position as the covariate, one channel a coordinate.
    window: [s], of the counts. bins: of the place, along the longest side of what was visited. least_speed: [Hz], of the
    animal in longest sides a second: windows in which it is slower are left out, since it rests at few places.
    Returns (epoch), in the unit of the position, >= 0; to be held against `shuffled`, whose counts are turned against the
    position by a tenth of the windows or more. NaN with fewer than 100 windows, or without a spike. Each fifth of the windows,
    in the order of time, is decoded by what the others say. Units count that were isolated throughout.
    Raises NotApplicable without spikes or position, or where nothing was observed in an epoch.
    """
    labels = observed.epochs(activity)
    values = np.full((7, len(labels)), np.nan)
    for e, span in enumerate(labels.values()):
        found = places.windows(activity, window, span)
        side = float(np.ptp(found.place, axis=0).max()) if len(found.place) else 0.0
        moves = found.speed >= least_speed * side
        values[5:, e] = side / bins, moves.sum()
        if moves.sum() < _FEWEST or side == 0 or not found.spikes[moves].any():
            continue
        count, place = found.spikes[moves], found.place[moves]
        decoder = places.Decoder(place, places.grid(place, int(bins)))
        rng, n = rng_for(0, "turned counts", len(count)), len(count)
        error = decoder.errors(count)
        value = np.median(error)
        by = rng.integers(n // 10, n - n // 10, _SHUFFLES)
        turned = np.median([decoder.errors(np.roll(count, k, axis=0)) for k in by], axis=1)
        values[:5, e] = (
            value,
            *median_interval(error, _BATCHES),
            turned.mean(),
            (1 + np.count_nonzero(turned <= value + 1e-12)) / (1 + _SHUFFLES),
        )
    unit = str(activity.covariate.attrs["units"])
    keys = ("", "_low", "_high", "_shuffled", "_p", "_bin", "_windows")
    units = (unit, unit, unit, unit, "1", unit, "1")
    named = {f"position_error{k}": (("epoch",), row, u) for k, row, u in zip(keys, values, units, strict=True)}
    return named | {"coords": {"epoch": list(labels)}}
