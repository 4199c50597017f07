"""Intervals, counts and restriction against loops that follow the definitions word by word.

All times lie on a grid of 1/8 s, so that ends of intervals, edges of bins and spikes coincide often and exactly.
"""

from typing import NamedTuple

import numpy as np
import pytest
import quantities as pq
import xarray as xr
from elephant.statistics import mean_firing_rate
from hypothesis import given, settings
from hypothesis import strategies as st
from neo import SpikeTrain

from homeoanalysis.errors import NotApplicable
from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.provenance import rng_for

GRID = 8
SHIFT = 1e6
LENGTH = 40  # grid steps
QUICK = settings(max_examples=150, deadline=None, derandomize=True)


class Spans(NamedTuple):
    start: np.ndarray
    stop: np.ndarray

    def pairs(self) -> list[tuple[float, float]]:
        return list(zip(self.start.tolist(), self.stop.tolist(), strict=True))


@st.composite
def spans(draw, least: int = 1, most: int = 5) -> Spans:  # type: ignore[no-untyped-def]
    """Sorted intervals that do not overlap, but may touch."""
    n = draw(st.integers(least, most))
    edges = draw(st.lists(st.integers(0, LENGTH), min_size=2 * n, max_size=2 * n).map(sorted))
    kept = [(a / GRID, b / GRID) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    if not kept and least:
        kept = [(0.0, LENGTH / GRID)]
    table = np.array(kept, float).reshape(-1, 2)
    return Spans(table[:, 0].copy(), table[:, 1].copy())


@st.composite
def activities(draw) -> xr.Dataset:  # type: ignore[no-untyped-def]
    """Three units with spikes anywhere in the segments, often on their edges."""
    start, stop = draw(spans())
    inside = [k / GRID for k in range(LENGTH + 1) if any(a <= k / GRID <= b for a, b in zip(start, stop, strict=True))]
    trains = [np.sort(np.array(draw(st.lists(st.sampled_from(inside), max_size=12)), float)) for _ in range(3)]
    one = synthetic.activity(trains, 1.0).drop_dims("segment")
    segments = {"segment_start": ("segment", start, {"units": "s"}), "segment_stop": ("segment", stop, {"units": "s"})}
    return one.assign(segments)


def owner(t: float, spans_: list[tuple[float, float]], closed: list[bool]) -> int:
    """The interval of a time: [start, stop), or [start, stop] where the end is closed and no other begins there."""
    for k, (a, b) in enumerate(spans_):
        if a <= t < b:
            return k
    for k, (_, b) in enumerate(spans_):
        if t == b and closed[k]:
            return k
    return -1


def brute_count(one: xr.Dataset, unit: int, a: float, b: float) -> int:
    """Spikes that lie in [a, b); one at the very end of a segment belongs to it, so that the epoch must hold time before it."""
    segments = list(zip(one.segment_start.values.tolist(), one.segment_stop.values.tolist(), strict=True))
    found = 0
    for t in observed.spike_trains(one)[unit]:
        ends = any(t == stop for _, stop in segments) and not any(s <= t < e for s, e in segments)
        found += a < t <= b if ends else a <= t < b
    return found


@QUICK
@given(spans(least=0), spans(least=0))
def test_overlap(first: Spans, second: Spans) -> None:
    expected = sorted((max(a, c), min(b, d)) for a, b in first.pairs() for c, d in second.pairs() if max(a, c) < min(b, d))
    found = Spans(*observed.overlap(*first, *second))
    assert found.pairs() == expected


@QUICK
@given(spans(least=0), st.data())
def test_piece_of(pieces: Spans, data: st.DataObject) -> None:
    closed = data.draw(st.lists(st.booleans(), min_size=pieces.start.size, max_size=pieces.start.size))
    times = np.arange(-2, 2 * LENGTH + 3) / (2 * GRID)
    found = observed.piece_of(times, *pieces, np.array(closed, bool))
    assert found.tolist() == [owner(t, pieces.pairs(), closed) for t in times.tolist()]


@pytest.mark.slow
@QUICK
@given(activities(), st.lists(st.tuples(st.integers(0, LENGTH), st.integers(0, LENGTH)), min_size=1, max_size=4))
def test_counts(one: xr.Dataset, edges: list[tuple[int, int]]) -> None:
    """Epochs may overlap, nest, and reach into gaps."""
    wanted = {f"e{k}": (min(a, b) / GRID, max(a, b) / GRID) for k, (a, b) in enumerate(edges) if a != b} or {"e": (0.0, 1.0)}
    one = one.assign(
        epoch_start=("epoch", [a for a, _ in wanted.values()], {"units": "s"}),
        epoch_stop=("epoch", [b for _, b in wanted.values()], {"units": "s"}),
    ).assign_coords(epoch=list(wanted))
    segments = list(zip(one.segment_start.values, one.segment_stop.values, strict=True))
    times = {label: sum(max(0.0, min(b, d) - max(a, c)) for c, d in segments) for label, (a, b) in wanted.items()}
    if min(times.values()) == 0:
        with pytest.raises(NotApplicable, match="nothing was observed in epoch"):
            observed.counts(one, list(wanted))
        return
    count, time = observed.counts(one, list(wanted))
    for k, (label, (a, b)) in enumerate(wanted.items()):
        assert time[:, k].tolist() == [times[label]] * 3
        assert count[:, k].tolist() == [brute_count(one, unit, a, b) for unit in range(3)]


@pytest.mark.slow
@QUICK
@given(activities(), st.data())
def test_counts_leave_out_what_was_not_isolated(one: xr.Dataset, data: st.DataObject) -> None:
    n = one.sizes["segment"]
    mask = np.array(data.draw(st.lists(st.lists(st.integers(0, 1), min_size=n, max_size=n), min_size=3, max_size=3)))
    one = one.assign(observed=(("unit", "segment"), mask, {"units": "1"}))
    count, time = observed.counts(one, ["whole"])
    segments = list(zip(one.segment_start.values.tolist(), one.segment_stop.values.tolist(), strict=True))
    for unit, train in enumerate(observed.spike_trains(one)):
        homes = [owner(t, segments, [True] * n) for t in train.tolist()]
        assert count[unit, 0] == sum(mask[unit, k] for k in homes)
        assert time[unit, 0] == sum(mask[unit, k] * (b - a) for k, (a, b) in enumerate(segments))


@pytest.mark.slow
@QUICK
@given(activities(), spans())
def test_restrict_keeps_the_spikes_of_its_pieces(one: xr.Dataset, asked: Spans) -> None:
    segments = list(zip(one.segment_start.values, one.segment_stop.values, strict=True))
    if not any(max(a, c) < min(b, d) for a, b in segments for c, d in asked.pairs()):
        with pytest.raises(NotApplicable, match="nothing was observed"):
            observed.restrict(one, *asked)
        return
    before = one.copy(deep=True)
    part = observed.restrict(one, *asked)
    assert one.identical(before)
    assert part.attrs == one.attrs
    for whole, kept in zip(observed.spike_trains(one), observed.spike_trains(part), strict=True):
        expected = []
        for t in whole.tolist():
            at_the_end = any(t == b for _, b in segments) and not any(a <= t < b for a, b in segments)
            inside = any(c <= t < d for c, d in asked.pairs())
            # The end of a segment belongs to it, and so to a piece that ends there.
            ends_there = at_the_end and any(c < t <= d for c, d in asked.pairs())
            if (inside and not at_the_end) or ends_there:
                expected.append(t)
        assert kept.tolist() == expected


@pytest.mark.slow
@QUICK
@given(activities(), st.integers(1, LENGTH - 1))
def test_two_parts_hold_every_spike_once(one: xr.Dataset, cut: int) -> None:
    """Also where segments touch and a spike lies on the seam."""
    edges = [(0.0, cut / GRID), (cut / GRID, LENGTH / GRID)]
    found = 0
    for a, b in edges:
        try:
            found += observed.restrict(one, np.array([a]), np.array([b])).sizes["spike"]
        except NotApplicable:
            continue
    assert found == one.sizes["spike"]


@pytest.mark.slow
@QUICK
@given(spans(), spans(), st.integers(0, 3))
def test_restrict_keeps_the_right_samples(segments: Spans, asked: Spans, late: int) -> None:
    """Each sample's value is its own time: after the restriction, values and t_start must still agree."""
    rate = 16.0
    t_start = segments.start + late / rate
    count = np.maximum(np.round((segments.stop - t_start) * rate).astype(int), 0)
    values = np.concatenate([a + np.arange(n) / rate for a, n in zip(t_start, count, strict=True)])
    one = synthetic.activity([np.zeros(0)], 1.0).drop_dims("segment")
    one = one.assign(
        segment_start=("segment", segments.start, {"units": "s"}),
        segment_stop=("segment", segments.stop, {"units": "s"}),
        lfp=(("lfp_channel", "lfp_sample"), values[None], {"units": "V", "sampling_rate": rate}),
        lfp_first_sample=("segment", np.cumsum(count) - count, {"units": "1"}),
        lfp_sample_count=("segment", count, {"units": "1"}),
        lfp_t_start=("segment", t_start, {"units": "s"}),
    )
    try:
        part = observed.restrict(one, *asked)
    except NotApplicable:
        return
    found = []
    for first, n, begin in zip(part.lfp_first_sample.values, part.lfp_sample_count.values, part.lfp_t_start.values, strict=True):
        piece = part.lfp.values[0, first : first + n]
        np.testing.assert_array_equal(piece, begin + np.arange(n) / rate)
        found += piece.tolist()
    assert found == [t for t in values.tolist() if any(c <= t < d for c, d in asked.pairs())]


def test_where_nothing_lies_outside_the_activity_itself_is_the_part() -> None:
    """But not where a signal goes on behind its segment."""
    one = synthetic.activity([np.array([1.0, 10.0])], 10.0, covariate=np.arange(100.0), sampling_rate=10.0)
    everything = np.array([0.0]), np.array([10.0])
    assert observed.restrict(one, *everything) is one
    longer = synthetic.activity([np.array([1.0, 10.0])], 10.0, covariate=np.arange(101.0), sampling_rate=10.0)
    assert observed.restrict(longer, *everything).covariate_sample_count.values.tolist() == [100]
    assert observed.restrict(one, np.array([0.0]), np.array([9.0])).sizes["spike"] == 1


@pytest.mark.slow
@QUICK
@given(activities(), spans())
def test_restriction_and_counts_are_the_same_a_million_seconds_later(one: xr.Dataset, asked: Spans) -> None:
    later = one.assign(
        {k: (one[k].dims, one[k].values + SHIFT, one[k].attrs) for k in ("spike_time", "segment_start", "segment_stop")}
    )
    try:
        here = observed.restrict(one, *asked)
    except NotApplicable:
        return
    there = observed.restrict(later, asked.start + SHIFT, asked.stop + SHIFT)
    np.testing.assert_array_equal(there.spike_time.values - SHIFT, here.spike_time.values)
    np.testing.assert_array_equal(there.segment_start.values - SHIFT, here.segment_start.values)
    np.testing.assert_array_equal(observed.counts(there, ["whole"])[0], observed.counts(here, ["whole"])[0])


def test_rate_equals_elephant_on_one_gap_free_stretch() -> None:
    rng = rng_for(6, "elephant")
    trains = [np.sort(rng.uniform(0, 12.5, n)) for n in (0, 1, 7, 400)]
    ours = measure([synthetic.activity(trains, 12.5)], "firing_rate").firing_rate.values[:, 0]
    theirs = [float(mean_firing_rate(SpikeTrain(t * pq.s, t_stop=12.5 * pq.s)).rescale("Hz")) for t in trains]
    np.testing.assert_allclose(ours, theirs, rtol=1e-14)


def test_rate_divides_by_observed_time_and_not_by_the_last_spike() -> None:
    one = observed.restrict(synthetic.activity([np.array([1.0, 2.0, 3.0])], 100.0), np.array([0.0, 50.0]), np.array([10.0, 60.0]))
    assert measure([one], "firing_rate").firing_rate.item() == 3 / 20
    assert observed.observed_time(one) == 20


def test_an_unknown_epoch_is_named() -> None:
    with pytest.raises(NotApplicable, match="no such epoch: late"):
        observed.counts(synthetic.activity([np.array([0.5])], 1.0), ["late"])


def test_no_spikes_is_no_rate_of_zero() -> None:
    silent = synthetic.activity([np.zeros(0)], 4.0)
    assert observed.counts(silent, ["whole"])[0].tolist() == [[0]]
    with pytest.raises(NotApplicable, match="no spike times"):
        observed.spike_trains(silent.drop_vars("spike_time"))


@pytest.mark.parametrize("offset", [0.0, SHIFT])
def test_a_spike_on_an_edge_belongs_to_the_later_bin(offset: float) -> None:
    """Edges of 0.1 s are no doubles: 3 * 0.1 lies above 0.3, and 1e6 + 0.3 misses it by 1e-11."""
    times = offset + 0.1 * np.arange(10)
    assert observed.binned_counts(times, offset, 10, 0.1).tolist() == [1] * 10
    assert observed.binned_counts(times - 1e-4, offset, 10, 0.1).tolist() == [1] * 9 + [0]
    assert observed.binned_counts(times + 0.5, offset, 10, 0.1).tolist() == [0] * 5 + [1] * 5


@pytest.mark.parametrize(
    ("duration", "piece", "n"), [(0.3, 0.1, 3), (0.29, 0.1, 2), (1.0, 0.256, 3), (0.1, 0.2, 0), (4.0, 4.0, 1)]
)
def test_whole_pieces(duration: float, piece: float, n: int) -> None:
    assert observed.n_whole(duration, piece) == n
