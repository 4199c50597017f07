"""Signals that a reader marks -> the signals of activity/1."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from typing import Any

import numpy as np

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import DataError
from homeoanalysis.ingest import continuous
from homeoanalysis.ingest.pieces import Piece, account, marked, role
from homeoanalysis.numerics.findings import Finding, of_line, of_signal, survey
from homeoanalysis.numerics.lfp import resampler
from homeoanalysis.numerics.neo_io import channel_names
from homeoanalysis.numerics.raw import join

BINNED = "binned_count"


def signals(
    pieces: Sequence[Piece], bandwidth: float | None, still: Callable[[], None], used: Collection[int] = ()
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any], list[Finding]]:
    """Variables, coordinates and book-keeping of all signals, and what is wrong with local field potentials.

    bandwidth: highest frequency of the stimulus [Hz]. still: raises DataError if the files have changed. used: ids of signals
    that something was made of already. What else is not marked is counted as dropped.
    """
    every = [s for p in pieces for s in p.segment.analogsignals]
    unmarked = sum(role(s) not in (*SIGNALS, BINNED) and id(s) not in used for s in every)
    variables: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    findings: list[Finding] = []
    for name in SIGNALS:
        parts = marked(pieces, name)
        if any(parts):
            found, channels, wrong = _signal(name, parts, pieces, still)
            findings += wrong
            variables |= found
            coordinates[f"{name}_channel"] = channels
    if "covariate" in variables:
        highest = np.full(len(coordinates["covariate_channel"]), np.nan if bandwidth is None else bandwidth)
        variables["covariate_bandwidth"] = ("covariate_channel", highest, {"units": "Hz"})
    book = {"signals": account(len(every), {"not marked as a stimulus or behaviour": unmarked})}
    if lost := sum((Counter(s.annotations.get("dropped", {})) for s in every), Counter()):
        book["samples"] = account(sum(s.shape[0] for s in every if role(s) in SIGNALS) + lost.total(), lost)
    return variables, coordinates, book, findings


_LONG = {"covariate": "stimulus or behaviour", "lfp": "local field potential"}


def _signal(
    name: str, parts: list[list[Any]], pieces: Sequence[Piece], still: Callable[[], None]
) -> tuple[dict[str, Any], list[str], list[Finding]]:
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
    own = set(channels[0])
    raws = [join(part, own, lambda _: False) if part else None for part in parts]
    # One pass over the data: for findings, and where whole numbers are to be packed.
    surveys = [survey(raw) if raw and (name != "covariate" or raw.gain is not None) else None for raw in raws]
    bad = sum(int(s.not_finite.sum()) for s in surveys if s)
    if bad and name != "covariate":  # what an animal did may be unknown for a while
        raise DataError(f"{bad} samples of the kind {name} are not finite; mend the file, or leave those channels out")
    pairs = [(raw, s) for raw, s in zip(raws, surveys, strict=True) if raw and s and name == "lfp"]
    findings = [f for raw, s in pairs for f in (*of_signal(raw, s), *of_line(raw))]
    how = resampler(rates[0], low_pass=None, sampling_rate=None)
    long_name = _LONG.get(name, name.replace("_", " "))
    found = continuous.variables(name, raws, pieces, how, surveys, units=units[0], long_name=long_name, still=still)
    return found, list(channels[0]), findings
