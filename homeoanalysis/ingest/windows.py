"""Observed time that the YAML gives and the files do not: duty cycles and gaps."""

from collections.abc import Sequence

import numpy as np

from homeoanalysis.config.timing import Windows
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Floats, Piece
from homeoanalysis.numerics.observed import overlap


def observed_time(pieces: Sequence[Piece], windows: Windows | None) -> tuple[Floats, Floats, np.ndarray]:
    """Start and stop of the observed segments, and which piece each of them is from. Raises DataError if nothing is left."""
    start, stop = np.array([[p.start, p.stop] for p in pieces]).T
    if windows is None:
        return start, stop, np.arange(start.size)
    if windows.spans:
        first, last = np.array(windows.spans).T
    else:
        assert windows.period is not None  # the config wants both
        assert windows.observed is not None
        n = int(np.ceil((stop[-1] - windows.first) / windows.period))
        first = windows.first + windows.period * np.arange(max(n, 0))
        last = first + windows.observed
    new_start, new_stop = overlap(start, stop, first, last)
    if new_start.size == 0:
        raise DataError(
            f"nothing was observed: observed_windows are all outside the recording, "
            f"which is from {start[0]:g} s to {stop[-1]:g} s; mend them"
        )
    return new_start, new_stop, np.searchsorted(start, new_start, side="right") - 1


def check_duration(start: Floats, stop: Floats, declared: float | None) -> None:
    """Raises DataError unless observed time is what the YAML says, where it does: to one in a thousand."""
    found = float((stop - start).sum())
    if declared is not None and abs(found - declared) > 1e-3 * declared:
        raise DataError(
            f"the files hold {found:.6g} s, but the YAML says duration {declared:.6g} s; "
            "mend the YAML, or check that the files are the right ones"
        )
