"""Responses to stimuli of known noise correlations and codes, and branching networks."""

import numpy as np
from numpy.typing import NDArray

from .rates import Fluctuation, draw_course
from .recording import Recording, Trials
from .trains import draw_poisson

Floats = NDArray[np.float64]
N_UNITS, N_STIMULI, N_TRIALS = 20, 8, 160  # trials of each epoch
LENGTH, PERIOD = 0.5, 1.0  # of a trial, and from one to the next (s)
CHANGES = ("nothing", "doubled", "raised", "threshold", "permuted")


def draw_tuning(rng: np.random.Generator) -> Floats:
    """Return rates (unit, stimulus) in Hz: von Mises tuning to a direction, peak over base 2 Hz."""
    angle = 2 * np.pi * np.arange(N_STIMULI) / N_STIMULI
    preferred = rng.uniform(0, 2 * np.pi, (N_UNITS, 1))
    peak = 10 * np.exp(0.5 * rng.standard_normal((N_UNITS, 1)))
    return np.asarray(2 + peak * np.exp(2 * (np.cos(angle - preferred) - 1)))


def change_code(tuning: Floats, change: str, rng: np.random.Generator) -> Floats:
    """Return the rates (unit, stimulus) after a change.

    doubled: all rates; raised: by 5 Hz at all stimuli; threshold: 4 Hz less, never below 0;
    permuted: each unit's responses go to other stimuli, its mean rate stays.
    """
    if change == "doubled":
        return 2 * tuning
    if change == "raised":
        return tuning + 5
    if change == "threshold":
        return np.maximum(tuning - 4, 0)
    return rng.permuted(tuning, axis=1) if change == "permuted" else tuning


def present(change: str, gain: Fluctuation, is_fast: bool, rng: np.random.Generator) -> Recording:
    """Draw trials in a baseline and in a recovery, between which the code may change.

    gain: of all rates, OU of the log; is_fast: it is new in each trial, else it is slow, and what
    units share is drift and no noise correlation. Truth `noise_correlation`: mean over pairs and
    stimuli of the baseline's correlation of counts, over infinitely many trials, without slow gain;
    `total_correlation`: with it.
    """
    tuning = draw_tuning(rng)
    rates = {"baseline": tuning, "recovery": change_code(tuning, change, rng)}
    n = 2 * N_TRIALS
    stimulus = np.concatenate([rng.permutation(np.arange(N_TRIALS) % N_STIMULI) for _ in range(2)])
    factor = np.ones((N_UNITS, n))
    if gain.kind != "none":
        course = gain._replace(tau=1e-3) if is_fast else gain
        factor = draw_course(course, N_UNITS, n * PERIOD, rng, step=PERIOD).gain
    rate = np.empty((N_UNITS, n))
    for k, each in enumerate(rates.values()):
        part = slice(k * N_TRIALS, (k + 1) * N_TRIALS)
        rate[:, part] = each[:, stimulus[part]]
    steps = np.zeros((N_UNITS, 2 * n))
    steps[:, ::2] = rate * factor  # the second half of each period is silent
    trains = draw_poisson(steps, LENGTH, rng)
    start = PERIOD * np.arange(n, dtype=np.float64)
    trials = Trials(start, np.asarray(start + LENGTH), [f"stimulus {k}" for k in stimulus])
    mean = tuning * LENGTH
    total = correlate_counts(mean, gain.sd, gain.shared) if gain.kind != "none" else 0.0
    truth = {
        "noise_correlation": total if is_fast else 0.0,
        "total_correlation": total,
        "is_code_changed": change in ("permuted", "threshold"),
        "is_rate_changed": change in CHANGES[1:4],
        "change": change,
        "mean_count": {label: each * LENGTH for label, each in rates.items()},
        "fluctuation": gain,
    }
    middle = N_TRIALS * PERIOD
    epochs = {"baseline": (0.0, middle), "recovery": (middle, 2 * middle)}
    return Recording(trains, 2 * middle, epochs, trials, truth=truth)


def correlate_counts(mean: Floats, sd: float, shared: float) -> float:
    """Return the mean correlation of Poisson counts with log-normal gains of mean 1.

    mean: expected counts (unit, stimulus). Covariances are mean_i mean_j (exp(shared sd^2) - 1),
    variances mean + mean^2 (exp(sd^2) - 1) (Goris et al. 2014, doi:10.1038/nn.3711).
    """
    deviation = np.sqrt(mean + mean**2 * np.expm1(sd**2))
    scaled = mean / deviation
    pairs = np.triu_indices(mean.shape[0], 1)
    products = scaled[pairs[0]] * scaled[pairs[1]] * np.expm1(shared * sd**2)
    return float(products.mean())


def branch(m: float, n_units: int, rng: np.random.Generator) -> Recording:
    """Draw a stationary branching network of which n_units are seen, 4-ms steps, 300 s.

    Each spike causes Poisson(m) spikes in the next step, others come from outside: 1000 neurons at
    2 Hz. Autocorrelation m^k after k steps (Wilting & Priesemann 2018,
    doi:10.1038/s41467-018-04725-4).
    """
    step, duration, n_all = 0.004, 300.0, 1000
    n_steps, lead = round(duration / step), int(10 / (1 - m))
    drive = 2.0 * n_all * step * (1 - m)
    spikes = np.repeat(np.arange(-lead, n_steps), rng.poisson(drive, lead + n_steps))
    seen = []
    while spikes.size:  # generation by generation
        kept = (spikes >= 0) & (rng.uniform(size=spikes.size) < n_units / n_all)
        seen.append(spikes[kept])
        spikes = np.repeat(spikes + 1, rng.poisson(m, spikes.size))
        spikes = spikes[spikes < n_steps]
    at = np.concatenate(seen)
    time = (at + rng.uniform(0.01, 0.99, at.size)) * step
    unit = rng.integers(0, n_units, at.size)
    trains = [np.sort(time[unit == u]) for u in range(n_units)]
    truth = {"branching_parameter": m, "step": step, "is_branching": True}
    return Recording(trains, duration, {"whole": (0.0, duration)}, truth=truth)


def drift_together(gain: Fluctuation, n_units: int, rng: np.random.Generator) -> Recording:
    """Draw Poisson units of 2 Hz whose rates fluctuate together; no spike causes another.

    Such input alone looks critical (de Heuvel et al. 2020, arXiv:2005.00608).
    """
    duration = 300.0
    course = draw_course(gain, n_units, duration, rng)
    trains = draw_poisson(2.0 * course.gain, course.step, rng)
    truth = {"branching_parameter": 0.0, "step": 0.004, "is_branching": False, "fluctuation": gain}
    return Recording(trains, duration, {"whole": (0.0, duration)}, truth=truth)
