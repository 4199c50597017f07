"""Irregularity, bursts and events of many units, by hand, against elephant, and over gaps."""

import math

import numpy as np
import pytest
import quantities as pq
import xarray as xr
from elephant import statistics
from neo import SpikeTrain

from homeoanalysis import catalogue
from homeoanalysis.numerics import bursts, isi, observed, synthetic
from homeoanalysis.provenance import rng_for

BURST_METRICS = [n for n in catalogue.names("metrics") if n.endswith("_burst_rate") and n != "network_burst_rate"]


def measured(name: str, one: xr.Dataset, **parameters: object) -> xr.Dataset:
    return catalogue.load("metrics", name)(one, **parameters)


def gapped(trains: list[np.ndarray], duration: float, *pieces: tuple[float, float]) -> xr.Dataset:
    start, stop = np.array(pieces).T
    return observed.restrict(synthetic.activity(trains, duration), start, stop)


# ---- intervals


def test_the_coefficient_of_variation_is_elephants_on_one_stretch() -> None:
    trains = [synthetic.gamma_train(5.0, shape, 60.0, rng_for(8, "cv", shape)) for shape in (0.5, 1.0, 3.0)]
    found = measured("coefficient_of_variation", synthetic.activity(trains, 60.0)).coefficient_of_variation.values[:, 0]
    np.testing.assert_allclose(found, [statistics.cv(np.diff(t)) for t in trains], rtol=1e-12)


def test_no_interval_bridges_a_gap() -> None:
    one = gapped([np.array([1.0, 2.0, 4.0, 9.0, 10.0]), np.array([3.5, 8.5])], 12.0, (0.0, 5.0), (8.0, 12.0))
    found = isi.intervals(one)
    assert found.unit.tolist() == [0, 0, 0]
    assert found.length.tolist() == [1.0, 2.0, 1.0]
    n, mean, deviation = isi.mean_and_deviation(found, 2)
    assert n.tolist() == [3, 0]
    assert mean[0] == pytest.approx(4 / 3)
    assert deviation[0] == pytest.approx(math.sqrt(2 / 9))
    assert np.isnan(mean[1])


def test_the_fano_factor_is_elephants_but_for_the_divisor() -> None:
    train = synthetic.gamma_train(8.0, 2.0, 30.0, rng_for(8, "fano"))
    found = measured("fano_factor", synthetic.activity([train], 30.0), window=1.0)
    windows = [
        SpikeTrain(train[(train >= k) & (train < k + 1)] * pq.s, t_start=k * pq.s, t_stop=(k + 1) * pq.s) for k in range(30)
    ]
    assert found.fano_factor.item() == pytest.approx(statistics.fanofactor(windows) * 30 / 29)
    assert found.fano_factor_windows.item() == 30


def test_windows_of_the_fano_factor_lie_within_segments_in_which_the_unit_was_isolated() -> None:
    """Segments of 30.5 and 25 s hold 30 and 25 windows of 1 s; the second unit is isolated in the second only."""
    trains = [synthetic.poisson_train(5.0, 80.0, rng_for(8, "windows", k)) for k in range(2)]
    one = gapped(trains, 80.0, (0.0, 30.5), (50.0, 75.0))
    one = one.assign(observed=(("unit", "segment"), np.array([[1, 1], [0, 1]]), {"units": "1"}))
    found = measured("fano_factor", one, window=1.0)
    assert found.fano_factor_windows.values[:, 0].tolist() == [55, 25]
    count = np.histogram(trains[1], np.arange(50, 76))[0]
    assert found.fano_factor.values[1, 0] == pytest.approx(count.var(ddof=1) / count.mean())


@pytest.mark.parametrize("name", ["coefficient_of_variation", "fano_factor"])
def test_too_few_intervals_or_windows_have_no_value(name: str) -> None:
    one = synthetic.activity([np.linspace(0.1, 8.9, 20)], 9.0)  # 19 intervals, 18 windows
    assert np.isnan(measured(name, one)[name].item())


# ---- bursts of a unit

TRAIN = np.concatenate([np.arange(6) * 0.05 + 1, np.arange(8) * 0.02 + 2.5, [4.0], np.arange(5) * 0.02 + 6])


