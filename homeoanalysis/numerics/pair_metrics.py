"""What the metrics of channels, and of pairs of them, have in common: epochs, names, reasons and companions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import NotApplicable
from homeoanalysis.metric import Companion, Metric
from homeoanalysis.numerics import observed
from homeoanalysis.numerics.cross_spectra import all_pairs
from homeoanalysis.numerics.pieces import Kind, Pieces, recorded_kind

Floats = NDArray[np.float64]
Pairs = NDArray[np.intp]
Reasons = NDArray[np.object_]
Parts = Mapping[str, Any]  # name of a result -> (thing, ...), or a function that finds it
Coordinates = Mapping[str, Any]
ALPHA = 0.05  # false discoveries of what is called significant
DF = Companion("1", "Independent estimates L of steady channels: tapers x pieces", (1, np.inf))
SEGMENTS = Companion("1", "Effective number of segments: as many of equal amplitude would vary as much", (1, np.inf))


def ends(units: str, bounds: tuple[float, float], over: str = "jackknife over groups of pieces") -> dict[str, Companion]:
    """The companions that an interval is."""
    return {side: Companion(units, f"95 % interval ({over})", bounds) for side in ("low", "high")}


def discovery(along: str) -> Companion:
    """The companion of a test of many pairs (channels) along frequencies, bands: `multiple.discoveries`."""
    return Companion("1", f"False discovery rate over {along} of the epoch at which it is found", (0, 1))


def suffixed(name: str, parts: Parts) -> dict[str, Any]:
    """The names of a metric and its companions, from suffixes; "" is the metric itself."""
    return {"_".join(filter(None, (name, suffix))): value for suffix, value in parts.items()}


def of_pairs(
    activity: xr.Dataset,
    name: str,
    between: tuple[Kind, Kind],
    measure: Callable[[Pieces, Pairs, Reasons], tuple[Parts, Coordinates]],
    *,
    segment: float,
    bin_size: float | None,
) -> dict[str, Any]:
    """The metric `name` of all pairs of channels in each epoch.

    measure: pieces, pairs and why some of these cannot be measured (else "") -> what it finds, by suffix, and the coordinate
    that it runs along. Values are (pair, ...); a number is of all pairs; what is a function is called if it is wanted.
    "reason" replaces the reasons.
    """
    a, b = (recorded_kind(activity, kind) for kind in between)

    def of_pieces(pieces: Pieces) -> tuple[Parts, Coordinates]:
        pairs = all_pairs(pieces, (a, b))
        reasons = pair_reasons(pieces, pairs)
        parts, along = measure(pieces, pairs, reasons)
        return {"reason": reasons, **parts}, along

    return _in_pieces(activity, name, "pair", names_of(activity, (a, b)), (a, b), of_pieces, segment, bin_size)


def of_channels(
    activity: xr.Dataset,
    name: str,
    kind: Kind,
    measure: Callable[[Pieces], tuple[Parts, Coordinates]],
    *,
    segment: float,
    bin_size: float | None,
) -> dict[str, Any]:
    """As `of_pairs`, of single channels; `kind` is that of `recorded_kind`."""

    def of_pieces(pieces: Pieces) -> tuple[Parts, Coordinates]:
        parts, along = measure(pieces)
        return {"reason": pieces.reason, **parts}, along

    return _in_pieces(activity, name, "channel", {"channel": names(activity, kind)}, (kind,), of_pieces, segment, bin_size)


def _in_pieces(
    activity: xr.Dataset,
    name: str,
    thing: str,
    things: Coordinates,
    kinds: Sequence[Kind],
    measure: Callable[[Pieces], tuple[Parts, Coordinates]],
    segment: float,
    bin_size: float | None,
) -> dict[str, Any]:
    along: dict[str, Any] = {}

    def of_epoch(label: str) -> Parts:
        span = observed.epoch(activity, label)
        parts, coordinates = measure(Pieces(activity, kinds, segment=segment, bin_size=bin_size, span=span))
        along.update(coordinates)
        n = len(parts["reason"])
        return {k: np.full(n, float(v)) if isinstance(v, int | float) else v for k, v in parts.items()}

    found, labels, reasons = over_epochs(activity, of_epoch)
    dims = (thing, "epoch", *along)
    of_other_shape = {k: (dims[: v.ndim], v) for k, v in found.items() if not callable(v) and v.ndim != found[""].ndim}
    return {**suffixed(name, found | of_other_shape), "coords": {**things, "reason": (thing, reasons), "epoch": labels, **along}}


def over_epochs(activity: xr.Dataset, measure: Callable[[str], Parts]) -> tuple[dict[str, Any], list[str], NDArray[np.str_]]:
    """What `measure` finds in each epoch: name -> (thing, epoch, ...), the epochs, and the reasons.

    A thing is a pair or a channel. What `measure` gives as a function stays one, and is called if it is wanted. The reason
    of each says what is missing in which epoch, and is "" where nothing is.
    Raises NotApplicable where no epoch can be measured.
    """
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


def names(activity: xr.Dataset, kind: Kind) -> list[str]:
    """The channels of a kind."""
    return [str(v) for v in activity["unit" if kind == "spikes" else f"{kind}_channel"].values]


def names_of(activity: xr.Dataset, between: tuple[Kind, Kind]) -> dict[str, Any]:
    """The coordinates of all pairs: their name, and that of each channel."""
    a, b = (names(activity, kind) for kind in between)
    pairs = [(x, y) for i, x in enumerate(a) for y in (a[i + 1 :] if between[0] == between[1] else b)]
    first, second = ([p[k] for p in pairs] for k in (0, 1))
    return {"pair": [f"{x}-{y}" for x, y in pairs], "channel_a": ("pair", first), "channel_b": ("pair", second)}


def pair_reasons(pieces: Pieces, pairs: Pairs) -> Reasons:
    """Why a pair cannot be measured, else ""."""
    told = [
        " and ".join(f"{pieces.names[c]} has {pieces.reason[c]}" for c in dict.fromkeys(pair.tolist()) if pieces.reason[c])
        for pair in pairs
    ]
    return np.array(told, dtype=object)


def blanked(values: Floats, reasons: Reasons) -> Floats:
    """NaN where there is a reason: (thing, ...)."""
    result = np.array(values, float)
    result[reasons != ""] = np.nan
    return result


def hertz(frequency: Floats) -> tuple[str, Floats, dict[str, str]]:
    """The coordinate of frequencies."""
    return "frequency", frequency, {"units": "Hz"}


def in_units(found: Mapping[str, Any], units: str, metric: Metric) -> dict[str, Any]:
    """Results with the unit of the signal, where the record of the metric has that of the metric itself."""
    own = {metric.name} | {f"{metric.name}_{k}" for k, c in metric.companions.items() if c.units == metric.units}

    def with_units(value: Any) -> Any:
        return (lambda: (metric.dims, value(), units)) if callable(value) else (metric.dims, value, units)

    return {name: with_units(value) if name in own else value for name, value in found.items()}
