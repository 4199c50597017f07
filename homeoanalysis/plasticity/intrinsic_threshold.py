"""Intrinsic homeostasis: the firing threshold of each neuron follows the activity that it senses."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.numerics.signals import Sensor, SetPoint, Signal, relative, sensor
from homeoanalysis.units import Second, Volt, quantity


class IntrinsicThreshold(NamedTuple):
    """Integral control of the threshold.

    d v_threshold / dt = gain (a / target - 1), within [lowest, highest], applied once a window; never below the reset of
    the neuron, which would fire for ever there. a is the rate of the neuron itself (local), the mean rate of the population
    (global), or a messenger that diffuses between the neurons, see `numerics/signals.py`; rates are those of a detector
    with the time constant `tau_rate`, or of the last window.
    `target_rate: measured` sets the target to the mean signal in the second half of `calibration`, `own` to that of each
    neuron by itself; until its end nothing changes.

    Source: Sweeney, Hellgren Kotaleski & Hennig 2015, PLoS Comput Biol 11:e1004389, doi:10.1371/journal.pcbi.1004389; the gain
    is that of the authors' minimal example (ModelDB 183371): 0.5 mV / 1500 every 5 ms.
    """

    target_rate: SetPoint
    gain: Annotated[quantity("V/s"), Field(ge=0)] = 0.5e-3 / 1500 / 5e-3  # type: ignore[valid-type]
    signal: Signal = "local"
    tau_rate: Annotated[Second, Field(gt=0)] | None = None
    lowest: Volt | None = None
    highest: Volt | None = None
    calibration: Annotated[Second, Field(ge=0)] = 0.0

    form = "intrinsic"  # type: ignore[misc]
    changes = ("v_threshold",)  # type: ignore[misc]

    @property
    def tau_detector(self) -> float | None:
        """Time constant of the rate detector [s]."""
        return self.tau_rate

    def build(self, n: int, grid: Grid) -> "_Rule":
        """The rule for one population."""
        return _Rule(self, sensor(self.signal, self.target_rate, self.calibration, n, grid))


class _Rule(NamedTuple):
    parameters: IntrinsicThreshold
    sensor: Sensor

    def adapt(self, window: Window) -> None:
        p = self.parameters
        activity = relative(self.sensor, window, p.tau_rate)
        threshold = window.kernel.v_threshold[: activity.size]
        threshold += window.seconds * p.gain * (activity - 1)
        if p.lowest is not None:
            np.maximum(threshold, p.lowest, out=threshold)
        if p.highest is not None:
            np.minimum(threshold, p.highest, out=threshold)
        reset = window.kernel.v_reset
        np.maximum(threshold, reset[: threshold.size] if np.ndim(reset) else reset, out=threshold)