def test_max_interval_bursts_by_hand() -> None:
    """Six spikes over 0.25 s, eight over 0.14 s, 1.25 s later; the last five are too few."""
    name = "max_interval_burst_rate"
    found = measured(name, synthetic.activity([TRAIN], 10.0)).isel(unit=0, epoch=0)
    assert found[name] == pytest.approx(2 / 10)
    assert found[f"{name}_count"] == 2
    assert found[f"{name}_duration"] == pytest.approx((0.25 + 0.14) / 2)
    assert found[f"{name}_spikes"] == 7
    assert found[f"{name}_fraction"] == pytest.approx(14 / 20)
    assert found[f"{name}_within"] == pytest.approx((6 / 0.25 + 8 / 0.14) / 2)
    assert np.isnan(found[f"{name}_irregularity"])  # of one interval between bursts


@pytest.mark.parametrize(
    ("changed", "bursts_left"),
    [
        ({"merge": 1.3}, 1),
        ({"spikes": 5}, 3),
        ({"spikes": 7}, 1),
        ({"duration": 0.2}, 1),
        ({"begin": 0.03}, 1),
        ({"end": 1.4}, 1),
    ],
)
def test_each_limit_of_max_interval(changed: dict[str, float], bursts_left: int) -> None:
    found = measured("max_interval_burst_rate", synthetic.activity([TRAIN], 10.0), **changed)
    assert found.max_interval_burst_rate_count.item() == bursts_left


@pytest.mark.parametrize("by", [0.0, 1e6])
def test_intervals_at_the_limit_stay_on_their_side_at_any_time(by: float) -> None:
    """Not shorter than `begin`: no start; not longer than `end`: no end. On a clock of 0.1 ms, where rounding hides which."""
    at_begin = by + np.arange(40) * 0.1
    at_end = by + 5 + np.concatenate([np.arange(6) * 0.05, 0.25 + np.arange(1, 20) * 0.25])
    for times, first, last in ((at_begin, [], []), (at_end, [0], [24])):
        found = bursts.max_interval(times, 1e-9)
        assert (found.first.tolist(), found.last.tolist()) == (first, last)
    blind = bursts.max_interval(1e6 + np.arange(40) * 0.1, 0.0)
    assert blind.first.size > 0, "the control: without slack rounding makes bursts"


def test_a_burst_at_a_gap_is_two_or_none() -> None:
    """Twelve spikes with a gap behind the sixth: two bursts, not one; and no interval between them."""
    train = 1 + np.arange(12) * 0.02
    one = gapped([train], 4.0, (0.0, 1.11), (1.11, 4.0))
    assert measured("max_interval_burst_rate", synthetic.activity([train], 4.0)).max_interval_burst_rate_count.item() == 1
    found = measured("max_interval_burst_rate", one)
    assert found.max_interval_burst_rate_count.item() == 2
    assert np.isnan(found.max_interval_burst_rate_irregularity.item())


@pytest.mark.parametrize("name", BURST_METRICS)
def test_silence_is_no_burst_and_a_unit_that_is_not_isolated_has_no_rate(name: str) -> None:
    one = synthetic.activity([np.zeros(0), np.zeros(0), np.array([1.0])], 10.0)
    one = one.assign(observed=(("unit", "segment"), np.array([[1], [0], [1]]), {"units": "1"}))
    values = measured(name, one)[name].values[:, 0]
    assert values[0] == values[2] == 0
    assert np.isnan(values[1])


def test_the_valley_of_log_intervals_is_between_two_populations() -> None:
    """Log-normal intervals around 10 ms and 2 s, 0.15 decades wide: the valley lies between; one population has none."""
    rng = rng_for(8, "valley")
    short, long = 0.01 * 10 ** rng.normal(0, 0.15, 3000), 2.0 * 10 ** rng.normal(0, 0.15, 500)
    assert 0.03 < bursts.valley(np.concatenate([short, long]), 0.1, 0.7) < 0.8
    assert np.isnan(bursts.valley(short, 0.1, 0.7))
    assert np.isnan(bursts.valley(long, 0.1, 0.7)), "no peak below the longest interval of a core"


