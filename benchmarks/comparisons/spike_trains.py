"""Distances of all pairs of spike trains, beside elephant."""

import time
from collections.abc import Callable

import numpy as np
import quantities as pq
from elephant.spike_train_dissimilarity import van_rossum_distance, victor_purpura_distance
from neo import SpikeTrain

from homeoanalysis.numerics import spike_train_distances as distances

_TRAINS, _SPIKES, _RATE = 50, 200, 20.0


def victor_purpura(rounds: int = 5) -> str:
    """At three costs: what lies within 2 / cost of a spike is looked at, so that a low cost is the hard case."""
    told = []
    for cost in (1.0, 20.0, 200.0):
        told.append(
            f"cost {cost:g} Hz: "
            + _beside(
                lambda trains, cost=cost: distances.victor_purpura(trains, cost),
                lambda trains, cost=cost: victor_purpura_distance(trains, cost * pq.Hz),
                rounds,
            )
        )
    return f"Victor-Purpura, {_what()}: {'; '.join(told)} (wanted 40)"


def van_rossum(rounds: int = 5) -> str:
    """With a time constant of 50 ms."""
    told = _beside(
        lambda trains: distances.van_rossum(trains, 0.05), lambda trains: van_rossum_distance(trains, 50 * pq.ms), rounds
    )
    return f"van Rossum, {_what()}: {told} (wanted 1)"


def _what() -> str:
    return f"all pairs of {_TRAINS} trains x {_SPIKES} spikes"


def _beside(ours: Callable[[list[np.ndarray]], np.ndarray], theirs: Callable[[list[SpikeTrain]], np.ndarray], rounds: int) -> str:
    """Median CPU times, of runs that follow each other; the values agree, else this stops."""
    rng = np.random.default_rng(1)
    stop = _SPIKES / _RATE
    trains = [np.sort(rng.uniform(0, stop, _SPIKES)) for _ in range(_TRAINS)]
    neos = [SpikeTrain(t * pq.s, t_start=0 * pq.s, t_stop=stop * pq.s) for t in trains]
    np.testing.assert_allclose(ours(trains), theirs(neos), rtol=1e-9, atol=1e-6)  # and compiled before it is timed
    each = []
    for _ in range(rounds):
        began = time.process_time()
        ours(trains)
        middle = time.process_time()
        theirs(neos)
        each.append((middle - began, time.process_time() - middle))
    own, other = np.median(each, axis=0)
    ratio = np.median([b / a for a, b in each])
    return f"ours {1000 * own:.1f} CPU ms, elephant {other:.2f} CPU s, {ratio:.0f} times"
