"""Units that encode a Gaussian stimulus, and how much of it a linear reconstruction can tell.

The stimulus s has variance 1 and the spectrum 1 / (2 B), two-sided, up to the cut-off B. Units see
u: s, delayed and low-passed, with variance 1. The intensity of a unit is rate g f(u). The encoder f
and the gain g of excitability have mean 1, and g knows nothing of s. The truth is the lower bound

    -integral from 0 to B of log2(1 - C(f)) df    (bit/s)

(Borst & Theunissen 1999, doi:10.1038/14731), C the squared coherence of s and the spike train.

With the Hermite coefficients h_k of f, the spectra of the intensity are exact. Its cross spectrum
with s is rate h_1 times that of u and s (Price's theorem). The covariance of f(u) is the sum of
h_k^2 r^k, r the correlation of u. Where a and b are the covariances of f(u) and of g, that of their
product is a + b + a b. Poisson spikes add the power `rate` at all frequencies. If f is linear,
u = s and g = 1, C = G / (1 + G) with G = rate m^2 / (2 B).
"""

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import coherence
from scipy.special import ndtr

from .rates import NONE, Course, Fluctuation, draw_course
from .recording import Recording, Signal
from .trains import POISSON, Spiking, draw_trains

Floats = NDArray[np.float64]
SAMPLING = 1000.0  # of the stimulus, as it is recorded (Hz)
FINENESS = 50  # steps of the intensity in one period of the cut-off
N_TERMS = 60  # of the Hermite series of a rectified line


class Encoding(NamedTuple):
    """A recording of units that encode one stimulus."""

    duration: float = 600.0  # s
    cut_off: float = 20.0  # of the stimulus (Hz)
    rates: tuple[float, ...] = (5.0, 10.0, 20.0, 40.0)  # mean rate of each unit (Hz)
    gains: tuple[float, ...] = (0.3, 0.3, 0.3, 0.3)  # m of each unit
    kind: str = "linear"  # max(1 + m u, 0), or exponential: exp(m u); over its mean
    latency: float = 0.0  # s
    membrane: float = 0.0  # time constant of the low-pass (s)
    fluctuation: Fluctuation = NONE  # of excitability: none or ou
    spiking: Spiking = POISSON
    end: float | None = None  # factor of all gains from the middle on; None: one epoch

    @property
    def step(self) -> float:
        """Width of the steps in which intensities are constant (s)."""
        return 1 / (FINENESS * self.cut_off)

    @property
    def epochs(self) -> dict[str, tuple[float, float]]:
        """Label: start, stop (s)."""
        middle = self.duration / 2
        if self.end is None:
            return {"whole": (0.0, self.duration)}
        return {"baseline": (0.0, middle), "recovery": (middle, self.duration)}


# Lower bounds that have no closed form (bit/s) and their standard errors, by kind of spiking, rate
# and gain. `measure_information(Encoding(1000.0, 20.0, (20.0, 40.0), (0.3, 0.3), spiking=Spiking(
# kind)), 500, 1)` gives them again, in 3 min: 500 draws of 1000 s. Welch's window takes another
# 0.1 % of them, at the cut-off.
MEASURED = {
    ("refractory", 20.0, 0.3): (1.4460, 0.0039),
    ("refractory", 40.0, 0.3): (3.2330, 0.0060),
    ("gamma", 20.0, 0.3): (2.8895, 0.0055),
    ("gamma", 40.0, 0.3): (7.2587, 0.0092),
}


def filter_stimulus(encoding: Encoding, frequency: Floats) -> NDArray[np.complex128]:
    """Return the transfer function from the stimulus to what units see, not yet standardised."""
    turn = 2j * np.pi * frequency
    return np.asarray(np.exp(-turn * encoding.latency) / (1 + turn * encoding.membrane))


