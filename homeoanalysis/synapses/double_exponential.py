"""A synaptic response with a rise and a decay."""

import math
from typing import Annotated, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Exponential as Term
from homeoanalysis.units import Second


class DoubleExponential(NamedTuple):
    """Rises with tau_rise and decays with tau_decay; its peak is the weight.

    g(t) = N (exp(-t / tau_decay) - exp(-t / tau_rise)), N such that the peak is 1.

    Source: Dayan & Abbott 2001, Theoretical Neuroscience, MIT Press, eq. 5.34 and 5.35.
    """

    tau_rise: Annotated[Second, Field(gt=0)]
    tau_decay: Annotated[Second, Field(gt=0)]

    def terms(self) -> list[Term]:
        """The response as a sum of exponentials."""
        rise, decay = self.tau_rise, self.tau_decay
        if not rise < decay:
            raise ValueError(f"tau_rise is {rise:g} s, not below tau_decay, {decay:g} s; swap them or change one")
        peak = math.log(decay / rise) * rise * decay / (decay - rise)
        size = 1 / (math.exp(-peak / decay) - math.exp(-peak / rise))
        return [Term(decay, size), Term(rise, -size)]
