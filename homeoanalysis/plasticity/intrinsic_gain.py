"""Intrinsic homeostasis: each neuron scales all its synaptic input together."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.numerics.signals import Sensor, SetPoint, Signal, relative, sensor
from homeoanalysis.units import Second


class IntrinsicGain(NamedTuple):
    """Gain control: the input of a neuron is g times what arrives, in every channel; its drive is not scaled.

    tau dg/dt = g (1 - (a / target)^power), integrated exactly over a window in which the activity a is constant. With power
    2 the target is the root mean square of the rate: beside a rule that holds its mean, such as intrinsic_drive, it holds
    its variance, target^2 - mean^2. Signal, detector and calibration are those of intrinsic_threshold.

    Source: Cannon & Miller 2017, J Math Neurosci 7:1, doi:10.1186/s13408-017-0043-7, synaptic arm of the dual homeostasis
    (in the logarithm of the gain).
    """

    target_rate: SetPoint
    tau: Annotated[Second, Field(gt=0)] = 100.0
    power: Annotated[float, Field(gt=0)] = 1.0
    signal: Signal = "local"
    tau_rate: Annotated[Second, Field(gt=0)] | None = None
    calibration: Annotated[Second, Field(ge=0)] = 0.0

    form = "intrinsic"  # type: ignore[misc]
    scales_input = True  # type: ignore[misc]

    @property
    def tau_detector(self) -> float | None:
        """Time constant of the rate detector [s]."""
        return self.tau_rate

    def build(self, n: int, grid: Grid) -> "_Rule":
        """The rule for one population."""
        return _Rule(self, sensor(self.signal, self.target_rate, self.calibration, n, grid))


class _Rule(NamedTuple):
    parameters: IntrinsicGain
    sensor: Sensor

    def adapt(self, window: Window) -> None:
        p = self.parameters
        activity = relative(self.sensor, window, p.tau_rate)
        assert window.input_gain is not None  # the rule `scales_input`
        window.input_gain[: activity.size] *= np.exp(window.seconds / p.tau * (1 - activity**p.power))
