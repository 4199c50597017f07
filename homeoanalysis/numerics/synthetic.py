"""Activities made from a formula: known truth for the conformance tests of metrics, and for benchmarks."""

import functools
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from homeoanalysis.numerics import observed

Floats = NDArray[np.float64]


def activity(
    trains: Sequence[Floats],
    duration: float,
    *,
    epochs: Mapping[str, tuple[float, float]] | None = None,
    covariate: Floats | None = None,
    sampling_rate: float = 1000.0,
    bandwidth: float = np.nan,
) -> xr.Dataset:
    """An activity/1 of spike trains [s] in [0, duration], in any order of times, with an optional stimulus from t = 0 on."""
    n = int(sum(t.size for t in trains))
    ordered = [np.sort(t, kind="stable") for t in trains]  # takes next to nothing where times are nearly in order
    # One new Dataset: assigning variables to one costs as much again each time, and laws draw activities by the thousand.
    variables: dict[str, Any] = {
        "segment_start": ("segment", [0.0], {"units": "s"}),
        "segment_stop": ("segment", [float(duration)], {"units": "s"}),
        "spike_time": ("spike", np.concatenate(ordered) if n else np.zeros(0), {"units": "s"}),
        "spike_count": ("unit", np.array([t.size for t in trains], np.int64), {"units": "1"}),
        "unit_kind": ("unit", ["simulated"] * len(trains)),
        "cell_type": ("unit", ["unknown"] * len(trains)),
    }
    coordinates: dict[str, Any] = {"unit": [f"u{k}" for k in range(len(trains))]}
    if epochs:
        variables["epoch_start"] = ("epoch", [e[0] for e in epochs.values()], {"units": "s"})
        variables["epoch_stop"] = ("epoch", [e[1] for e in epochs.values()], {"units": "s"})
        coordinates["epoch"] = list(epochs)
    if covariate is not None:
        of_signal = {"units": "1", "sampling_rate": sampling_rate}
        variables["covariate"] = (("covariate_channel", "covariate_sample"), covariate[None, :], of_signal)
        variables["covariate_first_sample"] = ("segment", [0], {"units": "1"})
        variables["covariate_sample_count"] = ("segment", [covariate.size], {"units": "1"})
        variables["covariate_t_start"] = ("segment", [0.0], {"units": "s"})
        variables["covariate_bandwidth"] = ("covariate_channel", [float(bandwidth)], {"units": "Hz"})
        coordinates["covariate_channel"] = ["stimulus"]
    book = {"spikes": {"in": n, "out": n, "dropped": {}}, "units": {"in": len(trains), "out": len(trains), "dropped": {}}}
    about = {
        "schema": "activity/1",
        "source": "synthetic",
        "source_kind": "model",
        "replicate": "0",
        "subject": "0",
        "session": "",
        "factors": "{}",
        "citation": "",
        "bookkeeping": json.dumps(book, sort_keys=True),
    }
    return xr.Dataset(variables, coordinates, about)


def poisson_train(rate: float, duration: float, rng: np.random.Generator) -> Floats:
    """A homogeneous Poisson train on [0, duration)."""
    return np.sort(rng.uniform(0, duration, rng.poisson(rate * duration)))


def stepped(
    rates: Floats, epochs: Mapping[str, tuple[float, float]], rng: np.random.Generator, cell_types: Sequence[str] = ()
) -> xr.Dataset:
    """Poisson units whose rates change from epoch to epoch: (unit, epoch) [Hz]; epochs follow one another from 0 s on."""
    spans = list(epochs.values())
    trains = [
        np.concatenate([a + poisson_train(rate, b - a, rng) for rate, (a, b) in zip(row, spans, strict=True)]) for row in rates
    ]
    made = activity(trains, spans[-1][1], epochs=epochs)
    return made.assign(cell_type=("unit", list(cell_types))) if cell_types else made