def test_a_valley_above_the_core_lets_bursts_grow_to_it() -> None:
    """Cores of 5 spikes 10 ms apart with a spike 150 ms before and after each: intervals of 10 and 150 ms, and of 3 s."""
    core = np.concatenate([[-0.15], np.arange(5) * 0.01, [0.19]])
    train = (np.arange(30)[:, None] * 3.0 + 1 + core).ravel()
    found = bursts.log_interval(train, 1e-9)
    limit = bursts.valley(np.diff(train), 0.1, 0.7)
    size = (found.last - found.first + 1).tolist()
    assert size == [5] * 30 if limit < 0.1 else size == [7] * 30
    wide = np.concatenate([train, train + 0.055])
    assert bursts.log_interval(np.sort(wide), 1e-9).first.size == 30


def sum_of_ranks(q: int, n: int, u: int) -> float:
    """P(sum of q ranks from 1 to n <= u) by counting."""
    ways = np.zeros(u + 1)
    ways[0] = 1
    for _ in range(q):
        total = np.concatenate([[0], np.cumsum(ways)])
        ways = np.array([total[s] - total[max(s - n, 0)] for s in range(u + 1)])
    return float(ways.sum()) / n**q


@pytest.mark.slow
def test_rank_surprise_finds_what_is_unlikely_by_its_probability() -> None:
    """40 different intervals, the five shortest in a row: probability of a sum of 15, by counting."""
    interval = np.concatenate([np.arange(21, 41), [1, 2, 3, 4, 5], np.arange(6, 21)]) * 0.01
    times = np.concatenate([[0], np.cumsum(interval)])
    p = sum_of_ranks(5, 40, 15)
    assert p == pytest.approx(math.comb(15, 5) / 40**5)
    just_above, just_below = (bursts.rank_surprise(times, 1e-9, significance=p * f, quantile=0.12) for f in (1.01, 0.99))
    assert (just_above.first.tolist(), just_above.last.tolist()) == ([20], [25])
    assert just_below.first.size == 0


