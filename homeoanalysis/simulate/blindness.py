"""What a rig does not see: some neurons, some spikes, some of the time. Nothing is lost without being counted."""

from typing import NamedTuple

import numpy as np

from homeoanalysis.config.record import Blindness


class Seen(NamedTuple):
    """Spikes as a recording has them."""

    unit: np.ndarray  # (spikes,) index of the unit that each spike is given to
    step: np.ndarray  # (spikes,)
    units: np.ndarray  # (kept,) indices of the units that are recorded
    electrode: np.ndarray  # (all units,) the nearest electrode; -1 where there are none
    is_observed: np.ndarray  # (kept, sessions)
    dropped: dict[str, int]  # reason -> spikes


def recorded(unit: np.ndarray, step: np.ndarray, kept: np.ndarray, n: int, left_out: int) -> Seen:
    """The spikes of the units of `kept` among n; left_out: how many others there were."""
    return Seen(unit, step, kept, np.full(n, -1), np.ones((kept.size, 1), bool), {"neuron not sampled": left_out})


def see(
    seen: Seen, blind: Blindness, populations: np.ndarray, position: np.ndarray, edges: np.ndarray, rng: np.random.Generator
) -> Seen:
    """What a rig sees of the spikes.

    populations: (units,) to which population each belongs; spikes are swapped within it. position: (units, 2) [m].
    edges: (sessions + 1,) steps between which the sessions lie.
    """
    unit, step, dropped = seen.unit, seen.step, dict(seen.dropped)
    kept, electrode = seen.units, seen.electrode
    if blind.electrodes is not None:
        pitch = blind.electrodes.pitch
        nearest = np.round(position / pitch - 0.5)
        distance = np.hypot(*(position - (nearest + 0.5) * pitch).T)
        columns = int(nearest.max()) + 1
        electrode = (nearest[:, 0] * columns + nearest[:, 1]).astype(int)
        is_heard = distance < blind.electrodes.reach
        here = is_heard[unit]
        dropped["out of reach of an electrode"] = int((~here).sum())
        unit, step, kept = unit[here], step[here], kept[is_heard[kept]]
    if blind.missed > 0:
        here = rng.random(unit.size) >= blind.missed
        dropped["below threshold"] = int((~here).sum())
        unit, step = unit[here], step[here]
    if blind.swapped > 0:
        unit = _swapped(unit, kept, populations, rng.random(unit.size) < blind.swapped, rng)
    n_sessions = edges.size - 1
    is_observed = np.ones((kept.size, n_sessions), bool)
    if blind.lost > 0:
        lost = np.flatnonzero(rng.random(kept.size) < blind.lost)
        last = rng.integers(1, n_sessions, lost.size) if n_sessions > 1 else np.ones(lost.size, int)
        for k, end in zip(lost, last, strict=True):
            is_observed[k, end:] = False
        row = np.full(populations.size, -1)
        row[kept] = np.arange(kept.size)
        session = np.minimum(np.searchsorted(edges, step, side="right") - 1, n_sessions - 1)
        here = is_observed[row[unit], session]
        dropped["unit lost"] = int((~here).sum())
        unit, step = unit[here], step[here]
    return Seen(unit, step, kept, electrode, is_observed, dropped)


def _swapped(
    unit: np.ndarray, kept: np.ndarray, populations: np.ndarray, is_swapped: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """The marked spikes are given to another recorded unit of the same population."""
    unit = unit.copy()
    for population in np.unique(populations[kept]):
        others = kept[populations[kept] == population]
        mine = np.flatnonzero(is_swapped & (populations[unit] == population))
        if others.size > 1:
            place = np.searchsorted(others, unit[mine])
            unit[mine] = others[(place + rng.integers(1, others.size, mine.size)) % others.size]
    return unit
