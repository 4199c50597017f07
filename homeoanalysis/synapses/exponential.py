"""A synaptic response that jumps and decays."""

from typing import Annotated, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Exponential as Term
from homeoanalysis.units import Second


class Exponential(NamedTuple):
    """Jumps by the weight at a spike and decays exponentially: dg/dt = -g / tau.

    Source: Rotter & Diesmann 1999, Biol Cybern 81:381-402, doi:10.1007/s004220050570, section 3.1.
    """

    tau: Annotated[Second, Field(gt=0)]

    def terms(self) -> list[Term]:
        """The response as a sum of exponentials."""
        return [Term(self.tau)]
