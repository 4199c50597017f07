"""Parts of a run that were recorded: each is an activity of its own, with the levels of the factors that recordings have."""

import json
from collections.abc import Mapping

import numpy as np
import xarray as xr

from homeoanalysis.config.model import Session
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.blinding import counted


def sessions(run: xr.Dataset, parts: Mapping[str, Session]) -> list[xr.Dataset]:
    """The run itself, or what was recorded of it: a replicate for each session, whose subject is the realisation.

    run: activity/1 of `simulate`. Spikes outside of a session are counted as dropped in its book-keeping; trials belong to the
    session that holds the whole of them.
    """
    return [_recorded(run, name, part) for name, part in parts.items()] if parts else [run]


def _recorded(run: xr.Dataset, name: str, part: Session) -> xr.Dataset:
    start, stop = part.span
    seen = observed.restrict(run, np.array([start]), np.array([stop]))
    if "trial_start" in seen:
        seen = seen.isel(trial=(seen.trial_start.values >= start) & (seen.trial_stop.values <= stop))
    about = {
        "replicate": f"{name}-{run.attrs['replicate']}",
        "session": name,
        "factors": json.dumps(part.factors, sort_keys=True),
    }
    return counted(run, seen, f"outside of session {name}").assign_attrs(about)
