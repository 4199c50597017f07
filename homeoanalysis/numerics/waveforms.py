"""Mean waveforms of spike trains that neo gives: a few spikes of each, so that no unit is in memory with all of its waveforms."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_RUNS, _RUN = 4, 250  # how many runs of how many spikes, evenly spread over the train; their mean is what is kept


def mean_waveform(train: Any, times: NDArray[np.float64]) -> dict[str, Any]:
    """What a unit's annotations say of its waveform: `waveform` (channel, sample) in the unit of the file, `waveform_rate` [Hz].

    train: neo's SpikeTrain or its proxy. times: of its spikes [s]. The mean is over all spikes of a train that is in memory, and
    over at most 1000 of a proxy: a quarter of them at its start, its end, and at a third and two thirds of it.
    Empty where the format has none, and without a spike; `waveform_fault` where neo fails on those that the file declares.
    """
    rate = getattr(train, "sampling_rate", None)
    if rate is None or not float(rate.magnitude) > 0 or not times.size:
        return {}
    try:
        waves = _few(train, times) if hasattr(train, "load") else train.waveforms
        if waves is None or not np.size(waves):
            return {}
        mean = np.asarray(waves, float).mean(axis=0)
    except Exception as error:  # neo's classes raise any kind; the spikes are read, and the user is told what is not
        return {"waveform_fault": f"{type(error).__name__}: {' '.join(str(error).split())[:100]}"}
    return {"waveform": np.atleast_2d(mean), "waveform_rate": float(rate.rescale("Hz"))}


def _few(train: Any, times: NDArray[np.float64]) -> NDArray[np.floating[Any]] | None:
    """(spike, channel, sample). Not by the proxy's `load`, which fails where a class gives all waveforms whatever the span."""
    rawio, n = train._rawio, times.size
    which = {"block_index": train._block_index, "seg_index": train._seg_index}
    channel = train._spike_channel_index
    runs = [(0, n)] if n <= _RUNS * _RUN else [(int(a), int(a) + _RUN) for a in np.linspace(0, n - _RUN, _RUNS)]
    found = []
    for a, b in runs:
        span = {} if len(runs) == 1 else {"t_start": float(times[a]), "t_stop": float(times[b - 1])}
        raw = rawio.get_spike_raw_waveforms(**which, spike_channel_index=channel, **span)
        if raw is None:
            return None
        raw = raw[a:b] if len(raw) == n else raw[:_RUN]  # NeuroExplorerIO gives all, whatever the span
        found.append(rawio.rescale_waveforms_to_float(np.asarray(raw), dtype="float64", spike_channel_index=channel))
    return np.concatenate(found)
