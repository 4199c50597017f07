"""Making neo objects, with errors that a user can act on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError

if TYPE_CHECKING:
    import neo


def spike_train(times: NDArray[np.float64], t_start: float, t_stop: float, *, name: str, **annotations: Any) -> "neo.SpikeTrain":
    """A spike train in seconds, sorted. Raises DataError for times that are not finite or lie outside [t_start, t_stop]."""
    import neo
    import quantities as pq

    bad = ~np.isfinite(times)
    if bad.any():
        raise DataError(f"unit {name}: {bad.sum()} spike times are not finite; mend the file")
    outside = (times < t_start) | (times > t_stop)
    if outside.any():
        raise DataError(
            f"unit {name}: {outside.sum()} of {times.size} spikes lie outside the recording of [{t_start:g} s, {t_stop:g} s], "
            f"the first at {times[outside][0]:g} s; check the unit of time and the recording's length"
        )
    return neo.SpikeTrain(np.sort(times), units=pq.s, t_start=t_start * pq.s, t_stop=t_stop * pq.s, name=name, **annotations)
