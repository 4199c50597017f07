"""Statistics of spike trains as SCIENCE.md defines them; they share no code with the metrics of the package."""

import numpy as np
from scipy.signal import welch

from homeoanalysis.simulate.simulation import Simulation


def trains(simulation: Simulation, population: str, start: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(times [s], units) of the spikes from `start` on."""
    step, unit = np.concatenate(simulation.spikes[population], axis=1)
    time = step * simulation.network.grid.dt
    return time[time >= start], unit[time >= start]


def rates(simulation: Simulation, population: str, start: float = 0.0) -> np.ndarray:
    """Rate [Hz] of each neuron from `start` to the step that the simulation has reached."""
    n = simulation.network.neurons[population].n
    seconds = simulation.step * simulation.network.grid.dt - start
    return np.bincount(trains(simulation, population, start)[1], minlength=n) / seconds


def irregularity(time: np.ndarray, unit: np.ndarray) -> float:
    """Mean over the neurons with three intervals or more of the coefficient of variation of their intervals."""
    order = np.lexsort((time, unit))
    time, unit = time[order], unit[order]
    own = unit[1:] == unit[:-1]
    interval, unit = np.diff(time)[own], unit[1:][own]
    n = np.bincount(unit)
    n_safe = np.maximum(n, 1)
    mean = np.bincount(unit, interval) / n_safe
    variance = np.bincount(unit, (interval - mean[unit]) ** 2) / n_safe
    enough = n >= 3
    return float(np.mean(np.sqrt(variance[enough]) / mean[enough]))


def oscillation(time: np.ndarray, start: float, stop: float) -> tuple[float, float]:
    """Peak of the population spectrum from 5 to 900 Hz over its median, and the frequency of the peak [Hz].

    Bins of 0.5 ms, Welch's method with segments of 400 bins.
    """
    counts = np.histogram(time, np.arange(round((stop - start) / 0.5e-3) + 1) * 0.5e-3 + start - 1e-9)[0].astype(float)
    frequency, power = welch(counts - counts.mean(), fs=2000, window="hann", nperseg=400, noverlap=200)
    band = (frequency >= 5) & (frequency <= 900)
    frequency, power = frequency[band], power[band]
    return float(power.max() / np.median(power)), float(frequency[power.argmax()])
