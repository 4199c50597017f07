"""The phases of the spikes of each unit in each band of each channel, in trials, and what would be there by chance."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import cross_spectra as cs
from homeoanalysis.numerics import observed, pair_metrics, phases
from homeoanalysis.numerics.multiple import discoveries
from homeoanalysis.numerics.pieces import Signal, recorded_kind
from homeoanalysis.provenance import rng_for

Floats = NDArray[np.float64]
Complex = NDArray[np.complex128]
MINIMUM = 50  # spikes
_DRAWS = 199


class Locked(NamedTuple):
    """Of one unit, channel and band: the sum of the vectors and the number of spikes of each trial, and chance.

    by_chance: (draw,) the length of the sum where the spikes of each stretch are turned round in time.
    """

    total: Complex
    spikes: Floats
    by_chance: Floats


def of_units(
    activity: xr.Dataset,
    name: str,
    signal: Signal,
    bands: Mapping[str, tuple[float, float]],
    trial: float,
    measure: Callable[[Locked], Mapping[str, Any]],
) -> dict[str, Any]:
    """The metric `name` of each unit with each channel of the signal, in each band and epoch.

    measure: the values, by suffix, of at least 50 spikes; "p", "q" and "spikes" are added.
    Raises NotApplicable without spikes, the signal, or a stretch of it that is long enough; DataError where all bands are
    beyond Nyquist.
    """
    kind = recorded_kind(activity, signal)
    left, why = usable(activity, kind, bands)
    shape = activity.sizes["unit"], activity.sizes[f"{kind}_channel"], len(bands)

    def measured(label: str) -> dict[str, Any]:
        known = locked(activity, kind, list(left.values()), observed.epoch(activity, label), trial)
        found: dict[str, Floats] = {}

        def put(suffix: str, at: tuple[int, int, int], value: Any) -> None:
            found.setdefault(suffix, np.full(shape, np.nan))[at] = value

        for (unit, channel, b), one in known.items():
            at = unit, channel, list(bands).index(list(left)[b])
            n = one.spikes.sum()
            is_enough = n >= MINIMUM
            put("spikes", at, n)
            for suffix, value in measure(one).items():
                put(suffix, at, value if is_enough else np.nan)
            put("p", at, chance(one) if is_enough else np.nan)
        told = reasons(activity, kind, found["spikes"], why)
        flat = {suffix: values.reshape(-1, len(bands)) for suffix, values in found.items()}
        return {**flat, "q": discoveries(flat["p"]), "reason": told}

    found, labels, told = pair_metrics.over_epochs(activity, measured)
    coords = {**pair_metrics.names_of(activity, ("spikes", kind)), "reason": ("pair", told), "epoch": labels, "band": list(bands)}
    return {**pair_metrics.suffixed(name, found), "coords": coords}


def locked(
    activity: xr.Dataset,
    kind: Signal,
    bands: Sequence[tuple[float, float]],
    span: tuple[float, float],
    trial: float,
) -> dict[tuple[int, int, int], Locked]:
    """(unit, channel, band) -> what is known. Trials are those of the activity, else pieces of `trial` [s].

    Raises NotApplicable without spikes, the signal, or a stretch that is long enough for any band.
    """
    trains = observed.spike_trains(activity)
    edges = _trials(activity, span, trial)
    found: dict[tuple[int, int, int], Locked] = {}
    n_channels = activity.sizes[f"{kind}_channel"] if kind in activity else 0
    for channel in range(max(n_channels, 1)):
        for b, band in enumerate(bands):
            parts = list(phases.stretches(activity, kind, channel, [band], span))
            if not parts:
                continue
            directions = [s.analytic[0] / np.abs(s.analytic[0]) for s in parts]
            for unit, train in enumerate(trains):
                vectors = [phases.spike_directions(train, s, 0) for s in parts]
                times = [train[_inside(train, s)] for s in parts]
                of = np.searchsorted(edges, np.concatenate(times), side="right")
                every = np.concatenate(vectors)
                _, of = np.unique(of, return_inverse=True)
                total = np.bincount(of, every.real) + 1j * np.bincount(of, every.imag)
                counted = [
                    np.bincount(np.round((t - s.start) * s.rate).astype(np.int64), minlength=d.size)[: d.size].astype(float)
                    for t, s, d in zip(times, parts, directions, strict=True)
                ]
                rng = rng_for(0, "shifted spikes", unit, channel, b)
                chance = phases.shifted_sums(list(zip(counted, directions, strict=True)), parts[0].rate, _DRAWS, 2 / band[0], rng)
                found[unit, channel, b] = Locked(total, np.bincount(of).astype(float), np.abs(chance))
    if not found:
        raise NotApplicable(f"no stretch of {kind} without a gap that is long enough for the bands")
    return found


def _inside(train: Floats, stretch: phases.Stretch) -> NDArray[np.bool_]:
    place = (train - stretch.start) * stretch.rate
    return np.asarray((place >= 0) & (place < stretch.analytic[0].size - 1))


def _trials(activity: xr.Dataset, span: tuple[float, float], trial: float) -> Floats:
    """Sorted edges between trials."""
    if "trial_start" in activity:
        return np.unique(np.concatenate([activity.trial_start.values, activity.trial_stop.values]))
    start, stop = observed.segments(activity)
    a, b = observed.overlap(start, stop, np.array([span[0]]), np.array([span[1]]))
    return np.concatenate([x + trial * np.arange(int((y - x) / trial) + 1) for x, y in zip(a, b, strict=True)])


def chance(one: Locked) -> float:
    """The probability of a sum as long if the spikes know nothing of the phase, from the shifts."""
    return float((1 + np.sum(one.by_chance >= np.abs(one.total.sum()))) / (1 + one.by_chance.size))


def groups(one: Locked, most: int = 32) -> tuple[Complex, Floats]:
    """Sums and counts of at most 32 groups of neighbouring trials, for the jackknife."""
    n = one.spikes.size
    of = np.arange(n) * min(n, most) // n
    total = np.bincount(of, one.total.real) + 1j * np.bincount(of, one.total.imag)
    return total.astype(complex), np.bincount(of, one.spikes).astype(float)


def half_width(value: Any, deleted: Floats, count: Floats) -> float:
    """Of the jackknife interval of a value, from those without each group of trials; NaN of a single group."""
    return float(cs.half_width(cs.standard_error(np.asarray(value), deleted, count), count)) if count.size > 1 else np.nan


def usable(
    activity: xr.Dataset, kind: Signal, bands: Mapping[str, tuple[float, float]]
) -> tuple[dict[str, tuple[float, float]], str]:
    """The bands below the Nyquist frequency of the signal, and what is said of the others."""
    recorded_kind(activity, "spikes")
    recorded_kind(activity, kind)
    nyquist = float(activity[kind].attrs["sampling_rate"]) / 2
    left = {name: band for name, band in bands.items() if band[1] < nyquist}
    if not left:
        raise DataError(f"all bands reach beyond the Nyquist frequency of {kind}, {nyquist:g} Hz; lower them")
    return left, "; ".join(f"{name} reaches beyond the Nyquist frequency, {nyquist:g} Hz" for name in bands if name not in left)


def reasons(activity: xr.Dataset, kind: Signal, spikes: Floats, why: str) -> NDArray[np.object_]:
    """Why each (unit, channel) has no value: spikes (unit, channel, band), NaN where no stretch was long enough."""
    told = []
    for unit in range(spikes.shape[0]):
        for channel in range(spikes.shape[1]):
            n = spikes[unit, channel]
            few = f"{int(np.nanmin(n))} spikes with a phase, fewer than {MINIMUM}" if np.any(n < MINIMUM) else ""
            short = "no stretch is long enough for some band" if np.isnan(n).any() and not why else ""
            told.append("; ".join(filter(None, (few, short, why))))
    return np.array(told, dtype=object)
