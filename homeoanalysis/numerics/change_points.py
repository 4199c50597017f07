"""Changes of the rate of a point process."""

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.provenance import rng_for


def change_points(
    times: NDArray[np.float64], start: float, stop: float, *, windows: list[float], significance: float, surrogates: int = 1000
) -> list[float]:
    """When the rate of a point process changed [s], in order; elephant's multiple filter test.

    times: sorted, in [start, stop]. windows: half-lengths of the filters [s], multiples of the shortest.
    significance: chance of finding one or more where there is none.
    The null distribution is simulated with a random stream of its own, so that the same recording gives the same points.
    Raises DataError where a window does not fit twice.
    Source: Messer, Kirchner, Schiemann, Roeper, Neininger & Schneider 2014, Ann Appl Stat 8:2027, doi:10.1214/14-AOAS782.
    """
    import quantities as pq
    from elephant import change_point_detection as elephant

    duration = stop - start
    if max(windows) * 2 >= duration or times.size < 10:
        raise DataError(
            f"a window of {max(windows):g} s does not fit twice into {duration:g} s, or {times.size} spikes are too few; "
            "make windows shorter, or write the time instead"
        )
    step = round(min(windows) * 1e6 / 20)  # us; elephant's default step fails (its `_limit_processes` wants a time)
    if step < 1 or any(round(w * 1e6) % step for w in windows):
        raise DataError(f"windows are {windows} s; make each a multiple of the shortest, which is at least 20 us")
    sizes = np.array(sorted(windows)) * pq.s
    state = np.random.get_state()  # noqa: NPY002 (elephant draws from numpy's global stream)
    try:
        np.random.seed(int(rng_for(0, "change_points").integers(2**31)))  # noqa: NPY002
        found = elephant.multiple_filter_test(
            sizes,
            (times - start) * pq.s,
            t_final=duration * pq.s,
            alpha=100 * significance,
            n_surrogates=surrogates,
            time_step=step * pq.us,
        )
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return sorted(start + float(point.rescale("s")) for points in found for point in points)