def gamma_train(rate: float, shape: float, duration: float, rng: np.random.Generator) -> Floats:
    """A stationary renewal process on [0, duration) whose intervals are gamma distributed with this shape."""
    lead = 20 / rate  # the start is forgotten by then
    n = int(rate * (duration + lead) + 10 * np.sqrt(rate * (duration + lead)) + 20)
    times = np.cumsum(rng.gamma(shape, 1 / (shape * rate), n)) - lead
    return times[(times >= 0) & (times < duration)]


def bursting_train(
    onset: Floats, spikes: int, interval: float, background: float, duration: float, rng: np.random.Generator
) -> Floats:
    """`spikes` spikes at equal distances from each onset on, and Poisson spikes at the rate `background` [Hz]."""
    bursts = (onset[:, None] + interval * np.arange(spikes)).ravel()
    times = np.sort(np.concatenate([bursts, poisson_train(background, duration, rng)]))
    return times[(times >= 0) & (times < duration)]


def onsets(least: float, mean: float, duration: float, rng: np.random.Generator) -> Floats:
    """Times on [0, duration) that are `least` and an exponential time apart, `mean` together; stationary."""
    n = int(2 * duration / mean + 50)
    times = np.cumsum(least + rng.exponential(mean - least, n)) - rng.uniform(10 * mean, 11 * mean)
    return times[(times >= 0) & (times < duration)]


def volleys(
    n: int, onset: Floats, width: float, share: float, background: float, duration: float, rng: np.random.Generator
) -> list[Floats]:
    """Units that fire once in each volley, of `width` [s], with the probability `share`, and at the rate `background` [Hz]."""
    trains = []
    for _ in range(n):
        fired = onset[rng.uniform(size=onset.size) < share]
        times = np.concatenate([fired + rng.uniform(0, width, fired.size), poisson_train(background, duration, rng)])
        trains.append(np.sort(times[times < duration]))
    return trains


def waves(background: float, rng: np.random.Generator) -> xr.Dataset:
    """50 units of which 80 % fire once in each event, every 10 s on average, within bins of 1 s, and at the rate `background`."""
    onset = np.floor(onsets(3.0, 10.0, 1000.0, rng)) + 0.4
    return activity(volleys(50, onset, 0.002, 0.8, background, 1000.0, rng), 1000.0)


def branching_trains(
    n: int, m: float, mean: float, seen: float, step: float, duration: float, rng: np.random.Generator
) -> list[Floats]:
    """A stationary branching process of `mean` spikes a step, each of which causes Poisson(m) spikes in the next step.

    A part `seen` of the spikes is given, at random places of their steps, to n trains at random.
    """
    steps = round(duration / step)
    lead = int(10 / (1 - m))
    spikes = np.repeat(np.arange(-lead, steps), rng.poisson(mean * (1 - m), lead + steps))
    all_steps = []
    while spikes.size:  # generation by generation
        all_steps.append(spikes[(spikes >= 0) & (rng.uniform(size=spikes.size) < seen)])
        spikes = np.repeat(spikes + 1, rng.poisson(m, spikes.size))
        spikes = spikes[spikes < steps]
    step_of = np.concatenate(all_steps)
    times = (step_of + rng.uniform(0.01, 0.99, step_of.size)) * step
    unit = rng.integers(0, n, times.size)
    return [np.sort(times[unit == u]) for u in range(n)]


