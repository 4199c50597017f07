"""What the simulator and a catalogue file (neuron, synapse, rule, topology, protocol) hand to each other.

A catalogue file has one public NamedTuple, its parameters in SI, with a method `build` that returns what runs:
a private NamedTuple with static hooks. These are the other types that pass between the two.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:  # to read a config, nobody pays for xarray
    import xarray as xr


class Grid(NamedTuple):
    """The numbers that every mechanism is built on."""

    dt: float  # time step [s]
    window: int  # steps between two actions of slow rules
    dtype: np.dtype  # float64 or float32

    def number(self, value: Any) -> Any:
        """A parameter in the precision of the run: one number, or an array with one for each neuron."""
        return self.dtype.type(value) if np.ndim(value) == 0 else np.ascontiguousarray(value, self.dtype)

    def steps(self, time: Any) -> Any:
        """A time [s] as a whole number of steps: one, or an array."""
        rounded = np.round(np.asarray(time) / self.dt).astype(np.int32)
        return np.int32(rounded) if rounded.ndim == 0 else np.ascontiguousarray(rounded)


class Exponential(NamedTuple):
    """One term of a synaptic response: amplitude x exp(-t / tau) for each unit of weight; tau 0 is an impulse."""

    tau: float  # [s]
    amplitude: float = 1.0


class Membrane(NamedTuple):
    """The state of neurons that have no other variable. A neuron model with more has a NamedTuple that starts like this."""

    v: np.ndarray  # membrane potential [V]
    drive: np.ndarray  # background drive [V]: what it would add to v in the long run


class Cell(NamedTuple):
    """A neuron model made ready for a time step. Hooks of `kernel`: step, reset, and threshold where it moves."""

    kernel: Any  # has v_threshold and v_reset
    gain: Callable[[str, float], Any]  # (channel, tau): what `step` wants for each unit of an exponential current
    refractory: Any  # steps
    drive: Any  # background drive at the start [V]
    decay: Any = 1.0  # what is left of a deviation of the free membrane after one step
    state: type = Membrane
    start: dict[str, Any] = {}


class Target(NamedTuple):
    """Some neurons of a population, as a protocol sees them: all, or those of one thread."""

    n: int
    offset: int  # index of the first of them in its population
    cell: Cell
    state: Any
    channels: dict[str, tuple]  # what receives spikes
    weight_units: dict[str, str]  # of each channel
    grid: Grid
    stimulus: "xr.Dataset | None"  # activity/1 with the covariate of the recording that is presented


class Site(NamedTuple):
    """The synapses that a rule acts on: those of one projection onto some neurons of its target population."""

    n_rows: int  # presynaptic ends: one for each source neuron and delay
    n_post: int
    n_synapses: int
    weight_max: float  # in the unit of the channel; infinite for a projection that is not plastic
    weight_unit: str
    state: Any  # of the target neurons
    grid: Grid
    key: np.uint64  # of its random numbers, see numerics/counter.py; the same in every part
    offset: int = 0  # index of the first target neuron in its population: draw for (row, offset + i), not for the synapse


class Ends(NamedTuple):
    """The two populations that a topology connects."""

    n_source: int
    n_target: int
    is_recurrent: bool  # they are the same
    source_position: np.ndarray | None  # (n_source, 2) [m] on a square torus
    target_position: np.ndarray | None
    extent: float | None  # side of the torus [m]


class Window(NamedTuple):
    """What slow rules see at the end of a window: a whole population, or the target population of a projection."""

    t: int  # steps since the start
    seconds: float  # time over which the rule acts: the length of the window, times its speed
    rate: np.ndarray  # (n,) [Hz] by the rule's detector, or of the window
    counts: np.ndarray  # (n,) spikes in the window
    state: Any  # of the neurons; padded arrays that the rule may change
    kernel: Any  # of the neurons; fields that the rule's `changes` names are padded arrays
    position: np.ndarray | None  # (n, 2) [m]
    extent: float | None  # side of the torus [m]
    incoming: Callable[[], tuple[np.ndarray, np.ndarray]]  # sum and number of the weights onto each neuron
    input_gain: np.ndarray | None = None  # (n,) factor of the synaptic input, padded, where the rule `scales_input`
    wiring: Any = None  # a `Wiring`, for rules of a projection


class Wiring(NamedTuple):
    """The synapses of a projection, for slow rules that do more than scale weights."""

    n_source: int
    synapses: Callable[[], tuple[np.ndarray, np.ndarray]]  # source and target neuron of each
    rewire: Callable[[np.ndarray, np.ndarray], None]  # have these synapses from now on
    release: tuple  # the short-term plasticity, one for each thread; its arrays have a value for each (source, delay)
    random: Callable[[], np.random.Generator]  # a stream of this window


class Course(NamedTuple):
    """What a rate model went through."""

    every: float  # time between two values [s]
    values: dict[str, np.ndarray]  # dimensionless variables, the first value at t = 0
    epochs: dict[str, tuple[float, float]]  # [s]
