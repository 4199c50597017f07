"""Ocular dominance plasticity by a fast Hebbian and a slow homeostatic factor."""

from typing import Annotated, Literal, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Course
from homeoanalysis.units import Second

_DAY = 86400.0
_N_CONTRA, _N_IPSI = 310, 190
_STAGES = {"baseline": (1.0, 1.0), "deprivation": (7.0, 0.5), "recovery": (3.0, 1.0)}  # days, activity of the contra eye
_WARM_UP = 50.0  # days
_SMALLEST, _THRESHOLD = 0.7, 0.6  # of the Hebbian factor, and of the covariance


class Toyoizumi2014(NamedTuple):
    """Weights w = H rho S of 500 inputs of two eyes onto one neuron, y = m w, around 7 days of monocular deprivation.

    tau_hebb drho/dt = [1 - rho]+ [c]+ - [rho - 0.7 / sqrt(H)]+ [-c]+ with c = Q w - 0.6, Q the covariance of the inputs;
    tau_homeostasis dh/dt = -h + (1 + tanh(x - 1)) [x > 1.05] with x = H / y; H = max(1, h).
    S: fixed arbor, sum 1. Responses are sums of weights of an eye under full activity; odi = (contra - ipsi) / (contra + ipsi).

    Source: Toyoizumi, Kaneko, Stryker & Miller 2014, Neuron 84:497-510, doi:10.1016/j.neuron.2014.09.036, and the authors'
    code (ModelDB 180791).
    """

    manipulation: Literal["none", "tnf_block", "trkb_block"] = "none"  # no scaling; no potentiation after the deprivation
    tau_hebb: Annotated[Second, Field(gt=0)] = 0.2 * _DAY
    tau_homeostasis: Annotated[Second, Field(gt=0)] = 4 * _DAY

    def solve(self, rng: np.random.Generator) -> Course:
        """The course from one day before the deprivation to three days after it, every 0.1 day."""
        every = 0.1
        x = np.concatenate([np.linspace(0, 1, _N_CONTRA), np.linspace(0, 1, _N_IPSI)])
        eye = np.repeat([0, 1], [_N_CONTRA, _N_IPSI])
        noise = rng.normal(size=(x.size, x.size))
        noise = noise + noise.T
        state = np.append(np.where(np.abs(x - 0.5) <= 0.25, 1.0, _SMALLEST), 0.0)
        state = self._stage(state, x, eye, noise, _WARM_UP, 1.0, np.array([_WARM_UP]), True)[:, -1]
        states, epochs, now = [state[:, None]], {}, 0.0
        for label, (days, activity) in _STAGES.items():
            at = np.arange(1, round(days / every) + 1) * every
            has_ltp = not (label == "recovery" and self.manipulation == "trkb_block")
            states.append(self._stage(states[-1][:, -1], x, eye, noise, days, activity, np.minimum(at, days), has_ltp))
            epochs[label] = (now * _DAY, (now + days) * _DAY)
            now += days
        course = np.concatenate(states, axis=1)
        scale = self._scale(course[-1])
        weight = scale * course[:-1] * _arbor(x)[:, None]
        contra, ipsi = weight[eye == 0].sum(axis=0), weight[eye == 1].sum(axis=0)
        values = {"contra": contra, "ipsi": ipsi, "odi": (contra - ipsi) / (contra + ipsi), "homeostatic_factor": scale}
        return Course(every * _DAY, values, epochs)

    def _scale(self, h: np.ndarray) -> np.ndarray:
        return np.ones_like(h) if self.manipulation == "tnf_block" else np.maximum(1.0, h)

    def _stage(
        self,
        state: np.ndarray,
        x: np.ndarray,
        eye: np.ndarray,
        noise: np.ndarray,
        days: float,
        activity: float,
        at: np.ndarray,
        has_ltp: bool,
    ) -> np.ndarray:
        """(variables, times) of one stage; the contra eye has the given activity."""
        from scipy.integrate import solve_ivp

        arbor = _arbor(x)
        mean = np.where(eye == 0, activity, 1.0)
        distance = x[:, None] - x
        spread = np.exp(-(distance**2) / (2 * 0.2**2)) / np.sqrt(2 * np.pi * 0.2**2)
        covariance = mean[:, None] * mean * np.where(eye[:, None] == eye, 1.0, 0.5) * spread + noise

        def change(t: float, y: np.ndarray) -> np.ndarray:
            rho, h = y[:-1], y[-1:]
            scale = self._scale(h)
            weight = scale * rho * arbor
            drive = covariance @ weight - _THRESHOLD
            grow = np.maximum(1 - rho, 0) * np.maximum(drive, 0) * has_ltp
            shrink = np.maximum(rho - _SMALLEST / np.sqrt(scale), 0) * np.maximum(-drive, 0)
            wanted = scale / (mean @ weight)
            target = np.where(wanted > 1.05, 1 + np.tanh(wanted - 1), 0.0)
            return np.concatenate([(grow - shrink) / (self.tau_hebb / _DAY), (target - h) / (self.tau_homeostasis / _DAY)])

        # The homeostat switches at x = 1.05: long steps would step over it.
        return np.asarray(solve_ivp(change, (0, days), state, t_eval=at, max_step=0.05).y)


def _arbor(x: np.ndarray) -> np.ndarray:
    density = 1 / (1 + np.exp(3 * (((x - 0.5) / 0.2) ** 2 - 1)))
    return np.asarray(density / density.sum())
