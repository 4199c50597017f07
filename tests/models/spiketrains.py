"""Statistics of spike trains as SCIENCE.md defines them; they share no code with the metrics of the package."""

import numpy as np

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
