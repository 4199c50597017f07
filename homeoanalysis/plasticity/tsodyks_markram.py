"""Short-term plasticity: facilitation and depression of what each spike releases."""

import math
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field

from homeoanalysis.numerics.mechanism import Site
from homeoanalysis.numerics.traces import filled, zeros
from homeoanalysis.units import Second

_Probability = Annotated[float, Field(gt=0, le=1)]
_LONG_AGO = -(10**9)  # steps


class TsodyksMarkram(NamedTuple):
    """A spike transmits weight x u x: utilisation u of the resources x that are left.

    Between spikes tau_facilitation du/dt = -u and tau_recovery dx/dt = 1 - x. At a spike first u jumps by U (1 - u), then
    u x is released, and x loses it. With tau_facilitation 0, u = U at every spike.
    The other convention, in which u relaxes to U and jumps after the release (Mongillo, Barak & Tsodyks 2008,
    doi:10.1126/science.1150769), releases the same: its u before a jump is this u after it. One cannot mix the two.
    The inactive state between release and recovery is left out (tau_inactivation -> 0).

    Source: Tsodyks, Pawelzik & Markram 1998, Neural Comput 10:821-835, doi:10.1162/089976698300017502, eq. 2.1 to 2.4.
    """

    utilisation: _Probability = 0.5
    tau_recovery: Annotated[Second, Field(gt=0)] = 0.8
    tau_facilitation: Annotated[Second, Field(ge=0)] = 0.0

    form = "release"  # type: ignore[misc]

    def build(self, site: Site) -> "_Kernel":
        """The rule for one projection."""
        dt, n, dtype = site.grid.dt, site.n_rows, site.grid.dtype
        forgetting = dt / self.tau_facilitation if self.tau_facilitation > 0 else np.inf
        state = zeros(n), filled(n, 1.0), filled(n, _LONG_AGO, np.int64)
        return _Kernel(dt / self.tau_recovery, forgetting, filled(n, self.utilisation, dtype), *state)


class _Kernel(NamedTuple):
    recovery: float  # in a step
    forgetting: float
    utilisation: np.ndarray  # U of each presynaptic end; `release_homeostasis` may change it
    u: np.ndarray
    x: np.ndarray
    last: np.ndarray  # step of the last spike

    @staticmethod
    def release(rule, row, t, strength):  # type: ignore[no-untyped-def]
        number = rule.utilisation.dtype.type
        passed = t - rule.last[row]
        u = rule.u[row] * math.exp(-passed * rule.forgetting)
        x = 1 - (1 - rule.x[row]) * math.exp(-passed * rule.recovery)
        u += rule.utilisation[row] * (1 - u)
        rule.u[row] = u
        rule.x[row] = x - u * x
        rule.last[row] = t
        return strength * number(u * x)
