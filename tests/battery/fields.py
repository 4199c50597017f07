"""Field potentials of known coherence: independent ones that look coupled, and coupled ones."""

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from .rates import draw_ou
from .recording import Recording, Signal

Floats = NDArray[np.float64]
RATE = 500.0  # sampling rate (Hz)
DURATION = 100.0  # s


def draw_field(n: int, exponent: float, rng: np.random.Generator) -> Floats:
    """Return independent noise (n, sample) of unit variance, power 1/f^exponent above 1 Hz.

    Flat below. A fifth more is drawn and cut off, so that the ends do not meet.
    """
    n_samples = round(DURATION * RATE)
    longer = n_samples * 6 // 5
    frequency = np.fft.rfftfreq(longer, 1 / RATE)
    amplitude = np.maximum(frequency, 1.0) ** (-exponent / 2)
    amplitude[0] = 0
    spectrum = rng.standard_normal((2, n, frequency.size))
    noise = np.fft.irfft((spectrum[0] + 1j * spectrum[1]) * amplitude, longer, axis=1)
    scale = np.sqrt(4 * (amplitude[1:] ** 2).sum()) / longer
    return np.asarray(noise[:, :n_samples] / scale)


def draw_up_states(rng: np.random.Generator) -> Floats:
    """Return 1 in up states and 0 in down states, smoothed over 10 ms; 0.6 and 0.3 s on average."""
    n = int(2 * DURATION)
    lengths = np.column_stack([rng.gamma(2, 0.3, n), rng.gamma(2, 0.15, n)]).ravel()
    edge = np.cumsum(lengths) - rng.uniform(0, 5)
    time = np.arange(round(DURATION * RATE)) / RATE
    is_up = np.searchsorted(edge, time) % 2 == 0
    return np.asarray(gaussian_filter1d(is_up.astype(float), 0.01 * RATE))


def draw_spindles(n: int, rng: np.random.Generator) -> Floats:
    """Return spindles (n, sample) at common times, each at a phase of each channel's own.

    10 to 15 Hz, 0.5 to 1.5 s long, every 5 s on average.
    """
    time = np.arange(round(DURATION * RATE)) / RATE
    total = np.zeros((n, time.size))
    for start in rng.uniform(0, DURATION, rng.poisson(DURATION / 5)):
        length = rng.uniform(0.5, 1.5)
        at = slice(*np.searchsorted(time, [start, start + length]))
        envelope = np.sin(np.pi * (time[at] - start) / length) ** 2
        phase = 2 * np.pi * (rng.uniform(10, 15) * time[at] + rng.uniform(size=(n, 1)))
        total[:, at] += envelope * np.cos(phase)
    return total


def make_fields(samples: Floats, coherence: float, **more: object) -> Recording:
    """Return a recording of fields (channel, sample) in mV, as volts.

    coherence: magnitude-squared, of any two channels, outside of `excluded_frequencies` (Hz).
    """
    signal = Signal(samples * 1e-3, RATE, "V")
    truth = {"coherence": coherence, "excluded_frequencies": (), **more}
    return Recording([], DURATION, {"whole": (0.0, DURATION)}, signals={"lfp": signal}, truth=truth)


def draw_independent(exponent: float, rng: np.random.Generator) -> Recording:
    """Draw two independent fields."""
    return make_fields(draw_field(2, exponent, rng), 0.0)


def draw_common_gain(kind: str, rng: np.random.Generator) -> Recording:
    """Draw two independent fields whose amplitudes go together.

    kind: ou (log gain of 0.7, 1 s), up_states (a fifth of the amplitude in down states) or
    spindles.
    """
    field = draw_field(2, 2.0, rng)
    if kind == "spindles":
        return make_fields(field + 4 * draw_spindles(2, rng), 0.0)
    if kind == "up_states":
        return make_fields(field * (0.2 + 0.8 * draw_up_states(rng)), 0.0)
    log = 0.7 * draw_ou(1, field.shape[1], 1 / RATE, 1.0, rng)
    return make_fields(field * np.exp(log), 0.0)


def draw_common_line(rng: np.random.Generator) -> Recording:
    """Draw two independent fields with the same 50-Hz line."""
    field = draw_field(2, 2.0, rng)
    time = np.arange(field.shape[1]) / RATE
    line = 0.5 * np.sin(2 * np.pi * (50 * time + rng.uniform()))
    return make_fields(field + line, 0.0, excluded_frequencies=((48.0, 52.0),))


def draw_artefacts(rng: np.random.Generator) -> Recording:
    """Draw two independent fields with common stimulus artefacts, twenty of 5 SD and 5 ms.

    The artefacts are truly coherent, at all frequencies: `artefact_start` says where they are.
    """
    field = draw_field(2, 2.0, rng)
    start = np.sort(rng.uniform(0, DURATION - 0.1, 20))
    shape = 5 * np.exp(-np.arange(25) / (0.005 * RATE))
    at = (start * RATE).astype(int)[:, None] + np.arange(25)
    for samples in at:
        field[:, samples] += shape
    return make_fields(field, np.nan, artefact_start=start, coherence_without_artefacts=0.0)


def draw_coherent(coherence: float, has_common_gain: bool, rng: np.random.Generator) -> Recording:
    """Draw two fields of a known magnitude-squared coherence, the same at all frequencies.

    Each is a x common + sqrt(1 - a^2) x own, a^4 = coherence.
    """
    share = coherence**0.25
    three = draw_field(3, 2.0, rng)
    field = share * three[:1] + np.sqrt(1 - share**2) * three[1:]
    if has_common_gain:
        field = field * (0.2 + 0.8 * draw_up_states(rng))
    return make_fields(field, coherence)
