"""Halves, surrogates and intervals against their definitions and scipy."""

from itertools import pairwise

import numpy as np
import pytest
import xarray as xr
from binomial import binomial_rule
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from homeoanalysis import catalogue
from homeoanalysis.errors import NotApplicable
from homeoanalysis.measure import measure_draws
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.intervals import bca_interval, count_interval, t_quantile
from homeoanalysis.numerics.resampling import Halves, blocks, scattered_trains, shifted_stimulus, sorted_uniform, with_spikes
from homeoanalysis.provenance import rng_for

QUICK = settings(max_examples=80, deadline=None, derandomize=True)


def gapped(rng: np.random.Generator, rate: float = 20.0) -> xr.Dataset:
    """Three units in [0, 10], [12, 15] and [15, 21] s, two epochs, a spike on the seam and on the last instant."""
    trains = [synthetic.poisson_train(rate, 21.0, rng) for _ in range(3)]
    trains[0] = np.concatenate([trains[0], [15.0, 21.0]])
    epochs = {"a": (0.0, 9.0), "b": (9.0, 21.0)}
    one = synthetic.activity(trains, 21.0, epochs=epochs, covariate=np.arange(2100.0), sampling_rate=100.0)
    start, stop = np.array([0.0, 12.0, 15.0]), np.array([10.0, 15.0, 21.0])
    parts = [observed.restrict(one, start[k : k + 1], stop[k : k + 1]) for k in range(3)]
    spikes = [np.concatenate([observed.spike_trains(p)[u] for p in parts]) for u in range(3)]
    result = observed.restrict(one, start, stop)
    times = {"segment_start": start, "segment_stop": stop}
    result = result.assign({k: ("segment", v, {"units": "s"}) for k, v in times.items()})
    return result.assign(
        spike_time=("spike", np.concatenate(spikes), {"units": "s"}),
        spike_count=("unit", [t.size for t in spikes], {"units": "1"}),
    )


# ---- halves


@pytest.mark.parametrize("length", [0.25, 0.7, 1.0, 3.0])
def test_blocks_lie_in_one_segment_and_one_epoch(length: float) -> None:
    one = gapped(rng_for(7, "blocks"))
    start, stop, member = blocks(one, length)
    assert np.all(member.sum(axis=1) == 1)
    epoch = member.argmax(axis=1)
    np.testing.assert_allclose(stop - start, length)
    segments = list(zip(one.segment_start.values, one.segment_stop.values, strict=True))
    spans = list(observed.epochs(one).values())
    expected = 0
    for k, (c, d) in enumerate(spans):
        for a, b in segments:
            expected += int((min(b, d) - max(a, c)) / length + 1e-6) if min(b, d) > max(a, c) else 0
        for s, e in zip(start[epoch == k], stop[epoch == k], strict=True):
            assert c <= s < e <= d + 1e-9
            assert any(a <= s < e <= b + 1e-9 for a, b in segments)
    assert start.size == expected
    assert np.all(np.sort(start)[1:] >= np.sort(stop)[:-1])


@pytest.mark.parametrize("length", [0.1, 0.256, 0.7])
def test_no_spike_on_the_seam_of_two_blocks_counts_twice(length: float) -> None:
    """Blocks whose ends are no binary fractions; a half's spikes are those of its blocks, each once."""
    begin = 20 + length * np.arange(int(30 / length + 1e-6))
    one = synthetic.activity([begin], 60.0, epochs={"late": (20.0, 50.0)})
    halves = Halves(one, length)
    assert np.all(halves.start[1:] == halves.stop[:-1])
    for mask in halves.deal(rng_for(1, "seams")):
        half = halves.take(mask)
        assert observed.counts(half, ["late"])[0].sum() == half.sizes["spike"] == mask[:-1].sum()
        each = observed.piece_counts(half, *observed.segments(half))[0]
        np.testing.assert_array_equal(each, np.ones_like(each))


