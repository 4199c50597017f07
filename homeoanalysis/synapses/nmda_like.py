"""A fast response with a slow tail that follows it."""

from typing import Annotated, NamedTuple

from pydantic import Field

from homeoanalysis.numerics.mechanism import Exponential as Term
from homeoanalysis.units import Second


class NmdaLike(NamedTuple):
    """A weighted sum of a fast conductance and of the slow one that low-pass filters it.

    dg_fast/dt = -g_fast / tau_fast, jumping by the weight; tau_slow dg_slow/dt = g_fast - g_slow;
    g = (1 - slow_fraction) g_fast + slow_fraction g_slow. Linear: there is no magnesium block.

    Source: Zenke, Hennequin & Gerstner 2013, PLoS Comput Biol 9:e1003330, doi:10.1371/journal.pcbi.1003330, Methods.
    """

    tau_fast: Annotated[Second, Field(gt=0)] = 0.005
    tau_slow: Annotated[Second, Field(gt=0)] = 0.1
    slow_fraction: Annotated[float, Field(ge=0, le=1)] = 0.5

    def terms(self) -> list[Term]:
        """The response as a sum of exponentials."""
        fast, slow = self.tau_fast, self.tau_slow
        if not fast < slow:
            raise ValueError(f"tau_fast is {fast:g} s, not below tau_slow, {slow:g} s; swap them or change one")
        # The filtered exponential of unit height: tau_fast / (tau_slow - tau_fast) (exp(-t/slow) - exp(-t/fast)).
        tail = self.slow_fraction * fast / (slow - fast)
        return [Term(fast, 1 - self.slow_fraction - tail), Term(slow, tail)]
