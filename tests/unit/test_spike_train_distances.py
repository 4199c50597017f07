"""Distances between spike trains: against elephant, against published values of PySpike and SPIKY, and laws."""

import itertools

import numpy as np
import pytest
import quantities as pq
from elephant.spike_train_dissimilarity import van_rossum_distance, victor_purpura_distance
from neo import SpikeTrain

from homeoanalysis.numerics import spike_train_distances as distances
from homeoanalysis.numerics import synthetic

Trains = list[np.ndarray]


def _trains(seed: int = 1, n: int = 12) -> Trains:
    """Of 0 to 120 spikes, some at the same times."""
    rng = np.random.default_rng(seed)
    trains = [synthetic.poisson_train(rate, 6.0, rng) for rate in rng.uniform(0, 20, n - 3)]
    return [*trains, np.zeros(0), np.array([3.0]), np.unique(np.concatenate([trains[0][::2], trains[1][::3]]))]


def _neo(trains: Trains) -> list[SpikeTrain]:
    return [SpikeTrain(t * pq.s, t_start=0 * pq.s, t_stop=6 * pq.s) for t in trains]


@pytest.mark.parametrize("cost", [0.0, 0.01, 1.0, 20.0, 300.0, 1e6])
def test_victor_purpura_is_elephants(cost: float) -> None:
    trains = _trains()
    theirs = victor_purpura_distance(_neo(trains), cost * pq.Hz)
    np.testing.assert_allclose(distances.victor_purpura(trains, cost), theirs, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("cost", [0.3, 40.0])
def test_victor_purpura_is_the_least_cost_of_all_alignments(cost: float) -> None:
    """By its definition, a recursion over both trains."""
    trains = _trains(2, 6)
    found = distances.victor_purpura(trains, cost)
    for (x, a), (y, b) in itertools.combinations(enumerate(trains), 2):
        table = np.zeros((a.size + 1, b.size + 1))
        table[:, 0], table[0] = np.arange(a.size + 1), np.arange(b.size + 1)
        for i, j in np.ndindex(a.size, b.size):
            shift = table[i, j] + cost * abs(a[i] - b[j])
            table[i + 1, j + 1] = min(table[i, j + 1] + 1, table[i + 1, j] + 1, shift)
        assert found[x, y] == pytest.approx(table[-1, -1], abs=1e-9)


@pytest.mark.parametrize("tau", [1e-3, 0.05, 2.0])
def test_van_rossum_is_elephants(tau: float) -> None:
    trains = _trains()
    theirs = van_rossum_distance(_neo(trains), tau * pq.s)
    np.testing.assert_allclose(distances.van_rossum(trains, tau), theirs, rtol=1e-9, atol=1e-7)  # a root near 0
    np.testing.assert_allclose(distances.van_rossum(trains, tau) ** 2, theirs**2, rtol=1e-9, atol=1e-9)


A, B = np.array([0.2, 0.4, 0.6, 0.7]), np.array([0.3, 0.45, 0.8, 0.9, 0.95])
C, D = np.array([0.2, 0.4, 0.6]), np.array([0.1, 0.4, 0.5, 0.6])
NONE, ONE, OTHER = np.zeros(0), np.array([0.4]), np.array([0.6])


def _pair(measure, a: np.ndarray, b: np.ndarray, stop: float = 1.0) -> float:  # type: ignore[no-untyped-def]
    found = measure([a, b], 0.0, stop)
    assert found[0, 1] == found[1, 0]
    assert not np.diag(found).any()
    return float(found[0, 1])


@pytest.mark.parametrize(
    ("a", "b", "stop", "expected"),
    [
        # by hand, as in PySpike's tests (test_distance.py and test_empty.py, a24d6c7): time x |difference| / longer interval
        (A, B, 1.0, 0.2 / 3 + 0.1 / 3 + 0.1 / 4 + 0.05 / 4 + 0.15 * 15 / 35 + 0.1 * 25 / 35 + 0.1 * 5 / 35 + 0.1 * 2 / 3
         + 0.1 * 25 / 30),
        (C, D, 1.0, 0.4 / 3 + 0.2 / 2),
        (NONE, NONE, 1.0, 0.0),
        (NONE, ONE, 1.0, 0.6 * 0.4 + 0.4 * 0.6),
        (OTHER, ONE, 1.0, 0.8 * 0.2 / 0.6),
        (np.arange(100.0, 1201, 100), np.arange(100.0, 1201, 110), 1300.0, 0.090909090909090939),
    ],
)  # fmt: skip
def test_isi_distance_is_pyspikes(a: np.ndarray, b: np.ndarray, stop: float, expected: float) -> None:
    assert _pair(distances.isi, a, b, stop) == pytest.approx(expected, abs=1e-14)


@pytest.mark.parametrize(
    ("a", "b", "stop", "expected"),
    [
        # values of SPIKY in PySpike's tests, and by hand
        (np.array([0.0, 2.0, 5.0, 8.0]), np.array([0.0, 1.0, 5.0, 9.0]), 10.0, 0.186309523809523814),
        (np.arange(100.0, 1201, 100), np.arange(100.0, 1201, 110), 1300.0, 0.211058782487353908),
        (np.array([0.5, 1.5, 2.5]), np.array([3.5, 4.5, 5.5]), 6.0, np.sum(np.diff([0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6])
         * [44 / 162, 72 / 162, 86 / 162, 2 / 7, 86 / 162, 72 / 162, 44 / 162]) / 6),
        (NONE, NONE, 1.0, 0.0),
        (NONE, ONE, 1.0, 2 * 0.4 * 0.4 / 1.4**2 + 2 * 0.6 * 0.4 / 1.6**2),
        (OTHER, ONE, 1.0, 0.8 * 0.2 / 0.5 + 0.2 * 0.2 / 0.6),
    ],
)  # fmt: skip
def test_spike_distance_is_pyspikes(a: np.ndarray, b: np.ndarray, stop: float, expected: float) -> None:
    assert _pair(distances.spike, a, b, stop) == pytest.approx(expected, abs=1e-14)


def test_spike_distance_of_two_trains_by_hand() -> None:
    """The profile of PySpike's test_spike, at both ends of each stretch (its pen-and-paper values)."""
    at = np.array([0.0, 0.2, 0.3, 0.4, 0.45, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0])
    s1 = np.array([0.1, 0.1, 0.075, 0.05, 0.075, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1])
    s2 = np.array([0.1, 0.1, 0.1, 0.2 / 3, 0.05, 0.025 / 0.35, 0.03 / 0.35, 0.1, 0.1, 0.05, 0.05])
    of1 = np.array([0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.3, 0.3, 0.3, 0.3])
    of2 = np.array([0.3, 0.3, 0.15, 0.15, 0.35, 0.35, 0.35, 0.1, 0.05, 0.05])
    ends = [(s1[k] * of2 + s2[k] * of1) / (0.5 * (of1 + of2) ** 2) for k in (slice(0, -1), slice(1, None))]
    assert _pair(distances.spike, A, B) == pytest.approx(np.sum(np.diff(at) * np.mean(ends, axis=0)), abs=1e-14)


ALL = {
    "victor_purpura": lambda trains, by=0.0: distances.victor_purpura(trains, 20.0),
    "van_rossum": lambda trains, by=0.0: distances.van_rossum(trains, 0.05),
    "isi": lambda trains, by=0.0: distances.isi(trains, by, 6.0 + by),
    "spike": lambda trains, by=0.0: distances.spike(trains, by, 6.0 + by),
}


@pytest.mark.parametrize("name", ALL)
def test_laws_of_distances(name: str) -> None:
    """0 of a train to itself, symmetric, not negative, the same in any order of trains, and later."""
    trains = [np.round(t * 2**20) / 2**20 for t in _trains()]
    found = ALL[name](trains)
    assert not np.diag(found).any()
    np.testing.assert_array_equal(found, found.T)
    assert (found >= 0).all()
    order = np.random.default_rng(0).permutation(len(trains))
    np.testing.assert_allclose(ALL[name]([trains[k] for k in order]), found[np.ix_(order, order)], rtol=1e-12, atol=1e-7)
    for by in (4096.0, 2.0**20):
        np.testing.assert_allclose(ALL[name]([t + by for t in trains], by), found, rtol=1e-9, atol=1e-7)
    same = ALL[name]([trains[0], trains[0].copy(), trains[1]])
    assert same[0, 1] == pytest.approx(0, abs=1e-7)
    assert same[0, 2] > 0.1


@pytest.mark.parametrize("name", ["victor_purpura", "van_rossum"])
def test_a_detour_is_never_shorter(name: str) -> None:
    found = ALL[name](_trains())
    assert (found[:, None, :] <= found[:, :, None] + found[None, :, :] + 1e-9).all()


def test_limits() -> None:
    """Free shifts count spikes, dear ones coincidences; a slow filter counts spikes, a fast one coincidences."""
    trains = _trains()
    size = np.array([t.size for t in trains])
    np.testing.assert_array_equal(distances.victor_purpura(trains, 0.0), abs(size[:, None] - size))
    apart = np.array([[a.size + b.size - 2 * np.intersect1d(a, b).size for b in trains] for a in trains], float)
    np.testing.assert_allclose(distances.victor_purpura(trains, 1e12), apart)
    np.testing.assert_allclose(distances.van_rossum(trains, 1e9), abs(size[:, None] - size), atol=1e-3)
    np.testing.assert_allclose(distances.van_rossum(trains, 1e-9), np.sqrt(apart), atol=1e-6)


@pytest.mark.parametrize("name", ["_victor_purpura", "_van_rossum"])
def test_the_machine_does_what_python_says(name: str) -> None:
    kernel = getattr(distances, name)
    trains = _trains(4, 6)
    last = np.cumsum([0, *(t.size for t in trains)])
    both = [np.zeros((6, 6)), np.zeros((6, 6))]
    for code, out in zip((kernel, kernel.plain), both, strict=True):
        code(np.concatenate(trains), last, 0.7, out)
    np.testing.assert_allclose(both[0], both[1], rtol=1e-12)
