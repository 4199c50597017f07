"""A recurrent rate unit whose homeostasis can make it oscillate."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Course
from homeoanalysis.units import Second

_SAMPLES = 2000


class Harnack2015(NamedTuple):
    """A linear unit with recurrence w, a rate detector and integral control of its threshold; a step of input at the start.

    tau_rate dr/dt = -(1 - w) r + u - theta; tau_detector da/dt = r - a; tau_threshold dtheta/dt = a - target.
    Stable if tau_threshold > tau_rate tau_detector / ((1 - w) (tau_rate + (1 - w) tau_detector)) (Routh-Hurwitz).

    Source: Harnack, Pelko, Chaillet, Chitour & van Rossum 2015, PLoS Comput Biol 11:e1004357,
    doi:10.1371/journal.pcbi.1004357, eq. 1 to 3.
    """

    recurrence: Annotated[float, Field(ge=0, lt=1)] = 0.5
    tau_rate: Annotated[Second, Field(gt=0)] = 0.01
    tau_detector: Annotated[Second, Field(gt=0)] = 0.05
    tau_threshold: Annotated[Second, Field(gt=0)] = 0.1
    target: float = 1.0
    step: float = 1.0
    length: Annotated[Second, Field(gt=0)] = 10.0

    def matrix(self) -> np.ndarray:
        """The Jacobian for (r, a, theta)."""
        return np.array(
            [
                [-(1 - self.recurrence) / self.tau_rate, 0.0, -1 / self.tau_rate],
                [1 / self.tau_detector, -1 / self.tau_detector, 0.0],
                [0.0, 1 / self.tau_threshold, 0.0],
            ]
        )

    def solve(self, rng: np.random.Generator) -> Course:
        """The course after the step of input, from the fixed point before it. Exact: the system is linear."""
        from scipy.linalg import expm

        start = np.array([self.target, self.target, -(1 - self.recurrence) * self.target])
        end = start + np.array([0.0, 0.0, self.step])
        propagator = expm(self.matrix() * self.length / _SAMPLES)
        course = np.empty((3, _SAMPLES + 1))
        deviation = start - end
        for k in range(_SAMPLES + 1):
            course[:, k] = end + deviation
            deviation = propagator @ deviation
        if not np.all(np.isfinite(course)):
            raise SimulationError("harnack2015 blows up: the homeostasis is too fast for this recurrence; raise tau_threshold")
        values = {"rate": course[0], "detected": course[1], "threshold": course[2]}
        return Course(self.length / _SAMPLES, values, {"after_step": (0.0, self.length)})
