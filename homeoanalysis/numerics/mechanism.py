"""What the simulator and a catalogue file (neuron, rule, topology, protocol) hand to each other.

A catalogue file has one public NamedTuple, its parameters in SI, with a method `build` that returns what runs:
a private NamedTuple with static hooks. These are the other types that pass between the two.
"""

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from homeoanalysis.numerics.traces import Trace

if TYPE_CHECKING:  # to read a config, nobody pays for xarray
    import xarray as xr


class Grid(NamedTuple):
    """The numbers that every mechanism is built on."""

    dt: float  # time step [s]
    window: int  # steps between two actions of slow rules
    dtype: np.dtype  # float64 or float32


class Channel(NamedTuple):
    """A synaptic input of a neuron model: it jumps by the weight at a spike and decays exponentially."""

    tau: float  # [s]
    gain: float  # what `step` wants, for each unit of weight


class Cell(NamedTuple):
    """A neuron model made ready for a time step. Hooks of `kernel`: step, reset."""

    kernel: Any  # has v_threshold and v_reset
    channels: dict[str, Channel]
    refractory: int  # steps
    drive: float  # background drive at the start [V]
    decay: float  # what is left of a deviation of the free membrane after one step


class Membrane(NamedTuple):
    """The state of the neurons of one population."""

    v: np.ndarray  # membrane potential [V]
    drive: np.ndarray  # background drive [V]: what it would add to v in the long run


class Target(NamedTuple):
    """A population as a protocol sees it."""

    n: int
    cell: Cell
    membrane: Membrane
    channels: dict[str, Trace]
    weight_units: dict[str, str]  # of each channel
    grid: Grid
    stimulus: "xr.Dataset | None"  # activity/1 with the covariate of the recording that is presented
