"""Signals that a reader marks -> the signals of activity/1."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import DataError
from homeoanalysis.ingest.pieces import Piece, account, marked, role
from homeoanalysis.numerics.neo_io import channel_names

BINNED = "binned_count"


def signals(
    pieces: Sequence[Piece], bandwidth: float | None, used: Collection[int] = ()
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Variables, coordinates and book-keeping of all signals.

    bandwidth: highest frequency of the stimulus [Hz]. used: ids of signals that something was made of already. What else is
    not marked is counted as dropped.
    """
    every = [s for p in pieces for s in p.segment.analogsignals]
    unmarked = sum(role(s) not in (*SIGNALS, BINNED) and id(s) not in used for s in every)
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    for name in SIGNALS:
        parts = marked(pieces, name)
        if any(parts):
            found, channels = _signal(name, parts, pieces)
            variables |= found
            coordinates[f"{name}_channel"] = channels
    if "covariate" in variables:
        highest = np.full(len(coordinates["covariate_channel"]), np.nan if bandwidth is None else bandwidth)
        variables["covariate_bandwidth"] = ("covariate_channel", highest, {"units": "Hz"})
    book = {"signals": account(len(every), {"not marked as a stimulus or behaviour": unmarked})}
    return variables, coordinates, book


_LONG = {"covariate": "stimulus or behaviour"}


def _signal(name: str, parts: list[list[Any]], pieces: Sequence[Piece]) -> tuple[dict[str, Any], list[str]]:
    """One signal over all segments; in some of them it may not have been recorded."""
    flat = [s for part in parts for s in part]
    rates = sorted({float(s.sampling_rate.rescale("Hz")) for s in flat})
    units = sorted({str(s.annotations.get("unit_name", "1")) for s in flat})
    channels = sorted({tuple(n for s in part for n in channel_names(s)) for part in parts if part})
    if rates[-1] - rates[0] > 1e-9 * rates[0] or len(channels) != 1 or len(units) != 1:
        what = f"sampling rate {rates}, unit {units} or channels {[list(c[:5]) for c in channels]}"
        raise DataError(f"signals of the kind {name} differ in {what}; write a fix that makes them equal")
    for part in parts:
        if len({(s.shape[0], float(s.t_start.rescale("s"))) for s in part}) > 1:
            raise DataError(f"signals of the kind {name} in one segment differ in length or start; write a fix that cuts them")
    blocks = [np.concatenate([np.asarray(s.magnitude, float).T for s in part]) for part in parts if part]
    count = np.array([part[0].shape[0] if part else 0 for part in parts], np.int64)
    start = [float(part[0].t_start.rescale("s")) + p.offset if part else p.start for part, p in zip(parts, pieces, strict=True)]
    attributes = {"units": units[0], "sampling_rate": rates[0], "long_name": _LONG.get(name, name.replace("_", " "))}
    return {
        name: ((f"{name}_channel", f"{name}_sample"), np.concatenate(blocks, axis=1), attributes),
        f"{name}_first_sample": ("segment", np.cumsum(count) - count, {"units": "1"}),
        f"{name}_sample_count": ("segment", count, {"units": "1"}),
        f"{name}_t_start": ("segment", start, {"units": "s"}),
    }, list(channels[0])
