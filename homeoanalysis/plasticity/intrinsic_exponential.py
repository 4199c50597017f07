"""Intrinsic homeostasis: drive and gain of each neuron make the distribution of its rate exponential."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.units import Hertz, Second, Volt


class IntrinsicExponential(NamedTuple):
    """The distribution of the rate over time goes to the exponential one, which tells most about the input at that mean rate.

    With y = rate / rate_max, m = target_rate / rate_max and h = 1 - (2 + 1/m) y + y^2 / m:
    tau d drive/dt = slope h; tau d ln(gain)/dt = 1 + (u - b) h, with u = ln(y / (1 - y)) and b = (drive - half) / slope.
    This descends the distance (Kullback-Leibler) to the exponential distribution for a neuron that answers with
    rate_max / (1 + exp(-u)), u = (drive + gain x input - half) / slope: write `half` and `slope` of your neuron. The gain
    scales the synaptic input in every channel. The paper's gain has no logarithm, and knows its input; here it is what the
    rate tells of it: `tau_rate` must hold some spikes and be shorter than the fluctuations of the input, tau much longer, and
    the mean input not large beside them. y is half a spike in tau_rate at least; the gain of a neuron below that does not
    grow. Euler steps of one window.

    Source: Triesch 2007, Neural Comput 19:885-909, doi:10.1162/neco.2007.19.4.885, eq. 2.6 to 2.9.
    """

    target_rate: Annotated[Hertz, Field(gt=0)]
    rate_max: Annotated[Hertz, Field(gt=0)]
    half: Volt  # drive at which the rate is half of rate_max
    slope: Annotated[Volt, Field(gt=0)]
    tau: Annotated[Second, Field(gt=0)] = 100.0
    tau_rate: Annotated[Second, Field(gt=0)] = 0.5

    form = "intrinsic"  # type: ignore[misc]
    scales_input = True  # type: ignore[misc]

    @property
    def tau_detector(self) -> float:
        """Time constant of the rate detector [s]."""
        return self.tau_rate

    def build(self, n: int, grid: Grid) -> "_Rule":
        """The rule for one population; raises ValueError where the mean is no mean of rates below rate_max / 2."""
        if 2 * self.target_rate >= self.rate_max:
            raise ValueError(
                f"target_rate is {self.target_rate:g} Hz, which is no mean of an exponential distribution below rate_max "
                f"{self.rate_max:g} Hz; write a rate_max of several times the target"
            )
        return _Rule(self)


class _Rule(NamedTuple):
    parameters: IntrinsicExponential

    def adapt(self, window: Window) -> None:
        p, n = self.parameters, window.rate.size
        least = 0.5 / (p.tau_rate * p.rate_max)
        y, mean = np.clip(window.rate / p.rate_max, least, 1 - least), p.target_rate / p.rate_max
        is_silent = y == least
        h = 1 - (2 + 1 / mean) * y + y**2 / mean
        drive = window.state.drive[:n]
        deviation = np.log(y / (1 - y)) - (drive - p.half) / p.slope
        growth = np.where(is_silent, np.minimum(1 + deviation * h, 0), 1 + deviation * h)  # silence tells nothing of the input
        step = window.seconds / p.tau
        assert window.input_gain is not None  # the rule `scales_input`
        window.input_gain[:n] *= np.exp(step * growth)
        drive += step * p.slope * h
