"""Spike time tiling and correlation index: exact at any time, any length, over gaps; elephant where elephant is right."""

import numpy as np
import pytest
import quantities as pq
import xarray as xr
from elephant.spike_train_correlation import spike_time_tiling_coefficient as of_elephant
from neo import SpikeTrain

from homeoanalysis import catalogue
from homeoanalysis.numerics import merged, neighbours, observed, resampling, synthetic
from homeoanalysis.provenance import rng_for

STTC = "spike_time_tiling_coefficient"
TICK = 1e-4  # many spikes lie exactly a window apart


def measured(name: str, one: xr.Dataset, **parameters: float) -> np.ndarray:
    return catalogue.load("metrics", name)(one, **parameters)[name].values


def trains_on_a_clock(n: int, rate: float, duration: float, *names: object) -> list[np.ndarray]:
    """Units that share spikes, on whole ticks."""
    rng = rng_for(7, *names)
    trains = synthetic.copied_trains(n, rate, 0.4, duration - 1, rng)
    trains = [t + rng.integers(0, 100, t.size) * TICK for t in trains]
    return [np.unique(np.rint(t / TICK)) * TICK for t in trains]


def later(one: xr.Dataset, by: float) -> xr.Dataset:
    times = [n for n in one.variables if one[n].attrs.get("units") == "s"]
    return one.assign({n: (one[n].dims, one[n].values + by, one[n].attrs) for n in times})


