"""The peak of the spectrum of a population, against scipy's Welch, and what makes it higher."""

import numpy as np
import pytest
from scipy.signal import welch

from homeoanalysis import catalogue
from homeoanalysis.errors import DataError
from homeoanalysis.measure import measure
from homeoanalysis.numerics import observed, population_spectrum, synthetic
from homeoanalysis.provenance import rng_for

INDEX = catalogue.load("metrics", "population_oscillation_index")


def test_index_is_that_of_scipy():
    activity = population_spectrum.modulated(0.3, 52.0, 20.0, rng_for(1, "scipy"))
    times = np.concatenate(observed.spike_trains(activity))
    counts = np.histogram(times, np.arange(40_001) * 0.5e-3)[0].astype(float)
    frequency, power = welch(counts, fs=2000, window="hann", nperseg=400, noverlap=200)
    band = (frequency >= 5) & (frequency <= 900)
    found = INDEX(activity)
    assert found.population_oscillation_index.item() == pytest.approx(power[band].max() / np.median(power[band]), rel=1e-9)
    assert found.population_oscillation_index_windows.item() == 199


def test_a_frequency_between_two_of_the_spectrum_is_found_within_a_tenth_of_their_distance():
    frequency = catalogue.load("metrics", "population_oscillation_frequency")
    for true in (50.0, 51.0, 52.5, 54.0):
        found = frequency(population_spectrum.modulated(0.3, true, 60.0, rng_for(1, "between", str(true))))
        assert found.population_oscillation_frequency.item() == pytest.approx(true, abs=0.5)


def test_it_is_of_the_population_and_not_of_its_units():
    """The same ten units, each a tenth of a period later than the one before: together their rate is constant."""
    together = population_spectrum.modulated(0.5, 50.0, 20.0, rng_for(1, "phases"))
    trains = [(times + k / 10 / 50.0) % 20.0 for k, times in enumerate(observed.spike_trains(together))]
    apart = synthetic.activity(trains, 20.0)
    assert INDEX(together).population_oscillation_index_p.item() < 1e-6
    assert INDEX(apart).population_oscillation_index_p.item() > 0.05


def test_a_band_without_frequencies_and_a_short_recording_are_told():
    activity = population_spectrum.modulated(0.0, 50.0, 1.0, rng_for(1, "short"))
    with pytest.raises(DataError, match="the band from 5 to 9 Hz holds 1 frequencies of windows"):
        INDEX(activity, highest=9.0)
    result = measure([activity], "population_oscillation_index", segment=0.6)
    assert "fewer than 4 windows in any epoch" in result.attrs["not_applicable"]
