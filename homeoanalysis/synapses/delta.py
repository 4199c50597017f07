"""A synapse that moves the membrane at once."""

from typing import NamedTuple

from homeoanalysis.numerics.mechanism import Exponential as Term


class Delta(NamedTuple):
    """An impulse: the membrane potential jumps by the weight [V] in the step of the spike, after its decay.

    Source: Brunel 2000, J Comput Neurosci 8:183-208, doi:10.1023/A:1008925309027, eq. 2.
    """

    def terms(self) -> list[Term]:
        """The response as a sum of exponentials; tau 0 is an impulse."""
        return [Term(0.0)]
