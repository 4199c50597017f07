"""Activities with sampled signals made from a formula: known truth for the conformance tests of spectral metrics."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed, synthetic

Floats = NDArray[np.float64]


def with_signal(
    trains: Sequence[Floats],
    values: Floats,
    sampling_rate: float,
    *,
    kind: str = "lfp",
    units: str = "V",
    epochs: Mapping[str, tuple[float, float]] | None = None,
) -> xr.Dataset:
    """An activity/1 of spike trains and of a signal (channel, sample) whose first sample is at 0 s."""
    activity = synthetic.activity(trains, values.shape[1] / sampling_rate, epochs=epochs)
    channel, of_signal = f"{kind}_channel", {"units": units, "sampling_rate": float(sampling_rate)}
    new = {
        kind: xr.Variable((channel, f"{kind}_sample"), values, of_signal),
        f"{kind}_first_sample": xr.Variable("segment", [0], {"units": "1"}),
        f"{kind}_sample_count": xr.Variable("segment", [values.shape[1]], {"units": "1"}),
        f"{kind}_t_start": xr.Variable("segment", [0.0], {"units": "s"}),
        channel: xr.Variable(channel, [f"c{k}" for k in range(values.shape[0])]),
    }
    return observed.replaced(activity, new)


def autoregressive(noise: Floats, first: float = 1.2, second: float = -0.7) -> Floats:
    """The stationary process x(t) = first x(t-1) + second x(t-2) + noise(t) along the last axis; its first 200 values are cut."""
    from scipy import signal

    return np.asarray(signal.lfilter([1.0], [1.0, -first, -second], noise, axis=-1)[..., 200:])


def related_pair(coherence: float, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """Two autoregressive signals of one spectrum, y = sqrt(c) x + sqrt(1 - c) n, with the coherence c at all frequencies."""
    n = round(duration * sampling_rate)
    x, other = autoregressive(rng.normal(size=(2, n + 200)))
    y = np.sqrt(coherence) * x + np.sqrt(1 - coherence) * other
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], np.stack([x, y]), sampling_rate)


def delayed_pair(delay: int, coherence: float, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """White noise, and the same `delay` samples later with independent noise, of the coherence c at all frequencies."""
    n = round(duration * sampling_rate)
    x, other = rng.normal(size=(2, n + delay))
    y = np.sqrt(coherence) * x[:n] + np.sqrt(1 - coherence) * other[:n]
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], np.stack([x[delay:], y]), sampling_rate)


def locked_train(phase: Floats, sampling_rate: float, rate: float, depth: float, rng: np.random.Generator) -> Floats:
    """Poisson spikes of the intensity rate (1 + depth cos(phase)), depth <= 1: vector strength depth / 2, preferred phase 0.

    A sample of the phase is at its time; a spike falls into the step around it.
    """
    count = rng.poisson(rate * (1 + depth * np.cos(phase)) / sampling_rate)
    times = (np.repeat(np.arange(phase.size), count) + rng.uniform(-0.5, 0.5, count.sum())) / sampling_rate
    return np.sort(times[(times >= 0) & (times < phase.size / sampling_rate)])


def autoregressive_signal(n_channels: int, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """Independent autoregressive signals of order 2, and a train of no meaning."""
    n = round(duration * sampling_rate)
    values = autoregressive(rng.normal(size=(n_channels, n + 200)))
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], values, sampling_rate)


def rhythm(frequency: float, duration: float, sampling_rate: float, rng: np.random.Generator, drift: float = 0.1) -> Floats:
    """The phase of a rhythm that drifts: it forgets where it was within some 1 / drift periods."""
    n = round(duration * sampling_rate)
    steps = rng.normal(0, np.sqrt(drift * frequency / sampling_rate), n)
    return np.asarray(2 * np.pi * frequency * np.arange(n) / sampling_rate + rng.uniform(0, 2 * np.pi) + np.cumsum(steps))


def locked_spikes(rate: float, depth: float, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """A rhythm of 8 Hz with a little noise, and spikes that are locked to it: vector strength depth / 2, preferred phase 0."""
    phase = rhythm(8.0, duration, sampling_rate, rng)
    train = locked_train(phase, sampling_rate, rate, depth, rng)
    return with_signal([train], (np.cos(phase) + rng.normal(0, 0.05, phase.size))[None], sampling_rate)


def coupled_rhythms(depth: float, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """A slow rhythm of 8 Hz, and one of 80 Hz with the amplitude B (1 + depth cos(slow phase)), in a little noise.

    The fast one is Gaussian noise, as fields are: B is Rayleigh-distributed and changes within half a second, so that different
    seconds tell different values, and E(B) / sqrt(E(B^2)) is sqrt(pi) / 2.
    """
    from scipy import signal

    # Slow enough that a filter from 6 to 10 Hz follows it: what it does not follow is coupling lost.
    slow = rhythm(8.0, duration, sampling_rate, rng, drift=0.02)
    keep = np.exp(-1 / (0.25 * sampling_rate))
    # Twice low-pass filtered noise, of unit variance: smoother than once, which would spread over the whole band.
    noise = np.array([1, 1j]) @ rng.normal(size=(2, slow.size + round(5 * sampling_rate)))
    raw = signal.lfilter([1.0], [1.0, -2 * keep, keep**2], noise)[-slow.size :]
    raw *= np.sqrt((1 - keep**2) ** 3 / (1 + keep**2) / 2)
    fast = (raw * np.exp(2j * np.pi * 80.0 * np.arange(slow.size) / sampling_rate)).real
    x = np.cos(slow) + 0.5 * (1 + depth * np.cos(slow)) * fast + rng.normal(0, 0.02, slow.size)
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], x[None], sampling_rate)


def driven_pair(forth: float, back: float, duration: float, sampling_rate: float, rng: np.random.Generator) -> xr.Dataset:
    """x(t) = 0.55 x(t-1) - 0.7 x(t-2) + back y(t-1) + noise, y(t) = 0.5 y(t-1) + forth x(t-1) + noise, both of variance 1."""
    n = round(duration * sampling_rate) + 200
    noise = rng.normal(size=(n, 2)).T
    xs, ys = noise.tolist()
    x = older = y = 0.0
    for k, (a, b) in enumerate(zip(xs, ys, strict=True)):
        xs[k], older, ys[k] = 0.55 * x - 0.7 * older + back * y + a, x, 0.5 * y + forth * x + b
        x, y = xs[k], ys[k]
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], np.array([xs, ys])[:, 200:], sampling_rate)


def driven_pair_causality(forth: float, back: float, turn: Floats) -> tuple[Floats, Floats]:
    """The causality from x to y and the reverse at the angles `turn` per sample: log S less log of it without the other noise."""
    z = np.exp(-1j * turn)
    ax, ay = 1 - 0.55 * z + 0.7 * z**2, 1 - 0.5 * z
    # Inverse of [[ax, -back z], [-forth z, ay]], but for its determinant, which cancels.
    return np.log1p(np.abs(forth * z) ** 2 / np.abs(ax) ** 2), np.log1p(np.abs(back * z) ** 2 / np.abs(ay) ** 2)


def aperiodic_signal(
    exponent: float,
    knee: float,
    peaks: Sequence[tuple[float, float, float]],
    duration: float,
    sampling_rate: float,
    rng: np.random.Generator,
) -> xr.Dataset:
    """Gaussian noise of the density 1 / (knee + f^exponent), times 10^(Gaussian peaks of (frequency, height, width))."""
    n = round(duration * sampling_rate)
    frequency = np.fft.rfftfreq(n, 1 / sampling_rate)
    frequency[0] = frequency[1]
    density = 1 / (knee + frequency**exponent)
    for centre, height, width in peaks:
        density = density * 10 ** (height * np.exp(-((frequency - centre) ** 2) / (2 * width**2)))
    spectrum = np.sqrt(density) * (rng.normal(size=frequency.size) + 1j * rng.normal(size=frequency.size))
    x = np.fft.irfft(spectrum, n)
    return with_signal([synthetic.poisson_train(5.0, duration, rng)], (x / x.std())[None], sampling_rate)