def test_the_exact_probability_of_ranks_is_that_of_counting() -> None:
    """Through the compiled search: with one candidate of q intervals, the threshold at which it appears is its probability."""
    n = 50
    for q, u in ((2, 40), (3, 70), (7, 120), (20, 400), (29, 650)):
        rank = np.full(q, float(u // q))
        rank[: u % q] += 1
        p = sum_of_ranks(q, n, u)
        edges = np.array([0]), np.array([q])
        for factor, expected in ((1.001, True), (0.999, False)):
            first, last, found = bursts._surprising.plain(rank, *edges, n, -np.log(p * factor), 1000)
            whole = [(a, b) for a, b in zip(first[:found], last[:found], strict=True) if b - a == q]
            assert bool(whole) == expected, (q, u)


def test_machine_code_surprises_as_python_does() -> None:
    rng = rng_for(8, "surprise")
    rank = rng.permutation(200) + 1.0
    short = np.diff(np.concatenate([[0], (rank < 120).astype(int), [0]]))
    arguments = rank, np.flatnonzero(short == 1), np.flatnonzero(short == -1), 200, 2.0, 1000
    machine, python = bursts._surprising(*arguments), bursts._surprising.plain(*arguments)
    assert machine[2] == python[2] > 0
    for a, b in zip(machine[:2], python[:2], strict=True):
        np.testing.assert_array_equal(a, b)


def test_bursts_are_found_and_chance_makes_few() -> None:
    """Thirty bursts of 10 spikes among 0.3 Hz: all methods find them; in Poisson trains of the same rate few or none."""
    rng = rng_for(8, "found")
    onset = synthetic.onsets(2.0, 10.0, 300.0, rng)
    bursty = synthetic.activity([synthetic.bursting_train(onset, 10, 0.008, 0.3, 300.0, rng)], 300.0)
    rate = bursty.sizes["spike"] / 300.0
    plain = synthetic.activity([synthetic.poisson_train(rate, 300.0, rng)], 300.0)
    limits: dict[str, dict[str, float]] = {"rank_surprise_burst_rate": {"significance": 1e-4}}
    for name in BURST_METRICS:
        inside, outside = (measured(name, one, **limits.get(name, {}))[f"{name}_count"].item() for one in (bursty, plain))
        if name != "rank_surprise_burst_rate":  # the intervals of these bursts are most of all, and so of middling rank
            assert abs(inside - onset.size) <= 2, name
        assert outside <= 0.35 * onset.size, name


# ---- many units


def test_network_spikes_by_hand() -> None:
    """12 units in one bin, 9 in the next and 3 before: peak 12, and its width at 6."""
    trains = [np.array([5.0301 + 1e-5 * k]) for k in range(12)]
    trains = [np.append(t, [5.0331] if k < 9 else []) for k, t in enumerate(trains)]
    trains = [np.sort(np.append(t, [5.0271] if k < 3 else [])) for k, t in enumerate(trains)]
    found = measured("network_spike_rate", synthetic.activity(trains, 10.0), bin_size=0.003)
    assert found.network_spike_rate_count.item() == 1
    assert found.network_spike_rate.item() == pytest.approx(1 / 9.4)
    assert found.network_spike_rate_peak.item() == 12
    # Up from 3 at -1 to 12 at 0, through 6 a third of the way; down from 9 at 1 to 0 at 2, through 6 a third of the way.
    assert found.network_spike_rate_duration.item() == pytest.approx(0.003 * ((1 + 1 / 3) - (-1 + 1 / 3)))
    assert measured("network_spike_rate", synthetic.activity(trains, 10.0), units=12).network_spike_rate_count.item() == 0


def test_network_spikes_near_the_ends_of_segments_are_left_out_with_their_time() -> None:
    trains = [np.array([0.2, 5.0, 9.9]) + 1e-4 for _ in range(20)]
    one = gapped(trains, 10.0, (0.0, 4.0), (4.5, 10.0))
    found = measured("network_spike_rate", one)
    assert found.network_spike_rate_count.item() == 1
    assert found.network_spike_rate.item() == pytest.approx(1 / (3.4 + 4.9))


def test_population_events_by_hand() -> None:
    """40 s; 4 units of which 3 fire twice each in second 10, and all once in seconds 20 and 21."""
    trains = [np.array([10.1, 10.2, 20.5, 21.5])] * 3 + [np.array([20.6, 21.6])]
    one = synthetic.activity(trains, 40.0)
    found = measured("population_event_rate", one).isel(epoch=0)
    assert found.population_event_rate == pytest.approx(2 / 40)
    assert found.population_event_rate_duration == pytest.approx(1.5)
    participation = measured("population_event_participation", one)
    assert participation.population_event_participation.item() == pytest.approx((3 / 4 + 1) / 2)
    assert measured("population_event_spikes", one).population_event_spikes.item() == pytest.approx((6 + 8) / 2)


def test_a_population_event_ends_with_its_segment_and_counts_isolated_units_only() -> None:
    trains = [np.array([19.5, 20.5])] * 3 + [np.array([19.5])]
    one = gapped(trains, 40.0, (0.0, 20.0), (20.0, 40.0))
    assert measured("population_event_rate", synthetic.activity(trains, 40.0)).population_event_rate_count.item() == 1
    assert measured("population_event_rate", one).population_event_rate_count.item() == 2
    partly = one.assign(observed=(("unit", "segment"), np.array([[1, 1], [1, 1], [1, 1], [1, 0]]), {"units": "1"}))
    assert measured("population_event_participation", partly).population_event_participation.item() == 1.0


def test_network_bursts_by_hand() -> None:
    """Four units burst from 1.00, 1.05 and 1.10 s on for 0.14 s, two together at a share of 1/2; one bursts alone at 5 s."""
    burst = np.arange(8) * 0.02
    trains = [burst + 1.0, burst + 1.05, np.concatenate([burst + 1.1, burst + 5.0]), np.array([7.0])]
    one = synthetic.activity(trains, 10.0)
    found = measured("network_burst_rate", one, share=0.5).isel(epoch=0)
    assert found.network_burst_rate == pytest.approx(1 / 10)
    assert found.network_burst_rate_duration == pytest.approx(1.19 - 1.05)  # two at a time, from the second's start to its end
    assert found.network_burst_rate_participation == pytest.approx(3 / 4)
    assert measured("network_burst_rate", one, share=1.0).network_burst_rate_count.item() == 0


def test_a_theta_rhythm_is_seen_and_others_are_not() -> None:
    rng = rng_for(8, "theta")
    trains = []
    for period in (0.16, 0.5, 0.02):
        trains.append(synthetic.bursting_train(synthetic.onsets(0.7 * period, period, 60.0, rng), 2, 0.003, 0.0, 60.0, rng))
    found = measured("theta_bursting", synthetic.activity(trains, 60.0)).theta_bursting.values[:, 0]
    assert found.tolist() == [1, 0, 0]
