"""NIX, as neo lays it out, so that neo opens it."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from homeoanalysis.contracts import SIGNALS
from homeoanalysis.errors import DataError
from homeoanalysis.export import content

_MOST = 2**27  # values; neo writes a signal from memory


def write_nix(activity: xr.Dataset, path: Path) -> None:
    """A segment for each segment, in it a train of each unit that was isolated then, and signals, epochs, trials and states.

    Trains are made anew: neo's writer loses trains that are slices of others, without a word. All attributes and the
    names of all units stand in the annotations of the block. Raises DataError for what it has no place for (weights, rates,
    counts in bins), for signals that do not fit into memory, for names that the format would change, and for a file that does
    not hold what was written.
    """
    import neo
    import neo.io
    import quantities as pq

    content.refuse(activity, content.PLACES, "nix")
    for name in (n for n in SIGNALS if n in activity and activity[n].size > _MOST):
        raise DataError(f"{name} has {activity[name].size} values, which do not fit into memory as nix needs them; export to nwb")
    block = neo.Block(name="activity", attributes=content.attributes(activity), units=content.known(activity))
    signals = {k: [p for p in content.parts(activity) if p.segment == k] for k in range(activity.sizes["segment"])}
    trains = content.trains(activity)
    for k, (start, stop) in enumerate(content.observed(activity)):
        segment = neo.Segment(name=f"segment {k}", t_start_observed=start, t_stop_observed=stop)
        block.segments.append(segment)
        for unit, (name, times) in enumerate(trains):
            if not content.isolated(activity, unit)[k]:
                continue
            # A spike at an edge that two segments share belongs to the first, as activity/1 has it.
            inside = times[(times >= start) & (times <= stop) & _is_mine(times, activity, k)]
            more: dict[str, Any] = {**content.labels(activity, unit), **content.place(activity, unit)}
            train = neo.SpikeTrain(inside.copy(), units=pq.s, t_start=start * pq.s, t_stop=stop * pq.s, name=name, **more)
            segment.spiketrains.append(train)
        for part in signals[k]:
            rate, units = part.variable.attrs["sampling_rate"] * pq.Hz, part.variable.attrs["units"]
            signal = neo.AnalogSignal(
                part.values(),
                units="dimensionless" if units in ("1", "dB", "") else units,
                sampling_rate=rate,
                t_start=part.t_start * pq.s,
                name=part.name,
                channels=part.described(),
                units_name=units,
            )
            segment.analogsignals.append(signal)
    for kind in content.INTERVALS:
        found = content.intervals(activity, kind)
        if found:
            start_, stop_, words = zip(*found, strict=True)
            table = neo.Epoch(
                np.array(start_) * pq.s,
                durations=(np.array(stop_) - np.array(start_)) * pq.s,
                labels=np.array(words),
                name=f"{kind}s",
            )
            block.segments[0].epochs.append(table)
    writer = neo.io.NixIO(str(path), mode="ow")
    try:
        writer.write_block(block)
    finally:
        writer.close()
    _count(activity, path)


def _is_mine(times: content.Floats, activity: xr.Dataset, segment: int) -> Any:
    """Whether a spike lies in this segment and in no earlier one."""
    stop = activity.segment_stop.values
    return times > stop[segment - 1] if segment else np.ones(times.size, bool)


def _count(activity: xr.Dataset, path: Path) -> None:
    """Raises DataError unless the file holds as many spikes and samples as the activity."""
    import neo.io

    reader = neo.io.NixIO(str(path), mode="ro")
    try:
        block = reader.read_block()
        spikes = sum(len(t) for s in block.segments for t in s.spiketrains)
        samples = sum(a.size for s in block.segments for a in s.analogsignals)
    finally:
        reader.close()
    wanted = (activity.sizes.get("spike", 0), sum(p.n_samples * len(p.channels) for p in content.parts(activity)))
    if (spikes, samples) != wanted:
        raise DataError(f"the file holds {(spikes, samples)} spikes and samples, not {wanted}; the format lost some of them")
