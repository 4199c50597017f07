"""A neuron that becomes selective because its threshold of modification slides."""

from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.errors import SimulationError
from homeoanalysis.numerics.mechanism import Course

_SAMPLES = 1000


class Bcm1982(NamedTuple):
    """One linear neuron and orthogonal, equally likely patterns of the length `input_scale`.

    y = w x; dw/dt = learning_rate x y (y - theta); tau_theta dtheta/dt = -theta + y^2. Time is counted in presentations of
    one second. Stable if learning_rate tau_theta input_scale^2 < 1 for one pattern; then y is n_patterns for one pattern and
    0 for the others. `fixed_threshold` holds theta instead. Beside the responses: the largest of them, the largest absolute
    value of the others, and the selectivity.

    Source: Bienenstock, Cooper & Munro 1982, J Neurosci 2:32-48, doi:10.1523/JNEUROSCI.02-01-00032.1982, eq. 4 to 8; the
    threshold here is the running mean of y^2.
    """

    n_patterns: Annotated[int, Field(ge=1)] = 10
    learning_rate: Annotated[float, Field(gt=0)] = 2e-3
    tau_theta: Annotated[float, Field(gt=0)] = 200.0  # presentations
    input_scale: Annotated[float, Field(gt=0)] = 1.0
    fixed_threshold: float | None = None
    is_averaged: bool = True  # the mean over patterns, or one random pattern after the other
    presentations: Annotated[int, Field(ge=_SAMPLES)] = 60_000
    start: Annotated[float, Field(gt=0)] | None = None  # of every response; by default they are drawn between 0.1 and 0.5

    def solve(self, rng: np.random.Generator) -> Course:
        """The responses to every pattern and their selectivity 1 - mean / largest; the threshold."""
        drawn = rng.uniform(0.1, 0.5, self.n_patterns) if self.start is None else np.full(self.n_patterns, self.start)
        weight = drawn / self.input_scale
        course = self._averaged(weight) if self.is_averaged else self._presented(weight, rng)
        values = {f"response{k}": self.input_scale * course[k] for k in range(self.n_patterns)}
        responses = np.sort(self.input_scale * course[:-1], axis=0)
        values["threshold"], values["largest"] = course[-1], responses[-1]
        values["others"] = np.abs(responses[:-1]).max(axis=0, initial=0.0)
        with np.errstate(invalid="ignore", divide="ignore"):
            values["selectivity"] = np.where(responses[-1] > 0, 1 - responses.mean(axis=0) / responses[-1], 0.0)
        return Course(self.presentations / _SAMPLES, values, {"learning": (0.0, float(self.presentations))})

    def _start(self, weight: np.ndarray) -> float:
        return float(np.mean((self.input_scale * weight) ** 2)) if self.fixed_threshold is None else self.fixed_threshold

    def _averaged(self, weight: np.ndarray) -> np.ndarray:
        from scipy.integrate import solve_ivp

        size, k = self.input_scale, self.n_patterns

        def change(t: float, state: np.ndarray) -> np.ndarray:
            y, theta = size * state[:-1], state[-1]
            slide = 0.0 if self.fixed_threshold is not None else (np.mean(y**2) - theta) / self.tau_theta
            return np.append(self.learning_rate * size * y * (y - theta) / k, slide)

        at = np.linspace(0, self.presentations, _SAMPLES + 1)
        found = solve_ivp(
            change, (0, self.presentations), np.append(weight, self._start(weight)), t_eval=at, rtol=1e-8, atol=1e-10
        )
        if not found.success or not np.all(np.isfinite(found.y)):
            raise SimulationError(
                f"bcm1982 diverges after {found.t[-1]:g} presentations; make learning_rate or tau_theta smaller"
            )
        return np.asarray(found.y)

    def _presented(self, weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        size, theta, course = self.input_scale, self._start(weight), np.zeros((self.n_patterns + 1, _SAMPLES + 1))
        every = self.presentations // _SAMPLES
        course[:, 0] = [*weight, theta]
        for sample in range(1, _SAMPLES + 1):
            for k in rng.integers(0, self.n_patterns, every).tolist():
                y = size * float(weight[k])
                weight[k] += self.learning_rate * size * y * (y - theta)
                if self.fixed_threshold is None:
                    theta += (y * y - theta) / self.tau_theta
            course[:, sample] = [*weight, theta]
            if not np.all(np.isfinite(course[:, sample])):
                raise SimulationError(f"bcm1982 diverges after {sample * every} presentations; make learning_rate smaller")
        return course
