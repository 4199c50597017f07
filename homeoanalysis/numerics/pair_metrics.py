"""What the metrics of pairs of channels have in common: epochs, names and reasons."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Metric
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.cross_spectra import all_pairs
from homeoanalysis.numerics.pieces import Kind, Pieces, recorded_kind

Floats = NDArray[np.float64]
Parts = Mapping[str, Any]  # name of a result -> (thing, ...), or a function that finds it


def by_epoch(
    activity: xr.Dataset,
    kinds: Sequence[Kind],
    measure: Callable[[Pieces], Parts],
    *,
    segment: float,
    bin_size: float | None,
) -> tuple[dict[str, Any], list[str], NDArray[np.str_]]:
    """What `measure` finds in the pieces of each epoch: name -> (thing, epoch, ...), the epochs, and the reasons.

    A thing is a pair or a channel. What `measure` gives as a function stays one, and is called if it is wanted. The reason
    of each says what is missing in which epoch, and is "" where nothing is.
    Raises NotApplicable where no epoch can be measured.
    """
    for kind in kinds:
        recorded_kind(activity, kind)

    def of_epoch(label: str) -> Parts:
        span = observed.epoch(activity, label)
        return measure(Pieces(activity, kinds, segment=segment, bin_size=bin_size, span=span))

    return over_epochs(activity, of_epoch)


def over_epochs(activity: xr.Dataset, measure: Callable[[str], Parts]) -> tuple[dict[str, Any], list[str], NDArray[np.str_]]:
    """As `by_epoch`, of a function of the epoch."""
    labels = list(observed.epochs(activity))
    found: dict[str, Parts] = {}
    missing: dict[str, str] = {}
    for label in labels:
        try:
            found[label] = measure(label)
        except NotApplicable as reason:
            missing[label] = str(reason)
    if not found:
        raise NotApplicable("; ".join(dict.fromkeys(missing.values())))
    example = next(iter(found.values()))
    n = len(example["reason"])

    def joined(name: str) -> Floats:
        values = {e: part[name]() if callable(part[name]) else part[name] for e, part in found.items()}
        shape = next(iter(values.values())).shape
        return np.stack([values[e] if e in values else np.full(shape, np.nan) for e in labels], axis=1)

    def later(name: str) -> Any:
        return (lambda: joined(name)) if callable(example[name]) else joined(name)

    each = [found[e]["reason"] if e in found else np.full(n, missing[e], object) for e in labels]
    words = [
        "; ".join(f"{label}: {why}" if len(labels) > 1 else str(why) for label, why in zip(labels, row, strict=True) if why)
        for row in zip(*each, strict=True)
    ]
    return {name: later(name) for name in example if name != "reason"}, labels, np.array(words, dtype=str)


def names_of(activity: xr.Dataset, between: tuple[Kind, Kind]) -> dict[str, Any]:
    """The coordinates of all pairs: their name, and that of each channel."""
    kinds = dict.fromkeys(between)
    names = {k: [str(v) for v in activity["unit" if k == "spikes" else f"{k}_channel"].values] for k in kinds}
    a, b = (names[k] for k in between)
    pairs = [(x, y) for i, x in enumerate(a) for y in (a[i + 1 :] if between[0] == between[1] else b)]
    first, second = ([p[k] for p in pairs] for k in (0, 1))
    return {"pair": [f"{x}-{y}" for x, y in pairs], "channel_a": ("pair", first), "channel_b": ("pair", second)}


def pair_reasons(pieces: Pieces, pairs: NDArray[np.intp]) -> NDArray[np.object_]:
    """Why a pair cannot be measured, else ""."""
    told = [
        " and ".join(f"{pieces.names[c]} has {pieces.reason[c]}" for c in dict.fromkeys(pair.tolist()) if pieces.reason[c])
        for pair in pairs
    ]
    return np.array(told, dtype=object)


def blanked(values: Floats, reasons: NDArray[np.object_]) -> Floats:
    """NaN where there is a reason: (thing, ...)."""
    result = np.array(values, float)
    result[reasons != ""] = np.nan
    return result


def pairs_of(pieces: Pieces, between: tuple[Kind, Kind]) -> tuple[NDArray[np.intp], NDArray[np.object_]]:
    """The pairs, and why some of them cannot be measured."""
    pairs = all_pairs(pieces, between)
    return pairs, pair_reasons(pieces, pairs)


def pair_coords(
    activity: xr.Dataset, between: tuple[Kind, Kind], reasons: NDArray[np.str_], labels: Sequence[str]
) -> dict[str, Any]:
    """The coordinates of a metric of pairs in epochs."""
    return names_of(activity, between) | {"reason": ("pair", reasons), "epoch": list(labels)}


def channel_coords(activity: xr.Dataset, kind: Kind, reasons: NDArray[np.str_], labels: Sequence[str]) -> dict[str, Any]:
    """The coordinates of a metric of channels in epochs."""
    names = [str(v) for v in activity["unit" if kind == "spikes" else f"{kind}_channel"].values]
    return {"channel": names, "reason": ("channel", reasons), "epoch": list(labels)}


def hertz(frequency: Floats) -> tuple[str, Floats, dict[str, str]]:
    """The coordinate of frequencies."""
    return "frequency", frequency, {"units": "Hz"}


def in_units(found: Mapping[str, Any], units: str, metric: Metric) -> dict[str, Any]:
    """Results with the unit of the signal, where the record of the metric has that of the metric itself."""
    own = {metric.name} | {f"{metric.name}_{k}" for k, c in metric.companions.items() if c.units == metric.units}

    def with_units(value: Any) -> Any:
        return (lambda: (metric.dims, value(), units)) if callable(value) else (metric.dims, value, units)

    return {name: with_units(value) if name in own else value for name, value in found.items()}
