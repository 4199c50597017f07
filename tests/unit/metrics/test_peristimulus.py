"""Responses in bins of trials, by hand, and what goes missing."""

from collections.abc import Callable

import numpy as np
import pytest
import xarray as xr

from homeoanalysis import catalogue
from homeoanalysis.errors import NotApplicable
from homeoanalysis.numerics import observed, synthetic

Measure = Callable[..., xr.Dataset]
MOMENTS = {"first": 0.0, "second": 0.25}
# Spikes of four trials in two bins of 0.25 s: stimulus a has its peak in the first, b in the second.
COUNTS = np.array([[3, 0], [1, 0], [0, 4], [0, 2]])


def metric(name: str) -> Measure:
    thing: Measure = catalogue.load("metrics", name)
    return thing


def spiking(stimuli: str) -> xr.Dataset:
    """One unit, trials of 0.5 s, 1 s apart."""
    at = [np.linspace(k + 0.25 * j + 0.05, k + 0.25 * j + 0.2, n) for k, row in enumerate(COUNTS) for j, n in enumerate(row)]
    one = synthetic.activity([np.concatenate(at)], 4.0)
    return synthetic.with_trials(one, np.arange(4.0), 0.5, list(stimuli))


def counted(stimuli: str) -> xr.Dataset:
    """The same as published counts."""
    one = spiking(stimuli).drop_vars(["spike_time", "spike_count"])
    counts = ("trial", "unit", "bin"), COUNTS[:, None, :], {"units": "1", "bin_size": 0.25}
    return one.assign(binned_count=counts).assign_coords(bin=("bin", [0.0, 0.25], {"units": "s"}))


@pytest.mark.parametrize("kind", [spiking, counted])
def test_rate_and_variance_in_bins(kind: Callable[[str], xr.Dataset]) -> None:
    """Counts 3, 1, 0, 0 and 0, 0, 4, 2 / 0.25 s; in each bin one stimulus has the variance 2, the other none."""
    found = metric("peristimulus_rate")(kind("aabb"), moments=MOMENTS, bin_size=0.25)
    assert found.peristimulus_rate.values.tolist() == [[4 / 4 / 0.25, 6 / 4 / 0.25]]
    assert found.peristimulus_rate_variance.values.tolist() == [[1.0, 1.0]]
    # The control: trials of two stimuli that are taken for one vary more.
    mixed = metric("peristimulus_rate")(kind("aaaa"), moments=MOMENTS, bin_size=0.25)
    assert mixed.peristimulus_rate_variance.values[0] == pytest.approx([2.0, 11 / 3])


@pytest.mark.parametrize("kind", [spiking, counted])
def test_peak_of_each_stimulus(kind: Callable[[str], xr.Dataset]) -> None:
    """2 and 3 spikes in 0.25 s at the peaks of the mean; of all trials together it is 1.5, and of single ones 2.5."""
    window = {"begin": 0.0, "end": 0.5, "bin_size": 0.25}
    for stimuli, peak in (("aabb", 2.5), ("aaaa", 1.5), ("abcd", 2.5)):
        found = metric("peristimulus_peak_rate")(kind(stimuli), **window).peristimulus_peak_rate
        assert found.values.tolist() == [peak / 0.25], stimuli


def test_a_bin_that_was_not_observed_is_not_silent() -> None:
    """The second bin of the last two trials was not recorded; of one trial there is no variance."""
    less = observed.restrict(spiking("aabc"), np.array([0.0, 2.0, 3.0]), np.array([2.0, 2.25, 3.25]))
    found = metric("peristimulus_rate")(less, moments=MOMENTS, bin_size=0.25)
    assert found.peristimulus_rate.values.tolist() == [[4 / 4 / 0.25, 0.0]]
    assert found.peristimulus_rate_variance.values.tolist() == [[2.0, 0.0]]
    never = observed.restrict(spiking("abcd"), np.array([0.0]), np.array([0.2]))
    assert np.isnan(metric("peristimulus_rate")(never, moments=MOMENTS, bin_size=0.25).peristimulus_rate.values).all()


def test_bins_that_counts_do_not_add_up_to_are_no_bins() -> None:
    """Of 0.25 s there are 0.5 s, and no 0.3 s or 0.1 s."""
    both = metric("peristimulus_rate")(counted("aabb"), moments={"all": 0.0}, bin_size=0.5)
    assert both.peristimulus_rate.values.tolist() == [[10 / 4 / 0.5]]
    for size in (0.3, 0.1):
        with pytest.raises(NotApplicable, match=rf"bins of 0.25 s do not add up to bins of {size} s"):
            metric("peristimulus_rate")(counted("aabb"), moments={"all": 0.0}, bin_size=size)