def draw_stimulus(encoding: Encoding, rng: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the stimulus and what units see of it, in steps, both of variance 1.

    A fifth more is drawn and cut off, so that the ends do not meet.
    """
    n = round(encoding.duration / encoding.step)
    longer = n * 6 // 5
    frequency = np.fft.rfftfreq(longer, encoding.step)
    inside = (frequency > 0) & (frequency < encoding.cut_off * (1 + 1e-9))
    seen = filter_stimulus(encoding, frequency[inside])
    lines = np.zeros((2, frequency.size), complex)
    lines[0, inside] = rng.standard_normal((2, seen.size)).T @ np.array([1, 1j])
    lines[1, inside] = lines[0, inside] * seen
    power = np.array([seen.size, (np.abs(seen) ** 2).sum()])
    scale = longer / 2 / np.sqrt(power)
    both = np.fft.irfft(lines, longer, axis=1)[:, :n] * scale[:, None]
    return both[0], both[1]


def encode(kind: str, gain: float, seen: Floats) -> Floats:
    """Return f(u), of mean 1; gain: m."""
    if kind == "exponential":
        return np.asarray(np.exp(gain * seen - gain**2 / 2))
    return np.asarray(np.maximum(1 + gain * seen, 0) / expand_line(gain)[0])


def expand_line(gain: float) -> Floats:
    """Return the Hermite coefficients h_0 to h_N_TERMS of max(1 + m u, 0), not yet over its mean.

    h_k = E[f He_k] / sqrt(k!), and by parts m phi(1/m) He_(k-2)(-1/m) / sqrt(k!) from k = 2 on.
    """
    if gain == 0:
        return np.eye(1, N_TERMS + 1)[0]
    edge = -1 / gain
    density = np.exp(-(edge**2) / 2) / np.sqrt(2 * np.pi)
    polynomial = [1.0, edge]  # He_k / sqrt(k!)
    for k in range(1, N_TERMS - 2):
        term = (edge * polynomial[k] - np.sqrt(k) * polynomial[k - 1]) / np.sqrt(k + 1)
        polynomial.append(float(term))
    order = np.arange(2, N_TERMS + 1)
    more = gain * density * np.array(polynomial) / np.sqrt(order * (order - 1))
    first = [ndtr(-edge) + gain * density, gain * ndtr(-edge)]
    return np.concatenate([first, more])


def correlate_encoder(kind: str, gain: float, seen: Floats) -> tuple[float, Floats]:
    """Return h_1 of f, and the covariance of f(u) where the correlation of u is `seen`."""
    if kind == "exponential":
        return gain, np.expm1(gain**2 * seen)
    terms = expand_line(gain)
    terms = terms / terms[0]
    squares = terms**2
    squares[0] = 0
    return float(terms[1]), np.asarray(np.polynomial.polynomial.polyval(seen, squares))


def describe_bursts(spiking: Spiking, frequency: Floats) -> tuple[float, Floats, Floats]:
    """Return the mean size of a burst, and of its Fourier transform X: |E X|^2 and E |X|^2.

    A burst starts with its first spike, as a Poisson process does; a Poisson spike is a burst of 1.
    phi is the mean of exp(-2 pi i f d) over the uniform intervals d within a burst.
    """
    if spiking.kind == "poisson":
        return 1.0, np.ones_like(frequency), np.ones_like(frequency)
    is_pair = spiking.kind == "doublets"
    low, high = (0.003, 0.008) if is_pair else (0.004, 0.010)
    phi = np.exp(-1j * np.pi * frequency * (low + high)) * np.sinc(frequency * (high - low))
    if is_pair:
        mean, size = 1 + spiking.share * phi, 1 + spiking.share
        return size, np.abs(mean) ** 2, 1 + spiking.share + 2 * spiking.share * phi.real
    size = spiking.burst_size
    tail = (1 - 1 / size) * phi  # a burst goes on with the probability 1 - 1 / size
    return size, np.abs(1 / (1 - tail)) ** 2, size * (1 + 2 * (tail / (1 - tail)).real)


def predict_coherence(encoding: Encoding, rate: float, gain: float) -> tuple[Floats, Floats]:
    """Return frequencies up to the cut-off and the squared coherence of stimulus and spike train.

    Of a process that repeats itself after a time much longer than its memory: its spectra are sums.
    Steps of constant intensity take a part of the power, by the squared sinc.
    """
    step, fluctuation = encoding.step, encoding.fluctuation
    tau = 0.0 if fluctuation.kind == "none" else fluctuation.tau
    n = round(max(200.0, 20 * tau) / step)
    frequency = np.fft.rfftfreq(n, step)
    n_lines = round(encoding.cut_off * n * step)
    inside = slice(1, n_lines + 1)
    power = np.zeros(frequency.size)
    power[inside] = np.abs(filter_stimulus(encoding, frequency[inside])) ** 2
    power /= power.sum()
    seen = np.fft.irfft(power * n / 2, n)
    first, covariance = correlate_encoder(encoding.kind, gain, seen)
    if tau:
        lag = np.arange(n)
        decay = np.exp(-np.minimum(lag, n - lag) * step / tau)
        excitability = np.expm1(fluctuation.sd**2 * decay)
        covariance = covariance + excitability + covariance * excitability
    frequency = frequency[inside]
    held = np.sinc(frequency * step) ** 2
    total = step * np.fft.rfft(covariance).real[inside] * held
    signal = first**2 * power[inside] * n * step / 2 * held
    size, mean, noise = describe_bursts(encoding.spiking, frequency)
    onsets = rate / size
    return frequency, onsets * signal * mean / (onsets * total * mean + noise)


@cache
def find_information(encoding: Encoding, rate: float, gain: float) -> float:
    """Return the lower bound of the information of one unit (bit/s).

    What is not Poisson nor a burst has no closed form, and is in MEASURED.
    """
    if gain == 0:
        return 0.0
    if encoding.spiking.kind in ("refractory", "gamma"):
        measured = encoding.kind, encoding.cut_off, encoding.membrane, encoding.fluctuation.kind
        if measured != ("linear", 20.0, 0.0, "none"):
            raise ValueError(f"not measured: {encoding}")
        return MEASURED[encoding.spiking.kind, rate, gain][0]
    frequency, c = predict_coherence(encoding, rate, gain)
    return integrate_information(frequency, c)


def integrate_information(frequency: Floats, c: Floats) -> float:
    """Return the bound (bit/s) of a squared coherence; below the first frequency it is constant."""
    bits = -np.log2(1 - c)
    return float(np.trapezoid(bits, frequency) + bits[0] * frequency[0])


def present_stimulus(encoding: Encoding, rng: np.random.Generator) -> Recording:
    """Draw a stimulus and the units that encode it. Truth: `information_rate` of each epoch."""
    stimulus, course = draw_responses(encoding, rng)
    trains = draw_trains(encoding.spiking, course, np.array(encoding.rates), rng)
    every = round(1 / (SAMPLING * encoding.step))
    signal = Signal(stimulus[None, ::every], SAMPLING, "1", encoding.cut_off)
    units = list(zip(encoding.rates, encoding.gains, strict=True))
    information = {}
    for label in encoding.epochs:
        factor = encoding.end if label == "recovery" and encoding.end is not None else 1.0
        each = [find_information(encoding, rate, factor * gain) for rate, gain in units]
        information[label] = np.array(each)
    truth: dict[str, Any] = {
        "information_rate": information,
        "cut_off": encoding.cut_off,
        "fluctuation": encoding.fluctuation,
        "spiking": encoding.spiking,
    }
    signals = {"covariate": signal}
    return Recording(trains, encoding.duration, encoding.epochs, signals=signals, truth=truth)


def draw_responses(encoding: Encoding, rng: np.random.Generator) -> tuple[Floats, Course]:
    """Return the stimulus in steps, and the intensities of units over their mean."""
    stimulus, seen = draw_stimulus(encoding, rng)
    n_units, middle = len(encoding.rates), seen.size // 2
    ends = (1.0, 1.0 if encoding.end is None else encoding.end)
    parts = (seen[:middle], seen[middle:])
    course = draw_course(encoding.fluctuation, n_units, encoding.duration, rng, step=encoding.step)
    for row, gain in zip(course.gain, encoding.gains, strict=True):
        both = [encode(encoding.kind, gain * f, u) for f, u in zip(ends, parts, strict=True)]
        row *= np.concatenate(both)
    return stimulus, course


def estimate_information(
    stimulus: Floats, trains: list[Floats], encoding: Encoding, segment: float
) -> Floats:
    """Return the bound of each unit (bit/s) from Welch's coherence in segments (s).

    Without its bias: over K segments of Gaussian signals, -log(1 - C) is 1 / (K - 1) too large,
    whatever the coherence is.
    """
    edge = np.arange(stimulus.size + 1) * encoding.step
    per_segment = round(segment / encoding.step)
    found = []
    for train in trains:
        count = np.histogram(train, edge)[0] - train.size / stimulus.size
        frequency, c = coherence(
            stimulus, count, 1 / encoding.step, nperseg=per_segment, noverlap=0, detrend=False
        )
        inside = (frequency > 0) & (frequency < encoding.cut_off * (1 + 1e-9))
        bias = encoding.cut_off / (stimulus.size // per_segment - 1) / np.log(2)
        found.append(integrate_information(frequency[inside], c[inside]) - bias)
    return np.array(found)


def measure_information(encoding: Encoding, n_draws: int, seed: int) -> tuple[Floats, Floats]:
    """Return the bound of each unit (bit/s) and its standard error, by simulation alone."""
    found = []
    for rng in map(np.random.default_rng, np.random.SeedSequence(seed).spawn(n_draws)):
        stimulus, course = draw_responses(encoding, rng)
        trains = draw_trains(encoding.spiking, course, np.array(encoding.rates), rng)
        found.append(estimate_information(stimulus, trains, encoding, 10.0))
    return np.mean(found, axis=0), np.std(found, axis=0, ddof=1) / np.sqrt(n_draws)
