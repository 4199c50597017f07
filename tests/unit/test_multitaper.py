"""Coherence: closed forms, published values of a real recording, and agreement with elephant where it is right."""

from typing import NamedTuple

import numpy as np
import pytest
import quantities as pq
from elephant import spectral
from scipy import signal, stats

from homeoanalysis.numerics import multitaper as mt
from homeoanalysis.provenance import rng_for


def pair(coherence: float, shape: tuple[int, int], *names: str | int) -> tuple[np.ndarray, np.ndarray]:
    """White noise in pieces whose magnitude-squared coherence is the same at all frequencies."""
    x, noise = rng_for(2, "pair", *names).normal(size=(2, *shape))
    return x, np.sqrt(coherence) * x + np.sqrt(1 - coherence) * noise


class Coherence(NamedTuple):
    uncorrected: np.ndarray
    corrected: np.ndarray
    low: np.ndarray
    high: np.ndarray


def coherence_of(x: np.ndarray, y: np.ndarray) -> Coherence:
    windows = mt.tapers(x.shape[1], 3.0)
    a, b = (mt.eigencoefficients(v, windows) for v in (x, y))
    raw = mt.magnitude_squared(a, b)
    return Coherence(raw, mt.subtract_bias(raw, a.shape[0]), *mt.coherence_interval(a, b))


def test_tapers_are_orthonormal_and_2nw_minus_1() -> None:
    windows = mt.tapers(256, 3.0)
    np.testing.assert_allclose(windows @ windows.T, np.eye(5), atol=1e-12)


def test_a_signal_with_itself_has_coherence_one() -> None:
    x, _ = pair(0.0, (10, 64), "self")
    result = coherence_of(x, 3 * x)
    np.testing.assert_allclose(result.uncorrected, 1.0)
    np.testing.assert_allclose(result.corrected, 1.0)


def test_white_noise_has_a_flat_spectrum_of_unit_power() -> None:
    x = rng_for(2, "flat").normal(size=(400, 128))
    power = np.mean(np.abs(mt.eigencoefficients(x, mt.tapers(128, 3.0))) ** 2, axis=0)
    inner = power[8:-8]
    assert abs(inner.mean() - 1) < 4 / np.sqrt(400 * 5 * inner.size / 6)  # neighbouring bins share a bandwidth of 6 bins
    assert np.all(np.abs(inner - 1) < 5 / np.sqrt(400 * 5))


@pytest.mark.parametrize("true", [0.0, 0.2, 0.5, 0.9])
def test_bias_correction_removes_the_bias_and_raw_has_it(true: float) -> None:
    """L = 10 estimates: the raw value reads (1 - c)^2 / L too high, the corrected one is right to order 1/L^2."""
    raw, corrected = [], []
    for draw in range(400):
        result = coherence_of(*pair(true, (2, 64), true, draw))
        raw.append(result.uncorrected[8:-8:6].mean())
        corrected.append(result.corrected[8:-8:6].mean())
    assert abs(np.mean(corrected) - true) < 4 * stats.sem(corrected) + 0.01
    if true < 0.9:
        assert np.mean(raw) - true > 0.5 * (1 - true) ** 2 / 10


def test_independent_signals_cross_the_threshold_at_the_nominal_rate() -> None:
    """500 draws, one frequency of each: the exact 99.9 % binomial interval of the fraction contains 5 %."""
    crossed = []
    for draw in range(500):
        result = coherence_of(*pair(0.0, (8, 64), "null", draw))
        crossed.append(result.uncorrected[16] > mt.threshold(40))
    interval = stats.binomtest(sum(crossed), 500).proportion_ci(0.999, method="exact")
    assert interval.low <= 0.05 <= interval.high
    # Negative control: with a quarter of the true number of estimates the threshold is too high.
    strict = sum(coherence_of(*pair(0.0, (8, 64), "null", d)).uncorrected[16] > mt.threshold(10) for d in range(500))
    assert stats.binomtest(strict, 500).proportion_ci(0.999, method="exact").high < 0.05


@pytest.mark.parametrize("true", [0.1, 0.4, 0.8])
def test_jackknife_interval_covers(true: float) -> None:
    inside = []
    for draw in range(500):
        result = coherence_of(*pair(true, (8, 64), "cover", true, draw))
        inside.append(result.low[16] <= true <= result.high[16])
    interval = stats.binomtest(sum(inside), 500).proportion_ci(0.999, method="exact")
    assert interval.low <= 0.95 <= interval.high


def test_agrees_with_elephant_on_one_gap_free_stretch() -> None:
    """elephant leaves the mean in (so the signals have none), uses periodic tapers (so ours do here) and complex64."""
    x, y = pair(0.4, (20, 256), "elephant")
    x, y = (v - v.mean(axis=1, keepdims=True) for v in (x, y))
    frequency, theirs, _ = spectral.multitaper_coherence(
        x.ravel()[None], y.ravel()[None], fs=1000.0, nw=3.0, num_tapers=5, n_segments=20, overlap=0.0
    )
    windows = signal.windows.dpss(256, 3.0, 5, sym=False)
    ours = mt.magnitude_squared(mt.eigencoefficients(x, windows), mt.eigencoefficients(y, windows))
    np.testing.assert_allclose(np.asarray(frequency), np.fft.rfftfreq(256, 1e-3))
    np.testing.assert_allclose(ours, np.asarray(theirs).ravel(), rtol=2e-5, atol=1e-6)


def test_elephant_leaks_the_mean_and_we_do_not() -> None:
    """Why the mean is removed: with a level of 65 and a fluctuation of 1, independent signals look coherent near 0."""
    x, y = pair(0.0, (40, 256), "level")
    low = slice(1, 3)  # 3.9 and 7.8 Hz, inside the half-bandwidth of 11.7 Hz
    _, theirs, _ = spectral.multitaper_coherence(
        (x + 65).ravel()[None] * pq.V, (y + 65).ravel()[None] * pq.V, fs=1e3, nw=3.0, num_tapers=5, n_segments=40, overlap=0.0
    )
    assert np.asarray(theirs).ravel()[low].min() > 0.5
    assert coherence_of(x + 65, y + 65).uncorrected[low].max() < mt.threshold(200, 1e-4)


def test_delay_within_a_piece_keeps_the_coherence_of_an_autoregressive_pair() -> None:
    """y = x delayed by 2 ms plus noise of equal power spectrum: coherence 1/2 at all frequencies, less the share 2/256."""
    rng = rng_for(2, "ar")
    b, a = [1.0], [1.0, -1.2, 0.7]
    x, n = signal.lfilter(b, a, rng.normal(size=(2, 256 * 400)), axis=1)
    y = np.roll(x, 2) + n
    result = coherence_of(x.reshape(400, 256), y.reshape(400, 256))
    assert abs(result.corrected[8:-8].mean() - 0.5) < 0.02