@pytest.mark.parametrize(
    ("edges", "length"),
    [
        ((0.0, 0.3), 0.05),
        ((0.1, 0.45), 0.05),
        ((0.0, 0.3, 0.6), 0.1),
        ((0.0, 0.3, 0.6), 0.05),
        ((0.0, 1.8), 0.3),
        ((1e6, 1e6 + 1.8), 0.3),
    ],
)
@pytest.mark.parametrize("is_cut", [False, True], ids=["one segment", "a segment for each epoch"])
def test_blocks_end_with_their_epoch_and_segment(edges: tuple[float, ...], length: float, is_cut: bool) -> None:
    """A spike on each edge, of which the last is the end of the recording: all blocks together hold each once."""
    spans = {f"e{k}": span for k, span in enumerate(pairwise(edges))}
    one = synthetic.activity([np.array(edges)], edges[-1], epochs=spans).drop_dims("segment")
    cut = edges if is_cut else (edges[0], edges[-1])
    times = {"segment_start": cut[:-1], "segment_stop": cut[1:]}
    one = one.assign({k: ("segment", list(v), {"units": "s"}) for k, v in times.items()})
    halves = Halves(one, length)
    assert np.all(halves.start[1:] == halves.stop[:-1])
    assert halves.stop[-1] == edges[-1]
    whole = halves.take(np.arange(halves.start.size + 1) < halves.start.size)
    assert whole.sizes["spike"] == len(edges)
    assert observed.counts(whole, list(spans))[0].sum() == len(edges)
    assert observed.segment_counts(whole).sum() == len(edges)


@pytest.mark.parametrize("length", [0.25, 0.7, 1.0])
def test_halves_are_disjoint_of_equal_time_and_hold_all_blocks(length: float) -> None:
    one = gapped(rng_for(7, "halves"))
    halves = Halves(one, length)
    for draw in range(20):
        first, second = halves.deal(rng_for(7, "deal", draw))
        assert not np.any(first & second)
        assert not first[-1]
        assert not second[-1]
        left_out = ~(first | second)[:-1]
        for k in range(2):
            mine = halves.kind == k
            assert first[:-1][mine].sum() == second[:-1][mine].sum() == mine.sum() // 2
            assert left_out[mine].sum() == mine.sum() % 2
        for mask in (first, second):
            part = halves.take(mask)
            assert observed.observed_time(part) == pytest.approx(mask.sum() * length)
            assert np.all(np.diff(part.segment_start.values) > 0)


def test_a_half_holds_the_spikes_and_samples_of_its_blocks() -> None:
    one = gapped(rng_for(7, "spikes"))
    halves = Halves(one, 0.5)
    first, second = halves.deal(rng_for(7, "deal"))
    for mask in (first, second):
        part = halves.take(mask)
        inside = [(a, b) for a, b, m in zip(halves.start, halves.stop, mask[:-1], strict=True) if m]
        for whole, kept in zip(observed.spike_trains(one), observed.spike_trains(part), strict=True):
            assert kept.tolist() == [t for t in whole.tolist() if any(a <= t < b or t == b == 21.0 for a, b in inside)]
        pieces = zip(part.covariate_first_sample.values, part.covariate_sample_count.values, strict=True)
        samples = np.concatenate([part.covariate.values[0, f : f + n] for f, n in pieces])
        expected = [k for k in range(2100) if any(a - 1e-9 <= k / 100 < b - 1e-9 for a, b in inside)]
        assert samples.tolist() == expected
    # 0.5 s divides every part, so that nothing but blocks of an odd number is left out: every spike is somewhere.
    assert halves.take(first).sizes["spike"] + halves.take(second).sizes["spike"] <= one.sizes["spike"]
    both = halves.take(first | second)
    assert both.sizes["spike"] == np.sum((first | second)[halves.block])


