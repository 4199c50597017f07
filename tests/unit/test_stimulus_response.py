"""Stimulus and response in pieces: averages, cuts, gaps and edges."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.errors import DataError, NotApplicable
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics.stimulus_response import pieces
from homeoanalysis.provenance import rng_for

RATE = 1024.0
BIN = 1 / 128  # 8 samples
SEGMENT = 0.25  # 32 bins


def example(duration: float = 4.0, *, n_units: int = 2, seed: int = 1) -> xr.Dataset:
    """A stimulus of noise, and spikes on a grid of 1/4096 s, many of them on edges of bins."""
    rng = rng_for(9, "pieces", seed)
    trains = [np.sort(rng.choice(int(duration * 4096), 300, replace=False)) / 4096 for _ in range(n_units)]
    trains[0] = np.union1d(trains[0], np.arange(0, duration, 4 * BIN))
    return synthetic.activity(trains, duration, covariate=rng.normal(size=int(duration * RATE)), sampling_rate=RATE)


def test_the_stimulus_is_averaged_in_each_bin() -> None:
    one = example()
    found = pieces(one, bin_size=BIN, segment=SEGMENT)
    assert found.stimulus.shape == (16, 32)
    expected = [one.covariate.values[0, k : k + 8].mean() for k in range(0, 4096, 8)]
    np.testing.assert_allclose(found.stimulus.ravel(), expected, rtol=1e-12)


def test_spikes_are_counted_as_a_loop_counts_them() -> None:
    one = example()
    found = pieces(one, bin_size=BIN, segment=SEGMENT)
    for unit, train in enumerate(observed.spike_trains(one)):
        expected = np.zeros((16, 32))
        for t in train:
            expected[int(t // SEGMENT), int((t % SEGMENT) // BIN)] += 1  # exact: all are multiples of 2^-12
        np.testing.assert_array_equal(found.response[unit], expected)
    assert found.response.sum() == one.sizes["spike"]


def test_what_does_not_fill_a_piece_is_left_out() -> None:
    one = example(4.2)
    found = pieces(one, bin_size=BIN, segment=SEGMENT)
    assert found.stimulus.shape[0] == 16
    assert found.response.sum() == np.sum(one.spike_time.values < 4.0)


def test_pieces_start_afresh_behind_a_gap() -> None:
    one = example()
    part = observed.restrict(one, np.array([0.0, 1.5]), np.array([0.9, 3.3]))
    found = pieces(part, bin_size=BIN, segment=SEGMENT)
    starts = [0.0, 0.25, 0.5, *np.arange(1.5, 3.2, 0.25)]
    assert found.stimulus.shape[0] == len(starts) == 10
    for k, start in enumerate(starts):
        first = round(start * RATE)
        np.testing.assert_allclose(found.stimulus[k], one.covariate.values[0, first : first + 256].reshape(32, 8).mean(axis=1))
        for unit, train in enumerate(observed.spike_trains(one)):
            inside = train[(train >= start) & (train < start + SEGMENT)]
            assert found.response[unit, k].sum() == inside.size
            np.testing.assert_array_equal(np.flatnonzero(found.response[unit, k]), np.unique((inside - start) // BIN))


def test_the_same_a_million_seconds_later() -> None:
    """On a dyadic grid the shift is exact, so that the counts must be equal, also at edges."""
    one = example()
    names = ("spike_time", "segment_start", "segment_stop", "covariate_t_start")
    later = one.assign({n: (one[n].dims, one[n].values + 1e6, one[n].attrs) for n in names})
    here, there = (pieces(a, bin_size=BIN, segment=SEGMENT) for a in (one, later))
    np.testing.assert_array_equal(there.response, here.response)
    np.testing.assert_array_equal(there.stimulus, here.stimulus)


@pytest.mark.parametrize("error", [0.0, -3e-10, 3e-10])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_spikes_at_the_edges_of_decimal_bins(offset: float, error: float) -> None:
    """A spike on each edge of 1 ms, which is no double: one in every bin, near 0 and where a double resolves 1e-10 s."""
    times = offset + np.arange(2560) * 1e-3 + error
    one = synthetic.activity([times], 2.56 + offset, covariate=np.zeros(2560), sampling_rate=1000.0)
    one = one.assign(segment_start=("segment", [offset], {"units": "s"}), covariate_t_start=("segment", [offset], {"units": "s"}))
    assert np.all(pieces(one, bin_size=1e-3, segment=0.256).response == 1)


def test_a_stimulus_that_starts_late_and_is_missing_in_a_segment() -> None:
    one = example()
    trains = observed.spike_trains(one)
    values = one.covariate.values[0]
    segments = {"segment_start": [0.0, 2.0], "segment_stop": [2.0, 4.0]}
    covariate = {"covariate_first_sample": [0, 1024], "covariate_sample_count": [1024, 0]}
    late = one.drop_dims("segment").assign(
        {k: ("segment", v, {"units": "s"}) for k, v in segments.items()}
        | {k: ("segment", v, {"units": "1"}) for k, v in covariate.items()}
        | {"covariate_t_start": ("segment", [0.5, 2.0], {"units": "s"})}
    )
    found = pieces(late, bin_size=BIN, segment=SEGMENT)
    assert found.stimulus.shape[0] == 4
    np.testing.assert_allclose(found.stimulus.ravel(), values[:1024].reshape(-1, 8).mean(axis=1))
    for unit, train in enumerate(trains):
        assert found.response[unit].sum() == np.sum((train >= 0.5) & (train < 1.5))


@pytest.mark.parametrize(("bin_size", "why"), [(1.5e-3, "no multiple"), (1 / 4096, "no multiple"), (1 / 1023, "no multiple")])
def test_bins_that_are_no_multiple_of_the_sampling(bin_size: float, why: str) -> None:
    with pytest.raises(DataError, match=rf"bin_size .* is {why} of the stimulus' step of 0.000976562 s; choose a multiple"):
        pieces(example(), bin_size=bin_size, segment=SEGMENT)


def test_what_is_missing_is_named() -> None:
    one = example(1.0)
    for broken, why in (
        (one.drop_vars("covariate"), "no stimulus"),
        (one.drop_vars("spike_time"), "no spike times"),
    ):
        with pytest.raises(NotApplicable, match=why):
            pieces(broken, bin_size=BIN, segment=SEGMENT)
    with pytest.raises(NotApplicable, match="no 2 s of stimulus in one piece"):
        pieces(one, bin_size=BIN, segment=2.0)


def test_the_cutoff_is_the_bandwidth_or_half_of_the_bin_rate() -> None:
    one = example()
    assert pieces(one, bin_size=BIN, segment=SEGMENT).cutoff == 64  # unknown bandwidth
    for bandwidth, cutoff in ((10.0, 10.0), (500.0, 64.0)):
        known = one.assign(covariate_bandwidth=("covariate_channel", [bandwidth], {"units": "Hz"}))
        assert pieces(known, bin_size=BIN, segment=SEGMENT).cutoff == cutoff
