"""What a job asks a cluster for, from the size of its work. docs/cluster.md states the laws, and what jobs took.

Asking for too much costs waiting time, for too little a job that the cluster ends: every law lies above what was measured, and
a job that was ended is tried again with twice, then three times as much.
"""

import math
from typing import NamedTuple

from homeoanalysis import catalogue
from homeoanalysis.config.limits import expected_synapses, memory
from homeoanalysis.config.model import Model

_RATE = 20.0  # Hz; a network that fires faster than this asks for too little at first
_SPIKE = 40.0  # bytes that a spike takes while a batch is put together
_UNKNOWN = 600.0  # s; of a run that a recorded stimulus drives, whose length is in files that need not be there yet
_JOB = 480.0  # s by the law for a run, which lies 4 to 7 times above what was measured; of a job of several points
_SMALL = 10  # min; below, jobs share a place on the cluster


class Need(NamedTuple):
    """Of one job."""

    mem_mb: int
    runtime: int  # min

    def times(self, attempt: int) -> "Need":
        """What to ask for when the job is tried for the so-and-so-many-th time."""
        return Need(self.mem_mb * attempt, self.runtime * attempt)

    @property
    def is_small(self) -> bool:
        """Whether starting the job on a cluster would cost as much as the job."""
        return self.runtime < _SMALL


def of_model(model: Model, runs: int) -> Need:
    """Of `runs` realisations, one after the other, whose results are in memory together."""
    if model.system is not None:
        return _need(800.0, 120.0 + runs * _seconds(model))
    held = memory(model)
    spikes = _kept(model) * _RATE * _duration(model) * runs * _SPIKE
    return _need(600.0 + (1.5 * sum(held.values()) + spikes) / 1e6, 240.0 + runs * _seconds(model))


def _kept(model: Model) -> int:
    """Neurons whose spikes are in memory till the end of a run."""
    is_watched = any(hasattr(catalogue.load("protocols", p.name), "watch") for p in model.protocols.values())
    hidden = {} if is_watched else model.record.units
    return sum(hidden.get(name, p.n) for name, p in model.populations.items())


def points_of_a_job(model: Model, runs: int) -> int:
    """How many points of a sweep, of so many runs each, one job takes: a power of two, as the points of a Sobol design are.

    As many as take about a minute: a start costs 1.7 s, as much as 50 points beside their simulations (docs/scale.md). No more
    than 64, so that cheap sweeps have several jobs, too.
    """
    number = min(max(_JOB / (runs * _seconds(model)), 1.0), 64.0)
    return int(2 ** math.floor(math.log2(number)))


def _duration(model: Model) -> float:
    return _UNKNOWN if model.duration is None else model.duration


def _seconds(model: Model) -> float:
    """Of one run."""
    if model.system is not None:
        return 10.0
    neurons = sum(p.n for p in model.populations.values())
    synapses = sum(expected_synapses(model, p) for p in model.projections.values())
    # Measured with one thread (benchmarks/README.md): a time step costs 0.13 us, 0.12 ns for each neuron and 3.3 ns for each
    # synapse that a spike reaches; inputs and rules cost as much again.
    step = 2 * (0.13e-6 + 0.12e-9 * neurons + 3.3e-9 * synapses * _RATE * model.dt)
    return _duration(model) / model.dt * step


def of_files(megabytes: float, *, draws: int = 0, fold: float = 4.0) -> Need:
    """Of a job that reads files of this size, and looks at all of them for each of `draws`.

    fold: what a byte of a small file becomes in memory. What is long is read in pieces, of 4 GB together at most.
    """
    return _need(600.0 + min(fold * megabytes, 4000.0) + megabytes / 2, 240.0 + 0.3 * megabytes * (1 + draws))


def _need(megabytes: float, seconds: float) -> Need:
    """In steps of 100 MB and of whole minutes."""
    return Need(100 * math.ceil(megabytes / 100), math.ceil(seconds / 60))
