"""The mean field of a network whose Hebbian plasticity is held by a detector of its own rate."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Course
from homeoanalysis.units import Hertz, Second, quantity

_SAMPLES = 4000


class Zenke2013(NamedTuple):
    """Rate of a recurrent network with triplet plasticity, from a small deviation of its target on.

    dw/dt = learning_rate triplet rate^2 (rate - detected^2 / target), tau_detector ddetected/dt = rate - detected,
    rate = target + slope (w - w*). `triplet` is the amplitude of the rule times its time constants, A tau_plus tau_slow.
    Stable if tau_detector < 1 / (learning_rate triplet target^2 slope). Without a detector, detected is the target.

    Source: Zenke, Hennequin & Gerstner 2013, PLoS Comput Biol 9:e1003330, doi:10.1371/journal.pcbi.1003330; amplitudes: the
    authors' code (Auryn, sim_background); slope: of a static network of theirs at the target.
    """

    learning_rate: Annotated[float, Field(gt=0)] = 1.0  # of the published one
    tau_detector: Annotated[Second, Field(gt=0)] = 10.0
    has_detector: bool = True
    target: Annotated[Hertz, Field(gt=0)] = 3.0
    slope: Annotated[Hertz, Field(gt=0)] = 90.0  # for a unit of weight
    triplet: Annotated[quantity("s^2"), Field(gt=0)] = 6.5e-3 * 16.8e-3 * 114e-3  # type: ignore[valid-type]
    start: Annotated[Hertz, Field(gt=0)] = 1e-6  # deviation of the rate
    length: Annotated[Second, Field(gt=0)] = 1000.0

    def solve(self, rng: np.random.Generator) -> Course:
        """The deviations of rate and detected rate from the target."""
        from scipy.integrate import solve_ivp

        gain = self.slope * self.learning_rate * self.triplet

        def change(t: float, y: np.ndarray) -> list[float]:
            rate, detected = y[0], y[1] if self.has_detector else 0.0
            excess = rate - 2 * detected - detected**2 / self.target  # rate - detected^2 / target, without its cancellation
            return [gain * (self.target + rate) ** 2 * excess, (rate - y[1]) / self.tau_detector]

        at = np.linspace(0, self.length, _SAMPLES + 1)
        found = solve_ivp(change, (0, self.length), [self.start, 0.0], t_eval=at, rtol=1e-9, atol=1e-9 * self.start)
        if not found.success or not np.all(np.isfinite(found.y)):
            raise SimulationError("zenke2013 explodes; shorten length, or start nearer to the target")
        values = {"rate_deviation": found.y[0], "detected_deviation": found.y[1]}
        return Course(self.length / _SAMPLES, values, {"free": (0.0, self.length)})