def brute_force(one: xr.Dataset, window: float, origin: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """In whole ticks: spikes near, pairs, tiled ticks (unit, unit), (unit, unit), (unit,)."""
    w = round(window / TICK)
    trains = [np.rint((t - origin) / TICK).astype(int) for t in observed.spike_trains(one)]
    edges = [np.rint((e - origin) / TICK).astype(int) for e in observed.segments(one)]
    segment = [np.searchsorted(edges[0], t, side="right") - 1 for t in trains]
    n = len(trains)
    near, pairs, tiled = np.zeros((n, n), int), np.zeros((n, n), int), np.zeros(n, int)
    for a in range(n):
        for b in range(n):
            close = (np.abs(trains[a][:, None] - trains[b]) <= w) & (segment[a][:, None] == segment[b])
            near[a, b], pairs[a, b] = close.any(axis=1).sum(), close.sum()
        for start, stop in zip(*edges, strict=True):
            covered = np.zeros(stop - start, bool)
            for t in trains[a][(trains[a] >= start) & (trains[a] <= stop)]:
                covered[max(t - w - start, 0) : min(t + w, stop) - start] = True
            tiled[a] += covered.sum()
    return near, pairs, tiled


@pytest.fixture(scope="module")
def gapped() -> xr.Dataset:
    one = synthetic.activity(trains_on_a_clock(5, 8.0, 40.0, "gapped"), 40.0)
    return observed.restrict(one, np.array([0.0, 5.0, 5.5, 20.0]), np.array([3.0, 5.5, 9.0, 40.0]))


@pytest.mark.parametrize("origin", [0.0, 1e6, 7 * 86400.0, 1e8])
@pytest.mark.parametrize("window", [0.005, 0.05, 0.7])
def test_counts_are_those_of_whole_numbers_at_any_time(gapped: xr.Dataset, window: float, origin: float) -> None:
    near, pairs, tiled = brute_force(gapped, window)
    one = later(gapped, origin)
    found = neighbours.neighbours(one, window)
    np.testing.assert_array_equal(found.near, near)
    np.testing.assert_array_equal(found.pairs, pairs)
    np.testing.assert_allclose(neighbours.tiled(one, window).sum(axis=1), tiled * TICK, rtol=1e-9 + 1e-7 * (origin > 1e7))


def test_without_the_slack_spikes_on_the_edge_of_the_window_are_lost(gapped: xr.Dataset) -> None:
    """The control: compared without slack, rounding decides over pairs that are exactly a window apart."""
    near, _, _ = brute_force(gapped, 0.005)
    sweep = neighbours.Sweep(5, 0.005)
    for piece in merged.pieces(later(gapped, 1e6), 0.005):
        sweep.add(piece)
    assert np.any(sweep.total().near < near)


@pytest.mark.parametrize("size", [100, 1000])
def test_pieces_add_up_to_the_whole(gapped: xr.Dataset, size: int) -> None:
    reach = 0.7
    parts, whole = neighbours.Sweep(5, reach), neighbours.Sweep(5, reach)
    for piece in merged.pieces(gapped, reach, size):
        parts.add(piece)
    for piece in merged.pieces(gapped, reach):
        whole.add(piece)
    for a, b in zip(parts.total(), whole.total(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_machine_code_counts_as_python_does(gapped: xr.Dataset) -> None:
    (piece,) = merged.pieces(gapped, 0.1)
    mine, machine = np.zeros((2, 2, 5, 5), np.uint32)
    arguments = piece.time, piece.unit, piece.first, piece.last, 0.1
    neighbours._sweep.plain(*arguments, *mine)
    neighbours._sweep(*arguments, *machine)
    np.testing.assert_array_equal(mine, machine)


@pytest.mark.slow
def test_many_units_are_counted_as_few() -> None:
    """Few neighbours of many units are counted one by one, else a row at once: both ways agree with brute force."""
    one = synthetic.activity(trains_on_a_clock(300, 0.3, 20.0, "many"), 20.0)
    for window in (0.005, 0.5):
        near, pairs, _ = brute_force(one, window)
        found = neighbours.neighbours(one, window)
        np.testing.assert_array_equal(found.near, near)
        np.testing.assert_array_equal(found.pairs, pairs)


@pytest.mark.parametrize("window", [0.005, 0.05])
def test_tiling_is_elephants_where_elephant_is_right(window: float) -> None:
    """Short times from 0 s, spikes at random places: elephant's window is wider by a part of 1e-5 of the time."""
    rng = rng_for(7, "elephant", window)
    trains = synthetic.copied_trains(4, 6.0, 0.3, 20.0, rng)
    trains = [np.sort(t + rng.uniform(-0.04, 0.04, t.size)) for t in trains]
    trains = [t[(t > 0) & (t < 20)] for t in trains]
    found = measured(STTC, synthetic.activity(trains, 20.0), window=window)[:, 0]
    neos = [SpikeTrain(t * pq.s, t_start=0 * pq.s, t_stop=20 * pq.s) for t in trains]
    for a in range(4):
        others = [of_elephant(neos[a], neos[b], dt=window * pq.s) for b in range(4) if b != a]
        # One pair more or less that is within 2e-4 s of the window's edge moves a coefficient by 1 / 120.
        assert found[a] == pytest.approx(np.mean(others), abs=0.01)


def test_tiling_of_two_spikes_by_hand() -> None:
    """P_A = 1/2, P_B = 1, T_A = 4/10, T_B = 2/10, window 1 s: (0.3 / 0.9 + 0.6 / 0.6) / 2."""
    one = synthetic.activity([np.array([2.0, 8.0]), np.array([3.0])], 10.0)
    np.testing.assert_allclose(measured(STTC, one, window=1.0), (0.3 / 0.9 + 1.0) / 2)


def test_equal_trains_have_one_and_silent_or_lonely_units_nothing() -> None:
    train = np.arange(1.0, 9.0)
    np.testing.assert_allclose(measured(STTC, synthetic.activity([train, train], 10.0), window=0.1), 1.0)
    np.testing.assert_allclose(measured(STTC, synthetic.activity([train, train], 10.0), window=1.0), 1.0)  # all is tiled
    for name in (STTC, "correlation_index"):
        found = measured(name, synthetic.activity([train, train, np.zeros(0)], 10.0), window=0.1)[:, 0]
        assert np.isfinite(found[:2]).all()
        assert np.isnan(found[2])
        assert np.isnan(measured(name, synthetic.activity([train], 10.0), window=0.1)).all()


@pytest.mark.parametrize("name", [STTC, "correlation_index"])
@pytest.mark.parametrize("by", [1e6, 7 * 86400.0])
def test_later_nothing_changes(name: str, by: float) -> None:
    """Spikes at any places, whatever the rounding of the later times: equal to 1e-9."""
    trains = synthetic.copied_trains(4, 5.0, 0.3, 300.0, rng_for(7, "later"))
    one = synthetic.activity(trains, 300.0)
    here, there = (measured(name, a, window=0.02) for a in (one, later(one, by)))
    np.testing.assert_allclose(there, here, rtol=1e-9, atol=1e-9)


def test_independent_trains_stay_near_nothing_at_seven_days_where_elephant_reaches_one() -> None:
    """600 s of two 5 Hz trains that begin a week in, window 5 ms: P has a standard error of 0.004."""
    rng, week = rng_for(7, "week"), 7 * 86400.0
    trains = [synthetic.poisson_train(5.0, 600.0, rng) for _ in range(2)]
    found = measured(STTC, later(synthetic.activity(trains, 600.0), week), window=0.005)
    expected = 1 - np.exp(-2 * 0.005 * 5)
    error = np.sqrt(expected * (1 - expected) / 3000)
    assert np.all(np.abs(found) < 4 * error)
    neos = [SpikeTrain((t + week) * pq.s, t_start=week * pq.s, t_stop=(week + 600) * pq.s) for t in trains]
    assert of_elephant(*neos, dt=5 * pq.ms) > 0.99


def test_a_week_of_spikes_has_the_error_of_its_length() -> None:
    rng, week = rng_for(7, "a week long"), 7 * 86400.0
    one = synthetic.activity([synthetic.poisson_train(1.0, week, rng) for _ in range(3)], week)
    found = measured(STTC, one, window=0.05)
    expected = 1 - np.exp(-0.1)
    assert np.all(np.abs(found) < 4 * np.sqrt(expected * (1 - expected) / week))


def test_a_unit_that_was_not_isolated_is_not_counted_as_silent() -> None:
    """Of two units only the segments count in which both were isolated."""
    trains = synthetic.copied_trains(3, 6.0, 0.4, 100.0, rng_for(7, "isolated"))
    one = observed.restrict(synthetic.activity(trains, 100.0), np.array([0.0, 50.0]), np.array([50.0, 100.0]))
    flags = xr.Variable(("unit", "segment"), np.array([[1, 1], [1, 0], [1, 0]]), {"units": "1"})
    for name in (STTC, "correlation_index"):
        partly = measured(name, one.assign(observed=flags), window=0.01)
        first = measured(name, observed.restrict(one, np.array([0.0]), np.array([50.0])), window=0.01)
        np.testing.assert_allclose(partly, first)
        assert np.all(np.abs(measured(name, one, window=0.01) - first) > 1e-6)


def test_correlation_index_is_that_of_its_formula() -> None:
    """N_ab T / (N_a N_b 2 window), but for a part of window / 2 T where windows reach over the ends."""
    one = synthetic.activity(trains_on_a_clock(3, 5.0, 200.0, "index"), 200.0)
    _, pairs, _ = brute_force(one, 0.05)
    count = one.spike_count.values
    index = pairs * 200.0 / (np.outer(count, count) * 0.1)
    expected = (index.sum(axis=1) - np.diag(index)) / 2 / (1 - 0.05 / 400)
    np.testing.assert_allclose(measured("correlation_index", one, window=0.05)[:, 0], expected)


def test_turned_trains_keep_counts_and_lose_the_relation() -> None:
    trains = synthetic.copied_trains(4, 5.0, 0.5, 300.0, rng_for(7, "turned"))
    one = observed.restrict(synthetic.activity(trains, 300.0), np.array([0.0, 120.0]), np.array([100.0, 300.0]))
    turned = resampling.turned_trains(one, rng_for(7, "by"))
    assert turned.spike_count.values.tolist() == one.spike_count.values.tolist()
    assert observed.segment_counts(turned).sum() == one.sizes["spike"]
    assert np.all(measured(STTC, one, window=0.01) > 0.4)
    assert np.all(np.abs(measured(STTC, turned, window=0.01)) < 0.05)
