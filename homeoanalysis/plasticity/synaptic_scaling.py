"""Synaptic scaling: all weights onto a neuron follow its distance from a target rate together."""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.numerics.signals import Sensor, SetPoint, Signal, relative, sensor
from homeoanalysis.units import Second, quantity

_PerSecond = quantity("1/s")


class SynapticScaling(NamedTuple):
    """Homeostatic scaling of the weights onto each neuron, with optional integral control.

    e = 1 - rate / target_rate; multiplicative: dw/dt = w (proportional e + integral_gain * integral of e dt);
    additive: the same with the initial mean weight onto the neuron in the place of w. Euler steps of one window.
    `tau_rate` is the time constant of the rate detector; without it the rate is that of the last window. The signal may be the
    mean rate (global) or a messenger that diffuses between the neurons, see `numerics/signals.py`; `target_rate: measured`
    sets the target to the mean signal in the second half of `calibration`, until whose end nothing changes, and `own` to that
    of each neuron by itself, a set point of its own (Hengen et al. 2016, Cell 165:180-191, doi:10.1016/j.cell.2016.01.046).

    Source: multiplicative scaling, Turrigiano et al. 1998, Nature 391:892-896, doi:10.1038/36103; with integral control,
    van Rossum, Bi & Turrigiano 2000, J Neurosci 20:8812-8821, doi:10.1523/JNEUROSCI.20-23-08812.2000, eq. 4.
    """

    target_rate: SetPoint
    proportional: _PerSecond = 1e-3  # type: ignore[valid-type]
    integral_gain: quantity("1/s^2") = 0.0  # type: ignore[valid-type]
    tau_rate: Annotated[Second, Field(gt=0)] | None = None
    kind: Literal["multiplicative", "additive"] = "multiplicative"
    signal: Signal = "local"
    calibration: Annotated[Second, Field(ge=0)] = 0.0

    form = "slow"  # type: ignore[misc]

    @property
    def tau_detector(self) -> float | None:
        """Time constant of the rate detector [s]."""
        return self.tau_rate

    def build(self, n_post: int, grid: Grid) -> "_Rule":
        """The rule for the target population of one projection."""
        sensing = sensor(self.signal, self.target_rate, self.calibration, n_post, grid)
        return _Rule(self, sensing, np.zeros(n_post), np.zeros(n_post))


class _Rule(NamedTuple):
    parameters: SynapticScaling
    sensor: Sensor
    integral: np.ndarray  # of the error [s]
    mean_weight: np.ndarray  # of the first weights onto each neuron

    def begin(self, window: Window) -> None:
        """Before the first step."""
        total, number = window.incoming()
        self.mean_weight[:] = total / np.maximum(number, 1)

    def adapt(self, window: Window) -> tuple[Any, Any]:
        """The factor and the term of the weights onto each neuron."""
        p = self.parameters
        error = 1 - relative(self.sensor, window, p.tau_rate)
        self.integral[:] += error * window.seconds
        growth = window.seconds * (p.proportional * error + p.integral_gain * self.integral)
        if p.kind == "multiplicative":
            return 1 + growth, 0.0
        return 1.0, growth * self.mean_weight
