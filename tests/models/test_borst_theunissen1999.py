"""Coherence and information of encoders that the simulator runs: Borst & Theunissen 1999 (SCIENCE.md, F11).

A membrane that forgets at once and has noise crosses its threshold in a step with a probability that the stimulus sets: an
inhomogeneous Poisson encoder, for which the coherence is known in closed form. Here the stimulus has a highest frequency;
the study information_bound judges white noise.
"""

from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.integrate import quad
from scipy.stats import norm

from homeoanalysis import catalogue
from homeoanalysis.config.model import Model
from homeoanalysis.numerics.synthetic import band_limited_noise
from homeoanalysis.simulate import simulate

CUTOFF, SECONDS, DT, UNITS = 10.0, 200.0, 1e-4, 40
THRESHOLD, DEPTH = 2.576, 0.1037  # standard deviations of the noise: 50 Hz, and a modulation of 0.3


def _stimulus(seed: int = 1, sampling_rate: float = 1000.0) -> xr.Dataset:
    level = band_limited_noise(SECONDS, sampling_rate, CUTOFF, np.random.default_rng(seed))
    return xr.Dataset(
        {
            "segment_start": ("segment", [0.0]),
            "segment_stop": ("segment", [SECONDS]),
            "spike_time": ("spike", np.arange(50.0)),
            "spike_count": ("unit", [50]),
            "covariate": (
                ("covariate_channel", "covariate_sample"),
                (level / level.std())[None],
                {"units": "dB", "sampling_rate": sampling_rate},
            ),
            "covariate_first_sample": ("segment", [0], {"units": "1"}),
            "covariate_sample_count": ("segment", [level.size], {"units": "1"}),
            "covariate_t_start": ("segment", [0.0], {"units": "s"}),
            "covariate_bandwidth": ("covariate_channel", [CUTOFF], {"units": "Hz"}),
        },
        coords={"unit": ["receptor"], "covariate_channel": ["sound level"]},
        attrs={"replicate": "r0", "factors": "{}"},
    )


def _encoder(neuron: dict[str, Any], gain: float, sigma: float, stimulus: xr.Dataset) -> xr.Dataset:
    """gain [mV/dB], sigma of the noise [mV]; the stimulus has a standard deviation of 1 dB."""
    model = Model.model_validate(
        {
            "title": "encoder",
            "dt": "0.1 ms",
            "populations": {"cell": {"n": UNITS, "neuron": neuron}},
            "protocols": {
                "sound": {
                    "recorded_stimulus": {
                        "population": "cell",
                        "recording": "r",
                        "gain": f"{gain} mV/dB",
                        "tolerance": 0.2,
                    }
                },
                "noise": {"white_noise": {"population": "cell", "sigma": f"{sigma} mV"}},
            },
        }
    )
    return simulate(model, stimulus=stimulus)


def _poisson(stimulus: xr.Dataset) -> xr.Dataset:
    membrane = {"tau_membrane": "10 us", "v_reset": "0 mV", "refractory": "0 s", "v_threshold": f"{THRESHOLD} mV"}
    return _encoder({"lif_delta": membrane}, DEPTH, 1.0, stimulus)


def _measured(activity: xr.Dataset, metric: str) -> xr.DataArray:
    """The last presentation, in segments of 4 s with W = 1 Hz, a tenth of the cut-off."""
    found = catalogue.load("metrics", metric)(activity, bin_size=1e-3, segment=4.0, time_half_bandwidth=4.0)
    return found[metric].sel(epoch="stimulus")


def _closed_form() -> tuple[float, float]:
    """Mean rate [Hz], and the signal to noise ratio G = rate epsilon^2 / (2 cut-off).

    epsilon is the linear part of the modulation, E[p'] / E[p] (Bussgang); the rest of it is noise 0.4 % of its power.
    """

    def mean(f) -> float:
        return quad(lambda s: f(THRESHOLD - DEPTH * s) * norm.pdf(s), -8, 8)[0]

    p = mean(norm.sf)
    epsilon = DEPTH * mean(norm.pdf) / p
    return p / DT, p / DT * epsilon**2 / (2 * CUTOFF)


@pytest.fixture(scope="module")
def encoded() -> xr.Dataset:
    return _poisson(_stimulus())


@pytest.mark.slow
def test_the_coherence_of_a_poisson_encoder_is_the_closed_form(encoded):
    """G / (1 + G), and 10 log2(1 + G) bits a second at least, within 5 % of the mean of the units."""
    rate, ratio = _closed_form()
    assert (rate, ratio) == pytest.approx((52.0, 0.2294), rel=1e-3)
    last = encoded.spike_count.values.sum() / UNITS / float(encoded.epoch_stop.values[-1])
    assert last == pytest.approx(rate, rel=0.02)
    coherence = _measured(encoded, "stimulus_coherence")
    frequency = coherence.frequency.values
    inside = coherence.values[:, (frequency >= 1) & (frequency <= CUTOFF - 1)]
    assert inside.mean() == pytest.approx(ratio / (1 + ratio), rel=0.05)
    information = _measured(encoded, "information_rate").values
    assert information.mean() == pytest.approx(CUTOFF * np.log2(1 + ratio), rel=0.05)


@pytest.mark.slow
def test_another_stimulus_is_not_encoded(encoded):
    """Negative control: against the stimulus 15 s later less than 2 % of the information is left."""
    shifted = encoded.copy(deep=True)
    shifted.covariate.values[:] = np.roll(shifted.covariate.values, 15_000, axis=1)
    _, ratio = _closed_form()
    assert abs(_measured(shifted, "information_rate").mean()) < 0.02 * CUTOFF * np.log2(1 + ratio)
