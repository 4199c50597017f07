"""Spectra of signals and spikes against closed forms, and bands of them."""

import numpy as np
import pytest
import xarray as xr

from homeoanalysis.metrics.band_power import band_power
from homeoanalysis.metrics.power_spectrum import power_spectrum
from homeoanalysis.metrics.spectrogram import spectrogram
from homeoanalysis.numerics import observed, synthetic
from homeoanalysis.numerics import synthetic_signals as signals
from homeoanalysis.provenance import rng_for


def test_the_integral_of_the_density_is_the_variance() -> None:
    activity = signals.autoregressive_signal(1, 200.0, 250.0, rng_for(7, "variance"))
    found = power_spectrum(activity, segment=4.0).power_spectrum.squeeze()
    step = float(found.frequency[1] - found.frequency[0])
    whole = float(found.sum()) * step
    assert whole == pytest.approx(float(activity.lfp.var()), rel=0.03)  # less what is below W
    assert found.attrs["units"] == "V^2/Hz"


def test_a_poisson_train_has_its_rate_at_all_frequencies_and_a_clock_does_not() -> None:
    rng = rng_for(7, "poisson")
    trains = [synthetic.poisson_train(30.0, 100.0, rng), np.arange(0.01, 100, 1 / 30)]
    found = power_spectrum(synthetic.activity(trains, 100.0), of="spikes", segment=1.0)
    rate = trains[0].size / 100
    inside = (found.power_spectrum_low[0] <= rate) & (rate <= found.power_spectrum_high[0])
    assert float(found.power_spectrum[0].mean()) == pytest.approx(rate, rel=0.02)
    assert 0.9 < float(inside.mean()) <= 1
    clock = found.power_spectrum[1, 0]
    assert float(clock.sel(frequency=slice(5, 25)).mean()) < 1.0
    assert float(clock.sel(frequency=30.0)) == pytest.approx(30**2 / 6, rel=0.3)  # its line spread over 2 W = 6 Hz
    assert found.power_spectrum.attrs["units"] == "Hz"


def test_a_rhythm_shows_in_its_band_only() -> None:
    rng = rng_for(7, "theta")
    t = np.arange(60 * 250) / 250
    x = np.stack([rng.normal(size=t.size), rng.normal(size=t.size) + 3 * np.cos(2 * np.pi * 8 * t)])
    found = band_power(signals.with_signal([t[:1]], x, 250.0), bands={"theta": (6.0, 10.0), "beta": (13.0, 30.0)}).squeeze()
    ratio = found.band_power[1] / found.band_power[0]
    assert float(ratio.sel(band="theta")) > 50
    assert float(found.band_power_low[1].sel(band="beta")) < 2 / 250 < float(found.band_power_high[1].sel(band="beta"))


def test_a_spectrogram_has_no_windows_in_a_gap_and_sees_a_change() -> None:
    rng = rng_for(7, "gram")
    x = rng.normal(size=(1, 40 * 250)) * np.repeat([1.0, 3.0], 20 * 250)
    x[0, 5 * 250 + 3] = np.nan
    activity = observed.restrict(signals.with_signal([np.array([0.5])], x, 250.0), np.array([0.0, 22.0]), np.array([18.0, 40.0]))
    found = spectrogram(activity, window=2.0)
    assert found.time.values.tolist() == [1, 3, 5, 7, 9, 11, 13, 15, 17, 23, 25, 27, 29, 31, 33, 35, 37, 39]
    level = found.spectrogram[0].mean("frequency")
    assert np.isnan(level[2])
    assert float(level[3:9].mean()) == pytest.approx(2 / 250, rel=0.1)
    assert float(level[9:].mean()) == pytest.approx(9 * 2 / 250, rel=0.1)


def test_a_lazily_opened_signal_gives_the_same(tmp_path) -> None:  # type: ignore[no-untyped-def]
    """A file is read piece by piece."""
    activity = signals.related_pair(0.4, 60.0, 250.0, rng_for(7, "lazy"))
    activity.to_netcdf(tmp_path / "a.nc")
    with xr.open_dataset(tmp_path / "a.nc", decode_times=False, decode_timedelta=False) as lazy:
        assert not lazy.lfp.variable._in_memory
        found = power_spectrum(lazy, segment=1.0)
        assert not lazy.lfp.variable._in_memory
    xr.testing.assert_allclose(found, power_spectrum(activity, segment=1.0))
