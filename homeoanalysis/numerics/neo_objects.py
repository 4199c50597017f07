"""Making neo objects, with errors that a user can act on."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError

if TYPE_CHECKING:
    import neo


_LATE = "less than a tick of the clock after the end of observed time"


def spike_train(
    times: NDArray[np.float64],
    t_start: float,
    t_stop: float,
    *,
    name: str,
    file: str,
    tick: float | None = None,
    **annotations: Any,
) -> "neo.SpikeTrain":
    """A spike train in seconds, sorted; the annotation `unsorted` says how many spikes stood after a later one.

    file: for messages. tick: step of the clock [s], if it is known: spikes up to one tick after t_stop are left out, and
    the annotation `dropped` (reason: how many) says so.
    Raises DataError for times that are not finite or lie outside [t_start, t_stop].
    """
    import neo
    import quantities as pq

    bad = ~np.isfinite(times)
    if bad.any():
        raise DataError(f"{file}: unit {name}: {bad.sum()} spike times are not finite; mend the file")
    if tick is not None:
        late = (times > t_stop) & (times <= t_stop + 1.001 * tick)
        annotations |= {"tick": tick, "dropped": {_LATE: int(late.sum())}}
        times = times[~late]
    outside = (times < t_start) | (times > t_stop)
    if outside.any():
        raise DataError(
            f"{file}: unit {name}: {outside.sum()} of {times.size} spikes lie outside the recording of "
            f"[{t_start:g} s, {t_stop:g} s], the first at {times[outside][0]:.9g} s; "
            "check the unit of time and the observed time: if the spikes are right, write it where the reader has the "
            "parameter duration (`add`: --duration), or give a stimulus as long"
        )
    if back := int(np.sum(np.diff(times) < 0)):
        annotations["unsorted"] = back
    return neo.SpikeTrain(np.sort(times), units=pq.s, t_start=t_start * pq.s, t_stop=t_stop * pq.s, name=name, **annotations)


# A reader that leaves out whole units says so in the segment's annotation `dropped_units`: reason: [units, spikes].


def trial(start: float, stop: float, stimulus: str) -> "neo.Epoch":
    """A trial of a segment [s], which `ingest` takes over."""
    import neo
    import quantities as pq

    return neo.Epoch([start] * pq.s, durations=[stop - start] * pq.s, labels=[stimulus], name="trial", role="trial")
