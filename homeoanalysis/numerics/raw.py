"""Continuous voltage as it was recorded: channels of one segment, read a piece at a time and never whole."""

from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from homeoanalysis.errors import DataError
from homeoanalysis.numerics.neo_io import channel_names, told

Floats = NDArray[np.float64]
_BLOCK = 2**21  # values that are read at once


class Raw(NamedTuple):
    """Channels of one segment that share a clock.

    signals: neo's signals or proxies, and which of their channels. gain: what a whole number of the file is in SI; None
    where the file holds numbers that are no whole multiples of one.
    """

    signals: tuple[tuple[Any, tuple[int, ...]], ...]
    names: tuple[str, ...]
    sampling_rate: float
    n_samples: int
    t_start: float
    gain: float | None
    units: str

    def counts(self, start: int, stop: int, channels: Sequence[int] | None = None) -> NDArray[Any]:
        """Samples [start, stop) of all channels or some, (channel, sample): multiples of `gain`, or SI where that is None.

        Raises DataError if the file ends before.
        """
        chosen = range(len(self.names)) if channels is None else channels
        parts, first = [], 0
        for signal, columns in self.signals:
            mine = [columns[k - first] for k in chosen if first <= k < first + len(columns)]
            first += len(columns)
            if mine:
                parts.append(_read(signal, mine, start, stop, self.gain is not None))
        return np.concatenate(parts) if len(parts) > 1 else parts[0]

    def only(self, channels: Sequence[int]) -> "Raw":
        """Some of the channels, in their order."""
        signals, first = [], 0
        for signal, columns in self.signals:
            mine = tuple(columns[k - first] for k in channels if first <= k < first + len(columns))
            first += len(columns)
            signals += [(signal, mine)] if mine else []
        return self._replace(signals=tuple(signals), names=tuple(self.names[k] for k in channels))

    def values(self, start: int, stop: int, channels: Sequence[int] | None = None) -> Floats:
        """The same in SI."""
        found = np.asarray(self.counts(start, stop, channels), float)
        return found if self.gain is None else found * self.gain


def blocks(raw: Raw, multiple: int = 1) -> Iterator[tuple[int, int]]:
    """[start, stop) of pieces of bounded size that cover the segment, each but the last a multiple of so many samples."""
    width = max(1, _BLOCK // max(1, len(raw.names)) // multiple) * multiple
    for start in range(0, raw.n_samples, width):
        yield start, min(start + width, raw.n_samples)


def join(signals: Sequence[Any], wanted: Collection[str] | None, is_left_out: Callable[[Any], bool]) -> Raw | None:
    """The channels of a segment that are wanted, by default every voltage; None where it has none of them.

    is_left_out: of a signal that its reader marked as something else. Raises DataError if they differ in clock or length.
    """
    chosen, names = [], []
    for signal in (s for s in signals if not is_left_out(s)):
        own = channel_names(signal)
        columns = [k for k, name in enumerate(own) if (name in wanted if wanted is not None else _is_voltage(signal))]
        if columns:
            chosen.append((signal, tuple(columns)))
            names += [own[k] for k in columns]
    if not chosen:
        return None
    _check_alike([s for s, _ in chosen], names)
    first = chosen[0][0]
    gains = [_gain(signal) for signal, _ in chosen]
    gain = gains[0] if len(set(gains)) == 1 else None
    rate, n = float(first.sampling_rate.rescale("Hz")), int(first.shape[0])
    base = (first.units * 1).simplified.dimensionality
    return Raw(tuple(chosen), tuple(names), rate, n, float(first.t_start.rescale("s")), gain, _SI.get(base.string, "1"))


# What neo's simplified units are called here.
_SI = {"kg*m**2/(s**3*A)": "V", "A": "A", "m": "m", "s": "s", "Hz": "Hz", "1/s": "Hz", "dimensionless": "1"}


def _is_voltage(signal: Any) -> bool:
    return _SI.get((signal.units * 1).simplified.dimensionality.string) == "V"


def _check_alike(signals: Sequence[Any], names: Sequence[str]) -> None:
    kinds: dict[str, set[Any]] = {
        "sampling rate [Hz]": {float(s.sampling_rate.rescale("Hz")) for s in signals},
        "samples": {int(s.shape[0]) for s in signals},
        "start [s]": {float(s.t_start.rescale("s")) for s in signals},
        "kind of unit": {(s.units * 1).simplified.dimensionality.string for s in signals},
    }
    for what, found in kinds.items():
        if len(found) > 1:
            shown = ", ".join(sorted(map(str, found))[:4])
            raise DataError(
                f"the channels {', '.join(names[:6])} differ in {what}: {shown}; name channels of one kind under `signals`"
            )
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(f"channels have the same name: {', '.join(twice[:5])}; write a fix that gives them different names")
    if signals[0].shape[0] == 0:
        raise DataError(f"the channels {', '.join(names[:6])} hold no sample; the file is truncated, or name others")


def _gain(signal: Any) -> float | None:
    """What 1 in the file is in SI, where neo can give whole numbers."""
    if not hasattr(signal, "load"):
        return None
    try:
        one = signal.load(time_slice=(signal.t_start, signal.t_start), strict_slicing=False, magnitude_mode="raw")
    except ValueError:  # neo's word for channels with gains of their own
        return None
    return float(one.units.simplified.magnitude) if one.dtype.kind in "iu" else None


def _read(signal: Any, columns: list[int], start: int, stop: int, is_whole: bool) -> NDArray[Any]:
    if not hasattr(signal, "load"):
        part = signal[start:stop, columns]
        factor = float((part.units * 1).simplified.magnitude)
        values = np.asarray(part.magnitude, float).T * factor
    else:
        rate, t0 = signal.sampling_rate, signal.t_start
        mode = "raw" if is_whole else "rescaled"
        span = (t0 + start / rate, t0 + stop / rate)
        with told(Path(str(signal.file_origin or signal.name)), "neo"):
            part = signal.load(time_slice=span, strict_slicing=False, channel_indexes=columns, magnitude_mode=mode)
        values = np.asarray(part.magnitude).T
        if not is_whole:
            values = np.asarray(values, float) * float((part.units * 1).simplified.magnitude)
    if values.shape[1] != stop - start:
        raise DataError(
            f"the signal {signal.name} declares {signal.shape[0]} samples, but of those from {start} to {stop} the file holds "
            f"{values.shape[1]}; it is truncated: compare its size with the original"
        )
    return values
