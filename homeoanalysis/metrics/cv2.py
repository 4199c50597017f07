"""Irregularity of firing."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.metric import Companion, Truth, metric, surrogate_of
from homeoanalysis.numerics import observed, resampling, synthetic


def _truth(rng: np.random.Generator) -> Truth:
    trains = [synthetic.poisson_train(20.0, 100.0, rng) for _ in range(4)]
    return Truth(synthetic.activity(trains, 100.0), np.ones((4, 1)), {})


@metric(
    units="1",
    dims=("unit", "epoch"),
    bounds=(0, 2),
    companions={"lvr": Companion("1", "Local variation, corrected for a refractory period of 5 ms", (0, np.inf))},
    source="elephant.statistics.cv2 (Holt et al. 1996, doi:10.1152/jn.1996.75.5.1806), lvr (Shinomoto et al. 2009, "
    "doi:10.1371/journal.pcbi.1000433); undefined below 20 intervals",
    scale=None,
    truth=_truth,
    surrogate=resampling.clockwork,
    null=surrogate_of(_truth, resampling.clockwork, 0.0),
)
def cv2(activity: xr.Dataset) -> Mapping[str, Any]:
    """Local irregularity of firing, CV2: 1 for a Poisson process, 0 for a clock; blind to slow rate changes.

    activity: activity/1 with spikes.
    Returns (unit, epoch), [1], in [0, 2]; NaN with fewer than 20 intervals. Intervals never bridge a gap or an
    epoch's end; stretches are weighted by their number of neighbouring intervals.
    Raises NotApplicable without spikes.
    """
    import quantities as pq
    from elephant import statistics  # 1.7 s of import that only this metric pays

    labels = observed.epochs(activity)
    start, stop = observed.segments(activity)
    trains = observed.spike_trains(activity)
    values = np.full((2, len(trains), len(labels)), np.nan)
    for e, (epoch_start, epoch_stop) in enumerate(labels.values()):
        a, b = observed.overlap(start, stop, np.array([epoch_start]), np.array([epoch_stop]))
        for u, train in enumerate(trains):
            stretches = [np.diff(train[(train >= x) & (train <= y)]) for x, y in zip(a, b, strict=True)]
            stretches = [s for s in stretches if s.size >= 2]
            if sum(s.size for s in stretches) < 20:
                continue
            weight = [s.size - 1 for s in stretches]
            with warnings.catch_warnings():
                warnings.filterwarnings("error", message=".*")
                values[0, u, e] = np.average([statistics.cv2(s) for s in stretches], weights=weight)
                values[1, u, e] = np.average([statistics.lvr(s * pq.s, R=5 * pq.ms) for s in stretches], weights=weight)
    return {"cv2": values[0], "cv2_lvr": values[1], "coords": {"unit": activity.unit.values, "epoch": list(labels)}}