def test_every_block_is_dealt_to_either_half_equally_often() -> None:
    """12 blocks, 400 draws: chi-square with 11 degrees of freedom at p > 0.001; not always the same halves."""
    halves = Halves(synthetic.activity([np.array([0.5])], 12.0), 1.0)
    dealt = np.array([halves.deal(rng_for(7, "fair", draw))[0][:-1] for draw in range(400)])
    # Without replacement the counts vary less than binomial: variance n/4 x 12/11.
    statistic = np.sum((dealt.sum(axis=0) - 200) ** 2) / (400 / 4 * 12 / 11)
    assert stats.chi2.sf(statistic, 11) > 1e-3
    assert len({tuple(row) for row in dealt}) > 100


def test_an_epoch_of_one_block_cannot_be_halved() -> None:
    one = synthetic.activity([np.array([0.5])], 10.0, epochs={"long": (0.0, 8.0), "short": (8.0, 9.5)})
    with pytest.raises(NotApplicable, match="epoch short is shorter than two blocks of 1 s"):
        Halves(one, 1.0)
    with pytest.raises(NotApplicable, match="epoch long is shorter than two blocks of 20 s"):
        Halves(one, 20.0)


def test_halves_of_overlapping_epochs() -> None:
    """A whole and a part of it: 10 Hz but 50 Hz in the part; the mean of both halves is the rate, and both have equal time."""
    rng = rng_for(7, "nested")
    spikes = np.concatenate([synthetic.poisson_train(10.0, 60.0, rng), 20.0 + synthetic.poisson_train(40.0, 20.0, rng)])
    one = synthetic.activity([spikes], 60.0, epochs={"whole": (0.0, 60.0), "part": (20.0, 40.0)})
    whole, _ = observed.counts(one, ["whole", "part"])
    halves = Halves(one, 1.0)
    for draw in range(5):
        parts = [halves.take(mask) for mask in halves.deal(rng_for(7, "nested", draw))]
        count, time = zip(*(observed.counts(p, ["whole", "part"]) for p in parts), strict=True)
        assert [t.tolist() for t in time] == [[[30.0, 10.0]]] * 2
        np.testing.assert_array_equal(sum(count), whole)


def test_draws_share_no_spike_and_the_null_has_the_time_of_a_half() -> None:
    one = gapped(rng_for(7, "draws"))
    drawn = measure_draws([one], "firing_rate", draws=30, block=0.5, seed=1)
    a, b, null = (drawn[k].firing_rate for k in ("half_a", "half_b", "null"))
    assert a.dims == ("draw", "unit", "epoch")
    total = observed.counts(one, ["a", "b"])[0]
    time = np.array([9.0, 10.0]) / 2
    # Every block of 0.5 s in the two epochs (18 and 20 of them) is dealt: the halves' counts add up to the whole.
    np.testing.assert_allclose((a + b).values * time, np.broadcast_to(total, a.shape), rtol=1e-12)
    assert not np.allclose(null, b)


def test_only_the_epochs_that_are_asked_for_are_dealt() -> None:
    """With the same numbers; a metric that is not taken per epoch keeps all of them."""
    one = gapped(rng_for(7, "draws"))
    given = dict(draws=5, block=0.5, seed=1)
    every = measure_draws([one], "firing_rate", **given)["half_a"].firing_rate
    assert every.epoch.values.tolist() == ["a", "b"]
    alone = measure_draws([one], "firing_rate", only_epochs=["b", "elsewhere"], **given)["half_a"].firing_rate
    assert alone.epoch.values.tolist() == ["b"]
    time = np.full(alone.sel(epoch="b").shape, 5.0)
    spikes = (alone.sel(epoch="b").values * time).round(9)
    assert (spikes == spikes.round()).all()
    nowhere = measure_draws([one], "firing_rate", only_epochs=["elsewhere"], **given)["half_a"]
    assert "no such epoch: elsewhere" in nowhere.attrs["not_applicable"]
    changes = [measure_draws([one], "residual_change", only_epochs=e, baseline="a", recovery="b", **given) for e in (["b"], None)]
    assert changes[0]["half_a"].equals(changes[1]["half_a"])


# ---- surrogates


