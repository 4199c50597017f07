"""The mean-field theory that the states of Brunel 2000 are held against in the study `brunel2000` (SCIENCE.md, F01)."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import erfcx


def _theory(g: float, outside: float) -> float:
    """The rate [Hz] at which a neuron with that recurrent input, as Gaussian noise, fires at that rate (Siegert).

    outside: rate of the external input in units of the threshold rate, 10 Hz. Independent of the package.
    """

    def response(rate: float) -> float:
        mean = 1000 * 0.1 * 0.02 * (10 * outside + rate * (1 - 0.25 * g))  # [mV]
        sd = 0.1 * np.sqrt(1000 * 0.02 * (10 * outside + rate * (1 + 0.25 * g * g)))
        integral, _ = quad(lambda u: erfcx(-u), (10 - mean) / sd, (20 - mean) / sd)  # exp(u^2) (1 + erf u)
        return float(1 / (0.002 + 0.02 * np.sqrt(np.pi) * integral))

    return float(brentq(lambda rate: response(rate) - rate, 0.5, 480))


def test_the_theory_is_that_of_the_paper():
    """Its table gives 38.0, 55.8 and 6.5 Hz; the rate of state A is near its refractory limit."""
    found = [_theory(*state) for state in ((5, 2), (6, 4), (4.5, 0.9), (3, 2))]
    assert found == pytest.approx([37.95, 55.84, 6.52, 327.0], rel=2e-3)
