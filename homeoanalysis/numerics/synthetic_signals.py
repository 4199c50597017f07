"""Activities with sampled signals made from a formula: known truth for the conformance tests of spectral metrics."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import synthetic

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
    return activity.assign(
        {
            kind: ((f"{kind}_channel", f"{kind}_sample"), values, {"units": units, "sampling_rate": float(sampling_rate)}),
            f"{kind}_first_sample": ("segment", [0], {"units": "1"}),
            f"{kind}_sample_count": ("segment", [values.shape[1]], {"units": "1"}),
            f"{kind}_t_start": ("segment", [0.0], {"units": "s"}),
        }
    ).assign_coords({f"{kind}_channel": [f"c{k}" for k in range(values.shape[0])]})


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