@pytest.mark.parametrize("n_intervals", [1, 3])
def test_sorted_uniform_is_sorted_and_uniform_with_exact_counts(n_intervals: int) -> None:
    """Kolmogorov-Smirnov against the uniform distribution of observed time, p > 0.001, for each unit and for one spike."""
    start, stop = np.array([3.0, 10.0, 11.0])[:n_intervals], np.array([7.0, 10.5, 21.0])[:n_intervals]
    count = np.array([2000, 0, 1, 500])
    rng = rng_for(7, "uniform", n_intervals)
    edge = np.concatenate([[0], np.cumsum(stop - start)])

    def flattened(times: np.ndarray) -> np.ndarray:
        piece = np.searchsorted(start, times, side="right") - 1
        assert np.all((piece >= 0) & (times <= stop[piece]))
        return (times - start[piece] + edge[piece]) / edge[-1]

    singles = []
    for _ in range(300):
        times = np.split(sorted_uniform(count, start, stop, rng), np.cumsum(count)[:-1])
        assert [t.size for t in times] == count.tolist()
        assert all(np.all(np.diff(t) >= 0) for t in times)
        singles.append(times[2][0])
    for t in (times[0], times[3], np.sort(singles)):
        assert stats.kstest(flattened(t), "uniform").pvalue > 1e-3


def test_sorted_uniform_spikes_of_two_units_are_independent() -> None:
    """The largest of 5 and the smallest of 5 later ones, 2000 times: no rank correlation at p > 0.001."""
    rng = rng_for(7, "pairs")
    pairs = [sorted_uniform(np.array([5, 5]), np.zeros(1), np.ones(1), rng)[[4, 5]] for _ in range(2000)]
    assert stats.spearmanr(np.array(pairs)).pvalue > 1e-3


def test_shifted_stimulus_keeps_values_and_segments_and_loses_the_relation() -> None:
    one = gapped(rng_for(7, "shift"))
    shifts = set()
    for draw in range(40):
        other = shifted_stimulus(one, rng_for(7, "shift", draw))
        assert other.drop_vars("covariate").identical(one.drop_vars("covariate"))
        for first, n in zip(one.covariate_first_sample.values, one.covariate_sample_count.values, strict=True):
            old, new = one.covariate.values[0, first : first + n], other.covariate.values[0, first : first + n]
            assert sorted(new) == sorted(old)
            shift = int(np.flatnonzero(new == old[0])[0])
            np.testing.assert_array_equal(np.roll(old, shift), new)
            assert 0.1 * n - 1 <= shift <= 0.9 * n
            shifts.add(shift / n)
    assert len(shifts) > 100
    assert shifted_stimulus(synthetic.activity([np.zeros(0)], 1.0), rng_for(7, "none")).sizes["unit"] == 1


def test_other_spikes_lose_the_tick_and_nothing_else() -> None:
    one = synthetic.activity([np.array([0.1, 0.2]), np.array([0.3])], 1.0)
    one.spike_time.attrs["tick"] = 0.1
    other = with_spikes(one, np.array([0.15, 0.25, 0.35, 0.45]), np.array([1, 3]))
    assert [t.tolist() for t in observed.spike_trains(other)] == [[0.15], [0.25, 0.35, 0.45]]
    assert other.spike_time.attrs == {"units": "s"}
    assert one.spike_time.attrs == {"units": "s", "tick": 0.1}
    assert other.attrs == one.attrs


# ---- intervals


