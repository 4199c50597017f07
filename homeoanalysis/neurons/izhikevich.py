"""The simple model of Izhikevich: two variables, the firing patterns of many kinds of neurons."""

from types import MappingProxyType
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.machine import at
from homeoanalysis.numerics.mechanism import Cell, Grid
from homeoanalysis.units import Second, Volt, quantity

_SLOPE = -0.6  # [1/ms] of dv/dt at -70 mV with u held: what `white_noise` takes for the leak


class Izhikevich(NamedTuple):
    """Quadratic integrate-and-fire neuron with a recovery variable u.

    In mV and ms: dv/dt = 0.04 v^2 + 5 v + 140 - u + I, du/dt = a (b v - u); a spike when v > v_peak, then v = v_reset and u
    grows by d.
    a is `recovery_rate`, b `recovery_gain`, d `recovery_jump`; v_reset is the c of the paper.
    `drive` divided by 1 ms is I: a drive of 10 mV is I = 10. An excitatory spike of weight w moves v by w in its step,
    an inhibitory one by -w, as in the paper's network.
    Two Euler steps of dt/2 for v, then one of dt for u: with dt = 1 ms this is the paper's code. There v overshoots
    v_peak by far, which enters u, so that intervals scatter (fast spiking, I = 10: 11 to 25 ms); at 0.1 ms they do not.

    Source: Izhikevich 2003, IEEE Trans Neural Netw 14:1569-1572, doi:10.1109/TNN.2003.820440, eq. 1-3 and its code; the
    defaults are the regular spiking neuron of figure 2.
    """

    recovery_rate: Annotated[quantity("1/s"), Field(ge=0)] = 20.0  # type: ignore[valid-type]
    recovery_gain: quantity("1/s") = 200.0  # type: ignore[valid-type]
    v_reset: Volt = -0.065
    recovery_jump: quantity("V/s") = 8.0  # type: ignore[valid-type]
    v_peak: Volt = 0.03
    refractory: Annotated[Second, Field(ge=0)] = 0.0
    drive: Volt = 0.0

    channels = MappingProxyType({"excitatory": "V", "inhibitory": "V"})  # type: ignore[misc]
    synapses = MappingProxyType({"excitatory": "delta", "inhibitory": "delta"})  # type: ignore[misc]

    def build(self, grid: Grid) -> Cell:
        """The neuron for steps of `grid.dt`."""
        half = 0.5 * grid.dt
        # With v in V and u in V/s: dv/dt = 40 000 v^2 + 5000 v + 140 - u + drive / 1 ms.
        numbers = {
            "half": half,
            "square": half * 4e4,
            "linear": half * 5e3,
            "constant": half * 140.0,
            "drive": half * 1e3,
            "share": 0.5,
            "recovery_rate": grid.dt * np.asarray(self.recovery_rate),
            "recovery_gain": self.recovery_gain,
            "recovery_jump": self.recovery_jump,
            "v_threshold": self.v_peak,
            "v_reset": self.v_reset,
        }
        kernel = _Kernel(**{key: grid.number(value) for key, value in numbers.items()})
        return Cell(
            kernel,
            lambda channel, tau: -1 if channel == "inhibitory" else 1,
            grid.steps(self.refractory),
            self.drive,
            np.exp(_SLOPE * 1e3 * grid.dt),
            _Membrane,
            {"v": self.v_reset, "recovery": np.asarray(self.recovery_gain) * self.v_reset},
        )


class _Membrane(NamedTuple):
    v: np.ndarray
    drive: np.ndarray
    recovery: np.ndarray  # u [V/s]


class _Kernel(NamedTuple):
    half: Any
    square: Any
    linear: Any
    constant: Any
    drive: Any
    share: Any
    recovery_rate: Any
    recovery_gain: Any
    recovery_jump: Any
    v_threshold: Any
    v_reset: Any

    @staticmethod
    def step(kernel, state, i, inputs, drive):  # type: ignore[no-untyped-def]
        v, u = state.v[i], state.recovery[i]
        fixed = (kernel.constant - kernel.half * u) + (kernel.drive * drive + kernel.share * (inputs[0] + inputs[1]))
        v += (kernel.square * v + kernel.linear) * v + fixed
        v += (kernel.square * v + kernel.linear) * v + fixed
        state.recovery[i] = u + at(kernel.recovery_rate, i) * (at(kernel.recovery_gain, i) * v - u)
        return v

    @staticmethod
    def reset(kernel, state, i):  # type: ignore[no-untyped-def]
        state.v[i] = at(kernel.v_reset, i)
        state.recovery[i] += at(kernel.recovery_jump, i)