def avalanche_trains(
    n: int, exponent: float, largest: int, step: float, number: int, rng: np.random.Generator
) -> tuple[list[Floats], float]:
    """Avalanches whose sizes follow a power law from 1 to `largest`, of about sqrt(size) steps, 3 empty steps apart.

    So durations follow a power law of exponent 1 + 2 (exponent - 1), up to rounding, and mean sizes grow with duration squared.
    Returns n trains, spikes dealt at random, and the duration [s].
    """
    weight = np.arange(1, largest + 1) ** -float(exponent)
    size = rng.choice(largest, number, p=weight / weight.sum()) + 1
    length = np.floor(np.sqrt(size)).astype(int)
    begin = 3 + np.cumsum(length + 3) - length - 3
    extra = np.repeat(np.arange(number), size - length)  # one spike in each step; the others anywhere in the avalanche
    steps = np.concatenate([np.repeat(begin, length) + _counting(length), begin[extra] + rng.integers(0, length[extra])])
    times = (steps + rng.uniform(0.01, 0.99, steps.size)) * step
    unit = rng.integers(0, n, times.size)
    return [np.sort(times[unit == u]) for u in range(n)], float((begin[-1] + length[-1] + 3) * step)


def _counting(length: NDArray[np.int64]) -> NDArray[np.int64]:
    """0, 1, ... up to each length, one after the other."""
    return np.arange(length.sum()) - np.repeat(np.cumsum(length) - length, length)


def fluctuating(
    n: int, rate: float, spread: float, tau: float, duration: float, rng: np.random.Generator, set_points: float = 0.3
) -> xr.Dataset:
    """Poisson units with stationary log rates: set points of log standard deviation `set_points`, around which each fluctuates
    with `spread` and the correlation time `tau` [s] (Ornstein-Uhlenbeck, in steps of a twentieth of it).
    """
    step = tau / 20
    n_steps = int(np.ceil(duration / step))
    keep = np.exp(-step / tau)
    noise = rng.standard_normal((n_steps, n)) * spread
    log = np.empty((n_steps, n))
    log[0] = noise[0]
    for k in range(1, n_steps):
        log[k] = keep * log[k - 1] + np.sqrt(1 - keep**2) * noise[k]
    mean = rate * rng.lognormal(0, set_points, n) * np.exp(log - spread**2 / 2) * step
    trains = []
    for counts in rng.poisson(mean).T:
        times = np.repeat(np.arange(n_steps), counts) * step + rng.uniform(0, step, counts.sum())
        trains.append(times[times < duration])
    return activity(trains, duration)


def weights(cells: int, synapses: int, change: Callable[[Floats], Floats], rng: np.random.Generator) -> xr.Dataset:
    """Log-normal weights (mean 13 pA, sigma 0.7) of neurons that fire at 1 Hz, before and after a change; 10 s."""
    one = activity([poisson_train(1.0, 10.0, rng) for _ in range(cells)], 10.0)
    before = 13e-12 * rng.lognormal(-(0.7**2) / 2, 0.7, cells * synapses)
    return one.assign(
        weight=(("snapshot", "synapse"), np.stack([before, change(before)]), {"units": "A"}),
        snapshot_time=("snapshot", [0.0, 10.0], {"units": "s"}),
        pre=("synapse", rng.integers(0, cells, before.size), {"units": "1"}),
        post=("synapse", np.repeat(np.arange(cells), synapses), {"units": "1"}),
        projection=("synapse", np.full(before.size, "E_to_E")),
    )


def copied_trains(n: int, rate: float, shared: float, duration: float, rng: np.random.Generator) -> list[Floats]:
    """Poisson trains that copy each spike of one common train with the probability `shared`: any two share that part."""
    common = poisson_train(rate / shared, duration, rng)
    return [common[rng.uniform(size=common.size) < shared] for _ in range(n)]


