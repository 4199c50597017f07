"""Heterosynaptic plasticity: the sum of the weights onto each neuron is restored."""

from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Grid, Window
from homeoanalysis.units import Second


class HeterosynapticNormalisation(NamedTuple):
    """At the end of each window the sum S of the weights onto each neuron goes back towards its first value S_0.

    Subtractive: each of the n weights changes by (S_0 - S) f / n; multiplicative: it is multiplied by 1 + (S_0 / S - 1) f.
    f is 1, or 1 - exp(-window / tau). The bounds of the weights come after it: where a weight meets one, the sum is off
    until the next windows have spread what is missing over the others.

    Source: Litwin-Kumar & Doiron 2014, Nat Commun 5:5319, doi:10.1038/ncomms6319, methods (subtractive, window 20 ms); for
    what the two do to competition, Miller & MacKay 1994, Neural Comput 6:100-126, doi:10.1162/neco.1994.6.1.100.
    """

    kind: Literal["subtractive", "multiplicative"] = "subtractive"
    tau: Annotated[Second, Field(gt=0)] | None = None

    form = "slow"  # type: ignore[misc]

    def build(self, n_post: int, grid: Grid) -> "_Rule":
        """The rule for the target population of one projection."""
        return _Rule(self, np.zeros(n_post))


class _Rule(NamedTuple):
    parameters: HeterosynapticNormalisation
    total: np.ndarray  # sum of the first weights onto each neuron

    def begin(self, window: Window) -> None:
        """Before the first step."""
        self.total[:] = window.incoming()[0]

    def adapt(self, window: Window) -> tuple[Any, Any]:
        """The factor and the term of the weights onto each neuron."""
        p = self.parameters
        # A modulator that stops the rule makes the seconds 0.
        part = -np.expm1(-window.seconds / p.tau) if p.tau is not None else float(window.seconds > 0)
        total, number = window.incoming()
        missing = self.total - total
        if p.kind == "subtractive":
            return 1.0, part * missing / np.maximum(number, 1)
        return 1 + part * missing / np.where(total > 0, total, np.inf), 0.0