def poisson_interval(count: np.ndarray, confidence: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    return count_interval(count[:, None], np.ones((count.size, 1)), confidence)


def test_poisson_interval_is_that_of_garwood() -> None:
    """chi2 form of the exact interval; Garwood 1936, table 1: for 0 the upper end is 3.69, for 10 it is [4.80, 18.39]."""
    count = np.arange(2000)
    for confidence in (0.5, 0.95, 0.999):
        low, high = poisson_interval(count, confidence)
        tail = (1 - confidence) / 2
        np.testing.assert_allclose(low[1:], stats.chi2.ppf(tail, 2 * count[1:]) / 2, rtol=1e-9)
        np.testing.assert_allclose(high, stats.chi2.isf(tail, 2 * count + 2) / 2, rtol=1e-9)
        assert low[0] == 0
    low, high = poisson_interval(np.array([0, 10]))
    np.testing.assert_allclose([*low, *high], [0, 4.80, 3.69, 18.39], atol=0.005)


@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_poisson_interval_covers_at_every_mean(confidence: float) -> None:
    """Exact coverage, no sampling: the probabilities of all counts whose interval holds the mean."""
    count = np.arange(400)
    low, high = poisson_interval(count, confidence)
    for mean in np.concatenate([np.linspace(0.01, 5, 50), np.linspace(5, 200, 40)]):
        covered = stats.poisson.pmf(count, mean)[(low <= mean) & (mean <= high)].sum()
        assert confidence <= covered + 1e-12
        if mean > 50:  # and not wider than it must be: without the outermost count on either side it would not cover
            ends = np.flatnonzero((low <= mean) & (mean <= high))[[0, -1]]
            assert covered - stats.poisson.pmf(ends, mean).sum() < confidence


def test_interval_of_clumps_is_that_of_their_number() -> None:
    """Spikes in clumps of five: five times the interval of a fifth as many spikes. Of many Poisson batches: Garwood's, nearly."""
    rng = rng_for(1, "clumps")
    clumps = rng.poisson(3.0, (200, 20))
    one, five = count_interval(clumps, np.ones(clumps.shape)), count_interval(5 * clumps, np.ones(clumps.shape))
    np.testing.assert_allclose(five, 5 * np.array(one), rtol=1e-12)
    many = rng.poisson(3.0, 20_000)
    batches, exact = count_interval(many, np.ones(many.size)), poisson_interval(np.array([many.sum()]))
    np.testing.assert_allclose(np.subtract(*batches[::-1]), np.subtract(*exact[::-1]) / many.size, rtol=0.03)


def test_interval_of_nothing_and_of_a_clock() -> None:
    """Without a spike: Garwood's, 3.69 over the time; with equal counts: one spike on either side is left; unobserved: none."""
    low, high = count_interval(
        np.array([np.zeros(20), np.full(20, 5), np.zeros(20)]), np.repeat([[1.0], [1.0], [0.0]], 20, axis=1)
    )
    assert low[0] == 0
    assert high[0] == pytest.approx(3.689 / 20, rel=1e-3)
    assert (high[1] - low[1]) * 20 == pytest.approx(2 * stats.t.ppf(0.975, 19), rel=0.02)
    assert np.isnan([low[2], high[2]]).all()


@pytest.mark.slow
def test_intervals_of_a_rate_cover_for_bursts_and_drifts_where_poissons_do_not(request: pytest.FixtureRequest) -> None:
    """Bursts of five; a rate that changes every 2 s by a gamma factor; two thirds of the time not observed. 400 s, 500 draws."""
    firing_rate = catalogue.load("metrics", "firing_rate")
    inside: dict[tuple[str, str], list[bool]] = {}
    start = np.arange(0.0, 399.0, 3.0)
    for draw in range(500):
        rng = rng_for(1, request.node.name, draw)
        onset = rng.uniform(-1, 400, rng.poisson(0.8 * 401))
        bursts = synthetic.bursting_train(onset, 5, 0.01, 0.0, 400.0, rng)
        drifts = np.concatenate([2 * k + synthetic.poisson_train(4 * rng.gamma(1.0), 2.0, rng) for k in range(200)])
        whole = synthetic.activity([bursts, drifts], 400.0)
        for seen, one in (("whole", whole), ("a third", observed.restrict(whole, start, start + 1.0))):
            for kind in ("long_run", "poisson"):
                found = firing_rate(one, interval=kind)
                low, high = (found[f"firing_rate_{side}"].values[draw % 2, 0] for side in ("low", "high"))
                if kind == "poisson" or np.isfinite(low):  # too few independent blocks are told, and not counted
                    inside.setdefault((seen, kind), []).append(bool(low <= 4.0 <= high))
    for seen in ("whole", "a third"):
        assert not binomial_rule(inside[seen, "long_run"], 0.95, at_least=True)  # 99 %: spectra are weighted, not known
        assert len(inside[seen, "long_run"]) > 0.85 * 500
        assert np.mean(inside[seen, "poisson"]) < 0.8


@QUICK
@given(st.floats(0.5, 0.999), st.floats(1, 500))
def test_t_quantile(confidence: float, df: float) -> None:
    assert t_quantile(confidence, df) == pytest.approx(stats.t.ppf(0.5 + confidence / 2, df), rel=1e-9)


@pytest.mark.parametrize("n", [12, 30])
def test_bca_interval_is_near_that_of_scipy(n: int) -> None:
    """A ratio of means of skewed data, 20,000 resamples each: equal within four standard errors of the Monte Carlo.

    scipy's quantiles are not expanded for n units: it is asked for the confidence that ours have come to.
    A quantile at 1.1 % (n = 12) of N draws is off by sqrt(0.011 * 0.989 / N) / 0.028 = 0.026 standard deviations.
    """
    rng = rng_for(7, "bca", n)
    x, y = rng.lognormal(0, 1.5, n), 1 + rng.lognormal(0, 0.5, n)

    def ratio(means: np.ndarray) -> np.ndarray:
        return means[..., 0] / means[..., 1]

    ours = np.array(bca_interval(np.column_stack([x, y]), ratio, draws=20_000))
    tail = stats.norm.sf(np.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    options = dict(paired=True, vectorized=True, n_resamples=20_000, rng=np.random.default_rng(1), confidence_level=1 - 2 * tail)
    theirs = stats.bootstrap((x, y), lambda a, b, axis: a.mean(axis) / b.mean(axis), method="BCa", **options)
    noise = 4 * np.sqrt(2) * 0.026 * theirs.standard_error
    # The two ends of a skewed distribution are not equally dense: twice the normal's value is allowed.
    assert np.all(np.abs(ours - np.array(theirs.confidence_interval)) < 2 * noise)
    percentile = np.quantile(theirs.bootstrap_distribution, [tail, 1 - tail])
    assert np.abs(percentile - np.array(theirs.confidence_interval)).max() > 2 * noise  # the test can tell BCa from percentile


def test_bca_interval_of_few_units_is_undefined() -> None:
    assert np.isnan(bca_interval(np.ones((3, 2)), lambda m: m[..., 0])).all()
    assert bca_interval(np.ones((4, 2)), lambda m: m[..., 0]) == (1.0, 1.0)


def test_published_counts_are_scattered_over_all_bins_of_all_trials() -> None:
    """The counts of each unit stay, where they lie does not; the activity is not changed."""
    counts = np.zeros((6, 2, 5), np.int32)
    counts[0, 0, 0], counts[:, 1, 2] = 300, 40
    one = synthetic.activity([np.zeros(0)] * 2, 60.0).drop_vars(["spike_time", "spike_count"])
    one = synthetic.with_trials(one, 10.0 * np.arange(6), 5.0, ["odour"] * 6).assign(
        binned_count=(("trial", "unit", "bin"), counts, {"units": "1", "bin_size": 1.0})
    )
    before = one.copy(deep=True)
    found = scattered_trains(one, np.random.default_rng(0)).binned_count
    assert found.dims == ("trial", "unit", "bin")
    assert found.attrs == one.binned_count.attrs
    assert found.dtype == counts.dtype
    np.testing.assert_array_equal(found.sum(("trial", "bin")), [300, 240])
    np.testing.assert_allclose(found.mean(("trial", "bin")), [10, 8])
    assert found.var(("trial", "bin")).max() < 30  # of a Poisson count of 10: 10; of the counts as they were 2900
    xr.testing.assert_identical(one, before)
    nothing = one.drop_vars("binned_count")
    xr.testing.assert_identical(scattered_trains(nothing, np.random.default_rng(0)), nothing)
