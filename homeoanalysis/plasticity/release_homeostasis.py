"""Presynaptic homeostasis: release adapts to the activity of the neurons that it reaches."""

from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.numerics.signals import Sensor, SetPoint, Signal, relative, sensor
from homeoanalysis.units import Second


class ReleaseHomeostasis(NamedTuple):
    """The utilisation U of each source neuron follows the activity a of its targets, beside a rule of short-term plasticity.

    tau dU/dt = U (1 - U) (1 - mean of a / target over its synapses), integrated exactly over a window in which a is constant;
    U stays between 0 and 1. Signal, detector and calibration are those of intrinsic_threshold, for the target neurons: with
    `global` all sources change together.

    Source: release probability is lowered by activity of the dendrite, Branco, Staras, Darcy & Goda 2008, Neuron 59:475-485,
    doi:10.1016/j.neuron.2008.07.006; the logistic form keeps U a probability and is ours.
    """

    target_rate: SetPoint
    tau: Annotated[Second, Field(gt=0)] = 100.0
    signal: Signal = "local"
    tau_rate: Annotated[Second, Field(gt=0)] | None = None
    calibration: Annotated[Second, Field(ge=0)] = 0.0

    form = "presynaptic"  # type: ignore[misc]

    @property
    def tau_detector(self) -> float | None:
        """Time constant of the rate detector [s]."""
        return self.tau_rate

    def build(self, n_post: int, grid: Grid) -> "_Rule":
        """The rule for the target population of one projection."""
        return _Rule(self, sensor(self.signal, self.target_rate, self.calibration, n_post, grid))


class _Rule(NamedTuple):
    parameters: ReleaseHomeostasis
    sensor: Sensor

    def adapt(self, window: Window) -> None:
        p, wiring = self.parameters, window.wiring
        missing = 1 - relative(self.sensor, window, p.tau_rate)
        source, target = wiring.synapses()
        number = np.bincount(source, minlength=wiring.n_source)
        mean = np.bincount(source, missing[target], wiring.n_source) / np.maximum(number, 1)
        growth = np.exp(window.seconds / p.tau * mean)
        for rule in wiring.release:
            held: Any = rule.utilisation.reshape(wiring.n_source, -1)  # a column for each delay
            held[:] = held * growth[:, None] / (1 - held + held * growth[:, None])