def band_limited_noise(duration: float, sampling_rate: float, cutoff: float, rng: np.random.Generator) -> Floats:
    """Gaussian noise of unit variance, flat from 0 to `cutoff` [Hz]."""
    n = round(duration * sampling_rate)
    spectrum = rng.normal(size=(2, n // 2 + 1)).T @ np.array([1, 1j])
    spectrum[np.fft.rfftfreq(n, 1 / sampling_rate) > cutoff] = 0
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, n)
    return np.asarray(noise / noise.std())


def with_trials(one: xr.Dataset, start: Floats, length: float, stimulus: Sequence[str]) -> xr.Dataset:
    """The activity with trials of `length` [s]."""
    new = {
        "trial_start": xr.Variable("trial", start, {"units": "s"}),
        "trial_stop": xr.Variable("trial", start + length, {"units": "s"}),
        "stimulus": xr.Variable("trial", list(stimulus)),
    }
    return observed.replaced(one, new)


def stimulated(
    mean: Floats, trials: int, rng: np.random.Generator, *, units: int = 3, length: float = 0.1, period: float = 0.128
) -> xr.Dataset:
    """Units that fire Poisson(mean[stimulus, bin]) spikes in each bin of a trial, `trials` of each stimulus, in random order."""
    mean = np.atleast_2d(np.asarray(mean, float).T).T  # one bin, where there is one number for each stimulus
    label = rng.permutation(np.repeat(np.arange(mean.shape[0]), trials))
    start = period * np.arange(label.size, dtype=np.float64)
    step = length / mean.shape[1]
    begin = (start[:, None] + step * np.arange(mean.shape[1])).ravel()
    trains = []
    for _ in range(units):
        at = np.repeat(begin, rng.poisson(mean[label]).ravel())
        trains.append(at + step * rng.uniform(0.01, 0.99, at.size))
    names = [f"stimulus {k}" for k in label]
    return with_trials(activity(trains, period * label.size), start, length, names)


def smooth_encoder(
    rate: float, depth: float, tau: float, duration: float, rng: np.random.Generator, units: int = 1
) -> tuple[xr.Dataset, Floats, Floats, float]:
    """Poisson units of intensity rate (1 + depth s(t)), s Gaussian noise smoothed by a Gaussian of `tau` [s], of unit variance.

    Steps of 1 ms. Returns the activity, the density of s (frequency), the signal to noise ratio that all units have together
    (frequency), and the step of the frequency [Hz]; the stimulus ends where 1e-6 of its peak density is left.
    """
    step = 1e-3
    n = round(duration / step)
    frequency = np.fft.rfftfreq(n, step)
    shape = np.exp(-((2 * np.pi * frequency * tau) ** 2))
    cutoff = np.sqrt(np.log(1e6)) / (2 * np.pi * tau)
    shape[(frequency == 0) | (frequency > cutoff)] = 0
    stimulus = np.fft.irfft(np.fft.rfft(rng.normal(size=n)) * np.sqrt(shape), n)
    stimulus /= stimulus.std()
    trains = []
    for _ in range(units):
        counts = rng.poisson(np.maximum(rate * (1 + depth * stimulus), 0) * step)
        trains.append(np.repeat(np.arange(n), counts) * step + rng.uniform(0, step, counts.sum()))
    density = shape / (shape.sum() * frequency[1])  # one-sided
    one = activity(trains, duration, covariate=stimulus, sampling_rate=1 / step, bandwidth=float(cutoff))
    return one, density, units * rate * depth**2 * density / 2, float(frequency[1])


def counted(
    count: NDArray[np.int64], stimulus: Sequence[str], rng: np.random.Generator, *, length: float = 0.1, period: float = 0.128
) -> xr.Dataset:
    """Units with the given counts (trial, unit) of spikes, at random times of successive trials."""
    start = period * np.arange(count.shape[0], dtype=np.float64)
    trains = []
    for column in count.T:
        at = np.repeat(start, column)
        is_spike = np.arange(column.max(initial=0)) < column[:, None]
        row = np.full(is_spike.shape, np.inf)
        row[is_spike] = at + length * rng.uniform(0.01, 0.99, at.size)
        row.sort(axis=1)  # many short rows are sorted faster than one train
        trains.append(row[is_spike])
    return with_trials(activity(trains, period * count.shape[0]), start, length, stimulus)


def in_two_epochs(one: xr.Dataset) -> xr.Dataset:
    """The activity with its first half as the epoch "baseline" and its second as "recovery"."""
    return with_epochs(one, np.linspace(0, observed.array(one, "segment_stop")[-1], 3), ["baseline", "recovery"])


def with_epochs(one: xr.Dataset, edge: Floats, names: Sequence[str]) -> xr.Dataset:
    """The activity with epochs from edge to edge [s]."""
    new = {
        "epoch_start": xr.Variable("epoch", edge[:-1], {"units": "s"}),
        "epoch_stop": xr.Variable("epoch", edge[1:], {"units": "s"}),
        "epoch": xr.Variable("epoch", list(names)),
    }
    return observed.replaced(one, new)


def gaussian_counts(mean: Floats, covariance: Floats, rng: np.random.Generator) -> NDArray[np.int64]:
    """Whole numbers nearest to Gaussian ones, means (trial, unit): to the variance of each 1/12 is added by that."""
    noise = rng.multivariate_normal(np.zeros(covariance.shape[0]), covariance, mean.shape[0], method="cholesky")
    return np.maximum(np.rint(mean + noise), 0).astype(np.int64)


def correlation_within(correlation: Floats, cut: float) -> Floats:
    """Correlations (...) of two Gaussian numbers where neither is beyond `cut` standard deviations, from those of all."""
    node, weight = _gauss_legendre(64)
    x, y = np.meshgrid(cut * node, cut * node)
    values, at = np.unique(correlation, return_inverse=True)  # pairs at one distance have one
    rho = values[:, None, None]
    density = np.exp(-(x**2 - 2 * rho * x * y + y**2) / (2 * (1 - rho**2))) * weight[:, None] * weight
    return np.asarray(((density * x * y).sum((-2, -1)) / (density * x**2).sum((-2, -1)))[at])


@functools.cache
def _gauss_legendre(n: int) -> tuple[Floats, Floats]:
    node, weight = np.polynomial.legendre.leggauss(n)
    return node, weight


def poisson_encoder(
    rate: float, depth: float, cutoff: float, duration: float, rng: np.random.Generator, n_units: int = 1
) -> xr.Dataset:
    """Units whose intensity is rate (1 + depth s(t)), s flat Gaussian noise up to `cutoff` (1-ms steps).

    Its coherence with s is G / (1 + G), G = rate depth^2 / (2 cutoff); negative intensities (s < -1/depth) are cut.
    """
    step = 1e-3
    stimulus = band_limited_noise(duration, 1 / step, cutoff, rng)
    mean = np.maximum(rate * (1 + depth * stimulus), 0) * step
    trains = []
    for _ in range(n_units):
        counts = rng.poisson(mean)
        trains.append(np.repeat(np.arange(mean.size), counts) * step + rng.uniform(0, step, counts.sum()))
    return activity(trains, duration, covariate=stimulus, sampling_rate=1 / step, bandwidth=cutoff)


REMEMBERED = 0.9692  # of what is remembered, the part that 18 spikes let tell from 3: P(X <= 10 | 3) + P(X > 10 | 18) - 1


def remembered(share: Mapping[str, Floats], rng: np.random.Generator) -> xr.Dataset:
    """Epochs of trials of two stimuli, in random order, each remembered with the probability `share[epoch][trial]`.

    Then three Poisson units fire 3 spikes or 18 together, by the stimulus, else by the toss of a coin: balanced accuracy and the
    area under the curve of a decoder that has learnt the rule lie above 1/2 by half of the share, times REMEMBERED.
    """
    label = np.concatenate([rng.permutation(np.arange(each.size) % 2) for each in share.values()])
    each = np.concatenate(list(share.values()))
    response = np.where(rng.uniform(size=each.size) < each, label, rng.integers(0, 2, each.size))
    made = counted(rng.poisson(np.array([1.0, 6.0])[response][:, None], (each.size, 3)), [f"stimulus {k}" for k in label], rng)
    return with_epochs(made, 0.128 * np.cumsum([0, *(each.size for each in share.values())]), list(share))
